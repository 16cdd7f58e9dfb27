"""`search`: the policy looks for itself with the tools, retrieval first (the loop of DESIGN section 2)."""

from __future__ import annotations

from ..steps import Steps
from .route import Brief, Found, Route


def run(brief: Brief) -> Steps[Found]:
    """Nothing ahead of the policy."""
    yield from ()
    return Found(text="", answer_now=False)


SEARCH = Route(
    name="search",
    paper="rewatch's own loop",
    about="the policy searches, listens and looks by itself; any question, any length",
    run=run,
    needs_viewer=False,
)
