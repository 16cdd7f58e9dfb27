"""Served policies: the whole loop over a server that misbehaves by script."""

from __future__ import annotations

import asyncio
import base64
import json
import re
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from langchain_core.messages import AIMessage

pytest.importorskip("langchain_openai", reason="needs the extra: pip install 'rewatch[remote]'")

from rewatch import Budget, ClipMemory, VideoAgent
from rewatch.agent import Answer, load_policy, read_trace
from rewatch.agent.models.served.openai_compatible import ServedPolicy

from ...scripted import Scripted
from .served_run import KEY, LOOK, Run
from .servers import USAGE, Server, Step, answers, calls, cut, drip, flood, raw, says, silence, status, streams

# --- the loop over a server that behaves


def test_frames_go_as_pictures_after_the_tool_messages_each_behind_its_time(notices: ClipMemory, tmp_path: Path):
    run = Run(notices, tmp_path, LOOK, answers("12 euros"))
    assert run.answer.text == "12 euros" and run.answer.stopped_by == "answer"
    assert run.answer.evidence[0].supported and run.answer.spend["tokens"] == 240
    roles = [m["role"] for m in run.requests[1]["messages"]]
    assert roles == ["system", "user", "assistant", "tool", "user"]
    shown = run.pictures(1)
    kinds = [block["type"] for block in shown]
    assert kinds == ["text", "text", "image_url", "text", "image_url"]
    assert [block.get("text") for block in shown if block["type"] == "text"][1:] == ["<8.0 seconds>", "<9.0 seconds>"]
    url = shown[2]["image_url"]["url"]
    assert url.startswith("data:image/jpeg;base64,") and base64.b64decode(url.partition(",")[2])[:2] == b"\xff\xd8"
    assert {tool["function"]["name"] for tool in run.requests[0]["tools"]} > {"view_clip", "search_clips"}
    assert run.requests[0]["max_tokens"] == 2048 and run.requests[0]["_headers"]["authorization"] == f"Bearer {KEY}"


def test_two_calls_at_once_are_answered_before_the_pictures(notices: ClipMemory, tmp_path: Path):
    two = calls(
        ("view_clip", {"start": 0.0, "end": 1.0, "fps": 1}), ("view_clip", {"start": 16.0, "end": 17.0, "fps": 1})
    )
    run = Run(notices, tmp_path, two, answers("two looks"))
    assert run.answer.text == "two looks" and run.answer.spend["calls"] == 3
    messages = run.requests[1]["messages"]
    assert [m["role"] for m in messages[2:]] == ["assistant", "tool", "tool", "user"]
    assert [m["tool_call_id"] for m in messages[3:5]] == [c["id"] for c in messages[2]["tool_calls"]]
    assert [b["text"] for b in messages[5]["content"] if re.fullmatch(r"<.* seconds>", b.get("text", ""))] == [
        "<0.0 seconds>", "<16.0 seconds>",
    ]  # fmt: skip


def test_calls_without_ids_get_their_own(notices: ClipMemory, tmp_path: Path):
    one = calls(("search_clips", {"query": "fair"}), ("search_clips", {"query": "room"}), ids=False)
    run = Run(notices, tmp_path, one, one, answers("done"))
    assert run.answer.text == "done"
    ids = [event["call_id"] for event in run.observations]
    assert len(ids) == len(set(ids)) == 4 and all(ids)


# --- servers that misbehave, to an answer


@pytest.mark.parametrize(
    ("faults", "tries"),
    [
        pytest.param([cut], 2, id="connection cut in mid-body"),
        pytest.param([status(429, Retry_After="0.1")], 2, id="429 with Retry-After"),
        pytest.param([status(500), status(503), status(502)], 4, id="500s"),
        pytest.param([raw(b"{not json")], 2, id="no JSON"),
        pytest.param([raw(b"<html>busy</html>", "text/html")], 2, id="a page of HTML"),
        pytest.param([raw(b'{"choices": []}')], 2, id="no choices"),
        pytest.param([raw(b'{"choices": null}'), raw(b'{"choices": [{"message": null}]}')], 3, id="null"),
        pytest.param([says("")], 2, id="an empty reply"),
    ],
)
def test_a_fault_that_passes_is_waited_out(notices: ClipMemory, tmp_path: Path, faults: list[Step], tries: int):
    run = Run(notices, tmp_path, *faults, LOOK, answers("12 euros"))
    assert run.answer.text == "12 euros" and run.answer.stopped_by == "answer"
    assert len(run.requests) == tries + 1


