"""Which of a message's videos a question means by their order: `in the second video`, `in video 2`."""

from __future__ import annotations

import re
from collections.abc import Sequence

_WORDS = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth")
_ONE = re.compile(
    rf"\b(?:the )?(?:(?P<word>{'|'.join(_WORDS)}|last)|(?P<nth>\d{{1,2}})(?:st|nd|rd|th)) (?:video|clip)\b|"
    r"\b(?:video|clip) (?:no\.? |number |#)?(?P<number>\d{1,2})\b(?![:.]\d)",
    re.IGNORECASE,
)


def numbered_video(question: str, videos: Sequence[str]) -> tuple[str, list[str]]:
    """Return a question with `the video` for the one of several videos that it numbers, and that one.

    A question that numbers none of them, or more than one, comes back as it is, with all of them.
    """
    numbers = {_number(found, len(videos)) for found in _ONE.finditer(question)}
    number = numbers.pop() if len(numbers) == 1 else 0
    if len(videos) < 2 or not 1 <= number <= len(videos):
        return question, list(videos)
    return _ONE.sub("the video", question), [videos[number - 1]]


def _number(found: re.Match[str], count: int) -> int:
    word = (found["word"] or "").lower()
    if word:
        return count if word == "last" else _WORDS.index(word) + 1
    return int(found["nth"] or found["number"])
