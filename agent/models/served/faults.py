"""Faults of requests: the fault behind an exception, and the meaning of a refusal by a server.

Each server refuses in words of its own, and in its own language. So no wording is looked for: a refusal is about
pictures if it names them, and a number in it that is lower than what was sent is what may be sent. A number that was
read wrongly is refused again, and then the next lower one is taken.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Literal

from ..failures import PolicyError, one_line
from .wire import EndlessReply, LedAway, UnknownPacking

Topic = Literal["many", "large", "blind", "long", ""]
Kind = Literal["busy", "server", "connection", "timeout", "reply", "empty", "key", "missing", "refused", "other"]
_MOST_TOLD, _LONGEST_BODY = 4000, 20_000

_BUSY = frozenset({408, 409, 425, 429})
_BLIND = re.compile(r"image.{0,40}\bnot support|not support.{0,40}image", re.IGNORECASE)
"""llama.cpp answers 500 to pictures that its model cannot take."""
_OVER = re.compile(r"context.{0,40}(exceed|length|size|window)|exceed.{0,40}context|too many tokens", re.IGNORECASE)
"""How servers say with a 500 that a request is too long."""
_TOOLLESS = re.compile(
    r"\btools?\b.{0,80}(requires?|not support|--jinja|unsupported)|not support.{0,40}\btools?\b|auto.{0,5} tool choice"
    r"|tool[-_ ]call[-_ ]parser",
    re.IGNORECASE,
)
"""How servers say that they take no tools, be it for this model or as they were started."""

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


class ServedError(PolicyError):
    """A served model did not answer; the text is one line that says why, and holds no keys."""

    fault: Fault | None = None
    """What the server did, where it was asked."""


class OutOfTime(ServedError, TimeoutError):
    """The turn's time was up."""


class OutOfTokens(ServedError):
    """The turn's tokens do not pay for the prompt."""

    stopped_by = "tokens"


class BadReply(Exception):
    """The server answered, but there is nothing to go on with."""


@dataclass(frozen=True, slots=True)
class Fault:
    """The fault of one request."""

    kind: Kind
    text: str
    status: int | None = None
    wait: float | None = None
    """Seconds that the server asks to wait."""
    detail: str = ""
    """What the server says, less shortened than `text`."""

    @property
    def passing(self) -> bool:
        """Return whether it may be gone at the next try."""
        return self.kind in ("busy", "server", "connection", "timeout", "reply", "empty")

    def about(self, pictures: int) -> Topic:
        """Return what a refusal of a request with so many pictures is about; nothing where it is no refusal.

        Some servers say "too many pictures" with a 500.
        """
        if self.kind == "server":
            return "many" if topic_of(self.detail, pictures) == "many" else ""
        if self.kind != "refused":
            return ""
        return topic_of(self.detail or self.text, pictures) or ("long" if self.status == 413 else "")

    @property
    def toolless(self) -> bool:
        """Return whether the server refuses the request for the tools in it."""
        return self.kind == "refused" and _TOOLLESS.search(self.text) is not None

    @classmethod
    def of(cls, error: BaseException) -> Fault:
        """The fault behind an exception of whatever client library."""
        chain = list(_chain(error))
        status = next((s for e in chain if isinstance(s := getattr(e, "status_code", None), int)), None)
        response = next((r for e in chain if (r := getattr(e, "response", None)) is not None), None)
        detail = _detail(error)[:_LONGEST_BODY]
        text = one_line(detail)
        names = {base.__name__ for e in chain for base in type(e).__mro__}
        for stopped in (e for e in chain if isinstance(e, (EndlessReply, LedAway, UnknownPacking))):
            return cls(
                "other", "the reply does not end" if isinstance(stopped, EndlessReply) else one_line(str(stopped))
            )
        if "TooManyRedirects" in names:
            return cls("other", "it redirects in a circle")
        if status is None:
            status = _code_in_body(error)
        if status is not None:
            wait = _wait(getattr(response, "headers", None))
            return cls(_kind(status, detail), f"{status}: {text}", status, wait, one_line(detail, longest=_MOST_TOLD))
        if "TimeoutError" in names or any("Timeout" in name for name in names):
            return cls("timeout", "no answer in time")
        if isinstance(error, BadReply):
            return cls("empty", text)
        if isinstance(error, RecursionError):
            return cls("reply", "the reply is nested too deeply")
        if isinstance(error, MemoryError):
            return cls("other", "the reply takes more memory than there is")
        if isinstance(error, UnicodeError):
            return cls("reply", "the reply is not UTF-8")
        if names & {"JSONDecodeError", "APIResponseValidationError"}:
            return cls("reply", f"the reply is no JSON ({text})")
        if "OSError" in names or any("Connection" in name or "TransportError" in name for name in names):
            return cls("connection", one_line(_detail(chain[-1])) or text)
        if "ValidationError" in names or isinstance(error, (KeyError, TypeError, IndexError, AttributeError)):
            # Not its own text: pydantic's repeats what was validated, the others speak of somebody's code.
            return cls("reply", f"the reply has not the form of a chat completion ({type(error).__name__})")
        if "APIError" in names or isinstance(error, ValueError):
            return cls("reply", text)
        return cls("other", text or type(error).__name__)


