"""Set-up that `ask` and `chat` share: the memory, the videos that are meant, and the agent with its tools."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...memory import ClipMemory, MemoryFolderError, VideoError, VideoRecord
from ...memory.files.names import printable
from ...memory.video_names import match
from ..terminal.output import Console, message
from .groups import ToolOptions
from .indexing import add_video, unfinished
from .places import runs_folder
from .video_names import beside, no_such, refuse_address

if TYPE_CHECKING:
    from ...agent import Answer, VideoAgent

MakeAgent = Callable[[str], "VideoAgent"]


@contextmanager
def importing() -> Iterator[None]:
    """Import in the body, with no search for garbage among what stays for good: a seventh of what asking costs."""
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


def open_memory(folder: Path, detector: str | None, *, writable: bool) -> ClipMemory:
    """The memory, for writing where it can be; one that can't be written may still be asked."""
    if writable or not folder.exists():
        return ClipMemory(folder, detector=detector)
    try:
        return ClipMemory(folder, detector=detector)
    except MemoryFolderError:
        return ClipMemory(folder, detector=detector, read_only=True)


def find_video(memory: ClipMemory, word: str, console: Console, settings: dict[str, Any]) -> VideoRecord:
    """Add a file (at no cost if it is known), or find a name, an id or a place of the memory.

    Where nothing can be written now, since another process is writing, say, a file that is known is taken as it is.
    """
    watched = memory.watched(word)
    if watched is None:
        refuse_address(word)
    if watched is None and not os.path.exists(word):
        record = match(memory.videos(), word) or memory.known(word)
        if record is not None:
            for line in unfinished([record], memory):
                console.print(message("warning", line, "yellow"), soft_wrap=True)
            return record
        near = beside(word)
        if near is None and os.sep not in word:
            raise no_such(memory, word)
        word = str(near or word)
    if watched is None and memory.is_being_watched(word):
        raise VideoError(f"{printable(word)} is being watched, and nothing of it is known yet: ask again in a moment.")
    known = watched or (memory.known(word) if memory.is_written_elsewhere and memory.knows(word) else None)
    if known is not None:  # whoever is at it goes on with it; what is there is asked about
        for line in unfinished([known], memory):
            console.print(message("warning", line, "yellow"), soft_wrap=True)
        return known
    try:
        return add_video(memory, Path(word), console, **settings)
    except MemoryFolderError as error:
        record = memory.known(word)
        if record is None:
            raise
        line = f"warning  {record.name} is asked about as it was indexed: {error}"
        console.print(line, style="yellow", soft_wrap=True)
        return record


@contextmanager
def agents(
    memory: ClipMemory, folder: Path, tools: ToolOptions, *, attended: bool = True, **arguments: Any
) -> Iterator[MakeAgent]:
    """Make agents over the memory in `folder` that leave their traces there; servers of tools are open meanwhile.

    Those that are not `attended` ask nobody about calls, and their runs are not kept to be resumed.
    """
    from ...agent import VideoAgent
    from ...tools import BUILT_IN
    from .plugins import allowing, asking, kinds, own_tools

    writable = os.access(folder, os.W_OK)
    with own_tools(BUILT_IN, tools.tools, tools.mcp, Console(stderr=True)) as plugged:

        def make(policy: str) -> VideoAgent:
            return VideoAgent(
                memory,
                policy=policy,
                tools=[tool for group in plugged for tool in group.tools],
                registered=False,  # they are among the plugged ones
                approve=asking(tools.approve, Console(stderr=True)) if attended else allowing(tools.approve),
                isolate=kinds(tools.isolate),
                traces=runs_folder(folder) if writable else None,
                checkpoints=runs_folder(folder) if writable and attended else None,
                **arguments,
            )

        yield make


def tell_failure(answer: Answer) -> None:
    """Say on stderr, in one line, why there is no answer."""
    text = answer.text if answer.stopped_by != "viewer_error" else f"The model that sees failed. {answer.text}"
    line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    sys.stderr.write(f"error: {line}\n")
