"""Reading rendered pictures and encoded videos of known text."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont
from rewatch.memory import Video
from rewatch.memory.errors import CapabilityError
from rewatch.memory.ocr.changes import ChangedTextReader
from rewatch.memory.ocr.exact_times import presence, refine
from rewatch.memory.ocr.lines import Line, Reading, TextReader, clean, merge_readings, same_text
from rewatch.memory.ocr.reader import RapidReader, credible, reading_order
from rewatch.memory.ocr.timeline import read_span
from rewatch.memory.span import Box, Span

FPS = 10
Paint = Callable[[float, ImageDraw.ImageDraw], None]


@pytest.fixture(scope="module")
def reader() -> TextReader:
    return RapidReader()


def ground(width: int, height: int, shift: float = 0.0) -> np.ndarray:
    """A soft moving background without text, `[height, width, 3]` uint8."""
    x, y = np.meshgrid(np.arange(width), np.arange(height))
    waves = [np.sin((x * a + y * b) / 60 + shift * c) for a, b, c in ((1, 0.4, 1.0), (0.3, 1, 1.7), (-0.6, 0.8, 0.6))]
    return (90 + 40 * np.stack(waves, axis=2)).astype(np.uint8)


def letters(size: float) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)


def painted(width: int, height: int, *items: tuple[str, tuple[int, int], float]) -> np.ndarray:
    picture = Image.fromarray(ground(width, height))
    draw = ImageDraw.Draw(picture)
    for text, place, size in items:
        draw.text(place, text, fill=(250, 250, 245), font=letters(size))
    return np.asarray(picture)


def film(path: Path, seconds: float, paint: Paint, *, moving: bool = True, size: tuple[int, int] = (480, 270)) -> Path:
    """Encode a video in which `paint` draws on every frame."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=FPS, options={"preset": "ultrafast", "crf": "24"})
        stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
        for index in range(round(seconds * FPS)):
            time = index / FPS
            picture = Image.fromarray(ground(*size, shift=time if moving else 0.0))
            paint(time, ImageDraw.Draw(picture))
            container.mux(stream.encode(av.VideoFrame.from_image(picture)))
        container.mux(stream.encode())
    return path


class Counting:
    """A reader that counts what it is given, in pictures of `area` pixels."""

    name = stamp = "counting"

    def __init__(self, reader: TextReader, area: int) -> None:
        self._reader, self._area = reader, area
        self.pictures = 0.0

    def read(self, image: np.ndarray, *, quick: bool = False) -> list[Line]:
        self.pictures += image.shape[0] * image.shape[1] / self._area
        return self._reader.read(image, quick=quick)


def words(readings: list[Reading]) -> set[str]:
    return {word.strip(".,").lower() for reading in readings for word in reading.text.split()}


# Pictures


def test_lines_in_order_with_spaces_and_boxes(reader: TextReader) -> None:
    picture = painted(
        640, 360, ("Annual report", (60, 40), 34), ("left column", (60, 160), 22), ("right column", (360, 162), 22)
    )
    lines = reader.read(picture)
    assert [line.text for line in lines] == ["Annual report", "left column", "right column"]
    box = lines[0].box
    assert abs(box.left - 60 / 640) < 0.03
    assert abs((box.top + box.bottom) / 2 - 62 / 360) < 0.03
    assert all(line.score > 0.9 for line in lines)


