"""Learning who speaks and who is seen in a video: a piece at a time, each kept at once, in the order of time."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from ..errors import MisuseError, VideoError
from ..protocol import VideoSource
from ..span import Span
from ..store import units as work
from ..store.database import Store
from ..store.units import Rows, Unit
from ..types import FACES, VOICES, Progress, VideoRecord
from .grouping import Group, NewAppearance, Thresholds, group_of
from .people import forget_video, make_tables
from .types import FACE, VOICE

KIND = {VOICES: VOICE, FACES: FACE}
"""Kind of the appearances that a channel brings."""
PIECE = 60.0
"""Seconds that are worked on at once."""


class Learner(Protocol):
    """Tells the appearances in a piece of video, by one model."""

    channel: str
    stamp: str
    thresholds: Thresholds

    def appearances(self, source: VideoSource, span: Span) -> list[NewAppearance]:
        """Return speaker turns, or face tracks, of a span, in the order of time."""


@dataclass(frozen=True, slots=True, eq=False)
class _Row:
    """An appearance that has no identity yet."""

    id: int
    vector: np.ndarray
    weight: float


def learn(
    store: Store,
    source: VideoSource,
    record: VideoRecord,
    learner: Learner,
    *,
    again: bool = False,
    progress: Callable[[Progress], None] | None = None,
) -> None:
    """Learn the voices or faces of a video, or go on where that was stopped; of one that has grown, what is new.

    The caller holds the writer lock. A piece that cannot be decoded is marked as failed, and tried again next time.

    Raises:
        MisuseError: if they were learned by another model, whose vectors cannot be compared, and not `again`.
    """
    channel, before = learner.channel, record.channels.get(learner.channel)
    if before is not None and before != learner.stamp and not again:
        raise MisuseError(
            f"The {channel} of {record.name} were learned by {before}, and {learner.stamp} cannot be compared with it: "
            "learn them again (--again), which drops what was stated about them, or leave the model out."
        )
    make_tables(store)
    with store.transaction() as db:
        if again:
            forget_video(store, record.id, KIND[channel])
            work.plan_channel(store, record.id, channel, learner.stamp, [])
        _plan(store, record, learner)
        work.plan_again(store, record.id, [channel], "failed")
        db.execute(
            "INSERT OR REPLACE INTO people_models VALUES (?, ?, ?)",
            (learner.stamp, KIND[channel], learner.thresholds.suggest),
        )
    todo = work.units_to_do(store, record.id, [channel])
    done, total = work.count_units(store, record.id).get(channel, (0, 0))
    for unit in todo:
        try:
            found = learner.appearances(source, unit.span)
        except VideoError as error:
            work.fail(store, unit, str(error))
        else:
            _keep(store, unit, learner, found)
        done += 1
        if progress is not None:
            progress(Progress(record.id, channel, done, total, unit.span))


def _plan(store: Store, record: VideoRecord, learner: Learner) -> None:
    """Write down the pieces that are to do: all of the video, or what has come since."""
    units = store.rows(
        "SELECT start_s, end_s FROM units WHERE video = ? AND channel = ? ORDER BY start_s",
        (record.id, learner.channel),
    )
    start = max((end for _, end in units), default=record.start)
    count = int(np.ceil(max(record.end - start, 0.0) / PIECE - 1e-6))
    new = [Span(start + PIECE * k, min(start + PIECE * (k + 1), record.end)) for k in range(count)]
    spans = [*(Span(first, last) for first, last in units), *new]
    work.plan_channel(store, record.id, learner.channel, learner.stamp, spans)


def _keep(store: Store, unit: Unit, learner: Learner, found: Sequence[NewAppearance]) -> None:
    """Commit a piece: each appearance joins an identity of this video, begins one, or waits for one."""
    kind = KIND[learner.channel]
    with store.transaction() as db:
        groups, waiting = _so_far(store, unit, kind, learner.stamp)
        for new in found:
            group = group_of(new, groups, learner.thresholds)
            begins = group is None and new.founds
            if begins:
                id_ = db.execute("INSERT INTO identities (kind, name) VALUES (?, NULL)", (kind,)).lastrowid
                assert id_ is not None
                group = Group(id_, np.zeros_like(new.vector))
                groups.append(group)
            row = db.execute(
                "INSERT INTO appearances (video, kind, stamp, start_s, end_s, known_s, linked_s, box, vector, "
                "identity) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    unit.video, kind, learner.stamp, new.start, new.end, new.known,
                    new.known if group is not None else None, _box(new), new.vector.astype(np.float16).tobytes(),
                    group.identity if group is not None else None,
                ),
            ).lastrowid  # fmt: skip
            assert row is not None
            if group is None:
                waiting.append(_Row(row, new.vector, new.weight))
                continue
            group.add(new.vector, new.weight)
            if begins:  # those that were too short to begin it: known to be of it only now
                for one in [one for one in waiting if group.likeness(one.vector) >= learner.thresholds.short]:
                    db.execute(
                        "UPDATE appearances SET identity = ?, linked_s = ? WHERE id = ?",
                        (group.identity, new.known, one.id),
                    )
                    waiting.remove(one)
        work.finish(store, unit, Rows())


def _so_far(store: Store, unit: Unit, kind: str, stamp: str) -> tuple[list[Group], list[_Row]]:
    """Return the identities of a video as they are before a piece of it, and what has none yet."""
    groups: dict[int, Group] = {}
    waiting: list[_Row] = []
    for id_, start, end, blob, identity in store.rows(
        "SELECT id, start_s, end_s, vector, identity FROM appearances WHERE video = ? AND kind = ? AND stamp = ? "
        "AND start_s < ? ORDER BY start_s, id",
        (unit.video, kind, stamp, unit.span.start),
    ):
        vector, weight = np.frombuffer(blob, np.float16).astype(np.float32), max(end - start, 1.0)
        if identity is None:
            waiting.append(_Row(id_, vector, weight))
        else:
            groups.setdefault(identity, Group(identity, np.zeros_like(vector))).add(vector, weight)
    return list(groups.values()), waiting


def _box(new: NewAppearance) -> str | None:
    if new.box is None:
        return None
    time, box = new.box
    return json.dumps([round(value, 4) for value in (time, box.left, box.top, box.right, box.bottom)])
