"""What one turn of a policy may read and use: handed over with the messages to policies that ask for it."""

from __future__ import annotations

from dataclasses import dataclass

from ..memory import Pixels


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Turn:
    """Given as the keyword argument `turn` to a chat model that has `takes_turn = True`.

    Such a model reads the pictures that tool messages name (`artifact["pictures"]`: media URIs) through `pixels`, ends
    its reply within `tokens` and `seconds`, and samples as told. Any other chat model is called without it.
    """

    pixels: Pixels
    tokens: int | None = None
    """Tokens that this turn may cost, prompt and completion; None without a limit."""
    seconds: float | None = None
    """Seconds that this turn may take; None without a limit."""
    temperature: float | None = None
    """Sampling temperature; None leaves it to the model, 0 is greedy."""
    seed: int | None = None
    """Seed of the sampling, where the model can be seeded."""
