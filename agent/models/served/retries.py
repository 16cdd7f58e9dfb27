"""Asking a server until it answers: which faults pass, how long to wait, and what to say when it is enough."""

from __future__ import annotations

import json
import random
import re
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Literal, TypeVar

from ..failures import PolicyError, one_line
from .refusals import Topic, topic_of
from .wire import EndlessReply, LedAway, UnknownPacking

Kind = Literal["busy", "server", "connection", "timeout", "reply", "empty", "key", "missing", "refused", "other"]
Reply = TypeVar("Reply")
_MOST_TOLD, _LONGEST_BODY = 4000, 20_000

_BUSY = frozenset({408, 409, 425, 429})
_RETRIES = {"timeout": 1, "reply": 2, "empty": 2}
"""Faults that are tried again less often: a time-out has cost a lot, a bad reply tends to come again."""
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
    """What went wrong with one request."""

    kind: Kind
    text: str
    status: int | None = None
    wait: float | None = None
    """Seconds that the server asks to wait."""
    told: str = ""
    """What the server says, less shortened than `text`."""

    @property
    def passing(self) -> bool:
        """Whether it may be gone at the next try."""
        return self.kind in ("busy", "server", "connection", "timeout", "reply", "empty")

    def about(self, pictures: int) -> Topic:
        """What a refusal of a request with so many pictures is about; nothing where it is no refusal.

        Some servers say "too many pictures" with a 500.
        """
        if self.kind == "server":
            return "many" if topic_of(self.told, pictures) == "many" else ""
        if self.kind != "refused":
            return ""
        return topic_of(self.told or self.text, pictures) or ("long" if self.status == 413 else "")

    @property
    def toolless(self) -> bool:
        """Whether the server refuses the request for the tools in it."""
        return self.kind == "refused" and _TOOLLESS.search(self.text) is not None

    @classmethod
    def of(cls, error: BaseException) -> Fault:
        """The fault behind an exception of whatever client library."""
        chain = list(_chain(error))
        status = next((s for e in chain if isinstance(s := getattr(e, "status_code", None), int)), None)
        response = next((r for e in chain if (r := getattr(e, "response", None)) is not None), None)
        told = _told(error)[:_LONGEST_BODY]
        text = one_line(told)
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
            return cls(_kind(status, told), f"{status}: {text}", status, wait, one_line(told, longest=_MOST_TOLD))
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
            return cls("connection", one_line(_told(chain[-1])) or text)
        if "ValidationError" in names or isinstance(error, (KeyError, TypeError, IndexError, AttributeError)):
            # Not its own text: pydantic's repeats what was validated, the others speak of somebody's code.
            return cls("reply", f"the reply has not the form of a chat completion ({type(error).__name__})")
        if "APIError" in names or isinstance(error, ValueError):
            return cls("reply", text)
        return cls("other", text or type(error).__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How often and how long to try."""

    retries: int = 4
    pause: float = 0.5
    """Seconds before the second try; doubled after each, and scattered by half up and down."""
    longest: float = 30.0
    """Seconds that are waited at most between two tries, also where a server asks for more."""

    def wait(self, tries: int, fault: Fault) -> float | None:
        """Seconds to wait after `tries` tries; None when it is enough."""
        most = min(self.retries, _RETRIES.get(fault.kind, self.retries))
        if not fault.passing or tries > most or (fault.wait or 0) > self.longest:
            return None
        scattered = self.pause * 2.0 ** (tries - 1) * random.uniform(0.5, 1.5)
        return min(max(scattered, fault.wait or 0.0), self.longest)


def attempts(
    request: Callable[[float | None], Reply],
    *,
    patience: Patience,
    explain: Callable[[Fault, int], str],
    deadline: float | None,
    given_up: threading.Event,
) -> Reply:
    """`request(seconds)` until it returns.

    Args:
        request: one try, within `seconds` (None: no limit).
        patience: how often.
        explain: a fault and the number of tries as one line for a person.
        deadline: `time.monotonic()` at which it is over.
        given_up: set by whoever does not wait for the reply any more.

    Raises:
        OutOfTime: if the deadline comes first.
        ServedError: if it is no use.
    """
    tries = 0
    while True:
        tries += 1
        left = None if deadline is None else deadline - time.monotonic()
        if left is not None and left <= 0:
            raise OutOfTime("The time was up before the server answered.")
        try:
            return request(left)
        except ServedError:
            raise
        except Exception as raised:
            fault = Fault.of(raised)
        over = deadline is not None and time.monotonic() >= deadline
        wait = patience.wait(tries, fault)
        if over or (wait is not None and deadline is not None and time.monotonic() + wait >= deadline):
            raise OutOfTime(f"The time was up. {explain(fault, tries)}")
        if wait is None:
            error = ServedError(explain(fault, tries))
            error.fault = fault
            raise error
        if given_up.wait(wait):
            raise OutOfTime("Nobody waits for the reply any more.")


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


def _told(error: BaseException) -> str:
    """What the server says in the body of an error, else the exception's own words."""
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
