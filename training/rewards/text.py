"""Similarity of two texts: token-F1, ROUGE, word error rate. All in [0, 1], 1 for the same text.

ROUGE is that of the library `rouge-score` with Porter's stemmer, with which the published rewards are computed; its own
tokenizer knows Latin letters only, so texts are split as everywhere here. The word error rate is that of `jiwer`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import cache
from typing import Any

from ...agent.text_matching import STOP, denies, tokens

_ARTICLES = {"a", "an", "the"}
SAID = 0.7
"""Above the two thirds that one word has with another beside it."""


def token_f1(answer: str, truth: str) -> float:
    """F1 of the words, without articles; each counts as often as it stands there."""
    ours, theirs = (Counter(t for t in tokens(text) if t not in _ARTICLES) for text in (answer, truth))
    hits = (ours & theirs).total()
    return 2 * hits / (ours.total() + theirs.total()) if hits else 0.0


def says(answer: str, truth: str, question: str) -> bool:
    """Return whether a sentence says a short answer: `The code word is birch` says `birch`.

    What is left of it without fill words and the words of the question must be the true words, token-F1 at least
    `SAID`: one word more than a true one is one too many, so that `birch or oak` says neither. A truth whose words the
    question names (`red or blue?`), and a sentence that denies what the truth does not, are no such case.
    """
    true, asked, said = tokens(truth), set(tokens(question)), tokens(answer)
    if not set(true) - STOP or set(true) & (asked - STOP) or denies(said) != denies(true):
        return False
    left = [t for t in said if t in true or not (t in STOP or t in asked)]
    hits = (Counter(left) & Counter(true)).total()
    return 2 * hits >= SAID * (len(left) + len(true))


def rouge_l(answer: str, truth: str) -> float:
    """F-measure of the longest common subsequence of stems."""
    return _scores(answer, truth)["rougeL"]


def rouge(answer: str, truth: str) -> float:
    """Mean F-measure of ROUGE-1, ROUGE-2 and ROUGE-L, as VITAL and Video-R1 reward free answers."""
    return sum(_scores(answer, truth).values()) / 3


def word_accuracy(answer: str, truth: str) -> float:
    """`1 - WER`, not below 0; words are what stands between spaces, without case."""
    return max(0.0, 1 - word_error_rate(answer.casefold().split(), truth.casefold().split()))


def word_error_rate(words: Sequence[str], truth: Sequence[str]) -> float:
    """Insertions, deletions and replacements over the number of true words; of no true words, whether there are any."""
    if not truth:
        return float(bool(words))
    from jiwer import wer

    return float(wer(" ".join(truth), " ".join(words)))


def _scores(answer: str, truth: str) -> dict[str, float]:
    return {name: float(score.fmeasure) for name, score in _scorer().score(truth, answer).items()}


@cache
def _scorer() -> Any:
    """The scorer; made at its first use, since it loads NLTK."""
    from nltk.stem.porter import PorterStemmer
    from rouge_score.rouge_scorer import RougeScorer

    class Tokenizer:
        """Splits texts in any script, and stems what is longer than three letters, as the library's own does."""

        stemmer = PorterStemmer()

        def tokenize(self, text: str) -> list[str]:
            return [self.stemmer.stem(t) if len(t) > 3 and t.isalpha() else t for t in tokens(text)]

    return RougeScorer(["rouge1", "rouge2", "rougeL"], tokenizer=Tokenizer())
