"""Inverted lists of product-quantized vectors in a file that is mapped, not read: for more than memory should hold.

The file holds, list by list, the codes and then the ids, as `faiss.OnDiskInvertedLists` reads them; behind them the
trained index without vectors, and the length of each list. It is never changed: whoever has it mapped goes on with it
while another process puts a new one in its place.

Product quantization: Jégou et al., Product Quantization for Nearest Neighbor Search, 2011; inner products of residuals
as in FAISS.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import IO, Any

import numpy as np

from ..files.regular import open_regular

_SUBVECTOR = 8  # dimensions, at least, that one byte stands for
_MOST_BYTES = 64  # of one code
_ID = 8  # bytes

Chunks = Iterable[tuple[np.ndarray, np.ndarray]]
"""Chunks of (ids [n] int64, vectors [n, dim] float32)."""


class OnDiskLists:
    """The lists of a file, searched where they are.

    Args:
        file: an open file, which stays open as long as this does.
        index: the trained index; takes over the lists.
        sizes: how many vectors each list has [lists] int64.
    """

    def __init__(self, file: IO[bytes], index: Any, sizes: np.ndarray) -> None:
        import faiss

        self.index, self.sizes = index, sizes
        self._file = file
        # By its descriptor: FAISS takes only names that are UTF-8, and the file may have none.
        lists = faiss.OnDiskInvertedLists(index.nlist, index.code_size, f"/dev/fd/{file.fileno()}")
        lists.read_only = True
        lengths = np.ascontiguousarray(sizes, np.uint64)  # held while FAISS reads it
        lists.set_all_lists_sizes(faiss.swig_ptr(lengths))
        lists.totsize = int(sizes.sum()) * (index.code_size + _ID)
        if lists.totsize:
            lists.do_mmap()
        index.replace_invlists(lists, True)
        lists.this.disown()  # type: ignore[attr-defined]
        index.ntotal = int(sizes.sum())

    def __len__(self) -> int:
        return int(self.index.ntotal)

    def candidates(self, query: np.ndarray, count: int, selector: Any = None) -> np.ndarray:
        """Ids [<=count] of the rows that are likely to be the nearest to a vector [dim], in no order."""
        import faiss

        every = self.index.nlist if selector is not None else self.index.nprobe
        parameters = faiss.IVFPQSearchParameters(sel=selector, nprobe=every)  # type: ignore[attr-defined]
        _, ids = self.index.search(_padded(query.reshape(1, -1), self.index.d), count, params=parameters)
        return np.asarray(ids[0][ids[0] >= 0], np.int64)

    def ids(self) -> np.ndarray:
        """Ids of all its rows [n] int64, in no order."""
        return np.concatenate([ids for _, ids in self._rows()]) if len(self) else np.empty(0, np.int64)

    def _rows(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Codes [n, bytes] uint8 and ids [n] int64 of each list."""
        import faiss

        lists, width = self.index.invlists, self.index.code_size
        for number, size in enumerate(self.sizes.tolist()):
            if not size:
                yield np.empty((0, width), np.uint8), np.empty(0, np.int64)
                continue
            codes = faiss.rev_swig_ptr(lists.get_codes(number), size * width).reshape(size, width)
            yield codes, faiss.rev_swig_ptr(lists.get_ids(number), size)

    def write(self, file: IO[bytes], keep: Callable[[np.ndarray], np.ndarray], more: Chunks) -> tuple[int, int]:
        """Write these lists anew, without some rows and with more.

        Args:
            file: written from where it stands.
            keep: which of some ids [n] to keep, as bool [n].
            more: rows to add; their codes are held in memory.

        Returns:
            Bytes of the lists, and of the trained index behind them.
        """
        added = [(ids, *_encoded(self.index, vectors)) for ids, vectors in more]
        ids = np.concatenate([np.empty(0, np.int64), *(part[0] for part in added)])
        numbers = np.concatenate([np.empty(0, np.int64), *(part[1] for part in added)])
        codes = np.concatenate([np.empty((0, self.index.code_size), np.uint8), *(part[2] for part in added)])
        order = np.argsort(numbers, kind="stable")
        bounds = np.searchsorted(numbers[order], np.arange(self.index.nlist + 1))
        sizes = np.zeros(self.index.nlist, np.int64)
        for number, (old_codes, old_ids) in enumerate(self._rows()):
            kept, new = keep(old_ids), order[bounds[number] : bounds[number + 1]]
            sizes[number] = kept.sum() + len(new)
            for part in (old_codes[kept], codes[new], old_ids[kept], ids[new]):
                file.write(part.tobytes())
        return _write_head(file, _emptied(self.index), sizes)


