"""Questions about kinds of objects that a detector knows: how many, when they come and go, which stays longest."""

from __future__ import annotations

import re
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import Any

from ....memory import Span
from ....memory.detector_words import COMMON, labels_for, plural
from ...answer import Draft
from ...steps import Call, Seen
from .looking import Scene

_PASSING = re.compile(
    r"\b(in total|altogether|separate|different|times|through|pass\w*|com(?:e|es|ing)|enter\w*|cross\w*|leav\w*|"
    r"arriv\w*|visit\w*|driv\w*|walk\w*|go(?:es|ing)?)\b"
)
_ENTERS = re.compile(r"\b(enter|enters|arrive|arrives|come in|comes in|appear|appears|show up|shows up)\b")
_LEAVES = re.compile(r"\b(leave|leaves|exit|exits|go out|goes out|disappear|disappears)\b")
_LARGE = re.compile(r"\b(large|big|close|near|nearby|foreground|main)\b")
_MOST = re.compile(r"\b(at once|at the same time|at most|maximum|simultaneously)\b")
# Sheen and shade change a colour into these, most often the first.
_NEAR = {
    "red": ("pink", "brown", "orange"), "pink": ("red", "purple"), "orange": ("red", "brown", "yellow"),
    "yellow": ("orange", "brown"), "brown": ("orange", "red"), "white": ("grey",), "grey": ("white", "black"),
    "black": ("grey",), "blue": ("purple",), "purple": ("blue", "pink"),
}  # fmt: skip
_ORDINALS = "first second third fourth fifth sixth seventh eighth ninth tenth".split()
# What may be said of an object without telling it from others of its kind.
_PLAIN = frozenset("view picture frame scene video visible seen there in-view camera place time".split())


@dataclass(frozen=True, slots=True)
class _Thing:
    """One track, as `track_objects` told it."""

    label: str
    span: Span
    colour: str
    area: float
    confidence: float


def about_kinds(scene: Scene) -> Generator[Call, Seen, Draft | None]:
    """The answer of what a detector sees; None where it has nothing to say to the question."""
    ask = scene.ask
    noun = _noun(ask.text)
    able = scene.video.get("detector") or "objects" in scene.video.get("channels", ())
    if not able or noun is None or ask.phrase or ask.channel not in (None, "objects"):
        return None
    longest = ask.kind in ("fact", "how_long") and re.search(r"\blongest\b", ask.text.lower())
    if ask.kind == "count" and ask.at is not None and ask.at.duration == 0:
        return (yield from _how_many_at(scene, noun))
    if ask.kind not in ("count", "when", "how_long", "yes_no") and not longest:
        return None
    if ask.kind == "yes_no" and not re.search(
        r"^(?:is|are|was|were) there\b|\b(?:visible|in view|seen|appear)", ask.text.lower()
    ):
        return None
    seen = yield scene.over("track_objects", scene.window, labels=[noun])
    if seen.error or "how" not in seen.data or seen.data.get("unknown"):
        return None
    things = [
        _Thing(row["label"], Span(*row["span"]), row["colour"], float(row["area"]), float(row["confidence"]))
        for row in sorted(seen.data["tracks"], key=lambda row: row["span"])
    ]
    if longest:
        return _longest(scene, noun, things)
    if ask.kind == "count":
        return _how_many(scene, noun, things, seen.data)
    if ask.kind == "yes_no":
        text = f"{'yes' if things else 'no'}, {len(things) or 'no'} {plural(noun)}"
        return Draft(text=text, evidence=_evidence(scene, noun, things), confidence=_sure(things, 0.6))
    return _when(scene, noun, things)


def _noun(text: str) -> str | None:
    """The kind of object that is asked about: the first words that a detector has a name for."""
    low = re.sub(r"[^\w\s-]", " ", text.lower())
    counted = re.search(r"\b(?:how many|number of)\b(.*)", low)
    words = (counted[1] if counted else low).split()
    for size in (2, 1):
        for at in range(len(words) - size + 1):
            word = " ".join(words[at : at + size])
            if (size == 1 and word in ("orange", "view", "glass")) or (
                size == 2 and len(labels_for(words[at], COMMON))
            ):
                continue  # a colour; and two words are for kinds with such names
            found = labels_for(word, COMMON)
            if found and (size == 1 or found[0] == word or found[0] == word.removesuffix("s")):
                return word if len(found) > 1 else found[0]
    return None


def _how_many_at(scene: Scene, noun: str) -> Generator[Call, Seen, Draft | None]:
    at = scene.ask.at
    assert at is not None
    seen = yield scene.call("detect_objects", start=at.start, labels=[noun])
    if seen.error or "detector" not in seen.data:
        return None
    found = seen.data["objects"]
    claim = f"{len(found)} {plural(noun)} at {at.start:.1f} s"
    evidence = (scene.evidence(claim, at, "detect_objects"),)
    return Draft(text=f"{len(found)}", evidence=evidence, confidence=0.8 if found else 0.7)


