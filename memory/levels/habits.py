"""Habits: the same words, text or kind of object at about the same time of day on several days, with their sources.

An act is told by two words that carry meaning and stand near each other in what was said ("feed … cat"), by a text on
the screen as a whole, or by the kind of an object. It recurs where it comes on at least two days within `WINDOW` of one
time of day, and seldom at other times: what is spoken of all day long is no habit. Texts are read an hour at a time,
twice: once for what comes on several days at all, once for where that stands.
"""

from __future__ import annotations

import re
import zlib
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from ..span import MediaURI, Span
from ..store.full_text import STOP_WORDS
from ..store.spelling import Stemmer
from ..types import OBJECTS, Text
from .calendar import DAY, Calendar, Footage

WINDOW = 5400.0
"""Seconds within which the time of day of a habit lies."""
_LEAST = 2
"""Days on which an act recurs at least."""
_INSIDE = 0.6
"""Share of all its occurrences that must lie in the window."""
_NEAR = 4
"""Words that carry meaning within which both words of an act stand."""
_MOST = 400
"""Habits of one timeline at most, those of most days first."""
_ALIKE = 0.5
"""Share of sources that two acts must have in common to be one."""
_LONGEST = 160  # characters of a source's words


@dataclass(frozen=True, slots=True)
class Source:
    """One time that a habit was met: where, when (seconds of the timeline's clock), and in which words."""

    uri: MediaURI
    moment: float
    text: str
    channel: str


@dataclass(frozen=True, slots=True)
class Habit:
    """Something that recurs: on `days` (their beginnings) of `of` recorded days, at about `time` of the day."""

    text: str
    """Words of one of the sources that tell it."""
    words: tuple[str, ...]
    """Stems of the words that all sources share, as the full-text index has them."""
    time: float | None
    """Seconds after midnight: the median over the days; None where the times of day differ."""
    days: tuple[float, ...]
    of: int
    sources: tuple[Source, ...] = field(default=())
    """One for each day and more, in order of time."""


@dataclass(slots=True)
class _Meeting:
    day: float
    time: float
    one: Footage
    text: Text


Read = Callable[[Span, Sequence[Footage]], Iterable[tuple[Footage, Text]]]
"""Reads the texts of a stretch of the timeline."""


class Acts:
    """Finds the acts of texts; each distinct word is stemmed once."""

    def __init__(self) -> None:
        self._stemmer = Stemmer()
        self._stems: dict[str, str] = {}

    def stems(self, text: str) -> list[str]:
        """Stems of the words that carry meaning, in order."""
        words = [word for word in re.findall(r"[^\W_]+", text.lower()) if word not in STOP_WORDS and len(word) > 1]
        new = [word for word in dict.fromkeys(words) if word not in self._stems]
        if new:
            found = self._stemmer.stems(new)
            self._stems.update(zip(new, found if len(found) == len(new) else new, strict=True))
        return [self._stems[word] for word in words]

    def of(self, text: Text) -> Iterator[tuple[str, ...]]:
        """Yield the acts of a text, each once."""
        if text.channel == OBJECTS:
            yield from ((OBJECTS, kind) for kind in text.data.get("counts", ()))
        elif text.channel == "screen_text":
            words = self.stems(text.text)
            if 0 < len(words) <= 12:
                yield ("screen_text", *words)
        elif text.channel == "speech":
            words = self.stems(text.text)
            pairs = {
                tuple(sorted((first, second)))
                for at, first in enumerate(words)
                for second in words[at + 1 : at + _NEAR]
                if first != second
            }
            yield from sorted(pairs) if len(words) > 1 else [tuple(words)] * len(words)


def habits_of(calendar: Calendar, before: float, read: Read) -> list[Habit]:
    """Return what recurs on the days that are over before a moment, most days first.

    Args:
        calendar: of the timeline.
        before: seconds of its clock; days that end later do not count.
        read: gives the texts of an hour of some videos.
    """
    days = days_before(calendar, before)
    if len(days) < _LEAST:
        return []
    acts = Acts()
    hours = {day: calendar.windows("hour", day) for day in days}
    # A key stands for an act here; two acts that share one are told apart when they are read again.
    keys = [
        np.unique(
            np.fromiter(
                (_key(act) for hour, footage in hours[day].items() for _, text in read(hour, footage)
                 for act in acts.of(text)), np.uint32)
        )
        for day in days
    ]  # fmt: skip
    found, counts = np.unique(np.concatenate(keys), return_counts=True)
    again = frozenset(found[counts >= _LEAST].tolist())
    meetings: dict[tuple[str, ...], list[_Meeting]] = defaultdict(list)
    spread: Counter[tuple[str, ...]] = Counter()
    for day in days:
        for hour, footage in hours[day].items():
            for one, text in read(hour, footage):
                moment = one.span.start + text.start - one.record.start
                for act in acts.of(text):
                    if _key(act) in again:
                        spread[act] += 1
                        if spread[act] <= 12 * len(days):  # what comes oftener has no time of day
                            meetings[act].append(_Meeting(day.start, (moment - day.start) % DAY, one, text))
    candidates = []
    for act, own in meetings.items():
        inside = _at_one_time(own)
        if len({one.day for one in inside}) >= _LEAST and len(inside) >= _INSIDE * spread[act]:
            candidates.append((act, inside))
    return _joined(candidates, len(days))


