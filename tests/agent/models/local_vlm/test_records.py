"""The token record: log-probabilities are the model's own, and prompts are made of recorded ids only."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
import torch
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage
from rewatch.agent.models.local_vlm import VideoLMM
from rewatch.agent.models.local_vlm.token_record import TokenRecord
from rewatch.agent.models.turn import Turn
from rewatch.memory import FrameReader

from .steering import asked, given, observation, sampled, steered

TOOLS = [
    {
        "type": "function",
        "function": {"name": "view_clip", "description": "Look.", "parameters": {"type": "object", "properties": {}}},
    }
]


def _converse(policy: VideoLMM, pixels: FrameReader, turns: list[BaseMessage], seed: int) -> list[BaseMessage]:
    """Each message, and what the policy samples behind it; replies of uneven length."""
    bound = policy.bind_tools(TOOLS)
    messages: list[BaseMessage] = [SystemMessage("You watch videos.")]
    for number, turn in enumerate(turns):
        messages.append(turn)
        at = Turn(pixels=pixels, temperature=1.0, seed=seed)
        messages.append(bound.invoke(messages, turn=at, max_tokens=3 + (5 * seed + 7 * number) % 11))
    return messages


def test_recorded_logprobs_are_those_of_one_pass(
    policy: VideoLMM, pixels: FrameReader, frames: Callable[..., list[str]]
) -> None:
    runs = [
        [asked("What is written?", *frames(2))],
        [asked("And here?"), observation("two frames", frames(3, 11)), observation("one", frames(20))],
        [asked("Compare.", *frames(1, 9)), observation("a frame", frames(18)), HumanMessage("Are you sure?")],
        [asked("Without pictures."), observation("nothing was found", [])],
    ]
    with ThreadPoolExecutor(4) as pool:
        done = list(pool.map(lambda job: _converse(policy, pixels, job[1], job[0]), enumerate(runs)))

    rows = [policy.turns.row(messages, pixels) for messages in done]
    assert len({len(ids) for ids, _, _ in rows}) == 4  # uneven, so padded
    assert [len(seen) for _, _, seen in rows] == [1, 3, 3, 0]
    with torch.no_grad():
        scored = policy.engine.logprobs(rows)
    for messages, logprobs in zip(done, scored, strict=True):
        recorded = TokenRecord.of(messages)[0].logprobs
        assert len(recorded) == len(logprobs)
        assert np.abs(np.array(recorded) - logprobs.numpy()).max() < 1e-4

    swapped = [(ids, mask, [*seen[1:], seen[0]]) for ids, mask, seen in rows[1:3]]
    with torch.no_grad():  # the comparison would notice pictures in the wrong order
        wrong = policy.engine.logprobs(swapped)
    assert max(float((a - b).abs().max()) for a, b in zip(scored[1:3], wrong, strict=True)) > 1e-3


def test_next_prompt_is_the_record_and_what_is_new(
    policy: VideoLMM, pixels: FrameReader, frames: Callable[..., list[str]], tokenizer
) -> None:
    with steered(
        policy, lambda prompt: '<tool_call>\n{"name": "view_clip", "arguments": {}}\n</tool_call>'
    ) as requests:
        messages = _converse(policy, pixels, [asked("Look."), observation("seen", frames(2))], 0)
        first, second = messages[2], messages[4]
        # cut off after three tokens, so the call is not whole: an invalid call, closed by the next prompt
        assert requests[1].ids == [*given(first), *sampled(first), *given(second)]
    end = tokenizer.convert_tokens_to_ids("<|im_end|>")
    assert end not in sampled(first) and given(second)[0] == end
    text = tokenizer.decode(given(second))
    assert text.startswith("<|im_end|>\n<|im_start|>user\n<tool_response>\nseen<2.0 seconds><|vision_start|>")
    assert text.endswith("<|vision_end|>\n</tool_response><|im_end|>\n<|im_start|>assistant\n")


def test_a_reply_of_nothing_keeps_its_form(loaded: Callable[[str], VideoLMM], tokenizer) -> None:
    policy = loaded("qwen3_vl")
    with steered(policy, lambda prompt: "") as requests:
        first = policy.invoke([HumanMessage("Say nothing.")])
        assert first.content == ""
        assert sampled(first) == [tokenizer.convert_tokens_to_ids("<|im_end|>")]
        assert first.response_metadata["finish_reason"] == "stop"
        policy.invoke([HumanMessage("Say nothing."), first, HumanMessage("Again.")])
    expected = (
        "<|im_start|>user\nSay nothing.<|im_end|>\n<|im_start|>assistant\n<|im_end|>\n"
        "<|im_start|>user\nAgain.<|im_end|>\n<|im_start|>assistant\n"
    )
    assert tokenizer.decode(requests[1].ids) == expected


def test_ids_that_their_text_would_not_give_are_kept(loaded: Callable[[str], VideoLMM], tokenizer) -> None:
    policy = loaded("qwen3_vl")
    word, halves = _torn_apart(tokenizer)
    with steered(policy, lambda prompt: halves) as requests:
        first = policy.invoke([HumanMessage("What is it?")])
        assert first.content == word
        policy.invoke([HumanMessage("What is it?"), first, HumanMessage("Sure?")])
    ids = requests[1].ids
    at = len(given(first))
    assert ids[at : at + len(halves)] == halves
    rendered = tokenizer(tokenizer.decode(ids), add_special_tokens=False)["input_ids"]
    assert rendered != ids  # what a re-rendered transcript would have been


def _torn_apart(tokenizer: Any) -> tuple[str, list[int]]:
    """A word, and ids that spell it but are not those that the tokenizer gives it."""

    def ids(text: str) -> list[int]:
        return tokenizer(text, add_special_tokens=False)["input_ids"]

    for word in ("video", "answer", "question", "function"):
        for cut in range(1, len(word)):
            halves = [*ids(word[:cut]), *ids(word[cut:])]
            if halves != ids(word):
                assert tokenizer.decode(halves) == word
                return word, halves
    raise AssertionError("no word of this vocabulary is merged")


def test_messages_of_a_route_are_given_not_sampled(
    loaded: Callable[[str], VideoLMM], pixels: FrameReader, frames: Callable[..., list[str]], tokenizer
) -> None:
    policy = loaded("qwen3_vl")
    call = {"name": "view_clip", "args": {"start": 2}, "id": "r0", "type": "tool_call"}
    route = AIMessage("adaptive: view_clip", tool_calls=[call], additional_kwargs={"by": "route"})
    messages = [HumanMessage("What?"), route, observation("seen", frames(2), "r0"), HumanMessage("Found it.")]
    reply = policy.invoke(messages, turn=Turn(pixels=pixels), max_tokens=4)
    text = tokenizer.decode(given(reply))
    written = '<tool_call>\n{"name": "view_clip", "arguments": {"start": 2}}\n</tool_call>'
    assert f"<|im_start|>assistant\n{written}<|im_end|>" in text
    assert "adaptive" not in text
    assert reply.response_metadata["tokens"]["pictures"] == frames(2)


def test_a_record_counts_only_where_it_was_made(small: VideoLMM) -> None:
    first = small.invoke([HumanMessage("One?")], max_tokens=5)
    elsewhere = [HumanMessage("Zero?"), HumanMessage("One?"), first, HumanMessage("Two?")]
    assert TokenRecord.of(elsewhere)[1] == 0
    second = small.invoke(elsewhere, max_tokens=3)
    assert second.response_metadata["tokens"]["start"] == 0
    assert "Zero?" in small.engine.loaded.processor.tokenizer.decode(given(second))
    assert TokenRecord.of([HumanMessage("One?"), first], "another vocabulary")[1] == 0


def test_seed_repeats_and_temperature_tells_apart(small: VideoLMM) -> None:
    def reply(seed: int | None, temperature: float) -> list[int]:
        return sampled(small.invoke([HumanMessage("Go.")], max_tokens=12, temperature=temperature, seed=seed))

    assert reply(1, 1.0) == reply(1, 1.0) != reply(2, 1.0)
    assert reply(None, 1.0) != reply(None, 1.0)
    assert reply(1, 0.0) == reply(2, 0.0)
    with ThreadPoolExecutor(4) as pool:  # nor does it matter who is in the batch
        together = list(pool.map(lambda seed: reply(seed, 1.0), [1, 2, 3, 1]))
    assert together[0] == together[3] == reply(1, 1.0)


def test_sampling_follows_the_models_distribution(small: VideoLMM) -> None:
    asked_for = [HumanMessage("Go.")]
    with ThreadPoolExecutor(16) as pool:
        firsts = list(pool.map(lambda s: small.invoke(asked_for, max_tokens=1, temperature=0.5, seed=s), range(300)))
    greedy = small.invoke(asked_for, max_tokens=1)
    token, raw = sampled(greedy)[0], np.exp(greedy.response_metadata["tokens"]["logprobs"][0])
    assert all(
        m.response_metadata["tokens"]["logprobs"]
        == pytest.approx(greedy.response_metadata["tokens"]["logprobs"], abs=1e-4)
        for m in firsts
        if sampled(m)[0] == token
    )
    share = np.mean([sampled(m)[0] == token for m in firsts])
    assert share > raw  # sharper than the distribution that is recorded, by the temperature


def test_usage_and_likelihood(small: VideoLMM) -> None:
    reply = small.invoke([HumanMessage("Go.")], max_tokens=7)
    record = reply.response_metadata["tokens"]
    assert reply.usage_metadata["input_tokens"] == len(record["given"])
    assert reply.usage_metadata["output_tokens"] == len(record["sampled"])
    assert reply.response_metadata["likelihood"] == pytest.approx(np.exp(np.mean(record["logprobs"])))
