"""Fitting what is new into the room that is left: smaller pictures first, then fewer, then shorter texts of tools."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from ....memory import RewatchError
from .chat_template import ChatTemplate
from .prompt import PromptImage, PromptMessage
from .vision_adapter import Grid, VisionAdapter

_STEPS = 24
Render = Callable[[Sequence[PromptMessage]], str]
"""Messages as the chat template writes them, with one placeholder for each picture."""


class ContextFull(RewatchError):
    """There is no room for what the model must be told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fitted:
    """The prompt and pictures that the model will be given."""

    ids: list[int]
    images: tuple[PromptImage, ...]
    """The pictures that stayed, in the order of their tokens."""
    grids: tuple[Grid, ...]
    left_out: int = 0
    """How many pictures there was no room for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fit:
    """Bounds of one picture, and the function that makes prompts."""

    template: ChatTemplate
    vision: VisionAdapter
    max_pixels: int

    def __call__(
        self, messages: Sequence[PromptMessage], sizes: Mapping[str, tuple[int, int]], render: Render, room: int
    ) -> Fitted:
        """Return the messages as at most `room` ids.

        Args:
            found: what is new.
            sizes: (width, height) of each picture, by its name.
            render: writes messages.
            room: ids that they may take.

        Raises:
            ContextFull: if they do not fit even without pictures and with the texts of tools cut.
        """
        images = [image for message in messages for image in message.images]
        for kept in _fewer(images):
            fewer = [_keep(message, kept, len(images)) for message in messages]
            text = render(fewer)
            over = len(self.template.ids(text)) - len(kept) - room
            grids = self._grids([sizes[image.name] for image in kept], -over)
            if grids is not None:
                return self._fitted(text, kept, grids, len(images))
        return self._cut(messages, len(images), render, room)

    def _cut(self, messages: Sequence[PromptMessage], images: int, render: Render, room: int) -> Fitted:
        """No pictures, and as much of the tools' texts as fits."""
        bare = [_keep(message, [], images) for message in messages]
        low, high = (
            -1,
            max((len(part.text) for p in bare for part in p.parts if not isinstance(part, PromptImage)), default=0),
        )
        text = ""
        while high - low > 1 or low < 0:
            middle = (low + high) // 2 if high - low > 1 else 0
            attempt = render([message.cut(middle) for message in bare])
            if len(self.template.ids(attempt)) <= room:
                low, text = middle, attempt
            elif middle == 0:
                needed = len(self.template.ids(attempt))
                raise ContextFull(f"The context is full: {needed} tokens must be told and {max(room, 0)} are left.")
            else:
                high = middle
        return self._fitted(text, [], [], images)

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

    def _fitted(self, text: str, kept: Sequence[PromptImage], grids: Sequence[Grid], images: int) -> Fitted:
        pattern = "|".join(map(re.escape, self.vision.placeholders))
        pieces = re.split(f"({pattern})", text) if pattern else [text]
        if len(pieces) != 2 * len(kept) + 1:
            there = len(pieces) // 2
            raise ContextFull(f"The chat template shows {there} of {len(kept)} pictures: it is not for them.")
        pieces[1::2] = [self.vision.text(piece, grid) for piece, grid in zip(pieces[1::2], grids, strict=True)]
        whole = "".join(pieces)
        ids = self.template.ids(whole)
        return Fitted(ids=ids, images=tuple(kept), grids=tuple(grids), left_out=images - len(kept))


def _fewer(images: list[PromptImage]) -> list[list[PromptImage]]:
    """All pictures, then ever fewer that are spread evenly, then none."""
    counts = [len(images)]
    while counts[-1] > 0:
        counts.append(counts[-1] * 3 // 4 if counts[-1] > 2 else counts[-1] - 1)
    return [[images[(2 * k + 1) * len(images) // (2 * count)] for k in range(count)] for count in counts]


def _keep(message: PromptMessage, kept: Sequence[PromptImage], images: int) -> PromptMessage:
    if len(kept) == images:
        return message
    mine = [image for image in message.images if any(image is other for other in kept)]
    left_out = len(message.images) - len(mine)
    note = f"[{left_out} of {len(message.images)} pictures are left out: the context has no room for them.]"
    return message.keeping(mine, note if left_out else "")