def test_malformed_calls_are_observations(notices: ClipMemory, tmp_path: Path):
    bad = calls(("view_clip", '{"start": 1,'), ("view_clip", "[1, 2]"), ("fly_away", "{}"), ("view_clip", '"{}'))
    run = Run(notices, tmp_path, bad, LOOK, answers("12 euros"))
    assert run.answer.text == "12 euros" and run.answer.evidence[0].supported
    failed = [event for event in run.observations if event["error"]]
    assert len(failed) == 4 and any("fly_away" in event["text"] for event in failed)
    sent_back = run.requests[1]["messages"][2]["tool_calls"]
    assert len(sent_back) == 4 and all(isinstance(json.loads(c["function"]["arguments"]), dict) for c in sent_back)


def test_arguments_as_an_object_or_a_text_within_a_text_are_read(notices: ClipMemory, tmp_path: Path):
    doubly = calls(("view_clip", json.dumps(json.dumps({"start": 8, "end": 9, "fps": 1}))))
    run = Run(notices, tmp_path, doubly, answers("12 euros"))
    assert not run.observations[0]["error"] and run.observations[0]["arguments"]["start"] == 8


def test_a_key_that_the_server_echoes_is_blotted_out(notices: ClipMemory, tmp_path: Path):
    run = Run(notices, tmp_path, says(f"Your key is {KEY}."))  # `Run` looks into the trace
    assert "***" in run.answer.text


# --- servers that misbehave, to a clear error


@pytest.mark.parametrize(
    ("fault", "says_what", "options"),
    [
        pytest.param(cut, "running and reachable", {"retries": 1}, id="always cut"),
        pytest.param(status(500, f"bad key {KEY}"), "500: bad key ***", {"retries": 1}, id="always 500"),
        pytest.param(status(429, "slow down", Retry_After="3600"), "asks to wait 3600 s", {}, id="wait an hour"),
        pytest.param(status(401, f"Incorrect API key: {KEY}"), "api_key_env", {}, id="wrong key"),
        pytest.param(status(404, "no such model"), "the model's name", {}, id="wrong model"),
        pytest.param(raw(b'{"choices": []}'), "not the form of a chat completion", {}, id="never choices"),
        pytest.param(says(""), "the reply is empty", {}, id="always empty"),
        pytest.param(says(None, finish="length"), "raise max_tokens", {}, id="all thought"),
        pytest.param(silence, "no answer in time", {"timeout": 0.25}, id="never answers"),
        pytest.param(drip, "no answer in time", {"timeout": 0.25}, id="slow drip"),
        pytest.param(flood, "does not end", {"timeout": 8.0}, id="endless text"),
        pytest.param(status(400, "image_url is not supported by this model"), "400", {}, id="400"),
    ],
)
def test_a_fault_that_stays_is_a_clear_answer(
    notices: ClipMemory, tmp_path: Path, fault: Step, says_what: str, options: dict[str, Any]
):
    run = Run(notices, tmp_path, fault, **options)
    assert run.answer.stopped_by == "policy_error" and run.answer.abstained
    assert says_what in run.answer.text and "\n" not in run.answer.text and len(run.answer.text) < 500
    assert len(run.requests) <= 3


