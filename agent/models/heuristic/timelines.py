"""Answers about days and weeks on one clock: what is usual, and what happened in a stretch of a timeline."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from typing import Any

from ....memory import MediaURI, Span
from ...answer import Draft, Evidence
from ...steps import Call, CallResult
from .question_parser import ParsedQuestion
from .retrieval import Retrieval

_WHOLE = frozenset(
    "summarize summarise summary overview outline gist recap main topic topics point points week weeks day days hour "
    "hours month year happened happens happening".split()
)
"""Words of questions about all of a stretch."""
_ROWS = 8  # hours, days or weeks that are told of
_LONGEST = 400  # characters of one of them


def habit(found: Sequence[dict[str, Any]]) -> Draft:
    """Tell the best habit: how often, when, and in which words; its sources are the evidence."""
    best = found[0]
    sources = best["sources"]
    evidence = tuple(
        Evidence(
            claim=row["text"], uri=str(MediaURI(row["video"], Span(*row["span"]))), tool="find_habits",
            quote=row["text"] if row["channel"] in ("speech", "screen_text") else None,
        )
        for row in sources
    )  # fmt: skip
    often = best["days"] / max(best["of"], 1)
    return Draft(
        text=f"{best['in_words']}: “{best['text']}”",
        evidence=evidence,
        confidence=round(0.5 + 0.4 * min(often, 1.0), 3),
    )


def asks_for_all(question: ParsedQuestion) -> bool:
    """Return whether a question is about all that happened in a stretch, and names no matter of its own."""
    return (
        question.kind in ("summary", "text")
        and question.channel is None
        and not question.phrase
        and not set(question.topic) - _WHOLE
    )


def summary(retrieval: Retrieval, bounds: Mapping[str, str]) -> Generator[Call, CallResult, Draft]:
    """Tell what the days hold, over all videos; `bounds` are `start` and `end` by the wall clock, where there are."""
    result = yield Call("browse", {"level": "day", **bounds})
    rows = [row for row in result.data.get("rows", ()) if row["text"]]
    if not rows:
        return retrieval.first.abstain("Nothing was said or shown in that time, as far as it was indexed.")
    lines = [f"{row['title']}: {_short(row['text'])}" for row in rows[:_ROWS]]
    evidence = tuple(
        Evidence(claim=f"what {row['title']} holds", uri=row["uri"], tool="browse", quote=None) for row in rows[:_ROWS]
    )
    return Draft(text="\n".join(lines), evidence=evidence, confidence=0.6)


def _short(text: str) -> str:
    """The first lines, of what is said and what stands on the screen, on one line; how it looks tells nothing of it."""
    told = [line for line in text.splitlines() if not line.startswith(("Looks: ", "From: "))] or text.splitlines()
    text = " ".join(" · ".join(told).split())
    return text if len(text) <= _LONGEST else text[:_LONGEST].rsplit(" ", 1)[0] + " …"
