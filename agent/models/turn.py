"""One turn of a policy: what it may read and use, and asking for it within its time."""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.runnables import Runnable

from ...memory import FrameReader, RewatchError
from ...memory.processes.daemon_threads import DaemonThreads
from ...tools.errors import always_passes
from ..parsing.settling import contained, contained_async

_threads = DaemonThreads()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Turn:
    """Given as the keyword argument `turn` to a chat model that has `takes_turn = True`.

    Such a model reads the pictures that tool messages name (`artifact["pictures"]`: media URIs) through `pixels`, ends
    its reply within `tokens` and `seconds`, and samples as told. Any other chat model is called without it.
    """

    pixels: FrameReader
    tokens: int | None = None
    """Tokens that this turn may cost, prompt and completion; None without a limit."""
    seconds: float | None = None
    """Seconds that this turn may take; None without a limit."""
    temperature: float | None = None
    """Sampling temperature; None leaves it to the model, 0 is greedy."""
    seed: int | None = None
    """Seed of the sampling, where the model can be seeded."""


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


async def take_turn(
    model: Runnable[Any, AIMessage],
    policy: BaseChatModel,
    messages: Sequence[BaseMessage],
    seconds: float | None,
    **arguments: Any,
) -> AIMessage:
    """Ask `model` (the policy, perhaps with tools bound to it).

    A model that only knows the synchronous way runs in a daemon thread, so that one that never returns holds up
    neither this call nor the end of the process.

    Raises:
        TimeoutError: after `seconds`; None waits for ever.
        PolicyError: if the model raises an error of its own.
        PolicyFailed: if the model raises what would end the process or the loop, as SystemExit does.
    """
    with policy_errors():
        own = type(policy)
        if own._agenerate is not BaseChatModel._agenerate or own._astream is not BaseChatModel._astream:
            return await asyncio.wait_for(contained_async(model.ainvoke(list(messages), **arguments)), seconds)
        invoke = partial(contextvars.copy_context().run, partial(model.invoke, list(messages), **arguments))
        waiting = asyncio.wrap_future(_threads.submit(contained, {"work": invoke}))
        return await asyncio.wait_for(waiting, seconds)
