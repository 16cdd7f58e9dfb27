"""What the sets of temporal grounding have in common: the question for a sentence, and the names of their videos."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any

from ...memory import Span
from ...training.data.readers.fields import number_of
from ...training.data.task import Task, TaskError, Truth

_ENDINGS = frozenset((".mp4", ".mkv", ".webm", ".avi", ".mov"))


def moment_task(
    *,
    id: str,
    question: str,
    video: str,
    spans: Sequence[Span],
    source: str,
    meta: Mapping[str, Any] | None = None,
) -> Task:
    """The task to find when something is so.

    Args:
        id: unique in the set.
        question: what is asked.
        video: its path or id as released.
        spans: when it is so.
        source: name of the set.
        meta: what else the measures of the set need.

    Raises:
        TaskError: naming the field that is wrong.
    """
    return Task(
        id=id,
        question=question,
        kind="temporal",
        truth=Truth(spans=tuple(spans)),
        videos=(video_file(video),),
        source=source,
        meta=dict(meta or {}),
    )


def when(sentence: str) -> str:
    """The question for the time of a sentence."""
    return f"When does this happen: {bare(sentence)}?"


def bare(sentence: str) -> str:
    """A sentence without the mark at its end."""
    return sentence.strip().rstrip(".?! ")


def measure_of(row: Mapping[str, Any], name: str) -> float | None:
    """A number above 0, such as a length in seconds or pixels; None where there is none.

    Raises:
        TaskError: if there is something else.
    """
    value = number_of(row, name)
    if value is not None and not (math.isfinite(value) and value > 0):
        raise TaskError(name, f"is {value}, a number above 0 is wanted")
    return value


def known_length(row: Mapping[str, Any]) -> dict[str, float]:
    """The length of the video in seconds as `Task.meta` has it, where the row tells it."""
    duration = measure_of(row, "duration")
    return {} if duration is None else {"duration": duration}


def video_file(name: str) -> str:
    """The name of the file of a video that a set calls by an id: with `.mp4`, unless it has an ending."""
    return name if PurePosixPath(name).suffix.lower() in _ENDINGS else f"{name}.mp4"
