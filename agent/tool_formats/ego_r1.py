"""Ego-R1 (arXiv 2506.13654): a language model that searches days of egocentric video from the coarse to the fine."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from typing import Any

from langchain_core.messages import BaseMessage

from ...memory import Span
from ..questions.question import question_of
from .ego_time import DAY, Clock, clocks, moment, moments, pick
from .tool_format import (
    QUOTED,
    Arguments,
    BadCall,
    Schema,
    ToolFormat,
    TranslatedCall,
    call_json,
    function,
    required_text,
)

SHORTEST, LONGEST = 1.0, 600.0
"""Bounds, in seconds, of the range that `video_llm` may be asked about."""
FRAMES = 16
"""Frames of a range that the model behind `video_llm` is shown."""
SYSTEM = f"""You answer questions about what was seen and heard over hours or days, from the wearer's point of view.
Before every step, reason inside <think> and </think>. Then either call one tool inside <tool> and </tool>, and its \
result comes back between <information> and </information>; or, once nothing more is needed, give the answer inside \
<answer> and </answer>: the letter alone where options are given. Never write <information> yourself.
Times are written DAYX_HHMMSSFF: day, hour, minute, second, and twentieths of a second from 00 to 19. \
DAY1_00000000 is the beginning of the video, so 1:02:03.5 into it is DAY1_01020310; a video whose name carries such a \
stamp begins at that moment.
Search the week first, then the day, then the hour; look into the video where the search points to.
{QUOTED}"""
_USAGE = 'Write <tool>{"name": "rag", "arguments": {…}}</tool> with the arguments that the tool names.'
_LEVELS = {"week": "day", "day": "hour", "hour": "chapter", "10min": "clip"}
"""What each level searches in, as a level of ours: the paper's h-rag reads the summaries of days in a week, of hours in
a day, and of ten minutes in an hour."""
_LENGTHS = {"day": DAY, "hour": 3600.0, "10min": 600.0}
_STAMP = {"type": "string", "description": "A moment, DAYX_HHMMSSFF."}
_RAG = function(
    "rag",
    "Search what the memory holds of a week, a day or an hour.",
    level={"type": "string", "description": "How far to search: week, day or hour.", "enum": ["week", "day", "hour"]},
    keywords={"type": "array", "items": {"type": "string"}, "description": "What to search for."},
    start_time={"type": "string", "description": "Where the search starts, DAYX_HHMMSSFF."},
    query_time={
        "type": "string",
        "description": "When the question was put, DAYX_HHMMSSFF: nothing later is searched.",
    },
)
_VIDEO_LLM = function(
    "video_llm",
    "Ask a model that sees a question about a range of the video.",
    question={"type": "string", "description": "What to ask about the range."},
    range={"type": "string", "description": "DAYX_HHMMSSFF-DAYX_HHMMSSFF, longer than 1 second, under 10 minutes."},
)
_VLM = function(
    "vlm",
    "Ask a model that sees a question about one frame.",
    question={"type": "string", "description": "What to ask about the frame."},
    timestamp=_STAMP,
)
_COUNTERPARTS = {"rag": "search_clips", "video_llm": "ask_clip", "vlm": "ask_clip"}
_BEYOND_WORDS = {"image", "who"}
"""Arguments of a search for which `rag`, which searches for words alone, has no place."""
_SEARCH = {"level": "day", "keywords": ["kitchen", "cup"], "start_time": "DAY1_11000000", "query_time": "DAY1_14000000"}


def _write_tools(schemas: Sequence[Schema]) -> str:
    """The tools as text: no chat template knows of `<tool>` tags."""
    if not schemas:
        return "There are no tools."
    lines = [json.dumps(schema["function"], ensure_ascii=False) for schema in schemas]
    return "\n".join(["The tools are:", *lines, "A call looks like this:", f"<tool>{call_json('rag', _SEARCH)}</tool>"])


def _to_ours(name: str, arguments: Arguments, messages: Sequence[BaseMessage]) -> TranslatedCall:
    found = clocks(question_of(messages))
    tool = name.lower()
    if tool == "rag":
        return _search(arguments, found)
    if tool == "video_llm":
        first, last = moments(arguments.get("range", ""), "range")
        if not SHORTEST <= last - first <= LONGEST:
            raise BadCall(
                f"range must be longer than {SHORTEST:g} second and under {LONGEST / 60:g} minutes, "
                f"and this is {last - first:g} seconds long"
            )
        clock, video = _clock(arguments, found, first)
        question = required_text(arguments, "question")
        span = {"start": clock.to_video(first), "end": clock.to_video(last)}
        return "ask_clip", {**span, "question": question, "frames": FRAMES, **video}
    if tool == "vlm":
        at = moment(arguments.get("timestamp"), "timestamp")
        clock, video = _clock(arguments, found, at)
        question, time = required_text(arguments, "question"), clock.to_video(at)
        return "ask_clip", {"start": time, "end": time, "question": question, "frames": 1, **video}
    return name, arguments


def _search(arguments: Arguments, found: Sequence[Clock]) -> TranslatedCall:
    """`rag` as a search, or without keywords as browsing, between the bounds of its level and of the query."""
    level = str(arguments.get("level", "")).strip().lower()
    if level not in _LEVELS:
        raise BadCall(f"level must be one of {', '.join(_LEVELS)}")
    start = 0.0 if level == "week" else moment(arguments.get("start_time"), "start_time")
    until = arguments.get("query_time")
    end = None if until in (None, "") else moment(until, "query_time")
    if end is not None and start > end:
        raise BadCall("start_time must not be later than query_time")
    clock, video = _clock(arguments, found, start if level != "week" or end is None else end)
    if level == "day":
        start = start // DAY * DAY
    length = _LENGTHS.get(level)
    if length is not None:
        end = start + length if end is None else min(end, start + length)
    keywords = arguments.get("keywords", [])
    words = keywords if isinstance(keywords, list) else [keywords]
    query = " ".join(str(word).strip() for word in words if word is not None and str(word).strip())
    if all(one.day_one is not None for one in found):  # one call over all videos of the timeline
        stretch = {} if level == "week" else {"start": clock.to_wall(start)}
        stretch |= {} if end is None else {"end": clock.to_wall(end)}
        named = {"video": arguments["video"]} if any(c.video == arguments.get("video") for c in found) else {}
        if not query:
            return "browse", {"level": _LEVELS[level], **stretch, **named}
        return "search_clips", {"query": query, "level": _LEVELS[level], **stretch, **named}
    bounds = _between(clock, None if level == "week" else start, end)
    if not query:
        return "browse", {"level": _LEVELS[level], **bounds, **video}
    return "search_clips", {"query": query, **bounds, **video}


def _between(clock: Clock, start: float | None, end: float | None) -> dict[str, float]:
    """Bounds on the video's clock; those that lie at or beyond its own are left out."""
    low = None if start is None else clock.to_video(start)
    high = None if end is None else clock.to_video(end)
    whole = clock.bounds
    if whole is not None and (low is None or low <= whole.end) and (high is None or high >= whole.start):
        low = None if low is None or low <= whole.start else low
        high = None if high is None or high >= whole.end else high
    return {name: value for name, value in (("start", low), ("end", high)) if value is not None}


