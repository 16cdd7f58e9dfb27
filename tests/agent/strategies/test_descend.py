"""`descend`: down the levels of a timeline, by the rules planner where recordings span hours, within its calls."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage
from lives import HOUR, add, build
from rewatch import Budget, ClipMemory, VideoAgent
from rewatch.agent.descent import is_long
from rewatch.agent.questions.question import question_about

from ..scripted import Scripted


@pytest.fixture(scope="module")
def life(tmp_path_factory: pytest.TempPathFactory) -> ClipMemory:
    return build(tmp_path_factory.mktemp("life"))


def calls_of(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [event["arguments"] for event in events if event.get("tool") == "search_clips"]


def test_it_goes_down_to_the_clip(life: ClipMemory) -> None:
    events: list[dict[str, Any]] = []
    answer = VideoAgent(life).ask("Where is the violin?", listener=events.append)
    two = life.video("two").id
    assert "cellar" in answer.text and answer.evidence[0].uri == f"video:{two}#t=4200,4204"
    levels = [arguments.get("level", "clip") for arguments in calls_of(events)]
    assert levels == ["clip", "day", "hour", "clip"], "the first look, then down"
    assert calls_of(events)[-1]["start"] == "DAY2 10:00:00"
    (plan,) = (event["plan"] for event in events if event["event"] == "plan")
    assert plan["route"] == "descend" and plan["by"] == "rules"


def test_words_for_time_bound_it(life: ClipMemory) -> None:
    events: list[dict[str, Any]] = []
    VideoAgent(life).ask("What arrived on day 2?", listener=events.append)
    down = [arguments for arguments in calls_of(events) if arguments.get("level")]
    assert down and all(arguments["start"] >= "DAY2" for arguments in down)


def test_habits_answer_what_is_usual(life: ClipMemory) -> None:
    answer = VideoAgent(life).ask("When does she usually feed the cat?")
    assert "on 3 of 3 days" in answer.text and "09:12" in answer.text
    assert len({item.uri for item in answer.evidence}) == 3 and all(item.supported for item in answer.evidence)
    early = VideoAgent(life).ask("How often does she feed the cat?", now="DAY3 12:00")
    assert "on 2 of 2 days" in early.text
    # What all sources tell together stands over their lines: where no source says more than the question, too.
    counted = VideoAgent(life).ask("Is it now that I am usually feeding the cat again, in time?")
    assert min(answer.confidence, early.confidence, counted.confidence) >= 0.8


def test_a_model_is_handed_what_was_found(life: ClipMemory) -> None:
    told: list[list[BaseMessage]] = []

    def step(messages: list[BaseMessage], may_call: bool) -> AIMessage:
        told.append(messages)
        return AIMessage("NOT FOUND: nothing.")

    VideoAgent(life, policy=Scripted(step=step)).ask("Where is the violin?")
    last = [message for message in told[0] if isinstance(message, HumanMessage)][-1]
    assert "from the coarse to the fine" in last.text and last.additional_kwargs["cites"]


@pytest.mark.parametrize("calls", range(8))
def test_no_budget_is_too_small(life: ClipMemory, calls: int) -> None:
    answer = VideoAgent(life, budget=Budget(calls=calls)).ask("Where is the violin?", route="descend")
    assert answer.spend["calls"] <= calls


def test_short_or_undated_recordings_are_searched_as_before(life: ClipMemory, tmp_path: Path) -> None:
    assert is_long(question_about(life, "Where?"))
    assert not is_long(question_about(life, "Where?", videos=["door", "kitchen"])), "less than three hours"
    memory = ClipMemory(tmp_path / "memory")
    add(memory, tmp_path, "undated", None, 5 * HOUR, [(30, "A zeppelin.")])
    assert not is_long(question_about(memory, "Where?"))
