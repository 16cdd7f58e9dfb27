"""An index in LanceDB, beside the database: any process adds the rows that it lacks, without the writer lock.

A table holds the rows of one space. It is a cache like those of FAISS: what it proposes is compared with the vectors of
the database, and it is made anew where it does not fit. A memory that cannot be written is searched by FAISS instead.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from typing import Any

import numpy as np

from ..errors import CapabilityError
from .database import Space, Store
from .faiss_index import FLAT_UP_TO, ChannelIndex
from .folder import plain_errors
from .vector_index import VectorIndex, nearest

LANCE_FOLDER = "lance"
"""Where the tables lie, in the folder of a memory."""

_CANDIDATES, _LEAST = 4, 64  # times the rows asked for that are compared exactly, and at least
_REFINE = 16  # of a quantized index: candidates that LanceDB itself compares, in multiples of those
_COMPARED = 50_000  # rows of a filter up to which each is compared with the database itself
_IDS = 10_000  # in one condition
_BROKEN = (ValueError, OSError, RuntimeError)  # what LanceDB raises of a table that is not as it was


def open_lance(store: Store, space: Space) -> VectorIndex:
    """Open the index of a space.

    Raises:
        CapabilityError: if LanceDB is not here.
    """
    return LanceIndex(store, space) if store.writable else ChannelIndex(store, space)


class LanceIndex:
    """The table of one space."""

    def __init__(self, store: Store, space: Space) -> None:
        try:
            import lancedb
        except ImportError as error:
            raise CapabilityError("LanceDB is not here: pip install 'rewatch[lance]'") from error
        self._store, self._space = store, space
        self._folder = store.folder / LANCE_FOLDER
        self._name = f"{space.channel}-{space.id}"
        self._seen = -1, -1  # the generation, and the last row, up to which it is known to be caught up
        with plain_errors(store.folder):
            self._folder.mkdir(exist_ok=True)
        # Every read looks whether another process has written.
        self._database = lancedb.connect(str(self._folder), read_consistency_interval=timedelta(0))
        with self._locked():
            self._table = self._opened()
        self._count = 0

    def __len__(self) -> int:
        return self._count

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Let one process at a time look what is missing and add it, so that no row is added twice."""
        with plain_errors(self._store.folder):
            lock = os.open(self._folder / f"{self._name}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX)
                yield
            finally:
                os.close(lock)

    def _stamp(self) -> str:
        return json.dumps([str(self._store.meta("uid")), self._space.channel, self._space.stamp, self._space.dim])

    def _opened(self) -> Any:
        """The table, if it is whole and of this database; else an empty one."""
        with suppress(*_BROKEN):
            table = self._database.open_table(self._name)
            metadata = table.schema.metadata or {}
            ids = _ids(table)
            if (
                metadata.get(b"rewatch") == self._stamp().encode()
                and max(ids, default=0) <= self._store.newest_vector()
            ):
                return table
        return self._made()

    def _made(self) -> Any:
        import pyarrow

        vector = pyarrow.list_(pyarrow.float16(), self._space.dim)
        fields = [pyarrow.field("id", pyarrow.int64()), pyarrow.field("vector", vector)]
        shutil.rmtree(self._folder / f"{self._name}.lance", ignore_errors=True)
        schema = pyarrow.schema(fields, metadata={"rewatch": self._stamp()})
        return self._database.create_table(self._name, schema=schema, mode="overwrite")

    # Following the database

    def refresh(self, space: Space) -> None:
        """Catch up with the database; see `VectorIndex.refresh`."""
        self._space = space
        try:
            self._catch_up(space)
        except _BROKEN:
            self._open_again()

    def _open_again(self) -> None:
        """Another process has made the table anew, or it is damaged."""
        with self._locked():
            self._table, self._seen = self._opened(), (-1, -1)
        self._catch_up(self._space)

    def _catch_up(self, space: Space) -> None:
        newest = self._store.newest_vector()
        if self._seen == (space.generation, newest):
            return
        with self._locked():
            generation, last = self._seen
            whole = generation != space.generation
            held = _ids(self._table, None if whole else f"id > {last}")
            if whole:
                gone = np.setdiff1d(held, self._store.vector_ids(space.id))
                for at in range(0, len(gone), _IDS):
                    self._table.delete(f"id IN ({_listed(gone[at : at + _IDS])})")
            for ids, vectors in self._store.vectors(space, after=0 if whole else last):
                self._add(ids, vectors, ~np.isin(ids, held))
            self._seen = space.generation, newest
        self._count = self._table.count_rows()

    def _add(self, ids: np.ndarray, vectors: np.ndarray, missing: np.ndarray) -> None:
        import pyarrow

        if missing.any():
            schema = self._table.schema
            flat = pyarrow.array(vectors[missing].astype(np.float16).reshape(-1))
            rows = pyarrow.FixedSizeListArray.from_arrays(flat, self._space.dim)
            self._table.add(pyarrow.table([pyarrow.array(ids[missing]), rows], schema=schema))

    # Searching

    def search(self, vector: np.ndarray, k: int, allowed: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
        """The nearest rows; see `VectorIndex.search`."""
        if k < 1:
            return np.empty(0, np.int64), np.empty(0, np.float32)
        if allowed is not None and len(allowed) <= _COMPARED:
            return nearest(self._store, self._space, allowed, vector, k)
        try:
            found = self._candidates(vector, max(_CANDIDATES * k, _LEAST), allowed)
        except _BROKEN:
            self._open_again()
            found = self._candidates(vector, max(_CANDIDATES * k, _LEAST), allowed)
        return nearest(self._store, self._space, np.unique(found), vector, k)

    def _candidates(self, vector: np.ndarray, count: int, allowed: np.ndarray | None) -> np.ndarray:
        query = self._table.search(np.asarray(vector, np.float32)).distance_type("dot").select(["id"])
        if allowed is not None:
            query = query.where(f"id IN ({_listed(allowed)})", prefilter=True)
        if self._is_quantized():
            query = query.refine_factor(_REFINE)
        found: np.ndarray = query.limit(count).to_arrow()["id"].to_numpy()
        return found

    def _is_quantized(self) -> bool:
        return self._count > FLAT_UP_TO and bool(self._table.list_indices())

    # The files

    @property
    def behind(self) -> int:
        """Rows that its quantized index lacks; a table of a size that is compared row by row has none."""
        if self._count <= FLAT_UP_TO:
            return 0
        indices = self._table.list_indices()
        stats = self._table.index_stats(indices[0].name) if indices else None
        return self._count if stats is None else int(stats.num_unindexed_rows)

    def save(self) -> None:
        """Write it anew from the database, without a trace of rows that went; large ones are quantized."""
        with self._locked():
            self._table, self._seen = self._made(), (-1, -1)
        self.refresh(self._space)
        if self._count > FLAT_UP_TO:
            self._table.create_index(metric="dot", index_type="IVF_PQ")
        self._table.optimize()

    def delete(self) -> None:
        """Remove its files."""
        with self._locked():
            shutil.rmtree(self._folder / f"{self._name}.lance", ignore_errors=True)


def _ids(table: Any, condition: str | None = None) -> np.ndarray:
    query = table.search().select(["id"])
    if condition is not None:
        query = query.where(condition)
    found: np.ndarray = query.to_arrow()["id"].to_numpy()
    return found


def _listed(ids: np.ndarray) -> str:
    return ",".join(map(str, ids.tolist()))
