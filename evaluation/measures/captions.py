"""Captions: VDCscore's structure, a caption taken apart into short questions, without its judge.

AuroraCap (arXiv 2410.03051; rese1f/aurora, `post_eval/process_vdc_result.py`; lmms-eval, `tasks/vdc/utils.py`): each
question is answered from the caption alone, the answer is matched with the true one as yes or no and with 0 to 5, both
are averaged over the questions of a caption, and then over captions. There a language model (Llama-3.1-8B) answers and
matches. Here the words of the caption do, so that the figures need no model and do not change when they are made again;
they are not those that papers report, and their names say so. Aurora's own script leaves captions out that match
nothing; lmms-eval's counts them, and so does this.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ...agent.text_matching import content, coverage
from ..judging import JudgedItem
from .intervals import mean_of
from .measure import Figure
from .text import written

CHECKS = "checks"
"""Key of a task's `meta`: `[question, true answer]` for each short question about the caption."""
BEST = 5
"""The score of an answer that matches in full."""


def captions(judged: Sequence[JudgedItem]) -> Mapping[str, Figure]:
    """`vdc_accuracy_by_words` and `vdc_score_by_words` of the items whose task has checks; 0 for one that failed."""
    checked = [(one, checks) for one in judged if (checks := _answers(one))]
    if not checked:
        return {}
    ones = [one for one, _ in checked]
    found = [[matched(answer, written(one)) for answer in checks] for one, checks in checked]
    accuracy = [sum(share == 1 for share in shares) / len(shares) for shares in found]
    score = [sum(round(BEST * share) for share in shares) / len(shares) for shares in found]
    return {
        "vdc_accuracy_by_words": mean_of(ones, accuracy, out_of=len(judged)),
        "vdc_score_by_words": mean_of(ones, score, out_of=len(judged), most=BEST),
    }


def matched(answer: str, caption: str) -> float:
    """Share of the words of an answer that carry meaning and stand in the caption, inflections allowed."""
    return coverage(content(answer), set(content(caption)))


def _answers(one: JudgedItem) -> list[str]:
    """The true answers of the checks that have a word with meaning: others cannot be found in a caption."""
    return [str(answer) for _, answer in one.task.meta.get(CHECKS, ()) if content(str(answer))]
