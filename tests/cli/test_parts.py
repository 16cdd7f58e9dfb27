"""`rewatch index --from --to`: a part of a video, which `ask` does not go beyond."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from .conftest import rewatch


def test_a_part_is_indexed_and_asked_about_and_the_rest_is_done_later(home: Path, tmp_path: Path):
    memory, options = tmp_path / "m", ("--channels", "visual,speech", "--workers", "0")
    done = rewatch(home, "index", "talk.mp4", "-m", memory, "--from", "0:10", "--to", "0:12.5", *options)
    assert done.returncode == 0 and "indexed in part (" in done.stdout and "goes on" in done.stdout, done.stderr
    assert "pictures" in done.stdout and "of 00:24" in done.stdout
    for words in (
        ("ask", "talk.mp4", "What is said about the budget?"),
        ("index", "talk.mp4", "--from", "0:10", "--to", "12"),
    ):
        done = rewatch(home, *words, "-m", memory, *options, "--json")
        assert done.returncode == 0, done.stderr
        listed = json.loads(rewatch(home, "videos", "-m", memory, "--json").stdout)["videos"]
        assert [video["complete"] for video in listed] == [False], words
    done = rewatch(home, "index", "talk.mp4", "-m", memory, *options)
    assert done.returncode == 0 and "in part" not in done.stdout
    assert json.loads(rewatch(home, "videos", "-m", memory, "--json").stdout)["videos"][0]["complete"]


@pytest.mark.parametrize(
    ("bounds", "says"),
    [
        (("--from", "tomorrow"), "'tomorrow' is no time of talk.mp4, and nobody knows when that was recorded"),
        (("--from", "20:00"), "Nothing of talk.mp4 lies between 20:00 and 00:24"),
        (("--from", "0:12", "--to", "0:10"), "Nothing of talk.mp4 lies between 00:12 and 00:10"),
    ],
)
def test_bounds_that_mean_nothing_are_told_in_one_line(home: Path, tmp_path: Path, bounds: tuple[str, ...], says: str):
    done = rewatch(home, "index", "talk.mp4", "-m", tmp_path / "m", *bounds, "--channels", "visual", "--workers", "0")
    assert done.returncode == 3 and says in done.stderr and done.stderr.count("\n") == 1
