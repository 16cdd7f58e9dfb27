"""Known words in sound: where a phrase is spoken, and when each word of a text is (PocketSphinx, no transcript)."""

from __future__ import annotations

import itertools
import math
import threading
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from ..errors import CapabilityError
from .pocketsphinx import FRAME, pcm
from .pronunciation import pronounce, spoken
from .transcript import Word
from .vad import RATE

if TYPE_CHECKING:
    from pocketsphinx import Decoder, Segment

# Ways of saying a phrase that are tried; each costs a pass over the sound.
_WAYS = 4
# Seconds of one sound, on average over a text, when somebody speaks very fast.
_FASTEST = 0.045
# Below this a place is hardly ever right.
_LEAST = 0.2
_LOCK = threading.Lock()

_PHONES = (
    "AA AE AH AO AW AY B CH D DH EH ER EY F G HH IH IY JH K L M N NG OW OY P R S SH T TH UH UW V W Y Z ZH"
).split()
# Names for single sounds; no word of the dictionary begins like this.
_NOISE = "_noise_"


def spot(samples: np.ndarray, phrase: str) -> list[tuple[float, float, float]]:
    """Return places in `samples` (mono, 16 kHz) where `phrase` may be: start, end (s), confidence in [0, 1]."""
    words = [word for token in phrase.split() for word in spoken(token)]
    if not words or len(samples) < RATE // 10:
        return []
    sound = pcm(samples)
    found: list[tuple[float, float, float]] = []
    with _LOCK:
        decoder = _decoder()
        for way in itertools.islice(itertools.product(*(_variants(decoder, word) for word in words)), _WAYS):
            phones = sum(len(decoder.lookup_word(word).split()) for word in way)
            decoder.add_keyphrase("phrase", " ".join(way))
            for segment in _decode(decoder, "phrase", sound):
                start, end = segment.start_frame * FRAME, (segment.end_frame + 1) * FRAME
                found.append((start, end, _confidence(segment.prob, phones, end - start)))
    kept: list[tuple[float, float, float]] = []
    for place in sorted(found, key=lambda each: -each[2]):
        if place[2] >= _LEAST and all(place[1] <= other[0] or place[0] >= other[1] for other in kept):
            kept.append(place)
    return kept


def align_words(samples: np.ndarray, text: str) -> list[Word]:
    """Return the words of `text` with their seconds in `samples` (mono, 16 kHz); [] where they do not fit the sound."""
    tokens = [(token, words) for token in text.split() if (words := spoken(token))]
    if not tokens or len(samples) < RATE // 10:
        return []
    with _LOCK:
        decoder = _decoder()
        chain = [word for _, words in tokens for word in words]
        # Cheap noise finds the edges best, but drowns the words where the voice is far from what the model knows.
        for noise in (1e-8, 1e-30):
            times = _align(decoder, chain, noise, pcm(samples))
            if times:
                break
    if not times:
        return []
    aligned, place = [], 0
    for token, words in tokens:
        aligned.append(Word(times[place][0], times[place + len(words) - 1][1], token, 1.0))
        place += len(words)
    return aligned


def _align(decoder: Decoder, words: list[str], noise: float, sound: bytes) -> list[tuple[float, float]]:
    """Return start and end of each word in seconds, or [].

    The words stand in a chain. Before and after it any sounds may be, each with the probability `noise`: the
    neighbouring speech. The decoder itself puts in pauses between words and the other ways of saying a word.
    """
    last = len(words)
    arcs = [(state, state, noise, _NOISE + phone.lower()) for phone in _PHONES for state in (0, last)]
    arcs += [(place, place + 1, 1.0, word) for place, word in enumerate(words)]
    for word in words:
        _variants(decoder, word)
    decoder.add_fsg("text", decoder.create_fsg("text", 0, last, arcs))
    times = [
        (segment.start_frame * FRAME, (segment.end_frame + 1) * FRAME)
        for segment in _decode(decoder, "text", sound)
        if segment.word[0] not in "<[+" and not segment.word.startswith(_NOISE)
    ]
    if len(times) != len(words):
        return []
    # Words that are not there at all are squeezed into a corner, faster than anyone can speak.
    phones = sum(len(decoder.lookup_word(word).split()) for word in words)
    return times if sum(end - start for start, end in times) >= _FASTEST * phones else []


def _decode(decoder: Decoder, search: str, sound: bytes) -> list[Segment]:
    decoder.activate_search(search)
    decoder.start_utt()
    decoder.process_raw(sound, full_utt=True)
    decoder.end_utt()
    try:
        return list(decoder.seg() or ())
    finally:
        decoder.remove_search(search)


def _variants(decoder: Decoder, word: str) -> list[str]:
    """Return the decoder's names for the ways of saying `word`; one that is not in the dictionary is added."""
    if decoder.lookup_word(word) is None:
        decoder.add_word(word, pronounce(word, decoder.lookup_word), True)
    others = (f"{word}({number})" for number in range(2, 5))
    return [word, *itertools.takewhile(lambda name: decoder.lookup_word(name) is not None, others)]


def _confidence(probability: float, phones: int, seconds: float) -> float:
    """Return the chance that a place is right, from how well the sounds fit, their number, and their pace.

    Fitted by logistic regression on 211 words and phrases that are spoken in real and synthetic clips of 4 to 12 s and
    193 that are not: at 0.5, 69 % of those are found, and 8 % of all are heard in a clip where they are not (17 % of
    those with at most four sounds, 4 % of phrases).
    """
    # The search hands out its ratio of likelihoods (phrase to any sounds) as a power of 1.0001, moved by 1500.
    nats = (math.log(max(probability, 1e-9)) / 1e-4 + 1500) * 0.1024
    fit = min(max(nats / phones, -16.0), 6.0)
    odds = -2.8 + 0.186 * fit + 0.51 * math.log(phones) + 40 * min(seconds / phones, 0.1)
    return 1 / (1 + math.exp(-odds))


@lru_cache(maxsize=1)
def _decoder() -> Decoder:
    try:
        from pocketsphinx import Decoder
    except ModuleNotFoundError as error:
        raise CapabilityError("Listening for a phrase needs PocketSphinx: pip install pocketsphinx.") from error
    # The words are known, so the search can afford to be wide; a lattice would only be in the way.
    decoder = Decoder(
        loglevel="FATAL",
        samprate=RATE,
        lm=None,
        bestpath=False,
        beam=1e-250,
        wbeam=1e-250,
        pbeam=1e-250,
        kws_threshold=1e-90,
    )
    for phone in _PHONES:
        decoder.add_word(_NOISE + phone.lower(), phone, phone == _PHONES[-1])
    return decoder
