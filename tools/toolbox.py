"""The toolbox: runs the tool calls of a policy, and turns whatever happens into an observation."""

from __future__ import annotations

import difflib
import json
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from langchain_core.tools import BaseTool
from pydantic import BaseModel

from ..memory import RewatchError, Span, VideoPool, VideoRecord, video_key, within_view
from ..memory.processes.daemon_threads import DaemonThreads
from .arguments import BadArguments, as_mapping, repair, tidy
from .boxes import Eyes
from .budget import Spend
from .context import VideoContext, plain
from .executor import ToolRun, carry_out
from .observation import Observation
from .outcomes import failure, says_what_next, short
from .plugins.arguments import fit
from .plugins.foreign_schema import clean_schema, described
from .sandbox.choice import ISOLATED, to_isolate
from .sandbox.isolation import isolation
from .sanitize import defuse, defuse_data, named
from .tool import VideoTool, as_tool
from .viewer import Viewer

if TYPE_CHECKING:
    from ..memory import CausalView, ClipMemory

_threads = DaemonThreads()
MAX_TEXT = 6000
"""Characters of one observation that a policy is shown; the rest stays in `data`."""

CITED = 4
"""Media URIs that a policy is told to cite, where the observation's own text names none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """A call that is understood, and not yet made."""

    item: BaseTool
    arguments: dict[str, Any]
    """As the tool's schema has them."""
    notes: tuple[str, ...]
    """What was repaired."""
    info: VideoRecord | None
    """The video, where the tool looks into one; the first of several."""
    videos: tuple[str, ...]
    """Ids of the videos, where the tool looks into several at once."""
    eyes: Eyes
    """How the policy is shown pictures."""
    key: str
    """The same for the same call."""


