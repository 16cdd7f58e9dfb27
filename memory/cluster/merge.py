"""Memories put together: what several processes made, as if one had made it.

A video is the same by its content. One that is new is taken over whole, in one transaction, so that a merge can be
killed and typed again. Of one that is there already, what is done stays, and the part gives what is not: units that
are still to do or failed and were cut and made alike, channels that are not there or of which nothing is done. What
was made in two ways stays as the memory has it, and a note says so.
"""

from __future__ import annotations

import math
import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

from ..clip_memory import ClipMemory
from ..errors import MemoryFolderError, MisuseError
from ..protocol import VideoInfo
from ..span import Span, merge_spans
from ..store import schema, units
from ..store.database import Store, free_id
from ..store.units import NewText
from ..types import CHANNELS, CLIP, OBJECTS, SUMMARY
from .copying import Copier

_OF_CLIPS = ("visual", "screen_text", OBJECTS)  # channels whose units are the clips
_NAMES = ("text_encoder", "visual_encoder", "detector", "transcriber", "vector_index")  # that a memory keeps

_Units = dict[tuple[float, float], tuple[int, str]]  # by span: id and status


@dataclass(slots=True)
class Merged:
    """The work of one merge, by ids of videos in the memory that it was made into."""

    added: list[str] = field(default_factory=list)
    """Videos that were new."""
    filled: list[str] = field(default_factory=list)
    """Videos that were there, to which something was added."""
    known: list[str] = field(default_factory=list)
    """Videos that were there, to which the parts had nothing to add."""
    notes: list[str] = field(default_factory=list)
    """Lines for people: what was made in two ways."""


def merge_memories(
    folder: str | Path, parts: Sequence[str | Path], *, progress: Callable[[str], None] | None = None
) -> Merged:
    """Put memories into one, which is made where it is not there. The parts are only read.

    What was merged before is not merged again: the same call goes on where it was stopped, and adds what the parts have
    got since.

    Args:
        folder: the memory to put them into.
        parts: folders of memories; of several that made a channel of a video in different ways, the first counts.
        progress: called with the name of each video, once it is taken over.

    Raises:
        MemoryFolderError: if a folder cannot be used, or a part is of another format.
        MisuseError: if there are no parts, or the memory is a part of itself.
        CapabilityError: if texts need vectors (those that another encoder made, summaries of videos that were put
            together of several parts), and the text encoder is not here; all else is kept.
    """
    folder = Path(folder).expanduser()
    opened = _opened(folder, [Path(part).expanduser() for part in parts])
    try:
        with ClipMemory(folder) as memory, memory.store.writing():
            _adopt(memory.store, opened[0])
        # Opened again, with the models that it has now.
        with ClipMemory(folder) as memory, memory.store.writing():
            merged = Merged()
            for part in opened:
                _merge_part(memory.store, part, merged, progress or (lambda name: None))
            _complete(memory)
            memory.searcher.save_behind()
    finally:
        for part in opened:
            part.close()
    merged.filled = [id_ for id_ in dict.fromkeys(merged.filled) if id_ not in merged.added]
    merged.known = [id_ for id_ in dict.fromkeys(merged.known) if id_ not in (*merged.added, *merged.filled)]
    return merged


def _opened(folder: Path, parts: Sequence[Path]) -> list[Store]:
    if not parts:
        raise MisuseError("There is nothing to merge: name the folders of memories.")
    opened: list[Store] = []
    try:
        for part in parts:
            if folder.exists() and part.exists() and folder.samefile(part):
                raise MisuseError(f"{part} is the memory that the parts are merged into: leave it out of the parts.")
            opened.append(Store(part, read_only=True))
            version = opened[-1].meta("schema_version")
            if int(version) != schema.VERSION:
                raise MemoryFolderError(
                    f"The memory at {part} is of format {version}, this rewatch merges format {schema.VERSION}: index "
                    "its videos again, or merge with the version that made it."
                )
    except BaseException:
        for store in opened:
            store.close()
        raise
    return opened


def _adopt(store: Store, part: Store) -> None:
    """Give a memory without videos the models that the part has by name."""
    if not store.records():
        for name in _NAMES:
            if part.meta(name) is not None:
                store.set_meta(name, part.meta(name))


def _merge_part(store: Store, part: Store, merged: Merged, progress: Callable[[str], None]) -> None:
    theirs, ours = part.meta("visual_encoder"), store.meta("visual_encoder")
    if theirs != ours:
        merged.notes.append(
            f"the pictures of {part.folder.name} were looked at by {theirs or 'the usual encoder'}, those of the "
            f"memory by {ours or 'the usual one'}: rewatch index --again visual FILE looks at them anew"
        )
    with part.reading() as source, store.transaction() as db:
        copier = Copier(source, db, part.meta("uid"))
        copier.copy_shared()
    for name, other in copier.renamed:
        merged.notes.append(
            f"{name} of {part.folder.name} is {other} here, since {name} is there already: merge them if they are one"
        )
    for theirs, content_id, name in part.rows("SELECT id, content_id, name FROM videos ORDER BY rowid"):
        with part.reading(), store.transaction() as db:
            ours = store.find_content(content_id)
            if ours is None:
                id_ = _take_over(copier, db, theirs, content_id)
                merged.added.append(id_)
            else:
                id_ = ours
                changed = _Fill(store, copier, theirs, id_, part.folder.name).run(merged.notes)
                (merged.filled if changed else merged.known).append(id_)
        progress(name)


