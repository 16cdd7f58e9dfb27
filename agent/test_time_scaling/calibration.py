"""Is an answer that says 0.8 right four times in five? Measured (ECE, Brier, reliability), mended (`Calibration`)."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ...memory import RewatchError
from ...memory.files.regular import read_text

EDGE = 0.01
"""Stated confidences are taken as at least this far from 0 and 1: nobody is infinitely sure."""


PRIOR = 5.0
"""Three answers that all contradict a stated 0.9 move it to 0.56; forty answers are mostly believed."""


class CalibrationError(RewatchError):
    """A calibration cannot be read."""


@dataclass(frozen=True, slots=True)
class Bin:
    """Answers whose confidence lies in (low, high]; 0 belongs to the first bin."""

    low: float
    high: float
    count: int
    confidence: float
    """Mean confidence; 0 in an empty bin."""
    accuracy: float
    """Share that is correct; 0 in an empty bin."""


def reliability(confidences: Sequence[float], correct: Sequence[bool], bins: int = 10) -> list[Bin]:
    """Return mean confidence and accuracy of `bins` equally wide bins, empty ones among them.

    Raises:
        ValueError: if the two differ in length, or a confidence is not in [0, 1], or `bins` is below 1.
    """
    stated, right = _pairs(confidences, correct)
    if bins < 1:
        raise ValueError(f"At least one bin is needed, got {bins}.")
    # Rounded, since (0.1 + 0.2) * 10 is a little above 3 and would fall into the next bin.
    index = np.maximum(np.ceil(np.round(stated * bins, 9)).astype(int) - 1, 0)
    rows = []
    for i in range(bins):
        inside = index == i
        n = int(inside.sum())
        mean, accuracy = (float(stated[inside].mean()), float(right[inside].mean())) if n else (0.0, 0.0)
        rows.append(Bin(i / bins, (i + 1) / bins, n, mean, accuracy))
    return rows


def ece(confidences: Sequence[float], correct: Sequence[bool], bins: int = 10) -> float:
    """Expected calibration error, in [0, 1]; NaN for no answers at all.

    ECE = Σ_m |B_m| / n · |acc(B_m) - conf(B_m)| over M equally wide bins B_m = ((m-1)/M, m/M], acc the share of
    correct answers in a bin and conf their mean confidence (Guo et al., On Calibration of Modern Neural Networks,
    ICML 2017, arXiv 1706.04599).
    """
    rows = reliability(confidences, correct, bins)
    n = sum(row.count for row in rows)
    return sum(row.count * abs(row.accuracy - row.confidence) for row in rows) / n if n else math.nan


def brier(confidences: Sequence[float], correct: Sequence[bool]) -> float:
    """Return mean squared difference of confidence and correctness (Brier, 1950); NaN for no answers."""
    from sklearn.metrics import brier_score_loss

    stated, right = _pairs(confidences, correct)
    return float(brier_score_loss(right, stated, pos_label=1.0)) if len(stated) else math.nan


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """A monotone map from stated to calibrated confidence: q = sigmoid(slope · logit(p) + offset), slope >= 0.

    Platt scaling (Platt, 1999) on the logit, and not isotonic regression: that overfits below about a thousand pairs
    (Niculescu-Mizil & Caruana, ICML 2005), gives the same confidence to long stretches, and knows nothing outside what
    it saw; runs of an agent are dear, and a few dozen pairs are usual. Nothing fitted is the identity.
    """

    slope: float = 1.0
    offset: float = 0.0
    pairs: int = 0
    """How many pairs it was fitted on."""

    def __call__(self, confidence: float) -> float:
        """Return the calibrated confidence, in [0, 1]."""
        if self.slope == 1.0 and self.offset == 0.0:
            return min(max(confidence, 0.0), 1.0)
        p = min(max(confidence, EDGE), 1 - EDGE)
        return float(0.5 * (1 + math.tanh((self.slope * math.log(p / (1 - p)) + self.offset) / 2)))

    @classmethod
    def fit(cls, confidences: Sequence[float], correct: Sequence[bool], *, prior: float = PRIOR) -> Calibration:
        """Return the map that makes the pairs likeliest, held towards the identity.

        The minimum of Σ -log P(correct_i | q_i) + prior/2 · ((slope - 1)² + offset²) for slope >= 0 (L-BFGS-B): a
        Gaussian prior that a few pairs hardly outweigh and many forget, which also keeps the optimum finite where all
        are right or all wrong. scikit-learn's Platt scaling has no such prior. With a slope of 0 (the surer, the more
        often wrong) everyone gets the same confidence.

        Raises:
            ValueError: as `reliability`, or if `prior` is not above 0.
        """
        if not prior > 0:
            raise ValueError(f"The prior must be above 0, got {prior}.")
        stated, right = _pairs(confidences, correct)
        if not len(stated):
            return cls()
        from scipy.optimize import minimize
        from scipy.special import expit, logit

        x = logit(np.clip(stated, EDGE, 1 - EDGE))

        def loss(map_: np.ndarray) -> tuple[float, np.ndarray]:
            slope, offset = map_
            z = slope * x + offset
            error = expit(z) - right
            value = (np.logaddexp(0, z) - right * z).sum() + prior / 2 * ((slope - 1) ** 2 + offset**2)
            return float(value), np.array([error @ x + prior * (slope - 1), error.sum() + prior * offset])

        options = {"ftol": 1e-15, "gtol": 1e-8}
        fit = minimize(loss, [1.0, 0.0], jac=True, bounds=[(0, None), (None, None)], options=options)
        return cls(slope=float(fit.x[0]), offset=float(fit.x[1]), pairs=len(stated))

    def save(self, path: str | Path) -> None:
        """Write it as JSON."""
        row = {"slope": self.slope, "offset": self.offset, "pairs": self.pairs}
        Path(path).write_text(json.dumps(row) + "\n", encoding="utf-8")

    @classmethod
    def load(cls, path: str | Path) -> Calibration:
        """Read what `save` wrote.

        Raises:
            CalibrationError: if the file cannot be read or is no calibration.
        """
        try:
            row = json.loads(read_text(path))
            found = cls(slope=float(row["slope"]), offset=float(row["offset"]), pairs=int(row["pairs"]))
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise CalibrationError(f"{path} is no calibration ({type(error).__name__}); fit one and save it.") from None
        if not (math.isfinite(found.offset) and 0 <= found.slope < math.inf):
            raise CalibrationError(f"{path} holds a map that is not monotone or not finite; fit one and save it.")
        return found


def _pairs(confidences: Sequence[float], correct: Sequence[bool]) -> tuple[np.ndarray, np.ndarray]:
    """Return confidences `[n]` and correctness `[n]` (0 or 1) as floats."""
    if len(confidences) != len(correct):
        raise ValueError(f"{len(confidences)} confidences for {len(correct)} answers.")
    for confidence in confidences:
        if not 0 <= confidence <= 1:
            raise ValueError(f"A confidence must lie in [0, 1], got {confidence}.")
    return np.array(confidences, float), np.array(correct, float)
