"""What moves through the picture: tracks that fit a colour, counts, and sides of entry and exit."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass

from ....memory import Span
from ...answer import Draft
from ...steps import Call, Seen
from ...understand import GENERIC, nouns_beside_motion
from .looking import Scene, Strategy

STRETCH = 150.0
"""Seconds followed in one call; a longer span is followed piece by piece."""
MAX_STRETCHES = 4
NOTHING = "Nothing that moves fits: moving objects were followed by background subtraction."
UNKNOWN = (
    "What moves could not be followed: the camera moves or the pictures cannot be read, and telling objects apart "
    "then takes detector weights (rewatch doctor says how to get them)."
)


@dataclass(frozen=True, slots=True)
class Moving:
    """One track, as `track_objects` told it."""

    span: Span
    colour: str
    direction: str
    enters: str
    leaves: str
    confidence: float

    @property
    def name(self) -> str:
        """What can be said of it without a detector."""
        return f"something {self.colour}"


def tracks(scene: Scene) -> Generator[Call, Seen, list[Moving] | None]:
    """Everything that moves in the span asked about (at most the first ten minutes of it).

    None where that cannot be known: the camera moves, or the call failed.
    """
    ask = scene.ask
    window = scene.window
    if ask.at is not None and ask.at.duration == 0:
        window = Span(ask.at.start - 10, ask.at.start + 10).within(scene.whole)
    found: list[Moving] = []
    start = window.start
    for _ in range(MAX_STRETCHES):
        stretch = Span(start, min(start + STRETCH, window.end))
        seen = yield scene.over("track_objects", stretch)
        if seen.error or seen.data.get("camera_moves", True):
            return None
        for row in seen.data["tracks"]:
            found.append(
                Moving(
                    Span(*row["span"]),
                    row["colour"],
                    row["direction"],
                    row["enters"],
                    row["leaves"],
                    min(0.8, float(row["confidence"])),
                )
            )
        start = stretch.end
        if start >= window.end - 1:
            break
    return sorted(found, key=lambda t: t.span)


def matching(scene: Scene, found: Sequence[Moving]) -> list[Moving]:
    """The tracks of the colour asked for, at the moment asked for."""
    ask = scene.ask
    kept = [t for t in found if ask.colour in (None, t.colour)]
    if ask.at is not None:
        kept = [t for t in kept if t.span.overlap(ask.at) > 0 or t.span.contains(ask.at.start)]
    return kept


def is_special(scene: Scene) -> str | None:
    """The noun that would need a detector (`car`, `people`), if the question counts such things."""
    nouns = [w for w in nouns_beside_motion(scene.ask.topic) if w not in GENERIC]
    return nouns[0] if nouns else None


def how_many_move(scene: Scene) -> Strategy:
    """Count the tracks; at a moment, those in view then."""
    followed = yield from tracks(scene)
    if followed is None:
        return scene.abstain(UNKNOWN)
    found = matching(scene, followed)
    what = f"{scene.ask.colour} " if scene.ask.colour else ""
    evidence = [scene.evidence(f"{t.name} moves {t.direction}", t.span, "track_objects") for t in found]
    if not found:
        return Draft(
            text="0",
            evidence=(scene.evidence(f"nothing {what}moves", scene.window, "track_objects"),),
            confidence=0.5,
        )
    union = Span(min(t.span.start for t in found), max(t.span.end for t in found))
    evidence.insert(0, scene.evidence(f"{len(found)} {what}moving objects", union, "track_objects"))
    text = f"{len(found)}" + (f" ({', '.join(t.colour for t in found)})" if not scene.ask.colour else "")
    return Draft(text=text, evidence=tuple(evidence[:12]), confidence=min(t.confidence for t in found))


def from_which_side(scene: Scene) -> Strategy:
    """Where it enters or leaves, or which way it goes."""
    followed = yield from tracks(scene)
    found = matching(scene, followed or [])
    if not found:
        return scene.abstain(UNKNOWN if followed is None else NOTHING)
    order = scene.ask.order or 1
    if len(found) > 1 and scene.ask.order is None and scene.ask.colour is None:
        return scene.abstain(f"{len(found)} things move; say which by its colour or its order.")
    track = found[-1] if order == -1 else found[min(order, len(found)) - 1]
    low = scene.ask.text.lower()
    if "direction" in low:
        said = track.direction
    elif any(word in low for word in ("leave", "exit", "leaving", "disappear")):
        said = track.leaves
    else:
        said = track.enters
    claim = f"{track.name} enters {track.enters}, goes {track.direction}, leaves {track.leaves}"
    return Draft(text=said, evidence=(scene.evidence(claim, track.span, "track_objects"),), confidence=track.confidence)


def which_colour_moves(scene: Scene) -> Strategy:
    """The colour of what moves, where the question asks for that and there is only one (or an order is named)."""
    followed = yield from tracks(scene)
    found = matching(scene, followed or [])
    if not found:
        return scene.abstain(UNKNOWN if followed is None else NOTHING)
    order = scene.ask.order
    if order is not None:
        found = [found[-1] if order == -1 else found[min(order, len(found)) - 1]]
    evidence = tuple(scene.evidence(f"{t.name} moves {t.direction}", t.span, "track_objects") for t in found[:10])
    colours = list(dict.fromkeys(t.colour for t in found))
    return Draft(text=", ".join(colours), evidence=evidence, confidence=min(t.confidence for t in found))