def days_before(calendar: Calendar, before: float) -> list[Span]:
    """Return the days on which something was recorded that are over before a moment (seconds of the clock)."""
    return [window for window in calendar.windows("day") if window.end <= before]


def _key(act: tuple[str, ...]) -> int:
    return zlib.crc32("\0".join(act).encode())


def _at_one_time(meetings: Sequence[_Meeting]) -> list[_Meeting]:
    """The occurrences within the window of the day that holds most days."""
    times = sorted(one.time for one in meetings)
    best: list[_Meeting] = []
    most = (0, 0)
    for start in times:
        inside = [one for one in meetings if 0 <= (one.time - start) % DAY <= WINDOW]
        rank = (len({one.day for one in inside}), len(inside))
        if rank > most:
            best, most = inside, rank
    return best


def _joined(candidates: list[tuple[tuple[str, ...], list[_Meeting]]], of: int) -> list[Habit]:
    """Put acts together that have the same sources, as all pairs of one sentence have."""
    groups: list[tuple[list[str], dict[tuple[str, float], _Meeting]]] = []
    by_source: dict[tuple[str, float], list[int]] = defaultdict(list)
    for act, own in sorted(candidates, key=lambda c: (-len({m.day for m in c[1]}), -len(c[1]), c[0])):
        sources = {(one.text.video, one.text.start): one for one in own}
        near = Counter(number for source in sources for number in by_source[source])
        same = next(
            (n for n, shared in near.most_common() if shared >= _ALIKE * max(len(sources), len(groups[n][1]))), None
        )
        if same is None:
            same = len(groups)
            groups.append(([], {}))
        words, all_sources = groups[same]
        words += [word for word in act if word not in (*words, OBJECTS, "screen_text")]
        for source, one in sources.items():
            if source not in all_sources:
                by_source[source].append(same)
                all_sources[source] = one
    habits = [_habit(words, list(sources.values()), of) for words, sources in groups]
    return sorted(habits, key=lambda habit: (-len(habit.days), habit.time or 0.0))[:_MOST]


def _habit(words: Sequence[str], meetings: Sequence[_Meeting], of: int) -> Habit:
    meetings = sorted(meetings, key=lambda one: (one.day, one.time))
    days = tuple(dict.fromkeys(one.day for one in meetings))
    firsts = [next(one.time for one in meetings if one.day == day) for day in days]
    sources = tuple(
        Source(uri_of(one.text), one.day + one.time, " ".join(one.text.text.split())[:_LONGEST], one.text.channel)
        for one in meetings
    )
    # The words of the source that is said most often, else of the shortest.
    texts = Counter(source.text for source in sources)
    text = min(texts, key=lambda each: (-texts[each], len(each), each))
    return Habit(text, tuple(words), float(np.median(firsts)), days, of, sources)


def uri_of(text: Text) -> MediaURI:
    """Return the place of a text."""
    return MediaURI(text.video, Span(text.start, max(text.start, text.end)))


def told_days(calendar: Calendar, days: Sequence[float]) -> str:
    """Return days in words: `Mon 2026-05-04, Tue 2026-05-05`; runs of days as `Mon 2026-05-04 to Fri 2026-05-08`."""
    runs: list[list[float]] = []
    for day in days:
        if runs and day - runs[-1][-1] <= 1.5 * DAY:
            runs[-1].append(day)
        else:
            runs.append([day])
    names = [[calendar.day_name(day + 1) for day in (run if len(run) < 3 else (run[0], run[-1]))] for run in runs]
    return ", ".join(
        " to ".join(name) if len(run) > 2 else ", ".join(name) for run, name in zip(runs, names, strict=True)
    )
