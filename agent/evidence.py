"""Numbered evidence: every line of an observation has a number in its run, and the number stands for a place.

The numbers are a matter of the conversation alone: each tool message keeps its own in `artifact["evidence"]`, and the
next message goes on counting. A line that comes again, with the same place and words, keeps its number.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from langchain_core.messages import BaseMessage, ToolMessage

from ..memory import MediaURI
from ..tools import VLM_TOOLS, Observation
from ..tools.builtin.evidence_lines import moment
from ..tools.errors import VIEWER_FAILED
from .answer import Evidence

SEEN_BY = frozenset(tool.name for tool in VLM_TOOLS) | {"ask_frames", "rate_frames", "verify_clip"}
"""Tools that ask the model that sees."""
CITED = 4
"""Places that are numbered of an observation that names places only."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """The place and the words that one number stands for."""

    n: int
    uri: str
    text: str = ""
    """The words that were said or shown there, as the policy read them; empty where only the place is known."""
    channel: str = ""
    tool: str = ""

    def as_dict(self) -> dict[str, Any]:
        """Return the row of `artifact["evidence"]`."""
        return {key: value for key, value in asdict(self).items() if key != "tool"}


def pieces_of(messages: Iterable[BaseMessage]) -> dict[int, Piece]:
    """Return what each number of the conversation stands for."""
    results: dict[int, Piece] = {}
    for message in messages:
        if isinstance(message, ToolMessage):
            for row in (message.artifact or {}).get("evidence", ()):
                piece = Piece(**{key: row[key] for key in ("n", "uri", "text", "channel")}, tool=message.name or "")
                results.setdefault(piece.n, piece)
    return results


def unseen(messages: Iterable[BaseMessage]) -> bool:
    """Return whether the model that sees was asked and failed each time, so that no picture was looked at."""
    viewer_data = [
        (message.artifact or {}).get("data") or {}
        for message in messages
        if isinstance(message, ToolMessage) and message.name in SEEN_BY
    ]
    failed = [isinstance(data, dict) and bool(data.get(VIEWER_FAILED)) for data in viewer_data]
    return bool(failed) and all(failed)


def numbers_of(evidence: Iterable[Evidence], pieces: Iterable[Piece]) -> list[int]:
    """Return the number of the line that fits each place of an answer best, each number once."""
    results: list[int] = []
    candidates = [(piece, MediaURI.parse(piece.uri)) for piece in pieces]
    for item in evidence:
        cited = MediaURI.parse(item.uri)
        quoted = _letters(item.quote or "")
        ranked = [
            (quoted != "" and quoted in _letters(piece.text), cited.span.iou(place.span), -piece.n)
            for piece, place in candidates
            if place.video == cited.video and place.span is not None and cited.span is not None
        ]
        best = max(ranked, default=(False, 0.0, 0))
        if best[0] or best[1] > 0:
            results.append(-best[2])
    return list(dict.fromkeys(results))


def _letters(text: str) -> str:
    return "".join(c for c in text.lower() if c.isalnum())


def number(observation: Observation, before: Sequence[Piece]) -> tuple[str, list[Piece]]:
    """Return the text of an observation with its lines numbered on from the pieces of the run, and its own pieces."""
    if observation.error:
        return observation.text, []
    numbers = {(piece.uri, piece.text): piece.n for piece in before}
    pieces: list[Piece] = []

    def numbered(uri: str, text: str, channel: str) -> Piece:
        n = numbers.setdefault((uri, text), max(numbers.values(), default=0) + 1)
        pieces.append(Piece(n=n, uri=uri, text=text, channel=channel))
        return pieces[-1]

    rows, lines = [], list(observation.lines)
    for row in observation.text.split("\n"):
        place = next((k for k, one in enumerate(lines) if one.text == row), None)
        if place is not None:
            one = lines[place]
            row = f"[{numbered(one.uri, one.quote, one.channel).n}] {row}"
            lines = lines[place + 1 :]
        rows.append(row)
    if not observation.lines and observation.uris:
        cited = [(numbered(uri, "", ""), MediaURI.parse(uri).span) for uri in observation.uris[:CITED]]
        whens = [f"[{piece.n}] {moment(span) if span else 'the whole video'}" for piece, span in cited]
        rows.append("Cite as " + ", ".join(whens))
    return "\n".join(rows), pieces
