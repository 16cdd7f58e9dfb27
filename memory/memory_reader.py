"""The reading side of a clip memory: search it, read what was found, open its videos again."""

from __future__ import annotations

import math
import os
import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from .causal_view import CausalView
from .coverage import Coverage, coverage
from .encoders import TextEncoder, VisualEncoder
from .errors import MemoryFolderError
from .memory_models import MemoryModels
from .memory_view import MemoryView, Picture, at_same_time
from .people.people import People
from .protocol import VideoSource
from .span import MediaURI, Span
from .store import units
from .store.database import Store
from .store.index_kinds import USUAL
from .store.live import live_state, watched
from .store.search import Searcher, dated, scope_of, span_of, timeline_scope
from .timeline.cut import Cut
from .timeline.interval import TimelineSpan, recorded_in
from .timeline.moment import Moment
from .tracking.detector_weights import usual_detector
from .types import CHANNELS, CLIP, ENDED, OBJECTS, TIMELINE_LEVELS, Clip, Hit, Summary, Text, VideoRecord
from .video.file import Video
from .video.growing_video import GrowingVideo
from .video.open import find_video, one_or_many, open_file
from .video.pictures import read_picture

if TYPE_CHECKING:
    from .causal.past import Past
    from .levels.levels import Levels
    from .restricted.restriction import Restriction
    from .restricted.view import RestrictedView
    from .tracking.detector import Detector

_PASTS = 8  # moments, and restrictions, of which the known rows are kept
Made = TypeVar("Made")


