"""Scores of passages for a question: words and meaning, what stands beside them, kind of value, place, size, time."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from ....memory import Span
from ...text_matching import content, fold, numbers, rarity, same_word, stem
from .passages import Passage
from .question_parser import ParsedQuestion, query

_VALUES = {
    "price": re.compile(
        r"[$€£¥]\s?\d[\d.,]*|\b\d[\d.,]*\s?(?:[$€£¥]|dollars?|euros?|pounds?|cents?|usd|eur|gbp|million|billion)", re.I
    ),
    "time": re.compile(
        r"\b\d{1,2}[:.]\d{2}(?:\s?[ap]\.?m\b\.?)?|\b\d{1,2}\s?[ap]\.?m\b\.?"
        r"|\b(?:at|um|a las) (?:\d{1,2}|[a-z]+ in the)\b"
        r"|o'clock|\buhr\b|\bnoon\b|\bmidnight\b|\bin the (?:morning|afternoon|evening)\b", re.I),
    "date": re.compile(
        r"\b\d{1,4}[./-]\d{1,2}[./-]\d{1,4}\b|\b(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)(?:[a-z]{2,7})?\b\.?(?:\s\d+)?"
        r"|\b(?:mon|tues|wednes|thurs|fri|satur|sun)day\b|\b(?:19|20)\d{2}\b|\btomorrow\b|\btoday\b"
        r"|\bnext (?:week|month|year)\b"
        r"|\b(?:mon|diens|donners|frei|sams|sonn)tag\b|\bmittwoch\b|\b(?:lunes|martes|mi[eé]rcoles|jueves|viernes|s[aá]bado|domingo)\b"
        r"|\b(?:januar|februar|m[aä]rz|juni|juli|oktober|dezember|enero|febrero|marzo|abril|mayo|junio|julio|agosto"
        r"|septiembre|octubre|noviembre|diciembre)\b", re.I),
    "duration": re.compile(
        r"\b(?:\d[\d.,]*|an?|one|two|three|four|five|six|seven|eight|nine|ten|twelve|twenty|thirty|forty|fifty"
        r"|sixty|half an?"
        r"|several|few) (?:seconds?|minutes?|hours?|days?|weeks?|months?|years?|decades?)\b", re.I),
    "number": re.compile(r"(?:\b[A-Za-z]{1,4}[- ]?)?\d\w*(?:[.,:/-]\w+)*%?"),
}  # fmt: skip
WEAK, GOOD = 0.3, 0.55
"""Fits, in [0, 1]: below the first a passage is about something else; from the second on it plainly is about this."""


@dataclass(frozen=True, slots=True)
class Ranked:
    """A piece of a passage (a sentence, a row of a block, or the whole), and how well it fits."""

    passage: Passage
    text: str
    fit: float
    """How far it is about the question, in [0, 1]."""
    score: float
    """`fit` and what speaks for it besides: only ranks."""
    coverage: float
    """Share of the question's words that stand in it or beside it, in [0, 1]."""


def values(kind: str | None, text: str, digits: int | None = None) -> list[str]:
    """Values of a kind in a text, as they stand there."""
    text = re.sub(r"^\d{1,2}[.)]?\s+(?=[^\W\d]{3})", "", text)  # the number of a point in a list counts nothing
    if kind == "number" and digits is None and not re.search(r"\d", text):
        return [f"{number:g}" for number in numbers(re.sub(r"\b[Oo]ne of\b", "", text))]
    pattern = _VALUES.get(kind or "")
    found = [match[0].strip() for match in pattern.finditer(text)] if pattern else []
    if digits is not None:
        return [run for value in found for run in re.findall(r"\d+", value) if len(run) == digits]
    if kind == "price" and not found:
        return [f"{number:g}" for number in numbers(text)]
    return found


