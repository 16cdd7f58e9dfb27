"""What the audit refuses, each by its reason: nothing that games a reward may be learnt from."""

from __future__ import annotations

import json
from typing import Any

import pytest
from langchain_core.messages import AIMessage
from rewatch.agent.graph import Loop
from rewatch.agent.models.registry import HeuristicPolicy
from rewatch.agent.planning.planner import plan_by_rules
from rewatch.tools import BUILT_IN, Toolbox
from rewatch.training.data.task import Task
from rewatch.training.gym import Level, build_memory, make_environment
from rewatch.training.gym.evaluation import BUDGET
from rewatch.training.rollouts.rollout import Rollout
from rewatch.training.synthesis import Audit, rerun


@pytest.fixture(scope="module")
def task() -> Task:
    return make_environment("viewing", 3, Level(clips=6)).task


@pytest.fixture(scope="module")
def loop(task: Task, tmp_path_factory: pytest.TempPathFactory) -> Loop:
    memory = build_memory([task], tmp_path_factory.mktemp("audit") / "memory")
    return Loop(memory=memory, policy=HeuristicPolicy(), planner=plan_by_rules, toolbox=Toolbox(BUILT_IN))


def run(
    loop: Loop, task: Task, *looks: tuple[float, float], answer: str, cites: Any, quote: str | None = None
) -> Rollout:
    video = loop.memory.video(task.videos[0]).id
    script = []
    for start, end in looks:
        arguments = {"start": start, "end": end}
        body = json.dumps({"name": "view_clip", "arguments": arguments})
        call = {"name": "view_clip", "args": arguments, "id": "x", "type": "tool_call"}
        script.append(AIMessage(f"<tool_call>\n{body}\n</tool_call>", tool_calls=[call]))
    uris = [f"video:{video}#t={start:g},{end:g}" for start, end in cites]
    evidence = [{"claim": answer, "uri": uri, "quote": quote} for uri in uris]
    body = json.dumps({"answer": answer, "confidence": 0.9, "evidence": evidence})
    return rerun(loop, task, [*script, AIMessage(body)], budget=BUDGET)


def test_each_way_of_gaming_has_its_reason(loop: Loop, task: Task) -> None:
    audit, right = Audit(dialect="hermes"), str(task.truth.answer)
    place = (task.truth.spans[0].start, task.truth.spans[0].end)
    end = loop.memory.video(task.videos[0]).end
    elsewhere = (0.0, 2.0) if place[0] > 4 else (end - 2.0, end)

    def reason(*looks: tuple[float, float], answer: str = right, cites: Any = (place,), **more: Any) -> str | None:
        return audit(run(loop, task, *looks, answer=answer, cites=cites, **more)).reason

    good = audit(run(loop, task, place, answer=right, cites=[place]))
    assert good.passed and good.rewards["task"] == good.rewards["faithful"] == good.rewards["format"] == 1
    assert reason(place, answer="mauve") == "wrong answer"
    assert reason(place, answer=right + " and so on" * 120) == "answer too long"
    assert reason(cites=()) == "no evidence"
    assert reason(elsewhere) in ("never looked at the place", "evidence is elsewhere")
    assert reason(place, elsewhere, cites=[elsewhere]) == "evidence is elsewhere"
    assert reason((0.0, end), place, cites=[(0.0, end), place]) == "cites the whole video"
    assert reason(place, cites=[place], quote="words that nobody said") == "unfaithful evidence"
    assert reason(place, place) == "repeated calls"
    assert reason(place, (end + 50, end + 60)) is not None
    assert Audit(most_repeats=1)(run(loop, task, place, place, answer=right, cites=[place])).passed
    chatty = run(loop, task, place, answer=right, cites=[place])
    words = AIMessage(chatty.own[-1].text + " That is all.")
    assert audit(rerun(loop, task, [*chatty.own[:-1], words], budget=BUDGET)).reason is not None
