"""The main module of a process of isolated tools: calls come in, observations go out as plain data."""

from __future__ import annotations

import contextlib
import json
import os
import pickle
import threading
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ...memory import ClipMemory, MemoryView, Moment, Restriction, TimelineSpan, VideoPool
from ...memory.processes.child_process import connection_to_parent
from ..boxes import Eyes
from ..context import VideoContext
from ..errors import ToolBug, ToolError, failure, is_refusal
from ..observation import Observation
from ..tool import invoke
from ..viewer import Reply, VisualQuestion
from .limits import limit_memory, no_core_files
from .tool_ref import ToolRef, unpack

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

    from langchain_core.tools import BaseTool

OUR_CHILD = "REWATCH_ISOLATED"
"""Environment variable that tells a process that it is one of isolated tools."""

_MOST_MEMORIES = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class VideoView:
    """The video that a call is about, in the words of a process that has to open it itself."""

    parameter: str
    """Name of the argument that takes the `VideoContext`."""
    folder: str
    key: str
    """Tells memories of one folder apart by the models that they were opened with."""
    models: bytes | None
    """Pickled arguments for `ClipMemory`; None where the process has them."""
    now: float | Moment | None
    restriction: Restriction | None
    """What of the memory may be seen; None for all."""
    video: str
    videos: tuple[str, ...]
    between: TimelineSpan | None
    question_videos: tuple[str, ...]
    frames_left: int | None
    sees: bool
    """True if the parent has a viewer."""
    eyes: Eyes


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolCall:
    """One call. The arguments are pickled apart: they may hold types of the tool's own module."""

    tool: str
    """Name in observations, and with `ref` the key under which the process keeps the tool."""
    ref: ToolRef
    arguments: bytes
    view: VideoView | None
    call: str
    """Names the call in every message about it: what is said late, about an earlier one, is told apart."""
    memory: int | None
    """Bytes that the process may take; None is no limit."""


class ParentConnection:
    """The connection as one call has it: one speaker at a time, and none once the call is over.

    A tool may have threads that ask the viewer side by side, or that go on when the call has ended; and it may fork.
    """

    def __init__(self, connection: Connection[Any, Any]) -> None:
        self._connection = connection
        self._process = os.getpid()
        self._turn = threading.Lock()
        self._call: str | None = None

    def begin(self, call: str) -> None:
        """From here on what is said is about this call."""
        with self._turn:
            self._call = call

    def end(self, call: str, **message: Any) -> None:
        """Say the last of a call."""
        with self._turn:
            self._call = None
            self._send(call, message)

    def tell(self, call: str, **message: Any) -> None:
        """Say something that has no answer; nothing where the call is over."""
        with self._turn:
            if call == self._call:
                self._send(call, message)

    def ask(self, call: str, message: dict[str, Any], pixels: bytes) -> Any:
        """Say something, with the pixels of frames behind it, and wait for the answer."""
        with self._turn:
            if call != self._call or os.getpid() != self._process:
                raise ToolError("The call is over: ask the model that sees before the tool returns.")
            self._send(call, message, pixels)
            return self._connection.recv()

    def _send(self, call: str, message: dict[str, Any], pixels: bytes = b"") -> None:
        if os.getpid() == self._process:  # else it is a fork of a tool's
            text = json.dumps({**message, "call": call}, default=str).encode()
            self._connection.send_bytes(text + b"\n" + pixels)


class RemoteViewer:
    """The viewer of the parent, asked over the socket."""

    def __init__(self, parent: ParentConnection, call: str) -> None:
        self._parent, self._call = parent, call

    def ask(
        self,
        questions: Sequence[VisualQuestion],
        *,
        max_tokens: int = 256,
        beams: int = 1,
        yes_no: bool = False,
    ) -> list[Reply]:
        """See `Viewer.ask`."""
        pixels = b"".join(np.asarray(frame.image, np.uint8).tobytes() for q in questions for frame in q.frames)
        rows = [
            {"text": q.text, "role": q.role, "frames": [[float(f.time), *f.image.shape] for f in q.frames]}
            for q in questions
        ]
        message = {
            "kind": "ask", "questions": rows, "max_tokens": int(max_tokens), "beams": int(beams), "yes_no": yes_no
        }  # fmt: skip
        answer: list[Reply] | str = self._parent.ask(self._call, message, pixels)
        if isinstance(answer, str):
            raise ToolError(answer)
        return answer


