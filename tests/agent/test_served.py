"""Served policies: the whole loop over a server that misbehaves by script."""

from __future__ import annotations

import base64
import json
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage, ToolMessage

pytest.importorskip("langchain_openai", reason="needs the extra: pip install 'rewatch[remote]'")

from rewatch import Budget, ClipMemory, VideoAgent
from rewatch.agent import Answer, load_policy, read_trace
from rewatch.agent.policies.attempts import Fault, Patience, ServedError
from rewatch.agent.policies.chat_messages import Writer, spread
from rewatch.agent.policies.served import ServedPolicy
from rewatch.agent.turn import Turn
from rewatch.agent.viewer import ChatViewer
from rewatch.memory import CapabilityError, Frame, Pixels
from rewatch.tools.viewer import VisualQuestion

from .servers import (
    USAGE,
    Server,
    Step,
    answers,
    calls,
    cut,
    drip,
    flood,
    raw,
    says,
    silence,
    status,
    streams,
)

KEY = "sk-verysecretkey123"
LOOK = calls(("view_clip", {"start": 8.0, "end": 10.0, "fps": 1}))


class Run:
    """One run of the loop over a scripted server, and all that came of it."""

    def __init__(self, memory: ClipMemory, folder: Path, *steps: Step, budget: Budget | None = None, **options: Any):
        began = time.monotonic()
        with Server(*steps) as server:
            self.policy = load_policy(server.address, **{"pause": 0.02, "timeout": 2.0, "api_key": KEY, **options})
            agent = VideoAgent(memory, policy=self.policy, traces=folder, budget=budget, second_look=False)
            self.answer: Answer = agent.ask("What do tickets cost?")
        self.seconds = time.monotonic() - began
        self.requests = server.requests
        self.events = read_trace(self.answer.trace or "")
        assert self.events[-1]["event"] == "answer"
        assert self.seconds < 8, "a run must not hang"
        written = Path(self.answer.trace or "").read_text(encoding="utf-8")
        assert KEY not in written and "Traceback" not in written and KEY not in repr(self.policy)

    @property
    def observations(self) -> list[dict[str, Any]]:
        return [event for event in self.events if event["event"] == "observation"]

    def pictures(self, request: int) -> list[dict[str, Any]]:
        """The blocks of the user messages of a request that hold pictures."""
        listed = [m["content"] for m in self.requests[request]["messages"] if isinstance(m["content"], list)]
        return [block for blocks in listed for block in blocks]


def user(text: str) -> list[Any]:
    return [SystemMessage("Be brief."), HumanMessage(text)]


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
    assert run.answer.text == "two looks" and run.answer.spend["calls"] == 2
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


def test_a_server_that_takes_no_pictures_is_told_apart(notices: ClipMemory, tmp_path: Path):
    run = Run(notices, tmp_path, LOOK, status(400, "this model does not support image inputs"))
    assert run.answer.stopped_by == "policy_error"
    assert "a model that sees" in run.answer.text and "sees=false" in run.answer.text


def test_the_seconds_of_the_run_bound_it(notices: ClipMemory, tmp_path: Path):
    run = Run(notices, tmp_path, silence, budget=Budget(seconds=0.5), timeout=30.0)
    assert run.answer.stopped_by == "seconds" and run.seconds < 4


def test_a_server_that_is_gone_is_a_clear_answer(notices: ClipMemory, tmp_path: Path):
    with Server(says("x")) as server:
        policy = load_policy(server.address, pause=0.01, retries=2)
    answer = VideoAgent(notices, policy=policy, traces=tmp_path).ask("What do tickets cost?")
    assert answer.stopped_by == "policy_error" and "reachable" in answer.text
    assert read_trace(answer.trace or "")[-1]["event"] == "answer"


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
        said = next(event for event in run.events if event["event"] == "policy")
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


# --- what is counted


def test_tokens_are_counted_with_those_of_replies_that_were_no_use():
    with Server(says(""), says("Hello.")) as server:
        policy = load_policy(server.address, pause=0.01, input_price=1.0, output_price=10.0)
        said = policy.invoke(user("Hello?"))
    assert said.usage_metadata == {"input_tokens": 200, "output_tokens": 40, "total_tokens": 240}
    assert said.response_metadata["cost"] == pytest.approx(200e-6 + 400e-6)
    assert "usage_estimated" not in said.response_metadata and said.response_metadata["tries"] == 2
    with Server(says("")) as server, pytest.raises(ServedError) as caught:
        load_policy(server.address, pause=0.01, retries=1).invoke(user("Hello?"))
    assert caught.value.tokens == 240


