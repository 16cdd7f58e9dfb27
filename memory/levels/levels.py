"""The levels of a memory's timelines as one view of it knows them: summaries, a search over them, and habits."""

from __future__ import annotations

import json
import math
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from ..errors import VideoError
from ..registry import require_name
from ..span import MediaURI, Span
from ..store import schema
from ..store.database import Store
from ..timeline.interval import TimelineSpan
from ..types import SUMMARY, TIMELINE_LEVELS, Hit, Summary, Text
from .calendar import Calendar, Footage, calendars
from .extract import digest
from .habits import Acts, Habit, Source, days_before, habits_of
from .matching import counted, matching, topic
from .ranking import NodeIndex, ranked
from .tree import Summarizer, Tree, has_table, renew
from .view import LevelsView


class Levels:
    """Hours, days and weeks over all videos of a timeline that know when they were recorded.

    One serves one state of the memory: what it makes is kept, and must be what the view knows.

    Args:
        view: what may be known.
        store: the stored summaries; those that were made of just what the view knows are taken.
        rows_change: whether the view's texts are the stored rows themselves.
        videos: of these alone, as if no other had been recorded; None: of all.
    """

    def __init__(
        self, view: LevelsView, store: Store, *, rows_change: bool, videos: frozenset[str] | None = None
    ) -> None:
        self._view = view
        self._store = store
        self._rows_change = rows_change
        self._lock = threading.RLock()
        self._nodes: dict[tuple[str, str], list[Summary]] = {}
        self._indexes: dict[tuple[str, str], NodeIndex] = {}
        self._habits: dict[str, list[Habit]] = {}
        self.calendars: dict[str, Calendar] = calendars(
            record for record in view.videos() if videos is None or record.id in videos
        )
        """The calendar of each timeline of which some video knows when it was recorded."""

    def summaries(self, level: str, between: Span | None = None, *, timeline: str | None = None) -> list[Summary]:
        """Return the summaries of a level (`hour`, `day`, `week`), timeline by timeline, in order of time.

        Args:
            level: which.
            between: only what overlaps this stretch, in seconds of the timeline's clock.
            timeline: only of this one.

        Raises:
            ValueError: if there is no such level.
        """
        require_name("level", level, TIMELINE_LEVELS)
        return [
            node
            for name in self.calendars
            if timeline in (None, name)
            for node in self._all(name, level)
            if between is None or (node.start < between.end and node.end > between.start)
        ]

    def _all(self, timeline: str, level: str) -> list[Summary]:
        with self._lock:
            if (timeline, level) not in self._nodes:
                self._nodes[timeline, level] = self._tree(timeline).nodes(level)
            return self._nodes[timeline, level]

    def _tree(self, timeline: str, summarizer: Summarizer | None = None) -> Tree:
        return Tree(
            view=self._view,
            store=self._store,
            calendar=self.calendars[timeline],
            rows_change=self._rows_change,
            summarizer=summarizer,
        )

    def search(
        self,
        query: Any,
        *,
        level: str,
        undated: Callable[[tuple[str, ...]], list[Hit]],
        channels: Sequence[str] | None = None,
        videos: Sequence[str] | None = None,
        between: Span | TimelineSpan | None = None,
        k: int = 8,
        vector: np.ndarray | None = None,
    ) -> list[Hit]:
        """Return the hours, days or weeks that answer a query best: by their summaries, and by the clips in them.

        A summary leaves most words out, so the best clip of a node counts more than its own text; see
        `ranking.ranked`. The arguments are those of `ClipMemory.search`; `undated` searches the levels of videos that
        lie on no clock, which a span of a timeline leaves out.
        """
        names = [record.id for record in self._view.videos()] if videos is None else list(videos)
        dated = {one.record.id for calendar in self.calendars.values() for one in calendar.footage}
        others = tuple(name for name in names if name not in dated)
        on_clock = between if isinstance(between, TimelineSpan) else None
        found = undated(others) if others and on_clock is None else []
        if others and len(others) < len(names):  # scores of both kinds as shares of the best
            best = max((hit.score for hit in found), default=1.0)
            found = [replace(hit, score=hit.score / best) for hit in found]
        below = tuple(channel for channel in channels if channel != SUMMARY) if channels is not None else None
        written = isinstance(query, str) and bool(query.strip()) and (channels is None or SUMMARY in channels)
        for timeline, calendar in self.calendars.items():
            if on_clock is not None and on_clock.timeline != timeline:
                continue
            ids = [one.record.id for one in calendar.footage]
            nodes = [node for node in self.summaries(level, timeline=timeline) if _lies_in(node, between)]
            if not nodes:
                continue
            clips: list[Hit] = []
            if below != ():
                clips = self._view.search(query, channels=below, videos=ids, between=between, k=_CLIPS, vector=vector)
            own = self._index(timeline, level).scores(str(query)) if written else {}
            found += ranked(calendar, nodes, clips, own)
        return sorted(found, key=lambda hit: -hit.score)[:k]

    def _index(self, timeline: str, level: str) -> NodeIndex:
        with self._lock:
            if (timeline, level) not in self._indexes:
                self._indexes[timeline, level] = NodeIndex(self._all(timeline, level))
            return self._indexes[timeline, level]

    def habits(self, timeline: str) -> list[Habit]:
        """Return what recurs on a timeline, on the days that are over, most days first; see `levels.habits`.

        Raises:
            VideoError: if nothing is known to have been recorded on that timeline.
        """
        calendar = self.calendars.get(timeline)
        if calendar is None:
            raise VideoError(f"Nobody knows when the videos of the timeline {timeline} were recorded.")
        with self._lock:
            if timeline not in self._habits:
                kept = self._kept_habits(timeline)
                self._habits[timeline] = self._made_habits(timeline) if kept is None else kept
            return self._habits[timeline]

    def habits_about(self, query: str, k: int = 3) -> list[tuple[Calendar, Habit]]:
        """Return the habits that a question means, best first, at most `k` of each timeline.

        Where nothing that it asks for comes at one time of day, the days on which it was met at all are counted.
        """
        acts = Acts()
        found: list[tuple[Calendar, Habit]] = []
        for timeline, calendar in self.calendars.items():
            habits = matching(query, self.habits(timeline), acts)[:k]
            if not habits and (asked := topic(query, acts)):
                ids = [one.record.id for one in calendar.footage]
                hits = self._view.search(" ".join(asked), videos=ids, k=_MET)
                days = days_before(calendar, self._until(timeline))
                one = counted(query, hits, days, calendar, acts)
                habits = [] if one is None else [one]
            found += [(calendar, habit) for habit in habits]
        return found

    def _made_habits(self, timeline: str) -> list[Habit]:
        return habits_of(self.calendars[timeline], self._until(timeline), self._texts)

    def _texts(self, window: Span, footage: Sequence[Footage]) -> Iterator[tuple[Footage, Text]]:
        for one in footage:
            span = one.uri(window).span
            assert span is not None
            for text in self._view.texts(one.record.id, between=span):
                if span.start <= text.start < span.end and text.channel not in (SUMMARY, "visual"):
                    yield one, text

    def _until(self, timeline: str) -> float:
        """The second of the timeline's clock from which on nothing is known; infinity without a limit."""
        ends = (one.record.timeline_time(self._view.now_of(one.record.id)) for one in self.calendars[timeline].footage)
        return max((end for end in ends if end is not None), default=-math.inf)

    def _habits_digest(self, timeline: str) -> str:
        until = self._until(timeline)
        days = [day for day in self._all(timeline, "day") if day.end <= until]
        return digest([[day.start, day.digest] for day in days])

    def _kept_habits(self, timeline: str) -> list[Habit] | None:
        """The stored habits, if they were made of the very days that are known."""
        if not has_table(self._store, "habits"):
            return None
        rows = self._store.rows("SELECT data, digest FROM habits WHERE timeline = ? ORDER BY rowid", (timeline,))
        if not rows or rows[0][1] != self._habits_digest(timeline):
            return None
        return [_habit(json.loads(data)) for data, _ in rows if data]

    # Writing: the caller holds the writer lock

    def renew(
        self,
        *,
        summarizer: Summarizer | None = None,
        between: Span | None = None,
        progress: Callable[[Summary], None] | None = None,
    ) -> int:
        """Make the summaries that are missing or stale, and store them; returns how many were made.

        Args:
            summarizer: writes them, those too that another one wrote; None makes only what is stale, extractive.
            between: only hours, days and weeks that overlap this stretch (seconds of the timeline's clock).
            progress: called with each one that was made.
        """
        return sum(renew(self._tree(name, summarizer), between, progress) for name in self.calendars)

    def forget_stale(self) -> None:
        """Drop the stored summaries and habits that tell of words which are not there any more.

        Nothing of a video that was removed stays; what is dropped is made again when it is asked for.
        """
        if has_table(self._store, "summaries"):
            fresh = {
                (node.timeline, level, node.start, node.digest)
                for level in TIMELINE_LEVELS
                for node in self.summaries(level)
            }
            rows = self._store.rows("SELECT timeline, level, start_s, digest FROM summaries")
            stale = [row[:3] for row in rows if row not in fresh]
            with self._store.transaction() as db:
                db.executemany("DELETE FROM summaries WHERE timeline = ? AND level = ? AND start_s = ?", stale)
        if has_table(self._store, "habits"):
            rows = self._store.rows("SELECT DISTINCT timeline FROM habits")
            with self._store.transaction() as db:
                for (timeline,) in rows:
                    if timeline not in self.calendars or self._kept_habits(timeline) is None:
                        db.execute("DELETE FROM habits WHERE timeline = ?", (timeline,))

    def renew_habits(self) -> None:
        """Store the habits of each timeline with what they were made from, where the days changed."""
        for timeline in self.calendars:
            if self._kept_habits(timeline) is None:
                words = self._habits_digest(timeline)
                rows = [(timeline, habit.text, json.dumps(_row(habit)), words) for habit in self.habits(timeline)]
                with self._store.transaction() as db:
                    db.execute(schema.HABITS)
                    db.execute("DELETE FROM habits WHERE timeline = ?", (timeline,))
                    # A row without data says that there are none.
                    db.executemany("INSERT INTO habits VALUES (?, ?, ?, ?)", rows or [(timeline, "", "", words)])


def _lies_in(node: Summary, between: Span | TimelineSpan | None) -> bool:
    """Return whether a node overlaps a span of its timeline, or has a part that overlaps a span of its own video."""
    if isinstance(between, TimelineSpan):
        return node.start < between.end and node.end > between.start
    return any(part.span is not None and (between is None or part.span.overlap(between) > 0) for part in node.parts)


_MET = 200  # clips that are searched, where days are counted
_CLIPS = 64  # clips that are searched for, to find hours, days and weeks by


def _row(habit: Habit) -> dict[str, Any]:
    sources = [[str(one.uri), one.moment, one.text, one.channel] for one in habit.sources]
    return {"text": habit.text, "words": list(habit.words), "time": habit.time, "days": list(habit.days),
            "of": habit.of, "sources": sources}  # fmt: skip


def _habit(row: dict[str, Any]) -> Habit:
    sources: Iterable[list[Any]] = row["sources"]
    return Habit(
        text=row["text"], words=tuple(row["words"]), time=row["time"], days=tuple(row["days"]), of=row["of"],
        sources=tuple(Source(MediaURI.parse(uri), moment, text, channel) for uri, moment, text, channel in sources),
    )  # fmt: skip
