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
from .context import HeuristicContext
from .object_words import Wanted, wanted

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
_ORDER = "first second third fourth fifth sixth seventh eighth ninth tenth".split()
_GROUPS = {group: labels_for(group, COCO_LABELS) for group in ("vehicle", "animal", "furniture", "fruit")}


@dataclass(frozen=True, slots=True)
class _Thing:
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
        """What its track tells."""
        name = f"a {self.label}" if self.label else f"something {self.color}"
        return f"{name} is in view: enters {self.enters}, goes {self.direction}, leaves {self.leaves}"


@dataclass(frozen=True, slots=True)
class _Look:
    """What was followed, and where: of what was asked about, `share` (0 to 1); below 1 something may be missing."""

    name: str
    color: str | None
    things: tuple[_Thing, ...]
    window: Span
    share: float
    said: str

    def many(self, count: int) -> str:
        """`1 red car`, `no cars`, `2 people in red`."""
        name = self.name if count == 1 else plural(self.name)
        dressed = f"{name} in {self.color}" if self.name == "person" else f"{self.color} {name}"
        return f"{count or 'no'} {dressed if self.color else name}"

    def draft(
        self, scene: HeuristicContext, text: str, spans: Sequence[Span] = (), summary: str = "", sure: float = 1.0
    ) -> Draft:
        """An answer that cites each thing (or these spans of theirs), as sure as they are and as much was seen."""
        cited = zip(self.things, spans or [t.span for t in self.things], strict=True)
        evidence = [scene.evidence(t.claim, span, "track_objects") for t, span in list(cited)[:11]]
        if summary or not evidence:
            ends = [t.span for t in self.things]
            at_once = self.window.duration == 0 or not ends
            over = self.window if at_once else Span(ends[0].start, max(span.end for span in ends))
            evidence.insert(0, scene.evidence(summary or f"{self.many(0)} in view", over, "track_objects"))
        own = [t.sure for t in self.things] or [0.55]  # a detector overlooks things
        known = (min(own) + sum(own) / len(own)) / 2
        return Draft(text=text, evidence=tuple(evidence), confidence=sure * self.share * min(0.9, known))


def about_objects(scene: HeuristicContext) -> Generator[Call, CallResult, Draft | None]:
    """The answer of what is seen in the picture; None where that has nothing to say to the question."""
    ask = scene.ask
    want = wanted(ask.text, timed=ask.at is not None, ordered=ask.order is not None)
    if ask.kind == "text" and _TIME_SEEN.search(ask.text.lower()):
        ask = replace(ask, kind="time")
        scene = replace(scene, ask=ask)
    if want is None or not _can_tell(scene, want):
        return None
    able = bool(scene.video.get("detector")) or "objects" in scene.video.get("channels", ())
    if able and want.noun and not want.strange:
        look = yield from _detected(scene, want)
        if look is not None and (look.things or not ask.color):
            return _answer(scene, want, look)
    # What moves, whatever it is: where that is asked, or where its color tells what is meant.
    if want.noun or want.strange:
        counted = ask.kind == "count" and not want.times
        if not ask.color or counted or len(want.strange) + bool(want.noun) > 1 or not (want.does or ask.kind == "time"):
            return None
    elif not want.does and not (ask.color and ask.kind == "time"):
        return None
    look = yield from _moving(scene)
    return None if look is None else _answer(scene, want, look)


def _can_tell(scene: HeuristicContext, want: Wanted) -> bool:
    """Whether tracks can answer such a question: they tell that something is there and moves, not how it is."""
    kind, low = scene.ask.kind, scene.ask.text.lower()
    if kind in ("count", "yes_no"):
        return not want.narrower and bool(kind == "count" or want.does or _THERE.search(low))
    if kind == "where":
        return bool(want.does - {"stay", "stand"})
    return kind in ("time", "how_long") or kind == "text" and bool(_WHICH.search(low))


