"""What a memory knew at one moment: every row made of pictures and sound before it alone, and nothing else.

What was indexed says of which stretch it was made: a clip of its own, text on screen of the looks at which it was read,
speech of the sound that the recognizer was given. What reaches beyond the moment is left out, or made again of what was
there by then: text on screen from its looks, the last words by listening to the video as it ends at that moment,
summaries from what is known.
"""

from __future__ import annotations

import logging
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
from ..store.units import NewText
from ..types import CLIP, OBJECTS, SUMMARY, Clip, Text, VideoRecord
from .screen_text import covered, text_until
from .search import KnownVideo, searcher_of

if TYPE_CHECKING:
    from ..speech.transcriber import Transcriber
    from ..store.database import Store
    from ..store.search import Encoders, Searcher
    from ..tracking.detector import Detector

_MARGIN = 0.5
"""Seconds beyond its own end that the work on a piece of speech, or on the objects of a clip, looks."""
_LISTEN = 60.0
"""Seconds before the moment that are listened to again at most, where the index had to wait for what came later."""
_LOOK = 30.0
"""Seconds before the moment in which objects are looked for again, likewise."""
_LEAST = 0.3
"""Seconds of sound that are worth listening to."""
_SEARCHERS = 4
_ROOM = 10**8  # ids of one channel of one video

log = logging.getLogger(__name__)


