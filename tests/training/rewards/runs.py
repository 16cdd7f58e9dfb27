"""Rollouts made by hand: the messages that a run of the loop leaves, without a memory or a model."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage, ToolMessage
from rewatch.agent import Answer
from rewatch.agent.parsing.draft import draft_of
from rewatch.agent.questions.question import Question
from rewatch.agent.tool_formats import draft, load_tool_format
from rewatch.agent.verifier import check
from rewatch.memory import Box, Span
from rewatch.training.data.task import Task, Truth
from rewatch.training.rollouts.rollout import Rollout

VIDEO = "0a1b2c3d"
LENGTH = 100.0


def task(kind: str = "mcq", answer: str | None = "B", *, choices: int = 4, **fields: Any) -> Task:
    """A task about one video of 100 s, whose truth is from 40 s to 50 s."""
    names = {"spans", "boxes", "track", "words", "tolerance", "absent", "video"}
    truth = {k: fields.pop(k) for k in list(fields) if k in names}
    truth.setdefault("spans", (Span(40, 50),))
    if kind == "mcq":
        fields.setdefault("options", ("a red cup", "a blue cup", "a green cup", "a white cup")[:choices])
    fields.setdefault("question", "What stands on the table?")
    return Task(id="t1", kind=kind, truth=Truth(answer=answer, **truth), **fields)  # type: ignore[arg-type]


def uri(start: float, end: float | None = None, box: Box | None = None, video: str = VIDEO) -> str:
    text = f"video:{video}#t={start:g}" + ("" if end is None else f",{end:g}")
    if box is not None:
        text += (
            f"&xywh=percent:{box[0] * 100:g},{box[1] * 100:g},{(box[2] - box[0]) * 100:g},{(box[3] - box[1]) * 100:g}"
        )
    return text


@dataclass
class Run:
    """A conversation, written turn by turn; `end` makes the rollout of it as the loop's check would."""

    task: Task = field(default_factory=task)
    dialect: str = "vital"
    length: float = LENGTH
    messages: list[BaseMessage] = field(default_factory=list)
    spend: dict[str, float] = field(default_factory=lambda: {"calls": 0, "frames": 0, "tokens": 0, "seconds": 0.0})

    def __post_init__(self) -> None:
        videos = ({"id": VIDEO, "name": "talk.mp4", "start": 0.0, "end": self.length, "width": 640, "height": 360},)
        question = Question(text=self.task.question, options=self.task.options, videos=videos)
        told = HumanMessage(self.task.question, additional_kwargs={"question": question.as_dict()})
        self.messages = [SystemMessage("You answer."), told]

    def call(
        self,
        name: str,
        *uris: str,
        text: str = "seen",
        data: dict[str, Any] | None = None,
        error: bool = False,
        thought: str = "I must look.",
        by: str = "",
        **arguments: Any,
    ) -> Run:
        """A turn that calls a tool, and what came back."""
        tag = "tool" if self.dialect == "ego_r1" else "tool_call"
        body = json.dumps({"name": name, "arguments": arguments})
        said = f"<think>{thought}</think> <{tag}>{body}</{tag}>"
        made = {"name": name, "args": arguments, "id": f"c{len(self.messages)}", "type": "tool_call"}
        extra = {"by": by} if by else {}
        self.messages.append(AIMessage(said, tool_calls=[made], additional_kwargs=extra))
        artifact = {
            "arguments": arguments,
            "uris": [] if error else list(uris),
            "pictures": [],
            "data": data or {},
            "cached": False,
        }
        status = "error" if error else "success"
        self.messages.append(ToolMessage(text, name=name, tool_call_id=made["id"], artifact=artifact, status=status))
        self.spend["calls"] += 1
        return self

    def view(self, start: float, end: float, **fields: Any) -> Run:
        return self.call("view_clip", uri(start, end), start=start, end=end, **fields)

    def end(self, text: str, *, budget: dict[str, float | None] | None = None, **fields: Any) -> Rollout:
        """The last message, read by the dialect and checked as in the loop."""
        dialect = load_tool_format(self.dialect)
        said = dialect.read(text, self.messages)
        extra = {} if dialect.cites else {"draft": draft(said, self.messages)}
        last = AIMessage(text, additional_kwargs=extra)
        self.messages.append(last)
        question = Question.from_dict(self.messages[1].additional_kwargs["question"])
        checked = check(draft_of(last, self.messages), question, self.messages).draft
        answer = Answer(
            question=self.task.question,
            text=checked.text,
            option=checked.option,
            evidence=checked.evidence,
            confidence=checked.confidence,
            abstained=checked.abstained,
            spend=self.spend,
            budget=budget or {"calls": 10, "frames": 64, "tokens": None, "seconds": None},
        )
        return Rollout(task=self.task, answer=answer, messages=tuple(self.messages), **fields)

    def say(self, answer: str, thought: str = "It is clear now.", **fields: Any) -> Rollout:
        """The last message in VITAL's form."""
        return self.end(f"<think>{thought}</think> <answer>{answer}</answer>", **fields)

    def cite(self, answer: str, *evidence: tuple[str, str | None], option: str | None = None, **fields: Any) -> Rollout:
        """The last message as JSON, with evidence as (URI, quote)."""
        self.dialect = "hermes"
        row = {
            "answer": answer,
            "option": option,
            "confidence": 0.9,
            "abstained": False,
            "evidence": [{"claim": answer, "uri": place, "quote": quote} for place, quote in evidence],
        }
        return self.end(json.dumps(row), **fields)
