"""The interface of a memory's reading side."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from .people.view import PeopleView
from .protocol import VideoSource
from .span import MediaURI, Span
from .timeline.interval import TimelineSpan, timeline_span
from .types import CLIP, Clip, Hit, Summary, Text, VideoRecord

if TYPE_CHECKING:
    from .coverage import Coverage
    from .encoders import VisualEncoder
    from .levels.levels import Levels
    from .tracking.detector import Detector

Picture = np.ndarray | Path | MediaURI
"""[H, W, 3] uint8 RGB, an image file, or a frame or crop of a video in the memory."""


class MemoryView(Protocol):
    """The reading side of a memory: all of it (`ClipMemory`), or what of it is known by now (`CausalView`)."""

    @property
    def folder(self) -> Path:
        """The folder of the memory."""

    @property
    def visual_encoder(self) -> VisualEncoder:
        """The encoder of the visual channel; loaded when first asked for."""

    @property
    def detector(self) -> Detector | None:
        """The object detector, loaded when first asked for; None where the memory has none."""

    @property
    def detector_stamp(self) -> str:
        """The stamp of the detector; costs no loading. Empty where the memory has none."""

    @property
    def transcriber(self) -> str | None:
        """Name of the recognizer that was last asked for by name."""

    @property
    def models_given(self) -> dict[str, Any]:
        """Arguments with which another process opens this folder to the same effect."""

    @property
    def people(self) -> PeopleView:
        """Who speaks and who is seen, where that was learned."""

    def videos(self) -> list[VideoRecord]:
        """Every video, in the order of adding."""

    def video(self, id_or_name_or_path: str | Path) -> VideoRecord:
        """The video of that id, file name or path."""

    def open(self, video_id: str) -> VideoSource:
        """The video itself."""

    def search(
        self,
        query: str | Picture,
        *,
        channels: str | Sequence[str] | None = None,
        videos: str | Path | Sequence[str | Path] | None = None,
        between: Span | TimelineSpan | None = None,
        level: str = CLIP,
        k: int = 8,
        vector: np.ndarray | None = None,
    ) -> list[Hit]:
        """The spans that answer a query best; see `ClipMemory.search`."""

    def levels(self, videos: Sequence[str] | None = None) -> Levels:
        """Hours, days and weeks of its timelines, over all videos or over some (ids)."""

    def summaries(self, level: str, between: Span | None = None, *, timeline: str | None = None) -> list[Summary]:
        """The summaries of hours, days or weeks of its timelines; see `ClipMemory.summaries`."""

    def texts(self, video_id: str, *, channel: str | None = None, between: Span | None = None) -> list[Text]:
        """Everything said, shown and described in a video, in time order."""

    def clips(self, video_id: str, *, level: str = CLIP, between: Span | None = None) -> list[Clip]:
        """The clips of one level, in time order."""

    def coverage(self, video_id: str) -> Coverage:
        """The spans of a video that each channel covers by now."""

    def unknown_spans(self, video_id: str, channel: str, span: Span) -> list[Span]:
        """The parts of a span of which a channel that was asked for knows nothing by now."""

    def recorded_in(self, interval: TimelineSpan) -> list[MediaURI]:
        """What was recorded in a span of a timeline: a place in each video that recorded any of it."""

    def now_of(self, video_id: str) -> float:
        """The second of a video from which on nothing may be known; inf without a limit."""

    def known_until(self, video_id: str, channel: str) -> float:
        """The second up to which a channel is known in full."""


def at_same_time(memory: MemoryView, record: VideoRecord, span: Span) -> list[MediaURI]:
    """Return what the other videos of a video's timeline recorded during a span of it."""
    interval = timeline_span(record, span)
    places = [] if interval is None else memory.recorded_in(interval)
    return [place for place in places if place.video != record.id]


def overlaps(row: Text | Clip, between: Span | None) -> bool:
    """Return whether a row overlaps a span; a moment keeps what it lies in."""
    if between is None:
        return True
    end = between.end if between.end > between.start else float(np.nextafter(between.end, np.inf))
    return row.start < end and (row.end > between.start or row.start >= between.start)
