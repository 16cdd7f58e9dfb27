"""Frames as pieces of video, for models that read those: two frames each, with their time as text."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from langchain_core.messages import BaseMessage
from rewatch.agent.models.local_vlm import VideoLMM
from rewatch.agent.models.local_vlm.token_record import TokenRecord
from rewatch.agent.models.turn import Turn
from rewatch.memory import CapabilityError, FrameReader

from .steering import asked, given, observation, sampled


@pytest.fixture(scope="module")
def watching(small_saved: Path) -> VideoLMM:
    return VideoLMM.load(str(small_saved), frames_as="video", max_pixels=64 * 16 * 16)


def test_frames_are_shown_in_pairs_and_the_record_holds(
    watching: VideoLMM, pixels: FrameReader, frames: Callable[..., list[str]]
) -> None:
    turn = Turn(pixels=pixels, temperature=1.0, seed=1)
    messages: list[BaseMessage] = [asked("What?", *frames(3))]  # without a time: a picture
    messages.append(watching.invoke(messages, turn=turn, max_tokens=3))
    messages.append(observation("frames", frames(2, 10, 18)))
    messages.append(watching.invoke(messages, turn=turn, max_tokens=6))

    reply = messages[-1]
    text = watching.engine.loaded.processor.tokenizer.decode(given(reply))
    first, second = text.split("seconds>")[1:]
    assert (
        "<6.0 seconds><|vision_start|><|video_pad|>" in text and "<18.0 seconds><|vision_start|><|video_pad|>" in text
    )
    assert "<|image_pad|>" not in text and first.count("<|video_pad|>") == second.count("<|video_pad|>")
    record = reply.response_metadata["tokens"]
    a, b, c = frames(2, 10, 18)
    assert record["pictures"] == [f"{a} {b}", f"{c} {c}"]
    assert len(record["grids"]) == 2

    rows = [watching.turns.row(messages, pixels), watching.turns.row(messages[:2], pixels)]
    with torch.no_grad():
        scored = watching.engine.logprobs(rows)
    for n, logprobs in zip((4, 2), scored, strict=True):
        recorded = TokenRecord.of(messages[:n])[0].logprobs
        assert np.abs(np.array(recorded) - logprobs.numpy()).max() < 1e-4


def test_two_equal_frames_are_one_picture(
    watching: VideoLMM, pixels: FrameReader, frames: Callable[..., list[str]]
) -> None:
    vision = watching.engine.vision
    from PIL import Image

    one, two = (Image.fromarray(p) for p in pixels.read(frames(2, 18)))
    grid = vision.grid(one.size, 64 * 16 * 16)
    alone, twice, both, back = (vision.prepare(p, grid) for p in ([one], [one, one], [one, two], [two, one]))
    assert torch.equal(alone, twice)
    patch = both.reshape(len(both), 3, 2, 8, 8)
    assert torch.equal(patch[:, :, 0], alone.reshape(len(both), 3, 2, 8, 8)[:, :, 0])
    assert torch.equal(patch.flip(2), back.reshape(len(both), 3, 2, 8, 8))
    assert not torch.equal(both, alone)


def test_video_tokens_are_not_sampled(watching: VideoLMM) -> None:
    pad = watching.engine.loaded.processor.video_token_id
    assert pad in watching.engine.bounds.suppressed
    assert pad not in sampled(watching.invoke([asked("Go.")], max_tokens=4))


def test_other_models_say_that_they_cannot(saved: Callable[[str], Path], small_saved: Path) -> None:
    with pytest.raises(CapabilityError, match="reads no video"):
        VideoLMM.load(str(saved("qwen2_5_vl")), frames_as="video")
    with pytest.raises(CapabilityError, match="give images or video"):
        VideoLMM.load(str(small_saved), frames_as="gif")
