"""Lines of observations, each about one place, which a policy cites by the number that the loop gives them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...memory import Box, MediaURI, Span
from ...memory.store.full_text import words
from ..observation import Line
from ..sanitize import named, quote

LONGEST = 160
"""Characters of a text that one line repeats."""
_CHANNELS = {"screen_text": "screen text", "visual": "picture"}


def line(
    uri: MediaURI | str,
    channel: str,
    text: str,
    *,
    place: str = "",
    video: str = "",
    unsure: bool = False,
    speaker: str = "",
) -> Line:
    """A line such as `01:12-01:20 screen text, top right: «OPEN»`, or `01:12-01:20 speech [Anna]: «open»`."""
    where = uri if isinstance(uri, MediaURI) else MediaURI.parse(uri)
    when = f"{moment(where.span)} " if where.span is not None else ""
    kind = ", ".join(part for part in (_CHANNELS.get(channel, channel), place, "unsure" if unsure else "") if part)
    kind += f" [{speaker}]" if speaker else ""
    name = f"{named(video)} " if video else ""
    words = f": {quote(text)}" if text else ""
    return Line(text=f"{name}{when}{kind}{words}", uri=str(where), quote=" ".join(text.split()), channel=channel)


def moment(span: Span) -> str:
    """A span as people read it; one time where it has no length."""
    return str(span) if span.duration > 0 else str(span).partition("-")[0]


def box_of(data: Mapping[str, Any]) -> Box | None:
    """The box of a row of the memory, where it has one."""
    found = data.get("box")
    return Box(*found) if isinstance(found, (list, tuple)) and len(found) == 4 else None


def probability_of(data: Mapping[str, Any]) -> float | None:
    """Probability of an utterance: as the row says, else the mean over its words; None if unknown."""
    stated = data.get("probability")
    if isinstance(stated, (int, float)):
        return float(stated)
    sure = [float(word[3]) for word in data.get("words") or () if len(word) > 3 and word[3] is not None]
    return sum(sure) / len(sure) if sure else None


def excerpt(text: str, query: str, longest: int = LONGEST) -> str:
    """`text`, or where it is longer the part of it that has most words of `query`, at word boundaries."""
    tokens = text.split()
    if len(text) <= longest or len(tokens) < 2:
        return text[:longest]
    query_words = set(words(query)) if query.strip() else set()
    matches = [bool(query_words & set(words(token))) for token in tokens]
    best, most = (0, 1), -1
    end = length = found = 0
    for start, token in enumerate(tokens):
        while end < len(tokens) and length + len(tokens[end]) + 1 <= longest:
            length, found, end = length + len(tokens[end]) + 1, found + matches[end], end + 1
        if found > most:
            best, most = (start, max(end, start + 1)), found
        length, found = length - len(token) - 1, found - matches[start]
    start, end = best
    return f"{'… ' if start else ''}{' '.join(tokens[start:end])[:longest]}{' …' if end < len(tokens) else ''}"
