"""With what earlier turns left, the same is sampled as without, and each id of a conversation is read once."""

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
from rewatch.agent.models.local_vlm.prefix_cache import PrefixCache
from rewatch.agent.models.local_vlm.token_record import TokenRecord
from rewatch.agent.models.turn import Turn
from rewatch.memory import FrameReader

from .steering import asked, observation, sampled

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
def _reading_all(policy: VideoLMM) -> Iterator[None]:
    """Whole prompts read at every turn."""
    own, policy.engine.prefixes = policy.engine.prefixes, None
    try:
        yield
    finally:
        policy.engine.prefixes = own


@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_the_same_ids_as_without_and_each_is_read_once(
    policy: VideoLMM, pixels: FrameReader, frames: Frames, temperature: float
) -> None:
    policy.engine.batcher.linger = 0.1
    with _reading_all(policy):
        wanted = _all(policy, pixels, frames, temperature)
    prefixes = policy.engine.prefixes
    assert prefixes is not None
    prefixes.forget()
    before = prefixes.read
    alone = [_converse(policy, pixels, turns, seed, temperature) for seed, turns in enumerate(_runs(frames))]
    records = [TokenRecord.of(messages)[0] for messages in alone]
    assert prefixes.read - before == sum(len(p.given) + (p.start > 0) for r in records for p in r.parts)
    together = _all(policy, pixels, frames, temperature)
    for made in (alone, together):
        for messages, others in zip(made, wanted, strict=True):
            own, theirs = TokenRecord.of(messages)[0], TokenRecord.of(others)[0]
            assert own.ids == theirs.ids
            assert np.abs(np.array(own.logprobs) - theirs.logprobs).max() < 1e-4


def test_nothing_is_taken_from_other_weights(small: VideoLMM) -> None:
    def scored(messages: list[BaseMessage]) -> float:
        with torch.no_grad():
            (logprobs,) = small.engine.logprobs([small.turns.row(messages, None)])
        recorded = TokenRecord.of(messages)[0].logprobs
        return float(np.abs(np.array(recorded[-3:]) - logprobs.numpy()[-3:]).max())

    messages: list[BaseMessage] = [HumanMessage("Go.")]
    messages += [small.invoke(messages, max_tokens=3), HumanMessage("On.")]
    with torch.no_grad():
        for parameter in small.engine.loaded.model.parameters():
            parameter.mul_(1.3)
    assert scored([*messages, small.invoke(messages, max_tokens=3)]) < 1e-4
    kept = small.engine.prefixes
    assert len(kept) == 1
    small.engine.forget()
    assert len(kept) == 0


def test_a_conversation_that_goes_two_ways(small: VideoLMM) -> None:
    first: list[BaseMessage] = [HumanMessage("Go.")]
    first.append(small.invoke(first, max_tokens=6, temperature=1.0, seed=1))

    def on(words: str) -> AIMessage:
        return small.invoke([*first, HumanMessage(words)], max_tokens=6, temperature=1.0, seed=2)

    ways = [on("Left."), on("Right."), on("Left.")]
    with _reading_all(small):
        assert [sampled(way) for way in ways] == [sampled(on(words)) for words in ("Left.", "Right.", "Left.")]


def test_little_room_keeps_the_last_ones(small: VideoLMM) -> None:
    engine = small.engine
    assert engine.prefixes is not None
    small.invoke([HumanMessage("Go.")], max_tokens=3)
    size = engine.prefixes.size
    engine.prefixes = PrefixCache(engine.loaded, engine.vision, engine.bounds.pad, keep=2 * size + size // 2)
    for words in ("Go.", "On.", "Up.", "Go."):
        small.invoke([HumanMessage(words)], max_tokens=3)
        assert engine.prefixes.size <= 2.5 * size
    assert len(engine.prefixes) == 2


def test_what_conversations_begin_with_is_read_once(small: VideoLMM) -> None:
    small.engine.batcher.linger = 0.2
    system = SystemMessage("You answer questions about videos. " * 6)
    asked_for = [f"{word} is it?" for word in ("What", "Where", "What", "Who", "What colour")]

    def ask(words: str) -> AIMessage:
        return small.invoke([system, HumanMessage(words)], max_tokens=5, temperature=1.0, seed=3)

    def ask_all() -> list[AIMessage]:
        with ThreadPoolExecutor(5) as pool:
            return list(pool.map(ask, asked_for))

    with _reading_all(small):
        wanted = ask_all()
    prefixes = small.engine.prefixes
    shared = 0
    while len({message.response_metadata["tokens"]["given"][shared] for message in wanted}) == 1:
        shared += 1
    total = sum(len(message.response_metadata["tokens"]["given"]) for message in wanted)
    made = ask_all()
    assert total - 4 * shared <= prefixes.read < total - 3 * shared  # shorter ones read some of it with the longer ones
    before = prefixes.read
    alone = ask(asked_for[1])
    assert 0 < prefixes.read - before <= len(alone.response_metadata["tokens"]["given"]) - shared
    for message, other in zip([*made, alone], [*wanted, wanted[1]], strict=True):
        assert sampled(message) == sampled(other)
        logprobs = [m.response_metadata["tokens"]["logprobs"] for m in (message, other)]
        assert np.abs(np.subtract(*logprobs)).max() < 1e-4
