"""A real MCP client with a time-out of 60 s asks about a video that the server has never seen.

The video (an hour by default) is made here: a topic a minute, spoken by espeak-ng and written on a slide. The client
has it added, asks at once about the beginning, and goes on asking about the beginning, the middle and the end until
they are covered. No call may take 20 s; while not all is covered, the first answer has to say so; each answer has
to cite the minute in which its topic is.

    python benchmarks/mcp_cold.py [--minutes 60] [--http] [--subtitles] [--folder DIR]
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from mcp import Client, StdioServerParameters
from PIL import Image, ImageDraw, ImageFont
from rewatch.memory import MediaURI

TOPICS = (
    "volcano lighthouse bicycle penguin violin submarine glacier cathedral orchid telescope windmill tractor dolphin "
    "castle compass balloon desert elephant ferry guitar helicopter island jacket kangaroo lemon mountain necklace "
    "octopus parrot quilt railway sandwich turtle umbrella waterfall walnut xylophone yacht zebra anchor basket candle "
    "diamond engine feather garden hammer iceberg jungle kettle ladder mirror notebook oven pencil rocket saddle "
    "tunnel village wagon"
).split()
RATE = 16000
MOST = 20.0
"""Seconds that a call may take."""


def make_video(folder: Path, minutes: int, subtitles: bool) -> Path:
    """Return the video, made where it is not there: a topic a minute, as speech and on a slide, a picture a second."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"lecture-{minutes}{'-subtitled' if subtitles else ''}.mp4"
    if path.exists():
        return path
    font = ImageFont.load_default(size=28)
    with av.open(str(path), "w") as container:
        video = container.add_stream("libx264", rate=1, options={"preset": "ultrafast", "g": "30"})
        video.width, video.height, video.pix_fmt = 320, 180, "yuv420p"
        sound = container.add_stream("aac", rate=RATE, layout="mono")
        for minute in range(minutes):
            topic = TOPICS[minute % len(TOPICS)]
            image = Image.new("RGB", (320, 180), (20 + minute * 3 % 120, 30, 90))
            ImageDraw.Draw(image).text((12, 60), f"{topic.upper()}\nPART {minute + 1}", fill="white", font=font)
            for second in range(60):
                frame = av.VideoFrame.from_image(image)
                frame.pts, frame.time_base = minute * 60 + second, Fraction(1)
                container.mux(video.encode(frame))
            samples = speech(topic)
            for at in range(0, len(samples), 1024):
                block = av.AudioFrame.from_ndarray(samples[None, at : at + 1024].copy(), format="fltp", layout="mono")
                block.rate, block.time_base = RATE, Fraction(1, RATE)
                block.pts = minute * 60 * RATE + at
                container.mux(sound.encode(block))
        container.mux(video.encode())
        container.mux(sound.encode())
    if subtitles:
        lines = [
            f"{n + 1}\n{stamp(n * 60)} --> {stamp(n * 60 + 55)}\nThis part is about the {TOPICS[n % len(TOPICS)]}.\n"
            for n in range(minutes)
        ]
        path.with_suffix(".srt").write_text("\n".join(lines))
    return path


def stamp(seconds: int) -> str:
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02},000"


def speech(topic: str) -> np.ndarray:
    """A minute about a topic, float32 at 16 kHz."""
    text = (
        f"This part is about the {topic}. Listen to what people say about the {topic}. "
        "Some of them have waited for years to tell it. Others heard it from a friend, and wrote it down. "
        "We begin with the oldest story, and come to the newest one at the end. "
        f"Nobody knows who made the first {topic}, but many have looked for it. "
        "There are letters, and there are drawings, and most of them are in the museum. "
        "We thank all who helped us to find them, and we go on in a moment."
    )
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "spoken.wav")
        subprocess.run(["espeak-ng", "-s", "130", "-w", str(file), text], check=True)
        with av.open(str(file)) as container:
            resampler = av.AudioResampler(format="flt", layout="mono", rate=RATE)
            blocks = [b.to_ndarray() for f in container.decode(audio=0) for b in resampler.resample(f)]
    samples = np.concatenate(blocks, axis=1)[0][: 60 * RATE]
    return np.pad(samples, (0, 60 * RATE - len(samples))).astype(np.float32)


