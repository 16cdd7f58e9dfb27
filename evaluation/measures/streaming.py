"""Scores of questions that are asked while a video runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ..judging import JudgedItem
from .measure import Figure

SCENARIOS: Mapping[str, tuple[str, ...]] = {
    "backward": ("EPM", "ASI", "HLD"),
    "realtime": ("OCR", "ACR", "ATR", "STU", "FPD", "OJR"),
    "forward": ("REC", "SSR", "CRR"),
}
"""OVO-Bench's scenarios, with the names of their tasks (constant.py of JoeLeelyf/OVO-Bench)."""


def ovo_bench(judged: Sequence[JudgedItem]) -> Mapping[str, Figure]:
    """OVO-Bench's averages, as shares of 1: of each scenario over its tasks, and `ovo_total` over the three scenarios.

    As utils/OVOBenchScore.py of JoeLeelyf/OVO-Bench has them: a task's accuracy is over all its questions (each moment
    of a forward question is one), and tasks and scenarios count alike whatever their size. There is no total where a
    scenario has no question.
    """
    by_task: dict[str, list[bool]] = {}
    for one in judged:
        by_task.setdefault(one.categories.get("task", ""), []).append(one.right)
    accuracy = {task: sum(right) / len(right) for task, right in by_task.items()}
    averages: dict[str, float] = {}
    for scenario, tasks in SCENARIOS.items():
        if known := [accuracy[task] for task in tasks if task in accuracy]:
            averages[scenario] = sum(known) / len(known)
    if len(averages) < 2:
        return {}
    total = {"ovo_total": sum(averages.values()) / len(averages)} if len(averages) == len(SCENARIOS) else {}
    return {name: Figure(value) for name, value in {**{f"ovo_{k}": v for k, v in averages.items()}, **total}.items()}
