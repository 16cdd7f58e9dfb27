"""Options of a question: their texts without letters, options that stand inside a question, and which a text chooses.

One reading for the loop, the routes, the scalings, the rewards and the readers of released rows. What is read is only
what chooses: a letter that stands for the answer, or the words of an option. An article, an initial, a letter that is
denied or that stands inside an option's own words chooses nothing; a text that names several options chooses several,
which is no choice where one is asked for.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .letters import Reader

MOST = 26
_LONGEST = 8000
"""Characters of a text that is read for its choice: its first and its last half of them."""
_MARK = re.compile(
    r"\s*(?:\*\*)?(?:(?:option|choice)\s+)?[(（\[［]?([A-Za-zＡ-Ｚａ-ｚ])(?:[)）\]］.．:：、]|\s+[-–—](?=\s))(?:\*\*)?(\s*)",
    re.IGNORECASE,
)
_INITIALS = re.compile(r"[^\W\d_]\.")
_WORD = r"\d+(?:[.,:]\d+)*|[^\W\d]+"
_INSIDE = re.compile(
    r"(?<![^\s,;?!.:(（])(?:[(（\[]([A-Za-z])[)）\]]|([A-Za-z])[)）.:：、])(?=\s|[^\x00-\x7f]|$)|(?<=[?？:：\n。])\s{0,3}([A-Z])[.．、:：]",
)
"""A mark of an option that stands inside a question."""
_BULLETED = re.compile(
    r"^[ \t]*(?:[-*•][ \t]+(?:\*\*)?|\*\*)([(（]?[A-Za-z][.):．：）]+)(?:\*\*)?(?=\s)"
    r"|^[ \t]*\*\*([A-Z])\*\*(?=[.):])",
    re.MULTILINE,
)
"""A mark of an option behind a bullet, or in bold: `- A. red`, `**A.** red`."""
_MOST_MARKS = 300
_LISTED = re.compile(r"(?:[?？:：\n.。!]|\boptions?|\bchoices?|\bamong|\bof)\s*$", re.IGNORECASE)
"""What stands before the first of such options where their letters have a dot or a colon."""


def letter(index: int) -> str:
    """The letter of option `index`."""
    return chr(ord("A") + index)


def option_texts(options: Any) -> list[str]:
    """Return options as texts, be they texts, numbers, or a mapping of letters to texts; else `ValueError`."""
    if isinstance(options, str):
        found = find_options(f"?\n{options}")[1]
        if not found:
            raise ValueError("The options are one text; give a list with a text for each.")
        return list(found)
    if isinstance(options, Mapping):
        keys = [str(key).strip(" ().").upper() for key in options]
        expected = {letter(i) for i in range(len(keys))}
        if set(keys) != expected:
            named = ", ".join(map(str, options))[:60]
            raise ValueError(f"The options have the keys {named}; give A, B, C, … or a list.")
        options = [value for _, value in sorted(zip(keys, options.values(), strict=True), key=lambda pair: pair[0])]
    try:
        listed = list(options)
    except TypeError:
        raise ValueError(f"The options are {options!r}; give a list with a text for each.") from None
    texts = []
    for number, option in enumerate(listed, 1):
        if not isinstance(option, (str, int, float)) or not str(option).strip():
            raise ValueError(f"Option {number} is {option!r}; give a text.")
        texts.append(str(option).strip())
    return texts


def split_options(options: Any) -> tuple[str, ...]:
    """Return options without their letters: `["A. yes", "B. no"]` and `["yes", "no"]` both give `("yes", "no")`.

    Letters are taken off only at the beginning, and only where all options carry A, B, C, … in order: `J. K. Rowling`
    and `Dr. Smith` stay as they are. `ValueError` as `option_texts`.
    """
    texts = option_texts(options or ())
    return unmarked(texts) or tuple(texts)


def unmarked(texts: Sequence[str]) -> tuple[str, ...]:
    """The texts without their letters where all carry A, B, C, … in order; nothing where they do not."""
    marks = [marked(text) for text in texts]
    found = [mark for mark in marks if mark is not None and mark[1]]
    in_order = [mark[0] for mark in found] == [letter(i) for i in range(len(texts))]
    return tuple(mark[1] for mark in found) if in_order and len(texts) > 1 else ()


def marked(text: str) -> tuple[str, str] | None:
    """The letter that an option's text begins with, and the rest; None where it begins with none (`A.M.` does not)."""
    match = _MARK.match(text)
    if match is None:
        return None
    rest = text[match.end() :]
    if not match[2] and _INITIALS.match(rest):
        return None
    return unicodedata.normalize("NFKC", match[1]).upper(), rest.strip()


def find_options(text: str) -> tuple[str, tuple[str, ...]]:
    """A question and the options that stand inside it, as in `Which is it? A) red B) blue`; no options, as it stands.

    The letters must be A, B, C, … in order, all written alike. With a dot or a colon behind the letter they must follow
    the end of a sentence, so that the initials of names are none.
    """
    found = inline_options(text)
    if found is None:
        return unbulleted(text).strip(), ()
    return "\n".join(part for part in (found.question, found.behind) if part), found.texts


