"""Rewards of runs of the real loop, over a real video, with the real tools."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from rewatch import Budget, ClipMemory
from rewatch.agent.graph import Loop
from rewatch.agent.planning.planner import plan_by_rules
from rewatch.agent.prompts import SYSTEM
from rewatch.agent.tool_formats import load_tool_format
from rewatch.memory import Span
from rewatch.tools import BUILT_IN, INTERNAL_TOOLS, Toolbox
from rewatch.training.data.task import Task, Truth
from rewatch.training.rewards import faithful, hit, is_right, load_preset, quotes, tiou, validity
from rewatch.training.rollouts.collector import Collector
from rewatch.training.rollouts.rollout import Rollout

from ...agent.speaking import Speaking

NOTICES = ("SPRING FAIR", "TICKETS 12 EUROS", "ROOM 417")
SUBTITLES = "1\n00:00:09,000 --> 00:00:13,000\nThe budget for next year is ten million.\n"
PRICE = Task(
    id="price",
    question="What do the tickets cost?",
    kind="mcq",
    options=("10 euros", "12 euros", "417 euros"),
    truth=Truth(answer="B", spans=(Span(8, 16),)),
)


@pytest.fixture(scope="module")
def notices(tmp_path_factory: pytest.TempPathFactory, make_talk: Callable[..., Path]) -> ClipMemory:
    """A memory of one 24 s video: 8 s a notice, and a subtitle."""
    folder = tmp_path_factory.mktemp("rollouts")
    video = make_talk(
        folder / "talk.mp4", 24, captions=lambda second: NOTICES[int(second // 8)], size=(640, 360), fps=5
    )
    (folder / "talk.srt").write_text(SUBTITLES, encoding="utf-8")
    memory = ClipMemory(folder / "memory")
    memory.add(video, workers=0, channels=("speech", "visual"))
    return memory


def run(memory: ClipMemory, task: Task, dialect: str, *replies: str) -> Rollout:
    """The loop's last state as a rollout."""
    policy = Speaking(dialect=load_tool_format(dialect), replies=list(replies))
    toolbox = Toolbox(BUILT_IN, inner=INTERNAL_TOOLS)
    system = policy.dialect.system or SYSTEM
    loop = Loop(memory=memory, policy=policy, planner=plan_by_rules, toolbox=toolbox, system=system)
    return Collector(loop=loop, budget=Budget(frames=40, calls=8, seconds=120))([task], 1)[0]


def call(name: str, **arguments: Any) -> str:
    return f"<tool_call>\n{json.dumps({'name': name, 'arguments': arguments})}\n</tool_call>"


def test_vital(notices: ClipMemory):
    good = run(
        notices,
        PRICE,
        "vital",
        "<think> A price is shown second. </think> " + call("get_video_clip_frame", start_time=8.0, end_time=15.0),
        "<think> It reads 12 euros. </think> <answer> B </answer>",
    )
    assert [made.name for made in good.calls] == ["view_clip"] and is_right(good) and validity()(good) == 1.0
    assert load_preset("vital")([good]).totals == (2.5,)
    assert load_preset("longvt")([good]).totals == (pytest.approx(2 + 7 / 8),)
    lazy = run(
        notices, PRICE, "vital", "<think> I guess. </think> <answer> B </answer>", "<think>x</think> <answer>B</answer>"
    )
    assert load_preset("vital")([lazy]).totals == (2.0,)  # sent back once for want of evidence; both turns well formed
    broken = run(
        notices,
        PRICE,
        "vital",
        "<think> Look. </think> " + call("get_video_clip_frame", start_time="later"),
        "<think> Hm. </think> " + call("get_video_clip_frame", start_time=8.0, end_time=15.0),
        "<think> It reads 12 euros. </think> <answer> C </answer> 12 euros, so B",
    )
    assert [made.valid for made in broken.calls] == [False, True]
    assert load_preset("vital")([broken]).parts == {"format": (0.0,), "tool": (0.5,), "task": (0.0,)}


def test_hermes_with_citations_and_quotes(notices: ClipMemory):
    task = Task(
        id="budget",
        question="When is the budget talked about?",
        kind="temporal",
        truth=Truth(spans=(Span(9, 13),)),
    )
    (record,) = notices.videos()

    def answers(quote: str) -> Rollout:
        piece = {"claim": "ten million", "uri": f"video:{record.id}#t=9,13", "tool": "transcribe", "quote": quote}
        last = json.dumps({"answer": "From 9 to 13 s.", "option": None, "evidence": [piece]})
        first = call("transcribe", start=8, end=16, find="money for nothing")
        return run(notices, task, "hermes", first, last, last)

    held, invented = answers("the budget for next year is ten million"), answers("money for nothing")
    assert tiou()(held) == pytest.approx(1.0) and hit()(held) == faithful()(held) == quotes()(held) == 1.0
    assert load_preset("vital", dialect="hermes")([held]).totals == (2.5,)
    assert quotes()(invented) == faithful()(invented) == 0.0  # the tool repeats the words that it was given
