"""Speech recognition by Whisper through faster-whisper (CTranslate2), when a model is on this machine."""

from __future__ import annotations

import math
import re
import threading
from collections.abc import Callable, Iterable
from dataclasses import replace
from importlib.metadata import version
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from .errors import CapabilityError
from .vad import HOP, RATE, SILENT, bridged, runs, speech_probability
from .voice import gathered
from .whisper_guard import Window, believed
from .words import Utterance, Word, in_order, utterances

if TYPE_CHECKING:
    from faster_whisper.transcribe import Segment

    from .voice import Voice

SETTINGS: dict[str, Any] = {
    "word_timestamps": True,
    # What was said before tempts the model to say it again, and one loop then feeds the next for hours
    # (faster-whisper #506, Whisper-WebUI #534). The price, names spelt in two ways, is the smaller one.
    "condition_on_previous_text": False,
    "hallucination_silence_threshold": 2.0,
    # Only the first temperature is free of chance, and the same sound must give the same words.
    "temperature": 0.0,
}
"""How faster-whisper is called; the voice detector's settings are its own."""
# faster-whisper's: pauses of less are kept, and so much of a longer one on each side of speech.
_PAUSE, _PAD = 2.0, 0.4


class Whisper:
    """A Whisper model in CTranslate2 format; any language that it knows.

    It is given the sound with its pauses and finds the speech itself, as faster-whisper does with `vad_filter`; where
    `believed` has nothing to leave out, the words are faster-whisper's to the letter.

    Args:
        name: a folder, a size (`small`) or a hub name.
        language: code of the language spoken (`en`); None detects it, in each piece of sound by itself.
        download: whether it may be fetched from the hub.

    Raises:
        CapabilityError: if the model is not on this machine, cannot be loaded, or does not know the language.
    """

    finds_speech = True
    window = 300.0
    """Seconds of sound that are taken at once: few enough for flat memory, and many enough that the last of Whisper's
    windows of 30 s, which costs the same however little is said in it, does not count."""

    def __init__(self, name: str, *, language: str | None = None, download: bool = False) -> None:
        from faster_whisper import WhisperModel

        self._arguments = {"name": name, "language": language, "download": download}
        self.name = name
        folder = Path(name).expanduser()
        try:
            self._model = WhisperModel(str(folder) if folder.is_dir() else name, local_files_only=not download)
        except Exception as error:  # CTranslate2 and the hub raise many kinds.
            raise CapabilityError(
                f"The Whisper model {name!r} is not here or cannot be loaded: give the folder of a CTranslate2 model, "
                "or a name such as 'small' and allow its download."
            ) from error
        if language is not None and language not in self._model.supported_languages:
            known = ", ".join(sorted(self._model.supported_languages)[:12])
            raise CapabilityError(f"The Whisper model {name!r} does not know the language {language!r}: give {known} …")
        self._language = language
        size = f" {(folder / 'model.bin').stat().st_size}" if folder.is_dir() else ""
        chosen = f" {language}" if language else ""
        label = folder.resolve().name if folder.is_dir() else name
        self.stamp = f"faster-whisper {version('faster-whisper')} {label}{size}{chosen} 2"
        self._lock = threading.Lock()

    def __reduce__(self) -> tuple[Callable[..., Whisper], tuple[dict[str, Any]]]:
        # Sent to a worker process by its arguments, never by its weights.
        return _restore, (self._arguments,)

    def transcribe(self, samples: np.ndarray, *, offset: float) -> list[Utterance]:
        """What is said in `samples` (mono, 16 kHz, float32 in [-1, 1]), the first of which lies at `offset` seconds."""
        length = len(samples) / RATE
        if length < 0.1:
            return []
        samples = np.ascontiguousarray(samples, dtype=np.float32)
        probability = speech_probability(samples)
        speech = bridged(runs(probability, length))
        pieces = spoken_pieces(probability, length, speech)
        if not pieces:
            return []
        heard = gathered(samples, pieces, 0.0)
        with self._lock:
            segments, info = self._model.transcribe(heard.samples, language=self._language, **SETTINGS)
            windows = [_window(list(group), heard) for _, group in groupby(segments, key=lambda one: one.seek)]
        words = in_order(believed(windows, speech), 0.0, length)
        moved = [replace(word, start=offset + word.start, end=offset + word.end) for word in words]
        return [replace(each, language=info.language) for each in utterances(moved)]


def model_and_language(name: str) -> tuple[str, str | None]:
    """`small@de` as (`small`, `de`); the language is None where none is chosen."""
    chosen = re.fullmatch(r"(.+)@([a-z]{2,3})", name)
    return (chosen[1], chosen[2]) if chosen and not Path(name).expanduser().exists() else (name, None)


def spoken_pieces(
    probability: np.ndarray, length: float, speech: Iterable[tuple[float, float]]
) -> list[tuple[int, int]]:
    """What of the sound the model is given, as (first, last) samples: faster-whisper's own choice, less the noise.

    Args:
        probability: `[n]` that somebody speaks, for each 32 ms.
        length: seconds of sound.
        speech: (start, end) seconds of speech that is long enough for a word; a piece without any is left out.
    """
    step = HOP / RATE

    def ended(since: float, until: float) -> bool:
        """Whether a pause ends a piece: it does at a moment that is silent for sure and lies 2 s behind the speech."""
        pause = probability[round(since / step) : math.ceil(until / step - 1e-6)]
        return bool((pause[math.ceil(_PAUSE / step) :] < SILENT).any())

    joined: list[tuple[float, float]] = []
    for start, end in runs(probability, length):
        if joined and not ended(joined[-1][1], start):
            start = joined.pop()[0]
        joined.append((start, end))
    if joined and not ended(joined[-1][1], length):
        joined.append((joined.pop()[0], length))
    pieces = [(max(0.0, start - _PAD), min(length, end + _PAD)) for start, end in joined]
    worth = list(speech)
    return [
        (round(start * RATE), round(end * RATE))
        for start, end in pieces
        if any(start < last and end > first for first, last in worth)
    ]


def _window(segments: list[Segment], heard: Voice) -> Window:
    words = []
    for word in (word for segment in segments for word in segment.words or ()):
        if not (math.isfinite(word.start) and math.isfinite(word.end)):
            continue
        place = heard.span(float(word.start), float(word.end))
        words.append(Word(place.start, place.end, word.word.strip(), float(word.probability)))
    return Window(tuple(words), max((segment.no_speech_prob for segment in segments), default=0.0))


def _restore(arguments: dict[str, Any]) -> Whisper:
    return Whisper(**arguments)
