"""Claim: two workers index a video in at most 0.65 of the time of one.

Both index the same file (pictures, on-screen text and speech) into a fresh memory, from the call to the return. Needs
two free cores: printed beside the wall times is how many cores' worth of CPU the workers got.

    python benchmarks/index_parallel.py [--minutes 5] [VIDEO]
"""

from __future__ import annotations

import argparse
import os
import resource
import sys
import tempfile
import time
from pathlib import Path

import av
import numpy as np
from rewatch.memory import ClipMemory

LIMIT = 0.65


def slides(path: Path, minutes: float, *, size: tuple[int, int] = (640, 360), fps: int = 25) -> Path:
    """A talk without a speaker: a slide every twenty seconds, something that moves, grain, and a hum."""
    from PIL import Image, ImageDraw, ImageFont

    random = np.random.default_rng(3)
    words = "budget river harvest engine violin glacier market signal bridge theory garden window copper orbit".split()
    font = ImageFont.load_default(size=size[1] // 10)
    y, x = np.mgrid[0 : size[1], 0 : size[0]]
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=fps, options={"preset": "veryfast", "g": "250", "bf": "3"})
        stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
        sound = container.add_stream("aac", rate=16000, layout="mono")
        slide = np.zeros((size[1], size[0], 3), np.uint8)
        for number in range(round(minutes * 60 * fps)):
            if number % (20 * fps) == 0:
                picture = Image.new("RGB", size, tuple(random.integers(20, 110, 3).tolist()))
                draw = ImageDraw.Draw(picture)
                for line in range(3):
                    text = " ".join(random.choice(words, 3))
                    draw.text((30, 40 + line * size[1] // 6), text, fill=(240, 240, 240), font=font)
                slide = np.asarray(picture)
            image = slide.astype(np.int16)
            image[-60:, (number * 3) % (size[0] - 60) :][:, :60] = 220
            image[::2, ::2] += random.integers(-5, 6, image[::2, ::2].shape, dtype=np.int16)
            image[..., 2] += (8 * np.sin((x + number) / 40)).astype(np.int16)
            frame = av.VideoFrame.from_ndarray(image.clip(0, 255).astype(np.uint8))
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
        for at in range(0, round(minutes * 60 * 16000), 1024):
            hum = 0.1 * np.sin((np.arange(at, at + 1024) / 16000) * 2 * np.pi * 180)
            block = av.AudioFrame.from_ndarray(hum[None].astype(np.float32), format="fltp", layout="mono")
            block.rate, block.pts = 16000, at
            container.mux(sound.encode(block))
        container.mux(sound.encode())
    return path


def index(video: Path, folder: Path, workers: int) -> tuple[float, float]:
    """Wall and CPU seconds of one ingest, the workers' included."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    own, begin = time.process_time(), time.perf_counter()
    with ClipMemory(folder) as memory:
        record = memory.add(video, workers=workers)
    wall = time.perf_counter() - begin
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert record.complete and not record.failures, record.failures
    cpu = time.process_time() - own + after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
    return wall, cpu


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("video", type=Path, nargs="?", help="a file of your own instead of the rendered one")
    options.add_argument("--minutes", type=float, default=5.0)
    chosen = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        video = chosen.video or slides(Path(folder) / "slides.mp4", chosen.minutes)
        walls = {}
        for workers in (1, 2):
            walls[workers], cpu = index(video, Path(folder) / f"memory-{workers}", workers)
            wall = walls[workers]
            print(f"{workers} worker(s)   {wall:.1f} s wall   {cpu:.1f} s CPU   {cpu / wall:.2f} cores")
    ratio = walls[2] / walls[1]
    print(f"ratio {ratio:.2f}   limit {LIMIT}   load {os.getloadavg()[0]:.1f} on {len(os.sched_getaffinity(0))} cores")
    print("met" if ratio <= LIMIT else "MISSED")
    return 0 if ratio <= LIMIT else 1


if __name__ == "__main__":
    sys.exit(main())
