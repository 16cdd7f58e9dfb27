"""VITAL (arXiv 2508.04416): a Video-LMM that zooms in time, with thoughts, one call and an answer in tags."""

from __future__ import annotations

from collections.abc import Sequence

from langchain_core.messages import BaseMessage

from .tool_format import QUOTED, Arguments, ToolFormat, TranslatedCall, frame_rate, function, required_text, seconds

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
_USAGE = (
    'Write <tool_call>{"name": "get_video_clip_frame", "arguments": {"start_time": 12.00, "end_time": 20.00}}'
    "</tool_call>, times in seconds."
)
_TIMES = {
    "start_time": {"type": "number", "description": "Where the clip starts, in seconds with two decimals."},
    "end_time": {"type": "number", "description": "Where the clip ends, in seconds with two decimals."},
}
_QUESTION = {"type": "string", "description": "A question about what the clip shows."}
_VIEW, _CAPTION, _ASK = "get_video_clip_frame", "get_video_clip_caption", "ask_video_clip_question"
_ABOUT = "Ask a question about a clip, from start_time to end_time"
_SCHEMAS = {
    "view_clip": function(_VIEW, "Look at the frames of a clip, from start_time to end_time.", **_TIMES),
    "caption_clip": function(_CAPTION, "Get a caption of a clip, from start_time to end_time, as text.", **_TIMES),
    "ask_clip": function(
        _ASK,
        "Ask a question about a clip, from start_time to end_time; the answer is text.",
        **_TIMES,
        question=_QUESTION,
    ),
}
_PUBLISHED_NAMES = {"view_clip": _VIEW, "caption_clip": _CAPTION, "ask_clip": _ASK}
_COUNTERPARTS = {published: ours for ours, published in _PUBLISHED_NAMES.items()}


def _to_ours(name: str, arguments: Arguments, messages: Sequence[BaseMessage]) -> TranslatedCall:
    tool = _COUNTERPARTS.get(name)
    if tool is None:
        return name, arguments
    start, end = seconds(arguments, "start_time", "start"), seconds(arguments, "end_time", "end")
    ours: Arguments = {"start": start, "end": end}
    if arguments.get("video"):
        ours["video"] = arguments["video"]
    if tool == "view_clip":
        ours["fps"] = frame_rate(start, end, FPS, MOST_FRAMES)
    if tool == "ask_clip":
        ours["question"] = required_text(arguments, "question")
    return tool, ours


def _to_published(name: str, arguments: Arguments, messages: Sequence[BaseMessage]) -> TranslatedCall:
    """The published call where there is one; how many frames it looks at is its own business."""
    if name not in _PUBLISHED_NAMES or not {"start", "end"} <= arguments.keys():
        return name, arguments
    published = {"start_time": arguments["start"], "end_time": arguments["end"]}
    published |= {key: arguments[key] for key in ("question", "video") if key in arguments}
    return _PUBLISHED_NAMES[name], published


VITAL = ToolFormat(
    name="vital",
    system=SYSTEM,
    stop=("</tool_call>", "</answer>"),
    usage=_USAGE,
    published={ours: [schema] for ours, schema in _SCHEMAS.items()},
    counterparts=_COUNTERPARTS,
    to_ours=_to_ours,
    to_published=_to_published,
)
"""`get_video_clip_frame`, `get_video_clip_caption`, `ask_video_clip_question`; the answer in `<answer>`."""
