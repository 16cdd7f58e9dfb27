"""Traces written by the real `TraceWriter` from real messages: what a run of the loop leaves, without running one."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from langchain_core.messages import AIMessage, AnyMessage, HumanMessage, SystemMessage, ToolMessage
from rewatch.agent.answer import Answer, Draft
from rewatch.agent.parsing.draft import draft_of
from rewatch.agent.planning.planner import Situation, plan_by_rules
from rewatch.agent.prompts import SPENT, SYSTEM, render
from rewatch.agent.questions.question import Question
from rewatch.agent.state import add
from rewatch.agent.steps import Call
from rewatch.agent.trace import SCHEMA, TraceWriter, events_of
from rewatch.agent.verifier import check
from rewatch.tools import Budget

VIDEO = {
    "id": "0a1b2c3d",
    "name": "talk.mp4",
    "start": 0.0,
    "end": 12.0,
    "width": 160,
    "height": 96,
    "has_audio": True,
    "channels": ["speech", "visual"],
}


class Recorder:
    """Writes a run step by step, as `VideoAgent` does."""

    def __init__(
        self,
        path: Path,
        question: str,
        *,
        options: tuple[str, ...] = (),
        videos: tuple[dict[str, Any], ...] = (VIDEO,),
        paths: dict[str, str] | None = None,
        budget: Budget | None = None,
        now: float | None = None,
    ) -> None:
        self.path = path
        self.question = Question(text=question, options=options, videos=videos, now=now)
        self.budget = budget or Budget()
        self.messages: list[AnyMessage] = []
        self.spend: dict[str, float] = {"frames": 0, "calls": 0, "tokens": 0, "seconds": 0.0}
        self._writer = TraceWriter(path)
        self._time = 0.0
        self._write(
            {
                "event": "run",
                "schema": SCHEMA,
                "rewatch": "0.1.0",
                "run_id": "20260131-120000-abcdef",
                "at": "2026-01-31T12:00:00+0100",
                "question": self.question.as_dict(),
                "paths": paths or {},
                "budget": self.budget.as_dict(),
                "policy": "recorded",
                "tools": [{"name": "search_clips", "description": "Find clips.", "parameters": {}}],
            }
        )
        plan = plan_by_rules(
            Situation(question=self.question, tools=("search_clips",), routes=("search",), budget=self.budget)
        )
        plan = replace(plan, looks=(Call("search_clips", {"query": question, "k": 5}),))
        human = HumanMessage(
            render(self.question, plan, self.budget.as_dict()),
            additional_kwargs={"question": self.question.as_dict(), "plan": plan.as_dict()},
        )
        self._update("plan", {"plan": plan.as_dict(), "messages": [SystemMessage(SYSTEM), human]})

    def say(self, text: str, *calls: tuple[str, dict[str, Any]], tokens: int = 0, stopped_by: str = "") -> None:
        """One message of the policy."""
        made = [
            {"name": name, "args": args, "id": f"c{len(self.messages)}_{k}", "type": "tool_call"}
            for k, (name, args) in enumerate(calls)
        ]
        usage = {"input_tokens": tokens, "output_tokens": 0, "total_tokens": tokens} if tokens else None
        message = AIMessage(text, tool_calls=made, usage_metadata=usage)
        self._update("policy", {"messages": [message], "stopped_by": stopped_by}, tokens=tokens)

    def observe(
        self,
        text: str,
        *uris: str,
        call: int = 0,
        data: dict[str, Any] | None = None,
        error: bool = False,
        cached: bool = False,
        skipped: bool = False,
        frames: int = 0,
        seconds: float = 0.1,
    ) -> None:
        """The result of call number `call` of the last message."""
        said = next(m for m in reversed(self.messages) if isinstance(m, AIMessage))
        made = said.tool_calls[call]
        cost = {"frames": frames, "calls": 1, "tokens": 0, "seconds": seconds}
        artifact: dict[str, Any] = {"arguments": made["args"], "uris": list(uris), "pictures": []}
        known = sum(len((m.artifact or {}).get("evidence", ())) for m in self.messages if isinstance(m, ToolMessage))
        pieces = [{"n": known + n, "uri": uri, "text": "", "channel": ""} for n, uri in enumerate(uris, 1)]
        artifact |= {"data": data or {}, "evidence": pieces, "cached": cached, "cost": cost}
        if skipped:
            artifact = {"skipped": True}
        message = ToolMessage(
            text,
            name=made["name"],
            tool_call_id=made["id"],
            artifact=artifact,
            status="error" if error else "success",
        )
        self._update("tools", {"messages": [message]}, **({} if skipped else cost))

    def send_back(self) -> None:
        """The check finds something missing in the last message."""
        said = self.messages[-1]
        missing = check(draft_of(said, self.messages), self.question, self.messages).missing
        assert missing, "this draft would not be sent back"
        self._update("check", {"messages": [HumanMessage("Before the answer can be given: " + " ".join(missing))]})

    def tell_spent(self, limit: str) -> None:
        """The policy is told that a limit is used up."""
        self._update("policy", {"messages": [HumanMessage(SPENT.format(limit=limit))]})

    def end(self, draft: Draft, *, stopped_by: str = "answer") -> Answer:
        """The draft as the policy's last message, and the answer that the check makes of it."""
        self.say(draft.as_message(), stopped_by="" if stopped_by == "answer" else stopped_by)
        checked = check(draft, self.question, self.messages).draft
        answer = Answer(
            question=self.question.text,
            text=checked.text,
            option=checked.option,
            evidence=checked.evidence,
            confidence=checked.confidence,
            abstained=checked.abstained,
            now=self.question.now,
            stopped_by=stopped_by,
            spend={k: round(v, 3) for k, v in self.spend.items()},
            budget=self.budget.as_dict(),
            run_id="20260131-120000-abcdef",
            trace=str(self.path),
        )
        self._update("check", {"answer": answer.as_dict()})
        self._writer.close()
        return answer

    def _update(self, node: str, update: dict[str, Any], **cost: float) -> None:
        self.messages += update.get("messages", [])
        self.spend = add(self.spend, {"seconds": 0.0, **cost})
        self._time += cost.get("seconds", 0.05)
        for event in events_of(node, update):
            self._write({**event, "spend": dict(self.spend)})

    def _write(self, event: dict[str, Any]) -> None:
        self._writer.write({"t": round(self._time, 3), **event})
