"""Results of tools as plain JSON values of bounded size, cut before anything else is done with them.

A tool may return a hundred million characters, a list that holds itself or a generator without end. Whatever is done
with results later (escaping, storing, showing) takes time and room in proportion, in the process that runs the loop.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from ..memory import Span

MOST_CHARACTERS = 2_000_000
"""Characters of all strings of one result together."""
MOST_VALUES = 200_000
"""Values of one result, however they are nested."""
DEEPEST = 40
"""Levels of nesting."""
LONGEST_KEY = 200
"""Characters of a key."""
MOST_OF_A_STREAM = 10_000
"""Values that are taken from an iterator, which may have no end."""
CUT = "…"
_LARGEST_WHOLE = 1 << 256  # a whole number beyond that takes seconds to write


class Room:
    """The remaining bounds of several values together."""

    def __init__(self, characters: int = MOST_CHARACTERS, values: int = MOST_VALUES) -> None:
        self.characters, self.values = characters, values

    def text(self, text: str) -> str:
        """Return a string, or as much of it as there is room for and the number of characters that it lacks."""
        start = text[: self.characters]
        self.characters -= len(start)
        return str(start) if len(start) == len(text) else f"{start} {CUT} ({len(text) - len(start)} characters more)"


def bounded(value: Any, *, characters: int = MOST_CHARACTERS, values: int = MOST_VALUES) -> Any:
    """Return `value` as plain JSON values, cut where it is larger than the bounds; other objects become their text."""
    return _plain(value, Room(characters, values), DEEPEST)


def cut(text: str, most: int = MOST_CHARACTERS) -> str:
    """Return a string of at most `most` characters, with the number of those that it lacks."""
    return Room(most, 1).text(text)


def _plain(value: Any, room: Room, deep: int) -> Any:
    room.values -= 1
    if room.values < 0:
        return CUT
    if value is None or isinstance(value, (bool, np.bool_)):
        return None if value is None else bool(value)
    if isinstance(value, str):
        return room.text(value)
    if isinstance(value, (int, np.integer)):
        return int(value) if abs(int(value)) < _LARGEST_WHOLE else "a whole number too long to write"
    if isinstance(value, (float, np.floating)):
        return round(float(value), 4)
    if isinstance(value, Span):
        return [round(value.start, 3), round(value.end, 3)]
    if isinstance(value, (bytes, bytearray, memoryview)):
        return f"[{len(value)} bytes]" if len(value) > 1000 else room.text(str(bytes(value)))
    if isinstance(value, np.ndarray):
        if value.size > room.values:
            shape = "×".join(map(str, value.shape))
            return f"[array of {shape} {value.dtype}]"
        return _plain(value.tolist(), room, deep)
    if isinstance(value, Mapping):
        return _mapping(value, room, deep)
    if isinstance(value, (list, tuple, set, frozenset, Iterator)):
        return _many(value, room, deep)
    return room.text(str(value))


def _mapping(value: Mapping[Any, Any], room: Room, deep: int) -> Any:
    if deep <= 0:
        return CUT
    kept: dict[str, Any] = {}
    for key, item in value.items():
        if room.values <= 0:
            kept[CUT] = f"{len(value) - len(kept)} more"
            break
        kept[_key(key)] = _plain(item, room, deep - 1)
    return kept


def _many(value: Any, room: Room, deep: int) -> Any:
    if deep <= 0:
        return CUT
    kept: list[Any] = []
    source = itertools.islice(value, MOST_OF_A_STREAM) if isinstance(value, Iterator) else value
    for item in source:
        if room.values <= 0:
            kept.append(f"{CUT} {len(value) - len(kept)} more" if hasattr(value, "__len__") else CUT)
            break
        kept.append(_plain(item, room, deep - 1))
    return sorted(kept, key=str) if isinstance(value, (set, frozenset)) else kept


def _key(key: Any) -> str:
    text = key if isinstance(key, str) else str(key)
    return text if len(text) <= LONGEST_KEY else text[:LONGEST_KEY] + CUT
