"""A question about one or more videos of a memory."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

_LETTER = re.compile(r"\s*\(?([A-Za-z])[).:]\s+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What is asked, with the facts of the videos that a policy needs to plan."""

    text: str
    options: tuple[str, ...] = ()
    """The texts of the options, in order; option i has the letter chr(65 + i)."""
    videos: tuple[dict[str, Any], ...] = ()
    """Per video: id, name, start, end (seconds), width, height, has_audio, channels."""
    now: float | None = None
    """Nothing after this time (seconds) may be seen."""

    def as_dict(self) -> dict[str, Any]:
        """Plain values for the state and the trace."""
        row = asdict(self)
        return {**row, "options": list(self.options), "videos": [dict(v) for v in self.videos]}

    @classmethod
    def from_dict(cls, row: dict[str, Any]) -> Question:
        """The question that `as_dict` wrote."""
        return cls(text=row["text"], options=tuple(row["options"]), videos=tuple(row["videos"]), now=row["now"])


def split_options(options: Sequence[str] | None) -> tuple[str, ...]:
    """Options without their letters: `"A. yes"` and `"yes"` both give `"yes"`."""
    return tuple(_LETTER.sub("", option, count=1).strip() for option in options or ())


def letter(index: int) -> str:
    """The letter of option `index`."""
    return chr(ord("A") + index)
