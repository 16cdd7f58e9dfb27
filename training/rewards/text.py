"""How near two texts are: token-F1, ROUGE, word error rate. All in [0, 1], 1 for the same text.

Words are compared without case and punctuation; ROUGE compares stems (of `agent.words`, cruder than Porter's, with
which the published rewards are computed).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from ...agent.text_matching import stem, tokens

_ARTICLES = {"a", "an", "the"}


def f_measure(hits: float, said: float, wanted: float) -> float:
    """Harmonic mean of precision `hits / said` and recall `hits / wanted`; 0 where nothing hits."""
    return 2 * hits / (said + wanted) if hits > 0 else 0.0


def _shared(said: Sequence[object], wanted: Sequence[object]) -> float:
    return f_measure(sum((Counter(said) & Counter(wanted)).values()), len(said), len(wanted))


def token_f1(said: str, wanted: str) -> float:
    """F1 of the words, without articles; each counts as often as it stands there."""
    return _shared(*([t for t in tokens(text) if t not in _ARTICLES] for text in (said, wanted)))


def rouge_n(said: str, wanted: str, n: int) -> float:
    """F-measure of the runs of `n` stems."""
    return _shared(*(_runs(text, n) for text in (said, wanted)))


def _runs(text: str, n: int) -> list[tuple[str, ...]]:
    stems = [stem(t) for t in tokens(text)]
    return list(zip(*(stems[k:] for k in range(n)), strict=False))


def rouge_l(said: str, wanted: str) -> float:
    """F-measure of the longest common subsequence of stems."""
    a, b = ([stem(t) for t in tokens(text)] for text in (said, wanted))
    row = [0] * (len(b) + 1)
    for word in a:
        corner = 0
        for j, other in enumerate(b, start=1):
            corner, row[j] = row[j], corner + 1 if word == other else max(row[j], row[j - 1])
    return f_measure(row[-1], len(a), len(b))


def rouge(said: str, wanted: str) -> float:
    """Mean F-measure of ROUGE-1, ROUGE-2 and ROUGE-L, as VITAL and Video-R1 reward free answers."""
    return (rouge_n(said, wanted, 1) + rouge_n(said, wanted, 2) + rouge_l(said, wanted)) / 3


def distance(said: Sequence[object], wanted: Sequence[object]) -> int:
    """Fewest insertions, deletions and replacements that turn one into the other."""
    row = list(range(len(wanted) + 1))
    for i, here in enumerate(said, start=1):
        corner, row[0] = row[0], i
        for j, there in enumerate(wanted, start=1):
            corner, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, corner + (here != there))
    return row[-1]


def word_accuracy(said: str, wanted: str) -> float:
    """`1 - WER`, not below 0; words are what stands between spaces, without case."""
    a, b = said.casefold().split(), wanted.casefold().split()
    return max(0.0, 1 - distance(a, b) / max(len(b), 1)) if b else float(not a)


def bare(text: str) -> str:
    """Letters and digits only, in lower case."""
    return "".join(c for c in text.lower() if c.isalnum())
