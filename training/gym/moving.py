"""Questions about what moves: how many things cross the picture, and when."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

from ...memory import Span, clock
from .drawing import COLORS
from .lesson import Draft, scenery
from .level import Level
from .world import Thing

_CROSSING, _PAUSE = 2.5, 0.8
"""Seconds that a thing takes to cross the picture, and until the next one sets out."""
_AWAY = 0.25
"""Distance from the picture at which things start and end, as a fraction of it."""


def tracking(rng: random.Random, level: Level) -> Draft:
    """How many things move through the picture? They enter at one edge and leave at the other, one after another."""
    count = rng.randint(1, 4)
    world, window, _ = _crossings(rng, level, [rng.choice(list(COLORS)) for _ in range(count)])
    return Draft(
        question=f"How many things move through the picture between {clock(window.start)} and {clock(window.end)}?",
        answer=str(count),
        values=("1", "2", "3", "4"),
        kind="count",
        spans=(window,),
        world=world,
        needs=("track_objects",),
        about={"at": [window.start, window.end]},
        chance=1 / 4,
        channels=("speech",),
    )


def crossing(rng: random.Random, level: Level) -> Draft:
    """When does the thing of this colour enter and leave? Three others cross the picture before or after it."""
    world, window, movers = _crossings(rng, level, rng.sample(list(COLORS), 4))
    meant = rng.choice(movers)
    speed = (_AWAY * 2 + 1) / _CROSSING
    hidden = (_AWAY - meant.size / 2) / speed
    visible = Span(round(meant.span.start + hidden, 3), round(meant.span.end - hidden, 3))
    return Draft(
        question=f"When does something {meant.color} cross the picture between {clock(window.start)} and "
        f"{clock(window.end)}?",
        answer=None,
        kind="temporal",
        spans=(visible,),
        world=world,
        needs=("track_objects",),
        about={"at": [window.start, window.end], "colour": meant.color},
        chance=1 / 4,
        channels=("speech",),
    )


def _crossings(
    rng: random.Random, level: Level, colors: Sequence[str]
) -> tuple[dict[str, Any], Span, tuple[Thing, ...]]:
    """Fields of a world in which things cross the picture one by one, the time that takes, and the things."""
    lasts = 4 * (_CROSSING + _PAUSE) + 2
    length = max(level.seconds, lasts + 4)
    start = round(rng.uniform(1, length - lasts - 1), 1)
    movers = []
    for k, color in enumerate(colors):
        begins = start + 1 + k * (_CROSSING + _PAUSE)
        height, ways = rng.uniform(0.25, 0.75), rng.sample((-_AWAY, 1 + _AWAY), 2)
        movers.append(
            Thing(
                color=color,
                shape=rng.choice(("circle", "square")),
                span=Span(begins, begins + _CROSSING),
                at=(ways[0], height),
                to=(ways[1], height),
                size=max(level.size, 0.2),
            )
        )
    world = {
        "span": Span(0, length),
        "scenes": scenery(rng, [Span(0, length)]),
        "things": tuple(movers),
        "fps": 8.0,
        "side": 2 * level.side,
    }
    return world, Span(start, round(start + lasts, 1)), tuple(movers)
