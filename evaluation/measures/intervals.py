"""Means with intervals of 95 %: items about one video share chance, so errors are clustered by video."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from statistics import NormalDist

from ..judging import JudgedItem
from .measure import Figure

LEVEL = 0.95
"""Of every interval."""
_Z = NormalDist().inv_cdf(0.5 + LEVEL / 2)


def mean_of(
    judged: Sequence[JudgedItem], values: Sequence[float], *, out_of: int | None = None, most: float = 1.0
) -> Figure:
    """The mean of one value for each item, with its interval.

    Args:
        judged: the items, at least one; their clusters are taken.
        values: in their order.
        out_of: how many items the measure was given; the figure says of how many it is if they are fewer.
        most: the largest value that there can be, as the least is 0: the interval stays between them.
    """
    by_cluster: dict[str, list[float]] = {}
    for one, value in zip(judged, values, strict=True):
        by_cluster.setdefault(one.cluster, []).append(value)
    count = None if out_of in (None, len(values)) else len(values)
    return Figure(sum(values) / len(values), *_bounds(by_cluster, most), count=count)


def clustered_error(clusters: Mapping[str, Sequence[float]]) -> float:
    """The standard error of the mean of all values, clustered.

    Miller, Adding Error Bars to Evals (2024, arXiv 2411.00640), section 2.2: the square root of the error of
    independent values squared, `s² / n`, plus `1/n² · Σ_c Σ_i Σ_{j≠i} (x_ic - x̄)(x_jc - x̄)`. NaN for one value.
    """
    values = [value for members in clusters.values() for value in members]
    n = len(values)
    if n < 2:
        return math.nan
    mean = sum(values) / n
    squares = sum((value - mean) ** 2 for value in values)
    together = sum(sum(value - mean for value in members) ** 2 for members in clusters.values())
    return math.sqrt(max(squares / (n - 1) / n + (together - squares) / n**2, 0.0))


def wilson(share: float, n: float) -> tuple[float, float]:
    """The score interval of a share of `n` independent items (Wilson, 1927)."""
    middle = (share + _Z**2 / (2 * n)) / (1 + _Z**2 / n)
    half = _Z / (1 + _Z**2 / n) * math.sqrt(share * (1 - share) / n + _Z**2 / (4 * n**2))
    return max(middle - half, 0.0), min(middle + half, 1.0)


def _bounds(clusters: Mapping[str, Sequence[float]], most: float) -> tuple[float | None, float | None]:
    """The interval of the mean; none where there is one video alone, whose items cannot tell how videos differ.

    Where each item has a cluster of its own and is right or wrong, it is Wilson's. Where all items agree, the error is
    0 and would claim to be sure: then it is Wilson's with the clusters as items. Else it is the clustered error times
    the quantile of Student's t for the number of clusters less one (Cameron and Miller, 2015): few videos are little.
    """
    values = [value for members in clusters.values() for value in members]
    mean, groups = sum(values) / len(values), len(clusters)
    binary = most == 1.0 and set(values) <= {0.0, 1.0}
    if binary and (groups == len(values) or len(set(values)) == 1):
        return wilson(mean, groups)
    if groups < 2:
        return None, None
    from scipy.special import stdtrit

    half = float(stdtrit(groups - 1, 0.5 + LEVEL / 2)) * clustered_error(clusters)
    return max(mean - half, 0.0), min(mean + half, most)
