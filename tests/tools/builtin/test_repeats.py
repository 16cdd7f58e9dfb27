"""Frames that look the same: looked at and charged, told of, and shown once to the policy and to the viewer."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rewatch.memory import ClipMemory
from rewatch.memory.video.array_video import ArrayVideo
from rewatch.tools import BUILT_IN, INTERNAL_TOOLS, VLM_TOOLS, Observation, Reply, Spend, Toolbox, VisualQuestion


class Viewer:
    """Notes what it is shown."""

    def __init__(self) -> None:
        self.asked: list[VisualQuestion] = []

    def ask(self, questions: Sequence[VisualQuestion], **_: Any) -> list[Reply]:
        self.asked += questions
        return [Reply(text=f"{len(q.frames)} of 5", tokens=10 * len(q.frames), yes=1.0) for q in questions]


@pytest.fixture(scope="module")
def memory(tmp_path_factory: pytest.TempPathFactory) -> ClipMemory:
    """A noisy picture for 20 s, in which a small thing is from 6 s to 9 s."""
    rng = np.random.default_rng(0)
    scene = np.full((360, 640, 3), 90, np.uint8)
    images = [np.clip(scene + rng.normal(0, 2, scene.shape), 0, 255).astype(np.uint8) for _ in range(20)]
    for image in images[6:9]:
        image[100:112, 200:212] = 200
    memory = ClipMemory(tmp_path_factory.mktemp("still"), text_encoder="hashed")
    memory.add(ArrayVideo(images, 1.0), channels="visual")
    return memory


def call(memory: ClipMemory, name: str, viewer: Any = None, **args: Any) -> tuple[Observation, Spend]:
    toolbox = Toolbox([*BUILT_IN, *VLM_TOOLS], inner=INTERNAL_TOOLS, viewer=viewer)
    return asyncio.run(toolbox.call(name, args, memory=memory, videos=[memory.videos()[0].id], left={}))


def moments(uris: Sequence[str]) -> list[float]:
    return [float(uri.partition("#t=")[2]) for uri in uris]


def test_a_policy_is_shown_each_look_once_and_told_of_the_others(memory: ClipMemory):
    observation, spend = call(memory, "view_clip", start=3, end=11)
    assert moments(observation.pictures) == [3.0, 6.0, 9.0], "what comes back is shown again"
    assert "8 frames at 00:03, 00:04" in observation.text
    same = "00:04, 00:05 look the same as 00:03; 00:07, 00:08 look the same as 00:06; 00:10 looks the same as 00:09."
    assert f"Not shown again, since nothing new is in them: {same}" in observation.text
    assert observation.data["times"] == [3, 4, 5, 6, 7, 8, 9, 10], "times stay exact, and all can be cited"
    assert len(observation.uris) == 9 and spend.frames == 8, "frames that are looked at are charged"


def test_a_viewer_is_shown_each_look_once(memory: ClipMemory):
    eyes = Viewer()
    observation, spend = call(memory, "ask_clip", eyes, start=10, end=20, question="What is there?", frames=8)
    (question,) = eyes.asked
    assert len(question.frames) == 1 and spend.tokens == 10 and spend.frames == 8
    assert question.text.startswith(
        "What is there?\n(Not shown again, since nothing new is in them: 7 frames from 00:1"
    )
    assert observation.text.startswith("8 frames, of which 1 shown, from 00:10 to 00:19: ")
    call(memory, "verify_clip", eyes, start=5, end=8, claim="There is a cup.")
    assert len(eyes.asked[1].frames) == 3
    call(memory, "ask_frames", eyes, times=[1, 2, 3], question="When?")
    assert len(eyes.asked[2].frames) == 3, "a model that is to name times is shown all of them"


def test_frames_that_look_the_same_are_rated_once(memory: ClipMemory):
    eyes = Viewer()
    observation, _ = call(memory, "rate_frames", eyes, times=[1, 2, 7, 8, 12], question="Where is the cup?")
    assert len(eyes.asked) == 3
    assert [row["time"] for row in observation.data["ratings"]] == [1, 2, 7, 8, 12]
    assert {row["score"] for row in observation.data["ratings"]} == {1}


def test_where_everything_moves_all_is_shown(tmp_path: Path):
    images = [np.full((90, 160, 3), 12 * second, np.uint8) for second in range(20)]
    memory = ClipMemory(tmp_path, text_encoder="hashed")
    memory.add(ArrayVideo(images, 1.0), channels="visual")
    observation, _ = call(memory, "view_clip", start=0, end=10)
    assert len(observation.pictures) == 10 and "Not shown" not in observation.text
