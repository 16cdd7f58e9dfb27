"""Asking a server again: the same after a pause where a fault may pass, less of it where the server refuses."""

from __future__ import annotations

import re
import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from tenacity import (
    RetryCallState,
    Retrying,
    retry_if_exception,
    sleep_using_event,
    stop_before_delay,
    stop_never,
    wait_exponential,
    wait_random,
)
from tenacity.stop import stop_base
from tenacity.wait import wait_base

from ....tools.errors import always_passes
from .faults import Fault, OutOfTime, ServedError, most_pictures, room_for_reply

Reply = TypeVar("Reply")

_RETRIES = {"timeout": 1, "reply": 2, "empty": 2}
"""Faults that are tried again less often: a time-out has cost a lot, a bad reply tends to come again."""
LEAST_REPLY = 32
"""Tokens below which no reply is worth asking for."""
USEFUL_REPLY = 256
"""Tokens below which pictures are rather given up than the reply made shorter."""
_LEAST_SIDE = 128
"""Pixels of the longest side below which pictures are not made smaller at a server's wish."""
_DISPENSABLE = ("temperature", "seed", "top_logprobs", "logprobs", "stream_options")
"""What a request can do without, where a server refuses it."""
_UNKNOWN = re.compile(r"unsupported|not supported|unknown|unrecognized|unexpected", re.IGNORECASE)
"""How servers say that they know no such argument."""


