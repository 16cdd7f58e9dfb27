"""Reading JSON as models write it: other quotes, literals, comments, commas too many or too few, a cut-off end."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from typing import Any

_DEEPEST = 32
_MOST_FAILURES = 64
"""Brackets that open no object and are still tried."""
_SPACE = re.compile(r"(?:\s+|//[^\n]*|/\*(?:(?!\*/)[\s\S])*\*/|#[^\n]*)*")
"""What stands between values: blanks and comments."""
_NUMBER = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?")
_NAME = re.compile(r"[A-Za-z_][\w.-]*")
_CONSTANTS = {"true": True, "True": True, "false": False, "False": False, "null": None, "None": None}
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f", "\n": ""}
_QUOTES = {'"': '"', "'": "'", "“": "”", "„": "“", "‘": "’", "«": "»", "`": "`"}
"""What opens a text, and what closes it."""
_UNQUOTED = {sign: re.compile(rf"[^{re.escape(sign)}\\]*") for sign in _QUOTES.values()}
_CLOSING = tuple(_QUOTES.values())
_ENDS_TEXT = re.compile(
    r"\s*(?:[;:}\])]|$|//|/\*|[\"'“][^\"'“”\n]{1,40}[\"'”]\s*:"
    r"|,\s*(?:[\"'“„‘`{\[\]}()]|[-+.]?\d|//|/\*|#|$|(?:true|false|null|none|nan|infinity)\b|[A-Za-z_][\w.-]{0,40}\s*[:=]))",
    re.IGNORECASE,
)
"""What follows a text that is over; a quotation mark before anything else belongs into it."""
_MORE = re.compile(r"[^\S\n]*[\w%/'’.!?-]")
_WORDS = re.compile(r"[^,;{}\[\]\"\n]*")
"""The rest of a value in words that nobody put into quotation marks."""
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
    found: dict[str, Any] = _Reader(text, start).value(0)
    return found


def objects(text: str) -> Iterator[tuple[int, int, dict[str, Any]]]:
    """The objects of a text that stand in no other, with where each begins and ends.

    After many brackets that open none it looks only for one that begins with a key in quotes, the last of the text, so
    that no text takes more than a bounded number of readings.
    """
    decoder, at, failed = json.JSONDecoder(strict=False, parse_constant=str), text.find("{"), 0
    while at >= 0 and failed < _MOST_FAILURES:
        read = _object_at(text, at, decoder)
        if read is None:
            failed, at = failed + 1, text.find("{", at + 1)
            continue
        yield at, read[1], read[0]
        at = text.find("{", read[1])
    last = max(text.rfind('{"'), text.rfind("{'")) if at >= 0 else -1
    if last >= at >= 0:
        read = _object_at(text, last, decoder)
        if read is not None:
            yield last, read[1], read[0]


def read_partly(text: str) -> dict[str, Any]:
    """What can be read of the first object of a text, where it is cut off or damaged later on.

    Raises:
        NotJson: if not even its first value can be read.
    """
    start = text.find("{")
    if start < 0:
        raise NotJson("there is no JSON object")
    found: dict[str, Any] = {}
    try:
        _Reader(text, start).object_into(found, 0)
    except NotJson:
        if not found:
            raise
    return found


def _object_at(text: str, at: int, decoder: json.JSONDecoder) -> tuple[dict[str, Any], int] | None:
    """The object that begins at `at`, and where it ends; None where none can be read."""
    try:
        row, end = decoder.raw_decode(text, at)
        return (_paired(row) if text.find("\\u", at, end) >= 0 else row), end
    except (ValueError, RecursionError):
        pass
    reader = _Reader(text, at)
    try:
        row = reader.value(0)
    except NotJson:
        return None
    return row, reader.at


def _paired(value: Any) -> Any:
    """A value without single halves of surrogate pairs in its texts: they could not be stored."""
    if isinstance(value, str):
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, dict):
        return {_paired(key): _paired(item) for key, item in value.items()}
    return [_paired(item) for item in value] if isinstance(value, list) else value


class _Reader:
    """A position in a text, moved on by what is read."""

    def __init__(self, text: str, at: int) -> None:
        self.text = text
        self.at = at
        self._last = text[-1000:].rstrip()[-1:]

    def value(self, depth: int) -> Any:
        """One value of any kind."""
        if depth > _DEEPEST:
            raise NotJson("it is nested too deeply")
        self._skip_space()
        here = self._peek()
        if here in _CLOSERS:
            return self._object(depth) if here == "{" else self._list(depth, _CLOSERS[here])
        if here in _QUOTES:
            return self._string(here)
        return self._word(value=True)

    def _object(self, depth: int) -> dict[str, Any]:
        found: dict[str, Any] = {}
        self.object_into(found, depth)
        return found

    def object_into(self, found: dict[str, Any], depth: int) -> None:
        """The pairs of an object, put into `found` as they are read."""
        self.at += 1
        while not self._ended("}"):
            key = self._string(self._peek()) if self._peek() in _QUOTES else self._word()
            self._skip_space()
            if self._peek() != ":":
                raise NotJson(f"a colon is missing at character {self.at}")
            self.at += 1
            found[str(key)] = self.value(depth + 1)
            self._separator("}")

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
        if self._last not in tuple("}])\"'”’»`"):
            raise NotJson("it is cut off")  # a number may have more digits to come
        return True

    def _separator(self, closer: str) -> None:
        self._skip_space()
        if self._peek() in (",", ";"):
            self.at += 1
        elif self._peek() in _QUOTES and self.text[max(0, self.at - 99) : self.at].rstrip().endswith(_CLOSING):
            return  # the comma between two texts was forgotten
        elif self._peek() not in (closer, ""):
            raise NotJson(f"{self._peek()!r} at character {self.at} where a comma or {closer} belongs")

    def _string(self, quote: str) -> str:
        closer = _QUOTES[quote]
        triple = closer * 3
        if self.text.startswith(triple, self.at) and (end := self.text.find(triple, self.at + 3)) > 0:
            start, self.at = self.at + 3, end + 3
            return self.text[start:end]
        self.at += 1
        parts: list[str] = []
        plain = _UNQUOTED[closer]
        while True:
            run = plain.match(self.text, self.at)
            assert run is not None
            parts.append(run[0])
            self.at = run.end() + 1
            here = self.text[run.end() : self.at]
            if here == closer and not _ENDS_TEXT.match(self.text, self.at):
                parts.append(here)
                continue
            if here == closer:
                # Halves of a surrogate pair can come from escapes; left single, they could not be stored.
                return "".join(parts).encode("utf-16", "surrogatepass").decode("utf-16", "replace")
            if not here:
                raise NotJson("it is cut off inside a text")
            parts.append(self._escape())

    def _escape(self) -> str:
        here = self._peek()
        self.at += 1
        if here == "u":
            digits = self.text[self.at : self.at + 4]
            if re.fullmatch(r"[0-9a-fA-F]{4}", digits):
                self.at += 4
                return chr(int(digits, 16))
        return _ESCAPES.get(here, here)

    def _word(self, *, value: bool = False) -> Any:
        """A number, a constant, or a bare word (taken as text); a value may be of several words."""
        start = self.at
        number = _NUMBER.match(self.text, self.at)
        if number:
            self.at = number.end()
            return self._words(start) if value and self._goes_on() else _number(number[0])
        name = _NAME.match(self.text, self.at)
        if name is None:
            raise NotJson(f"{self._peek() or 'the end'!r} at character {self.at} where a value belongs")
        self.at = name.end()
        if value and self._goes_on():
            return self._words(start)
        return _CONSTANTS.get(name[0], name[0])

    def _goes_on(self) -> bool:
        """Whether more words or a unit follow what was read."""
        return bool(_MORE.match(self.text, self.at))

    def _words(self, start: int) -> str:
        end = _WORDS.match(self.text, self.at)
        self.at = end.end() if end else self.at
        return self.text[start : self.at].strip()

    def _peek(self) -> str:
        return self.text[self.at : self.at + 1]

    def _skip_space(self) -> None:
        self.at = _SPACE.match(self.text, self.at).end()  # type: ignore[union-attr]


def _number(text: str) -> int | float:
    if re.fullmatch(r"[-+]?\d{1,18}", text):
        return int(text)
    value = float(text)
    if not math.isfinite(value):
        raise NotJson(f"{text[:20]} is not a finite number")
    return value