class Toolbox:
    """The tools of a run, by name. One toolbox may serve many runs at once.

    Args:
        tools: LangChain tools, or functions with types and a docstring.
        inner: tools that a policy is not offered, though it may know them: those that routes and the check look with.
        viewer: a model that sees, handed to tools that ask one.
        timeout: seconds for tools that do not set their own.
        cache_size: observations kept for repeated calls.
        cites: whether observations end with the media URIs to cite; the loop has numbers for that.
        isolate: which tools run in a process of their own: `"marked"` (those that say so), `"others"` (code of other
            people: what `--tools` names, what installed packages register, LangChain's tools), `"video"` (those that
            look into a video, so decode files and run native models), `"foreign"` (all that are not rewatch's own),
            and names of tools. Of the kinds, a tool that cannot travel to another process stays in this one, and so
            does one that was made with `isolated=False`. `("marked",)` leaves the tools of others in this process.

    Raises:
        ValueError: if two tools have the same name, or one that is marked or named cannot be isolated.
    """

    def __init__(
        self,
        tools: Iterable[BaseTool | Callable[..., Any]],
        *,
        inner: Iterable[BaseTool | Callable[..., Any]] = (),
        viewer: Viewer | None = None,
        timeout: float = 60.0,
        cache_size: int = 256,
        cites: bool = False,
        isolate: Iterable[str] = ISOLATED,
    ) -> None:
        self._tools: dict[str, BaseTool] = {}
        for item in map(as_tool, tools):
            if item.name in self._tools:
                raise ValueError(f"Two tools are named {item.name!r}; rename one.")
            self._tools[item.name] = item
        self._inner = {item.name: item for item in map(as_tool, inner)}
        self._viewer = viewer
        self._timeout = timeout
        self._cache: OrderedDict[str, tuple[Observation, Spend]] = OrderedDict()  # with what it is charged
        self._cache_size = cache_size
        self._cites = cites
        self._idle = VideoPool()
        self.isolated = to_isolate({**self._inner, **self._tools}, frozenset(isolate))
        """Names of the tools that run in a process of their own."""
        if self.isolated:
            isolation.warm()

    def __iter__(self) -> Any:
        return iter(self._tools.values())

    def __contains__(self, name: object) -> bool:
        return name in self._tools

    @property
    def sees(self) -> bool:
        """Whether there is a model that sees."""
        return self._viewer is not None and bool(getattr(self._viewer, "sees", True))

    @property
    def names(self) -> list[str]:
        """Names of the tools, in the order given."""
        return list(self._tools)

    @property
    def given_up(self) -> int:
        """Calls of this program that were given up and still run in a thread, which nothing can end."""
        return _threads.given_up

    def schemas(self, videos: list[str]) -> list[dict[str, Any]]:
        """The tools as OpenAI function schemas; with several videos, tools that look into one also take `video`."""
        found = []
        for item in self._tools.values():
            schema = described(item)
            if len(videos) > 1 and isinstance(item, VideoTool) and item.context_parameter:
                schema["function"]["parameters"].setdefault("properties", {})["video"] = {
                    "type": "string",
                    "enum": videos,
                    "description": f"which video; {'all of them' if item.many else 'the first one'} if left out",
                }
            found.append(schema)
        return found

    def asks_first(
        self, name: str, arguments: Any, *, memory: ClipMemory | CausalView, videos: list[str]
    ) -> dict[str, Any] | None:
        """What a person has to allow before the call is made (`tool`, `arguments`); None if nobody has to."""
        if not any(getattr(item, "approval", False) for item in self._tools.values()):
            return None
        try:
            prepared = self._prepare(name, arguments, memory, videos)
        except Exception:  # noqa: BLE001 - it will not be made; `call` says why
            return None
        if not getattr(prepared.item, "approval", False):
            return None
        return {"tool": prepared.item.name, "arguments": defuse_data(plain(prepared.arguments))}

    async def call(
        self,
        name: str,
        arguments: Any,
        *,
        memory: ClipMemory | CausalView,
        videos: list[str],
        left: Mapping[str, float],
        approved: bool = False,
        eyes: Eyes | None = None,
    ) -> tuple[Observation, Spend]:
        """Run one call. Never raises for anything that the policy, a tool or a video did.

        Args:
            name: the tool asked for; a near miss is taken as meant.
            arguments: what the policy wrote: a mapping or JSON text.
            memory: the memory (or view of it) that the run may see.
            videos: ids of the videos the question is about.
            left: what is left of the budget: `frames`, `calls`, `seconds`.
            approved: whether a person has allowed it, where the tool asks for that.
            eyes: how the policy is shown pictures, for tools that take places in them.

        Returns:
            The observation, and the frames, the tokens and the calls that it cost.
        """
        cost = Spend(calls=1)
        item = None
        try:
            item = self._tools.get(name) or self._inner.get(name)
            prepared = self._prepare(name, arguments, memory, videos, eyes)
            item = prepared.item
            observation = self._without_running(prepared, left, approved)
            kept = self._kept(prepared, left) if observation is None else None
            if kept is not None:
                observation, cost = kept
            if observation is None:
                run = self._run(prepared, memory, videos, left)
                observation = await carry_out(run, _threads)
                cost = run.cost
                self._keep(prepared, observation, run)
                self._idle_again(run)
            if prepared.notes and not observation.error:
                observation = replace(observation, text=f"{observation.text}\n({'; '.join(prepared.notes)})")
        except (BadArguments, RewatchError) as error:
            observation = Observation(text=f"{short(str(name), 60)}: {short(str(error))}{_usage(item)}", error=True)
        except Exception as error:  # noqa: BLE001 - whatever happens, the loop goes on
            observation = Observation(text=failure(short(str(name), 60), error) + _usage(item), error=True)
        try:
            observation = _seen_in(observation, videos, getattr(memory, "now", None))
            return self._clean(observation, item), cost
        except Exception as error:  # noqa: BLE001 - an `Observation` that a tool has filled with something else
            return self._clean(Observation(text=failure(short(str(name), 60), error), error=True), item), cost

    def _prepare(
        self,
        name: str,
        arguments: Any,
        memory: ClipMemory | CausalView,
        videos: list[str],
        eyes: Eyes | None = None,
    ) -> Prepared:
        """Understand a call.

        Raises:
            BadArguments: if it cannot be; the text says what to write.
            VideoError: if the memory has no such video.
        """
        item, notes = self._find(str(name))
        written = as_mapping(arguments)
        looks = isinstance(item, VideoTool) and item.context_parameter is not None
        several: tuple[str, ...] = ()
        if looks and getattr(item, "many", False) and len(videos) > 1 and _names_none(written):
            # Another process may have removed some.
            several = tuple(filter({one.id for one in memory.videos()}.__contains__, videos)) or tuple(videos)
        info = memory.video(_which_video(written, videos)) if looks else None
        within = info.span if info else None
        if several:
            spans = [memory.video(one).span for one in several]
            within = Span(min(s.start for s in spans), max(s.end for s in spans))
        schema = item.args_schema if isinstance(item, VideoTool) else item.tool_call_schema
        if isinstance(schema, type) and issubclass(schema, BaseModel):
            fitted, repairs = repair(schema, written, within=within)
        else:  # a JSON schema, of an MCP server say, which checks for itself
            tidied, repairs = tidy(written)
            cleaned, own_names = clean_schema(schema if isinstance(schema, dict) else {})
            fitted, more = fit(cleaned, tidied)
            fitted = {own_names.get(key, key): value for key, value in fitted.items()}
            repairs = [*repairs, *more]
        known = [memory.video(one) for one in several] or ([info] if info else [])
        where = [[video_key(memory, one.id), one.channels] for one in known]
        eyes = eyes or Eyes()
        seen = [eyes.as_dict()] if fitted.get("box") is not None else []
        # A picture of another video may be named only where the run is about that too.
        key = json.dumps([item.name, plain(fitted), where, sorted(videos), *seen], default=str)
        return Prepared(
            item=item, arguments=fitted, notes=(*notes, *repairs), info=info, videos=several, key=key, eyes=eyes
        )

    def _find(self, name: str) -> tuple[BaseTool, list[str]]:
        if name in self._tools or name in self._inner:
            return self._tools.get(name) or self._inner[name], []
        close = difflib.get_close_matches(name[:100].lower(), self._tools, n=1, cutoff=0.8)
        if close:
            return self._tools[close[0]], [f"read {short(name, 60)} as {close[0]}"]
        raise BadArguments(f"there is no such tool. Use one of {', '.join(self._tools)}.")

    def _without_running(self, prepared: Prepared, left: Mapping[str, float], approved: bool) -> Observation | None:
        """The observation of a call that need not, or must not, be made."""
        item = prepared.item
        if getattr(item, "approval", False) and not approved:
            text = f"{item.name} was not run: it needs a person's approval, and that was refused. Use another tool."
            return Observation(text=text, error=True)
        price = getattr(item, "cost", Spend(calls=1))
        for limit in ("frames", "calls", "tokens"):
            dear, there = getattr(price, limit), left.get(limit, float("inf"))
            if dear > max(there, 1 if limit == "calls" else 0):
                text = f"{item.name} costs {dear} {limit}, and {there:g} are left in the budget: use another tool."
                return Observation(text=text, error=True)
        return None

    def _kept(self, prepared: Prepared, left: Mapping[str, float]) -> tuple[Observation, Spend] | None:
        """What the same call has brought before, and what it costs now; None if it has to be made.

        It is charged the frames and calls as if it were made: what a run may look at, and what it is rewarded for
        sparing, must not hang on which run came first. Tokens it costs none, for no model was asked.
        """
        kept = self._cache.get(prepared.key)
        if kept is None or any(getattr(kept[1], limit) > there for limit, there in left.items() if limit != "seconds"):
            return None
        with suppress(KeyError):  # another thread's run may have dropped it
            self._cache.move_to_end(prepared.key)
        return replace(kept[0], cached=True), kept[1]

    def _run(
        self, prepared: Prepared, memory: ClipMemory | CausalView, videos: Sequence[str], left: Mapping[str, float]
    ) -> ToolRun:
        item, info = prepared.item, prepared.info
        context = None
        price = getattr(item, "cost", Spend(calls=1))
        if info is not None:
            frames_left = left.get("frames")
            context = VideoContext(
                memory=memory,
                info=info,
                videos=prepared.videos,
                asked=tuple(videos),
                eyes=prepared.eyes,
                open_video=lambda: self._idle.take(memory, info.id),
                frames_left=None if frames_left is None else int(frames_left) - price.frames,
                viewer=self._viewer,
            )
        return ToolRun(
            item=item,
            arguments=prepared.arguments,
            context=context,
            seconds=min(left.get("seconds", float("inf")), getattr(item, "timeout", self._timeout)),
            left=left.get("seconds", float("inf")),
            calls_left=left.get("calls", float("inf")),
            price=price,
            isolated=item.name in self.isolated,
        )

    def _keep(self, prepared: Prepared, observation: Observation, run: ToolRun) -> None:
        """Cache an observation, unless it is poorer than the same call may be with another budget."""
        thinned = run.context is not None and run.context.frames_left is not None and run.context.frames_left < 1
        if observation.error or thinned or run.cut_short or not getattr(prepared.item, "cacheable", False):
            return
        self._cache[prepared.key] = observation, replace(run.cost, tokens=0, seconds=0.0, price=0.0)
        while len(self._cache) > self._cache_size:
            with suppress(KeyError):
                self._cache.popitem(last=False)

    def _idle_again(self, run: ToolRun) -> None:
        if run.finished and run.context is not None:  # else the abandoned thread may still be reading from it
            self._idle.put_back(run.context.memory, run.context.video_id, run.context.opened)

    def _clean(self, observation: Observation, item: BaseTool | None) -> Observation:
        text = defuse(observation.text[: 2 * MAX_TEXT])  # cut before anything is done with it: it may be of any length
        more = max(0, len(observation.text) - 2 * MAX_TEXT) + max(0, len(text) - MAX_TEXT)
        if more:
            text = text[:MAX_TEXT] + f" … ({more} characters more: ask for a shorter span)"
        if observation.error and not says_what_next(text):
            text = f"{text.rstrip() or 'It failed'} Try other arguments or another tool.{_usage(item)}"
        named = [uri for uri in observation.uris if uri not in text]
        if self._cites and named and not observation.error and len(named) == len(observation.uris):
            text += f"\nCite as {', '.join(named[:CITED])}{' …' if len(named) > CITED else ''}"
        lines = tuple(replace(one, text=defuse(one.text), quote=defuse(one.quote)) for one in observation.lines)
        return replace(observation, text=text, data=defuse_data(observation.data), lines=lines)


