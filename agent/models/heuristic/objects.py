"""Placeholder until the detector's part is merged."""

from __future__ import annotations

from collections.abc import Generator

from ...answer import Draft
from ...steps import Call, Seen
from .looking import Scene


def about_objects(scene: Scene) -> Generator[Call, Seen, Draft | None]:
    """Nothing yet."""
    yield from ()
    return None
