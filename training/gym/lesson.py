"""A lesson: a world, a question about it, and what the memory must hold to answer it."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from ...agent.questions.question import letter
from ...memory import Box, Span
from ..data.task import Kind, Task, Truth
from .drawing import TONES
from .world import World, WorldScene

SOURCE = "gym"
"""`Task.source` of every task made here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """The parameters of difficulty. `Level.of` gives a ladder; every rung can be changed.

    Raises:
        ValueError: if a number makes no world.
    """

    clips: int = 16
    clip_seconds: float = 2.0
    """A multiple of 0.25 s, so that a clip begins with a frame."""
    duplicates: int = 1
    """Clips that are nearly what is asked for: the same name with another attribute, the colour in another shape."""
    crowd: int = 1
    """Other things beside the one that is meant, at most 3."""
    size: float = 0.3
    """Height of a thing as a fraction of the picture's."""
    side: int = 64
    """Pixels of the picture's side; small print and small details are in pictures of four times that."""
    options: bool = False
    """True if possible answers are given, so that a letter is asked for."""
    difficulty: float | None = None
    """In [0, 1], for `Task.difficulty`."""

    def __post_init__(self) -> None:
        if self.clips < 4 or self.clip_seconds < 1 or not 0.15 <= self.size <= 0.4:
            raise ValueError(f"{self}: needs at least 4 clips of at least 1 s, and a size in [0.15, 0.4].")
        if self.clip_seconds * 4 % 1:
            raise ValueError(f"{self}: clips begin with a frame, so they last a multiple of 0.25 s.")
        if not 0 <= self.crowd <= 3 or not 0 <= self.duplicates <= self.clips // 4 or self.side < 32:
            raise ValueError(f"{self}: needs a crowd of 0 to 3, duplicates in a quarter of the clips, 32 pixels.")

    @classmethod
    def of(cls, difficulty: float, **changes: Any) -> Level:
        """The level of a difficulty in [0, 1]: from 8 clips of 2 s with nothing alike to 256 clips of 10 s.

        Raises:
            ValueError: if it is outside.
        """
        if not 0 <= difficulty <= 1:
            raise ValueError(f"A difficulty lies in [0, 1], got {difficulty}.")
        rung: dict[str, Any] = {
            "clips": round(8 * 2 ** (5 * difficulty)),
            "clip_seconds": round(4 + 16 * difficulty) / 2,
            "duplicates": round(4 * difficulty**0.5) if difficulty else 0,
            "crowd": round(3 * difficulty),
            "size": round(0.35 - 0.15 * difficulty, 3),
            "difficulty": difficulty,
        }
        rung["duplicates"] = min(rung["duplicates"], rung["clips"] // 4)
        return cls(**{**rung, **changes})

    @property
    def seconds(self) -> float:
        """Length of the video."""
        return self.clips * self.clip_seconds

    def as_dict(self) -> dict[str, Any]:
        """JSON form."""
        return asdict(self)

    @classmethod
    def from_dict(cls, row: Mapping[str, Any]) -> Level:
        """The level that `as_dict` wrote."""
        return cls(**row)


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
