"""Calls in processes of their own: what sleeps for ever, spins in native code or crashes there ends as an observation.

The processes are kept from call to call, so that models and videos stay loaded. What comes back is JSON (and the
pixels of frames for a viewer), never a pickle: a process that a video has taken over can say wrong things, no more.
"""

from __future__ import annotations

import atexit
import itertools
import json
import os
import pickle
import secrets
import threading
import time
import weakref
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from langchain_core.tools import BaseTool

from ...memory import Frame
from ...memory.processes.child_process import Child
from ..errors import ToolBug, ToolError
from ..observation import Line, Observation
from ..viewer import VisualQuestion
from .child import OUR_CHILD, Task, View
from .limits import is_spent, limit_told, memory_limit
from .threads import ToolThreads
from .tool_ref import NotSerializable, ToolRef, pack

if TYPE_CHECKING:
    from ..context import VideoContext

MOST = 4
"""Processes that run at a time; further calls wait for one."""
_LINE = ("text", "uri", "quote", "channel")
LONGEST_MESSAGE = 1 << 26
"""Bytes of one message from a process; a longer one ends it."""
LONGEST_PART = 1 << 28
"""Bytes of one frame that it wants looked at."""
MOST_PARTS = 4096
LONGEST_PARTS = 1 << 31
"""Bytes of all frames of one question."""
GARBLED = "it wrote into the connection that its answers take"
_numbers: weakref.WeakKeyDictionary[Any, int] = weakref.WeakKeyDictionary()
_count = itertools.count()


class Crashed(Exception):
    """The process ended in the middle of a call; the text says how."""


class Garbled(Crashed):
    """What came from the process is not what a process of ours says."""


class NotStarted(Exception):
    """No process was ready before the time was up."""


@dataclass(slots=True)
class Lease:
    """A call's hold on its process, through which another thread may end it."""

    _process: _Process | None = None
    stopped: bool = False
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def take(self, process: _Process | None) -> None:
        """Note which process the call runs in now."""
        with self._lock:
            self._process = process

    def stop(self) -> None:
        """Give the call up: its process is ended, unless it is only starting."""
        with self._lock:
            self.stopped = True
            if self._process is not None and self._process.ready:
                self._process.child.stop()


