"""`skim_zoom`: skim the whole video, have the model name spans, look again only there (ViTL).

Paper: Video-in-the-Loop: Span-Grounded Long Video QA with Interleaved Reasoning (arXiv 2510.04022). The frames of
both stages together stay within one fixed budget; stage 2 gives each span frames in proportion to its length and at
least one.

Choices, since the paper prints no rates and has no code: the budget is halved between the stages; the grounding query
is the question in a fixed frame of words; spans are widened by one skim step at both ends, since a skim places an end
no better; stage 2 takes at most 8 frames a second; where the reply names no span, the whole video is sampled again.
Both stages see frames of one size, since the tools show no other.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from ...memory import Span
from ...memory.span import merge_spans
from ..steps import Steps
from .replies import read_spans, reply_text
from .route import Brief, Route, RouteResult
from .route_budget import AT_ONCE, RouteBudget, even, shares, short

SKIM = 0.5
"""Part of the frames for stage 1."""
ZOOM_FPS = 8.0
MAX_SPANS = 8

GROUND = """These frames are a skim of a whole video, each with its time. Locate the moments that are needed to answer \
the question below. Write one span a line, most promising first, as start-end in seconds, then a short reason. \
Several spans are allowed. Do not answer the question.
Question: {question}"""


def stage_two(spans: Sequence[Span], frames: int) -> list[float]:
    """Return times (seconds) of at most `frames` frames in spans that do not overlap.

    Each span gets `shares` of `frames` by its length, at least 1, at most `ZOOM_FPS` a second.
    """
    times: list[float] = []
    for span, count in zip(spans, shares([span.duration for span in spans], frames), strict=True):
        times += even(span, min(count, max(1, math.ceil(span.duration * ZOOM_FPS))))
    return times


def run(brief: Brief) -> Steps[RouteResult]:
    """Skim, zoom, and show what the zoom saw."""
    budget = RouteBudget(brief)
    skim = even(brief.whole, min(int(budget.frames * SKIM), AT_ONCE))
    if not skim or budget.calls < 2:
        return (yield from budget.show_evenly("Too little budget to skim: even steps."))
    question = GROUND.format(question=brief.prompt)
    (result,) = yield (budget.call("ask_frames", len(skim), times=skim, question=question, role="grounder"),)
    reply = reply_text(result)
    step = brief.whole.duration / len(skim)
    named = read_spans(reply, brief.whole, most=MAX_SPANS)
    wide = [Span(span.start - step, span.end + step).within(brief.whole) for span in named]
    # The most promising first: of more spans than frames, the last named go.
    spans = merge_spans(wide[: budget.frames])
    if not spans:
        between = even(brief.whole, budget.frames)
        return (yield from budget.show(between, "The skim named no span: frames at even steps."))
    where = ", ".join(map(str, spans))
    text = f"A skim of {len(skim)} frames pointed to {where}: {short(reply)}. Those spans were looked at more closely."
    return (yield from budget.show(stage_two(spans, budget.frames), text))


SKIM_ZOOM = Route(
    name="skim_zoom",
    paper="ViTL (arXiv 2510.04022)",
    about="skim, then look closely at the spans that matter; one or a few moments in a long video",
    run=run,
)
