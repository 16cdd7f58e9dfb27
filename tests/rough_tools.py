"""Tools that behave badly, and some that behave, at the top level of a module, so that they can run isolated."""

from __future__ import annotations

import asyncio
import ctypes
import os
import re
import sys
import time
from collections.abc import Sequence

import numpy as np
from langchain_core.tools import StructuredTool
from rewatch.memory import Span
from rewatch.tools import Observation, VideoContext, VisualQuestion, tool


@tool(isolated=True, timeout=1.0, cacheable=False)
def sleeps() -> str:
    """Sleep for ever."""
    while True:
        time.sleep(60)


@tool(isolated=True, timeout=1.0, cacheable=False)
def spins() -> str:
    """Look for a pattern that takes native code for ever, which never lets go of the GIL."""
    return str(re.match(r"(a+)+$", "a" * 64 + "b"))


@tool(isolated=True, timeout=120.0, cacheable=False)
def aborts() -> str:
    """End the process by a signal."""
    os.abort()


@tool(isolated=True, timeout=120.0, cacheable=False)
def reads_address_zero() -> str:
    """Read where nothing may be read."""
    return str(ctypes.string_at(0))


@tool(isolated=True, timeout=120.0, cacheable=False)
def leaves() -> str:
    """End the process without a word."""
    os._exit(3)


@tool(isolated=True, timeout=120.0, cacheable=False)
def exits() -> str:
    """Ask Python to end."""
    sys.exit("bye")


@tool(isolated=True, timeout=120.0, cacheable=False)
def takes_all_memory() -> str:
    """Take memory until there is no more (the limit is set here, so that the machine need not suffer)."""
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (3 << 30, hard))
    try:
        return str(len(bytearray(1 << 33)))
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


@tool(isolated=True, timeout=120.0, cacheable=False)
def pid() -> int:
    """Tell the process."""
    return os.getpid()


@tool(isolated=True, timeout=120.0, cacheable=False)
def naps() -> int:
    """Sleep a little, and tell the process."""
    time.sleep(0.3)
    return os.getpid()


@tool(isolated=True, timeout=120.0, cacheable=False)
def colors(start: float, end: float, video: VideoContext, fps: float = 1.0) -> Observation:
    """Mean colours over a span.

    Args:
        start: first moment, in seconds.
        end: last moment, in seconds.
        fps: frames a second.
    """
    frames = list(video.frames_at(video.times(Span(start, end), fps), size=32))
    means = [frame.image.mean((0, 1)) for frame in frames]
    said = [text.text for text in video.memory.texts(video.video_id)]
    return Observation(
        text=f"{len(means)} frames",
        uris=(video.uri(Span(start, end)),),
        data={"means": means, "end": video.whole.end, "said": said, "pid": os.getpid()},
    )


@tool(isolated=True, timeout=120.0, cacheable=False)
def takes_frames_and_dies(video: VideoContext) -> str:
    """Take three frames and crash."""
    list(video.frames_at([0.0, 1.0, 2.0], size=32))
    os.abort()


@tool(isolated=True, timeout=120.0, cacheable=False)
def asks(question: str, video: VideoContext) -> str:
    """Ask the model that sees.

    Args:
        question: what to ask.
    """
    frames = tuple(video.frames_at([1.0], size=32))
    return video.ask([VisualQuestion(frames=frames, text=question)])[0].text


@tool(isolated=True, timeout=120.0, cacheable=False)
def echoes(words: list[str], number: int = 1) -> dict:
    """Give back what came.

    Args:
        words: some words.
        number: a number.
    """
    return {"words": words, "number": number}


async def _later(word: str) -> str:
    await asyncio.sleep(0.01)
    return f"{word} at last"


def _shout(word: str) -> str:
    """Say a word loudly."""
    return word.upper() + str(os.getpid())


shout = StructuredTool.from_function(_shout, name="shout", description="Say a word loudly.")
later = StructuredTool.from_function(coroutine=_later, name="later", description="Say a word later.")


class Letters:
    """A text encoder of one's own that travels as an object: letters counted."""

    name, stamp, dim = "letters", "letters 1", 26

    def encode(self, texts: Sequence[str]) -> np.ndarray:
        rows = np.array([[text.lower().count(chr(97 + k)) for k in range(26)] for text in texts], np.float32) + 1e-6
        return rows / np.linalg.norm(rows, axis=1, keepdims=True)


@tool(isolated=True, timeout=120.0, cacheable=False)
def models(video: VideoContext) -> dict:
    """Names of the models that the memory was opened with."""
    given = video.memory.models_given
    text = given.get("text_encoder")
    return {"text": getattr(text, "name", text), "visual": given.get("visual_encoder")}
