"""Agreement of answers: two that say the same, the one that most attempts gave, and their evidence together."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from ...memory import Span
from ...tools.times import CLOCK, SPELLED, TIME, parse_pair, parse_seconds
from ..answer import Answer, Evidence
from ..questions.question import Question
from ..text_matching import denies, numbers, stem, tokens
from .scaling import Result

NEAR_WORDS = 0.7
"""F1 of content words from which one text that only says more than the other is the same answer."""
NEAR_WORDS_CHANGED = 0.85
"""The same where each text has words that the other has not: `the red door` is not `the red box`."""
NEAR_NUMBER = 0.02
"""Relative difference up to which two measured numbers are the same; counts must be equal."""
NEAR_TIME = 0.5
"""Seconds by which two moments may differ (what rounding in text makes of one moment)."""
NEAR_SPAN = 0.5
"""Temporal IoU from which two spans are the same answer (R@1, IoU 0.5 of the grounding benchmarks)."""

_FILL = frozenset(
    """a an the this that these those it its there here is are was were be been being am has have had do does did will
    would can could at in on of to from with by and or about around approximately roughly exactly said says seen shown
    video clip answer he she they his her their""".split()
)
_SCALED = re.compile(r"(\d+(?:\.\d+)?)\s*(thousand|million|billion)\b", re.IGNORECASE)
_SCALES = {"thousand": 1e3, "million": 1e6, "billion": 1e9}
_UNIT = r"s(?:ec(?:ond)?s?)?\b"
_TIME = re.compile(
    rf"(?P<first>{TIME})\s?(?:{_UNIT}\s?)?(?:-|–|to|and|until)\s?(?P<last>{CLOCK}|{SPELLED})|(?P<moment>{CLOCK}|{SPELLED})",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Group:
    """Answers that say the same, in the order in which they came."""

    members: tuple[Answer, ...]
    indices: tuple[int, ...] = ()
    """Where each stood among the answers that were grouped."""

    @property
    def abstained(self) -> bool:
        """True if what they say is that nothing shows the answer."""
        return is_abstention(self.members[0])

    @property
    def confidence(self) -> float:
        """Summed confidence of the members."""
        return sum(answer.confidence for answer in self.members)

    def spoken_for(self, share: float, by: Answer | None = None) -> Answer:
        """Return one answer for all: that of `by` or the most confident, with all evidence and confidence `share`."""
        spokesman = by or most_confident(self.members)
        return replace(spokesman, evidence=evidence_of(self.members), confidence=min(max(share, 0.0), 1.0))


def answers_of(results: Iterable[Result]) -> list[Answer]:
    """Return the answers of attempts that did not fail; a failed one says nothing about the question."""
    return [r.answer for r in results if r.answer is not None and r.answer.stopped_by != "policy_error"]


def is_abstention(answer: Answer) -> bool:
    """Return whether the answer answers nothing."""
    return answer.abstained or (answer.option is None and not answer.text.strip())


def most_confident(answers: Sequence[Answer]) -> Answer:
    """Return the answer with the highest confidence; of equals the first."""
    return max(answers, key=lambda answer: answer.confidence)


def grouped(answers: Iterable[Answer], question: Question) -> list[Group]:
    """Join answers that say the same: each goes to the first group whose first member it equals.

    The groups come with the most members first, ties by summed confidence, abstentions behind answers, then by age.
    """
    groups: list[list[tuple[int, Answer]]] = []
    for index, answer in enumerate(answers):
        home = next((group for group in groups if same(group[0][1], answer, question)), None)
        if home is None:
            groups.append([(index, answer)])
        else:
            home.append((index, answer))
    joined = [Group(tuple(answer for _, answer in group), tuple(index for index, _ in group)) for group in groups]
    return sorted(joined, key=lambda group: (-len(group.members), group.abstained, -group.confidence))


def evidence_of(answers: Iterable[Answer]) -> tuple[Evidence, ...]:
    """Return the evidence of all answers, each place and quote once, supported pieces first."""
    pieces: dict[tuple[str, str | None], Evidence] = {}
    for answer in answers:
        for piece in answer.evidence:
            earlier = pieces.setdefault((piece.uri, piece.quote), piece)
            if (piece.supported, piece.verified or 0.0) > (earlier.supported, earlier.verified or 0.0):
                pieces[piece.uri, piece.quote] = piece
    return tuple(sorted(pieces.values(), key=lambda piece: not piece.supported))


def no_answer(question: Question, results: Sequence[Result]) -> Answer:
    """Return the end where every attempt failed: the first failure as it stands, else an abstention."""
    failed = next((r.answer for r in results if r.answer is not None), None)
    if failed is not None:
        return replace(failed, question=question.text)
    text = "No attempt came to an end."
    return Answer(question=question.text, text=text, abstained=True, now=question.now, stopped_by="policy_error")


def same(one: Answer, other: Answer, question: Question) -> bool:
    """Return whether two answers are one answer: the same option; where there is none, texts that say nearly the same.

    Texts are the same if the times in them are (moments within `NEAR_TIME`, spans with tIoU of at least `NEAR_SPAN`),
    the numbers are, neither denies what the other states, and their words, without those of the question and fill
    words, nearly are. An answer that starts with yes or no is taken by that word.
    """
    if is_abstention(one) or is_abstention(other):
        return is_abstention(one) and is_abstention(other)
    if one.option is not None or other.option is not None:
        return one.option == other.option
    first, second = tokens(one.text), tokens(other.text)
    heads = [words[0] for words in (first, second) if words and words[0] in ("yes", "no")]
    if len(heads) == 2:
        return heads[0] == heads[1]
    if denies(first) != denies(second):
        return False
    (times, rest), (other_times, other_rest) = _times(one.text), _times(other.text)
    figures, other_figures = numbers(_written_out(rest)), numbers(_written_out(other_rest))
    if not (_same_times(times, other_times) and _same_numbers(figures, other_figures)):
        return False
    question_words = set(_words(question.text))
    words, other_words = set(_words(rest)) - question_words, set(_words(other_rest)) - question_words
    if not words and not other_words:
        return bool(times or figures) or sorted(first) == sorted(second)
    if not words or not other_words:
        return bool(times or figures)
    f1 = 2 * len(words & other_words) / (len(words) + len(other_words))
    return f1 >= (NEAR_WORDS if words <= other_words or other_words <= words else NEAR_WORDS_CHANGED)


def _words(text: str) -> list[str]:
    words_kept = [word for word in tokens(text) if word not in _FILL and word not in _SCALES and not numbers(word)]
    return [stem(word) for word in words_kept]


def _written_out(text: str) -> str:
    return _SCALED.sub(lambda found: f"{float(found[1]) * _SCALES[found[2].lower()]:.0f}", text)


def _times(text: str) -> tuple[list[float], str]:
    """Return times in seconds that a text states with a unit or as a clock, and the text without them."""
    seconds: list[float] = []
    for match in _TIME.finditer(text):
        with contextlib.suppress(ValueError):
            moment = match["moment"]
            seconds += [parse_seconds(moment)] if moment else parse_pair(match["first"], match["last"])
    return seconds, _TIME.sub(" ", text)


def _same_times(one: Sequence[float], other: Sequence[float]) -> bool:
    if len(one) == len(other) == 2 and one[0] < one[1] and other[0] < other[1]:
        return Span(one[0], one[1]).iou(Span(other[0], other[1])) >= NEAR_SPAN
    return len(one) == len(other) and all(abs(a - b) <= NEAR_TIME for a, b in zip(one, other, strict=True))


def _same_numbers(one: Sequence[float], other: Sequence[float]) -> bool:
    return len(one) == len(other) and all(
        a == b or (not (a.is_integer() and b.is_integer()) and abs(a - b) <= NEAR_NUMBER * max(abs(a), abs(b)))
        for a, b in zip(one, other, strict=True)
    )
