"""`rewatch watch`, and what other commands say of a video that another process is at."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from rewatch.memory import ClipMemory
from rewatch.memory.store.folder import writer_lock
from rewatch.memory.types import Progress

from ..command_line import run_here


class Stopped(Exception):
    """Stands for a kill."""


@pytest.fixture(scope="module")
def half(traffic: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a video whose indexing was cut off, and its memory."""
    folder = tmp_path_factory.mktemp("half")
    shutil.copy(traffic, folder / "traffic.mp4")

    def stop(step: Progress) -> None:
        if step.channel == "screen_text" and step.span.end == 8:
            raise Stopped

    with ClipMemory(folder / "memory", text_encoder="hashed") as memory, pytest.raises(Stopped):
        memory.add(folder / "traffic.mp4", channels=("screen_text", "visual"), clip_seconds=4, workers=0, progress=stop)
    return folder


def test_a_video_that_another_process_indexes_is_asked_about_as_it_is(half: Path) -> None:
    variables = {"REWATCH_MEMORY": str(half / "memory"), "COLUMNS": "200"}
    with writer_lock(half / "memory"):  # as another process holds it
        asked = run_here(half, "ask", "traffic.mp4", 'Is "stop here" written on the screen?', variables=variables)
        listed = run_here(half, "videos", variables=variables)
    assert asked.returncode == 0 and "STOP HERE" in asked.stdout
    assert "known so far: screen text to 00:08, pictures to 00:04 of 00:24" in asked.stdout
    assert "indexed in part (screen text to 00:08" in asked.stdout + asked.stderr
    assert "known so far: screen text to 00:08, pictures to 00:04 of 00:24" in listed.stdout
    with ClipMemory(half / "memory", read_only=True) as memory:
        (record,) = memory.videos()
        assert memory.coverage(record.id).until("screen_text") == 8, "asking has indexed nothing"
    rows = json.loads(run_here(half, "videos", "--json", variables=variables).stdout)["videos"]
    assert rows[0]["coverage"]["channels"]["screen_text"] == [[0.0, 8.0]]


def test_a_file_is_watched_to_its_end(make_talk: Callable[..., Path], tmp_path: Path) -> None:
    make_talk(tmp_path / "live.ts", 7, fps=4, size=(160, 90))
    words = ("--channels", "visual", "--clip-seconds", "4", "--workers", "0", "--idle", "1")
    done = run_here(tmp_path, "watch", "live.ts", *words, variables={"REWATCH_MEMORY": str(tmp_path / "memory")})
    assert done.returncode == 0 and "watching live.ts" in done.stderr
    assert done.stderr.splitlines()[-1].startswith("known") and "of 00:07." in done.stderr.splitlines()[-1]
    nothing = run_here(tmp_path, "watch", "ftp://x/y", variables={"REWATCH_MEMORY": str(tmp_path / "memory")})
    assert nothing.returncode == 3 and "cannot be watched" in nothing.stderr
