"""`search`: the policy looks for itself with the tools, retrieval first (the loop of DESIGN section 2)."""

from __future__ import annotations

from ..steps import Steps
from .route import Brief, Route, RouteResult


def run(brief: Brief) -> Steps[RouteResult]:
    """Nothing ahead of the policy."""
    yield from ()
    return RouteResult(text="", answer_now=False)


SEARCH = Route(
    name="search",
    paper="rewatch's own loop",
    about="the policy searches, listens and looks by itself; any question, any length",
    run=run,
    needs_viewer=False,
)
