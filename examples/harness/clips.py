"""Three rendered clips of known truth, each asked for an answer in another form."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rewatch.training.gym import make_environment, write_video

CLIPS = (("tracking", "letter"), ("tracking", "number"), ("crossing", "span"))
"""Families of the gym that need no weights, and the form of the answer."""


def write_clips(folder: Path) -> list[dict[str, Any]]:
    """Write the clips into a folder; gives a row for each: `video`, `question`, `options`, `form`, `answer`, `span`."""
    rows = []
    for seed, (family, form) in enumerate(CLIPS):
        made = make_environment(family, seed)
        answer, span, options = made.task.truth.answer or "", made.task.truth.spans[0], []
        if form == "letter":
            options = [str(int(answer) + more) for more in (-2, -1, 0, 1)]
            answer = chr(65 + options.index(answer))
        row = {"question": made.task.question, "options": options, "form": form, "answer": answer}
        rows.append({"video": write_video(made.world, folder).name, **row, "span": [span.start, span.end]})
    return rows
