"""Pictures in a row, written as a video and read again."""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from rewatch.memory import Video, VideoError
from rewatch.server.videos.frames import SIDE, write_frames
from rewatch.server.videos.times import LATEST

COLORS = [(200, 20, 20), (20, 160, 20), (20, 20, 200), (210, 200, 30)]


def encoded(color: tuple[int, int, int], size: tuple[int, int] = (64, 48), kind: str = "PNG", **more: object) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", size, color).save(file, kind, **more)
    return file.getvalue()


def never() -> bool:
    return False


def colors(path: Path, times: list[float]) -> list[np.ndarray]:
    with Video(path) as video:
        return [frame.image.reshape(-1, 3).mean(axis=0) for frame in video.frames_at(times)]


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "GIF", "BMP"])
def test_one_a_second_in_order(tmp_path: Path, kind: str):
    write_frames(tmp_path / "a.mp4", [encoded(color, kind=kind) for color in COLORS], None, never)
    with Video(tmp_path / "a.mp4") as video:
        assert video.times().tolist() == [0, 1, 2, 3] and (video.info.start, video.info.end) == (0, 4)
        assert (video.info.width, video.info.height) == (64, 48)
        assert [frame.time for frame in video.keyframes()] == [0, 1, 2, 3]
    for time, color in enumerate(COLORS):
        for seen in colors(tmp_path / "a.mp4", [time, time + 0.9]):
            assert np.abs(seen - color).max() < 12


def test_at_given_times(tmp_path: Path):
    write_frames(tmp_path / "a.mp4", [encoded(color) for color in COLORS], [2.0, 2.5, 60.0, 61.25], never)
    with Video(tmp_path / "a.mp4") as video:
        assert video.times() == pytest.approx([2.0, 2.5, 60.0, 61.25]) and video.info.end == pytest.approx(62.5)
    seen = colors(tmp_path / "a.mp4", [2.0, 59.0, 60.5, 62.0])
    assert [int(np.argmin([np.abs(one - color).max() for color in COLORS])) for one in seen] == [0, 1, 2, 3]


def test_a_week_apart(tmp_path: Path):
    write_frames(tmp_path / "a.mp4", [encoded(color) for color in COLORS[:2]], [0.0, LATEST], never)
    with Video(tmp_path / "a.mp4") as video:
        assert video.times().tolist() == [0, LATEST]


@pytest.mark.parametrize("time", [0.0, 12.0])
def test_a_single_one(tmp_path: Path, time: float):
    write_frames(tmp_path / "a.mp4", [encoded(COLORS[0])], [time], never)
    with Video(tmp_path / "a.mp4") as video:
        assert (video.info.start, video.info.end) == (time, time + 1)


def test_sizes_are_brought_together(tmp_path: Path):
    tall = encoded(COLORS[1], (30, 120))
    write_frames(tmp_path / "a.mp4", [encoded(COLORS[0], (65, 49)), tall, encoded(COLORS[2], (3, 3))], None, never)
    with Video(tmp_path / "a.mp4") as video:
        images = [frame.image for frame in video.frames_at([0, 1, 2])]
    assert {image.shape for image in images} == {(49, 65, 3)}
    assert np.abs(images[1][24, 32] - np.array(COLORS[1])).max() < 12 and images[1][24, 2].max() < 12
    write_frames(tmp_path / "b.mp4", [encoded(COLORS[0], (SIDE * 2, 40)), encoded(COLORS[0], (1, 1))], None, never)
    with Video(tmp_path / "b.mp4") as video:
        assert (video.info.width, video.info.height) == (SIDE, 20)


def test_letters_of_one_color_on_another_stay_sharp(tmp_path: Path):
    """Red and blue lines of one pixel would run together where color is stored at half the size."""
    image = np.zeros((48, 64, 3), np.uint8)
    image[:, 0::2] = (220, 0, 0)
    image[:, 1::2] = (0, 0, 220)
    file = io.BytesIO()
    Image.fromarray(image).save(file, "PNG")
    write_frames(tmp_path / "a.mp4", [file.getvalue()], None, never)
    with Video(tmp_path / "a.mp4") as video:
        (frame,) = video.frames_at([0])
    assert np.abs(frame.image.astype(int) - image).mean() < 10


def bomb() -> bytes:
    """A PNG of a few kilobytes that claims to hold 30000 x 30000 pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", 30000, 30000, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(bytes(1 << 20))) + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (bomb(), "pixels are too many"),
        (b"", "none of"),
        (b"no picture", "none of"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "none of"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'><image href='file:///etc/passwd'/></svg>", "none of"),
        (encoded(COLORS[0])[:40], "Picture 2 of 2 cannot be read"),
    ],
)
def test_what_is_no_picture_is_refused(tmp_path: Path, data: bytes, why: str):
    with pytest.raises(VideoError, match=why) as refused:
        write_frames(tmp_path / "a.mp4", [encoded(COLORS[0]), data], None, never)
    assert "Picture 2 of 2" in str(refused.value)


def test_it_can_be_given_up(tmp_path: Path):
    looks = iter([False, True])
    with pytest.raises(VideoError, match="given up"):
        write_frames(tmp_path / "a.mp4", [encoded(COLORS[0])] * 3, None, lambda: next(looks))
