"""How checkpoints trained elsewhere see tools, call them and answer, by name."""

from __future__ import annotations

from ...memory import CapabilityError
from .citing import draft
from .dialect import Dialect, Said
from .ego_r1 import EgoR1
from .hermes import Hermes
from .longvt import LongVT
from .pixel_reasoner import PixelReasoner
from .prompts import PROMPTS, with_prompt
from .short import Short
from .vital import Vital

DIALECTS: dict[str, Dialect] = {
    dialect.name: dialect
    for dialect in (
        Hermes(),
        Hermes(name="hermes-text", template_writes_tools=False),
        Hermes(name="qwen3-vl", places="grid"),
        Vital(),
        EgoR1(),
        PixelReasoner(),
        LongVT(),
    )
}
"""Every dialect of a released checkpoint; `hermes-text` is for models whose chat template knows of no tools, `qwen3-vl`
is `hermes` with places on a grid of 0 to 1000."""
TRAINED_HERE: dict[str, Dialect] = {"short": Short()}
"""Dialects that only policies speak which were trained from nothing by `rewatch train`."""


def load_dialect(name: str) -> Dialect:
    """The dialect of that name; `-` and `_` and case are one.

    Raises:
        CapabilityError: if there is none.
    """
    known = {key.replace("-", "_"): dialect for key, dialect in {**DIALECTS, **TRAINED_HERE}.items()}
    found = known.get(name.lower().replace("-", "_"))
    if found is None:
        raise CapabilityError(f"There is no dialect {name!r}; use {', '.join(DIALECTS)}.")
    return found


__all__ = ["DIALECTS", "PROMPTS", "TRAINED_HERE", "Dialect", "Said", "draft", "load_dialect", "with_prompt"]
