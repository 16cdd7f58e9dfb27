"""Which habits a question means, by its words and the time of day that it names."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence

import numpy as np

from ..span import Span
from ..types import Hit, Text
from .calendar import DAY, Calendar
from .habits import WINDOW, Acts, Habit, Source, uri_of

_SHARE = 0.6
"""Share of a question's words that a habit must hold; of one or two, all."""
_FRAME = """usually normally typically generally always often habit habitually routine routinely regularly regular every
each day daily week weekly time morning afternoon evening night noon midday happen done thing something anything person
people wearer camera everyday frequently frequent never ever sometimes tend used hour clock many much long come go goes
get take make let like say said talk mention tell told know video recording"""
"""Words that ask for habits, and tell of none."""
_PARTS = {"morning": (4, 12), "noon": (11, 14), "midday": (11, 14), "afternoon": (12, 18), "evening": (17, 23),
          "night": (20, 29)}  # fmt: skip
"""Hours of the parts of a day; those from 24 on are of the next day."""


def topic(query: str, acts: Acts) -> list[str]:
    """Return the stems of the words of a question that tell what is done, said or shown."""
    frame = set(acts.stems(_FRAME))
    words = [word for word in acts.stems(query) if word not in frame and not word.isdigit()]
    return list(dict.fromkeys(words))


def matching(query: str, habits: Sequence[Habit], acts: Acts) -> list[Habit]:
    """Return the habits that a question is about, best first; one without words of its own is about all of a time."""
    asked = topic(query, acts)
    there = [habit for habit in habits if _at_that_time(query, habit)]
    if not asked:
        return there
    scored = []
    for habit in there:
        own = set(habit.words) | set(acts.stems(habit.text))
        share = sum(word in own for word in asked) / len(asked)
        if enough(share, len(asked)):
            core = sum(word in habit.words for word in asked) / len(asked)
            scored.append((-share, -core, -len(habit.days), habit.sources[0].moment, habit))
    return [row[-1] for row in sorted(scored, key=lambda row: row[:4])]


def enough(share: float, count: int) -> bool:
    """Return whether a text that holds a share of some number of words is about them."""
    return share >= (1.0 if count <= 2 else _SHARE) - 1e-9


def counted(query: str, hits: Iterable[Hit], days: Sequence[Span], calendar: Calendar, acts: Acts) -> Habit | None:
    """Count the days on which what a question asks for was met at all, whatever the time; None where it was not."""
    asked = topic(query, acts)
    videos = {one.record.id: one.record for one in calendar.footage}
    met: dict[float, list[tuple[float, Text]]] = defaultdict(list)
    for text in {(t.video, t.id): t for hit in hits for t in hit.texts}.values():
        own = set(acts.stems(text.text))
        share = sum(word in own for word in asked) / max(len(asked), 1)
        moment = videos[text.video].timeline_time(text.start)
        day = next((day for day in days if moment is not None and day.contains(moment)), None)
        if asked and enough(share, len(asked)) and day is not None and moment is not None:
            met[day.start].append((moment, text))
    if not met:
        return None
    firsts = [min(moment for moment, _ in met[day]) - day for day in sorted(met)]
    rows = sorted((row for own in met.values() for row in own), key=lambda row: row[0])
    sources = tuple(Source(uri_of(text), moment, " ".join(text.text.split()), text.channel) for moment, text in rows)
    one_time = max(firsts) - min(firsts) <= WINDOW
    time = float(np.median(firsts)) if one_time else None
    return Habit(sources[0].text, tuple(asked), time, tuple(sorted(met)), len(days), sources)


def _at_that_time(query: str, habit: Habit) -> bool:
    named = [_PARTS[word.removesuffix("s")] for word in re.findall(r"[a-z]+", query.lower())
             if word.removesuffix("s") in _PARTS]  # fmt: skip
    if not named or habit.time is None:
        return True
    return any(first * 3600 <= time < last * 3600 for first, last in named for time in (habit.time, habit.time + DAY))
