"""The toolbox: runs the tool calls of a policy, and turns whatever happens into an observation."""

from __future__ import annotations

import asyncio
import difflib
import json
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from langchain_core.tools import BaseTool, ToolException
from langchain_core.utils.function_calling import convert_to_openai_tool
from pydantic import BaseModel

from ..memory import IdleVideos, RewatchError, place
from .arguments import BadArguments, repair
from .budget import Spend
from .context import VideoContext, plain
from .observation import Observation, ToolError
from .threads import ToolThreads
from .tool import VideoTool, as_tool
from .untrusted import defuse, defuse_data
from .viewer import Viewer

if TYPE_CHECKING:
    from ..memory import ClipMemory, MemoryUntil

_threads = ToolThreads()
MAX_TEXT = 6000
"""Characters of one observation that a policy is shown; the rest stays in `data`."""

CITED = 4
"""Media URIs that a policy is told to cite, where the observation's own text names none."""


class Toolbox:
    """The tools of a run, by name. One toolbox may serve many runs at once.

    Args:
        tools: LangChain tools, or functions with types and a docstring.
        inner: tools that a policy is not offered, though it may know them: those that routes and the check look with.
        viewer: a model that sees, handed to tools that ask one.
        timeout: seconds for tools that do not set their own.
        cache_size: observations kept for repeated calls.
        cites: whether observations say how to cite them; of no use to a policy that never writes media URIs.

    Raises:
        ValueError: if two tools have the same name.
    """

    def __init__(
        self,
        tools: Iterable[BaseTool | Callable[..., Any]],
        *,
        inner: Iterable[BaseTool | Callable[..., Any]] = (),
        viewer: Viewer | None = None,
        timeout: float = 60.0,
        cache_size: int = 256,
        cites: bool = True,
    ) -> None:
        self._tools: dict[str, BaseTool] = {}
        for item in map(as_tool, tools):
            if item.name in self._tools:
                raise ValueError(f"Two tools are named {item.name!r}; rename one.")
            self._tools[item.name] = item
        self._inner = {item.name: item for item in map(as_tool, inner)}
        self._viewer = viewer
        self._timeout = timeout
        self._cache: OrderedDict[str, Observation] = OrderedDict()
        self._cache_size = cache_size
        self._cites = cites
        self._idle = IdleVideos()

    def __iter__(self) -> Any:
        return iter(self._tools.values())

    def __contains__(self, name: object) -> bool:
        return name in self._tools

    @property
    def sees(self) -> bool:
        """Whether there is a model that sees."""
        return self._viewer is not None

    @property
    def names(self) -> list[str]:
        """Names of the tools, in the order given."""
        return list(self._tools)

    def schemas(self, videos: list[str]) -> list[dict[str, Any]]:
        """The tools as OpenAI function schemas; with several videos, tools that look into one also take `video`."""
        found = []
        for item in self._tools.values():
            schema = convert_to_openai_tool(item)
            if len(videos) > 1 and isinstance(item, VideoTool) and item.context_parameter:
                schema["function"]["parameters"].setdefault("properties", {})["video"] = {
                    "type": "string",
                    "enum": videos,
                    "description": "which video; the first one if left out",
                }
            found.append(schema)
        return found

    async def call(
        self,
        name: str,
        arguments: Any,
        *,
        memory: ClipMemory | MemoryUntil,
        videos: list[str],
        left: Mapping[str, float],
    ) -> tuple[Observation, Spend]:
        """Run one call. Never raises for anything that the policy, a tool or a video did.

        Args:
            name: the tool asked for; a near miss is taken as meant.
            arguments: what the policy wrote: a mapping or JSON text.
            memory: the memory (or view of it) that the run may see.
            videos: ids of the videos the question is about.
            left: what is left of the budget: `frames`, `seconds`.

        Returns:
            The observation, and the frames, the tokens and the call that it cost.
        """
        try:
            item, notes = self._find(name)
            if isinstance(arguments, str):
                arguments = json.loads(arguments) if arguments.strip() else {}
            observation, context = await self._run(item, dict(arguments or {}), notes, memory, videos, left)
        except (BadArguments, RewatchError, json.JSONDecodeError, TypeError, ValueError) as error:
            observation, context = Observation(text=_say(name, error, self._tools.get(name)), error=True), None
        cost = Spend(calls=1)
        if context is not None:
            cost += Spend(frames=context.frames_used, tokens=context.tokens_used)
        return self._clean(observation), cost

    def _find(self, name: str) -> tuple[BaseTool, list[str]]:
        if name in self._tools or name in self._inner:
            return self._tools.get(name) or self._inner[name], []
        close = difflib.get_close_matches(name.lower(), self._tools, n=1, cutoff=0.8)
        if close:
            return self._tools[close[0]], [f"read {name} as {close[0]}"]
        raise BadArguments(f"There is no tool {name!r}; there are: {', '.join(self._tools)}.")

    async def _run(
        self,
        item: BaseTool,
        arguments: dict[str, Any],
        notes: list[str],
        memory: ClipMemory | MemoryUntil,
        videos: list[str],
        left: Mapping[str, float],
    ) -> tuple[Observation, VideoContext | None]:
        seconds = min(left.get("seconds", float("inf")), getattr(item, "timeout", self._timeout))
        if not isinstance(item, VideoTool):
            return await self._run_plain(item, arguments, seconds), None
        video_id = _which_video(arguments, videos) if item.context_parameter else ""
        info = memory.video(video_id) if video_id else None
        schema = item.args_schema
        assert isinstance(schema, type) and issubclass(schema, BaseModel)
        fitted, repairs = repair(schema, arguments, within=info.span if info else None)
        key = json.dumps(
            [item.name, plain(fitted), place(memory, video_id), info.channels if info else None], default=str
        )
        if item.cacheable and key in self._cache:
            self._cache.move_to_end(key)
            return replace(self._cache[key], cached=True), None
        context = None
        if info is not None:
            frames_left = left.get("frames")
            context = VideoContext(
                memory=memory,
                info=info,
                open_video=lambda: self._idle.take(memory, video_id),
                frames_left=None if frames_left is None else int(frames_left),
                viewer=self._viewer,
            )
            fitted = {**fitted, str(item.context_parameter): context}
        assert item.func is not None
        finished = False
        try:
            result = await _in_thread(item.func, fitted, seconds)
            finished = True
        except TimeoutError:
            shorter = "a shorter span or a lower rate" if context else "less"
            text = f"{item.name} was given up after {seconds:.0f} s: ask for {shorter}, or use another tool."
            return Observation(text=text, error=True), context
        except Exception as error:  # whatever a tool does, the loop goes on
            finished = True
            return Observation(text=_failure(item.name, error), error=True), context
        finally:
            if finished and context is not None:  # else the abandoned thread may still be reading from it
                self._idle.put_back(memory, video_id, context.opened)
        observation = _as_observation(result)
        all_notes = notes + repairs
        if all_notes:
            observation = replace(observation, text=f"{observation.text}\n({'; '.join(all_notes)})")
        if item.cacheable and not observation.error:
            self._cache[key] = observation
            while len(self._cache) > self._cache_size:
                self._cache.popitem(last=False)
        return observation, context

    async def _run_plain(self, item: BaseTool, arguments: dict[str, Any], seconds: float) -> Observation:
        """A LangChain tool that is not ours (MCP tools among them): no context, its own validation."""
        schema = item.args_schema
        if isinstance(schema, type) and issubclass(schema, BaseModel):
            arguments, _ = repair(schema, arguments)
        try:
            result = await asyncio.wait_for(item.ainvoke(arguments), None if seconds == float("inf") else seconds)
        except TimeoutError:
            return Observation(text=f"{item.name} was given up after {seconds:.0f} s: try another tool.", error=True)
        except Exception as error:
            return Observation(text=_failure(item.name, error), error=True)
        return _as_observation(result)

    def _clean(self, observation: Observation) -> Observation:
        text = defuse(observation.text)
        if len(text) > MAX_TEXT:
            text = text[:MAX_TEXT] + f" … ({len(text) - MAX_TEXT} characters more: ask for a shorter span)"
        named = [uri for uri in observation.uris if uri not in text]
        if self._cites and named and not observation.error and len(named) == len(observation.uris):
            text += f"\nCite as {', '.join(named[:CITED])}{' …' if len(named) > CITED else ''}"
        return replace(observation, text=text, data=defuse_data(observation.data))


