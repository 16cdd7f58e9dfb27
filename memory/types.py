"""The records of a clip memory: videos, clips, texts, hits and progress."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from .span import MediaURI, Span, Timed

CHANNELS = ("visual", "speech", "screen_text")
"""Channels that `ClipMemory.add` fills by default."""

OBJECTS = "objects"
"""Channel of what a detector sees; filled where a memory has one."""

SUMMARY = "summary"
"""Channel of the gists of chapters, hours and days."""

VOICES, FACES = "voices", "faces"
"""Channels of people, opt-in: who speaks, and who is in the picture (see `memory.people`)."""

MAIN = "main"
"""The timeline of a video for which no other is named."""

OPEN, STOPPED, ENDED = "open", "stopped", "ended"
"""States of a video that is watched while it is recorded: it is being watched (or its watcher was killed), somebody
stopped it, its source came to its end."""

CLIP = "clip"
LEVELS = (CLIP, "chapter", "hour", "day", "week")
"""Levels from fine to coarse."""
TIMELINE_LEVELS = ("hour", "day", "week")
"""Levels whose spans are those of the calendar, over all videos of a timeline that know when they were recorded."""


@dataclass(frozen=True, slots=True)
class Failure:
    """One piece of work that could not be done, and why; `ClipMemory.add(..., retry=True)` tries it again."""

    channel: str
    span: Span
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class VideoRecord(Timed):
    """The facts that a memory holds about one video. Times are seconds on the video's own clock.

    `channels` maps each channel that was asked for to the stamp of what made it; `complete` says that nothing of
    it is still to do (pieces that failed are in `failures`; people, who are learned apart, do not count).
    """

    id: str
    content_id: str
    name: str
    path: str
    start: float
    end: float
    width: int
    height: int
    fps: float
    codec: str
    has_audio: bool
    first_picture: float | None = None
    """Time of the first picture, where sound leads it."""
    audio: int | None = None
    """Index in the file of the sound track that was taken, where it has several."""
    notes: tuple[str, ...] = ()
    """Notes on how it was read: the streams that were taken, and what was passed over; one line each."""
    timeline: str = MAIN
    """The timeline that it belongs to; the videos of one share a clock."""
    recorded: float | None = None
    """Seconds on the timeline's clock at `start` (see `memory.timeline`); None if nobody knows when it was recorded."""
    zone: int | None = None
    """Time zone of the recording, in seconds east of UTC; None if nobody knows."""
    growing: bool = False
    """Whether it is still being recorded, as far as is known, so that `end` moves."""
    recorded_source: str = ""
    """Where `recorded` was read, and what contradicts it."""
    channels: dict[str, str] = field(default_factory=dict)
    complete: bool = False
    failures: tuple[Failure, ...] = ()

    @property
    def is_known(self) -> bool:
        """Return whether every channel that was asked for covers all of it, so that its coverage need not be read."""
        unavailable = any(stamp.startswith("unavailable") for stamp in self.channels.values())
        return self.complete and not self.failures and not unavailable

    def timeline_time(self, time: float) -> float | None:
        """Return a time of the video (seconds) on the timeline's clock; None if nobody knows when it was recorded."""
        return None if self.recorded is None else self.recorded + (time - self.start)

    def video_time(self, moment: float) -> float | None:
        """Return a time of the timeline's clock in seconds of the video; None likewise. It may lie outside."""
        # To a microsecond: sums of POSIX seconds are no finer, and a frame at `moment` must not come before it.
        return None if self.recorded is None else round(moment - self.recorded + self.start, 6)


@dataclass(frozen=True, slots=True)
class Clip(Timed):
    """A piece of a video at one level (`clip`, `chapter`, `hour`, `day`)."""

    id: int
    video: str
    level: str
    start: float
    end: float


@dataclass(frozen=True, slots=True)
class Text(Timed):
    """Something said, shown or described over a span.

    `data` depends on the channel. speech: `words`, a list of `[start, end, text, probability]`,
    `exact` (False where the words' times are only spread over the text), `probability` of the whole in [0, 1] (below
    `transcript.UNCERTAIN` it is a guess) and, if it was recognized, `language`, or `assumed_language` where the
    recognizer knows no other. screen_text, a block of lines: `box` (left,
    top, right, bottom as fractions), `score`, `height` (median height of its lines' boxes, as a fraction of the
    picture's), `place` and `size` in words, `lines` (each with `text`, `box`, `height`, `score`). objects: `counts` of
    each kind over a clip, or a `track` (see `memory.objects`). summary: `level`. visual: `same_as`, where the clip
    shows nothing but the picture that was on screen at that second.
    """

    id: int
    video: str
    channel: str
    start: float
    end: float
    text: str
    data: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary(Timed):
    """The summary of an hour, a day or a week of a timeline, over all its videos.

    `start` and `end` are seconds on the timeline's clock, those of the calendar in the timeline's zone.
    """

    timeline: str
    level: str
    start: float
    end: float
    zone: int
    """Time zone of the timeline, in seconds east of UTC."""
    text: str
    """Empty where nothing was said, shown or seen."""
    lines: dict[str, Any] = field(default_factory=dict)
    """What a summary of the level above chooses from; see `memory.levels.extract`."""
    sources: tuple[Any, ...] = ()
    """What it was made from: of an hour `[video, recorded, rows, sum of their ids]`, else `[start, digest]` of each
    part."""
    digest: str = ""
    """Digest of the words that it was made from: a summary with this digest tells of nothing else."""
    maker: str = ""
    """Name of what made it: `extractive 1`, or a model's."""
    parts: tuple[MediaURI, ...] = ()
    """The parts of the videos that lie in it, in order of time."""


@dataclass(frozen=True, slots=True)
class Hit:
    """A span that answers a search, best first in the list.

    `score` is the fused rank score and compares only within one search. `channels` holds the raw scores that callers
    can judge: `"speech"` is a cosine in [-1, 1]; `"speech.bm25"` is a BM25 score (0 and up, larger is better). `texts`
    are the matching pieces with their finer spans, best first; `similarity` has the cosine of those, by text id, that
    the text encoder found.
    """

    video: str
    span: Span
    level: str
    score: float
    channels: dict[str, float]
    texts: tuple[Text, ...]
    similarity: dict[int, float] = field(default_factory=dict)
    node: Summary | None = None
    """The hour, day or week of a timeline that is meant; `video` and `span` then are its part with the best match, and
    the texts may be of several videos."""
    recorded: Span | None = None
    """The span on the clock of the video's timeline, in its seconds; None if nobody knows when it was recorded."""

    @property
    def uri(self) -> str:
        """The span as a media URI."""
        return str(MediaURI(self.video, self.span))


@dataclass(frozen=True, slots=True)
class Progress:
    """The state of `add` for one channel of one video: `done` of `total` pieces; `span` is the latest piece."""

    video: str
    channel: str
    done: int
    total: int
    span: Span
