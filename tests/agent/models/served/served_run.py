"""One run of the loop over a scripted server, for tests of served policies."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from langchain_core.messages import HumanMessage, SystemMessage
from rewatch import Budget, ClipMemory, VideoAgent
from rewatch.agent import Answer, load_policy, read_trace

from .servers import Server, Step, calls

KEY = "sk-verysecretkey123"
LOOK = calls(("view_clip", {"start": 8.0, "end": 10.0, "fps": 1}))


class Run:
    """One run of the loop over a scripted server, and all that came of it."""

    def __init__(self, memory: ClipMemory, folder: Path, *steps: Step, budget: Budget | None = None, **options: Any):
        began = time.monotonic()
        with Server(*steps) as server:
            self.policy = load_policy(server.address, **{"pause": 0.02, "timeout": 2.0, "api_key": KEY, **options})
            agent = VideoAgent(memory, policy=self.policy, traces=folder, budget=budget, second_look=False)
            self.answer: Answer = agent.ask("What do tickets cost?")
        self.seconds = time.monotonic() - began
        self.requests = server.requests
        self.events = read_trace(self.answer.trace or "")
        assert self.events[-1]["event"] == "answer"
        assert self.seconds < 120, "a run must not hang"
        written = Path(self.answer.trace or "").read_text(encoding="utf-8")
        assert KEY not in written and "Traceback" not in written and KEY not in repr(self.policy)

    @property
    def observations(self) -> list[dict[str, Any]]:
        """Of the model's own calls; those of the first look left out."""
        found = [event for event in self.events if event["event"] == "observation"]
        return [event for event in found if not event["call_id"].startswith("look_")]

    @property
    def own_calls(self) -> list[tuple[str, dict[str, Any]]]:
        """The calls of the model; those of the first look left out."""
        said = [e for e in self.events if e["event"] == "policy" and e["role"] == "ai" and "by" not in e]
        return [(call["name"], call["args"]) for event in said for call in event["tool_calls"]]

    def pictures(self, request: int) -> list[dict[str, Any]]:
        """The blocks of the user messages of a request that hold pictures."""
        listed = [m["content"] for m in self.requests[request]["messages"] if isinstance(m["content"], list)]
        return [block for blocks in listed for block in blocks]


def user(text: str) -> list[Any]:
    return [SystemMessage("Be brief."), HumanMessage(text)]