def _seen_in(observation: Observation, videos: Sequence[str], now: float | None) -> Observation:
    """The observation with only those pictures that the run may see, and a note where others were named."""
    if not observation.pictures:
        return observation
    found = [
        uri if uri.startswith("data:") else within_view(uri, videos, now) for uri in map(str, observation.pictures)
    ]
    kept: list[str] = []
    reasons: list[str] = []
    for uri, one in zip(map(str, observation.pictures), found, strict=True):
        refused = isinstance(one, str) and not uri.startswith("data:")
        (reasons if refused else kept).append(str(one))
    if not reasons:
        return replace(observation, pictures=tuple(kept))
    count = f"{len(reasons)} picture{'s are' if len(reasons) > 1 else ' is'}"
    note = f"({count} not shown: {'; '.join(dict.fromkeys(reasons))})"
    return replace(observation, pictures=tuple(kept), text=f"{observation.text}\n{note}".lstrip())


def _names_none(arguments: dict[str, Any]) -> bool:
    """Whether a call names no video, or says that it means all of them."""
    named = arguments.get("video")
    if named is not None and str(named).strip().lower() not in ("", "all", "any", "null", "none"):
        return False
    arguments.pop("video", None)
    return True


def _which_video(arguments: dict[str, Any], videos: list[str]) -> str:
    asked = arguments.pop("video", None)
    if not videos:
        raise BadArguments("the question is about no video. Answer from what is known.")
    if asked is None or len(videos) == 1:
        return videos[0]
    name = str(asked).removeprefix("video:").split("#")[0]
    if name not in videos:
        raise BadArguments(f"video={short(repr(asked), 60)} is not there. Use one of {', '.join(videos)}.")
    return name


def _usage(item: BaseTool | None) -> str:
    """How to call it, for the end of an error."""
    return f" Use {item.name}({', '.join(map(named, item.args))})." if item is not None else ""