class MemoryReader:
    """What `ClipMemory` reads: its videos, what was found in them, and all of it as it was at a moment."""

    people: People
    """Who speaks and who is seen, where that was learned (`ClipMemory.learn_people`)."""

    def __init__(
        self,
        folder: str | Path,
        *,
        text_encoder: TextEncoder | str | None = None,
        visual_encoder: VisualEncoder | str | None = None,
        detector: Detector | str | None = None,
        vector_index: str | None = None,
        read_only: bool = False,
    ) -> None:
        self.folder = Path(folder).expanduser()
        self.store = Store(self.folder, read_only=read_only)
        """The database."""
        self._given = text_encoder, visual_encoder
        self.models = MemoryModels(self.store, text_encoder, visual_encoder, detector)
        """Its encoders, detector and recognizer."""
        self.searcher = Searcher(self.store, self.models, vector_index or self.store.meta("vector_index") or USUAL)
        """Its indexes."""
        self._vector_index = vector_index
        self._sources: dict[str, VideoSource] = {}
        self._pasts: OrderedDict[tuple[Cut, tuple[int, int]], Past] = OrderedDict()
        self._levels: OrderedDict[tuple[Any, ...], Levels] = OrderedDict()
        self._restricted: OrderedDict[tuple[Any, ...], RestrictedView] = OrderedDict()
        self._pasts_lock = threading.Lock()
        self._over: tuple[tuple[int, int], dict[tuple[str, str], tuple[list[Text], float]]] = ((0, 0), {})

    def require_sound(self) -> None:
        """Raise if reading has met damage in the database: what was found since may be wrong or lack something.

        Raises:
            MemoryFolderError: says what is damaged and what to do.
        """
        if self.store.damage is not None:
            raise MemoryFolderError(self.store.damage)

    @property
    def visual_encoder(self) -> VisualEncoder:
        """The encoder of the visual channel; loaded when first asked for.

        Raises:
            CapabilityError: if it is not here.
        """
        return self.models.visual

    @property
    def transcriber(self) -> str | None:
        """Name of the recognizer that was last asked for by name, for what was not listened to yet."""
        return self.models.transcriber_name

    @property
    def detector(self) -> Detector | None:
        """The object detector, loaded when first asked for; None where the memory has none.

        Raises:
            CapabilityError: if its weights are not here any more.
        """
        return self.models.detector

    @property
    def detector_stamp(self) -> str:
        """The stamp of its detector, for caches; costs no loading. Empty where it has none."""
        return self.models.detector_stamp

    def found_detector(self, channels: Sequence[str] | None = None) -> Path | None:
        """The weights with which `add` would look for objects, though nobody named any: the first of a YOLO model here.

        They are taken where the memory has no detector and no video yet, or where `channels` asks for objects: a memory
        that was made without them stays as it is.

        Args:
            channels: as they are given to `add`.
        """
        takes_one = not self.videos() if channels is None else OBJECTS in channels
        return usual_detector() if takes_one and self.models.detector_choice is None else None

    def use_detector(self, detector: Detector | str) -> None:
        """Take another detector from now on; a name is kept when the next video is added.

        Raises:
            CapabilityError: if weights of that name are not here.
        """
        self.models.choose_detector(detector)

    @property
    def models_given(self) -> dict[str, Any]:
        """Arguments with which another process opens this folder to the same effect; defaults are left out."""
        text, visual = self._given
        choices = {"text_encoder": text, "visual_encoder": visual, "detector": self.models.detector_choice}
        choices["vector_index"] = self._vector_index
        return {name: choice for name, choice in choices.items() if choice is not None}

    def videos(self) -> list[VideoRecord]:
        """Every video, in the order of adding."""
        return self.store.records()

    def video(self, id_or_name_or_path: str | Path) -> VideoRecord:
        """The video of that id, file name or path; the newest of several that share a name.

        A video whose bytes were found under several names goes by all of them.

        Raises:
            VideoError: if there is none; the text lists some that there are.
        """
        text = str(id_or_name_or_path)
        id_ = self.store.find(text, os.path.abspath(text))
        found = self.store.records(id_)
        return found[0] if id_ is not None and found else find_video(found, text, self.folder)

    def knows(self, path: str | Path) -> bool:
        """Return whether a file at this place was added, whatever lies there now."""
        return self.store.file(Path(path).expanduser().absolute()) is not None

    def known(self, path: str | Path) -> VideoRecord | None:
        """The video that a file is, without adding anything; None if it is not in the memory.

        Args:
            path: a file, under whatever name; or where a file was when it was added.

        Raises:
            VideoError: if it is there, and no video.
        """
        place = Path(path).expanduser().absolute()
        file = self.store.file(place)
        id_ = file.video if file is not None else None
        if id_ is not None and self._is_watched(id_):
            return self.store.records(id_)[0]  # it grows: its content is another one at each moment
        try:
            state = place.stat()
        except OSError:
            state = None
        if state is not None and (file is None or (file.size, file.mtime_ns) != (state.st_size, state.st_mtime_ns)):
            with Video(place) as video:
                id_ = self.store.find_content(video.content_id)
        return self.store.records(id_)[0] if id_ is not None else None

    def watched(self, path: str | Path) -> VideoRecord | None:
        """The video that a file, an address or a camera is, where it is watched and may still grow; else None."""
        source = str(path)
        video = watched(self.store, source) or watched(self.store, str(Path(source).expanduser().absolute()))
        return self.store.records(video)[0] if video is not None and self._is_watched(video) else None

    def is_being_watched(self, path: str | Path) -> bool:
        """Whether some process is watching a file at this moment; nothing of it need be known yet."""
        from .live.lock import is_watching

        return is_watching(self.folder / "live", str(Path(path).expanduser().absolute()))

    def source_of(self, video_id: str) -> str | None:
        """What is, or was, watched for a video that may still grow: a file, an address or a camera; else None."""
        live = live_state(self.store, self.video(video_id).id)
        return live.source if live is not None and live.state != ENDED else None

    def open(self, video_id: str) -> VideoSource:
        """The video itself.

        Raises:
            VideoError: if its file is gone or is another one now.
        """
        record = self.video(video_id)
        if record.id in self._sources:
            return self._sources[record.id]
        paths = self.store.paths(record.id)
        if not paths and (self._recording(record) / "segments.jsonl").exists():
            from .live.segments import Segments

            return Segments(self._recording(record))
        if paths and self._is_watched(record.id) and paths[0][0].is_file():
            return GrowingVideo(Video(paths[0][0], audio=record.audio), record.end)
        return open_file(record, paths)

    def _recording(self, record: VideoRecord) -> Path:
        """Return the folder of a video's segments, where it has some."""
        return self.folder / "live" / record.content_id[:16]

    def _is_watched(self, video: str) -> bool:
        live = live_state(self.store, video)
        return live is not None and live.state != ENDED

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
        """The spans that answer a query best: by meaning and by words, over every channel, ranks fused.

        Args:
            query: words; or what it should look like: an array [H, W, 3] uint8 RGB, an image's `Path`, or a `MediaURI`.
            channels: only these, or this one (None: all).
            videos: only these, or this one, by id, name or path.
            between: only what overlaps this span of each video, or what was recorded in this span of a timeline.
            level: the spans to give: `"clip"`, `"chapter"`, `"hour"`, `"day"` or `"week"`. Hours, days and weeks are
                those of the calendar, each over all videos of a timeline (`Hit.node`); of a video that lies on no
                clock, its own.
            k: how many at most, from 1 on.
            vector: a query vector [dim] of your own, taken in place of the encoder's in every space of its length.

        Raises:
            ValueError: if an argument can mean nothing.
            VideoError: if there is no such video.
        """
        names = None if videos is None else tuple(self.video(video).id for video in one_or_many(videos))
        content = query if isinstance(query, str) else read_picture(query, self)

        def search(videos: tuple[str, ...] | None) -> list[Hit]:
            if isinstance(between, TimelineSpan):
                records = [record for record in self.videos() if videos is None or record.id in videos]
                scope = timeline_scope(channels, records, between)
                return dated(self.searcher.search(content, scope, level=level, k=k, vector=vector), records, between)
            scope = scope_of(channels, videos, between)
            hits = self.searcher.search(content, scope, level=level, k=k, vector=vector)
            if not self.store.first_recordings():
                return hits
            met = {hit.video for hit in hits}
            return dated(hits, [record for video in met for record in self.store.records(video)])

        if level in TIMELINE_LEVELS and (levels := self.levels(names)).calendars:
            chosen = scope_of(channels, names, None).channels
            return levels.search(
                query, level=level, undated=search, channels=chosen, videos=names, between=between, k=k, vector=vector
            )
        return search(names)

    def levels(self, videos: Sequence[str] | None = None) -> Levels:
        """Hours, days and weeks of its timelines: their summaries, a search over them, and habits.

        Args:
            videos: of these alone (ids), as if no other had been recorded; None: of all.
        """
        return self._levels_of(self, None, videos)

    def summaries(self, level: str, between: Span | None = None, *, timeline: str | None = None) -> list[Summary]:
        """The summaries of hours, days or weeks of its timelines; see `levels.Levels.summaries`."""
        return self.levels().summaries(level, between, timeline=timeline)

    def _levels_of(self, view: MemoryView, cut: Cut | None, videos: Sequence[str] | None) -> Levels:
        from .levels.levels import Levels

        chosen = None if videos is None else frozenset(videos)
        if chosen is not None and chosen.issuperset(record.id for record in view.videos()):
            chosen = None  # of all: one object for both ways of asking

        def make() -> Levels:
            return Levels(view, self.store, rows_change=cut is None, videos=chosen)

        return self._kept(self._levels, (cut, chosen, self.store.version()), make)

    def texts(self, video_id: str, *, channel: str | None = None, between: Span | None = None) -> list[Text]:
        """Everything said, shown and described in a video, in time order; `between` keeps what overlaps it."""
        return self.store.texts(self.video(video_id).id, channel=channel, between=span_of(between))

    def recorded_in(self, interval: TimelineSpan) -> list[MediaURI]:
        """What was recorded in a span of a timeline: a place in each video that recorded any of it."""
        return recorded_in(interval, self.videos())

    def at_same_time(self, video_id: str, span: Span) -> list[MediaURI]:
        """What the other videos of a video's timeline recorded during a span of it: other cameras, for example."""
        return at_same_time(self, self.video(video_id), span)

    def clips(self, video_id: str, *, level: str = CLIP, between: Span | None = None) -> list[Clip]:
        """The clips of one level, in time order."""
        return self.store.clips(self.video(video_id).id, level, span_of(between))

    @property
    def usual_channels(self) -> tuple[str, ...]:
        """The channels that `add` fills where none are named."""
        looks = self.models.detector_choice is not None or self.found_detector() is not None
        return (*CHANNELS, OBJECTS) if looks else CHANNELS

    def work_rates(self, channels: Sequence[str] | None = None) -> tuple[dict[str, float], bool]:
        """Estimate how long indexing takes here: seconds of waiting for a second of video, by channel.

        Args:
            channels: which (None: those that `add` fills).

        Returns:
            The rates, and whether each was measured on earlier videos of this memory; else some are rough guesses.
        """
        from .ingest.throughput import work_rates

        return work_rates(self.store, channels or self.usual_channels, len(os.sched_getaffinity(0)))

    def known_until(self, video_id: str, channel: str) -> float:
        """The second up to which a channel is known in full; the video's start if nothing of it is."""
        record = self.video(video_id)
        return self.coverage(record.id).until(channel) if channel in record.channels else record.start

    def coverage(self, video_id: str) -> Coverage:
        """Return which spans of a video each channel covers by now; another process may be at work on it.

        What it says is covered is in whatever is read or searched afterwards: read the coverage first.
        """
        with self.store.reading():
            record = self.video(video_id)
            open_spans = units.open_spans(self.store, record.id)
            live = live_state(self.store, record.id)
        for channel, spans in open_spans.items():
            nothing = channel == "speech" and not record.has_audio
            if record.channels.get(channel, "").startswith("unavailable") and not nothing:
                spans.append(record.span)  # nothing here could work it off
            if live is not None:
                spans += live.open_spans(channel, record.end)
        return coverage(record.id, record.span, open_spans, growing=record.growing)

    def unknown_spans(self, video_id: str, channel: str, span: Span) -> list[Span]:
        """Return the parts of a span of which a channel that was asked for knows nothing by now."""
        return self.coverage(video_id).missing(channel, span)

    def now_of(self, video_id: str) -> float:
        """The second of a video from which on nothing may be known: there is none here; see `CausalView.now_of`."""
        return math.inf

    def until(self, now: float | Moment) -> CausalView:
        """Return this memory as it was at `now`: nothing that happens later can be read or searched.

        Args:
            now: a moment of a timeline, which ends each of its videos at that instant and hides all others; or seconds
                of each undated video, which of a timeline are those of its first video (see `timeline.Cut`).

        Raises:
            ValueError: if `now` is not a number.
        """
        firsts = () if isinstance(now, Moment) else self.store.first_recordings()
        return CausalView(
            self, self._past, self._levels_of, Cut(now if isinstance(now, Moment) else float(now), firsts)
        )

    def _past(self, cut: Cut) -> Past:
        from .causal.past import Past
        from .video.truncated_video import TruncatedVideo

        key = (cut, self.store.version())

        def make() -> Past:
            if self._over[0] != key[1]:
                self._over = key[1], {}
            return Past(
                self.store,
                self.models,
                lambda video: TruncatedVideo(self.open(video), cut.second_of(self.video(video))),
                cut,
                self._over[1],
            )

        return self._kept(self._pasts, key, make)

    def restricted(self, restriction: Restriction) -> RestrictedView:
        """Return this memory as if only what a restriction leaves could be seen and heard."""
        from .restricted.view import RestrictedView

        key = (restriction, self.store.version())
        return self._kept(self._restricted, key, lambda: RestrictedView(self, restriction))

    def version(self) -> tuple[int, int]:
        """Return numbers that move whenever any process has changed the memory."""
        return self.store.version()

    def _kept(self, kept: OrderedDict[Any, Made], key: tuple[Any, ...], make: Callable[[], Made]) -> Made:
        """What was made for a key, made now where it is not kept any more."""
        with self._pasts_lock:
            if key not in kept:
                kept[key] = make()
                while len(kept) > _PASTS:
                    kept.popitem(last=False)
            kept.move_to_end(key)
            return kept[key]
