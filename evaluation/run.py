"""Asking: each task through the agent, several side by side, with what came of it on disk before the next begins."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from pathlib import Path

from langchain_core.language_models import BaseChatModel
from langchain_core.tools import BaseTool

from ..agent import Answer, Calibration, VideoAgent, load_policy
from ..agent.agent import new_run_id
from ..agent.questions.mode import mode_of
from ..agent.questions.question import RunError
from ..memory import CapabilityError, ClipMemory, MemoryFolderError, RestrictedView, RewatchError
from ..memory.errors import MisuseError
from ..tools import load_tools
from ..training.data.task import Task
from ..training.rollouts.collector import seed_of
from .controls import CONTROLS, ControlError
from .items import Item
from .resume import Work
from .settings import Settings

TRACES, STEPS = "traces", "steps"
_FATAL = (MemoryFolderError, CapabilityError)
"""What would be the same for every item: a full disk, a route that needs a model."""
Note = Callable[[Item], None]
"""Is told an item as it begins and once it is done; must keep it before it returns."""


@dataclass(frozen=True, kw_only=True)
class Spec:
    """All that it takes to ask; can be sent to another process."""

    settings: Settings
    folder: Path
    """Of the evaluation, for traces and steps."""
    open_memory: partial[ClipMemory]
    """Opens the memory that holds the videos."""
    videos: Mapping[str, str] = field(default_factory=dict)
    """The id in the memory of each video that tasks name."""
    failures: Mapping[str, str] = field(default_factory=dict)
    """Why a video that tasks name cannot be used."""


class Asker:
    """Asks tasks about the videos of a memory, by some settings.

    Raises:
        RewatchError: if the memory cannot be opened, or the policy is not to be had here.
    """

    def __init__(self, spec: Spec, memory: ClipMemory | None = None) -> None:
        self.spec = spec
        self.memory = memory or spec.open_memory()
        self._agent = self._agent_over(self.memory)

    async def ask(self, work: Work) -> Item:
        """Ask, or go on with a run that was cut off; an item that fails says why.

        Raises:
            RewatchError: for what would fail every item.
        """
        task, began = work.task, time.monotonic()
        answer, failed = None, next((self.spec.failures[one] for one in task.videos if one in self.spec.failures), None)
        if failed is None:
            try:
                answer = await self._answer(work)
            except ControlError as error:
                return Item(task=task.id, sample=work.sample, state="left_out", failed=str(error))
            except RewatchError as error:
                if isinstance(error, _FATAL) and not isinstance(error, MisuseError):
                    raise
                failed = f"{type(error).__name__}: {error}"
        run_id = answer.run_id if answer else work.run_id
        trace = f"{TRACES}/{run_id}.jsonl"
        there = (self.spec.folder / trace).is_file()
        return Item(
            task=task.id,
            sample=work.sample,
            run_id=run_id,
            answer=replace(answer, trace=trace if there else None) if answer else None,  # the folder may be moved
            failed=failed,
            trace=trace if there else None,
            seconds=max(time.monotonic() - began, answer.spend.get("seconds", 0.0) if answer else 0.0),
        )

    async def _answer(self, work: Work) -> Answer:
        settings, run_id = self.spec.settings, work.run_id
        agent, task = self._prepared(work.task)
        if work.begun:
            try:
                return await agent.aresume(run_id)
            except (RunError, MemoryFolderError):  # cut off before a step was stored, or damaged: it is asked anew
                run_id = new_run_id()
        return await agent.aask(
            task.question,
            options=task.options or None,
            videos=task.videos or None,
            now=task.now,
            history=[(question, answer) for question, answer in task.meta.get("history", ())],
            route=settings.route,
            mode="backward" if mode_of(task.question) == "wait" else None,  # who waits sees what is after `now`
            scale=settings.scale,
            width=settings.width,
            temperature=settings.temperature,
            seed=seed_of(settings.seed, task.id, work.sample),
            run_id=run_id,
        )

    def _prepared(self, task: Task) -> tuple[VideoAgent, Task]:
        """The agent that is asked, and the task as it is asked: of ids of the memory, under the control."""
        name, ids = self.spec.settings.control, self.spec.videos
        truth = replace(task.truth, video=ids.get(task.truth.video or "", task.truth.video))
        task = replace(task, videos=tuple(ids[video] for video in task.videos), truth=truth)
        if name is None:
            return self._agent, task
        memory, task = CONTROLS[name].apply(self.memory, task, self.spec.settings.seed)
        return (self._agent if memory is self.memory else self._agent_over(memory)), task

    def _agent_over(self, memory: ClipMemory | RestrictedView) -> VideoAgent:
        settings = self.spec.settings
        return VideoAgent(
            memory,
            policy=self._policy,
            viewer=self._viewer,
            prompt=settings.prompt,
            planner=settings.planner,
            calibration=Calibration.load(settings.calibration) if settings.calibration else None,
            tools=self._tools,
            budget=settings.budget,
            traces=self.spec.folder / TRACES,
            checkpoints=self.spec.folder / STEPS,
        )

    @cached_property
    def _policy(self) -> BaseChatModel:
        return load_policy(self.spec.settings.policy)

    @cached_property
    def _tools(self) -> list[BaseTool]:
        return [tool for name in self.spec.settings.tools for tool in load_tools(name).tools]

    @cached_property
    def _viewer(self) -> BaseChatModel | None:
        return load_policy(self.spec.settings.viewer) if self.spec.settings.viewer else None


class Queue:
    """What is to be asked, handed out one by one to tasks and threads; what is begun is noted before it is asked."""

    def __init__(self, work: Iterable[Work], note: Note) -> None:
        self._left = iter(work)
        self._note = note
        self._lock = threading.Lock()
        self.closed = False
        """True once nothing more is handed out."""

    def take(self) -> Work | None:
        """Hand out the next; None at the end."""
        with self._lock:
            work = None if self.closed else next(self._left, None)
            if work is not None and not work.begun:
                work = replace(work, run_id=new_run_id())
                self._note(Item(task=work.task.id, sample=work.sample, state="begun", run_id=work.run_id))
            return work

    def done(self, item: Item) -> None:
        """Take back what came of it."""
        with self._lock:
            self._note(item)

    def close(self) -> None:
        """Hand out nothing more."""
        self.closed = True


def ask_here(asker: Asker, queue: Queue, *, parallel: int = 1) -> None:
    """Ask everything in this process; what would end every item ends all.

    Args:
        asker: asks.
        queue: what is to be asked.
        parallel: how many at once.
    """

    async def take() -> None:
        while work := queue.take():
            queue.done(await asker.ask(work))

    async def all_() -> None:
        takers = [asyncio.create_task(take()) for _ in range(parallel)]
        try:
            await asyncio.gather(*takers)
        finally:
            for taker in takers:
                taker.cancel()
            await asyncio.gather(*takers, return_exceptions=True)

    asyncio.run(all_())
