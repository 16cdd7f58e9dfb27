"""A ten-hour file and 500 small ones: indexed, killed five times and resumed; equal rows, and flat memory.

The files are synthetic: a text that changes, few pictures a second, and subtitles. One memory is made undisturbed, one
with five kills (SIGKILL of the whole process group) at random moments; rows are compared, a question about the last
hour is asked, and the peak of the resident memory of all processes over the first and the last third of the work is
printed. Ends with 1 if rows differ, the question is not answered, or memory grows by more than a quarter and 200 MB.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from PIL import Image, ImageDraw, ImageFont
from rewatch.agent import VideoAgent
from rewatch.memory import ClipMemory, clock

KILLS = 5
SPARSE = 5.0
"""Seconds for which one picture stands in the long file."""
PARTS = ("amber", "brick", "coral", "delta", "eagle", "flame", "grape", "honey", "ivory", "jelly")


def write(path: Path, times: list[float], words: list[str]) -> None:
    """Write a video whose pictures come at these times, each with a word on it, 160 x 90."""
    font = ImageFont.load_default(size=22)
    with av.open(str(path), "w") as out:
        stream = out.add_stream("libx264", rate=25, options={"preset": "ultrafast", "g": "12", "tune": "zerolatency"})
        stream.width, stream.height, stream.pix_fmt = 160, 90, "yuv420p"
        stream.codec_context.time_base = Fraction(1, 1000)
        for second, word in zip(times, words, strict=True):
            image = Image.new("RGB", (160, 90), (20, 20, 20 + len(word) * 13 % 200))
            ImageDraw.Draw(image).text((8, 30), word, fill=(255, 255, 255), font=font)
            frame = av.VideoFrame.from_ndarray(np.asarray(image))
            frame.pts, frame.time_base = round(second * 1000), Fraction(1, 1000)
            out.mux(stream.encode(frame))
        out.mux(stream.encode())


def make(folder: Path, hours: float, files: int) -> list[Path]:
    """Write the files."""
    folder.mkdir()
    long = folder / "long.mkv"
    times = list(np.arange(0, hours * 3600, SPARSE))
    write(long, times, [f"{PARTS[int(second // 600) % 10]} {int(second // 600)}" for second in times])
    lines = []
    for number, second in enumerate(np.arange(10, hours * 3600, 120)):
        stamp = [time.strftime("%H:%M:%S,000", time.gmtime(one)) for one in (second, second + 4)]
        lines.append(
            f"{number + 1}\n{stamp[0]} --> {stamp[1]}\nNote {number} is about the {PARTS[number % 10]} plan.\n"
        )
    (folder / "long.srt").write_text("\n".join(lines))
    for number in range(files):
        write(folder / f"small-{number:03d}.mp4", [k / 5 for k in range(10)], [f"file {number}"] * 10)
    return sorted(folder.glob("*.mkv")) + sorted(folder.glob("*.mp4"))


def resident(root: int) -> float:
    """Resident memory of a process and all below it, in MB; pages that several share count for each."""
    parents: dict[int, int] = {}
    pages: dict[int, int] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                stat = (entry / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            parents[int(entry.name)], pages[int(entry.name)] = int(stat[1]), int(stat[21])

    def below(one: int | None) -> bool:
        return one == root or (one is not None and below(parents.get(one)))

    return sum(count for one, count in pages.items() if below(one)) * os.sysconf("SC_PAGE_SIZE") / 1e6


def index(files: Path, home: Path, kill_after: float | None, curve: list[float]) -> bool:
    """Index all files; killed after some seconds. Returns whether it came to its end."""
    command = [sys.executable, "-P", "-m", "rewatch", "index", str(files), "--memory", str(home)]
    command += ["--channels", "visual,screen_text,speech"]
    process = subprocess.Popen(command, start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    began = time.monotonic()
    while process.poll() is None:
        curve.append(resident(process.pid))
        if kill_after is not None and time.monotonic() - began > kill_after:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            return False
        time.sleep(0.5)
    if process.returncode:
        raise SystemExit(f"rewatch index ended with {process.returncode}")
    return True


def rows(home: Path) -> list[tuple[object, ...]]:
    """All that a memory knows, by the content of the videos."""
    with ClipMemory(home, read_only=True) as memory:
        found = []
        for record in sorted(memory.videos(), key=lambda one: one.content_id):
            found += [(record.id, t.channel, t.start, t.end, t.text, str(t.data)) for t in memory.texts(record.id)]
            found += [(record.id, c.level, c.start, c.end) for c in memory.clips(record.id)]
        return found


def main() -> None:
    """Make, index, kill, compare, ask."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--hours", type=float, default=10.0)
    parser.add_argument("--files", type=int, default=500)
    chosen = parser.parse_args()
    rng = random.Random(0)
    failed = False
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        files = make(folder / "files", chosen.hours, chosen.files)
        curve: list[float] = []
        began = time.monotonic()
        index(folder / "files", folder / "plain", None, curve)
        took = time.monotonic() - began
        third = max(len(curve) // 3, 1)
        first, last = max(curve[:third]), max(curve[-third:])
        print(f"{len(files)} files, {chosen.hours:g} h + {chosen.files} small: {took:.0f} s undisturbed")
        print(f"resident memory: {first:.0f} MB in the first third, {last:.0f} MB in the last")
        failed |= last > 1.25 * first + 200
        kills = 0
        for _ in range(KILLS):
            kills += not index(folder / "files", folder / "killed", rng.uniform(0.05, 0.25) * took + 5, [])
            with ClipMemory(folder / "killed") as memory:
                for record in memory.videos()[:1]:
                    print(f"  killed; {memory.coverage(record.id)}, {len(memory.videos())} videos")
        index(folder / "files", folder / "killed", None, [])
        ours, theirs = rows(folder / "killed"), rows(folder / "plain")
        differ = len(set(ours) ^ set(theirs))
        print(f"killed {kills} times: {len(ours)} rows, {differ} differ from the undisturbed run")
        failed |= differ > 0
        with ClipMemory(folder / "killed") as memory:
            last_note = int((chosen.hours * 3600 - 10) // 120)
            began = time.monotonic()
            answer = VideoAgent(memory).ask(f'When is "note {last_note}" said?', videos=["long.mkv"])
            at = answer.spans[0].start if answer.spans else -1.0
            print(f"asked in {time.monotonic() - began:.1f} s: {answer.text[:80]!r} at {clock(max(at, 0))}")
            failed |= abs(at - (10 + 120 * last_note)) > 5
    sys.exit(failed)


if __name__ == "__main__":
    main()
