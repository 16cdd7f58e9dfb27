"""Text metrics on texts worked by hand."""

from __future__ import annotations

import pytest
from rewatch.training.rewards.text import rouge, rouge_l, says, token_f1, word_accuracy, word_error_rate


def test_token_f1():
    assert token_f1("the red cup", "a red cup!") == 1.0  # articles and punctuation do not count
    assert token_f1("red cup", "red cup on table") == pytest.approx(2 * 2 / (2 + 4))
    assert token_f1("red red red", "red cup") == pytest.approx(2 * 1 / (3 + 2))  # each word as often as it stands there
    assert token_f1("", "red") == token_f1("blue", "red") == 0.0


def test_rouge():
    said, wanted = "police kill the gunman", "police killed the gunman"
    assert rouge(said, wanted) == 1.0  # stems
    said, wanted = "the gunman killed police", "police killed the gunman"
    assert rouge_l(said, wanted) == pytest.approx(2 * 2 / (4 + 4))
    assert rouge(said, wanted) == pytest.approx((1 + 1 / 3 + 1 / 2) / 3)  # all words, "the gunman", two in order
    assert rouge("", wanted) == rouge(said, "") == 0.0


def test_stems_are_porters():
    assert rouge("she makes a cake", "she is making cakes") > rouge("she sees a cake", "she is making cakes") > 0


def test_word_accuracy_is_one_minus_the_error_rate():
    assert word_error_rate(["a", "b", "c"], ["a", "x", "c", "d"]) == 0.5  # one replaced, one missing
    assert word_error_rate([], []) == 0.0 and word_error_rate(["a"], []) == 1.0
    assert word_accuracy("EXIT ONLY", "exit only") == 1.0
    assert word_accuracy("exit lonely", "exit only") == 0.5
    assert word_accuracy("no exit only here please now", "exit only") == 0.0  # four inserted of two
    assert word_accuracy("", "exit") == 0.0


@pytest.mark.parametrize(
    ("said", "true", "asked", "right"),
    [
        ("The code word is birch.", "birch", "Which code word is said at 00:03?", True),
        ("birch", "birch", "Which code word is said?", True),
        ("The square is red.", "red", "What colour is the square?", True),
        ("red or blue", "red", "What colour is the square?", False),
        ("The code words are birch, oak and elm", "birch", "Which code word is said?", False),
        ("The code word is not birch", "birch", "Which code word is said?", False),
        ("There is no code word", "birch", "Which code word is said?", False),
        ("red or blue", "red", "Is the square red or blue?", False),
        ("The square is red", "blue", "Is the square red or blue?", False),
        ("He says that it is a long grey cardigan", "a long grey cardigan", "What does she wear?", True),
        ("The number on the board is 508.", "508", "Which number is on the board at 00:15?", True),
        ("The number is 508 or 509", "508", "Which number is on the board?", False),
        ("7 plus 7 is 14", "14", "What is 7 plus 7?", True),
        ("on", "on", "Is the lamp on?", False),  # fill words alone say nothing
        ("", "birch", "Which code word is said?", False),
    ],
)
def test_a_sentence_says_a_short_answer(said: str, true: str, asked: str, right: bool):
    assert says(said, true, asked) is right
