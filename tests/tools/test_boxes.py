"""Boxes in every scale that policies write: what is read, what is said of it, and that pictures differ in size."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rewatch.memory import Box, ClipMemory, FrameReader, MediaURI
from rewatch.memory.video.array_video import ArrayVideo
from rewatch.tools import BUILT_IN, Eyes, Observation, Toolbox, VideoContext, tool
from rewatch.tools.boxes import read_box

from ..media_files import quarter

HD = (1280, 720)
QUARTER = Box(0.5, 0.5, 1.0, 1.0)
SEES, GRID, PIXELS = Eyes(side=768), Eyes(side=768, scale="grid"), Eyes(side=768, scale="pixels")


@pytest.mark.parametrize(
    ("written", "eyes", "box", "says"),
    [
        ([0.5, 0.5, 1, 1], SEES, QUARTER, ""),
        ({"top_left": [0.5, 0.5], "bottom_right": [1, 1]}, SEES, QUARTER, ""),
        (["0,5", "0,5", "1", "1"], SEES, QUARTER, ""),
        ([384, 216, 768, 432], SEES, QUARTER, "as shown (768x432)"),
        ([500, 500, 1000, 1000], SEES, QUARTER, "grid of 0 to 1000"),
        ([640, 360, 1280, 720], SEES, QUARTER, "pixels of the video (1280x720)"),
        ([50, 50, 100, 100], SEES, QUARTER, "percent"),
        ([384, 216, 768, 432], GRID, Box(0.384, 0.216, 0.768, 0.432), "grid of 0 to 1000"),
        ([500, 500, 1000, 1000], GRID, QUARTER, "grid of 0 to 1000"),
        ([10, 20, 90, 80], GRID, Box(0.01, 0.02, 0.09, 0.08), "grid of 0 to 1000"),
        ([640, 360, 1280, 720], GRID, QUARTER, "pixels of the video"),
        ([0, 0, 77, 43], PIXELS, Box(0, 0, 77 / 768, 43 / 432), "as shown (768x432)"),
        ([640, 360, 1280, 720], None, QUARTER, "pixels of the video"),
        ([768, 432, 384, 216], SEES, QUARTER, "as shown"),
        ([384, 432, 768, 216], SEES, QUARTER, "as shown"),
        ("[384, 216, 768, 432]", SEES, QUARTER, "as shown"),
        ("<box>(384, 216), (768, 432)</box>", SEES, QUARTER, "as shown"),
        ("384px 216px 768px 432px", SEES, QUARTER, "as shown"),
        ("x1=384, y1=216, x2=768, y2=432", SEES, QUARTER, "as shown"),
        ("x: 384, y: 216, width: 384, height: 216", SEES, QUARTER, "as shown"),
        ('{"bbox_2d": [384, 216, 768, 432], "label": "red"}', SEES, QUARTER, "as shown"),
        ({"x1": 384, "y1": 216, "x2": 768, "y2": 432}, SEES, QUARTER, "as shown"),
        ({"X": "384", "Y": "216", "W": "384", "H": "216"}, SEES, QUARTER, "as shown"),
        ([[384, 216], [768, 432]], SEES, QUARTER, "as shown"),
        ([[384, 216, 768, 432]], SEES, QUARTER, "as shown"),
        ([{"bbox_2d": [384, 216, 768, 432]}], SEES, QUARTER, "as shown"),
        (["50%", "50%", "100%", "100%"], SEES, QUARTER, ""),
        ("50 50 100 100 %", SEES, QUARTER, ""),
        ([0.5, 0.5, 1.02, 1.04], SEES, QUARTER, ""),
        ([500, 500, 1008, 1001], GRID, QUARTER, "grid"),
        (np.array([384, 216, 768, 432]).tolist(), SEES, QUARTER, "as shown"),
    ],
)  # fmt: skip
def test_the_scale_is_read_and_said(written: Any, eyes: Eyes | None, box: Box, says: str) -> None:
    found, note = read_box(written, HD, eyes)
    assert found == pytest.approx(box, abs=2e-3)
    assert says in note if says else note == ""


@pytest.mark.parametrize(
    "written",
    [[384, 216, 5000, 432], [-900, 0, 500, 500], [10**9] * 4, [1, 2, 3], "nowhere", {"x": 1}, [None] * 4, [[]], [{}]],
)
def test_what_lies_outside_or_is_no_box_is_refused(written: Any) -> None:
    with pytest.raises(ValueError, match="box"):
        read_box(written, HD, SEES)


@pytest.fixture(scope="module")
def growing(tmp_path_factory: pytest.TempPathFactory) -> ClipMemory:
    """A second at 320x180, one at 1280x720, one at 360x640: the lower right quarter is red."""
    memory = ClipMemory(tmp_path_factory.mktemp("growing"))
    memory.add(ArrayVideo([quarter(320, 180), quarter(*HD), quarter(360, 640)], 1), channels=("visual",), workers=0)
    return memory


def call(memory: ClipMemory, name: str, eyes: Eyes, toolbox: Toolbox | None = None, **arguments: Any) -> Observation:
    (video,) = memory.videos()
    made = (toolbox or Toolbox(BUILT_IN)).call(
        name, arguments, memory=memory, videos=[video.id], left={"frames": 9, "calls": 9, "seconds": 60}, eyes=eyes
    )
    return asyncio.run(made)[0]


@pytest.mark.parametrize(("time", "size"), [(0, (320, 180)), (1, HD), (2, (360, 640))])
def test_a_crop_is_of_the_picture_at_that_time(growing: ClipMemory, time: float, size: tuple[int, int]) -> None:
    shown = SEES.display_size(size)
    assert shown is not None
    for box in ([0.5, 0.5, 1, 1], [shown[0] // 2, shown[1] // 2, *shown], [500, 500, 1000, 1000]):
        seen = call(growing, "crop", SEES, time=time, box=box)
        assert not seen.error and f"{size[0] // 2}x{size[1] // 2} pixels of {size[0]}x{size[1]}" in seen.text
        assert ("read as" in seen.text) == (max(box) > 1) == ("read_as" in seen.data)
        (picture,) = FrameReader(growing).read(seen.pictures)
        assert (picture[..., 0].astype(int) - picture[..., 1] > 80).mean() > 0.95
        assert seen.data["box"] == pytest.approx([0.5, 0.5, 1, 1], abs=0.01)


def test_a_crop_of_a_crop_is_in_the_pixels_of_that_crop(growing: ClipMemory) -> None:
    outer = call(growing, "crop", SEES, time=1, box=[0, 0, 1, 1])
    part = call(growing, "crop", SEES, time=1, box=[192, 108, 768, 432], of=outer.pictures[0])
    inner = call(growing, "crop", SEES, time=1, box=[384, 216, 768, 432], of=part.pictures[0])
    assert "as shown (960x540)" not in inner.text and "as shown (768x432)" in inner.text
    assert MediaURI.parse(inner.pictures[0]).box == pytest.approx((0.625, 0.625, 1, 1), abs=0.01)


def test_one_toolbox_serves_policies_that_see_differently(growing: ClipMemory) -> None:
    toolbox = Toolbox(BUILT_IN)
    boxes = [
        call(growing, "crop", eyes, toolbox, time=1, box=[100, 100, 400, 400]).data["box"]
        for eyes in (SEES, GRID, Eyes(), SEES)
    ]
    assert boxes[0] == boxes[3] != boxes[1] and boxes[1] == pytest.approx([0.1, 0.1, 0.4, 0.4])
    assert boxes[2] == pytest.approx([100 / 1280, 100 / 720, 400 / 1280, 400 / 720], abs=1e-3)


def test_a_box_that_cannot_be_read_costs_nothing_and_says_how_to_write_it(growing: ClipMemory) -> None:
    for box in ([384, 216, 5000, 432], "the red thing", [0.5, 0.5, 0.5, 0.5]):
        seen = call(growing, "crop", SEES, time=1, box=box)
        assert seen.error and "between 0 and 1" in seen.text


def test_tools_of_others_read_boxes_alike(growing: ClipMemory) -> None:
    @tool
    def red_share(time: float, box: list[float], video: VideoContext) -> str:
        """Share of red in a box.

        Args:
            time: seconds.
            box: the region.
        """
        frame = next(iter(video.frames_at([time])))
        region, note = video.box(box, frame.whole)
        height, width = frame.image.shape[:2]
        part = frame.image[int(region.top * height) :, int(region.left * width) :]
        return f"{(part[..., 0] > 200).mean():.2f} {note}"

    seen = call(growing, "red_share", SEES, Toolbox([red_share]), time=1, box="(384, 216) (768, 432)")
    assert seen.text.startswith("1.00 box [384, 216, 768, 432] read as pixels of the picture as shown")


def test_text_is_read_in_a_region_in_pixels_of_what_is_shown(tmp_path: Path) -> None:
    image = np.full((720, 1280, 3), 255, np.uint8)
    import cv2

    cv2.putText(image, "LEFT", (80, 200), cv2.FONT_HERSHEY_SIMPLEX, 3, (0, 0, 0), 8)
    cv2.putText(image, "RIGHT", (760, 600), cv2.FONT_HERSHEY_SIMPLEX, 3, (0, 0, 0), 8)
    memory = ClipMemory(tmp_path)
    memory.add(ArrayVideo([quarter(320, 180), image], 1), channels=("visual",), workers=0)
    seen = call(memory, "read_text", SEES, start=1, box=[384, 216, 768, 432])
    assert "RIGHT" in seen.text and "LEFT" not in seen.text and "as shown (768x432)" in seen.text