class ToolServer:
    """Tools, memories and videos that the process keeps from call to call."""

    def __init__(self, parent: ParentConnection) -> None:
        self._parent = parent
        self._tools: dict[ToolRef, BaseTool] = {}
        self._models: dict[tuple[str, str], dict[str, Any]] = {}
        self._memories: dict[tuple[str, str, int], ClipMemory] = {}
        self._idle = VideoPool()

    def run(self, call: ToolCall) -> Observation:
        """Run one call."""
        self._parent.begin(call.call)
        limit_memory(call.memory)
        context = None
        memory: MemoryView | None = None
        try:
            if call.ref not in self._tools:
                self._tools[call.ref] = unpack(call.ref)
            arguments = pickle.loads(call.arguments)
            view = call.view
            if view is not None:
                memory = self._visible(view)
                context = self._context(call.call, view, memory)
                arguments[view.parameter] = context
            return invoke(self._tools[call.ref], arguments)
        except BaseException as error:  # what ends a process (SystemExit, want of memory) ends this call, no more
            if isinstance(error, ToolBug):
                raise
            if isinstance(error, Exception) and not is_refusal(error):
                raise ToolBug.of(call.tool, error) from error
            return Observation(text=failure(call.tool, error), error=True)
        finally:
            if context is not None and memory is not None:
                self._idle.put_back(memory, context.video_id, context.opened)

    def _visible(self, view: VideoView) -> MemoryView:
        """What the call may see of the memory."""
        whole = self._memory(view)
        memory = whole if view.restriction is None else whole.restricted(view.restriction)
        return memory if view.now is None else memory.until(view.now)

    def _memory(self, view: VideoView) -> ClipMemory:
        if view.models is not None:
            self._models[view.folder, view.key] = pickle.loads(view.models)
        with contextlib.suppress(OSError):
            place = (view.folder, view.key, os.stat(Path(view.folder) / "memory.sqlite").st_ino)
            if place not in self._memories:
                while len(self._memories) >= _MOST_MEMORIES:
                    self._memories.pop(next(iter(self._memories))).close()
                    self._idle = VideoPool()
                models = self._models[view.folder, view.key]
                self._memories[place] = ClipMemory(view.folder, read_only=True, **models)
            return self._memories[place]
        return ClipMemory(view.folder, read_only=True)  # says what is wrong with it

    def _context(self, call: str, view: VideoView, memory: MemoryView) -> VideoContext:
        return VideoContext(
            memory=memory,
            info=memory.video(view.video),
            videos=view.videos,
            between=view.between,
            question_videos=view.question_videos,
            eyes=view.eyes,
            open_video=lambda: self._idle.take(memory, view.video),
            frames_left=view.frames_left,
            viewer=RemoteViewer(self._parent, call) if view.sees else None,
            on_charge=lambda count: self._parent.tell(call, kind="charge", count=count),
        )


def main() -> None:
    """Body of the process, until the socket closes or the parent dies."""
    connection = connection_to_parent()
    os.environ[OUR_CHILD] = "1"
    no_core_files()
    with contextlib.suppress(OSError):  # where memory runs out, this process is the one to end
        Path("/proc/self/oom_score_adj").write_text("500")
    parent = ParentConnection(connection)
    server = ToolServer(parent)
    process = os.getpid()
    with contextlib.suppress(EOFError, ConnectionError):
        parent.end("", kind="ready")
        while True:
            call: ToolCall = connection.recv()
            bug = None
            try:
                observation = server.run(call)
            except ToolBug as error:
                bug = error
            limit_memory(None)  # there must be room to report it
            if os.getpid() != process:  # a tool has forked, and this is what came of it
                os._exit(0)
            if bug is not None:
                parent.end(call.call, kind="bug", text=bug.text, trace=bug.trace)
                continue
            parent.end(call.call, kind="done", **asdict(observation))
