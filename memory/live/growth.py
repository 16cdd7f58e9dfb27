"""Indexing what is recorded, stretch by stretch: one record whose end moves, and only whole clips."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from ..ingest.jobs import Further, ModelSpecs, Pieces, Probe, Probed
from ..ingest.pipeline import Ingest, answer_of, is_unavailable, worker_pool
from ..ingest.request import IngestRequest
from ..ingest.segmentation import fixed_windows, shortest_last
from ..ocr.blocks import reopened
from ..protocol import VideoInfo
from ..span import Span
from ..store import units
from ..store.live import LiveState, live_state, put_live_state
from ..types import CLIP, OPEN
from .segments import Manifest, Segments

if TYPE_CHECKING:
    from ..encoders import TextEncoder
    from ..store.database import Store
    from ..store.search import Searcher

_CLIP_SECONDS = 10.0
_CHAPTER = 600.0  # seconds after which the gists are made anew
BEHIND = "left out: more was coming in than this machine looks at in the same time"
"""The reason why a piece of a live source was not looked at; `retry` takes such pieces up like any that failed."""


class Growth:
    """Indexes a recording while it goes on. The caller holds the writer lock during each call.

    Args:
        store: of the memory.
        searcher: of the memory.
        text_encoder: gives the text encoder.
        models: those of the workers.
        request: channels, length of clips, workers, recognizer; no shots, since cuts to come would move them.
        manifest: the list of segments, which a recorder adds to.
        source: what is watched, as it was named.
        content_id: the identity of the recording.
        name: of the video.
        path: the file that grows; None for what is kept as segments.
        behind: seconds of media that may wait before some are left out; None: all are looked at, however late.
    """

    def __init__(
        self,
        store: Store,
        searcher: Searcher,
        text_encoder: Callable[[], TextEncoder],
        models: ModelSpecs,
        request: IngestRequest,
        *,
        manifest: Manifest,
        source: str,
        content_id: str,
        name: str,
        beginning: str = "",
        behind: float | None = None,
    ) -> None:
        self._store = store
        self._searcher = searcher
        self._ingest = Ingest(store, searcher, text_encoder, models, request)
        self._request = request
        self._pool = worker_pool(models, request.workers)
        self._manifest = manifest
        self._source = source
        self._content_id = content_id
        self._name = name
        self._beginning = beginning
        self._behind = behind
        self._segments: Segments | None = None
        self._probed: Probed | None = None
        self._gists_until = 0.0
        self._taken = 0  # segments that were worked off
        self.video = ""
        """Id of the video; empty before anything was recorded."""

    @property
    def live(self) -> LiveState:
        """The state of the video as it is stored."""
        found = live_state(self._store, self.video) if self.video else None
        return found or LiveState(source=self._source, beginning=self._beginning)

    def extend(self, *, state: str = OPEN) -> float:
        """Take in what was recorded since the last call; returns the second up to which the video is known now.

        With another `state` than OPEN the last piece is taken too, however short it is; else only clips that are whole.
        """
        segments_now = self._manifest.segments
        if not segments_now:
            return 0.0
        if self.video and state == OPEN and len(segments_now) == self._taken:
            return self._store.records(self.video)[0].end  # nothing has come
        segments, probed = self._begin()
        self._plan(segments, probed, state)
        todo = units.units_to_do(self._store, self.video, list(probed.stamps))
        if todo:  # only what has come: what is before it need not be read again
            since = min(unit.span.start for unit in todo)
            parts = [Span(since, max(unit.span.end for unit in todo))]
            self._ingest.work(self._pool, segments, self.video, probed, parts)
        (record,) = self._store.records(self.video)
        info = replace(probed.info, end=record.end)
        self._blocks(info)
        self._ingest.embed_again(self.video)
        if state != OPEN or record.end - self._gists_until >= _CHAPTER:
            self._gists_until = record.end
            self._gists(info)
        self._searcher.save_behind()
        self._taken = len(segments_now)
        return record.end

    def mark(self, state: str) -> None:
        """Store that the recording was stopped, or ended."""
        if self.video:
            put_live_state(self._store, self.video, replace(self.live, state=state))

    def remove_segments(self) -> None:
        """Delete the recording: the file that it was made of is finished."""
        shutil.rmtree(self._manifest.folder, ignore_errors=True)

    def close(self) -> None:
        """Stop the workers."""
        self._pool.close()
        if self._segments is not None:
            self._segments.close()

    def _begin(self) -> tuple[Segments, Probed]:
        if self._segments is None or self._probed is None:
            self._segments = Segments(self._manifest.folder)
            request = self._request
            probed = answer_of(self._pool, Probe(self._segments, request.channels, None, request.streams), Probed)
            self.video = self._store.put_video(
                self._content_id, self._name, replace(probed.info, end=probed.info.start)
            )
            (record,) = self._store.records(self.video)
            if record.channels:  # it goes on: the recording began where it began
                probed = replace(
                    probed, info=replace(probed.info, start=record.start, first_picture=record.first_picture)
                )
                self._gists_until = record.end
            self._probed = probed
        return self._segments, self._probed

    # What is to do

    def _plan(self, segments: Segments, probed: Probed, state: str) -> None:
        """Move the end of the video, and write down every piece of work up to there, in one transaction."""
        store, video, live = self._store, self.video, self.live
        (record,) = store.records(video)
        final = state != OPEN
        seconds = self._request.clip_seconds or float(store.clipping(video).partition(" ")[2] or _CLIP_SECONDS)
        stretches = self._manifest.stretches()
        known = {clip.start for clip in store.clips(video, CLIP)}
        clips = [clip for clip in self._clips(probed.info, stretches, seconds, final) if clip.start not in known]
        end = max([record.end, *(clip.end for clip in clips)])
        gaps = tuple((a.end, b.start) for a, b in zip(stretches, stretches[1:], strict=False) if b.start < end)
        speech, planned = self._speech(segments, probed, live, stretches, end, final)
        late = self._late(clips, stretches[-1].end)
        with store.transaction():
            store.put_facts(video, replace(probed.info, end=end), None, record.notes or probed.notes)
            if not store.clipping(video):
                units.plan_clips(store, video, f"fixed {seconds:g}", [])
            units.append_clips(store, video, clips)
            for channel, stamp in probed.stamps.items():
                if record.channels.get(channel) is None:
                    units.plan_channel(store, video, channel, stamp, [])
                if is_unavailable(record.channels.get(channel, stamp)):
                    continue
                pieces = speech if channel == "speech" else [clip for clip in clips if clip.end > probed.info.seen_from]
                out = [piece for piece in pieces if piece.end <= late]
                todo = [piece for piece in pieces if piece.end > late]
                units.plan_more(store, video, channel, todo, left_out=out, reason=BEHIND)
            seconds_out = sum(clip.duration for clip in clips if clip.end <= late)
            put_live_state(
                store,
                video,
                replace(
                    live, state=state, planned={} if planned is None else {"speech": planned}, gaps=gaps,
                    left_out=live.left_out + seconds_out,
                    dropped=sum(one.span.duration for one in self._manifest.segments if one.dropped),
                ),
            )  # fmt: skip

    def _clips(self, info: VideoInfo, stretches: Sequence[Span], seconds: float, final: bool) -> list[Span]:
        """Return the clips of all stretches; in the last one, while it goes on, those that no more can change."""
        found: list[Span] = []
        for place, stretch in enumerate(stretches):
            start, seen_from = (info.start, info.seen_from) if place == 0 else (stretch.start, stretch.start)
            windows = fixed_windows(replace(info, start=start, first_picture=seen_from, end=stretch.end), seconds)
            if place == len(stretches) - 1 and not final:
                # What follows a whole clip joins it where it is too short for one of its own.
                last = stretch.end - shortest_last(seconds)
                whole = seconds - 1e-6
                windows = [
                    one for one in windows if one.end <= last and (one.duration >= whole or one.start < seen_from)
                ]
            found += windows
        return found

    def _speech(
        self, segments: Segments, probed: Probed, live: LiveState, stretches: Sequence[Span], end: float, final: bool
    ) -> tuple[list[Span], float | None]:
        """Return the pieces of speech that end by `end`, and up to where there are pieces now; None without speech."""
        stamp = probed.stamps.get("speech")
        if stamp is None or not probed.info.has_audio or is_unavailable(stamp):
            return [], None
        since = live.planned.get("speech", probed.info.start)
        found: list[Span] = []
        for place, stretch in enumerate(stretches):
            if stretch.end <= since:
                continue
            begin = probed.info.start if place == 0 else stretch.start
            last = place < len(stretches) - 1 or final
            job = Further(segments, Span(begin, stretch.end), max(since, begin), last)
            pieces = [one for one in answer_of(self._pool, job, Pieces).speech if one.end <= end + 1e-6]
            found += pieces
            since = pieces[-1].end if pieces else max(since, begin)
        return found, since

    def _late(self, clips: Sequence[Span], received: float) -> float:
        """Return the second up to which new pieces are left out, so that half of what may wait is looked at."""
        if self._behind is None or not clips or received - clips[0].start <= self._behind:
            return float("-inf")
        return received - self._behind / 2

    # What is made of what was found

    def _blocks(self, info: VideoInfo) -> None:
        rows = self._store.rows(
            "SELECT min(start_s) FROM texts WHERE video = ? AND channel = 'screen_text' "
            "AND json_extract(data, '$.lines') IS NULL",
            (self.video,),
        )
        if rows[0][0] is None:
            return
        near = self._store.texts(self.video, channel="screen_text", between=Span(float(rows[0][0]) - 60.0, 1e12))
        old, made = reopened(near, info.width / max(info.height, 1))
        units.replace_rows(self._store, self.video, "screen_text", old, made)

    def _gists(self, info: VideoInfo) -> None:
        with self._store.transaction():
            self._ingest.plan_summary(self.video, info)
            self._ingest.summarize(self.video, info)
