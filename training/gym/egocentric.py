"""An egocentric day: half-minute clips from morning to evening, told as it is lived, asked about as of some hour."""

from __future__ import annotations

import random
from typing import Any

from ...memory import Span, clock
from .lesson import Draft, scenery
from .level import Level
from .words import BELONGINGS, DOINGS, PLACES
from .world import Line

CLIP = 30.0
"""Seconds of a clip."""
MORNING, EVENING = 8 * 3600.0, 20 * 3600.0


def day(rng: random.Random, level: Level) -> Draft:
    """Where was a thing put last, as far as is known by now? It is put elsewhere earlier, and again later.

    The day is as long as the level's clips, each of half a minute, at most from eight to eight.
    """
    count = min(max(level.clips, 12), int((EVENING - MORNING) / CLIP))
    spans = [Span(MORNING + k * CLIP, MORNING + (k + 1) * CLIP) for k in range(count)]
    meant, *others = rng.sample(BELONGINGS, len(BELONGINGS))
    lines_at: dict[int, str] = {}
    puts = 1 + max(1, level.duplicates) + 1  # before, the last one before now, and one that has not happened yet
    times = sorted(rng.sample(range(1, count - 1), puts))
    places = rng.sample(PLACES, puts) if puts <= len(PLACES) else [rng.choice(PLACES) for _ in range(puts)]
    for k, where in zip(times, places, strict=True):
        lines_at[k] = f"I put the {meant} into the {where}"
    last, later = times[-2], times[-1]
    now = spans[rng.randint(last + 1, later)].start
    for k in rng.sample([k for k in range(count) if k not in lines_at], min(count // 4, 6 * (1 + level.duplicates))):
        lines_at[k] = f"I put the {rng.choice(others)} into the {rng.choice(PLACES)}"
    lines = [
        Line(text=lines_at.get(k) or rng.choice(DOINGS), span=Span(span.start + 3, span.end - 3))
        for k, span in enumerate(spans)
        if k in lines_at or rng.random() < 0.6
    ]
    about: dict[str, Any] = {
        "query": f"put the {meant} into",
        "word": meant,
        "at": [spans[last].start, spans[last].end],
    }
    return Draft(
        question=f"Where did I put the {meant} last, as of {clock(now)}?",
        answer=places[-2],
        values=PLACES,
        spans=(Span(spans[last].start + 3, spans[last].end - 3),),
        world={
            "span": Span(MORNING, spans[-1].end),
            "scenes": scenery(rng, [Span(s.start, s.start + 20 * CLIP) for s in spans[::20]]),
            "lines": tuple(lines),
            "fps": 2.0,
        },
        needs=("search_clips",),
        about=about,
        chance=1 / len(PLACES),
        now=now,
        channels=("speech",),
        clip_seconds=CLIP,
    )
