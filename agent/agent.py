"""`VideoAgent`: ask a memory a question."""

from __future__ import annotations

import time
import uuid
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from langchain_core.language_models import BaseChatModel
from langchain_core.tools import BaseTool

from ..memory import CapabilityError
from ..memory.files.names import to_text
from ..memory.near import did_you_mean
from ..tools import BUILT_IN, INTERNAL_TOOLS, ISOLATED, VLM_TOOLS, Budget, Toolbox, plugin_tools
from ..tools.schemas import function_schema
from .answer import Answer
from .approval import Approve
from .graph import Loop, build_graph
from .models.registry import HeuristicPolicy, load_policy, manner_of
from .models.viewer import ChatViewer
from .offering import sees
from .planner import Planner, plan_by_rules
from .prompts import SYSTEM
from .questions.question import QuestionError, RunError, question_about
from .runner import Listener, Runs, run_to_end
from .small_loop import own_loop
from .strategies import ROUTES
from .test_time_scaling import SCALINGS
from .test_time_scaling.attempts import ScaledLoop, build_scaled_graph
from .test_time_scaling.calibration import Calibration
from .tool_formats import load_dialect, with_prompt
from .trace import SCHEMA

if TYPE_CHECKING:
    from ..memory import ClipMemory
    from ..memory.tracking.detector import Detector
    from .checkpoints.store import Steps
    from .questions.conversation import Conversation


