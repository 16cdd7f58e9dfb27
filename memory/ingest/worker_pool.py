"""Worker processes: each reads videos where it can be stopped, and is replaced when it hangs or crashes."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import replace
from multiprocessing.connection import wait
from typing import Protocol, runtime_checkable

from ..errors import VideoError
from ..processes.child_process import Child
from ..processes.pool import ProcessPool
from .jobs import Failed, Heartbeat, Job, JobDone, Message, ModelSpecs, UnitDone, Work
from .worker import WorkerModels, run_job

Handle = Callable[[Job, Message], None]

_START_SECONDS = 180.0  # to import everything and to load models, on a busy machine
_ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1") | {
    "OMP_WAIT_POLICY": "PASSIVE",
    "TOKENIZERS_PARALLELISM": "false",
}


class Pool(Protocol):
    """What does jobs, here or elsewhere."""

    @property
    def count(self) -> int:
        """How many at a time."""

    def run(self, jobs: Sequence[Job], handle: Handle) -> None:
        """Do the jobs; what they find goes to `handle`, in this thread."""

    def close(self) -> None:
        """Nothing more is to be done."""


@runtime_checkable
class Cluster(Protocol):
    """Workers that are kept from video to video, such as `cluster.ray_pool.RayCluster`."""

    def pool(self, specs: ModelSpecs) -> Pool:
        """Return a pool of them for work with these models."""


class Inline:
    """Does the jobs in this process, one after another: for sources that are not files."""

    count = 1

    def __init__(self, specs: ModelSpecs) -> None:
        self._models = WorkerModels(specs)

    def run(self, jobs: Sequence[Job], handle: Handle) -> None:
        """Do the jobs; what they find goes to `handle` at once."""
        for job in jobs:
            run_job(job, self._models, lambda message, job=job: handle(job, message))  # type: ignore[misc]

    def close(self) -> None:
        """Nothing to stop."""


class Workers:
    """Up to `count` processes, started when there is work for them."""

    def __init__(self, count: int, specs: ModelSpecs) -> None:
        self.count = count
        self._pool = ProcessPool(lambda: VideoWorker(specs), count)

    def run(self, jobs: Sequence[Job], handle: Handle) -> None:
        """Do the jobs, some at a time; what they find goes to `handle` as it comes, in this thread."""
        waiting = deque(jobs)
        busy: list[VideoWorker] = []
        try:
            while waiting or busy:
                while waiting and len(busy) < self.count:
                    busy.append(self._pool.take())
                    busy[-1].begin(waiting.popleft())
                ready = wait([worker.connection for worker in busy], timeout=0.5)
                for worker in list(busy):
                    if worker.connection in ready:
                        failure = worker.take_message(handle)
                    elif time.monotonic() > worker.deadline:
                        failure = f"no progress for {worker.patience:.0f} s, stopped"
                    else:
                        continue
                    if failure is not None:
                        busy.remove(worker)
                        self._pool.discard(worker)
                        waiting.extendleft(worker.give_up(failure, handle))
                    elif worker.is_done:
                        busy.remove(worker)
                        self._pool.put_back(worker)
        finally:
            for worker in busy:
                self._pool.discard(worker)

    def close(self) -> None:
        """Stop every process."""
        self._pool.close()


class VideoWorker(Child):
    """One process and the job that it does."""

    def __init__(self, specs: ModelSpecs) -> None:
        super().__init__(f"{__package__}.worker", env=_ONE_THREAD)
        self.send(specs)

    def begin(self, job: Job) -> None:
        """Give it a job."""
        self._job = job
        self.is_done = False
        self._current: tuple[int, ...] = ()
        self._remaining = {unit.id for unit in job.units} if isinstance(job, Work) else set()
        self.patience = _START_SECONDS
        self.deadline = time.monotonic() + self.patience
        self.send(job)

    def take_message(self, handle: Handle) -> str | None:
        """Read what it reports and hand it on; return why not, where it has ended."""
        try:
            message = self.receive()
        except (EOFError, ConnectionError):
            return f"the process that read it died ({self.exit_reason()})"
        if isinstance(message, Heartbeat):
            self._current, self.patience = message.units, message.patience
        elif isinstance(message, UnitDone | Failed):
            self._remaining.discard(message.unit)
            self._current = tuple(unit for unit in self._current if unit != message.unit)
        self.deadline = time.monotonic() + self.patience
        self.is_done = isinstance(message, JobDone)
        if not isinstance(message, Heartbeat):
            handle(self._job, message)
        return None

    def receive(self) -> Message:
        """Wait for what it reports next."""
        message: Message = self.connection.recv()
        return message

    def give_up(self, reason: str, handle: Handle) -> list[Job]:
        """Report as failed what it was at when it ended; return the rest of its job, for another."""
        job = self._job
        if not isinstance(job, Work):
            source = job.source if isinstance(job.source, str) else job.source.info.path
            handle(job, JobDone(error=VideoError(f"{source} cannot be read: {reason}. Is the file damaged?")))
            return []
        failed = [unit for unit in job.units if unit.id in self._current] or [
            unit for unit in job.units if unit.id in self._remaining
        ][:1]
        for unit in failed:
            handle(job, Failed(unit.id, reason))
        rest = tuple(unit for unit in job.units if unit.id in self._remaining and unit not in failed)
        if rest:
            return [replace(job, units=rest)]
        handle(job, JobDone())
        return []
