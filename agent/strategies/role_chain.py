"""`role_chain`: grounder, verifier and answerer, one after the other (VideoMind).

Paper: VideoMind: A Chain-of-LoRA Agent for Temporal-Grounded Video Reasoning (ICLR 2026, arXiv 2503.13444), and its
code `videomind/eval/infer_auto.py`. The grounder names its five best spans; the verifier looks at each, widened by
half its length at both ends, and weighs Yes against No; the answerer sees the best, at least 32 s of it. A model with
an adapter for a role is asked with it (`role`); any other plays all of them.

Choices: the planner role is the run's own planner; the answerer is the policy (as published: the model without an
adapter). The grounder writes its spans in words instead of through a decoder head; where it names none, the windows
are those of the code: five of a third of the video, every sixth. Its spans reach at least two steps of the frames it
saw, since they are no sharper. Frames are shared in thirds between the roles (published: 150 at most for the
grounder), and a budget of few calls verifies fewer spans.
"""

from __future__ import annotations

from ...memory import Span
from ..steps import Steps
from .replies import read_spans, reply_text
from .route import Brief, Route, RouteResult
from .route_budget import AT_ONCE, RouteBudget, at_least, even

TOP = 5
LEAST = 32.0
"""Seconds that the answerer sees at least."""
VERIFIED = 8
"""Frames of a look by the verifier at most."""

GROUND = """These frames are from a whole video, each with its time. Find when what is needed to answer the question \
happens. Write up to 5 spans, most likely first, one a line, as start-end in seconds. Do not answer the question.
Question: {question}"""
CLAIM = "the moment that is needed to answer the question: {question}"


def fallback_windows(whole: Span) -> list[Span]:
    """Five windows of a third of the video, each a sixth later than the one before."""
    third, stride = whole.duration / 3, whole.duration / 6
    starts = [whole.start + k * stride for k in range(5)]
    return [Span(start, start + third).within(whole) for start in starts]


def run(brief: Brief) -> Steps[RouteResult]:
    """Ground, verify, and show the best span."""
    budget = RouteBudget(brief)
    whole, third = brief.whole, budget.frames // 3
    if third < 1 or budget.calls < 2:
        return (yield from budget.show_evenly("Too little budget for the roles: even steps."))
    grid = even(whole, min(third, AT_ONCE))
    question = GROUND.format(question=brief.prompt)
    (result,) = yield (budget.call("ask_frames", len(grid), times=grid, question=question, role="grounder"),)
    named = read_spans(reply_text(result), whole, most=TOP)
    by = "the grounder" if named else "even windows, as the grounder named no span"
    sharp = 2 * whole.duration / len(grid)
    spans = [at_least(span, sharp, whole) for span in named] or fallback_windows(whole)
    count = int(min(len(spans), budget.calls - 1, third))
    scores = [0.5] * len(spans)
    if count > 1:
        frames = min(VERIFIED, third // count)
        claim = CLAIM.format(question=brief.question.text)
        looks = (
            budget.call("verify_clip", frames, start=span.start, end=span.end, claim=claim, frames=frames)
            for span in spans[:count]
        )
        verdicts = yield tuple(looks)
        scores[:count] = [float(v.data.get("yes", 0.5)) for v in verdicts]
    best = max(range(len(spans)), key=lambda i: scores[i])
    answer_span = at_least(spans[best], LEAST, whole)
    text = f"Spans from {by}: " + ", ".join(f"{s} (yes {p:.2f})" for s, p in zip(spans, scores, strict=True))
    return (yield from budget.show(even(answer_span, min(budget.frames, AT_ONCE)), f"{text}. Shown is {answer_span}."))


ROLE_CHAIN = Route(
    name="role_chain",
    paper="VideoMind (ICLR 2026, arXiv 2503.13444)",
    about="ground, verify with a zoomed yes or no, answer on the best span; when something happens",
    run=run,
)
