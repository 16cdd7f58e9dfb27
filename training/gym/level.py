"""Levels of difficulty: the length of the video, the size of the thing, the number of others like it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any


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
