"""Files dealt out to shards: by their content and size alone, so that every machine deals them out alike."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ..errors import MisuseError

_SAMPLE = 1 << 16  # bytes of the beginning and of the end that tell files apart


@dataclass(frozen=True, slots=True)
class Shard:
    """One of `count` parts of the work; `number` counts from 1."""

    number: int
    count: int

    @classmethod
    def parse(cls, text: str) -> Shard:
        """Read `2/8`.

        Raises:
            MisuseError: if it is no such thing.
        """
        found = re.fullmatch(r"\s*(\d{1,6})\s*/\s*(\d{1,6})\s*", text)
        number, count = (int(group) for group in found.groups()) if found else (0, 0)
        if not 1 <= number <= count:
            raise MisuseError(f"{text!r} is no shard: write its number, from 1, and how many there are, such as 2/8.")
        return cls(number, count)

    def __str__(self) -> str:
        return f"{self.number}/{self.count}"

    def files(self, files: Sequence[Path]) -> list[Path]:
        """Return the files of this shard, in the order given; all shards of the same files have each exactly once.

        The largest file goes first to the shard that has the fewest bytes so far. Files of the same bytes go together,
        whatever their names are, so that copies are met by the same memory.
        """
        kinds: dict[tuple[int, str], list[Path]] = {}
        for file in dict.fromkeys(files):
            kinds.setdefault(_kind(file), []).append(file)
        loads = [0] * self.count
        mine: set[Path] = set()
        for kind in sorted(kinds, key=lambda kind: (-kind[0], kind[1])):
            # Of shards that are as full, small files go round too.
            lightest = min(range(self.count), key=lambda number: (loads[number], number))
            loads[lightest] += max(kind[0], 1)
            if lightest == self.number - 1:
                mine.update(kinds[kind])
        return [file for file in dict.fromkeys(files) if file in mine]


def _kind(file: Path) -> tuple[int, str]:
    """Return the size of a file in bytes and a digest of its ends; by its name where it cannot be read."""
    try:
        with file.open("rb") as opened:
            size = os.fstat(opened.fileno()).st_size
            digest = hashlib.sha256(opened.read(_SAMPLE))
            opened.seek(max(size - _SAMPLE, 0))
            digest.update(opened.read(_SAMPLE))
        return size, digest.hexdigest()
    except (OSError, ValueError):
        return 0, hashlib.sha256(os.fsencode(file.name)).hexdigest()
