"""A memory of which only some may be seen and heard."""

from __future__ import annotations

import hashlib
import math
import threading
from collections import OrderedDict
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np

from ..coverage import Coverage, coverage
from ..errors import VideoError
from ..memory_view import MemoryView, Picture, at_same_time, overlaps
from ..people.types import VOICE
from ..people.view import PeopleView
from ..protocol import VideoSource
from ..span import MediaURI, Span
from ..store.some_rows import VideoRows, searcher_over
from ..timeline.interval import TimelineSpan, recorded_in
from ..timeline.moment import Moment
from ..types import CLIP, Clip, Hit, Summary, Text, VideoRecord
from ..video.array_video import ArrayVideo
from ..video.open import find_video
from ..view_models import ViewModels
from ..view_search import search_view
from .restriction import Restriction
from .rows import VideoPart
from .video import RestrictedVideo

if TYPE_CHECKING:
    from ..causal_view import CausalView
    from ..levels.levels import Levels
    from ..memory_models import MemoryModels
    from ..store.database import Store
    from ..store.search import Searcher
    from ..tracking.detector import Detector
    from .text_mask import TextMask

_VIEWS = 8  # moments of which the view is kept
_SEARCHERS = 4  # sets of videos whose searcher is kept
_BLANK = VideoRecord(
    id="video-1", content_id="blank", name="video", path="", start=0.0, end=1.0, width=320, height=180, fps=1.0,
    codec="", has_audio=False, complete=True,
)  # fmt: skip
BLANK = _BLANK.id
"""Id of the one video of a view in which there is nothing."""


class WholeMemory(MemoryView, Protocol):
    """The reading side of `ClipMemory`, of which a view is made."""

    store: Store
    models: MemoryModels

    def until(self, now: float | Moment) -> CausalView:
        """See `ClipMemory.until`."""

    def require_sound(self) -> None:
        """See `ClipMemory.require_sound`."""

    def use_detector(self, detector: Detector | str) -> None:
        """See `ClipMemory.use_detector`."""

    def version(self) -> tuple[int, int]:
        """See `ClipMemory.version`."""