def _clock(arguments: Arguments, found: Sequence[Clock], at: float) -> tuple[Clock, dict[str, Any]]:
    """The clock of the video that is meant, and the argument that names it where there are several.

    A call of ours looks into one video: the one named, else the one that runs at `at` (seconds since day 1 began).
    """
    named = arguments.get("video")
    clock = next((c for c in found if named and c.video == named), None) or pick(found, at)
    if len(found) > 1:
        return clock, {"video": clock.video}
    return clock, {"video": named} if named and not clock.video else {}


def _to_published(name: str, arguments: Arguments, messages: Sequence[BaseMessage]) -> TranslatedCall:
    """The published call where it can say the same; how much it looks at is its own business."""
    found = clocks(question_of(messages))
    clock = next((c for c in found if c.video == arguments.get("video")), found[0])
    published = _published(name, arguments, clock)
    if published is None:
        return name, arguments
    video = {"video": arguments["video"]} if "video" in arguments else {}
    return published[0], {**published[1], **video}


def _published(name: str, arguments: Arguments, clock: Clock) -> TranslatedCall | None:
    levels = {ours: published for published, ours in _LEVELS.items() if published != "10min"}
    if clock.day_one is not None and name in ("browse", "search_clips"):
        return _over_timeline(name, arguments, levels, clock)
    start, end = arguments.get("start"), arguments.get("end")
    times = [value for value in (start, end) if value is not None]
    if any(isinstance(t, bool) or not isinstance(t, (int, float)) or not math.isfinite(t) for t in times):
        return None
    if name == "ask_clip" and start is not None and end is not None:
        if start == end:
            return "vlm", {"question": arguments.get("question"), "timestamp": clock.to_stamp(start)}
        if SHORTEST <= end - start <= LONGEST:
            span = f"{clock.to_stamp(start)}-{clock.to_stamp(end)}"
            return "video_llm", {"question": arguments.get("question"), "range": span}
    if name == "search_clips" and "level" in arguments:
        return None
    if name == "browse" and arguments.get("level", "chapter") in levels:
        level = levels[arguments.get("level", "chapter")]
        return _window([], level, start, end, clock)
    if name == "search_clips" and not _BEYOND_WORDS & arguments.keys():
        whole = Span(start or 0.0, max(end or 0.0, start or 0.0))
        level = "week" if start is None else "hour" if whole.duration <= 3600 else "day"
        return _window([arguments.get("query")], level, start, end, clock)
    return None


