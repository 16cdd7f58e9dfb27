"""The answer that a model writes as a JSON object, as loosely as models write it: where it stands, and its fields."""

from __future__ import annotations

import json
import math
import re
from typing import Any

from .loose_json import NotJson, objects, read_partly
from .thoughts import split_thoughts

ANSWERS = ("answer", "final_answer", "the_answer", "response", "text", "result", "output")
_FIRM = ANSWERS[:3]
"""Those that make any object an answer, be it with words around it."""
OPTIONS = ("option", "choice", "letter", "selected_option", "option_letter", "answer_option", "answer_letter")
_CALLED = ("answer", "final_answer", "give_answer", "submit", "submit_answer", "finish")
"""Tools that models make up to answer with."""
_AROUND = re.compile(r"(?:```[\w-]{0,20}|[\s,;.\[\]])*")
_TAG = re.compile(r"<(/?)answer>", re.IGNORECASE)
_TRUE = frozenset({"true", "yes", "y", "1", "1.0", "t", "on", "abstain", "abstained", "ja", "sí", "si", "oui", "是"})
_NO_NUMBERS = ("NaN", "Infinity", "-Infinity")
_SHARE = re.compile(
    r"(-?(?:\d{1,6}(?:[.,]\d{1,17})?|[.,]\d{1,17})(?:e-?\d{1,2})?)\s*(%|percent|/\s*\d{1,4}|(?:out\s+)?of\s+\d{1,4})?",
    re.I,
)
_SURE = {
    "very high": 0.95, "extremely high": 0.95, "absolutely certain": 0.95, "certain": 0.95, "very confident": 0.95,
    "high": 0.9, "confident": 0.9, "sure": 0.9, "medium": 0.6, "moderate": 0.6, "fair": 0.6,
    "low": 0.3, "unsure": 0.3, "uncertain": 0.3, "not sure": 0.3, "not confident": 0.3, "not high": 0.3,
    "very low": 0.1, "none": 0.0, "no": 0.0,
}  # fmt: skip
"""How sure a word is (our scale)."""


def json_object(text: str) -> dict[str, Any] | None:
    """The JSON object that a message is, its thoughts left out; None where it is none.

    Read are a bare object, one in a fence, and one with words around it if it has an `answer`: of several the last.
    Python's literals, single quotes, trailing commas and a cut-off end do no harm. Keys come in small letters.
    """
    return object_in(split_thoughts(text).reply)


def object_in(text: str) -> dict[str, Any] | None:
    """`json_object` of a text without thoughts."""
    tags = [tag for tag in _TAG.finditer(text) if not tag[1]]
    if tags:
        text = _TAG.split(text[tags[-1].end() :])[0]
    if "{" not in text:
        return None
    if text.lstrip().startswith('"{'):  # an object that was put into a text
        text = _inside(text)
    rows, outside, at = [], [], 0
    for start, end, row in objects(text):
        outside.append(text[at:start])
        at = end
        rows.append(_unwrapped(row))
    alone = all(_AROUND.fullmatch(part) for part in [*outside, text[at:]])
    firm = (*_FIRM, "abstained")
    answers = [row for row in rows if any(key in row for key in (firm if "name" in row else (*firm, *OPTIONS)))]
    found = answers[-1] if answers else rows[0] if alone and len(rows) == 1 else None
    if found is None and not rows and _AROUND.fullmatch(text[: text.index("{")]):
        try:
            cut = _small(read_partly(text))
        except NotJson:
            return None
        found = cut if any(key in cut for key in _FIRM) else None
    return None if found is None else _named(found)


def json_answer(text: str) -> dict[str, Any] | None:
    """The JSON object that a message is; None where it is none, or has no `answer`."""
    row = json_object(text)
    return row if row is not None and "answer" in row else None


def answer_text(row: dict[str, Any]) -> str:
    """Return the answer of an object as text: lists with commas, yes and no for truth values, nothing for null."""
    return _text(row.get("answer"))


def option_text(row: dict[str, Any]) -> str:
    """The option that an object names, as it is written; empty where it names none."""
    return _text(row.get("option"))


def abstains(row: dict[str, Any]) -> bool:
    """Return whether an object says that it abstains: true, or a word or a number for it."""
    value = row.get("abstained", False)
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return value == 1
    return value is True or (isinstance(value, str) and value.strip().strip(".!\"'").lower() in _TRUE)


