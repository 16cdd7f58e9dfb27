"""Text vectors without weights: words and character n-grams, hashed with a sign into a fixed number of dimensions."""

from __future__ import annotations

import hashlib
import math
import re
import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import lru_cache

import numpy as np

_WORD = re.compile(r"\w+")
# Han, kana and hangul are written without spaces between words, so a "word" there is a whole phrase.
_UNSPACED = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")
# Words that say how a sentence is built, not what it is about. There are no document frequencies here to find them by.
_FUNCTION_WORDS = frozenset(
    "a an and are as at be been but by did do does for from had has have he her his how i if in into is it its me my"
    " no not of on or our she so that the their them then there they this to up was we were what when where which who"
    " why will with you your".split()
)
_FUNCTION_WEIGHT = 0.15

Feature = tuple[int, float]  # dimension, signed weight


class HashedText:
    """Signed feature hashing of words and their character 3- to 5-grams; the same in every process.

    N-grams make `budget` and `budgets`, or a misread `budqet`, neighbours; meaning beyond spelling is not seen.
    """

    name = "hashed n-grams"
    dim = 1024
    stamp = f"hashed-ngrams:{dim}:1"

    def encode(self, texts: Sequence[str]) -> np.ndarray:
        """Float32 [n, dim] with unit rows; a text without letters or digits is a zero row."""
        rows = np.zeros((len(texts), self.dim), dtype=np.float32)
        for row, text in zip(rows, texts, strict=True):
            counts = Counter(_WORD.findall(unicodedata.normalize("NFKC", text).casefold()))
            for word, count in counts.items():
                tf = 1.0 + math.log(count)
                for index, weight in _features(word):
                    row[index] += tf * weight
            norm = float(np.linalg.norm(row))
            if norm > 0:
                row /= norm
        return rows


@lru_cache(maxsize=50_000)
def _features(word: str) -> tuple[Feature, ...]:
    grams = list(_grams(word))
    scale = _FUNCTION_WEIGHT if word in _FUNCTION_WORDS else 1.0
    features = []
    for gram, weight in [(word, 1.0), *((gram, 1.0 / math.sqrt(len(grams))) for gram in grams)]:
        value = int.from_bytes(hashlib.blake2b(gram.encode("utf-8", "replace"), digest_size=8).digest(), "little")
        features.append((value % HashedText.dim, (weight if value >> 63 else -weight) * scale))
    return tuple(features)


def _grams(word: str) -> Iterator[str]:
    unspaced = _UNSPACED.search(word) is not None
    text, sizes = (word, (1, 2)) if unspaced else (f"<{word}>", (3, 4, 5))
    for size in sizes:
        for start in range(len(text) - size + 1):
            if size < len(text) or unspaced:
                yield text[start : start + size]