@pytest.mark.parametrize("size", [(320, 240), (640, 272), (1920, 880)])
def test_small_print_in_pictures_of_any_size(reader: TextReader, size: tuple[int, int]) -> None:
    picture = painted(*size, ("Exit to platform 14", (size[0] // 2, size[1] // 3), 15))
    assert [line.text for line in reader.read(picture)] == ["Exit to platform 14"]


@pytest.mark.parametrize("digit", ["2", "5", "7"])
def test_a_lone_large_digit_in_a_ring(reader: TextReader, digit: str) -> None:
    picture = Image.fromarray(ground(320, 240))
    draw = ImageDraw.Draw(picture)
    draw.ellipse((60, 10, 260, 230), outline=(250, 250, 250), width=5)
    draw.text((160, 120), digit, fill=(20, 20, 20), font=letters(140), anchor="mm")
    assert [line.text for line in reader.read(np.asarray(picture), quick=True)] == [digit]


def test_two_tight_rows_are_two_lines(reader: TextReader) -> None:
    picture = painted(640, 360, ("Big Meadow", (120, 90), 80), ("SUMMER", (120, 160), 80))
    assert {line.text for line in reader.read(picture)} == {"Big Meadow", "SUMMER"}


@pytest.mark.parametrize("turn", [90, 270])
def test_text_that_stands_on_end(reader: TextReader, turn: int) -> None:
    picture = Image.fromarray(painted(360, 640, ("Emergency stairs", (60, 300), 30))).rotate(turn, expand=True)
    assert [line.text for line in reader.read(np.asarray(picture))] == ["Emergency stairs"]


def test_no_text_where_there_is_none(reader: TextReader) -> None:
    noise = np.random.default_rng(3).integers(0, 255, (240, 320, 3), dtype=np.uint8)
    for picture in (ground(640, 360), noise, np.zeros((240, 320, 3), np.uint8), np.zeros((4, 300, 3), np.uint8)):
        assert reader.read(picture) == []


def test_a_picture_of_one_color_costs_nothing_and_faint_print_is_read(
    reader: RapidReader, monkeypatch: pytest.MonkeyPatch
) -> None:
    letters_of = painted(360, 640, ("Emergency stairs", (60, 160), 50)) > 230
    faint = np.where(letters_of, 28, 16).astype(np.uint8)
    assert reader.read(faint)[0].text.startswith("Emergency")
    looked: list[float] = []
    monkeypatch.setattr(reader, "_detected", lambda picture, scale: looked.append(scale) or [])
    for shade in (0, 128, 255):
        blank = np.full((360, 640, 3), shade, np.uint8)
        blank[::2] ^= 1  # what a codec leaves of it
        assert reader.read(blank, tiles=True) == reader.places(blank) == []
    assert not looked


def test_a_wrong_picture_is_refused(reader: TextReader) -> None:
    with pytest.raises(ValueError, match="uint8 RGB"):
        reader.read(np.zeros((100, 100), np.uint8))


def test_missing_models_are_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    rapidocr = pytest.importorskip("rapidocr")
    monkeypatch.setattr(rapidocr, "__file__", str(tmp_path / "__init__.py"))
    with pytest.raises(CapabilityError, match=r"no model PP-OCR\w+.onnx.*pip install"):
        RapidReader()


def test_reading_order_goes_row_by_row() -> None:
    places = {"d": (0.6, 0.5), "a": (0.1, 0.1), "c": (0.1, 0.51), "b": (0.6, 0.12)}
    lines = [Line(text, Box(x, y, x + 0.2, y + 0.06), 1.0) for text, (x, y) in places.items()]
    assert [line.text for line in reading_order(lines)] == ["a", "b", "c", "d"]


# Words about words


@pytest.mark.parametrize(
    ("raw", "tidy"),
    [("a\x00b\nc", "a b c"), ("x\u202ey\u200b", "xy"), ("read on. It", "read on. It"), ("Node.js v1.2", "Node.js v1.2"),
     ("for you.To get", "for you. To get")],
)  # fmt: skip
def test_clean(raw: str, tidy: str) -> None:
    assert clean(raw) == tidy


@pytest.mark.parametrize(
    ("first", "second", "confidence", "same"),
    [
        ("PL599", "P4599", 0.8, True),
        ("Quarterly budget", "Quarterlybudget", 0.99, True),
        ("Provide an image of your artwo", "Provide an image of your artwork or hold", 0.99, True),
        ("hello world", "hallo world", 0.8, True),
        ("Level A plan", "Level B plan", 0.99, False),
        ("00:00:01", "00:00:10", 0.99, False),
        ("Page 1 of 10", "Page 2 of 10", 0.6, False),
        ("8", "7", 0.5, False),
        ("8", "18", 0.9, False),
        ("", "", 1.0, True),
    ],
)
def test_same_text(first: str, second: str, confidence: float, same: bool) -> None:
    assert same_text(first, second, confidence) is same
    assert same_text(second, first, confidence) is same


def test_junk_is_not_credible() -> None:
    assert credible("Exit", 0.8)
    assert credible("7", 0.98)
    assert not any(credible(text, score) for text, score in [("->", 1.0), ("x", 0.9), ("雨", 0.9), ("ab !!", 0.6)])


def test_readings_join_across_clips_but_not_across_texts() -> None:
    box = Box(0.1, 0.8, 0.6, 0.9)
    parts = [Reading(8, 10, "We begin", box, 0.9, 0.1), Reading(10, 12, "We begin", box, 0.99, 0.1),
             Reading(12, 20, "and go on", box, 0.9, 0.1), Reading(40, 41, "We begin", box, 0.9, 0.1)]  # fmt: skip
    merged = merge_readings(reversed(parts))
    assert [(each.start, each.end, each.text, each.score) for each in merged] == [
        (8, 12, "We begin", 0.99), (12, 20, "and go on", 0.9), (40, 41, "We begin", 0.9)]  # fmt: skip


# Videos

SUBTITLES = [(1.0, 3.0, "The train leaves at nine"), (3.5, 6.0, "We should hurry now"), (6.0, 8.2, "Doors are closing")]


@pytest.fixture(scope="module")
def subtitled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    def paint(time: float, draw: ImageDraw.ImageDraw) -> None:
        for start, end, text in SUBTITLES:
            if start - 1e-6 <= time < end - 1e-6:
                draw.text((240, 235), text, fill=(255, 255, 255), font=letters(24), anchor="mm", stroke_width=2,
                          stroke_fill=(0, 0, 0))  # fmt: skip

    return film(tmp_path_factory.mktemp("film") / "subtitled.mp4", 10.0, paint)


def test_subtitles_over_a_moving_picture(subtitled: Path, reader: TextReader) -> None:
    with Video(subtitled) as video:
        readings = read_span(video, Span(0, 10), reader)
        assert [reading.text for reading in readings] == [text for _, _, text in SUBTITLES]
        for reading, (start, end, _) in zip(readings, SUBTITLES, strict=True):
            assert start - 0.26 <= reading.start <= start + 1.01
            assert end - 0.26 <= reading.end <= end + 1.01
        assert readings == read_span(video, Span(0, 10), reader)


def test_refine_finds_the_frames(subtitled: Path, reader: TextReader) -> None:
    with Video(subtitled) as video:
        rough = Reading(1.6, 3.9, SUBTITLES[0][2], Box(0.2, 0.8, 0.8, 0.95), 0.99, 0.1)
        exact = refine(video, rough, bounds=Span(0, 10), reader=reader)
        assert (exact.start, exact.end) == (pytest.approx(1.0, abs=0.11), pytest.approx(3.0, abs=0.11))
        bounded = refine(video, rough, bounds=Span(1.4, 2.5), reader=reader)
        assert (bounded.start, bounded.end) == (pytest.approx(1.4, abs=0.01), pytest.approx(2.5, abs=0.01))


def test_refine_follows_a_text_far_beyond_its_span_and_into_its_fades(tmp_path: Path, reader: TextReader) -> None:
    def paint(time: float, draw: ImageDraw.ImageDraw) -> None:
        strength = min(max((time - 3.0) / 1.0, 0), max((13.0 - time) / 1.0, 0), 1)
        over = Image.new("L", (480, 270))
        ImageDraw.Draw(over).text(
            (240, 130), "Mountain Story", fill=round(255 * strength), font=letters(44), anchor="mm"
        )
        draw._image.paste((240, 240, 240), mask=over)

    with Video(film(tmp_path / "fade.mp4", 16.0, paint)) as video:
        found = [each for each in read_span(video, Span(6, 8), reader) if each.text == "Mountain Story"]
        exact = refine(video, found[0], bounds=video.info.span, reader=reader)
    # Visible from 3.0 to 13.0, half-way at 3.5 and 12.5.
    assert 3.0 <= exact.start <= 3.6
    assert 12.4 <= exact.end <= 13.1


def test_presence_is_the_share_of_a_fade_and_none_without_a_change() -> None:
    rng = np.random.default_rng(5)
    base, text = rng.normal(90, 3, (20, 60)), np.zeros((20, 60))
    text[6:14, 8:52:6] = 120
    steps = np.clip((np.arange(30) - 10) / 10, 0, 1)
    patches = [(base + step * text + rng.normal(0, 1, base.shape)).astype(np.float32) for step in steps]
    share = presence(patches, back=True)
    assert share is not None
    assert np.abs(share - steps).max() < 0.15
    assert presence([base.astype(np.float32) + rng.normal(0, 2, base.shape).astype(np.float32) for _ in range(30)],
                    back=True) is None  # fmt: skip


def test_a_counter_is_not_merged_and_a_label_beside_it_is(tmp_path: Path, reader: TextReader) -> None:
    def paint(time: float, draw: ImageDraw.ImageDraw) -> None:
        draw.text((30, 30), "Camera North", fill=(255, 255, 255), font=letters(26))
        draw.text((30, 200), f"Lap {int(time) + 11}", fill=(255, 230, 60), font=letters(30))

    with Video(film(tmp_path / "counter.mp4", 5.0, paint)) as video:
        readings = read_span(video, Span(0, 5), reader)
    assert [each.text for each in readings if "Lap" in each.text] == [f"Lap {n}" for n in range(11, 16)]
    assert [(each.start, each.end) for each in readings if each.text == "Camera North"] == [(0.0, 5.0)]


def test_a_still_picture_is_read_once(tmp_path: Path, reader: TextReader) -> None:
    def paint(time: float, draw: ImageDraw.ImageDraw) -> None:
        draw.text((60, 60), "Agenda for today", fill=(255, 255, 255), font=letters(30))
        if 10 <= time < 20:
            draw.text((60, 140), "Second point", fill=(255, 255, 255), font=letters(24))

    with Video(film(tmp_path / "still.mp4", 30.0, paint, moving=False)) as video:
        counting = Counting(reader, 480 * 270)
        screen = ChangedTextReader(counting)
        clips = [Span(start, start + 10) for start in (0.0, 10.0, 20.0)]
        readings = merge_readings(each for clip in clips for each in read_span(video, clip, counting, screen=screen))
    assert [(each.text, each.start, each.end) for each in readings] == [
        ("Agenda for today", 0.0, 30.0),
        ("Second point", 10.0, 20.0),
    ]
    assert counting.pictures < 4


def test_a_text_that_changes_with_the_same_brightness_is_seen(tmp_path: Path, reader: TextReader) -> None:
    def paint(time: float, draw: ImageDraw.ImageDraw) -> None:
        draw.text((80, 110), "north gate" if time < 2.5 else "noted gear", fill=(240, 240, 240), font=letters(20))

    with Video(film(tmp_path / "swap.mp4", 5.0, paint, moving=False)) as video:
        readings = read_span(video, Span(0, 5), reader)
    assert [each.text for each in readings] == ["north gate", "noted gear"]
    assert readings[1].start == pytest.approx(2.5, abs=0.3)


def test_a_ticker_keeps_its_words(tmp_path: Path, reader: TextReader) -> None:
    def paint(time: float, draw: ImageDraw.ImageDraw) -> None:
        draw.text((480 - 90 * time, 240), "Storm warning for the coast", fill=(255, 255, 255), font=letters(20))

    with Video(film(tmp_path / "ticker.mp4", 6.0, paint)) as video:
        readings = read_span(video, Span(0, 6), reader)
    assert {"storm", "warning", "coast"} <= words(readings)
    assert len(readings) <= 3


# Real videos


@pytest.mark.media
@pytest.mark.parametrize(
    ("name", "span", "text"),
    [
        ("jfk_caption.mp4", Span(0, 3), "ask not what your country"),
        ("bbb_open.webm", Span(26, 28), "buck"),
        ("art_critic_demo.mp4", Span(0, 1), "art critic"),
        ("kitchen_ego.mp4", Span(7, 9), "4599"),
        ("film_countdown.mp4", Span(0, 1), "8"),
    ],
)
def test_real_text_is_read(media: Path, reader: TextReader, name: str, span: Span, text: str) -> None:
    with Video(media / name) as video:
        readings = read_span(video, span, reader)
    assert any(text in each.text.lower() for each in readings), [each.text for each in readings]


@pytest.mark.media
@pytest.mark.parametrize("name", ["pancake.mkv", "webcam_greenwall.mp4"])
def test_nothing_is_invented(media: Path, reader: TextReader, name: str) -> None:
    with Video(media / name) as video:
        assert read_span(video, Span(0, 4), reader) == []
