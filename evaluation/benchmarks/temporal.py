"""What the sets of temporal grounding have in common: the question for a sentence, and the names of their videos."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any

from ...memory import Span
from ...training.data.task import Task, Truth


def moment_task(
    *,
    id: str,
    sentence: str,
    video: str,
    spans: Sequence[Span],
    source: str,
    several: bool = False,
    asked: bool = False,
    meta: Mapping[str, Any] | None = None,
) -> Task:
    """The task to find when a sentence holds.

    Args:
        id: unique in the set.
        sentence: what happens.
        video: its path or id as released.
        spans: when it does.
        source: name of the set.
        several: True if the set has sentences that hold more than once, so that all times are asked for.
        asked: True if the sentence is a question of its own.
        meta: what else the measures of the set need.

    Raises:
        TaskError: naming the field that is wrong.
    """
    what = sentence.strip().rstrip(".?! ")
    if asked:
        question = f"{what}? Name the time at which the answer can be seen."
    elif several:
        question = f"At which times does this happen: {what}? Name all of them, the clearest first."
    else:
        question = f"When does this happen: {what}?"
    return Task(
        id=id,
        question=question,
        kind="temporal",
        truth=Truth(spans=tuple(spans)),
        videos=(video_file(video),),
        source=source,
        meta=dict(meta or {}),
    )


def video_file(name: str) -> str:
    """The name of the file of a video that a set calls by an id: with `.mp4`, unless it has an ending."""
    return name if PurePosixPath(name).suffix.lower() in _ENDINGS else f"{name}.mp4"


_ENDINGS = frozenset((".mp4", ".mkv", ".webm", ".avi", ".mov"))
