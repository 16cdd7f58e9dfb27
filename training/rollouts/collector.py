"""Rollouts of the loop: the graph that `rewatch ask` runs, for many tasks and several times each, side by side.

What is shared: runs that wait for the policy meet in one padded batch; a frame is decoded once (`Loop.pixels`) and
prepared once (the policy's album) for all runs that look at it. The vision tower's output is shared by `encode_once`,
and what a conversation was read as is kept from turn to turn, by the policy, until all runs are over.
"""

from __future__ import annotations

import asyncio
import hashlib
import random
from collections import Counter
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...agent import Answer
from ...agent.graph import Loop, build_graph
from ...agent.models.local_vlm import LocalPolicy
from ...agent.questions.question import question_about
from ...agent.runner import Listener as RunListener
from ...agent.runner import Runner, RunRecord, run_event, run_to_end
from ...memory.errors import RewatchError
from ...tools import Budget
from ..data.task import Task
from .rollout import Rollout

if TYPE_CHECKING:
    from langgraph.graph.state import CompiledStateGraph

Listener = Callable[[int, dict[str, Any]], None]
"""Is told every trace event of every run, with the run's place in the list that comes back."""


class CollectError(RewatchError):
    """No rollout of a step can be used."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Collector:
    """Runs one compiled loop for tasks.

    Args:
        loop: memory, policy, tools and words; `replace(loop, policy=...)` is the same loop with another policy.
        budget: limits of each run.
        temperature: of the policy; log-probabilities are those of temperature 1.
        route: how to look; `search` leaves all looking to the policy.
    """

    loop: Loop
    budget: Budget = field(default_factory=Budget)
    temperature: float = 1.0
    route: str = "search"
    graph: CompiledStateGraph = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "graph", build_graph(self.loop.raising_bugs()))

    def __call__(
        self,
        tasks: Sequence[Task],
        group_size: int = 8,
        *,
        seed: int = 0,
        meta: Mapping[str, Any] | None = None,
        guidance: Mapping[str, str] | None = None,
        listener: Listener | None = None,
    ) -> list[Rollout]:
        """`group_size` rollouts for each task, those of a task next to each other.

        A run that fails is a rollout too: `failure` says why. What a task, a video or the policy does wrong raises
        nothing; a bug in the loop or a tool does.

        Args:
            tasks: what to ask; one may occur several times.
            group_size: runs of each.
            seed: of all sampling; each run has its own, made of this, the task's id and its number in the group.
            meta: facts to keep with every rollout.
            guidance: words for the policy besides the question, by the task's id; such a run is not what a policy is
                trained on.
            listener: is told every event.
        """
        return run_to_end(self.gather(tasks, group_size, seed=seed, meta=meta, guidance=guidance, listener=listener))

    async def gather(
        self,
        tasks: Sequence[Task],
        group_size: int = 8,
        *,
        seed: int = 0,
        meta: Mapping[str, Any] | None = None,
        guidance: Mapping[str, str] | None = None,
        listener: Listener | None = None,
    ) -> list[Rollout]:
        """The same, for callers that have an event loop."""
        seen: Counter[str] = Counter()
        runs: list[Coroutine[Any, Any, Rollout]] = []
        for task in tasks:
            for k in range(group_size):
                number = seed_of(seed, task.id, seen[task.id] + k)
                words = (guidance or {}).get(task.id, "")
                runs.append(self._run(task, number, dict(meta or {}), words, _to(listener, len(runs))))
            seen[task.id] += group_size
        try:
            return list(await asyncio.gather(*runs))
        finally:
            if isinstance(self.loop.policy, LocalPolicy):
                self.loop.policy.engine.forget()  # the memory is for training now, which makes all of it stale

    def trace(self, task: Task, path: Path, *, seed: int) -> None:
        """Run a task once and write its trace; an earlier trace in its place goes."""
        path.unlink(missing_ok=True)
        runner = Runner(graph=self.graph, traces=path.parent, first_event=partial(run_event, self.loop))
        run_to_end(runner.run(path.stem, self.first_state(task, seed_of("sample", seed, task.id))))

    async def _run(
        self,
        task: Task,
        seed: int,
        meta: dict[str, Any],
        guidance: str,
        on_event: Callable[[dict[str, Any]], None] | None,
    ) -> Rollout:
        record = RunRecord()
        try:
            state = self.first_state(task, seed, guidance)
            await Runner(graph=self.graph, raise_bugs=True).run("", state, on_event, record)
            return Rollout(
                task=task, answer=Answer.from_dict(record.answer), messages=tuple(record.messages), meta=meta
            )
        except RewatchError as error:  # a video that is gone must not end the training of a night
            answered = Answer(question=task.question, text="", abstained=True, stopped_by="policy_error")
            failed = f"{type(error).__name__}: {error}"
            return Rollout(task=task, answer=answered, messages=tuple(record.messages), meta={**meta, "failed": failed})

    def first_state(self, task: Task, seed: int, guidance: str = "") -> dict[str, Any]:
        """Return the state that a run of a task begins with."""
        question = question_about(
            self.loop.memory, task.question, options=task.options or None, videos=task.videos or None, now=task.now
        )
        return {
            "question": question.as_dict(),
            "budget": self.budget.as_dict(),
            "route": self.route,
            "sampling": {"temperature": self.temperature, "seed": seed},
            **({"guidance": guidance} if guidance else {}),
        }


def failure(rollout: Rollout) -> str | None:
    """The reason why a run failed, in a line; None where it came to an answer of its own."""
    if "failed" in rollout.meta:
        return str(rollout.meta["failed"])
    return rollout.answer.text if rollout.answer.stopped_by == "policy_error" else None


def require_some(rollouts: Sequence[Rollout]) -> None:
    """Raise if every run failed: training would go on with nothing to learn from, and nobody would hear of it.

    Raises:
        CollectError: with the reason that occurs most.
    """
    reasons = [failure(rollout) for rollout in rollouts]
    if rollouts and all(reasons):
        reason, count = Counter(reasons).most_common(1)[0]
        raise CollectError(f"All {len(rollouts)} rollouts failed, {count} of them so: {reason}")


def grouped(rollouts: Sequence[Rollout], group_size: int) -> list[list[Rollout]]:
    """The rollouts of each task, as `Collector` brings them."""
    return [list(rollouts[at : at + group_size]) for at in range(0, len(rollouts), group_size)]


def seed_of(*parts: object) -> int:
    """A seed made of these parts, the same on every machine."""
    return int.from_bytes(hashlib.blake2b(repr(parts).encode(), digest_size=6).digest(), "big")


def draw(tasks: Sequence[Task], count: int, *, seed: int, step: int) -> list[Task]:
    """Tasks of a step: by their weights, and none twice while there are enough."""
    rng = random.Random(seed_of("tasks", seed, step))
    drawn: list[Task] = []
    while len(drawn) < count:
        keyed = sorted(((rng.random() ** (1 / task.weight), n) for n, task in enumerate(tasks)), reverse=True)
        drawn += [tasks[n] for _, n in keyed[: count - len(drawn)]]
    return drawn


def _to(listener: Listener | None, place: int) -> RunListener | None:
    return None if listener is None else lambda event: listener(place, event)
