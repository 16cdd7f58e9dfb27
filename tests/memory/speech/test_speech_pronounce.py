"""How written words are said."""

from __future__ import annotations

import pytest
from rewatch.memory.speech.pronunciation import number, pronounce, spoken

KNOWN = {
    "clean": "K L IY N",
    "rooms": "R UW M Z",
    "green": "G R IY N",
    "belt": "B EH L T",
    "watch": "W AA CH",
    "b": "B IY",
    "c": "S IY",
}


@pytest.mark.parametrize(
    ("token", "words"),
    [
        ("Well-known,", "well known"),
        ("don\u2019t", "don't"),
        ("Caf\u00e9", "cafe"),
        ("$10", "ten dollars"),
        ("12.5%", "twelve point five percent"),
        ("1,250", "one thousand two hundred fifty"),
        ("1984", "nineteen eighty four"),
        ("1905", "nineteen oh five"),
        ("2005", "two thousand five"),
        ("007", "seven"),
        ("123456789012", "one two three four five six seven eight nine zero one two"),
        ("[music]", ""),
        ("\u266a", ""),
        ("--", ""),
        ("\u4f60\u597d", ""),
    ],
)
def test_spoken(token: str, words: str) -> None:
    assert " ".join(spoken(token)) == words


@pytest.mark.parametrize("value", [0, 7, 19, 20, 21, 100, 101, 999, 1000, 12345, 1000000, 999999999])
def test_every_number_has_words(value: int) -> None:
    assert all(word.isalpha() for word in number(str(value)))


@pytest.mark.parametrize(
    ("word", "sounds"),
    [
        ("cleanrooms", "K L IY N R UW M Z"),
        ("greenbelt", "G R IY N B EH L T"),
        ("bcb", "B IY S IY B IY"),
    ],
)
def test_unknown_words_are_built_from_known_ones(word: str, sounds: str) -> None:
    assert pronounce(word, KNOWN.get) == sounds


@pytest.mark.parametrize(
    ("word", "sounds"),
    [("fish", "F IH SH"), ("knock", "N AA K"), ("station", "S T AE SH AH N"), ("table", "T AE B AH L")],
)
def test_spelling_gives_sounds(word: str, sounds: str) -> None:
    assert pronounce(word, lambda _: None) == sounds


def test_the_dictionary_is_mostly_guessed_right() -> None:
    pocketsphinx = pytest.importorskip("pocketsphinx", reason="needs PocketSphinx's dictionary")
    lines = open(pocketsphinx.get_model_path("en-us/cmudict-en-us.dict"), encoding="utf-8").read().splitlines()
    pairs = [line.split(maxsplit=1) for line in lines[::97] if line.split()[0].isalpha()]
    wrong = total = 0
    for word, sounds in pairs:
        truth, guessed = sounds.split(), pronounce(word, lambda _: None).split()
        row = list(range(len(guessed) + 1))
        for i, sound in enumerate(truth, 1):
            above, row = row, [i] + [0] * len(guessed)
            for j, other in enumerate(guessed, 1):
                row[j] = min(above[j] + 1, row[j - 1] + 1, above[j - 1] + (sound != other))
        wrong, total = wrong + row[-1], total + len(truth)
    assert wrong / total < 0.27