class Past:
    """The rows of a memory's videos as they were known at `now`; each is made when it is first asked for, and kept.

    Args:
        store: the memory's.
        encoders: its encoders.
        open_video: opens a video as it ends at `now`.
        ears: gives the recognizer with which the memory listens.
        detector: gives its detector, if it has one.
        now: seconds on the clock of each video.
    """

    def __init__(
        self,
        store: Store,
        encoders: Encoders,
        open_video: Callable[[str], VideoSource],
        ears: Callable[[], Transcriber],
        detector: Callable[[], Detector | None],
        now: float,
    ) -> None:
        self._store = store
        self._encoders = encoders
        self._open_video = open_video
        self._ears = ears
        self._detector = detector
        self.now = now
        self._lock = threading.RLock()
        self._rows: dict[tuple[str, str], list[Text]] = {}
        self._known: dict[tuple[str, str], float] = {}
        self._searchers: OrderedDict[tuple[str, ...], Searcher] = OrderedDict()
        self._records = {record.id: (number, record) for number, record in enumerate(store.records())}

    def texts(self, video: str, channels: Sequence[str] = ()) -> list[Text]:
        """Texts of some channels (none: all) in time order."""
        _, record = self._records[video]
        wanted = channels or (*record.channels,)
        found = [text for channel in wanted if channel in record.channels for text in self._channel(record, channel)]
        return sorted(found, key=lambda text: (text.start, text.end, text.channel, text.id))

    def known_until(self, video: str, channel: str) -> float:
        """The second up to which what is known of a channel is all that there was; the video's start if nothing is."""
        _, record = self._records[video]
        if channel not in record.channels:
            return record.start
        self._channel(record, channel)
        return min(max(self._known[video, channel], record.start), record.end, self.now)

    def clips(self, video: str, level: str) -> list[Clip]:
        """The clips of one level that have begun, the last of which ends at `now`."""
        number, record = self._records[video]
        if record.start >= self.now or level not in (CLIP, *LEVELS):
            return []
        spans = self._windows(record)
        if level != CLIP:
            if not self._store.clips(video, "chapter"):
                return []
            seconds = float(self._store.clipping(video).partition(" ")[2])
            so_far = cast(VideoInfo, replace(record, end=min(record.end, self.now)))  # only its span is looked at
            spans = coarse_windows(so_far, seconds, clips=spans).get(level, [])
        base = _ROOM * (number * (1 + len(LEVELS)) + [CLIP, *LEVELS].index(level))
        return [Clip(base + place, video, level, span.start, span.end) for place, span in enumerate(spans, 1)]

    def _windows(self, record: VideoRecord) -> list[Span]:
        """The clips that have begun; of shots, which are cut by how long they will last, windows of their length."""
        kind, _, seconds = self._store.clipping(record.id).partition(" ")
        so_far = Span(record.start, min(record.end, self.now))
        if kind == "shots":
            with suppress(VideoError):  # too many of them
                return windows(so_far, float(seconds), shortest=max(1.0, 0.2 * float(seconds)))
        begun = [clip.span for clip in self._store.clips(record.id, CLIP) if clip.start < self.now]
        return [Span(span.start, min(span.end, self.now)) for span in begun]

    def searcher(self, videos: Iterable[str]) -> Searcher:
        """A searcher that knows these videos, and of them what was known."""
        key = tuple(sorted(videos))
        with self._lock:
            if key not in self._searchers:
                known = [self._known_video(video) for video in key]
                self._searchers[key] = searcher_of(self._store, self._encoders, known, self.now)
                while len(self._searchers) > _SEARCHERS:
                    self._searchers.popitem(last=False)
            self._searchers.move_to_end(key)
            return self._searchers[key]

    def _known_video(self, video: str) -> KnownVideo:
        _, record = self._records[video]
        clips = [clip for level in (CLIP, *LEVELS) for clip in self.clips(video, level)]
        return KnownVideo(video, tuple(record.channels), tuple(self.texts(video)), tuple(clips))

    def _channel(self, record: VideoRecord, channel: str) -> list[Text]:
        with self._lock:
            key = (record.id, channel)
            if key not in self._rows:
                rows, known = self._made(record, channel)
                base = self._base(record.id, channel)
                self._rows[key] = [
                    Text(base + place, record.id, channel, row.start, row.end, row.text, row.data)
                    for place, row in enumerate(rows, 1)
                ]
                self._known[key] = known
            return self._rows[key]

    def _base(self, video: str, channel: str) -> int:
        number, record = self._records[video]
        return _ROOM * (100 * number + sorted(record.channels).index(channel))

    def _made(self, record: VideoRecord, channel: str) -> tuple[list[NewText], float]:
        """The rows of a channel, and the second up to which they are all that there was."""
        if record.start >= self.now:
            return [], record.start
        if channel == "screen_text":
            return text_until(self._store, record.id, record.width / max(record.height, 1), self.now)
        if channel == "speech":
            if record.channels[channel].startswith("subtitles:"):
                return list(_so_far(self._stored(record, channel), self.now)), self.now
            return self._heard(record)
        if channel == SUMMARY:
            return self._gists(record), self.now
        margin = _MARGIN if channel == OBJECTS else 0.0
        known = covered(self._store, record.id, channel, self.now, margin, record.end)
        rows = [row for row, unit in self._stored(record, channel) if min(unit.end + margin, record.end) <= self.now]
        if channel == OBJECTS:
            again = self._looked_for(record, max(known, record.start))
            return (rows, known) if again is None else ([*rows, *again], min(self.now, record.end))
        return rows, known

    def _looked_for(self, record: VideoRecord, since: float) -> list[NewText] | None:
        """What the memory's own detector sees from `since` to `now`; None where it is not here, or that is too long."""
        from ..ingest.objects_channel import detect_clip, stamp

        span = Span(since, min(self.now, record.end))
        if span.duration <= 0:
            return []
        try:
            detector = self._detector() if span.duration <= _LOOK else None
            if detector is None or stamp(detector) != record.channels[OBJECTS]:
                return None
            return detect_clip(self._open_video(record.id), span, detector, lambda: None)
        except (RewatchError, ImportError) as error:
            log.info("the last seconds of %s were not looked at: %s", record.name, error)
            return None

    def _stored(self, record: VideoRecord, channel: str) -> list[tuple[NewText, Span]]:
        """The stored rows of a channel that begin before `now`, each with the stretch that its unit worked on."""
        rows = self._store.rows(
            "SELECT t.id, u.start_s, u.end_s FROM texts t JOIN units u ON u.id = t.unit WHERE t.video = ? "
            "AND t.channel = ? AND t.start_s < ? ORDER BY t.start_s, t.end_s, t.id",
            (record.id, channel, self.now),
        )
        texts = self._store.texts_by_id(row[0] for row in rows)
        return [
            (NewText(texts[id_].start, texts[id_].end, texts[id_].text, texts[id_].data), Span(start, end))
            for id_, start, end in rows
            if id_ in texts
        ]

    def _heard(self, record: VideoRecord) -> tuple[list[NewText], float]:
        """Recognized speech: what was recognized without later sound, and the last seconds listened to again."""
        known = covered(self._store, record.id, "speech", self.now, _MARGIN, record.end)
        kept: list[NewText] = []
        since = max(known, record.start)
        for row, unit in self._stored(record, "speech"):
            heard = float(row.data.get("heard", unit.end + _MARGIN))
            if min(heard, record.end) <= self.now and row.end <= self.now:
                kept.append(row)
                since = max(since, row.end)
        again, until = self._listened(record, max(since, self.now - _LISTEN))
        if until is not None and until - since <= _LISTEN:
            known = until
        return [*kept, *again], known

    def _listened(self, record: VideoRecord, since: float) -> tuple[list[NewText], float | None]:
        """What the memory's own recognizer makes of the sound from `since` to `now`; nothing where it is not here."""
        end = min(self.now, record.end)
        if end - since < _LEAST:
            return [], end
        if not record.has_audio:
            return [], end
        from ..ingest.speech_channel import from_sound

        try:
            ears = self._ears()
            if ears.stamp != record.channels["speech"].partition(" track ")[0]:
                return [], None
            return from_sound(self._open_video(record.id), Span(since, end), ears), end
        except (RewatchError, ImportError) as error:
            log.info("the last seconds of %s were not listened to: %s", record.name, error)
            return [], None

    def _gists(self, record: VideoRecord) -> list[NewText]:
        levels = {level: [clip.span for clip in self.clips(record.id, level)] for level in LEVELS}
        known = [channel for channel in record.channels if channel != SUMMARY]
        return gists({level: spans for level, spans in levels.items() if spans}, self.texts(record.id, known))


def _so_far(rows: Iterable[tuple[NewText, Span]], now: float) -> Iterable[NewText]:
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
                [
                    round(row.start + (start - row.start) * pace, 3),
                    round(row.start + (end - row.start) * pace, 3),
                    *rest,
                ]
                for start, end, *rest in over
            ]
            words[-1][1] = now
            said = " ".join(str(word[2]).strip() for word in words)
            yield NewText(row.start, now, said, {**row.data, "words": words})
