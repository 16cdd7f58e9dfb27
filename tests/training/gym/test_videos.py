"""Worlds as real files: the tools tell the same of both."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from langchain_core.messages import ToolMessage
from rewatch.memory import ClipMemory, FrameReader, Video
from rewatch.training.gym import Environment, Level, build_memory, make_environment, write_video
from rewatch.training.gym.evaluation import play
from rewatch.training.gym.expert import Expert
from rewatch.training.rewards.answers import is_right
from rewatch.training.rollouts.rollout import Rollout

SAMPLE = ("retrieval", "spotting", "viewing", "cropping", "listening", "tracking", "two_hops", "day")
MEAN, MOST = 1.0, 16
"""Grey levels by which a picture of a lossy file may differ: on average, and anywhere."""


@pytest.fixture(scope="module")
def sample() -> list[Environment]:
    return [make_environment(family, 7, Level(clips=12)) for family in SAMPLE]


@pytest.fixture(scope="module")
def drawn(sample: list[Environment], tmp_path_factory: pytest.TempPathFactory) -> tuple[ClipMemory, list[Rollout]]:
    memory = build_memory(sample, tmp_path_factory.mktemp("drawn"))
    tasks = [one.task for one in sample]
    return memory, play(memory, tasks, Expert.of(tasks))


def _filmed(sample: list[Environment], folder: Path, quality: int) -> tuple[ClipMemory, list[Rollout]]:
    memory = ClipMemory(folder / "memory", text_encoder="hashed")
    for one in sample:
        path = write_video(one.world, folder, quality=quality)
        memory.add(path, channels=one.channels, clip_seconds=one.clip_seconds, workers=0)
        with Video(path) as video:
            assert (video.info.start, video.info.end) == pytest.approx((one.world.span.start, one.world.span.end))
            assert video.times() == pytest.approx(one.world.times())
    tasks = [replace(one.task, videos=(f"{one.world.name}.mp4",)) for one in sample]
    return memory, play(memory, tasks, Expert.of(tasks))


def _looks(rollout: Rollout) -> list[ToolMessage]:
    return [message for message in rollout.messages if isinstance(message, ToolMessage)]


@pytest.mark.parametrize("quality", [0, 10])
def test_tools_observe_the_same_in_files(
    sample: list[Environment], drawn: tuple[ClipMemory, list[Rollout]], tmp_path: Path, quality: int
) -> None:
    filmed, again = _filmed(sample, tmp_path, quality)
    for one, other in zip(drawn[1], again, strict=True):
        assert is_right(one) and is_right(other)
        assert one.answer.text == other.answer.text and one.answer.spans == other.answer.spans
        for seen, refilmed in zip(_looks(one), _looks(other), strict=True):
            assert (seen.name, seen.artifact["arguments"]) == (refilmed.name, refilmed.artifact["arguments"])
            assert _without_ids(seen.artifact["uris"]) == _without_ids(refilmed.artifact["uris"])
            pictures = FrameReader(drawn[0]).read(seen.artifact["pictures"])
            refilms = FrameReader(filmed).read(refilmed.artifact["pictures"])
            for picture, refilm in zip(pictures, refilms, strict=True):
                off = np.abs(picture.astype(int) - refilm)
                assert (off.mean() <= MEAN and off.max() <= MOST) if quality else off.max() == 0
            if not quality:
                assert _without_videos(seen.artifact["data"]) == _without_videos(refilmed.artifact["data"])


def _without_videos(data: dict[str, Any]) -> dict[str, Any]:
    hits = [{key: value for key, value in hit.items() if key != "video"} for hit in data.get("hits", ())]
    return {**data, "hits": hits}


def _without_ids(uris: list[str]) -> list[str]:
    return [uri.partition("#")[2] for uri in uris]
