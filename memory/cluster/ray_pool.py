"""A pool of workers on a Ray cluster: jobs go out, what they find comes back to the one process that writes."""

from __future__ import annotations

import logging
import os
import pickle
import shutil
import signal
import socket
import tempfile
import threading
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from ..checkpoints import first_line
from ..errors import CapabilityError, MisuseError, VideoError
from ..ingest.jobs import Failed, Job, JobDone, ModelSpecs, UnitDone, Work
from ..ingest.worker_pool import Handle
from .ray_worker import RayWorker

_START_SECONDS = 180.0  # in which the first worker has to start
_ANSWER_SECONDS = 10.0  # for a cluster to take a connection
_LOSSES = 3  # workers that one job may lose
_STORE = 100 << 20  # bytes of a local object store: what is found is small
_WAIT = 1.0  # seconds between two looks at the clock


def _ray(*, alone: bool) -> Any:
    """Import Ray, which reports nothing home; `alone`: on loopback only, since whoever reaches Ray can run code."""
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    name = "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"  # read at import, on every system: whether other machines may join
    before = os.environ.get(name)
    if alone and before is None:
        os.environ[name] = "0"
    try:
        import ray
    except ImportError as error:
        raise CapabilityError("Ray is not here: pip install 'rewatch[cluster]'") from error
    finally:
        if before is None:
            os.environ.pop(name, None)
    return ray


def _require_answer(address: str) -> None:
    """Raise where nobody listens; Ray would try for minutes."""
    host, _, port = address.rpartition(":")
    if address == "auto":
        return
    if not host or "/" in host or not port.isdigit():  # ray:// is another protocol, which streams nothing back
        raise MisuseError(f"{address!r} is no address of a Ray cluster's head: write auto, local or HOST:PORT.")
    socket.create_connection((host.strip("[]"), int(port)), timeout=_ANSWER_SECONDS).close()


class RayCluster:
    """A Ray cluster that indexes: `ClipMemory.add(path, workers=cluster)`. This process stays the one that writes.

    Files must lie on every machine under the same path, and rewatch must be installed there. Workers are kept from
    video to video until `close`. Ray reports nothing home, and starts no dashboard.

    Args:
        address: of a running cluster (`auto`, `HOST:PORT`); None: what `RAY_ADDRESS` says, else a
            cluster of this machine alone, which ends with `close`.
        workers: how many at most; None: one for each CPU of the cluster.

    Raises:
        CapabilityError: if Ray is not here, or the cluster cannot be reached.
        MisuseError: if the address is none.
    """

    def __init__(self, address: str | None = None, *, workers: int | None = None) -> None:
        address = address or os.environ.get("RAY_ADDRESS")
        self._ray = ray = _ray(alone=address in (None, "local"))
        self._folder: str | None = None
        self._is_ours = not ray.is_initialized()
        if self._is_ours:
            self._connect(address, workers)
        self.count = workers or max(1, int(ray.cluster_resources().get("CPU", 1)))
        """Workers at most."""
        self._specs = b""
        self.idle: list[Any] = []
        """Workers that have nothing to do."""

    def __enter__(self) -> RayCluster:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def _connect(self, address: str | None, workers: int | None) -> None:
        quiet: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.ERROR}
        handler = signal.getsignal(signal.SIGTERM)
        try:
            if address in (None, "local"):
                self._folder = tempfile.mkdtemp(prefix="rw-")
                self._ray.init(
                    address="local",
                    num_cpus=workers or len(os.sched_getaffinity(0)),
                    include_dashboard=False,
                    object_store_memory=_STORE,
                    _temp_dir=self._folder,
                    **quiet,
                )
            else:
                _require_answer(str(address))
                self._ray.init(address=address, **quiet)
        except MisuseError:
            raise
        except Exception as error:
            # Of a cluster that does not start in time Ray raises a bare `Exception`.
            if type(error) is not Exception and not isinstance(error, OSError | RuntimeError | ValueError):
                raise
            self.close()
            where = address if address not in (None, "local") else "of this machine"
            raise CapabilityError(f"The Ray cluster {where} cannot be used: {first_line(error)}") from error
        finally:
            if threading.current_thread() is threading.main_thread():  # Ray has put its own in place
                signal.signal(signal.SIGTERM, handler)

    def pool(self, specs: ModelSpecs) -> RayPool:
        """Return the pool for work with these models; workers that have them loaded are taken again."""
        wanted = pickle.dumps(specs)
        if wanted != self._specs:
            self._drop_idle()
            self._specs = wanted
        return RayPool(self, specs)

    def start(self, kind: type[Any], *arguments: Any) -> Any:
        """Ask for one more worker, an actor of this kind; it may take a while until it is there."""
        return self._ray.remote(kind).options(num_cpus=1, max_restarts=0).remote(*arguments)

    def drop(self, actor: Any) -> None:
        """End a worker, with all that it does."""
        self._ray.kill(actor)

    def _drop_idle(self) -> None:
        while self.idle:
            self.drop(self.idle.pop())

    def close(self) -> None:
        """End the workers, and the cluster where it was started here."""
        if self._is_ours:
            self._ray.shutdown()
        else:
            self._drop_idle()
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)


