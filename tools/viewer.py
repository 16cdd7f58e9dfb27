"""`Viewer`: a model that answers questions about pictures, which the agent gives to the tools (or not)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from ..memory import Frame


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class VisualQuestion:
    """One question about some frames."""

    frames: tuple[Frame, ...]
    """In ascending order of time; the viewer shows each with its time as text."""
    text: str
    role: str = ""
    """`grounder`, `verifier` or `answerer`, for models with an adapter for it (VideoMind); else ignored."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """The reply of the model."""

    text: str
    tokens: int = 0
    """Prompt and completion, as the model counts them."""
    price: float = 0.0
    """Price of these, where the model has prices."""
    yes: float | None = None
    """p(Yes) / (p(Yes) + p(No)) in [0, 1], where it was asked for."""


class Viewer(Protocol):
    """Answers questions about frames. Called from the threads that tools run in."""

    def ask(
        self,
        questions: Sequence[VisualQuestion],
        *,
        max_tokens: int = 256,
        beams: int = 1,
        yes_no: bool = False,
    ) -> list[Reply]:
        """One reply for each question; they may be answered as one batch.

        Args:
            questions: what to ask.
            max_tokens: limit of each reply.
            beams: width of a beam search, where the model can (1: none).
            yes_no: whether to weigh Yes against No (`Reply.yes`) instead of writing a reply.
        """
