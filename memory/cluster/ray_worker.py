"""A worker on a Ray cluster: one process of our own beside Ray's, which does the jobs as it would at home."""

from __future__ import annotations

import os
import queue
import socket
import threading
from collections.abc import Iterator

from ..errors import VideoError
from ..ingest.jobs import Job, JobDone, Message, ModelSpecs
from ..ingest.worker_pool import Workers


class RayWorker:
    """The actor. A decoder that hangs or crashes costs its piece, as at home; only a lost machine costs the actor."""

    def __init__(self, specs: ModelSpecs) -> None:
        self._pool = Workers(1, specs)

    def host(self) -> str:
        """Return the name of its machine; answering shows that it has started."""
        return socket.gethostname()

    def work(self, job: Job, size: int) -> Iterator[Message]:
        """Do one job, and give out what it finds piece by piece.

        Args:
            job: of a file.
            size: bytes that the file has where the job was given.
        """
        why = _unlike(str(job.source), size)
        if why:
            yield JobDone(error=VideoError(why))
            return
        found: queue.SimpleQueue[Message | BaseException | None] = queue.SimpleQueue()

        def work() -> None:
            try:
                self._pool.run([job], lambda _, message: found.put(message))
                found.put(None)
            except BaseException as error:  # noqa: BLE001 - it is raised where the job was given
                found.put(error)

        threading.Thread(target=work, name="job", daemon=True).start()
        while (message := found.get()) is not None:
            if isinstance(message, BaseException):
                raise message
            yield message


def _unlike(path: str, size: int) -> str:
    """Return why the file here is not the one that is meant; empty where it may well be."""
    where = f"on the worker {socket.gethostname()}"
    try:
        with open(path, "rb") as file:
            here = os.fstat(file.fileno()).st_size
    except OSError as error:
        return (
            f"{path} cannot be read {where} ({error.strerror}): put the videos where every worker finds them under the "
            "same path, such as a shared disk; or index with --shard on each machine, and rewatch merge."
        )
    return "" if here == size else f"{path} is another file {where} ({here} bytes, not {size}): copy it there again."
