r"""Pixel-Reasoner (arXiv 2505.15966): a Video-LMM that selects among the frames shown to it and crops them.

Pictures are numbered from 1. `target_frames` counts the frames that the conversation showed first (16 in the paper);
`target_image` counts every picture shown so far. Where nothing was shown, both count 16 frames spread evenly over the
video: the middles of 16 equal parts.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from langchain_core.messages import BaseMessage, HumanMessage, ToolMessage

from ...memory import Box, MediaURI
from ...tools.boxes import box_numbers, read_box
from ..questions.question import Question, question_of
from .tool_format import QUOTED, Arguments, BadCall, ToolFormat, TranslatedCall, function

FIRST, MOST_SELECTED = 16, 8
"""Frames shown at first, and how many of them one call may select."""
SYSTEM = rf"""You are a helpful assistant who answers questions about a video, of which you are shown a few frames.
First understand what is asked and what the frames show. Decide whether a closer look would help: select_frames shows \
chosen frames of the video larger, crop_image_normalized zooms into a part of one picture. Call one at a time, inside \
<tool_call> and </tool_call>, and wait for what it shows. Pictures are numbered from 1 in the order in which you were \
shown them.
Reason step by step with what you see, and put your final answer within \boxed{{}}: the letter alone where options are \
given.
{QUOTED}"""
_USAGE = (
    'Write <tool_call>{"name": "select_frames", "arguments": {"target_frames": [3, 4]}}</tool_call> or '
    '<tool_call>{"name": "crop_image_normalized", "arguments": {"bbox_2d": [0.1, 0.2, 0.5, 0.6], "target_image": 2}}'
    "</tool_call>."
)
_SELECT = function(
    "select_frames",
    "Select frames of the video, to see them larger.",
    target_frames={
        "type": "array",
        "description": f"Numbers of the frames to select, at most {MOST_SELECTED}.",
        "items": {"type": "integer", "description": f"Number of a frame, from 1 to {FIRST}."},
    },
)
_CROP = function(
    "crop_image_normalized",
    "Zoom into a part of a picture, for what is too small to be made out.",
    bbox_2d={
        "type": "array",
        "description": "Left, top, right and bottom of the part as fractions of the picture, from 0.0 to 1.0.",
        "items": {"type": "number"},
    },
    target_image={"type": "number", "description": "Number of the picture, from 1 in the order shown."},
)
_CROPS = ("crop_image_normalized", "crop_image", "zoom_in")
"""Names under which the crop went in training and evaluation."""


def _to_ours(name: str, arguments: Arguments, messages: Sequence[BaseMessage]) -> TranslatedCall:
    if name == "select_frames":
        return "view_frames", _selected(arguments, messages)
    if name in _CROPS:
        return "crop", _cropped(arguments, messages)
    return name, arguments


def _to_published(name: str, arguments: Arguments, messages: Sequence[BaseMessage]) -> TranslatedCall:
    times, box, time = arguments.get("times"), arguments.get("box"), arguments.get("time")
    if "video" in arguments or not _many(messages):
        if name == "view_frames" and isinstance(times, list):
            numbers = [_number(time, arguments, _first(messages)) for time in times]
            if numbers and None not in numbers and len(set(numbers)) == len(times) <= MOST_SELECTED:
                return "select_frames", {"target_frames": numbers}
        number = _number(time, arguments, _all_pictures(messages)) if name == "crop" else None
        if number is not None and isinstance(box, (list, tuple)):
            return _CROPS[0], {"bbox_2d": list(box), "target_image": number}
    return name, arguments


def _selected(arguments: Arguments, messages: Sequence[BaseMessage]) -> Arguments:
    numbers = arguments.get("target_frames")
    numbers = numbers if isinstance(numbers, list) else [numbers]
    if not 1 <= len(numbers) <= MOST_SELECTED:
        raise BadCall(f"select 1 to {MOST_SELECTED} frames in target_frames")
    frames = [_picture(number, _first(messages), "target_frames") for number in numbers]
    if len({frame.video for frame in frames}) > 1:
        raise BadCall("select frames of one video at a time")
    times = [frame.span.start for frame in frames if frame.span]
    return {"times": list(dict.fromkeys(times)), **_video(frames[0], messages)}


def _cropped(arguments: Arguments, messages: Sequence[BaseMessage]) -> Arguments:
    """Time and region that `target_image` and `bbox_2d` mean; in a crop, the box is a part of that crop's region."""
    picture = _picture(arguments.get("target_image", 1), _all_pictures(messages), "target_image")
    question = question_of(messages)
    video = next((v for v in question.videos if v["id"] == picture.video), None) if question else None
    box = arguments.get("bbox_2d", arguments.get("bbox", arguments.get("box")))
    width, height = (video["width"], video["height"]) if video else (1000, 1000)
    left, top, right, bottom = picture.box or (0.0, 0.0, 1.0, 1.0)  # of a crop
    try:
        size = max(1, round((right - left) * width)), max(1, round((bottom - top) * height))
        region, other_scale = read_box(box, size)
    except (TypeError, ValueError):
        raise BadCall("bbox_2d must be four fractions, [left, top, right, bottom]") from None
    time = picture.span.start if picture.span else 0.0
    if other_scale:  # the tool knows how large pictures are shown, and says what it read
        outer = {"of": str(picture)} if picture.box else {}
        return {"time": time, "box": box_numbers(box), **outer, **_video(picture, messages)}
    region = _inside(region, picture.box) if picture.box else region
    return {"time": time, "box": [round(part, 6) for part in region], **_video(picture, messages)}


