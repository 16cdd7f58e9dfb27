"""Judging: what an item is worth, from its answer and its trace alone: no model, no video.

An item that failed is wrong in every figure. The checks are those of the rewards (`training.rewards`), so that what is
trained for and what is measured are one thing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from langchain_core.messages import AIMessage, AnyMessage

from ..agent import Answer
from ..agent.answer import Draft
from ..agent.replay import replay
from ..agent.trace import TraceError
from ..training.data.task import Task
from ..training.rewards import is_right
from ..training.rollouts.rollout import Rollout
from .items import Item


@dataclass(frozen=True, kw_only=True)
class JudgedItem:
    """An item with its task, and what the run wrote and observed."""

    task: Task
    item: Item
    messages: tuple[AnyMessage, ...] = ()

    @property
    def answer(self) -> Answer:
        """The answer; an abstention where there is none."""
        return self.item.answer or Answer(question=self.task.question, text="", abstained=True)

    @property
    def failed(self) -> bool:
        """True if the run came to no answer of its own: it is wrong."""
        return self.item.is_failure

    @property
    def reason(self) -> str | None:
        """Why it failed; None where it did not."""
        return self.item.reason

    @cached_property
    def rollout(self) -> Rollout:
        """The run as rewards see it."""
        return Rollout(task=self.task, answer=self.answer, messages=self.messages)

    @cached_property
    def right(self) -> bool:
        """Whether the answer is right: see `training.rewards.is_right`."""
        return not self.failed and is_right(self.rollout)

    @property
    def cluster(self) -> str:
        """What it shares chance with: its first video, as standard errors are clustered by; else its own id."""
        return self.task.videos[0] if self.task.videos else self.task.id

    @property
    def categories(self) -> Mapping[str, str]:
        """The names under which a set breaks its figures down, such as `{"duration": "long"}`."""
        found = self.task.meta.get("categories")
        return found if isinstance(found, Mapping) else {}


def judge(items: Iterable[Item], tasks: Mapping[str, Task], folder: Path) -> list[JudgedItem]:
    """Judge the items that are done, in their order.

    Args:
        items: of one evaluation.
        tasks: by id.
        folder: of the evaluation, below which the traces lie.
    """
    return [
        JudgedItem(task=tasks[item.task], item=item, messages=_messages(item, folder))
        for item in items
        if item.state == "done"
    ]


def _messages(item: Item, folder: Path) -> tuple[AnyMessage, ...]:
    """The conversation of the run; where several answered together, theirs in a row, and what they came to at the end.

    The last attempt's own answer need not be the one that was chosen, and it is the last message that is judged.
    """
    if item.trace is None:
        return ()
    path = folder / item.trace
    parts = sorted(path.parent.glob(f"{path.stem}.*.jsonl"), key=lambda part: (len(part.name), part.name))
    found: list[AnyMessage] = []
    for each in [*parts, path]:
        try:
            found += replay(each).messages
        except TraceError:  # what a trace does not tell supports nothing
            continue
    if parts and item.answer is not None:
        found.append(AIMessage(_draft(item.answer).as_message(), response_metadata={"attempts": len(parts)}))
    return tuple(found)


def _draft(answer: Answer) -> Draft:
    fields = ("text", "option", "evidence", "confidence", "abstained")
    return Draft(**{name: getattr(answer, name) for name in fields})
