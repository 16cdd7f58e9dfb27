"""Three short talks in which a low and a high voice of espeak-ng take turns, and a memory that has learned them."""

from __future__ import annotations

import importlib.util
import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from rewatch import ClipMemory
from talks import RATE, spoken, write_talk

LOW, HIGH = "en-us+m3", "en-us+f2"
LINES = (
    ("The budget for next year is ten million.", "We should buy new chairs for the garden."),
    ("I left the keys of the blue car on the table.", "The train to London leaves at seven."),
    ("My sister said that the bridge is closed today.", "Please water the flowers behind the house."),
)


@dataclass(frozen=True, slots=True)
class Dialogue:
    """A video, and who speaks when in it: start, end (seconds), voice, words."""

    path: Path
    turns: tuple[tuple[float, float, str, str], ...]


def write_dialogue(path: Path, lines: list[tuple[str, str]], *, pause: float = 0.6) -> Dialogue:
    """Write a video in which each line, (voice, words), is spoken after a pause, with its words as subtitles."""
    sound, turns, time = [np.zeros(int(pause * RATE), np.float32)], [], pause
    for voice, words in lines:
        samples = spoken(words, path.parent, voice)
        turns.append((time, time + len(samples) / RATE, voice, words))
        sound += [samples, np.zeros(int(pause * RATE), np.float32)]
        time += len(samples) / RATE + pause
    whole = np.concatenate(sound)
    write_talk(path, len(whole) / RATE, sound=whole, size=(160, 120), fps=5)
    cues = [f"{n}\n{_stamp(a)} --> {_stamp(b)}\n{words}\n" for n, (a, b, _, words) in enumerate(turns, 1)]
    path.with_suffix(".srt").write_text("\n".join(cues), encoding="utf-8")
    return Dialogue(path, tuple(turns))


def _stamp(seconds: float) -> str:
    return f"00:00:{int(seconds):02d},{int(seconds % 1 * 1000):03d}"


@pytest.fixture(scope="session")
def dialogues(tmp_path_factory: pytest.TempPathFactory) -> list[Dialogue]:
    """Three videos of 12 s: low, high, low, high."""
    if importlib.util.find_spec("resemblyzer") is None:
        pytest.skip("needs a speaker model: pip install --no-deps resemblyzer")
    folder = tmp_path_factory.mktemp("dialogues")
    return [
        write_dialogue(folder / f"talk{n}.mp4", [(LOW, a), (HIGH, b), (LOW, b), (HIGH, a)])
        for n, (a, b) in enumerate(LINES)
    ]


@pytest.fixture(scope="session")
def learned(dialogues: list[Dialogue], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A memory of the three, with their voices learned and nobody named; to be copied before it is changed."""
    folder = tmp_path_factory.mktemp("learned") / "memory"
    with ClipMemory(folder) as memory:
        for dialogue in dialogues:
            memory.learn_people(memory.add(dialogue.path, channels=["speech"], workers=0).id)
    return folder


@pytest.fixture
def people_memory(learned: Path, tmp_path: Path) -> ClipMemory:
    """A copy of that memory."""
    return ClipMemory(shutil.copytree(learned, tmp_path / "memory"))
