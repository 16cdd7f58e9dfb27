"""Voice activity detection: the Silero model (ONNX) that lies in faster_whisper's wheel."""

from __future__ import annotations

import numpy as np

RATE = 16000
"""Samples a second that every speech model here takes."""


HOP = 512
"""Samples of one decision of the voice detector: 32 ms."""
# Applause, gulls and music score above 0.5 for a tenth of a second now and then; no word is that short.
_SHORTEST = 0.25
_PAUSE = 0.3
_INAUDIBLE = 1e-4
"""Samples that never pass this (-80 dB: three steps of 16 bits) are silence; the model need not be asked."""
SILENT = 0.35
"""Below this probability speech has ended."""


def speech_probability(samples: np.ndarray) -> np.ndarray:
    """Return the probability `[ceil(n / 512)]` float32 of speech for each 32 ms of `samples` (mono, 16 kHz)."""
    from faster_whisper.vad import get_vad_model

    if not len(samples):
        return np.zeros(0, dtype=np.float32)
    # A copy always: the model's wrapper writes into its input.
    padded = np.zeros(-(-len(samples) // HOP) * HOP, dtype=np.float32)
    padded[: len(samples)] = samples
    if max(float(padded.max()), -float(padded.min())) < _INAUDIBLE:
        return np.zeros(len(padded) // HOP, dtype=np.float32)
    return np.asarray(get_vad_model()(padded), dtype=np.float32).reshape(-1)


def voiced(samples: np.ndarray) -> list[tuple[float, float]]:
    """Return stretches of speech as (start, end) seconds from the first sample, pauses under 0.3 s bridged."""
    return bridged(runs(speech_probability(samples), len(samples) / RATE))


def runs(
    probability: np.ndarray, length: float, *, begin: float = 0.5, silent: float = SILENT
) -> list[tuple[float, float]]:
    """Return every stretch of speech as (start, end) seconds, however short.

    Args:
        probability: `[n]` that somebody speaks, for each 32 ms.
        length: seconds of sound.
        begin: probability at which speech begins.
        silent: probability below which it has ended.
    """
    step = HOP / RATE
    found: list[tuple[float, float]] = []
    start: float | None = None
    # Hysteresis: speech lasts until the model is fairly sure that it has ended.
    for number, value in enumerate([*probability.tolist(), 0.0]):
        time = min(number * step, length)
        if start is None and value >= begin:
            start = time
        elif start is not None and value < silent:
            found.append((start, time))
            start = None
    return found


def bridged(found: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """Return stretches of speech without the pauses inside words, and without what is too short for any word."""
    kept: list[tuple[float, float]] = []
    for start, end in found:
        if kept and start - kept[-1][1] < _PAUSE:
            start = kept.pop()[0]
        kept.append((start, end))
    return [(start, end) for start, end in kept if end - start >= _SHORTEST]