def _over_timeline(name: str, arguments: Arguments, levels: dict[str, str], clock: Clock) -> TranslatedCall | None:
    """`rag` over exactly the stretch of the timeline that a call of ours names, or None where no level has it."""
    level = levels.get(arguments.get("level", "chapter" if name == "browse" else "clip"))
    if level is None or _BEYOND_WORDS & arguments.keys():
        return None
    since, until = (clock.from_wall(arguments.get(key)) for key in ("start", "end"))
    if until is None or ("start" in arguments) != (level != "week") or (since is None) != (level == "week"):
        return None
    start, length = since or 0.0, _LENGTHS.get(level, math.inf)
    if start < 0 or not start <= until <= start + length or (level == "day" and start % DAY):
        return None
    keywords = [] if name == "browse" else [arguments.get("query")]
    stamps = {"start_time": clock.to_stamp(start - clock.shift), "query_time": clock.to_stamp(until - clock.shift)}
    return "rag", {"level": level, "keywords": keywords, **stamps}


def _window(
    keywords: list[Any], level: str, start: float | None, end: float | None, clock: Clock
) -> TranslatedCall | None:
    """`rag` over exactly these bounds (seconds on the video's clock), or None where no level has them."""
    whole: Span | None = clock.bounds
    low = start if start is not None else whole.start if whole else None
    high = end if end is not None else whole.end if whole else None
    if high is None or (low is None and level != "week"):
        return None
    begins = 0.0 if low is None else low + clock.shift
    if level == "week":
        fits = start is None
    elif level == "hour":
        fits = low is not None and 0 <= high - low <= 3600
    else:
        fits = low is not None and begins % DAY == 0 and 0 <= high - low <= DAY
    if not fits or high + clock.shift < begins:
        return None
    first = clock.to_stamp(low if low is not None and level != "week" else -clock.shift)
    return "rag", {"level": level, "keywords": keywords, "start_time": first, "query_time": clock.to_stamp(high)}


EGO_R1 = ToolFormat(
    name="ego_r1",
    system=SYSTEM,
    stop=("</tool>", "</answer>"),
    call_tag="tool",
    usage=_USAGE,
    result=("user", "<information>", "</information>"),
    answering_call="terminate",  # known from the training data
    published={"search_clips": [_RAG], "ask_clip": [_VIDEO_LLM, _VLM]},
    counterparts=_COUNTERPARTS,
    to_ours=_to_ours,
    to_published=_to_published,
    write_tools=_write_tools,
)
"""`rag`, `video_llm` and `vlm` in `<tool>` tags; results in `<information>`, the answer in `<answer>`."""