def test_tokens_are_estimated_where_the_server_does_not_tell():
    with Server(says("word " * 100, usage=None)) as server:
        said = load_policy(server.address).invoke(user("word " * 400))
    assert said.response_metadata["usage_estimated"] is True
    usage = said.usage_metadata
    assert usage and 400 < usage["input_tokens"] < 1000 and 100 < usage["output_tokens"] < 250


def test_the_turns_tokens_bound_prompt_and_reply(notices: ClipMemory):
    pixels = Pixels(notices)
    with Server(says("Hello.")) as server:
        policy = load_policy(server.address)
        policy.invoke(user("Hi."), turn=Turn(pixels=pixels, tokens=500))
        assert 300 < server.requests[0]["max_tokens"] < 500
        policy.invoke(user("Hi."), turn=Turn(pixels=pixels, tokens=9000), max_tokens=77)
        assert server.requests[1]["max_tokens"] == 77
        with pytest.raises(ServedError, match="100 tokens are left"):
            policy.invoke(user("Hi. " * 400), turn=Turn(pixels=pixels, tokens=100))
        assert len(server.requests) == 2
        policy.invoke(_looked(notices, 8), turn=Turn(pixels=pixels, tokens=2000))
        sent = [b for m in server.requests[2]["messages"] if isinstance(m["content"], list) for b in m["content"]]
        assert 1 <= sum(b["type"] == "image_url" for b in sent) <= 4  # fewer pictures, not an error


def test_temperature_and_seed_of_the_turn_are_sent(notices: ClipMemory):
    with Server(says("Hello.")) as server:
        turn = Turn(pixels=Pixels(notices), temperature=0.7, seed=11)
        load_policy(server.address).invoke(user("Hi."), turn=turn)
        load_policy(server.address, temperature=0.2).invoke(user("Hi."))
    assert (server.requests[0]["temperature"], server.requests[0]["seed"]) == (0.7, 11)
    assert server.requests[1]["temperature"] == 0.2 and "seed" not in server.requests[1]


def test_likelihood_and_yes_by_weight_from_log_probabilities():
    logprobs = {"content": [{"token": "Yes", "logprob": -0.5, "top_logprobs": [
        {"token": "Yes", "logprob": -0.5}, {"token": " yes", "logprob": -3.0}, {"token": "No", "logprob": -1.5},
    ]}, {"token": ".", "logprob": -0.1, "top_logprobs": []}]}  # fmt: skip
    with Server(says("Yes.", logprobs=logprobs)) as server:
        policy = load_policy(server.address, logprobs=True)
        said = policy.invoke(user("Is it?"))
        assert said.response_metadata["likelihood"] == pytest.approx(2.718281828 ** (-0.3))
        (reply,) = ChatViewer(policy).ask([VisualQuestion(frames=(), text="Is it?")], yes_no=True)
    yes, no = 2.718281828**-0.5 + 2.718281828**-3.0, 2.718281828**-1.5
    assert reply.yes == pytest.approx(yes / (yes + no)) and server.requests[1]["top_logprobs"] == 20
    assert "logprobs" not in json.dumps(said.response_metadata)
    with Server(says("No.")) as server:  # a server that tells none is taken at its word
        (reply,) = ChatViewer(load_policy(server.address, logprobs=True)).ask(
            [VisualQuestion(frames=(), text="Is it?")], yes_no=True
        )
    assert reply.yes == 0.0


# --- pictures


def _looked(memory: ClipMemory, *counts: int) -> list[Any]:
    """A conversation with looks of so many frames, 1 s apart."""
    video = memory.videos()[0].id
    messages = user("What do tickets cost?")
    time_ = 0
    for number, count in enumerate(counts):
        uris = [f"video:{video}#t={time_ + k}" for k in range(count)]
        time_ += count
        messages.append(AIMessage("", tool_calls=[{"name": "view_clip", "args": {}, "id": f"i{number}"}]))
        messages.append(ToolMessage(f"{count} frames.", tool_call_id=f"i{number}", artifact={"pictures": uris}))
    return messages


def _times(sent: Any) -> list[float]:
    texts = [b.get("text", "") for m in sent.messages if isinstance(m.content, list) for b in m.content]
    return [float(text[1:-9]) for text in texts if re.fullmatch(r"<[\d.]+ seconds>", text)]


