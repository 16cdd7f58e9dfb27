"""Words of questions and passages: tokens, stems, numbers, and how far a passage covers a question."""

from __future__ import annotations

import difflib
import math
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from typing import Any

_TOKEN = re.compile(r"[^\W_]+(?:['’][a-z]+)?(?:[.,:]\d+)*", re.IGNORECASE)
_UNSPACED = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\u0e00-\u0e7f]{2,}")

_LOST_E = re.compile(r"[^aeiou][aeiou][^aeiouwxy]")
"""The root of `making` and `hoped`, whose `e` was dropped before the ending."""

STOP = frozenset(
    """a an the this that these those it its is are was were be been being am do does did done has have had having
    will would shall should can could may might must of in on at to for from by with about into over under up down out
    off and or but if so as than then there here not no nor i you he she we they me him her us them my your his our
    their mine yours what which who whom whose when where why how many much often long s t re ve ll d m""".split()
)

_SMALL = """zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen
    seventeen eighteen nineteen""".split()
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety".split()
_NUMBERS = {word: n for n, word in enumerate(_SMALL)} | {word: 10 * n for n, word in enumerate(_TENS, 2)}
_SCALES = {"hundred": 100, "thousand": 1000, "million": 1_000_000, "billion": 1_000_000_000}
_NEGATIONS = frozenset("no not never none nothing nobody neither nor without cannot can't".split())
ORDINALS = "first second third fourth fifth sixth seventh eighth ninth tenth".split()


def denies(words: Iterable[str]) -> bool:
    """Return whether tokens deny something."""
    return any(word in _NEGATIONS or word.endswith("n't") for word in words)


def fold(text: str) -> str:
    """Lower case without accents, so that `tomo` finds `tomó` and `strasse` finds `Straße`."""
    plain = unicodedata.normalize("NFKD", text.casefold())
    return "".join(c for c in plain if not unicodedata.combining(c)).replace("’", "'")


def alphanumeric(text: str) -> str:
    """The letters and digits of a text, in lower case."""
    return "".join(c for c in text.lower() if c.isalnum())


def texts_in(value: Any) -> Iterator[str]:
    """Yield the texts that stand in a JSON value, keys left out."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, (dict, list, tuple)):
        for item in value.values() if isinstance(value, dict) else value:
            yield from texts_in(item)


def tokens(text: str) -> list[str]:
    """Lower-case words and numbers without accents and possessive endings; pairs of signs in scripts without spaces."""
    text = _UNSPACED.sub(lambda run: " ".join(run[0][i : i + 2] for i in range(len(run[0]) - 1)), fold(text))
    return [re.sub(r"'s?$", "", t) for t in _TOKEN.findall(text)]


@lru_cache(maxsize=8192)
def stem(word: str) -> str:
    """A crude stem, enough to match inflections: `sailing`, `sails` and `sailed` meet at `sail`."""
    if not word.isalpha() or len(word) <= 3:
        return word
    for ending, put in (("ies", "y"), ("ying", "y"), ("ied", "y"), ("ing", ""), ("edly", ""), ("ed", ""), ("ly", "")):
        length = len(word) - len(ending)
        if word.endswith(ending) and length >= 3:
            root = word[:length] + put
            doubled = len(root) > 3 and root[-1] == root[-2] and root[-1] not in "lsz"
            root = root[:-1] if doubled or (root.endswith("e") and len(root) > 4) else root
            return f"{root}e" if length == 3 and ending in ("ing", "ed") and _LOST_E.fullmatch(root) else root
    if word.endswith("es") and word[-3] in "sxzh" and len(word) > 4:
        return word[:-2]
    if word.endswith("s") and not word.endswith(("ss", "us", "is")):
        word = word[:-1]
    return word[:-1] if word.endswith("e") and len(word) > 4 else word


def content(text: str) -> list[str]:
    """Stems of the words that carry meaning, in order."""
    return [stem(t) for t in tokens(text) if t not in STOP]


def numbers(text: str) -> list[float]:
    """The numbers in `text`, written in digits (`1,200`, `3.5`) or in English words (`twenty five`)."""
    found: list[float] = []
    run: list[str] = []
    for token in [*tokens(text.replace("-", " ")), ""]:
        if token in _NUMBERS or (token in _SCALES and run) or (token == "and" and run and run[-1] in _SCALES):
            run.append(token)
            continue
        if run:
            found.append(_value(run))
            run = []
        if re.fullmatch(r"\d{1,3}(,\d{3})+(\.\d+)?|\d+(\.\d+)?", token):
            found.append(float(token.replace(",", "")))
    return found


def _value(run: Sequence[str]) -> float:
    total = current = 0
    for word in run:
        if word in _NUMBERS:
            year = 10 <= current <= 99 and _NUMBERS[word] >= 10  # nineteen eighty (four)
            current = current * 100 + _NUMBERS[word] if year else current + _NUMBERS[word]
        elif word == "hundred":
            current = max(current, 1) * 100
        elif word in _SCALES:
            total += max(current, 1) * _SCALES[word]
            current = 0
    return float(total + current)


def ordinal(text: str) -> int | None:
    """1 for `first`, 2 for `second` or `2nd`, -1 for `last`; None if there is no ordinal."""
    for token in tokens(text):
        if token in ORDINALS:
            return ORDINALS.index(token) + 1
        if token in ("last", "final"):
            return -1
        match = re.fullmatch(r"([0-9]{1,6})(st|nd|rd|th)", token)
        if match:
            return int(match[1])
    return None


def same_word(one: str, other: str) -> bool:
    """Return whether two stems are one word, spelling and recognition slips allowed for longer ones."""
    if one == other:
        return True
    if min(len(one), len(other)) < 5 or one[0] != other[0] or not (one.isalpha() and other.isalpha()):
        return False
    return difflib.SequenceMatcher(None, one, other).ratio() >= 0.8


def coverage(stems: Sequence[str], passage: Iterable[str]) -> float:
    """Return the share of different stems that stand in `passage`, in [0, 1]; 0 without any."""
    have, unique = list(passage), set(stems)
    found = sum(any(same_word(word, other) for other in have) for word in unique)
    return found / len(unique) if unique else 0.0


def rarity(passages: Sequence[Sequence[str]]) -> dict[str, float]:
    """Inverse document frequency of each stem over `passages`, scaled so that the rarest has 1."""
    counts = Counter(word for passage in passages for word in set(passage))
    top = math.log(1 + len(passages)) or 1.0
    return {word: math.log(1 + len(passages) / n) / top for word, n in counts.items()}
