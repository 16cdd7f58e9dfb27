"""Kill an ingest at random moments and go on: nothing is lost, nothing is there twice, nothing is done again."""

from __future__ import annotations

import random
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from rewatch.memory import ClipMemory

# Eleven ingests with all their workers: on a loaded machine that takes many times what it takes alone.
pytestmark = pytest.mark.timeout(1800)

SEED = 20
CHANNELS = "visual speech"  # on-screen text takes the same way, and seconds to load after every kill
INGEST = """
import sys, time
from rewatch.memory import ClipMemory
def progress(_):
    print("unit", flush=True)
    time.sleep(0.05)  # so that a fast machine is not done before the last kill
memory = ClipMemory(sys.argv[1], text_encoder="hashed")
print("open", flush=True)
channels = sys.argv[3].split()
memory.add(sys.argv[2], channels=channels, clip_seconds=1, workers=2, progress=progress)
print("complete", flush=True)
"""
ROWS = {
    "clips": "SELECT level, start_s, end_s FROM clips",
    "units": "SELECT channel, start_s, end_s, status FROM units",
    "texts": "SELECT channel, start_s, end_s, text, data FROM texts",
    "vectors": "SELECT s.channel, s.stamp, v.start_s, v.end_s, v.vector, t.text FROM vectors v "
    "JOIN spaces s ON s.id = v.space LEFT JOIN texts t ON t.id = v.text",
    "words": "SELECT text FROM words",
}


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory, make_talk: Callable, speak: Callable) -> Path:
    folder = tmp_path_factory.mktemp("kill")
    sound = np.zeros(66 * 16000, np.float32)
    words = speak("The budget for next year is ten million. We go to the river in the morning.", folder)
    for at in (2, 40):
        sound[at * 16000 : at * 16000 + len(words)] = words
    sound += 0.002 * np.random.default_rng(SEED).standard_normal(len(sound)).astype(np.float32)
    captions = ("BUDGET", "", "RIVER", "", "", "MORNING")
    return make_talk(
        folder / "talk.mp4",
        66,
        captions=lambda second: captions[int(second // 11)],
        colors=lambda second: (int(second * 3), 60, 200 - int(second * 3)),
        sound=sound,
        size=(160, 96),
    )


@pytest.mark.parametrize("kills", [2, pytest.param(10, marks=pytest.mark.slow)])
def test_a_killed_ingest_goes_on_where_it_was(video: Path, tmp_path: Path, kills: int) -> None:
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    start(whole, video).wait()

    chance = random.Random(SEED)
    died_early = 0
    for number in range(kills):
        before = finished_units(killed)
        process = start(killed, video)
        # Some die at a random time from the start, planning included; some a moment after a piece was kept.
        if number % 3 == 0:
            time.sleep(chance.uniform(0.2, 0.8))
        else:
            wait_for_units(process, chance.randrange(1, 6))
            time.sleep(chance.uniform(0, 0.05))
        workers = children(process.pid)
        died_early += process.poll() is None
        process.kill()  # SIGKILL
        process.wait()
        assert gone(workers), "workers outlived their parent"
        after = finished_units(killed)
        assert before.items() <= after.items(), "a piece that was done has been done again, or is gone"
    assert died_early >= kills - 2 and died_early, "the kills came too late to mean anything"

    process = start(killed, video)
    assert process.stdout is not None
    assert process.stdout.read().splitlines()[-1] == "complete"
    process.wait()
    assert before.items() <= finished_units(killed).items()
    for table, sql in ROWS.items():
        assert rows(killed, sql) == rows(whole, sql), table
    spans = [(clip.start, clip.end) for clip in ClipMemory(killed).clips("talk.mp4")]
    assert len(spans) == len(set(spans)) == 66
    assert all(a[1] == b[0] for a, b in zip(spans, spans[1:], strict=False)), "a clip is missing"
    assert {channel for channel, *_ in rows(killed, ROWS["units"])} == {"visual", "speech", "summary"}
    assert any(channel == "speech" for channel, *_ in rows(killed, ROWS["texts"]))


def start(folder: Path, video: Path) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, "-c", INGEST, str(folder), str(video), CHANNELS],
        stdout=subprocess.PIPE, text=True, cwd=folder.parent,
    )  # fmt: skip


def wait_for_units(process: subprocess.Popen, count: int) -> None:
    assert process.stdout is not None
    for line in process.stdout:
        count -= line == "unit\n"
        if count == 0:
            return


def children(parent: int) -> list[int]:
    found = []
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = status.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[1]) == parent:
            found.append(int(status.parent.name))
    return found


def gone(pids: list[int], patience: float = 60.0) -> bool:
    end = time.monotonic() + patience
    while time.monotonic() < end:
        if not any(_runs(pid) for pid in pids):
            return True
        time.sleep(0.02)
    return False


def _runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def finished_units(folder: Path) -> dict[int, tuple]:
    if not (folder / "memory.sqlite").exists():
        return {}
    sql = "SELECT id, channel, start_s, finished_at FROM units WHERE status = 'done' AND channel != 'summary'"
    try:
        return {row[0]: row[1:] for row in rows(folder, sql)}
    except sqlite3.OperationalError:  # killed before the tables were made
        return {}


def rows(folder: Path, sql: str) -> list[tuple]:
    database = sqlite3.connect(folder / "memory.sqlite")
    try:
        return sorted(database.execute(sql).fetchall(), key=repr)
    finally:
        database.close()
