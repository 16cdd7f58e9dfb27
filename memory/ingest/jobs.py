"""The messages between the process that adds a video and the workers that read it: jobs in, pieces found out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from ..protocol import VideoInfo, VideoSource
from ..span import Span
from ..store.units import Rows, Unit
from .speech_channel import Subtitles
from .stream_choice import Streams

if TYPE_CHECKING:
    from ..encoders import VisualEncoder
    from ..speech.transcriber import Transcriber
    from ..tracking.detector import Detector


@dataclass(frozen=True, slots=True)
class ModelSpecs:
    """The models of a worker: names (loaded in the worker) or objects; None is the default."""

    visual: VisualEncoder | str | None = None
    transcriber: Transcriber | str | None = None
    detector: Detector | str | None = None
    language: str | None = None


@dataclass(frozen=True, slots=True)
class Probe:
    """Read a file's facts, its content, and what would make each channel of it."""

    source: str | VideoSource
    channels: tuple[str, ...]
    subtitles: Path | None
    streams: Streams = field(default_factory=Streams)


@dataclass(frozen=True, slots=True)
class Probed:
    """The answer to `Probe`. `stamps` names what makes each channel; "unavailable: …" where nothing here can."""

    info: VideoInfo
    content_id: str
    stamps: dict[str, str]
    subtitles: Subtitles | None
    audio: int | None = None
    """Index of the sound track that was taken, where there are several."""
    notes: tuple[str, ...] = ()
    """Lines for people: the streams that were taken, and what was passed over."""


@dataclass(frozen=True, slots=True)
class Cut:
    """Find where clips begin and end, and the pieces of speech that have a piece of these stretches."""

    source: str | VideoSource
    clip_seconds: float
    shots: bool
    speech: tuple[Span, ...] = ()
    audio: int | None = None


@dataclass(frozen=True, slots=True)
class Further:
    """Find the pieces of speech that follow in a video that grows: in `span`, from `since` on.

    `final` says that nothing comes after the span.
    """

    source: str | VideoSource
    span: Span
    since: float
    final: bool


@dataclass(frozen=True, slots=True)
class Pieces:
    """The answer to `Cut` and `Further`."""

    clips: list[Span]
    speech: list[Span]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Work:
    """Units of one video to do one after another; those of one clip stand together."""

    source: str | VideoSource
    units: tuple[Unit, ...]
    subtitles: Subtitles | None = None
    audio: int | None = None
    lead: tuple[Span, ...] = ()
    """Clips of the run that are done: text on screen is read there once more, for what stands since is not read again,
    and each reading is to be the one that an undisturbed run has."""


Job = Probe | Cut | Further | Work


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """A sign of life: these units (ids) are being worked on; after `patience` seconds of silence the worker hangs."""

    units: tuple[int, ...]
    patience: float


@dataclass(frozen=True, slots=True)
class UnitDone:
    """A unit is done."""

    unit: int
    rows: Rows


@dataclass(frozen=True, slots=True)
class Failed:
    """A unit cannot be done."""

    unit: int
    reason: str


@dataclass(frozen=True, slots=True)
class JobDone:
    """The job is over. `error` is raised by the process that gave the job."""

    answer: Probed | Pieces | None = None
    error: Exception | None = None


Message = Heartbeat | UnitDone | Failed | JobDone
Send = Callable[[Message], None]
