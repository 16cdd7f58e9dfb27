"""The expert policy: solves the gym through the tools, or guesses and wastes calls; the teacher of cold starts."""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar

from langchain_core.callbacks import CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from langchain_core.runnables import Runnable
from pydantic import ConfigDict

from ...agent.answer import Draft, Evidence
from ...agent.models.turn import Turn
from ...agent.questions.question import Question, letter
from ...agent.steps import Call, CallResult, Finished, observed, replay
from ...agent.tool_formats import ParsedTurn, ToolFormat, draft, load_tool_format
from ...memory import Span
from ..data.task import Task
from .solvers import SOLVERS, Problem, Solution, Solver, Solving, wasted_call


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
    """The tool format of its messages."""
    solvers: Mapping[str, Solver]
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
        solvers: Mapping[str, Solver] = SOLVERS,
        **settings: Any,
    ) -> Expert:
        """An expert for some tasks of the gym; `settings` are `guess`, `waste` and `seed`."""
        by_question = {(task.question, name): task for task in tasks for name in map(_stem, task.videos)}
        tool_format = load_tool_format(dialect) if isinstance(dialect, str) else dialect
        return cls(tasks=by_question, dialect=tool_format, solvers=solvers, **settings)

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
        problem = self._problem(messages, turn)
        rng = random.Random(f"{self.seed} {problem.task.id} {turn.seed if turn else None}")
        step: Call | Solution
        if rng.random() < self.guess:
            step = by_chance(problem, rng)
        else:
            results = observed(messages)
            found = replay(self._solve(problem, rng), lambda call: results.get(call.key))
            step = found.result if isinstance(found, Finished) else found
        if isinstance(step, Call) and step.tool not in tool_names:
            step = by_chance(problem, rng)
        message = self._call(step, messages) if isinstance(step, Call) else self._answer(step, problem, messages)
        return ChatResult(generations=[ChatGeneration(message=message)])

    def _problem(self, messages: Sequence[BaseMessage], turn: Turn | None) -> Problem:
        message = next(m for m in messages if isinstance(m, HumanMessage) and "question" in m.additional_kwargs)
        question = Question.from_dict(message.additional_kwargs["question"])
        video = question.videos[0]
        task = self.tasks.get((question.text, _stem(video["name"])))
        if task is None:
            raise LookupError(f"The expert was not given the task {question.text!r} about {video['name']}.")
        return Problem(task, video["id"], turn.pixels if turn else None)

    def _solve(self, problem: Problem, rng: random.Random) -> Solving:
        """The calls of the family's solver, with a wasted call before each as often as `waste` says."""
        solving = self.solvers[problem.task.meta["gym"]["family"]](problem)
        result: CallResult | None = None
        while True:
            try:
                call = solving.send(result)  # type: ignore[arg-type]
            except StopIteration as end:
                solution: Solution = end.value
                return solution
            if rng.random() < self.waste:
                yield wasted_call(problem, rng.randrange)
            result = yield call

    def _call(self, step: Call, messages: Sequence[BaseMessage]) -> AIMessage:
        number = sum(isinstance(message, AIMessage) for message in messages)
        call = {"name": step.tool, "args": step.arguments, "id": f"call_{number}", "type": "tool_call"}
        text = self.dialect.write_call(step.tool, step.arguments, messages)
        return AIMessage(content=text, tool_calls=[call])

    def _answer(self, solution: Solution, problem: Problem, messages: Sequence[BaseMessage]) -> AIMessage:
        text, options = solution.text, problem.task.options
        option = letter(options.index(text)) if text in options else None
        if self.dialect.cites:
            evidence = [Evidence(claim=text, uri=u, tool=solution.tool, quote=solution.quote) for u in solution.uris]
            confidence = 0.0 if solution.abstained else 0.9
            done = Draft(
                text=text,
                option=option,
                evidence=tuple(evidence),
                confidence=confidence,
                abstained=solution.abstained,
            )
            return AIMessage(content=done.as_message())
        written = self.dialect.answer_form.format("N/A" if solution.abstained else option or text)
        read: ParsedTurn = self.dialect.read(written, messages)
        return AIMessage(content=written, additional_kwargs={"draft": draft(read, messages)})


def by_chance(problem: Problem, rng: random.Random) -> Solution:
    """Any of the answers that could be."""
    meta = problem.task.meta
    if values := problem.task.options or meta["values"]:
        return Solution(str(problem.about.get("form", "{}")).format(rng.choice(list(values))))
    if problem.task.kind == "ocr":
        return Solution(str(rng.randint(100, 999)))
    seconds = float(meta["clip_seconds"])
    start = rng.randrange(int(meta["gym"]["level"]["clips"])) * seconds
    return Solution.of_span(problem, Span(start, start + seconds))


def _stem(name: str) -> str:
    return name.rsplit("/", 1)[-1].removesuffix(".mp4")
