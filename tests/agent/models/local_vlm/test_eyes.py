"""How a local model sees pictures: in the size that its context allows, and on the scale of its family."""

from __future__ import annotations

from collections.abc import Callable

from rewatch.agent.models.local_vlm import VideoLMM
from rewatch.agent.models.turn import Turn
from rewatch.memory import FrameReader

from .steering import asked

SCALES = {"qwen3_vl": "grid", "qwen2_5_vl": "pixels"}


def test_eyes_are_those_of_the_last_picture(
    policy: VideoLMM, pixels: FrameReader, frames: Callable[..., list[str]]
) -> None:
    scale = SCALES[policy.engine.loaded.model.config.model_type]
    first = policy.eyes([])
    assert (first.side, first.scale) == (768, scale)
    message = asked("What?", *frames(4, 8))
    said = policy.invoke([message], turn=Turn(pixels=pixels), max_tokens=2)
    grids = said.response_metadata["tokens"]["grids"]
    seen = policy.eyes([message, said])
    assert seen.scale == scale and seen.side == max(policy.engine.vision.size(tuple(grids[-1])))
    assert 16 <= (seen.side or 0) < 768  # this model is shown small ones
