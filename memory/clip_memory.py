"""The clip memory: put videos in, search them, read what was found, open them again."""

from __future__ import annotations

import math
import os
import shutil
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from .causal_view import CausalView
from .coverage import Coverage, coverage
from .encoders import TextEncoder, VisualEncoder
from .errors import MemoryFolderError
from .ingest.stream_choice import Streams
from .memory_models import MemoryModels
from .memory_view import MemoryView, Picture, at_same_time
from .people.people import People, forget_vanished
from .protocol import VideoSource
from .span import MediaURI, Span
from .store import units
from .store.database import Store
from .store.folder import is_locked
from .store.index_kinds import USUAL
from .store.live import live_state, watched
from .store.search import Searcher, channel_names, dated, scope_of, span_of, timeline_scope
from .timeline.cut import Cut
from .timeline.interval import TimelineSpan, recorded_in
from .timeline.moment import Moment
from .tracking.detector_weights import usual_detector
from .types import (
    CHANNELS,
    CLIP,
    ENDED,
    OBJECTS,
    TIMELINE_LEVELS,
    VOICES,
    Clip,
    Hit,
    Progress,
    Summary,
    Text,
    VideoRecord,
)
from .video.file import Video
from .video.growing_video import GrowingVideo
from .video.open import as_source, find_video, one_or_many, open_file
from .video.pictures import read_picture

if TYPE_CHECKING:
    from .causal.past import Past
    from .ingest.jobs import ModelSpecs
    from .ingest.parts import Between
    from .ingest.request import IngestRequest
    from .ingest.worker_pool import Cluster
    from .levels.levels import Levels
    from .levels.tree import Summarizer
    from .live.growth import Growth
    from .people.speaker_models import SpeakerModel
    from .speech.transcriber import Transcriber
    from .timeline.recording import Recording
    from .tracking.detector import Detector

_PASTS = 8  # moments of which the known rows are kept


