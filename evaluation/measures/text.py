"""Texts: word error rate of what is read or heard, ROUGE-L of what is told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ...training.rewards.text import rouge_l
from ..judging import JudgedItem
from .intervals import mean_of
from .measure import Figure

READ = ("ocr",)
"""Kinds of task whose answer is a text word by word."""
TOLD = ("open", "caption")
"""Kinds of task whose answer is told in words of one's own."""


def text(judged: Sequence[JudgedItem]) -> Mapping[str, Figure]:
    """`wer` of tasks whose text is to be read, `rouge_l` of open questions and captions.

    An item that failed or abstained has written nothing: all its words are missing.
    """
    found = {}
    read = [one for one in judged if one.task.kind in READ and one.task.truth.answer]
    if read:
        rate = corpus_wer([written(one) for one in read], [one.task.truth.answer or "" for one in read])
        found["wer"] = Figure(rate, count=len(read) if len(read) < len(judged) else None)
    told = [one for one in judged if one.task.kind in TOLD and one.task.truth.answer]
    if told:
        values = [rouge_l(written(one), one.task.truth.answer or "") if written(one).strip() else 0.0 for one in told]
        found["rouge_l"] = mean_of(told, values, out_of=len(judged))
    return found


def corpus_wer(texts: Sequence[str], truths: Sequence[str]) -> float:
    """Insertions, deletions and replacements of all texts over the number of all true words, as `jiwer.wer` counts.

    Words are what stands between spaces, without case. Above 1 where more is written than there is.
    """
    from jiwer import wer

    spaced = [" ".join(one.casefold().split()) for one in truths]
    return float(wer(spaced, [" ".join(one.casefold().split()) for one in texts]))


def written(one: JudgedItem) -> str:
    """What the item says, in the model's own words; nothing where it failed or abstained."""
    if one.failed or one.answer.abstained:
        return ""
    return one.rollout.written or ("" if one.rollout.final else one.answer.text)
