"""The timeline: per video, a lane for each way of looking, and the cited spans through all of them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from ...memory import MediaURI, Span, clock
from .markup import Html, el, join
from .reading import ReportLook, RunSummary, looked_and_found, number, place_of, rows, string

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
"""What a tool's lane is called; the lane of any other tool bears the tool's name."""

_VIDEOS = 12  # drawn on one page
_LINKED = 400  # looks on one page that are drawn each by itself, with a link to its step
_MARKS = 4000  # bars of each kind on one page, about
_HEIGHT = 20  # pixels of a lane
_TICKS = (0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 28800, 86400)


@dataclass(slots=True)
class _Axis:
    """From seconds of one video to percent of the width."""

    start: float
    end: float

    def x(self, time: float) -> float:
        return 100 * (min(max(time, self.start), self.end) - self.start) / (self.end - self.start)

    def bar(self, span: Span, class_: str, *, top: float, height: float) -> Html:
        left, right = self.x(span.start), self.x(span.end)
        width = right - left
        # A moment has no width, and would not be drawn; wide neighbours are kept apart.
        width = 0.15 if width < 0.15 else width - 0.2 if width > 1.5 else width
        return el(
            "rect", class_=class_, x=f"{left:.3f}%", width=f"{width:.3f}%", y=f"{top:g}", height=f"{height:g}", rx=1
        )


@dataclass(slots=True)
class _Lane:
    name: str
    looks: list[tuple[ReportLook, list[MediaURI]]] = field(default_factory=list)


def timelines(run: RunSummary) -> Html:
    """A figure for each video that was looked at or is cited."""
    cited = [(n, place) for n, item in enumerate(_evidence(run), 1) if (place := place_of(item.get("uri")))]
    touched = {place.video for look in run.looks for place in look.places} | {place.video for _, place in cited}
    videos = [(key, facts) for key, facts in run.videos.items() if key in touched] or list(run.videos.items())[:1]
    figures = [
        _figure(key, facts, run, [(n, p) for n, p in cited if p.video == key]) for key, facts in videos[:_VIDEOS]
    ]
    rest = [f"{len(videos) - _VIDEOS} more videos were looked at."] if len(videos) > _VIDEOS else []
    untouched = len(run.videos) - len(videos)
    if untouched > 0:
        rest.append(f"{untouched} of {len(run.videos)} videos were not looked at.")
    legend = (
        "Thin: what a tool went through. Solid: what it saw or found there. Shaded: what is cited as evidence. "
        "A mark leads to its step."
    )
    return join(el("p", legend, class_="muted"), figures, el("p", " ".join(rest), class_="muted") if rest else None)


def _evidence(run: RunSummary) -> list[dict[str, Any]]:
    return rows((run.answer or {}).get("evidence"))


def _figure(video: str, facts: dict[str, Any], run: RunSummary, cited: list[tuple[int, MediaURI]]) -> Html | None:
    start, end = number(facts.get("start")), number(facts.get("end"))
    if start is None or end is None or end <= start:
        return None
    axis = _Axis(start, end)
    spans = [(n, place.span) for n, place in cited if place.span is not None]
    bands = join(axis.bar(span, "band", top=0, height=_HEIGHT) for _, span in spans)
    lanes = _lanes(run.looks, video)
    name = string(facts.get("name")) or video
    now = number(run.question.get("now"))
    title = join(el("bdi", name), el("span", f" {clock(start)}-{clock(end)}", class_="muted num"))
    return el(
        "figure",
        el("figcaption", title),
        el(
            "div",
            _row("evidence", _cited(axis, spans), class_="lane cited") if spans else None,
            [_row(lane.name, join(bands, _future(axis, now), _marks(axis, lane, len(run.looks)))) for lane in lanes],
            el("div", el("span"), _scale(axis), class_="lane scale", aria_hidden="true"),
            class_="lanes",
        ),
        None if lanes else el("p", "No tool looked into this video.", class_="muted"),
        class_="timeline",
    )


def _row(name: str, marks: Html, class_: str = "lane") -> Html:
    svg = el("svg", el("rect", class_="rail", width="100%", height=_HEIGHT), marks, width="100%", height=_HEIGHT)
    return el("div", el("span", name, class_="name"), svg, class_=class_)


def _cited(axis: _Axis, spans: list[tuple[int, Span]]) -> Html:
    return join(
        el(
            "a",
            el("title", f"Evidence {n}: {_when(span)}"),
            axis.bar(span, "evidence", top=3, height=_HEIGHT - 6),
            href=f"#evidence-{n}",
        )
        for n, span in spans
    )


def _lanes(looks: Iterable[ReportLook], video: str) -> list[_Lane]:
    """Lanes in the order in which they were first used."""
    lanes: dict[str, _Lane] = {}
    for look in looks:
        places = [place for place in look.places if place.video == video]
        if places:
            name = LANES.get(look.tool, look.tool)
            lanes.setdefault(name, _Lane(name)).looks.append((look, places))
    return list(lanes.values())[:16]


def _future(axis: _Axis, now: float | None) -> Html | None:
    """What the run was not allowed to see."""
    if now is None or now >= axis.end:
        return None
    return axis.bar(Span(max(now, axis.start), axis.end), "future", top=0, height=_HEIGHT)


def _marks(axis: _Axis, lane: _Lane, looks: int) -> Html:
    """The looks of one lane; very many are drawn together."""
    if looks > _LINKED:
        return _bars(axis, [place for _, places in lane.looks for place in places], _MARKS // _LINKED)
    return join(
        el(
            "a",
            el("title", f"{look.tool} {_extent(places)}"),
            _bars(axis, places, min(_MARKS // looks, 60)),
            href=f"#call-{look.number}",
        )
        for look, places in lane.looks
    )


def _bars(axis: _Axis, places: Sequence[MediaURI], most: int) -> Html:
    """A low pale bar for what was gone through, tall solid ones for what was found there."""
    looked, found = looked_and_found(places)
    return join(
        axis.bar(looked.span, "through", top=8, height=4) if looked and looked.span else None,
        (axis.bar(span, "found", top=4, height=_HEIGHT - 8) for span in _merged(axis, found, most)),
    )


def _merged(axis: _Axis, places: Iterable[MediaURI], most: int) -> list[Span]:
    """The spans, with those joined that could not be told apart on the screen; at most `most`."""
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


def _scale(axis: _Axis) -> Html:
    """Tick marks at round times."""
    length = axis.end - axis.start
    most = 4 if length >= 3600 else 6  # labels that fit on a telephone
    step = next((tick for tick in _TICKS if length / tick <= most), 86400 * math.ceil(length / 86400 / most))
    first = math.ceil(axis.start / step - 1e-9)
    ticks = []
    for k in range(first, first + most + 2):
        time = k * step
        if time > axis.end - 0.06 * length and time != axis.end:
            break  # its label would run over the edge
        x = f"{axis.x(time):.3f}%"
        anchor = "end" if axis.x(time) > 97 else "middle"
        ticks.append(el("line", x1=x, x2=x, y1=0, y2=4))
        ticks.append(el("text", clock(time), x=x, y=16, text_anchor=anchor))
    return el("svg", ticks, width="100%", height=20)


def _when(span: Span) -> str:
    return clock(span.start) if span.duration == 0 else str(span)


def _extent(places: Sequence[MediaURI]) -> str:
    spans = [place.span for place in places if place.span is not None]
    if not spans:
        return ""
    return _when(Span(min(s.start for s in spans), max(s.end for s in spans)))
