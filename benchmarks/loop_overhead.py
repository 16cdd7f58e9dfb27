"""CPU time that the loop adds to one policy-tool round trip, beside a bare LangGraph loop of two nodes in the same run.

    python benchmarks/loop_overhead.py [--trips 200] [--runs 7]

The policy and the tool do next to nothing, so what is left is the graph, the toolbox, the budget, the messages and the
trace. Limit: 2 ms CPU a round trip. Exits 1 when it is missed. Also prints what a 50-turn run writes when every step is
checkpointed in SQLite (limit: 1 MB).
"""

from __future__ import annotations

import argparse
import asyncio
import json
import operator
import tempfile
import time
from pathlib import Path
from typing import Annotated, Any, TypedDict

import numpy as np
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, ToolMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from langgraph.graph import END, START, StateGraph
from rewatch import Budget, ClipMemory, VideoAgent
from rewatch.memory.protocol import Frame, VideoInfo
from rewatch.tools import tool

LIMIT_MS = 2.0
LIMIT_BYTES = 1_000_000


class Caller(BaseChatModel):
    """Calls the tool `trips` times, then answers."""

    trips: int

    @property
    def _llm_type(self) -> str:
        return "caller"

    def bind_tools(self, tools: Any, **kwargs: Any) -> Any:
        return self.bind(bound=True)

    def _generate(self, messages: Any, stop: Any = None, run_manager: Any = None, **kwargs: Any) -> ChatResult:
        done = (len(messages) - 2) // 2
        if done < self.trips and kwargs.get("bound"):
            call = {"name": "note", "args": {"text": f"turn {done}"}, "id": f"c{done}", "type": "tool_call"}
            message = AIMessage(content="", tool_calls=[call])
        else:
            message = AIMessage(content=json.dumps({"answer": "done", "abstained": True}))
        return ChatResult(generations=[ChatGeneration(message=message)])


@tool(cacheable=False)
def note(text: str) -> str:
    """Take a note.

    Args:
        text: what to note.
    """
    return text


class Still:
    """A grey picture of ten seconds: the memory needs some video."""

    info = VideoInfo(
        path="still", size=0, start=0.0, end=10.0, width=64, height=48, rotation=0, fps=1.0, frames=10, codec="raw",
        pixel_format="rgb24", has_audio=False, audio_codec=None, subtitle_streams=(),
    )  # fmt: skip
    content_id = "5" * 64

    def frames_at(self, times: Any, *, size: int | None = None) -> Any:
        return (Frame(t, np.full((48, 64, 3), 128, np.uint8)) for t in times)

    def frames(self, span: Any, fps: float, *, size: int | None = None) -> Any:
        return self.frames_at(np.arange(span.start, span.end, 1 / fps))

    def keyframes(self, span: Any = None, *, size: int | None = None) -> Any:
        return self.frames_at([0.0])

    def audio(self, span: Any = None, *, rate: int = 16000) -> Any:
        return np.zeros(0, np.float32)

    def close(self) -> None:
        pass


class Bare(TypedDict):
    """State of the bare loop: messages, appended."""

    messages: Annotated[list, operator.add]


async def bare(trips: int) -> float:
    """CPU seconds a round trip of LangGraph alone: two async nodes that append messages."""

    async def policy(state: Bare) -> dict:
        return {"messages": [AIMessage(content="", tool_calls=[{"name": "n", "args": {}, "id": "c"}])]}

    async def tools(state: Bare) -> dict:
        return {"messages": [ToolMessage("x", tool_call_id="c")]}

    graph = StateGraph(Bare)
    graph.add_node("policy", policy)
    graph.add_node("tools", tools)
    graph.add_edge(START, "policy")
    graph.add_edge("policy", "tools")
    graph.add_conditional_edges(
        "tools", lambda s: END if len(s["messages"]) >= 2 * trips else "policy", ["policy", END]
    )
    compiled = graph.compile()
    began = time.process_time()
    async for _ in compiled.astream({"messages": []}, {"recursion_limit": 4 * trips}, stream_mode="updates"):
        pass
    return (time.process_time() - began) / trips


def ours(agent: VideoAgent, trips: int) -> float:
    """CPU seconds a round trip of the agent."""
    began = time.process_time()
    answer = agent.ask("What?")
    assert answer.spend["calls"] == trips, answer
    return (time.process_time() - began) / trips


def policy_and_tool(trips: int) -> float:
    """CPU seconds that the policy and the tool themselves take a round trip."""
    model = Caller(trips=trips).bind_tools([note])
    messages: list[Any] = [AIMessage(""), AIMessage("")]

    async def run() -> None:
        for _ in range(trips):
            await model.ainvoke(messages)
            note.func("x")  # type: ignore[misc]

    began = time.process_time()
    asyncio.run(run())
    return (time.process_time() - began) / trips


def main() -> None:
    """Measure, print, and fail when a limit is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trips", type=int, default=200)
    parser.add_argument("--runs", type=int, default=7)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        memory = ClipMemory(Path(folder) / "memory")
        memory.add(Still(), channels=("visual",), workers=0)
        budget = Budget(calls=args.trips + 1, seconds=None)
        agent = VideoAgent(memory, policy=Caller(trips=args.trips), tools=[note], budget=budget)
        traced = VideoAgent(
            memory, policy=Caller(trips=args.trips), tools=[note], budget=budget, traces=Path(folder) / "runs"
        )
        rows: dict[str, list[float]] = {"LangGraph alone": [], "policy and tool": [], "the loop": [], "with trace": []}
        for _ in range(args.runs):
            rows["LangGraph alone"].append(asyncio.run(bare(args.trips)))
            rows["policy and tool"].append(policy_and_tool(args.trips))
            rows["the loop"].append(ours(agent, args.trips))
            rows["with trace"].append(ours(traced, args.trips))
        for name, values in rows.items():
            print(f"{name:<16} {1000 * min(values):6.2f} ms CPU a round trip (max {1000 * max(values):.2f})")
        beyond = 1000 * (min(rows["with trace"]) - min(rows["policy and tool"]))
        print(f"beyond policy and tool, with trace: {beyond:.2f} ms (limit {LIMIT_MS})")
        stored = Path(folder) / "steps" / "steps.sqlite"
        VideoAgent(memory, policy=Caller(trips=50), tools=[note], budget=budget, checkpoints=stored).ask("What?")
        size = sum(f.stat().st_size for f in stored.parent.iterdir())
        print(f"50 turns, every step checkpointed: {size / 1e6:.2f} MB (limit {LIMIT_BYTES / 1e6:.0f})")
        raise SystemExit(beyond > LIMIT_MS or size > LIMIT_BYTES)


if __name__ == "__main__":
    main()
