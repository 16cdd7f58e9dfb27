"""Lives of a few days on one clock: gray videos of one frame a minute, with subtitles, at known times."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from rewatch.memory import ArrayVideo, ClipMemory

DAY = 86400.0
HOUR = 3600.0


def cue(seconds: float) -> str:
    whole = int(seconds)
    return f"{whole // 3600:02d}:{whole // 60 % 60:02d}:{whole % 60:02d},000"


def add(
    memory: ClipMemory,
    folder: Path,
    name: str,
    recorded: str | None,
    seconds: float,
    lines: Sequence[tuple[float, str]],
) -> str:
    """Add a video with subtitles (seconds from its start); gives its id."""
    count = max(2, int(seconds // 60))
    frames = np.full((count, 24, 32, 3), sum(map(ord, name)) % 200, np.uint8)
    frames[:, :2, :2] = np.arange(count)[:, None, None, None] % 256
    subtitles = folder / f"{name}.srt"
    rows = [f"{k}\n{cue(at)} --> {cue(at + 4)}\n{text}\n" for k, (at, text) in enumerate(lines, 1)]
    subtitles.write_text("\n".join(rows))
    source = ArrayVideo(frames, fps=count / seconds, name=name)
    settings = {"channels": ["speech"], "subtitles": subtitles, "clip_seconds": 60, "workers": 0}
    return memory.add(source, recorded=recorded, **settings).id


def build(folder: Path) -> ClipMemory:
    """Three days from day 1: a morning on each, an afternoon by two cameras on day 2."""
    memory = ClipMemory(folder / "memory")
    add(
        memory,
        folder,
        "one",
        "DAY1 09:00",
        2 * HOUR,
        [
            (600, "I am feeding the cat now."),
            (4000, "The plumber comes at noon."),
            (5000, "Plain words about nothing."),
        ],
    )
    add(
        memory,
        folder,
        "two",
        "DAY2 09:00",
        2 * HOUR,
        [
            (900, "Time to feed the cat again."),
            (4200, "The violin is in the cellar."),
        ],
    )
    add(memory, folder, "door", "DAY2 15:00", HOUR, [(300, "A parcel from Lisbon has arrived.")])
    add(memory, folder, "kitchen", "DAY2 15:10", HOUR, [(60, "Soup is on the stove.")])
    add(memory, folder, "three", "DAY3 09:00", HOUR, [(700, "Feeding our cat once more.")])
    memory.summarize()
    return memory
