"""Asking while a video is recorded: a file that grows at real time, and a stream that drops for ten seconds.

A hundred questions are asked about a file while it is written and watched by other processes. Each answer has to say
what was covered at that moment (between the coverage just before and just after it), no clip may be half-written, what
lies in the covered part has to be found, and what does not must never be called absent. Then a stream on loopback is
killed and comes back ten seconds later: the gap has to be one in coverage, on the wall clock. Ends with 1 if any of it
fails.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from PIL import Image, ImageDraw, ImageFont
from rewatch.agent import VideoAgent
from rewatch.memory import ClipMemory, Span
from rewatch.memory.live.watch import WatchEvent, WatchOptions, watch

WORDS = (
    "apple river stone cloud tiger piano bread glass horse light money north ocean paper queen radio sugar table uncle "
    "voice water youth zebra amber brick coral delta eagle flame grape honey ivory jelly kayak lemon mango nylon olive"
).split()
EACH, FPS, CLIP = 5.0, 4, 5.0
"""Seconds for which a word stands, pictures a second, and seconds of a clip."""
PORT = 18747
_HERE = [sys.executable, "-P"]


def picture(word: str, number: int) -> np.ndarray:
    """A word on a colored ground, [180, 320, 3] uint8."""
    image = Image.new("RGB", (320, 180), (20, 20 + number * 37 % 120, 120))
    ImageDraw.Draw(image).text((30, 70), word.upper(), fill=(255, 255, 255), font=ImageFont.load_default(size=36))
    return np.asarray(image)


def write(path: Path, seconds: float, *, real_time: bool) -> None:
    """Write a video in which the words follow one another; as fast as the clock goes, or at once."""
    began = time.monotonic()
    with av.open(
        str(path), "w", format="mpegts" if path.suffix == ".ts" else None, options={"flush_packets": "1"}
    ) as out:
        stream = out.add_stream("libx264", rate=FPS, options={"preset": "veryfast", "tune": "zerolatency", "g": "8"})
        stream.width, stream.height, stream.pix_fmt = 320, 180, "yuv420p"
        for number in range(int(seconds * FPS)):
            word = int(number / FPS / EACH)
            frame = av.VideoFrame.from_ndarray(picture(WORDS[word % len(WORDS)], word))
            frame.pts, frame.time_base = number, Fraction(1, FPS)
            out.mux(stream.encode(frame))
            if real_time:
                time.sleep(max(0.0, began + (number + 1) / FPS - time.monotonic()))
        out.mux(stream.encode())


@contextlib.contextmanager
def running(*command: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run a command meanwhile; killed at the end, with all that it started."""
    process = subprocess.Popen(command, start_new_session=True, stdout=subprocess.DEVNULL)
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def growing(folder: Path, seconds: float, questions: int) -> list[str]:
    """Ask while a file grows; returns what went wrong."""
    file, home = folder / "growing.ts", folder / "memory"
    wrong: list[str] = []
    told = found = absent = 0
    how = ["--channels", "visual,screen_text", "--clip-seconds", f"{CLIP:g}", "--idle", "8", "--memory", str(home)]
    with running(*_HERE, __file__, "--write", str(file), "--seconds", str(seconds)) as writer:
        while not file.exists():
            time.sleep(0.1)
        with running(*_HERE, "-m", "rewatch", "watch", str(file), *how) as watcher:
            while not (home / "memory.sqlite").exists() or not ClipMemory(home, read_only=True).videos():
                time.sleep(0.3)
            memory = ClipMemory(home, read_only=True)
            agent = VideoAgent(memory)
            (record,) = memory.videos()
            pause = max(0.0, (seconds - 20) / questions)
            for number in range(questions):
                began = time.monotonic()
                before = memory.coverage(record.id)
                known = int((before.until("screen_text") - before.whole.start) / EACH)
                past = number % 2 == 0 and known > 0
                word = WORDS[number % known if past else min(known + 3, int(seconds / EACH) - 1) % len(WORDS)]
                answer = agent.ask(f'Is "{word}" written on the screen?')
                after = memory.coverage(record.id)
                wrong += [f"{number}: {problem}" for problem in judged(memory, answer, before, after, past)]
                told += len(answer.coverage)
                found += past and answer.text.startswith("yes")
                absent += answer.abstained
                time.sleep(max(0.0, pause - (time.monotonic() - began)))
            writer.wait()
            watcher.wait(timeout=300)
    (record,) = memory.videos()
    whole = memory.coverage(record.id)
    print(f"asked {questions} questions in {seconds:.0f} s of recording: {len(wrong)} problems; coverage told {told}")
    print(f"  past words found {found} of {(questions + 1) // 2}; to come: {absent} answers say so far only")
    print(f"  at the end: {whole}; complete {record.complete}")
    if not record.complete or not whole.complete:
        wrong.append("the finished file is not complete")
    undisturbed = ClipMemory(folder / "plain")
    plain = undisturbed.add(file, channels=("visual", "screen_text"), clip_seconds=CLIP)
    same = rows(memory, record.id) == rows(undisturbed, plain.id)
    print(f"  rows equal to an undisturbed run: {same} ({len(rows(memory, record.id))} rows)")
    return wrong if same else [*wrong, "rows differ from an undisturbed run"]


