"""Tools that were not written for this package: LangChain's, those of other packages and of MCP servers.

They run as they are. Here their arguments are fitted to their schema, a blocking one is kept off the event loop, and
what they return becomes an observation.
"""

from __future__ import annotations

import asyncio
import contextvars
import difflib
import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from langchain_core.messages import ToolMessage
from langchain_core.tools import BaseTool
from pydantic import BaseModel

from .arguments import BadArguments, repair
from .observation import Observation
from .plugged_content import observation_of
from .threads import ToolThreads

_threads = ToolThreads()
_NAME = re.compile(r"[^A-Za-z0-9_-]+")


async def run_plugged(item: BaseTool, arguments: dict[str, Any], seconds: float) -> Observation:
    """One call of a tool that knows nothing of videos.

    Args:
        item: any LangChain tool.
        arguments: what the policy wrote.
        seconds: how long it may take; infinity for no limit.

    Raises:
        BadArguments: if the arguments do not fit its schema.
        TimeoutError: after `seconds`; a blocking tool goes on in its own thread, and nobody waits for it.
    """
    schema = item.tool_call_schema  # what a policy is shown: without what LangChain fills in itself
    if isinstance(schema, type) and issubclass(schema, BaseModel):
        fitted, notes = repair(schema, arguments)
        fitted = {name: value for name, value in fitted.items() if name in schema.model_fields}
    else:
        fitted, notes = _fit(schema if isinstance(schema, Mapping) else {}, arguments)
    given: Any = fitted
    if getattr(item, "response_format", "content") == "content_and_artifact":  # only a whole call gets the artifact
        given = {"type": "tool_call", "name": item.name, "args": fitted, "id": "call"}
    limit = None if seconds == float("inf") else max(seconds, 0.001)
    if _is_async(item):
        result = await asyncio.wait_for(item.ainvoke(given), limit)
    else:
        invoke = partial(contextvars.copy_context().run, partial(item.invoke, given))
        result = await asyncio.wait_for(asyncio.wrap_future(_threads.submit(invoke, {})), limit)
    observation = _observed(result)
    if notes:
        observation = replace(observation, text=f"{observation.text}\n({'; '.join(notes)})")
    return observation


def plug(held: Iterable[str], tools: Iterable[BaseTool], prefix: str) -> list[BaseTool]:
    """The tools under names that every server of models takes, and that none of `held` has: else with `prefix`."""
    taken = set(held)
    named = []
    for item in tools:
        name = _NAME.sub("_", item.name).strip("_")[:64] or "tool"
        if name in taken:
            stem = _NAME.sub("_", prefix).strip("_") or "own"
            numbers = ("", *(f"_{k}" for k in range(2, 1000)))
            name = next(n for k in numbers if (n := f"{stem}_{name}"[: 64 - len(k)] + k) not in taken)
        taken.add(name)
        named.append(item if name == item.name else item.model_copy(update={"name": name}))
    return named


def _is_async(item: BaseTool) -> bool:
    """Whether it has an asynchronous way of its own: that of `BaseTool` runs the other in threads that block exit."""
    coroutine = getattr(item, "coroutine", None)
    if coroutine is not None:
        return True
    return "coroutine" not in type(item).model_fields and type(item)._arun is not BaseTool._arun


def _observed(result: Any) -> Observation:
    if isinstance(result, ToolMessage):
        return observation_of(result.content, result.artifact, error=result.status == "error")
    return observation_of(result)


def _fit(schema: Mapping[str, Any], arguments: dict[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """Arguments fitted to a JSON schema: near misses of names, numbers and booleans written as text, nulls dropped.

    Raises:
        BadArguments: if a required one is missing or a number cannot be read; what else is wrong the tool will say.
    """
    wanted: Mapping[str, Any] = schema.get("properties") or {}
    fitted: dict[str, Any] = {}
    notes: list[str] = []
    for key, value in arguments.items():
        name = key if key in wanted else _near(key, [n for n in wanted if n not in arguments and n not in fitted])
        if name is None:
            if schema.get("additionalProperties"):
                fitted[key] = value
            else:
                notes.append(f"ignored {key}")
            continue
        if name != key:
            notes.append(f"read {key} as {name}")
        fitted[name] = _read(name, value, wanted[name])
    required = [str(name) for name in schema.get("required") or ()]
    fitted = {name: value for name, value in fitted.items() if value is not None or name in required}
    missing = [name for name in required if name not in fitted]
    if missing:
        raise BadArguments(f"{', '.join(missing)} must be given.")
    return fitted, notes


def _near(key: str, names: list[str]) -> str | None:
    bare = {_bare(name): name for name in names}
    close = difflib.get_close_matches(_bare(key), bare, n=1, cutoff=0.8)
    return bare[close[0]] if close else None


def _bare(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "", name.lower())


def _read(name: str, value: Any, schema: Any) -> Any:
    kind = schema.get("type") if isinstance(schema, Mapping) else None
    if not isinstance(value, str) or kind not in ("integer", "number", "boolean"):
        return value
    text = value.strip().lower()
    if kind == "boolean":
        if text in ("true", "false"):
            return text == "true"
        raise BadArguments(f'{name}="{value}" is neither true nor false.')
    try:
        return int(text) if kind == "integer" else float(text)
    except ValueError:
        raise BadArguments(
            f'{name}="{value}" is not {"a whole number" if kind == "integer" else "a number"}.'
        ) from None
