"""Kinds of index by name: `faiss`, `lance`, and those of installed packages."""

from __future__ import annotations

import importlib.metadata
import shutil
from collections.abc import Callable
from pathlib import Path

from ..errors import CapabilityError
from ..registry import require_name
from .database import Space, Store
from .faiss_index import ChannelIndex
from .lance_index import LANCE_FOLDER, open_lance
from .vector_index import VectorIndex

GROUP = "rewatch.vector_indexes"
"""The entry points of packages that bring one: names, each of a callable that opens the index of a space."""
USUAL = "faiss"
"""The index of a memory that names none."""

Opener = Callable[[Store, Space], VectorIndex]
"""Opens the index of a space; it need not be caught up with the database."""


def opener(name: str) -> Opener:
    """Return what opens the indexes of that name.

    Raises:
        UnknownNameError: if there is none.
        CapabilityError: if its package cannot be imported.
    """
    own: dict[str, Opener] = {USUAL: ChannelIndex, "lance": open_lance}
    if name in own:
        return own[name]
    points = {point.name: point for point in importlib.metadata.entry_points(group=GROUP)}
    require_name("vector index", name, (*own, *points))
    try:
        found: Opener = points[name].load()
    except (ImportError, AttributeError) as error:
        raise CapabilityError(
            f"The vector index {name} cannot be used ({error}): install its package again, or open the memory with "
            f"another index ({USUAL})."
        ) from error
    return found


def remove_others(folder: Path, name: str) -> None:
    """Remove the files of the indexes that a memory had before it took the one of this name."""
    if name != USUAL:
        for file in folder.glob("*.faiss"):
            file.unlink(missing_ok=True)
    if name != "lance":
        shutil.rmtree(folder / LANCE_FOLDER, ignore_errors=True)
