"""What was read on screen at which look: readings can be made of it anew, as they were known at any moment."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from ..span import Box
from .lines import Line, Reading


@dataclass(frozen=True, slots=True)
class Looked:
    """One look at the picture: the lines that came, those that went, and whether what stands counts once more."""

    time: float
    found: tuple[Line, ...] = ()
    gone: tuple[Line, ...] = ()
    votes: bool = False


@dataclass(slots=True)
class TextLog:
    """The looks of one span in time order; each holds only what its own picture and earlier ones showed.

    `fps` is the rate of the looks that vote; `whole` has the readings, by the number of the text, that were made whole
    from frames around, once the span was through.
    """

    fps: float = 1.0
    looks: list[Looked] = field(default_factory=list)
    whole: dict[int, Reading] = field(default_factory=dict)

    def until(self, now: float) -> TextLog:
        """The log as it was at `now` seconds, in the middle of its span: later looks are not in it."""
        return TextLog(self.fps, [look for look in self.looks if look.time < now])

    def as_json(self) -> str:
        """The log as text; each line is written once."""
        numbers: dict[Line, int] = {}
        for look in self.looks:
            for line in (*look.found, *look.gone):
                numbers.setdefault(line, len(numbers))
        looks: list[list[Any]] = [
            [round(look.time, 6), [numbers[n] for n in look.found], [numbers[n] for n in look.gone], int(look.votes)]
            for look in self.looks
            if look.found or look.gone or look.votes
        ]
        whole = {
            number: [r.start, r.end, r.text, _sides(r.box), round(float(r.score), 5), round(float(r.height), 5)]
            for number, r in self.whole.items()
        }
        lines = [[line.text, *_sides(line.box), round(float(line.score), 5)] for line in numbers]
        made = {"fps": self.fps, "lines": lines, "looks": looks, **({"whole": whole} if whole else {})}
        return json.dumps(made, ensure_ascii=False, separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str) -> TextLog:
        """The log that `as_json` wrote."""
        made = json.loads(text)
        lines = [Line(row[0], Box(*row[1:5]), row[5]) for row in made["lines"]]
        looks = [
            Looked(time, tuple(lines[n] for n in found), tuple(lines[n] for n in gone), bool(votes))
            for time, found, gone, votes in made["looks"]
        ]
        whole = {
            int(number): Reading(start, end, text, Box(*box), score, height)
            for number, (start, end, text, box, score, height) in made.get("whole", {}).items()
        }
        return cls(float(made["fps"]), looks, whole)


def _sides(box: Box) -> list[float]:
    return [round(float(side), 5) for side in box]
