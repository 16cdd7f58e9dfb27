"""`rewatch gym`: what is listed, shown, written and played is what the gym makes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from rewatch.memory import ClipMemory
from rewatch.training.data.task_files import read_tasks
from rewatch.training.gym import FAMILIES, make_environment
from rewatch.training.gym.clips16 import FAMILIES as CLIPS16
from typer.testing import CliRunner


def run(*words: object, code: int = 0) -> str:
    from rewatch.cli.app import app

    result = CliRunner().invoke(app, list(map(str, words)), env={"COLUMNS": "110"})
    assert result.exit_code == code, (result.output, result.exception)
    return str(result.output) + (str(result.exception) if code else "")


def test_families_and_levels_are_listed() -> None:
    told = run("gym")
    assert all(name in told for name in (*FAMILIES, *CLIPS16)) and "--level" in told
    rows: dict[str, Any] = json.loads(run("gym", "--json"))
    assert [row["family"] for row in rows["families"]] == [*FAMILIES, *CLIPS16] and len(rows["levels"]) == 5


def test_one_question_is_shown_with_its_truth() -> None:
    made = make_environment("two_hops", 3)
    told = run("gym", "show", "two_hops", "--seed", 3)
    assert made.task.question in told and (made.task.truth.answer or "?") in told and "view_clip" in told
    row = json.loads(run("gym", "show", "viewing", "--level", 0.5, "--json"))
    assert row["difficulty"] == 0.5 and row["video"]["seconds"] == 45 * 6
    assert "Did you mean viewing" in run("gym", "show", "viewng", code=1)


def test_tasks_are_written_with_videos_that_are_indexed(tmp_path: Path) -> None:
    run("gym", "make", "--families", "two_hops,clips16.clip", "--count", 2, "--seed", 4, "--out", tmp_path, "--videos")
    tasks = read_tasks(tmp_path / "tasks.jsonl")
    assert [task.question for task in tasks] == [
        make_environment("two_hops", 4).task.question,
        make_environment("clips16.clip", 5).task.question,
    ]
    with ClipMemory(tmp_path / "memory", read_only=True) as memory:
        for task in tasks:
            record = memory.video(task.videos[0])
            assert Path(record.path).is_file() and len(memory.clips(record.id)) == 16 and memory.texts(record.id)
    run("gym", "make", "--families", "two_hops", "--count", 3, "--out", tmp_path / "bare")
    assert len(read_tasks(tmp_path / "bare" / "tasks.jsonl")) == 3 and not (tmp_path / "bare" / "memory").exists()


@pytest.mark.slow
def test_the_expert_is_right_and_guessing_is_not() -> None:
    (row,) = json.loads(run("gym", "play", "--families", "clips16.color", "--count", 16, "--json"))["families"]
    assert row["players"]["expert"]["accuracy"] == 1 and row["players"]["expert"]["calls"] == 2
    assert row["blind"] < 0.6 and row["chance"] == pytest.approx(1 / 6)
    told = run("gym", "play", "--families", "listening", "--count", 2, "--policy", "heuristic")
    assert "1.00 ± 0.00" in told and "heuristic" in told


def test_a_task_is_watched_as_a_page_and_as_a_picture(tmp_path: Path) -> None:
    from PIL import Image

    run("gym", "watch", "two_hops", "--out", tmp_path / "run.html")
    page = (tmp_path / "run.html").read_text()
    assert make_environment("two_hops", 0).task.question in page and "data:image/jpeg" in page
    run("gym", "watch", "cropping", "--out", tmp_path / "sheet.png")
    image = Image.open(tmp_path / "sheet.png")
    assert image.width > 1000 and (230, 60, 20) in {color for _, color in image.getcolors(1 << 20) or ()}
    assert "name a page" in run("gym", "watch", "cropping", "--out", tmp_path / "sheet.txt", code=2)
