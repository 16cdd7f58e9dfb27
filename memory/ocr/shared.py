"""The reader of text that all callers of one process share: its models take a second to load."""

from __future__ import annotations

from functools import lru_cache

from .reader import RapidReader


@lru_cache(maxsize=1)
def shared_reader() -> RapidReader:
    """Return the reader.

    Raises:
        CapabilityError: if RapidOCR is not installed.
    """
    return RapidReader()
