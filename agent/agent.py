"""`VideoAgent`: ask a memory a question."""

from __future__ import annotations

import time
import uuid
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from langchain_core.language_models import BaseChatModel
from langchain_core.tools import BaseTool

from ..memory import CapabilityError, resolve_now
from ..memory.video.open import one_or_many
from ..tools import BUILT_IN, INTERNAL_TOOLS, ISOLATED, VLM_TOOLS, Budget, Toolbox, plugin_tools
from ..tools.tool import VideoTool
from ..tools.viewer import Viewer
from .answer import Answer
from .approval import Approve
from .graph import Loop, build_graph
from .models.policy import policy_of
from .models.registry import HeuristicPolicy, load_policy
from .models.viewer import ChatViewer
from .planning.planner import Planner, plan_by_rules
from .prompts import SYSTEM
from .questions.history import Before, read_history, understand
from .questions.mode import Mode, mode_of
from .questions.question import Question, QuestionError, RunError, question_about
from .runner import Listener, Runner, RunRecord, run_event, synchronous
from .small_loop import own_loop
from .strategies import ROUTES
from .test_time_scaling import SCALINGS
from .test_time_scaling.attempts import ScaledLoop, build_scaled_graph
from .test_time_scaling.calibration import Calibration
from .tool_formats import load_tool_format, with_prompt
from .waiting import RunLoop, WaitLoop, begin_waiting, build_wait_graph

if TYPE_CHECKING:
    from ..memory import ClipMemory, Moment, RestrictedView
    from ..memory.tracking.detector import Detector
    from .checkpoints.store import Steps
    from .questions.conversation import Conversation


