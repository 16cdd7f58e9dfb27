"""Worker processes: each reads videos where it can be stopped, and is replaced when it hangs or crashes."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import replace
from multiprocessing.connection import wait

from ..errors import VideoError
from ..processes.child_process import Child
from .jobs import Failed, Heartbeat, Job, JobDone, Message, ModelSpecs, UnitDone, Work
from .worker import run_job
from .worker_models import WorkerModels

Handle = Callable[[Job, Message], None]

_START_SECONDS = 180.0  # to import everything and to load models, on a busy machine
_ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1") | {
    "OMP_WAIT_POLICY": "PASSIVE",
    "TOKENIZERS_PARALLELISM": "false",
}


class Inline:
    """Does the jobs in this process, one after another: for sources that are not files."""

    count = 1

    def __init__(self, kit: ModelSpecs) -> None:
        self._bench = WorkerModels(kit)

    def run(self, jobs: Sequence[Job], handle: Handle) -> None:
        """Do the jobs; what they find goes to `handle` at once."""
        for job in jobs:
            run_job(job, self._bench, lambda message, job=job: handle(job, message))  # type: ignore[misc]

    def close(self) -> None:
        """Nothing to stop."""


class Workers:
    """Up to `count` processes, started when there is work for them."""

    def __init__(self, count: int, kit: ModelSpecs) -> None:
        self.count = count
        self._kit = kit
        self._workers: list[_Worker] = []

    def run(self, jobs: Sequence[Job], handle: Handle) -> None:
        """Do the jobs, some at a time; what they find goes to `handle` as it comes, in this thread."""
        waiting = deque(jobs)
        while waiting or any(worker.job for worker in self._workers):
            self._hand_out(waiting)
            busy = {worker.connection: worker for worker in self._workers if worker.job}
            for ready in wait(list(busy), timeout=0.5):
                self._take(busy[ready], waiting, handle)  # type: ignore[index]
            for worker in [worker for worker in busy.values() if worker.job and time.monotonic() > worker.deadline]:
                worker.kill()
                self._lost(worker, f"no progress for {worker.patience:.0f} s, stopped", waiting, handle)

    def _hand_out(self, waiting: deque[Job]) -> None:
        while waiting:
            idle = next((worker for worker in self._workers if not worker.job), None)
            if idle is None:
                if len(self._workers) >= self.count:
                    return
                idle = _Worker(self._kit)
                self._workers.append(idle)
            idle.begin(waiting.popleft())

    def _take(self, worker: _Worker, waiting: deque[Job], handle: Handle) -> None:
        assert worker.job is not None
        try:
            message: Message = worker.connection.recv()
        except (EOFError, ConnectionError):
            self._lost(worker, f"the process that read it died ({worker.epitaph()})", waiting, handle)
            return
        worker.hear(message)
        if isinstance(message, Heartbeat):
            return
        job = worker.job
        if isinstance(message, JobDone):
            worker.job = None
        handle(job, message)

    def _lost(self, worker: _Worker, reason: str, waiting: deque[Job], handle: Handle) -> None:
        """A worker is gone: what it was at failed, the rest of its job goes to another."""
        job = worker.job
        assert job is not None
        self._workers.remove(worker)
        worker.kill()
        if not isinstance(job, Work):
            source = job.source if isinstance(job.source, str) else job.source.info.path
            handle(job, JobDone(error=VideoError(f"{source} cannot be read: {reason}. Is the file damaged?")))
            return
        lost = [unit for unit in job.units if unit.id in worker.at] or [
            unit for unit in job.units if unit.id in worker.left
        ][:1]
        for unit in lost:
            handle(job, Failed(unit.id, reason))
        rest = tuple(unit for unit in job.units if unit.id in worker.left and unit not in lost)
        if rest:
            waiting.appendleft(replace(job, units=rest))
        else:
            handle(job, JobDone())

    def close(self) -> None:
        """Stop every process."""
        for worker in self._workers:
            worker.kill()
        self._workers.clear()


class _Worker:
    """One process and what it is doing."""

    def __init__(self, kit: ModelSpecs) -> None:
        self._child = Child(f"{__package__}.worker", env=_ONE_THREAD)
        self.connection = self._child.connection
        self.job: Job | None = None
        self.at: tuple[int, ...] = ()
        self.left: set[int] = set()
        self.patience = _START_SECONDS
        self.deadline = time.monotonic() + self.patience
        self._send(kit)

    def begin(self, job: Job) -> None:
        """Give it a job."""
        self.job, self.at = job, ()
        self.left = {unit.id for unit in job.units} if isinstance(job, Work) else set()
        self.patience = _START_SECONDS
        self.deadline = time.monotonic() + self.patience
        self._send(job)

    def _send(self, thing: object) -> None:
        try:
            self.connection.send(thing)
        except ConnectionError:
            pass  # it is dead: reading from it will say so

    def hear(self, message: Message) -> None:
        """Note what it says of its state."""
        if isinstance(message, Heartbeat):
            self.at, self.patience = message.units, message.patience
        elif isinstance(message, UnitDone | Failed):
            self.left.discard(message.unit)
            self.at = tuple(unit for unit in self.at if unit != message.unit)
        self.deadline = time.monotonic() + self.patience

    def epitaph(self) -> str:
        """How it died, in a few words."""
        return self._child.epitaph()

    def kill(self) -> None:
        """End it now."""
        self._child.kill()
