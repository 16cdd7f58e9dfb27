"""Answers that claim times and places, and the stored results of official scripts."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from rewatch.agent.answer import Evidence
from rewatch.evaluation.judging import JudgedItem
from rewatch.evaluation.measures import Figure
from rewatch.memory import Box, MediaURI, Span
from rewatch.training.data.task import Task

from ..judged_items import item

OFFICIAL = Path(__file__).parent / "official"
VIDEO = "0a1b2c3d"


def official(name: str) -> tuple[Any, dict[str, float]]:
    """Inputs that were given to an official script, and what it printed (`note` in the file says which)."""
    stored = json.loads((OFFICIAL / f"{name}.json").read_text(encoding="utf-8"))
    return stored["inputs"], stored["official"]


def timed(of: Task, spans: Iterable[Sequence[float]], **fields: Any) -> JudgedItem:
    """An answer that cites these spans, in this order."""
    evidence = tuple(Evidence(claim="here", uri=str(MediaURI(VIDEO, Span(*span)))) for span in spans)
    return item(of, evidence=evidence, **fields)


def placed(of: Task, boxes: Mapping[float, Box], **fields: Any) -> JudgedItem:
    """An answer that cites a box in each of these frames, by seconds."""
    evidence = tuple(Evidence(claim="here", uri=str(MediaURI.frame(VIDEO, t, box))) for t, box in boxes.items())
    return item(of, evidence=evidence, **fields)


def values(figures: Mapping[str, Figure]) -> dict[str, float]:
    """The figures without their intervals."""
    return {name: figure.value for name, figure in figures.items()}
