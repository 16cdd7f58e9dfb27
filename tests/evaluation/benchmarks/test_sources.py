"""Sets by the text that names them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from rewatch.evaluation.benchmarks import BENCHMARKS
from rewatch.evaluation.benchmarks.sources import open_set
from rewatch.evaluation.measures import MEASURES
from rewatch.memory import RewatchError

ROW = {"video": "a.mp4", "question": "How many?", "answer": 3}


def test_the_gym_by_family_seed_and_count(tmp_path: Path):
    made = open_set("gym", limit=12, seed=5)
    assert made.name == "gym" and len(made.tasks) == 12 and made.tasks == open_set("gym", limit=12, seed=5).tasks
    assert made.tasks != open_set("gym", limit=12, seed=6).tasks
    two = open_set("gym:listening,reading", limit=2)
    assert [task.meta["gym"]["family"] for task in two.tasks] == ["listening", "reading"]
    assert len(open_set("gym:reading").tasks) == 8
    assert two.memory is not None
    memory = two.memory(tmp_path)
    assert {video.name for video in memory.videos()} == {task.videos[0] for task in two.tasks}


def test_a_file_with_its_problems_and_a_limit(tmp_path: Path):
    path = tmp_path / "mine.jsonl"
    path.write_text("\n".join(json.dumps({**ROW, "id": n}) for n in (1, 2, 2, 3)) + "\n{")
    made = open_set(str(path))
    assert made.name == "mine" and [task.id for task in made.tasks] == ["1", "2", "3"] and made.memory is None
    assert "id: '2' is that of an earlier task too" in made.problems[0] and "line 5: is not JSON" in made.problems[1]
    assert [task.id for task in open_set(str(path), limit=2).tasks] == ["1", "2"]


def test_a_benchmark_by_name_and_path(tmp_path: Path):
    path = tmp_path / "x.json"
    row = {"qa_idx": 0, "qa_type": "qa", "qa_level": "frame", "qa_task": "speed", "question": "Is it?", "answer": "No"}
    path.write_text(json.dumps([row]))
    for name in ("hlv_1k", "HLV-1K"):
        made = open_set(f"{name}:{path}")
        assert made.name == "hlv_1k" and made.tasks[0].truth.answer == "B"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("gyn", "There is no set 'gyn'.*Did you mean gym"),
        ("lvbenc:x.jsonl", "Did you mean lvbench"),
        ("lvbench", "lvbench is asked of its files: give lvbench:PATH, where PATH is video_info.meta.jsonl"),
        ("lvbench:/no/such/file", "There is no /no/such/file; give the file or folder as it was released"),
        ("/no/such/file.jsonl", "There is no /no/such/file.jsonl"),
        ("gym:readin", "There is no task family 'readin'.*Did you mean reading"),
    ],
)
def test_what_is_no_set_is_said_in_a_line(text: str, message: str):
    with pytest.raises(RewatchError, match=message):
        open_set(text)


def test_a_set_without_a_task_tells_its_first_problem(tmp_path: Path):
    path = tmp_path / "bad.jsonl"
    path.write_text("{}\n{}")
    with pytest.raises(RewatchError, match="holds no task.*first of 2 problems: .*line 1: question: is missing"):
        open_set(str(path))


def test_every_benchmark_names_measures_that_there_are_and_where_it_is_described():
    for name, benchmark in BENCHMARKS.items():
        assert benchmark.name == name and benchmark.files and benchmark.paper
        assert all(measure in MEASURES for measure in benchmark.measures)
