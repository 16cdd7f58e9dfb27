"""plan_by_model: what a model may write as a plan, and what happens when it does not."""

from __future__ import annotations

import asyncio
import json
import threading

import pytest
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage
from rewatch.agent.planning.model_planner import describe, plan_by_model
from rewatch.agent.planning.planner import Plan, Situation, plan_by_rules
from rewatch.agent.questions.question import Question
from rewatch.agent.strategies import ROUTES
from rewatch.tools import Budget

from .scripted import Scripted, in_turn

VIDEO = {
    "id": "0a1b2c3d",
    "name": "talk.mp4",
    "start": 0.0,
    "end": 5400.0,
    "width": 640,
    "height": 360,
    "has_audio": True,
    "channels": ["speech", "screen_text"],
}
SILENT = {**VIDEO, "id": "11111111", "name": "yard.mp4", "end": 90.0, "has_audio": False, "channels": []}
SITUATION = Situation(
    question=Question(
        text="What does the speaker say about the budget?", options=("cut", "kept"), videos=(VIDEO, SILENT)
    ),
    tools=("search_clips", "transcribe"),
    routes=("search", "skim_zoom"),
    budget=Budget(frames=64, calls=12, tokens=None, seconds=None),
)


def reply(text: str, tokens: int = 10) -> AIMessage:
    usage = {"input_tokens": tokens - 1, "output_tokens": 1, "total_tokens": tokens}
    return AIMessage(content=text, usage_metadata=usage)


def proposal(**fields: object) -> str:
    return json.dumps({"route": "search", "sub_questions": [], "share": 0.5, "reason": "short", **fields})


def plan(model: BaseChatModel, situation: Situation = SITUATION) -> Plan:
    async def run() -> Plan:
        made = plan_by_model(model)(situation)
        return made if isinstance(made, Plan) else await made

    return asyncio.run(run())


def test_the_model_is_told_all_that_a_plan_needs():
    told = describe(SITUATION)
    for fact in ("budget?", "A. cut", "B. kept", "1:30:00 long, with sound", "speech, screen_text"):
        assert fact in told
    assert "01:30 long, without sound; the memory holds: none" in told
    assert f"- search: {ROUTES['search'].about}" in told and "- skim_zoom" in told and "- direct" not in told
    assert "search_clips, transcribe" in told and "64 frames, 12 calls." in told


def test_nothing_after_now_is_counted():
    asked = Question(text="Where?", videos=(VIDEO,), now=60.0)
    situation = Situation(question=asked, tools=(), routes=("search",), budget=Budget())
    assert "01:00 long" in describe(situation)


@pytest.mark.parametrize(
    "text",
    [
        proposal(sub_questions=["Where is the budget named?", "What is said there?"]),
        "```json\n" + proposal(sub_questions=["Where is the budget named?", "What is said there?"]) + "\n```",
        "<think>search {or} not?</think>\nHere it is: "
        + proposal(sub_questions=[" Where is the  budget named?", "", "What is said there?"]),
        "{'route': 'Search', 'sub_questions': ('Where is the budget named?', 'What is said there?',), 'share': '0.5', "
        "'reason': 'short',}",
    ],
)
def test_a_plan_is_read_however_it_is_wrapped(text: str):
    made = plan(in_turn(reply(text)))
    assert (made.by, made.route, made.share, made.tokens) == ("model", "search", 0.5, 10)
    assert made.sub_questions == ("Where is the budget named?", "What is said there?")
    assert made.text == "search: short" and made.said == text
    assert (made.kind, made.channel) == (plan_by_rules(SITUATION).kind, plan_by_rules(SITUATION).channel)
    assert Plan.from_dict(made.as_dict()) == made


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("search, I think", "no JSON object"),
        (proposal(route="fly"), "no route 'fly'; take one of search, skim_zoom"),
        (proposal(route="direct"), "no route 'direct'"),
        (proposal(share=1.5), "share"),
        (proposal(share=0), "share"),
        (proposal(sub_questions=["x"] * 9), "sub_questions"),
        (proposal(sub_questions=["x" * 201]), "sub_questions.0"),
        (json.dumps({"reason": "no route"}), "route"),
        ('{"route": "search", "share": 0.', "no JSON object"),
        ("", "no JSON object"),
    ],
)
def test_what_is_wrong_is_named_and_may_be_mended_once(text: str, named: str):
    asked: list[str] = []
    left = [reply(text, 30), reply(proposal(route="skim_zoom"), 40)]

    def step(messages: list, tools: bool) -> AIMessage:
        asked.append(str(messages[-1].content))
        return left.pop(0)

    made = plan(Scripted(step=step))
    assert (made.by, made.route, made.tokens) == ("model", "skim_zoom", 70)
    assert len(asked) == 2 and named in asked[1]


def test_after_the_second_bad_plan_the_rules_plan():
    made = plan(in_turn(reply("search", 30), reply("still search", 40)))
    rules = plan_by_rules(SITUATION)
    assert (made.by, made.said, made.tokens) == ("rules", "still search", 70)
    assert (made.route, made.text, made.kind) == (rules.route, rules.text, rules.kind)


def test_a_model_that_fails_leaves_the_planning_to_the_rules():
    def step(messages: list, tools: bool) -> AIMessage:
        raise ConnectionError("server gone")

    made = plan(Scripted(step=step))
    assert made.by == "rules" and made.tokens == 0 and "ConnectionError: server gone" in made.said


def test_a_model_that_hangs_does_not_hold_up_the_run():
    over = threading.Event()

    def step(messages: list, tools: bool) -> AIMessage:
        over.wait(250)
        return reply(proposal())

    async def run() -> Plan:
        situation = Situation(question=SITUATION.question, tools=(), routes=("search",), budget=Budget(seconds=0.4))
        try:
            return await plan_by_model(Scripted(step=step))(situation)  # type: ignore[misc]
        finally:
            over.set()  # not before: the run went on while the model hung

    made = asyncio.run(run())
    assert made.by == "rules" and "no plan in time" in made.said


def test_another_fallback_may_plan():
    async def fixed(situation: Situation) -> Plan:
        return Plan(text="as told", route="skim_zoom", kind="what", channel=None, by="user")

    async def run() -> Plan:
        return await plan_by_model(in_turn(reply("?")), fallback=fixed)(SITUATION)  # type: ignore[misc]

    made = asyncio.run(run())
    assert (made.by, made.route, made.text, made.said) == ("user", "skim_zoom", "as told", "?")
