"""Speech recognition by Whisper through faster-whisper (CTranslate2), when a model is on this machine."""

from __future__ import annotations

import math
import re
import threading
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import cached_property, partial
from importlib.metadata import version
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import CapabilityError, NotUnderstoodError
from .transcript import Utterance, Word, in_order, unspaced, utterances
from .vad import RATE, bridged, runs, speech_probability
from .whisper_filter import WhisperWindow, failed, plausible_words
from .whisper_models import ENGLISH, WhisperFolder, find_whisper, how_to_get
from .windows import cut_out

if TYPE_CHECKING:
    from faster_whisper.transcribe import Segment

    from .multilingual_whisper import MultilingualWhisper
    from .windows import SpeechSound

SETTINGS: dict[str, Any] = {
    "word_timestamps": True,
    # What was said before tempts the model to say it again, and one loop then feeds the next for hours
    # (faster-whisper #506, Whisper-WebUI #534). The price, names spelt in two ways, is the smaller one.
    "condition_on_previous_text": False,
    # Only the first temperature is free of chance, and the same sound must give the same words.
    "temperature": 0.0,
}
"""How faster-whisper is called; the voice detector's settings are its own."""
_SMALL = 100e6  # bytes of weights up to which a model is fast enough on a CPU without 8-bit arithmetic: `tiny`, 75 MB
_MUCH = 5.0  # seconds of speech of which something should be made out; a cheer or a call is shorter
_FAINT = {"begin": 0.3, "silent": 0.2}  # where there may be speech, for the voice detector; see `runs`
_CLOSED = 0.2  # seconds of silence inside a word, at most: while a `t` or `k` is closed
_NEAR = 0.5  # seconds by which Whisper's first and last word may miss the beginning and end of the voice
_AHEAD = 2.4
"""Seconds beyond a piece of sound that decide where it ends: faster-whisper's shortest pause and its margin."""
_WINDOW, _SEEK = 30.0, 0.01  # seconds of sound in one of Whisper's windows, and of one step of what it calls `seek`


class Whisper:
    """A Whisper model in CTranslate2 format; any language that it knows.

    It is given the sound with its pauses and finds the speech itself, as faster-whisper does with `vad_filter`; where
    `plausible_words` has nothing to leave out, the words are faster-whisper's to the letter. The weights are loaded
    with the first speech: a video in which nobody speaks costs no more than the voice detector.
    """

    finds_speech = True
    window = 300.0
    """Seconds of sound that are taken at once: few enough for flat memory, and many enough that the last of Whisper's
    windows of 30 s, which costs the same however little is said in it, does not count."""

    def __init__(self, name: str | WhisperFolder, *, language: str | None = None, download: bool = False) -> None:
        found = find_whisper(name, download=download) if isinstance(name, str) else name
        self._arguments: dict[str, Any] = {"name": replace(found, folder=found.folder.absolute()), "language": language}
        self.name = found.name
        self.multilingual = found.multilingual
        self.tells_language = found.multilingual or language is not None
        self._small = found.size < _SMALL
        if language is not None:
            self._require(language)
        self._folder, self._language = found.folder, language
        chosen = f" {language}" if language else ""
        self.stamp = f"faster-whisper {version('faster-whisper')} {found.name} {found.size}{chosen} 3"
        self._lock = threading.Lock()

    def _require(self, language: str) -> None:
        from faster_whisper.tokenizer import _LANGUAGE_CODES as codes

        if language == ENGLISH or (self.multilingual and language in codes):
            return
        if language in codes:
            raise CapabilityError(
                f"The Whisper model {self.name!r} knows English only: name a multilingual one for {language!r} with "
                f"--transcriber, such as 'small' ({how_to_get()})."
            )
        some = ", ".join(sorted(codes)[:12])
        raise CapabilityError(f"The Whisper model {self.name!r} does not know the language {language!r}: {some} …")

    @cached_property
    def model(self) -> MultilingualWhisper:
        """The weights; they are loaded when they are first needed."""
        import ctranslate2

        from .multilingual_whisper import MultilingualWhisper

        # On a CPU, 8-bit weights take two thirds of the time; the smallest models pay for it with words.
        on_cpu = "float32" if self._small else "int8"
        kind = "default" if ctranslate2.get_cuda_device_count() else on_cpu
        try:
            model = MultilingualWhisper(str(self._folder), compute_type=kind, local_files_only=True)
        except MemoryError:
            raise
        except Exception as error:  # CTranslate2 and its tokenizer raise many kinds, bare ones too.
            reason = (str(error).strip() or type(error).__name__).splitlines()[0]
            raise CapabilityError(
                f"The Whisper in {self._folder} cannot be loaded ({reason}): copy it again."
            ) from error
        model.follows = self._language is None
        return model

    def _not_understood(self) -> str:
        if self.multilingual:
            return f"somebody seems to speak or sing, but the Whisper model {self.name!r} makes out nothing"
        return (
            f"somebody seems to speak or sing, but the Whisper model {self.name!r}, which knows English only, makes "
            "out nothing: if it is another language, take a multilingual model (--transcriber)"
        )

    def __reduce__(self) -> tuple[Any, ...]:
        # Sent to a worker process by its arguments, never by its weights.
        return partial(type(self), **self._arguments), ()

    def transcribe(self, samples: np.ndarray, *, offset: float) -> list[Utterance]:
        """Recognize `samples` (mono, 16 kHz, float32 in [-1, 1]), the first of which lies at `offset` seconds."""
        length = len(samples) / RATE
        if length < 0.1:
            return []
        samples = np.ascontiguousarray(samples, dtype=np.float32)
        probability = speech_probability(samples)
        speech = bridged(runs(probability, length))
        pieces = _pieces(samples, speech)
        if not pieces:
            return []
        sound = cut_out(samples, pieces, 0.0)
        with self._lock:
            segments, _ = self.model.transcribe(sound.samples, language=self._language, **SETTINGS)
            # Segments are made when they are asked for: the model is still at the window of each.
            spoken = [(segment, self.model.language) for segment in segments]
        windows = [_window(list(group), sound) for _, group in groupby(spoken, key=lambda each: each[0].seek)]
        # A soft "ask" is hardly voice to the detector; that the model heard a word there too is a second witness.
        maybe = runs(probability, length, **_FAINT)
        words = in_order(without_pauses(plausible_words(windows, maybe), runs(probability, length)), 0.0, length)
        if not self.multilingual and 2 * sum(map(failed, windows)) > len(windows):
            words = []  # What is believed of the rest is a guess at another language.
        if not words and sum(end - start for start, end in speech) >= _MUCH:
            raise NotUnderstoodError(self._not_understood())
        return [
            replace(each, language=language)
            for language, group in groupby(words, key=lambda word: _language(word, windows))
            for each in utterances([_later(w, offset) for w in group])
        ]


