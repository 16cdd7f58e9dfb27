"""The models of a memory: encoders, detector and recognizer, as given or as it was made with, loaded when needed."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from .encoders import TextEncoder, VisualEncoder, text_encoder, visual_encoder
from .errors import CapabilityError
from .store.database import Store
from .tracking.detector_weights import usual_detector

if TYPE_CHECKING:
    from .speech.transcriber import Transcriber
    from .tracking.detector import Detector


class MemoryModels:
    """The encoders of a memory: as given, else as it was made with, else the best that are here. Loaded when needed."""

    def __init__(
        self,
        store: Store,
        text: TextEncoder | str | None,
        visual: VisualEncoder | str | None,
        detector: Detector | str | None,
    ) -> None:
        self._store = store
        self.detector_choice: Detector | str | None = store.meta("detector")
        self._detector: Detector | None = None
        if detector is not None:
            self.choose_detector(detector)
        self._text_choice = store.meta("text_encoder") if text is None else text
        self.visual_choice: VisualEncoder | str | None = store.meta("visual_encoder") if visual is None else visual

    @cached_property
    def text(self) -> TextEncoder:
        """For texts and queries on them."""
        choice = self._text_choice
        return text_encoder(choice, threads=1) if choice is None or isinstance(choice, str) else choice

    @cached_property
    def visual(self) -> VisualEncoder:
        """For pictures and queries on them."""
        choice = self.visual_choice
        return visual_encoder(choice, threads=1) if choice is None or isinstance(choice, str) else choice

    @property
    def transcriber_name(self) -> str | None:
        """The recognizer that was last asked for by name."""
        name: str | None = self._store.meta("transcriber")
        return name

    @property
    def transcriber(self) -> Transcriber:
        """The recognizer of that name."""
        from .speech.transcriber import loaded_transcriber

        return loaded_transcriber(self.transcriber_name)

    def choose_detector(self, choice: Detector | str) -> None:
        """Take this detector. Weights are found now, so that workers and later runs find them by their path."""
        from .tracking.detector_weights import find_weights

        self.detector_choice = str(find_weights(choice)) if isinstance(choice, str) else choice
        self._detector = None

    @property
    def detector(self) -> Detector | None:
        """For objects; None where no weights were given."""
        if self._detector is None and self.detector_choice is not None:
            from .tracking.ultralytics_detector import detector

            self._detector = detector(self.detector_choice)
        return self._detector

    @property
    def detector_stamp(self) -> str:
        """Name and content of the weights."""
        from .tracking.detector_weights import fingerprint

        choice = self.detector_choice
        if choice is None or not isinstance(choice, str):
            return "" if choice is None else choice.stamp
        path = Path(choice)
        return f"{choice} {fingerprint(path)}" if path.is_file() else choice

    def require_detector(self) -> None:
        """Take the detector that is here where none was named; say at once what the channel of objects lacks."""
        from .tracking.detector_weights import find_weights, no_weights

        found = usual_detector() if self.detector_choice is None else None
        if found is not None:
            self.choose_detector(str(found))
        if self.detector_choice is None:
            raise CapabilityError(no_weights())
        if isinstance(self.detector_choice, str):
            find_weights(self.detector_choice)

    def remember(self, transcriber: Transcriber | str | None, language: str | None) -> None:
        """Keep the names that were given, so that the memory opens with the same models next time."""
        from .speech.transcriber import lasting_name

        if isinstance(transcriber, str) or (transcriber is None and language is not None):
            self._store.set_meta("transcriber", lasting_name(transcriber, language))
        for key, choice in (
            ("text_encoder", self._text_choice),
            ("visual_encoder", self.visual_choice),
            ("detector", self.detector_choice),
        ):
            if isinstance(choice, str) and self._store.meta(key) != choice:
                self._store.set_meta(key, str(Path(choice).absolute()) if Path(choice).exists() else choice)
