"""Speech recognition by Whisper through faster-whisper (CTranslate2), when a model is on this machine."""

from __future__ import annotations

from importlib.metadata import version

import numpy as np

from .errors import CapabilityError
from .words import Utterance, Word, utterances


class Whisper:
    """A Whisper model in CTranslate2 format.

    Args:
        name: a folder, a size (`small`) or a hub name.
        download: whether it may be fetched from the hub.

    Raises:
        CapabilityError: if the model is not on this machine, or cannot be loaded.
    """

    def __init__(self, name: str, *, download: bool = False) -> None:
        from faster_whisper import WhisperModel

        self.name = name
        self.stamp = f"faster-whisper {version('faster-whisper')} {name} 1"
        try:
            self._model = WhisperModel(name, compute_type="default", local_files_only=not download)
        except Exception as error:
            raise CapabilityError(
                f"The Whisper model {name!r} is not here or cannot be loaded: give the folder of a CTranslate2 model, "
                "or a name such as 'small' and allow the download."
            ) from error

    def transcribe(self, samples: np.ndarray, *, offset: float) -> list[Utterance]:
        """What is said in `samples` (mono, 16 kHz, float32 in [-1, 1]), the first of which lies at `offset` seconds."""
        segments, _ = self._model.transcribe(
            samples.astype(np.float32), word_timestamps=True, vad_filter=True, condition_on_previous_text=False
        )
        words = [
            Word(offset + word.start, offset + word.end, word.word.strip(), float(word.probability))
            for segment in segments
            for word in segment.words or ()
            if word.word.strip()
        ]
        return utterances(words)
