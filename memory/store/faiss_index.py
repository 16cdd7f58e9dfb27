"""FAISS caches of the vectors in the database: caught up with it, rebuilt when they cannot be, never the truth."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import numpy as np

from ..errors import MemoryFolderError
from ..files.regular import open_regular
from . import on_disk_lists
from .cache_file import Stamp, read_stamp, write_cache
from .database import Space, Store
from .folder import plain_errors
from .on_disk_lists import OnDiskLists
from .vector_index import nearest

if TYPE_CHECKING:
    import faiss

FLAT_UP_TO = 100_000
"""Vectors up to which every one is compared; above, inverted lists of 8-bit codes."""
ON_DISK_ABOVE = 10_000_000
"""Vectors above which the lists stay on the disk, as product-quantized codes; what they find is compared exactly."""

_RECALL = 0.98  # of what probing every list finds, at 10 neighbours, for vectors of the memory itself
_MARGIN = 2  # times the lists that this needs are probed: questions lie farther from clips than clips from each other
_POINTS_PER_LIST = 40  # for training; more changes recall by less than the noise
_SEED = 7
_CANDIDATES = 16  # times the rows asked for that lists on the disk propose, and at least:
_LEAST_CANDIDATES = 256
_COMPARED = 50_000  # rows of a filter up to which each is compared with the database itself
_CHUNK = 8192  # vectors at once
_GONE = 0.1  # share of deleted rows from which on lists on the disk are written anew


class ChannelIndex:
    """The index of one space, by its size flat, inverted lists in memory, or lists on the disk.

    `refresh` brings it up to the database. Only with lists on the disk does `search` read the database: its vectors say
    which of the candidates are the nearest.
    """

    def __init__(self, store: Store, space: Space) -> None:
        self.path = store.folder / f"{space.channel}-{space.id}.faiss"
        self._store = store
        self._space = space
        self._stamp = self._empty_stamp()
        self._saved: Stamp | None = None
        self.faiss_index: Any = _flat(space.dim)
        """The FAISS index itself (ids are rows of the database); beside lists on the disk, what came since."""
        self.on_disk: OnDiskLists | None = None
        """The lists on the disk."""
        self._gone = np.empty(0, np.int64)  # rows of these that were deleted
        self._load()

    def __len__(self) -> int:
        return int(self.faiss_index.ntotal) + (len(self.on_disk) - len(self._gone) if self.on_disk else 0)

    def _empty_stamp(self) -> Stamp:
        uid = str(self._store.meta("uid"))
        return Stamp(uid, self._space.channel, self._space.stamp, self._space.dim, 0, self._space.generation)

    # Following the database

    def refresh(self, space: Space) -> None:
        """Catch up with the database; `space` is as the database has it now."""
        self._space = space
        if space.generation != self._stamp.generation:
            there = self._store.vector_ids(self._space.id)
            held = _ids(self.faiss_index)
            gone = held[~np.isin(held, there)]
            if len(gone):
                self.faiss_index.remove_ids(gone)
            if self.on_disk:
                held = self.on_disk.ids()
                self._gone = held[~np.isin(held, there)]
            self._stamp = replace(self._stamp, generation=space.generation)
        for ids, vectors in self._store.vectors(space, after=self._stamp.last):
            self.faiss_index.add_with_ids(vectors, ids)
            self._stamp = replace(self._stamp, last=int(ids[-1]))
        if self._outgrown():
            self._build()
        elif self.on_disk and (self.faiss_index.ntotal > FLAT_UP_TO or len(self._gone) > _GONE * len(self.on_disk)):
            self._keep()

    def _outgrown(self) -> bool:
        trained = self._stamp.trained_on
        if not trained:
            return len(self) > FLAT_UP_TO
        least = ON_DISK_ABOVE if self.on_disk else FLAT_UP_TO
        return len(self) > 4 * trained or len(self) < least // 2 or (not self.on_disk and len(self) > ON_DISK_ABOVE)

    def _build(self) -> None:
        """Build anew from the database: flat, or inverted lists with as many probes as the recall needs."""
        count = len(self)
        self.faiss_index, self.on_disk, self._gone = _flat(self._space.dim), None, self._gone[:0]
        self._stamp = replace(self._stamp, last=0, trained_on=0, probes=0, list_bytes=0, index_bytes=0)
        if count <= FLAT_UP_TO:
            for ids, vectors in self._rows():
                self.faiss_index.add_with_ids(vectors, ids)
            return
        lists = int(2 * count**0.5)
        random = np.random.default_rng(_SEED)
        share = lists * _POINTS_PER_LIST / count
        parts = [vectors[random.random(len(ids)) < share] for ids, vectors in self._store.vectors(self._space)]
        sample = np.concatenate(parts)
        del parts
        queries = sample[random.choice(len(sample), 100, replace=False)]
        if count > ON_DISK_ABOVE:
            folder = self.path.parent if self._store.writable else Path(tempfile.gettempdir())
            index = self._build_on_disk(lists, sample, count, folder)
        else:
            index = self.faiss_index = _inverted_lists(self._space.dim, lists, sample)
            for ids, vectors in self._rows():
                index.add_with_ids(vectors, ids)
        del sample
        index.nprobe = _probes(index, np.pad(queries, ((0, 0), (0, index.d - queries.shape[1]))))
        self._stamp = replace(self._stamp, trained_on=len(self), probes=index.nprobe)
        self._keep()

    def _build_on_disk(self, lists: int, sample: np.ndarray, count: int, folder: Path) -> Any:
        with plain_errors(self._store.folder):
            made = on_disk_lists.build(self._space.dim, lists, sample, self._rows(), count, _SEED, folder)
        self.on_disk = made
        return made.index

    def _rows(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """All rows of the database, in chunks; the stamp follows them."""
        for ids, vectors in self._store.vectors(self._space):
            yield ids, vectors
            self._stamp = replace(self._stamp, last=int(ids[-1]))

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
            allowed: ids [n] int64 that may be found; None for all. Filtered searches are exact up to the codes.
        """
        import faiss

        if self.on_disk:
            return self._search_on_disk(self.on_disk, vector, k, allowed)

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

    def _search_on_disk(
        self, lists: OnDiskLists, vector: np.ndarray, k: int, allowed: np.ndarray | None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Compare what the lists propose, and what came since, with the vectors of the database."""
        import faiss

        faiss.omp_set_num_threads(1)
        if allowed is not None and len(allowed) <= _COMPARED:
            return nearest(self._store, self._space, allowed, vector, k)
        selector: Any = None if allowed is None else faiss.IDSelectorBatch(np.ascontiguousarray(allowed, np.int64))
        count = max(_CANDIDATES * k, _LEAST_CANDIDATES)
        ids = lists.candidates(np.ascontiguousarray(vector, np.float32), count, selector)
        later = _ids(self.faiss_index)
        if len(later) > count:
            query = np.ascontiguousarray(vector, np.float32).reshape(1, -1)
            later = self.faiss_index.search(query, count)[1][0]
        if allowed is not None:
            later = later[np.isin(later, allowed)]
        return nearest(self._store, self._space, np.concatenate([ids, later]), vector, k)

    # The file

    @property
    def behind(self) -> int:
        """Rows that the file lacks, at least; all of them when it is of another generation."""
        if self._saved is None or self._saved.generation != self._stamp.generation:
            return len(self)
        return self._stamp.last - self._saved.last

    def save(self) -> None:
        """Write the cache, all or nothing. The caller holds the writer lock."""
        self._saved = self._stamp = write_cache(self.path, self._write)
        if self.on_disk:
            self._load()

    def _write(self, file: IO[bytes]) -> Stamp:
        import faiss

        if not self.on_disk:
            faiss.write_index(self.faiss_index, faiss.PyCallbackIOWriter(file.write, 1 << 20))  # type: ignore[attr-defined]
            return self._stamp
        later = _rows_in(self.faiss_index)
        lists, index = self.on_disk.write(file, lambda ids: ~np.isin(ids, self._gone), later)
        return replace(self._stamp, list_bytes=lists, index_bytes=index)

    def delete(self) -> None:
        """Remove the cache: there is nothing to keep. The caller holds the writer lock."""
        with plain_errors(self._store.folder):
            self.path.unlink(missing_ok=True)
        self._saved = None

    def _load(self) -> None:
        """Take over the file where it is whole and of this database; else begin empty."""
        stamp = read_stamp(self.path)
        now = self._empty_stamp()
        if stamp is None or (stamp.memory, stamp.encoder, stamp.dim) != (now.memory, now.encoder, now.dim):
            return
        if stamp.generation > now.generation or stamp.last > self._store.newest_vector():
            return  # the database is an older copy than the cache
        try:
            if stamp.list_bytes:
                lists = on_disk_lists.read(self.path, self._space.dim, stamp.list_bytes, stamp.index_bytes)
                index: Any = None if lists is None else lists.index
            else:
                index, lists = _read(self.path, self._space.dim), None
        except (RuntimeError, OSError, MemoryError):
            return
        if index is None:
            return
        if stamp.probes:
            index.nprobe = stamp.probes
        self.faiss_index = _flat(self._space.dim) if lists else index
        self.on_disk, self._gone = lists, self._gone[:0]
        self._stamp, self._saved = stamp, stamp


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


def _rows_in(index: Any) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """The ids and vectors that a flat index holds, in chunks."""
    import faiss

    ids, flat = _ids(index), faiss.downcast_index(index.index)
    for at in range(0, len(ids), _CHUNK):
        some = ids[at : at + _CHUNK]
        yield some, flat.reconstruct_n(at, len(some))


def _read(path: Path, dim: int) -> Any:
    """The index that a file holds; None unless it is of a kind that is written here, for vectors of this length."""
    import faiss

    # Read-only, lest a foreign file have lists that lie in yet another file changed.
    with open_regular(path) as file:
        index: Any = faiss.read_index(faiss.PyCallbackIOReader(file.read, 1 << 20), faiss.IO_FLAG_READ_ONLY)  # type: ignore[attr-defined]
    if index.d != dim:
        return None
    if isinstance(index, faiss.IndexIDMap2):
        flat = isinstance(faiss.downcast_index(index.index), faiss.IndexFlatIP) and index.index.d == dim
        return index if flat else None
    lists = index.invlists if isinstance(index, faiss.IndexIVFScalarQuantizer) else None
    ours = lists is not None and isinstance(faiss.downcast_InvertedLists(lists), faiss.ArrayInvertedLists)
    return index if ours else None