def test_a_server_that_takes_no_pictures_reads_on_without(notices: ClipMemory, tmp_path: Path):
    refused = status(400, "this model does not support image inputs")
    run = Run(notices, tmp_path, LOOK, refused, says("Tickets cost 12 euros [1]."))
    assert run.answer.text == "Tickets cost 12 euros." and run.policy.sees is False
    assert "pictures are not shown" in json.dumps(run.requests[2]) and not run.pictures(2)
    names = {tool["function"]["name"] for tool in run.requests[2]["tools"]}
    assert "search_clips" in names


def test_the_seconds_of_the_run_bound_it(notices: ClipMemory, tmp_path: Path):
    run = Run(notices, tmp_path, silence, budget=Budget(seconds=0.5), timeout=250.0)
    assert run.answer.stopped_by == "seconds" and run.seconds < 100


def test_a_server_that_is_gone_is_a_clear_answer(notices: ClipMemory, tmp_path: Path):
    with Server(says("x")) as server:
        policy = load_policy(server.address, pause=0.01, retries=2)
    answer = VideoAgent(notices, policy=policy, traces=tmp_path).ask("What do tickets cost?")
    assert answer.stopped_by == "policy_error" and "reachable" in answer.text
    assert read_trace(answer.trace or "")[-1]["event"] == "answer"


def test_a_client_that_keeps_to_no_time_out_is_left_behind(notices: ClipMemory, tmp_path: Path):
    over = threading.Event()

    def step(messages: list[Any], tools: bool) -> AIMessage:
        over.wait(250)
        return AIMessage("too late")

    policy = ServedPolicy(model=Scripted(step=step), label="deaf", timeout=0.1, pause=0.01)
    answer = VideoAgent(notices, policy=policy, traces=tmp_path).ask("What do tickets cost?")
    over.set()  # not before: the run has ended while the client went on
    assert answer.stopped_by == "policy_error" and "no answer in time" in answer.text
    assert read_trace(answer.trace or "")[-1]["event"] == "answer"


def test_runs_side_by_side_and_one_after_the_other_share_a_policy(notices: ClipMemory):
    async def many(agent: VideoAgent) -> list[Answer]:
        return list(await asyncio.gather(*(agent.aask("What do tickets cost?") for _ in range(6))))

    with Server(answers("12 euros")) as server:
        agent = VideoAgent(notices, policy=load_policy(server.address), second_look=False)
        found = [asyncio.run(many(agent)) for _ in range(2)]  # two event loops
    assert [answer.text for batch in found for answer in batch] == ["12 euros"] * 12


# --- streams


def _for_ever() -> Iterator[dict[str, Any]]:
    while True:
        yield {"role": "assistant", "content": "and on "}


def test_endless_streams_are_cut_and_kept(notices: ClipMemory, tmp_path: Path):
    for step, options, why in (
        (streams(_for_ever), {"max_tokens": 40}, "length"),
        (streams(_for_ever, pause=0.03), {"timeout": 0.4}, "time"),
    ):
        run = Run(notices, tmp_path, step, streamed=True, **options)
        said = next(e for e in run.events if e["event"] == "policy" and "by" not in e)
        assert said["content"].startswith("and on and on") and len(said["content"]) < 40 * 16 + 10
        assert said["metadata"]["cut"] and said["metadata"]["finish_reason"] == why
        assert said["metadata"]["usage_estimated"] and run.answer.spend["tokens"] > 0


def test_streamed_calls_are_put_together_and_half_ones_are_invalid(notices: ClipMemory, tmp_path: Path):
    def pieces(*arguments: str) -> list[dict[str, Any]]:
        first, *rest = arguments
        head = {"index": 0, "id": "a", "type": "function", "function": {"name": "view_clip", "arguments": first}}
        more = [{"tool_calls": [{"index": 0, "function": {"arguments": part}}]} for part in rest]
        return [{"role": "assistant", "tool_calls": [head]}, *more]

    final = [{"role": "assistant", "content": '{"answer": "do'}, {"content": 'ne", "evidence": []}'}]
    run = Run(
        notices,
        tmp_path,
        streams(final[:1], ends=False),  # the connection is cut within the reply
        streams(pieces('{"start": 8, "en', 'd": 9, "fps": 1}'), usage=USAGE),
        streams(pieces('{"start": 8, "end": 12'), usage=USAGE, finish="length"),
        streams(final, usage=USAGE),
        streamed=True,
    )
    assert run.answer.text == "done"
    assert [event["error"] for event in run.observations][:2] == [False, True]
    assert run.requests[0]["stream_options"] == {"include_usage": True}


