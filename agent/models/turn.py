"""One turn of a policy: what it may read and use, and asking for it within its time."""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.runnables import Runnable

from ...memory import FrameReader
from ...memory.processes.daemon_threads import DaemonThreads
from .failures import contained, contained_async, policy_errors

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