def test_the_newest_pictures_are_kept_and_older_ones_thinned_evenly(notices: ClipMemory):
    pixels = Pixels(notices)
    sent = Writer().write(_looked(notices, 9, 3), pixels, max_pictures=6)
    assert _times(sent) == [0, 4, 8, 9, 10, 11] and (sent.pictures, sent.left_out) == (6, 6)
    assert "3 of 9 pictures are shown, spread evenly" in str(sent.messages)
    sent = Writer().write(_looked(notices, 4, 9), pixels, max_pictures=5)
    assert _times(sent) == [4, 6, 8, 10, 12] and "4 pictures are left out here" in str(sent.messages)
    assert spread(range(10), 4) == [0, 3, 6, 9] and spread(range(3), 5) == [0, 1, 2] and spread(range(3), 0) == []


def test_a_text_only_driver_is_told_that_there_were_pictures(notices: ClipMemory, tmp_path: Path):
    run = Run(notices, tmp_path, LOOK, answers("12 euros"), sees=False)
    assert run.answer.text == "12 euros"
    assert not any(isinstance(m["content"], list) for request in run.requests for m in request["messages"])
    assert "2 pictures are not shown to you" in run.requests[1]["messages"][-1]["content"]


def test_pictures_are_made_small(notices: ClipMemory):
    from PIL import Image

    sent = Writer(max_side=64).write(_looked(notices, 1), Pixels(notices))
    url = sent.messages[-1].content[-1]["image_url"]["url"]
    import io

    assert Image.open(io.BytesIO(base64.b64decode(url.partition(",")[2]))).size == (64, 36)


def test_neighbouring_user_messages_become_one(notices: ClipMemory):
    messages = [*_looked(notices, 1), HumanMessage("The budget is spent.")]
    sent = Writer().write(messages, Pixels(notices))
    assert [m.type for m in sent.messages] == ["system", "human", "ai", "tool", "human"]
    assert sent.messages[-1].content[-1] == {"type": "text", "text": "The budget is spent."}


def test_a_viewer_of_a_server_sends_frames(notices: ClipMemory):
    import numpy as np

    frames = tuple(Frame(t, np.full((32, 48, 3), 200, np.uint8)) for t in (1.0, 2.5))
    with Server(says("Grey.")) as server:
        viewer = ChatViewer(load_policy(server.address))
        replies = viewer.ask([VisualQuestion(frames=frames, text="Which colour?")] * 3, max_tokens=9)
    assert [r.text for r in replies] == ["Grey."] * 3 and replies[0].tokens == 120
    content = server.requests[0]["messages"][0]["content"]
    assert [b["type"] for b in content] == ["text", "image_url", "text", "image_url", "text"]
    assert server.requests[0]["max_tokens"] == 9


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
        assert "tools" not in run.requests[0] and "<tools>" in messages[0]["content"]
        assert "<tool_call>" in messages[2]["content"] and "tool_calls" not in messages[2]
        assert [m["role"] for m in messages] == ["system", "user", "assistant", "user"]


def test_without_a_dialect_the_text_is_the_answer(notices: ClipMemory, tmp_path: Path):
    run = Run(notices, tmp_path, says("I look. " + HERMES))
    assert not run.observations and "<tool_call>" in run.answer.text


# --- by name


def test_names_and_options():
    with Server(says("x"), models=("one",)) as server:
        policy = load_policy(f"{server.address}?sees=false&max_side=128&input_price=0.5")
        assert isinstance(policy, ServedPolicy) and policy._llm_type == "served:one"
        assert (policy.sees, policy.max_side, policy.input_price) == (False, 128, 0.5)
        assert load_policy(f"{server.address}#org/other?max_tokens=7").max_tokens == 7
        assert load_policy(f"{server.address}?max_tokens=8#org/other", max_tokens=9).label == "org/other"
        with pytest.raises(CapabilityError, match=r"no option colour; it has .*max_side"):
            load_policy(f"{server.address}?colour=red")
        with pytest.raises(CapabilityError, match="max_side"):
            load_policy(server.address, max_side="wide")
        with pytest.raises(CapabilityError, match="no dialect"):
            load_policy(server.address, dialect="klingon")
    assert not server.requests
    with Server(says("x"), models=("one", "two")) as server:
        with pytest.raises(CapabilityError, match=r"2 models \(one, two\); name one: .*#MODEL"):
            load_policy(server.address)
    with pytest.raises(CapabilityError, match=r"No server answers at http://127.0.0.1:9/v1"):
        load_policy("http://127.0.0.1:9/v1")


