"""The clip memory: put videos in; the reading side is `memory_reader`."""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from .encoders import TextEncoder, VisualEncoder
from .ingest.stream_choice import Streams
from .memory_reader import MemoryReader
from .people.people import People, forget_vanished
from .protocol import VideoSource
from .span import Span
from .store import units
from .store.folder import LOCK, is_locked
from .store.search import channel_names
from .types import OBJECTS, VOICES, Progress, Summary, VideoRecord
from .video.open import as_source

if TYPE_CHECKING:
    from .ingest.jobs import ModelSpecs
    from .ingest.parts import Between
    from .ingest.request import IngestRequest
    from .ingest.worker_pool import Cluster
    from .levels.tree import Summarizer
    from .live.growth import Growth
    from .people.speaker_models import SpeakerModel
    from .speech.transcriber import Transcriber
    from .timeline.recording import Recording
    from .tracking.detector import Detector


class ClipMemory(MemoryReader):
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
        super().__init__(
            folder,
            text_encoder=text_encoder,
            visual_encoder=visual_encoder,
            detector=detector,
            vector_index=vector_index,
            read_only=read_only,
        )
        self._adding = threading.Lock()
        self.people = People(self.store, self.writing, self.video)
        """Who speaks and who is seen, where that was learned (`learn_people`); to be named, merged, split, deleted."""

    def __enter__(self) -> ClipMemory:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"ClipMemory({str(self.folder)!r})"

    def close(self) -> None:
        """Close the database; the memory must not be used after that."""
        self.store.close()

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
        return not self._adding.locked() and is_locked(self.folder / LOCK)

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
