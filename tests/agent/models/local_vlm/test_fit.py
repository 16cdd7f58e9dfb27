"""What does not fit is made smaller, then left out, and the model is told; there is always an answer."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage
from PIL import Image
from rewatch.agent.models.local_vlm import VideoLMM
from rewatch.agent.models.local_vlm.fit import ContextFull
from rewatch.agent.models.local_vlm.vision_adapter import QwenVision
from rewatch.agent.models.turn import Turn
from rewatch.memory import FrameReader

from .steering import asked, given, observation, sampled, steered

TOOLS = [{"type": "function", "function": {"name": "view_clip", "description": "Look.", "parameters": {}}}]


def _grids(message: AIMessage) -> list[list[int]]:
    return message.response_metadata["tokens"]["grids"]


def _text(policy: VideoLMM, message: AIMessage) -> str:
    return policy.engine.loaded.processor.tokenizer.decode(given(message))


@pytest.mark.parametrize("size", [(640, 360), (360, 640), (100, 100), (1920, 1080), (33, 500), (16, 16)])
def test_sizes_are_those_of_the_stock_processor(small: VideoLMM, size: tuple[int, int]) -> None:
    vision, images = small.engine.vision, small.engine.loaded.processor.image_processor
    assert isinstance(vision, QwenVision)
    picture = Image.fromarray(np.random.default_rng(0).integers(0, 255, (size[1], size[0], 3), dtype=np.uint8))
    limits = {"shortest_edge": vision.smallest, "longest_edge": 200_704}
    stock = images(images=[picture], size=limits, return_tensors="pt")
    grid = vision.grid(size, 200_704)
    assert tuple(stock["image_grid_thw"][0].tolist()) == grid
    assert float((stock["pixel_values"] - vision.prepare([picture], grid)).abs().max()) < 1e-6


@pytest.mark.parametrize("pixels", [4096, 10_000, 200_704])
def test_no_picture_passes_its_limit(small: VideoLMM, pixels: int) -> None:
    for size in [(640, 360), (5000, 8), (8, 5000), (1, 1), (97, 61)]:
        grid = small.engine.vision.grid(size, pixels)
        assert small.engine.vision.tokens(grid) * 16 * 16 <= max(pixels, small.engine.vision.smallest)


def test_pictures_shrink_before_any_is_left_out(
    small_saved: Path, pixels: FrameReader, frames: Callable[..., list[str]]
) -> None:
    roomy, tight = (VideoLMM.load(str(small_saved), context=c) for c in (8192, 1500))
    message = [asked("What?", *frames(*range(0, 20, 2)))]
    large = roomy.invoke(message, turn=Turn(pixels=pixels), max_tokens=4)
    small = tight.invoke(message, turn=Turn(pixels=pixels), max_tokens=4)
    assert len(_grids(large)) == len(_grids(small)) == 10
    assert max(_grids(small)) < min(_grids(large))
    assert small.usage_metadata["total_tokens"] <= 1500


def test_a_full_context_leaves_pictures_out_and_says_so(
    small_saved: Path, pixels: FrameReader, frames: Callable[..., list[str]]
) -> None:
    policy = VideoLMM.load(str(small_saved), context=700)
    message = [asked("What?", *frames(*np.arange(0, 24, 0.5)))]
    reply = policy.invoke(message, turn=Turn(pixels=pixels), max_tokens=8)
    shown = len(_grids(reply))
    assert 0 < shown < 48
    assert f"[{48 - shown} of 48 pictures are left out: the context has no room for them.]" in _text(policy, reply)
    assert reply.usage_metadata["total_tokens"] <= 700 and len(sampled(reply)) >= 1
    times = [float(uri.split("=")[1]) for uri in reply.response_metadata["tokens"]["pictures"]]
    assert times == sorted(times) and times[0] < 4 and times[-1] > 19  # spread over the span


def test_a_run_that_only_looks_still_ends_with_an_answer(
    small_saved: Path, pixels: FrameReader, frames: Callable[..., list[str]]
) -> None:
    policy = VideoLMM.load(str(small_saved), context=1600)
    bound = policy.bind_tools(TOOLS)
    call = '<tool_call>\n{"name": "view_clip", "arguments": {}}\n</tool_call>'
    messages: list[BaseMessage] = [HumanMessage("What is it?")]
    with steered(policy, lambda prompt: "An umbrella." if "context is full" in prompt[-400:] else call):
        for _ in range(60):
            reply = bound.invoke(messages, turn=Turn(pixels=pixels), max_tokens=64)
            assert reply.usage_metadata["total_tokens"] <= 1600
            messages.append(reply)
            if not reply.tool_calls:
                break
            messages.append(observation("Frames. " * 30, frames(1, 5, 9, 13), reply.tool_calls[0]["id"]))
    assert reply.content == "An umbrella."
    assert "Give your best answer now" in _text(policy, reply)
    last_words = policy.invoke([*messages, HumanMessage("No quote. Once more.")], max_tokens=64)
    assert last_words.usage_metadata["output_tokens"] >= 1  # the reserve is for this


def test_long_texts_of_tools_are_cut(small_saved: Path) -> None:
    policy = VideoLMM.load(str(small_saved), context=900)
    first = policy.invoke([HumanMessage("What is said?")], max_tokens=4)
    messages = [HumanMessage("What is said?"), first, observation("word " * 3000, [])]
    reply = policy.invoke(messages, max_tokens=16)
    assert "[The rest is left out: the context is full.]" in _text(policy, reply)
    assert reply.usage_metadata["total_tokens"] <= 900 and len(sampled(reply)) >= 1


def test_a_question_that_is_too_long_is_an_error(small_saved: Path) -> None:
    policy = VideoLMM.load(str(small_saved), context=300)
    with pytest.raises(ContextFull, match="tokens must be told and"):
        policy.invoke([HumanMessage("Why? " * 2000)])


def test_a_turn_keeps_to_its_tokens(small: VideoLMM, pixels: FrameReader, frames: Callable[..., list[str]]) -> None:
    message = [asked("What?", *frames(2, 10, 18))]
    with steered(small, lambda prompt: [100] * 3000):
        free = small.invoke(message, turn=Turn(pixels=pixels), max_tokens=200)
        for tokens in (free.usage_metadata["total_tokens"] - 100, 300, 150):
            reply = small.invoke(message, turn=Turn(pixels=pixels, tokens=tokens), max_tokens=200)
            assert reply.usage_metadata["total_tokens"] <= tokens
            assert len(sampled(reply)) >= 1
        nothing = small.invoke(message, turn=Turn(pixels=pixels, tokens=10), max_tokens=200)
    assert nothing.usage_metadata["total_tokens"] == 0 and "budget of tokens" in nothing.text


def test_a_turn_keeps_to_its_seconds(small: VideoLMM, pixels: FrameReader) -> None:
    with steered(small, lambda prompt: [100] * 8000):
        reply = small.invoke([HumanMessage("Go.")], turn=Turn(pixels=pixels, seconds=0.3), max_tokens=8000)
    assert reply.response_metadata["finish_reason"] == "seconds"
    assert 1 <= len(sampled(reply)) < 8000


def test_pictures_are_prepared_once(small: VideoLMM, pixels: FrameReader, frames: Callable[..., list[str]]) -> None:
    messages: list[BaseMessage] = [asked("What?", *frames(2, 10))]
    messages.append(small.invoke(messages, turn=Turn(pixels=pixels), max_tokens=3))
    assert small.engine.images.prepared == 2
    messages.append(observation("again and one more", frames(10, 18)))
    messages.append(small.invoke(messages, turn=Turn(pixels=pixels), max_tokens=3))
    small.turns.row(messages, pixels)
    assert small.engine.images.prepared == 3
