"""Served policies: what a request holds, what is counted, and how policies are named."""

from __future__ import annotations

import base64
import io
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage

pytest.importorskip("langchain_openai", reason="needs the extra: pip install 'rewatch[remote]'")

from rewatch import ClipMemory
from rewatch.agent import load_policy
from rewatch.agent.models.served.faults import Fault, ServedError
from rewatch.agent.models.served.openai_compatible import ServedPolicy
from rewatch.agent.models.served.request import Writer, spread
from rewatch.agent.models.served.retries import Backoff, Enough, Failed
from rewatch.agent.models.turn import Turn
from rewatch.agent.models.viewer import ChatViewer
from rewatch.memory import CapabilityError, Frame, FrameReader
from rewatch.tools.viewer import VisualQuestion
from tenacity import RetryCallState, Retrying

from .served_run import KEY, LOOK, Run, user
from .servers import Server, answers, at_most, says, status, without

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
    pixels = FrameReader(notices)
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
        turn = Turn(pixels=FrameReader(notices), temperature=0.7, seed=11)
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
    pixels = FrameReader(notices)
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

    sent = Writer(max_side=64).write(_looked(notices, 1), FrameReader(notices))
    url = sent.messages[-1].content[-1]["image_url"]["url"]
    assert Image.open(io.BytesIO(base64.b64decode(url.partition(",")[2]))).size == (64, 36)


def test_neighboring_user_messages_become_one(notices: ClipMemory):
    messages = [*_looked(notices, 1), HumanMessage("The budget is spent.")]
    sent = Writer().write(messages, FrameReader(notices))
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


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("At most 3 image(s) may be provided in one prompt.", 400),
        ("This model's maximum context length is 8192 tokens.", 400),
        ("At most 3 media items: you provided too many.", 500),
    ],
)
def test_pictures_that_are_too_many_are_thinned(notices: ClipMemory, text: str, code: int):
    turn = Turn(pixels=FrameReader(notices))
    with Server(at_most(3, says("Seen."), text, code)) as server:
        policy = load_policy(server.address, retries=0)
        said = policy.invoke(_looked(notices, 9), turn=turn)
        first = len(server.requests)
        policy.invoke(_looked(notices, 9), turn=turn)
    assert said.content == "Seen." and said.response_metadata["pictures_left_out"] in (6, 7) and first <= 4
    assert "At most" not in text or len(server.requests) == first + 1  # a number that was told is remembered


def test_a_conversation_that_is_too_long_without_pictures_is_told():
    with Server(status(400, "This model's maximum context length is 8192 tokens.")) as server:
        with pytest.raises(ServedError, match="takes no request of this length"):
            load_policy(server.address).invoke(user("Hi."))
        assert [request["max_tokens"] for request in server.requests] == [2048, 512]  # a shorter reply, and no more


def test_arguments_that_a_server_refuses_are_left_out(notices: ClipMemory):
    turn = Turn(pixels=FrameReader(notices), temperature=0.7, seed=3)
    with Server(without("temperature", without("seed", says("Hello.")))) as server:
        policy = load_policy(server.address)
        said = policy.invoke(user("Hi."), turn=turn)
        policy.invoke(user("Hi."), turn=turn)
    assert said.content == "Hello." and said.response_metadata["refused"] == ["seed", "temperature"]
    assert len(server.requests) == 4  # once each, and remembered


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
    "name",
    [
        "fly",
        "openai:",
        "heuristic?x=1",
        "http://h/v1?api_key=sk-123456",
        "no/such/folder",
        "http://[::1/v1#m",
        "http://h:99999/v1#m",
        "http:///v1#m",
        "http://h:x/v1",
        "http://h/\x1b[31m/v1#m",
    ],
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
    code = f"import sys, rewatch.agent.models.registry; print({heavy})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


# --- faults and waits


def _state(tries: int, fault: Fault) -> RetryCallState:
    state = RetryCallState(Retrying(), None, (), {})
    state.attempt_number = tries
    state.set_exception((Failed, Failed(fault), None))
    return state


def test_waits_grow_are_scattered_and_bounded():
    backoff = Backoff(pause=1.0, longest=5.0)
    waits = [[backoff(_state(n, Fault("server", "x"))) for _ in range(50)] for n in (1, 2, 3, 8)]
    assert all(0.5 <= w <= 1.5 for w in waits[0]) and all(1 <= w <= 3 for w in waits[1])
    assert max(waits[2]) > max(waits[0]) and set(waits[3]) == {5.0} and len(set(waits[0])) > 40
    assert backoff(_state(1, Fault("busy", "x", 429, 4.0))) == pytest.approx(4.0)
    enough = Enough(10, longest=5.0)
    assert enough.reached(Fault("busy", "x", 429, 60.0), 1) and not enough.reached(Fault("busy", "x", 429, 4.0), 1)
    assert enough.reached(Fault("timeout", "x"), 2) and not enough.reached(Fault("timeout", "x"), 1)
    assert enough.reached(Fault("server", "x"), 11) and not enough.reached(Fault("server", "x"), 10)


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
    assert not Fault.of(Http(500, "image input is not supported")).passing  # llama.cpp
    assert Fault.of(Http(400, "At most 2 image(s) may be provided")).about(4) == "many"
    assert Fault.of(Http(400, "At most 0 image(s) may be provided")).about(4) == "blind"
    assert Fault.of(Http(413, "<html>no</html>")).about(4) == "long" and Fault.of(Http(500, "2 images")).about(4) == ""
    assert Fault.of(ConnectionResetError("reset")).kind == "connection"
    assert Fault.of(TimeoutError()).kind == "timeout"
    assert not Fault.of(RuntimeError("a fault of ours")).passing
