"""Items judged by hand: a task, an answer and its conversation, without a memory or a model."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from rewatch.agent import Answer
from rewatch.evaluation.items import Item
from rewatch.evaluation.judging import JudgedItem
from rewatch.memory import Span
from rewatch.training.data.task import Task, Truth
from rewatch.training.rollouts.rollout import Rollout

OPTIONS = ("a red cup", "a blue cup", "a green cup", "a white cup")


def task(name: str = "t", *, video: str = "v", kind: str = "mcq", answer: str | None = "B", **fields: Any) -> Task:
    """A task, a choice among four options unless told otherwise."""
    truth = {k: fields.pop(k) for k in ("spans", "words", "absent", "video", "track", "boxes") if k in fields}
    if kind == "mcq":
        fields.setdefault("options", OPTIONS)
    videos = (video,) if video else ()
    what = {"question": "What stands on the table?", **fields}
    return Task(id=name, kind=kind, truth=Truth(answer=answer, **truth), videos=videos, **what)  # type: ignore[arg-type]


def item(of: Task, *, sample: int = 0, failed: str | None = None, seconds: float = 2.0, **answer: Any) -> JudgedItem:
    """The task with an answer of these fields; with none where it failed."""
    spend = {"frames": 4, "calls": 2, "tokens": 100, "seconds": seconds}
    given = None if failed else Answer(**{"question": of.question, "text": "", "spend": spend, **answer})
    return JudgedItem(task=of, item=Item(task=of.id, sample=sample, answer=given, failed=failed, seconds=seconds))


def choice(name: str, right: bool, *, video: str = "v", confidence: float = 0.5, **fields: Any) -> JudgedItem:
    """A choice that is right or wrong."""
    option = "B" if right else "A"
    return item(task(name, video=video), option=option, text=option, confidence=confidence, **fields)


def of_rollout(rollout: Rollout, **fields: Any) -> JudgedItem:
    """What a run made by hand came to."""
    of = replace(rollout.task, **fields)
    return JudgedItem(task=of, item=Item(task=of.id, answer=rollout.answer), messages=tuple(rollout.messages))  # type: ignore[arg-type]


def spans(*pairs: tuple[float, float]) -> tuple[Span, ...]:
    """Spans of pairs of seconds."""
    return tuple(Span(start, end) for start, end in pairs)
