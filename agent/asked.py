"""A question about videos of a memory, with the facts that a policy plans by."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from .question import Question, split_options
from .runs import QuestionError

if TYPE_CHECKING:
    from ..memory import ClipMemory


def question_about(
    memory: ClipMemory,
    text: str,
    *,
    options: Sequence[str] | None = None,
    videos: Sequence[str] | None = None,
    now: float | None = None,
) -> Question:
    """The question as the loop takes it.

    Args:
        memory: holds the videos.
        text: in plain words.
        options: possible answers, with or without letters.
        videos: ids, names or paths of the memory's videos; all of them by default.
        now: nothing after this time (seconds) may be seen.

    Raises:
        QuestionError: if it is empty, has too many options, or the memory holds no video.
        RewatchError: if the memory has no such video.
    """
    if not text.strip():
        raise QuestionError("The question is empty; write what you want to know.")
    if options is not None and not 0 < len(options) <= 26:
        raise QuestionError(f"{len(options)} options given; give 1 to 26.")
    records = [memory.video(v) for v in videos] if videos else memory.videos()
    if not records:
        raise QuestionError("The memory holds no video; add one with `rewatch index FILE` or memory.add(path).")
    facts = tuple(
        {
            "id": r.id,
            "name": r.name,
            "start": r.start,
            "end": r.end,
            "width": r.width,
            "height": r.height,
            "has_audio": r.has_audio,
            "channels": list(r.channels),
        }
        for r in records
    )
    return Question(text=text.strip(), options=split_options(options), videos=facts, now=now)
