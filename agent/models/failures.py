"""Failures of chat models: errors of the policy as one line each, and the exceptions that no model may raise."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import CancelledError
from contextlib import contextmanager
from typing import TypeVar

from ...memory import RewatchError
from ...tools.errors import always_passes, words_of
from ...tools.sandbox.limits import is_spent

Result = TypeVar("Result")
_ODD = (StopIteration, StopAsyncIteration, TimeoutError, CancelledError)
"""Exceptions that mean something else to whoever waits: the end of a loop, that the time is up, that nobody waits."""
_KEY = re.compile(r"(?i)\b(?:bearer\s+|(?:sk|pk|rk|key|hf|gsk)[-_])[\w.-]{6,}")


class PolicyFailed(RewatchError):
    """A policy has done what none may; the text is one line that says what."""


class PolicyError(RewatchError):
    """A policy failed; where the model raised an error of its own, that is the cause of this one."""

    tokens: int = 0
    """Tokens that were used up all the same."""
    stopped_by: str = "policy_error"
    """What the answer says of the end of the run."""


@contextmanager
def policy_errors() -> Iterator[None]:
    """Raise whatever a chat model raises as `PolicyError`.

    This is the one place where errors of any kind are taken for a policy's: chat models come from anybody, and do not
    document what they raise.
    """
    try:
        yield
    except (TimeoutError, RewatchError):
        raise
    except Exception as error:
        if always_passes(error):
            raise
        raise PolicyError(type(error).__name__) from error


def cause_of(error: Exception) -> BaseException:
    """Return the model's own error, where it raised one, else the error itself."""
    return error.__cause__ if type(error) is PolicyError and error.__cause__ is not None else error


def contained(work: Callable[[], Result]) -> Result:
    """The result of `work`; what no model may raise (SystemExit, StopIteration, a time-out) as `PolicyFailed`.

    An interrupt by a person passes, and so does any error that is an error alone.
    """
    try:
        return work()
    except BaseException as error:  # of a chat model of anybody's, which may raise anything
        if _passes(error):
            raise
        raise PolicyFailed(f"it raised {type(error).__name__}") from error


async def contained_async(work: Awaitable[Result]) -> Result:
    """`contained` for a coroutine; that it is cancelled from outside passes."""
    try:
        return await work
    except BaseException as error:  # of a chat model of anybody's, which may raise anything
        task = asyncio.current_task()
        cancelled = isinstance(error, asyncio.CancelledError) and task is not None and task.cancelling()
        if cancelled or _passes(error):
            raise
        raise PolicyFailed(f"it raised {type(error).__name__}") from error


def _passes(error: BaseException) -> bool:
    error_alone = isinstance(error, Exception) and not isinstance(error, _ODD)
    return error_alone or isinstance(error, (KeyboardInterrupt, RewatchError))


def failure_text(error: BaseException) -> str:
    """Return what a policy raised, as one line."""
    kind = "" if isinstance(error, PolicyFailed) else type(error).__name__
    reason = one_line(words_of(error), longest=600)
    return f"The policy failed ({': '.join(part for part in (kind, reason) if part)})."


def is_model_failure(error: Exception) -> bool:
    """Return whether a model of ours may fail with an exception: a mistake, a time-out, a lost server or memory."""
    return isinstance(error, (RewatchError, OSError)) or is_spent(error) or type(error).__name__ == "OutOfMemoryError"


def ended_by_policy(error: SystemExit) -> bool:
    """Return whether the end of the process was raised by a model's coroutine: no `except` around it sees that."""
    at = error.__traceback__
    while at is not None:
        if at.tb_frame.f_code.co_name in ("_agenerate", "_astream"):
            return True
        at = at.tb_next
    return False


def one_line(text: str, *, longest: int = 240) -> str:
    """A text of others as one short line without keys and without anything that a terminal would obey."""
    text = "".join(c if c.isprintable() else " " for c in text[: 20 * longest])
    line = _KEY.sub("***", " ".join(text.split()))
    return line if len(line) <= longest else line[: longest - 1] + "…"