class Isolation:
    """The kept processes. Safe between threads."""

    def __init__(self) -> None:
        self._idle: list[_Process] = []
        self._busy = 0
        self._free = threading.Condition()
        self._starter = ToolThreads()
        self._all: weakref.WeakSet[_Process] = weakref.WeakSet()
        atexit.register(self._end_all)
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self._forget)

    def _forget(self) -> None:
        """After a fork: the processes are the other program's, which would get the answers to this one's calls."""
        for process in list(self._all):
            with suppress(OSError):
                process.child.disown()
        self._idle, self._busy = [], 0
        self._free = threading.Condition()
        self._all = weakref.WeakSet()

    def warm(self) -> None:
        """Have one process started in the background, where there is none."""
        if os.environ.get(OUR_CHILD):
            return
        with self._free:
            if self._idle or self._busy:
                return
            self._busy += 1
        self._starter.submit(self._start, {})

    def _start(self) -> None:
        """Start a process on behalf of nobody yet; `_busy` counts it already."""
        process = self._new()
        with suppress(NotStarted, Crashed, OSError, EOFError):  # a call that takes it will find out
            process.wait_ready(time.monotonic() + 60.0)
        self._put_back(process)

    def _new(self) -> _Process:
        process = _Process()
        self._all.add(process)
        return process

    def call(self, item: BaseTool, arguments: dict[str, Any], context: VideoContext | None, parameter: str | None,
             deadline: float, begin: Callable[[], float], lease: Lease) -> Observation:  # fmt: skip
        """Run a tool in a process of its own.

        Args:
            item: the tool.
            arguments: fitted to its schema, without the context.
            context: the video as the run sees it; frames are charged to it, and its viewer answers.
            parameter: name of the argument that takes the context.
            deadline: on the monotonic clock; a process has to be ready until then.
            begin: is called when it is; gives the time at which the process is ended.
            lease: lets others end it sooner.

        Raises:
            TimeoutError: at the deadline.
            NotStarted: if no process was ready before the deadline.
            Crashed: if the process ended.
            ToolBug: if the tool raises what it does not document.
            NotSerializable: if the tool, its arguments or the memory's models cannot be sent.
        """
        parcel = pack(item)
        pickled = _pickled(arguments, "its arguments")
        process = self._take(parcel, deadline)
        lease.take(process)
        whole = True
        most = memory_limit()
        try:
            process.wait_ready(deadline)
            deadline = begin()
            view = None if context is None else process.view(context, str(parameter))
            if lease.stopped:
                raise NotStarted
            whole = False
            name = secrets.token_hex(8)
            process.send(Task(tool=item.name, parcel=parcel, arguments=pickled, view=view, call=name, memory=most))
            process.tools.add(parcel)
            seen = process.hear(name, context, deadline)
            whole = True
            return seen
        except TimeoutError:
            raise
        except ToolBug:
            whole = True
            raise
        except Garbled:
            whole = False
            raise
        except (EOFError, OSError):
            whole = False
            how = process.child.epitaph()
            if "SIGKILL" in how and not lease.stopped:
                how += ", perhaps for want of memory"
            raise Crashed(how + (limit_told(most) if is_spent(how) or "memory" in how else "")) from None
        finally:
            lease.take(None)
            if whole and not (lease.stopped and process.ready):  # one that is starting goes on, for the next call
                self._put_back(process)
            else:
                process.child.kill()
                self._starter.submit(self._start, {})  # the next call finds one ready

    def _take(self, parcel: ToolRef, deadline: float) -> _Process:
        """An idle process, one that knows the tool if there is one; a new one where there is room."""
        if os.environ.get(OUR_CHILD):
            raise Crashed("an isolated tool cannot run isolated tools; guard the module's main part with __name__")
        with self._free:
            while not self._idle and self._busy >= MOST:
                if not self._free.wait(max(0.0, min(deadline - time.monotonic(), 3600.0))):
                    raise NotStarted
            self._busy += 1
            for spoilt in [process for process in self._idle if process.spoilt()]:
                self._idle.remove(spoilt)
                spoilt.child.kill()
            if self._idle:
                knows = [process for process in self._idle if parcel in process.tools]
                ready = [process for process in self._idle if process.ready]
                process = (knows or ready or self._idle)[-1]
                self._idle.remove(process)
                return process
        return self._new()

    def _put_back(self, process: _Process) -> None:
        with self._free:
            self._busy -= 1
            self._idle.append(process)
            self._free.notify()

    def _end_all(self) -> None:
        """At the end of the program: those that are busy or starting too."""
        for process in list(self._all):
            process.child.stop()
        self.close()

    def close(self) -> None:
        """End the processes that are idle; they start again when needed."""
        with self._free:
            idle, self._idle = self._idle, []
        for process in idle:
            process.child.kill()


