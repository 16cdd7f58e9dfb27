"""Questions one after the other about the same videos, each understood from those before it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

from langchain_core.language_models import BaseChatModel

from ...memory import Moment
from ...memory.video.open import one_or_many
from ...tools import Budget
from ..answer import Answer
from ..runner import Listener
from .history import Exchange, understand


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
        answer = self.agent.ask(
            text,
            options=options,
            videos=self.videos,
            now=self.now,
            budget=self.budget,
            route=route,
            scale=scale,
            width=width,
            history=self.exchanges,
            listener=listener,
        )
        # By the moment that its `now` was: of other videos the same number is another one.
        meant = understand(text, self.exchanges, answer.now, tells=self.agent.reads_prompts)
        self.exchanges.append(Exchange(text, meant.text, answer, answer.now))
        return answer
