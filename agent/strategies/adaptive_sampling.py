"""The arithmetic of A.I.R.: threshold, events, initial frames, interval potential, local density, budget.

Paper: A.I.R.: Enabling Adaptive, Iterative, and Reasoning-based Frame Selection For Video Question Answering (ICLR
2026, arXiv 2510.04428), section 3 and appendix A.2-A.3. Constants have the paper's names and values. It counts
original frames at 24 a second and samples one a second; here a sampled frame is one second, and offsets are in
seconds.

Choices, where the paper is silent or its text copy has lost a symbol:
* `k_j`: floor-and-add-one, then one less for the largest until the sum is K (`looking.shares`).
* A run reaches to the sampled frames beside it, between which it began and ended: 3 frames in a row may be 4 s, so
  they are not dropped, which would lose a glimpse of 3 s. The run of the highest similarity is an event however short
  it is.
* Where the events hold fewer than K sampled frames, the best frames elsewhere, `D_MIN` apart, make up for it.
* Of more events than K, those with the highest similarity are sampled.
* Flat similarities (fewer than 10 frames, or no spread) have no threshold: the K highest, `D_MIN` apart, are taken,
  and evenly spaced frames where all are alike.
* `C_LEN` is 0.5 with the decimal logarithm; similarities below 0 are lifted to 0 before potentials are formed.
* `ALPHA` is at least 15 frames (elsewhere the paper says 10); D shares the rest of the budget out over both sides.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from .route_budget import shares

FPS = 24.0
"""Frames a second that the paper assumes."""
V_MAX, V_MIN, SHORT_VIDEO = 32, 8, 300.0
GAMMA = 0.7
D_MIN, L_MIN = 48 / FPS, 72 / FPS
C, I_MAX, THETA = 12, 6, 3
C_LEN = 0.5
ALPHA_SHARE, ALPHA_LEAST, BETA = 0.05, 15 / FPS, 1.5
FEWEST = 10


def frame_budget(seconds: float) -> int:
    """B, the frames of the final answer for a video of `seconds`: `max(min(floor(V_max n / 300), V_max), V_min)`."""
    return max(min(math.floor(V_MAX * seconds / SHORT_VIDEO), V_MAX), V_MIN)


def threshold(scores: np.ndarray) -> float | None:
    """T of a two-component Gaussian mixture over the similarities `[n]`: `max(mu) - gamma max(sigma)`.

    None where there is nothing to separate: fewer than 10 frames, or all alike.
    """
    if len(scores) < FEWEST or float(np.std(scores)) < 1e-4:
        return None
    from sklearn.mixture import GaussianMixture

    # Scaled to spread 1, since the regularisation of the variances (1e-6) is meant for data of that size.
    middle, spread = float(np.mean(scores)), float(np.std(scores))
    mixture = GaussianMixture(n_components=2, random_state=0).fit(((scores - middle) / spread).reshape(-1, 1))
    high = float(mixture.means_.max()) - GAMMA * math.sqrt(float(mixture.covariances_.max()))
    return middle + spread * high


def events(times: np.ndarray, scores: np.ndarray, least: float) -> list[tuple[int, int]]:
    """Return runs of frames with a similarity of at least `least` (T), as first and last index (inclusive).

    Runs at most `D_MIN` seconds apart are one; runs that last at most `L_MIN` seconds, from the sampled frame before
    them to the one after, are dropped, but for the best. `times` are seconds `[n]` at a steady rate, `scores` `[n]`.
    """
    step = float(times[1] - times[0]) if len(times) > 1 else 1.0
    runs: list[tuple[int, int]] = []
    for index in np.flatnonzero(scores >= least).tolist():
        if runs and times[index] - times[runs[-1][1]] <= max(D_MIN, step) + 1e-6:
            runs[-1] = (runs[-1][0], index)
        else:
            runs.append((index, index))
    best = int(np.argmax(scores))
    return [
        (first, last)
        for first, last in runs
        if times[last] - times[first] + 2 * step > L_MIN + 1e-6 or first <= best <= last
    ]


def apart(times: np.ndarray, scores: np.ndarray, count: int, gap: float) -> list[int]:
    """Return indices of the `count` highest scores `[n]` that lie at least `gap` seconds apart, best first."""
    indices: list[int] = []
    for index in np.argsort(-scores, kind="stable").tolist():
        if len(indices) == count:
            break
        if all(abs(times[index] - times[other]) >= gap for other in indices):
            indices.append(index)
    return indices


def initial_frames(times: np.ndarray, scores: np.ndarray, count: int) -> list[float]:
    """F: times (seconds) of about K = `count` frames, the best of each event, in order."""
    least = threshold(scores)
    runs_found = [] if least is None else events(times, scores, least)
    if not runs_found:
        if float(np.std(scores)) < 1e-4:
            even = np.linspace(0, len(times) - 1, min(count, len(times))).round().astype(int)
            return sorted({float(times[i]) for i in even})
        return sorted(float(times[i]) for i in apart(times, scores, count, D_MIN))
    runs_found = sorted(runs_found, key=lambda run: -float(scores[run[0] : run[1] + 1].max()))[:count]
    chosen: list[float] = []
    for (first, last), k in zip(runs_found, shares([b - a + 1 for a, b in runs_found], count), strict=True):
        best = first + np.argsort(-scores[first : last + 1], kind="stable")[:k]
        chosen += [float(times[i]) for i in best]
    outside = ~np.isin(times, chosen)
    for first, last in runs_found:
        outside[first : last + 1] = False
    more = apart(times[outside], scores[outside], count - len(chosen), D_MIN)
    return sorted([*chosen, *(float(times[outside][i]) for i in more)])


def potential(scores: np.ndarray, length: float) -> float:
    """P of an interval: `mean(S) (1 + sum|S_{j+1} - S_j| / len) (1 + C_LEN lg(len))`.

    S are the similarities `[m]`, not negative, both ends included; a `length` below 1 sampled frame (s) counts as 1.
    """
    length = max(length, 1.0)
    complexity = float(np.abs(np.diff(scores)).sum()) / length
    return float(scores.mean()) * (1 + complexity) * (1 + C_LEN * math.log10(length))


def rank_candidates(
    chosen: Sequence[float], times: np.ndarray, scores: np.ndarray, rated: Sequence[float], count: int
) -> dict[float, float]:
    """Return the frames to rate next: ends of the intervals between the frames of F with the highest potential.

    `chosen` is F in order; the first and last of `times` (s, `[n]`) bound the outer intervals; `scores` `[n]` are
    interpolated. Gives at most `count` (C) times that are not in `rated`, each with its interval's length, best first.
    """
    lifted = scores - min(float(scores.min()), 0.0)
    bounds = sorted({float(times[0]), *chosen, float(times[-1])})
    intervals = []
    for first, last in zip(bounds[:-1], bounds[1:], strict=True):
        inside = lifted[np.searchsorted(times, first, side="right") : np.searchsorted(times, last, side="left")]
        ends = np.interp([first, last], times, lifted)
        intervals.append((potential(np.concatenate([ends[:1], inside, ends[1:]]), last - first), first, last))
    candidates: dict[float, float] = {}
    for _, first, last in sorted(intervals, key=lambda one: -one[0]):
        for end in (first, last):
            if end not in rated and len(candidates) < count:
                candidates.setdefault(end, last - first)
    return candidates or ({} if len(bounds) > 1 or bounds[0] in rated else {bounds[0]: 0.0})


def density_offsets(interval: float, count: int) -> list[float]:
    """Return distances in seconds `alpha beta^(m-1)`, m = 1..`count`, at which to look beside a validated frame.

    `alpha = max(0.05 interval, 15 frames)` for an interval of so many seconds.
    """
    alpha = max(ALPHA_SHARE * interval, ALPHA_LEAST)
    return [alpha * BETA**m for m in range(count)]
