"""From what a run observed to how far its answer about a state holds.

It follows from what `last_sighting` observed and what the answer cites, so that a replay finds the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from langchain_core.messages import AnyMessage, ToolMessage

from ..memory import MediaURI, Moment, Span, clock
from ..memory.span import merge_spans
from ..memory.timeline import wall_clock
from .answer import Draft, Evidence
from .questions.question import Question
from .text_matching import content
from .validity import Sighting, Unexamined, Validity

_TOOL = "last_sighting"
_PICTURES = "visual"
_SENSES = {"speech": "speech", "screen_text": "screen text", _PICTURES: "pictures"}
_VERBS = {"speech": "mentioned", "screen_text": "shown on the screen"}
_GAP = 1.0
"""Seconds below which nobody misses anything."""
_MINUTE = 60.0
_LISTED = 3


def validity_of(draft: Draft, question: Question, messages: Iterable[AnyMessage]) -> Validity | None:
    """Return how far an answer holds; None where the run asked for no last sighting."""
    found = next((m for m in messages if isinstance(m, ToolMessage) and m.name == _TOOL and m.status != "error"), None)
    data = (found.artifact or {}).get("data") if found is not None else None
    rows = (data or {}).get("looked_at") or []
    if not data or not rows:
        return None
    line = _Line(rows, question.videos, question.now if isinstance(question.now, Moment) else None)
    cited = [] if draft.abstained else [item for item in draft.evidence if item.supported and item.span is not None]
    cited = sorted(cited, key=lambda item: line.moment(item.uri))
    last = cited[-1] if cited else None
    before = next((i for i in reversed(cited[:-1]) if last and content(_words(i)) != content(_words(last))), None)
    later = data["sightings"]  # where the answer rests on none of them, all of them
    if last is not None:
        later = [row for row in later if line.moment(row["uri"]) > line.moment(last.uri, end=True)]
    since = line.since(last.uri if last is not None else later[0]["uri"] if later else None)
    return Validity(
        text=_text(str(data["what"]), line, last, before, since, later),
        last_seen=_sighting(last, line, data["sightings"]),
        earlier=_sighting(before, line, data["sightings"]),
        as_of=str(MediaURI(line.newest["video"], Span(line.newest["end"], line.newest["end"]))),
        as_of_wall_clock=line.as_of(),
        not_examined_since=since,
    )


class _Line:
    """The videos in the order of time, and what was looked at in each."""

    def __init__(
        self, rows: Sequence[Mapping[str, Any]], videos: Sequence[Mapping[str, Any]], now: Moment | None
    ) -> None:
        self.rows = rows
        self.facts = {video["id"]: {"recorded": None, "zone": None, **video} for video in videos}
        self.dated = all(row["recorded"] is not None for row in rows)
        self.newest = max(rows, key=lambda row: self.at(row, row["end"]) or 0.0) if self.dated else rows[-1]
        """The video that ends last."""
        self.ended = self.at(self.newest, self.newest["end"]) if self.dated else None
        """When it ends by the clock."""
        self.now = None if self.ended is None else self.ended if now is None else max(now.seconds, self.ended)
        """Up to when the question sees by the clock: there may be hours since the last recording."""

    def as_of(self) -> str | None:
        """The moment up to which the question sees, as the clock showed it."""
        return None if self.now is None else wall_clock(self.now, self.newest["zone"])

    def ago(self, uri: str) -> str:
        """How long before the end of what the question sees a place lies, in words; empty where that is no time."""
        place, row = MediaURI.parse(uri), self.video(uri)
        end = place.span.end if place.span else 0.0
        if place.video == self.newest["video"] and self.now == self.ended:
            since = self.newest["end"] - end
            return f"{_length(since)} before {clock(self.newest['end'])}" if since > _GAP else ""
        at = None if row is None else self.at(row, end)
        if at is None or self.now is None or self.now - at <= _GAP:
            return ""
        return f"{_length(self.now - at)} before {self.as_of()}"

    def unrecorded(self) -> str:
        """That nothing was recorded for a minute or more before the moment that is asked about; else empty."""
        if self.now is None or self.ended is None or self.now - self.ended < _MINUTE:
            return ""
        return f"Nothing was recorded from {wall_clock(self.ended, self.newest['zone'])} to {self.as_of()}."

    def at(self, row: Mapping[str, Any], time: float) -> float | None:
        """A time of a video on the timeline's clock."""
        return None if row["recorded"] is None else float(row["recorded"] + time - row["start"])

    def clock(self, row: Mapping[str, Any], time: float) -> str | None:
        """A time of a video as the clock showed it."""
        at = self.at(row, time)
        return None if at is None else wall_clock(at, row["zone"])

    def video(self, uri: str) -> Mapping[str, Any] | None:
        """The facts of the video of a place: name, start, recorded, zone."""
        return self.facts.get(MediaURI.parse(uri).video)

    def moment(self, uri: str, *, end: bool = False) -> tuple[float, float]:
        """A key by which places are in the order of time: by the clock, else by the order of the videos."""
        place = MediaURI.parse(uri)
        number = next((n for n, row in enumerate(self.rows) if row["video"] == place.video), -1)
        row = self.video(uri)
        time = (place.span.end if end else place.span.start) if place.span else 0.0
        if row is None or not self.dated:
            return float(number), time
        return 0.0, self.at(row, time) or 0.0

    def since(self, uri: str | None) -> tuple[Unexamined, ...]:
        """What was not searched after a place (everything without one), video by video."""
        found: list[Unexamined] = []
        place = MediaURI.parse(uri) if uri else None
        own = next((n for n, row in enumerate(self.rows) if place and row["video"] == place.video), -1)
        for number, row in enumerate(self.rows):
            start = row["start"]
            if place is not None and place.span is not None and own >= 0:
                if number == own:
                    start = place.span.end
                elif self.dated:  # cameras that run side by side
                    passed = (self.at(self.rows[own], place.span.end) or 0.0) - (self.at(row, row["start"]) or 0.0)
                    start = max(start, row["start"] + passed)
                elif number < own:
                    continue
            if row["end"] - start > _GAP:
                found += _gaps(row, Span(start, row["end"]))
        return tuple(found)


