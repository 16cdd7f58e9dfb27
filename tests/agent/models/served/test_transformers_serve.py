"""A real `transformers serve` on loopback drives the loop: text and tools, pictures, streams, usage.

What that server (transformers 5.23) does and does not do, as seen here and read in its source: it streams, parses
Qwen's calls, takes pictures as data URLs, counts tokens (in streams too, unasked), heeds `max_tokens`, `temperature`,
`seed` and `stop`. It warns of `logprobs` and gives none. It drops what an assistant message says beside a call, and,
without a word, pictures sent to a model of text. It lists the models of the hub's cache, not the one it serves, so that
the address must name the model. Without torchvision it cannot load Qwen-VL (whose processor wants one for videos);
Idefics3 it can.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("langchain_openai", reason="needs the extra: pip install 'rewatch[remote]'")
pytest.importorskip("fastapi", reason="transformers serve needs: pip install 'rewatch[dev]'")
pytest.importorskip("uvicorn", reason="transformers serve needs: pip install 'rewatch[dev]'")
pytest.importorskip("trl", reason="the chat templates are those that TRL bundles")

import numpy as np
from rewatch import Budget, ClipMemory, VideoAgent
from rewatch.agent import load_policy, read_trace
from rewatch.agent.models.served.faults import ServedError
from rewatch.agent.models.viewer import ChatViewer
from rewatch.memory import Frame
from rewatch.tools.viewer import VisualQuestion

from ..local_vlm import tiny

START = 240.0
"""Seconds that the server may take to start."""
CALL = '\n{"name": "search_clips", "arguments": {"query": "tickets"}}\n'
ANSWER = '{"answer": "12 euros", "confidence": 0.5, "evidence": []}'


def _taught(folder: Path) -> Path:
    """A Qwen3 whose every next token follows from the last one: it searches once, then answers.

    Its attention and its MLPs are switched off, so that the output is the embedding of the last token. Qwen3's template
    is used as it is, but for a thought at its end where a tool has answered.
    """
    import torch
    import transformers

    special = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
    tokenizer = tiny.small_tokenizer(special, [*tiny.TAGS, CALL, ANSWER], "<|im_end|>")
    config = transformers.Qwen3Config(
        vocab_size=len(tokenizer),
        hidden_size=256,
        intermediate_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        num_key_value_heads=1,
        head_dim=16,
        tie_word_embeddings=False,
        max_position_embeddings=16384,
    )
    torch.manual_seed(0)
    model = transformers.Qwen3ForCausalLM(config)
    line_break = tokenizer("\n", add_special_tokens=False)["input_ids"][-1]
    first, second = tokenizer.convert_tokens_to_ids(["<tool_call>", "</tool_call>"])
    end, seen, call, answer = tokenizer.convert_tokens_to_ids(["<|im_end|>", "</think>", CALL, ANSWER])
    with torch.no_grad():
        layer = model.model.layers[0]
        layer.self_attn.o_proj.weight.zero_()
        layer.mlp.down_proj.weight.zero_()
        embeddings = torch.nn.functional.normalize(torch.randn(len(tokenizer), 256), dim=-1)
        model.model.embed_tokens.weight.copy_(embeddings)
        model.lm_head.weight.zero_()
        chain = [(line_break, first), (first, call), (call, second), (second, end), (seen, answer), (answer, end)]
        for last, following in chain:
            model.lm_head.weight[following] += embeddings[last]
    model.generation_config.update(eos_token_id=end, pad_token_id=0, do_sample=False)
    import trl

    chat = (Path(trl.__file__).parent / "chat_templates" / "qwen3.jinja").read_text(encoding="utf-8")
    chat += (
        "{%- if add_generation_prompt and messages | selectattr('role', 'equalto', 'tool') | list %}"
        "{{- '<think>seen</think>' }}{%- endif %}"
    )
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    (folder / "chat_template.jinja").write_text(chat, encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    sees = tmp_path_factory.mktemp("idefics3")
    tiny.save_idefics3(sees)
    return {"taught": _taught(tmp_path_factory.mktemp("taught")), "sees": sees}


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A `transformers serve` that loads whatever model a request names."""
    command = Path(sys.executable).parent / "transformers"
    if not command.exists():
        pytest.skip("the transformers command is not beside this Python")
    folder = tmp_path_factory.mktemp("serve")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1", "HF_HOME": str(folder / "hub")}
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen(
            [str(command), "serve", "--host", "127.0.0.1", "--port", str(port), "--device", "cpu"],
            stdout=log, stderr=subprocess.STDOUT, env=environment, cwd=folder,
        )  # fmt: skip
    try:
        _wait_for(f"http://127.0.0.1:{port}/health", server, folder / "log")
        yield f"http://127.0.0.1:{port}/v1"
    finally:
        server.terminate()
        try:
            server.wait(10)
        except subprocess.TimeoutExpired:
            server.kill()