def _inside(inner: Box, outer: Box) -> Box:
    width, height = outer.right - outer.left, outer.bottom - outer.top
    left, top, right, bottom = inner
    return Box(
        outer.left + left * width, outer.top + top * height, outer.left + right * width, outer.top + bottom * height
    )


def _picture(number: Any, pictures: Sequence[MediaURI], name: str) -> MediaURI:
    if not pictures:
        raise BadCall("no frames were shown that could be numbered")
    try:
        whole = int(number)
    except (TypeError, ValueError):
        whole = 0
    if isinstance(number, bool) or not 1 <= whole <= len(pictures):
        raise BadCall(f"{name} must be a number from 1 to {len(pictures)}")
    return pictures[whole - 1]


def _pictures_of(message: BaseMessage) -> list[MediaURI]:
    if isinstance(message, ToolMessage):
        uris = (message.artifact or {}).get("pictures", ())
    elif isinstance(message, HumanMessage) and isinstance(message.content, list):
        uris = [b.get("url") for b in message.content if isinstance(b, dict) and b.get("type") == "image"]
    else:
        uris = ()
    found = [MediaURI.find_all(str(uri)) for uri in uris]
    return [places[0] for places in found if places and places[0].span is not None]


def _all_pictures(messages: Sequence[BaseMessage]) -> list[MediaURI]:
    """Every picture shown so far; else the evenly spread frames."""
    pictures = [picture for message in messages for picture in _pictures_of(message)]
    return pictures or _even(question_of(messages))


def _first(messages: Sequence[BaseMessage]) -> list[MediaURI]:
    """The frames that were shown first; else the evenly spread ones."""
    for message in messages:
        frames = [picture for picture in _pictures_of(message) if picture.box is None]
        if frames:
            return frames
    return _even(question_of(messages))


def _even(question: Question | None) -> list[MediaURI]:
    """The middles of equal parts of the first video, as far as it may be seen."""
    if question is None or not question.videos:
        return []
    video = question.videos[0]
    end = question.end_of(video)
    step = max(end - video["start"], 0.0) / FIRST
    return [MediaURI.frame(video["id"], round(video["start"] + (k + 0.5) * step, 3)) for k in range(FIRST)]


def _number(time: Any, arguments: Arguments, pictures: Sequence[MediaURI]) -> int | None:
    video = arguments.get("video")
    for number in range(len(pictures), 0, -1):
        picture = pictures[number - 1]
        same = picture.box is None and picture.span is not None and picture.span.start == time
        if same and video in (None, picture.video):
            return number
    return None


def _many(messages: Sequence[BaseMessage]) -> bool:
    question = question_of(messages)
    return question is not None and len(question.videos) > 1


def _video(picture: MediaURI, messages: Sequence[BaseMessage]) -> Arguments:
    return {"video": picture.video} if _many(messages) else {}


PIXEL_REASONER = ToolFormat(
    name="pixel_reasoner",
    system=SYSTEM,
    stop=("</tool_call>",),
    places="pixels",  # its checkpoints are made of Qwen2.5-VL, which writes pixels where it writes no fractions
    usage=_USAGE,
    result=("user", "", ""),
    answer_style="boxed",
    thinks=False,
    published={"view_frames": [_SELECT], "view_clip": [_SELECT], "crop": [_CROP]},
    counterparts={"select_frames": "view_frames", **dict.fromkeys(_CROPS, "crop")},
    to_ours=_to_ours,
    to_published=_to_published,
)
r"""`select_frames` and `crop_image_normalized`; the answer in `\boxed{}`."""
