"""Workers: tasks asked in processes of their own, on this machine or on a Ray cluster, one task at a time each.

The process that evaluates hands the tasks out and is the one that writes `items.jsonl`; workers write the traces and
steps, so on several machines the evaluation's folder, the memory and the videos must lie where each finds them.
"""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import Callable
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from dataclasses import replace
from typing import Protocol

from ..memory import RewatchError
from ..memory.checkpoints import first_line
from ..memory.cluster.ray_pool import RayCluster
from ..memory.processes.child_process import Child, connection_to_parent
from .items import Item
from .resume import Work
from .run import Asker, Queue, Spec

_LOSSES = 3  # workers that one task may lose


class WorkerLost(Exception):
    """A worker is gone in the middle of a task; the text says how it ended."""


class _Bug(str):
    """The traceback of what nobody raised on purpose."""


class Worker(Protocol):
    """Where tasks are asked."""

    def ask(self, work: Work) -> Item:
        """Ask; `WorkerLost` where it has ended meanwhile."""

    def stop(self) -> None:
        """Have it ended, from any thread."""

    def close(self) -> None:
        """End it, once nobody asks it any more."""


class ProcessWorker:
    """A process on this machine."""

    def __init__(self, spec: Spec) -> None:
        self._child = Child(__name__)
        self._child.send(spec)

    def ask(self, work: Work) -> Item:
        """Ask; `WorkerLost` where it has ended meanwhile."""
        self._child.send(work)
        try:
            found = self._child.connection.recv()
        except (EOFError, OSError) as error:
            raise WorkerLost(self._child.exit_reason()) from error
        return _item(found)

    def stop(self) -> None:
        """Have it ended, from any thread."""
        self._child.stop()

    def close(self) -> None:
        """End it, once nobody asks it any more."""
        self._child.kill()


class RemoteAsker:
    """What asks in a worker; the actor of a Ray cluster."""

    def __init__(self, spec: Spec) -> None:
        self._spec = spec
        self._asker: Asker | None = None
        self._runner = asyncio.Runner()

    def ask(self, work: Work) -> Item | RewatchError | _Bug:
        """Ask; what goes wrong comes back too, since Ray would wrap it."""
        try:
            self._asker = self._asker or Asker(self._spec)
            return self._runner.run(self._asker.ask(work))
        except RewatchError as error:
            return error
        except Exception:  # a bug there is a bug where the tasks are handed out
            return _Bug(traceback.format_exc())


class RayWorker:
    """An actor on a Ray cluster, as the process sees it that hands out."""

    def __init__(self, cluster: RayCluster, spec: Spec) -> None:
        self._cluster = cluster
        self._actor = cluster.start(RemoteAsker, spec)

    def ask(self, work: Work) -> Item:
        """Ask; `WorkerLost` where it has ended meanwhile."""
        import ray
        from ray.exceptions import RayError

        try:
            found = ray.get(self._actor.ask.remote(work))
        except RayError as error:
            raise WorkerLost(first_line(error)) from error
        return _item(found)

    def stop(self) -> None:
        """Have it ended, from any thread."""
        self._cluster.drop(self._actor)

    def close(self) -> None:
        """End it, once nobody asks it any more."""
        self.stop()


def ask_by_workers(start: Callable[[], Worker], count: int, queue: Queue) -> None:
    """Ask everything; a task that loses its worker goes on in another, and fails if it loses several.

    Args:
        start: starts a worker.
        count: how many there are at a time.
        queue: what is to be asked.

    Raises:
        RewatchError: for what would fail every item.
        RuntimeError: for a bug in a worker, with its traceback.
    """
    running: set[Worker] = set()

    def begin() -> Worker:
        worker = start()
        running.add(worker)
        return worker

    def end(worker: Worker) -> None:
        running.discard(worker)
        worker.close()

    def serve() -> None:
        worker = begin()
        try:
            while work := queue.take():
                losses = 0
                while True:
                    try:
                        queue.done(worker.ask(work))
                        break
                    except WorkerLost as error:
                        if queue.closed:
                            return
                        losses += 1
                        end(worker)
                        worker = begin()
                        if losses == _LOSSES:
                            queue.done(_lost(work, losses, error))
                            break
                        work = replace(work, begun=True)
        finally:
            end(worker)

    with ThreadPoolExecutor(count, thread_name_prefix="rewatch-eval") as threads:
        try:
            done, _ = wait([threads.submit(serve) for _ in range(count)], return_when=FIRST_EXCEPTION)
            for one in done:
                one.result()
        finally:
            queue.close()
            for worker in list(running):
                worker.stop()


def _lost(work: Work, losses: int, error: WorkerLost) -> Item:
    failed = f"{losses} workers were lost on it, the last so: {error}"
    return Item(task=work.task.id, sample=work.sample, run_id=work.run_id, failed=failed)


def _item(found: Item | RewatchError | _Bug) -> Item:
    if isinstance(found, RewatchError):
        raise found
    if isinstance(found, _Bug):
        raise RuntimeError(f"A worker came upon a bug:\n{found}")
    return found


def main() -> None:
    """Run the process of a worker: tasks in, items out."""
    connection = connection_to_parent()
    asker = RemoteAsker(connection.recv())
    while True:
        try:
            work = connection.recv()
        except EOFError:
            return
        connection.send(asker.ask(work))
