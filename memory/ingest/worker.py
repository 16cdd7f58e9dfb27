"""What runs in the processes that read videos: jobs come in, what was found goes out piece by piece."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, cast

from ..encoders import VisualEncoder, visual_encoder
from ..errors import CapabilityError, RewatchError, VideoError
from ..processes.child_process import connection_to_parent
from ..protocol import VideoInfo, VideoSource
from ..span import Span, clock
from ..speech.languages import same_language
from ..store.units import Rows, Unit
from ..types import OBJECTS
from . import speech_channel as listening
from . import visual_channel as looking
from .planning import STILL, Busy
from .segmentation import fixed_windows
from .stream_choice import Streams, choose_sound, faint_note, is_silent

if TYPE_CHECKING:
    from ..ocr.screen_text import TextReader
    from ..speech.transcriber import Transcriber
    from ..tracking.detector import Detector
    from ..video.file import Video

_STEP_SECONDS = 60.0  # without a sign of life, for one step that should take far less
_HASH_RATE = 10e6  # bytes a second that even a slow disk gives


@dataclass(frozen=True, slots=True)
class ModelSpecs:
    """What a worker works with: names (loaded in the worker) or objects; None is the default."""

    visual: VisualEncoder | str | None = None
    transcriber: Transcriber | str | None = None
    detector: Detector | str | None = None
    language: str | None = None


@dataclass(frozen=True, slots=True)
class Probe:
    """Look at a file: facts, content, and what would make each channel of it."""

    source: str | VideoSource
    channels: tuple[str, ...]
    subtitles: Path | None
    streams: Streams = Streams()


@dataclass(frozen=True, slots=True)
class Probed:
    """The answer to `Probe`. `stamps` names what makes each channel; "unavailable: …" where nothing here can."""

    info: VideoInfo
    content_id: str
    stamps: dict[str, str]
    subtitles: listening.Subtitles | None
    audio: int | None = None
    """Index of the sound track that was taken, where there are several."""
    notes: tuple[str, ...] = ()
    """Which streams were taken and what was passed over, for people."""


@dataclass(frozen=True, slots=True)
class Cut:
    """Find where clips and pieces of speech begin and end."""

    source: str | VideoSource
    clip_seconds: float
    shots: bool
    speech: bool
    audio: int | None = None


@dataclass(frozen=True, slots=True)
class Pieces:
    """The answer to `Cut`."""

    clips: list[Span]
    speech: list[Span]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Work:
    """Units of one video to do one after another; those of one clip stand together."""

    source: str | VideoSource
    units: tuple[Unit, ...]
    subtitles: listening.Subtitles | None = None
    audio: int | None = None


Job = Probe | Cut | Work


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """A sign of life: these units (ids) are being worked on; after `patience` seconds of silence it hangs."""

    units: tuple[int, ...]
    patience: float


@dataclass(frozen=True, slots=True)
class UnitDone:
    """A unit is done."""

    unit: int
    rows: Rows


@dataclass(frozen=True, slots=True)
class Failed:
    """A unit cannot be done."""

    unit: int
    reason: str


@dataclass(frozen=True, slots=True)
class JobDone:
    """The job is over. `error` is what a person should read when it could not be done at all."""

    answer: Probed | Pieces | None = None
    error: Exception | None = None


Message = Heartbeat | UnitDone | Failed | JobDone
Send = Callable[[Message], None]


class WorkerModels:
    """The loaded models of one worker and the video it has open."""

    def __init__(self, kit: ModelSpecs) -> None:
        self._kit = kit
        self._open: tuple[str, VideoSource] | None = None

    @cached_property
    def visual(self) -> VisualEncoder:
        """The visual encoder."""
        given = self._kit.visual
        return visual_encoder(given, threads=1) if given is None or isinstance(given, str) else given

    @cached_property
    def reader(self) -> TextReader:
        """The reader of on-screen text."""
        from ..ocr.screen_text import text_reader

        return text_reader()

    @cached_property
    def transcriber(self) -> Transcriber:
        """The speech recognizer."""
        from ..speech.transcriber import transcriber

        given = self._kit.transcriber
        if given is None or isinstance(given, str):
            return transcriber(given, language=self._kit.language)
        return given

    @cached_property
    def detector(self) -> Detector:
        """The object detector.

        Raises:
            CapabilityError: if no weights were given, or they cannot be used.
        """
        from ..tracking.detector import detector
        from ..tracking.detector_weights import no_weights

        if self._kit.detector is None:
            raise CapabilityError(no_weights())
        return detector(self._kit.detector, threads=1)

    @property
    def transcriber_chosen(self) -> bool:
        """Whether somebody asked for this recognizer by name."""
        return self._kit.transcriber is not None

    @property
    def hearing_chosen(self) -> bool:
        """Whether somebody asked for this recognizer, or for a language that it must know."""
        return self.transcriber_chosen or self._kit.language is not None

    def ears(self) -> Transcriber | None:
        """The speech recognizer, or None where there is none."""
        try:
            return self.transcriber
        except (CapabilityError, ImportError):
            return None

    def video(self, source: str | VideoSource, audio: int | None = None) -> VideoSource:
        """The video with the sound track of that index, opened once for jobs that follow one another."""
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


def run_job(job: Job, bench: WorkerModels, send: Send) -> None:
    """Do one job; everything it finds goes to `send`, `JobDone` last."""
    try:
        if isinstance(job, Probe):
            send(JobDone(_probe(job, bench, send)))
        elif isinstance(job, Cut):
            send(JobDone(_cut(job, bench, send)))
        else:
            _work(job, bench, send)
            send(JobDone())
    except RewatchError as error:
        send(JobDone(error=error))


def _probe(job: Probe, bench: WorkerModels, send: Send) -> Probed:
    send(Heartbeat((), _STEP_SECONDS))
    video = bench.video(job.source)
    size = Path(job.source).stat().st_size if isinstance(job.source, str) else 0
    send(Heartbeat((), _STEP_SECONDS + size / _HASH_RATE))
    content_id = video.content_id
    send(Heartbeat((), 4 * _STEP_SECONDS + size / _HASH_RATE))
    main = video.info.sound_track
    audio, notes, spoken = _choose_sound(job, video, bench, lambda: send(Heartbeat((), 2 * _STEP_SECONDS)))
    send(Heartbeat((), 3 * _STEP_SECONDS + size / _HASH_RATE))
    subtitles = None
    stamps = {}
    for channel in job.channels:
        try:
            if channel == "visual":
                stamps[channel] = bench.visual.stamp
            elif channel == "screen_text":
                stamps[channel] = bench.reader.stamp
            elif channel == OBJECTS:
                from .objects_channel import stamp

                stamps[channel] = stamp(bench.detector)
            elif channel == "speech":
                asked = job.subtitles is not None or job.streams.subtitles is not None
                if asked or not bench.transcriber_chosen:
                    words = listening.find_subtitles(
                        video.info,
                        job.subtitles,
                        job.streams,
                        spoken=spoken,
                        can_listen=lambda: (
                            _hears(bench, video, spoken)
                            and not (
                                isinstance(job.source, str)
                                and is_silent(
                                    Path(job.source),
                                    video.info.span,
                                    audio,
                                    lambda: send(Heartbeat((), 2 * _STEP_SECONDS)),
                                )
                            )
                        ),
                    )
                    subtitles, notes = words.subtitles, [*notes, *words.notes]
                if subtitles is None and video.info.has_audio and isinstance(job.source, str):
                    quiet = faint_note(
                        Path(job.source), video.info.span, audio, lambda: send(Heartbeat((), 2 * _STEP_SECONDS))
                    )
                    notes = [*notes, quiet] if quiet else notes
                    if spoken is not None and bench.ears() is not None and not _hears(bench, video, spoken):
                        notes = [*notes, _FOREIGN.format(spoken)]
                track = f" track {audio}" if audio not in (None, main) else ""
                stamps[channel] = subtitles.stamp if subtitles else bench.transcriber.stamp + track
        except (CapabilityError, ImportError) as error:
            if channel == "speech" and bench.hearing_chosen:
                raise
            stamps[channel] = f"unavailable: {error}"
    return Probed(video.info, content_id, stamps, subtitles, audio, tuple(notes))


def _choose_sound(
    job: Probe, video: VideoSource, bench: WorkerModels, alive: Callable[[], None]
) -> tuple[int | None, list[str], str | None]:
    """Index of the sound track to take (None where there is no choice), what to say of it, and its language."""
    tracks = video.info.sound_tracks
    if not isinstance(job.source, str):
        if job.streams.audio is not None:
            raise VideoError("A sound track can only be chosen of a file: this video is none.")
        return None, [], None
    if not tracks and job.streams.audio is None:
        return None, [], None
    ears = bench.ears() if len(tracks) > 1 and job.streams.language is None else None
    only = "en" if ears is not None and not getattr(ears, "multilingual", True) else None
    track, note = choose_sound(video.info, Path(job.source), job.streams, only, alive)
    if track is None:
        return None, [], None
    several = len(tracks) > 1
    if several:
        bench.video(job.source, track.index)
    return track.index if several else None, [note] if note else [], track.language


_FOREIGN = "its sound is marked as {}, and the recognizer knows English only: --transcriber names one that knows more"


def _hears(bench: WorkerModels, video: VideoSource, spoken: str | None) -> bool:
    """Whether the sound can be understood: there is some, and a recognizer that knows its language."""
    if not video.info.has_audio:
        return False
    ears = bench.ears()
    return ears is not None and (getattr(ears, "multilingual", True) or spoken is None or same_language(spoken, "en"))


def _cut(job: Cut, bench: WorkerModels, send: Send) -> Pieces:
    video = bench.video(job.source, job.audio)
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

        speech = speech_windows(video, bench.transcriber)
    still = [clip.duration for clip in clips if clip.duration > STILL * job.clip_seconds]
    notes = (
        (f"nothing new is shown or heard for {clock(sum(still))} of {clock(whole.duration)}: one clip a stretch",)
        if still
        else ()
    )
    return Pieces(clips, speech, notes)


def _work(job: Work, bench: WorkerModels, send: Send) -> None:
    try:
        video = bench.video(job.source, job.audio)
    except RewatchError as error:
        for unit in job.units:
            send(Failed(unit.id, str(error)))
        return
    for unit in job.units:
        if unit.channel == "speech":
            _listen(video, unit, job.subtitles, bench, send)
        elif unit.channel == OBJECTS:
            _detect(video, unit, bench, send)
    _look(video, [unit for unit in job.units if unit.channel not in ("speech", OBJECTS)], bench, send)


def _listen(
    video: VideoSource, unit: Unit, subtitles: listening.Subtitles | None, bench: WorkerModels, send: Send
) -> None:
    # Recognizers run from a tenth of real time to ten times of it on a busy machine.
    send(Heartbeat((unit.id,), 2 * _STEP_SECONDS + 20 * min(unit.span.duration, 300)))
    texts = None
    with _told([unit], send):
        if subtitles is not None:
            texts = listening.from_subtitles(video, subtitles)
        else:
            texts = listening.from_sound(video, unit.span, bench.transcriber)
    if texts is not None:
        send(UnitDone(unit.id, Rows(texts)))


def _detect(video: VideoSource, unit: Unit, bench: WorkerModels, send: Send) -> None:
    texts = None
    with _told([unit], send):
        from .objects_channel import look_for

        texts = look_for(video, unit.span, bench.detector, _life(send, [unit], 2 * _STEP_SECONDS))
    if texts is not None:
        send(UnitDone(unit.id, Rows(texts)))


def _look(video: VideoSource, units: list[Unit], bench: WorkerModels, send: Send) -> None:
    """Decode the frames of consecutive clips once, and give them to every channel that wants them."""
    by_span: dict[Span, list[Unit]] = {}
    for unit in units:
        by_span.setdefault(unit.span, []).append(unit)
    run = looking.VisualRun(video, list(by_span), texts=any(unit.channel == "screen_text" for unit in units))
    for span, wanted in by_span.items():
        frames = None
        with _told(wanted, send):
            frames = run.clip(span, _life(send, wanted, _STEP_SECONDS))
        if frames is None:
            continue
        # The reader drives the decoder; the frames that the encoder wants are kept by the way.
        for unit in sorted(wanted, key=lambda unit: unit.channel != "screen_text"):
            rows = None
            # Only the work itself: an error in keeping what was found is none of the video's.
            with _told([unit], send):
                rows = _look_at(unit, frames, bench, _life(send, [unit], 2 * _STEP_SECONDS))
            if rows is not None:
                send(UnitDone(unit.id, rows))


def _look_at(unit: Unit, frames: looking.ClipFrames, bench: WorkerModels, alive: Callable[[], None]) -> Rows:
    if unit.channel == "screen_text":
        return frames.read(bench.reader, alive)
    small = frames.small()
    alive()
    return looking.see(unit.span, small, bench.visual)


def _life(send: Send, units: list[Unit], patience: float) -> Callable[[], None]:
    sign = Heartbeat(tuple(unit.id for unit in units), patience)
    return lambda: send(sign)


@contextmanager
def _told(units: list[Unit], send: Send) -> Iterator[None]:
    """Whatever goes wrong with some units is told, not raised: the rest of the video is still to be had."""
    try:
        yield
    except (ConnectionError, MemoryError):
        raise
    except Exception as error:  # noqa: BLE001 - decoders and models raise anything
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        if not isinstance(error, RewatchError):
            reason = f"{type(error).__name__}: {reason}"
        for unit in units:
            send(Failed(unit.id, reason))


def main() -> None:
    """Body of a worker process: jobs in and messages out over a socket, until it closes or the parent dies."""
    connection = connection_to_parent()
    try:
        bench = WorkerModels(connection.recv())
        while True:
            run_job(connection.recv(), bench, connection.send)
    except (EOFError, ConnectionError):
        pass
