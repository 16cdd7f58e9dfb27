"""Asking: each task through the agent, several side by side, with what came of it on disk before the next begins."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from langchain_core.language_models import BaseChatModel

from ..agent import Answer, Calibration, VideoAgent, load_policy
from ..agent.questions.question import RunError
from ..agent.runner import Listener
from ..memory import CapabilityError, ClipMemory, MemoryFolderError, RewatchError
from ..training.rollouts.collector import seed_of
from .items import Item
from .resume import Work
from .settings import Settings

TRACES, STEPS = "traces", "steps"
_FATAL = (MemoryFolderError, CapabilityError)
"""What is the same for every item: a full disk, a route that needs a model."""
Note = Callable[[Item], None]
"""Is told an item once its run has an id, and once it is done."""


@dataclass(kw_only=True)
class Asker:
    """Asks tasks about the videos of a memory, by some settings."""

    memory: ClipMemory
    settings: Settings
    folder: Path
    """Of the evaluation, for traces and steps."""
    videos: Mapping[str, str]
    """The id in the memory of each video that tasks name."""
    failures: Mapping[str, str]
    """Why a video that tasks name cannot be used."""

    async def ask(self, work: Work, note: Note) -> Item:
        """Ask, or go on with a run that was cut off; an item that fails says why.

        Raises:
            RewatchError: for what would fail every item.
        """
        task, began = work.task, time.monotonic()
        run_id = work.run_id

        def begun(event: dict[str, object]) -> None:
            nonlocal run_id
            if event["event"] == "run":
                run_id = str(event["run_id"])
                note(Item(task=task.id, sample=work.sample, state="begun", run_id=run_id))

        bad = next((self.failures[video] for video in task.videos if video in self.failures), None)
        answer, failed = None, bad
        if bad is None:
            try:
                answer = await self._answer(work, begun)
            except _FATAL:
                raise
            except RewatchError as error:
                failed = f"{type(error).__name__}: {error}"
        trace = Path(TRACES) / f"{run_id}.jsonl"
        return Item(
            task=task.id,
            sample=work.sample,
            run_id=run_id,
            answer=answer,
            failed=failed,
            trace=str(trace) if run_id and (self.folder / trace).is_file() else None,
            seconds=max(time.monotonic() - began, answer.spend.get("seconds", 0.0) if answer else 0.0),
        )

    async def _answer(self, work: Work, listener: Listener) -> Answer:
        task, agent = work.task, self._agent
        if work.run_id:
            try:
                return await agent.aresume(work.run_id, listener=listener)
            except (RunError, MemoryFolderError):  # it was cut off before a step was stored: nothing was asked yet
                pass
        return await agent.aask(
            task.question,
            options=task.options or None,
            videos=[self.videos[video] for video in task.videos] or None,
            now=task.now,
            route=self.settings.route,
            scale=self.settings.scale,
            width=self.settings.width,
            temperature=self.settings.temperature,
            seed=seed_of(self.settings.seed, task.id, work.sample),
            listener=listener,
        )

    @cached_property
    def _agent(self) -> VideoAgent:
        return self.agent_over(self.memory)

    def agent_over(self, memory: ClipMemory) -> VideoAgent:
        """An agent over a memory, or over what may be seen of it."""
        settings = self.settings
        return VideoAgent(
            memory,
            policy=self._policy,
            viewer=self._viewer,
            prompt=settings.prompt,
            planner=settings.planner,
            calibration=Calibration.load(settings.calibration) if settings.calibration else None,
            budget=settings.budget,
            registered=False,
            traces=self.folder / TRACES,
            checkpoints=self.folder / STEPS,
        )

    @cached_property
    def _policy(self) -> BaseChatModel:
        return load_policy(self.settings.policy)

    @cached_property
    def _viewer(self) -> BaseChatModel | None:
        return load_policy(self.settings.viewer) if self.settings.viewer else None


async def ask_all(asker: Asker, work: Sequence[Work], note: Note, *, parallel: int = 1) -> None:
    """Ask tasks, some side by side; what ends one of them in a way that would end all ends all.

    Args:
        asker: asks.
        work: what is to be asked, in this order.
        note: is told every item as it begins and as it is done.
        parallel: how many at once.
    """
    waiting: Iterator[Work] = iter(work)

    async def take() -> None:
        for one in waiting:
            note(await asker.ask(one, note))

    takers = [asyncio.create_task(take()) for _ in range(max(1, min(parallel, len(work))))]
    try:
        await asyncio.gather(*takers)
    finally:
        for taker in takers:
            taker.cancel()
        await asyncio.gather(*takers, return_exceptions=True)
