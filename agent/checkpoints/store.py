"""The store of the steps of runs: an SQLite file, mostly one a run, that many runs may also share."""

from __future__ import annotations

import asyncio
import logging
import re
import sqlite3
import stat
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import aiosqlite
from langgraph.checkpoint.base import ChannelVersions, Checkpoint, CheckpointMetadata, CheckpointTuple
from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver

from ...memory import RewatchError
from ...memory.store.folder import is_damage, make_folder, told_plainly
from ..questions.question import QuestionError
from .serializer import CheckpointError, KnownKinds

if TYPE_CHECKING:
    from langchain_core.runnables import RunnableConfig

SHARED = "checkpoints.sqlite"
"""The file that all runs of a memory were stored in before each had one of its own; still read."""
_ID = re.compile(r"[\w.-]{1,120}", re.ASCII)
_BUSY_SECONDS = 60.0  # that one run waits for another to write, where they share a file
_RESUME = "__resume__"
_LOST = "the run goes on, and could not be resumed: %s"

log = logging.getLogger(__name__)


def checkpoint_file(where: Path, run_id: str, *, stored: bool = False) -> Path:
    """Return the file of a run's steps: `where` itself, or in a folder (a name without a suffix) one of the run's own.

    `stored` steps may lie in the file that runs shared before. `QuestionError` where `run_id` can be no run's id.
    """
    if not _ID.fullmatch(run_id) or run_id.strip(".") == "":
        raise QuestionError(f"{run_id[:80]!r} is no run's id, which looks like 20260131-104500-a1b2c3.")
    if where.suffix and not where.is_dir():
        return where
    own = where / f"{run_id}.sqlite"
    return where / SHARED if stored and not own.exists() and (where / SHARED).exists() else own


@asynccontextmanager
async def checkpointer(path: Path, *, again: bool) -> AsyncIterator[Steps | None]:
    """Open the SQLite file in which every step is stored; None where nothing can be stored, which is logged.

    A run that goes on (`again`) has to be read: where the file cannot be, that is a `CheckpointError`.
    """
    try:
        make_folder(path.parent)
        if path.exists() and not stat.S_ISREG(path.stat().st_mode):
            raise CheckpointError(f"{path} is no plain file, so no steps can be stored there: move it away.")
        connection = await aiosqlite.connect(path, timeout=_BUSY_SECONDS)
    except (OSError, sqlite3.Error, RewatchError) as error:
        reason = str(error) if isinstance(error, RewatchError) else _unusable(path, error)
        if again:
            raise CheckpointError(reason) from error
        log.warning(_LOST, reason)
        yield None
        return
    try:
        yield Steps(connection, path, again=again)
    finally:
        await connection.close()


class Steps(AsyncSqliteSaver):
    """Stores the steps of runs. Where no more can be stored, a run goes on all the same: its answer counts for more."""

    def __init__(self, connection: aiosqlite.Connection, path: Path, *, again: bool = False) -> None:
        super().__init__(connection, serde=KnownKinds())
        self.path = path
        self._again = again
        self.lost: str | None = None
        """Why nothing is stored any more; None while everything is."""

    async def setup(self) -> None:
        """Make the tables, unless they are there; waits for others that do the same."""
        for wait in (0.0, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 4.0, 8.0):
            await asyncio.sleep(wait)
            try:
                if not self.is_setup:
                    await self.conn.execute("PRAGMA trusted_schema=OFF")  # nothing that a foreign file brings is run
                    await self.conn.execute("PRAGMA synchronous=NORMAL")  # with WAL a killed process loses nothing
                return await super().setup()
            except sqlite3.OperationalError as error:
                if "locked" not in str(error) and "busy" not in str(error):
                    raise
        raise CheckpointError(f"{self.path} is busy in other processes: try again when they are done.")

    async def aget_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        """See LangGraph. What a person allowed before the run was cut off is asked again: a file can be forged."""
        if self.lost is not None:
            return None
        try:
            stored = await super().aget_tuple(config)
        except Exception as error:  # damaged rows can make any part of it fail
            if not self._again and isinstance(error, (sqlite3.Error, OSError)):
                self._lose(error)
                return None
            raise self._unreadable(error) from error
        if stored is None or not stored.pending_writes:
            return stored
        return stored._replace(pending_writes=[write for write in stored.pending_writes if write[1] != _RESUME])

    async def aget_delta_channel_history(self, *, config: RunnableConfig, channels: Sequence[str]) -> Mapping[str, Any]:
        """See LangGraph."""
        if self.lost is not None:
            return {channel: {"writes": []} for channel in channels}
        try:
            return await super().aget_delta_channel_history(config=config, channels=channels)
        except Exception as error:
            raise self._unreadable(error) from error

    async def aput(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> RunnableConfig:
        """See LangGraph."""
        if self.lost is None:
            try:
                return await super().aput(config, checkpoint, metadata, new_versions)
            except (sqlite3.Error, OSError) as error:
                self._lose(error)
        configurable = config["configurable"]
        thread = {"thread_id": configurable["thread_id"], "checkpoint_ns": configurable["checkpoint_ns"]}
        return {"configurable": {**thread, "checkpoint_id": checkpoint["id"]}}

    async def aput_writes(
        self, config: RunnableConfig, writes: Sequence[tuple[str, Any]], task_id: str, task_path: str = ""
    ) -> None:
        """See LangGraph."""
        if self.lost is None:
            try:
                await super().aput_writes(config, writes, task_id, task_path)
            except (sqlite3.Error, OSError) as error:
                self._lose(error)

    def _lose(self, error: Exception) -> None:
        self.lost = told_plainly(error, self.path.parent, self.path) or f"{self.path}: {error}"
        log.warning(_LOST, self.lost)

    def _unreadable(self, error: Exception) -> RewatchError:
        if isinstance(error, CheckpointError):
            reason = str(error)
        elif isinstance(error, sqlite3.Error):
            return CheckpointError(_unusable(self.path, error))
        else:
            reason = f"damaged: {type(error).__name__}"
        return CheckpointError(f"What {self.path} holds of the run is not read ({reason}): ask the question again.")


def _unusable(path: Path, error: Exception) -> str:
    reason = told_plainly(error, path.parent, path)
    if reason and is_damage(reason):
        return f"{path} is damaged ({error}): move it away; a run whose steps lay there is to be asked again."
    return reason or f"{path} cannot be used to store steps ({error}): move it away."
