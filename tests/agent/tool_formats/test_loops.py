"""The whole loop driven by replies in each published format, over a real video."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from langchain_core.messages import AIMessage, HumanMessage
from rewatch import Budget, ClipMemory, VideoAgent
from rewatch.agent.answer import Answer
from rewatch.agent.planning.planner import plan_by_rules
from rewatch.agent.tool_formats import load_tool_format, with_prompt
from rewatch.tools import view_frames

from ..scripted import Scripted, observations
from ..speaking import Speaking

QUESTION, OPTIONS = "What do the tickets cost?", ("10 euros", "12 euros", "417 euros")


def ask(notices: ClipMemory, dialect: str, *replies: str, **agent: Any) -> tuple[Answer, Speaking]:
    policy = Speaking(dialect=load_tool_format(dialect), replies=list(replies))
    answer = VideoAgent(notices, policy=policy, budget=Budget(frames=40, calls=8), **agent).ask(
        QUESTION, options=OPTIONS
    )
    assert not policy.replies, "the loop ended before the last reply"
    return answer, policy


def call(name: str, **arguments: Any) -> str:
    return f"<tool_call>\n{json.dumps({'name': name, 'arguments': arguments})}\n</tool_call>"


def tool(name: str, **arguments: Any) -> str:
    return f"<tool>{json.dumps({'name': name, 'arguments': arguments})}</tool>"


def holds(answer: Answer, used: str, start: float, end: float) -> None:
    """The right option, with one piece of evidence that this run observed."""
    assert (answer.option, answer.text, answer.stopped_by) == ("B", "12 euros", "answer")
    (evidence,) = answer.evidence
    assert evidence.supported and evidence.tool == used and evidence.span is not None
    assert (evidence.span.start, evidence.span.end) == (pytest.approx(start, abs=0.3), pytest.approx(end, abs=0.3))


def test_vital_zooms_in_and_answers(notices: ClipMemory):
    answer, policy = ask(
        notices,
        "vital",
        "<think> A price is shown second. </think> " + call("get_video_clip_frame", start_time=8.00, end_time=14.00),
        "<think> It reads 12 euros. </think> <answer> B </answer>",
    )
    holds(answer, "view_clip", 8.0, 14.0)
    assert answer.spend["frames"] == 12  # 6 s at 2 frames a second
    assert answer.spend["calls"] == 2 + 1  # the first look (the question, the options), and its own
    assert [s["function"]["name"] for s in policy.offered] == ["get_video_clip_frame"]  # nobody to ask or to caption
    shown = observations(policy.told)
    assert len(shown[0].artifact["pictures"]) == 12


def test_vital_is_told_how_to_write_a_call(notices: ClipMemory):
    answer, policy = ask(
        notices,
        "vital",
        "<think>hm</think> " + call("get_video_clip_frame", start_time="later"),
        "<think>Again.</think> " + call("get_video_clip_frame", start_time=9, end_time=11),
        "<think>Yes.</think> <answer>B</answer>",
    )
    holds(answer, "view_clip", 9.0, 11.0)
    failed = observations(policy.told)[0]
    assert failed.status == "error"


def test_longvt_crops_and_answers(notices: ClipMemory):
    (record,) = notices.videos()
    answer, policy = ask(
        notices,
        "longvt",
        "<think>Let me see.</think> " + call("crop_video", video_path=record.id, start_time=8.0, end_time=16.0),
        "<think>There it is.</think> <answer>B. 12 euros</answer> and more",
    )
    assert answer.option == "B" and answer.text == "B. 12 euros" and answer.spend["frames"] == 8
    assert answer.evidence[0].supported and answer.evidence[0].tool == "view_clip"
    assert [s["function"]["name"] for s in policy.offered] == ["crop_video"]


def test_pixel_reasoner_selects_crops_and_answers(notices: ClipMemory):
    answer, policy = ask(
        notices,
        "pixel_reasoner",
        "The second card matters. " + call("select_frames", target_frames=[7, 8]),  # of 16 spread over 24 s
        "I zoom in. " + call("crop_image_normalized", bbox_2d=[0.1, 0.3, 0.9, 0.7], target_image=2),
        r"It reads 12 euros. \boxed{B}",
        tools=[view_frames],
    )
    holds(answer, "crop", 11.25, 11.25)  # the middle of the eighth part of 1.5 s
    assert answer.boxes[0] == pytest.approx((0.1, 0.3, 0.9, 0.7))
    assert answer.spend["frames"] == 3
    first = observations(policy.told)[0]
    assert [uri.split("#t=")[1] for uri in first.artifact["pictures"]] == ["9.6", "11.2"]  # the frames on screen then


def test_ego_r1_searches_asks_and_answers(notices: ClipMemory):
    def look(messages: list, tools: bool) -> AIMessage:
        asked = str(messages[-1].content)
        return AIMessage("Yes" if "Yes or No" in asked else "A card says TICKETS 12 EUROS.")

    viewer = Scripted(step=look)
    answer, policy = ask(
        notices,
        "ego_r1",
        "<think>Search first.</think>"
        + tool("rag", level="hour", keywords=["tickets"], start_time="DAY1_00000000", query_time="DAY1_00002400"),
        "<think>There.</think>" + tool("video_llm", question="What is the price?", range="DAY1_00000800-DAY1_00001600"),
        "<think>Once more.</think>" + tool("vlm", question="Which price?", timestamp="DAY1_00001210"),
        "<think>12.</think><answer>\nB.\n</answer>",
        viewer=viewer,
    )
    holds(answer, "ask_clip", 12.5, 12.5)
    assert {s["function"]["name"] for s in policy.offered} == {"rag", "video_llm", "vlm"}
    found, looked, _ = observations(policy.told)
    assert "TICKETS 12 EUROS" in found.text and "TICKETS 12 EUROS" in looked.text


def test_an_answer_that_nothing_was_looked_at_for_is_sent_back(notices: ClipMemory):
    answer, policy = ask(
        notices,
        "vital",
        "<think>I guess.</think> <answer>B</answer>",
        "<think>I look.</think> " + call("get_video_clip_frame", start_time=8, end_time=10),
        "<think>So it is.</think> <answer>B</answer>",
        planner=lambda situation: replace(plan_by_rules(situation), looks=()),
    )
    holds(answer, "view_clip", 8.0, 10.0)
    assert any("number of the line" in str(m.content) for m in policy.told if isinstance(m, HumanMessage))


def test_the_model_is_given_its_own_prompt(notices: ClipMemory):
    policy = Speaking(
        dialect=with_prompt(load_tool_format("vital"), "video_of_thought"), replies=["<answer>N/A</answer>"]
    )
    answer = VideoAgent(notices, policy=policy).ask(QUESTION, options=OPTIONS)
    assert answer.abstained
    system = str(policy.told[0].content)
    assert "<tool_call>" in system and "Task and target" in system
