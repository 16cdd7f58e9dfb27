"""Reading JSON as models write it: single quotes, Python's literals, trailing commas, a cut-off end."""

from __future__ import annotations

import math
import re
from typing import Any

_DEEPEST = 32
_NUMBER = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?")
_NAME = re.compile(r"[A-Za-z_][\w.-]*")
_CONSTANTS = {"true": True, "True": True, "false": False, "False": False, "null": None, "None": None}
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f", "\n": ""}
_CLOSERS = {"{": "}", "[": "]", "(": ")"}


class NotJson(Exception):
    """A text cannot be read; the message says what was met and where."""


def read_object(text: str) -> dict[str, Any]:
    """The first object that stands in `text`; words around it and missing brackets at its end are passed over.

    Raises:
        NotJson: if there is none, or it cannot be read.
    """
    start = text.find("{")
    if start < 0:
        raise NotJson("there is no JSON object")
    value = _Reader(text, start).value(0)
    assert isinstance(value, dict)
    return value


class _Reader:
    """A position in a text, moved on by what is read."""

    def __init__(self, text: str, at: int) -> None:
        self.text = text
        self.at = at

    def value(self, depth: int) -> Any:
        """One value of any kind."""
        if depth > _DEEPEST:
            raise NotJson("it is nested too deeply")
        self._skip_space()
        here = self._peek()
        if here in _CLOSERS:
            return self._object(depth) if here == "{" else self._list(depth, _CLOSERS[here])
        if here in "\"'" and here:
            return self._string(here)
        return self._word()

    def _object(self, depth: int) -> dict[str, Any]:
        self.at += 1
        found: dict[str, Any] = {}
        while not self._ended("}"):
            key = self._string(self._peek()) if self._peek() in ('"', "'") else self._word()
            self._skip_space()
            if self._peek() != ":":
                raise NotJson(f"a colon is missing at character {self.at}")
            self.at += 1
            found[str(key)] = self.value(depth + 1)
            self._separator("}")
        return found

    def _list(self, depth: int, closer: str) -> list[Any]:
        self.at += 1
        found: list[Any] = []
        while not self._ended(closer):
            found.append(self.value(depth + 1))
            self._separator(closer)
        return found

    def _ended(self, closer: str) -> bool:
        """Whether the list or object ends here, be it that the text does after something complete."""
        self._skip_space()
        if self._peek() == closer:
            self.at += 1
            return True
        if self.at < len(self.text):
            return False
        if self.text.rstrip()[-1:] not in tuple("}])\"'"):
            raise NotJson("it is cut off")  # a number may have more digits to come
        return True

    def _separator(self, closer: str) -> None:
        self._skip_space()
        if self._peek() == ",":
            self.at += 1
        elif self._peek() not in (closer, ""):
            raise NotJson(f"{self._peek()!r} at character {self.at} where a comma or {closer} belongs")

    def _string(self, quote: str) -> str:
        self.at += 1
        parts: list[str] = []
        while self.at < len(self.text):
            here = self.text[self.at]
            self.at += 1
            if here == quote:
                # Halves of a surrogate pair can come from escapes; left single, they could not be stored.
                return "".join(parts).encode("utf-16", "surrogatepass").decode("utf-16", "replace")
            parts.append(self._escape() if here == "\\" else here)
        raise NotJson("it is cut off inside a text")

    def _escape(self) -> str:
        here = self._peek()
        self.at += 1
        if here == "u":
            digits = self.text[self.at : self.at + 4]
            if re.fullmatch(r"[0-9a-fA-F]{4}", digits):
                self.at += 4
                return chr(int(digits, 16))
        return _ESCAPES.get(here, here)

    def _word(self) -> Any:
        """A number, a constant, or a bare word (taken as text)."""
        number = _NUMBER.match(self.text, self.at)
        if number:
            self.at = number.end()
            return _number(number[0])
        name = _NAME.match(self.text, self.at)
        if name is None:
            raise NotJson(f"{self._peek() or 'the end'!r} at character {self.at} where a value belongs")
        self.at = name.end()
        return _CONSTANTS.get(name[0], name[0])

    def _peek(self) -> str:
        return self.text[self.at : self.at + 1]

    def _skip_space(self) -> None:
        while self._peek().isspace():
            self.at += 1


def _number(text: str) -> int | float:
    if re.fullmatch(r"[-+]?\d{1,18}", text):
        return int(text)
    value = float(text)
    if not math.isfinite(value):
        raise NotJson(f"{text[:20]} is not a finite number")
    return value
