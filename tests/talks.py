"""Videos whose pictures and words are known at every second, and fixtures that make them."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

RATE = 16000


def _picture(second: float, caption: str, color: tuple[int, int, int], size: tuple[int, int]) -> np.ndarray:
    """A plain coloured picture with a moving square and a caption, `[H, W, 3]` uint8."""
    from PIL import Image, ImageDraw, ImageFont

    width, height = size
    image = Image.new("RGB", size, color)
    draw = ImageDraw.Draw(image)
    left = (second * 12) % (width - 16)
    draw.rectangle((left, height - 20, left + 14, height - 6), fill=(255, 255, 255))
    if caption:
        draw.text((8, height // 3), caption, fill=(255, 255, 255), font=ImageFont.load_default(size=height // 6))
    return np.asarray(image)


def write_talk(
    path: Path,
    seconds: float,
    *,
    captions: Callable[[float], str] = lambda second: "",
    colors: Callable[[float], tuple[int, int, int]] = lambda second: (20, 20, 160),
    sound: np.ndarray | None = None,
    size: tuple[int, int] = (320, 180),
    fps: int = 8,
) -> Path:
    """Encode a video of known content: H.264 with B-frames, AAC where there is `sound` (float32 at 16 kHz)."""
    with av.open(str(path), "w") as container:
        video = container.add_stream("libx264", rate=fps, options={"preset": "veryfast", "g": str(fps * 4)})
        video.width, video.height, video.pix_fmt = *size, "yuv420p"
        video.codec_context.thread_count = 1
        audio = container.add_stream("aac", rate=RATE, layout="mono") if sound is not None else None
        for number in range(int(seconds * fps)):
            second = number / fps
            frame = av.VideoFrame.from_ndarray(_picture(second, captions(second), colors(second), size))
            frame.pts, frame.time_base = number, Fraction(1, fps)
            container.mux(video.encode(frame))
        container.mux(video.encode())
        if audio is not None and sound is not None:
            for at in range(0, len(sound), 1024):
                part = np.ascontiguousarray(sound[None, at : at + 1024], np.float32)
                block = av.AudioFrame.from_ndarray(part, format="fltp", layout="mono")
                block.rate, block.pts, block.time_base = RATE, at, Fraction(1, RATE)
                container.mux(audio.encode(block))
            container.mux(audio.encode())
    return path


def spoken(text: str, folder: Path, voice: str = "en") -> np.ndarray:
    """`text` as samples at 16 kHz; a test that needs words skips where espeak-ng is not installed."""
    if shutil.which("espeak-ng") is None:
        pytest.skip("needs espeak-ng to speak")
    file = folder / "spoken.wav"
    subprocess.run(["espeak-ng", "-v", voice, "-s", "140", "-w", str(file), text], check=True)
    with av.open(str(file)) as container:
        resampler = av.AudioResampler(format="flt", layout="mono", rate=RATE)
        blocks = [b.to_ndarray() for f in container.decode(audio=0) for b in resampler.resample(f)]
    return np.concatenate(blocks, axis=1)[0]


COLORS = {"red": (170, 20, 20), "green": (20, 140, 20), "blue": (20, 20, 170)}


@pytest.fixture(scope="session")
def traffic(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """24 s without sound: red with STOP HERE until 8, green with WALK NOW until 16, blue without text until 24."""
    captions = ("STOP HERE", "WALK NOW", "")
    return write_talk(
        tmp_path_factory.mktemp("video") / "traffic.mp4",
        24,
        captions=lambda second: captions[int(second // 8)],
        colors=lambda second: list(COLORS.values())[int(second // 8)],
    )


@pytest.fixture(scope="session")
def make_talk() -> Iterator[Callable[..., Path]]:
    """`write_talk`, for tests that want a video of their own."""
    yield write_talk


@pytest.fixture(scope="session")
def speak() -> Iterator[Callable[[str, Path], np.ndarray]]:
    """`spoken`, for tests that want sound."""
    yield spoken
