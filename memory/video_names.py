"""Look up the video that a word means: an id, a path, a name with or without its extension, its beginning."""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Callable, Sequence
from pathlib import Path

from .errors import VideoError
from .types import VideoRecord

_LEAST = 2  # characters of a beginning
_SHOWN = 6


def match(records: Sequence[VideoRecord], word: str) -> VideoRecord | None:
    """Return the record of an id, a path, a name, a name without its extension, or the beginning of one; None for none.

    Cases, spaces, hyphens and underscores make no difference. `VideoError` where it may be several.
    """
    name = plain_name(word)
    path = os.path.abspath(word)
    for exact in (lambda r: r.id == word, lambda r: r.path == path or r.name == word):
        same = [record for record in records if exact(record)]
        if same:
            return same[-1]  # the newest of several that share a name
    loosely: tuple[Callable[[VideoRecord], bool], ...] = (
        lambda r: plain_name(r.name) == name,
        lambda r: plain_name(Path(r.name).stem) == name,
        lambda r: len(name) >= _LEAST and plain_name(r.name).startswith(name),
        lambda r: len(name) >= 4 and r.id.startswith(word),
    )
    for matches in loosely:
        same = [record for record in records if matches(record)]
        if len(same) > 1:
            raise VideoError(f"{word!r} may be {listed(same)}: write the whole name, or the id.")
        if same:
            return same[0]
    return None


def listed(records: Sequence[VideoRecord]) -> str:
    """Return the names and ids of some videos in one line, and how many more there are."""
    some = ", ".join(f"{record.name} ({record.id})" for record in records[:_SHOWN])
    return f"{some} and {len(records) - _SHOWN} more" if len(records) > _SHOWN else some


def plain_name(text: str) -> str:
    """Return a name as it is compared: without case, and with one space for spaces, hyphens and underscores."""
    return re.sub(r"[\s_-]+", " ", unicodedata.normalize("NFC", text)).strip().casefold()
