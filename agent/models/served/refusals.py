"""What a server means by refusing a request: too many pictures, too large ones, none at all, or too many tokens.

Each server says it in words of its own, and in its own language. So no wording is looked for: a refusal is about
pictures if it names them, and a number in it that is lower than what was sent is what may be sent. A number that was
read wrongly is refused again, and then the next lower one is taken.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import Literal

Topic = Literal["many", "large", "blind", "long", ""]

_PICTURE = re.compile(
    r"image|picture|photo|\bframes?\b|\bvis(?:ion|ual)|multi-?modal|\bmm[_ -]|\bmedia\b|bild(?:er)?\b|im[aá]gen"
    r"|图|照片|像|画像|이미지|사진|изображени"
)
_MANY = re.compile(
    r"too many|at most|max|exceed|limit|more than|up to\b|no more|\bonly\b|\bsingle\b|fewer|greater|less than|[<>≤≥]"
    r"|multiple|number of|count"
    r"|最多|超过|超過|超出|上限|限制|至多|多于|最大|数量|까지|초과|최대|まで|máximo|höchstens|maximal|не более"
)
_SIZE = re.compile(
    r"dimension|pixel|resolution|too (?:large|big|wide|tall)|\bsize\b|\bbytes?\b|\d\s*[km]i?b\b|像素|尺寸|分辨率|解像度"
)
_TEXT_ONLY = re.compile(r"content.{0,60}\bstr|must be (a )?str|valid string|content[_ ](?:part|type)|text[- ]only")
_LONG = re.compile(
    r"context|too long|too large|length|max\w*[_ ]tokens|token|entity too large|payload"
    r"|上下文|长度|過長|过长|길이|コンテキスト"
)
_MEASURE = re.compile(
    r"\w\[\d+\]|\d+\s*[x×*]\s*\d+|\d[\d.,]*\s*(?:[kmg]i?b\b|bytes?|pixels?|px\b|tokens?|seconds?|secs?\b|m?s\b|%|dpi|像素|字节|秒)"
)
_COUNT = re.compile(r"(?<![a-z0-9_.\-])(\d{1,4})(?![a-z0-9_]|\.\d)")
_WORDS = {
    word: number
    for number, words in enumerate(
        "zero one|single|一 two|二|两|兩 three|三 four|四 five|五 six|六 seven|七 eight|八 nine|九 ten|十".split()
    )
    for word in words.split("|")
}
_WRITTEN = re.compile(
    rf"\b({'|'.join(w for w in _WORDS if w.isascii())})\s+(?:\w+\s+)?(?:image|picture|photo|frame)"
    rf"|({'|'.join(w for w in _WORDS if not w.isascii())})\s*[张張幅枚个個]"
)
_NUMBER = re.compile(r"(?<![a-z0-9_.])\d{1,3}(?:[,_' ]\d{3})+(?![\d])|(?<![a-z_.])\d+(?![\d_]|\.\d)")
_WINDOW = (
    re.compile(r"\+\s*(?P<w>\d[\d,]*)\s*>\s*(?P<window>\d[\d,]*)"),
    re.compile(r"(?:n_ctx\W{0,5}|(?:context|上下文)[^\d=:]{0,30}[=:(]?\s*)(?P<window>\d[\d,]*)"),
    re.compile(
        r"(?:context|maximum|\bmax\b|limit|window|n_ctx|exceeds?|<=|≤|less than|up to|at most|上下文|最大|上限|限制"
        r"|不超过)"
        r"[^\d]{0,60}(?P<window>\d[\d,]*)"
    ),
)
_LEAST_ROOM = 32
_PLAUSIBLE = 5.0
"""How far a server's count of a prompt may be from the estimate, as a factor."""


@dataclass(frozen=True, slots=True)
class Room:
    """How many tokens a reply may have."""

    reply: int
    """0: the conversation itself is too long."""
    window: int | None = None
    """Tokens of conversation and reply together, where that is what the server limits."""


