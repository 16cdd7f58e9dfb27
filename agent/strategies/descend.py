"""`descend`: down the levels of a timeline, week, day, hour, clip, over all its videos at once (Ego-R1).

Paper: Ego-R1: Chain-of-Tool-Thought for Ultra-Long Egocentric Video Reasoning (arXiv 2506.13654), whose agent searches
summaries of a week, then of a day, then of an hour, and then looks.
Choices: each step is one search over the hours, days or weeks of all videos, which counts the clips in them beside
their summaries, so that a summary that left a word out hides nothing; up to three of each level are looked into. A
question about what is usual is first looked up among the habits. What is found in the end is handed to the policy.
"""

from __future__ import annotations

import math

from ...memory import MediaURI, Span
from ...tools.sanitize import quote
from ..answer import Evidence
from ..descent import Descent, descend
from ..steps import Steps
from .route import Brief, Route, RouteResult

_CITED = 4


def run(brief: Brief) -> Steps[RouteResult]:
    """Go down, and hand over what was found."""
    calls = math.inf if brief.budget.calls is None else brief.budget.calls
    found = yield from descend(brief.question, calls)
    lines = [f"{row['in_words']}: {quote(row['text'])}" for row in found.habits]
    if found.path:
        lines.append(f"Searched from the coarse to the fine: {'; '.join(found.path)}.")
    return RouteResult(text="\n".join(lines), answer_now=False, evidence=_evidence(found))


def _evidence(found: Descent) -> tuple[Evidence, ...]:
    sources = [(row, "find_habits") for habit in found.habits[:1] for row in habit["sources"]]
    hits = sorted((hit for one in found.results for hit in one.data.get("hits", ())), key=lambda hit: -hit["score"])
    texts = [({**text, "video": hit["video"]}, "search_clips") for hit in hits for text in hit["texts"][:1]]
    return tuple(
        Evidence(claim=row["text"], uri=str(MediaURI(row["video"], Span(*row["span"]))), tool=tool, quote=row["text"])
        for row, tool in (sources or texts)[:_CITED]
        if row["channel"] in ("speech", "screen_text")
    )


DESCEND = Route(
    name="descend",
    paper="Ego-R1 (arXiv 2506.13654)",
    about="down the levels, week, day, hour, clip; recordings of hours, days or weeks on one clock, and habits",
    run=run,
    needs_viewer=False,
    at_once=True,
)