class VideoAgent:
    """Answers questions about the videos of a memory, within a budget, with evidence.

    Args:
        memory: the clip memory that holds the videos.
        policy: a name for `load_policy` (`"heuristic"`, a folder or hub id of a Video-LMM or a language model, a
            `.gguf` file, a run folder of `rewatch train`, the address of a server, `provider:model`), or a LangChain
            chat model. A policy that was trained here has the tools and the loop that it was trained with.
        tools: tools beside the built-in ones: functions with types and a docstring, LangChain tools, those of
            `McpServers`.
        registered: whether the tools that installed packages register (entry points `rewatch.tools`) are there too.
        budget: limits of one run.
        planner: chooses the route: `"rules"`, `"model"` (the policy plans), or a function.
        viewer: the model that sees for tools, routes and the check; the policy itself where it sees, unless told
            otherwise, so that a text-only policy can drive a model that sees.
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
        memory: ClipMemory,
        *,
        policy: str | BaseChatModel = "heuristic",
        tools: Iterable[BaseTool | Callable[..., Any]] = (),
        registered: bool = True,
        budget: Budget | None = None,
        planner: Planner | Literal["rules", "model"] = "rules",
        viewer: str | BaseChatModel | None = None,
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
        seeing = load_policy(viewer) if viewer is not None else self.policy if sees(self.policy) else None
        built_in = (*BUILT_IN, *VLM_TOOLS) if seeing is not None else BUILT_IN
        offered = [*built_in, *plugin_tools([*BUILT_IN, *VLM_TOOLS, *INTERNAL_TOOLS], tools, registered=registered)]
        self._manner = manner_of(self.policy)
        loop = own_loop(self._manner, memory, self.policy)
        if self._manner and loop is None:
            offered = self._manner.offered(offered)
        self.budget = budget or Budget()
        self.calibration = calibration
        self._traces = Path(traces) if traces else None
        self._checkpoints = Path(checkpoints) if checkpoints else None
        self._approve = approve
        loop = loop or Loop(
            memory=memory,
            policy=self.policy,
            planner=_planner(planner, self.policy),
            toolbox=Toolbox(
                offered, inner=INTERNAL_TOOLS, viewer=ChatViewer(seeing) if seeing else None, isolate=isolate
            ),
            system=_system(prompt, self.policy),
            looks_twice=second_look and seeing is not None,
        )
        self.toolbox = loop.toolbox
        self._graph = build_graph(loop)

    def ask(
        self,
        question: str,
        *,
        options: Sequence[str] | None = None,
        videos: str | Path | Sequence[str | Path] | None = None,
        now: float | None = None,
        budget: Budget | None = None,
        route: str | None = None,
        scale: str | None = None,
        width: int = 8,
        earlier: Sequence[tuple[str, str]] = (),
        listener: Listener | None = None,
    ) -> Answer:
        """Answer a question.

        Args:
            question: in plain words.
            options: possible answers, with or without letters.
            videos: ids, names or paths of the memory's videos, or one of these; all of them by default.
            now: nothing after this time (seconds) may be seen.
            budget: limits of this run instead of the agent's own.
            route: how to look, a name of `ROUTES`; the planner chooses if it is left out.
            scale: how to spend more than one run on the answer, a name of `SCALINGS`; all within the one budget.
            width: how many runs a scaling may make.
            earlier: questions of the same conversation and the answers to them, which a model reads as material.
            listener: is told every trace event as it happens.

        Raises:
            QuestionError: if the question is empty, or the memory has no such video, or there is no such route.
            CapabilityError: if the route or the scaling needs a model that is not there.
        """
        asked = self.aask(
            question,
            options=options,
            videos=videos,
            now=now,
            budget=budget,
            route=route,
            scale=scale,
            width=width,
            earlier=earlier,
            listener=listener,
        )
        return run_to_end(asked)

    async def aask(
        self,
        question: str,
        *,
        options: Sequence[str] | None = None,
        videos: str | Path | Sequence[str | Path] | None = None,
        now: float | None = None,
        budget: Budget | None = None,
        route: str | None = None,
        scale: str | None = None,
        width: int = 8,
        earlier: Sequence[tuple[str, str]] = (),
        listener: Listener | None = None,
    ) -> Answer:
        """`ask`, for callers that have an event loop."""
        asked = question_about(self.memory, question, options=options, videos=videos, now=now, earlier=earlier)
        route = route or (self._manner.route if self._manner else None)
        self._require(route, scale)
        run_id = f"{time.strftime('%Y%m%d-%H%M%S')}-{uuid.uuid4().hex[:6]}"
        state: dict[str, Any] = {"question": asked.as_dict(), "budget": (budget or self.budget).as_dict()}
        if route:
            state["route"] = route
        if scale:
            state |= {"scale": scale, "width": width}
        return await self._drive(run_id, state, listener)

    def chat(
        self, videos: str | Path | Sequence[str | Path] | None = None, *, now: float | None = None
    ) -> Conversation:
        """A conversation about videos of the memory (all of them by default), in which follow-ups are understood."""
        from .questions.conversation import Conversation

        return Conversation(self, videos=videos, now=now)

    @property
    def reads_prompts(self) -> bool:
        """Whether its policy is a language model, which reads what it is told besides the question."""
        return not isinstance(self.policy, HeuristicPolicy)

    def resume(self, run_id: str, *, listener: Listener | None = None) -> Answer:
        """Go on with a run that was cut off, from its last stored step.

        Raises:
            QuestionError: if no step of such a run is stored.
        """
        return run_to_end(self._drive(run_id, None, listener))

    async def _drive(self, run_id: str, state: dict[str, Any] | None, listener: Listener | None) -> Answer:
        """One run of the loop, or of a scaling over it; without a first state, the stored one goes on."""
        async with self._stored_steps(run_id, again=state is None) as saver:
            shared: dict[str, Any] = {
                "saver": saver,
                "traces": self._traces,
                "first_event": self._first_event,
                "approve": self._approve,
                "may_ask": any(getattr(item, "approval", False) for item in self.toolbox),
            }

            async def attempt(number: str, first: dict[str, Any]) -> tuple[dict[str, Any], str, float | None]:
                runs = Runs(graph=self._graph, raise_bugs=True, **shared)  # one ends the whole scaling
                attempt_id = f"{run_id}.{number}"
                ended = await runs.drive(attempt_id, None if await runs.stored(attempt_id) else first, None)
                return ended.answer, str(ended.said.text), ended.said.response_metadata.get("likelihood")

            scaled = build_scaled_graph(ScaledLoop(run=attempt, policy=self.policy))
            scaled_runs = Runs(graph=scaled, finish=self._calibrated, **shared)
            kept = (await scaled_runs.stored(run_id)) if state is None else state
            runs = scaled_runs if kept.get("scale") else Runs(graph=self._graph, finish=self._calibrated, **shared)
            answer = Answer.from_dict((await runs.drive(run_id, state, listener)).answer)
            self.memory.require_sound()
            return answer

    @asynccontextmanager
    async def _stored_steps(self, run_id: str, *, again: bool) -> AsyncIterator[Steps | None]:
        """Where the run's steps are stored; `again` for one that has some."""
        if self._checkpoints is None:
            yield None
            return
        from .checkpoints.store import checkpoint_file, checkpointer

        path = checkpoint_file(self._checkpoints, run_id, stored=again)
        if again and not path.exists():
            raise RunError(f"No step of run {run_id} is stored in {path.parent}; ask the question again.")
        async with checkpointer(path, again=again) as saver:
            yield saver

    def _calibrated(self, answer: dict[str, Any]) -> dict[str, Any]:
        if self.calibration is None or answer["abstained"]:
            return answer
        return {**answer, "confidence": round(self.calibration(answer["confidence"]), 3)}

    def _require(self, route: str | None, scale: str | None) -> None:
        """Say at once what a route or a scaling lacks here."""
        if route is not None:
            if route not in ROUTES:
                near = did_you_mean(ROUTES, route)
                raise QuestionError(f"There is no route {route!r}; there are {', '.join(ROUTES)}.{near}")
            if ROUTES[route].needs_viewer and not self.toolbox.sees:
                raise CapabilityError(
                    f"The route {route} asks a model that sees: give one as the policy or the viewer "
                    "(docs/policies.md says which), or take the route search."
                )
        if scale is not None:
            if scale not in SCALINGS:
                near = did_you_mean(SCALINGS, scale)
                raise QuestionError(f"There is no scaling {scale!r}; there are {', '.join(SCALINGS)}.{near}")
            if SCALINGS[scale].needs_model and not self.reads_prompts:
                raise CapabilityError(
                    f"The scaling {scale} samples a language model, and the heuristic policy says the same each time: "
                    "give a model as the policy (docs/policies.md says which)."
                )

    def _paths(self, ids: Sequence[str]) -> dict[str, str]:
        """Where the videos lie; of one that was removed meanwhile there is nothing to tell."""
        known = {record.id: record.path for record in self.memory.videos()}
        return {id_: to_text(known[id_]) for id_ in ids if id_ in known}

    def _first_event(self, run_id: str, state: dict[str, Any]) -> dict[str, Any]:
        from .. import __version__

        question = state["question"]
        return {
            "event": "run",
            "schema": SCHEMA,
            "rewatch": __version__,
            "run_id": run_id,
            "at": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
            "question": question,
            "paths": self._paths([v["id"] for v in question["videos"]]),
            "budget": state["budget"],
            "policy": self.policy._llm_type,
            **{key: state[key] for key in ("scale", "width") if key in state},
            **({"calibration": asdict(self.calibration)} if self.calibration else {}),
            "tools": [function_schema(t)["function"] for t in self.toolbox],
        }


def _system(prompt: str | Path | None, policy: BaseChatModel) -> str:
    """What the policy is told before anything else: as asked for, else as its dialect has it, else the loop's words."""
    dialect = getattr(policy, "dialect", None)
    if prompt is not None:
        dialect = with_prompt(dialect or load_dialect("hermes"), prompt)
    return (dialect and dialect.system) or SYSTEM


def _planner(planner: Planner | Literal["rules", "model"], policy: BaseChatModel) -> Planner:
    if planner == "rules":
        return plan_by_rules
    if planner == "model":
        from .model_planner import plan_by_model

        return plan_by_model(policy)
    if isinstance(planner, str):
        raise ValueError(f"There is no planner {planner!r}; use rules, model, or a function.")
    return planner
