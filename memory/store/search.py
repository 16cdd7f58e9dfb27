"""Search over the channels of a memory: dense vectors and BM25, fused by the ranks of the clips they point to."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from itertools import pairwise
from typing import Protocol

import numpy as np

from ..encoders import TextEncoder, VisualEncoder
from ..encoders.text import best_floor, floor
from ..protocol import Frame
from ..registry import require_name
from ..span import Span
from ..timeline.interval import TimelineSpan, timeline_span
from ..types import CHANNELS, CLIP, LEVELS, OBJECTS, SUMMARY, Hit, Text, VideoRecord
from .database import Space, Store
from .full_text import match_expression, words
from .index_kinds import USUAL, opener, remove_others
from .spelling import Stemmer, Vocabulary
from .vector_index import VectorIndex

_RRF = 60  # the usual constant of reciprocal rank fusion: how fast a rank loses weight
_NEAR = 0.5  # weight of a ranking by words that are only nearly those of the query
_DEPTH = 50  # rows asked of each ranking when several are fused
_MOST = 1_000_000  # hits; more than any memory has clips, and few enough for every ranking's arithmetic
_STILL = ("screen_text",)  # channels whose rows say the same at every moment of their span
_FOREVER = 1e12  # seconds
_FRESH = 0.02  # share of new rows from which on an index file is written again
_COMES_IN = 2.5  # seconds after which a text has been taken in

# The clip of a row is the one that its middle lies in, and of a text that stands for minutes the one in which it comes
# into sight within the scope (?2 to ?3); what lies before the first clip belongs to that.
_MIDDLE = "({row}.start_s + {row}.end_s) / 2"
_IN_SIGHT = (
    "max({row}.start_s, ?2) + min(max(min({row}.end_s, ?3) - max({row}.start_s, ?2), 0) / 2, " + str(_COMES_IN) + ")"
)
_CLIP_OF = """(SELECT coalesce(
    (SELECT id FROM clips WHERE video = {row}.video AND level = ?1 AND start_s <= {moment}
     ORDER BY start_s DESC LIMIT 1),
    (SELECT id FROM clips WHERE video = {row}.video AND level = ?1 ORDER BY start_s LIMIT 1)))"""


def _clip_of(row: str, channel: str) -> str:
    moment = _IN_SIGHT if channel in _STILL else _MIDDLE
    return _CLIP_OF.format(row=row, moment=moment.format(row=row))


@cache
def _rows_of(channel: str) -> str:
    """The query for rows of these ids (a JSON list), always the same text, so that SQLite need not compile it again."""
    return (
        "SELECT v.id, c.id, c.video, c.start_s, c.end_s, v.text FROM vectors v JOIN clips c "
        f"ON c.id = {_clip_of('v', channel)} WHERE v.id IN (SELECT value FROM json_each(?4))"
    )


class Encoders(Protocol):
    """The encoders of queries, loaded when they are first needed."""

    @property
    def text(self) -> TextEncoder:
        """For every channel made of texts."""

    @property
    def visual(self) -> VisualEncoder:
        """For the visual channel."""


@dataclass(frozen=True, slots=True)
class Scope:
    """The part of a memory to search; by default all of it."""

    channels: tuple[str, ...] | None = None
    videos: tuple[str, ...] | None = None
    between: Span | None = None
    parts: tuple[tuple[str, Span], ...] = ()
    """Videos besides of which only a span counts."""

    @property
    def bounds(self) -> tuple[float, float]:
        """Seconds from which and up to which anything counts."""
        return (self.between.start, self.between.end) if self.between is not None else (-_FOREVER, _FOREVER)

    def condition(self, row: str) -> tuple[str, list[str | float]]:
        """SQL that rows of a table (its alias) must meet, with its parameters; empty when all do."""
        parts: list[str] = []
        values: list[str | float] = []
        if self.videos is not None:
            whole = f"{row}.video IN ({','.join('?' * len(self.videos))})"
            values += self.videos
            for video, span in self.parts:
                whole += f" OR ({row}.video = ? AND {row}.start_s < ? AND {row}.end_s >= ?)"
                values += [video, _beyond(span), span.start]
            parts.append(f"({whole})")
        if self.between is not None:
            parts.append(f"{row}.start_s < ? AND {row}.end_s >= ?")
            values += [_beyond(self.between), self.between.start]
        return " AND ".join(parts), values


def _beyond(span: Span) -> float:
    """The end of a span; of a moment, the time right behind it, since it keeps what it lies in."""
    return max(span.end, float(np.nextafter(span.start, np.inf)))


@dataclass(slots=True)
class _Row:
    """One row of a ranking: the clip it points to, its text (None for pictures), and its raw score."""

    clip: int
    video: str
    start: float
    end: float
    text: int | None
    score: float


@dataclass(slots=True)
class _Candidate:
    row: _Row
    score: float = 0.0
    channels: dict[str, float] = field(default_factory=dict)
    texts: dict[int, float] = field(default_factory=dict)
    similarity: dict[int, float] = field(default_factory=dict)


def scope_of(
    channels: str | Sequence[str] | None,
    videos: Sequence[str] | None,
    between: Span | Sequence[float] | None,
) -> Scope:
    """The scope that a caller's arguments mean."""
    if channels is not None:
        channels = channel_names(channels)
        for channel in channels:
            require_name("channel", channel, (*CHANNELS, OBJECTS, SUMMARY))
    return Scope(channels, None if videos is None else tuple(videos), span_of(between))