class _Process:
    """One process, and what it knows already."""

    def __init__(self) -> None:
        self.child = Child(f"{__package__}.child")
        self.ready = False
        self.tools: set[ToolRef] = set()
        self._memories: set[tuple[str, str]] = set()

    def wait_ready(self, deadline: float) -> None:
        """Wait until it has imported what it needs.

        Raises:
            NotStarted: at the deadline.
        """
        if self.ready:
            return
        if not self.child.connection.poll(_until(deadline)):
            raise NotStarted
        self._receive()
        self.ready = True

    def spoilt(self) -> bool:
        """Whether it has ended, or said something that nobody asked, while it was idle."""
        try:
            return self.ready and self.child.connection.poll(0)
        except OSError:
            return True

    def send(self, thing: object) -> None:
        """Hand over an object of ours."""
        self.child.connection.send(thing)

    def view(self, context: VideoContext, parameter: str) -> View:
        """The context in the words of the process."""
        models, folder = context.memory.models_given, str(context.memory.folder.absolute())
        key = _key(context.memory, models)
        sent = None if (folder, key) in self._memories else _pickled(models, "the models of the memory")
        self._memories.add((folder, key))
        return View(
            parameter=parameter,
            folder=folder,
            key=key,
            models=sent,
            now=getattr(context.memory, "now", None),
            video=context.video_id,
            videos=context.videos,
            question_videos=context.question_videos,
            frames_left=context.frames_left,
            sees=context.viewer is not None,
            eyes=context.eyes,
        )

    def hear(self, call: str, context: VideoContext | None, deadline: float) -> Observation:
        """Serve it until it is done with a call; what it says about another is passed over.

        Raises:
            TimeoutError: at the deadline.
            EOFError: if it ended.
            Garbled: if it said what no process of ours says.
        """
        while True:
            if not self.child.connection.poll(_until(deadline)):
                raise TimeoutError
            message = self._receive()
            try:
                kind = message["kind"]
                parts = self._parts(min(int(message.get("parts", 0)), MOST_PARTS))
                if message["call"] != call:
                    continue
                if kind == "bug":
                    raise ToolBug(str(message["text"]), str(message["trace"]))
                if kind == "done":
                    return Observation(
                        text=str(message["text"]),
                        uris=tuple(map(str, message["uris"])),
                        pictures=tuple(map(str, message["pictures"])),
                        data=dict(message["data"]),
                        lines=tuple(Line(**{key: str(row[key]) for key in _LINE}) for row in message["lines"]),
                        error=bool(message["error"]),
                    )
                if context is None:
                    raise ValueError
                if kind == "charge":
                    with suppress(ToolError):
                        context.charge(max(0, int(message["count"])))
                elif kind == "ask":
                    self.send(self._ask(message, parts, context))
            except (KeyError, TypeError, ValueError):
                raise Garbled(GARBLED) from None

    def _ask(self, message: dict[str, Any], parts: list[bytes], context: VideoContext) -> Any:
        """The viewer's replies to what the process asks, or why there are none."""
        pixels = iter(parts)
        questions = [
            VisualQuestion(
                frames=tuple(_frame(next(pixels, b""), *frame) for frame in asked["frames"]),
                text=asked["text"],
                role=asked["role"],
            )
            for asked in message["questions"]
        ]
        try:
            return context.ask(
                questions,
                max_tokens=int(message["max_tokens"]),
                beams=int(message["beams"]),
                yes_no=bool(message["yes_no"]),
            )
        except ToolError as error:
            return str(error)

    def _parts(self, count: int) -> list[bytes]:
        """The frames that follow a message."""
        parts: list[bytes] = []
        room = LONGEST_PARTS
        for _ in range(count):
            if room <= 0:
                raise Garbled(GARBLED)
            parts.append(self.child.connection.recv_bytes(min(LONGEST_PART, room)))
            room -= len(parts[-1])
        return parts

    def _receive(self) -> dict[str, Any]:
        try:
            message = json.loads(self.child.connection.recv_bytes(LONGEST_MESSAGE))
        except (ValueError, RecursionError):
            raise Garbled(GARBLED) from None
        except OSError as error:
            if error.errno is None:  # a length that no message has
                raise Garbled(GARBLED) from None
            raise
        if not isinstance(message, dict):
            raise Garbled(GARBLED)
        return message


def _pickled(value: Any, name: str) -> bytes:
    try:
        return pickle.dumps(value)
    except (pickle.PicklingError, AttributeError, TypeError) as error:
        raise NotSerializable(
            f"{name} cannot be sent to another process ({error}): run it without isolation."
        ) from error


def _frame(pixels: bytes, time: float, *shape: int) -> Frame:
    return Frame(float(time), np.frombuffer(pixels, np.uint8).reshape(shape))


def _until(deadline: float) -> float | None:
    return None if deadline == float("inf") else max(0.0, deadline - time.monotonic())


def _key(memory: Any, models: dict[str, Any]) -> str:
    """The models by their names; where one has none, a number of the memory (or of what a view is of)."""
    if all(isinstance(model, str) for model in models.values()):
        return repr(sorted(models.items()))
    whole = getattr(memory, "_memory", memory)
    return f"{_numbers.setdefault(whole, next(_count))} {memory.detector_stamp}"


isolation = Isolation()
"""The processes of this program, shared by all toolboxes: each holds about 100 MB before it loads a model."""
