"""A picture as a query: array, file, place in a video; through the memory, the tool and the command."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from rewatch.cli.app import app
from rewatch.memory import ClipMemory, MediaURI, VideoError
from rewatch.memory.span import Box, Span
from rewatch.tools import BUILT_IN, Observation, Spend, Toolbox
from typer.testing import CliRunner

COLORS = ((170, 20, 20), (20, 170, 20), (20, 20, 170))


@pytest.fixture(scope="module")
def colors(tmp_path_factory: pytest.TempPathFactory, make_talk: Callable[..., Path]) -> ClipMemory:
    """Ten seconds each of red, green and blue."""
    folder = tmp_path_factory.mktemp("alike")
    memory = ClipMemory(folder / "memory")
    memory.add(
        make_talk(folder / "v.mp4", 30, colors=lambda t: COLORS[min(int(t // 10), 2)]),
        channels=("visual",),
        workers=0,
    )
    return memory


def painted(number: int) -> np.ndarray:
    return np.full((90, 160, 3), COLORS[number], np.uint8)


@pytest.mark.parametrize("number", [0, 1, 2])
def test_clips_that_look_like_a_picture(colors: ClipMemory, number: int, tmp_path: Path) -> None:
    path = tmp_path / "asked.png"
    Image.fromarray(painted(number)).save(path)
    place = MediaURI.frame(colors.videos()[0].id, 10 * number + 4.0, Box(0.1, 0.1, 0.6, 0.6))
    for query in (painted(number), path, place):
        hits = colors.search(query, k=3)
        assert len(hits) == 3 and hits[0].span == Span(10 * number, 10 * number + 10), query
        assert set(hits[0].channels) == {"visual"}
    assert colors.search(painted(number), channels=["speech"]) == []
    late = colors.search(painted(number), between=Span(21, 29))
    assert [hit.span for hit in late] == [Span(20, 30)]


def test_a_view_of_the_past_looks_no_further(colors: ClipMemory) -> None:
    view = colors.until(15.0)
    assert [hit.span.start for hit in view.search(painted(2))] == [0.0]
    with pytest.raises(VideoError, match="not to be seen yet"):
        view.search(MediaURI.frame(colors.videos()[0].id, 25.0))


def test_what_is_no_picture_is_told(colors: ClipMemory, tmp_path: Path) -> None:
    (tmp_path / "text.png").write_text("no image")
    with pytest.raises(VideoError, match="is not an image"):
        colors.search(tmp_path / "text.png")
    with pytest.raises(VideoError, match="There is no file"):
        colors.search(tmp_path / "gone.png")
    with pytest.raises(ValueError, match=r"is \[H, W, 3\] uint8"):
        colors.search(np.zeros((4, 4), np.uint8))


def call(memory: ClipMemory, **arguments: object) -> tuple[Observation, Spend]:
    videos = [video.id for video in memory.videos()]
    toolbox = Toolbox(BUILT_IN)
    return asyncio.run(
        toolbox.call("search_clips", {"query": "", **arguments}, memory=memory, videos=videos, left={"frames": 5})
    )


def test_the_tool_takes_media_uris_and_no_files(colors: ClipMemory, tmp_path: Path) -> None:
    video = colors.videos()[0].id
    observation, spend = call(colors, image=f"video:{video}#t=24&xywh=percent:10,10,50,50", k=1)
    assert observation.data["hits"][0]["span"] == [20.0, 30.0] and spend.frames == 1
    Image.fromarray(painted(0)).save(tmp_path / "secret.png")
    for image, says in ((str(tmp_path / "secret.png"), "no media URI"), (f"video:{video}", "names no moment")):
        refused, _ = call(colors, image=image)
        assert refused.error and says in refused.text


def test_the_command_takes_a_file(colors: ClipMemory, tmp_path: Path) -> None:
    path = tmp_path / "asked.jpg"
    Image.fromarray(painted(1)).save(path)
    ours = ["--memory", str(colors.folder), "--json", "-k", "1"]
    for image in (str(path), f"video:{colors.videos()[0].id}#t=14"):
        result = CliRunner().invoke(app, ["search", "--image", image, *ours])
        assert result.exit_code == 0, result.output
        (hit,) = json.loads(result.stdout)["hits"]
        assert hit["span"] == [10.0, 20.0]
    assert CliRunner().invoke(app, ["search", *ours]).exit_code == 2
    assert CliRunner().invoke(app, ["search", "words", "--image", str(path), *ours]).exit_code == 2
    nonsense = CliRunner().invoke(app, ["search", "--image", "video:nonsense#x", *ours])
    assert nonsense.exit_code == 2 and "Not a media URI" in nonsense.output
