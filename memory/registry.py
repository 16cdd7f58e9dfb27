"""Look-up by name: every unknown name of a channel, level, tool, strategy, dialect, … fails with one kind of error."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Mapping
from typing import TypeVar

from .errors import MisuseError

T = TypeVar("T")


class UnknownNameError(MisuseError, KeyError):
    """There is no thing of that name; the text lists the names that there are and the closest one."""


class Registry(Mapping[str, T]):
    """The things of one kind by name; a missing key raises `UnknownNameError`, and `add` takes in one of your own.

    Args:
        kind: what the names stand for, singular: `"channel"`.
        entries: the things by name, in the order in which they are listed to people.
    """

    def __init__(self, kind: str, entries: Mapping[str, T]) -> None:
        self.kind = kind
        self._entries = dict(entries)

    def add(self, name: str, entry: T) -> T:
        """Take in one more, and return it.

        Raises:
            MisuseError: if there is one of that name.
        """
        if name in self._entries:
            raise MisuseError(f"There is a {self.kind} {name!r} already: take another name.")
        self._entries[name] = entry
        return entry

    def remove(self, name: str) -> T:
        """Take out an entry, and return it.

        Raises:
            UnknownNameError: if there is none of that name.
        """
        return self._entries.pop(require_name(self.kind, name, self._entries))

    def __getitem__(self, name: str) -> T:
        return self._entries[require_name(self.kind, name, self._entries)]

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)

    def __contains__(self, name: object) -> bool:
        return name in self._entries


def require_name(kind: str, name: str, names: Iterable[str]) -> str:
    """Return `name` if it is one of `names`.

    Raises:
        UnknownNameError: if it is not.
    """
    names = tuple(names)
    if name not in names:
        raise UnknownNameError(unknown_name(kind, name, names))
    return name


def unknown_name(kind: str, name: object, names: Iterable[str]) -> str:
    """Return the message for an unknown name: `There is no channel 'speach'; there are …. Did you mean speech?`."""
    names = tuple(names)
    listed = f"there are {', '.join(names)}" if names else "there are none"
    return f"There is no {kind} {name!r}; {listed}.{did_you_mean(names, str(name))}"


def closest_name(names: Iterable[str], word: str) -> str | None:
    """Return the name that comes closest to a mistyped one; None where none is close."""
    by_folded_name = {name.casefold(): name for name in names}
    matches = difflib.get_close_matches(word[:100].casefold(), by_folded_name, n=1, cutoff=0.6)  # difflib's own default
    return by_folded_name[matches[0]] if matches else None


def did_you_mean(names: Iterable[str], word: str) -> str:
    """Return ` Did you mean …?`, or an empty string where no name is close."""
    match = closest_name(names, word)
    return f" Did you mean {match}?" if match and match != word else ""
