"""Words of a memory that are spelt nearly as the words of a question: typing errors, and what OCR mixes up."""

from __future__ import annotations

import re
import sqlite3
import threading
from collections.abc import Iterable, Sequence

from rapidfuzz.distance import OSA
from rapidfuzz.process import extract

from .full_text import STOP_WORDS
from .schema import TOKENIZER

_SHORTEST = 4  # letters of a word that may be misspelt at all
_LONG = 8  # letters from which two errors are allowed, and one at the beginning
_PART = 6  # letters from which a word is also looked for inside longer ones: OCR runs words together
_MOST = 6  # near words for each word of the question
_LOOKALIKES = str.maketrans("0135689|$", "olsssbgls")


class Vocabulary:
    """The stemmed words of a memory."""

    def __init__(self, terms: Iterable[str]) -> None:
        self._terms = [term for term in terms if len(term) >= _SHORTEST - 1 and not term.startswith("zz")]
        self._known = frozenset(self._terms)
        self._alike: dict[str, list[str]] = {}
        for term in self._terms:
            self._alike.setdefault(_skeleton(term), []).append(term)
        self._all = "\n" + "\n".join(self._terms) + "\n"

    def near(self, stems: Sequence[str], pairs: Sequence[str] = ()) -> list[str]:
        """Terms that are near words of a question, best first, none of them a word of the question itself.

        A word that occurs in the memory as it is has only its OCR variants and longer words that hold it as near ones;
        of any other word, those that differ by one letter (two from eight letters on) or by a swap of two.

        Args:
            stems: the words of the question, stemmed as the memory's.
            pairs: words that stand side by side in it, run together and stemmed.
        """
        found: dict[str, None] = {pair: None for pair in pairs if pair in self._known}
        for stem in stems:
            found.update((term, None) for term in self._near(stem))
        return [term for term in found if term not in stems]

    def _near(self, stem: str) -> list[str]:
        if len(stem) < _SHORTEST or stem in STOP_WORDS:
            return []
        near = list(self._alike.get(_skeleton(stem), ()))
        if len(stem) >= _PART:
            # Words in which the stem stands among at least three more letters.
            holding = re.findall(rf"\n(\S*{re.escape(stem)}\S*)(?=\n)", self._all)
            near += [term for term in holding if len(term) >= len(stem) + 3]
        if stem not in self._known and stem.isalpha():
            errors = 2 if len(stem) >= _LONG else 1
            close = extract(stem, self._terms, scorer=OSA.distance, score_cutoff=errors, limit=4 * _MOST)
            near += [term for term, _, _ in close if len(stem) >= _LONG or _skeleton(term)[:1] == _skeleton(stem)[:1]]
        return near[:_MOST]


class Stemmer:
    """Stems words as the full-text index does: in an empty one of its own."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._index = sqlite3.connect(":memory:", check_same_thread=False)
        self._index.execute(f'CREATE VIRTUAL TABLE asked USING fts5 (text, tokenize = "{TOKENIZER}")')
        self._index.execute("CREATE VIRTUAL TABLE stems USING fts5vocab (asked, instance)")

    def stems(self, words: Sequence[str]) -> list[str]:
        """The words stemmed, in order; of a word that the index parts, its parts."""
        with self._lock:
            self._index.execute("DELETE FROM asked")
            self._index.execute("INSERT INTO asked VALUES (?)", (" ".join(words),))
            return [term for (term,) in self._index.execute("SELECT term FROM stems ORDER BY offset")]


def _skeleton(word: str) -> str:
    """The word with letters that look alike made one."""
    return word.translate(_LOOKALIKES).replace("rn", "m").replace("vv", "w").replace("i", "l").replace("cl", "d")
