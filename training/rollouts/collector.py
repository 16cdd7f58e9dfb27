"""Rollouts of the loop: the graph that `rewatch ask` runs, for many tasks and several times each, side by side.

What is shared: runs that wait for the policy meet in one padded batch; a frame is decoded once (`Loop.pixels`) and
prepared once (the policy's album) for all runs that look at it. The vision tower's output is shared by `encode_once`,
and what a conversation was read as is kept from turn to turn, by the policy, until all runs are over.
"""

from __future__ import annotations

import asyncio
import hashlib
import random
import time
from collections import Counter
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...agent import Answer
from ...agent.graph import Loop, build_graph
from ...agent.models.local_vlm import LocalPolicy
from ...agent.questions.question import question_about
from ...agent.runner import Runs, run_to_end
from ...agent.trace import SCHEMA, events_of
from ...memory.errors import RewatchError
from ...memory.files.names import to_text
from ...tools import Budget
from ...tools.schemas import function_schema
from ..data.task import Task
from .rollout import Rollout

if TYPE_CHECKING:
    from langchain_core.messages import BaseMessage
    from langgraph.graph.state import CompiledStateGraph

Listener = Callable[[int, dict[str, Any]], None]
"""Is told every trace event of every run, with the run's place in the list that comes back."""
_MANY_STEPS = 1_000_000  # the budget ends a run, never LangGraph's own limit


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

    def _state(self, task: Task, seed: int, guidance: str = "") -> dict[str, Any]:
        """The graph's state before a run."""
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

    def trace(self, task: Task, path: Path, *, seed: int) -> None:
        """Run a task once and write its trace; an earlier trace in its place goes."""
        from ... import __version__

        memory = self.loop.memory

        def head(run_id: str, first: dict[str, Any]) -> dict[str, Any]:
            return {
                "event": "run",
                "schema": SCHEMA,
                "rewatch": __version__,
                "run_id": run_id,
                "at": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
                "question": first["question"],
                "paths": {v["id"]: to_text(memory.video(v["id"]).path) for v in first["question"]["videos"]},
                "budget": first["budget"],
                "policy": self.loop.policy._llm_type,
                "tools": [function_schema(tool)["function"] for tool in self.loop.toolbox],
            }

        path.unlink(missing_ok=True)
        runs = Runs(graph=self.graph, saver=None, traces=path.parent, first_event=head)
        run_to_end(runs.drive(path.stem, self._state(task, seed_of("sample", seed, task.id)), None))

    async def _run(
        self, task: Task, seed: int, meta: dict[str, Any], guidance: str, tell: Callable[[dict[str, Any]], None] | None
    ) -> Rollout:
        messages: list[BaseMessage] = []
        try:
            state = self._state(task, seed, guidance)
            answer: dict[str, Any] = {}
            updates = self.graph.astream(state, {"recursion_limit": _MANY_STEPS}, stream_mode="updates")  # type: ignore[call-overload]
            async for update in updates:
                for node, change in update.items():
                    messages += (change or {}).get("messages", ())
                    answer = (change or {}).get("answer", answer)
                    for event in events_of(node, change or {}) if tell else ():
                        tell(event)  # type: ignore[misc]
            return Rollout(task=task, answer=Answer.from_dict(answer), messages=tuple(messages), meta=meta)
        except RewatchError as error:  # a video that is gone, say: one run must not end the training of a night
            nothing = Answer(question=task.question, text="", abstained=True, stopped_by="policy_error")
            failed = {"failed": f"{type(error).__name__}: {error}"}
            return Rollout(task=task, answer=nothing, messages=tuple(messages), meta={**meta, **failed})


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


def _to(listener: Listener | None, place: int) -> Callable[[dict[str, Any]], None] | None:
    return None if listener is None else lambda event: listener(place, event)