class VideoAgent:
    """Answers questions about the videos of a memory, within a budget, with evidence.

    Args:
        memory: the clip memory that holds the videos, or what a `Restriction` leaves of it.
        policy: a name for `load_policy` (`"heuristic"`, a folder or hub id of a Video-LMM or a language model, a
            `.gguf` file, a run folder of `rewatch train`, the address of a server, `provider:model`), or a LangChain
            chat model. A policy that was trained here has the tools and the loop that it was trained with.
        tools: tools beside the built-in ones: functions with types and a docstring, LangChain tools, those of
            `McpServers`.
        registered: whether the tools that installed packages register (entry points `rewatch.tools`) are there too.
        budget: limits of one run.
        planner: chooses the route: `"rules"`, `"model"` (the policy plans), or a function.
        viewer: the model that sees for tools, routes and the check, by name, as a chat model, or as any
            `tools.Viewer`; by default the policy itself where it sees. A text-only policy can drive a model that sees.
        prompt: a system prompt instead of the loop's or the dialect's: `"video_of_thought"`, or a text file.
        second_look: whether the check has the viewer confirm what was seen (VideoMind's verifier).
        calibration: maps stated confidences to measured ones.
        traces: folder that each run's trace is written to; None writes none.
        approve: is asked before each call of a tool that wants approval (`@tool(approval=True)`), and says whether it
            may be made. Without it such calls are refused, or, with `checkpoints`, the run stops with
            `ApprovalNeeded` and goes on with `resume`.
        isolate: which tools run in a process of their own, see `Toolbox`; `("marked", "video", "foreign")` for videos
            that are not to be trusted, `("marked",)` to leave the tools of others in this process.
        checkpoints: SQLite file in which every step is stored, so that `resume` can go on with a run that was cut off;
            or a folder (a name without a suffix), in which each run has such a file of its own.
        detector: what tells objects, for this memory: a detector, or the path or name of weights (`.pt`, `.onnx`).

    Raises:
        ValueError: if two tools have the same name.
        CapabilityError: if the policy or the detector is not to be had here.
    """

    def __init__(
        self,
        memory: ClipMemory | RestrictedView,
        *,
        policy: str | BaseChatModel = "heuristic",
        tools: Iterable[BaseTool | Callable[..., Any]] = (),
        registered: bool = True,
        budget: Budget | None = None,
        planner: Planner | Literal["rules", "model"] = "rules",
        viewer: str | BaseChatModel | Viewer | None = None,
        prompt: str | Path | None = None,
        second_look: bool = True,
        calibration: Calibration | None = None,
        traces: str | Path | None = None,
        checkpoints: str | Path | None = None,
        approve: Approve | None = None,
        isolate: Iterable[str] = ISOLATED,
        detector: Detector | str | None = None,
    ) -> None:
        self.memory = memory
        if detector is not None:
            memory.use_detector(detector)
        self.policy = load_policy(policy)
        if viewer is None:
            viewer = ChatViewer(self.policy) if policy_of(self.policy).sees else None
        elif isinstance(viewer, (str, BaseChatModel)):
            viewer = ChatViewer(load_policy(viewer))
        built_in = (*BUILT_IN, *VLM_TOOLS) if viewer is not None else BUILT_IN
        offered = [*built_in, *plugin_tools([*BUILT_IN, *VLM_TOOLS, *INTERNAL_TOOLS], tools, registered=registered)]
        self._config = policy_of(self.policy).policy_config
        loop = own_loop(self._config, memory, self.policy) if self._config else None
        if self._config and loop is None:
            offered = self._config.offered(offered)
        self.budget = budget or Budget()
        self.calibration = calibration
        self.traces = Path(traces) if traces else None
        self.checkpoints = Path(checkpoints) if checkpoints else None
        self._approve = approve
        loop = loop or Loop(
            memory=memory,
            policy=self.policy,
            planner=_planner(planner, self.policy),
            toolbox=Toolbox(offered, inner=INTERNAL_TOOLS, viewer=viewer, isolate=isolate),
            system=_system(prompt, self.policy),
            looks_twice=second_look and viewer is not None,
        )
        self.toolbox = loop.toolbox
        self._loop = loop
        self.graph = build_graph(loop)

    async def aask(
        self,
        question: str,
        *,
        options: Sequence[str] | None = None,
        videos: str | Path | Sequence[str | Path] | None = None,
        now: float | str | Moment | None = None,
        budget: Budget | None = None,
        route: str | None = None,
        scale: str | None = None,
        width: int = 8,
        history: Sequence[Before] = (),
        mode: Mode | None = None,
        until: float | str | Moment | None = None,
        patience: int | None = None,
        temperature: float | None = None,
        seed: int | None = None,
        run_id: str | None = None,
        listener: Listener | None = None,
    ) -> Answer:
        """Answer a question; `ask` is the same for callers that have no event loop.

        Args:
            question: in plain words.
            options: possible answers, with or without letters.
            videos: ids, names or paths of the memory's videos, or one of these; all of them by default.
            now: nothing after this time may be seen: seconds of the video, or a moment of the videos' timeline, which
                may be written (`"2026-05-03T09:00"`, `"DAY2 08:30"`).
            budget: limits of this run instead of the agent's own.
            route: a name of `ROUTES`; the planner chooses if it is left out.
            scale: how to spend more than one run on the answer, a name of `SCALINGS`; all within the one budget.
            width: the number of runs that a scaling may make.
            history: what was asked and answered before, oldest first: answers, pairs of question and answer, or ids of
                runs (of `traces`; a run brings those that it went on from). A follow-up ("and after that?", "why?") is
                understood from it, and a model reads it as material. A run's videos are asked about unless others are
                named, and its `now` holds.
            mode: `"backward"` answers of what was up to now, `"now"` of the last seconds alone, `"wait"` once it
                becomes true after `now`, asking each new part in turn; read off the question if it is left out. The
                answer says which it was. `wait` begins, without `now`, at the start of a recording, or at the end of
                one that is still coming in; the budget is that of each part.
            until: in mode `wait`, up to when: seconds of the video, or a moment; the end of the videos by default.
            patience: in mode `wait`, how many parts (of 10 s) are asked about at most.
            temperature: of the policy (0 is greedy); its own if left out.
            seed: of its sampling, where it can be seeded.
            run_id: what `new_run_id` gave, for who has to know it before the run begins.
            listener: called with every trace event as it happens.

        Raises:
            QuestionError: if the question is empty, or the memory has no such video or run.
            UnknownNameError: if there is no such route, scaling or mode.
            CapabilityError: if the route or the scaling needs a model that is not there.
        """
        parsed = self._question(question, options=options, videos=videos, now=now, history=history, mode=mode)
        if mode not in (None, "wait") and (until is not None or patience is not None):
            raise QuestionError(f"until and patience say how long to wait: leave them out in mode {mode}.")
        limits = budget or self.budget
        route = route or (self._config.route if self._config else None)
        self._require(route, scale)
        run_id = run_id or new_run_id()
        state: dict[str, Any] = {"question": parsed.as_dict(), "budget": limits.as_dict()}
        if route:
            state["route"] = route
        sampling = {"temperature": temperature, "seed": seed}
        if any(value is not None for value in sampling.values()):
            state["sampling"] = sampling
        if parsed.mode == "wait":
            if scale:
                raise QuestionError(
                    f"A question that waits cannot be scaled: leave out {scale}, or give mode='backward'."
                )
            named = [self.memory.video(video).id for video in one_or_many(videos)] if videos else []
            state["wait"] = begin_waiting(
                self.memory,
                parsed,
                videos=named or ([video["id"] for video in parsed.videos] if history else []),
                until=until,
                patience=patience,
                seconds=limits.seconds,
            )
        if scale:
            state |= {"scale": scale, "width": width}
        return await self._drive(run_id, state, listener)

    ask = synchronous(aask)

    def _question(
        self,
        text: str,
        *,
        options: Sequence[str] | None,
        videos: str | Path | Sequence[str | Path] | None,
        now: float | str | Moment | None,
        history: Sequence[Before],
        mode: Mode | None,
    ) -> Question:
        """Return the question as it is understood after what came before."""
        exchanges = read_history(history, self.traces, now)
        if now is None and history and isinstance(history[-1], str | Path | Answer):
            now = exchanges[-1].now  # whoever goes on from a run goes on at its time
        there = {record.id for record in self.memory.videos()} if exchanges else set()
        before = [video for video in (exchanges[-1].videos if exchanges else ()) if video in there]
        if exchanges and now is not None:
            now = self._resolved(now, one_or_many(videos) if videos else before)
        meant = understand(text, exchanges, now, tells=self.reads_prompts)
        parsed = question_about(
            self.memory,
            meant.prompt,
            options=options,
            videos=[meant.video] if meant.video in there else videos or before or None,
            now=now,
            earlier=meant.earlier,
            mode=mode or mode_of(meant.text),
        )
        if mode is None and parsed.mode == "wait" and now is None and self._all_there(parsed):
            parsed = replace(parsed, mode="backward")  # nothing is to come: it asks when
        completed = meant.text != " ".join(text.split())
        return replace(
            parsed,
            asked=text if completed else "",
            understood=meant.text if meant.text != meant.prompt else "",
            continues=exchanges[-1].answer.run_id if exchanges else "",
        )

    def _resolved(self, now: float | str | Moment, videos: Sequence[str | Path]) -> float | str | Moment:
        """The moment that `now` is for a question about some videos (all where none is named).

        Follow-ups turn to the video of an earlier answer, of which a number would mean another moment; and what came
        before may have seen more, which only moments tell.
        """
        with suppress(ValueError):  # `question_about` says what is wrong with it
            return resolve_now(now, [self.memory.video(one) for one in videos] or self.memory.videos())
        return now

    def _all_there(self, question: Question) -> bool:
        return all(self.memory.video(video["id"]).complete for video in question.videos)

    def chat(
        self, videos: str | Path | Sequence[str | Path] | None = None, *, now: float | str | Moment | None = None
    ) -> Conversation:
        """Begin a conversation about videos of the memory (all by default), in which follow-ups are understood."""
        from .questions.conversation import Conversation

        return Conversation(self, videos=videos, now=now)

    @property
    def reads_prompts(self) -> bool:
        """True if its policy is a language model, which reads what it is told besides the question."""
        return not isinstance(self.policy, HeuristicPolicy)

    async def aresume(self, run_id: str, *, listener: Listener | None = None) -> Answer:
        """Go on with a run that was cut off, from its last stored step; `resume` is the same without an event loop.

        Raises:
            QuestionError: if no step of such a run is stored.
        """
        return await self._drive(run_id, None, listener)

    resume = synchronous(aresume)

    async def _drive(self, run_id: str, state: dict[str, Any] | None, listener: Listener | None) -> Answer:
        """Run the loop, or a scaling over it; without a first state, the stored run goes on."""
        async with self._stored_steps(run_id, again=state is None) as saver:
            runner = Runner(
                graph=self.graph,
                saver=saver,
                traces=self.traces,
                first_event=self._first_event,
                approve=self._approve,
                may_ask=any(isinstance(tool, VideoTool) and tool.approval for tool in self.toolbox),
            )

            async def attempt(number: str, first: dict[str, Any]) -> RunRecord:
                attempt_id = f"{run_id}.{number}"
                strict = replace(runner, raise_bugs=True)  # a bug ends the whole scaling
                if await strict.stored(attempt_id):
                    return await strict.resume(attempt_id)
                return await strict.run(attempt_id, first)

            chosen = replace(runner, finish=self._calibrated)
            scaled = replace(chosen, graph=build_scaled_graph(ScaledLoop(run=attempt, policy=self.policy)))
            waiting = replace(chosen, graph=build_wait_graph(self._waiting(attempt)))
            kept = await scaled.stored(run_id) if state is None else state
            if state is None and not kept.get("scale"):
                kept = await waiting.stored(run_id)
            chosen = waiting if kept.get("wait") else scaled if kept.get("scale") else chosen
            record = await (chosen.run(run_id, state, listener) if state else chosen.resume(run_id, listener))
            self.memory.require_sound()
            return Answer.from_dict(record.answer)

    def _waiting(self, attempt: RunLoop) -> WaitLoop:
        def ask(row: Mapping[str, Any], videos: Sequence[str], now: float | Moment) -> Question:
            asked = Question.from_dict(dict(row))
            parsed = question_about(
                self.memory,
                asked.text,
                options=asked.options or None,
                videos=videos,
                now=now,
                earlier=asked.earlier,
                mode="wait",
            )
            return replace(parsed, asked=asked.asked, understood=asked.understood, continues=asked.continues)

        sees = self.toolbox.sees or policy_of(self.policy).sees or bool(self.memory.detector_stamp)
        return WaitLoop(run=attempt, memory=self.memory, ask=ask, reads_only=not sees)

    @asynccontextmanager
    async def _stored_steps(self, run_id: str, *, again: bool) -> AsyncIterator[Steps | None]:
        if self.checkpoints is None:
            yield None
            return
        from .checkpoints.store import checkpoint_file, checkpointer

        path = checkpoint_file(self.checkpoints, run_id, stored=again)
        if again and not path.exists():
            raise RunError(f"No step of run {run_id} is stored in {path.parent}; ask the question again.")
        async with checkpointer(path, again=again) as saver:
            yield saver

    def _calibrated(self, answer: dict[str, Any]) -> dict[str, Any]:
        if self.calibration is None or answer["abstained"]:
            return answer
        return {**answer, "confidence": round(self.calibration(answer["confidence"]), 3)}

    def _require(self, route: str | None, scale: str | None) -> None:
        if route is not None:
            if ROUTES[route].needs_viewer and not self.toolbox.sees:
                raise CapabilityError(
                    f"The route {route} asks a model that sees: give one as the policy or the viewer "
                    "(docs/policies.md says which), or take the route search."
                )
        if scale is not None:
            if SCALINGS[scale].needs_model and not self.reads_prompts:
                raise CapabilityError(
                    f"The scaling {scale} samples a language model, and the heuristic policy says the same each time: "
                    "give a model as the policy (docs/policies.md says which)."
                )

    def _first_event(self, run_id: str, state: dict[str, Any]) -> dict[str, Any]:
        more: dict[str, Any] = {key: state[key] for key in ("scale", "width", "wait") if key in state}
        if self.calibration:
            more["calibration"] = asdict(self.calibration)
        return run_event(self._loop, run_id, state, **more)


def new_run_id() -> str:
    """An id for a run, which no other run has: when it began, and some letters."""
    return f"{time.strftime('%Y%m%d-%H%M%S')}-{uuid.uuid4().hex[:6]}"


def _system(prompt: str | Path | None, policy: BaseChatModel) -> str:
    """Return the system prompt: the one that was asked for, else that of the policy's dialect, else the loop's."""
    dialect = policy_of(policy).dialect
    if prompt is not None:
        dialect = with_prompt(dialect or load_tool_format("hermes"), prompt)
    return (dialect and dialect.system) or SYSTEM


def _planner(planner: Planner | Literal["rules", "model"], policy: BaseChatModel) -> Planner:
    if planner == "rules":
        return plan_by_rules
    if planner == "model":
        from .planning.model_planner import plan_by_model

        return plan_by_model(policy)
    if isinstance(planner, str):
        raise ValueError(f"There is no planner {planner!r}; use rules, model, or a function.")
    return planner