def _wait_for(url: str, server: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + START
    while time.monotonic() < until:
        if server.poll() is not None:
            pytest.fail(f"transformers serve ended with {server.returncode}: {log.read_text(errors='replace')[-800:]}")
        try:
            with urllib.request.urlopen(url, timeout=20):
                return
        except OSError:
            time.sleep(0.2)
    pytest.fail(f"transformers serve did not start within {START:.0f} s: {log.read_text(errors='replace')[-800:]}")


def _events(answer: Any) -> list[dict[str, Any]]:
    events = read_trace(answer.trace)
    assert events[-1]["event"] == "answer"
    return events


@pytest.mark.parametrize("streamed", [False, True])
def test_the_loop_calls_a_tool_and_answers(
    address: str, models: dict[str, Path], notices: ClipMemory, tmp_path: Path, streamed: bool
):
    policy = load_policy(f"{address}#{models['taught']}", sees=False, max_tokens=64, temperature=0.0, streamed=streamed)
    answer = VideoAgent(notices, policy=policy, traces=tmp_path).ask("What do tickets cost?", route="search")
    assert answer.text == "12 euros" and answer.stopped_by == "answer" and answer.spend["calls"] == 1 + 1
    events = _events(answer)
    _, looked = [event for event in events if event["event"] == "observation"]  # the first look, and its own
    assert looked["tool"] == "search_clips" and not looked["error"] and "TICKETS" in looked["text"]
    said = [event for event in events if event["event"] == "policy" and "by" not in event]
    assert said[0]["tool_calls"][0]["args"] == {"query": "tickets"}
    # `<tool_call>`, the call, `</tool_call>` and the end; the server counts for itself.
    assert said[0]["usage"]["output_tokens"] == 4 and said[0]["usage"]["input_tokens"] > 500
    assert not any(event["metadata"].get("usage_estimated") for event in said)
    assert answer.spend["tokens"] == sum(event["usage"]["total_tokens"] for event in said)


def test_the_loop_shows_frames_to_a_model_that_sees(
    address: str, models: dict[str, Path], notices: ClipMemory, tmp_path: Path
):
    policy = load_policy(f"{address}#{models['sees']}", dialect="hermes-text", max_tokens=8, max_side=64)
    agent = VideoAgent(notices, policy=policy, traces=tmp_path, budget=Budget(frames=4, calls=2), second_look=False)
    answer = agent.ask("What is written?", route="direct")
    assert answer.stopped_by in ("answer", "calls") and not any(e.supported for e in answer.evidence)
    events = _events(answer)
    shown = [uri for event in events if event["event"] == "observation" for uri in event["pictures"]]
    assert len(shown) == 3
    said = [event for event in events if event["event"] == "policy" and event["role"] == "ai" and event.get("usage")]
    assert said and all(event["usage"]["output_tokens"] <= 8 for event in said)
    assert said[0]["usage"]["input_tokens"] > 3 * 16


def test_pictures_reach_the_model(address: str, models: dict[str, Path]):
    frames = [Frame(float(t), np.full((48, 64, 3), 60 * t, np.uint8)) for t in range(4)]
    viewer = ChatViewer(load_policy(f"{address}#{models['sees']}", max_tokens=4, temperature=0.0))
    questions = [VisualQuestion(frames=tuple(frames[:n]), text="Which colour?") for n in (0, 1, 3)]
    tokens = [reply.tokens for reply in viewer.ask(questions, max_tokens=4)]
    assert tokens[1] > tokens[0] + 20 and tokens[2] > tokens[1] + 40


def test_what_goes_wrong_there_is_one_line(address: str, models: dict[str, Path], tmp_path: Path):
    policy = load_policy(f"{address}#{tmp_path / 'no-such-model'}", retries=0, timeout=200.0)
    with pytest.raises(ServedError) as caught:
        policy.invoke("Hello?")
    assert "\n" not in str(caught.value) and "no-such-model" in str(caught.value)
    plain = load_policy(f"{address}#{models['taught']}", logprobs=True, max_tokens=8, temperature=0.0)
    said = plain.invoke("Hello?")
    assert "likelihood" not in said.response_metadata  # the server gives no log-probabilities, and says so in its log
    assert said.tool_calls and json.loads(CALL)["name"] == said.tool_calls[0]["name"]