def _kind(status: int, text: str) -> Kind:
    if status in _BUSY and "insufficient_quota" not in text:
        return "busy"
    if status not in (401, 403) and (_BLIND.search(text) or _TOOLLESS.search(text) or _OVER.search(text)):
        return "refused"
    if status >= 500 and status not in (501, 505):
        return "server"
    return {401: "key", 403: "key", 404: "missing"}.get(status, "refused")  # type: ignore[return-value]


def _code_in_body(error: BaseException) -> int | None:
    """The status that stands in an error which came with another one, or in the middle of a stream."""
    body = getattr(error, "body", None) or (error.args[0] if error.args else None)
    for _ in range(2):
        if not isinstance(body, dict):
            return None
        for key in ("code", "status", "status_code"):
            code = body.get(key)
            if isinstance(code, str) and code.isascii() and code.isdigit() and len(code) == 3:
                code = int(code)
            if isinstance(code, int) and 400 <= code < 600:
                return code
        body = body.get("error")
    return None


def _chain(error: BaseException) -> Iterator[BaseException]:
    """The exception and those behind it."""
    seen: BaseException | None = error
    for _ in range(8):
        if seen is None:
            return
        yield seen
        seen = seen.__cause__ or (None if seen.__suppress_context__ else seen.__context__)


def _detail(error: BaseException) -> str:
    """Return what the server says in the body of an error, else the exception's own words."""
    body = getattr(error, "body", None) or (error.args[0] if error.args and isinstance(error.args[0], dict) else None)
    code = ""
    for key in ("error", "message", "detail", "msg"):
        if isinstance(body, dict) and body.get(key):
            code = f" ({body['code']})" if key == "message" and isinstance(body.get("code"), str) else code
            body = body[key]
    if isinstance(body, (dict, list)):
        try:
            body = json.dumps(body, default=str, ensure_ascii=False)
        except (ValueError, RecursionError):
            body = "an error that cannot be read"
    if isinstance(body, str) and body.strip():
        return body + code
    try:
        return str(error) or type(error).__name__
    except Exception:  # its own words fail it
        return type(error).__name__


def _wait(headers: Any) -> float | None:
    """Seconds of `retry-after-ms` or `Retry-After` (a number, or a date)."""
    if headers is None:
        return None
    try:
        if headers.get("retry-after-ms"):
            return max(float(headers["retry-after-ms"]) / 1000, 0.0)
        value = str(headers.get("retry-after") or "").strip()
        if re.fullmatch(r"\d+(\.\d+)?", value):
            return float(value)
        if not value:
            return None
        date = parsedate_to_datetime(value)
        date = date if date.tzinfo else date.replace(tzinfo=UTC)
        return max((date - datetime.now(UTC)).total_seconds(), 0.0)
    except (TypeError, ValueError, OverflowError, IndexError):
        return None


