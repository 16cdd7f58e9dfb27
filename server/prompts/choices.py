"""Find the options that stand in a prompt, in every notation that is usual, and how the prompt names them."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ...agent.parsing.options import MOST, inline_options, marked
from .pieces import CUE, is_instruction, label_of, writes

_MARKED = re.compile(
    r"^[ \t>]{0,12}(?:[-*•][ \t]+)?(?:\*\*|__)?(?P<noun>[A-Za-z]{3,12}\s{1,2}#?)?[(（\[{<]?"
    r"(?P<label>viii|vii|iii|iv|ix|vi|ii|[A-Za-zＡ-Ｚ]|\d{1,2})"
    r"(?P<close>[)）\]}>]?[.:：、．,)]?|[ \t][:：](?=[ \t]))(?:\*\*|__)?"
    r"(?:(?<=[.:：、．,)\]}>*])[ \t]*|[ \t]+[-–—][ \t]+)(?P<text>[^\n]*)$",
    re.IGNORECASE,
)
"""A line that is an option: its label, what closes it, and its text."""
_NUMBERED = re.compile(r"(?<![^\s,;?!.:：])[(\[](\d{1,2})[)\]](?=[\s\w])")
_HEADER = re.compile(
    r"^\W{0,12}(?:\w+\s+){0,5}"
    r"(?:options?|choices?|candidates?|answers?|labels?|classes|categories|选项)\b[^\n?？]{0,60}[:：][*_\s]*$",
    re.IGNORECASE,
)
_SPEAKS = re.compile(
    r"\b(?:options?|choices?|candidates?|multi(?:ple)?[- ]choice|mcq|index|indices|选项)\b", re.IGNORECASE
)
_NUMBERS = re.compile(r"\b(?:numbers?|answer|best|correct)\b", re.IGNORECASE)
_AFTER_CUE = re.compile(r"\b(?:options?|choices?|candidates?)\b[^\n:：]{0,30}[:：]\s*(?=0[:.)]|1[:.)])", re.IGNORECASE)
_PLAIN_NUMBER = re.compile(r"(?<!\S)(\d{1,2})[:.)](?=\s)")
_RULES = re.compile(
    r"\b(?:rules?|steps?|instructions?|notes?|requirements?|guidelines?|follow(?:s|ing)?|criteria|tasks?|keys?|"
    r"fields?)\b[^\n]{0,40}$",
    re.I,
)
_ROMAN = ("i", "ii", "iii", "iv", "v", "vi", "vii", "viii", "ix", "x")
_BULLET = re.compile(r"^[ \t]*[-*•][ \t]+(?=\S)")
_ANNOUNCED = re.compile(
    r"(?:^|(?<=\n)|(?<=[.!?]\s))(?P<cut>(?:"
    r"(?:choose|select|pick)\s+(?:one\s+)?(?:from|between|among|of)"
    r"(?:\s+(?:the\s+)?(?:following|these|options?|choices?|labels?|words?)){0,3}"
    r"|(?P<around>[^\n.?!:：\"“]{1,100}\b)?(?:options?|choices?|candidates?|labels?)"
    r"(?(around)(?=[ \t]*[:：][^\n?？]*(?:\n|$))))[ \t]*[:：])[ \t]*"
    r"(?P<listed>(?:[^\n.:：?？]|\.(?=\w)){3,400})(?:\.[ \t]*)?(?=$|\n|(?<=\.)\s|(?<=\.\s))",
    re.IGNORECASE,
)
"""Options in the line that announces them: `Choose one of these options: red, blue.`, `Choose from: red or blue.`"""
_WORDS = 8
"""Words that one of such options has at most."""
_ONE_QUOTED = r"(?<!\w)[\"'“‘]([^\n\"“”]{1,80}?)[\"'”’](?!\w)"
_QUOTED_ROW = re.compile(
    rf"(?<=[?？])(?P<cut>\s*)(?P<listed>{_ONE_QUOTED}(?:\s*(?:,|;|/|,?\s*\bor\b)\s*{_ONE_QUOTED})+)\s*[.?]?\s*$",
    re.IGNORECASE,
)
"""Options in quotation marks behind a question: `Which word is first? "sun" or "moon"`."""
_LONGEST_LIST = 20_000


@dataclass(frozen=True, slots=True)
class Choices:
    """Options of a prompt, and what stands before and behind them."""

    before: str
    labels: tuple[str, ...]
    """As the prompt names them; empty where it does not."""
    texts: tuple[str, ...]
    after: str


def read_choices(text: str) -> Choices | None:
    """The options of a prompt; None where it has none.

    Read are lines with letters or numbers (`A.`, `(B)`, `C:`, `0)`, bullets and bold around them), the same in one
    line, lists and mappings as Python and JSON write them, plain lines below a heading such as `Options:`, and what is
    enumerated behind the question: `Choose from: red, green, blue`, `"red" or "green"`.
    """
    return (
        _in_lines(text)
        or _bare_letters(text)
        or _in_list(text)
        or _in_one_line(text)
        or _below_heading(text)
        or _enumerated(text)
    )


def _in_lines(text: str) -> Choices | None:
    lines = text.split("\n")
    marks = [_MARKED.match(line) if len(line) < 4000 else None for line in lines]
    best: list[int] = []
    for first, mark in enumerate(marks):
        if mark is None or mark["label"] not in "AaＡ01i" or (best and first <= best[-1]):
            continue
        run = _run(lines, marks, first)
        numbers = mark["label"].isdigit()
        if len(run) < 2 or (numbers and not _numbers_choose(lines, run)):
            continue
        alike = not best or not numbers or marks[best[0]]["label"].isdigit()  # type: ignore[index]
        best = run if alike else best
    if not best:
        return None
    texts = []
    for n, end in zip(best, [*best[1:], best[-1] + 1], strict=True):
        mark = marks[n]
        assert mark is not None
        rest = [line.strip() for line in lines[n + 1 : end] if line.strip()]
        texts.append(" ".join([mark["text"].strip(), *rest]).strip())
    labels = [f"{marks[n]['noun'] or ''}{marks[n]['label']}" for n in best]  # type: ignore[index]
    rest_of_last, behind = _last(texts[-1])
    after = "\n".join([behind, *lines[best[-1] + 1 :]]).strip()
    texts[-1] = rest_of_last
    return _choices("\n".join(lines[: best[0]]), labels, texts, after)


def _run(lines: Sequence[str], marks: Sequence[re.Match[str] | None], first: int) -> list[int]:
    """The lines of options that begin at `first`: labels that follow each other, written alike."""
    start = marks[first]
    assert start is not None
    run = [first]
    for n in range(first + 1, len(lines)):
        mark, last = marks[n], marks[run[-1]]
        assert last is not None
        alike = mark and mark["close"] == start["close"] and mark["noun"] == start["noun"]
        if mark and alike and mark["label"] == _next(last["label"]):
            if len(run) == MOST:
                break
            run.append(n)
        elif n - run[-1] > 8 or (lines[n].strip() and (is_instruction(lines[n]) or label_of(lines[n]))):
            break
    return run


def _bare_letters(text: str) -> Choices | None:
    """Lines that begin with a capital letter and a blank, without any mark: `A red`, `B blue`, `C green`."""
    lines = text.split("\n")
    for first, line in enumerate(lines):
        if not line.startswith("A "):
            continue
        end = first + 1
        while end < len(lines) and end - first < MOST and lines[end].startswith(f"{chr(65 + end - first)} "):
            end += 1
        if end - first > 2:
            labels = [one[0] for one in lines[first:end]]
            texts = [one[2:].strip() for one in lines[first:end]]
            return _choices("\n".join(lines[:first]), labels, texts, "\n".join(lines[end:]))
    return None


def _next(label: str) -> str:
    if label in _ROMAN[:-1]:
        return _ROMAN[_ROMAN.index(label) + 1]
    return str(int(label) + 1) if label.isdigit() else chr(ord(label) + 1)


def _numbers_choose(lines: Sequence[str], run: Sequence[int]) -> bool:
    """Return whether numbered lines are options, not rules or steps: the prompt speaks of options before or behind."""
    before = next((line for line in reversed(lines[: run[0]]) if line.strip()), "")
    if _HEADER.match(before):
        return True
    others = "\n".join([*lines[: run[0]], *lines[run[-1] + 1 :]])
    return (
        not _RULES.search(before)
        and bool(_SPEAKS.search(others) or _NUMBERS.search(others))
        and before.strip()[-1:] in "?？:："
    )


def _in_list(text: str) -> Choices | None:
    """Options as a list or mapping, written as Python or JSON writes them."""
    for opening in list(re.finditer(r"[\[{](?=\s*[\"'])", text))[:20]:
        closing = "]" if opening[0] == "[" else "}"
        end = text.find(closing, opening.end())
        for _ in range(20):
            if end < 0 or end - opening.start() > _LONGEST_LIST:
                break
            value = _literal(text[opening.start() : end + 1])
            if value is not None:
                found = _options_of(value)
                before = text[: opening.start()].rstrip()
                spoken = (
                    _SPEAKS.search(before[-60:])
                    or before[-1:] in "?？:：\n"
                    or text[opening.start() - 1 : opening.start()] == "\n"
                )
                asked = re.search(r"\b(?:json|keys?|format|schema)\b", before[-120:], re.IGNORECASE)
                if found and spoken and not asked:
                    return _choices(before, *found, text[end + 1 :].strip())
                break
            end = text.find(closing, end + 1)
    return None


def _literal(written: str) -> Any:
    for read in (json.loads, ast.literal_eval):
        try:
            return read(written)
        except (ValueError, SyntaxError, MemoryError, RecursionError):
            continue
    return None


def _options_of(value: Any) -> tuple[list[str], list[str]] | None:
    if isinstance(value, dict):
        labels = [str(key).strip(" ().") for key in value]
        texts = list(value.values())
        if not all(len(one) <= 2 and one.isalnum() for one in labels):
            return None
    elif isinstance(value, list):
        marks = [marked(one) if isinstance(one, str) else None for one in value]
        if all(mark and mark[1] for mark in marks):
            labels, texts = [mark[0] for mark in marks if mark], [mark[1] for mark in marks if mark]
        else:
            labels, texts = [], value
    else:
        return None
    if not 2 <= len(texts) <= MOST or not all(isinstance(one, (str, int, float)) and str(one).strip() for one in texts):
        return None
    return labels, [str(one).strip() for one in texts]


def _in_one_line(text: str) -> Choices | None:
    text, cue = without_cue(text)
    inside = inline_options(text)
    if inside:
        *texts, last = [one.strip(" ;") for one in inside.texts]
        last, behind = _sentence(*_last(last), texts)
        after = "\n".join(part for part in (behind, inside.behind, cue) if part)
        return _choices(inside.question, inside.letters, [*texts, last.strip(" ;")], after)
    found = _numbers_inside(text, list(_NUMBERED.finditer(text)), cue) if _SPEAKS.search(text) else None
    opened = None if found else _AFTER_CUE.search(text)
    if opened:
        found = _numbers_inside(text, list(_PLAIN_NUMBER.finditer(text, opened.end())), cue)
    return found


def _numbers_inside(text: str, marks: Sequence[re.Match[str]], cue: str) -> Choices | None:
    """Options with numbers in one line: `(0) red (1) blue`, `0: red 1: blue`."""
    for first, mark in enumerate(marks):
        if mark[1] not in ("0", "1"):
            continue
        run = [mark]
        for other in marks[first + 1 :]:
            if int(other[1]) == int(run[-1][1]) + 1:
                run.append(other)
        ends = [*(m.start() for m in run[1:]), len(text)]
        texts = [text[m.end() : end].strip(" \n,;") for m, end in zip(run, ends, strict=True)]
        if 2 <= len(run) <= MOST and all(texts):
            last, behind = _sentence(*_last(texts[-1]), texts[:-1])
            return _choices(text[: mark.start()], [m[1] for m in run], [*texts[:-1], last], f"{behind}\n{cue}")
    return None


def _below_heading(text: str) -> Choices | None:
    """Plain lines, or such with bullets, below a heading that announces options."""
    lines = text.split("\n")
    for n, line in enumerate(lines):
        if not _HEADER.match(line):
            continue
        found: list[str] = []
        end = n + 1
        for end in range(n + 1, len(lines) + 1):
            if end == len(lines) or is_instruction(lines[end]) or (not lines[end].strip() and found):
                break
            if lines[end].strip():
                found.append(_BULLET.sub("", lines[end]).strip())
        if 2 <= len(found) <= MOST:
            return _choices("\n".join(lines[:n]), [], found, "\n".join(lines[end:]))
        listed = _split(found[0]) if len(found) == 1 else []
        if listed:
            return _choices("\n".join(lines[:n]), [], listed, "\n".join(lines[end:]))
    return None


def _split(text: str) -> list[str]:
    """The short texts of a line with commas or an `or` between them; nothing where they are no such list."""
    *others, last = [re.sub(r"^\s*(?:or|and)\s+", "", one) for one in re.split(r"[,;|]", text)]
    inside = any(re.search(r"\sor\s", one) for one in others)  # "one or two, three or more"
    parts = [*others, last] if inside else [*others, *re.split(r"\s+or\s+", last)]
    listed = [one.strip(" \t\"'“”‘’.") for one in parts]
    return listed if 2 <= len(listed) <= MOST and all(0 < len(one.split()) <= _WORDS for one in listed) else []


def _enumerated(text: str) -> Choices | None:
    """Options in one sentence: behind words that announce them, or each in quotation marks behind a question."""
    told = _ANNOUNCED.search(text)
    texts = _split(told["listed"]) if told else []
    if not texts:
        told = _QUOTED_ROW.search(text)
        texts = [found[1] for found in re.finditer(_ONE_QUOTED, told["listed"])] if told else []
    before, after = (text[: told.start("cut")], text[told.end() :]) if told else ("", "")
    return _choices(before, [], texts, after) if before.strip() or after.strip() else None  # else it is what is asked


def without_cue(text: str) -> tuple[str, str]:
    """A text without the words at its end that open the answer (`Answer:`, `Best option: (`), and these."""
    body = text.rstrip()
    at = max(body.rfind("\n"), *(body.rfind(sign, 0, -1) + 1 for sign in ".?!？。"))
    if at > 0 and CUE.match(body[at:]) and body[at:].strip():
        return body[:at].rstrip(), body[at:].strip()
    return text, ""


def _last(text: str) -> tuple[str, str]:
    """The text of the last option, and the instruction that stands behind it in the same line."""
    for found in re.finditer(r"(?:\s+|(?<=[a-z.)]))(?=[A-Z][a-z]+ )", text):
        if found.start() > 0 and writes(text[found.end() :]):
            return text[: found.start()].rstrip(), text[found.end() :]
    return text, ""


def _sentence(text: str, behind: str, others: Sequence[str]) -> tuple[str, str]:
    """The last option in one line up to the end of its sentence, where the others are no longer than that."""
    found = re.search(r"[.!?]\s+(?=[A-Z])", text)
    if found is None or any(re.search(r"[.!?]\s+[A-Z]", one) for one in others):
        return text, behind
    return text[: found.start()], f"{text[found.end() :]} {behind}".strip()


def _choices(before: str, labels: Sequence[str], texts: Sequence[str], after: str) -> Choices | None:
    if not 2 <= len(texts) <= MOST:
        return None
    named = tuple(labels)
    filled = tuple(text or (named[i] if named else "") for i, text in enumerate(texts))
    if not all(filled):
        return None
    if filled[-1].endswith(".") and not any(one.endswith(".") for one in filled[:-1]):
        filled = (*filled[:-1], filled[-1].rstrip("."))
    lines = before.rstrip().split("\n")
    while lines and (_HEADER.match(lines[-1]) or CUE.match(lines[-1]) and lines[-1].strip()):
        lines.pop()
    before = re.sub(
        r"(?:\s|^)(?:options?|choices?|answers?|candidates?|choose|select)\s*[:：]\s*$",
        "",
        "\n".join(lines),
        flags=re.I,
    )
    return Choices(before.strip(), named, filled, after.strip())