def _detected(scene: HeuristicContext, want: Wanted) -> Generator[Call, CallResult, _Look | None]:
    """The things of a kind (and color) over what is asked about; None where the detector does not know it."""
    at, color, window = scene.ask.at, scene.ask.color, scene.window
    moment = at.start if at is not None and at.duration == 0 else None
    if moment is None and want.edge:
        moment = scene.whole.start if want.edge == "start" else scene.whole.end - 0.2
    if scene.ask.kind not in ("count", "yes_no"):
        moment = None
    if moment is not None:  # tracks tell more than one picture
        window = Span(max(moment - 1, scene.whole.start), min(moment + 1, scene.whole.end))
    seen = yield scene.over("track_objects", window, labels=[want.noun])
    if seen.error or "how" not in seen.data or seen.data.get("unknown"):
        return None
    own = labels_for(want.noun, COCO_LABELS)  # a car that may be a bus is a worse bus
    things = [t if t.label in own else replace(t, sure=0.7 * t.sure) for t in _things(seen, 1.0)]
    if color is not None:  # where there are none of it, those whose paint may look so
        colored = ([t for t in things if t.color == one] for one in similar_colors(color))
        things = next((found for found in colored if found), [])
    if moment is not None:
        things = [t for t in things if t.span.start <= moment <= t.span.end]
        return _Look(want.noun, color, tuple(things), Span(moment, moment), 1.0, f"at {moment:.1f} s")
    rate = seen.data.get("fps")
    share = 1.0 if rate is None else min(1.0, rate * _STAY_SECONDS)
    said = _where(scene, window)
    if rate is not None and share < 1:
        said += f", looking once in {1 / rate:.0f} s: what came and went between was not seen"
    return _Look(want.noun, color, tuple(things), window, share, said)


def _moving(scene: HeuristicContext) -> Generator[Call, CallResult, _Look | None]:
    """Everything that moves (of a color), stretch by stretch; None where the camera moves or nothing is read."""
    at, color, window = scene.ask.at, scene.ask.color, scene.window
    if at is not None and at.duration == 0:
        window = Span(at.start - 10, at.start + 10).within(scene.whole)
    things: list[_Thing] = []
    end = window.start
    for _ in range(MOST_STRETCHES):
        stretch = Span(end, min(end + STRETCH, window.end))
        seen = yield scene.over("track_objects", stretch, labels=[ANYTHING])
        if seen.error or seen.data.get("camera_moves", True):
            break
        things += [t for t in _things(seen, 0.9) if color in (None, t.color)]
        end = stretch.end
        if end >= window.end - 1:
            break
    if end == window.start:
        return None
    if at is not None:
        things = [t for t in things if t.span.overlap(at) > 0 or t.span.contains(at.start)]
    share = 1.0 if end >= window.end - 1 else (end - window.start) / window.duration
    said = _where(scene, Span(window.start, end))
    said += "" if share == 1 else f" of {clock(window.duration)}; the rest was not looked at"
    return _Look("moving object", color, tuple(things), Span(window.start, end), share, said)


def _things(seen: CallResult, trust: float) -> list[_Thing]:
    rows = sorted(seen.data["tracks"], key=lambda row: row["span"])
    return [
        _Thing(row.get("label", ""), Span(*row["span"]), row["colour"], row["direction"], row["enters"], row["leaves"],
               float(row["area"]), trust * float(row["confidence"]))
        for row in rows
    ]  # fmt: skip


def _where(scene: HeuristicContext, span: Span) -> str:
    whole = span.duration >= scene.whole.duration - 1
    return "in the whole video" if whole else f"from {clock(span.start)} to {clock(span.end)}"


def _answer(scene: HeuristicContext, want: Wanted, look: _Look) -> Draft | None:
    ask, low, things = scene.ask, scene.ask.text.lower(), look.things
    if want.narrower and len(things) != 1:
        return None  # the woman is the person, where there is but one
    if ask.kind in ("count", "yes_no"):
        things = tuple(t for t in things if not ("move" in want.does and t.direction == "stays")
                       and not ("enter" in want.does and t.enters == _AT_START)
                       and not ("leave" in want.does and t.leaves == _AT_END))  # fmt: skip
        look = replace(look, things=things)
        return _count(scene, want, look) if ask.kind == "count" else _whether(scene, look)
    come, go = bool(want.does & {"enter", "appear"}), "leave" in want.does
    if not things:
        return None  # what is not seen may still be told
    if ask.kind == "time":
        seen = (t for t in things if not (come and t.enters == _AT_START or go and t.leaves == _AT_END))
        things = tuple(seen) or things
    if ask.order is not None:
        if ask.order > len(things):
            return scene.abstain(f"Only {look.many(len(things))} seen {look.said}.")
        things = (things[-1 if ask.order == -1 else ask.order - 1],)
    look = replace(look, things=things)
    less = "" if look.share == 1 else f" ({look.said})"
    if "longest" in low:
        place, one = max(enumerate(things, 1), key=lambda row: row[1].span.duration)
        name = "last" if place == len(things) else _ORDER[place - 1] if place <= len(_ORDER) else f"{place}th"
        text = f"the {name} one, {one.span.duration:.1f} s ({_from_to(one.span)}){less}"
        return replace(look, things=(one,)).draft(scene, text)
    if ask.kind in ("time", "how_long"):
        return _when(scene, look, come, go, less)
    if re.search(r"\bcolou?r\b", low):  # clothes and skin are no color of a person
        colors = list(dict.fromkeys(t.color for t in things))
        fits = len(colors) <= 2 and all(t.label in ("", *_GROUPS["vehicle"]) for t in things)
        return look.draft(scene, ", ".join(colors) + less, sure=0.7) if fits else None
    if ask.kind == "where" or re.search(r"\b(?:direction|way|side|edge)\b", low):
        return _way(scene, look, come, go, less)
    return look.draft(scene, count_words(Counter(t.label for t in things).most_common()) + f" {look.said}")


