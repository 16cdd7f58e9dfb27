"""A memory of two short videos, with subtitles."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from rewatch.memory import ClipMemory

SUBTITLES = {
    "fair": ("Welcome to the spring fair.", "The budget is ten million."),
    "gate": ("The gate is painted green.", "The train leaves at noon."),
}


@pytest.fixture(scope="session")
def two_videos(tmp_path_factory: pytest.TempPathFactory, make_talk: Callable[..., Path]) -> Path:
    """Files `fair.mp4` and `gate.mp4`, 8 s each; what is said is in subtitles beside them."""
    folder = tmp_path_factory.mktemp("two")
    for name, (first, second) in SUBTITLES.items():
        make_talk(folder / f"{name}.mp4", 8, captions=lambda _, n=name: n.upper(), size=(160, 120), fps=5)
        lines = f"1\n00:00:01,000 --> 00:00:03,000\n{first}\n\n2\n00:00:05,000 --> 00:00:07,000\n{second}\n"
        (folder / f"{name}.srt").write_text(lines)
    return folder


@pytest.fixture(scope="session")
def two(tmp_path_factory: pytest.TempPathFactory, two_videos: Path) -> ClipMemory:
    """A memory of both."""
    memory = ClipMemory(tmp_path_factory.mktemp("served") / "memory")
    for name in SUBTITLES:
        memory.add(two_videos / f"{name}.mp4", channels=("speech",), workers=0)
    return memory