def timeline_scope(
    channels: str | Sequence[str] | None, records: Iterable[VideoRecord], between: TimelineSpan
) -> Scope:
    """The scope of what some videos recorded in a span of a timeline."""
    found = [(record, span) for record in records if (span := between.in_video(record)) is not None]
    if len(found) == 1:
        return scope_of(channels, [found[0][0].id], found[0][1])
    parts = tuple((record.id, span) for record, span in found if span != record.span)
    inside = [record.id for record, span in found if span == record.span]
    return replace(scope_of(channels, inside, None), parts=parts)


def dated(hits: Iterable[Hit], records: Iterable[VideoRecord], between: TimelineSpan | None = None) -> list[Hit]:
    """The hits with their spans on the timeline's clock; with `between` only those that overlap it."""
    of = {record.id: record for record in records}
    found = []
    for hit in hits:
        on = timeline_span(of[hit.video], hit.span) if hit.video in of else None
        if between is None or (on is not None and on.start < between.end and on.end > between.start):
            found.append(hit if on is None else replace(hit, recorded=Span(on.start, on.end)))
    return found


def channel_names(channels: str | Sequence[str]) -> tuple[str, ...]:
    """Channels as they are named in a call; a single name is one channel."""
    if isinstance(channels, str):
        return (channels,)
    if not isinstance(channels, Iterable):
        raise ValueError(f"channels is {channels!r}: give names of channels, or one of these.")
    return tuple(channels)


def span_of(between: Span | Sequence[float] | None) -> Span | None:
    """A span as callers give it: as such, or as its start and end in seconds."""
    if between is None or isinstance(between, Span):
        return between
    try:
        start, end = between
        return Span(float(start), float(end))
    except (TypeError, ValueError):
        raise ValueError(f"between is {between!r}: give a Span, or its start and end in seconds.") from None


def _count(k: int) -> int:
    if isinstance(k, bool) or not isinstance(k, int | np.integer) or k < 1:
        raise ValueError(f"k is {k!r}: give how many at most, a whole number from 1 on.")
    return int(k)


def _vector(vector: np.ndarray) -> np.ndarray:
    try:
        found = np.asarray(vector, np.float32)
    except (TypeError, ValueError):
        found = np.empty((0, 0), np.float32)
    if found.ndim != 1 or not len(found) or not np.isfinite(found).all():
        raise ValueError("vector is to be one row of finite numbers [dim].")
    return found