# --- calls in the text


HERMES = '<tool_call>\n{"name": "view_clip", "arguments": {"start": 8, "end": 9, "fps": 1}}\n</tool_call>'


@pytest.mark.parametrize("dialect", ["hermes", "hermes-text"])
def test_calls_in_the_text_are_read_by_a_dialect(notices: ClipMemory, tmp_path: Path, dialect: str):
    broken = '<tool_call>{"name": "view_clip", "arguments": {"start": </tool_call>'
    run = Run(notices, tmp_path, says("I look. " + HERMES), says(broken), answers("12 euros"), dialect=dialect)
    assert run.answer.text == "12 euros" and [event["error"] for event in run.observations] == [False, True]
    messages = run.requests[1]["messages"]
    if dialect == "hermes":  # the server's template writes tools and calls
        assert run.requests[0]["tools"] and messages[2]["tool_calls"] and "<tool_call>" not in messages[2]["content"]
        assert messages[3]["role"] == "tool"
    else:
        assert "tools" not in run.requests[0] and "view_clip(start, end" in messages[0]["content"]
        assert "<tool_call>" in messages[2]["content"] and "tool_calls" not in messages[2]
        assert [m["role"] for m in messages] == ["system", "user", "assistant", "user"]


CALL = '{"name": "search_clips", "arguments": {"query": "fair"}}'


@pytest.mark.parametrize(
    "text",
    [
        f"<tool_call>\n{CALL}\n</tool_call>",
        f"I look.\n```json\n{CALL}\n```",
        CALL,
        f"<|python_tag|>{CALL.replace('arguments', 'parameters')}",
        f"[TOOL_CALLS][{CALL}]",
        f"<think>{{}} is no call</think> {CALL}",
        '<function=search_clips>{"query": "fair"}</function>',
        '```tool_code\nsearch_clips(query="fair")\n```',
        '{"search_clips": {"query": "fair"}}',
    ],
)
def test_calls_in_the_text_are_found_without_an_option(notices: ClipMemory, tmp_path: Path, text: str):
    run = Run(notices, tmp_path, says(text), says("The fair is in spring [1]."))
    assert run.own_calls == [("search_clips", {"query": "fair"})] and not run.observations[-1]["error"]
    assert run.answer.text == "The fair is in spring." and run.answer.evidence[0].supported
    sent = run.requests[1]["messages"]
    assert sent[2]["tool_calls"] and "search_clips" not in (sent[2]["content"] or "") and sent[3]["role"] == "tool"


def test_json_is_never_the_answer(notices: ClipMemory, tmp_path: Path):
    """A call that can no longer be made, and an object that is neither a call nor an answer."""
    run = Run(notices, tmp_path, says(CALL), budget=Budget(calls=1))
    assert "{" not in run.answer.text and run.answer.abstained
    run = Run(notices, tmp_path, says('{"price": "12 euros", "line": 2}'))
    assert run.answer.text == "price: 12 euros; line: 2"


def test_a_server_that_takes_no_tools_is_told_them_in_words(notices: ClipMemory, tmp_path: Path):
    text = "scripted does not support tools"
    run = Run(notices, tmp_path, status(400, text), says(f"<tool_call>{CALL}</tool_call>"), says("In spring [1]."))
    assert run.answer.text == "In spring." and run.own_calls
    assert run.requests[0]["tools"] and "tools" not in run.requests[1]
    assert "search_clips(query" in run.requests[1]["messages"][0]["content"]
    assert [m["role"] for m in run.requests[2]["messages"]] == ["system", "user", "assistant", "user"]
