"""Speech: who can transcribe here, where a video holds speech, and what is said in a span."""

from __future__ import annotations

from typing import Protocol

import numpy as np

from .media import VideoSource
from .spans import Span
from .vad import RATE, speech_probability, voiced
from .words import Utterance, Word, utterances

__all__ = ["Transcriber", "Utterance", "Word", "speech_spans", "speech_windows", "transcribe", "transcriber"]

WINDOW = 30.0
# A window may be this much shorter or longer, so that it ends where nobody speaks.
_SLACK = 4.0
# Heard on both sides of a span, so that a word cut by its edge is understood; its middle says to whom it belongs.
_MARGIN = 0.5
# Kept of a pause on each side of speech; recognisers take the noise floor from it.
_PAUSE = 0.3


class Transcriber(Protocol):
    """Turns sound into words. `stamp` changes whenever the same sound could give other words."""

    name: str
    stamp: str

    def transcribe(self, samples: np.ndarray, *, offset: float) -> list[Utterance]:
        """What is said in `samples` (mono, 16 kHz, float32 in [-1, 1]), the first of which lies at `offset` seconds."""


def transcriber(name: str | None = None, *, download: bool = False) -> Transcriber:
    """A recogniser.

    Args:
        name: None for PocketSphinx, whose English model comes in its wheel; else a Whisper model in CTranslate2 format:
            a folder, a size (`small`) or a hub name.
        download: whether a Whisper model may be fetched from the hub.

    Raises:
        CapabilityError: if it is not here.
    """
    if name is None or name == "pocketsphinx":
        from .pocketsphinx_speech import PocketSphinx

        return PocketSphinx()
    from .whisper_speech import Whisper

    return Whisper(name, download=download)


def speech_windows(video: VideoSource) -> list[Span]:
    """Units of work of about 30 s that tile the video exactly, each cut where nobody speaks; [] without sound.

    The same video always gives the same windows, and each can be transcribed without the others. Only the seconds
    around the cuts are read.
    """
    return _windows(video, Span(video.info.start, video.info.end)) if video.info.has_audio else []


def speech_spans(video: VideoSource, span: Span) -> list[Span]:
    """Where somebody speaks in `span`, in order."""
    found: list[Span] = []
    for window in _windows(video, span):
        samples = video.audio(window, rate=RATE)
        for start, end in voiced(samples):
            piece = Span(window.start + start, min(window.start + end, window.end))
            if found and piece.start - found[-1].end < 0.1:
                piece = Span(found.pop().start, piece.end)
            found.append(piece)
    return found


def transcribe(video: VideoSource, span: Span, transcriber: Transcriber) -> list[Utterance]:
    """What is said in `span`, in order; [] where nobody speaks.

    The recogniser is given only what the voice detector holds for speech, since recognisers invent words in noise.
    """
    words: list[Word] = []
    for window in _windows(video, span):
        words += _heard(video, window, transcriber)
    return utterances(words)


def _heard(video: VideoSource, window: Span, transcriber: Transcriber) -> list[Word]:
    bounds = Span(video.info.start, max(video.info.start, video.info.end))
    around = Span(window.start - _MARGIN, window.end + _MARGIN).within(bounds)
    samples = video.audio(around, rate=RATE)
    pieces = _with_pauses(voiced(samples), len(samples) / RATE)
    if not pieces:
        return []
    # Long pauses are left out and the rest is decoded as one: recognisers adapt to the voice over all of it.
    cut = [(round(start * RATE), round(end * RATE)) for start, end in pieces]
    joined = np.concatenate([samples[first:last] for first, last in cut])
    clock = _Clock(cut, around.start)
    words = []
    for utterance in transcriber.transcribe(joined, offset=0.0):
        for word in utterance.words:
            start, end = clock.at(word.start), clock.at(word.end, end=True)
            if window.contains((start + end) / 2):
                words.append(Word(start, max(start, end), word.text, word.probability))
    return words


class _Clock:
    """From seconds of joined pieces of sound back to the video's."""

    def __init__(self, pieces: list[tuple[int, int]], origin: float) -> None:
        self._begin = np.cumsum([0] + [last - first for first, last in pieces])[:-1] / RATE
        self._shift = [origin + first / RATE - begin for (first, _), begin in zip(pieces, self._begin, strict=True)]

    def at(self, time: float, *, end: bool = False) -> float:
        # A word that ends exactly at a joint ends in the piece before it.
        index = int(np.searchsorted(self._begin, time, side="left" if end else "right")) - 1
        return time + self._shift[max(index, 0)]


def _with_pauses(speech: list[tuple[float, float]], length: float) -> list[tuple[float, float]]:
    pieces: list[tuple[float, float]] = []
    for start, end in speech:
        start, end = max(0.0, start - _PAUSE), min(length, end + _PAUSE)
        if pieces and start <= pieces[-1][1]:
            start = pieces.pop()[0]
        pieces.append((start, end))
    return pieces


def _windows(video: VideoSource, span: Span) -> list[Span]:
    info = video.info
    if not info.has_audio:
        return []
    span = span.within(Span(info.start, max(info.start, info.end)))
    edges = [span.start]
    for number in range(1, int(span.duration // WINDOW) + 1):
        middle = span.start + number * WINDOW
        if middle + 2 * _SLACK < span.end:
            edges.append(_quietest(video, Span(middle - _SLACK, middle + _SLACK)))
    edges.append(span.end)
    return [Span(start, end) for start, end in zip(edges, edges[1:], strict=False) if end > start]


def _quietest(video: VideoSource, around: Span) -> float:
    """The middle of the 0.3 s in which speech is least likely, then the least loud."""
    samples = video.audio(around, rate=RATE)
    hop = 512
    count = len(samples) // hop
    if count < 10:
        return around.middle
    speech = speech_probability(samples)[:count]
    level = np.sqrt(np.mean(samples[: count * hop].reshape(count, hop) ** 2, axis=1))
    cost = speech + 0.1 * level / max(float(level.max()), 1e-6)
    smooth = np.convolve(cost, np.ones(9) / 9, mode="valid")
    smooth += 0.01 * np.abs(np.linspace(-1, 1, len(smooth)))  # Of equally quiet places the one nearest the middle.
    return around.start + (int(np.argmin(smooth)) + 4.5) * hop / RATE
