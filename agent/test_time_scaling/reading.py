"""Parser of plain replies: a list of lines, yes or no, a JSON object. Whatever cannot be read is None or empty."""

from __future__ import annotations

import json
import re
from typing import Any

from ..parsing.loose_json import objects
from ..parsing.options import option_in

_BULLET = re.compile(r"^\s*(?:[-*•]|\(?\d{1,2}[.):]|Q\d{1,2}\s*[:.])\s*")
_YES_NO = re.compile(r"\b(yes|true|continue|no|false|stop)\b", re.IGNORECASE)


def questions(text: str) -> list[str]:
    """Return the questions of a reply, each once: the strings of a JSON list, else the lines that end with `?`."""
    rows = _listed(text)
    if not isinstance(rows, list):
        rows = [_BULLET.sub("", line) for line in text.splitlines() if line.strip().rstrip("*\"'").endswith("?")]
    lines = [" ".join(row.split()) for row in rows if isinstance(row, str) and row.strip()]
    return list(dict.fromkeys(row[:500] for row in lines))


def yes_or_no(text: str) -> bool | None:
    """Return the first word of a reply that says yes or no."""
    matches = _YES_NO.search(text)
    return matches[1].lower() in ("yes", "true", "continue") if matches else None


def verdicts(text: str, count: int) -> list[bool | None]:
    """Yes or no per statement, from lines like `2: yes`; None where a number has none or both."""
    votes: list[set[bool]] = [set() for _ in range(count)]
    for number, word in re.findall(r"\b(\d{1,2})\s*[.):=\-–]*\s*\"?(yes|no|true|false)\b", text, re.IGNORECASE):
        if 1 <= int(number) <= count:
            votes[int(number) - 1].add(word.lower() in ("yes", "true"))
    return [next(iter(words)) if len(words) == 1 else None for words in votes]


def json_object(text: str) -> dict[str, Any]:
    """Return the JSON object in a reply, the largest of several; empty if there is none."""
    matches = [(end - start, row) for start, end, row in objects(text)]
    return max(matches, key=lambda pair: pair[0])[1] if matches else {}


def _listed(text: str) -> Any:
    try:
        return json.loads(text[text.index("[") : text.rindex("]") + 1])
    except (ValueError, RecursionError):
        return None


def chosen(text: str, count: int) -> int | None:
    """Return the index of the one letter (A, B, …) that a reply chooses; None where it chooses none or several."""
    option = option_in(text, [""] * count)
    return None if option is None else ord(option) - ord("A")
