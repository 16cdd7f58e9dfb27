"""Tasks in files and datasets: everything comes back, and mistakes are named by line and field."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rewatch.memory import Box, Span
from rewatch.training.data.task import Task, Truth
from rewatch.training.data.task_files import (
    TaskFileError,
    as_row,
    from_dataset,
    from_row,
    read_tasks,
    to_dataset,
    validate,
    write_tasks,
)

BOX = Box(0.1, 0.1, 0.2, 0.2)
TASKS = [
    Task(id="m", question="Which?", kind="mcq", truth=Truth(answer="B"), options=("x", "y"), videos=("a.mp4", "b.mp4")),
    Task(
        id="t",
        question="When?\n«now»",
        kind="temporal",
        truth=Truth(spans=(Span(1.5, 2.25), Span(9, 12)), video="a.mp4"),
        now=20.0,
        weight=0.5,
        source="gym",
        difficulty=0.25,
        meta={"seed": 7, "needs": ["view"], "none": None},
    ),
    Task(id="s", question="Where?", kind="track", truth=Truth(track=((1.0, BOX), (2.5, BOX)), boxes=(BOX,))),
    Task(id="n", question="How many?", kind="count", truth=Truth(answer="3", tolerance=0.5, words=("cup", "table"))),
    Task(id="x", question="Is it there?", kind="open", truth=Truth(absent=True)),
]
GOOD = {"id": "1", "question": "What?", "kind": "open", "truth": {"answer": "a cup"}}


def write(path: Path, *lines: Any) -> Path:
    file = path / "tasks.jsonl"
    file.write_text("\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines))
    return file


def test_files_give_back_what_was_written(tmp_path: Path):
    path = tmp_path / "new" / "tasks.jsonl"
    assert write_tasks(path, TASKS) == len(TASKS)
    assert read_tasks(path) == TASKS and validate(path) == []
    assert json.loads(path.read_text().splitlines()[0])["schema"] == 1


def test_datasets_give_back_what_was_put_in():
    dataset = to_dataset(TASKS)
    assert len(dataset) == len(TASKS) and dataset[1]["truth"]["spans"] == [[1.5, 2.25], [9.0, 12.0]]
    assert from_dataset(dataset) == TASKS
    assert from_dataset(dataset.shuffle(seed=1).select(range(2)))
    assert from_dataset(to_dataset([])) == []


def test_what_has_a_default_may_be_left_out(tmp_path: Path):
    (task,) = read_tasks(write(tmp_path, "", GOOD, "  "))
    assert task == Task(id="1", question="What?", kind="open", truth=Truth(answer="a cup"))


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("{", "line 2: line: is not JSON"),
        ("[]", "line 2: line: is a list, write one JSON object a line"),
        ({**GOOD, "schema": 2}, "line 2: schema: is 2"),
        ({**GOOD, "colour": "red"}, "line 2: colour: is not known, write one of id, question"),
        ({k: v for k, v in GOOD.items() if k != "kind"}, "line 2: kind: is missing"),
        ({k: v for k, v in GOOD.items() if k != "truth"}, "line 2: truth: is missing, write an object"),
        ({**GOOD, "id": 7}, "line 2: id: is a number, write a text"),
        ({**GOOD, "truth": {"answer": 3}}, "line 2: truth.answer: is a number, write a text"),
        ({**GOOD, "truth": {"answer": "x", "span": []}}, "line 2: truth.span: is not known"),
        ({**GOOD, "truth": {"answer": "x", "spans": [[3, 2]]}}, "line 2: truth.spans[0]: is [3, 2], write finite"),
        ({**GOOD, "truth": {"answer": "x", "spans": [[1, 2], [3]]}}, "line 2: truth.spans[1]: is [3]"),
        ({**GOOD, "truth": {"answer": "x", "spans": 3}}, "line 2: truth.spans: is a number, write a list"),
        ({**GOOD, "truth": {"answer": "x", "boxes": [[1, 2, 3]]}}, "line 2: truth.boxes[0]"),
        ({**GOOD, "truth": {"answer": "x", "track": [[1]]}}, "line 2: truth.track[0]"),
        ({**GOOD, "options": "A"}, "line 2: options: is a text, write a list of texts"),
        ({**GOOD, "weight": "much"}, "line 2: weight: is a text, write a number"),
        ({**GOOD, "weight": True}, "line 2: weight: is true or false"),
        ({**GOOD, "kind": "mcq"}, "line 2: options: are missing"),
        (GOOD, "line 2: id: '1' is that of line 1 too"),
    ],
)
def test_mistakes_are_named_by_line_and_field(tmp_path: Path, line: Any, told: str):
    path = write(tmp_path, GOOD, line, {**GOOD, "id": "3"})
    (problem,) = validate(path)
    assert problem.startswith(f"{path}, {told}"), problem
    with pytest.raises(TaskFileError, match="line 2"):
        read_tasks(path)


def test_the_first_problem_is_told_and_the_others_counted(tmp_path: Path):
    path = write(tmp_path, "{", "{", GOOD, "{")
    with pytest.raises(TaskFileError, match=r"line 1: .* \(2 more problems\)"):
        read_tasks(path)


def test_files_without_tasks_and_without_text(tmp_path: Path):
    with pytest.raises(TaskFileError, match="no tasks"):
        read_tasks(write(tmp_path, ""))
    with pytest.raises(TaskFileError, match="cannot be read"):
        validate(tmp_path / "none.jsonl")
    (tmp_path / "raw").write_bytes(b"\xff\xfe\x00\x01")
    with pytest.raises(TaskFileError, match="UTF-8"):
        read_tasks(tmp_path / "raw")


def test_videos_are_looked_for_where_a_folder_is_given(tmp_path: Path):
    (tmp_path / "a.mp4").touch()
    path = write(tmp_path, {**GOOD, "videos": ["a.mp4"]}, {**GOOD, "id": "2", "videos": ["b.mp4"]})
    assert validate(path) == []
    (problem,) = validate(path, root=tmp_path)
    assert "line 2: videos: there is no b.mp4" in problem


def test_a_failed_write_leaves_the_old_file(tmp_path: Path):
    path = tmp_path / "tasks.jsonl"
    write_tasks(path, TASKS[:1])
    with pytest.raises(TaskFileError, match="'m'"):
        write_tasks(path, [TASKS[0], TASKS[0]])
    broken = Task(id="b", question="?", kind="open", truth=Truth(answer="x"), meta={"video": Path("x")})
    with pytest.raises(TaskFileError, match="Task b: meta"):
        write_tasks(path, [broken])
    assert read_tasks(path) == TASKS[:1] and list(tmp_path.iterdir()) == [path]


def test_rows_of_a_dataset_are_named():
    with pytest.raises(TaskFileError, match="Row 0 .*kind"):
        from_dataset(to_dataset(TASKS[:1]).map(lambda row: {"kind": "riddle"}))


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from([*as_row(TASKS[0]), "x"]), inner),
    max_leaves=8,
)


@settings(max_examples=200, deadline=None)
@given(
    st.dictionaries(st.sampled_from(list(as_row(TASKS[0]))), JSON),
    st.dictionaries(st.sampled_from(list(as_row(TASKS[0])["truth"])), JSON),
)
def test_any_line_is_a_task_or_a_problem(tmp_path_factory: pytest.TempPathFactory, row: Any, truth: Any):
    path = tmp_path_factory.getbasetemp() / "any.jsonl"
    path.write_text(json.dumps({**GOOD, **row, "truth": truth}) + "\n" + json.dumps({**GOOD, **row}))
    for problem in validate(path):
        assert problem.startswith(f"{path}, line ")


@settings(max_examples=50, deadline=None)
@given(st.sampled_from(TASKS), st.text(min_size=1).filter(str.strip), st.floats(0.01, 9))
def test_rows_give_back_tasks(task: Task, question: str, weight: float):
    changed = replace(task, question=question, weight=weight)
    assert from_row(json.loads(json.dumps(as_row(changed)))) == changed


def test_now_may_be_a_moment_of_the_timeline(tmp_path: Path):
    tasks = [replace(TASKS[0], id=name, now=now) for name, now in (("a", "DAY2 08:30"), ("b", 12.5), ("c", None))]
    write_tasks(tmp_path / "tasks.jsonl", tasks)
    assert read_tasks(tmp_path / "tasks.jsonl") == tasks
    pytest.importorskip("datasets")
    assert from_dataset(to_dataset(tasks)) == tasks
