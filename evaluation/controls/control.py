"""The interface of a control."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, replace

from ...memory import ClipMemory, Moment, RestrictedView, Restriction, resolve_now
from ...memory.restricted.view import BLANK
from ...training.data.task import Task
from ..items import EvaluationError


class ControlError(EvaluationError):
    """A control means nothing for a task, which is then left out of its figures: it is neither right nor wrong."""


Restrict = Callable[[ClipMemory, Task, int], Restriction]
"""From a memory, a task and a seed to what may be seen."""
Change = Callable[[Task, random.Random], Task]
"""From a task to the one that is asked, and judged, in its place."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Control:
    """One way of taking something away. Equal arguments give equal results, in every process."""

    name: str
    about: str
    """What it does, in one line for people."""
    restrict: Restrict | None = None
    change: Change | None = None

    def task(self, task: Task, seed: int) -> Task:
        """Return the task by which answers are judged: with its options where they stand when it is asked.

        Raises:
            ControlError: if the control means nothing for it.
        """
        return task if self.change is None else self.change(task, random.Random(f"{seed} {self.name} {task.id}"))

    def apply(self, memory: ClipMemory, task: Task, seed: int) -> tuple[ClipMemory | RestrictedView, Task]:
        """Return what the agent may see of a memory, and the task to ask about it.

        Args:
            memory: holds the videos of the task.
            task: with videos that the memory knows; the returned one names videos of what may be seen.
            seed: of what is drawn.

        Raises:
            ControlError: if the control means nothing for the task (there are no options to shuffle, no true span).
            VideoError: if the memory has no such video.
        """
        task = self.task(task, seed)
        if self.restrict is None:
            return memory, task
        restriction = self.restrict(memory, task, seed)
        view = memory.restricted(restriction)
        if restriction.blank:  # when it is, is a fact of the videos
            return view, replace(task, videos=(BLANK,), now=None)
        there = {record.id for record in view.videos()}
        ids = [memory.video(video).id for video in task.videos]
        now = now_of(memory, task)
        (view if now is None else view.until(now)).prepare(ids)
        return view, replace(task, videos=tuple(id_ for id_ in ids if id_ in there))


def now_of(memory: ClipMemory, task: Task) -> float | Moment | None:
    """Return the moment at which a task is asked; None where it has none.

    Raises:
        ControlError: if it is none of its videos'.
    """
    if task.now is None:
        return None
    try:
        return resolve_now(task.now, [memory.video(video) for video in task.videos] or memory.videos())
    except ValueError as error:
        raise ControlError(f"{task.id}: {error}") from None