def _how_many(scene: Scene, noun: str, things: Sequence[_Thing], data: dict[str, Any]) -> Draft:
    low = scene.ask.text.lower()
    chosen = _coloured(things, scene.ask.colour)
    if _LARGE.search(low) and chosen:
        chosen = [t for t in chosen if t.area >= 0.25 * max(one.area for one in chosen)]
        number = len(chosen)
    elif _MOST.search(low):
        number = int(data["most_at_once"])
    elif _PASSING.search(low) or scene.ask.colour:
        number = len(chosen)
    else:
        # Who goes out and comes back is counted once by whoever looks at the scene.
        number = max(int(data["usual"]), 1 if chosen else 0)
    evidence = _evidence(scene, noun, chosen, f"{len(chosen)} {plural(noun)}, at most {data['most_at_once']} at once")
    return Draft(text=str(number), evidence=evidence, confidence=_sure(chosen, 0.6))


def _when(scene: Scene, noun: str, things: Sequence[_Thing]) -> Draft | None:
    ask = scene.ask
    low = ask.text.lower()
    chosen = _coloured(things, ask.colour)
    if not chosen and things:
        return None  # of another colour: what moves may tell
    if ask.order is not None and chosen:
        if ask.order > len(chosen):
            return scene.abstain(f"Only {len(chosen)} {plural(noun)} were seen.")
        chosen = [chosen[-1 if ask.order == -1 else ask.order - 1]]
    elif (len(chosen) > 1 or not scene.ask.colour) and _described(scene, noun):
        return None  # it is told from others by something that a detector does not see
    if not chosen:
        return scene.abstain(f"No {noun} was seen.")
    if ask.kind == "how_long":
        first = chosen[0]
        text = f"about {first.span.duration:.1f} seconds (from {first.span.start:.1f} s to {first.span.end:.1f} s)"
    elif _ENTERS.search(low) and not re.search(r"\bin view\b|\bvisible\b", low):
        text = "; ".join(f"at {t.span.start:.1f} s" for t in chosen[:6])
        moments = [Span(t.span.start, t.span.start) for t in chosen]
        return Draft(
            text=text, evidence=_moments(scene, noun, moments, "comes into view"), confidence=_sure(chosen, 0.5)
        )
    elif _LEAVES.search(low):
        text = "; ".join(f"at {t.span.end:.1f} s" for t in chosen[:6])
        moments = [Span(t.span.end, t.span.end) for t in chosen]
        return Draft(text=text, evidence=_moments(scene, noun, moments, "is gone"), confidence=_sure(chosen, 0.5))
    else:
        text = "; also ".join(f"from {t.span.start:.1f} s to {t.span.end:.1f} s" for t in chosen[:6])
    return Draft(text=text, evidence=_evidence(scene, noun, chosen), confidence=_sure(chosen, 0.5))


def _coloured(things: Sequence[_Thing], colour: str | None) -> list[_Thing]:
    """The things of a colour; where there are none, those whose paint may look so."""
    for name in (colour, *_NEAR.get(colour or "", ())):
        found = [thing for thing in things if name in (None, thing.colour)]
        if found:
            return found
    return []


def _longest(scene: Scene, noun: str, things: Sequence[_Thing]) -> Draft:
    if not things:
        return scene.abstain(f"No {noun} was seen.")
    best = max(range(len(things)), key=lambda index: things[index].span.duration)
    one = things[best]
    order = "last" if best == len(things) - 1 else _ORDINALS[best] if best < len(_ORDINALS) else f"{best + 1}th"
    text = f"the {order} one, {one.span.duration:.1f} s (from {one.span.start:.1f} s to {one.span.end:.1f} s)"
    return Draft(text=text, evidence=_evidence(scene, noun, [one]), confidence=_sure([one], 0.5))


def _described(scene: Scene, noun: str) -> bool:
    """Whether the question tells one of a kind from others by more than the kind and its colour."""
    rest = [w for w in scene.ask.topic if w not in _PLAIN and w != scene.ask.colour]
    return any(noun not in (labels_for(w, COMMON) or ("",)) and w != noun for w in rest)


def _evidence(scene: Scene, noun: str, things: Sequence[_Thing], summary: str = "") -> tuple[Any, ...]:
    found = [scene.evidence(f"a {t.label} is in view", t.span, "track_objects") for t in things[:11]]
    if summary or not found:
        union = Span(min(t.span.start for t in things), max(t.span.end for t in things)) if things else scene.window
        found.insert(0, scene.evidence(summary or f"no {noun} is in view", union, "track_objects"))
    return tuple(found)


def _moments(scene: Scene, noun: str, moments: Sequence[Span], what: str) -> tuple[Any, ...]:
    return tuple(scene.evidence(f"a {noun} {what}", moment, "track_objects") for moment in moments[:10])


def _sure(things: Sequence[_Thing], without: float) -> float:
    return min((min(0.9, t.confidence) for t in things), default=without)
