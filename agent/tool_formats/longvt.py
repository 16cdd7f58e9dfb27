"""LongVT (arXiv 2511.20785): a Video-LMM that crops the video to a span and looks again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from langchain_core.messages import BaseMessage

from ..parsing.reply import take_apart
from .dialect import Said
from .facts import question_of, seconds
from .hermes import hermes_call
from .prompts import QUOTED
from .reply import BadCall, said
from .schemas import function
from .vital import frame_rate

FPS, MOST_FRAMES = 1.0, 128
"""A crop is shown at 1 frame a second, at most 128 of them."""
SYSTEM = f"""You are a helpful assistant who answers questions about long videos.
Think first, then call crop_video if you need to see a span of the video more closely, then answer. Keep strictly to \
the form <think> … </think> <tool_call> … </tool_call> (if needed) <answer> … </answer>. Times are seconds from the \
video's start; video_path is the video's id as it stands in the question. Where options are given, the answer is the \
letter alone.
{QUOTED}"""
USAGE = (
    'Write <tool_call>{"name": "crop_video", "arguments": {"video_path": "the id", "start_time": 12.0, '
    '"end_time": 20.0}}</tool_call>, times in seconds.'
)
_CROP = function(
    "crop_video",
    "Crop a video to a span of time, to look at that span in detail.",
    video_path={"type": "string", "description": "The video: its id as it stands in the question."},
    start_time={"type": "number", "description": "Where the span starts, in seconds."},
    end_time={"type": "number", "description": "Where the span ends, in seconds; after start_time."},
)


@dataclass(frozen=True, slots=True, kw_only=True)
class LongVT:
    """`crop_video`; the answer in `<answer>`."""

    name: str = "longvt"
    system: str | None = SYSTEM
    stop: tuple[str, ...] = ("</tool_call>", "</answer>")
    cites: bool = False

    def tools(self, schemas: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
        """The published tool; ours without a counterpart are not offered."""
        return [_CROP] if any(schema["function"]["name"] == "view_clip" for schema in schemas) else []

    def tool_block(self, schemas: Sequence[dict[str, Any]]) -> str | None:
        """Qwen's chat template writes it."""
        return None

    def read(self, text: str, messages: Sequence[BaseMessage]) -> Said:
        """Take a reply apart; `messages` tell which videos a path may mean."""

        def ours(name: str, arguments: dict[str, Any]) -> tuple[str, dict[str, Any]]:
            if name != "crop_video":
                return name, arguments
            start, end = seconds(arguments, "start_time", "start"), seconds(arguments, "end_time", "end")
            rate = frame_rate(start, end, FPS, MOST_FRAMES)
            return "view_clip", {"start": start, "end": end, "fps": rate, **_video(arguments, messages)}

        return said(take_apart(text, "tool_call"), messages, ours, USAGE, {"crop_video": "view_clip"})

    def write_call(self, name: str, arguments: dict[str, Any], messages: Sequence[BaseMessage] = ()) -> str:
        """`crop_video` for `view_clip`; how many frames it looks at is its own business."""
        if name != "view_clip" or not {"start", "end"} <= arguments.keys():
            return hermes_call(name, arguments)
        question = question_of(messages)
        first = question.videos[0]["id"] if question and question.videos else "video"
        path = arguments.get("video", first)
        return hermes_call(
            "crop_video", {"video_path": path, "start_time": arguments["start"], "end_time": arguments["end"]}
        )

    def observation(self, text: str) -> tuple[str, str, str]:
        """A message of the role `tool`."""
        return "tool", "", ""


def _video(arguments: dict[str, Any], messages: Sequence[BaseMessage]) -> dict[str, Any]:
    """Which video a path means: its id, its name, or a path to a file of that name; needless with only one."""
    question = question_of(messages)
    path = str(arguments.get("video_path", arguments.get("video", ""))).strip()
    if question is None:
        return {} if path in ("", "video") else {"video": path}
    if len(question.videos) < 2:
        return {}
    file = PurePosixPath(path.replace("\\", "/").removeprefix("video:"))
    for video in question.videos:
        if file.stem in (video["id"], PurePosixPath(video["name"]).stem) or file.name == video["name"]:
            return {"video": video["id"]}
    raise BadCall(f"video_path must be one of {', '.join(v['id'] for v in question.videos)}")