@pytest.mark.parametrize(
    "name", ["fly", "openai:", "extractive?x=1", "http://h/v1?api_key=sk-123456", "no/such/folder"]
)
def test_names_that_are_none_are_one_line(name: str):
    with pytest.raises(CapabilityError) as caught:
        load_policy(name)
    assert "\n" not in str(caught.value) and "sk-123456" not in str(caught.value)


def test_keys_go_to_whom_they_belong(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-of-openai-alone")
    monkeypatch.setenv("MY_KEY", "mine-for-this-server")
    with Server(says("x")) as server:
        load_policy(server.address).invoke("Hi.")
        load_policy(server.address, api_key_env="MY_KEY").invoke("Hi.")
    sent = [request["_headers"]["authorization"] for request in server.requests]
    assert sent == ["Bearer none", "Bearer mine-for-this-server"]
    with pytest.raises(CapabilityError, match="NO_SUCH_KEY"):
        load_policy("http://127.0.0.1:9/v1", api_key_env="NO_SUCH_KEY")


def test_providers_by_name(monkeypatch: pytest.MonkeyPatch):
    pytest.importorskip("langchain", reason="needs the extra: pip install 'rewatch[remote]'")
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    with pytest.raises(CapabilityError, match="key"):
        load_policy("openai:gpt-x")
    with pytest.raises(CapabilityError, match="nosuchprovider"):
        load_policy("nosuchprovider:model")
    with Server(says("Hello.")) as server:
        monkeypatch.setenv("OPENAI_BASE_URL", server.address)
        policy = load_policy("openai:gpt-x", api_key=KEY)
        assert policy.invoke("Hi.").content == "Hello."
        assert KEY not in repr(policy) and KEY not in str(policy._identifying_params)


def test_the_extra_is_named_where_it_is_missing(monkeypatch: pytest.MonkeyPatch):
    import importlib.util

    found = importlib.util.find_spec
    hidden = ("langchain_openai", "langchain")
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *a: None if name in hidden else found(name, *a))
    for name in ("http://127.0.0.1:9/v1#m", "openai:gpt-x"):
        with pytest.raises(CapabilityError, match=r"pip install 'rewatch\[remote\]'"):
            load_policy(name)


def test_importing_policies_stays_cheap():
    heavy = "[m for m in ('torch', 'transformers', 'langchain_openai', 'openai', 'langchain') if m in sys.modules]"
    code = f"import sys, rewatch.agent.policies; print({heavy})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


# --- faults and waits


def test_waits_grow_are_scattered_and_bounded():
    patience = Patience(retries=10, pause=1.0, longest=5.0)
    waits = [[patience.wait(n, Fault("server", "x")) or 0.0 for _ in range(50)] for n in (1, 2, 3, 8)]
    assert all(0.5 <= w <= 1.5 for w in waits[0]) and all(1 <= w <= 3 for w in waits[1])
    assert max(waits[2]) > max(waits[0]) and set(waits[3]) == {5.0} and len(set(waits[0])) > 40
    assert patience.wait(1, Fault("busy", "x", 429, 4.0)) == pytest.approx(4.0)
    assert patience.wait(1, Fault("busy", "x", 429, 60.0)) is None
    assert patience.wait(2, Fault("timeout", "x")) is None and patience.wait(1, Fault("refused", "x", 400)) is None
    assert patience.wait(11, Fault("server", "x")) is None


@pytest.mark.parametrize(
    ("headers", "wait"),
    [
        ({"retry-after": "2"}, 2.0),
        ({"retry-after-ms": "250"}, 0.25),
        ({"retry-after": "Wed, 21 Oct 2015 07:28:00 GMT"}, 0.0),
        ({"retry-after": "soon"}, None),
        ({}, None),
    ],
)
def test_retry_after(headers: dict[str, str], wait: float | None):
    class Refused(Exception):
        status_code = 429
        response = type("Response", (), {"headers": headers})

    assert Fault.of(Refused("busy")).wait == wait


def test_what_passes():
    class Http(Exception):
        def __init__(self, code: int, text: str = "x") -> None:
            super().__init__(text)
            self.status_code = code

    assert [Fault.of(Http(c)).kind for c in (429, 500, 529, 401, 404, 422)] == [
        "busy", "server", "server", "key", "missing", "refused",
    ]  # fmt: skip
    assert not Fault.of(Http(429, "insufficient_quota")).passing  # waiting does not fill an account
    assert Fault.of(ConnectionResetError("reset")).kind == "connection"
    assert Fault.of(TimeoutError()).kind == "timeout"
    assert not Fault.of(RuntimeError("a fault of ours")).passing