def _count(scene: HeuristicContext, want: Wanted, look: _Look) -> Draft:
    """Things over the time asked about, or the most at once where the question says so; the answer says which."""
    largest = max((t.area for t in look.things), default=0.0)
    things = tuple(t for t in look.things if not want.large or t.area >= 0.25 * largest)
    look = replace(look, things=things)
    most = most_at_once([t.span for t in things])
    passing = want.times or want.does & {"enter", "move", "leave"}
    every = len(things) if passing else distinct([(t.span, t.enters, t.leaves) for t in things])
    if want.times and look.window.duration > 0:
        text = f"{every} times a {look.many(1)[2:]} comes into view {look.said}; at most {most} at the same time"
    elif (want.at_once or "stand" in want.does) and look.window.duration > 0:
        text = f"{most} {look.many(most).split(' ', 1)[1]} at the same time, at most; {every} in all {look.said}"
    else:
        text = f"{every} {look.many(every).split(' ', 1)[1]} {look.said}"
        text += f", at most {most} at the same time" if most != every else ""
    return look.draft(scene, text, summary=f"{look.many(every)}, at most {most} at the same time")


def _whether(scene: HeuristicContext, look: _Look) -> Draft:
    if look.things:
        best = max(look.things, key=lambda thing: thing.sure)
        if best.sure < _UNSURE:
            return scene.abstain(f"Perhaps {look.many(len(look.things))} {look.said}, but that is not sure.")
        text = f"yes, {look.many(len(look.things))} {look.said}"
        return replace(look, things=(best,), share=1.0).draft(scene, text)
    if look.share < 1:
        return scene.abstain(f"{look.many(0).capitalize()} seen {look.said}.")
    return look.draft(scene, f"no, {look.many(0)} to be seen {look.said}")


def _when(scene: HeuristicContext, look: _Look, come: bool, go: bool, less: str) -> Draft:
    """When things come, go or are in view, or for how long."""
    told, spans = [], []
    for thing in look.things:
        start, end = thing.span.start, thing.span.end
        spans.append(Span(max(end - 1, start), end) if go else Span(start, end))
        if scene.ask.kind == "how_long":
            told.append(f"about {end - start:.1f} seconds ({_from_to(Span(start, end))})")
        elif come:
            since = "in view from the start, at" if thing.enters == _AT_START else "at"
            told.append(f"{since} {start:.1f} s (until {end:.1f} s)")
        else:
            told.append(f"at {end:.1f} s" if go else _from_to(Span(start, end)))
    sure = 0.5 if come and look.things[0].enters == _AT_START or go and look.things[0].leaves == _AT_END else 1.0
    text = "; also ".join(told[:6]) + (f"; {len(told)} in all" if len(told) > 6 else "") + less
    return look.draft(scene, text, spans, sure=sure)


def _way(scene: HeuristicContext, look: _Look, come: bool, go: bool, less: str) -> Draft:
    """The side from which it comes or to which it goes, or its direction."""
    ways = Counter(t.leaves if go else t.enters if come else t.direction for t in look.things)
    if len(ways) > 1:
        several = ", ".join(f"{way} ({count})" for way, count in ways.most_common())
        return scene.abstain(f"There are {look.many(len(look.things))}, not all alike: {several}; say which is meant.")
    return look.draft(scene, next(iter(ways)) + less)


def _from_to(span: Span) -> str:
    return f"from {span.start:.1f} s to {span.end:.1f} s"
