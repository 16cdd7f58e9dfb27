"""What a memory knew at a moment does not hang on what comes later: videos that part at a second are alike before."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from lookahead import SIZE, letters
from painted import COLORS, Painted
from PIL import Image, ImageDraw
from rewatch.memory import ArrayVideo, ClipMemory

FPS, PARTED, SECONDS = 4, 3.5, 6


def picture(time: float, other: bool) -> np.ndarray:
    """Text that is typed, text that stands, and a thing that moves; from `PARTED` on both videos differ."""
    image = Image.new("RGB", SIZE, (70, 70, 78))
    draw = ImageDraw.Draw(image)
    later = time >= PARTED
    typed = "PASSWORD IS ALPHA"[: int(8 + 2 * time)]
    if later:
        typed = "PASSWORD ISLAND WAS" if other else "PASSWORD IS ALPHABET"
    draw.text((12, 10), typed, fill="white", font=letters(24))
    draw.text((12, 60), f"STANDS ALL THE {'TINE' if later and other else 'TIME'}", fill="white", font=letters(22))
    thing = "dog" if later and other else "person"
    draw.rectangle((20 + 8 * time, 110, 44 + 8 * time, 158), fill=COLORS[thing])
    return np.asarray(image)


def memory_of(folder: Path, other: bool) -> ClipMemory:
    cues = "1\n00:00:00,500 --> 00:00:03,000\nthe first words\n\n"
    if other:
        cues += "2\n00:00:04,000 --> 00:00:05,500\npassword password password first words\n\n"
    (folder / f"{other}.srt").write_text(cues)
    video = ArrayVideo(np.stack([picture(k / FPS, other) for k in range(SECONDS * FPS)]), fps=FPS)
    memory = ClipMemory(folder / f"memory {other}", detector=Painted())
    channels = ["visual", "speech", "screen_text", "objects"]
    memory.add(video, channels=channels, subtitles=folder / f"{other}.srt", clip_seconds=2, workers=0)
    return memory


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> tuple[ClipMemory, ClipMemory]:
    folder = tmp_path_factory.mktemp("past")
    return memory_of(folder, False), memory_of(folder, True)


def known(memory: ClipMemory, now: float) -> dict[str, Any]:
    view = memory.until(now)
    (record,) = view.videos()
    hits = [hit for query in ("password", "first words", "island", "person", "blue") for hit in view.search(query)]
    return {
        "texts": [(text.channel, text.start, text.end, text.text, text.data) for text in view.texts(record.id)],
        "clips": [
            (clip.start, clip.end) for level in ("clip", "chapter") for clip in view.clips(record.id, level=level)
        ],
        "hits": [
            (
                hit.span,
                round(hit.score, 6),
                [t.text for t in hit.texts],
                {k: round(s, 3) for k, s in hit.channels.items()},
            )
            for hit in hits
        ],
        "known": [view.known_until(record.id, channel) for channel in sorted(record.channels)],
    }


@pytest.mark.parametrize("now", [0.3, 2.0, 2.9, 3.49, 3.5])
def test_the_past_is_the_same_whatever_comes(both: tuple[ClipMemory, ClipMemory], now: float) -> None:
    one, other = (known(memory, now) for memory in both)
    assert one == other
    assert [text for text in one["texts"] if text[0] == "screen_text"]


def test_what_comes_differs(both: tuple[ClipMemory, ClipMemory]) -> None:
    one, other = (known(memory, 5.9) for memory in both)
    assert one["texts"] != other["texts"] and one["hits"] != other["hits"]
