"""An environment of the gym: a world, the task that asks about it, and how difficult both are."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from ...agent.questions.question import letter
from ...memory import Box, Span
from ...memory.errors import MisuseError
from ..data.task import Kind, Task, Truth
from .world import World

SOURCE = "gym"
"""`Task.source` of every task made here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """The parameters of difficulty. `Level.of` gives a ladder; every rung can be changed.

    Raises:
        MisuseError: if a number makes no world.
    """

    clips: int = 16
    clip_seconds: float = 2.0
    """A multiple of 0.25 s, so that a clip begins with a frame."""
    duplicates: int = 1
    """Clips that are nearly what is asked for: the same name with another attribute, the color in another shape."""
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
            raise MisuseError(f"{self}: needs at least 4 clips of at least 1 s, and a size in [0.15, 0.4].")
        if self.clip_seconds * 4 % 1:
            raise MisuseError(f"{self}: clips begin with a frame, so they last a multiple of 0.25 s.")
        if not 0 <= self.crowd <= 3 or not 0 <= self.duplicates <= self.clips // 4 or self.side < 32:
            raise MisuseError(f"{self}: needs a crowd of 0 to 3, duplicates in a quarter of the clips, 32 pixels.")

    @classmethod
    def of(cls, difficulty: float, **changes: Any) -> Level:
        """The level of a difficulty in [0, 1]: from 8 clips of 2 s with nothing alike to 256 clips of 10 s.

        Raises:
            MisuseError: if it is outside.
        """
        if not 0 <= difficulty <= 1:
            raise MisuseError(f"A difficulty lies in [0, 1], got {difficulty}.")
        clips = round(8 * 2 ** (5 * difficulty))
        rung: dict[str, Any] = {
            "clips": clips,
            "clip_seconds": round(4 + 16 * difficulty) / 2,
            "duplicates": min(round(4 * difficulty**0.5), clips // 4),
            "crowd": round(3 * difficulty),
            "size": round(0.35 - 0.15 * difficulty, 3),
            "difficulty": difficulty,
        }
        return cls(**{**rung, **changes})

    @property
    def seconds(self) -> float:
        """Length of the video."""
        return self.clips * self.clip_seconds

    @property
    def spans(self) -> list[Span]:
        """The clips of the video, in seconds."""
        return [Span(k * self.clip_seconds, (k + 1) * self.clip_seconds) for k in range(self.clips)]

    def as_dict(self) -> dict[str, Any]:
        """JSON form."""
        return asdict(self)

    @classmethod
    def from_dict(cls, row: Mapping[str, Any]) -> Level:
        """The level that `as_dict` wrote."""
        return cls(**row)


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment:
    """A task and the video that it is about."""

    task: Task
    world: World
    channels: tuple[str, ...] = ("visual", "speech")
    """Channels of the video that the memory is to hold."""

    @property
    def family(self) -> str:
        """The task family that made it."""
        return str(self.task.meta["gym"]["family"])

    @property
    def clip_seconds(self) -> float:
        """Length of a clip in the memory."""
        return float(self.task.meta["clip_seconds"])


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskDraft:
    """The output of a task family, from which `build_environment` makes the environment."""

    question: str
    answer: str | None = None
    values: Sequence[str] = ()
    """Every answer that could have been, as likely as this one."""
    kind: Kind = "open"
    at: Span | None = None
    """The time that the expert looks at; None where there is nothing to look at."""
    spans: tuple[Span, ...] | None = None
    """The true spans; None for `at` alone."""
    boxes: tuple[Box, ...] = ()
    world: dict[str, Any]
    """Fields of the world; `span` is that of the level's clips by default."""
    needs: tuple[str, ...] = ()
    """Tools without which it cannot be answered."""
    about: Mapping[str, Any]
    """Facts that an expert has to know: `query`, `colour` and the like, JSON values; `at` is added."""
    chance: float | None = None
    """Share of right answers of the best guess; None for one of `values`."""
    now: float | None = None
    channels: tuple[str, ...] = ("visual", "speech")
    clip_seconds: float | None = None
    """Length of a clip in the memory; None for the level's."""


def build_environment(family: str, seed: int, level: Level, draft: TaskDraft, rng: random.Random) -> Environment:
    """Make the environment of a draft, with ids, options and all that it takes to make it again."""
    tag = hashlib.sha256(repr(level).encode()).hexdigest()[:6]
    name = f"gym-{family}-{tag}-{seed}"
    answer, kind = draft.answer, draft.kind
    options: tuple[str, ...] = ()
    if level.options and kind == "open" and answer is not None:
        others = [value for value in draft.values if value != answer]
        texts = [answer, *rng.sample(others, min(3, len(others)))]
        rng.shuffle(texts)
        answer, kind, options = letter(texts.index(answer)), "mcq", tuple(texts)
    at = draft.at
    spans = draft.spans if draft.spans is not None else (at,) if at else ()
    chance = 1 / len(options or draft.values) if options or draft.chance is None else draft.chance
    task = Task(
        id=f"{family}-{tag}-{seed}",
        question=draft.question,
        kind=kind,
        truth=Truth(answer=answer, spans=spans, boxes=draft.boxes),
        videos=(name,),
        options=options,
        now=draft.now,
        source=SOURCE,
        difficulty=level.difficulty,
        meta={
            "gym": {"family": family, "seed": seed, "level": level.as_dict()},
            "needs": list(draft.needs),
            "about": {**draft.about, **({"at": [at.start, at.end]} if at else {})},
            "values": list(draft.values),
            "chance": chance,
            "clip_seconds": draft.clip_seconds or level.clip_seconds,
        },
    )
    world = World(name=name, **{"span": Span(0, level.seconds), **draft.world})
    return Environment(task=task, world=world, channels=draft.channels)
