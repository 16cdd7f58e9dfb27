"""Whatever a tool returned or raised, as an observation that says what to do next."""

from __future__ import annotations

import asyncio
import inspect
import re
from typing import Any

from langchain_core.tools import BaseTool, ToolException

from ..memory import RewatchError
from .observation import Observation, ToolError
from .plugins.content import called_with, observation_of
from .sandbox.limits import is_spent, limit_text
from .tool import VideoTool
from .viewer import ViewerError

VIEWER_FAILED = "viewer_failed"
"""In the data of an observation: the model that sees could not be asked."""
LONGEST_REASON = 400
"""Characters of what an exception says that an observation repeats."""
_ADVICE = re.compile(
    r"(?:[:;.,!?)]\s+|\n)(?:and |or |then |please )?"
    r"(?:add|answer|ask|browse|call|choose|give|install|listen|look|name|pass|put|read|search|shorten|start|take|try|"
    r"upgrade|use|wait|write)\b(?!\s*(?:is|was|are|must|should|needs|failed|ended|[:=]))",
    re.IGNORECASE,
)


def says_what_next(text: str) -> bool:
    """Whether the text of an error tells its reader what to do: a clause after the first begins with such a verb."""
    return _ADVICE.search(text) is not None


def perform(item: BaseTool, arguments: dict[str, Any]) -> Observation:
    """Run a tool here and now. Never raises: not for what it raises, nor for what it returns."""
    try:
        return observation_of(_result(item, arguments))
    except BaseException as error:  # noqa: BLE001 - SystemExit and the like are a tool's failures too
        data = {VIEWER_FAILED: True} if isinstance(error, ViewerError) else {}
        return Observation(text=failure(item.name, error), error=True, data=data)


def _result(item: BaseTool, arguments: dict[str, Any]) -> Any:
    if isinstance(item, VideoTool):
        assert item.func is not None
        result = item.func(**arguments)
        return asyncio.run(_awaited(result)) if inspect.isawaitable(result) else result
    given = called_with(item, arguments)
    return asyncio.run(item.ainvoke(given)) if is_async(item) else item.invoke(given)


async def _awaited(result: Any) -> Any:
    return await result


def is_async(item: BaseTool) -> bool:
    """Whether a foreign tool is written for an event loop, and may hold things that belong to one."""
    if hasattr(item, "coroutine"):
        return item.coroutine is not None and getattr(item, "func", None) is None
    return type(item)._arun is not BaseTool._arun and not isinstance(item, VideoTool)


def failure(name: str, error: BaseException) -> str:
    """What a tool raised, as words: its own advice, or that it failed and what to do."""
    reason = short(_said(error))
    if isinstance(error, (ToolError, ToolException, RewatchError)) and reason:
        return f"{name}: {reason}"
    kind = type(error).__name__
    if is_spent(error):
        return f"{name} ran out of memory{limit_text()}: ask for a shorter span or a lower rate, or use another tool."
    return f"{name} failed ({f'{kind}: {reason}' if reason else kind}). Try other arguments or another tool."


def short(text: str, limit: int = LONGEST_REASON) -> str:
    """`text`, or its beginning where it is longer than `limit`."""
    return text if len(text) <= limit else f"{text[:limit]} … ({len(text) - limit} characters more)"


def _said(error: BaseException) -> str:
    try:
        return str(error)
    except BaseException:  # noqa: BLE001 - its own words fail it
        return ""