@dataclass(frozen=True, slots=True)
class InlineOptions:
    """Options that stand inside a text."""

    question: str
    """What stands before the options."""
    letters: tuple[str, ...]
    """As they are written: `A`, `B`, … or `a`, `b`, …"""
    texts: tuple[str, ...]
    behind: str
    """What stands in lines below the options."""


def inline_options(text: str) -> InlineOptions | None:
    """The options that stand inside a text, as `find_options` finds them; None where there are none."""
    text = unbulleted(text)
    marks = [(match, (match[1] or match[2] or match[3])) for match in _INSIDE.finditer(text)][:_MOST_MARKS]
    best: list[re.Match[str]] = []
    for first, (match, sign) in enumerate(marks):
        if sign not in "Aa":
            continue
        run, form = [match], _form(match)
        for other, name in marks[first + 1 :]:
            if len(run) < MOST and name == chr(ord(sign) + len(run)) and _form(other) == form:
                run.append(other)
        dotted = form[-1] in ".:"
        if len(run) < 2 or (dotted and not _LISTED.search(text[max(0, match.start() - 12) : match.start()] or "\n")):
            continue
        if dotted and match.start() > 0 and not all(_breaks(text, one) for one in run):
            continue
        if _are_labels(text, run):
            continue
        best = run if len(run) >= len(best) else best  # a later, shorter one stands in an option: `both A) and B)`
    question = text[: best[0].start()].strip() if best else ""
    if not question:
        return None
    ends = [mark.start() for mark in best[1:]] + [len(text)]
    last = text[best[-1].end() :].lstrip("\n ")
    behind = last.partition("\n")[2] if "\n" in text[best[0].start() : best[1].start()] else ""
    ends[-1] -= len(behind)
    texts = [text[mark.end() : end].strip().rstrip(",;").strip() for mark, end in zip(best, ends, strict=True)]
    texts = [re.sub(r"[,;]?\s+(?:or|and)$", "", one) for one in texts]
    if not all(one and one.lower() not in ("or", "and") for one in texts):
        return None
    if texts[-1].rstrip("? ") != texts[-1] and not behind and texts[-1].rstrip("? "):
        texts[-1] = texts[-1].rstrip("? ")
        question = question if question[-1] in "?.!:？" else question.rstrip(" ,;") + "?"
    signs = tuple(mark[1] or mark[2] or mark[3] for mark in best)
    return InlineOptions(question, signs, tuple(texts), behind.strip())


def unbulleted(text: str) -> str:
    """A text without the bullets and stars around the letters of options that begin lines, where there are several."""
    several = len(_BULLETED.findall(text)) > 1
    return _BULLETED.sub(lambda mark: mark[1] or mark[2], text) if several else text


def _are_labels(text: str, run: Sequence[re.Match[str]]) -> bool:
    """Return whether marks only number parts of a question: `A) and B)`, `(a) the start and (b) the end`."""
    before = [text[max(0, mark.start() - 24) : mark.start()].rstrip() for mark in run]
    words = [re.search(r"(\w+)$", one) for one in before]
    if words[0] and all(word and word[1].lower() == words[0][1].lower() for word in words):
        return True
    written = run[0][0].strip()
    if written[0] in "A\uff21":
        return False
    paused = not before[0] or re.search(r"[?？:：,，.。!–—-]$|\b(?:options?|choices?)$", before[0])
    return not paused or bool(before[-1].lower().endswith((" and", " und", " y")))


def _form(match: re.Match[str]) -> str:
    """Return how a mark is written: its brackets, and whether its letter is a capital."""
    written = unicodedata.normalize("NFKC", match[0].strip()).replace("、", ".")
    return re.sub(r"[A-Za-z]", "", written) if not written[-1:] else re.sub("[A-Z]", "A", re.sub("[a-z]", "a", written))


def _breaks(text: str, match: re.Match[str]) -> bool:
    return not re.search(r"\b(?:mr|mrs|ms|dr|prof|by)\.?\s*$", text[max(0, match.start() - 8) : match.start()], re.I)


def letters_in(text: str, options: Sequence[str]) -> tuple[str, ...]:
    """Return the letters of the options that an answer chooses, in order: several where it names several.

    Thoughts and citations must be gone. An option's text may be empty where only letters are told apart.
    """
    return tuple(letter(i) for i in Reader(options).chosen(shortened(text)))


def option_in(text: str, options: Sequence[str]) -> str | None:
    """The letter of the one option that a text chooses; None where it chooses none or several."""
    found = letters_in(text, options)
    return found[0] if len(found) == 1 else None


def choice_in(text: str, options: Sequence[str]) -> tuple[str | None, str]:
    """The option that an answer chooses, and the answer as people read it: not the letter alone."""
    found = option_in(text, options)
    if found is None:
        return None, text
    rest = Reader(options).behind_letter(shortened(text), ord(found) - ord("A"))
    answer = text if rest is None else rest
    return found, answer or options[ord(found) - ord("A")]


def shortened(text: str) -> str:
    """A text of bounded length: where it is longer, its beginning and its end."""
    half = _LONGEST // 2
    return text if len(text) <= _LONGEST else f"{text[:half]}\n{text[-half:]}"
