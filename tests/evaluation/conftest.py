"""A short video with subtitles, a memory that holds it, and tasks about it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import settings
from rewatch.memory import ClipMemory, Span
from rewatch.training.data.task import Task, Truth

settings.register_profile("unhurried", deadline=None)  # a busy machine is no failure
settings.load_profile("unhurried")

SUBTITLES = """1
00:00:00,500 --> 00:00:02,500
The budget is ten million.

2
00:00:03,000 --> 00:00:05,500
The trip goes to Oslo, says Peter.
"""


@pytest.fixture(scope="session")
def talk(tmp_path_factory: pytest.TempPathFactory, make_talk: Callable[..., Path]) -> Path:
    """6 s with subtitles beside it."""
    folder = tmp_path_factory.mktemp("talk")
    (folder / "talk.srt").write_text(SUBTITLES)
    return make_talk(folder / "talk.mp4", 6, size=(160, 120), fps=5)


@pytest.fixture(scope="session")
def memory(tmp_path_factory: pytest.TempPathFactory, talk: Path) -> Path:
    """The folder of a memory that holds the talk."""
    folder = tmp_path_factory.mktemp("memory")
    with ClipMemory(folder, text_encoder="hashed") as made:
        made.add(talk, channels=("visual", "speech"), clip_seconds=2, workers=0)
    return folder


@pytest.fixture(scope="session")
def tasks() -> tuple[Task, ...]:
    """Four questions about the talk, of which the chat server answers three right."""
    asked = {
        "What is said about the budget?": Truth(answer="ten million", spans=(Span(0.5, 2.5),)),
        "Who speaks of Peter?": Truth(answer="nobody"),
        "Where does the trip go?": Truth(answer="Oslo", spans=(Span(3, 5.5),)),
        "What is the weather like?": Truth(absent=True),
    }
    return tuple(
        Task(id=f"t{n}", question=text, kind="open", truth=truth, videos=("talk.mp4",))
        for n, (text, truth) in enumerate(asked.items())
    )
