"""Speech recognition by Whisper through faster-whisper (CTranslate2), when a model is on this machine."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from importlib.metadata import version
from pathlib import Path

import numpy as np

from .errors import CapabilityError
from .vad import RATE
from .words import Utterance, Word, utterances

# Words in a row that say the same thing again: more often than this, and it is the model that is stuck.
_REPEATS = 3
_LONGEST_LOOP = 12
# Text that packs this well is a loop (Whisper's own limit).
_COMPRESSION = 2.4


class Whisper:
    """A Whisper model in CTranslate2 format; any language that it knows.

    Args:
        name: a folder, a size (`small`) or a hub name.
        download: whether it may be fetched from the hub.

    Raises:
        CapabilityError: if the model is not on this machine, or cannot be loaded.
    """

    def __init__(self, name: str, *, download: bool = False) -> None:
        from faster_whisper import WhisperModel

        self.name = name
        folder = Path(name).expanduser()
        try:
            self._model = WhisperModel(str(folder) if folder.is_dir() else name, local_files_only=not download)
        except Exception as error:  # CTranslate2 and the hub raise many kinds.
            raise CapabilityError(
                f"The Whisper model {name!r} is not here or cannot be loaded: give the folder of a CTranslate2 model, "
                "or a name such as 'small' and allow its download."
            ) from error
        size = f" {(folder / 'model.bin').stat().st_size}" if folder.is_dir() else ""
        self.stamp = f"faster-whisper {version('faster-whisper')} {folder.name if folder.is_dir() else name}{size} 1"
        self._lock = threading.Lock()

    def transcribe(self, samples: np.ndarray, *, offset: float) -> list[Utterance]:
        """What is said in `samples` (mono, 16 kHz, float32 in [-1, 1]), the first of which lies at `offset` seconds."""
        length = len(samples) / RATE
        if length < 0.1:
            return []
        with self._lock:
            segments, _ = self._model.transcribe(
                np.ascontiguousarray(samples, dtype=np.float32),
                word_timestamps=True,
                vad_filter=True,
                # What was said before tempts it to say it again, for hours at times.
                condition_on_previous_text=False,
                hallucination_silence_threshold=2.0,
                # Only the first temperature is free of chance, and the same sound must give the same words.
                temperature=0.0,
            )
            words = [
                Word(offset + word.start, offset + word.end, word.word.strip(), float(word.probability))
                for segment in segments
                if segment.compression_ratio <= _COMPRESSION
                for word in segment.words or ()
            ]
        return utterances(without_loops(in_order(words, offset, offset + length)))


def in_order(words: Iterable[Word], start: float, end: float) -> list[Word]:
    """Words that lie in [start, end], none beginning before the last one ended."""
    kept: list[Word] = []
    for word in words:
        earliest = kept[-1].end if kept else start
        begin, finish = max(word.start, earliest), min(max(word.end, word.start), end)
        if word.text and begin < end and finish > begin:
            kept.append(Word(begin, finish, word.text, min(max(word.probability, 0.0), 1.0)))
    return kept


def without_loops(words: list[Word]) -> list[Word]:
    """Words with only the first of a phrase that comes more than three times in a row."""
    kept: list[Word] = []
    place = 0
    while place < len(words):
        size, times = _loop(words, place)
        kept += words[place : place + size]
        place += size * times
    return kept


def _loop(words: list[Word], place: int) -> tuple[int, int]:
    """How long the phrase is that repeats from `place` on, and how often it stands there; (1, 1) if none does."""
    for size in range(1, _LONGEST_LOOP + 1):
        phrase = [_bare(word) for word in words[place : place + size]]
        times = 1
        while [_bare(word) for word in words[place + times * size : place + (times + 1) * size]] == phrase:
            times += 1
        if times > _REPEATS:
            return size, times
    return 1, 1


def _bare(word: Word) -> str:
    return word.text.casefold().strip(".,!?;:\u2026\"'- ")
