"""Our own loop samples what transformers' `generate` samples, and reads each id of a conversation once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest
import torch
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage
from rewatch.agent.models.local_vlm import VideoLMM
from rewatch.agent.models.local_vlm.cache import cache_of
from rewatch.agent.models.local_vlm.decode import Past, _to_read
from rewatch.agent.models.local_vlm.record import Record
from rewatch.agent.models.turn import Turn
from rewatch.memory import FrameReader
from transformers.cache_utils import DynamicCache

from .steering import asked, observation, sampled, steered

Frames = Callable[..., list[str]]


def _converse(
    policy: VideoLMM, pixels: FrameReader, turns: list[BaseMessage], seed: int, temperature: float
) -> list[Any]:
    messages: list[BaseMessage] = []
    for number, turn in enumerate(turns):
        at = Turn(pixels=pixels, temperature=temperature, seed=seed)
        messages.append(turn)
        messages.append(policy.invoke(messages, turn=at, max_tokens=2 + (5 * seed + 3 * number) % 7))
    return messages


def _runs(frames: Frames) -> list[list[BaseMessage]]:
    """Some see pictures first, some later; they differ in length by much, and so in what is new of a turn."""
    return [
        [asked("What is written?", *frames(2, 6)), HumanMessage("Sure?"), observation("frames", frames(3, 11))],
        [HumanMessage("And here?"), observation("one", frames(20)), HumanMessage("So what is it? " * 12)],
        [asked("Compare.", *frames(1)), asked("To these.", *frames(9, 14, 18)), HumanMessage("Well?")],
    ]


def _all(policy: VideoLMM, pixels: FrameReader, frames: Frames, temperature: float) -> list[list[Any]]:
    def one(job: tuple[int, list[BaseMessage]]) -> list[Any]:
        return _converse(policy, pixels, job[1], job[0], temperature)

    with ThreadPoolExecutor(3) as pool:
        return list(pool.map(one, enumerate(_runs(frames))))


@contextmanager
def _by_generate(policy: VideoLMM) -> Iterator[None]:
    """transformers' `generate` in place of the loop."""
    own, policy.engine.decoder = policy.engine.decoder, None
    try:
        yield
    finally:
        policy.engine.decoder = own


@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_the_same_ids_as_generate_and_each_is_read_once(
    policy: VideoLMM, pixels: FrameReader, frames: Frames, temperature: float
) -> None:
    policy.engine.batcher.linger = 0.1
    with _by_generate(policy):
        wanted = _all(policy, pixels, frames, temperature)
    decoder = policy.engine.decoder
    assert decoder is not None
    decoder.past.forget()
    before = decoder.read
    alone = [_converse(policy, pixels, turns, seed, temperature) for seed, turns in enumerate(_runs(frames))]
    records = [Record.of(messages)[0] for messages in alone]
    assert decoder.read - before == sum(len(p.given) + (p.start > 0) for r in records for p in r.parts)
    together = _all(policy, pixels, frames, temperature)
    for made in (alone, together):
        for messages, others in zip(made, wanted, strict=True):
            own, theirs = Record.of(messages)[0], Record.of(others)[0]
            assert own.ids == theirs.ids
            assert np.abs(np.array(own.logprobs) - theirs.logprobs).max() < 1e-4


def test_nothing_is_taken_from_other_weights(small: VideoLMM) -> None:
    def scored(messages: list[BaseMessage]) -> float:
        with torch.no_grad():
            (logprobs,) = small.engine.logprobs([small.turns.row(messages, None)])
        recorded = Record.of(messages)[0].logprobs
        return float(np.abs(np.array(recorded[-3:]) - logprobs.numpy()[-3:]).max())

    messages: list[BaseMessage] = [HumanMessage("Go.")]
    messages += [small.invoke(messages, max_tokens=3), HumanMessage("On.")]
    with torch.no_grad():
        for parameter in small.engine.loaded.model.parameters():
            parameter.mul_(1.3)
    assert scored([*messages, small.invoke(messages, max_tokens=3)]) < 1e-4
    kept = small.engine.decoder.past
    assert len(kept) == 1
    small.engine.forget()
    assert len(kept) == 0