@dataclass(frozen=True, slots=True)
class Room:
    """The number of tokens that a reply may have."""

    reply: int
    """0: the conversation itself is too long."""
    window: int | None = None
    """Tokens of conversation and reply together, where that is what the server limits."""


def topic_of(text: str, sent: int) -> Topic:
    """Return what a refusal is about.

    Args:
        text: what the server says.
        sent: how many pictures the request had; without any it is not about pictures.
    """
    plain = _plain(text)
    if sent and _PICTURE.search(plain):
        allowed = most_pictures(text, sent)
        if allowed == 0:
            return "blind"
        if allowed is not None and _MANY.search(plain):
            return "many"
        if _SIZE.search(plain) and not re.search(r"token|context", plain):
            return "large"
        if re.search(r"too many", plain) or (_MANY.search(plain) and re.search(r"number|count|数量", plain)):
            return "many"
        if not re.search(r"token|context|too long|上下文", plain):
            return "blind"
    if sent and _TEXT_ONLY.search(plain):
        return "blind"
    return "long" if _LONG.search(plain) else ""


def most_pictures(text: str, sent: int) -> int | None:
    """Return how many pictures may be sent: the highest number that is lower than `sent`; None where there is none.

    Sizes, tokens and the parts of names (`gpt-4o`, `Qwen2.5-VL`) are no such numbers.
    """
    plain = _plain(text)
    if not _PICTURE.search(plain):
        return None
    bare = _MEASURE.sub(" ", plain)
    found = [int(number) for number in _COUNT.findall(bare)]
    found += [_WORDS[first or second] for first, second in _WRITTEN.findall(bare)]
    lower = [number for number in found if number < sent]
    positive = [number for number in lower if number]
    if positive:
        return max(positive)
    return 0 if lower and _MANY.search(plain) else None


def room_for_reply(text: str, *, most: int, prompt: int) -> Room | None:
    """Return how long a reply may be after a refusal that is about tokens; None where it does not say.

    Args:
        text: what the server says.
        most: tokens that the reply was allowed.
        prompt: tokens of the conversation, as an estimate.
    """
    plain = _plain(text)
    if not re.search(r"token|context|max_new|length|上下文|长度", plain):
        return None
    numbers = [_whole(number) for number in _NUMBER.findall(plain)]
    known = set(numbers)
    others = [
        n for n in numbers if n > 1 and n != most and n - most not in known - {most}
    ]  # no reserve, no sums with it
    window = _window(plain, most, others)
    if window is None:
        return None
    counts = [n for n in others if n != window and prompt / _PLAUSIBLE <= n <= prompt * _PLAUSIBLE + most]
    if counts:
        best = min(counts, key=lambda n: min(_apart(n, prompt), _apart(n - most, prompt)))
        whole = best > window and _apart(best - most, prompt) < _apart(best, prompt)
        room = window - (best - most if whole else best)
        return Room(room if _LEAST_ROOM <= room < most else 0, window)
    if window < most:  # a limit of replies alone
        return Room(window)
    room = window - prompt
    return Room(room, window) if _LEAST_ROOM <= room < most else None


def _window(plain: str, most: int, others: list[int]) -> int | None:
    """The limit that was passed."""
    for pattern in _WINDOW:
        for match in pattern.finditer(plain):
            number = _whole(match["window"])
            if number in others:
                lower = [n for n in others if n < most]
                # "[1, 8192]": of a range of replies the upper end
                return max(lower) if number < _LEAST_ROOM and lower else number
    lower = [n for n in others if n < most and n >= _LEAST_ROOM]
    if lower and re.search(r"max\w*[_ ]tokens|completion|output|new_tokens", plain):
        return max(lower)
    return max(others, default=None)


def _apart(one: int, other: int) -> float:
    """Return how far two counts are from each other, as a factor."""
    return max(one, other) / max(min(one, other), 1) if one > 0 else float("inf")


def _whole(number: str) -> int:
    return min(int(re.sub(r"[^\d]", "", number)[:12] or 0), 10**9)


def _plain(text: str) -> str:
    """Lower case, with full-width digits as plain ones."""
    return unicodedata.normalize("NFKC", text[:8000]).lower()
