"""The summaries of a timeline: hours made of texts, days of hours, weeks of days; each kept while its words stay."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

from ..span import Span
from ..store import schema
from ..store.database import Store
from ..types import SUMMARY, TIMELINE_LEVELS, Summary
from .calendar import Calendar, Footage, levels_below
from .extract import EXTRACTIVE, Row, digest, digest_of_rows, lines_of_hour, lines_of_parts, written
from .view import LevelsView

_TOLD = 60  # utterances of an hour that a model is told at most


class Summarizer(Protocol):
    """A model that writes summaries."""

    @property
    def name(self) -> str:
        """Its name, kept with what it writes."""

    def summarize(self, title: str, lines: Sequence[str]) -> str:
        """Return a summary of what was said and shown in a stretch (`title`), line by line, in order of time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tree:
    """The summaries of one timeline, as a view of a memory knows its words.

    A stored summary is taken where it was made of the very same words; any other is made anew. So a view that ends at
    some moment never shows a summary that knows more.
    """

    view: LevelsView
    store: Store
    calendar: Calendar
    rows_change: bool
    """Whether the view's texts are the stored rows themselves, whose ids tell whether anything changed."""
    summarizer: Summarizer | None = None
    """Writes those that are stale, or were written by another; None: extractive, and what a model wrote stays."""

    def nodes(self, level: str, between: Span | None = None) -> list[Summary]:
        """Return the summaries of a level in order of time; `between` (seconds of the clock) keeps what overlaps it."""
        kept = _stored(self.store, self.calendar)
        return [
            self._node(level, window, footage, kept)
            for window, footage in self.calendar.windows(level, between).items()
        ]

    def _node(
        self, level: str, window: Span, footage: Sequence[Footage], kept: dict[tuple[str, float], Summary]
    ) -> Summary:
        before = kept.get((level, window.start))
        made = self._hour(window, footage, before) if level == "hour" else self._sum(level, window, before, kept)
        return replace(made, parts=tuple(one.uri(window) for one in footage))

    def _hour(self, window: Span, footage: Sequence[Footage], before: Summary | None) -> Summary:
        sources = tuple(self._rows_of(one, window) for one in footage) if self.rows_change else ()
        if before is not None and self._written_right(before) and self.rows_change and before.sources == sources:
            return before
        rows = [row for one in footage for row in self._texts(one, window)]
        words = digest_of_rows(rows, footage)
        if before is not None and self._written_right(before) and before.digest == words:
            return replace(before, sources=sources)
        lines = lines_of_hour(rows, footage)
        return self._made("hour", window, lines, sources, words, lambda: _told(self.calendar, rows, footage))

    def _sum(self, level: str, window: Span, before: Summary | None, kept: dict[tuple[str, float], Summary]) -> Summary:
        below = levels_below(level)
        parts = [
            self._node(below, part, footage, kept) for part, footage in self.calendar.windows(below, window).items()
        ]
        sources = tuple([part.start, part.digest] for part in parts)
        words = digest([[part.start, part.digest, part.text] for part in parts])
        if before is not None and self._written_right(before) and before.digest == words:
            return before

        def told() -> list[str]:
            return [f"{self.calendar.title(below, part.span)}: {part.text}" for part in parts if part.text]

        return self._made(level, window, lines_of_parts(level, parts), sources, words, told)

    def _made(
        self,
        level: str,
        window: Span,
        lines: dict[str, Any],
        sources: tuple[Any, ...],
        words: str,
        told: Callable[[], list[str]],
    ) -> Summary:
        text, maker = written(self.calendar, level, lines), EXTRACTIVE
        if self.summarizer is not None:
            maker = self.summarizer.name
            said = told() if text else []
            text = self.summarizer.summarize(self.calendar.title(level, window), said).strip() if said else ""
        return Summary(
            timeline=self.calendar.timeline, level=level, start=window.start, end=window.end, zone=self.calendar.zone,
            text=text, lines=lines, sources=sources, digest=words, maker=maker,
        )  # fmt: skip

    def _written_right(self, before: Summary) -> bool:
        return self.summarizer is None or before.maker == self.summarizer.name

    def _rows_of(self, one: Footage, window: Span) -> list[Any]:
        """What tells whether the texts of a part changed: rows are never altered, and ids never used again."""
        start, end = self._bounds(one, window)
        ((count, total),) = self.store.rows(
            "SELECT count(*), coalesce(sum(id), 0) FROM texts WHERE video = ? AND start_s >= ? AND start_s < ?",
            (one.record.id, start, end),
        )
        return [one.record.id, one.record.recorded, count, total]

    def _texts(self, one: Footage, window: Span) -> Iterable[Row]:
        start, end = self._bounds(one, window)
        for text in self.view.texts(one.record.id, between=Span(start, end)):
            if start <= text.start < end and text.channel != SUMMARY:
                yield one, text

    @staticmethod
    def _bounds(one: Footage, window: Span) -> tuple[float, float]:
        """The part of a video in a window, in its own seconds; words a little before its start belong to it too."""
        span = one.uri(window).span
        assert span is not None
        slack = 60.0
        return (
            span.start - slack * (one.span.start >= window.start),
            span.end + slack * (one.span.end <= window.end),
        )


