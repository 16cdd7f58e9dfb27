"""Options in another order: an answer that goes by letters, or by places, then falls to chance."""

from __future__ import annotations

import random
import re
from dataclasses import replace

from ...agent.questions.question import letter
from ...training.data.task import Task
from .control import ControlError

ORDER = "options_order"
"""Key of `Task.meta`: for each option as it is asked, its place in the task as it was."""
_PLACED = re.compile(
    r"\b(?:of the (?:above|following|options|others)|of these|(?:options?|answers?) [A-Z]\b)", re.IGNORECASE
)
_LETTERS = re.compile(r"\b[A-Z]\b\)?\s*(?:and|or|&|,)\s*\(?[A-Z]\b")


def shuffle_options(task: Task, rng: random.Random) -> Task:
    """Return the task with its options in another order, and the letters of its truth with them.

    What speaks of the other options by their place ("all of the above") stays where it is; where one speaks of them by
    letters, all do.

    Raises:
        ControlError: if there are no options.
    """
    count = len(task.options)
    if count < 2:
        raise ControlError(f"{task.id}: has no options that could change places.")
    if any(_LETTERS.search(option) for option in task.options):
        free: list[int] = []
    else:
        free = [n for n, option in enumerate(task.options) if not _PLACED.search(option)]
    order = list(range(count))
    moved = list(free)
    while len(free) > 1 and moved == free:
        moved = rng.sample(free, len(free))
    for place, source in zip(free, moved, strict=True):
        order[place] = source
    answer = task.truth.answer
    letters = task.truth.letters
    if letters and letters <= {letter(n) for n in range(count)}:
        answer = ",".join(letter(place) for place, source in enumerate(order) if letter(source) in letters)
    return replace(
        task,
        options=tuple(task.options[source] for source in order),
        truth=replace(task.truth, answer=answer),
        meta={**task.meta, ORDER: order},
    )
