"""Speech in a video: choose a recognizer, find where somebody speaks, transcribe a span, find and align phrases."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Protocol

import numpy as np

from ..errors import CapabilityError, NotUnderstoodError
from ..protocol import VideoSource
from ..span import Span
from .transcript import Utterance, Word, in_order, utterances
from .vad import RATE
from .whisper_models import ENGLISH, WhisperFolder, best_whisper, how_to_get, whispers
from .windows import WINDOW, around, next_windows, speech_sound, windows

# Seconds by which the times of a subtitle may miss its words.
_LOOSE = 1.0


class Transcriber(Protocol):
    """Turns sound into words. `stamp` changes whenever the same sound could give other words.

    One that sets `finds_speech = True` is given the sound as it is, pauses and all, and has to invent nothing in them;
    one that sets `window` (seconds) is given pieces of about that length instead of 30 s. One that knows English only
    sets `multilingual = False`, and `tells_language = False` unless somebody said that English is spoken.
    """

    name: str
    stamp: str

    def transcribe(self, samples: np.ndarray, *, offset: float) -> list[Utterance]:
        """Recognize `samples` (mono, 16 kHz, float32 in [-1, 1]), the first of which lies at `offset` seconds."""


def transcriber(name: str | None = None, *, language: str | None = None, download: bool = False) -> Transcriber:
    """Return a recognizer.

    Args:
        name: a Whisper model in CTranslate2 format: a folder, a size (`small`) or a hub name, see `find_whisper`; or
            `pocketsphinx`, whose English model comes in its wheel. A language may be chosen behind an `@`: `small@de`;
            else it is detected, every five minutes anew. None for the best Whisper that is found without being named,
            see `best_whisper`, and PocketSphinx only where there is none.
        language: code of the language that is spoken (`de`), before what `name` says.
        download: whether a Whisper model may be fetched from the hub.
    """
    from .whisper import Whisper, model_and_language

    model: str | WhisperFolder | None = None
    if name is not None:
        model, chosen = model_and_language(name)
        language = language or chosen
    if model is None:
        model = best_whisper(language)
    if model is None or model == "pocketsphinx":
        from .pocketsphinx import PocketSphinx

        if language not in (None, ENGLISH):
            here = ", ".join(each.name for each in whispers())
            why = f"those on this disk ({here}) know English only" if here else "there is none on this disk"
            raise CapabilityError(
                f"Speech in {language!r} needs a multilingual Whisper model, and {why}: {how_to_get()}"
            )
        return PocketSphinx()
    return Whisper(model, language=language, download=download)


@lru_cache(maxsize=1)
def loaded_transcriber(name: str | None) -> Transcriber:
    """Return the recognizer of that name; the last one is kept: loading takes longer than a few seconds of sound."""
    return transcriber(name)


def lasting_name(name: str | None, language: str | None = None) -> str:
    """Return a name for `transcriber` that holds in any working directory; None is the best for the language."""
    from .whisper import model_and_language

    model, chosen = model_and_language(name) if name is not None else (None, None)
    if model is None:
        best = best_whisper(language)
        model = "pocketsphinx" if best is None else str(best.folder)
    folder = Path(model).expanduser()
    model = str(folder.absolute()) if folder.exists() else model
    language = language or chosen
    return f"{model}@{language}" if language else model


def outdated(stamp: str) -> bool:
    """Return whether speech that is stamped so was made by PocketSphinx though there is a Whisper now."""
    return stamp.startswith("pocketsphinx") and best_whisper() is not None


def speech_windows(video: VideoSource, transcriber: Transcriber | None = None, part: Span | None = None) -> list[Span]:
    """Return units of work that tile the video exactly, each cut where nobody speaks; [] without sound.

    They last about 30 s, or what suits `transcriber`. The same video always gives the same windows, and each can be
    transcribed without the others. Only the seconds around the cuts are read. Of a `part`, those that have a piece of
    it.
    """
    return windows(video, video.info.span, _length(transcriber), part=part)


def further_windows(video: VideoSource, span: Span, since: float, transcriber: Transcriber | None = None) -> list[Span]:
    """Return the units of work of a video that grows, from `since` on; see `next_windows`."""
    return next_windows(video, span, since, _length(transcriber))


def _length(transcriber: Transcriber | None) -> float:
    return float(getattr(transcriber, "window", WINDOW))


def transcribe(video: VideoSource, span: Span, transcriber: Transcriber) -> list[Utterance]:
    """Return what is said in `span`, in order; [] where nobody speaks.

    The recognizer is given only what the voice detector holds for speech, since recognizers invent words in noise. A
    word belongs to `span` when its middle does, and no word begins before the last one has ended, however long the
    video is. The sound is read piece by piece.

    Raises:
        NotUnderstoodError: if somebody speaks for long, and nothing of all that was made out.
    """
    spoken: list[tuple[str, list[Word]]] = []
    lost: NotUnderstoodError | None = None
    for window in windows(video, span, _length(transcriber)):
        try:
            words = list(_words(video, window, transcriber))
        except NotUnderstoodError as error:
            lost = error
            continue
        for language, word in words:
            middle = (word.start + word.end) / 2
            if window.contains(middle) or middle == window.end == video.info.end:
                if not spoken or spoken[-1][0] != language:
                    spoken.append((language, []))
                # Two windows share the half second at their joint; cut there, their words cannot overlap.
                spoken[-1][1].append(replace(word, start=max(word.start, window.start), end=min(word.end, window.end)))
    if lost is not None and not spoken:
        raise lost
    assumed = not getattr(transcriber, "tells_language", True)
    return [
        replace(each, language=language, assumed=assumed)
        for language, words in spoken
        for each in utterances(in_order(words, span.start, span.end))
    ]


def _words(video: VideoSource, window: Span, transcriber: Transcriber) -> Iterator[tuple[str, Word]]:
    """Yield every word in and just around a window, with its language."""
    if getattr(transcriber, "finds_speech", False):
        wider = around(video, window)
        for utterance in transcriber.transcribe(video.audio(wider, rate=RATE), offset=wider.start):
            yield from ((utterance.language, word) for word in utterance.words)
        return
    sound = speech_sound(video, window)
    if sound is None:
        return
    # Pauses are left out and the rest is decoded as one: recognizers adapt to the voice over all of it.
    for utterance in transcriber.transcribe(sound.samples, offset=0.0):
        for word in utterance.words:
            place = sound.span(word.start, word.end)
            yield utterance.language, Word(place.start, place.end, word.text, word.probability)


def find_phrase(video: VideoSource, span: Span, phrase: str) -> list[tuple[Span, float]]:
    """Find where `phrase` (English, a few words) may be spoken in `span`, best first, with a confidence in [0, 1].

    Listens for the sounds of the phrase and needs no transcript, so it also finds what the recognizer misheard. At 0.5
    seven of ten places are found, and in ten seconds of speech 4 % of phrases are heard that nobody said, 17 % of words
    of one syllable: in long videos ask for a higher confidence, or for a second reason to believe it.
    """
    from .phrase_spotting import spot

    found: list[tuple[Span, float]] = []
    for window in windows(video, span):
        if (sound := speech_sound(video, window)) is not None:
            places = ((sound.span(start, end), score) for start, end, score in spot(sound.samples, phrase))
            found += [(place, score) for place, score in places if window.contains(place.middle)]
    return sorted(found, key=lambda each: -each[1])


def align(video: VideoSource, span: Span, text: str) -> list[Word]:
    """Return when each word of `text` (English, known to be in `span`, at most a minute or so) is spoken, in order.

    Listens to a second more on both sides, since subtitles come late and go early. What is written but not spoken, such
    as `[music]` or a dash, is left out. [] where the text cannot be laid over the sound at all.
    """
    from .phrase_spotting import align_words

    if not video.info.has_audio:
        return []
    span = Span(span.start - _LOOSE, span.end + _LOOSE).within(video.info.span)
    return [
        Word(span.start + word.start, span.start + word.end, word.text, word.probability)
        for word in align_words(video.audio(span, rate=RATE), text)
    ]