def _gaps(row: Mapping[str, Any], span: Span) -> list[Unexamined]:
    """The parts of a span that some channel does not cover; pictures are covered where a detector knows the thing."""
    covered = dict(row["channels"])
    senses = {"speech": covered.get("speech", ()), "screen_text": covered.get("screen_text", ())}
    senses[_PICTURES] = covered.get("objects", ())
    bounds = {span.start, span.end}
    spans = {sense: [Span(*one) for one in given] for sense, given in senses.items()}
    for given in spans.values():
        bounds |= {edge for one in given for edge in (one.start, one.end) if span.start < edge < span.end}
    edges = sorted(bounds)
    found: list[tuple[Span, tuple[str, ...]]] = []
    for start, end in zip(edges, edges[1:], strict=False):
        middle = (start + end) / 2
        missing = tuple(
            sense for sense, given in spans.items() if not any(one.start <= middle < one.end for one in given)
        )
        if found and found[-1][1] == missing and found[-1][0].end == start:
            found[-1] = (Span(found[-1][0].start, end), missing)
        else:
            found.append((Span(start, end), missing))
    return [
        Unexamined(str(MediaURI(row["video"], part)), missing)
        for part, missing in found
        if missing and part.duration > _GAP
    ]


def _words(item: Evidence) -> str:
    return item.quote or item.claim


def _sighting(item: Evidence | None, line: _Line, rows: Sequence[Mapping[str, Any]]) -> Sighting | None:
    if item is None or item.span is None:
        return None
    row = line.video(item.uri)
    return Sighting(
        uri=item.uri,
        channel=_channel(item, rows),
        text=_words(item),
        wall_clock=None if row is None else line.clock(row, item.span.start),
    )


def _channel(item: Evidence, rows: Sequence[Mapping[str, Any]]) -> str:
    """The channel that told it: as the sightings say, else by the tool that found it."""
    for row in rows:
        if row["uri"] == item.uri or _words(item) == row["text"]:
            return str(row["channel"])
    tools = {"transcribe": "speech", "read_text": "screen_text"}
    return tools.get(item.tool, "screen_text" if item.box else "speech" if item.quote else _PICTURES)