def rows(memory: ClipMemory, video: str) -> list[tuple[object, ...]]:
    """What is known of a video; times of changes on screen to half a second, which is what one run fixes them to."""
    texts = [(text.channel, text.text) for text in memory.texts(video)]
    return [*texts, *((clip.level, round(clip.start, 3), round(clip.end, 3)) for clip in memory.clips(video))]


def judged(memory: ClipMemory, answer, before, after, past: bool) -> list[str]:  # type: ignore[no-untyped-def]
    """Return what is wrong with an answer, given the coverage just before and after it."""
    problems = []
    if answer.failed:
        problems.append(f"failed: {answer.text}")
    clips = memory.clips(before.video)
    if any(abs(clip.duration - CLIP) > 0.01 for clip in clips[:-1]) or (
        after.growing and clips and abs(clips[-1].duration - CLIP) > 0.01
    ):
        problems.append("a clip that is not whole")
    if not answer.coverage:
        return problems if after.complete else [*problems, "no coverage was told"]
    (told,) = answer.coverage
    for channel in told["channels"]:
        spans = [Span(*span) for span in told["channels"][channel]]
        until = spans[0].end if spans else told["start"]
        if not before.until(channel) - 0.01 <= until <= after.until(channel) + 0.01:
            problems.append(f"{channel} told to {until}, was {before.until(channel)} to {after.until(channel)}")
    if past and not answer.text.startswith(("yes", "so far: yes")):
        problems.append(f"not found in the covered part: {answer.text[:80]}")
    if not past and not answer.abstained and answer.text.startswith("no"):
        problems.append(f"called absent: {answer.text[:80]}")
    return problems


def dropping(folder: Path) -> list[str]:
    """Watch a stream that drops for 10 s; returns what went wrong."""
    file, address = folder / "stream.ts", f"http://127.0.0.1:{PORT}/live.ts"
    write(file, 20, real_time=False)
    serve = [
        "ffmpeg",
        "-loglevel",
        "quiet",
        "-re",
        "-i",
        str(file),
        "-c",
        "copy",
        "-f",
        "mpegts",
        "-listen",
        "1",
        address,
    ]
    memory = ClipMemory(folder / "stream")
    events: list[WatchEvent] = []
    script = f"{shutil.which('sh')}"
    shell = " ".join(f"'{part}'" for part in serve)
    # Fifteen seconds of signal, ten without, and another twenty.
    with running(script, "-c", f"timeout -s KILL 16 {shell}; sleep 10; {shell}"):
        time.sleep(1.0)
        record = watch(
            memory, address, channels=("visual", "screen_text"), clip_seconds=CLIP,
            options=WatchOptions(patience=25.0, segment=2.0), listener=events.append,
        )  # fmt: skip
    if record is None:
        return ["nothing of the stream was received"]
    known = memory.coverage(record.id)
    gaps = known.missing("visual")
    back = [event.text for event in events if event.kind == "back"]
    print(f"stream: {known}; {back}; recorded {record.recorded:.0f}, complete {record.complete}")
    wrong = []
    if len(gaps) != 1 or not 9 <= gaps[0].duration <= 18:
        wrong.append(f"gaps: {gaps}")
    if not back:
        wrong.append("it did not come back")
    if [clip for clip in memory.clips(record.id) if gaps and clip.span.overlap(gaps[0]) > 0.05]:
        wrong.append("a clip lies in the gap")
    return wrong


def main() -> None:
    """Run both."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--write", type=Path)
    parser.add_argument("--seconds", type=float, default=150.0)
    parser.add_argument("--questions", type=int, default=100)
    chosen = parser.parse_args()
    if chosen.write:
        write(chosen.write, chosen.seconds, real_time=True)
        return
    with tempfile.TemporaryDirectory() as folder:
        wrong = [*growing(Path(folder), chosen.seconds, chosen.questions), *dropping(Path(folder))]
    for problem in wrong:
        print("WRONG", problem)
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
