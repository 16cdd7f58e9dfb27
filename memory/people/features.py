"""Mel features of speech, as the speaker models here were trained on them; sound is mono float32 at 16 kHz."""

from __future__ import annotations

from functools import cache

import numpy as np

from ..speech.vad import RATE

WINDOW, HOP = 400, 160
"""Samples of a frame and of a step: 25 and 10 ms."""
_FFT = 512  # Kaldi rounds its 400 samples up to a power of two


def mel_power(sound: np.ndarray) -> np.ndarray:
    """Return the mel power spectrogram `[1 + n // 160, 40]` float32 of `sound` `[n]`; not in decibels.

    The front end of Resemblyzer 0.1.4 (`audio.py`, `hparams.py`), which is `librosa.feature.melspectrogram` with its
    defaults: centered frames padded with zeros, a periodic Hann window, Slaney's mel scale, filters of unit area.
    """
    padded = np.pad(sound.astype(np.float32), WINDOW // 2)
    frames = np.lib.stride_tricks.sliding_window_view(padded, WINDOW)[::HOP]
    hann = (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(WINDOW) / WINDOW)).astype(np.float32)
    power = np.abs(np.fft.rfft(frames * hann, axis=-1)) ** 2
    result: np.ndarray = (power @ _slaney_filters().T).astype(np.float32)
    return result


def log_filterbank(sound: np.ndarray) -> np.ndarray:
    """Return the log mel filterbank `[frames, 80]` float32 of `sound` `[n]`, the mean of each band taken off.

    Kaldi's `fbank` with 80 bins from 20 Hz, without dither, with a Hamming window, as WeSpeaker's and 3D-Speaker's
    exported models want it (`wespeaker/cli/speaker.py`). At least one frame.
    """
    scaled = np.pad(sound, (0, max(0, WINDOW - len(sound)))).astype(np.float64) * 32768.0
    frames = np.lib.stride_tricks.sliding_window_view(scaled, WINDOW)[::HOP]
    frames = frames - frames.mean(axis=-1, keepdims=True)
    before = np.concatenate([frames[:, :1], frames[:, :-1]], axis=1)
    power = np.abs(np.fft.rfft((frames - 0.97 * before) * np.hamming(WINDOW), _FFT, axis=-1)) ** 2
    bands = np.log(np.maximum(power @ _kaldi_filters().T, np.finfo(np.float32).eps))
    result: np.ndarray = (bands - bands.mean(axis=0)).astype(np.float32)
    return result


@cache
def _slaney_filters() -> np.ndarray:
    """Triangles `[40, 201]` on Slaney's scale: linear to 1 kHz (200/3 Hz a mel), then logarithmic, each of area 1."""
    step, corner, log_step = 200.0 / 3, 1000.0, np.log(6.4) / 27
    top = corner / step + np.log(RATE / 2 / corner) / log_step
    mels = np.linspace(0.0, top, 42)
    edges = np.where(mels * step < corner, mels * step, corner * np.exp(log_step * (mels - corner / step)))
    filters = _triangles(np.fft.rfftfreq(WINDOW, 1 / RATE), edges)
    result: np.ndarray = filters * (2.0 / (edges[2:] - edges[:-2]))[:, None]
    return result


@cache
def _kaldi_filters() -> np.ndarray:
    """Triangles `[80, 257]` of height 1, straight on the mel scale 1127 ln(1 + f / 700), from 20 Hz."""
    low, high = (1127 * np.log(1 + edge / 700) for edge in (20.0, RATE / 2))
    return _triangles(1127 * np.log(1 + np.fft.rfftfreq(_FFT, 1 / RATE) / 700), np.linspace(low, high, 82))


def _triangles(at: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """Return triangles between each edge and the next but one, `[len(edges) - 2, len(at)]`."""
    rising = (at[None] - edges[:-2, None]) / (edges[1:-1] - edges[:-2])[:, None]
    falling = (edges[2:, None] - at[None]) / (edges[2:] - edges[1:-1])[:, None]
    result: np.ndarray = np.maximum(0.0, np.minimum(rising, falling))
    return result
