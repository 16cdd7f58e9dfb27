"""The rows of a memory at one moment: each is made of pictures and sound before it alone.

Each video ends at its own second (`Cut.second_of`), which is `now` in what follows.

A stored row says of which stretch it was made: a clip of its own, text on screen of the frames at which it was read,
speech of the sound that the recognizer was given. A row that reaches beyond the moment is left out, or made again of
what was there by then: text on screen from its log, the last words by transcribing the video as it ends at that
moment, summaries from the rows that are known.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

from ..errors import RewatchError, VideoError
from ..ingest.planning import windows
from ..ingest.segmentation import LEVELS, coarse_windows
from ..ingest.summary_channel import gists
from ..protocol import VideoInfo, VideoSource
from ..span import Span
from ..store.database import Store
from ..store.search import Searcher
from ..store.some_rows import VideoRows, picture_vectors, searcher_over, text_vectors
from ..store.units import NewText
from ..timeline.cut import Cut
from ..types import CLIP, OBJECTS, SUMMARY, Clip, Text, VideoRecord
from .screen_text import covered, text_until

if TYPE_CHECKING:
    from ..memory_models import MemoryModels

_MARGIN = 0.5  # seconds beyond its own end that the work on a piece of speech, or on the objects of a clip, looks
# Seconds before the moment that are transcribed, or looked at for objects, again at most, where the index had to wait
# for what came later.
_TRANSCRIBED, _DETECTED = 60.0, 30.0
_OVER = 1.0  # seconds behind the end of a video from which on nothing more becomes known of it
_LEAST_SOUND = 0.3  # seconds that are worth transcribing
_SEARCHERS = 4  # sets of videos whose searcher is kept
_ROOM = 10**8  # ids of one channel of one video


class Past:
    """The rows of a memory's videos as they were known by a cut; each is made when it is first asked for, and kept.

    `over` keeps the rows of videos that were over by then: those are the same for every later cut of the same memory.
    """

    def __init__(
        self,
        store: Store,
        models: MemoryModels,
        open_video: Callable[[str], VideoSource],
        cut: Cut,
        over: dict[tuple[str, str], tuple[list[Text], float]],
    ) -> None:
        self._store = store
        self._models = models
        self._open_video = open_video
        self._lock = threading.RLock()
        self._rows: dict[tuple[str, str], tuple[list[Text], float]] = {}
        self._over = over
        self._searchers: OrderedDict[tuple[str, ...], Searcher] = OrderedDict()
        self._records = {record.id: (number, record) for number, record in enumerate(store.records())}
        self._ends = {id_: cut.second_of(record) for id_, (_, record) in self._records.items()}

    def texts(self, video: str, channels: Sequence[str] = ()) -> list[Text]:
        """Return the texts of some channels (none: all) in time order."""
        _, record = self._records[video]
        present = [channel for channel in channels or record.channels if channel in record.channels]
        texts = [text for channel in present for text in self._channel(record, channel)[0]]
        return sorted(texts, key=lambda text: (text.start, text.end, text.channel, text.id))

    def known_until(self, video: str, channel: str) -> float:
        """Return the second up to which a channel is known in full; the video's start if nothing of it is."""
        _, record = self._records[video]
        if channel not in record.channels:
            return record.start
        return min(max(self._channel(record, channel)[1], record.start), record.end, self._ends[video])

    def clips(self, video: str, level: str) -> list[Clip]:
        """Return the clips of one level that have begun, the last of which ends at `now`."""
        number, record = self._records[video]
        if record.start >= self._ends[video] or level not in (CLIP, *LEVELS):
            return []
        spans = self._windows(record)
        if level != CLIP:
            if not self._store.clips(video, "chapter"):
                return []
            seconds = float(self._store.clipping(video).partition(" ")[2])
            so_far = cast(VideoInfo, replace(record, end=min(record.end, self._ends[video])))  # only its span is read
            spans = coarse_windows(so_far, seconds, clips=spans).get(level, [])
        base = _ROOM * (number * (1 + len(LEVELS)) + [CLIP, *LEVELS].index(level))
        return [Clip(base + place, video, level, span.start, span.end) for place, span in enumerate(spans, 1)]

    def _windows(self, record: VideoRecord) -> list[Span]:
        """The clips that have begun; of shots, which are cut by how long they will last, windows of their length."""
        kind, _, seconds = self._store.clipping(record.id).partition(" ")
        now = self._ends[record.id]
        so_far = Span(record.start, min(record.end, now))
        if kind == "shots":
            with suppress(VideoError):  # too many of them
                return windows(so_far, float(seconds), shortest=max(1.0, 0.2 * float(seconds)))
        begun = [clip.span for clip in self._store.clips(record.id, CLIP) if clip.start < now]
        return [Span(span.start, min(span.end, now)) for span in begun]

    def searcher(self, videos: Iterable[str]) -> Searcher:
        """Return a searcher over these videos as they were known, and over nothing else."""
        key = tuple(sorted(videos))
        with self._lock:
            if key not in self._searchers:
                self._searchers[key] = self._searcher(key)
                while len(self._searchers) > _SEARCHERS:
                    self._searchers.popitem(last=False)
            self._searchers.move_to_end(key)
            return self._searchers[key]

    def _searcher(self, videos: Iterable[str]) -> Searcher:
        return searcher_over(self._store, self._models, (self._video_rows(video) for video in videos))

    def _video_rows(self, video: str) -> VideoRows:
        texts = self.texts(video)
        clips = [clip for level in (CLIP, *LEVELS) for clip in self.clips(video, level)]
        vectors = picture_vectors(self._store, video, texts, self._ends[video])
        vectors += text_vectors(self._store, self._models, video, texts)
        return VideoRows(video, self._records[video][1].channels, texts, clips, vectors)

    def _channel(self, record: VideoRecord, channel: str) -> tuple[list[Text], float]:
        """The rows of a channel, and the second up to which they are all that there was."""
        key = (record.id, channel)
        kept = self._over if self._ends[record.id] >= record.end + _OVER else self._rows
        with self._lock:
            if key not in kept:
                begun = record.start < self._ends[record.id]
                rows, covered_until = self._make(record, channel) if begun else ([], record.start)
                base = _ROOM * (100 * self._records[record.id][0] + sorted(record.channels).index(channel))
                texts = [
                    Text(base + place, record.id, channel, row.start, row.end, row.text, row.data)
                    for place, row in enumerate(rows, 1)
                ]
                kept[key] = texts, covered_until
            return kept[key]

    def _make(self, record: VideoRecord, channel: str) -> tuple[list[NewText], float]:
        now = self._ends[record.id]
        if channel == "screen_text":
            return text_until(self._store, record.id, record.width / max(record.height, 1), now)
        if channel == "speech":
            if record.channels[channel].startswith("subtitles:"):
                return list(_subtitles_until(self._stored(record, channel), now)), now
            return self._speech(record)
        if channel == SUMMARY:
            levels = {level: [clip.span for clip in self.clips(record.id, level)] for level in LEVELS}
            texts = self.texts(record.id, [channel for channel in record.channels if channel != SUMMARY])
            return gists({level: spans for level, spans in levels.items() if spans}, texts), now
        margin = _MARGIN if channel == OBJECTS else 0.0
        covered_until = covered(self._store, record.id, channel, now, margin, record.end)
        rows = [row for row, unit in self._stored(record, channel) if min(unit.end + margin, record.end) <= now]
        if channel == OBJECTS:
            latest = self._detected(record, max(covered_until, record.start))
            return (rows, covered_until) if latest is None else ([*rows, *latest], min(now, record.end))
        return rows, covered_until

    def _stored(self, record: VideoRecord, channel: str) -> list[tuple[NewText, Span]]:
        """The stored rows of a channel that begin before `now`, each with the stretch that its unit worked on."""
        rows = self._store.rows(
            "SELECT t.id, u.start_s, u.end_s FROM texts t JOIN units u ON u.id = t.unit WHERE t.video = ? "
            "AND t.channel = ? AND t.start_s < ? ORDER BY t.start_s, t.end_s, t.id",
            (record.id, channel, self._ends[record.id]),
        )
        texts = self._store.texts_by_id(row[0] for row in rows)
        return [
            (NewText(texts[id_].start, texts[id_].end, texts[id_].text, texts[id_].data), Span(start, end))
            for id_, start, end in rows
            if id_ in texts
        ]

    def _speech(self, record: VideoRecord) -> tuple[list[NewText], float]:
        """Recognized speech: what was recognized without later sound, and the last seconds transcribed again."""
        now = self._ends[record.id]
        covered_until = covered(self._store, record.id, "speech", now, _MARGIN, record.end)
        kept: list[NewText] = []
        since = max(covered_until, record.start)
        for row, unit in self._stored(record, "speech"):
            sound_until = float(row.data.get("heard", unit.end + _MARGIN))
            if min(sound_until, record.end) <= now and row.end <= now:
                kept.append(row)
                since = max(since, row.end)
        latest, until = self._transcribed(record, max(since, now - _TRANSCRIBED))
        if until is not None and until - since <= _TRANSCRIBED:
            covered_until = until
        return [*kept, *latest], covered_until

    def _transcribed(self, record: VideoRecord, since: float) -> tuple[list[NewText], float | None]:
        """The words from `since` to `now` by the memory's own recognizer, and their end; None where it is not here."""
        end = min(self._ends[record.id], record.end)
        if end - since < _LEAST_SOUND or not record.has_audio:
            return [], end
        from ..ingest.speech_channel import from_sound

        try:
            transcriber = self._models.transcriber
            if transcriber.stamp != record.channels["speech"].partition(" track ")[0]:
                return [], None
            return from_sound(self._open_video(record.id), Span(since, end), transcriber), end
        except (RewatchError, ImportError):
            return [], None

    def _detected(self, record: VideoRecord, since: float) -> list[NewText] | None:
        """The objects from `since` to `now` by the memory's own detector; None where it is not here, or too long."""
        from ..ingest.objects_channel import detect_clip, stamp

        span = Span(since, max(since, min(self._ends[record.id], record.end)))
        if span.duration == 0:
            return []
        try:
            detector = self._models.detector if span.duration <= _DETECTED else None
            if detector is None or stamp(detector) != record.channels[OBJECTS]:
                return None
            return detect_clip(self._open_video(record.id), span, detector, lambda: None)
        except (RewatchError, ImportError):
            return None


def _subtitles_until(rows: Iterable[tuple[NewText, Span]], now: float) -> Iterable[NewText]:
    """Subtitles up to `now`: of one that still stands, the words that are over.

    Their times were spread over all of it, which nobody knows yet: they are spread over what has passed.
    """
    for row, _ in rows:
        if row.end <= now:
            yield row
            continue
        over: list[Any] = [word for word in row.data.get("words", ()) if word[1] <= now]
        if over:
            pace = (now - row.start) / max(over[-1][1] - row.start, 1e-6)
            words = [
                [*(round(row.start + (time - row.start) * pace, 3) for time in (start, end)), *rest]
                for start, end, *rest in over
            ]
            words[-1][1] = now
            text = " ".join(str(word[2]).strip() for word in words)
            yield NewText(row.start, now, text, {**row.data, "words": words})
