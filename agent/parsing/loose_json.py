"""Read JSON as models write it: by `json-repair`, behind checks for what must not be mended.

The library mends everything: a call that is cut off becomes a call with other arguments, and words in braces an object.
Such texts are refused here, since calls are made of what is read.
"""

from __future__ import annotations

import contextlib
import json
import math
import re
from collections.abc import Iterator
from typing import Any

from json_repair.json_parser import JSONParser

_MOST_FAILURES = 64
"""Brackets that open no object and are still tried."""
_LONGEST, _MOST_WORK = 4000, 5 * 4000**2
"""Characters of an object that is mended, and the sum of their squares in one text: so the library's time may grow."""
_SPACE = r"(?:\s|//[^\n]*\n|/\*(?:(?!\*/)[\s\S]){0,500}\*/|#[^\n]*\n)*"
_OPENS = re.compile(rf"\{{{_SPACE}(?:\}}|[\"'“„‘«`][^\n]{{0,200}}?[\"'”“’»`]{_SPACE}:|[A-Za-z_][\w.-]*{_SPACE}:)")
"""How an object begins: it is empty, or has a key."""
_OTHER_QUOTES = re.compile(r"\"{3}([\s\S]*?)\"{3}|`([^`\n]*)`(?=\s*[,:}\]])|«([^«»]*)»(?=\s*[,:}\]])")
_LAST_TEXT = re.compile(r"[\"']([^\"'\n]{1,200})[\"']\s*\Z")
_TEXTS = re.compile(r"\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*'")
_NO_VALUE = re.compile(r":\s*(?:[<}\],]|\Z)")
_LEFT_OPEN = re.compile(r"(?:[:{,\[]\s*[\"']|[^\s}\])\"'”’»`])\s*\Z")
"""How a text ends that is cut off inside of a value: a number, too, may have more digits to come."""


class NotJson(Exception):
    """A text cannot be read; the message says what was met."""


def read_object(text: str) -> dict[str, Any]:
    """Return the first object of `text`; words around it and missing brackets at its end are passed over."""
    return _object_at(text, _first(text))[0]


def read_partly(text: str) -> dict[str, Any]:
    """Return what can be read of a text's first object, where it is cut off or damaged later on; else `NotJson`."""
    found = _mended(text, _first(text))[0]
    if not found:
        raise NotJson("it is cut off")
    return found


def objects(text: str) -> Iterator[tuple[int, int, dict[str, Any]]]:
    """The objects of a text that stand in no other, with where each begins and ends.

    After many brackets that open none it looks only for one that begins with a key in quotes, the last of the text, so
    that no text takes more than a bounded number of readings.
    """
    at, failures, work = text.find("{"), 0, 0
    while at >= 0 and failures < _MOST_FAILURES and work < _MOST_WORK:
        found = _strict(text, at)
        if found is None and _OPENS.match(text, at):
            with contextlib.suppress(NotJson):
                found = _checked(text, at)
            work += (found[1] - at if found else min(len(text) - at, _LONGEST)) ** 2
        if found is None:
            failures, at = failures + 1, text.find("{", at + 1)
            continue
        yield at, found[1], found[0]
        at = text.find("{", found[1])
    last = max(text.rfind('{"'), text.rfind("{'")) if at >= 0 else -1
    if last >= at >= 0:
        with contextlib.suppress(NotJson):
            row, end = _object_at(text, last)
            yield last, end, row


def _first(text: str) -> int:
    start = text.find("{")
    if start < 0:
        raise NotJson("there is no JSON object")
    return start


def _object_at(text: str, at: int) -> tuple[dict[str, Any], int]:
    return _strict(text, at) or _checked(text, at)


def _strict(text: str, at: int) -> tuple[dict[str, Any], int] | None:
    try:
        row, end = json.JSONDecoder(strict=False, parse_constant=str).raw_decode(text, at)
        return _storable(row), end
    except (ValueError, RecursionError, NotJson):
        return None


def _checked(text: str, at: int) -> tuple[dict[str, Any], int]:
    """The object at `at` as it is mended, where nothing is missing in it but brackets, quotes and commas."""
    row, end = _mended(text, at)
    if end >= len(text.rstrip()):
        last = _LAST_TEXT.search(text[-250:])  # a key without a value is left out
        if _LEFT_OPEN.search(text[-250:]) or (last and last[1] not in str(row)):
            raise NotJson("it is cut off")
    if _NO_VALUE.search(_TEXTS.sub('""', text[at:end])):
        raise NotJson("a value is missing")
    return row, end


def _mended(text: str, at: int) -> tuple[dict[str, Any], int]:
    """Return the object at `at` as the library mends it, and its end; `NotJson` for none, one too long or too deep."""
    if not _OPENS.match(text, at):
        raise NotJson("a key with a colon is missing behind the first bracket")
    part = _OTHER_QUOTES.sub(lambda m: json.dumps(next(filter(None, m.groups()), "")), text[at : at + _LONGEST])
    longer = len(part) - len(text[at : at + _LONGEST])
    parser = JSONParser(part, None, True)
    try:
        row = parser.parse_json()
    except RecursionError:
        raise NotJson("it is nested too deeply") from None
    if parser.index >= len(part) and len(text) - at > _LONGEST:
        raise NotJson("it is too long")
    if not isinstance(row, dict):
        raise NotJson("there is no JSON object")
    if any("missed a : after a key" in entry["text"] for entry in parser.logger):
        raise NotJson("a colon is missing behind a key")
    return _storable(row), at + len(part[: parser.index].rstrip()) - longer


def _storable(value: Any) -> Any:
    """Replace single halves of surrogate pairs, which could not be stored; `NotJson` for a NaN."""
    if isinstance(value, str):
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, dict):
        return {_storable(key): _storable(item) for key, item in value.items()}
    if isinstance(value, float) and not math.isfinite(value):
        raise NotJson("a number is not finite")
    return [_storable(item) for item in value] if isinstance(value, list) else value
