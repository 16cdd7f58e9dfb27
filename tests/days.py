"""Short dated videos of several days and cameras, whose words are subtitles beside them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import av
import numpy as np
from rewatch.memory import ClipMemory

Cue = tuple[float, float, str]
SECONDS = 20.0

LIFE: Mapping[str, Sequence[Cue]] = {
    "A1_JAKE/DAY1_09000000.mp4": [(2, 5, "I put the red notebook on the kitchen table"), (12, 15, "now we leave")],
    "A2_ALICE/DAY1_09001000.mp4": [(4, 7, "the kitchen smells of coffee")],
    "A1_JAKE/DAY1_09300000.mp4": [(3, 6, "the red notebook is in my backpack now"), (12, 15, "a dog barks")],
    "A1_JAKE/DAY1_15000000.mp4": [(3, 6, "the courier brought the parcel from Lisbon")],
    "A1_JAKE/DAY2_08300000.mp4": [(8, 11, "the red notebook is under the sofa"), (14, 17, "breakfast is ready")],
    "A1_JAKE/DAY3_19000000.mp4": [(3, 6, "I gave the red notebook to Martin")],
    "talk.mp4": [(3, 6, "the red notebook was expensive")],
}
"""File, then what is said in it; `talk.mp4` is of nobody knows when."""


def write(path: Path, cues: Sequence[Cue], seed: int, seconds: float = SECONDS) -> Path:
    path.parent.mkdir(exist_ok=True)
    rng = np.random.default_rng(seed)
    picture = rng.integers(0, 255, (48, 64, 3), dtype=np.uint8)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=2, options={"preset": "ultrafast"})
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        stream.codec_context.thread_count = 1
        for _ in range(round(seconds * 2)):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode())
    lines = [f"{_clock(start)} --> {_clock(end)}\n{text}\n" for start, end, text in cues]
    path.with_suffix(".vtt").write_text("WEBVTT\n\n" + "\n".join(lines))
    return path


def build(folder: Path, files: Mapping[str, Sequence[Cue]] = LIFE) -> ClipMemory:
    memory = ClipMemory(folder / "memory")
    for seed, (name, cues) in enumerate(files.items()):
        memory.add(write(folder / name, cues, seed), channels=["visual", "speech"], clip_seconds=5, workers=0)
    return memory


def _clock(seconds: float) -> str:
    return f"00:00:{seconds:06.3f}"
