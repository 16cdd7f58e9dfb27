"""The policy's own runs: good ones become traces, vain calls are left out by running again, wrong ones relabelled."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from langchain_core.messages import AIMessage
from rewatch.agent.graph import Loop
from rewatch.agent.planning.planner import plan_by_rules
from rewatch.memory import ClipMemory
from rewatch.tools import BUILT_IN, Toolbox
from rewatch.training.data.task import Task
from rewatch.training.gym import Level, build_memory, environment_of, make_environment
from rewatch.training.gym.evaluation import BUDGET, play
from rewatch.training.gym.expert import Expert
from rewatch.training.rewards import is_right
from rewatch.training.rollouts.rollout import Rollout
from rewatch.training.synthesis import Audit, hindsight, relabeled, rerun
from rewatch.training.synthesis.hindsight import without_vain_calls

LEVEL = Level(clips=6)


@pytest.fixture(scope="module")
def tasks() -> list[Task]:
    return [make_environment(family, seed, LEVEL).task for family in ("two_hops", "spotting") for seed in range(6)]


@pytest.fixture(scope="module")
def memory(tasks: list[Task], tmp_path_factory: pytest.TempPathFactory) -> ClipMemory:
    return build_memory(tasks, tmp_path_factory.mktemp("hindsight") / "memory")


@pytest.fixture(scope="module")
def loop(memory: ClipMemory, tasks: list[Task]) -> Loop:
    return Loop(memory=memory, policy=Expert.of(tasks), planner=plan_by_rules, toolbox=Toolbox(BUILT_IN))


def says(task: Task, loop: Loop, *calls: tuple[str, dict[str, object]], answer: str, uri: str) -> Rollout:
    """A run that makes these calls and answers."""
    script = [
        AIMessage(name, tool_calls=[{"name": name, "args": arguments, "id": str(n), "type": "tool_call"}])
        for n, (name, arguments) in enumerate(calls)
    ]
    body = json.dumps({"answer": answer, "confidence": 0.9, "evidence": [{"claim": answer, "uri": uri}]})
    return rerun(loop, task, [*script, AIMessage(body)], budget=BUDGET)


def test_good_runs_are_kept_as_they_are_and_bad_ones_counted(loop: Loop, tasks: list[Task]) -> None:
    runs = play(loop, tasks, Expert.of(tasks, guess=0.5, seed=4))
    found = hindsight(runs)
    good = [run for run in runs if Audit()(run).passed]
    assert 0 < len(good) < len(runs) and found.reasons["kept"] == len(good) == len(found.traces)
    assert sum(found.reasons.values()) == len(runs)
    for trace, run in zip(found.traces, good, strict=True):
        assert trace.messages is run.messages and trace.meta["by"] == "hindsight"


def test_vain_calls_are_left_out_by_running_again(loop: Loop, tasks: list[Task]) -> None:
    task = tasks[0]
    (plain,) = play(loop, [task], Expert.of([task]))
    search, view = ((call.name, call.arguments) for call in plain.calls)
    place = task.truth.spans[0]
    elsewhere = next(s for s in (0.0, 10.0, 20.0) if abs(s - place.start) > 9)
    uri = f"video:{loop.memory.video(task.videos[0]).id}#t={place.start:g},{place.end:g}"
    wasteful = says(
        task,
        loop,
        search,
        search,
        ("view_clip", {"start": elsewhere, "end": elsewhere + 2}),
        ("crop", {"time": "never"}),
        view,
        answer=str(task.truth.answer),
        uri=uri,
    )
    assert is_right(wasteful) and not Audit()(wasteful).passed and len(wasteful.calls) == 5
    found = hindsight([wasteful], loop=loop, cut=True)
    assert found.reasons == {"cut": 1}
    (trace,) = found.traces
    assert [(call.name, call.arguments) for call in trace.calls] == [search, view]
    results = [call.result.text for call in trace.calls if call.result]
    assert results == [call.result.text for call in plain.calls if call.result] and Audit()(trace).passed
    assert hindsight([wasteful]).reasons == {"a call failed": 1}
    assert without_vain_calls(plain, loop, Audit()) is plain
    with pytest.raises(ValueError, match="give the loop"):
        hindsight([plain], cut=True)


def test_a_run_whose_place_would_get_lost_is_not_cut(loop: Loop, tasks: list[Task]) -> None:
    task = tasks[0]
    place = task.truth.spans[0]
    video = loop.memory.video(task.videos[0]).id
    elsewhere = next(s for s in (0.0, 10.0, 20.0) if abs(s - place.start) > 9)
    only = says(
        task,
        loop,
        ("view_clip", {"start": elsewhere, "end": elsewhere + 2}),
        answer=str(task.truth.answer),
        uri=f"video:{video}#t={place.start:g},{place.end:g}",
    )
    assert hindsight([only], loop=loop, cut=True).traces == ()  # right by luck, and never looked


def spotted(loop: Loop, task: Task, *, search: str | None) -> Rollout:
    """Looks at a thing of another colour than the one that is asked for, and says that this is it."""
    world = environment_of(task).world
    colors = [thing.color for thing in world.things]
    other = next(t for t in world.things if t.span != task.truth.spans[0] and colors.count(t.color) == 1)
    span = other.span
    calls = [("search_clips", {"query": search})] if search else []
    video = loop.memory.video(task.videos[0]).id
    return says(
        task,
        loop,
        *calls,  # type: ignore[arg-type]
        ("view_clip", {"start": span.start, "end": span.end}),
        answer=f"{span.start:g}-{span.end:g} s",
        uri=f"video:{video}#t={span.start:g},{span.end:g}",
    )


def test_a_wrong_span_is_the_right_answer_to_another_question_where_that_is_sound(
    loop: Loop, tasks: list[Task]
) -> None:
    spotting = [task for task in tasks if task.meta["gym"]["family"] == "spotting"]
    task = next(
        task
        for task in spotting
        if any(
            [t.color for t in environment_of(task).world.things].count(thing.color) == 1
            and thing.span != task.truth.spans[0]
            for thing in environment_of(task).world.things
        )
    )
    wrong = spotted(loop, task, search=None)
    assert not is_right(wrong)
    found = hindsight([wrong], loop=loop, relabel=True)
    assert found.reasons == {"relabelled": 1}
    (trace,) = found.traces
    assert trace.task.id != task.id and trace.task.question != task.question and is_right(trace)
    assert trace.task.question in trace.messages[1].text and environment_of(trace.task).world.name in task.videos
    color = trace.task.question.split()[3]
    there = [thing for thing in environment_of(task).world.things if thing.color == color]
    assert [thing.span for thing in there] == list(trace.task.truth.spans)
    # a search for the old question's colour would be a lie in the new conversation
    asked = spotted(loop, task, search=task.meta["about"]["query"])
    assert relabeled(asked, loop, Audit()) is None
    assert relabeled(spotted(loop, task, search="a colored thing"), loop, Audit()) is not None
    # what is not the gym's has no known truth
    assert relabeled(replace(wrong, task=replace(task, source="film")), loop, Audit()) is None
