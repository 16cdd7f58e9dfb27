"""How checkpoints trained elsewhere see tools, call them and answer, by name."""

from __future__ import annotations

from ...memory import CapabilityError
from .dialect import Dialect, Said
from .hermes import Hermes

DIALECTS: dict[str, Dialect] = {
    "hermes": Hermes(),
    "hermes-text": Hermes(name="hermes-text", template_writes_tools=False),
}
"""Every dialect; `hermes-text` is for models whose chat template knows of no tools."""


def load_dialect(name: str) -> Dialect:
    """The dialect of that name.

    Raises:
        CapabilityError: if there is none.
    """
    if name not in DIALECTS:
        raise CapabilityError(f"There is no dialect {name!r}; use {', '.join(DIALECTS)}.")
    return DIALECTS[name]


__all__ = ["DIALECTS", "Dialect", "Hermes", "Said", "load_dialect"]
