"""One call of a chat model, bounded in time whatever the model does."""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Sequence
from functools import partial
from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.runnables import Runnable

from ..tools import ToolThreads

_threads = ToolThreads()


async def call(
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
    """
    if type(policy)._agenerate is not BaseChatModel._agenerate or type(policy)._astream is not BaseChatModel._astream:
        return await asyncio.wait_for(model.ainvoke(list(messages), **arguments), seconds)
    invoke = partial(contextvars.copy_context().run, partial(model.invoke, list(messages), **arguments))
    return await asyncio.wait_for(asyncio.wrap_future(_threads.submit(invoke, {})), seconds)
