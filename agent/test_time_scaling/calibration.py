"""Is an answer that says 0.8 right four times in five? Measured (ECE, Brier, reliability), mended (`Calibration`)."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

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
    """Mean confidence and accuracy of `bins` equally wide bins, empty ones among them.

    Raises:
        ValueError: if the two differ in length, or a confidence is not in [0, 1], or `bins` is below 1.
    """
    pairs = _pairs(confidences, correct)
    if bins < 1:
        raise ValueError(f"At least one bin is needed, got {bins}.")
    filled: list[list[tuple[float, bool]]] = [[] for _ in range(bins)]
    for confidence, right in pairs:
        # Rounded, since (0.1 + 0.2) * 10 is a little above 3 and would fall into the next bin.
        filled[max(math.ceil(round(confidence * bins, 9)) - 1, 0)].append((confidence, right))
    rows = []
    for i, inside in enumerate(filled):
        n = max(len(inside), 1)
        mean, accuracy = sum(c for c, _ in inside) / n, sum(right for _, right in inside) / n
        rows.append(Bin(i / bins, (i + 1) / bins, len(inside), mean, accuracy))
    return rows


def ece(confidences: Sequence[float], correct: Sequence[bool], bins: int = 10) -> float:
    """Expected calibration error, in [0, 1].

    ECE = Σ_m |B_m| / n · |acc(B_m) - conf(B_m)| over M equally wide bins B_m = ((m-1)/M, m/M], acc the share of
    correct answers in a bin and conf their mean confidence (Guo et al., On Calibration of Modern Neural Networks,
    ICML 2017, arXiv 1706.04599). NaN for no answers at all.

    Raises:
        ValueError: as `reliability`.
    """
    rows = reliability(confidences, correct, bins)
    n = sum(row.count for row in rows)
    return sum(row.count * abs(row.accuracy - row.confidence) for row in rows) / n if n else math.nan


def brier(confidences: Sequence[float], correct: Sequence[bool]) -> float:
    """Mean squared difference of confidence and correctness (Brier, 1950), in [0, 1]; NaN for no answers at all.

    Raises:
        ValueError: as `reliability`.
    """
    pairs = _pairs(confidences, correct)
    return sum((confidence - right) ** 2 for confidence, right in pairs) / len(pairs) if pairs else math.nan


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
        """The calibrated confidence, in [0, 1]."""
        if self.slope == 1.0 and self.offset == 0.0:
            return min(max(confidence, 0.0), 1.0)
        return _sigmoid(self.slope * _logit(confidence) + self.offset)

    @classmethod
    def fit(cls, confidences: Sequence[float], correct: Sequence[bool], *, prior: float = PRIOR) -> Calibration:
        """The map that makes the pairs likeliest, held towards the identity.

        Newton's method on Σ -log P(correct_i | q_i) + prior/2 · ((slope - 1)² + offset²): a Gaussian prior that a few
        pairs hardly outweigh and many forget, which also keeps the optimum finite where all are right or all wrong.
        Where the best slope is negative (the surer, the more often wrong), it is 0: everyone gets the same confidence.

        Raises:
            ValueError: as `reliability`, or if `prior` is not above 0.
        """
        if not prior > 0:
            raise ValueError(f"The prior must be above 0, got {prior}.")
        points = [(_logit(confidence), float(right)) for confidence, right in _pairs(confidences, correct)]
        if not points:
            return cls()
        slope, offset = _newton(points, prior, fixed_slope=None)
        if slope < 0:
            slope, offset = _newton(points, prior, fixed_slope=0.0)
        return cls(slope=slope, offset=offset, pairs=len(points))

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


def _newton(points: Iterable[tuple[float, float]], prior: float, *, fixed_slope: float | None) -> tuple[float, float]:
    """Slope and offset at the optimum of a strictly convex loss; a step that would raise it is halved."""
    points = list(points)
    slope, offset = (1.0 if fixed_slope is None else fixed_slope), 0.0

    def loss(a: float, b: float) -> float:
        fits = sum(_softplus(a * x + b) - y * (a * x + b) for x, y in points)
        return fits + prior / 2 * ((a - 1) ** 2 + b**2)

    for _ in range(100):
        ga, gb, haa, hab, hbb = prior * (slope - 1), prior * offset, prior, 0.0, prior
        for x, y in points:
            q = _sigmoid(slope * x + offset)
            weight = q * (1 - q)
            ga, gb = ga + (q - y) * x, gb + (q - y)
            haa, hab, hbb = haa + weight * x * x, hab + weight * x, hbb + weight
        if fixed_slope is not None:
            da, db = 0.0, gb / hbb
        else:
            det = haa * hbb - hab * hab  # above 0: the prior alone makes the Hessian positive definite
            da, db = (hbb * ga - hab * gb) / det, (haa * gb - hab * ga) / det
        step, now = 1.0, loss(slope, offset)
        while loss(slope - step * da, offset - step * db) > now and step > 1e-6:
            step /= 2
        slope, offset = slope - step * da, offset - step * db
        if abs(da) + abs(db) < 1e-10:
            break
    return slope, offset


def _pairs(confidences: Sequence[float], correct: Sequence[bool]) -> list[tuple[float, bool]]:
    if len(confidences) != len(correct):
        raise ValueError(f"{len(confidences)} confidences for {len(correct)} answers.")
    for confidence in confidences:
        if not 0 <= confidence <= 1:
            raise ValueError(f"A confidence must lie in [0, 1], got {confidence}.")
    return [(float(confidence), bool(right)) for confidence, right in zip(confidences, correct, strict=True)]


def _logit(p: float) -> float:
    p = min(max(p, EDGE), 1 - EDGE)
    return math.log(p / (1 - p))


def _sigmoid(z: float) -> float:
    return 1 / (1 + math.exp(-z)) if z >= 0 else math.exp(z) / (1 + math.exp(z))


def _softplus(z: float) -> float:
    return max(z, 0.0) + math.log1p(math.exp(-abs(z)))
