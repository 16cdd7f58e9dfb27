"""VITAL (arXiv 2508.04416): a Video-LMM that zooms in time, with thoughts, one call and an answer in tags."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from langchain_core.messages import BaseMessage

from ..parsing.reply import take_apart
from .dialect import Said
from .facts import seconds, text_of, which_video
from .hermes import hermes_call
from .prompts import QUOTED
from .reply import said
from .schemas import function, offered

FPS, MOST_FRAMES = 2.0, 64
"""A clip is shown at 2 frames a second, at most 64 of them."""
SYSTEM = f"""You are a helpful assistant who answers questions about a video.
Think before every step, inside <think> and </think>. Where what you have seen is not enough, call a tool inside \
<tool_call> and </tool_call> to look at one clip more closely, and wait for what it shows. Times are seconds from the \
video's start; a clip is longer than one second and lies inside the video. Then think again, with what the clip \
showed, and answer.
The form is <think> … </think> <tool_call> … </tool_call> <think> … </think> <answer> … </answer>. Every question has \
an answer; where options are given, it is the letter alone.
{QUOTED}"""
USAGE = (
    'Write <tool_call>{"name": "get_video_clip_frame", "arguments": {"start_time": 12.00, "end_time": 20.00}}'
    "</tool_call>, times in seconds."
)
_START = {"type": "number", "description": "Where the clip starts, in seconds with two decimals."}
_END = {"type": "number", "description": "Where the clip ends, in seconds with two decimals."}
_QUESTION = {"type": "string", "description": "A question about what the clip shows."}
_PUBLISHED = {
    "view_clip": [
        function(
            "get_video_clip_frame",
            "Look at the frames of a clip, from start_time to end_time.",
            start_time=_START,
            end_time=_END,
        )
    ],
    "caption_clip": [
        function(
            "get_video_clip_caption",
            "Get a caption of a clip, from start_time to end_time, as text.",
            start_time=_START,
            end_time=_END,
        )
    ],
    "ask_clip": [
        function(
            "ask_video_clip_question",
            "Ask a question about a clip, from start_time to end_time; the answer is text.",
            start_time=_START,
            end_time=_END,
            question=_QUESTION,
        )
    ],
}
_OURS = {
    "get_video_clip_frame": "view_clip",
    "get_video_clip_caption": "caption_clip",
    "ask_video_clip_question": "ask_clip",
}
_THEIRS = {ours: theirs for theirs, ours in _OURS.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Vital:
    """`get_video_clip_frame`, `get_video_clip_caption`, `ask_video_clip_question`; the answer in `<answer>`."""

    name: str = "vital"
    system: str | None = SYSTEM
    stop: tuple[str, ...] = ("</tool_call>", "</answer>")
    cites: bool = False

    def tools(self, schemas: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
        """The published tools; ours without a counterpart are not offered."""
        return offered(schemas, _PUBLISHED)

    def tool_block(self, schemas: Sequence[dict[str, Any]]) -> str | None:
        """Qwen's chat template writes them."""
        return None

    def read(self, text: str, messages: Sequence[BaseMessage]) -> Said:
        """Take a reply apart."""
        return said(take_apart(text, "tool_call"), messages, _ours, USAGE, _OURS)

    def write_call(self, name: str, arguments: dict[str, Any], messages: Sequence[BaseMessage] = ()) -> str:
        """The published call where there is one; how many frames it looks at is its own business."""
        if name not in _THEIRS or not {"start", "end"} <= arguments.keys():
            return hermes_call(name, arguments)
        theirs = {"start_time": arguments["start"], "end_time": arguments["end"]}
        theirs |= {key: arguments[key] for key in ("question", "video") if key in arguments}
        return hermes_call(_THEIRS[name], theirs)

    def observation(self, text: str) -> tuple[str, str, str]:
        """A message of the role `tool`."""
        return "tool", "", ""


def frame_rate(start: float, end: float, fps: float, most: int) -> float:
    """`fps`, or as much less as keeps a clip (seconds) to `most` frames."""
    length = abs(end - start)
    return fps if length * fps <= most else round(most / length, 6)


def _ours(name: str, arguments: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    tool = _OURS.get(name)
    if tool is None:
        return name, arguments
    start, end = seconds(arguments, "start_time", "start"), seconds(arguments, "end_time", "end")
    fitted: dict[str, Any] = {"start": start, "end": end, **which_video(arguments)}
    if tool == "view_clip":
        fitted["fps"] = frame_rate(start, end, FPS, MOST_FRAMES)
    if tool == "ask_clip":
        fitted["question"] = text_of(arguments, "question")
    return tool, fitted
