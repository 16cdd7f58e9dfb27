"""Tiny Video-LMMs on disk, loaded once, and ways to make them say what a test needs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from rewatch.agent.models.local_vlm import VideoLMM
from rewatch.memory import ClipMemory, FrameReader

from . import tiny

SHARED = Path(__file__).resolve().parents[5] / "shared"
FAMILIES = ("qwen3_vl", "qwen2_5_vl")


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> None:
    import torch

    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def tokenizer() -> Any:
    """The released vocabulary where it is there."""
    pytest.importorskip("trl", reason="the chat templates are those that TRL bundles")
    return tiny.qwen_tokenizer(SHARED / "weights")


@pytest.fixture(scope="session")
def saved(tmp_path_factory: pytest.TempPathFactory, tokenizer: Any) -> Callable[[str], Path]:
    """Folder of a tiny model of a family."""
    made: dict[str, Path] = {}

    def folder(family: str) -> Path:
        if family not in made:
            made[family] = tiny.save_qwen(tmp_path_factory.mktemp(family), family, tokenizer)
        return made[family]

    return folder


@pytest.fixture(scope="session")
def small_saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a tiny Qwen3-VL with a vocabulary of some hundred ids: quick."""
    pytest.importorskip("trl", reason="the chat templates are those that TRL bundles")
    words = tiny.small_tokenizer(tiny.SPECIAL, tiny.TAGS, "<|im_end|>")
    return tiny.save_qwen(tmp_path_factory.mktemp("small"), "qwen3_vl", words)


@pytest.fixture(scope="session")
def loaded(saved: Callable[[str], Path]) -> Callable[[str], VideoLMM]:
    """The policy of a family, loaded from disk."""
    made: dict[str, VideoLMM] = {}

    def policy(family: str) -> VideoLMM:
        if family not in made:
            made[family] = VideoLMM.load(str(saved(family)), max_pixels=64 * 16 * 16)
        return made[family]

    return policy


@pytest.fixture(params=FAMILIES)
def policy(request: pytest.FixtureRequest, loaded: Callable[[str], VideoLMM]) -> VideoLMM:
    """Both architectures."""
    return loaded(request.param)


@pytest.fixture
def small(small_saved: Path) -> VideoLMM:
    """A fresh policy with a small vocabulary, to be meddled with."""
    return VideoLMM.load(str(small_saved), max_pixels=64 * 16 * 16)


@pytest.fixture(scope="session")
def pixels(notices: ClipMemory) -> FrameReader:
    return FrameReader(notices)


@pytest.fixture(scope="session")
def frames(notices: ClipMemory) -> Callable[..., list[str]]:
    """Media URIs of frames of the one video."""
    video = notices.videos()[0].id
    return lambda *times: [f"video:{video}#t={time:g}" for time in times]
