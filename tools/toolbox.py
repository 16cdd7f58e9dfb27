"""The toolbox: runs the tool calls of a policy, within its budget, and gives observations back."""

from __future__ import annotations

import difflib
import json
import logging
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from langchain_core.tools import BaseTool
from pydantic import BaseModel

from ..memory import RewatchError, Span, TimelineSpan, VideoPool, VideoRecord, video_key, within_view
from ..memory.processes.daemon_threads import DaemonThreads
from .arguments import as_mapping, fit_to_json_schema, repair, tidy
from .bounded import bounded
from .boxes import Eyes
from .budget import Spend
from .context import VideoContext
from .errors import BadArguments, ToolBug, always_passes, says_what_next, short
from .executor import ToolRun, carry_out
from .observation import Observation
from .sandbox.choice import ISOLATED, to_isolate
from .sandbox.isolation import isolation
from .sanitize import defuse, defuse_data, named
from .schemas import clean_schema, function_schema
from .tool import VideoTool, as_tool, is_ours
from .viewer import Viewer
from .wall_clock import read_wall_clock, with_wall_clock

if TYPE_CHECKING:
    from ..memory import MemoryView

_threads = DaemonThreads()
MAX_TEXT = 6000
"""Characters of one observation that a policy reads; the rest stays in `data`."""

CITED = 4
"""Media URIs that a policy is told to cite, where the observation's own text names none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PreparedCall:
    """A call whose tool, videos and arguments are known, before it is made."""

    item: BaseTool
    arguments: dict[str, Any]
    """Fitted to the tool's schema."""
    notes: tuple[str, ...]
    info: VideoRecord | None
    """The video, where the tool looks into one; the first of several."""
    videos: tuple[str, ...]
    """Ids of the videos, where the tool looks into several at once."""
    between: TimelineSpan | None
    """The span of the timeline that is meant, where it looks into several and one was named."""
    eyes: Eyes
    key: str
    """Equal for equal calls."""


