"""Texts that are hard to follow: behind a wipe, and cut by the border of the picture."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont
from rewatch.memory import Video
from rewatch.memory.ocr.exact_times import likeness_behind, refine
from rewatch.memory.ocr.lines import Line, Reading, TextReader, fuller
from rewatch.memory.ocr.reader import RapidReader
from rewatch.memory.ocr.timeline import complete_at_border, read_span, touches_border
from rewatch.memory.span import Box, Span

FPS = 10
DIGITS = "853"


@pytest.fixture(scope="module")
def reader() -> TextReader:
    return RapidReader()


def film(
    path: Path, seconds: float, size: tuple[int, int], paint: Callable[[float, ImageDraw.ImageDraw], None]
) -> Path:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=FPS, options={"preset": "ultrafast", "crf": "24"})
        stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
        for index in range(round(seconds * FPS)):
            picture = Image.new("RGB", size, (190, 190, 185))
            paint(index / FPS, ImageDraw.Draw(picture))
            container.mux(stream.encode(av.VideoFrame.from_image(picture)))
        container.mux(stream.encode())
    return path


def countdown(now: float, draw: ImageDraw.ImageDraw) -> None:
    """A digit for each one and a half seconds, behind a shadow that turns around the middle."""
    turned = 360 * (now % 1.5) / 1.5 - 90
    draw.pieslice((-100, -140, 420, 380), -90, turned, fill=(95, 95, 95))
    draw.ellipse((40, 0, 280, 240), outline=(235, 235, 235), width=5)
    draw.text(
        (160, 120), DIGITS[int(now / 1.5 + 1e-6)], fill=(45, 45, 45), font=ImageFont.load_default(170), anchor="mm"
    )
    draw.line((160, 0, 160, 240), fill=(20, 20, 20))
    draw.line((0, 120, 320, 120), fill=(20, 20, 20))


class Failing:
    """Reads a digit only in pictures of a few moments, as OCR does when a shadow crosses it."""

    name = stamp = "failing"

    def __init__(self, text: str, shown: np.ndarray) -> None:
        self._text, self._shown = text, shown

    def read(self, image: np.ndarray, *, quick: bool = False) -> list[Line]:
        if image.shape != self._shown.shape or np.abs(image.astype(int) - self._shown).mean() > 1:
            return []
        return [Line(self._text, Box(0.3, 0.2, 0.7, 0.8), 0.99)]


@pytest.mark.parametrize("place", [0, 1, 2])
def test_a_digit_behind_a_wipe_lasts_as_long_as_its_picture(tmp_path: Path, place: int) -> None:
    path = film(tmp_path / "countdown.mp4", 4.5, (320, 240), countdown)
    start = 1.5 * place
    with Video(path) as video:
        legible = next(iter(video.frames_at([start + 0.9]))).image
        rough = Reading(start + 0.9, start + 1.1, DIGITS[place], Box(0.28, 0.15, 0.72, 0.85), 0.99, 0.7)
        exact = refine(video, rough, bounds=video.info.span, reader=Failing(DIGITS[place], legible))
    assert exact.start == pytest.approx(start, abs=0.11)
    assert exact.end == pytest.approx(start + 1.5, abs=0.11)


def test_most_parts_of_a_letter_tell_it_from_others() -> None:
    def patch(text: str, shadow: int) -> np.ndarray:
        picture = Image.new("L", (96, 120), 190)
        draw = ImageDraw.Draw(picture)
        draw.rectangle((0, 0, shadow, 120), fill=120)
        draw.text((48, 60), text, fill=30, font=ImageFont.load_default(110), anchor="mm")
        return np.asarray(picture, np.float32)

    assert likeness_behind(patch("5", 0), patch("5", 40)) > 0.9
    assert likeness_behind(patch("5", 0), patch("7", 0)) < 0.6
    assert likeness_behind(patch("5", 0), np.full((120, 96), 190, np.float32)) < 0.6


def test_a_word_that_comes_in_at_the_border_is_read_complete_at_border(tmp_path: Path, reader: TextReader) -> None:
    def paint(now: float, draw: ImageDraw.ImageDraw) -> None:
        draw.text((-150 + 160 * now, 90), "MARKET", fill=(160, 20, 20), font=ImageFont.load_default(44))

    with Video(film(tmp_path / "in.mp4", 2.0, (320, 240), paint)) as video:
        part = Reading(0.6, 0.8, "KET", Box(0.0, 0.37, 0.3, 0.58), 0.99, 0.2)
        whole = complete_at_border(video, Span(0, 2), part, reader)
        assert (whole.text, whole.score > 0.9, touches_border(whole.box)) == ("MARKET", True, False)
        assert whole.start <= 0.6 < 1.0 <= whole.end
        lasting = Reading(0.0, 2.5, "KET", part.box, 0.99, 0.2)
        assert complete_at_border(video, Span(0, 2), lasting, reader) is lasting
        inside = Reading(0.6, 0.8, "KET", Box(0.3, 0.37, 0.6, 0.58), 0.99, 0.2)
        assert complete_at_border(video, Span(0, 2), inside, reader) is inside
        assert [each.text for each in read_span(video, Span(0, 2), reader)] == ["MARKET"]


@pytest.mark.parametrize(
    ("whole", "part", "is_fuller"),
    [
        ("TAXI", "AXI", True),
        ("Taxi", "TAX", True),
        ("TAXI", "TAXI", False),
        ("TAXI", "I", False),
        ("MARKET", "ARKE", False),
        ("RIVER", "AXI", False),
    ],
)
def test_fuller(whole: str, part: str, is_fuller: bool) -> None:
    assert fuller(whole, part) is is_fuller


def test_another_digit_in_its_place_ends_a_digit_even_in_a_loose_box(tmp_path: Path, reader: TextReader) -> None:
    with Video(film(tmp_path / "countdown.mp4", 4.5, (320, 240), countdown)) as video:
        rough = Reading(1.9, 2.2, DIGITS[1], Box(0.15, 0.02, 0.85, 0.98), 0.99, 0.96)
        exact = refine(video, rough, bounds=video.info.span, reader=reader)
    assert exact.start == pytest.approx(1.5, abs=0.11)
    assert exact.end == pytest.approx(3.0, abs=0.11)
