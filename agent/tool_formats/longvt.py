"""LongVT (arXiv 2511.20785): a Video-LMM that crops the video to a span and looks again."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePosixPath

from langchain_core.messages import BaseMessage

from ..questions.question import question_of
from .tool_format import QUOTED, Arguments, BadCall, ToolFormat, TranslatedCall, frame_rate, function, seconds

FPS, MOST_FRAMES = 1.0, 128
"""A crop is shown at 1 frame a second, at most 128 of them."""
SYSTEM = f"""You are a helpful assistant who answers questions about long videos.
Think first, then call crop_video if you need to see a span of the video more closely, then answer. Keep strictly to \
the form <think> … </think> <tool_call> … </tool_call> (if needed) <answer> … </answer>. Times are seconds from the \
video's start; video_path is the video's id as it stands in the question. Where options are given, the answer is the \
letter alone.
{QUOTED}"""
_USAGE = (
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


def _to_ours(name: str, arguments: Arguments, messages: Sequence[BaseMessage]) -> TranslatedCall:
    if name != "crop_video":
        return name, arguments
    start, end = seconds(arguments, "start_time", "start"), seconds(arguments, "end_time", "end")
    rate = frame_rate(start, end, FPS, MOST_FRAMES)
    return "view_clip", {"start": start, "end": end, "fps": rate, **_video(arguments, messages)}


def _to_published(name: str, arguments: Arguments, messages: Sequence[BaseMessage]) -> TranslatedCall:
    """`crop_video` for `view_clip`; how many frames it looks at is its own business."""
    if name != "view_clip" or not {"start", "end"} <= arguments.keys():
        return name, arguments
    question = question_of(messages)
    first = question.videos[0]["id"] if question and question.videos else "video"
    path = arguments.get("video", first)
    return "crop_video", {"video_path": path, "start_time": arguments["start"], "end_time": arguments["end"]}


def _video(arguments: Arguments, messages: Sequence[BaseMessage]) -> Arguments:
    """Return which video a path means: its id, its name, or a path to a file of that name; needless with only one."""
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


LONGVT = ToolFormat(
    name="longvt",
    system=SYSTEM,
    stop=("</tool_call>", "</answer>"),
    usage=_USAGE,
    published={"view_clip": [_CROP]},
    counterparts={"crop_video": "view_clip"},
    names_videos=True,
    to_ours=_to_ours,
    to_published=_to_published,
)
"""`crop_video`; the answer in `<answer>`."""
