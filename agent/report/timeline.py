"""The timeline: per video, a lane for each way of looking, and the cited spans through all of them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from ...memory import MediaURI, Span, clock, wall_clock
from ...memory.timeline.moment import DAY
from .run_summary import ReportCall, RunSummary, number, place_of, string, through_and_found

_FARTHEST = 2.5e11  # POSIX seconds that the calendar can tell
LANES = {
    "search_clips": "searched",
    "transcribe": "listened",
    "read_text": "read",
    "view_clip": "viewed",
    "crop": "viewed",
    "ask_clip": "viewed",
    "caption_clip": "viewed",
    "detect_objects": "detected",
    "track_objects": "tracked",
    "browse": "browsed",
}
"""The lane of each tool; that of any other tool bears the tool's name."""

_VIDEOS = 12  # drawn on one page
_LANES = 16  # of one video
_LINKED = 400  # calls on one page that are drawn each by itself, with a link to its step
_MARKS = 4000  # bars of each kind on one page, about
_TICKS = (0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 28800, 86400)


@dataclass(frozen=True, slots=True)
class Bar:
    """A span in percent of the width; `target` and `title` where it is a link by itself."""

    x: float
    width: float
    target: str = ""
    title: str = ""


@dataclass(frozen=True, slots=True)
class Mark:
    """One call, or many drawn together: a bar for what was gone through, others for what was found there."""

    through: Bar | None
    found: list[Bar]
    target: str = ""
    title: str = ""


@dataclass(slots=True)
class Lane:
    """The marks of one way of looking."""

    name: str
    calls: list[tuple[ReportCall, list[MediaURI]]] = field(default_factory=list)
    marks: list[Mark] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """The timeline of one video; times in seconds, places in percent of the width."""

    name: str
    start: float
    end: float
    recorded: str
    """When it was recorded, by its timeline's clock; empty if nobody knows."""
    cited: list[Bar]
    lanes: list[Lane]
    future: Bar | None
    """What the run was not allowed to see."""
    ticks: list[tuple[float, float]]
    """Place and time of each label."""


@dataclass(frozen=True, slots=True)
class Timelines:
    """The timelines of a page, and what is not drawn."""

    figures: list[Figure]
    notes: list[str]


@dataclass(frozen=True, slots=True)
class _Axis:
    """From seconds of one video to percent of the width."""

    start: float
    end: float

    def x(self, time: float) -> float:
        return 100 * (min(max(time, self.start), self.end) - self.start) / (self.end - self.start)

    def bar(self, span: Span, target: str = "", title: str = "") -> Bar:
        left = self.x(span.start)
        width = self.x(span.end) - left
        # A moment has no width, and would not be drawn; wide neighbours are kept apart.
        width = 0.15 if width < 0.15 else width - 0.2 if width > 1.5 else width
        return Bar(left, width, target, title)


def timelines(run: RunSummary) -> Timelines:
    """Return a figure for each video that was looked at or is cited."""
    cited = [(n, place) for n, item in enumerate(run.evidence, 1) if (place := place_of(item.get("uri")))]
    touched = {place.video for call in run.calls for place in call.places} | {place.video for _, place in cited}
    videos = [(key, facts) for key, facts in run.videos.items() if key in touched] or list(run.videos.items())[:1]
    figures = [_figure(key, facts, run, cited) for key, facts in videos[:_VIDEOS]]
    notes = [f"{len(videos) - _VIDEOS} more videos were looked at."] if len(videos) > _VIDEOS else []
    if len(run.videos) > len(videos):
        notes.append(f"{len(run.videos) - len(videos)} of {len(run.videos)} videos were not looked at.")
    return Timelines([figure for figure in figures if figure is not None], notes)


def _recorded(facts: dict[str, Any]) -> str:
    recorded, zone = number(facts.get("recorded")), number(facts.get("zone"))
    if recorded is None or not 0 <= recorded < _FARTHEST or (zone is not None and abs(zone) >= DAY):
        return ""
    return wall_clock(recorded, None if zone is None else int(zone))


def _figure(video: str, facts: dict[str, Any], run: RunSummary, cited: Sequence[tuple[int, MediaURI]]) -> Figure | None:
    start, end, now = number(facts.get("start")), number(facts.get("end")), run.now_of(video)
    if start is None or end is None or end <= start:
        return None
    axis = _Axis(start, end)
    bars = [
        axis.bar(place.span, f"evidence-{n}", f"Evidence {n}: {_when(place.span)}")
        for n, place in cited
        if place.video == video and place.span is not None
    ]
    lanes: dict[str, Lane] = {}  # in the order in which they were first used
    for call in run.calls:
        places = [place for place in call.places if place.video == video]
        if places:
            name = LANES.get(call.tool, call.tool)
            lanes.setdefault(name, Lane(name)).calls.append((call, places))
    for lane in lanes.values():
        lane.marks = _marks(axis, lane, len(run.calls))
    return Figure(
        name=string(facts.get("name")) or video,
        start=start,
        end=end,
        recorded=_recorded(facts),
        cited=bars,
        lanes=list(lanes.values())[:_LANES],
        future=None if now is None or now >= end else axis.bar(Span(max(now, start), end)),
        ticks=_ticks(axis),
    )


def _marks(axis: _Axis, lane: Lane, calls: int) -> list[Mark]:
    """Return the calls of one lane, of `calls` on the page; very many are drawn together."""
    if calls > _LINKED:
        return [_mark(axis, [place for _, places in lane.calls for place in places], _MARKS // _LINKED)]
    most = min(_MARKS // calls, 60)
    return [_mark(axis, places, most, call) for call, places in lane.calls]


def _mark(axis: _Axis, places: Sequence[MediaURI], most: int, call: ReportCall | None = None) -> Mark:
    through, found = through_and_found(places)
    spans = [place.span for place in places if place.span is not None]
    extent = _when(Span(min(s.start for s in spans), max(s.end for s in spans))) if spans else ""
    return Mark(
        through=axis.bar(through.span) if through and through.span else None,
        found=[axis.bar(span) for span in _merged(axis, found, most)],
        target=f"call-{call.number}" if call else "",
        title=f"{call.tool} {extent}" if call else "",
    )


def _merged(axis: _Axis, places: Iterable[MediaURI], most: int) -> list[Span]:
    """Return the spans, with those joined that could not be told apart on the screen; at most `most`."""
    spans = sorted(place.span for place in places if place.span is not None)
    gap = (axis.end - axis.start) / 1000
    while True:
        joined: list[Span] = []
        for span in spans:
            near = joined and span.start - joined[-1].end < gap
            if near and (span.start < joined[-1].end or span.duration < 4 * gap):
                joined[-1] = Span(joined[-1].start, max(joined[-1].end, span.end))
            else:
                joined.append(span)
        if len(joined) <= most:
            return joined
        spans, gap = joined, gap * 2


def _ticks(axis: _Axis) -> list[tuple[float, float]]:
    """Return tick marks at round times."""
    length = axis.end - axis.start
    most = 4 if length >= 3600 else 6  # labels that fit on a telephone
    step = next((tick for tick in _TICKS if length / tick <= most), 86400 * math.ceil(length / 86400 / most))
    first = math.ceil(axis.start / step - 1e-9)
    times = [k * step for k in range(first, first + most + 2)]
    # A label near the end would run over the edge.
    return [(axis.x(time), time) for time in times if time <= axis.end - 0.06 * length or time == axis.end]


def _when(span: Span) -> str:
    return clock(span.start) if span.duration == 0 else str(span)
