"""The task `rewatch_local` of lmms-eval: three clips, and an answer in another form for each of them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
FORMS = {
    "letter": "Answer with the option's letter from the given choices directly.",
    "number": "Answer the question with a single number.",
    "span": "Please answer in the form: The event happens in the 'start time - end time' seconds.",
}


def videos_of(row: dict[str, Any]) -> list[str]:
    """The path of the row's video, which lies beside this file."""
    return [str(HERE / row["video"])]


def prompt_of(row: dict[str, Any], settings: dict[str, Any] | None = None) -> str:
    """The question, its options and the wanted form, as harnesses write them."""
    options = [f"{chr(65 + i)}. {option}" for i, option in enumerate(row["options"])]
    return "\n".join([row["question"], *options, FORMS[row["form"]]])


def judge(row: dict[str, Any], results: list[str]) -> dict[str, float]:
    """Right if the reply is the answer and nothing else; for a span, from a tIoU of 0.5."""
    reply = results[0].strip()
    if row["form"] != "span":
        return {"accuracy": float(reply == row["answer"])}
    times = [float(number) for number in re.findall(r"\d+(?:\.\d+)?", reply)]
    if len(times) != 2:
        return {"accuracy": 0.0}
    (start, end), (true_start, true_end) = times, row["span"]
    shared = max(0.0, min(end, true_end) - max(start, true_start))
    union = (end - start) + (true_end - true_start) - shared
    return {"accuracy": float(union > 0 and shared / union >= 0.5)}
