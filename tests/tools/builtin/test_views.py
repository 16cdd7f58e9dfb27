"""Views that build on one another: crops of crops, colours, small print; on rendered frames of known content."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont
from rewatch.memory import ClipMemory, FrameReader, MediaURI
from rewatch.memory.ocr.reader import RapidReader, small_print
from rewatch.memory.video.array_video import ArrayVideo
from rewatch.tools import BUILT_IN, ON_REQUEST, Observation, Spend, Toolbox

WIDE, HIGH = 1920, 1080
WORDS = (
    "river garden window silver market engine bridge yellow winter doctor planet forest letter castle summer".split()
)
Call = Callable[..., tuple[Observation, Spend]]


def page(pixels: int, rows: int = 6, seed: int = 0) -> tuple[np.ndarray, list[str]]:
    """A white picture of 1920x1080 with lines of print that many pixels high, and its words."""
    generator = np.random.default_rng(seed)
    image = Image.new("RGB", (WIDE, HIGH), (245, 245, 240))
    letters, said = ImageFont.truetype(_font(), pixels), []
    for row in range(rows):
        text = " ".join(generator.choice(WORDS, 3))
        said += text.split()
        place = (int(generator.integers(40, 1500)), 60 + row * (960 // rows))
        ImageDraw.Draw(image).text(place, text, font=letters, fill=(20, 20, 25))
    return np.asarray(image), said


def _font() -> str:
    for name in ("DejaVuSans.ttf", "LiberationSans-Regular.ttf", "Arial.ttf"):
        try:
            ImageFont.truetype(name, 10)
        except OSError:
            continue
        return name
    pytest.skip("needs a TrueType font to write small print with")


def memory_of(folder: Path, pictures: list[np.ndarray], **how: Any) -> Call:
    """A way to call tools on a video of these pictures, one a second."""
    memory = ClipMemory(folder)
    record = memory.add(ArrayVideo(pictures, 1), channels=("visual",), workers=0)

    def call(name: str, left: Any = None, **arguments: Any) -> tuple[Observation, Spend]:
        toolbox = Toolbox([*BUILT_IN, *ON_REQUEST], **how)
        return asyncio.run(toolbox.call(name, arguments, memory=memory, videos=[record.id], left=left or {}))

    call.memory, call.video = memory, record.id  # type: ignore[attr-defined]
    return call


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Call:
    """Four pictures: a grey wall, on which a red square with a green dot of 8 pixels comes and goes."""
    wall = np.full((HIGH, WIDE, 3), 128, np.uint8)
    square = wall.copy()
    square[400:640, 960:1200] = (220, 20, 20)
    square[500:508, 1100:1108] = (20, 200, 30)
    return memory_of(tmp_path_factory.mktemp("scene") / "memory", [wall, square, square, wall])


def test_a_crop_of_a_crop_is_cut_from_the_full_frame(scene: Call) -> None:
    """Narrowing down as GUI-Spotlight does: each box lies in the last crop, and no resolution is lost."""
    outer, _ = scene("crop", time=1.5, box=[0.5, 400 / HIGH, 0.625, 640 / HIGH])
    assert (outer.data["width"], outer.data["height"]) == (240, 240)
    inner, spend = scene("crop", time=1.5, box=[0.5, 80 / 240, 0.75, 130 / 240], of=outer.pictures[0])
    assert (inner.data["width"], inner.data["height"]) == (60, 50) and spend.frames == 1
    left, top, right, bottom = inner.data["box"]
    assert (left * WIDE, top * HIGH) == pytest.approx((1080, 480), abs=0.1)
    dot, _ = scene("crop", time=1.5, box=[20 / 60, 20 / 50, 28 / 60, 28 / 50], of=inner.pictures[0])
    (shown,) = FrameReader(scene.memory).read(dot.pictures)  # type: ignore[attr-defined]
    assert shown.shape == (8, 8, 3)
    assert np.abs(shown.astype(int).mean((0, 1)) - (20, 200, 30)).max() < 12, "the dot and nothing else"
    assert MediaURI.parse(dot.uris[0]).box == pytest.approx(
        (1100 / WIDE, 500 / HIGH, 1108 / WIDE, 508 / HIGH), abs=1e-4
    )


def test_a_crop_can_be_followed_in_time_and_in_pixels(scene: Call) -> None:
    outer, _ = scene("crop", time=1, box=[0.5, 400 / HIGH, 0.625, 640 / HIGH])
    later, _ = scene("crop", time=2, box=[120, 0, 240, 120], of=outer.uris[0])  # pixels of the crop
    assert later.data["time"] == 2 and later.data["width"] == later.data["height"] == 120
    assert later.data["box"][0] * WIDE == pytest.approx(1080, abs=0.1)


@pytest.mark.parametrize(
    ("inside", "says"),
    [
        ("nonsense", "Not a media URI"),
        ("video:00000000#t=1&xywh=percent:10,10,20,20", "and this is video:"),
    ],
)
def test_what_is_no_crop_of_this_video_is_told(scene: Call, inside: str, says: str) -> None:
    observation, _ = scene("crop", time=1, box=[0, 0, 0.5, 0.5], of=inside)
    assert observation.error and says in observation.text


def test_narrowing_down_ends_at_the_pixels(scene: Call) -> None:
    uri, tries = None, 0
    while tries < 20:
        observation, _ = scene("crop", time=1, box=[0.3, 0.3, 0.6, 0.6], **({"of": uri} if uri else {}))
        if observation.error:
            break
        uri, tries = observation.pictures[0], tries + 1
    assert 3 <= tries < 8 and "nothing more to see" in observation.text


def test_a_color_is_found_where_and_when_it_is(scene: Call) -> None:
    observation, spend = scene("find_color", start=0, end=4, color="crimson", fps=2)
    assert observation.data["color"] == "red" and observation.data["spans"] == [[1.0, 3.0]]
    row = observation.data["frames"][0]
    assert len(row["boxes"]) == 1 and row["boxes"][0] == pytest.approx([0.5, 400 / HIGH, 0.625, 640 / HIGH], abs=0.006)
    assert row["share"] == pytest.approx(240 * 240 / (WIDE * HIGH), rel=0.06)
    assert spend.frames == 8 and "red in 4 of 8 frames: 00:01-00:03" in observation.text
    moment, spend = scene("find_color", start=2, color="red")
    assert len(moment.data["frames"]) == 1 == spend.frames
    # What it found can be cropped.
    crop, _ = scene("crop", time=2, box=[0, 0, 1, 1], of=moment.uris[1])
    assert crop.data["width"] == pytest.approx(240, abs=8)


def test_colors_that_are_not_there_and_words_that_are_none(scene: Call) -> None:
    nothing, _ = scene("find_color", start=0, end=4, color="purple")
    assert nothing.data["frames"] == [] and "Try another colour" in nothing.text and not nothing.error
    for word in ("xylophone", "red and blue", "no red", ""):
        wrong, spend = scene("find_color", start=0, color=word)
        assert wrong.error and "one of black, white" in wrong.text and spend.frames == 0
    short, spend = scene("find_color", {"frames": 3}, start=0, end=4, color="red", fps=30)
    assert spend.frames == 3 and not short.error


def test_policies_are_not_offered_it_unasked() -> None:
    assert "find_color" not in Toolbox(BUILT_IN).names and [item.name for item in ON_REQUEST] == ["find_color"]


def test_small_print_is_read_in_tiles() -> None:
    """Print of ten pixels in a frame of 1920x1080: the whole frame at once shows the model three pixels of it."""
    reader = RapidReader()
    image, words = page(10)
    rows = small_print(np.ascontiguousarray(image[:, :, ::-1]))
    assert 5 <= len(rows) <= 12
    said = " ".join(line.text for line in reader.read(image)).lower()
    assert sum(word in said for word in words) >= 0.9 * len(words)
    hasty = " ".join(line.text for line in reader.read(image, quick=True)).lower()
    assert sum(word in hasty for word in words) < 0.8 * len(words)


def test_tiles_are_taken_only_where_small_print_is_likely(monkeypatch: pytest.MonkeyPatch) -> None:
    from rapidocr.ch_ppocr_det.utils import DetPreProcess

    reader, looks = RapidReader(), []
    prepare = DetPreProcess.__call__
    monkeypatch.setattr(
        DetPreProcess, "__call__", lambda self, image: (looks.append(image.shape), prepare(self, image))[1]
    )
    ground = np.random.default_rng(0).integers(60, 200, (27, 48, 3)).astype(np.uint8)
    scenery = np.asarray(Image.fromarray(ground).resize((WIDE, HIGH), Image.Resampling.BICUBIC))
    reader.read(scenery)
    assert len(looks) == 1, "no print: one look at the whole"
    reader.read(page(40)[0])
    assert len(looks) == 2, "large print: likewise"
    reader.read(page(8, rows=1)[0])
    assert 3 <= len(looks) <= 6, "one line: the tiles that it stands in"
    looks.clear()
    reader.read(scenery, tiles=True)
    assert len(looks) == 1, "no edges, no tiles, though they were asked for"
    reader.read(page(40, rows=2)[0], tiles=True)
    assert len(looks) > 3, "asked for: every tile that is not blank"


def test_the_toolbox_looks_for_small_print_where_nothing_was_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Faint print, which the cheap look for rows passes over; it stays for two seconds and is one reading."""
    image = Image.new("RGB", (WIDE, HIGH), (150, 150, 150))
    letters = ImageFont.truetype(_font(), 11)
    ImageDraw.Draw(image).text((700, 500), "silver market bridge", font=letters, fill=(105, 105, 105))
    print_, blank = np.asarray(image), np.full((HIGH, WIDE, 3), 150, np.uint8)
    call = memory_of(tmp_path / "memory", [print_, print_, blank])
    at_once, _ = call("read_text", start=1)
    assert (
        "silver market bridge" in at_once.text.lower() and "at first" in at_once.text and "small=True" in at_once.text
    )
    nothing, _ = call("read_text", start=2.5)
    assert "No text was made out" in nothing.text and nothing.data["readings"] == []
    asked, spend = call("read_text", start=0, end=3, small=True)
    (reading,) = asked.data["readings"]
    assert reading["text"].lower() == "silver market bridge" and reading["span"] == [0.0, 2.0] and spend.frames == 3