def renew(tree: Tree, between: Span | None = None, progress: Callable[[Summary], None] | None = None) -> int:
    """Make what is missing or stale, and store it; returns how many were made. The caller holds the writer lock.

    Args:
        tree: of one timeline.
        between: only what overlaps this stretch, in seconds of its clock.
        progress: called with each one that was made.
    """
    count = 0
    for level in TIMELINE_LEVELS:
        kept = _stored(tree.store, tree.calendar)
        for window, footage in tree.calendar.windows(level, between).items():
            made = tree._node(level, window, footage, kept)
            before = kept.get((level, window.start))
            if before is not None and (before.digest, before.sources, before.text, before.maker) == (
                made.digest, made.sources, made.text, made.maker,
            ):  # fmt: skip
                continue
            _put(tree.store, made)
            kept[level, window.start] = made
            count += 1
            if progress is not None:
                progress(made)
    return count


def has_table(store: Store, name: str) -> bool:
    """Return whether a memory has one of the tables that are made when first written."""
    return bool(store.rows("SELECT 1 FROM sqlite_master WHERE name = ?", (name,)))


def _stored(store: Store, calendar: Calendar) -> dict[tuple[str, float], Summary]:
    if not has_table(store, "summaries"):
        return {}
    rows = store.rows(
        "SELECT level, start_s, end_s, text, lines, sources, digest, maker FROM summaries WHERE timeline = ?",
        (calendar.timeline,),
    )
    return {
        (level, start): Summary(
            timeline=calendar.timeline, level=level, start=start, end=end, zone=calendar.zone, text=text,
            lines=json.loads(lines), sources=tuple(json.loads(sources)), digest=words, maker=maker,
        )
        for level, start, end, text, lines, sources, words, maker in rows
    }  # fmt: skip


def _put(store: Store, made: Summary) -> None:
    with store.transaction() as db:
        db.execute(schema.SUMMARIES)
        db.execute(
            "INSERT OR REPLACE INTO summaries VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (made.timeline, made.level, made.start, made.end, made.text, json.dumps(made.lines, ensure_ascii=False),
             json.dumps(made.sources), made.digest, made.maker),
        )  # fmt: skip


def _told(calendar: Calendar, rows: Sequence[Row], footage: Sequence[Footage]) -> list[str]:
    """What a model reads of an hour: the most telling utterances and texts, each with its time, in order."""
    lines = lines_of_hour(rows, footage, most=_TOLD)
    timed = [(at, f"said: {text}") for at, _, text in lines["speech"]]
    timed += [(at, f"on screen: {text}") for at, text, _ in lines["screen_text"]]
    told = [f"{calendar.time_of_day(at)} {text}" for at, text in sorted(timed)]
    if lines["objects"]:
        told.append(f"seen: {', '.join(lines['objects'])}")
    return told
