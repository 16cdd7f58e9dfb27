"""Reading what models write: times, spans, labelled lines, answers. Nothing here raises, whatever was written."""

from __future__ import annotations

import re
import string

from ...memory import Span
from ..question import letter
from ..steps import Seen

_WHOLE = r"\d{1,7}"
_TIME = (
    rf"(?:(?:{_WHOLE}:)?\d{{1,3}}:\d{{2}}(?:\.\d{{1,9}})?|{_WHOLE}\s?m(?:in)?\s?{_WHOLE}(?:\.\d{{1,9}})?\s?s"
    rf"|{_WHOLE}(?:\.\d{{1,9}})?)(?!\d)"
)
_UNIT = r"(?:\s?(?:seconds?|secs?|s)\b)?"
_FORMS = (
    rf"(?:\bat\s+)?({_TIME}){_UNIT}[\s<>]*(?:-|–|—|to|until|till)[\s<>]*({_TIME}){_UNIT}",  # 12.5-20 s
    rf"\bbetween\s+({_TIME}){_UNIT}\s+and\s+({_TIME}){_UNIT}",
    rf"[\[(]\s*[\"']?({_TIME})[\"']?\s*,\s*[\"']?({_TIME})[\"']?\s*[\])]",  # [12.5, 20]
    rf"\bstart\w*[\"']?\s*[:=]\s*[\"']?({_TIME}){_UNIT}\W*?end\w*[\"']?\s*[:=]\s*[\"']?({_TIME}){_UNIT}",
    rf"((?:{_WHOLE}:)?\d{{1,3}}:\d{{2}}(?:\.\d{{1,9}})?(?!\d)|{_WHOLE}(?:\.\d{{1,9}})?\s?(?:seconds?|secs?|s)\b)",
    rf"\bat\s+({_TIME})",
)
_SPANS = re.compile("|".join(rf"(?<![\d.:]){form}" for form in _FORMS), re.IGNORECASE)
_LONGEST = 1e9  # seconds; what is written beyond is no time
_LISTED = re.compile(r"^\s*(?:[-*•]|\(?\d{1,3}[.)](?=\s))\s*")


def said(seen: Seen) -> str:
    """What a model replied to a call, without the thoughts that a reasoning model writes first; empty if it failed."""
    return re.split(r"[<‹]/think>", str(seen.data.get("text", "")))[-1].strip()


def seconds(written: str) -> float:
    """A time as it was written (`12.5`, `1:02:03`, `2m30s`, `7 s`) in seconds; 0 where there is none."""
    minutes = re.search(r"(\d+)\s?m(?:in)?\s?(\d+(?:\.\d+)?)\s?s", written, re.I)
    if minutes:
        return min(float(minutes[1]) * 60 + float(minutes[2]), _LONGEST)
    found = re.search(r"[\d:]*\d(?:\.\d+)?", written)
    total = 0.0
    for part in (found[0] if found else "0").split(":"):
        total = total * 60 + float(part or 0)
    return min(total, _LONGEST)


def read_spans(text: str, bounds: Span, *, most: int = 20) -> list[Span]:
    """The spans that a reply names, in its order, clipped to `bounds`; a lone moment is a span without length.

    Read are `12.5-20 s`, `from 00:12 to 01:05`, `[[12, 20], [30, 40]]`, `{"start": 12, "end": 20}`, `at 1:02:03`.
    Spans outside the bounds are passed over.
    """
    found: list[Span] = []
    for line in text.splitlines():
        for match in _SPANS.finditer(_LISTED.sub("", line)):
            times = [seconds(group) for group in match.groups() if group]
            first, last = times[0], times[-1]
            if max(first, last) < bounds.start or min(first, last) > bounds.end:
                continue
            span = Span(min(first, last), max(first, last)).within(bounds)
            if span not in found:
                found.append(span)
    return found[:most]


def labelled(text: str, label: str) -> str:
    """What stands behind `label:` on its line (the last such line), without markup; empty where there is none."""
    lines = re.findall(rf"^[\W_]*{re.escape(label)}(?:\s*\([^()]*\))?[\W_]*?[:=]\s*(.*?)\s*$", text, re.I | re.M)
    return lines[-1].strip("*_`\"' ,}") if lines else ""


def digit(text: str, low: int, high: int) -> int | None:
    """The first whole number in `text` that lies in `[low, high]`; None where there is none."""
    numbers = (int(n) for n in re.findall(r"(?<![\d.])\d{1,9}(?![\d]*\.\d)", text))
    return next((n for n in numbers if low <= n <= high), None)


def items(text: str) -> list[str]:
    """The lines of a reply without bullets, numbers, quotation marks and empty ones."""
    lines = (_LISTED.sub("", line).strip(" \t\"'*`,") for line in text.splitlines())
    return [line for line in lines if line and line not in "[]{}()"]


def option_of(text: str, options: tuple[str, ...]) -> int | None:
    """Which option a reply chooses: by its letter at the beginning, else by its words; None where it is not clear."""
    match = re.match(
        r"[\W_]*(?:(?:the )?(?:correct )?(?:option|answer)(?: is)?\W+)?([A-Za-z])(?:\W*$|[).:,])", text, re.I
    )
    if match:
        index = ord(match[1].upper()) - ord(letter(0))
        if index < len(options):
            return index
    plain = _plain(text)
    named = [i for i, option in enumerate(options) if _plain(option) and _plain(option) in plain]
    return named[0] if len(named) == 1 else None


def same_answer(one: str, other: str, options: tuple[str, ...] = ()) -> bool:
    """Whether two replies give one answer: the same option where there are options, else the same words."""
    if options:
        first = option_of(one, options)
        return first is not None and first == option_of(other, options)
    first_words, second_words = _plain(one), _plain(other)
    return bool(first_words) and first_words == second_words


def _plain(text: str) -> str:
    """Lower-case words without punctuation and articles."""
    words = text.lower().translate(str.maketrans("", "", string.punctuation)).split()
    return " ".join(word for word in words if word not in ("a", "an", "the"))
