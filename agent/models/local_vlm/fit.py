"""Fitting what is new into the room that is left: smaller pictures first, then fewer, then shorter texts of tools."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from ....memory import RewatchError
from .passages import Passage, PassageLook
from .template import Template
from .vision_adapter import Grid, VisionAdapter

_STEPS = 24
Render = Callable[[Sequence[Passage]], str]
"""Passages as the chat template writes them, with one placeholder for each picture."""


class ContextFull(RewatchError):
    """There is no room for what the model must be told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fitted:
    """What the model will be given."""

    ids: list[int]
    looks: tuple[PassageLook, ...]
    """The pictures that stayed, in the order of their tokens."""
    grids: tuple[Grid, ...]
    left_out: int = 0
    """How many pictures there was no room for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fit:
    """How much one picture may have, and how prompts are made."""

    template: Template
    vision: VisionAdapter
    max_pixels: int

    def __call__(
        self, found: Sequence[Passage], sizes: Mapping[str, tuple[int, int]], render: Render, room: int
    ) -> Fitted:
        """The passages as at most `room` ids.

        Args:
            found: what is new.
            sizes: (width, height) of each picture, by its name.
            render: writes passages.
            room: ids that they may take.

        Raises:
            ContextFull: if they do not fit even without pictures and with the texts of tools cut.
        """
        looks = [look for passage in found for look in passage.looks]
        for kept in _fewer(looks):
            fewer = [_keeping(passage, kept, len(looks)) for passage in found]
            text = render(fewer)
            over = len(self.template.ids(text)) - len(kept) - room
            grids = self._grids([sizes[look.name] for look in kept], -over)
            if grids is not None:
                return self._fitted(text, kept, grids, len(looks))
        return self._cut(found, len(looks), render, room)

    def _cut(self, found: Sequence[Passage], looks: int, render: Render, room: int) -> Fitted:
        """No pictures, and as much of the tools' texts as fits."""
        bare = [_keeping(passage, [], looks) for passage in found]
        low, high = (
            -1,
            max((len(part.text) for p in bare for part in p.parts if not isinstance(part, PassageLook)), default=0),
        )
        text = ""
        while high - low > 1 or low < 0:
            middle = (low + high) // 2 if high - low > 1 else 0
            tried = render([passage.cut(middle) for passage in bare])
            if len(self.template.ids(tried)) <= room:
                low, text = middle, tried
            elif middle == 0:
                needed = len(self.template.ids(tried))
                raise ContextFull(f"The context is full: {needed} tokens must be told and {max(room, 0)} are left.")
            else:
                high = middle
        return self._fitted(text, [], [], looks)

    def _grids(self, sizes: Sequence[tuple[int, int]], room: int) -> list[Grid] | None:
        """Grids as large as fits into `room` tokens, the same number of pixels for each; None if none fits."""
        largest, smallest = min(self.max_pixels, self.vision.largest), self.vision.smallest
        smallest = min(smallest, largest)
        for step in range(_STEPS + 1 if largest > smallest else 1):
            pixels = round(largest * (smallest / largest) ** (step / _STEPS))
            grids = [self.vision.grid(size, pixels) for size in sizes]
            if sum(self.vision.tokens(grid) for grid in grids) <= room:
                return grids
        return None

    def _fitted(self, text: str, kept: Sequence[PassageLook], grids: Sequence[Grid], looks: int) -> Fitted:
        shown = "|".join(map(re.escape, self.vision.placeholders))
        pieces = re.split(f"({shown})", text) if shown else [text]
        if len(pieces) != 2 * len(kept) + 1:
            there = len(pieces) // 2
            raise ContextFull(f"The chat template shows {there} of {len(kept)} pictures: it is not for them.")
        pieces[1::2] = [self.vision.text(piece, grid) for piece, grid in zip(pieces[1::2], grids, strict=True)]
        whole = "".join(pieces)
        ids = self.template.ids(whole)
        return Fitted(ids=ids, looks=tuple(kept), grids=tuple(grids), left_out=looks - len(kept))


def _fewer(looks: list[PassageLook]) -> list[list[PassageLook]]:
    """All pictures, then ever fewer that are spread evenly, then none."""
    counts = [len(looks)]
    while counts[-1] > 0:
        counts.append(counts[-1] * 3 // 4 if counts[-1] > 2 else counts[-1] - 1)
    return [[looks[(2 * k + 1) * len(looks) // (2 * count)] for k in range(count)] for count in counts]


def _keeping(passage: Passage, kept: Sequence[PassageLook], looks: int) -> Passage:
    if len(kept) == looks:
        return passage
    mine = [look for look in passage.looks if any(look is other for other in kept)]
    left_out = len(passage.looks) - len(mine)
    note = f"[{left_out} of {len(passage.looks)} pictures are left out: the context has no room for them.]"
    return passage.keeping(mine, note if left_out else "")
