"""Calls in processes of their own: what sleeps for ever, spins in native code or crashes there ends as an observation.

The processes are kept from call to call, so that models and videos stay loaded. What comes back is JSON (and the
pixels of frames for a viewer), never a pickle: a process that a video has taken over can say wrong things, no more.
"""

from __future__ import annotations

import itertools
import json
import math
import os
import pickle
import secrets
import threading
import time
import weakref
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import numpy as np
from langchain_core.tools import BaseTool

from ...memory import Frame
from ...memory.processes.child_process import Child
from ...memory.processes.pool import ProcessPool
from ..errors import ToolBug, ToolError
from ..observation import Line, Observation
from ..viewer import Reply, VisualQuestion
from .child import OUR_CHILD, ToolCall, VideoView
from .limits import is_spent, limit_text, memory_limit
from .tool_ref import NotSerializable, ToolRef, pack

if TYPE_CHECKING:
    from ..context import VideoContext

MOST = 4
"""Processes that run at a time; further calls wait for one."""
LONGEST_TEXT = 1 << 26
"""Bytes of what a process says at once, without the frames that it wants looked at; more ends it."""
LONGEST_MESSAGE = 1 << 31
"""Bytes of a message with its frames; a longer one ends the process."""
_Question = tuple[list[VisualQuestion], dict[str, Any]]
_LINE = ("text", "uri", "quote", "channel")
GARBLED = "it wrote into the connection that its answers take"
_numbers: weakref.WeakKeyDictionary[Any, int] = weakref.WeakKeyDictionary()
_count = itertools.count()


class Crashed(Exception):
    """The process ended in the middle of a call; the text says how."""


class Garbled(Crashed):
    """A message of the process is not one that a process of ours sends."""


class NotStarted(Exception):
    """No process was ready before the time was up."""


class Lease:
    """A call's hold on its process, through which another thread may end it."""

    def __init__(self) -> None:
        self.stopped = False
        self._process: ToolProcess | None = None
        self._lock = threading.Lock()

    def take(self, process: ToolProcess | None) -> None:
        """Note which process the call runs in now."""
        with self._lock:
            self._process = process

    def stop(self) -> None:
        """Give the call up: its process is ended, unless it is only starting."""
        with self._lock:
            self.stopped = True
            if self._process is not None and self._process.ready:
                self._process.stop()