def topic_of(text: str, sent: int) -> Topic:
    """What a refusal is about.

    Args:
        text: what the server says.
        sent: how many pictures the request had; without any it is not about pictures.
    """
    said = _plain(text)
    if sent and _PICTURE.search(said):
        allowed = most_pictures(text, sent)
        if allowed == 0:
            return "blind"
        if allowed is not None and _MANY.search(said):
            return "many"
        if _SIZE.search(said) and not re.search(r"token|context", said):
            return "large"
        if re.search(r"too many", said) or (_MANY.search(said) and re.search(r"number|count|数量", said)):
            return "many"
        if not re.search(r"token|context|too long|上下文", said):
            return "blind"
    if sent and _TEXT_ONLY.search(said):
        return "blind"
    return "long" if _LONG.search(said) else ""


def most_pictures(text: str, sent: int) -> int | None:
    """How many pictures may be sent: the highest number that is lower than `sent`; None where there is none.

    Sizes, tokens and the parts of names (`gpt-4o`, `Qwen2.5-VL`) are no such numbers.
    """
    said = _plain(text)
    if not _PICTURE.search(said):
        return None
    bare = _MEASURE.sub(" ", said)
    found = [int(number) for number in _COUNT.findall(bare)]
    found += [_WORDS[first or second] for first, second in _WRITTEN.findall(bare)]
    lower = [number for number in found if number < sent]
    positive = [number for number in lower if number]
    if positive:
        return max(positive)
    return 0 if lower and _MANY.search(said) else None


def room_for_reply(text: str, *, most: int, prompt: int) -> Room | None:
    """How long a reply may be after a refusal that is about tokens; None where it does not say.

    Args:
        text: what the server says.
        most: tokens that the reply was allowed.
        prompt: tokens of the conversation, as an estimate.
    """
    said = _plain(text)
    if not re.search(r"token|context|max_new|length|上下文|长度", said):
        return None
    numbers = [_whole(number) for number in _NUMBER.findall(said)]
    known = set(numbers)
    others = [
        n for n in numbers if n > 1 and n != most and n - most not in known - {most}
    ]  # no reserve, no sums with it
    window = _window(said, most, others)
    if window is None:
        return None
    told = [n for n in others if n != window and prompt / _PLAUSIBLE <= n <= prompt * _PLAUSIBLE + most]
    if told:
        best = min(told, key=lambda n: min(_apart(n, prompt), _apart(n - most, prompt)))
        whole = best > window and _apart(best - most, prompt) < _apart(best, prompt)
        room = window - (best - most if whole else best)
        return Room(room if _LEAST_ROOM <= room < most else 0, window)
    if window < most:  # a limit of replies alone
        return Room(window)
    room = window - prompt
    return Room(room, window) if _LEAST_ROOM <= room < most else None


def _window(said: str, most: int, others: list[int]) -> int | None:
    """The limit that was passed."""
    for pattern in _WINDOW:
        for match in pattern.finditer(said):
            number = _whole(match["window"])
            if number in others:
                lower = [n for n in others if n < most]
                # "[1, 8192]": of a range of replies the upper end
                return max(lower) if number < _LEAST_ROOM and lower else number
    lower = [n for n in others if n < most and n >= _LEAST_ROOM]
    if lower and re.search(r"max\w*[_ ]tokens|completion|output|new_tokens", said):
        return max(lower)
    return max(others, default=None)


def _apart(one: int, other: int) -> float:
    """How far two counts are from each other, as a factor."""
    return max(one, other) / max(min(one, other), 1) if one > 0 else float("inf")


def _whole(number: str) -> int:
    return min(int(re.sub(r"[^\d]", "", number)[:12] or 0), 10**9)


def _plain(text: str) -> str:
    """Lower case, with full-width digits as plain ones."""
    return unicodedata.normalize("NFKC", text[:8000]).lower()
