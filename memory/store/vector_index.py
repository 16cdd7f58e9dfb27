"""Indexes of vectors: FAISS as a rule, LanceDB, or one that an installed package brings.

An index is a cache: the database is the truth, and an index can be made anew from it at any time.
"""

from __future__ import annotations

import json
from typing import Protocol

import numpy as np

from .database import Space, Store

_AT_ONCE = 4096  # vectors that are read at once


class VectorIndex(Protocol):
    """The index of one space of vectors; `refresh` brings it up to the database.

    Ids are those of the rows of `vectors`, never given out twice. A process that may not write searches all the same.
    """

    def __len__(self) -> int:
        """How many vectors can be found."""

    @property
    def behind(self) -> int:
        """Rows that are not stored in the index's files yet, at least."""

    def refresh(self, space: Space) -> None:
        """Catch up with the database: rows that came, and where the generation moved, rows that went."""

    def search(self, vector: np.ndarray, k: int, allowed: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
        """The nearest rows to a unit vector [dim]: (ids [<=k] int64, cosines [<=k]), best first.

        `allowed`: ids [n] that may be found; None for all.
        """

    def save(self) -> None:
        """Store it, without rows that went. The caller holds the writer lock."""

    def delete(self) -> None:
        """Remove its files: there is nothing to keep. The caller holds the writer lock."""


def nearest(store: Store, space: Space, ids: np.ndarray, vector: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """The nearest of some rows, compared with the vectors of the database itself; ids that are gone are left out.

    Returns:
        Ids [<=k] int64 and cosines [<=k] float32, best first.
    """
    best_ids, best = np.empty(0, np.int64), np.empty(0, np.float32)
    query = np.asarray(vector, np.float32)
    for at in range(0, len(ids), _AT_ONCE):
        asked = json.dumps(ids[at : at + _AT_ONCE].tolist())
        rows = store.rows(
            "SELECT id, vector FROM vectors WHERE id IN (SELECT value FROM json_each(?)) AND space = ?",
            (asked, space.id),
        )
        if rows:
            halves = np.frombuffer(b"".join(row[1] for row in rows), np.float16).reshape(len(rows), space.dim)
            best_ids = np.concatenate([best_ids, np.array([row[0] for row in rows], np.int64)])
            best = np.concatenate([best, halves.astype(np.float32) @ query])
            order = np.lexsort((best_ids, -best))[:k]
            best_ids, best = best_ids[order], best[order]
    return best_ids, best
