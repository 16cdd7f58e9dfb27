"""Reading what models write: times, spans, labelled lines, answers. Nothing here raises, whatever was written."""

from __future__ import annotations

import contextlib
import re
import string

from ...memory import Span
from ...tools.times import CLOCK, SPELLED, TIME, parse_pair, parse_seconds
from ..parsing.options import option_in
from ..parsing.thoughts import without_thoughts
from ..steps import CallResult

_UNIT = r"(?:\s?(?:seconds?|secs?|s)\b)?"
_FORMS = (
    rf"(?:\bat\s+)?({TIME}){_UNIT}[\s<>]{{0,9}}(?:-|–|—|to|until|till)[\s<>]{{0,9}}({TIME}){_UNIT}",  # 12.5-20 s
    rf"\bbetween\s+({TIME}){_UNIT}\s+and\s+({TIME}){_UNIT}",
    rf"[\[(]\s{{0,9}}[\"']?({TIME})[\"']?\s{{0,9}},\s{{0,9}}[\"']?({TIME})[\"']?\s{{0,9}}[\])]",  # [12.5, 20]
    rf"\bstart\w{{0,9}}[\"']?\s{{0,9}}[:=]\s{{0,9}}[\"']?({TIME}){_UNIT}\W{{0,9}}?end\w{{0,9}}[\"']?\s{{0,9}}[:=]\s{{0,9}}[\"']?"
    rf"({TIME}){_UNIT}",
    rf"({CLOCK}|{SPELLED})",
    rf"\bat\s+({TIME})",
)
_SPANS = re.compile("|".join(rf"(?<![\d.:]){form}" for form in _FORMS), re.IGNORECASE)
_ONE = re.compile(TIME, re.IGNORECASE)
_LONGEST = 1e9  # seconds; what is written beyond is no time
_LISTED = re.compile(r"^\s*(?:[-*•]|\(?\d{1,3}[.)](?=\s))\s*")


def reply_text(result: CallResult) -> str:
    """Return a model's reply to a call without the thoughts that come before it; empty if the call failed."""
    return without_thoughts(str(result.data.get("text", ""))).strip()


def _pair(written: list[str]) -> tuple[float, float]:
    """Both ends of a span in seconds; a lone time is both."""
    first = last = 0.0
    with contextlib.suppress(ValueError):
        found = _ONE.search(written[0])
        first = last = parse_seconds(found[0]) if found else 0.0
    with contextlib.suppress(ValueError):
        first, last = parse_pair(written[0], written[-1])
    return min(max(first, 0.0), _LONGEST), min(max(last, 0.0), _LONGEST)


def read_spans(text: str, bounds: Span, *, most: int = 20) -> list[Span]:
    """Return the spans that a reply names, in its order, clipped to `bounds`; a lone moment is a span without length.

    Read are `12.5-20 s`, `from 00:12 to 01:05`, `[[12, 20], [30, 40]]`, `{"start": 12, "end": 20}`, `at 1:02:03`.
    Spans outside the bounds are passed over.
    """
    found: list[Span] = []
    for line in text.splitlines():
        for match in _SPANS.finditer(_LISTED.sub("", line)):
            first, last = _pair([group for group in match.groups() if group])
            if max(first, last) < bounds.start or min(first, last) > bounds.end:
                continue
            span = Span(min(first, last), max(first, last)).within(bounds)
            if span not in found:
                found.append(span)
    return found[:most]


def labeled(text: str, label: str) -> str:
    """Return the text behind `label:` on its line (the last such line), without markup; empty if there is none."""
    begins = (
        rf"^(?:(?!\n)[\W_]){{0,40}}{re.escape(label)}(?:\s{{0,9}}\([^()]{{0,80}}\))?[\W_]{{0,20}}?[:=]\s{{0,20}}(.*)$"
    )
    lines = [line.strip() for line in re.findall(begins, text, re.I | re.M)]
    return lines[-1].strip("*_`\"' ,}") if lines else ""


def digit(text: str, low: int, high: int) -> int | None:
    """Return the first whole number in `text` that lies in `[low, high]`; None where there is none."""
    numbers = (int(n) for n in re.findall(r"(?<![\d.])\d{1,9}(?![\d]*\.\d)", text))
    return next((n for n in numbers if low <= n <= high), None)


def items(text: str) -> list[str]:
    """Return the lines of a reply without bullets, numbers, quotation marks and empty ones."""
    lines = (_LISTED.sub("", line).strip(" \t\"'*`,") for line in text.splitlines())
    return [line for line in lines if line and line not in "[]{}()"]


def same_answer(one: str, other: str, options: tuple[str, ...] = ()) -> bool:
    """Return whether two replies give one answer: the same option where there are options, else the same words."""
    if options:
        first = option_in(one, options)
        return first is not None and first == option_in(other, options)
    first_words, second_words = _plain(one), _plain(other)
    return bool(first_words) and first_words == second_words


def _plain(text: str) -> str:
    """Lower-case words without punctuation and articles."""
    words = text.lower().translate(str.maketrans("", "", string.punctuation)).split()
    return " ".join(word for word in words if word not in ("a", "an", "the"))