def test_rows_that_are_done_leave_the_batch(small: VideoLMM) -> None:
    small.engine.batcher.linger = 0.2
    rows: list[int] = []
    small.engine.loaded.model.get_output_embeddings().register_forward_hook(
        lambda _, given, __: rows.append(len(given[0]))
    )
    with ThreadPoolExecutor(3) as pool, steered(small, lambda prompt: [100] * 50):
        said = list(pool.map(lambda n: small.invoke([HumanMessage("Go. " * n)], max_tokens=2 * n), (1, 2, 4)))
    assert [len(sampled(message)) for message in said] == [2, 4, 8]
    assert rows == [3, 3, 2, 2, 1, 1, 1, 1]


def test_a_conversation_that_goes_two_ways(small: VideoLMM) -> None:
    first: list[BaseMessage] = [HumanMessage("Go.")]
    first.append(small.invoke(first, max_tokens=6, temperature=1.0, seed=1))

    def on(words: str) -> AIMessage:
        return small.invoke([*first, HumanMessage(words)], max_tokens=6, temperature=1.0, seed=2)

    ways = [on("Left."), on("Right."), on("Left.")]
    with _by_generate(small):
        assert [sampled(way) for way in ways] == [sampled(on(words)) for words in ("Left.", "Right.", "Left.")]


def test_pictures_are_read_whole() -> None:
    assert _to_read([30, 12], [20, 12 - 3], [[], []]) == 10
    assert _to_read([30, 12], [20, 9], [[range(18, 22)], []]) == 12  # else half of the first row's picture
    assert _to_read([30, 25], [20, 9], [[range(12, 16)], [range(7, 10)]]) == 18  # one row pulls at the other
    assert _to_read([30, 40], [20, 36], [[], [range(25, 29), range(30, 38)]]) == 10  # begins where a picture does


def test_little_room_keeps_the_last_ones() -> None:
    past = Past(keep=100)
    for key in "abc":
        past.put(key, [torch.zeros(1, 10, 1), torch.zeros(1, 2, 1)], instead=None)  # 48 bytes
    assert past.get("a") is None and past.get("b") is not None and past.get("c") is not None
    past.put("d", [torch.zeros(1, 10, 1)], instead="b")
    assert past.get("b") is None and past.get("c") is not None and len(past) == 2


def test_what_conversations_begin_with_is_read_once(small: VideoLMM) -> None:
    small.engine.batcher.linger = 0.2
    system = SystemMessage("You answer questions about videos. " * 6)
    asked_for = [f"{word} is it?" for word in ("What", "Where", "What", "Who", "What colour")]

    def ask(words: str) -> AIMessage:
        return small.invoke([system, HumanMessage(words)], max_tokens=5, temperature=1.0, seed=3)

    def ask_all() -> list[AIMessage]:
        with ThreadPoolExecutor(5) as pool:
            return list(pool.map(ask, asked_for))

    with _by_generate(small):
        wanted = ask_all()
    decoder = small.engine.decoder
    shared = 0
    while len({message.response_metadata["tokens"]["given"][shared] for message in wanted}) == 1:
        shared += 1
    total = sum(len(message.response_metadata["tokens"]["given"]) for message in wanted)
    made = ask_all()
    assert total - 4 * shared <= decoder.read < total - 3 * shared  # shorter ones read some of it with the longer ones
    before = decoder.read
    alone = ask(asked_for[1])
    assert 0 < decoder.read - before <= len(alone.response_metadata["tokens"]["given"]) - shared
    for message, other in zip([*made, alone], [*wanted, wanted[1]], strict=True):
        assert sampled(message) == sampled(other)
        logprobs = [m.response_metadata["tokens"]["logprobs"] for m in (message, other)]
        assert np.abs(np.subtract(*logprobs)).max() < 1e-4


def test_a_cache_with_room_holds_what_the_plain_one_does() -> None:
    torch.manual_seed(0)
    plain, roomy = DynamicCache(), cache_of(1)
    for length in (3, 1, 70, 1):
        keys, values = torch.randn(3, 2, length, 4), torch.randn(3, 2, length, 4)
        for ours, theirs in zip(roomy.update(keys, values, 0), plain.update(keys, values, 0), strict=True):
            assert torch.equal(ours, theirs)
    roomy.layers[0].select(torch.tensor([2, 0]), 2)
    assert torch.equal(roomy.layers[0].keys, plain.layers[0].keys[[2, 0], :, 2:])
    assert roomy.get_seq_length() == 73
