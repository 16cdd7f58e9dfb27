"""How people speak of time in English: "yesterday", "on Tuesday morning", "two days ago", "between 9 and 10 am".

A phrase is understood against a moment, `now`, into a span of the timeline. One inside a quotation, in a title (inner
words with capitals) or as a topic ("about yesterday", "yesterday's match", "day 2 of the fair") is left alone.
docs/clock.md says what each phrase means; the hours of the parts of a day are our choice.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from datetime import UTC, datetime

from .interval import TimelineSpan
from .moment import DAY, Moment, day_of, is_dated

HOURS = {"morning": (5, 12), "afternoon": (12, 18), "evening": (18, 23), "night": (21, 29)}
"""Hours of the parts of a day, from midnight; a night ends on the next day."""
_LAST_NIGHT = (-6, 5)  # hours of today: from yesterday evening on
_AT, _AROUND = 300.0, 1200.0  # seconds before and after "at 9:30", and "around 9:30"
_WEEK = 7 * DAY
_WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_MONTHS = ("january", "february", "march", "april", "may", "june", "july", "august", "september", "october",
           "november", "december")  # fmt: skip
_NUMBERS = {"a": 1, "an": 1, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8,
            "nine": 9, "ten": 10, "couple of": 2, "a couple of": 2}  # fmt: skip
_UNITS = {"second": 1.0, "minute": 60.0, "hour": 3600.0, "day": DAY, "week": _WEEK}

_COUNT = rf"(?P<count>\d{{1,3}}|{'|'.join(sorted(_NUMBERS, key=len, reverse=True))})"
_UNIT = r"(?P<unit>second|minute|hour|day|week)s?"
_PART = r"(?P<part>morning|afternoon|evening|night)"
_WEEKDAY = rf"(?P<weekday>{'|'.join(_WEEKDAYS)})"
_MONTH = rf"(?P<month>{'|'.join(_MONTHS)})"
_HALF = r"(?:\s?(?P<{0}half>[ap])\.?m\b\.?)"
_HOUR = r"(?P<{0}hour>\d{{1,2}})(?::(?P<{0}minute>[0-5]\d)(?::(?P<{0}second>[0-5]\d))?)?" + _HALF + "?"
_CLOCK = (
    rf"(?:(?P<how>at|around|about|before|until|after|since|by)\s+(?:around\s+|about\s+)?{_HOUR.format('')}(?:\s*(?P<oclock>o['’]clock))?"
    rf"|(?:between|from)\s+{_HOUR.format('f_')}\s*(?:and|to|until|till|-|–)\s*{_HOUR.format('l_')}(?:\s*(?P<l_oclock>o['’]clock))?)"
)
_DAYS = (
    r"(?P<day>the\s+day\s+before\s+yesterday|yesterday|today)"
    rf"|(?:on\s+)?day\s+(?P<number>\d{{1,4}})"
    rf"|(?:on\s+|(?P<which>last|this)\s+){_WEEKDAY}"
    rf"|(?:on\s+)?(?P<iso>\d{{4}}-\d{{2}}-\d{{2}})"
    rf"|on\s+(?:the\s+)?(?:{_MONTH}\s+(?P<date>\d{{1,2}})"
    rf"|(?P<date_2>\d{{1,2}})(?:st|nd|rd|th)?(?:\s+of)?\s+{_MONTH.replace('month', 'month_2')})(?:st|nd|rd|th)?"
    r"(?:,?\s+(?P<year>\d{4}))?"
    rf"|{_COUNT}\s+{_UNIT}\s+ago"
    rf"|(?P<starts>{'|'.join(_WEEKDAYS)})(?=\s+(?:morning|afternoon|evening|night))"
)
_SPANS = (
    r"(?P<week>last|this)\s+week(?!\s*-?end)|(?:last|this|at\s+the|on\s+the)\s+(?P<weekend>weekend)"
    rf"|this\s+(?P<this>morning|afternoon|evening)|(?P<tonight>tonight)|(?P<last_night>last\s+night)"
    rf"|(?:in|over|during|within)\s+the\s+(?:last|past)\s+(?:{_COUNT.replace('count', 'lately')}\s+)?"
    + _UNIT.replace("unit", "lately_unit")
)
_PART_OF = rf"(?:\s+(?:in\s+the\s+|at\s+)?{_PART})?"
_PHRASE = re.compile(
    rf"(?<![\w'’-])(?:(?P<side>before|until|after|since)\s+)?(?:{_DAYS}){_PART_OF}(?![\w'’]|-\w)"
    rf"|(?<![\w'’-])(?:{_SPANS})(?![\w'’]|-\w)",
    re.IGNORECASE,
)
_TIME = re.compile(rf"(?<![\w'’-]){_CLOCK}(?![\w'’:]|[.,]\d)", re.IGNORECASE)
_QUOTED = re.compile(r"[\"“”«»„][^\"“”«»„]*[\"“”«»]|(?<!\w)['‘][^'’]*['’](?!\w)")
_BEFORE = 40  # characters before a phrase that tell whether it is a topic
_COMING = re.compile(r"\b(?:will|shall|going\s+to)\b|['’]ll\b", re.IGNORECASE)
_OF = re.compile(r"\s+of\b", re.IGNORECASE)
_TOPIC = re.compile(
    r"\b(?:about|of|titled|entitled|named|words?|phrase|film|movie|song|book|plans?\s+for)\s+$", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class TimePhrase:
    """What a question says of time: the span that is meant, and the question without it."""

    during: TimelineSpan
    rest: str


def time_in(text: str, now: Moment, zone: int | None, *, bare_times: bool = True) -> TimePhrase | None:
    """Return the span of the timeline that a question is about, by its words; None where it names none.

    Args:
        text: the question.
        now: what the words are understood against, and the timeline.
        zone: seconds east of UTC of the place; None takes UTC.
        bare_times: whether `at 9:30` alone is a time of day; else it may be a time of the video.
    """
    hidden = _QUOTED.sub(lambda found: "\0" * len(found[0]), text)
    clock = _Clock(now, zone)
    found = [(m, span) for m in _PHRASE.finditer(hidden) if _meant(m, hidden) and (span := clock.day_span(m))]
    times = [m for m in _TIME.finditer(hidden) if bare_times or found or _half(m) or m["oclock"] or m["l_oclock"]]
    time = next((m for m in times if not any(m.start() < p.end() and p.start() < m.end() for p, _ in found)), None)
    day, span = found[0] if found else (None, None)
    narrowed = None if time is None else clock.at(time, span)
    if narrowed is not None:
        span = narrowed
    elif span is None:
        return None
    taken = [m for m in (day, time if narrowed is not None else None) if m is not None]
    rest = text
    for m in sorted(taken, key=lambda m: -m.start()):
        rest = f"{rest[: m.start()].rstrip(' ,')} {rest[m.end() :].lstrip(' ,')}"
    assert span is not None
    rest = re.sub(r"\s+(?=[?.!,;])", "", " ".join(rest.split()))
    return TimePhrase(TimelineSpan(*span, now.timeline), rest)


def _meant(found: re.Match[str], text: str) -> bool:
    """Return whether a phrase says when, and is no title and no topic."""
    words = found[0].split()
    starts = not text[: found.start()].strip(" \0")
    names = (*_WEEKDAYS, *_MONTHS, "day")
    small = [word for word in words if word.lower() not in names and not word[0].isdigit()]
    if any(word[0].isupper() for word in (small[1:] if starts else small)):
        return False
    if found["weekday"] and (found["which"] or "").lower() != "last" and _COMING.search(text):
        return False  # what will be on Thursday was told at another time
    before = text[max(found.start() - _BEFORE, 0) : found.start()]
    # In "what did he call about on Monday?" the first preposition is a stray one: "on" says when.
    topic = not re.match(r"on\s", found[0], re.IGNORECASE) and _TOPIC.search(before)
    return not topic and not _OF.match(text, found.end())


def _half(found: re.Match[str]) -> str:
    return found["half"] or found["l_half"] or found["f_half"] or ""


class _Clock:
    """The days and hours around a moment, as spans in seconds of its timeline."""

    def __init__(self, now: Moment, zone: int | None) -> None:
        self.now = now.seconds
        self.zone = zone
        self.today = day_of(self.now, zone)[0]
        self.dated = is_dated(self.now)

    def day_span(self, m: re.Match[str]) -> tuple[float, float] | None:
        """The span of a day, a part of one, or several days; None where the timeline has no such calendar."""
        if m["week"] or m["weekend"] or m["this"] or m["tonight"] or m["last_night"] or m["lately_unit"]:
            return self._several(m)
        if m["unit"]:
            span = self._ago(_count(m["count"]), m["unit"].lower())
        else:
            start = self._day(m)
            if start is None:
                return None
            span = (start, start + DAY)
        if m["part"] and span[1] - span[0] == DAY:
            first, last = HOURS[m["part"].lower()]
            span = (span[0] + first * 3600, span[0] + last * 3600)
        side = (m["side"] or "").lower()
        if side in ("before", "until"):
            return (-math.inf, span[0])
        return {"after": (span[1], math.inf), "since": (span[0], math.inf)}.get(side, span)

    def at(self, m: re.Match[str], day: tuple[float, float] | None) -> tuple[float, float] | None:
        """The span of a time of day on a day, or on the last day on which it has passed; None where it is none."""
        half = _half(m).lower()
        afternoon = day is not None and (day[0] - self._midnight(day[0])) >= 12 * 3600
        if m["f_hour"]:
            last = _of_day(m, "l_", half, afternoon)
            first = _of_day(m, "f_", (m["f_half"] or "").lower() or half, afternoon)
            bare = not (half or m["f_minute"] or m["l_minute"] or m["l_oclock"])
            if first is None or last is None or bare:
                return None
            if first > last and half and not m["f_half"]:  # from 11 to 1 pm
                first -= 12 * 3600
            start = self._on(first, day)
            return (start, start + (last - first) % DAY)
        own = _of_day(m, "", half, afternoon)
        if own is None or not (half or m["minute"] or m["oclock"]):
            return None
        moment, how = self._on(own, day), m["how"].lower()
        midnight = self._midnight(moment)
        if how in ("before", "until", "by"):
            return (midnight, moment)
        if how in ("after", "since"):
            return (moment, midnight + DAY)
        around = how in ("around", "about") or re.search(r"\b(?:around|about)\b", m[0], re.IGNORECASE)
        slack = _AROUND if around else _AT
        return (moment - slack, moment + slack)

    def _midnight(self, seconds: float) -> float:
        return day_of(seconds, self.zone)[0]

    def _on(self, own: float, day: tuple[float, float] | None) -> float:
        if day is not None and math.isfinite(day[0]):
            return self._midnight(day[0]) + own
        return self.today + own if self.today + own <= self.now else self.today - DAY + own

    def _day(self, m: re.Match[str]) -> float | None:
        if m["day"]:
            back = {"today": 0, "yesterday": 1}.get(m["day"].lower(), 2)
            return self.today - back * DAY
        if m["number"]:
            return None if self.dated else int(m["number"]) * DAY
        if not self.dated:
            return None
        local = datetime.fromtimestamp(self.today + (self.zone or 0), UTC)
        name = (m["weekday"] or m["starts"] or "").lower()
        if name:
            back = (local.weekday() - _WEEKDAYS.index(name)) % 7
            return self.today - (7 if back == 0 and (m["which"] or "").lower() == "last" else back) * DAY
        if m["iso"]:
            year, month, date = map(int, m["iso"].split("-"))
        else:
            month = _MONTHS.index((m["month"] or m["month_2"]).lower()) + 1
            year, date = int(m["year"] or local.year), int(m["date"] or m["date_2"])
            if not m["year"] and (month, date) > (local.month, local.day):
                year -= 1
        try:
            return datetime(year, month, date, tzinfo=UTC).timestamp() - (self.zone or 0)
        except ValueError:
            return None

    def _ago(self, count: int, unit: str) -> tuple[float, float]:
        length = _UNITS[unit]
        if unit == "day":
            return (self.today - count * DAY, self.today - (count - 1) * DAY)
        if unit == "week":
            start = self._week() - count * _WEEK
            return (start, start + _WEEK)
        around = max(length, count * length / 4)
        return (self.now - count * length - around, self.now - count * length + around)

    def _week(self) -> float:
        """Midnight of this week's Monday; where only day numbers are known, of the day 6 days ago."""
        if not self.dated:
            return self.today - 6 * DAY
        return self.today - datetime.fromtimestamp(self.today + (self.zone or 0), UTC).weekday() * DAY

    def _several(self, m: re.Match[str]) -> tuple[float, float] | None:
        if m["week"]:
            start = self._week()
            return (start, start + _WEEK) if m["week"].lower() == "this" else (start - _WEEK, start)
        if m["weekend"]:
            if not self.dated:
                return None
            saturday = self._week() + 5 * DAY
            current = self.now >= saturday and not m[0].lower().startswith("last")
            saturday -= 0 if current or m[0].lower().startswith("this") else _WEEK
            return (saturday, saturday + 2 * DAY)
        if m["last_night"]:
            return (self.today + _LAST_NIGHT[0] * 3600, self.today + _LAST_NIGHT[1] * 3600)
        if m["lately_unit"]:
            return (self.now - _count(m["lately"] or "one") * _UNITS[m["lately_unit"].lower()], self.now)
        first, last = HOURS["evening"][0], HOURS["night"][1]
        if m["this"]:
            first, last = HOURS[m["this"].lower()]
        return (self.today + first * 3600, self.today + last * 3600)


def _count(text: str) -> int:
    return int(text) if text.isdigit() else _NUMBERS[text.lower()]


def _of_day(m: re.Match[str], prefix: str, half: str, afternoon: bool) -> float | None:
    """Seconds since midnight of an hour and minutes; None where there is no such hour."""
    hour = int(m[f"{prefix}hour"])
    if hour > 24 or (half and not 1 <= hour <= 12):
        return None
    if half:
        hour = hour % 12 + (12 if half == "p" else 0)
    elif afternoon and hour < 12:
        hour += 12
    return hour * 3600.0 + int(m[f"{prefix}minute"] or 0) * 60 + int(m[f"{prefix}second"] or 0)
