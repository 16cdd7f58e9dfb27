"""The `extractive` policy: no weights at all.

It reads the question, calls the tools that can tell, and answers with what they found; with nothing found it abstains
and says what it tried.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import replace
from typing import Any, ClassVar

from langchain_core.callbacks import CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from langchain_core.runnables import Runnable

from ....memory import clock
from ...answer import Draft
from ...question import Question
from ...steps import Call, Seen, observed
from ...understand import Ask, understand
from ...words import STOP, tokens
from . import counting, kinds, moving, overview, spoken, timing, written
from .looking import Scene, Strategy, hits
from .options import choose


class ExtractivePolicy(BaseChatModel):
    """A chat model that decides by rules. Its whole state is the conversation, so any run can be resumed."""

    reads_pictures: ClassVar[bool] = True
    """It reads what tools that show pictures say of colours and motion."""

    @property
    def _llm_type(self) -> str:
        return "extractive"

    def bind_tools(self, tools: Sequence[Any], **kwargs: Any) -> Runnable[Any, AIMessage]:
        """Allow tool calls; without this the policy gives its best answer from what was observed."""
        names = [tool["function"]["name"] if isinstance(tool, dict) else tool.name for tool in tools]
        return self.bind(tool_names=names)

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        *,
        tool_names: Sequence[str] = (),
        **kwargs: Any,
    ) -> ChatResult:
        message = _next(messages, set(tool_names))
        return ChatResult(generations=[ChatGeneration(message=message)])


def _next(messages: list[BaseMessage], tools: set[str]) -> AIMessage:
    """Replay the strategy over what was observed; its first call that has no result yet is the next step."""
    asked = next(m for m in messages if isinstance(m, HumanMessage) and "question" in m.additional_kwargs)
    question = Question.from_dict(asked.additional_kwargs["question"])
    known = observed(messages)
    run = answer(question)
    seen: Seen | None = None
    while True:
        try:
            step = next(run) if seen is None else run.send(seen)
        except StopIteration as end:
            draft: Draft = end.value
            return AIMessage(content=draft.as_message())
        if step.key not in known and step.tool in tools:
            call = {"name": step.tool, "args": step.arguments, "id": f"call_{len(known)}", "type": "tool_call"}
            return AIMessage(content=_aloud(step), tool_calls=[call])
        seen = known.get(step.key, Seen(error=True))


def _aloud(call: Call) -> str:
    """One line that says what is done next, for people who read the trace."""
    a = call.arguments
    span = f" {clock(a['start'])}-{clock(a['end'])}" if "start" in a and "end" in a else ""
    about = a.get("query") or a.get("find")
    return f"{call.tool}{span}" + (f" for “{about}”" if about else "")


def answer(question: Question) -> Strategy:
    """The draft for a question over its videos: the surest one that is not an abstention."""
    ask = understand(question.text, question.options)
    many = len(question.videos) > 1
    drafts: list[Draft] = []
    for video in question.videos:
        end = min(video["end"], question.now) if question.now is not None else video["end"]
        scene = Scene(ask=_inside(ask, end), video={**video, "end": end}, many=many)
        drafts.append((yield from _about(scene)))
    told = [d for d in drafts if not d.abstained]
    return max(told, key=lambda d: d.confidence) if told else drafts[0]


def _inside(ask: Ask, end: float) -> Ask:
    """The question; a named time that lies past the video's end is a time of day, so part of the topic."""
    if ask.at is None or ask.at.start <= end:
        return ask
    named = tuple(t for t in tokens(ask.at_text) if t not in STOP)
    return replace(ask, at=None, topic=(*ask.topic, *named))


def _about(scene: Scene) -> Strategy:
    draft = yield from _strategy(scene)
    if scene.ask.options:
        draft = yield from choose(scene, draft)
    return draft


def _strategy(scene: Scene) -> Generator[Call, Seen, Draft]:
    ask: Ask = scene.ask
    told = yield from kinds.about_kinds(scene)
    if told is not None:
        return told
    if ask.kind == "when":
        return (yield from timing.when(scene))
    if ask.kind == "how_long":
        return (yield from timing.how_long(scene))
    if ask.kind == "count":
        return (yield from counting.how_many(scene))
    if ask.kind == "summary":
        return (yield from overview.summary(scene))
    if ask.kind == "where":
        return (yield from overview.where(scene))
    if ask.kind == "yes_no":
        return (yield from overview.yes_no(scene))
    if ask.kind == "said" or ask.channel == "speech":
        return (yield from spoken.what_is_said(scene))
    if ask.kind == "written" or ask.channel == "screen_text":
        return (yield from written.what_is_written(scene))
    if ask.channel == "objects" and ask.value == "colour":
        return (yield from moving.which_colour_moves(scene))
    if ask.value == "colour":
        return scene.abstain("I cannot tell the colour of a thing that I cannot recognise: that takes a Video-LMM.")
    found = hits((yield scene.call("search_clips", query=ask.query, k=5)))
    if ask.value in ("number", "price", "date", "time"):
        found = [p for p in found if written.has_value(scene, p)]
    if ask.value == "name":
        found = [p for p in found if spoken.names_someone(p)]
    if len(ask.topic) >= 2 or (ask.topic and ask.value):
        told = spoken.fact_from(scene, found, spoken.UNNAMED)
        if told is not None:
            return told
    return scene.abstain(
        f"I cannot tell: speech and on-screen text were searched for {ask.query!r} and nothing plainly answers it; "
        "seeing it takes a Video-LMM (rewatch doctor says how to get one)."
    )
