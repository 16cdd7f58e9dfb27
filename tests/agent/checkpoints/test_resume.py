"""A run that is cut off after any node goes on from its checkpoint and ends with the same answer."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from langchain_core.messages import AIMessage, BaseMessage, ToolMessage
from rewatch.agent import Answer, VideoAgent, read_trace
from rewatch.agent.replay import replay
from rewatch.memory import ClipMemory
from rewatch.tools import Reply, VisualQuestion

from ..scripted import Scripted


class Cut(BaseException):
    """Stands for a kill: nothing catches it."""


class Rater:
    """Sees 00:10 as the place that matters."""

    def ask(self, questions: Sequence[VisualQuestion], **_: Any) -> list[Reply]:
        return [
            Reply(text=f"{5 if abs(q.frames[0].time - 10) < 3 else 1}: 00:09-00:12, one thing", tokens=3, yes=0.8)
            for q in questions
        ]


def step(messages: list[BaseMessage], may_call: bool) -> AIMessage:
    """Depends on nothing but the conversation: searches, views what it found, and cites it."""
    seen = [m for m in messages if isinstance(m, ToolMessage)]
    usage = {"input_tokens": len(messages), "output_tokens": 1, "total_tokens": len(messages) + 1}
    wants = [("search_clips", {"query": "budget"}), ("view_clip", {"start": 9, "end": 11})]
    mine = [m for m in seen if m.name in ("search_clips", "view_clip")]
    if may_call and len(mine) < 2:
        name, args = wants[len(mine)]
        call = {"name": name, "args": args, "id": f"m{len(messages)}", "type": "tool_call"}
        return AIMessage("", tool_calls=[call], usage_metadata=usage)
    uri = next((m.artifact["pictures"][0] for m in reversed(seen) if m.artifact.get("pictures")), "")
    sampled = sum(len(str(m.content)) for m in messages)
    return AIMessage(f"A card, see {uri} ({sampled} characters)", usage_metadata=usage)


def build(memory: ClipMemory, folder: Path, policy: Any, seeing: bool) -> VideoAgent:
    runs = folder / "runs"
    viewer = Rater() if seeing else None
    return VideoAgent(
        memory, policy=policy, viewer=viewer, second_look=False, traces=runs, checkpoints=runs / "steps.sqlite"
    )


def plain(answer: Answer, *, cache: bool = False) -> dict[str, Any]:
    """The answer without what no two runs share; attempts side by side also share a cache, or just miss it."""
    row = answer.as_dict()
    row["spend"] = {k: v for k, v in row["spend"].items() if k != "seconds" and not (cache and k == "frames")}
    return {k: v for k, v in row.items() if k not in ("run_id", "trace")}


CASES = [
    ("heuristic", {}, False),
    ("scripted", {}, False),
    pytest.param("scripted", {"route": "adaptive"}, True, marks=pytest.mark.slow),
    pytest.param("scripted", {"route": "skim_zoom"}, True, marks=pytest.mark.slow),
    ("scripted", {"scale": "vote", "width": 3}, False),
]


@pytest.mark.parametrize(("policy", "how", "seeing"), CASES, ids=lambda c: str(c))
def test_cut_after_any_node(
    notices: ClipMemory, tmp_path: Path, policy: str, how: dict[str, Any], seeing: bool
) -> None:
    driver = "heuristic" if policy == "heuristic" else Scripted(step=step)
    question = "When is the budget mentioned?"
    whole = build(notices, tmp_path / "whole", driver, seeing).ask(question, **how)
    events = [e["event"] for e in read_trace(whole.trace or "")]
    assert len(events) >= 4
    for cut in range(2, len(events)):  # after each event but the first (nothing stored yet) and the last
        folder = tmp_path / f"cut{cut}"
        agent = build(notices, folder, driver, seeing)
        told: list[dict[str, Any]] = []

        def listen(event: dict[str, Any], told: list[dict[str, Any]] = told, cut: int = cut) -> None:
            told.append(event)
            if len(told) == cut:
                raise Cut

        with pytest.raises(Cut):
            agent.ask(question, listener=listen, **how)
        again = build(notices, folder, driver, seeing).resume(told[0]["run_id"])
        scaled = "scale" in how
        assert plain(again, cache=scaled) == plain(whole, cache=scaled), f"cut after event {cut} ({events[cut - 1]})"
        assert read_trace(again.trace or "")[-1]["event"] == "answer"
    assert replay(whole.trace or "").differences == []


SCRIPT = """
import os, sys
from pathlib import Path
from rewatch.agent import VideoAgent
from rewatch.memory import ClipMemory
folder, out, cut = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
agent = VideoAgent(ClipMemory(folder, read_only=True), traces=out, checkpoints=out / "steps.sqlite")
told = []
def listen(event):
    told.append(event)
    if len(told) == cut:
        print(told[0]["run_id"], flush=True)
        os.kill(os.getpid(), 9)
agent.ask("When is the budget mentioned?", listener=listen)
"""


def test_really_killed(notices: ClipMemory, tmp_path: Path) -> None:
    whole = VideoAgent(notices).ask("When is the budget mentioned?")
    command = [sys.executable, "-c", SCRIPT, str(notices.folder), str(tmp_path), "3"]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert ended.returncode == -9, ended.stderr
    agent = VideoAgent(notices, traces=tmp_path, checkpoints=tmp_path / "steps.sqlite")
    assert plain(agent.resume(ended.stdout.strip())) == plain(whole)