class Searcher:
    """Searches one memory; keeps its indexes open and follows what other processes add.

    Args:
        store: the database.
        encoders: of queries.
        index: the name of the kind of index.

    Raises:
        CapabilityError: if there is no such kind of index.
    """

    def __init__(self, store: Store, encoders: Encoders, index: str = USUAL) -> None:
        self._kind = index
        self._open_index = opener(index)
        self._store = store
        self._encoders = encoders
        self._lock = threading.RLock()
        self._indexes: dict[int, VectorIndex] = {}
        self._spaces: list[Space] = []
        self._version: tuple[int, int] | None = None
        self._stemmer = Stemmer()
        self._vocabulary: tuple[tuple[int, int], Vocabulary] | None = None

    def search(
        self, query: str | np.ndarray, scope: Scope, *, level: str = CLIP, k: int = 8, vector: np.ndarray | None = None
    ) -> list[Hit]:
        """The best clips of a level for words, or for a picture [H, W, 3] uint8 RGB; see `ClipMemory.search`."""
        require_name("level", level, LEVELS)
        k = min(_count(k), _MOST)
        vector = None if vector is None else _vector(vector)
        with self._lock:
            self._follow()
            if isinstance(query, str):
                queries, silent = self._dense_queries(query, scope, level, vector)
                expression = match_expression(query) if query else ""
            else:
                queries, expression, silent = self._alike(query, scope, level), "", set()
            channels = [c for c in self._text_channels(scope, level) if c not in silent] if expression else []
            depth = max(_DEPTH, 4 * k)
            if len(queries) + len(channels) == 1:
                # Nothing to fuse; and a clip has one picture vector, but may have many texts.
                depth = k if queries and queries[0][0] == "visual" and level == CLIP else 4 * k
            rankings = {channel: self._dense(space, v, depth, scope, level) for channel, space, v in queries}
        near = self._near(str(query)) if channels else ""
        for channel in channels:
            rankings[f"{channel}.bm25"] = self._lexical(expression, channel, depth, scope, level)
            if near:
                rankings[f"{channel}.fuzzy"] = self._lexical(near, channel, depth, scope, level)
        if isinstance(query, str) and vector is None:
            self._drop_unrelated(rankings)
        best = _fuse(rankings)[:k]
        return self._hits(best, level)

    def index(self, space: Space) -> VectorIndex:
        """The index of a space, opened when first asked for and caught up with the database."""
        with self._lock:
            index = self._indexes.get(space.id)
            if index is None:
                index = self._indexes[space.id] = self._open_index(self._store, space)
            index.refresh(space)
            return index

    def save_behind(self) -> None:
        """Write the index files that lack more than is read back in no time; the caller holds the writer lock."""
        with self._lock:
            for space in self._store.spaces():
                index = self.index(space)
                if index.behind > _FRESH * len(index):
                    index.save()

    def forget_deleted(self) -> None:
        """Write the index files anew, without rows that were deleted; the caller holds the writer lock."""
        with self._lock:
            for space in self._store.spaces():
                index = self.index(space)
                if len(index):
                    index.save()
                else:
                    index.delete()
            remove_others(self._store.folder, self._kind)

    def _follow(self) -> None:
        version = self._store.version()
        if version != self._version:
            self._spaces = self._store.spaces()
            for space in self._spaces:
                if space.id in self._indexes:
                    self._indexes[space.id].refresh(space)
            self._version = version

    # Rankings

    def _dense_queries(
        self, query: str, scope: Scope, level: str, vector: np.ndarray | None
    ) -> tuple[list[tuple[str, Space, np.ndarray]], set[str]]:
        """The spaces to search, each with the query's vector in it, and channels to which the query says nothing."""
        silent: set[str] = set()
        if vector is None and not query.strip():
            return [], silent
        by_channel: dict[str, list[Space]] = {}
        for space in self._spaces:
            if _in_scope(space.channel, scope, level):
                by_channel.setdefault(space.channel, []).append(space)
        queries: list[tuple[str, Space, np.ndarray]] = []
        of_text: np.ndarray | None = None
        if vector is not None:
            fitting = [space for space in sum(by_channel.values(), []) if space.dim == len(vector)]
            return [(space.channel, space, vector) for space in fitting], silent
        for channel, spaces in by_channel.items():
            encoder = self._encoders.visual if channel == "visual" else self._encoders.text
            own = [space for space in spaces if space.stamp == encoder.stamp]
            if channel == "visual":
                query_vector = self._encoders.visual.encode_query(query) if own else None
                if own and query_vector is None:
                    # Its descriptions ("still", "some red") must not answer words that mean something else.
                    silent.add(channel)
            else:
                of_text = self._encoders.text.encode([query])[0] if own and of_text is None else of_text
                query_vector = of_text
            if query_vector is not None and query_vector.any():
                queries += [(channel, space, query_vector) for space in own]
        return queries, silent

    def _alike(self, picture: np.ndarray, scope: Scope, level: str) -> list[tuple[str, Space, np.ndarray]]:
        """The spaces of pictures by this encoder, with the picture's own vector."""
        encoder = self._encoders.visual
        spaces = [space for space in self._spaces if space.channel == "visual" and space.stamp == encoder.stamp]
        spaces = [space for space in spaces if _in_scope("visual", scope, level)]
        if not spaces:
            return []
        (vector,) = encoder.encode_frames([Frame(0.0, picture)])
        return [("visual", space, vector) for space in spaces]

    def _drop_unrelated(self, rankings: dict[str, list[_Row]]) -> None:
        """Leave out rows whose meaning is farther from the query than the encoder's floor, unless words match.

        Of many rows some are near any query: where not even the best is clearly near, and no word matches, none counts.
        """
        dense = [name for name in rankings if name != "visual" and "." not in name]
        least = floor(self._encoders.text) if dense else None
        if least is None:
            return
        matched = {row.text for name, rows in rankings.items() if "." in name for row in rows}
        best = max((row.score for name in dense for row in rankings[name]), default=0.0)
        if not matched and best < (best_floor(self._encoders.text) or least):
            least = float("inf")
        for name in dense:
            rankings[name] = [row for row in rankings[name] if row.score >= least or row.text in matched]

    def _near(self, query: str) -> str:
        """An FTS5 query for words of the memory that are spelt nearly as those of the question; may be empty."""
        asked = words(query)
        version = self._store.version()
        if self._vocabulary is None or self._vocabulary[0] != version:
            self._vocabulary = version, Vocabulary(self._store.vocabulary())
        stems = self._stemmer.stems(asked)
        pairs = self._stemmer.stems([first + second for first, second in pairwise(asked)])
        return " OR ".join(f'"{term}"' for term in self._vocabulary[1].near(stems, pairs))

    def _text_channels(self, scope: Scope, level: str) -> list[str]:
        if scope.channels is not None:
            return list(dict.fromkeys(scope.channels))
        rows = self._store.rows("SELECT DISTINCT channel FROM channels")
        names = {row[0] for row in rows} | {space.channel for space in self._spaces}
        return sorted(name for name in names if _in_scope(name, scope, level))

    def _dense(self, space: Space, vector: np.ndarray, depth: int, scope: Scope, level: str) -> list[_Row]:
        index = self._indexes.get(space.id) or self.index(space)
        condition, values = scope.condition("v")
        allowed = None
        if condition:
            query = f"SELECT v.id FROM vectors v WHERE v.space = ? AND {condition}"
            allowed = np.array([row[0] for row in self._store.rows(query, (space.id, *values))], np.int64)
        ids, scores = index.search(vector, min(depth, len(index)), allowed)
        if not len(ids):
            return []
        raw = dict(zip(ids.tolist(), scores.tolist(), strict=True))
        asked = (level, *scope.bounds, json.dumps(list(raw)))
        rows = self._store.rows(_rows_of(space.channel if space.channel in _STILL else ""), asked)
        ranked = [_Row(clip, video, start, end, text, raw[id_]) for id_, clip, video, start, end, text in rows]
        ranked.sort(key=lambda row: -row.score)
        return self._of_level(ranked, level) if space.channel == SUMMARY else ranked

    def _lexical(self, expression: str, channel: str, depth: int, scope: Scope, level: str) -> list[_Row]:
        condition, values = scope.condition("t")
        rows = self._store.rows(
            "SELECT c.id, c.video, c.start_s, c.end_s, t.id, -words.rank FROM words JOIN texts t ON t.id = words.rowid "
            f"JOIN clips c ON c.id = {_clip_of('t', channel)} WHERE words MATCH ?4 AND t.channel = ?5 "
            f"{'AND ' + condition if condition else ''} ORDER BY words.rank, t.id LIMIT {depth}",
            (level, *scope.bounds, expression, channel, *values),
        )
        ranked = [_Row(*row) for row in rows]
        return self._of_level(ranked, level) if channel == SUMMARY else ranked

    def _of_level(self, rows: list[_Row], level: str) -> list[_Row]:
        """Only gists of the asked level: the gist of a day says nothing of one chapter in it."""
        texts = self._store.texts_by_id(row.text for row in rows if row.text is not None)
        return [
            row for row in rows if row.text is not None and row.text in texts and texts[row.text].data["level"] == level
        ]

    # Hits

    def _hits(self, best: Sequence[_Candidate], level: str) -> list[Hit]:
        ids = [id_ for candidate in best for id_ in candidate.texts]
        texts = self._store.texts_by_id(ids) if ids else {}
        hits = []
        for candidate in best:
            row = candidate.row
            ranked = sorted(candidate.texts, key=lambda id_: -candidate.texts[id_])
            found: list[Text] = [texts[id_] for id_ in ranked if id_ in texts]
            span = Span(row.start, row.end)
            hits.append(
                Hit(row.video, span, level, candidate.score, candidate.channels, tuple(found), candidate.similarity)
            )
        return hits


def _in_scope(channel: str, scope: Scope, level: str) -> bool:
    if scope.channels is not None:
        return channel in scope.channels
    return channel != SUMMARY or level != CLIP


def _fuse(rankings: dict[str, list[_Row]]) -> list[_Candidate]:
    """Reciprocal rank fusion of rankings of clips; a clip counts once in each ranking, by its best row."""
    candidates: dict[int, _Candidate] = {}
    for name, rows in rankings.items():
        weight = _NEAR if name.endswith(".fuzzy") else 1.0
        rank = 0
        for position, row in enumerate(rows):
            candidate = candidates.get(row.clip)
            if candidate is None:
                candidate = candidates[row.clip] = _Candidate(row)
            if name not in candidate.channels:
                rank += 1
                candidate.score += weight / (_RRF + rank)
                candidate.channels[name] = row.score
            if row.text is not None:
                candidate.texts[row.text] = candidate.texts.get(row.text, 0.0) + weight / (_RRF + position)
                if "." not in name:
                    candidate.similarity[row.text] = row.score
    return sorted(candidates.values(), key=lambda one: (-one.score, one.row.video, one.row.start))