class Toolbox:
    """The tools of a run, by name. One toolbox may serve many runs at once.

    Args:
        tools: LangChain tools, or functions with types and a docstring.
        inner: tools that a policy is not offered: those of strategies and of the check.
        viewer: a model that sees, handed to tools that ask one.
        timeout: seconds for tools that do not set their own.
        cache_size: observations kept for repeated calls.
        cites: whether observations end with the media URIs to cite, where nothing numbers them.
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
        """Return whether there is a model that sees."""
        return self._viewer is not None and bool(getattr(self._viewer, "sees", True))

    @property
    def names(self) -> list[str]:
        """Names of the tools, in the order given."""
        return list(self._tools)

    @property
    def given_up(self) -> int:
        """Number of calls of this program that were given up and still run in a thread, which nothing can end."""
        return _threads.given_up

    def schemas(self, videos: list[str]) -> list[dict[str, Any]]:
        """The tools as OpenAI function schemas; with several videos, tools that look into one also take `video`."""
        schemas = []
        for item in self._tools.values():
            schema = function_schema(item)
            if len(videos) > 1 and isinstance(item, VideoTool) and item.context_parameter:
                schema["function"]["parameters"].setdefault("properties", {})["video"] = {
                    "type": "string",
                    "enum": videos,
                    "description": f"which video; {'all of them' if item.many else 'the first one'} if left out",
                }
            schemas.append(schema)
        return schemas

    def asks_first(self, name: str, arguments: Any, *, memory: MemoryView, videos: list[str]) -> dict[str, Any] | None:
        """The call (`tool`, `arguments`) that a person has to allow before it is made; None if nobody has to."""
        if not any(getattr(item, "approval", False) for item in self._tools.values()):
            return None
        try:
            call = self._prepare(name, arguments, memory, videos, Eyes())
        except (BadArguments, RewatchError):  # it will not be made; `call` says why
            return None
        if not getattr(call.item, "approval", False):
            return None
        return {"tool": call.item.name, "arguments": defuse_data(bounded(call.arguments))}

    async def call(
        self,
        name: str,
        arguments: Any,
        *,
        memory: MemoryView,
        videos: list[str],
        left: Mapping[str, float],
        approved: bool = False,
        eyes: Eyes | None = None,
        raise_bugs: bool = False,
    ) -> tuple[Observation, Spend]:
        """Run one call. What a policy, a video or the machine does wrong is an observation.

        Args:
            name: the tool asked for; a near miss is taken as meant.
            arguments: what the policy wrote: a mapping or JSON text.
            memory: the memory (or view of it) that the run may see.
            videos: ids of the videos the question is about.
            left: what is left of the budget: `frames`, `calls`, `seconds`.
            approved: whether a person has allowed it, where the tool asks for that.
            eyes: how the policy is shown pictures, for tools that take places in them.
            raise_bugs: whether bugs of tools that are not rewatch's own are raised too, as training and evaluation
                need it, instead of an observation with the traceback in its data.

        Returns:
            The observation, and the frames, the tokens and the calls that it cost.

        Raises:
            ToolBug: if a tool raises what it does not document.
        """
        cost = Spend(calls=1)
        item = self._tools.get(name) or self._inner.get(name)
        run: ToolRun | None = None
        try:
            call = self._prepare(name, arguments, memory, videos, eyes or Eyes())
            item = call.item
            observation = self._without_running(call, left, approved)
            cached = self._cached(call, left) if observation is None else None
            if cached is not None:
                observation, cost = cached
            if observation is None:
                run = self._run(call, memory, videos, left, raise_bugs)
                observation = await carry_out(run, _threads)
                cost = run.cost
                self._keep(call, observation, run)
                if run.finished and run.context is not None:  # else an abandoned thread may still be reading from it
                    self._idle.put_back(memory, run.context.video_id, run.context.opened)
            if call.notes and not observation.error:
                observation = replace(observation, text=f"{observation.text}\n({'; '.join(call.notes)})")
        except (BadArguments, RewatchError) as error:
            observation = Observation(text=f"{short(str(name), 60)}: {short(str(error))}{_usage(item)}", error=True)
        except ToolBug as bug:
            if raise_bugs or item is None or is_ours(item):
                raise
            logging.getLogger(__name__).warning("a bug in the tool %s of your own: %s", item.name, bug.text)
            observation = Observation(text=bug.text, error=True, data={"traceback": bug.trace})
            if run is not None:
                cost = run.cost
                if run.observations and not run.observations[0].error:  # its own check of that is what fails
                    observation = run.observations[0]
        observation = _within_view(observation, videos, memory)
        if observation.uris and not observation.error:
            observation = with_wall_clock(observation, memory, videos)
        return self._clean(observation, item), cost

    def _prepare(self, name: str, arguments: Any, memory: MemoryView, videos: list[str], eyes: Eyes) -> PreparedCall:
        """Understand a call.

        Raises:
            BadArguments: if it cannot be; the text says what to write.
            VideoError: if the memory has no such video.
        """
        item, notes = self._find(str(name))
        written = as_mapping(arguments)
        records: list[VideoRecord] = []
        several = False
        between: TimelineSpan | None = None
        if isinstance(item, VideoTool) and item.context_parameter is not None:
            clock = read_wall_clock(written, memory, videos, many=item.many)
            if clock is not None:
                written, between, notes = clock.arguments, clock.between, [*notes, *clock.notes]
                written |= {} if clock.video is None else {"video": clock.video}
            several = item.many and len(videos) > 1 and _names_none(written)
            there = {record.id for record in memory.videos()} if several else set()  # another process may remove some
            chosen = [one for one in videos if one in there] or videos if several else [_which_video(written, videos)]
            records = [memory.video(one) for one in chosen]
        within = Span(min(r.start for r in records), max(r.end for r in records)) if records else None
        schema = item.args_schema if isinstance(item, VideoTool) else item.tool_call_schema
        if isinstance(schema, type) and issubclass(schema, BaseModel):
            try:
                fitted, repairs = repair(schema, written, within=within)
            except Exception as error:  # a validator in the schema of a tool's author may raise anything
                if isinstance(error, BadArguments) or always_passes(error):
                    raise
                raise ToolBug.of(item.name, error) from error
        else:  # a JSON schema, of an MCP server say, which checks for itself
            tidied, repairs = tidy(written)
            cleaned, own_names = clean_schema(schema if isinstance(schema, dict) else {})
            fitted, more = fit_to_json_schema(cleaned, tidied)
            fitted = {own_names.get(key, key): value for key, value in fitted.items()}
            repairs = [*repairs, *more]
        places = [[video_key(memory, r.id), r.channels, r.end, r.recorded, *_known(memory, r)] for r in records]
        how: list[Any] = [eyes.as_dict()] if fitted.get("box") is not None else []
        # A picture of another video may be named only where the run is about that too.
        how += [] if between is None else [[between.start, between.end, between.timeline]]
        how += [memory.people.revision] if records else []
        key = json.dumps([item.name, bounded(fitted), places, sorted(videos), *how], default=str)
        return PreparedCall(
            item=item,
            arguments=fitted,
            notes=(*notes, *repairs),
            info=records[0] if records else None,
            videos=tuple(record.id for record in records) if several else (),
            between=between,
            key=key,
            eyes=eyes,
        )

    def _find(self, name: str) -> tuple[BaseTool, list[str]]:
        if name in self._tools or name in self._inner:
            return self._tools.get(name) or self._inner[name], []
        close = difflib.get_close_matches(name[:100].lower(), self._tools, n=1, cutoff=0.8)
        if close:
            return self._tools[close[0]], [f"read {short(name, 60)} as {close[0]}"]
        raise BadArguments(f"there is no such tool. Use one of {', '.join(self._tools)}.")

    def _without_running(self, call: PreparedCall, left: Mapping[str, float], approved: bool) -> Observation | None:
        """The observation of a call that need not, or must not, be made."""
        item = call.item
        if getattr(item, "approval", False) and not approved:
            text = f"{item.name} was not run: it needs a person's approval, and that was refused. Use another tool."
            return Observation(text=text, error=True)
        price = getattr(item, "cost", Spend(calls=1))
        for limit in ("frames", "calls", "tokens"):
            cost, remaining = getattr(price, limit), left.get(limit, float("inf"))
            if cost > max(remaining, 1 if limit == "calls" else 0):
                text = f"{item.name} costs {cost} {limit}, and {remaining:g} are left in the budget: use another tool."
                return Observation(text=text, error=True)
        return None

    def _cached(self, call: PreparedCall, left: Mapping[str, float]) -> tuple[Observation, Spend] | None:
        """The stored observation of an equal call, and its cost now; None if the call has to be made.

        It costs frames and calls as if it were made: the budget of a run, and its reward for sparing it, must not
        depend on which run came first. It costs no tokens, for no model is asked.
        """
        entry = self._cache.get(call.key)
        if entry is None or any(getattr(entry[1], name) > most for name, most in left.items() if name != "seconds"):
            return None
        with suppress(KeyError):  # another thread's run may have dropped it
            self._cache.move_to_end(call.key)
        return replace(entry[0], cached=True), entry[1]

    def _run(
        self,
        call: PreparedCall,
        memory: MemoryView,
        videos: Sequence[str],
        left: Mapping[str, float],
        raise_bugs: bool,
    ) -> ToolRun:
        item, info = call.item, call.info
        context = None
        price = getattr(item, "cost", Spend(calls=1))
        if info is not None:
            frames_left = left.get("frames")
            context = VideoContext(
                memory=memory,
                info=info,
                videos=call.videos,
                between=call.between,
                question_videos=tuple(videos),
                eyes=call.eyes,
                open_video=lambda: self._idle.take(memory, info.id),
                frames_left=None if frames_left is None else int(frames_left) - price.frames,
                viewer=self._viewer,
                raise_bugs=raise_bugs,
            )
        return ToolRun(
            item=item,
            arguments=call.arguments,
            context=context,
            seconds=min(left.get("seconds", float("inf")), getattr(item, "timeout", self._timeout)),
            left=left.get("seconds", float("inf")),
            calls_left=left.get("calls", float("inf")),
            price=price,
            isolated=item.name in self.isolated,
        )

    def _keep(self, call: PreparedCall, observation: Observation, run: ToolRun) -> None:
        """Cache an observation, unless it is poorer than the same call may be with another budget."""
        thinned = run.context is not None and run.context.frames_left is not None and run.context.frames_left < 1
        if observation.error or thinned or run.cut_short or not getattr(call.item, "cacheable", False):
            return
        self._cache[call.key] = observation, replace(run.cost, tokens=0, seconds=0.0, price=0.0)
        while len(self._cache) > self._cache_size:
            with suppress(KeyError):
                self._cache.popitem(last=False)

    def _clean(self, observation: Observation, item: BaseTool | None) -> Observation:
        text = defuse(observation.text[: 2 * MAX_TEXT])  # cut before anything is done with it: it may be of any length
        more = max(0, len(observation.text) - 2 * MAX_TEXT) + max(0, len(text) - MAX_TEXT)
        if more:
            text = text[:MAX_TEXT] + f" … ({more} characters more: ask for a shorter span)"
        if observation.error and not says_what_next(text):
            text = f"{text.rstrip() or 'It failed'} Try other arguments or another tool.{_usage(item)}"
        uris = observation.uris
        if self._cites and uris and not observation.error and not any(uri in text for uri in uris):
            text += f"\nCite as {', '.join(uris[:CITED])}{' …' if len(uris) > CITED else ''}"
        lines = tuple(replace(one, text=defuse(one.text), quote=defuse(one.quote)) for one in observation.lines)
        return replace(observation, text=text, data=defuse_data(observation.data), lines=lines)


def _known(memory: MemoryView, record: VideoRecord) -> list[str]:
    """Return what is known by now of a video that is not complete: what is asked again then may have another answer."""
    return [] if record.complete else [json.dumps(memory.coverage(record.id).as_dict())]


def _within_view(observation: Observation, videos: Sequence[str], memory: MemoryView) -> Observation:
    """Drop the pictures that the run may not see from an observation, with a note."""
    kept: list[str] = []
    reasons: list[str] = []
    for uri in observation.pictures:
        found = uri if uri.startswith("data:") else within_view(uri, videos, memory.now_of)
        refused = isinstance(found, str) and not uri.startswith("data:")
        (reasons if refused else kept).append(str(found))
    if not reasons:
        return replace(observation, pictures=tuple(kept))
    count = f"{len(reasons)} picture{'s are' if len(reasons) > 1 else ' is'}"
    note = f"({count} not shown: {'; '.join(dict.fromkeys(reasons))})"
    return replace(observation, pictures=tuple(kept), text=f"{observation.text}\n{note}".lstrip())


def _names_none(arguments: dict[str, Any]) -> bool:
    """Return whether a call names no video, or says that it means all of them."""
    video = arguments.get("video")
    if video is not None and str(video).strip().lower() not in ("", "all", "any", "null", "none"):
        return False
    arguments.pop("video", None)
    return True


def _which_video(arguments: dict[str, Any], videos: list[str]) -> str:
    video = arguments.pop("video", None)
    if not videos:
        raise BadArguments("the question is about no video. Answer from what is known.")
    if video is None or len(videos) == 1:
        return videos[0]
    name = str(video).removeprefix("video:").split("#")[0]
    if name not in videos:
        raise BadArguments(f"video={short(repr(video), 60)} is not there. Use one of {', '.join(videos)}.")
    return name


def _usage(item: BaseTool | None) -> str:
    """The names of the tool's arguments, for the end of an error."""
    return f" Use {item.name}({', '.join(map(named, item.args))})." if item is not None else ""
