"""`read`: the reader without a model goes first, and what it would answer is put before the policy, to be judged.

A small language model that reads only finds the right line among many seldom, and judges one line well: retrieval and
reading by words come first, the model last (retrieve, then read, then verify).
"""

from __future__ import annotations

import math

from ..models.heuristic.policy import answer
from ..steps import Steps, one_at_a_time
from .route import Brief, Route, RouteResult

_SURE = 0.5


def run(brief: Brief) -> Steps[RouteResult]:
    """Run the reader's own steps over all videos of the question, once."""
    calls = math.inf if brief.budget.calls is None else brief.budget.calls
    draft = yield from one_at_a_time(answer(brief.question), calls)
    if draft.abstained:
        return RouteResult(text="", answer_now=False)
    reply = f"{draft.option}. {draft.text}" if draft.option else draft.text
    how = "The likely answer" if draft.confidence >= _SURE else "A possible answer"
    text = f"{how}, by words alone, to be repeated with its number if the lines bear it out:\n{reply}"
    return RouteResult(text=text, answer_now=False, evidence=draft.evidence)


READ = Route(
    name="read",
    paper="rewatch's own",
    about="a reader without a model goes first, and the policy judges what it found; for models that only read",
    run=run,
    needs_viewer=False,
    at_once=True,
)
