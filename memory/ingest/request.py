"""The options of one call of `ClipMemory.add`."""

from __future__ import annotations

import glob
import importlib.metadata
import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from ..protocol import VideoSource
from ..registry import require_name
from ..timeline.recording import Recording
from ..types import CHANNELS, OBJECTS, Progress
from .jobs import ModelSpecs
from .parts import Between
from .stream_choice import Streams
from .worker_pool import Cluster

if TYPE_CHECKING:
    from ..speech.transcriber import Transcriber

_PACKAGES = ("rewatch", "rapidocr", "pocketsphinx", "faster-whisper", "av", "ultralytics")


@dataclass(frozen=True, slots=True, kw_only=True)
class IngestRequest:
    """The options of `ClipMemory.add`; None leaves a thing as it is, or takes the default the first time."""

    channels: tuple[str, ...]
    clip_seconds: float | None = None
    clips: Literal["fixed", "shots"] | None = None
    subtitles: Path | None = None
    streams: Streams = Streams()
    transcriber: Transcriber | str | None = None
    workers: int | Cluster | None = None
    retry: bool = False
    again: tuple[str, ...] = ()
    progress: Callable[[Progress], None] | None = None
    recorded: Recording | None = None
    timeline: str | None = None
    between: Between = None

    def __post_init__(self) -> None:
        if not self.channels:
            raise ValueError(f"channels is empty: give some of {', '.join((*CHANNELS, OBJECTS))}.")
        for channel in self.channels:
            require_name("channel", channel, (*CHANNELS, OBJECTS))
        seconds, workers = self.clip_seconds, self.workers
        if seconds is not None and not (isinstance(seconds, int | float) and 1 <= seconds < math.inf):
            raise ValueError(f"clip_seconds must be a number, at least 1, got {seconds!r}.")
        if self.clips not in (None, "fixed", "shots"):
            raise ValueError(f"clips is {self.clips!r}: give fixed or shots.")
        if isinstance(workers, int) and workers < 0 or not (workers is None or isinstance(workers, int | Cluster)):
            raise ValueError(f"workers is {workers!r}: give a whole number of processes, 0 for none.")
        if self.subtitles is not None and self.streams.subtitles is not None:
            raise ValueError("Give subtitles or subtitle_stream, not both.")

    def fingerprint(self, source: str | VideoSource, models: ModelSpecs, encoders: Sequence[str]) -> str:
        """Return everything that decides what is to do for a file, as text; empty when only reading it tells."""
        from ..speech.transcriber import lasting_name

        specs = (models.transcriber, models.visual, models.detector)
        if not isinstance(source, str) or self.retry or self.again:
            return ""
        if not all(spec is None or isinstance(spec, str) for spec in specs):
            return ""
        path = Path(source)
        beside = sorted(path.parent.glob(glob.escape(path.stem) + "*.[sSvV][rRtT][tT]"))
        weights = Path(models.detector) if isinstance(models.detector, str) else None
        files = [file for file in (*beside, self.subtitles, weights) if file is not None and file.exists()]
        states = [(str(file), file.stat().st_size, file.stat().st_mtime_ns) for file in files]
        # A first recognizer may have come since; speech that another one recognized stays.
        name = self.transcriber if isinstance(self.transcriber, str) else None
        recognizer = lasting_name(name, models.language) if "speech" in self.channels else ""
        words = (recognizer, models.language, models.detector, str(self.subtitles), states)
        cut = (self.clip_seconds, self.clips)
        streams = (self.streams.audio, self.streams.subtitles)
        return json.dumps([self.channels, cut, words, streams, *encoders, [_version(name) for name in _PACKAGES]])


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return ""
