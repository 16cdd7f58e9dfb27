"""`rewatch summarize` and `rewatch search --level day`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from command_line import run_here
from lives import HOUR, add, build
from rewatch.memory import ClipMemory


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("life")).folder


def variables(folder: Path) -> dict[str, str]:
    return {"REWATCH_MEMORY": str(folder), "COLUMNS": "200", "HOME": str(folder)}


def test_it_tells_each_day_over_all_videos(folder: Path) -> None:
    shown = run_here(folder, "summarize", variables=variables(folder))
    assert shown.returncode == 0, shown.stderr
    assert [line for line in shown.stdout.splitlines() if line.startswith("DAY")] == ["DAY1", "DAY2", "DAY3"]
    assert "Lisbon" in shown.stdout and "Soup" in shown.stdout
    rows = json.loads(run_here(folder, "summarize", "--level", "week", "--json", variables=variables(folder)).stdout)
    assert len(rows["summaries"]) == 1 and len(rows["summaries"][0]["videos"]) == 5


def test_of_several_timelines_each_day_names_its_own(tmp_path: Path) -> None:
    with ClipMemory(tmp_path / "memory") as memory:
        add(memory, tmp_path, "one", "DAY1 09:00", HOUR, [(30, "A zeppelin.")])
        add(memory, tmp_path, "two", "DAY1 10:00", HOUR, [(30, "A balloon.")])
        memory.set_recording("two", "DAY1 10:00", timeline="kitchen")
    shown = run_here(tmp_path, "summarize", variables=variables(tmp_path / "memory"))
    days = [line for line in shown.stdout.splitlines() if line.startswith("DAY")]
    assert sorted(days) == ["DAY1, timeline kitchen", "DAY1, timeline main"]


def test_a_level_that_is_none_is_told_in_plain_words(tmp_path: Path) -> None:
    shown = run_here(tmp_path, "summarize", "--level", "century", variables=variables(tmp_path))
    assert shown.returncode == 2 and "'century' is not one of" in shown.stderr and "Value error" not in shown.stderr


def test_search_takes_levels(folder: Path) -> None:
    shown = run_here(folder, "search", "violin", "--level", "day", "-k", "1", variables=variables(folder))
    assert shown.returncode == 0 and shown.stdout.startswith("DAY2")


def test_videos_without_dates_are_refused_in_one_line(tmp_path: Path) -> None:
    with ClipMemory(tmp_path / "memory") as memory:
        add(memory, tmp_path, "undated", None, HOUR, [(30, "A zeppelin.")])
    shown = run_here(tmp_path, "summarize", variables=variables(tmp_path / "memory"))
    assert shown.returncode == 3 and "--recorded" in shown.stderr and len(shown.stderr.splitlines()) == 1
    heuristic = run_here(tmp_path, "summarize", "--model", "heuristic", variables=variables(tmp_path / "memory"))
    assert heuristic.returncode == 3
