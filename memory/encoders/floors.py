"""From which cosine on two texts have to do with each other at all, for encoders for which that was measured."""

from __future__ import annotations

from .text import TextEncoder

# Of 34 paraphrases that share no word with the text meant, 28 lie above it; so do 3 of 100 unrelated pairs.
_FLOORS = {"all-MiniLM-L6-v2": 0.25}
# The best of fifty texts is nearer than that to 3 of 60 unrelated questions (above the floor: to 25), and to 27 of
# the 34.
_BEST = {"all-MiniLM-L6-v2": 0.35}


def floor(encoder: TextEncoder) -> float | None:
    """The encoder's own `floor`, else what was measured for an encoder of its name, else None: everything may count."""
    own: float | None = getattr(encoder, "floor", None)
    return own if own is not None else _FLOORS.get(encoder.name)


def best_floor(encoder: TextEncoder) -> float | None:
    """The cosine that the best of all texts must have, or the question has to do with none; None: the floor will do."""
    return None if getattr(encoder, "floor", None) is not None else _BEST.get(encoder.name)