def build(dim: int, lists: int, sample: np.ndarray, chunks: Chunks, count: int, seed: int, folder: Path) -> OnDiskLists:
    """Train on a sample [n, dim] and put all rows into lists, in a file without a name.

    Memory holds the sample and 12 bytes a row; vectors and codes pass through it in chunks.

    Args:
        dim: of the vectors.
        lists: how many.
        sample: vectors to learn from.
        chunks: all rows.
        count: rows at most.
        seed: of the training.
        folder: where there is room for the files.
    """
    index = _trained(dim, lists, sample, seed)
    ids, numbers = np.empty(count, np.int64), np.empty(count, np.int32)
    done = 0
    file = tempfile.TemporaryFile(dir=folder)
    with tempfile.TemporaryFile(dir=folder) as unsorted:
        for some, vectors in chunks:
            some = some[: count - done]
            of, codes = _encoded(index, vectors[: len(some)])
            ids[done : done + len(some)], numbers[done : done + len(some)] = some, of
            unsorted.write(codes.tobytes())
            done += len(some)
        unsorted.flush()
        order = np.argsort(numbers[:done], kind="stable")
        sizes = np.bincount(numbers[:done], minlength=lists)
        if done:
            codes = np.memmap(unsorted, np.uint8, "r", shape=(done, index.code_size))
            at = 0
            for size in sizes.tolist():
                some = order[at : at + size]
                file.write(codes[some].tobytes())
                file.write(ids[some].tobytes())
                at += size
    file.flush()
    return OnDiskLists(file, index, sizes)


def read(path: Path, dim: int, list_bytes: int, index_bytes: int) -> OnDiskLists | None:
    """Map the lists of a file that `OnDiskLists.write` wrote; None if it does not hold what it says."""
    import faiss

    file = open_regular(path)
    file.seek(list_bytes)
    try:
        index = faiss.deserialize_index(np.frombuffer(file.read(index_bytes), np.uint8), faiss.IO_FLAG_READ_ONLY)
    except RuntimeError:
        return None
    if not isinstance(index, faiss.IndexIVFPQ) or index.d != _width(dim) or index.ntotal:
        return None
    if not isinstance(faiss.downcast_index(index.quantizer), faiss.IndexFlatIP):
        return None
    sizes = np.frombuffer(file.read(index.nlist * _ID), np.int64)
    if len(sizes) != index.nlist or (sizes < 0).any():
        return None
    return OnDiskLists(file, index, sizes) if int(sizes.sum()) * (index.code_size + _ID) == list_bytes else None


def _write_head(file: IO[bytes], index: Any, sizes: np.ndarray) -> tuple[int, int]:
    import faiss

    head = faiss.serialize_index(index).tobytes()
    file.write(head)
    file.write(sizes.astype(np.int64).tobytes())
    return int(sizes.sum()) * (index.code_size + _ID), len(head)


def _emptied(index: Any) -> Any:
    """A copy of a trained index, without vectors."""
    import faiss

    lists = index.invlists
    index.own_invlists, kept = False, index.ntotal
    empty = faiss.ArrayInvertedLists(index.nlist, index.code_size)
    index.replace_invlists(empty, False)
    index.ntotal = 0
    try:
        return faiss.deserialize_index(faiss.serialize_index(index))
    finally:
        index.replace_invlists(lists, True)
        index.ntotal = kept


def _trained(dim: int, lists: int, sample: np.ndarray, seed: int) -> Any:
    import faiss

    width = _width(dim)
    bytes_ = next(width // part for part in range(_SUBVECTOR, width + 1, _SUBVECTOR) if _fits(width, part))
    index = faiss.IndexIVFPQ(faiss.IndexFlatIP(width), width, lists, bytes_, 8, faiss.METRIC_INNER_PRODUCT)
    index.cp.niter, index.cp.spherical, index.cp.seed = 8, True, seed
    index.cp.min_points_per_centroid = index.pq.cp.min_points_per_centroid = 1
    index.cp.max_points_per_centroid = max(1, -(-len(sample) // lists))
    index.pq.cp.seed = seed
    faiss.omp_set_num_threads(len(os.sched_getaffinity(0)))
    index.train(_padded(sample, width))
    return index


def _fits(width: int, part: int) -> bool:
    return width % part == 0 and width // part <= _MOST_BYTES


def _encoded(index: Any, vectors: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The list of each vector [n] int64, and its code [n, bytes] uint8."""
    import faiss

    rows = _padded(vectors, index.d)
    _, numbers = index.quantizer.search(rows, 1)
    numbers = np.ascontiguousarray(numbers[:, 0])
    codes = np.empty((len(rows), index.code_size), np.uint8)
    index.encode_vectors(len(rows), faiss.swig_ptr(rows), faiss.swig_ptr(numbers), faiss.swig_ptr(codes), False)
    return numbers, codes


def _width(dim: int) -> int:
    """The dimensions of padded vectors: zeros behind change no inner product."""
    return -(-dim // _SUBVECTOR) * _SUBVECTOR


def _padded(vectors: np.ndarray, width: int) -> np.ndarray:
    rows = np.ascontiguousarray(vectors, np.float32)
    return rows if rows.shape[1] == width else np.pad(rows, ((0, 0), (0, width - rows.shape[1])))
