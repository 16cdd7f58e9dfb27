"""Measure the time that the toolbox adds to a call: one that is cached, one in a thread, one in a process of its own.

Claims: a cached call takes under 5 ms; a call in a warm process of its own adds only a few ms to one in a thread. The
peer is the bare function, called on an opened video in the same run. Also said, without a limit: how long a process
takes to start, how much memory it holds, and how much that grows over the calls.

    python benchmarks/tool_calls.py [--calls 500]
"""

from __future__ import annotations

import argparse
import asyncio
import os
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import av
import numpy as np
from rewatch.memory import ClipMemory, Video
from rewatch.tools import BUILT_IN, Toolbox, VideoContext, tool

CACHED_MS = 5.0
ISOLATED_MS = 5.0


def _brightness(image: np.ndarray) -> float:
    return float(image.mean())


@tool(cacheable=False)
def bright_here(time: float, video: VideoContext) -> float:
    """Return how bright a moment is.

    Args:
        time: the moment, in seconds.
    """
    return _brightness(video.frame(time, size=64))


@tool(cacheable=False, isolated=True, timeout=60.0)
def bright_there(time: float, video: VideoContext) -> float:
    """Return how bright a moment is, in a process of its own.

    Args:
        time: the moment, in seconds.
    """
    return _brightness(video.frame(time, size=64))


@tool(cacheable=False, isolated=True)
def pid_there() -> int:
    """Tell the process."""
    return os.getpid()


def write_video(path: Path) -> Path:
    """Ten seconds of moving noise, every frame a keyframe, so that decoding costs the same everywhere."""
    rng = np.random.default_rng(0)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=10, options={"preset": "ultrafast", "g": "1"})
        stream.width, stream.height, stream.pix_fmt = 160, 96, "yuv420p"
        for _ in range(100):
            picture = rng.integers(0, 255, (96, 160, 3), np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture)))
        container.mux(stream.encode())
    return path


async def milliseconds(box: Toolbox, name: str, arguments: list[dict[str, Any]], memory: ClipMemory) -> list[float]:
    """Wall time of each call."""
    videos, took = [memory.videos()[0].id], []
    for row in arguments:
        began = time.perf_counter()
        seen, _ = await box.call(name, row, memory=memory, videos=videos, left={"frames": 10**6, "seconds": 60.0})
        took.append(1000 * (time.perf_counter() - began))
        assert not seen.error, seen.text
    return took


def resident(pid: int) -> float:
    """Memory of a process, in MB."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


def main() -> None:
    """Measure, print, and fail when a limit is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=500)
    count = parser.parse_args().calls
    with tempfile.TemporaryDirectory() as folder:
        memory = ClipMemory(Path(folder) / "memory")
        file = write_video(Path(folder) / "noise.mp4")
        memory.add(file, channels=("visual",), workers=0)
        times = [{"time": 0.1 * (k % 99)} for k in range(count)]
        began = time.perf_counter()
        box = Toolbox([*BUILT_IN, bright_here, bright_there, pid_there])

        async def measure() -> dict[str, list[float]]:
            await milliseconds(box, "bright_there", times[:1], memory)
            print(f"first call in a process of its own: {time.perf_counter() - began:.2f} s, its start included")
            pid = int((await box.call("pid_there", {}, memory=memory, videos=["x"], left={}))[0].text)
            await milliseconds(box, "bright_there", times[:50], memory)
            before = resident(pid)
            rows = {
                "cached": await milliseconds(box, "view_clip", [{"start": "0s", "end": 4}] * (count + 1), memory),
                "in a thread": await milliseconds(box, "bright_here", times, memory),
                "in a process": await milliseconds(box, "bright_there", times, memory),
            }
            rows["cached"] = rows["cached"][1:]
            after = resident(pid)
            print(f"memory of the process: {before:.0f} MB, after {count} calls more {after:.0f} MB")
            return rows

        rows = asyncio.run(measure())
        with Video(file) as video:
            bare = []
            for row in times:
                start = time.perf_counter()
                _brightness(video.frame(row["time"], size=64).image)
                bare.append(1000 * (time.perf_counter() - start))
    rows = {"bare function": bare, **rows}
    middle = {name: statistics.median(values) for name, values in rows.items()}
    for name, values in rows.items():
        least, most = min(values), sorted(values)[int(0.99 * len(values))]
        print(f"{name:<14} median {middle[name]:6.2f} ms, least {least:6.2f}, 99 of 100 under {most:6.2f}")
    best = {name: min(values) for name, values in rows.items()}
    plain = best["in a thread"] - best["bare function"]
    isolated = best["in a process"] - best["in a thread"]
    print(f"the toolbox adds {plain:.2f} ms to a function; a process of its own adds {isolated:.2f} ms to that")
    print(f"limits: cached {CACHED_MS:g} ms, a warm process {ISOLATED_MS:g} ms")
    raise SystemExit(middle["cached"] > CACHED_MS or isolated > ISOLATED_MS)


if __name__ == "__main__":
    main()