class ClipMemory:
    """A folder that remembers videos clip by clip. Many processes may read it, one may write.

    Args:
        folder: where it lies; made when it is not there.
        text_encoder: for speech and on-screen text: an encoder, a folder or hub name, or None for what the memory was
            made with, else the best that is here.
        visual_encoder: for pictures, likewise.
        detector: for objects: a detector, or the path or name of weights (`.pt`, `.onnx`); None for what the memory was
            made with, else, in a memory without videos, the weights that are here (see `found_detector`).
        vector_index: the kind of index of its vectors: `"faiss"`, `"lance"`, or one of the entry points
            `rewatch.vector_indexes`; kept when the next video is added. None for what the memory was made with.
        read_only: never write, not even caches.

    Raises:
        MemoryFolderError: if the folder cannot be used; the text says why and what to do.
        UnknownNameError: if there is no vector index of that name.
        CapabilityError: if the package of the vector index is not here.
    """

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
        self._vector_index = vector_index
        self.searcher = Searcher(self.store, self.models, vector_index or self.store.meta("vector_index") or USUAL)
        """Its indexes."""
        self._sources: dict[str, VideoSource] = {}
        self._adding = threading.Lock()
        self.people = People(self.store, self.writing, self.video)
        """Who speaks and who is seen, where that was learned (`learn_people`); to be named, merged, split, deleted."""
        self._pasts: OrderedDict[tuple[Cut, tuple[int, int]], Past] = OrderedDict()
        self._levels: OrderedDict[tuple[Any, ...], Levels] = OrderedDict()
        self._pasts_lock = threading.Lock()
        self._over: tuple[tuple[int, int], dict[tuple[str, str], tuple[list[Text], float]]] = ((0, 0), {})

    def __enter__(self) -> ClipMemory:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"ClipMemory({str(self.folder)!r})"

    def close(self) -> None:
        """Close the database; the memory must not be used after that."""
        self.store.close()

    # Writing

    def add(
        self,
        source: str | Path | VideoSource,
        *,
        channels: str | Sequence[str] | None = None,
        clip_seconds: float | None = None,
        clips: Literal["fixed", "shots"] | None = None,
        subtitles: str | Path | None = None,
        transcriber: Transcriber | str | None = None,
        language: str | None = None,
        audio: int | str | None = None,
        subtitle_stream: int | str | None = None,
        workers: int | Cluster | None = None,
        retry: bool = False,
        again: str | Sequence[str] = (),
        progress: Callable[[Progress], None] | None = None,
        recorded: str | datetime | None = None,
        timeline: str | None = None,
        between: Span | Sequence[float | str | None] | str | None = None,
    ) -> VideoRecord:
        """Put a video into the memory, or go on where an earlier call was stopped.

        Only what is missing is done: a piece at a time, each kept at once, whatever happens afterwards. A file that is
        known by its content, under whatever name, is the same video; only a copy beside which other subtitles lie,
        while the first is still there, is one of its own. Pieces that cannot be read are marked, see
        `VideoRecord.failures`.

        Args:
            source: a file, or any `VideoSource` (worked on in this process).
            channels: what to fill; channels filled before stay. None: visual, speech and screen_text, and objects where
                the memory has a detector or takes one of itself (see `found_detector`). Objects asked for by name take
                it in any memory.
            clip_seconds: length of a clip (10 s at first; None leaves it). Another length redoes the pictures.
            clips: `"fixed"` windows or `"shots"` between cuts (None leaves it).
            subtitles: take the words from this subtitle file (.srt, .vtt, .ass, .sub). None: from a file beside the
                video or a text stream in it, where there is one, unless `transcriber` is given.
            transcriber: recognize speech with this one; a changed one redoes the speech. None: the best that is here,
                for what was not listened to yet.
            language: code of the language that is spoken (`de`); None detects it where the recognizer can. A changed
                one redoes speech that was recognized. Sound tracks and subtitles in it are preferred.
            audio: the sound track to take: its number among them, from 1, its language, or words of its title. None:
                see `streams.choose_sound`; `VideoRecord.notes` says which it was.
            subtitle_stream: take the words from this subtitle stream in the file, named likewise.
            workers: processes that decode and recognize; None: as many as cores may be used; 0: in this process. Or
                workers elsewhere (`cluster.ray_pool.RayCluster`).
            retry: try again what failed before.
            again: channels to make anew, with what is the best for them now; only these where `channels` is None.
            progress: called after each piece, in this thread.
            recorded: see `set_recording`. None: what its name or its metadata say, where nothing is known yet.
            timeline: likewise.
            between: only what lies in this span of the video (seconds), or between these two bounds: seconds, moments
                of its timeline as text (`2026-05-03 09:10`), None for the video's own. Further parts add to it. The
                pieces are those of the whole video, so that the rest can be done later: `"all"`. None: the parts that
                were asked for before, all of the video where none was.

        Raises:
            VideoError: if the file cannot be used.
            MemoryFolderError: if the memory cannot be written, another process is writing, or the disk is full.
            CapabilityError: if an encoder or recognizer that was asked for is not here.
        """
        from .ingest.dating import check_timeline, recording_given
        from .ingest.parts import between_of
        from .ingest.request import IngestRequest

        again = channel_names(again)
        chosen = (again or self.usual_channels) if channels is None else channel_names(channels)
        request = IngestRequest(
            channels=tuple(dict.fromkeys((*chosen, *again))),
            clip_seconds=clip_seconds,
            clips=clips,
            subtitles=Path(subtitles) if subtitles is not None else None,
            streams=Streams(audio, subtitle_stream, language),
            transcriber=transcriber,
            workers=workers,
            retry=retry,
            again=again,
            progress=progress,
            recorded=None if recorded is None else recording_given(recorded),
            timeline=None if timeline is None else check_timeline(timeline),
            between=between_of(between),
        )
        return self.add_as(source, request)

    def add_as(self, source: str | Path | VideoSource, request: IngestRequest) -> VideoRecord:
        """Put a video into the memory, as a request says; see `add`."""
        from .ingest.pipeline import Ingest

        source = as_source(source)
        if OBJECTS in request.channels:
            self.models.require_detector()
        models, language = self.models, request.streams.language
        specs = self._specs(request)
        fingerprint = request.fingerprint(source, specs, [models.text.stamp, models.visual.stamp])
        video = self._unchanged(source, fingerprint, request.between)
        if video is not None:  # nothing to index, so another process may be writing
            return self._date(video, request.recorded, request.timeline)
        with self.writing():
            video = self._unchanged(source, fingerprint, request.between)
            if video is None:
                models.remember(request.transcriber, language)
                if self._vector_index is not None and self.store.meta("vector_index") != self._vector_index:
                    self.store.set_meta("vector_index", self._vector_index)
                video = Ingest(self.store, self.searcher, lambda: models.text, specs, request).run(source)
                self.store.set_checked(video, fingerprint)
                self._renew_levels(video)
            if not isinstance(source, str):
                self._sources[video] = source
        (record,) = self.store.records(video)
        return record

    def _renew_levels(self, video: str) -> None:
        """Make the summaries anew of the hours, days and weeks in which a video lies."""
        (record,) = self.store.records(video)
        if record.recorded is not None:
            self.levels().renew(between=Span(record.recorded, record.recorded + record.duration))

    def summarize(
        self, summarizer: Summarizer | None = None, *, progress: Callable[[Summary], None] | None = None
    ) -> int:
        """Make the summaries of hours, days and weeks that are missing or stale, and the habits of each timeline.

        `add` makes the summaries that a video changes by itself; this also has a model write them.

        Args:
            summarizer: writes them, and those too that something else wrote; None: extractive, where they are stale.
            progress: called with each summary that was made, once it is stored.

        Returns:
            How many summaries were made.

        Raises:
            MemoryFolderError: if the memory cannot be written, or another process is writing.
        """
        with self.writing():
            self.levels().forget_stale()
            count = self.levels().renew(summarizer=summarizer, progress=progress)
            self.levels().renew_habits()
            return count

    def _specs(self, request: IngestRequest) -> ModelSpecs:
        from .ingest.jobs import ModelSpecs

        models, language = self.models, request.streams.language
        return ModelSpecs(models.visual_choice, request.transcriber, models.detector_choice, language)

    def growth(self, request: IngestRequest, **recording: Any) -> Growth:
        """Return what indexes a recording while it goes on; the other arguments are those of `Growth`."""
        from .live.growth import Growth

        with self.writing():
            self.models.remember(request.transcriber, request.streams.language)
        return Growth(self.store, self.searcher, lambda: self.models.text, self._specs(request), request, **recording)

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Be the one that writes.

        Raises:
            MemoryInUse: if another process is writing.
        """
        with self._adding, self.store.writing():
            yield

    @property
    def is_written_elsewhere(self) -> bool:
        """Whether another process is writing at this moment."""
        return not self._adding.locked() and is_locked(self.folder)

    @property
    def usual_channels(self) -> tuple[str, ...]:
        """The channels that `add` fills where none are named."""
        looks = self.models.detector_choice is not None or self.found_detector() is not None
        return (*CHANNELS, OBJECTS) if looks else CHANNELS

    def _unchanged(self, source: str | VideoSource, fingerprint: str, between: Between) -> str | None:
        """The id of a file that has not changed since nothing was left to do for the same request."""
        if not isinstance(source, str) or not fingerprint:
            return None
        try:
            state = os.stat(source)
        except OSError:
            return None
        file = self.store.file(source)
        if file is None or (file.size, file.mtime_ns) != (state.st_size, state.st_mtime_ns):
            return None
        if self.store.checked(file.video) != fingerprint:
            return None
        (record,) = self.store.records(file.video)
        if between is None and not record.complete and (parts := units.parts(self.store, record.id)):
            return None if units.units_to_do(self.store, record.id, list(record.channels), parts) else record.id
        return record.id if record.complete else None

    def set_recording(
        self, video_id: str, recorded: str | datetime | None = None, timeline: str | None = None
    ) -> VideoRecord:
        """Say when a video was recorded and which timeline it belongs to; nothing is indexed again.

        Args:
            video_id: the video's id, name or path.
            recorded: the moment at its start: a `datetime`, or text as `timeline.parse_moment` reads it, such as
                `2026-05-03T09:00+02:00` or `DAY1 11:09:30`; `"none"` if nobody knows. None leaves it.
            timeline: a name; the videos of one share a clock. None leaves it.

        Raises:
            ValueError: if an argument can mean nothing.
            VideoError: if there is no such video.
            MemoryFolderError: if the memory cannot be written, or another process is writing.
        """
        from .ingest.dating import check_timeline, recording_given

        given = None if recorded is None else recording_given(recorded)
        return self._date(self.video(video_id).id, given, None if timeline is None else check_timeline(timeline))

    def _date(self, video: str, given: Recording | None, timeline: str | None) -> VideoRecord:
        from .ingest.dating import date_video

        if given is not None or timeline is not None:
            with self.writing():
                date_video(self.store, video, given, timeline)
        return self.store.records(video)[0]

    def remove(self, video_id: str) -> int:
        """Forget a video and everything that was found in it, in the files of the memory too; the video file stays.

        Returns:
            How many bytes smaller the memory has become.

        Raises:
            VideoError: if there is no such video.
            MemoryFolderError: if the memory cannot be written.
        """
        with self.writing():
            record = self.video(video_id)
            id_ = record.id
            before = self.store.size()
            with self.store.transaction() as db:
                units.remove_video(self.store, id_)
                if self.people.on:
                    forget_vanished(self.store, db)
            shutil.rmtree(self._recording(record), ignore_errors=True)
            self._sources.pop(id_, None)
            self.levels().forget_stale()
            self.searcher.forget_deleted()
            self.store.shrink()
            return before - self.store.size()

    def learn_people(
        self,
        video_id: str,
        channels: str | Sequence[str] = VOICES,
        *,
        speaker_model: SpeakerModel | str | None = None,
        same: float | None = None,
        face_models: tuple[str | Path, str | Path] | None = None,
        again: bool = False,
        progress: Callable[[Progress], None] | None = None,
    ) -> VideoRecord:
        """Learn who speaks in a video, or who is seen; or go on where that was stopped. Nothing else ever does this.

        Vectors of voices and faces are kept in the memory until they are deleted (`people.delete`, `remove`).

        Args:
            video_id: its id, name or path.
            channels: `"voices"`, `"faces"` or both.
            speaker_model: a model, `"resemblyzer"`, or the path of an ONNX file (see `OnnxSpeaker`). None: as before,
                else `resemblyzer`.
            same: for an ONNX file: least cosine between two turns of one voice.
            face_models: paths of YuNet's and SFace's files. None: as before.
            again: forget what was learned of this video, and learn it anew.
            progress: called after each piece, in this thread.

        Raises:
            CapabilityError: if a model is not here.
            MisuseError: if it was learned by another model, and not `again`.
            VideoError: if there is no such video, or its file is gone.
        """
        from .people.choice import learners
        from .people.learn import learn

        names = (channels,) if isinstance(channels, str) else tuple(channels)
        with self.writing():
            for learner in learners(self.store, names, speaker_model, same, face_models):
                record = self.video(video_id)
                learn(self.store, self.open(record.id), record, learner, again=again, progress=progress)
        return self.video(video_id)

    # Reading

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
        key = (cut, chosen, self.store.version())
        with self._pasts_lock:
            if key not in self._levels:
                self._levels[key] = Levels(view, self.store, rows_change=cut is None, videos=chosen)
                while len(self._levels) > _PASTS:
                    self._levels.popitem(last=False)
            self._levels.move_to_end(key)
            return self._levels[key]

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
        with self._pasts_lock:
            if key not in self._pasts:
                if self._over[0] != key[1]:
                    self._over = key[1], {}
                self._pasts[key] = Past(
                    self.store,
                    self.models,
                    lambda video: TruncatedVideo(self.open(video), cut.second_of(self.video(video))),
                    cut,
                    self._over[1],
                )
                while len(self._pasts) > _PASTS:
                    self._pasts.popitem(last=False)
            self._pasts.move_to_end(key)
            return self._pasts[key]