class Ranking:
    """Weighs the words of a question over the passages that there are."""

    def __init__(self, question: ParsedQuestion, passages: Sequence[Passage]) -> None:
        self.question = question
        self.passages = sorted(passages, key=lambda p: (p.video, p.span))
        stems = [content(p.text) for p in self.passages]
        self._rare = rarity(stems)
        self._small = {stem(fold(w)) for p in self.passages for w in re.findall(r"[^\W\d_]+", p.text) if w == w.lower()}
        vocabulary = set(self._rare)
        self._topic = {w: self._forms(w, vocabulary) for w in content(" ".join(question.topic))}
        self._topic_forms = {form for word, forms in self._topic.items() for form in (word, *forms)}
        self._loose = {w: self._forms(w, vocabulary) for w in content(" ".join(question.loose))}

    def _forms(self, word: str, vocabulary: set[str]) -> set[str]:
        """The stems in the passages that are this word, slips of typing and of recognition allowed for."""
        if word in vocabulary:
            return {word}
        return {v for v in vocabulary if v[:1] == word[:1] and abs(len(v) - len(word)) <= 3 and same_word(word, v)}

    def covered(self, text: str) -> float:
        """Weighted share of the topic's words in a text, in [0, 1]; rare words count more."""
        return self._share(self._topic, text)

    def holds(self, text: str) -> set[str]:
        """The topic's words that stand in a text."""
        have = set(content(text))
        return {word for word, forms in self._topic.items() if word in have or forms & have}

    def _share(self, words: dict[str, set[str]], text: str) -> float:
        have, total, found = set(content(text)), 0.0, 0.0
        for word, forms in words.items():
            weight = max((self._rare.get(form, 0.0) for form in forms), default=0.8)
            total += weight
            found += weight if forms & have or stem(word) in have else 0.0
        return found / total if total else 0.0

    def rank(self, window: Span | None = None) -> list[Ranked]:
        """Every sentence, row and block by its fit, best first."""
        ranked: list[Ranked] = []
        for index, passage in enumerate(self.passages):
            beside = " ".join(p.text for p in self._beside(index))
            pieces = [passage.text] if len(passage.rows) < 2 else [passage.text, *passage.rows]
            ranked += [self._one(passage, piece, beside) for piece in pieces]
        if window is not None:
            ranked = [r for r in ranked if r.passage.span.overlap(window) > 0 or window.contains(r.passage.span.start)]
        return sorted(ranked, key=lambda r: (-r.score, r.passage.span.start))

    def names(self, piece: str) -> bool:
        """Return whether a name that the question does not hold is in a piece; recognized speech may lack capitals."""
        if piece == piece.lower() or piece == piece.upper():
            return True
        for match in re.finditer(r"(?<![\w'])[^\W\d_][\w'’-]*", piece):
            word = match[0]
            starts = match.start() == 0 or piece[: match.start()].rstrip()[-1:] in ".!?:…\n"
            common = self._topic_forms | (self._small if starts else set())
            if word[0].isupper() and query(word) and stem(fold(word)) not in common:
                return True
        return False

    def _beside(self, index: int) -> list[Passage]:
        """Return what is said just before and after; what is on the screen at the same time as a block."""
        one = self.passages[index]
        near = self.passages[max(index - 3, 0) : index + 4]
        return [p for p in near if p is not one and p.video == one.video and p.span.start - one.span.end < 6.0
                and one.span.start - p.span.end < 6.0]  # fmt: skip

    def _one(self, passage: Passage, piece: str, beside: str) -> Ranked:
        question, whole = self.question, piece == passage.text
        own, block = self.covered(piece), self.covered(passage.text)
        near = self.covered(f"{passage.text} {beside}")
        loose = self._share(self._loose, passage.text)
        meant = max(passage.similarity - 0.15, 0.0)
        fit = min(1.0, 0.75 * own + 0.35 * (block - own) + 0.25 * (near - block) + 0.15 * loose + 0.9 * meant)
        score = fit + (0.02 if whole else 0.06 * (own > 0)) + 0.04 * self._share(self._loose, piece)
        if question.value in _VALUES:
            found = values(question.value, piece, question.digits)
            longest = max((len(re.sub(r"\W", "", value)) for value in found), default=0)
            if question.value == "date" and all(value.isdigit() for value in found):
                longest = min(longest, 1)  # a year alone says little of a day
            beside_it = not found and bool(values(question.value, passage.text, question.digits))
            score += 0.2 + 0.15 * min(longest / 4, 1.0) if found else 0.1 if beside_it else -0.1
        elif question.value == "name":
            short = passage.channel == "screen_text" and len(piece.split()) <= 5
            score += (0.12 if self.names(piece) else 0.0) + (0.15 if short else 0.0)
        elif question.value == "word":
            score += 0.15 if len(piece.split()) == 1 and len(piece) > 1 else 0.0
        repeats = own and question.topic and not set(content(piece)) - self._topic_forms
        if repeats and question.kind in ("text", "yes_no", "where"):
            score -= 0.3  # it only says what the question says
        if passage.channel == "screen_text":
            at_place = sum(part in passage.place for part in question.place) / max(len(question.place), 1)
            names = question.value in ("title", "name")
            tall = min(passage.height * 4, 0.5) if not names or has_letters(piece) else 0.0
            largest = question.size == "large" or question.value == "title" or (names and not question.topic)
            score += 0.4 * at_place + (1.0 if largest else -1.0 if question.size == "small" else 0.1) * tall
        if question.channel in ("speech", "screen_text"):
            score += 0.25 if question.channel == passage.channel else -0.25
        return Ranked(passage, piece, fit, score, near)

    def best_for(self, words: str) -> Passage | None:
        """The passage that holds most of `words` (an anchor: `after the words about …`); None where none holds half."""
        about = replace(self.question, topic=query(words), loose=(), value=None, place=(), channel=None)
        other = Ranking(about, self.passages)
        return next((r.passage for r in other.rank() if other.covered(r.text) >= 0.5), None)


def has_letters(text: str) -> bool:
    """Return whether a text can be a title or a name at all: a number alone is neither, however large it is."""
    return any(character.isalpha() for character in text)


def sure(ranked: Ranked, most: float = 0.95) -> float:
    """A confidence in [0, 1] from the fit, less where the recogniser was unsure of the words."""
    return round(min(most, 0.3 + 0.65 * ranked.fit) * (0.4 + 0.6 * math.sqrt(max(ranked.passage.sure, 0.0))), 3)
