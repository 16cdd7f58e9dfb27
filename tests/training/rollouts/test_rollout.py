"""What rewards see of a run."""

from __future__ import annotations

from langchain_core.messages import AIMessage
from rewatch.agent import Answer
from rewatch.agent.parsing.final_json import json_answer
from rewatch.agent.parsing.reply import parse_reply
from rewatch.training.rollouts.rollout import Rollout

from ..rewards.runs import Run, task, uri


def test_said_is_only_what_the_model_wrote():
    run = Run().call("view_clip", uri(0, 10), by="route", start=0, end=10, thought="ROUTE")
    rollout = run.view(40, 50, text="OBSERVED", thought="MINE").say("B")
    assert "MINE" in rollout.said and "<answer>B</answer>" in rollout.said
    assert "ROUTE" not in rollout.said and "OBSERVED" not in rollout.said and "You answer" not in rollout.said
    assert [made.arguments["start"] for made in rollout.calls] == [40]
    assert [look.own for look in rollout.looked] == [False, True]


def test_a_message_that_the_loop_wrote_for_a_failed_policy_is_not_the_models():
    answer = Answer(question="?", text="The policy failed.", abstained=True, stopped_by="policy_error")
    run = Run().view(0, 10)
    rollout = Rollout(
        task=run.task, answer=answer, messages=(*run.messages, AIMessage('{"answer": "The policy failed."}'))
    )
    assert len(rollout.own) == 1 and rollout.final == "" and rollout.written == ""


def test_calls_that_failed_were_skipped_or_could_not_be_read_are_not_valid():
    run = Run().view(0, 10, error=True).view(20, 30).view(60, 70)
    run.messages[-1].artifact["skipped"] = True
    broken = {"name": "view_clip", "args": "{", "id": "x", "error": "not JSON", "type": "invalid_tool_call"}
    run.messages.append(AIMessage("<tool_call>{</tool_call>", invalid_tool_calls=[broken]))
    rollout = run.say("B")
    assert [made.valid for made in rollout.calls] == [False, True, False, False]
    assert [str(look.uri) for look in rollout.looked] == [uri(20, 30)]


def test_repeats_are_the_same_call_or_the_same_place():
    run = Run().view(40, 50).view(40, 50).view(40.2, 50).view(60, 70)
    run.call("ask_clip", uri(40, 50), start=40, end=50, question="who?")
    run.call("ask_clip", uri(40, 50), start=40, end=50, question="what?")  # another question is another call
    rollout = run.say("B")
    assert rollout.repeats == 2 and len(rollout.distinct) == 4


def test_a_failed_call_may_be_made_again():
    rollout = Run().view(40, 50, error=True).view(40, 50).say("B")
    assert rollout.repeats == 0 and len(rollout.distinct) == 1
    rollout = Run().view(40, 50).view(40, 50, error=True).say("B")
    assert rollout.repeats == 0  # a call that brought nothing repeats nothing


def test_written_answer():
    assert parse_reply("<think>A?</think> <answer>C</answer> or B").written() == "C"
    assert parse_reply("<answer>C</answer><answer>B</answer>").written() == "B"
    assert parse_reply('<think>x</think>\n{"answer": "two cups", "option": null}').written() == "two cups"
    assert parse_reply('```json\n{"answer": "two"}\n```').written() == "two"
    assert parse_reply(r"So it is \boxed{B}").written() == "B"
    assert parse_reply("<think>only thoughts, <answer>A</answer></think>").written() == ""
    assert parse_reply("two cups").written() == "two cups"
    assert json_answer('{"start": 3}') is None and json_answer("[1]") is None


def test_turns_are_the_token_records():
    record = {"given": [1], "pictures": [], "grids": [], "sampled": [2, 3], "logprobs": [-0.1, -0.2]}
    run = Run()
    run.messages.append(AIMessage("<answer>B</answer>", response_metadata={"tokens": record}))
    answer = Answer(question="?", text="B")
    assert Rollout(task=task(), answer=answer, messages=tuple(run.messages)).turns == [record]
