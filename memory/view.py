"""A memory as it was at some moment: what happens later cannot be read, searched, seen or heard."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from .clip_memory import ClipMemory, find_video
from .cut_video import CutVideo
from .errors import VideoError
from .media import VideoSource
from .pictures import Picture, read_picture
from .records import CLIP, SUMMARY, Clip, Failure, Hit, Text, VideoRecord
from .search import scope_of
from .sources import one_or_many
from .spans import Span

if TYPE_CHECKING:
    from pathlib import Path

    from .detector import Detector
    from .encoders import VisualEncoder


class MemoryUntil:
    """The reading side of `ClipMemory`, without anything that starts at or after `now` (seconds of each video)."""

    def __init__(self, memory: ClipMemory, now: float) -> None:
        self._memory = memory
        self.now = float(now)
        self.folder = memory.folder

    def __repr__(self) -> str:
        return f"MemoryUntil({str(self.folder)!r}, now={self.now:g})"

    def until(self, now: float) -> MemoryUntil:
        """An earlier view; a later `now` changes nothing."""
        return MemoryUntil(self._memory, min(now, self.now))

    @property
    def visual_encoder(self) -> VisualEncoder:
        """See `ClipMemory.visual_encoder`."""
        return self._memory.visual_encoder

    @property
    def models_given(self) -> dict[str, Any]:
        """See `ClipMemory.models_given`."""
        return self._memory.models_given

    @property
    def transcriber(self) -> str | None:
        """See `ClipMemory.transcriber`."""
        return self._memory.transcriber

    @property
    def detector(self) -> Detector | None:
        """See `ClipMemory.detector`."""
        return self._memory.detector

    @property
    def detector_stamp(self) -> str:
        """See `ClipMemory.detector_stamp`."""
        return self._memory.detector_stamp

    def videos(self) -> list[VideoRecord]:
        """Videos that have begun, each ending at `now` at the latest."""
        return [self._so_far(record) for record in self._memory.videos() if record.start < self.now]

    def video(self, id_or_name_or_path: str | Path) -> VideoRecord:
        """See `ClipMemory.video`."""
        with suppress(VideoError):
            record = self._memory.video(id_or_name_or_path)
            if record.start < self.now:
                return self._so_far(record)
        # An older one of that name, or why there is none.
        return find_video(self.videos(), id_or_name_or_path, self.folder)

    def _so_far(self, record: VideoRecord) -> VideoRecord:
        return replace(record, end=min(record.end, self.now), failures=tuple(_begun(record, self.now)))

    def open(self, video_id: str) -> VideoSource:
        """A video that ends at `now`."""
        return CutVideo(self._memory.open(self.video(video_id).id), self.now)

    def search(
        self,
        query: str | Picture,
        *,
        channels: str | Sequence[str] | None = None,
        videos: str | Path | Sequence[str | Path] | None = None,
        between: Span | None = None,
        level: str = CLIP,
        k: int = 8,
        vector: np.ndarray | None = None,
    ) -> list[Hit]:
        """See `ClipMemory.search`; what is still going on at `now` is only found where all of it was seen."""
        names = None if videos is None else tuple(self.video(video).id for video in one_or_many(videos))
        scope = scope_of(channels, names, between, self.now)
        asked = query if isinstance(query, str) else read_picture(query, self)
        hits = self._memory._searcher.search(asked, scope, level=level, k=k, vector=vector)
        return [replace(hit, texts=tuple(self._cut(hit.texts))) for hit in hits]

    def texts(self, video_id: str, *, channel: str | None = None, between: Span | None = None) -> list[Text]:
        """See `ClipMemory.texts`; of what is being said at `now`, only the words that are over."""
        texts = self._memory.texts(self.video(video_id).id, channel=channel, between=between)
        return list(self._cut(texts))

    def clips(self, video_id: str, *, level: str = CLIP, between: Span | None = None) -> list[Clip]:
        """See `ClipMemory.clips`; the last one ends at `now`."""
        clips = self._memory.clips(self.video(video_id).id, level=level, between=between)
        return [replace(clip, end=min(clip.end, self.now)) for clip in clips if clip.start < self.now]

    def _cut(self, texts: Iterable[Text]) -> Iterator[Text]:
        for text in texts:
            if text.end <= self.now:
                yield text
            elif text.start < self.now:
                cut = _cut_text(text, self.now)
                if cut is not None:
                    yield cut


def _begun(record: VideoRecord, now: float) -> Iterator[Failure]:
    return (failure for failure in record.failures if failure.span.start < now)


def _cut_text(text: Text, now: float) -> Text | None:
    """A text that is still going on at `now`, without what is not known yet; None when nothing is left."""
    if text.channel == "screen_text":
        return replace(text, end=now)
    if "track" in text.data:
        return _cut_track(text, now)
    words = text.data.get("words")
    if text.channel in ("visual", SUMMARY) or words is None:
        return None  # made from frames of the whole span, the later ones too
    spoken = [word for word in words if word[1] <= now]
    if not spoken:
        return None
    said = " ".join(str(word[2]).strip() for word in spoken)
    return replace(text, end=spoken[-1][1], text=said, data={**text.data, "words": spoken})


def _cut_track(text: Text, now: float) -> Text | None:
    """A track that goes on at `now`: what was seen of it by then, and no words about where it went."""
    from .objects import as_data, from_data

    track = from_data(text.data["track"])
    seen = tuple(sight for sight in track.sights if sight.time < now)
    if not seen:
        return None
    data = as_data(replace(track, sights=seen, end=min(track.end, now)))
    return replace(text, end=now, text=track.label, data={"track": data})


MemoryView = ClipMemory | MemoryUntil
"""What tools read from: a whole memory, or what of it is known by now."""