class Cold:
    """A client that counts the seconds of its calls."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.seconds: list[float] = []
        self.began = time.monotonic()

    async def call(self, name: str, **arguments: Any) -> Any:
        """Call a tool; one that goes on is asked for its result until it is there."""
        began = time.monotonic()
        told = await self.client.call_tool(name, arguments)
        self.seconds.append(time.monotonic() - began)
        if told.structured_content and told.structured_content.get("running"):
            return await self.call("result", id=told.structured_content["running"])
        return told

    async def ask(self, video: str, minute: int) -> tuple[bool, bool, str]:
        """Ask for a topic: whether the answer cites its minute, whether it is partial, and its text."""
        question = f"What is said about the {TOPICS[minute % len(TOPICS)]}?"
        told = await self.call("ask", question=question, videos=[video])
        spans = [MediaURI.parse(uri).span for uri in told.structured_content["uris"]]
        right = any(span is not None and minute * 60 - 5 <= span.middle <= minute * 60 + 65 for span in spans)
        text = told.content[0].text
        print(f"{time.monotonic() - self.began:7.1f} s  {question}")
        print("           " + text.replace("\n", "\n           ")[:700])
        return right and not told.is_error, bool(told.structured_content.get("partial")), text


@contextlib.asynccontextmanager
async def connected(command: list[str], http: bool) -> AsyncIterator[Client]:
    """A client whose requests time out after a minute, as most do."""
    if not http:
        program, *words = command
        server = StdioServerParameters(command=program, args=words, env=dict(os.environ))
        async with Client(server, read_timeout_seconds=60.0) as client:
            yield client
        return
    process = subprocess.Popen([*command, "--http", "127.0.0.1:0"], stderr=subprocess.PIPE, text=True)
    try:
        assert process.stderr is not None
        printed = ""
        while "/mcp" not in printed:
            printed += process.stderr.readline()
        async with Client(re.search(r"http://\S+", printed)[0], read_timeout_seconds=60.0) as client:  # type: ignore[index]
            yield client
    finally:
        process.terminate()
        process.wait(timeout=60)


async def run(video: Path, minutes: int, http: bool, memory: Path, pause: float) -> dict[str, Any]:
    """Add the video and ask until it is covered; the figures."""
    command = [sys.executable, "-P", "-m", "rewatch", "mcp", "--memory", str(memory), "--add", str(video.parent)]
    async with connected(command, http) as client:
        cold = Cold(client)
        added = await cold.call("add_video", source=video.name)
        assert not added.is_error, added.content[0].text
        print(f"{time.monotonic() - cold.began:7.1f} s  {added.content[0].text}")
        wanted = {"beginning": 0, "middle": minutes // 2, "end": minutes - 1}
        first: dict[str, float] = {}
        covered_part: bool | None = None  # None: all of it was indexed before the first answer came
        while True:
            for name, minute in wanted.items():
                if name in first:
                    continue
                right, partial, text = await cold.ask(video.name, minute)
                if right:
                    first[name] = time.monotonic() - cold.began
                    if partial:
                        covered_part = covered_part or (name == "beginning" and "Covered so far" in text)
                elif partial:
                    assert "not known yet" in text, text
                    break
            status = await cold.call("index_status", video=video.name)
            assert not status.is_error, status.content[0].text
            print(f"{time.monotonic() - cold.began:7.1f} s  {status.content[0].text.splitlines()[0]}")
            if not status.structured_content["data"]["videos"][0]["partial"]:
                break
            await asyncio.sleep(pause)
        indexed = time.monotonic() - cold.began
        rights = [(await cold.ask(video.name, minute))[:2] for minute in wanted.values()]
    return {
        "minutes": minutes, "calls": len(cold.seconds), "longest_call": max(cold.seconds), "first": first,
        "covered_part": covered_part, "indexed": indexed, "full": [right and not part for right, part in rights],
    }  # fmt: skip


def main() -> int:
    """Run it, print the figures; 1 where one is not as it has to be."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=int, default=60)
    parser.add_argument("--http", action="store_true")
    parser.add_argument("--subtitles", action="store_true")
    parser.add_argument("--pause", type=float, default=5.0, help="seconds between two questions")
    parser.add_argument("--folder", type=Path, help="where the video is made, or kept")
    arguments = parser.parse_args()
    if shutil.which("espeak-ng") is None:
        print("needs espeak-ng to speak")
        return 0
    with tempfile.TemporaryDirectory() as temporary:
        folder = arguments.folder or Path(temporary, "videos")
        video = make_video(folder, arguments.minutes, arguments.subtitles)
        figures = asyncio.run(run(video, arguments.minutes, arguments.http, Path(temporary, "memory"), arguments.pause))
    for name, value in figures.items():
        print(f"{name:14} {value}")
    good = figures["longest_call"] < MOST and figures["covered_part"] is not False and all(figures["full"])
    print("as it has to be" if good else "NOT as it has to be")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
