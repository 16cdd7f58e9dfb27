"""A lesson: a world, a question about it, and what the memory must hold to answer it."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ...agent.questions.question import letter
from ...memory import Box, Span
from ..data.task import Kind, Task, Truth
from .drawing import TONES
from .level import Level
from .world import World, WorldScene

SOURCE = "gym"
"""`Task.source` of every task made here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lesson:
    """A task and the video that it is about."""

    task: Task
    world: World
    channels: tuple[str, ...] = ("visual", "speech")
    """Channels of the video that the memory is to hold."""

    @property
    def clip_seconds(self) -> float:
        """Length of a clip in the memory."""
        return float(self.task.meta["clip_seconds"])


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """The invention of a family; `finish` makes the lesson of it."""

    question: str
    answer: str | None
    values: Sequence[str] = ()
    """Every answer that could have been, as likely as this one."""
    kind: Kind = "open"
    spans: tuple[Span, ...] = ()
    boxes: tuple[Box, ...] = ()
    world: dict[str, Any]
    """Fields of the world."""
    needs: tuple[str, ...]
    """Tools without which it cannot be answered."""
    about: dict[str, Any]
    """Facts that an expert has to know: `query`, `at`, `color` and the like, JSON values."""
    chance: float
    """Share of right answers of the best guess."""
    now: float | None = None
    channels: tuple[str, ...] = ("visual", "speech")
    clip_seconds: float | None = None
    """Length of a clip in the memory; None for the level's."""


def clip_spans(level: Level, start: float = 0.0) -> list[Span]:
    """The clips of a video, in seconds."""
    step = level.clip_seconds
    return [Span(start + k * step, start + (k + 1) * step) for k in range(level.clips)]


def scenery(rng: random.Random, spans: Sequence[Span], tones: Sequence[str] | None = None) -> tuple[WorldScene, ...]:
    """A random tone for each span; equal neighbours are one scene."""
    scenes: list[WorldScene] = []
    for span in spans:
        tone = rng.choice(tones or [tone for tone in TONES if tone != "night"])
        if scenes and scenes[-1].tone == tone and scenes[-1].span.end == span.start:
            scenes[-1] = WorldScene(tone=tone, span=Span(scenes[-1].span.start, span.end))
        else:
            scenes.append(WorldScene(tone=tone, span=span))
    return tuple(scenes)


def finish(family: str, seed: int, level: Level, draft: Draft, rng: random.Random) -> Lesson:
    """The lesson of a draft: ids, options and what it takes to make it again."""
    tag = hashlib.sha256(repr(level).encode()).hexdigest()[:6]
    name = f"gym-{family}-{tag}-{seed}"
    world = World(name=name, **draft.world)
    answer, kind = draft.answer, draft.kind
    options: tuple[str, ...] = ()
    if level.options and kind == "open" and answer is not None:
        others = [value for value in draft.values if value != answer]
        texts = [answer, *rng.sample(others, min(3, len(others)))]
        rng.shuffle(texts)
        answer, kind, options = letter(texts.index(answer)), "mcq", tuple(texts)
    task = Task(
        id=f"{family}-{tag}-{seed}",
        question=draft.question,
        kind=kind,
        truth=Truth(answer=answer, spans=draft.spans, boxes=draft.boxes),
        videos=(name,),
        options=options,
        now=draft.now,
        source=SOURCE,
        difficulty=level.difficulty,
        meta={
            "gym": {"family": family, "seed": seed, "level": level.as_dict()},
            "needs": list(draft.needs),
            "about": draft.about,
            "values": list(draft.values),
            "chance": 1 / len(options) if options else draft.chance,
            "clip_seconds": draft.clip_seconds or level.clip_seconds,
        },
    )
    return Lesson(task=task, world=world, channels=draft.channels)
