"""Claim: indexing sixty minutes takes at most 1.15 times the memory of indexing ten.

Peak resident memory of the parent and of the worker together, on one encode that is repeated without re-encoding, so
that only the length differs (FFmpeg's own table of an MP4's packets lies in the worker, and does grow). Each ingest
runs in a process of its own, with one worker. Channels: pictures and speech
(`--all` adds on-screen text, which takes long; `--lines` looks only at how lines become blocks: two new lines a second,
made up, in place of what a reader finds).

    python benchmarks/index_memory.py [--all | --lines]
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import av
from index_parallel import slides

LIMIT = 1.15
INGEST = """
import json, resource, sys
from rewatch.memory import ClipMemory
memory = ClipMemory(sys.argv[1])
record = memory.add(sys.argv[2], channels=json.loads(sys.argv[3]), workers=1)
assert record.complete and not record.failures, record.failures
peaks = [resource.getrusage(who).ru_maxrss / 1024 for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
print(json.dumps(peaks))
"""

LINES = """
import json, random, resource, sys
from pathlib import Path
from rewatch.memory import Span
from rewatch.memory.protocol import VideoInfo
from rewatch.memory.ocr.blocks import BlockBuilder
from rewatch.memory.store.database import Store
from rewatch.memory.store.units import NewText, Rows, finish, plan_channel, plan_clips, replace_texts, units_to_do
minutes, words, chance = int(sys.argv[2]), sys.argv[3].split(), random.Random(1)
store = Store(Path(sys.argv[1]), read_only=False)
clips = [Span(10 * at, 10 * at + 10) for at in range(6 * minutes)]
with store.writing():
    video = store.put_video("0" * 64, "lines.mp4", VideoInfo(path="lines.mp4", size=0, start=0.0, end=60.0 * minutes,
                            width=640, height=360, fps=30.0, codec="none", pixel_format="yuv420p"))
    plan_clips(store, video, "fixed 10", clips)
    plan_channel(store, video, "screen_text", "made up", clips)
    for unit in units_to_do(store, video, ["screen_text"]):
        lines = []
        for at in range(20):
            start, top = unit.span.start + at / 2, chance.random() * 0.9
            end = min(start + chance.uniform(0.5, 4), unit.span.end)
            data = {"box": [0.1, top, 0.6, top + 0.05], "score": 0.99, "height": 0.05}
            lines.append(NewText(start, end, " ".join(chance.sample(words, 4)), data))
        finish(store, unit, Rows(lines))
    replace_texts(store, video, "screen_text", BlockBuilder(16 / 9).add)
print(json.dumps([resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 0.0]))
"""
WORDS = "budget river harvest engine violin glacier market signal bridge theory garden window"


def repeated(source: Path, target: Path, times: int) -> Path:
    """The packets of a file again and again, one after another, as a long file."""
    with av.open(str(target), "w") as out:
        streams: dict[int, av.Stream] = {}
        shift = 0.0
        for _ in range(times):
            with av.open(str(source)) as container:
                if not streams:
                    streams = {each.index: out.add_stream_from_template(each) for each in container.streams}
                for packet in container.demux():
                    if packet.dts is None or packet.pts is None:
                        continue
                    ticks = round(shift / packet.time_base)
                    packet.pts, packet.dts = packet.pts + ticks, packet.dts + ticks
                    packet.stream = streams[packet.stream_index]
                    out.mux(packet)
                # A little apart: the encoder's first sound lies before zero.
                shift += 0.2 + max(float(each.duration * each.time_base) for each in container.streams)
    return target


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--all", action="store_true", help="on-screen text too")
    options.add_argument("--lines", action="store_true", help="only how lines on screen become blocks")
    chosen = options.parse_args()
    channels = ["visual", "speech"] + (["screen_text"] if chosen.all else [])
    peaks = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        piece = None if chosen.lines else slides(folder / "piece.mp4", 2)
        for minutes in (10, 60):
            command = [sys.executable, "-P", "-c", LINES, str(folder / f"memory-{minutes}"), str(minutes), WORDS]
            if piece is not None:
                video = repeated(piece, folder / f"{minutes}.mp4", minutes // 2)
                command[2:] = [INGEST, str(folder / f"memory-{minutes}"), str(video), json.dumps(channels)]
            done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
            peaks[minutes] = json.loads(done.stdout)
            print(f"{minutes} min   parent {peaks[minutes][0]:.0f} MB   worker {peaks[minutes][1]:.0f} MB")
    ratios = [long / max(short, 1) for short, long in zip(peaks[10], peaks[60], strict=True)]
    whole = sum(peaks[60]) / sum(peaks[10])
    print(f"ratio   parent {ratios[0]:.2f}   worker {ratios[1]:.2f}   together {whole:.2f}   limit {LIMIT}")
    met = whole <= LIMIT
    print("met" if met else "MISSED")
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
