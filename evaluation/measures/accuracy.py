"""Accuracy: the share of items that are right."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ..judging import Judged
from .measure import Figure


def accuracy(judged: Sequence[Judged]) -> Mapping[str, Figure]:
    """The share of items that are right; those that failed are wrong."""
    if not judged:
        return {}
    return {"accuracy": Figure(sum(one.right for one in judged) / len(judged))}
