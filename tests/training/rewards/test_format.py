"""Format, dialect by dialect."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from langchain_core.messages import AIMessage, HumanMessage
from rewatch.agent.tool_formats import TOOL_FORMATS
from rewatch.memory import CapabilityError
from rewatch.training.rewards import format_reward

from .runs import Run

GOOD = "<think>It is blue.</think> <answer>B</answer>"


def scored(text: str, dialect: str = "vital", run: Run | None = None) -> float:
    return format_reward(dialect)((run or Run(dialect=dialect)).end(text))


@pytest.mark.parametrize(
    "text",
    [
        GOOD,
        "\n<think>\nIt is\nblue.\n</think>\n\n<answer>\nB\n</answer>\n",
        "It is blue.</think> <answer>B</answer>",  # the chat template opened the thought
    ],
)
def test_vital_passes(text: str):
    assert scored(text) == 1.0


@pytest.mark.parametrize(
    "text",
    [
        "B",
        "<answer>B</answer>",  # no thought
        "<think>It is blue.</think>",
        "<think>It is blue.</think> B",
        GOOD + " and more",
        "Well. " + GOOD,
        GOOD + GOOD,
        "<think>a b</think><think>c d</think><answer>B</answer>",
        "<think>It is blue.</think> <answer>B</answer><answer>B</answer>",
        "<think></think> <answer>B</answer>",
        "<think>It is blue.</think> <answer> … </answer>",
        "<think> .. </think> <answer> .. </answer>",
        "<think>reasoning process here</think> <answer>answer here</answer>",
        "<think>It is blue.</think> <answer>B",
        "<think>It is blue.</think> <tool_response>x</tool_response> <answer>B</answer>",
        "<think>It is <answer>A</answer> blue.</think> <answer>B</answer>",
        "<think>It is blue.</think> <answer>" + "B" * 1000 + "</answer>",
    ],
)
def test_vital_fails(text: str):
    assert scored(text) == 0.0


def test_every_turn_counts():
    assert scored(GOOD, run=Run().view(40, 50)) == 1.0
    assert scored(GOOD, run=Run().view(40, 50, thought="")) == 0.0


def test_structured_calls_count_as_written():
    run = Run().view(40, 50)
    run.messages[2] = run.messages[2].model_copy(update={"content": "<think>I must look.</think>"})
    assert scored(GOOD, run=run) == 1.0


def test_an_answer_that_was_sent_back_may_be_followed_by_another():
    run = Run()
    run.messages += [AIMessage("<think>Blue.</think> <answer>B</answer>"), HumanMessage("Cite what shows it.")]
    assert scored(GOOD, run=run) == 1.0


def test_a_run_that_ends_with_a_call_has_no_answer():
    call = {"name": "view_clip", "args": {}, "id": "z", "type": "tool_call"}
    run = Run()
    rollout = run.end(GOOD)
    ended = AIMessage("<think>Look.</think> <tool_call>{}</tool_call>", tool_calls=[call])
    assert format_reward("vital")(replace(rollout, messages=(*rollout.messages[:-1], ended))) == 0.0


def test_other_dialects():
    assert scored(GOOD, "ego_r1", Run(dialect="ego_r1").view(40, 50)) == 1.0
    assert scored(GOOD, "ego_r1", Run(dialect="vital").view(40, 50)) == 0.0  # its calls are in <tool>
    assert scored("It is blue, so \\boxed{B}", "pixel_reasoner") == 1.0
    assert scored("It is blue, so \\boxed{B} or not", "pixel_reasoner") == 0.0
    assert scored("It is blue.", "pixel_reasoner") == 0.0
    answer = json.dumps({"answer": "blue", "option": "B", "evidence": []})
    assert scored(answer, "hermes", Run(dialect="hermes").view(40, 50)) == 1.0
    assert scored(f"<think>Blue.</think>\n{answer}", "hermes") == 1.0
    assert scored(answer + " That is it.", "hermes") == 0.0
    assert scored('{"answer": "..."}', "hermes") == 0.0
    assert scored("blue", "hermes") == 0.0


def test_every_dialect_has_a_form():
    for name in TOOL_FORMATS:
        assert format_reward(name)
    with pytest.raises(CapabilityError, match="vital"):
        format_reward("klingon")