@dataclass(slots=True)
class _Task:
    """A job, what is left of it, and how many workers it has lost."""

    job: Job
    remaining: set[int] = field(default_factory=set)
    losses: int = 0

    @classmethod
    def of(cls, job: Job) -> _Task:
        return cls(job, {unit.id for unit in job.units} if isinstance(job, Work) else set())


class RayPool:
    """Does jobs on the workers of a cluster; what a lost worker had not handed over is done again by another."""

    def __init__(self, cluster: RayCluster, specs: ModelSpecs) -> None:
        self.count = cluster.count
        self._cluster = cluster
        self._specs = specs
        self._starting: dict[Any, Any] = {}  # the answer that is waited for: the actor
        self._faults = 0

    def run(self, jobs: Sequence[Job], handle: Handle) -> None:
        """Do the jobs, some at a time; what they find goes to `handle` as it comes, in this thread."""
        import ray

        waiting = deque(_Task.of(job) for job in jobs)
        busy: dict[Any, tuple[Any, _Task]] = {}  # what comes back: the actor and its task
        since = time.monotonic()
        try:
            while waiting or busy:
                while waiting and self._cluster.idle:
                    actor, task = self._cluster.idle.pop(), waiting.popleft()
                    busy[_begin(actor, task.job)] = actor, task
                self._ask_for(min(self.count - len(busy), len(waiting)))
                ready, _ = ray.wait([*busy, *self._starting], num_returns=1, timeout=_WAIT)
                for one in ready:
                    since = time.monotonic()
                    if one in self._starting:
                        self._take_in(one)
                    elif not self._take_message(one, busy, handle):
                        actor, task = busy.pop(one)
                        waiting.extendleft(self._lost(task, handle))
                if not busy and time.monotonic() - since > _START_SECONDS:
                    raise CapabilityError(
                        f"No worker has started on the Ray cluster in {_START_SECONDS:.0f} s: it has no CPU free."
                    )
        finally:
            for actor, _ in busy.values():
                self._cluster.drop(actor)

    def close(self) -> None:
        """Leave the workers to the next video; those that have not started by now are not waited for."""
        for actor in self._starting.values():
            self._cluster.drop(actor)
        self._starting.clear()

    def _ask_for(self, count: int) -> None:
        while len(self._starting) < count:
            actor = self._cluster.start(RayWorker, self._specs)
            self._starting[actor.host.remote()] = actor

    def _take_in(self, started: Any) -> None:
        """A worker has started, or will not."""
        import ray
        from ray.exceptions import RayError

        actor = self._starting.pop(started)
        try:
            ray.get(started)
            self._cluster.idle.append(actor)
            self._faults = 0
        except RayError as error:
            self._faults += 1
            if self._faults >= _LOSSES:
                raise CapabilityError(
                    f"No worker starts on the Ray cluster ({first_line(error)}): is this rewatch installed on its "
                    "machines?"
                ) from error

    def _take_message(self, stream: Any, busy: dict[Any, tuple[Any, _Task]], handle: Handle) -> bool:
        """Hand on what a worker reports next; False if it is lost."""
        import ray
        from ray.exceptions import RayError, RayTaskError

        actor, task = busy[stream]
        try:
            message = ray.get(next(stream))
        except RayTaskError as error:  # a bug there is a bug here
            raise RuntimeError(f"A worker on the Ray cluster failed:\n{error}") from error
        except (RayError, StopIteration):
            return False
        if isinstance(message, UnitDone | Failed):
            task.remaining.discard(message.unit)
        elif isinstance(message, JobDone):  # the last that it says
            del busy[stream]
            self._cluster.idle.append(actor)
        handle(task.job, message)
        return True

    def _lost(self, task: _Task, handle: Handle) -> list[_Task]:
        """Return what is to be done again of a task without its worker; a piece that costs every worker has failed."""
        task.losses += 1
        job, reason = task.job, f"{task.losses} workers of the Ray cluster were lost on it"
        if not isinstance(job, Work):
            if task.losses >= _LOSSES:
                handle(job, JobDone(error=VideoError(f"{job.source} cannot be read: {reason}.")))
                return []
            return [task]
        rest = [unit for unit in job.units if unit.id in task.remaining]
        done = {unit.span for unit in job.units if unit.channel == "screen_text" and unit not in rest}
        if rest and task.losses >= _LOSSES:
            handle(job, Failed(rest[0].id, reason))
            rest, task.losses = rest[1:], 0
        if not rest:
            handle(job, JobDone())
            return []
        again = replace(job, units=tuple(rest), lead=tuple(sorted({*job.lead, *done})))
        return [_Task(again, {unit.id for unit in rest}, task.losses)]


def _begin(actor: Any, job: Job) -> Any:
    return actor.work.options(num_returns="streaming").remote(job, os.stat(str(job.source)).st_size)
