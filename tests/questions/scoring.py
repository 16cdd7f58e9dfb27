"""Judge an answer to a row of `natural.jsonl`."""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING, Any, Literal

from rewatch.memory import MediaURI, Span

if TYPE_CHECKING:
    from rewatch.agent import Answer

Verdict = Literal["right", "wrong", "abstained"]

_UNITS = "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen"
NUMBERS = {word: str(n) for n, word in enumerate(f"{_UNITS} seventeen eighteen nineteen".split())}
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety"
NUMBERS |= {word: str(n * 10) for n, word in enumerate(_TENS.split(), 2)}
NUMBERS |= {"fünfundzwanzig": "25", "noventa": "90"}
POSITIVE = {"yes", "ja", "sí", "si", "yeah"}
NEGATIVE = {"no", "nein", "nope"}


def words(text: str) -> list[str]:
    """Lower-case words; numbers as digits, `4.75`, `11:30` and `555-0142` whole, `12th` as `12`, `$1,250` as `1250`."""
    text = unicodedata.normalize("NFC", text).casefold().replace("’", "'").replace("_", " ")
    text = re.sub(r"(?<=\d),(?=\d{3}\b)", "", text)
    text = re.sub(r"\b(\d+)(?:st|nd|rd|th)\b", r"\1", text)
    text = re.sub(r"(?<=\d)\s*[x×]\s*(?=\d)", " x ", text)
    found = re.findall(r"\d+(?:[.:-]\d+)*|[^\W\d_]+(?:'[^\W\d_]+)?", text)
    return [NUMBERS.get(word, word) for word in found]


def holds(text: str, phrase: str) -> bool:
    """Whether the words of `phrase` stand in `text` one after another."""
    inside, wanted = words(text), words(phrase)
    return any(inside[at : at + len(wanted)] == wanted for at in range(len(inside) - len(wanted) + 1))


def first_number(text: str) -> str | None:
    """The first number of the text that is neither a time (`0:22`, `14.5 s`) nor inside a word."""
    text = re.sub(r"\d+(?::\d+)+(?:\.\d+)?|\b\d+(?:\.\d+)?\s*(?:s|sec|seconds?)\b", " ", text)
    text = re.sub(r"\bonce\b", "1", re.sub(r"\btwice\b", "2", text.casefold()))
    return next((word for word in words(text) if word[0].isdigit()), None)


def right_time(answer: Answer, truth: Span) -> bool:
    """Whether one of the first three spans has a tIoU of 0.5; for a short truth, whether a cited span meets it."""
    spans = list(answer.spans[:3])
    if any(span.iou(truth) >= 0.5 for span in spans):
        return True
    if truth.duration >= 3:
        return False
    cited = [place.span for e in answer.evidence[:3] if (place := MediaURI.parse(e.uri)).span is not None]
    return any(s.duration <= 10 and s.start <= truth.end and s.end >= truth.start for s in [*spans, *cited] if s)


def right_yes_no(text: str, row: dict[str, Any]) -> bool:
    """Whether it begins with the true yes or no; without either, whether it says the fact in other words."""
    wanted = POSITIVE if words(row["accept"][0][0])[0] in POSITIVE else NEGATIVE
    said = next((word for word in words(text)[:3] if word in POSITIVE | NEGATIVE), None)
    if said is not None:
        return said in wanted
    return any(all(holds(text, part) for part in way) for way in row["accept"])


def is_true(answer: Answer, row: dict[str, Any]) -> bool:
    """Whether what the answer claims is the truth of `row`."""
    kind, text = row["kind"], answer.text
    if kind == "abstain":
        return False
    if kind == "option":
        return answer.option == row["accept"][0][0]
    if kind == "time":
        return right_time(answer, Span(*row["span"]))
    if kind == "count":
        number = first_number(text)
        return number is not None and any(number == way[0] for way in row["accept"])
    if any(holds(text, phrase) for phrase in row["reject"]):
        return False
    if kind == "yes_no":
        return right_yes_no(text, row)
    return any(all(holds(text, phrase) for phrase in way) for way in row["accept"])


def judge(answer: Answer, row: dict[str, Any]) -> Verdict:
    """Right, wrong or abstained. Not to answer is right only where nothing holds the answer."""
    if answer.abstained:
        return "right" if row["kind"] == "abstain" else "abstained"
    if row["kind"] == "abstain":
        weak = answer.confidence < 0.35 and answer.text.casefold().lstrip().startswith("closest:")
        return "abstained" if weak else "wrong"
    return "right" if is_true(answer, row) else "wrong"


def false_reason(answer: Answer, row: dict[str, Any]) -> str | None:
    """What an abstention claims that is untrue, such as "there is no speech" where there is; None if nothing."""
    if not answer.abstained:
        return None
    found = (re.search(pattern, answer.text, re.IGNORECASE) for pattern in row["false_reasons"])
    return next((match.group() for match in found if match), None)
