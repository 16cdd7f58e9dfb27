"""Questions one after the other about the same videos, each understood from those before it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from langchain_core.language_models import BaseChatModel

from ...memory import Moment
from ...memory.video.open import one_or_many
from ...tools import Budget
from ..answer import Answer
from ..runner import Listener
from .followups import complete

_TOLD = 6  # exchanges that a language model is told of
_LONGEST = 400  # characters of one answer in that


@dataclass(frozen=True, slots=True)
class Exchange:
    """A question as it was written and as it was understood, with its answer."""

    question: str
    understood: str
    answer: Answer
    now: float | str | Moment | None = None
    """Up to when the answer could see (see `question_about`); None for all of the videos."""


class Answerer(Protocol):
    """The parts of a `VideoAgent` that a conversation uses."""

    policy: BaseChatModel
    budget: Budget

    @property
    def reads_prompts(self) -> bool: ...  # noqa: D102

    @property
    def ask(self) -> Callable[..., Answer]: ...  # noqa: D102


class Conversation:
    """Asks an agent one question after the other; a follow-up keeps what "she" and "then" are.

    A language model is told of the exchanges before, as material. For a policy without a model a follow-up that cannot
    stand alone is completed by rules (English): by the time of the last place that was cited ("and after that?"), by
    the name or thing that was asked about ("when does he start?"), by the question before ("and Maria?").

    Args:
        agent: answers.
        videos: ids, names or paths of the memory's videos; all of them by default.
        now: nothing after this time may be seen; see `question_about`.
        budget: limits of one question instead of the agent's own.
    """

    def __init__(
        self,
        agent: Answerer,
        *,
        videos: str | Path | Sequence[str | Path] | None = None,
        now: float | str | Moment | None = None,
        budget: Budget | None = None,
    ) -> None:
        self.agent = agent
        self.videos = list(one_or_many(videos)) if videos else None
        self.now = now
        self.budget = budget or agent.budget
        self.exchanges: list[Exchange] = []

    def ask(
        self,
        text: str,
        *,
        options: Sequence[str] | None = None,
        route: str | None = None,
        scale: str | None = None,
        width: int = 8,
        listener: Listener | None = None,
    ) -> Answer:
        """Answer the next question; the arguments are those of `VideoAgent.ask`.

        Raises:
            QuestionError: if the question is empty, or a video is not there any more.
            CapabilityError: if the route or the scaling needs a model that is not there.
        """
        earlier_exchanges = self.exchanges
        if self.now is not None:  # those whose answers saw no more than this one may see
            earlier_exchanges = [e for e in self.exchanges if _saw_no_more(e.now, self.now)]
        follow_up = complete(text, [e.understood for e in earlier_exchanges], [e.answer for e in earlier_exchanges])
        understood, prompt = follow_up.text, follow_up.text
        earlier: list[tuple[str, str]] = []
        if self.agent.reads_prompts:
            prompt = text if understood == text else f"{text} (that is: {understood})"
            earlier = [(e.question, _short(e.answer.text)) for e in earlier_exchanges[-_TOLD:]]
        answer = self.agent.ask(
            prompt,
            options=options,
            videos=self.videos if follow_up.video is None else [follow_up.video],
            now=self.now,
            budget=self.budget,
            route=route,
            scale=scale,
            width=width,
            earlier=earlier,
            listener=listener,
        )
        self.exchanges.append(Exchange(text, understood, answer, self.now))
        return answer


def _saw_no_more(earlier: float | str | Moment | None, now: float | str | Moment) -> bool:
    """Return whether what could be seen at one time could be at another; not where that cannot be told."""
    if isinstance(earlier, Moment) and isinstance(now, Moment):
        return earlier.timeline == now.timeline and earlier.seconds <= now.seconds
    if isinstance(earlier, int | float) and isinstance(now, int | float):
        return earlier <= now
    return earlier == now


def _short(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"
