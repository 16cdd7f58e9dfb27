"""A policy that solves the gym through the tools, or guesses and wastes calls as told: teacher of cold starts."""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
from langchain_core.callbacks import CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, ToolMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from langchain_core.runnables import Runnable
from pydantic import ConfigDict

from ...agent.answer import Draft, Evidence
from ...agent.models.turn import Turn
from ...agent.questions.question import Question
from ...agent.steps import Call, Finished, observed, replay
from ...agent.tool_formats import ParsedTurn, ToolFormat, draft, load_tool_format
from ...memory import FrameReader, Span
from ..data.task import Task
from .strategies import STRATEGIES, Case, Say, Shown, Strategy, wasted


class Expert(BaseChatModel):
    """Answers the tasks it was given: it knows what a question asks for, and finds the answer by the tools alone.

    Its state is the conversation, so any run can be resumed. Chance is drawn anew for each task and each seed of a
    turn (`Turn.seed`), never within a run.
    """

    takes_turn: ClassVar[bool] = True
    sees: ClassVar[bool] = False
    """It answers no questions about pictures."""
    reads_pictures: ClassVar[bool] = True
    model_config = ConfigDict(arbitrary_types_allowed=True)

    tasks: dict[tuple[str, str], Task]
    """By question and video name."""
    dialect: Any
    """The dialect of its messages."""
    strategies: Mapping[str, Strategy]
    guess: float = 0.0
    """Probability of answering by chance, without a call."""
    waste: float = 0.0
    """Probability, before each call, of another one that helps with nothing."""
    seed: int = 0

    @classmethod
    def of(
        cls,
        tasks: Iterable[Task],
        *,
        dialect: ToolFormat | str = "hermes",
        strategies: Mapping[str, Strategy] = STRATEGIES,
        **settings: Any,
    ) -> Expert:
        """An expert for some tasks of the gym; `settings` are `guess`, `waste` and `seed`."""
        by_question = {(task.question, name): task for task in tasks for name in map(_stem, task.videos)}
        spoken = load_tool_format(dialect) if isinstance(dialect, str) else dialect
        return cls(tasks=by_question, dialect=spoken, strategies=strategies, **settings)

    @property
    def _llm_type(self) -> str:
        return "gym-expert"

    def bind_tools(self, tools: Sequence[Any], **kwargs: Any) -> Runnable[Any, AIMessage]:
        """Allow tool calls; without this it answers from what was observed."""
        names = [tool["function"]["name"] if isinstance(tool, dict) else tool.name for tool in tools]
        return self.bind(tool_names=names)

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        *,
        tool_names: Sequence[str] = (),
        turn: Turn | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        case = self._case(messages)
        rng = random.Random(f"{self.seed} {case.task.id} {turn.seed if turn else None}")
        pixels = turn.pixels if turn else None
        step = by_chance(case, rng) if rng.random() < self.guess else self._next(case, messages, pixels, rng)
        if isinstance(step, Call) and step.tool not in tool_names:
            step = by_chance(case, rng)
        message = self._call(step, messages) if isinstance(step, Call) else self._answer(step, case, messages)
        return ChatResult(generations=[ChatGeneration(message=message)])

    def _case(self, messages: Sequence[BaseMessage]) -> Case:
        message = next(m for m in messages if isinstance(m, HumanMessage) and "question" in m.additional_kwargs)
        question = Question.from_dict(message.additional_kwargs["question"])
        video = question.videos[0]
        task = self.tasks.get((question.text, _stem(video["name"])))
        if task is None:
            raise LookupError(f"The expert was not given the task {question.text!r} about {video['name']}.")
        return Case(task, video["id"], task.meta["about"])

    def _next(
        self, case: Case, messages: Sequence[BaseMessage], pixels: FrameReader | None, rng: random.Random
    ) -> Call | Say:
        """Replay the strategy over what was observed: its first call that has no result yet, or its answer."""
        results = shown(messages, pixels)
        vain: list[Call] = []

        def outcome_of(call: Call) -> Shown | None:
            if rng.random() < self.waste and (waste := wasted(case, rng.randrange)).key not in results:
                vain.append(waste)
                return None
            return results.get(call.key)

        step = replay(self.strategies[case.task.meta["gym"]["family"]](case), outcome_of)
        return step.result if isinstance(step, Finished) else (*vain, step)[0]

    def _call(self, step: Call, messages: Sequence[BaseMessage]) -> AIMessage:
        number = sum(isinstance(message, AIMessage) for message in messages)
        call = {"name": step.tool, "args": step.arguments, "id": f"call_{number}", "type": "tool_call"}
        text = self.dialect.write_call(step.tool, step.arguments, messages)
        return AIMessage(content=text, tool_calls=[call])

    def _answer(self, say: Say, case: Case, messages: Sequence[BaseMessage]) -> AIMessage:
        text, option = say.text, None
        if case.task.options and say.text in case.task.options:
            option = chr(ord("A") + case.task.options.index(say.text))
        if self.dialect.cites:
            evidence = tuple(Evidence(claim=text, uri=uri, tool=say.tool, quote=say.quote) for uri in say.uris)
            confidence = 0.0 if say.abstained else 0.9
            done = Draft(text=text, option=option, evidence=evidence, confidence=confidence, abstained=say.abstained)
            return AIMessage(content=done.as_message())
        written = self.dialect.answer_form.format("N/A" if say.abstained else option or text)
        read: ParsedTurn = self.dialect.read(written, messages)
        return AIMessage(content=written, additional_kwargs={"draft": draft(read, messages)})


def by_chance(case: Case, rng: random.Random) -> Say:
    """Any of the answers that could be."""
    values = case.task.options or case.task.meta["values"]
    if values:
        return Say(str(case.about.get("form", "{}")).format(rng.choice(list(values))))
    if case.task.kind == "ocr":
        return Say(str(rng.randint(100, 999)))
    seconds = float(case.task.meta["clip_seconds"])
    start = rng.randrange(int(case.task.meta["gym"]["level"]["clips"])) * seconds
    return Say(f"{start:g}-{start + seconds:g} s", (case.uri(Span(start, start + seconds)),))


def shown(messages: Sequence[BaseMessage], pixels: FrameReader | None) -> dict[str, Shown]:
    """The result of each call, by `Call.key`."""
    artifacts = {m.tool_call_id: m.artifact or {} for m in messages if isinstance(m, ToolMessage)}
    found: dict[str, Shown] = {}
    results = observed(messages)
    for message in messages:
        for call in message.tool_calls if isinstance(message, AIMessage) else ():
            key = Call(call["name"], call["args"]).key
            if key in results:
                artifact = artifacts.get(call["id"] or "", {})
                uris, pictures = tuple(artifact.get("uris", ())), list(artifact.get("pictures", ()))
                found[key] = Shown(results[key], uris, _reader(pixels, pictures))
    return found


def _reader(pixels: FrameReader | None, uris: list[str]) -> Any:
    def read() -> list[np.ndarray]:
        return pixels.read(uris) if pixels and uris else []

    return read


def _stem(name: str) -> str:
    return name.rsplit("/", 1)[-1].removesuffix(".mp4")