def _text(
    what: str,
    line: _Line,
    last: Evidence | None,
    before: Evidence | None,
    since: Sequence[Unexamined],
    later: Sequence[Mapping[str, Any]],
) -> str:
    """The validity in sentences."""
    parts = []
    if last is not None and last.span is not None:
        ago = line.ago(last.uri)
        how_old = f", {ago}" if ago else ""
        parts.append(f"Last {_VERBS.get(_channel(last, ()), 'seen')} at {_place(line, last.uri)}{how_old}.")
        if before is not None:
            parts.append(f"Before that, at {_place(line, before.uri)}: {_quoted(_words(before))}")
        if later:
            parts.append(f"Named again at {_place(line, later[0]['uri'])}: {_quoted(str(later[0]['text']))}")
        if not later and not since and not ago:
            return " ".join(parts)
    elif later:
        parts.append(f"Last named at {_place(line, later[0]['uri'])}: {_quoted(str(later[0]['text']))}")
        return " ".join(
            [*parts, "The answer cites no place that tells it.", *_searched(what, since, line, True, False)]
        )
    searched = _searched(what, since, line, last is not None, bool(later))
    return " ".join(filter(None, [*parts, *searched, line.unrecorded()]))


def _searched(what: str, since: Sequence[Unexamined], line: _Line, found: bool, again: bool) -> list[str]:
    """What was searched since, and what was not, in words."""
    parts: list[str] = []
    places = {sense: [MediaURI.parse(one.uri) for one in since if sense in one.channels] for sense in _SENSES}
    whole = [name for sense, name in _SENSES.items() if not places[sense]]
    if whole:
        names = " and ".join(filter(None, [", ".join(whole[:-1]), whole[-1]]))
        many = len(whole) > 1 or whole[0] == _SENSES[_PICTURES]
        if again:
            tells = "tell nothing else of it" if many else "tells nothing else of it"
        else:
            tells = f"{'do' if many else 'does'} not {'mention it again' if found else 'tell it'}"
        parts.append(f"{'Since then' if found else 'Up to now'} {names} {tells}.")
    for sense, spots in places.items():
        if not spots:
            continue
        spans = [
            f"{_video(line, video)}{span}"
            for video in dict.fromkeys(place.video for place in spots)
            for span in merge_spans([place.span for place in spots if place.video == video and place.span], _GAP)
        ]
        listed = ", ".join(spans[:_LISTED]) + (f" and {len(spans) - _LISTED} more" if len(spans) > _LISTED else "")
        was = "were" if sense == _PICTURES else "was"
        parts.append(f"{_SENSES[sense].capitalize()} {was} not searched for “{what}”: {listed}.")
    return parts


def _quoted(text: str) -> str:
    line = " / ".join(text.split("\n"))
    return f"“{line}”" + ("" if line.endswith((".", "!", "?", "…")) else ".")


def _video(line: _Line, video: str) -> str:
    if len(line.facts) == 1 or video not in line.facts:
        return ""
    return f"{line.facts[video]['name']} "


def _place(line: _Line, uri: str) -> str:
    """Video time and, where the video is dated, the time of the clock."""
    place = MediaURI.parse(uri)
    start = place.span.start if place.span else 0.0
    row = line.video(uri)
    at = None if row is None else line.clock(row, start)
    return f"{_video(line, place.video)}{clock(start)}" + (f" ({at})" if at else "")


def _length(seconds: float) -> str:
    """A length in words, to about a hundredth: `33 s`, `12 min`, `2 h 55 min`, `5 days 20 h`."""
    if seconds < 90:
        return f"{max(seconds, 0.0):.0f} s"
    minutes = round(seconds / 60)
    hours, minutes = (round(minutes / 60), 0) if minutes >= 48 * 60 else divmod(minutes, 60)
    days, hours = divmod(hours, 24) if hours >= 48 else (0, hours)
    return " ".join(f"{n} {name}" for n, name in ((days, "days"), (hours, "h"), (minutes, "min")) if n)
