"""`@tool`: a typed, documented function becomes a tool that may ask for the video."""

from __future__ import annotations

import asyncio
import inspect
import typing
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, TypedDict, Unpack

from langchain_core.tools import BaseTool, StructuredTool
from langchain_core.tools.base import create_schema_from_function

from .budget import Spend
from .context import VideoContext
from .errors import VIEWER_FAILED, ToolBug, ViewerError, always_passes, failure, is_refusal
from .observation import Observation
from .plugins.content import called_with, observation_of

_ONE_CALL = Spend(calls=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Retry:
    """A rule for making a call again at other settings (ChartAgent): `@tool(retry=Retry(...))`."""

    lacks: Callable[[Observation], str]
    """Returns the fault of an observation in a few words ("nothing found"); an empty text if it has none."""
    settings: Sequence[Mapping[str, Any]]
    """Arguments to change for a second try, a third, …; they go over the policy's own."""


class VideoTool(StructuredTool):
    """A LangChain tool whose function also takes a `VideoContext`, which the toolbox fills in and no schema shows."""

    context_parameter: str | None = None
    """Name of the parameter that receives the `VideoContext`; None if the function does not take one."""
    timeout: float = 60.0
    """Seconds after which the toolbox gives up on one call."""
    cacheable: bool = True
    """Whether the same call on the same video may be answered from the cache."""
    needs: str | None = None
    """Weights or packages that it works better with, for `rewatch tools` and `rewatch doctor`."""
    isolated: bool | None = None
    """Whether it runs in a process of its own, kept from call to call, which a time-out can end and whose crash is only
    an observation. The function then stands at the top level of a module, and is not for things that live in this
    process. False keeps it in this one; None leaves that to the toolbox (`Toolbox(isolate=…)`)."""
    cost: Spend = _ONE_CALL
    """Cost of a call besides the frames and tokens that it takes through its context; it is not made where the budget
    cannot pay that."""
    approval: bool = False
    """Whether a person has to allow each call (see `VideoAgent`); such calls are not cached."""
    retry: Retry | None = None
    many: bool = False
    """Whether one call can look into all videos of a question at once (`VideoContext.videos`)."""

    def _run(self, *args: Any, **kwargs: Any) -> Any:
        if self.context_parameter is not None:
            raise TypeError(f"The tool {self.name} looks into a video: call it through a Toolbox, not by itself.")
        kwargs.pop("run_manager", None)
        kwargs.pop("config", None)
        assert self.func is not None
        return self.func(*args, **kwargs)


class ToolSettings(TypedDict, total=False):
    """Keywords of `tool`: fields of `VideoTool`."""

    name: str | None
    timeout: float
    cacheable: bool
    needs: str | None
    isolated: bool | None
    cost: Spend
    approval: bool
    retry: Retry | None
    many: bool


_SETTINGS = ToolSettings.__annotations__


@typing.overload
def tool(function: Callable[..., Any], /, **settings: Unpack[ToolSettings]) -> VideoTool: ...
@typing.overload
def tool(**settings: Unpack[ToolSettings]) -> Callable[[Callable[..., Any]], VideoTool]: ...
def tool(
    function: Callable[..., Any] | None = None, /, **settings: Unpack[ToolSettings]
) -> VideoTool | Callable[[Callable[..., Any]], VideoTool]:
    """Make a tool of a function with type annotations and a Google-style docstring.

    The docstring's first part describes the tool to the policy, its `Args:` describe the arguments. A parameter
    annotated `VideoContext` is filled in by the toolbox and hidden from the schema. The function returns a string, an
    `Observation`, or anything that JSON can hold; it raises `ToolError` to tell the policy what to do instead.

    Args:
        function: the function (when used without parentheses).
        **settings: `name` (the function's own by default), and the fields of `VideoTool` from `timeout` on.

    Raises:
        ValueError: if the cost is less than a call, or the function has no docstring, or its `Args:` do not fit its
            signature.
    """
    if unknown := settings.keys() - _SETTINGS.keys():
        raise TypeError(f"@tool has no setting {', '.join(sorted(unknown))}; there are {', '.join(_SETTINGS)}.")
    return partial(_make, settings) if function is None else _make(settings, function)


def _make(settings: ToolSettings, function: Callable[..., Any]) -> VideoTool:
    name, cost = settings.get("name") or function.__name__, settings.get("cost", _ONE_CALL)
    if cost.calls < 1 or min(cost.frames, cost.tokens, cost.seconds) < 0:
        raise ValueError(f"The tool {name} must cost at least one call, and nothing below zero.")
    if not inspect.getdoc(function):
        raise ValueError(f"The tool {name} needs a docstring: it is what the policy reads.")
    hints = typing.get_type_hints(function)
    contexts = [
        parameter for parameter in inspect.signature(function).parameters if hints.get(parameter) is VideoContext
    ]
    if len(contexts) > 1:
        raise ValueError(f"The tool {name} asks for more than one VideoContext.")
    fields: dict[str, Any] = {**settings, "name": name}
    if settings.get("approval"):
        fields["cacheable"] = False
    return VideoTool(
        description=_description(function),
        args_schema=create_schema_from_function(
            name, function, filter_args=contexts, parse_docstring=True, error_on_invalid_docstring=False
        ),
        func=function,
        context_parameter=contexts[0] if contexts else None,
        **fields,
    )


def _description(fn: Callable[..., Any]) -> str:
    """The docstring up to its first section, on as few lines as it has paragraphs."""
    doc = inspect.getdoc(fn) or ""
    head = doc.split("\nArgs:")[0].split("\nReturns:")[0].split("\nRaises:")[0]
    return "\n".join(" ".join(paragraph.split()) for paragraph in head.strip().split("\n\n"))


def as_tool(item: BaseTool | Callable[..., Any]) -> BaseTool:
    """A LangChain tool as it is; a plain function made into one."""
    if isinstance(item, BaseTool):
        return item
    if callable(item):
        return tool(item)
    raise TypeError(f"Not a tool: {item!r}. Give a LangChain tool or a function with types and a docstring.")


def is_async(item: BaseTool) -> bool:
    """Return whether a foreign tool is written for an event loop, and may hold things that belong to one."""
    if hasattr(item, "coroutine"):
        return item.coroutine is not None and getattr(item, "func", None) is None
    return type(item)._arun is not BaseTool._arun and not isinstance(item, VideoTool)


def is_ours(item: BaseTool) -> bool:
    """Return whether a tool is code of this package, whose bugs end a run."""
    function = getattr(item, "func", None) or getattr(item, "coroutine", None) or type(item)
    return str(getattr(function, "__module__", "")).startswith(__name__.split(".")[0] + ".")


def invoke(item: BaseTool, arguments: dict[str, Any]) -> Observation:
    """Run a tool here and now; what it may raise is an observation."""
    try:
        return observation_of(_result(item, arguments))
    except Exception as error:  # the boundary of tools: `refusal` passes on what is none
        return refusal(item, error)


def refusal(item: BaseTool, error: Exception) -> Observation:
    """The observation of an exception that a tool may raise: a refusal, a time-out or limit, a person's mistake.

    A tool of somebody else may say by ValueError that it cannot use its arguments, and by OSError that something
    outside it (a server, a disk) fails.
    """
    if isinstance(error, ToolBug) or always_passes(error):
        raise error
    if is_refusal(error) or (isinstance(error, (ValueError, OSError)) and not is_ours(item)):
        data = {VIEWER_FAILED: True} if isinstance(error, ViewerError) else {}
        return Observation(text=failure(item.name, error), error=True, data=data)
    raise ToolBug.of(item.name, error) from error


def _result(item: BaseTool, arguments: dict[str, Any]) -> Any:
    if isinstance(item, VideoTool):
        assert item.func is not None
        result = item.func(**arguments)
        return asyncio.run(_awaited(result)) if inspect.isawaitable(result) else result
    written = called_with(item, arguments)
    return asyncio.run(item.ainvoke(written)) if is_async(item) else item.invoke(written)


async def _awaited(result: Any) -> Any:
    return await result
