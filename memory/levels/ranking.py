"""Ranks hours, days and weeks for a query: each by the words of its summary and by the clips that lie in it."""

from __future__ import annotations

import sqlite3
import threading
from collections import defaultdict
from collections.abc import Sequence

from ..span import Span, merge_spans
from ..store.full_text import indexed_form, match_expression
from ..store.schema import TOKENIZER
from ..types import SUMMARY, Hit, Summary, Text
from .calendar import Calendar

_OWN = 0.5  # weight of the summary's words (a share of the best BM25) beside the reciprocal rank of the best clip
_MORE = 0.1  # weight of the reciprocal ranks of the further clips
_TEXTS = 8  # matching texts of one node


class NodeIndex:
    """A full-text index of summaries, in memory: there are few, whatever was recorded."""

    def __init__(self, nodes: Sequence[Summary]) -> None:
        self._lock = threading.Lock()
        self._starts = [node.start for node in nodes]
        self._index = sqlite3.connect(":memory:", check_same_thread=False)
        self._index.execute(f'CREATE VIRTUAL TABLE summaries USING fts5 (text, tokenize = "{TOKENIZER}")')
        rows = [(number, indexed_form(node.text)) for number, node in enumerate(nodes)]
        self._index.executemany("INSERT INTO summaries (rowid, text) VALUES (?, ?)", rows)

    def scores(self, query: str) -> dict[float, float]:
        """Return the BM25 score (0 and up) of each summary that has words of a query, by its start."""
        expression = match_expression(query)
        if not expression:
            return {}
        with self._lock:
            rows = self._index.execute(
                "SELECT rowid, -rank FROM summaries WHERE summaries MATCH ?", (expression,)
            ).fetchall()
        return {self._starts[number]: score for number, score in rows}


def ranked(
    calendar: Calendar,
    nodes: Sequence[Summary],
    clips: Sequence[Hit],
    own: dict[float, float],
) -> list[Hit]:
    """Return the nodes that match, best first.

    The score of a node is the reciprocal rank of its best clip, and half of its own text's BM25 as a share of the best
    one: the node of the best clip is among the first, whatever the summaries left out.

    Args:
        calendar: of their timeline.
        nodes: of one level.
        clips: that match, best first.
        own: BM25 scores of the nodes' own texts by their starts.
    """
    records = {one.record.id: one.record for one in calendar.footage}
    inside: dict[float, list[Hit]] = defaultdict(list)
    weights: dict[float, list[float]] = defaultdict(list)
    level = nodes[0].level
    for rank, clip in enumerate(clips, 1):
        moment = records[clip.video].timeline_time(clip.span.middle)
        if moment is not None:
            window = calendar.window(level, moment)
            inside[window.start].append(clip)
            weights[window.start].append(1 / rank)
    best_own = max(own.values(), default=1.0) or 1.0
    hits = []
    for node in nodes:
        found, words = inside.get(node.start, []), own.get(node.start, 0.0)
        if found or words:
            ranks = weights.get(node.start, [0.0])
            score = ranks[0] + _OWN * words / best_own + _MORE * sum(ranks[1:])
            hits.append(_hit(node, score, found, words))
    return sorted(hits, key=lambda hit: (-hit.score, hit.node.start if hit.node else 0.0))


def _hit(node: Summary, score: float, clips: Sequence[Hit], words: float) -> Hit:
    video = clips[0].video if clips else node.parts[0].video
    spans = [part.span for part in node.parts if part.video == video and part.span is not None]
    whole = merge_spans(spans)
    span = Span(whole[0].start, whole[-1].end) if whole else clips[0].span
    channels = dict(clips[0].channels) if clips else {}
    if words:
        channels[f"{SUMMARY}.bm25"] = words
    texts: dict[tuple[str, int], Text] = {}
    for clip in clips:
        for text in clip.texts:
            texts.setdefault((text.video, text.id), text)
    similarity = {id_: value for clip in clips for id_, value in clip.similarity.items()}
    return Hit(video, span, node.level, score, channels, tuple(texts.values())[:_TEXTS], similarity, node)
