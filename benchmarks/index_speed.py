"""Measure the cost of indexing: CPU seconds for each minute of video, by channel, beside the floor of the same run.

    python benchmarks/index_speed.py VIDEO [--transcriber NAME] [--whisper FOLDER]
        [--channels visual speech screen_text]

Every index is made in a process of its own with one worker, from nothing; counted are user and system seconds of it and
its worker, imports and models included. Claim: all channels together take at most 8 CPU seconds a minute.

The floors: decoding (every picture that indexing looks at, and the sound); faster-whisper by itself on the whole file
(only with `--whisper`, a CTranslate2 folder); RapidOCR as it ships, on one frame a second where any part has changed.
Wall-clock time is not looked at.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

LIMIT = 8.0
LOOKS = 4.0
INGEST = """
import json, resource, sys
from rewatch.memory import ClipMemory
memory = ClipMemory(sys.argv[1])
channels, transcriber = json.loads(sys.argv[3])
record = memory.add(sys.argv[2], channels=channels, transcriber=transcriber, workers=1)
texts = [text for channel in channels for text in memory.texts(record.id, channel=channel)]
peak = [resource.getrusage(who).ru_maxrss / 1024 for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
print(json.dumps([len(texts), sum(peak), len(record.failures)]))
"""


def seconds(who: int) -> float:
    used = resource.getrusage(who)
    return used.ru_utime + used.ru_stime


def indexed(video: Path, channels: list[str], transcriber: str | None) -> tuple[float, int, float]:
    """CPU seconds, rows and peak megabytes of an index of these channels."""
    before = seconds(resource.RUSAGE_CHILDREN)
    with tempfile.TemporaryDirectory() as name:
        command = [
            sys.executable,
            "-P",
            "-c",
            INGEST,
            f"{name}/memory",
            str(video),
            json.dumps([channels, transcriber]),
        ]
        done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"Indexing {video} ({', '.join(channels)}) failed:\n{done.stderr.strip()}")
    rows, peak, failures = json.loads(done.stdout.splitlines()[-1])
    if failures:
        sys.exit(f"Indexing {video} left {failures} pieces undone; the figures would not count.")
    return seconds(resource.RUSAGE_CHILDREN) - before, rows, peak


def spent(work: Callable[[], object]) -> float:
    before = seconds(resource.RUSAGE_SELF)
    work()
    return seconds(resource.RUSAGE_SELF) - before


def decode(video: Path) -> None:
    from rewatch.memory import Video

    with Video(video) as opened:
        for _ in opened.frames(opened.info.span, LOOKS):
            pass
        if opened.info.has_audio:
            opened.audio()


def bare_whisper(video: Path, folder: Path) -> None:
    from faster_whisper import WhisperModel

    model = WhisperModel(str(folder), device="cpu", compute_type="int8", cpu_threads=1)
    for _ in model.transcribe(str(video), beam_size=1)[0]:
        pass


def bare_ocr(video: Path) -> None:
    import rapidocr
    from rewatch.memory import Video
    from rewatch.memory.video.thumbnail import Thumbnail

    logging.getLogger("RapidOCR").setLevel(logging.CRITICAL)
    threads = {f"EngineConfig.onnxruntime.{kind}_op_num_threads": 1 for kind in ("intra", "inter")}
    engine = rapidocr.RapidOCR(params={"Global.log_level": "critical", **threads})
    read: Thumbnail | None = None
    with Video(video) as opened:
        for frame in opened.frames(opened.info.span, 1.0):
            look = Thumbnail.of(frame.image)
            if read is None or look.changed(read).any():
                engine(frame.image[:, :, ::-1])
                read = look


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("video", type=Path)
    parser.add_argument("--transcriber", help="as `rewatch index --transcriber`")
    parser.add_argument("--whisper", type=Path, help="CTranslate2 folder for the floor of speech")
    parser.add_argument("--channels", nargs="+", default=["visual", "speech", "screen_text"])
    chosen = parser.parse_args()
    import cv2
    from rewatch.memory import Video

    cv2.setNumThreads(1)
    with Video(chosen.video) as opened:
        minutes = opened.info.duration / 60
        print(f"{chosen.video.name}: {minutes:.2f} min, {opened.info.width}x{opened.info.height}\n")
    print(f"{'':34}{'CPU s':>8}{'a minute':>10}{'rows':>7}{'MB':>7}")

    def line(name: str, cost: float, rows: int | str = "", peak: float | str = "") -> None:
        print(
            f"{name:34}{cost:8.1f}{cost / minutes:10.2f}{rows:>7}{peak if peak == '' else round(peak):>7}", flush=True
        )

    line("floor: decoding", spent(lambda: decode(chosen.video)))
    if chosen.whisper is not None:
        line("floor: faster-whisper alone", spent(lambda: bare_whisper(chosen.video, chosen.whisper)))
    if "screen_text" in chosen.channels:
        line("floor: RapidOCR on changed frames", spent(lambda: bare_ocr(chosen.video)))
    for channel in chosen.channels:
        line(f"index: {channel}", *indexed(chosen.video, [channel], chosen.transcriber))
    cost, rows, peak = indexed(chosen.video, chosen.channels, chosen.transcriber)
    line("index: all together", cost, rows, peak)
    met = cost / minutes <= LIMIT
    print(f"\n{'met' if met else 'MISSED'}: {cost / minutes:.2f} CPU seconds a minute, claimed at most {LIMIT}")
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