class Isolation:
    """The kept processes. Safe between threads."""

    def __init__(self) -> None:
        self._pool = ProcessPool(ToolProcess, MOST)

    def warm(self) -> None:
        """Have one process started, where there is none."""
        if not os.environ.get(OUR_CHILD):
            self._pool.warm()

    def close(self) -> None:
        """End the processes that are idle; they start again when needed."""
        self._pool.close()

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
        """
        tool_ref = pack(item)
        pickled = _pickled(arguments, "its arguments")
        if os.environ.get(OUR_CHILD):
            raise Crashed("an isolated tool cannot run isolated tools; guard the module's main part with __name__")
        try:
            # One that knows the tool, else one that has started.
            process = self._pool.take(deadline, lambda one: 2 * (tool_ref in one.tools) + one.ready)
        except TimeoutError:
            raise NotStarted from None
        lease.take(process)
        reusable = True
        limit = memory_limit()
        try:
            process.wait_ready(deadline)
            deadline = begin()
            view = None if context is None else process.view(context, str(parameter))
            if lease.stopped:
                raise NotStarted
            reusable = False
            call = secrets.token_hex(8)
            process.send(ToolCall(tool=item.name, ref=tool_ref, arguments=pickled, view=view, call=call, memory=limit))
            process.tools.add(tool_ref)
            observation = process.serve(call, context, deadline)
            reusable = True
            return observation
        except TimeoutError:
            raise
        except ToolBug:
            reusable = True
            raise
        except Garbled:
            reusable = False
            raise
        except (EOFError, OSError):
            reusable = False
            how = process.exit_reason()
            if "SIGKILL" in how and not lease.stopped:
                how += ", perhaps for want of memory"
            raise Crashed(how + (limit_text(limit) if is_spent(how) or "memory" in how else "")) from None
        finally:
            lease.take(None)
            if reusable and not (lease.stopped and process.ready):  # one that is starting goes on, for the next call
                self._pool.put_back(process)
            else:
                self._pool.discard(process, replace=True)  # the next call finds one ready


class ToolProcess(Child):
    """One process, and what it knows already."""

    def __init__(self) -> None:
        super().__init__(f"{__package__}.child")
        self.ready = False
        self.tools: set[ToolRef] = set()
        self._memories: set[tuple[str, str]] = set()

    def is_healthy(self) -> bool:
        """See `Child.is_healthy`; one that is starting will say that it is ready."""
        return not self.ready or super().is_healthy()

    def wait_ready(self, deadline: float) -> None:
        """Wait until it has imported what it needs."""
        if not self.ready:
            if not self.connection.poll(_until(deadline)):
                raise NotStarted
            self._receive()
            self.ready = True

    def view(self, context: VideoContext, parameter: str) -> VideoView:
        """Return the context in the words of the process."""
        models, folder = context.memory.models_given, str(context.memory.folder.absolute())
        key = _key(context.memory, models)
        sent = None if (folder, key) in self._memories else _pickled(models, "the models of the memory")
        self._memories.add((folder, key))
        return VideoView(
            parameter=parameter,
            folder=folder,
            key=key,
            models=sent,
            now=getattr(context.memory, "now", None),
            restriction=getattr(context.memory, "restriction", None),
            video=context.video_id,
            videos=context.videos,
            between=context.between,
            question_videos=context.question_videos,
            frames_left=context.frames_left,
            sees=context.viewer is not None,
            eyes=context.eyes,
        )

    def serve(self, call: str, context: VideoContext | None, deadline: float) -> Observation:
        """Serve it until it is done with a call; what it says about another is passed over."""
        while True:
            if not self.connection.poll(_until(deadline)):
                raise TimeoutError
            message, pixels = self._receive()
            question: _Question | None = None
            try:
                kind = message["kind"]
                if message["call"] != call:
                    continue
                if kind == "bug":
                    raise ToolBug(str(message["text"]), str(message["trace"]))
                if kind == "done":
                    return _observation(message)
                if context is None:
                    raise ValueError
                if kind == "charge":
                    with suppress(ToolError):
                        context.charge(max(0, int(message["count"])))
                elif kind == "ask":
                    question = _question(message, pixels)
            except (KeyError, TypeError, ValueError):
                raise Garbled(GARBLED) from None
            if question is not None and context is not None:
                self.send(_answer(context, question))

    def _receive(self) -> tuple[dict[str, Any], bytes]:
        """Return the next message, and the pixels of the frames that come with it."""
        try:
            text, _, pixels = self.connection.recv_bytes(LONGEST_MESSAGE).partition(b"\n")
            message = json.loads(text) if len(text) <= LONGEST_TEXT else None
        except (ValueError, RecursionError):
            raise Garbled(GARBLED) from None
        except OSError as error:
            if error.errno is None:  # a length that no message has
                raise Garbled(GARBLED) from None
            raise
        if not isinstance(message, dict):
            raise Garbled(GARBLED)
        return message, pixels


def _observation(message: dict[str, Any]) -> Observation:
    return Observation(
        text=str(message["text"]),
        uris=tuple(map(str, message["uris"])),
        pictures=tuple(map(str, message["pictures"])),
        data=dict(message["data"]),
        lines=tuple(Line(**{key: str(row[key]) for key in _LINE}) for row in message["lines"]),
        error=bool(message["error"]),
    )


def _question(message: dict[str, Any], pixels: bytes) -> _Question:
    questions, place = [], 0
    for row in message["questions"]:
        frames = []
        for seconds, *shape in row["frames"]:
            count = math.prod(shape)
            image = np.frombuffer(pixels, np.uint8, count, place) if count else np.zeros(0, np.uint8)
            frames.append(Frame(float(seconds), image.reshape(shape)))
            place += count
        questions.append(VisualQuestion(frames=tuple(frames), text=row["text"], role=row["role"]))
    settings = {"max_tokens": int(message["max_tokens"]), "beams": int(message["beams"])}
    return questions, {**settings, "yes_no": bool(message["yes_no"])}


def _answer(context: VideoContext, question: _Question) -> list[Reply] | str:
    questions, settings = question
    try:
        return context.ask(questions, **settings)
    except ToolError as error:
        return str(error)


def _pickled(value: Any, name: str) -> bytes:
    try:
        return pickle.dumps(value)
    except (pickle.PicklingError, AttributeError, TypeError) as error:
        raise NotSerializable(
            f"{name} cannot be sent to another process ({error}): run it without isolation."
        ) from error


def _until(deadline: float) -> float | None:
    return None if deadline == float("inf") else max(0.0, deadline - time.monotonic())


def _key(memory: Any, models: dict[str, Any]) -> str:
    """Return the models by their names; where one has none, a number of the memory (or of what a view is of)."""
    if all(isinstance(model, str) for model in models.values()):
        return repr(sorted(models.items()))
    whole = getattr(memory, "_memory", memory)
    return f"{_numbers.setdefault(whole, next(_count))} {memory.detector_stamp}"


isolation = Isolation()
"""The processes of this program, shared by all toolboxes: each holds about 100 MB before it loads a model."""
