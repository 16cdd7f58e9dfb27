"""Other families than Qwen-VL, through their own processors: without torchvision, and with the same record."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from langchain_core.messages import BaseMessage, HumanMessage, SystemMessage
from rewatch.agent.models.local_vlm import VideoLMM
from rewatch.agent.models.local_vlm.token_record import TokenRecord
from rewatch.agent.models.turn import Turn
from rewatch.agent.models.viewer import ChatViewer
from rewatch.memory import CapabilityError, Frame, FrameReader
from rewatch.tools.viewer import VisualQuestion

from . import tiny
from .steering import asked, given, observation, sampled

TOOLS = [{"type": "function", "function": {"name": "view_clip", "description": "Look.", "parameters": {}}}]
PICTURE = {
    "idefics3": "<fake_token_around_image><global-img><image><image><image><image><fake_token_around_image>",
    "llava_onevision": "<image>" * 17 + "\n",
    "gemma3": "\n\n<start_of_image>" + "<image_soft_token>" * 4 + "<end_of_image>\n\n",
    "internvl": "<img>" + "<IMG_CONTEXT>" * 4 + "</img>\n",
}


@pytest.fixture(scope="module", params=PICTURE)
def other(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, VideoLMM]:
    pytest.importorskip("trl", reason="the chat templates are those that TRL bundles")
    folder = getattr(tiny, f"save_{request.param}")(tmp_path_factory.mktemp(request.param))
    return request.param, VideoLMM.load(str(folder))


def test_the_record_holds(other: tuple[str, VideoLMM], pixels: FrameReader, frames: Callable[..., list[str]]) -> None:
    family, policy = other
    bound = policy.bind_tools(TOOLS)
    messages: list[BaseMessage] = [SystemMessage("You watch videos."), HumanMessage("What <end_of_turn>?")]
    for k, seen in enumerate([frames(2), frames(3, 11), frames(20)]):
        turn = Turn(pixels=pixels, temperature=1.0, seed=k)
        messages += [bound.invoke(messages, turn=turn, max_tokens=3 + 2 * k), observation("frames", seen)]
    messages.append(bound.invoke(messages, turn=Turn(pixels=pixels, temperature=1.0, seed=9), max_tokens=5))

    first, second = messages[2], messages[4]
    tokenizer = policy.engine.loaded.processor.tokenizer
    assert "To look further" in tokenizer.decode(given(first)) and '"view_clip"' in tokenizer.decode(given(first))
    assert f"<2.0 seconds>{PICTURE[family]}" in tokenizer.decode(given(second))
    assert not set(sampled(second)) & set(policy.engine.bounds.suppressed)
    rows = [policy.turns.row(messages[:n], pixels) for n in (3, 5, len(messages))]
    with torch.no_grad():
        scored = policy.engine.logprobs(rows)
    for n, logprobs in zip((3, 5, len(messages)), scored, strict=True):
        recorded = TokenRecord.of(messages[:n])[0].logprobs
        assert np.abs(np.array(recorded) - logprobs.numpy()).max() < 1e-4

    ids, mask, seen = rows[-1]
    with torch.no_grad():  # the pictures are really looked at
        other_way = policy.engine.logprobs([(ids, mask, seen[::-1])])[0]
    assert float((other_way - scored[-1]).abs().max()) > 2e-4


def test_choices_are_weighed_as_a_reply_would_begin(other: tuple[str, VideoLMM]) -> None:
    family, policy = other
    reply = policy.invoke([HumanMessage("Is it?")], choices=("Yes", "No"))
    weights = reply.response_metadata["choices"]
    assert set(weights) == {"Yes", "No"} and reply.content == max(weights, key=weights.__getitem__)
    first = " Yes" if family == "idefics3" else "Yes"  # whose template has a space behind "Assistant:"
    tokenizer = policy.engine.loaded.processor.tokenizer
    assert policy.engine.choice_ids(("Yes",)) == (tokenizer(first, add_special_tokens=False)["input_ids"][0],)
    with pytest.raises(ValueError, match="same token"):
        policy.invoke([HumanMessage("Is it?")], choices=("Yes", "Yes!"))


def test_pictures_beyond_the_context_are_left_out(
    tmp_path: Path, pixels: FrameReader, frames: Callable[..., list[str]]
) -> None:
    policy = VideoLMM.load(str(tiny.save_gemma3(tmp_path)), context=200)
    reply = policy.invoke([asked("What?", *frames(*range(24)))], turn=Turn(pixels=pixels), max_tokens=8)
    assert 0 < len(reply.response_metadata["tokens"]["grids"]) < 24
    assert reply.usage_metadata["total_tokens"] <= 200


def test_smolvlm2_says_which_package_it_needs(tmp_path: Path) -> None:
    import importlib.util

    from rewatch.agent.models.local_vlm.processor import load_processor
    from transformers import SmolVLMConfig

    if importlib.util.find_spec("num2words"):
        pytest.skip("num2words is here, so nothing is missing")
    tiny.save_idefics3(tmp_path)
    with pytest.raises(CapabilityError, match="pip install num2words"):
        load_processor("smol", str(tmp_path), SmolVLMConfig())


def test_sheets_are_made_where_they_save_tokens_and_lose_nothing(other: tuple[str, VideoLMM], small: VideoLMM) -> None:
    family, policy = other
    assert small.frames_per_picture((16, 12)) == 1, "Qwen-VL is charged by area"
    assert policy.frames_per_picture((40, 30)) == 1, "two of them would be shrunk"
    each = policy.frames_per_picture((16, 12))
    assert each == (4 if family != "idefics3" else 1)
    if each == 4:
        vision = policy.engine.vision
        assert vision.tokens(vision.grid((32, 24), 1)) == vision.tokens(vision.grid((16, 12), 1))
        frames = tuple(Frame(float(n), np.full((12, 16, 3), 20 * n, np.uint8)) for n in range(8))
        (reply,) = ChatViewer(policy).ask([VisualQuestion(frames=frames, text="What happens?")], max_tokens=1)
        assert reply.tokens > 2 * vision.tokens(vision.grid((32, 24), 1))
