"""How policies are shown pictures, and that the loop reads the boxes they write on that scale."""

from __future__ import annotations

from pathlib import Path

import pytest
from rewatch import Budget, ClipMemory, VideoAgent
from rewatch.agent import load_policy, read_trace
from rewatch.agent.models.eyes import scale_of
from rewatch.agent.tool_formats import load_tool_format
from rewatch.memory import CapabilityError, MediaURI
from rewatch.memory.video.array_video import ArrayVideo
from rewatch.tools import Eyes

from ...media_files import quarter
from .served.servers import Server, answers, calls


@pytest.mark.parametrize(
    ("name", "scale"),
    [
        ("Qwen/Qwen3-VL-4B-Instruct", "grid"),
        ("qwen3-vl:8b", "grid"),
        ("Qwen2-VL-7B-Instruct-AWQ", "grid"),
        ("qwen3_vl_moe", "grid"),
        ("Qwen2.5-VL-7B-Instruct", "pixels"),
        ("qwen2_5_vl", "pixels"),
        ("ByteDance-Seed/UI-TARS-1.5-7B", "pixels"),
        ("OpenGVLab/InternVL3-8B", "grid"),
        ("gpt-4o", ""),
        ("m", ""),
        ("Qwen3-4B", ""),
    ],
)
def test_the_scale_that_a_family_was_taught(name: str, scale: str) -> None:
    assert scale_of(name) == scale


def test_the_grid_is_a_dialects_own() -> None:
    assert load_tool_format("qwen3-vl").places == "grid"  # type: ignore[attr-defined]
    assert load_tool_format("pixel_reasoner").places == "pixels"  # type: ignore[attr-defined]
    assert load_tool_format("hermes").places == ""  # type: ignore[attr-defined]


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> ClipMemory:
    memory = ClipMemory(tmp_path_factory.mktemp("scene"))
    memory.add(ArrayVideo([quarter(1280, 720)] * 4, 1), channels=("visual",), workers=0)
    return memory


@pytest.mark.parametrize(
    ("model", "options", "box", "says"),
    [
        ("m", {}, [0.5, 0.5, 1, 1], ""),
        ("m", {}, [384, 216, 768, 432], "as shown (768x432)"),
        ("m", {}, [500, 500, 1000, 1000], "grid of 0 to 1000"),
        ("m", {"max_side": 384}, [192, 108, 384, 216], "as shown (384x216)"),
        ("m", {"places": "grid"}, [500, 500, 760, 760], "grid of 0 to 1000"),
        ("Qwen3-VL-8B", {}, [500, 500, 760, 430], ""),  # inside the quarter only on its grid, upside down in pixels
        ("m", {"dialect": "qwen3-vl"}, [500, 500, 760, 760], "grid of 0 to 1000"),
        ("Qwen2.5-VL-7B", {}, [400, 220, 768, 432], "as shown (768x432)"),
    ],
)
def test_a_policys_crop_shows_what_it_means(
    scene: ClipMemory, tmp_path: Path, model: str, options: dict[str, object], box: list[float], says: str
) -> None:
    with Server(calls(("crop", {"time": 1, "box": box})), answers("red"), models=(model,)) as server:
        policy = load_policy(server.address, **options)
        agent = VideoAgent(scene, policy=policy, traces=tmp_path, budget=Budget(frames=8, calls=6), second_look=False)
        answer = agent.ask("What is shown?")
    crop = next(e for e in read_trace(answer.trace or "") if e["event"] == "observation" and e["tool"] == "crop")
    assert not crop["error"] and says in crop["text"]
    region = MediaURI.parse(crop["uris"][0]).box
    assert region is not None
    if model == "Qwen3-VL-8B":
        assert region == pytest.approx((0.5, 0.43, 0.76, 0.5))
    else:
        assert region.left >= 0.499 and region.top >= 0.499


def test_a_scale_that_there_is_not_is_refused() -> None:
    with Server(answers("x")) as server, pytest.raises(CapabilityError, match="places"):
        load_policy(server.address, places="inches")


def test_eyes_survive_a_trip_through_json() -> None:
    eyes = Eyes(side=768, scale="grid")
    assert Eyes.from_dict(eyes.as_dict()) == eyes
    assert Eyes.from_dict({"side": "x", "scale": 3}) == Eyes.from_dict(None) == Eyes()
