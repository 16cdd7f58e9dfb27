"""FAISS caches of the vectors in the database: caught up with it, rebuilt when they cannot be, never the truth."""

from __future__ import annotations

import json
import os
import struct
import zlib
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import MemoryFolderError
from ..files.regular import open_regular
from .database import Space, Store
from .folder import disk_full, plain_errors

if TYPE_CHECKING:
    import faiss

FLAT_UP_TO = 100_000
"""Vectors up to which every one is compared; above, inverted lists of 8-bit codes."""

_RECALL = 0.98  # of what probing every list finds, at 10 neighbours, for vectors of the memory itself
_MARGIN = 2  # times the lists that this needs are probed: questions lie farther from clips than clips from each other
_MAGIC = b"RWIX1\n"
TAIL = struct.Struct("<II6s")
"""The end of a cache file: footer length, CRC-32 of the index, magic."""
_POINTS_PER_LIST = 40  # for training; more changes recall by less than the noise
_SEED = 7


@dataclass(frozen=True, slots=True)
class _Stamp:
    """The content of a cache: its database and space, its last row, and the number of deletions before it."""

    memory: str
    channel: str
    encoder: str
    dim: int
    last: int
    generation: int
    trained_on: int = 0
    probes: int = 0


class ChannelIndex:
    """The index of one space. `refresh` brings it up to the database; `search` never reads the database."""

    def __init__(self, store: Store, space: Space) -> None:
        self.path = store.folder / f"{space.channel}-{space.id}.faiss"
        self._store = store
        self._space = space
        self._stamp = self._empty_stamp()
        self._saved: _Stamp | None = None
        self.faiss_index: Any = _flat(space.dim)
        """The FAISS index itself (ids are rows of the database)."""
        self._load()

    def __len__(self) -> int:
        return int(self.faiss_index.ntotal)

    def _empty_stamp(self) -> _Stamp:
        uid = str(self._store.meta("uid"))
        return _Stamp(uid, self._space.channel, self._space.stamp, self._space.dim, 0, self._space.generation)

    # Following the database

    def refresh(self, space: Space) -> None:
        """Catch up with the database; `space` is as the database has it now."""
        if space.generation != self._stamp.generation:
            held = _ids(self.faiss_index)
            gone = held[~np.isin(held, self._store.vector_ids(self._space.id))]
            if len(gone):
                self.faiss_index.remove_ids(gone)
            self._stamp = replace(self._stamp, generation=space.generation)
        for ids, vectors in self._store.vectors(space, after=self._stamp.last):
            self.faiss_index.add_with_ids(vectors, ids)
            self._stamp = replace(self._stamp, last=int(ids[-1]))
        if self._outgrown():
            self._build()

    def _outgrown(self) -> bool:
        lists = self._stamp.trained_on
        if not lists:
            return len(self) > FLAT_UP_TO
        return len(self) > 4 * lists or len(self) < FLAT_UP_TO // 2

    def _build(self) -> None:
        """Build anew from the database: flat, or inverted lists with as many probes as the recall needs."""
        count = len(self)
        self.faiss_index = _flat(self._space.dim)
        self._stamp = replace(self._stamp, last=0, trained_on=0, probes=0)
        if count <= FLAT_UP_TO:
            for ids, vectors in self._store.vectors(self._space):
                self.faiss_index.add_with_ids(vectors, ids)
                self._stamp = replace(self._stamp, last=int(ids[-1]))
            return
        lists = int(2 * count**0.5)
        random = np.random.default_rng(_SEED)
        share = lists * _POINTS_PER_LIST / count
        parts = [vectors[random.random(len(ids)) < share] for ids, vectors in self._store.vectors(self._space)]
        sample = np.concatenate(parts)
        index = _inverted_lists(self._space.dim, lists, sample)
        queries = sample[random.choice(len(sample), 100, replace=False)]
        del sample, parts
        for ids, vectors in self._store.vectors(self._space):
            index.add_with_ids(vectors, ids)
            self._stamp = replace(self._stamp, last=int(ids[-1]))
        probes = _probes(index, queries)
        index.nprobe = probes
        self.faiss_index = index
        self._stamp = replace(self._stamp, trained_on=len(self), probes=probes)
        self._keep()

    def _keep(self) -> None:
        """Write what was costly to build, where this process may; a search must not fail for want of that."""
        with suppress(MemoryFolderError):
            if self._store.holds_writer_lock:
                self.save()
            elif self._store.writable:
                with self._store.writing():
                    self.save()

    # Searching

    def search(self, vector: np.ndarray, k: int, allowed: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
        """The nearest rows to a unit vector [dim]: (ids [<=k], cosines [<=k]), best first.

        Args:
            vector: float32 [dim].
            k: how many.
            allowed: ids [n] int64 that may be found; None for all. Filtered searches are exact up to 8-bit codes.
        """
        import faiss

        # One query is too small for threads; their pool would only wait for busy cores.
        faiss.omp_set_num_threads(1)
        query = np.ascontiguousarray(vector, np.float32).reshape(1, -1)
        parameters: Any = None
        if allowed is not None:
            selector: Any = faiss.IDSelectorBatch(np.ascontiguousarray(allowed, np.int64))
            if self._stamp.trained_on:
                parameters = faiss.SearchParametersIVF(sel=selector, nprobe=self.faiss_index.nlist)  # type: ignore[call-arg]
            else:
                parameters = faiss.SearchParameters(sel=selector)  # type: ignore[call-arg]
        if k < 1:
            return np.empty(0, np.int64), np.empty(0, np.float32)
        scores, ids = self.faiss_index.search(query, k, params=parameters)
        found = ids[0] >= 0
        return ids[0][found], scores[0][found]

    # The file

    @property
    def behind(self) -> int:
        """Rows that the file lacks, at least; all of them when it is of another generation."""
        if self._saved is None or self._saved.generation != self._stamp.generation:
            return len(self)
        return self._stamp.last - self._saved.last

    def save(self) -> None:
        """Write the cache, all or nothing. The caller holds the writer lock."""
        import faiss

        temporary = self.path.with_suffix(".tmp")
        with plain_errors(self._store.folder):
            temporary.unlink(missing_ok=True)  # a link would be written through
            temporary.touch()
        try:
            try:
                with temporary.open("wb") as made:  # FAISS itself takes only names that are UTF-8
                    faiss.write_index(self.faiss_index, faiss.PyCallbackIOWriter(made.write, 1 << 20))  # type: ignore[attr-defined]
            except (RuntimeError, OSError) as error:  # FAISS hides the errno of a failed write
                raise MemoryFolderError(disk_full(self._store.folder)) from error
            footer = json.dumps(asdict(self._stamp)).encode()
            with plain_errors(self._store.folder), temporary.open("r+b") as file:
                checksum = _checksum(temporary, os.fstat(file.fileno()).st_size)
                file.seek(0, os.SEEK_END)
                file.write(footer + TAIL.pack(len(footer), checksum, _MAGIC))
                file.flush()
                os.fsync(file.fileno())
                os.replace(temporary, self.path)
                _fsync_folder(self.path.parent)
        finally:
            temporary.unlink(missing_ok=True)
        self._saved = self._stamp

    def delete(self) -> None:
        """Remove the cache: there is nothing to keep. The caller holds the writer lock."""
        with plain_errors(self._store.folder):
            self.path.unlink(missing_ok=True)
        self._saved = None

    def _load(self) -> None:
        """Take over the file where it is whole and of this database; else begin empty."""
        import faiss

        stamp = _read_stamp(self.path)
        now = self._empty_stamp()
        if stamp is None or (stamp.memory, stamp.encoder, stamp.dim) != (now.memory, now.encoder, now.dim):
            return
        if stamp.generation > now.generation or stamp.last > self._store.newest_vector():
            return  # the database is an older copy than the cache
        try:
            # Read-only, lest a foreign file have lists that lie in yet another file changed.
            with open_regular(self.path) as file:
                reader = faiss.PyCallbackIOReader(file.read, 1 << 20)  # type: ignore[attr-defined]
                index: Any = faiss.read_index(reader, faiss.IO_FLAG_READ_ONLY)
        except (RuntimeError, OSError, MemoryError):
            return
        if not _of_ours(index, self._space.dim):
            return
        if stamp.probes:
            index.nprobe = stamp.probes
        self.faiss_index, self._stamp, self._saved = index, stamp, stamp


def _flat(dim: int) -> faiss.Index:
    import faiss

    return faiss.IndexIDMap2(faiss.IndexFlatIP(dim))


def _inverted_lists(dim: int, lists: int, sample: np.ndarray) -> Any:
    import faiss

    quantizer = faiss.IndexFlatIP(dim)
    index = faiss.IndexIVFScalarQuantizer(
        quantizer, dim, lists, faiss.ScalarQuantizer.QT_8bit, faiss.METRIC_INNER_PRODUCT
    )
    index.cp.niter = 8
    index.cp.spherical = True
    index.cp.max_points_per_centroid = _POINTS_PER_LIST
    index.cp.min_points_per_centroid = 1
    index.cp.seed = _SEED
    faiss.omp_set_num_threads(len(os.sched_getaffinity(0)))
    index.train(sample)
    return index


def _probes(index: Any, queries: np.ndarray) -> int:
    """Return the number of lists to probe: the fewest for the recall (doubling from 8), with a margin."""

    def nearest(probes: int) -> np.ndarray:
        index.nprobe = probes
        found: np.ndarray = index.search(queries, 10)[1]
        return found

    best = nearest(index.nlist)
    probes = 8
    while probes < index.nlist:
        shared = [len(np.intersect1d(a, b)) for a, b in zip(nearest(probes), best, strict=True)]
        if np.mean(shared) >= _RECALL * best.shape[1]:
            break
        probes *= 2
    return min(_MARGIN * probes, int(index.nlist))


def _ids(index: Any) -> np.ndarray:
    """The ids that an index holds [n]."""
    import faiss

    if isinstance(index, faiss.IndexIDMap2 | faiss.IndexIDMap):
        return faiss.vector_to_array(index.id_map)
    lists = index.invlists
    parts = [
        faiss.rev_swig_ptr(lists.get_ids(i), lists.list_size(i)).copy()
        for i in range(index.nlist)
        if lists.list_size(i)
    ]
    return np.concatenate(parts) if parts else np.empty(0, np.int64)


def _of_ours(index: Any, dim: int) -> bool:
    """Return whether an index is of a kind that is written here, for vectors of this length."""
    import faiss

    if index.d != dim:
        return False
    if isinstance(index, faiss.IndexIDMap2):
        return isinstance(faiss.downcast_index(index.index), faiss.IndexFlatIP) and index.index.d == dim
    lists = index.invlists if isinstance(index, faiss.IndexIVFScalarQuantizer) else None
    return lists is not None and isinstance(faiss.downcast_InvertedLists(lists), faiss.ArrayInvertedLists)


def _read_stamp(path: Path) -> _Stamp | None:
    """The stamp of a cache file; None when there is none or the file is not whole."""
    try:
        with open_regular(path) as file:
            size = os.fstat(file.fileno()).st_size
            file.seek(max(size - TAIL.size, 0))
            length, checksum, magic = TAIL.unpack(file.read(TAIL.size))
            body = size - TAIL.size - length
            if magic != _MAGIC or body <= 0:
                return None
            file.seek(body)
            stamp = _Stamp(**json.loads(file.read(length)))
        return stamp if _checksum(path, body) == checksum else None
    except (OSError, struct.error, ValueError, TypeError):
        return None


def _checksum(path: Path, size: int) -> int:
    checksum = 0
    with open_regular(path) as file:
        while size > 0:
            part = file.read(min(size, 1 << 22))
            if not part:
                break
            checksum = zlib.crc32(part, checksum)
            size -= len(part)
    return checksum


def _fsync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
