"""Searching a view of a memory: among the rows that it knows, over a searcher of just those."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from .memory_view import MemoryView, Picture
from .span import Span
from .store.search import Searcher, dated, scope_of, timeline_scope
from .timeline.interval import TimelineSpan
from .types import TIMELINE_LEVELS, Hit
from .video.open import one_or_many
from .video.pictures import read_picture


def search_view(
    view: MemoryView,
    searcher_of: Callable[[Sequence[str]], Searcher],
    query: str | Picture,
    *,
    channels: str | Sequence[str] | None,
    videos: str | Path | Sequence[str | Path] | None,
    between: Span | TimelineSpan | None,
    level: str,
    k: int,
    vector: np.ndarray | None,
) -> list[Hit]:
    """Return the hits of a search in a view; see `ClipMemory.search`.

    Args:
        view: says which videos there are, and has the levels of their timelines.
        searcher_of: gives a searcher over the rows of some videos (ids) that the view knows.
        query: as the other arguments, as `ClipMemory.search` takes it.
    """
    known = {record.id: record for record in view.videos()}
    names = list(known) if videos is None else one_or_many(videos)
    ids = tuple(dict.fromkeys(str(name) if name in known else view.video(name).id for name in names))
    scope = scope_of(channels, ids, None if isinstance(between, TimelineSpan) else between)
    content = query if isinstance(query, str) else read_picture(query, view)
    if not ids:
        return []

    def search(some: tuple[str, ...]) -> list[Hit]:
        within = replace(scope, videos=some)
        if isinstance(between, TimelineSpan):
            within = timeline_scope(channels, [known[id_] for id_ in some], between)
        hits = searcher_of(ids).search(content, within, level=level, k=k, vector=vector)
        return dated(hits, known.values(), between if isinstance(between, TimelineSpan) else None)

    if level in TIMELINE_LEVELS and (levels := view.levels(ids)).calendars:
        return levels.search(
            query, level=level, undated=search, channels=scope.channels, videos=ids, between=between, k=k,
            vector=vector,
        )  # fmt: skip
    return search(ids)
