"""The numbers that a reply cites: `[3]`, `[3, 5]`, `[3-5]`, `[[3]]`, `【3】`, `[^3]`; `(3)` if nothing else."""

from __future__ import annotations

import re
from collections.abc import Container

ANY = range(1000)
"""As `line_numbers`: any number of up to three digits."""
_HIGHEST_RUN = 10  # numbers that one range, such as [3-5], may stand for
_NUMBERS = r"#?\d{1,3}(?:\s{0,3}[,;&–-]\s{0,3}#?\d{1,3}){0,50}"
_CITED = re.compile(
    rf"(?P<twice>[\[［]\s?)?[\[［]\s{{0,3}}(?:lines?\s|\^|source\s)?\s?(?P<listed>{_NUMBERS})\s{{0,3}}[\]］](?(twice)\s?[\]］])"
    rf"|【\s?(?:line\s)?(?P<bold>{_NUMBERS})(?:†[^【】]{{0,60}})?\s?】",
    re.IGNORECASE,
)
_ROUND = re.compile(
    rf"(?<=[^\W\d]|[.!?,;:\"'”»])\s?[(（](?:lines?\s)?({_NUMBERS})[)）](?=\s*(?:[.,;:!?]|$|\n))", re.IGNORECASE
)
"""A number in round brackets behind a word, at the end of what it says."""
_COUNTS = re.compile(
    r"\b(?:zero|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|\w+teen|twenty|thirty|forty|fifty)\s*$",
    re.I,
)


def cited_numbers(text: str, line_numbers: Container[int] | None = ANY) -> tuple[int, ...]:
    """Return the numbers that a text cites, in order, each once.

    Of several numbers in one bracket, as in `[40, 55]`, one must be in `line_numbers`, else they are a span or a list;
    with None nothing is a citation.
    """
    found = [n for _, _, listed in citations(text, line_numbers) for n in numbers_in(listed)]
    return tuple(dict.fromkeys(found))


def without_citations(text: str, line_numbers: Container[int] | None = ANY) -> str:
    """The text without its `[3]`, and without the spaces that these leave; `line_numbers` as for `cited_numbers`."""
    bare_text, start = "", 0
    for begin, end, _ in citations(text, line_numbers):
        bare_text, start = bare_text + text[start:begin], end
    if not start:
        return text.strip()
    bare_text = re.sub(r"\(\s{0,9}\)", "", bare_text + text[start:])
    return re.sub(r"[ \t]([.,;:!?])", r"\1", re.sub(r"[ \t]{2,}", " ", bare_text)).strip()


def citations(text: str, line_numbers: Container[int] | None) -> list[tuple[int, int, str]]:
    """The brackets of a text that cite: where each begins and ends, and the numbers in it as they are written."""
    if line_numbers is None:
        return []
    found = []
    for match in _CITED.finditer(text):
        listed = match["listed"] or match["bold"]
        numbers = numbers_in(listed)
        if len(numbers) == 1 or any(n in line_numbers for n in numbers):
            found.append((match.start(), match.end(), listed))
    if found or line_numbers is ANY:
        return found
    for match in _ROUND.finditer(text):
        numbers = numbers_in(match[1])
        counts = _COUNTS.search(text, max(0, match.start() - 12), match.start())
        if all(n in line_numbers for n in numbers) and not counts:
            found.append((match.start(), match.end(), match[1]))
    return found


def numbers_in(listed: str) -> list[int]:
    """The numbers of one bracket, those of ranges included."""
    found: list[int] = []
    last = None
    for sign, digits in re.findall(r"([,;&–-]?)\s*#?(\d{1,3})", listed):
        n = int(digits)
        if sign in ("-", "–") and last is not None and last < n <= last + _HIGHEST_RUN:
            found += range(last + 1, n)
        found.append(n)
        last = n
    return found
