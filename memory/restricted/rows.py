"""The rows of a restricted video: what a memory would hold of it that was made of what may be seen and heard alone."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from ..ingest.planning import windows
from ..ingest.segmentation import LEVELS, coarse_windows, shortest_last
from ..ingest.summary_channel import gists
from ..protocol import VideoInfo, VideoSource
from ..span import Span
from ..store.database import Store
from ..store.some_rows import Vector, VideoRows, picture_vectors, text_vectors
from ..store.units import NewText
from ..types import CLIP, OBJECTS, SUMMARY, Clip, Text, VideoRecord
from .restriction import Restriction
from .video import Piece

if TYPE_CHECKING:
    from ..memory_models import MemoryModels
    from ..memory_view import MemoryView

_ROOM = 10**6  # ids of one channel of one video
_GRAIN = 1.0  # seconds of a piece that changes its place inside a clip
_NEAR = 1e-3  # seconds by which the same moment may differ
_SMALL = 512  # pixels of the longest side for encoders, which see a few hundred


@dataclass(frozen=True, kw_only=True)
class VideoPart:
    """One video of a memory, as far as a restriction lets it be known."""

    number: int
    """Among the videos, which tells apart the ids of its rows."""
    whole: VideoRecord
    record: VideoRecord
    """As it is told."""
    restriction: Restriction
    memory: MemoryView
    """What all may be known of: the rows are made of its rows."""
    store: Store
    models: MemoryModels
    open_video: Callable[[], VideoSource]
    """Opens it as it may be seen."""

    @cached_property
    def visible(self) -> tuple[Span, ...]:
        """The parts that there are."""
        return self.restriction.visible(self.whole)

    @cached_property
    def pieces(self) -> tuple[Piece, ...]:
        """What is shown, in order of time."""
        if self.restriction.pictures == "none":
            return ()
        if self.restriction.shuffle is not None:
            return tuple(piece for _, pieces in self._shuffled for piece in pieces)
        id_ = self.whole.id
        return tuple(Piece(span, span.start, self.restriction.is_moment(id_, span)) for span in self.visible)

    @cached_property
    def _shuffled(self) -> list[tuple[Clip, tuple[Piece, ...]]]:
        """The clips of the whole in their new order, each with its pieces; what is made of a clip goes with it."""
        rng = random.Random(f"{self.restriction.shuffle} {self.whole.id}")
        clips = self.memory.clips(self.whole.id) or [Clip(0, self.whole.id, CLIP, self.whole.start, self.whole.end)]
        found, at = [], self.whole.start
        for clip in rng.sample(clips, len(clips)):
            count = max(1, round(clip.duration / _GRAIN))
            length = clip.duration / count
            order = rng.sample(range(count), count)
            pieces = (
                Piece(Span(at + k * length, at + (k + 1) * length), clip.start + n * length)
                for k, n in enumerate(order)
            )
            found.append((clip, tuple(pieces)))
            at += clip.duration
        return found

    def clips(self, level: str) -> list[Clip]:
        """Return the clips of a level, in time order."""
        return list(self._clips.get(level, ()))

    @cached_property
    def _clips(self) -> dict[str, list[Clip]]:
        stored = {level: self.memory.clips(self.whole.id, level=level) for level in (CLIP, *LEVELS)}
        kind = self.store.clipping(self.whole.id).partition(" ")[2]
        seconds = float(kind) if kind else self.whole.duration
        hidden = self.restriction.pictures in ("none", "text")  # where cuts are, and where nothing moves, is seen
        if not (self.restriction.moves or hidden):
            return {level: clips for level, clips in stored.items() if clips}
        if hidden:
            spans = [span for one in self.visible for span in windows(one, seconds, shortest=shortest_last(seconds))]
        elif self.restriction.shuffle is not None:
            spans = [Span(pieces[0].shown.start, pieces[-1].shown.end) for _, pieces in self._shuffled]
        else:
            spans = [part for clip in stored[CLIP] for part in _parts(clip.span, self.visible)]
        levels = {CLIP: spans}
        if stored["chapter"]:
            levels |= coarse_windows(cast(VideoInfo, self.record), seconds, clips=spans)  # only its span is read
        return {
            level: [
                Clip(self._base(place) + n, self.whole.id, level, span.start, span.end)
                for n, span in enumerate(levels[level], 1)
            ]
            for place, level in enumerate((CLIP, *LEVELS))
            if level in levels
        }

    def _base(self, place: int) -> int:
        return _ROOM * (100 * self.number + place)

    @cached_property
    def texts(self) -> list[Text]:
        """All texts, in time order."""
        return self._texts_and_looks[0]

    @cached_property
    def rows(self) -> VideoRows:
        """What a search may find."""
        texts, looks = self._texts_and_looks
        vectors = [*looks, *text_vectors(self.store, self.models, self.whole.id, texts)]
        clips = [clip for clips in self._clips.values() for clip in clips]
        return VideoRows(self.whole.id, self.record.channels, texts, clips, vectors)

    @cached_property
    def _texts_and_looks(self) -> tuple[list[Text], list[Vector]]:
        rows: dict[str, list[NewText]] = {}
        looks: list[tuple[Vector, int | None]] = []
        for channel in self.record.channels:
            if channel == "visual":
                rows[channel], looks = self._looks()
            elif channel != SUMMARY:
                rows[channel] = self._rows_of(channel)
        if SUMMARY in self.record.channels:
            rows[SUMMARY] = self._gists(rows)
        ids = {channel: self._base(50 + place) for place, channel in enumerate(sorted(rows))}
        texts = [
            Text(ids[channel] + n, self.whole.id, channel, row.start, row.end, row.text, row.data)
            for channel, own in rows.items()
            for n, row in enumerate(own, 1)
        ]
        vectors = [
            replace(vector, text=None if place is None else ids["visual"] + place + 1) for vector, place in looks
        ]
        return sorted(texts, key=lambda text: (text.start, text.end, text.channel, text.id)), vectors

    def _gists(self, rows: dict[str, list[NewText]]) -> list[NewText]:
        texts = [
            Text(0, self.whole.id, channel, row.start, row.end, row.text, row.data)
            for channel, own in rows.items()
            for row in own
        ]
        levels = {level: [clip.span for clip in self.clips(level)] for level in LEVELS if self.clips(level)}
        return gists(levels, sorted(texts, key=lambda text: (text.start, text.end, text.channel)))

    def _rows_of(self, channel: str) -> list[NewText]:
        if not self.restriction.keeps(channel):
            return []
        rows = [_new(text) for text in self.memory.texts(self.whole.id, channel=channel)]
        if channel == "speech":
            return rows if self.restriction.spans is None else list(_said_within(rows, self.visible))
        if self.restriction.shuffle is not None:
            return [moved for row in rows for moved in self._moved(row)]
        if self.restriction.spans is None:
            return rows
        inside = [row for row in rows if _is_inside(row, self.visible)]
        if channel == OBJECTS:
            return inside
        return [*inside, *(new for span in self.visible for new in self._read(rows, span))]

    def _moved(self, row: NewText) -> list[NewText]:
        """What stood in some clips stands where these were moved to."""
        found = []
        for clip, pieces in self._shuffled:
            shown = [piece.shown for piece in pieces if piece.source < row.end and piece.end > row.start]
            if clip.start < row.end and clip.end > row.start and shown:
                start, end = min(one.start for one in shown), max(one.end for one in shown)
                found.append(NewText(start, end, row.text, row.data))
        return found

    def _read(self, rows: Sequence[NewText], span: Span) -> list[NewText]:
        """The text on screen at the bounds of a part, read from its pictures: rows that go on beyond tell of more."""
        before = [row.end for row in rows if row.start < span.start - _NEAR and row.end > span.start]
        after = [row.start for row in rows if row.end > span.end + _NEAR and row.start < span.end]
        found: list[NewText] = []
        if before:
            found += self._read_at(span.start, Span(span.start, min(max(before), span.end)))
        if after and not self.restriction.is_moment(self.whole.id, span):
            known = {row.text for row in found}
            late = self._read_at(span.end - _NEAR, Span(max(min(after), span.start), span.end))
            found += [row for row in late if row.text not in known]
        return found

    def _read_at(self, time: float, shown: Span) -> list[NewText]:
        from ..ocr.blocks import blocks_of, new_rows
        from ..ocr.shared import shared_reader

        image = next(iter(self.open_video().frames_at([time]))).image
        blocks = blocks_of(shared_reader().read(image, quick=True), time, image.shape[1] / image.shape[0])
        return [replace(row, start=shown.start, end=shown.end) for row in new_rows(blocks)]

    def _looks(self) -> tuple[list[NewText], list[tuple[Vector, int | None]]]:
        """Return descriptions and vectors of clips, each vector with the place of its description.

        Stored ones, where they are of just what may be seen, and new ones of what may be seen of the other clips.
        """
        texts = self.memory.texts(self.whole.id, channel="visual")
        stored: dict[tuple[float, float], list[tuple[Vector, NewText | None]]] = {}
        by_id = {text.id: text for text in texts}
        now = self.memory.now_of(self.whole.id)
        for vector in picture_vectors(self.store, self.whole.id, texts, now):
            text = by_id.get(vector.text) if vector.text is not None else None
            new = None if text is None else replace(_new(text), data={})  # it may name a second that is hidden
            stored.setdefault(_key(vector.start, vector.end), []).append((vector, new))
        covered = [Span(*bounds) for bounds in stored]
        found: list[tuple[Vector, NewText | None]] = []
        for span, source in self._sources():
            own = stored.get(_key(source.start, source.end)) if source is not None else None
            if own is not None:
                found += [_placed(vector, text, span) for vector, text in own]
            elif any(span.overlap(one) > 0 for one in covered):
                found += self._seen(span)
        rows: list[NewText] = []
        looks: list[tuple[Vector, int | None]] = []
        for vector, described in found:
            looks.append((vector, None if described is None else len(rows)))
            rows += [] if described is None else [described]
        return rows, looks

    def _sources(self) -> Iterable[tuple[Span, Span | None]]:
        """Each clip that there is, and the clip of the whole that looks just like it; None where none does."""
        if self.restriction.shuffle is not None:
            return [(Span(pieces[0].shown.start, pieces[-1].shown.end), clip.span) for clip, pieces in self._shuffled]
        written: list[Text] = []
        if self.restriction.pictures == "without_text":
            if "screen_text" not in self.whole.channels:
                return [(clip.span, None) for clip in self.clips(CLIP)]
            written = self.memory.texts(self.whole.id, channel="screen_text")
        moments = [span for span in self.visible if self.restriction.is_moment(self.whole.id, span)]
        return [
            (
                clip.span,
                None
                if any(text.start < clip.end and text.end > clip.start for text in written)
                or any(span.overlap(clip.span) > 0 for span in moments)
                else clip.span,
            )
            for clip in self.clips(CLIP)
        ]

    def _seen(self, span: Span) -> list[tuple[Vector, NewText | None]]:
        from ..ingest.visual_channel import FPS, ClipEncoder

        video = self.open_video()
        frames = list(video.frames(span, FPS, size=_SMALL)) or list(video.frames_at([span.start], size=_SMALL))
        made = ClipEncoder(video, self.models.visual).rows(span, frames)
        return [
            (
                Vector("visual", made.stamp, one.start, one.end, None, np.asarray(one.vector, np.float16).tobytes()),
                None if one.text is None else replace(made.texts[one.text], data={}),
            )
            for one in made.vectors
        ]


def _new(text: Text) -> NewText:
    return NewText(text.start, text.end, text.text, text.data)


def _placed(vector: Vector, text: NewText | None, span: Span) -> tuple[Vector, NewText | None]:
    moved = replace(vector, start=span.start, end=span.end)
    return moved, None if text is None else replace(text, start=span.start, end=span.end)


def _key(start: float, end: float) -> tuple[float, float]:
    return round(start, 3), round(end, 3)


def _parts(span: Span, visible: Iterable[Span]) -> list[Span]:
    return [Span(max(span.start, one.start), min(span.end, one.end)) for one in visible if span.overlap(one) > _NEAR]


def _is_inside(row: NewText, visible: Iterable[Span]) -> bool:
    return any(one.start - _NEAR <= row.start and row.end <= one.end + _NEAR for one in visible)


def _said_within(rows: Iterable[NewText], visible: Sequence[Span]) -> Iterable[NewText]:
    """Yield what was said in the visible parts, word by word; of words without times nothing that reaches beyond."""
    for row in rows:
        if _is_inside(row, visible):
            yield row
            continue
        for span in visible:
            words: list[Any] = [
                word
                for word in row.data.get("words", ())
                if span.start - _NEAR <= word[0] and word[1] <= span.end + _NEAR
            ]
            if words:
                text = " ".join(str(word[2]).strip() for word in words)
                yield NewText(words[0][0], words[-1][1], text, {**row.data, "words": words})