def _take_over(copier: Copier, db: sqlite3.Connection, theirs: str, content_id: str) -> str:
    """Copy a video that the memory does not know, with every row that goes with it; returns its id there."""
    id_ = free_id(db, content_id)
    copier.begin(theirs, id_)
    copier.copy("videos", "id = ?", theirs, key=id_)
    for table in ("channels", "clips", "parts", "paths", "units"):
        copier.copy(table, "video = ?", theirs)
    copier.copy_followers(theirs, is_new=True)
    return id_


@dataclass(frozen=True, slots=True)
class _Cut:
    """How a video is cut into clips, and its bounds in seconds: the end of a recording that goes on moves."""

    clipping: str
    start: float
    end: float

    @classmethod
    def of(cls, db: sqlite3.Connection, video: str) -> _Cut:
        """Read it."""
        return cls(*db.execute("SELECT clipping, start_s, end_s FROM videos WHERE id = ?", (video,)).fetchone())

    def is_like(self, other: _Cut) -> bool:
        """Tell whether both have the same clips, as far as both go."""
        return (self.clipping, self.start) == (other.clipping, other.start)


class _Fill:
    """Gives a video of the memory what a part has more of it, inside a transaction."""

    def __init__(self, store: Store, copier: Copier, theirs: str, ours: str, name: str) -> None:
        self._store, self._copier, self._part = store, copier, name
        self._theirs, self._ours = theirs, ours
        self._source, self._db = copier.source, copier.target
        self._cut, self._their_cut = _Cut.of(self._db, ours), _Cut.of(self._source, theirs)
        copier.begin(theirs, ours)

    def run(self, notes: list[str]) -> bool:
        """Return whether anything was added; what was made in two ways is noted."""
        nothing_yet = not any(_done(_units(self._db, self._ours, channel)) for channel in _OF_CLIPS)
        alike = self._cut.is_like(self._their_cut)
        if self._their_cut.end > self._cut.end if alike else nothing_yet:
            self._take_cut()
        wanted: dict[str, list[int]] = {}
        ours, theirs = _channels(self._db, self._ours), _channels(self._source, self._theirs)
        for channel, stamp in theirs.items():
            if channel != SUMMARY:
                wanted[channel] = self._make_room(channel, stamp, ours.get(channel), notes)
        changes = self._db.total_changes
        self._ask()
        self._copier.copy("paths", "video = ?", self._theirs)
        for id_ in sum(wanted.values(), []):
            self._copier.copy("units", "id = ?", id_)
        self._copier.copy_followers(self._theirs, is_new=False)
        if any(wanted.values()):
            self._renew(theirs.get(SUMMARY, ""), [channel for channel, ids in wanted.items() if ids])
        return self._db.total_changes > changes

    def _take_cut(self) -> None:
        """Take the part's clips: nothing is done yet of those that are there, or the part has got on with them."""
        cut, self._cut = self._their_cut, self._their_cut
        db, video = self._db, self._ours
        for channel in _OF_CLIPS:
            kept = _units(self._source, self._theirs, channel)
            gone = [id_ for span, (id_, _) in _units(db, video, channel).items() if span not in kept]
            units.delete_units(db, gone)
        db.execute("DELETE FROM clips WHERE video = ? AND level = ?", (video, CLIP))
        self._copier.copy("clips", "video = ? AND level = ?", self._theirs, CLIP)
        facts = (cut.clipping, cut.start, cut.end, video)
        db.execute("UPDATE videos SET clipping = ?, start_s = ?, end_s = ? WHERE id = ?", facts)

    def _make_room(self, channel: str, stamp: str, before: str | None, notes: list[str]) -> list[int]:
        """Return the units of the part to be taken, after having deleted what they take the place of."""
        there, found = _units(self._db, self._ours, channel), _units(self._source, self._theirs, channel)
        of_clips = channel in _OF_CLIPS
        if _done(there) and before != stamp or of_clips and not self._cut.is_like(self._their_cut):
            if _done(found):
                (name,) = self._db.execute("SELECT name FROM videos WHERE id = ?", (self._ours,)).fetchone()
                why = f"by {stamp}" if before not in (None, stamp) else "over other clips"
                notes.append(f"{name}: {channel} was made {why} in {self._part}, and stays as the memory has it")
            return []
        if before != stamp:
            units.delete_units(self._db, [id_ for id_, _ in there.values()])
            there = {}
            self._db.execute("INSERT OR REPLACE INTO channels VALUES (?, ?, ?)", (self._ours, channel, stamp))
        elif of_clips and self._their_cut.end < self._cut.end:
            found = {span: unit for span, unit in found.items() if span in there}  # its last clip has grown since
        if not of_clips and there:
            found = {span: unit for span, unit in found.items() if unit[1] != "todo"}  # it may be cut up otherwise here
        better = [span for span, (_, status) in found.items() if _rank(status) > _rank(there.get(span, (0, ""))[1])]
        units.delete_units(self._db, [there[span][0] for span in better if span in there])
        if not of_clips and there:
            todo = {span: id_ for span, (id_, status) in there.items() if status == "todo" and span not in better}
            self._trim(channel, todo, [Span(*span) for span in better])
        return [found[span][0] for span in better]

    def _trim(self, channel: str, todo: dict[tuple[float, float], int], done: Sequence[Span]) -> None:
        """Leave to do of sound that is not cut up yet only what the part has not done."""
        covered = merge_spans(done)
        for (start, end), id_ in todo.items():
            inside = [span for span in covered if span.start < end and span.end > start]
            if inside:
                units.delete_units(self._db, [id_])
                edges = [start, *(edge for span in inside for edge in (span.start, span.end)), end]
                rests = [(a, b) for a, b in zip(edges[::2], edges[1::2], strict=True) if b - a > 1e-3]
                self._db.executemany(
                    "INSERT INTO units (video, channel, start_s, end_s) VALUES (?, ?, ?, ?)",
                    [(self._ours, channel, *rest) for rest in rests],
                )

    def _ask(self) -> None:
        """Ask for what either asks for; a video of which no part is named is asked for as a whole."""
        if units.parts(self._store, self._ours) is None:
            return
        named: list[Span | None] = [None]
        if self._source.execute("SELECT 1 FROM sqlite_master WHERE name = 'parts'").fetchone():
            query = "SELECT start_s, end_s FROM parts WHERE video = ?"
            named = [Span(*row) for row in self._source.execute(query, (self._theirs,))] or named
        for part in named:
            units.put_part(self._store, self._ours, part)

    def _renew(self, stamp: str, channels: Sequence[str]) -> None:
        """Make anew what was made of all units together."""
        from ..causal.screen_text import text_until

        store, db, video = self._store, self._db, self._ours
        db.execute("UPDATE videos SET checked = '' WHERE id = ?", (video,))
        (record,) = store.records(video)
        if "screen_text" in channels:
            blocks, _ = text_until(store, video, record.width / max(record.height, 1), math.inf)
            units.replace_texts(store, video, "screen_text", lambda _, end: _before(blocks, end))
        if stamp:
            units.plan_channel(store, video, SUMMARY, stamp, [record.span])
            units.plan_again(store, video, [SUMMARY], "done")


