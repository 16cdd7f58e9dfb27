"""The jobs of the processes that read videos; everything that they find goes out piece by piece."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

from ..checkpoints import first_line
from ..encoders import VisualEncoder, visual_encoder
from ..errors import CapabilityError, RewatchError, VideoError
from ..processes.child_process import connection_to_parent
from ..protocol import VideoSource
from ..span import Span, clock
from ..speech.languages import same_language
from ..store.units import Rows, Unit
from ..types import OBJECTS
from .jobs import Cut, Failed, Further, Heartbeat, Job, JobDone, ModelSpecs, Pieces, Probe, Probed, Send, UnitDone, Work
from .planning import STILL, Busy
from .segmentation import fixed_windows
from .speech_channel import Subtitles, find_subtitles, from_sound, from_subtitles
from .stream_choice import choose_sound, faint_note, is_silent
from .visual_channel import ClipEncoder, ClipFrames, VisualRun

if TYPE_CHECKING:
    from ..ocr.lines import TextReader
    from ..speech.transcriber import Transcriber
    from ..tracking.detector import Detector
    from ..video.file import Video

_STEP_SECONDS = 60.0  # without a sign of life, for one step that should take far less
_HASH_RATE = 10e6  # bytes a second that even a slow disk gives
_PACKAGE = __package__.partition(".")[0]

T = TypeVar("T")


class WorkerModels:
    """The loaded models of one worker and the video it has open."""

    def __init__(self, specs: ModelSpecs) -> None:
        self.specs = specs
        self._open: tuple[str, VideoSource] | None = None
        self._clips: tuple[VideoSource, ClipEncoder] | None = None

    @cached_property
    def visual(self) -> VisualEncoder:
        """The visual encoder."""
        spec = self.specs.visual
        return visual_encoder(spec, threads=1) if spec is None or isinstance(spec, str) else spec

    def clip_encoder(self, video: VideoSource) -> ClipEncoder:
        """Return what encodes the clips of this video; kept for jobs that follow one another."""
        if self._clips is None or self._clips[0] is not video:
            self._clips = video, ClipEncoder(video, self.visual)
        return self._clips[1]

    @cached_property
    def reader(self) -> TextReader:
        """The reader of on-screen text."""
        from ..ocr.reader import RapidReader

        return RapidReader()

    @cached_property
    def transcriber(self) -> Transcriber:
        """The speech recognizer."""
        from ..speech.transcriber import transcriber

        spec = self.specs.transcriber
        return transcriber(spec, language=self.specs.language) if spec is None or isinstance(spec, str) else spec

    @property
    def transcriber_or_none(self) -> Transcriber | None:
        """The speech recognizer, or None where there is none."""
        try:
            return self.transcriber
        except (CapabilityError, ImportError):
            return None

    @cached_property
    def detector(self) -> Detector:
        """The object detector."""
        from ..tracking.detector_weights import no_weights
        from ..tracking.ultralytics_detector import detector

        if self.specs.detector is None:
            raise CapabilityError(no_weights())
        return detector(self.specs.detector, threads=1)

    def video(self, source: str | VideoSource, audio: int | None = None) -> VideoSource:
        """Return the video with the sound track of that index, opened once for jobs that follow one another."""
        if not isinstance(source, str):
            return source
        if self._open is None or self._open[0] != source:
            from ..video.file import Video

            if self._open is not None:
                cast("Video", self._open[1]).close()
            self._open = None
            self._open = (source, Video(source))
        video = cast("Video", self._open[1])
        if audio is not None and video.info.sound_track != audio:
            video.take_sound(audio)
        return video


def main() -> None:
    """Run a worker process: jobs in and messages out over a socket, until it closes or the parent dies."""
    connection = connection_to_parent()
    try:
        models = WorkerModels(connection.recv())
        while True:
            job = connection.recv()
            try:
                run_job(job, models, connection.send)
            except (EOFError, ConnectionError, MemoryError):
                raise
            except Exception:  # a bug: it is raised in the process that gave the job
                connection.send(JobDone(error=RuntimeError(f"A worker process failed:\n{traceback.format_exc()}")))
    except (EOFError, ConnectionError):
        pass


def run_job(job: Job, models: WorkerModels, send: Send) -> None:
    """Do one job; everything it finds goes to `send`, `JobDone` last."""
    try:
        if isinstance(job, Probe):
            send(JobDone(_probe(job, models, send)))
        elif isinstance(job, Cut):
            send(JobDone(_cut(job, models, send)))
        elif isinstance(job, Further):
            send(JobDone(_further(job, models, send)))
        else:
            _work(job, models, send)
            send(JobDone())
    except RewatchError as error:
        send(JobDone(error=error))


def _probe(job: Probe, models: WorkerModels, send: Send) -> Probed:
    send(Heartbeat((), _STEP_SECONDS))
    video = models.video(job.source)
    hashing = Path(job.source).stat().st_size / _HASH_RATE if isinstance(job.source, str) else 0.0
    send(Heartbeat((), _STEP_SECONDS + hashing))
    content_id = video.content_id
    send(Heartbeat((), 4 * _STEP_SECONDS + hashing))
    main_track = video.info.sound_track
    audio, notes, language = _choose_sound(job, video, models, _beat(send, [], 2 * _STEP_SECONDS))
    send(Heartbeat((), 3 * _STEP_SECONDS + hashing))
    subtitles = None
    stamps = {}
    for channel in job.channels:
        try:
            if channel == "visual":
                stamps[channel] = models.visual.stamp
            elif channel == "screen_text":
                stamps[channel] = models.reader.stamp
            elif channel == OBJECTS:
                from .objects_channel import stamp

                stamps[channel] = stamp(models.detector)
            elif channel == "speech":
                subtitles = _find_words(job, video, models, audio, language, notes, send)
                track = f" track {audio}" if audio not in (None, main_track) else ""
                stamps[channel] = subtitles.stamp if subtitles else models.transcriber.stamp + track
        except (CapabilityError, ImportError) as error:
            if channel == "speech" and (models.specs.transcriber, models.specs.language) != (None, None):
                raise
            stamps[channel] = f"unavailable: {error}"
    return Probed(video.info, content_id, stamps, subtitles, audio, tuple(notes))


def _choose_sound(
    job: Probe, video: VideoSource, models: WorkerModels, alive: Callable[[], None]
) -> tuple[int | None, list[str], str | None]:
    """Index of the sound track to take (None where there is no choice), notes about it, and its language."""
    tracks = video.info.sound_tracks
    if not isinstance(job.source, str) and job.streams.audio is not None:
        raise VideoError("A sound track can only be chosen of a file: this video is none.")
    if not isinstance(job.source, str) or (not tracks and job.streams.audio is None):
        return None, [], None
    ears = models.transcriber_or_none if len(tracks) > 1 and job.streams.language is None else None
    only = "en" if ears is not None and not getattr(ears, "multilingual", True) else None
    track, note = choose_sound(video.info, Path(job.source), job.streams, only, alive)
    if track is None:
        return None, [], None
    if len(tracks) > 1:
        models.video(job.source, track.index)
    return track.index if len(tracks) > 1 else None, [note] if note else [], track.language


def _find_words(
    job: Probe,
    video: VideoSource,
    models: WorkerModels,
    audio: int | None,
    language: str | None,
    notes: list[str],
    send: Send,
) -> Subtitles | None:
    """The subtitles to take, or None for the sound; `notes` gets what should be known of either."""
    path = Path(job.source) if isinstance(job.source, str) else None
    alive = _beat(send, [], 2 * _STEP_SECONDS)

    def understands() -> bool:
        ears = models.transcriber_or_none if video.info.has_audio else None
        return ears is not None and (
            getattr(ears, "multilingual", True) or language is None or same_language(language, "en")
        )

    def can_listen() -> bool:
        return understands() and not (path is not None and is_silent(path, video.info.span, audio, alive))

    subtitles = None
    if job.subtitles is not None or job.streams.subtitles is not None or models.specs.transcriber is None:
        subtitles, found = find_subtitles(
            video.info, job.subtitles, job.streams, language=language, can_listen=can_listen
        )
        notes += found
    if subtitles is None and video.info.has_audio and path is not None:
        quiet = faint_note(path, video.info.span, audio, alive)
        notes += [quiet] if quiet else []
        if language is not None and models.transcriber_or_none is not None and not understands():
            notes.append(
                f"its sound is marked as {language}, and the recognizer knows English only: --transcriber names one "
                "that knows more"
            )
    return subtitles


def _cut(job: Cut, models: WorkerModels, send: Send) -> Pieces:
    video = models.video(job.source, job.audio)
    send(Heartbeat((), 2 * _STEP_SECONDS + video.info.size / _HASH_RATE))
    busy = Busy.of(video)
    whole = video.info.span
    send(Heartbeat((), _STEP_SECONDS + 3 * (whole.duration if busy is None else busy.seconds(whole))))
    if job.shots:
        from .segmentation import shot_clips

        clips = shot_clips(video, job.clip_seconds, busy=busy)
    else:
        clips = fixed_windows(video.info, job.clip_seconds, busy=busy)
    speech: list[Span] = []
    if job.speech and video.info.has_audio:
        from ..speech.transcriber import speech_windows

        speech = sorted({piece for part in job.speech for piece in speech_windows(video, models.transcriber, part)})
    still = sum(clip.duration for clip in clips if clip.duration > STILL * job.clip_seconds)
    note = f"nothing new is shown or heard for {clock(still)} of {clock(whole.duration)}: one clip a stretch"
    return Pieces(clips, speech, (note,) if still else ())


def _further(job: Further, models: WorkerModels, send: Send) -> Pieces:
    from ..speech.transcriber import further_windows

    send(Heartbeat((), _STEP_SECONDS + 3 * max(job.span.end - job.since, 0.0)))
    speech = further_windows(models.video(job.source), job.span, job.since, models.transcriber)
    last = speech[-1].end if speech else job.since
    if job.final and last < job.span.end:
        speech.append(Span(last, job.span.end))
    return Pieces([], speech)


def _work(job: Work, models: WorkerModels, send: Send) -> None:
    try:
        video = models.video(job.source, job.audio)
    except RewatchError as error:
        for unit in job.units:
            send(Failed(unit.id, str(error)))
        return
    clips: dict[Span, list[Unit]] = {}
    for unit in job.units:
        if unit.channel == "speech":
            # Recognizers run from a tenth of real time to ten times of it on a busy machine.
            send(Heartbeat((unit.id,), 2 * _STEP_SECONDS + 20 * min(unit.span.duration, 300)))
            _do_unit(unit, send, _listen, video, unit, job.subtitles, models)
        elif unit.channel == OBJECTS:
            _do_unit(unit, send, _detect, video, unit, models, send)
        else:
            clips.setdefault(unit.span, []).append(unit)
    _read_pictures(video, clips, job.lead, models, send)


def _listen(video: VideoSource, unit: Unit, subtitles: Subtitles | None, models: WorkerModels) -> Rows:
    if subtitles is not None:
        return Rows(from_subtitles(video, subtitles))
    return Rows(from_sound(video, unit.span, models.transcriber))


def _detect(video: VideoSource, unit: Unit, models: WorkerModels, send: Send) -> Rows:
    from .objects_channel import detect_clip

    return Rows(detect_clip(video, unit.span, models.detector, _beat(send, [unit], 2 * _STEP_SECONDS)))


def _read_pictures(
    video: VideoSource, clips: dict[Span, list[Unit]], lead: Sequence[Span], models: WorkerModels, send: Send
) -> None:
    """Decode the frames of consecutive clips once, and give them to every channel that takes them."""
    texts = any(unit.channel == "screen_text" for units in clips.values() for unit in units)
    spans = sorted({*clips, *lead})
    run = VisualRun(video, spans, texts=texts)
    for span in spans:
        units = clips.get(span, [])
        alive = _beat(send, units, _STEP_SECONDS)
        frames = _attempt(units, send, run.clip, span, alive)
        if frames is None:
            continue
        # The reader drives the decoder; the frames for the encoder are kept on the way.
        if span in lead:
            _attempt([], send, frames.read, models.reader, alive)
        for unit in sorted(units, key=lambda unit: unit.channel != "screen_text"):
            _do_unit(unit, send, _read_unit, video, unit, frames, models, send)


def _read_unit(video: VideoSource, unit: Unit, frames: ClipFrames, models: WorkerModels, send: Send) -> Rows:
    alive = _beat(send, [unit], 2 * _STEP_SECONDS)
    if unit.channel == "screen_text":
        return frames.read(models.reader, alive)
    small = frames.small()
    alive()
    return models.clip_encoder(video).rows(unit.span, small)


def _beat(send: Send, units: list[Unit], patience: float) -> Callable[[], None]:
    heartbeat = Heartbeat(tuple(unit.id for unit in units), patience)
    return lambda: send(heartbeat)


def _do_unit(unit: Unit, send: Send, read: Callable[..., Rows], *arguments: Any) -> None:
    rows = _attempt([unit], send, read, *arguments)
    if rows is not None:  # outside the attempt: an error in storing the rows is none of the video's
        send(UnitDone(unit.id, rows))


def _attempt(units: list[Unit], send: Send, read: Callable[..., T], *arguments: Any) -> T | None:
    """Return what `read` returns; where a decoder or a model fails, mark the units and return None.

    The rest of the video is still to be had. A bug of this package is raised.
    """
    try:
        return read(*arguments)
    except Exception as error:  # decoders and models are third-party code and raise anything
        if _is_bug(error):
            raise
        reason = first_line(error)
        if not isinstance(error, RewatchError):
            reason = f"{type(error).__name__}: {reason}"
        for unit in units:
            send(Failed(unit.id, reason))
        return None


def _is_bug(error: Exception) -> bool:
    """Return whether an error is a bug of this package, and no failure of a file, a decoder, a model or a package.

    Failures are errors of the kinds that native code and input-output raise, classes that other packages define, and
    whatever is raised inside the code of others.
    """
    if isinstance(error, ConnectionError | MemoryError | AssertionError | NotImplementedError | RecursionError):
        return True
    if isinstance(error, RewatchError | OSError | RuntimeError | EOFError | ImportError):
        return False
    if type(error).__module__ != "builtins":
        return type(error).__module__.partition(".")[0] == _PACKAGE
    innermost = list(traceback.walk_tb(error.__traceback__))[-1][0]
    return str(innermost.f_globals.get("__name__", "")).partition(".")[0] == _PACKAGE
