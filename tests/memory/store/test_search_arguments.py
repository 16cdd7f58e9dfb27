"""What callers of `ClipMemory` may write: one video is one video, and what means nothing is told in a line."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rewatch.memory import ArrayVideo, ClipMemory, RewatchError, Span


@pytest.fixture(scope="module")
def memory(tmp_path_factory: pytest.TempPathFactory, make_talk: Callable[..., Path]) -> ClipMemory:
    folder = tmp_path_factory.mktemp("arguments")
    memory = ClipMemory(folder / "memory")
    for name, word in (("one", "harbor"), ("two", "orchard")):
        video = make_talk(folder / f"{name}.mp4", 8, captions=lambda _, word=word: word, size=(320, 180), fps=2)
        lines = f"1\n00:00:01,000 --> 00:00:03,000\nWe met at the {word}.\n"
        video.with_suffix(".srt").write_text(lines)
        memory.add(video, workers=0, channels=("speech", "visual"))
    return memory


@pytest.mark.parametrize("k", [1, 8, 10**9, 2**70, np.int64(3)])
def test_any_number_of_hits(memory: ClipMemory, k: int) -> None:
    hits = memory.search("we met", k=k)
    assert 1 <= len(hits) <= min(k, 4)
    assert memory.search("we met", k=k, channels="speech") == memory.search("we met", k=k, channels=["speech"])


@pytest.mark.parametrize("as_given", [str, Path, lambda name: [name], lambda name: (Path(name),)])
def test_one_video_is_one(memory: ClipMemory, as_given: Callable[[str], Any]) -> None:
    one, two = memory.videos()
    for name in (one.id, one.path):
        found = memory.search("orchard harbor", videos=as_given(name))
        assert found and {hit.video for hit in found} == {one.id}
        assert memory.until(5).search("orchard harbor", videos=as_given(name))[0].video == one.id


def test_one_video_is_one_for_an_agent(memory: ClipMemory) -> None:
    from rewatch.agent import VideoAgent

    agent = VideoAgent(memory)
    assert "harbor" in agent.ask("What is said?", videos="one.mp4").text
    answer = agent.chat(videos=Path(memory.videos()[1].path)).ask("What is said?")
    assert "orchard" in answer.text and "harbor" not in answer.text


BAD: list[dict[str, Any]] = [
    *({"k": k} for k in (0, -1, None, "8", 2.5, float("nan"), True)),
    *({"videos": videos} for videos in (5, "nope", ["nope"], [5])),
    *({"channels": channels} for channels in ("sound", 5, [5])),
    *({"between": between} for between in (5, (2, 1), (0, float("inf")), "ab", (1, 2, 3))),
    *({"level": level} for level in ("minute", None, ["clip"])),
    *({"vector": vector} for vector in ("x", [], [[1.0, 2.0]], [float("nan")] * 384)),
    *({"query": query} for query in (None, 5, b"x", [], np.zeros((4, 4)), Path("/nope.png"))),
]


@pytest.mark.parametrize("bad", BAD, ids=str)
def test_what_means_nothing_is_told(memory: ClipMemory, bad: dict[str, Any]) -> None:
    given = {"query": "harbor", **bad}
    for view in (memory, memory.until(6)):
        with pytest.raises((ValueError, RewatchError)) as told:
            view.search(**given)
        assert "\n" not in str(told.value) and str(told.value)


@pytest.mark.parametrize("query", ["", " ", "\0", "a" * 50_000, '"', "AND OR NOT", "*", "NEAR(", "x' OR 1"])
def test_any_words_can_be_searched(memory: ClipMemory, query: str) -> None:
    assert isinstance(memory.search(query), list)


def test_spans_as_pairs(memory: ClipMemory) -> None:
    assert memory.search("harbor", between=(0, 4)) == memory.search("harbor", between=Span(0, 4))  # type: ignore[arg-type]
    one = memory.videos()[0].id
    assert memory.texts(one, between=(0, 4)) == memory.texts(one, between=Span(0, 4))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "bad",
    [
        *({"channels": c} for c in (5, [], "sound")),
        *({"clip_seconds": s} for s in (-1, "x", float("inf"), float("nan"))),
        *({"clips": "scenes"}, {"workers": -1}, {"workers": "x"}, {"again": "sound"}, {"source": 5}, {"source": None}),
    ],
    ids=str,
)
def test_what_cannot_be_added(tmp_path: Path, bad: dict[str, Any]) -> None:
    source = ArrayVideo([np.zeros((32, 32, 3), np.uint8)] * 4, fps=1)
    with ClipMemory(tmp_path) as memory, pytest.raises(ValueError) as told:
        memory.add(**{"source": source, "channels": ("visual",), **bad})
    assert "\n" not in str(told.value)