def _before(blocks: list[NewText], end: float) -> list[NewText]:
    taken = [block for block in blocks if block.start < end - 1e-6]
    del blocks[: len(taken)]
    return taken


def _complete(memory: ClipMemory) -> None:
    """Make what follows from all parts together: the order of chapters, summaries, vectors where encoders differ."""
    from ..ingest.dating import order_chapters
    from ..ingest.jobs import ModelSpecs
    from ..ingest.pipeline import Ingest
    from ..ingest.request import IngestRequest

    store, request = memory.store, IngestRequest(channels=CHANNELS)
    others = (*CHANNELS, OBJECTS)
    ingest = Ingest(store, memory.searcher, lambda: memory.models.text, ModelSpecs(), request)
    if len({space.stamp for space in store.spaces() if space.channel != "visual"}) > 1:
        for (video,) in store.rows("SELECT id FROM videos"):
            ingest.embed_again(video)
    for record in store.records():
        order_chapters(store, record.id)  # a part knew its own alone
        unfinished = units.units_to_do(store, record.id, others, units.parts(store, record.id))
        if units.units_to_do(store, record.id, [SUMMARY]) and not unfinished:
            ingest.complete(record.id, cast(VideoInfo, record))  # only its span and the shape of its pictures are read


def _channels(db: sqlite3.Connection, video: str) -> dict[str, str]:
    return dict(db.execute("SELECT channel, stamp FROM channels WHERE video = ?", (video,)).fetchall())


def _done(found: _Units) -> bool:
    return any(status == "done" for _, status in found.values())


def _units(db: sqlite3.Connection, video: str, channel: str) -> _Units:
    rows = db.execute(
        "SELECT start_s, end_s, id, status FROM units WHERE video = ? AND channel = ? ORDER BY start_s",
        (video, channel),
    )
    return {(start, end): (id_, status) for start, end, id_, status in rows}


def _rank(status: str) -> int:
    return ("", "todo", "failed", "done").index(status)