class RestrictedView(ViewModels):
    """The reading side of a memory under a `Restriction`; `ClipMemory.restricted` makes one.

    Every row is made of what may be seen and heard alone, only those rows are searched and counted, and videos that are
    opened show and play no more. Of a `CausalView` it is made in the same way, so that both hold at once.
    """

    _memory: WholeMemory

    def __init__(self, whole: WholeMemory, restriction: Restriction, *, of: CausalView | None = None) -> None:
        self.restriction = restriction
        """What may be seen and heard."""
        self._memory = whole
        self._inner: WholeMemory | CausalView = whole if of is None else of
        self.now: float | Moment | None = None if of is None else of.now
        """The moment for which it was made, where it ends at one."""
        self.folder = whole.folder
        self.people: PeopleView = self._inner.people.only(self._may_appear)
        """See `ClipMemory.people`: turns that may be heard, faces that may be seen."""
        self._lock = threading.RLock()
        self._parts: dict[str, VideoPart] | None = None
        self._searchers: OrderedDict[tuple[str, ...], Searcher] = OrderedDict()
        self._masks: dict[str, TextMask] = {}
        self._levels: dict[frozenset[str] | None, Levels] = {}
        self._until: OrderedDict[float | Moment, RestrictedView] = OrderedDict()

    def __repr__(self) -> str:
        return f"RestrictedView({str(self.folder)!r}, {self.restriction}, now={self.now})"

    def until(self, now: float | Moment) -> RestrictedView:
        """This view as it was at `now`; see `ClipMemory.until`."""
        if self.restriction.blank:
            return self
        with self._lock:
            if now not in self._until:
                inner = self._inner.until(now)
                self._until[now] = RestrictedView(self._memory, self.restriction, of=inner)
                while len(self._until) > _VIEWS:
                    self._until.popitem(last=False)
            self._until.move_to_end(now)
            return self._until[now]

    def now_of(self, video_id: str) -> float:
        """See `CausalView.now_of`; -inf of a video that is hidden."""
        return self._inner.now_of(video_id) if video_id in self._known else _end_of(video_id, self.restriction)

    # What does not depend on what may be seen

    def require_sound(self) -> None:
        """See `ClipMemory.require_sound`."""
        self._memory.require_sound()

    def use_detector(self, detector: Detector | str) -> None:
        """See `ClipMemory.use_detector`."""
        self._memory.use_detector(detector)

    def version(self) -> tuple[int, int]:
        """See `ClipMemory.version`."""
        return self._memory.version()

    # Videos

    @property
    def _known(self) -> dict[str, VideoPart]:
        """The videos that there are, by id."""
        with self._lock:
            if self._parts is None:
                records = [] if self.restriction.blank else self._inner.videos()
                told = [(number, one, self._told(one)) for number, one in enumerate(records)]
                self._parts = {
                    whole.id: VideoPart(
                        number=number,
                        whole=whole,
                        record=record,
                        restriction=self.restriction,
                        memory=self._inner,
                        store=self._memory.store,
                        models=self._memory.models,
                        open_video=lambda id_=whole.id: self.open(id_),  # type: ignore[misc]
                    )
                    for number, whole, record in told
                    if record is not None
                }
            return self._parts

    def _told(self, record: VideoRecord) -> VideoRecord | None:
        """A video's record without what is hidden; None where nothing is left of it."""
        visible = self.restriction.visible(record)
        if not visible:
            return None
        start, end = visible[0].start, visible[-1].end
        # Of a video in which nothing is written this too is known, so that nobody has to read all of it to find out.
        there = [name for name in record.channels if name == "screen_text" or self.restriction.keeps(name)]
        channels = {name: record.channels[name] for name in there}
        failures = tuple(
            one for one in record.failures if one.channel in channels and any(s.overlap(one.span) > 0 for s in visible)
        )
        return replace(
            record,
            content_id=hashlib.sha256(f"{record.content_id}{self._stamp}".encode()).hexdigest(),
            path="",
            notes=(),
            start=start,
            end=end,
            first_picture=record.first_picture if start == record.start else None,
            has_audio=record.has_audio and self.restriction.sound,
            recorded=record.timeline_time(start),
            channels=channels,
            failures=failures,
        )

    @property
    def _stamp(self) -> str:
        return f"{self.restriction} {self.now}"

    def videos(self) -> list[VideoRecord]:
        """Videos of which there is anything."""
        return [_BLANK] if self.restriction.blank else [part.record for part in self._known.values()]

    def video(self, id_or_name_or_path: str | Path) -> VideoRecord:
        """See `ClipMemory.video`."""
        if not self.restriction.blank:
            with suppress(VideoError):
                return self._known[self._inner.video(id_or_name_or_path).id].record
        return find_video(self.videos(), id_or_name_or_path, self.folder)

    def _part(self, video_id: str) -> VideoPart | None:
        """What is known of a video; None of the blank one."""
        return self._known.get(self.video(video_id).id)

    def open(self, video_id: str) -> VideoSource:
        """A video that shows and plays what may be seen and heard."""
        part = self._part(video_id)
        if part is None:
            return ArrayVideo([np.zeros((_BLANK.height, _BLANK.width, 3), np.uint8)], 1 / _BLANK.duration, name="")
        silent = not self.restriction.sound
        heard = [span for span in part.visible if not (silent or self.restriction.is_moment(part.whole.id, span))]
        source = self._inner.open(part.whole.id)
        return RestrictedVideo(
            source, part.pieces, part.record.span, mask=self._mask(part), audible=heard, stamp=self._stamp
        )

    def _mask(self, part: VideoPart) -> TextMask | None:
        """What covers the pictures of a video, one for all who open it."""
        if self.restriction.pictures not in ("without_text", "text"):
            return None
        from .text_mask import TextMask

        with self._lock:
            if part.whole.id not in self._masks:
                there = "screen_text" in part.whole.channels
                texts = self._inner.texts(part.whole.id, channel="screen_text") if there else []
                self._masks[part.whole.id] = TextMask(texts, inverse=self.restriction.pictures == "text")
            return self._masks[part.whole.id]

    # Rows

    def texts(self, video_id: str, *, channel: str | None = None, between: Span | None = None) -> list[Text]:
        """See `ClipMemory.texts`; what reaches beyond a visible part is cut, or read anew."""
        part = self._part(video_id)
        texts = [] if part is None else self._texts_of(part)
        return [text for text in texts if channel in (None, text.channel) and overlaps(text, between)]

    def _texts_of(self, part: VideoPart) -> list[Text]:
        with self._lock:
            return part.texts

    def clips(self, video_id: str, *, level: str = CLIP, between: Span | None = None) -> list[Clip]:
        """See `ClipMemory.clips`; of hidden pictures windows of one length, since cuts are seen."""
        part = self._part(video_id)
        return [clip for clip in ([] if part is None else part.clips(level)) if overlaps(clip, between)]

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
        """See `ClipMemory.search`: among the rows that there are, and by how often words occur in those."""
        return search_view(
            self, self._searcher, query, channels=channels, videos=videos, between=between, level=level, k=k,
            vector=vector,
        )  # fmt: skip

    def prepare(self, videos: Sequence[str]) -> None:
        """Make the rows of some videos (ids; none: all) now, so that no time of a tool or a run goes into it."""
        self._searcher([record.id for record in self.videos() if not videos or record.id in videos])

    def _searcher(self, videos: Sequence[str]) -> Searcher:
        key = tuple(sorted(videos))
        with self._lock:
            if key not in self._searchers:
                rows = [self._known[id_].rows if id_ in self._known else VideoRows(id_, (), (), (), ()) for id_ in key]
                self._searchers[key] = searcher_over(self._memory.store, self._memory.models, rows)
                while len(self._searchers) > _SEARCHERS:
                    self._searchers.popitem(last=False)
            self._searchers.move_to_end(key)
            return self._searchers[key]

    def levels(self, videos: Sequence[str] | None = None) -> Levels:
        """See `ClipMemory.levels`: made of the rows that there are."""
        from ..levels.levels import Levels

        chosen = None if videos is None else frozenset(videos)
        if chosen is not None and chosen.issuperset(record.id for record in self.videos()):
            chosen = None
        with self._lock:
            if chosen not in self._levels:
                self._levels[chosen] = Levels(self, self._memory.store, rows_change=False, videos=chosen)
            return self._levels[chosen]

    def summaries(self, level: str, between: Span | None = None, *, timeline: str | None = None) -> list[Summary]:
        """See `ClipMemory.summaries`."""
        return self.levels().summaries(level, between, timeline=timeline)

    def recorded_in(self, interval: TimelineSpan) -> list[MediaURI]:
        """See `ClipMemory.recorded_in`; of what there is."""
        return recorded_in(interval, self.videos())

    def at_same_time(self, video_id: str, span: Span) -> list[MediaURI]:
        """See `ClipMemory.at_same_time`; of what there is."""
        return at_same_time(self, self.video(video_id), span)

    # Coverage

    def coverage(self, video_id: str) -> Coverage:
        """See `ClipMemory.coverage`: of the parts that there are; objects only in clips that are all there."""
        part = self._part(video_id)
        if part is None:
            return coverage(BLANK, _BLANK.span, {})
        record = part.record
        hidden = [Span(a.end, b.start) for a, b in zip(part.visible, part.visible[1:], strict=False)]
        unknown = {name: self._inner.unknown_spans(record.id, name, record.span) for name in record.channels}
        if "objects" in unknown and self.restriction.spans is not None:
            there = [clip.span for clip in self._inner.clips(record.id)]
            unknown["objects"] += [
                one
                for one in (clip.span for clip in part.clips(CLIP))
                if not any(abs(one.start - c.start) + abs(one.end - c.end) < 1e-3 for c in there)
            ]
        return coverage(record.id, record.span, {name: [*spans, *hidden] for name, spans in unknown.items()})

    def unknown_spans(self, video_id: str, channel: str, span: Span) -> list[Span]:
        """See `ClipMemory.unknown_spans`."""
        return self.coverage(video_id).missing(channel, span)

    def known_until(self, video_id: str, channel: str) -> float:
        """See `ClipMemory.known_until`."""
        record = self.video(video_id)
        return self.coverage(record.id).until(channel) if channel in record.channels else record.start

    def _may_appear(self, video: str, kind: str, span: Span) -> bool:
        """Whether a turn of a speaker, or a face, may be known: all of it is in a part that there is."""
        part = self._known.get(video)
        if part is None or not self.restriction.keeps("voices" if kind == VOICE else "faces"):
            return False
        return self.restriction.spans is None or any(
            one.start <= span.start and span.end <= one.end for one in part.visible
        )


def _end_of(video_id: str, restriction: Restriction) -> float:
    return math.inf if restriction.blank and video_id == BLANK else -math.inf