class Failed(Exception):
    """One try has failed."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.text)
        self.fault = fault


class Backoff(wait_base):
    """Seconds before the next try: doubled each time, scattered by half up and down, at least what the server asks.

    Args:
        pause: seconds before the second try.
        longest: seconds that are waited at most.
    """

    def __init__(self, pause: float, longest: float) -> None:
        self._exponential = wait_exponential(multiplier=pause)
        self._factor = wait_random(0.5, 1.5)
        self._longest = longest

    def __call__(self, retry_state: RetryCallState) -> float:
        """Return the seconds, as tenacity asks for them."""
        fault = _fault(retry_state)
        scattered = self._exponential(retry_state) * self._factor(retry_state)
        return min(max(scattered, fault.wait or 0.0 if fault else 0.0), self._longest)


class Enough(stop_base):
    """Stop after `retries` retries, fewer for some faults, and where the server asks to wait longer than `longest`."""

    def __init__(self, retries: int, longest: float) -> None:
        self._retries, self._longest = retries, longest

    def __call__(self, retry_state: RetryCallState) -> bool:
        """Return True if it is enough, as tenacity asks."""
        fault = _fault(retry_state)
        return fault is None or self.reached(fault, retry_state.attempt_number)

    def reached(self, fault: Fault, tries: int) -> bool:
        """Return True if a fault is not waited out after so many tries."""
        return tries > min(self._retries, _RETRIES.get(fault.kind, self._retries)) or (fault.wait or 0) > self._longest


def _fault(retry_state: RetryCallState) -> Fault | None:
    raised = retry_state.outcome.exception() if retry_state.outcome else None
    return raised.fault if isinstance(raised, Failed) else None


def attempts(
    request: Callable[[float | None], Reply],
    *,
    retries: int,
    pause: float,
    longest: float,
    explain: Callable[[Fault, int], str],
    deadline: float | None,
    given_up: threading.Event,
) -> Reply:
    """Call `request(seconds)` until it returns.

    Args:
        request: one try, within `seconds` (None: no limit).
        retries: how often it is tried again.
        pause: seconds before the first retry.
        longest: seconds that are waited at most between two tries; a server that asks for more is given up.
        explain: a fault and the number of tries as one line for a person.
        deadline: `time.monotonic()` at which it is over.
        given_up: set by whoever does not wait for the reply any more.

    Raises:
        OutOfTime: if the deadline comes first.
        ServedError: if it is no use.
    """

    def once() -> Reply:
        left = None if deadline is None else deadline - time.monotonic()
        if given_up.is_set():
            raise OutOfTime("Nobody waits for the reply any more.")
        if left is not None and left <= 0:
            raise OutOfTime("The time was up before the server answered.")
        try:
            return request(left)
        except Exception as raised:  # clients of providers raise what they like: `Fault.of` tells what it means
            if isinstance(raised, ServedError) or always_passes(raised):
                raise
            raise Failed(Fault.of(raised)) from raised

    enough = Enough(retries, longest)
    retrying = Retrying(
        retry=retry_if_exception(lambda raised: isinstance(raised, Failed) and raised.fault.passing),
        wait=Backoff(pause, longest),
        stop=enough | (stop_never if deadline is None else stop_before_delay(max(deadline - time.monotonic(), 0.0))),
        sleep=sleep_using_event(given_up),
        reraise=True,
    )
    try:
        return retrying(once)
    except Failed as failed:
        fault, tries = failed.fault, retrying.statistics["attempt_number"]
        late = deadline is not None and time.monotonic() >= deadline
        if late or (fault.passing and not enough.reached(fault, tries)):
            raise OutOfTime(f"The time was up. {explain(fault, tries)}") from failed.__cause__
        error = ServedError(explain(fault, tries))
        error.fault = fault
        raise error from failed.__cause__


@dataclass(slots=True)
class Limits:
    """Limits on the content of one call, as far as the server has told them by now."""

    pictures: int
    reply: int = sys.maxsize
    """Tokens of the reply."""
    guessed: bool = False
    """Whether the reply was made shorter without a number."""


@dataclass(slots=True)
class Terms:
    """The terms that a server has stated; kept from call to call."""

    pictures: int = sys.maxsize
    """Pictures in one request."""
    side: int = sys.maxsize
    """Pixels of the longest side of one."""
    window: int = sys.maxsize
    """Tokens of conversation and reply together."""
    reply: int = sys.maxsize
    """Tokens of a reply."""
    limit: str = ""
    """What it calls the limit of a reply, where that is not the usual name."""
    unwanted: set[str] = field(default_factory=set)
    """Arguments that it has refused."""

    def give_way(
        self,
        fault: Fault,
        limits: Limits,
        *,
        pictures: int,
        prompt: int,
        most: int,
        side: int,
        arguments: Mapping[str, Any],
    ) -> bool:
        """Ask for less, as a refusal wishes; False where nothing is left to give.

        The room for the reply goes before pictures do, since it costs nothing.

        Args:
            fault: the refusal.
            limits: those of this call; they are changed.
            pictures: how many were sent.
            prompt: tokens of what was sent, as an estimate.
            most: tokens that the reply was allowed.
            side: pixels of the longest side of the pictures.
            arguments: the other ones.
        """
        named = {"stream_options" if name == "stream_usage" else name for name in arguments}
        unwanted = {name for name in _DISPENSABLE if name in named and name in fault.detail}
        topic = fault.about(pictures)
        if unwanted:
            self.unwanted |= unwanted | ({"stream_usage"} if "stream_options" in unwanted else set())
        elif "max_tokens" in arguments and "max_completion_tokens" in fault.detail and _UNKNOWN.search(fault.detail):
            self.limit = "max_completion_tokens"
        elif topic == "many":
            allowed = most_pictures(fault.detail, pictures)
            self.pictures = min(self.pictures, allowed or self.pictures)
            limits.pictures = allowed or pictures // 2
        elif topic == "large" and side > _LEAST_SIDE:
            self.side = max(side // 2, _LEAST_SIDE)
        elif topic in ("long", "large"):
            return self._shorten(fault, limits, pictures, prompt, most)
        else:
            return False
        return True

    def _shorten(self, fault: Fault, limits: Limits, pictures: int, prompt: int, most: int) -> bool:
        """Ask for a shorter reply, else show fewer pictures; False where neither is left."""
        room = room_for_reply(fault.detail, most=most, prompt=prompt)
        if room is not None and room.reply >= (USEFUL_REPLY if pictures else LEAST_REPLY):
            limits.reply = room.reply
            if room.window is None:
                self.reply = min(self.reply, room.reply)
            else:
                self.window = min(self.window, room.window)
        elif room is None and fault.status != 413 and most > 2 * USEFUL_REPLY and not limits.guessed:
            limits.guessed, limits.reply = True, max(most // 4, USEFUL_REPLY)
        elif pictures:
            limits.pictures = pictures // 2
        else:
            return False
        return True
