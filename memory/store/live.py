"""The state of a video that is watched while it is recorded, beside its record."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING

from ..span import Span
from ..types import OPEN
from . import schema

if TYPE_CHECKING:
    from .database import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveState:
    """What is watched, and how far its channels are planned. Times are seconds of the video."""

    source: str
    """The address, device or file, as it was named."""
    state: str = OPEN
    planned: dict[str, float] = field(default_factory=dict)
    """Per channel whose pieces end later than the video does by now: the second up to which there are pieces."""
    gaps: tuple[tuple[float, float], ...] = ()
    """Spans of which nothing was received."""
    left_out: float = 0.0
    """Seconds that were not looked at since this machine was behind."""
    beginning: str = ""
    """Of a file: the id of how it begins (see `ingest.growing`)."""
    dropped: float = 0.0
    """Seconds of the recorded media that were deleted to keep within the limit."""

    def open_spans(self, channel: str, end: float) -> list[Span]:
        """Return the spans up to `end` that a channel knows nothing of, besides units that are not done."""
        spans = [Span(*gap) for gap in self.gaps]
        planned = self.planned.get(channel)
        return [*spans, Span(planned, end)] if planned is not None and planned < end else spans


def live_state(store: Store, video: str) -> LiveState | None:
    """Return the state of a watched video; None for any other."""
    if not store.rows("SELECT 1 FROM sqlite_master WHERE name = 'live'"):
        return None
    rows = store.rows("SELECT source, state, facts FROM live WHERE video = ?", (video,))
    if not rows:
        return None
    source, state, facts = rows[0]
    row = json.loads(facts)
    return LiveState(source=source, state=state, **row | {"gaps": tuple((a, b) for a, b in row["gaps"])})


def put_live_state(store: Store, video: str, live: LiveState) -> None:
    """Store the state of a watched video."""
    facts = asdict(live)
    source, state = facts.pop("source"), facts.pop("state")
    with store.transaction() as db:
        db.execute(schema.LIVE)
        db.execute("INSERT OR REPLACE INTO live VALUES (?, ?, ?, ?)", (video, source, state, json.dumps(facts)))


def watched(store: Store, source: str) -> str | None:
    """Return the id of the newest video that was watched at a source; None if there is none."""
    if not store.rows("SELECT 1 FROM sqlite_master WHERE name = 'live'"):
        return None
    rows = store.rows("SELECT video FROM live WHERE source = ? ORDER BY rowid DESC LIMIT 1", (source,))
    return str(rows[0][0]) if rows else None
