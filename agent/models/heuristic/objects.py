"""Things in the picture: how many, whether, when, how long, which way, which kind; by a detector, or by motion alone.

A question is answered only if all of its words are understood; what was not looked at whole says so and is less sure.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Generator, Sequence
from dataclasses import dataclass, replace

from ....memory import Span, clock
from ....memory.tracking.detector_labels import COCO_LABELS, count_words, labels_for, plural
from ....memory.tracking.track_colors import similar_colors
from ....tools.builtin.track_objects import ANYTHING
from ....tools.builtin.track_report import distinct, most_at_once
from ...answer import Draft
from ...steps import Call, CallResult
from ...text_matching import ORDINALS
from .object_query import ObjectQuery, parse_object_query
from .passages import HeuristicContext, from_to

STRETCH, MOST_STRETCHES = 150.0, 4  # seconds of background subtraction in one call, and calls
_STAY_SECONDS = 3.0  # what passes through a picture is seen for about as long
_UNSURE = 0.45  # score below which something that was taken for a thing is no reason to say yes
_AT_START, _AT_END = "in view at the start", "in view at the end"
_THERE = re.compile(
    r"\b(?:there|any\w*|some\w*|visible|seen|see|spot|spotted|shown?|view|picture|video|frame|clip|film)\b"
)
_WHICH = re.compile(
    r"\blongest\b|\bcolou?r\b|\b(?:direction|way|side|edge)\b|"
    r"\b(?:what|which) (?:(?:kinds?|types?) of |other )?(?:vehicle|animal|furniture|fruit)s?\b"
)
_TIME_SEEN = re.compile(
    r"\b(?:what|which) (?:time|second|moment|point)\b.*\b(?:view|picture|frame|appear|show up|visible)"
)
_GROUPS = {group: labels_for(group, COCO_LABELS) for group in ("vehicle", "animal", "furniture", "fruit")}


@dataclass(frozen=True, slots=True)
class _TrackedObject:
    """One track, as `track_objects` told it."""

    label: str
    span: Span
    color: str
    direction: str
    enters: str
    leaves: str
    area: float
    sure: float

    @property
    def claim(self) -> str:
        name = f"a {self.label}" if self.label else f"something {self.color}"
        return f"{name} is in view: enters {self.enters}, goes {self.direction}, leaves {self.leaves}"


@dataclass(frozen=True, slots=True)
class _ObjectReport:
    """The tracks and places that answer a question, with the `share` (0 to 1) of it that they cover."""

    name: str
    color: str | None
    objects: tuple[_TrackedObject, ...]
    window: Span
    share: float
    scope: str

    def many(self, count: int) -> str:
        """`1 red car`, `no cars`, `2 people in red`."""
        name = self.name if count == 1 else plural(self.name)
        dressed = f"{name} in {self.color}" if self.name == "person" else f"{self.color} {name}"
        return f"{count or 'no'} {dressed if self.color else name}"

    def draft(
        self, context: HeuristicContext, text: str, spans: Sequence[Span] = (), summary: str = "", sure: float = 1.0
    ) -> Draft:
        """An answer that cites each thing (or these spans of theirs), as sure as they are and as much was seen."""
        cited = zip(self.objects, spans or [t.span for t in self.objects], strict=True)
        evidence = [context.evidence(t.claim, span, "track_objects") for t, span in list(cited)[:11]]
        if summary or not evidence:
            ends = [t.span for t in self.objects]
            at_once = self.window.duration == 0 or not ends
            over = self.window if at_once else Span(ends[0].start, max(span.end for span in ends))
            evidence.insert(0, context.evidence(summary or f"{self.many(0)} in view", over, "track_objects"))
        own = [t.sure for t in self.objects] or [0.55]  # a detector overlooks things
        certainty = (min(own) + sum(own) / len(own)) / 2
        return Draft(text=text, evidence=tuple(evidence), confidence=sure * self.share * min(0.9, certainty))


def about_objects(context: HeuristicContext) -> Generator[Call, CallResult, Draft | None]:
    """The answer of what is seen in the picture; None where that has nothing to say to the question."""
    question = context.question
    query = parse_object_query(question.text, timed=question.at is not None, ordered=question.order is not None)
    if question.kind == "text" and _TIME_SEEN.search(question.text.lower()):
        question = replace(question, kind="time")
        context = replace(context, question=question)
    if query is None or not _can_tell(context, query):
        return None
    able = bool(context.video.get("detector")) or "objects" in context.video.get("channels", ())
    if able and query.noun and not query.strange:
        report = yield from _detected(context, query)
        if report is not None and (report.objects or not question.color):
            return _answer(context, query, report)
    # What moves, whatever it is: where that is asked, or where its color tells what is meant.
    if query.noun or query.strange:
        counted = question.kind == "count" and not query.times
        several = len(query.strange) + bool(query.noun) > 1
        if not question.color or counted or several or not (query.does or question.kind == "time"):
            return None
    elif not query.does and not (question.color and question.kind == "time"):
        return None
    report = yield from _moving(context)
    return None if report is None else _answer(context, query, report)


def _can_tell(context: HeuristicContext, query: ObjectQuery) -> bool:
    """Return whether tracks can answer such a question: they tell that something is there and moves, not how it is."""
    kind, low = context.question.kind, context.question.text.lower()
    if kind in ("count", "yes_no"):
        return not query.narrower and bool(kind == "count" or query.does or _THERE.search(low))
    if kind == "where":
        return bool(query.does - {"stay", "stand"})
    return kind in ("time", "how_long") or kind == "text" and bool(_WHICH.search(low))


def _detected(context: HeuristicContext, query: ObjectQuery) -> Generator[Call, CallResult, _ObjectReport | None]:
    """The things of a kind (and color) over what is asked about; None where the detector does not know it."""
    at, color, window = context.question.at, context.question.color, context.window
    moment = at.start if at is not None and at.duration == 0 else None
    if moment is None and query.edge:
        moment = context.whole.start if query.edge == "start" else context.whole.end - 0.2
    if context.question.kind not in ("count", "yes_no"):
        moment = None
    if moment is not None:  # tracks tell more than one picture
        window = Span(max(moment - 1, context.whole.start), min(moment + 1, context.whole.end))
    result = yield context.over("track_objects", window, labels=[query.noun])
    if result.error or "how" not in result.data or result.data.get("unknown"):
        return None
    own = labels_for(query.noun, COCO_LABELS)  # a car that may be a bus is a worse bus
    objects = [t if t.label in own else replace(t, sure=0.7 * t.sure) for t in _things(result, 1.0)]
    if color is not None:  # where there are none of it, those whose paint may look so
        colored = ([t for t in objects if t.color == one] for one in similar_colors(color))
        objects = next((found for found in colored if found), [])
    if moment is not None:
        objects = [t for t in objects if t.span.start <= moment <= t.span.end]
        return _ObjectReport(query.noun, color, tuple(objects), Span(moment, moment), 1.0, f"at {moment:.1f} s")
    rate = result.data.get("fps")
    share = 1.0 if rate is None else min(1.0, rate * _STAY_SECONDS)
    scope = _where(context, window)
    if rate is not None and share < 1:
        scope += f", looking once in {1 / rate:.0f} s: what came and went between was not seen"
    return _ObjectReport(query.noun, color, tuple(objects), window, share, scope)


def _moving(context: HeuristicContext) -> Generator[Call, CallResult, _ObjectReport | None]:
    """Everything that moves (of a color), stretch by stretch; None where the camera moves or nothing is read."""
    at, color, window = context.question.at, context.question.color, context.window
    if at is not None and at.duration == 0:
        window = Span(at.start - 10, at.start + 10).within(context.whole)
    objects: list[_TrackedObject] = []
    end = window.start
    for _ in range(MOST_STRETCHES):
        stretch = Span(end, min(end + STRETCH, window.end))
        result = yield context.over("track_objects", stretch, labels=[ANYTHING])
        if result.error or result.data.get("camera_moves", True):
            break
        objects += [t for t in _things(result, 0.9) if color in (None, t.color)]
        end = stretch.end
        if end >= window.end - 1:
            break
    if end == window.start:
        return None
    if at is not None:
        objects = [t for t in objects if t.span.overlap(at) > 0 or t.span.contains(at.start)]
    share = 1.0 if end >= window.end - 1 else (end - window.start) / window.duration
    scope = _where(context, Span(window.start, end))
    scope += "" if share == 1 else f" of {clock(window.duration)}; the rest was not looked at"
    return _ObjectReport("moving object", color, tuple(objects), Span(window.start, end), share, scope)


def _things(result: CallResult, trust: float) -> list[_TrackedObject]:
    rows = sorted(result.data["tracks"], key=lambda row: row["span"])
    return [
        _TrackedObject(row.get("label", ""), Span(*row["span"]), row["colour"], row["direction"], row["enters"],
                       row["leaves"], float(row["area"]), trust * float(row["confidence"]))
        for row in rows
    ]  # fmt: skip


def _where(context: HeuristicContext, span: Span) -> str:
    whole = span.duration >= context.whole.duration - 1
    return "in the whole video" if whole else f"from {clock(span.start)} to {clock(span.end)}"


def _answer(context: HeuristicContext, query: ObjectQuery, report: _ObjectReport) -> Draft | None:
    question, low, objects = context.question, context.question.text.lower(), report.objects
    if query.narrower and len(objects) != 1:
        return None  # the woman is the person, where there is but one
    if question.kind in ("count", "yes_no"):
        objects = tuple(t for t in objects if not ("move" in query.does and t.direction == "stays")
                       and not ("enter" in query.does and t.enters == _AT_START)
                       and not ("leave" in query.does and t.leaves == _AT_END))  # fmt: skip
        report = replace(report, objects=objects)
        return _count(context, query, report) if question.kind == "count" else _whether(context, report)
    come, go = bool(query.does & {"enter", "appear"}), "leave" in query.does
    if not objects:
        return None  # what is not seen may still be told
    if question.kind == "time":
        result = (t for t in objects if not (come and t.enters == _AT_START or go and t.leaves == _AT_END))
        objects = tuple(result) or objects
    if question.order is not None:
        if question.order > len(objects):
            return context.abstain(f"Only {report.many(len(objects))} seen {report.scope}.")
        objects = (objects[-1 if question.order == -1 else question.order - 1],)
    report = replace(report, objects=objects)
    less = "" if report.share == 1 else f" ({report.scope})"
    if "longest" in low:
        place, one = max(enumerate(objects, 1), key=lambda row: row[1].span.duration)
        name = "last" if place == len(objects) else ORDINALS[place - 1] if place <= len(ORDINALS) else f"{place}th"
        text = f"the {name} one, {one.span.duration:.1f} s ({from_to(one.span)}){less}"
        return replace(report, objects=(one,)).draft(context, text)
    if question.kind in ("time", "how_long"):
        return _when(context, report, come, go, less)
    if re.search(r"\bcolou?r\b", low):  # clothes and skin are no color of a person
        colors = list(dict.fromkeys(t.color for t in objects))
        fits = len(colors) <= 2 and all(t.label in ("", *_GROUPS["vehicle"]) for t in objects)
        return report.draft(context, ", ".join(colors) + less, sure=0.7) if fits else None
    if question.kind == "where" or re.search(r"\b(?:direction|way|side|edge)\b", low):
        return _way(context, report, come, go, less)
    return report.draft(context, count_words(Counter(t.label for t in objects).most_common()) + f" {report.scope}")


def _count(context: HeuristicContext, query: ObjectQuery, report: _ObjectReport) -> Draft:
    """Things over the time asked about, or the most at once where the question says so; the answer says which."""
    largest = max((t.area for t in report.objects), default=0.0)
    objects = tuple(t for t in report.objects if not query.large or t.area >= 0.25 * largest)
    report = replace(report, objects=objects)
    most = most_at_once([t.span for t in objects])
    passing = query.times or query.does & {"enter", "move", "leave"}
    every = len(objects) if passing else distinct([(t.span, t.enters, t.leaves) for t in objects])
    if query.times and report.window.duration > 0:
        text = f"{every} times a {report.many(1)[2:]} comes into view {report.scope}; at most {most} at the same time"
    elif (query.at_once or "stand" in query.does) and report.window.duration > 0:
        text = f"{most} {report.many(most).split(' ', 1)[1]} at the same time, at most; {every} in all {report.scope}"
    else:
        text = f"{every} {report.many(every).split(' ', 1)[1]} {report.scope}"
        text += f", at most {most} at the same time" if most != every else ""
    return report.draft(context, text, summary=f"{report.many(every)}, at most {most} at the same time")


def _whether(context: HeuristicContext, report: _ObjectReport) -> Draft:
    if report.objects:
        best = max(report.objects, key=lambda thing: thing.sure)
        if best.sure < _UNSURE:
            return context.abstain(f"Perhaps {report.many(len(report.objects))} {report.scope}, but that is not sure.")
        text = f"yes, {report.many(len(report.objects))} {report.scope}"
        return replace(report, objects=(best,), share=1.0).draft(context, text)
    if report.share < 1:
        return context.abstain(f"{report.many(0).capitalize()} seen {report.scope}.")
    return report.draft(context, f"no, {report.many(0)} to be seen {report.scope}")


def _when(context: HeuristicContext, report: _ObjectReport, come: bool, go: bool, less: str) -> Draft:
    parts, spans = [], []
    for thing in report.objects:
        start, end = thing.span.start, thing.span.end
        spans.append(Span(max(end - 1, start), end) if go else Span(start, end))
        if context.question.kind == "how_long":
            parts.append(f"about {end - start:.1f} seconds ({from_to(Span(start, end))})")
        elif come:
            since = "in view from the start, at" if thing.enters == _AT_START else "at"
            parts.append(f"{since} {start:.1f} s (until {end:.1f} s)")
        else:
            parts.append(f"at {end:.1f} s" if go else from_to(Span(start, end)))
    sure = 0.5 if come and report.objects[0].enters == _AT_START or go and report.objects[0].leaves == _AT_END else 1.0
    text = "; also ".join(parts[:6]) + (f"; {len(parts)} in all" if len(parts) > 6 else "") + less
    return report.draft(context, text, spans, sure=sure)


def _way(context: HeuristicContext, report: _ObjectReport, come: bool, go: bool, less: str) -> Draft:
    ways = Counter(t.leaves if go else t.enters if come else t.direction for t in report.objects)
    if len(ways) > 1:
        several = ", ".join(f"{way} ({count})" for way, count in ways.most_common())
        things = report.many(len(report.objects))
        return context.abstain(f"There are {things}, not all alike: {several}; say which is meant.")
    return report.draft(context, next(iter(ways)) + less)
