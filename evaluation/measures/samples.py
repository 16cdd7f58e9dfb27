"""Several samples of a task: does one of k hit, and does the majority?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import comb

from ...agent.questions.question import Question
from ...agent.test_time_scaling.agreement import grouped
from ..judging import JudgedItem
from .intervals import mean_of
from .measure import Figure


def samples(judged: Sequence[JudgedItem]) -> Mapping[str, Figure]:
    """`pass@k` for k = 1, 2, 4, … up to the samples that every task has, and `majority`, the most frequent answer.

    Nothing where tasks were asked once.
    """
    by_task: dict[str, list[JudgedItem]] = {}
    for one in judged:
        by_task.setdefault(one.task.id, []).append(one)
    most = min((len(members) for members in by_task.values()), default=0)
    if most < 2:
        return {}
    firsts = [members[0] for members in by_task.values()]
    ks = sorted({*(2**i for i in range(most.bit_length())), most})
    found = {}
    for k in ks:
        values = [pass_at(k, len(members), sum(one.right for one in members)) for members in by_task.values()]
        found[f"pass@{k}"] = mean_of(firsts, values)
    found["majority"] = mean_of(firsts, [_majority(members) for members in by_task.values()])
    return found


def pass_at(k: int, n: int, right: int) -> float:
    """The probability that one of k samples, drawn from n of which some are right, is right: 1 - C(n - c, k) / C(n, k).

    The unbiased estimator of Chen et al., Evaluating Large Language Models Trained on Code (2021, arXiv 2107.03374).
    """
    return 1 - comb(n - right, k) / comb(n, k)


def _majority(members: Sequence[JudgedItem]) -> float:
    """Whether the answer that most samples gave is right; of several as frequent, the share of right ones.

    Samples that failed gave no answer. Answers are the same as they are when attempts vote (`grouped`).
    """
    able = [one for one in members if not one.failed]
    if not able:
        return 0.0
    task = able[0].task
    groups = grouped([one.answer for one in able], Question(text=task.question, options=task.options))
    largest = [group for group in groups if len(group.members) == len(groups[0].members)]
    return sum(able[group.indices[0]].right for group in largest) / len(largest)