def confidence_of(value: Any, unsure: float) -> float:
    """A stated confidence in [0, 1]; `unsure` where it states none that can be understood.

    Read are fractions, percentages (`85`, `"85 %"`), shares (`"8/10"`) and words (`high`). Numbers above 1 and up to 10
    may be of any scale, and say nothing, as those below 0, above 100 and not finite.
    """
    if isinstance(value, dict):
        value = next((value[key] for key in ("value", "score", "confidence", "level") if key in value), None)
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    if isinstance(value, bool) or value is None:
        return unsure
    if isinstance(value, (int, float)):
        return _share(value, unsure)
    if not isinstance(value, str):
        return unsure
    words = " ".join(re.sub(r"[^\w\s%./,-]", " ", value.lower())[:80].split()).rstrip(" .")
    found = _SHARE.search(words)
    if not found:
        plain = words.removesuffix("confidence").removesuffix("level").strip().replace("-", " ")
        return _SURE.get(plain, unsure)
    number = float(found[1].replace(",", "."))
    unit = (found[2] or "").strip()
    if unit in ("%", "percent"):
        return number / 100 if 0 <= number <= 100 else unsure
    whole = float(re.sub(r"\D", "", unit) or 0)
    if unit:
        return number / whole if whole and 0 <= number <= whole else unsure
    return _share(number, unsure)


def _inside(text: str) -> str:
    try:
        inner = json.loads(text.strip(), strict=False)
    except (ValueError, RecursionError):
        return text
    return inner if isinstance(inner, str) else text


def _share(number: float, unsure: float) -> float:
    try:
        value = float(number)
    except OverflowError:
        return unsure
    if not math.isfinite(value) or value < 0 or value > 100 or 1 < value <= 10:
        return unsure
    return value if value <= 1 else value / 100


def _small(row: dict[str, Any]) -> dict[str, Any]:
    """The row with its keys in small letters, blanks and hyphens as `_`; of equal ones the first."""
    found: dict[str, Any] = {}
    for key, value in row.items():
        found.setdefault(re.sub(r"[\s-]+", "_", str(key).strip().lower()), value)
    return found


def _unwrapped(row: dict[str, Any]) -> dict[str, Any]:
    """The row that is meant: the arguments of a made-up call, or the only object that stands in it."""
    row = _small(row)
    name, arguments = row.get("name"), row.get("arguments", row.get("parameters"))
    if isinstance(arguments, str) and "{" in arguments:
        arguments = next((inner for _, _, inner in objects(arguments)), None)
    if isinstance(name, str) and name.lower() in _CALLED and isinstance(arguments, dict):
        row = _small(arguments)
    only = next(iter(row.values())) if len(row) == 1 else None
    if isinstance(only, dict) and any(key in _small(only) for key in _FIRM):
        row = _small(only)
    answer = row.get("answer")
    if isinstance(answer, dict) and any(key in _small(answer) for key in (*ANSWERS, *OPTIONS)):
        row = {**row, **_small(answer)}
        if isinstance(row["answer"], dict):
            row["answer"] = next((row[key] for key in ANSWERS if key in row and key != "answer"), None)
    return row


def _named(row: dict[str, Any]) -> dict[str, Any]:
    """The row with `answer`, `option`, `confidence`, `abstained` and `evidence` under these keys."""
    more = {
        "option": OPTIONS,
        "confidence": ("confidence", "certainty", "confidence_score"),
        "abstained": ("abstained", "abstain"),
        "evidence": ("evidence", "citations", "sources", "citation"),
    }
    found = dict(row)
    for name, keys in more.items():
        key = next((key for key in keys if key in row), None)
        if key:
            found[name] = row[key]
    key = next((key for key in _FIRM if key in row), None)
    if key:
        found["answer"] = row[key]
    elif "option" in found or "abstained" in found:
        found["answer"] = next((row[key] for key in ANSWERS if key in row), None)
    return found


def _text(value: Any) -> str:
    if value is None or value == []:
        return ""
    if isinstance(value, str):
        return "" if value in _NO_NUMBERS else value
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list) and all(isinstance(part, str) for part in value):
        return ", ".join(value)
    if isinstance(value, dict):
        inside = next((value[key] for key in ("text", "value", "letter", "option") if key in value), None)
        if inside is not None and not isinstance(inside, (dict, list)):
            return _text(inside)
        return "; ".join(f"{key}: {'…' if isinstance(one, dict) else _text(one)}" for key, one in value.items())
    try:
        return json.dumps(value, ensure_ascii=False)
    except (ValueError, RecursionError):
        return ""
