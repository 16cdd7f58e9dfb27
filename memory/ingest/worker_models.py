"""The models of one worker, loaded when a job first needs them, and the video that it has open."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, cast

from ..encoders import VisualEncoder, visual_encoder
from ..errors import CapabilityError
from ..protocol import VideoSource
from .jobs import ModelSpecs

if TYPE_CHECKING:
    from ..ocr.lines import TextReader
    from ..speech.transcriber import Transcriber
    from ..tracking.detector import Detector
    from ..video.file import Video


class WorkerModels:
    """The loaded models of one worker and the video it has open."""

    def __init__(self, specs: ModelSpecs) -> None:
        self.specs = specs
        self._open: tuple[str, VideoSource] | None = None

    @cached_property
    def visual(self) -> VisualEncoder:
        """The visual encoder."""
        spec = self.specs.visual
        return visual_encoder(spec, threads=1) if spec is None or isinstance(spec, str) else spec

    @cached_property
    def reader(self) -> TextReader:
        """The reader of on-screen text."""
        from ..ocr.reader import text_reader

        return text_reader()

    @cached_property
    def transcriber(self) -> Transcriber:
        """The speech recognizer.

        Raises:
            CapabilityError: if there is none.
        """
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
        """The object detector.

        Raises:
            CapabilityError: if no weights were given, or they cannot be used.
        """
        from ..tracking.detector import detector
        from ..tracking.detector_weights import no_weights

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
