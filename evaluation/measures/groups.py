"""Scores of questions that belong together: Video-MME-v2's groups of four, and LVBench's types that overlap."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ..judging import JudgedItem
from .intervals import mean_of
from .measure import Figure

SIZE = 4
"""Questions of a group."""
CHAINS: Mapping[str, tuple[float, ...]] = {
    "[1, 2, 3, 4]": (0, 1 / 16, 4 / 16, 9 / 16, 1),
    "[1, [2, 3], 4]": (0, 1 / 12, 4 / 12, 7 / 12, 1),
    "[[1, 2], 3, 4]": (0, 1 / 10, 2 / 10, 5 / 10, 1),
}
"""What a chain is worth once none to all four of its questions are reached, by how they follow from each other."""


def groups(judged: Sequence[JudgedItem]) -> Mapping[str, Figure]:
    """Video-MME-v2's scores, as shares of 1: `group_score`, its two kinds, and its levels.

    As evaluation/test_video_mme_v2.py of MME-Benchmarks/Video-MME-v2 has them. Of questions about one thing (relevance)
    the score is the square of the share that is right; `relevance_linear` is that share. A chain (logic) is worth what
    its first error leaves. A group counts for the level of its last question. There an answer of which no letter can be
    read takes one away (relevance) or counts as right (logic); here it is wrong, as an item that failed is.

    A group of which not all four questions are among the items has no score.
    """
    found: dict[tuple[str, int], list[JudgedItem]] = {}
    for one in judged:
        if group := one.task.meta.get("group"):
            found.setdefault((str(group["of"]), one.item.sample), []).append(one)
    whole = [
        sorted(members, key=lambda one: int(one.task.meta["group"]["place"]))
        for members in found.values()
        if len(members) == SIZE
    ]
    values: dict[str, list[tuple[JudgedItem, float]]] = {}
    for members in whole:
        last, right = members[-1], [one.right for one in members]
        structure, level = (last.task.meta["group"][name] for name in ("structure", "level"))
        score = relevance(right) if structure is None else chain(right, structure)
        names = ["group_score", "relevance_score" if structure is None else "logic_score"]
        for name in names + ([f"level_{level}"] if level is not None else []):
            values.setdefault(name, []).append((last, score))
        if structure is None:
            values.setdefault("relevance_linear", []).append((last, sum(right) / SIZE))
    return {
        name: mean_of([one for one, _ in pairs], [value for _, value in pairs], out_of=-1)
        for name, pairs in values.items()
    }


def relevance(right: Sequence[bool]) -> float:
    """The square of the share that is right."""
    return (sum(right) / len(right)) ** 2


def chain(right: Sequence[bool], structure: Sequence[int | Sequence[int]]) -> float:
    """What a chain is worth: its questions count up to the first step that is not wholly right.

    Args:
        right: by the order of the questions.
        structure: one of `CHAINS`; questions in a list of their own are one step.
    """
    reached = 0
    for step in structure:
        members = [step] if isinstance(step, int) else list(step)
        hits = sum(right[place - 1] for place in members)
        reached += hits
        if hits < len(members):
            break
    return CHAINS[str(list(structure))][reached]


def types(judged: Sequence[JudgedItem]) -> Mapping[str, Figure]:
    """Accuracy of each type of question, where a question may have several and counts in each (`meta["types"]`).

    As lvbench/metrics/compute_accuracy.py of THUDM/LVBench has it.
    """
    found: dict[str, list[JudgedItem]] = {}
    for one in judged:
        for name in dict.fromkeys(one.task.meta.get("types") or ()):
            found.setdefault(str(name), []).append(one)
    return {
        f"type: {name}": mean_of(members, [float(one.right) for one in members], out_of=len(judged))
        for name, members in sorted(found.items())
    }