def model_and_language(name: str) -> tuple[str, str | None]:
    """Split `small@de` into (`small`, `de`); the language is None where none is chosen."""
    chosen = re.fullmatch(r"(.+)@([a-z]{2,3})", name)
    return (chosen[1], chosen[2]) if chosen and not Path(name).expanduser().exists() else (name, None)


def without_pauses(words: Iterable[Word], speech: Sequence[tuple[float, float]]) -> list[Word]:
    """Cut the times of words where the voice ends.

    Whisper's words follow each other without a gap: a pause of seconds counts to the word before or behind it. Of a
    word that reaches over a pause the part is kept in which there is most voice; one without any stays as it is. The
    first word after a pause and the last before one reach to the voice's own beginning and end where these are near.

    Args:
        words: in order.
        speech: every stretch of speech, however short, as (start, end) seconds, in order.
    """
    voices: list[tuple[float, float]] = []
    for start, end in speech:
        if voices and start - voices[-1][1] < _CLOSED:
            start = voices.pop()[0]
        voices.append((start, end))
    begins, ends = [start for start, _ in voices], [end for _, end in voices]
    cut: list[Word] = []
    inside: list[tuple[float, float] | None] = []  # the stretch of voice that each word lies in
    for word in words:
        over = voices[bisect_right(ends, word.start) : bisect_left(begins, word.end)]
        parts = [(max(start, word.start), min(end, word.end)) for start, end in over]
        most = max(range(len(parts)), key=lambda n: parts[n][1] - parts[n][0], default=None)
        cut.append(word if most is None else replace(word, start=parts[most][0], end=parts[most][1]))
        inside.append(None if most is None else over[most])
    # The first and the last word of a stretch take what voice there is before and behind them.
    for place, (word, voice) in enumerate(zip(cut, inside, strict=True)):
        if voice is None:
            continue
        alone = place == 0 or inside[place - 1] != voice
        begin = voice[0] if alone and word.start - voice[0] <= _NEAR else word.start
        alone = place + 1 == len(cut) or inside[place + 1] != voice
        end = voice[1] if alone and voice[1] - word.end <= _NEAR else word.end
        cut[place] = replace(word, start=begin, end=end)
    return cut


def _pieces(samples: np.ndarray, speech: Sequence[tuple[float, float]]) -> list[tuple[int, int]]:
    """Return the pieces for the model, as (first, last) samples: faster-whisper's choice, less those without speech."""
    from faster_whisper.vad import get_speech_timestamps

    pieces = [(each["start"], each["end"]) for each in get_speech_timestamps(samples)] if speech else []
    return [
        (first, last)
        for first, last in pieces
        if any(first < end * RATE and last > start * RATE for start, end in speech)
    ]


def _later(word: Word, offset: float) -> Word:
    """Return the word on a clock that began `offset` seconds before."""
    until = None if word.sound_until is None else offset + word.sound_until
    return replace(word, start=offset + word.start, end=offset + word.end, sound_until=until)


def _joined(first: Word, second: Word) -> Word:
    text, probability = first.text + second.text, min(first.probability, second.probability)
    return replace(first, end=max(first.end, second.end), text=text, probability=probability)


def _language(word: Word, windows: Sequence[WhisperWindow]) -> str:
    """Return the language of the window that a word is from: the last that begins before its middle."""
    middle = (word.start + word.end) / 2
    begun = [each for each in windows if each.words and each.words[0].start <= middle]
    return (begun or windows)[-1 if begun else 0].language


def _window(spoken: list[tuple[Segment, str]], sound: SpeechSound) -> WhisperWindow:
    segments = [segment for segment, _ in spoken]
    words: list[Word] = []
    # All of a window is heard before its first word is written, and the voice detector hears a little more.
    until = segments[0].seek * _SEEK + _WINDOW if segments else 0.0
    sound_until = sound.span(until, until).end + _AHEAD
    for word in (word for segment in segments for word in segment.words or ()):
        if not (math.isfinite(word.start) and math.isfinite(word.end)):
            continue
        place = sound.span(float(word.start), float(word.end))
        new = Word(place.start, place.end, word.word.strip(), float(word.probability), sound_until)
        # "c", "'est": Whisper writes no space before what belongs to the last word.
        goes_on = not word.word.startswith(" ") and words and not unspaced(words[-1].text[-1:] + new.text[:1])
        words.append(_joined(words.pop(), new) if goes_on else new)
    return WhisperWindow(
        tuple(words),
        no_speech=max((segment.no_speech_prob for segment in segments), default=0.0),
        language=spoken[0][1],
        log_probability=min((segment.avg_logprob for segment in segments), default=0.0),
    )