async def _in_thread(function: Callable[..., Any], arguments: dict[str, Any], seconds: float) -> Any:
    """`function(**arguments)` in a daemon thread: a call that never ends holds up nothing."""
    waiting = asyncio.wrap_future(_threads.submit(function, arguments))
    return await asyncio.wait_for(waiting, None if seconds == float("inf") else max(seconds, 0.001))


def _which_video(arguments: dict[str, Any], videos: list[str]) -> str:
    asked = arguments.pop("video", None)
    if asked is None or len(videos) == 1:
        return videos[0]
    name = str(asked).removeprefix("video:").split("#")[0]
    if name not in videos:
        raise BadArguments(f"video={asked!r} is not one of {', '.join(videos)}.")
    return name


def _as_observation(result: Any) -> Observation:
    if isinstance(result, Observation):
        return replace(result, data=plain(result.data))
    if isinstance(result, str):
        return Observation(text=result)
    if isinstance(result, list) and all(isinstance(part, dict) and "type" in part for part in result):
        return Observation(text="\n".join(str(part.get("text", "")) for part in result))  # MCP content blocks
    data = plain(result)
    return Observation(
        text=json.dumps(data, ensure_ascii=False, default=str),
        data=data if isinstance(data, dict) else {"result": data},
    )


def _failure(name: str, error: Exception) -> str:
    """What a tool raised, as an observation: its own advice, or that it failed and what to do."""
    if isinstance(error, (ToolError, ToolException, RewatchError)):
        return f"{name}: {error}"
    return f"{name} failed ({type(error).__name__}: {error}). Try other arguments or another tool."


def _say(name: str, error: Exception, item: BaseTool | None) -> str:
    """The error as an observation that says how to call the tool."""
    usage = ""
    if item is not None and isinstance(error, (BadArguments, json.JSONDecodeError, TypeError, ValueError)):
        usage = f" Use {item.name}({', '.join(item.args)})."
    return f"{name}: {error}{usage}"
