"""The expert: it solves every family through the real graph and tools, and is as wasteful as it is told to be."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from langchain_core.messages import AIMessage
from rewatch import VideoAgent
from rewatch.agent.tool_formats import load_tool_format
from rewatch.memory import ClipMemory
from rewatch.tools import BUILT_IN, Toolbox
from rewatch.training.gym import FAMILIES, Environment
from rewatch.training.gym.evaluation import BUDGET, play
from rewatch.training.gym.expert import Expert
from rewatch.training.rewards.answers import is_right
from rewatch.training.rollouts.collector import Collector
from rewatch.training.rollouts.rollout import Rollout

Play = Callable[..., list[Rollout]]


@pytest.mark.parametrize("family", FAMILIES)
def test_the_expert_is_always_right_and_uses_the_tools_that_are_needed(family: str, played: Play) -> None:
    for rollout in played(family):
        assert is_right(rollout), (rollout.task.id, rollout.answer.text, rollout.task.truth)
        used = {made.name for made in rollout.calls}
        assert set(rollout.task.meta["needs"]) <= used and all(made.valid for made in rollout.calls)
        assert rollout.repeats == 0 and all(item.supported for item in rollout.answer.evidence)
        assert bool(rollout.answer.evidence) == bool(rollout.task.meta["needs"])


@pytest.mark.parametrize("family", ["viewing", "cropping", "two_hops", "listening", "retrieval", "day"])
def test_without_the_tool_the_expert_has_to_guess(
    family: str, environments: dict[str, list[Environment]], memory: ClipMemory
) -> None:
    from dataclasses import replace

    from rewatch.agent.graph import Loop
    from rewatch.agent.planning.planner import plan_by_rules

    tasks = [one.task for one in environments[family]]
    policy = Expert.of(tasks)
    needed = tasks[0].meta["needs"][-1]
    loop = Loop(memory=memory, policy=policy, planner=plan_by_rules, toolbox=Toolbox(BUILT_IN))
    without = replace(loop, toolbox=Toolbox([tool for tool in BUILT_IN if tool.name != needed]))
    right = [is_right(rollout) for rollout in play(without, tasks, policy)]
    assert sum(right) / len(right) < 0.67


def test_guesses_and_wasted_calls_come_as_often_as_told_and_the_same_again(
    environments: dict[str, list[Environment]], memory: ClipMemory
) -> None:
    tasks = [one.task for one in environments["two_hops"]] * 6
    rollouts = Collector(loop=_loop(memory, Expert.of(tasks, guess=0.5, waste=0.3)), budget=BUDGET)(tasks, 1, seed=1)
    guessed = [rollout for rollout in rollouts if not rollout.calls]
    assert len(guessed) / len(rollouts) == pytest.approx(0.5, abs=0.15)
    assert sum(map(is_right, guessed)) / len(guessed) < 0.5
    looked = [rollout for rollout in rollouts if rollout.calls]
    assert all(is_right(rollout) for rollout in looked)
    extra = sum(len(rollout.calls) - 2 for rollout in looked)
    assert extra / (2 * len(looked)) == pytest.approx(0.3, abs=0.15)
    again = Collector(loop=_loop(memory, Expert.of(tasks, guess=0.5, waste=0.3)), budget=BUDGET)(tasks, 1, seed=1)
    assert [[m.content for m in r.messages] for r in again] == [[m.content for m in r.messages] for r in rollouts]


def _loop(memory: ClipMemory, policy: Expert) -> Any:
    from rewatch.agent.graph import Loop
    from rewatch.agent.planning.planner import plan_by_rules

    return Loop(memory=memory, policy=policy, planner=plan_by_rules, toolbox=Toolbox(BUILT_IN))


@pytest.mark.parametrize("name", ["hermes", "vital", "ego_r1"])
def test_what_the_expert_writes_is_read_back_by_its_dialect(
    name: str, environments: dict[str, list[Environment]], memory: ClipMemory
) -> None:
    tasks = [one.task for one in environments["viewing"][:4]]
    dialect = load_tool_format(name)
    for rollout in play(memory, tasks, Expert.of(tasks, dialect=dialect)):
        assert is_right(rollout)
        for place, message in enumerate(rollout.messages):
            if isinstance(message, AIMessage) and "by" not in message.additional_kwargs:
                read = dialect.read(message.text, rollout.messages[:place])
                assert [c["name"] for c in read.calls] == [c["name"] for c in message.tool_calls]
                assert not read.invalid


def test_the_expert_answers_through_the_agent_that_people_use(
    environments: dict[str, list[Environment]], memory: ClipMemory
) -> None:
    task = environments["two_hops"][0].task
    answer = VideoAgent(memory, policy=Expert.of([task])).ask(task.question, videos=task.videos)
    assert answer.text == task.truth.answer and answer.evidence[0].supported
