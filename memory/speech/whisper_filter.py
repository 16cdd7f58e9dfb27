"""Words of Whisper that are plausible: it repeats itself, and it writes in silence, with high confidence at times."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from .transcript import Word

_REPEATS = 3  # times that a phrase may follow upon itself; more often than this, and it is the model that is stuck
_LONGEST_LOOP = 30  # words of the longest phrase that is looked for; what loops by more packs too well
_PACKS = 2.4  # text that packs better than this is a loop (Whisper's own limit)
_NO_SPEECH, _UNSURE = 0.8, 0.5
"""A window that the model itself holds for silent, with words that it is not sure of, is not believed."""
_FAILED = -1.0  # mean log-probability of a token below which a window has failed (Whisper's own limit)
_LOOPED = 0.3  # most that words are believed which are all that is left of a loop
_OFF = 0.25  # seconds by which Whisper's times may miss the speech that they stand for


@dataclass(frozen=True, slots=True)
class WhisperWindow:
    """The output of Whisper for one of its windows of 30 s; times on the clock of the sound, in seconds."""

    words: tuple[Word, ...]
    no_speech: float = 0.0
    """Probability, by the model, that nobody speaks there."""
    language: str = ""
    log_probability: float = 0.0
    """Mean log-probability of its tokens."""


def plausible_words(windows: Iterable[WhisperWindow], speech: Sequence[tuple[float, float]]) -> list[Word]:
    """Return the words that are plausible, in order.

    Left out are windows that the model itself holds for silent and is unsure of, windows that failed by Whisper's own
    limits, words where nobody speaks, and all but the first of a phrase that comes more than three times in a row
    (across windows too). What is left of a window that was mostly loop is the model's guess at what it did not
    understand, such as a song or another language than its own: its words are marked as improbable.

    Args:
        windows: in order.
        speech: where the voice detector hears speech: (start, end) seconds, in order.
    """
    kept: list[Word] = []
    for window in windows:
        sure = sum(word.probability for word in window.words) / max(len(window.words), 1)
        if (window.no_speech > _NO_SPEECH and sure < _UNSURE) or window.log_probability < _FAILED:
            continue
        words = without_loops(list(window.words))
        if _mostly_loop(window, words):
            words = [replace(word, probability=min(word.probability, _LOOPED)) for word in words]
        # One window at a time: an hour of honest speech packs better than a loop of a minute.
        if packing(" ".join(word.text for word in words)) <= _PACKS:
            kept += words
    # Loops first: they run on through pauses, and would not be known for loops with holes in them.
    return [word for word in without_loops(kept) if _spoken(word, speech)]


def failed(window: WhisperWindow) -> bool:
    """Return whether the model failed on a window, by Whisper's own limits: unsure throughout, or in a loop."""
    return window.log_probability < _FAILED or _mostly_loop(window, without_loops(list(window.words)))


def _mostly_loop(window: WhisperWindow, without: Sequence[Word]) -> bool:
    return len(without) < len(window.words) / 2


def packing(text: str) -> float:
    """Return how many times smaller `text` becomes when it is compressed; ordinary speech of 30 s stays under 2."""
    raw = text.encode()
    return len(raw) / len(zlib.compress(raw)) if raw else 0.0


def without_loops(words: list[Word]) -> list[Word]:
    """Return the words with only the first of a phrase that comes more than three times in a row."""
    bare = [word.text.casefold().strip(".,!?;:\u2026\"'- ") for word in words]
    kept: list[Word] = []
    place = 0
    while place < len(words):
        size, times = _loop(bare, place)
        kept += words[place : place + size]
        place += size * times
    return kept


def _loop(bare: list[str], place: int) -> tuple[int, int]:
    """Return the length of the phrase that repeats from `place` on, and its times there; (1, 1) if none does."""
    for size in range(1, min(_LONGEST_LOOP, (len(bare) - place) // (_REPEATS + 1)) + 1):
        if bare[place] != bare[place + size]:  # nearly always; the phrases need not be cut out to see it
            continue
        phrase, times = bare[place : place + size], 1
        while bare[place + times * size : place + (times + 1) * size] == phrase:
            times += 1
        if times > _REPEATS:
            return size, times
    return 1, 1


def _spoken(word: Word, speech: Sequence[tuple[float, float]]) -> bool:
    middle = (word.start + word.end) / 2
    return any((word.start < end and word.end > start) or start - _OFF <= middle <= end + _OFF for start, end in speech)
