"""An evaluation from end to end: the folder, the videos, the asking, the table."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path

from ..agent import ROUTES, SCALINGS
from ..memory import ClipMemory, VideoRecord
from ..memory.cluster.ray_pool import RayCluster
from ..memory.files.regular import replacing
from ..memory.registry import require_name
from ..tools import load_tools
from .benchmarks.sources import TaskSet
from .controls import CONTROLS
from .items import Item
from .judging import JudgedItem, judge
from .resume import EvaluationFolder
from .run import STEPS, Asker, Queue, Spec, ask_here
from .settings import Settings, memory_facts
from .table import Table, table
from .videos import find_videos

TABLE = "table.json"
Add = Callable[[ClipMemory, Path], VideoRecord]
"""Puts a file into a memory."""


def evaluate(
    task_set: TaskSet,
    settings: Settings,
    out: str | Path,
    *,
    memory: str | Path | None = None,
    videos: Sequence[Path] = (),
    add: Add = ClipMemory.add,
    parallel: int = 4,
    workers: int = 0,
    ray: str | None = None,
    retry: bool = False,
    on_plan: Callable[[int, dict[str, str]], None] | None = None,
    on_item: Callable[[Item], None] | None = None,
) -> EvaluationFolder:
    """Ask a set; where the folder holds this evaluation already, what is missing of it.

    Args:
        task_set: what is asked.
        settings: how.
        out: the evaluation's folder.
        memory: folder of the memory that holds the videos, or is to hold them; one in `out` by default.
        videos: folders in which the files lie that tasks name.
        add: puts a file into the memory.
        parallel: how many tasks are asked at once in this process.
        workers: processes that ask instead, one task each at a time; with `ray`, the most of the cluster's.
        ray: address of a Ray cluster that asks, `local` for one of this machine.
        retry: whether what came to no answer is asked again.
        on_plan: is told how many items are asked, and why some videos cannot be used.
        on_item: is told each item as it is done.

    Raises:
        EvaluationError: if another evaluation lies in the folder, or another process is at it.
        UnknownNameError: if there is no such control, route or scaling.
        RewatchError: if no task can be asked: there is no such policy, the disk is full.
    """
    _require_names(settings)
    folder = EvaluationFolder.open(
        out, name=task_set.name, settings=settings, tasks=task_set.tasks, measures=task_set.measures
    )
    place = Path(memory) if memory else folder.path / "memory"
    open_memory = partial(task_set.memory or ClipMemory, place)
    with folder.writing():
        work = folder.work(retry=retry)
        if not work:
            return folder
        with open_memory() as opened:
            spec = Spec(settings=settings, folder=folder.path.absolute(), open_memory=open_memory)
            # A policy that is not here is told of before hours are spent on indexing.
            asker = None if workers or ray else Asker(spec, opened)
            found, failures = find_videos(opened, [one.task for one in work], videos, partial(add, opened))
            asked_of = found.values() if all(one.task.videos for one in work) else opened.videos()
            folder.note("memory", memory_facts(opened, asked_of))
            spec = replace(spec, videos={name: record.id for name, record in found.items()}, failures=failures)
            if on_plan:
                on_plan(len(work), failures)

            def note(item: Item) -> None:
                folder.items.append(item)
                if item.state == "done":
                    _forget_steps(folder.path / STEPS, item.run_id)
                if on_item and item.state != "begun":
                    on_item(item)

            if asker is not None:
                asker.spec = spec
                ask_here(asker, Queue(work, note), parallel=parallel)
            else:
                _ask_elsewhere(Queue(work, note), spec, workers, ray)
    return folder


def _require_names(settings: Settings) -> None:
    """Raise for what is not there; a file of tools may bring it."""
    for name in settings.tools:
        load_tools(name)
    if settings.control is not None:
        require_name("control", settings.control, CONTROLS)
    if settings.route is not None:
        require_name("route", settings.route, ROUTES)
    if settings.scale is not None:
        require_name("scaling", settings.scale, SCALINGS)


def _forget_steps(folder: Path, run_id: str) -> None:
    """Remove the steps of a run that is never gone on with; its trace stays."""
    for file in folder.glob(f"{run_id}.sqlite*") if run_id else ():
        file.unlink(missing_ok=True)


def _ask_elsewhere(queue: Queue, spec: Spec, workers: int, ray: str | None) -> None:
    from .workers import ProcessWorker, RayWorker, Worker, ask_by_workers

    with ExitStack() as stack:
        start: Callable[[], Worker] = partial(ProcessWorker, spec)
        count = workers
        if ray is not None:
            cluster = stack.enter_context(RayCluster(ray, workers=workers or None))
            start, count = partial(RayWorker, cluster, spec), cluster.count
        ask_by_workers(start, count, queue)


def judged_items(folder: EvaluationFolder) -> list[JudgedItem]:
    """What is done in a folder, with what its runs wrote and observed."""
    return judge(folder.done(), folder.tasks, folder.path)


def score(folder: EvaluationFolder) -> Table:
    """The table of what is done in a folder, from answers and traces alone; with the settings in `table.json`."""
    made = table(judged_items(folder), folder.row["measures"])
    counts = {"asked": len(folder.asked) * folder.settings.samples, "left_out": len(folder.left_out())}
    text = json.dumps({**folder.row, **counts, **made.as_dict()}, indent=1, ensure_ascii=False)
    with replacing(folder.path / TABLE) as part:
        part.write_text(text + "\n", encoding="utf-8")
    return made
