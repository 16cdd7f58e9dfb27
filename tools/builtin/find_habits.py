"""`find_habits`: what recurs on the days of a timeline, and on how many of them."""

from __future__ import annotations

from typing import Any

from ...memory.levels import DAY, Calendar, Habit, Source, told_days
from ..context import VideoContext
from ..errors import ToolError
from ..observation import Line, Observation
from ..sanitize import quote
from ..tool import tool
from .evidence_lines import line
from .level_lines import asked

_SOURCES = 7  # lines of one habit, a day each


@tool(many=True)
def find_habits(query: str, video: VideoContext, k: int = 3) -> Observation:
    """Find what is usually or always done, said or shown: on how many days, at what time, with the places that show it.

    Args:
        query: what to look for, such as "feed the cat".
        k: how many habits at most.
    """
    levels = video.memory.levels(asked(video))
    if not levels.calendars:
        raise ToolError("Nobody knows when these videos were recorded, so no habit can be told: search_clips instead.")
    found = levels.habits_about(query, max(1, min(k, 20)))
    if not found:
        text = "No habit matches: nothing of that was met on the days that are over. Search clips instead."
        return Observation(text=text, data={"habits": []})
    several = len(asked(video)) > 1
    names = {one.record.id: one.record.name if several else "" for c, _ in found for one in c.footage}
    texts: list[str] = []
    lines: list[Line] = []
    for calendar, habit in found:
        own = [_line(source, names) for source in one_a_day(habit)]
        texts += [f"{in_words(calendar, habit)}: {quote(habit.text)}", *(one.text for one in own)]
        lines += own
    return Observation(
        text="\n".join(texts),
        lines=tuple(lines),
        uris=tuple(dict.fromkeys(one.uri for one in lines)),
        data={"habits": [_row(calendar, habit) for calendar, habit in found]},
    )


def in_words(calendar: Calendar, habit: Habit) -> str:
    """Return how often: `on 5 of 7 days (Mon 2026-05-04 to Fri 2026-05-08), at about 08:10`."""
    when = "at different times" if habit.time is None else f"at about {clock_time(habit.time)}"
    return f"on {len(habit.days)} of {habit.of} days ({told_days(calendar, habit.days)}), {when}"


def clock_time(seconds: float) -> str:
    """Return seconds after midnight as a time of day, `08:10`."""
    minutes = round(seconds / 60) % 1440
    return f"{minutes // 60:02d}:{minutes % 60:02d}"


def one_a_day(habit: Habit) -> list[Source]:
    """Return the first source of each day, as many as are told."""
    firsts = [next(s for s in habit.sources if day <= s.moment < day + DAY) for day in habit.days]
    return firsts[:_SOURCES]


def _line(source: Source, names: dict[str, str]) -> Line:
    return line(source.uri, source.channel, source.text, video=names.get(source.uri.video, ""))


def _row(calendar: Calendar, habit: Habit) -> dict[str, Any]:
    sources = [
        {"uri": str(source.uri), "video": source.uri.video, "span": source.uri.span, "text": source.text,
         "channel": source.channel, "day": calendar.day_name(source.moment)}
        for source in one_a_day(habit)
    ]  # fmt: skip
    return {"text": habit.text, "in_words": in_words(calendar, habit), "days": len(habit.days), "of": habit.of,
            "time": None if habit.time is None else clock_time(habit.time), "sources": sources}  # fmt: skip
