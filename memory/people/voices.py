"""Speaker turns: who speaks when, told by sound alone and never by what comes later.

Speech is found by Silero (`memory.speech.vad`). Windows of 1.6 s, a quarter of that apart, get vectors; those of one
stretch of speech are clustered (agglomerative, average linkage on cosine distance, as in Park et al., A Review of
Speaker Diarization, arXiv 2101.09624, section 2.4), which cuts it into turns; each turn joins the voice that it is most
like, or begins one (`grouping`). Turns are taken in the order of time, so that a turn's voice stands once it is over:
nothing that is said afterwards moves it, and a recording may still be growing. Two that speak at once count as one.
"""

from __future__ import annotations

import numpy as np

from ..speech.vad import RATE, voiced
from .grouping import NewAppearance, unit
from .speaker_models import SpeakerModel

WINDOW, HOP = 1.6, 0.4
"""Seconds of a window and from one to the next."""
PAUSE = 0.35
"""Seconds after a stretch of speech until it is known to be over (pauses up to 0.3 s are bridged)."""
_SHORTEST = 0.8  # seconds of a turn inside a stretch; shorter ones are mixed windows at a change


def turns_in(sound: np.ndarray, start: float, model: SpeakerModel) -> list[NewAppearance]:
    """Return the turns in a piece of sound, in order of time.

    Args:
        sound: mono float32 `[n]` at 16 kHz.
        start: its first second in the video.
        model: gives the vectors of windows.
    """
    end = len(sound) / RATE
    turns: list[NewAppearance] = []
    for first, last in voiced(sound):
        starts = _window_starts(first, last)
        vectors = model.encode(np.stack([_cut(sound, at, last) for at in starts]))
        known = start + min(last + PAUSE, end)
        for left, right, members in _parts(first, last, starts, _clusters(vectors, model.thresholds.window)):
            turn = NewAppearance(
                start=start + left,
                end=start + right,
                known=known,
                vector=unit(vectors[members].mean(axis=0)),
                founds=right - left >= WINDOW,
            )
            turns.append(turn)
    return turns


def _window_starts(first: float, last: float) -> np.ndarray:
    """Starts of the windows over a stretch (seconds); the last one ends with it, a short stretch has one."""
    starts = first + HOP * np.arange(1 + max(0, int((last - first - WINDOW) / HOP)))
    return np.append(starts, last - WINDOW) if last - WINDOW - starts[-1] > HOP / 2 else starts


def _cut(sound: np.ndarray, at: float, end: float) -> np.ndarray:
    """Return a window of sound, without what comes after its stretch."""
    begin, length = int(at * RATE), int(WINDOW * RATE)
    piece = sound[begin : min(begin + length, int(end * RATE))]
    return np.pad(piece, (0, length - len(piece)))


def _clusters(vectors: np.ndarray, alike: float) -> np.ndarray:
    """Return a cluster number for each window of a stretch."""
    if len(vectors) < 2:
        return np.zeros(len(vectors), np.int64)
    from scipy.cluster.hierarchy import fcluster, linkage

    # Unit vectors: the cosine distance of scipy is 1 - cosine; rounding must not make it negative.
    distances = np.clip(1.0 - vectors @ vectors.T, 0.0, 2.0)[np.triu_indices(len(vectors), 1)]
    result: np.ndarray = fcluster(linkage(distances, "average"), 1.0 - alike, "distance") - 1
    return result


def _parts(first: float, last: float, starts: np.ndarray, clusters: np.ndarray) -> list[tuple[float, float, list[int]]]:
    """Cut a stretch where the cluster of its windows changes: start, end, and the windows of each part."""
    runs: list[list[int]] = []
    for number, cluster in enumerate(clusters):
        if runs and clusters[runs[-1][-1]] == cluster:
            runs[-1].append(number)
        else:
            runs.append([number])
    middles = starts + WINDOW / 2
    parts: list[tuple[float, float, list[int]]] = []
    for place, run in enumerate(runs):
        left = first if place == 0 else (middles[run[0] - 1] + middles[run[0]]) / 2
        right = last if place == len(runs) - 1 else (middles[run[-1]] + middles[run[-1] + 1]) / 2
        if parts and (right - left < _SHORTEST or clusters[parts[-1][2][-1]] == clusters[run[0]]):
            before = parts.pop()
            same = clusters[before[2][-1]] == clusters[run[0]]
            parts.append((before[0], float(right), [*before[2], *run] if same else before[2]))
        else:
            parts.append((float(left), float(right), run))
    if len(parts) > 1 and parts[0][1] - parts[0][0] < _SHORTEST:
        (left, *_), (_, right, run) = parts.pop(0), parts[0]
        parts[0] = (left, right, run)
    return parts
