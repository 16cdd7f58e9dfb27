"""Files of one's own: usual field names in every notation, and what is wrong in a line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.parquet
import pytest
from rewatch.evaluation.benchmarks.plain import plain_task, read_plain
from rewatch.memory import Span
from rewatch.training.data.task import Task, TaskError, Truth
from rewatch.training.data.task_files import TaskFileError, as_row, write_tasks

FRUIT = ["an apple", "a pear", "a plum", "a fig"]


def task(**row: Any) -> Task:
    return plain_task({"question": "What lies there?", **row}, "f.jsonl, line 3", "f")


@pytest.mark.parametrize(
    "row",
    [
        {"options": FRUIT, "answer": "C"},
        {"options": FRUIT, "answer": "(C)"},
        {"options": FRUIT, "answer": "C. a plum"},
        {"options": FRUIT, "answer": "A plum"},
        {"options": FRUIT, "answer_idx": 2},
        {"options": FRUIT, "answer": 2},
        {"options": FRUIT, "answer": 2.0},
        {"options": [f"{letter}. {text}" for letter, text in zip("ABCD", FRUIT, strict=True)], "answer": "C"},
        {"options": [f"({letter}) {text}" for letter, text in zip("ABCD", FRUIT, strict=True)], "answer": "a plum"},
        {"choices": dict(zip("ABCD", FRUIT, strict=True)), "correct_answer": "C"},
        {"candidates": FRUIT, "answer": "a plum"},
        {"candidates": FRUIT, "correct_choice": 2},
        {"candidates": FRUIT, "answer": "a plum", "gt": 0},
        {"options": FRUIT, "gt": 2},
        {"Options": json.dumps(FRUIT), "Answer": "C"},
        {"options": str(FRUIT), "answer": "2"},
        {"options": "A. an apple\nB. a pear\nC. a plum\nD. a fig", "answer": "C"},
        {**dict(zip("ABCD", FRUIT, strict=True)), "answer": "C"},
        {**{f"a{i}": text for i, text in enumerate(FRUIT)}, "answer": "2"},
        {**{f"option {i}": text for i, text in enumerate(FRUIT)}, "answer": 2},
        {**{f"option_{i}": text for i, text in enumerate(FRUIT, 1)}, "answer": 3},
        {**{f"choice_{letter}": text for letter, text in zip("abcd", FRUIT, strict=True)}, "answer": "c"},
        {**{f"answer_{i}": text for i, text in enumerate(FRUIT, 1)}, "correct_answer_label": "C"},
        {"question": "What lies there?\nA. an apple\nB. a pear\nC. a plum\nD. a fig", "answer": "C"},
        {"question": "What lies there?\n(A) an apple\n(B) a pear\n(C) a plum\n(D) a fig", "answer": "C"},
    ],
    ids=str,
)
def test_options_and_the_answer_in_every_notation(row: dict[str, Any]):
    made = task(**row)
    assert (made.kind, made.question, made.options, made.truth.answer) == (
        "mcq",
        "What lies there?",
        tuple(FRUIT),
        "C",
    )
    assert made.meta["chance"] == 0.25


def test_several_right_options_have_no_chance_that_is_known():
    for row in ({"answer": "A,C"}, {"answer": ["A", "C"]}, {"answer_idx": [0, 2]}, {"answer": ["a plum", "an apple"]}):
        made = task(options=FRUIT, **row)
        assert made.truth.answer == "A,C" and "chance" not in made.meta


def test_a_number_that_is_both_a_place_and_an_option_is_refused_where_it_matters():
    numbers = ["1", "2", "3", "4"]
    with pytest.raises(TaskError, match="answer: is 2, a place and an option's text: call a place answer_idx"):
        task(options=numbers, answer=2)
    assert task(options=numbers, answer_idx=2).truth.answer == "C"
    assert task(options=numbers, answer="2").truth.answer == "B"  # a text is an option's text
    assert task(options=["0", "1", "2", "3"], answer=2).truth.answer == "C"
    assert task(options=numbers, answer=4).truth.answer == "D"  # there is no such place


def test_answers_without_options_have_their_kind():
    assert task(answer=6).kind == "numeric" and task(answer=6).truth.answer == "6"
    assert task(answer="6", kind="count").kind == "count"
    assert task(answer="1,200").truth.number == 1200
    assert (task(answer=True).kind, task(answer=True).truth.answer) == ("open", "yes")
    assert task(answer="a red cup").kind == "open"
    assert task(answer="EXIT", question_type="OCR").kind == "open"
    assert task(answer="what was said", kind="asr").kind == "open"
    assert task(answer=None, absent=True).truth.absent
    assert task(answer="B", kind="open", options=FRUIT).kind == "mcq"  # what has options is a choice
    assert task(answer=3, tolerance=1).truth.tolerance == 1


def test_times_of_the_answer():
    assert task(span=[1.5, 4]).kind == "temporal" and task(span=[1.5, 4]).truth.spans == (Span(1.5, 4),)
    assert task(timestamps=[[1, 2], [3, 5]]).truth.spans == (Span(1, 2), Span(3, 5))
    assert task(timestamp="00:12-00:20").truth.spans == (Span(12, 20),)
    assert task(start=3, end=7).truth.spans == (Span(3, 7),)
    assert task(start="3", end="7.5").truth.spans == (Span(3, 7.5),)  # of CSV
    assert task(start="00:03", end="1:05").truth.spans == (Span(3, 65),)
    assert task(spans=[["0:03", "0:05"], ["1:00:00", "1:00:02.5"]]).truth.spans == (Span(3, 5), Span(3600, 3602.5))
    with pytest.raises(TaskError, match="span: is "):
        task(start="soon", end="later")
    assert task(segments=[{"start": 3, "end": 7}]).truth.spans == (Span(3, 7),)
    late = task(kind="temporal", answer="from about 5 s", span=[5, 9], span_tolerance_s=0.5)
    assert late.truth.spans == (Span(5, 9),) and late.truth.tolerance == 0.5 and late.truth.answer is None
    # A span without length is the second around it; a tolerance of times is none of numbers.
    moment = task(answer=2, kind="count", span=[20, 20], span_tolerance_s=0.5)
    assert moment.truth.spans == (Span(19.5, 20.5),) and moment.truth.tolerance == 0
    # Where there is an answer, start and end are those of a clip, and a timestamp may be when it is asked.
    assert task(options=FRUIT, answer="A", start=3, end=7, timestamp=12).truth.spans == ()
    with pytest.raises(TaskError, match="span: is "):
        task(answer="yes", span=[9, 5])


def test_a_sentence_with_a_time_is_asked_when_it_happens():
    made = plain_task({"caption": "a man sits down.", "timestamp": [3, 9.5], "video": "a.mp4"}, "f, line 1", "f")
    assert made.question == "When does this happen: a man sits down?" and made.truth.spans == (Span(3, 9.5),)
    assert made.kind == "temporal"
    with pytest.raises(TaskError, match="question: is missing"):
        plain_task({"caption": "a man sits down.", "video": "a.mp4"}, "f, line 1", "f")


SETS = {  # rows written by hand with the field names that lmms-eval's code reads of each set
    "longvideobench": (
        {"id": "86CxyhFV9MI_0", "video_path": "86CxyhFV9MI.mp4", "question": "What colour is it?", "candidates": FRUIT,
         "correct_choice": 2, "duration": 190.2, "duration_group": 600, "question_category": "S2E"}, "C"),
    "mvbench": ({"video": "v.mp4", "question": "What?", "candidates": FRUIT, "answer": "a plum", "start": 0,
                 "end": 9}, "C"),
    "mlvu": ({"video_name": "1_plotQA/a.mp4", "question": "What?\n(A) an apple\n(B) a pear\n(C) a plum\n(D) a fig",
              "answer": "C", "task_type": "plotQA"}, "C"),
    "perceptiontest": ({"video_name": "video_1", "question": "What?", "question_id": "0", "options": FRUIT,
                        "answer_id": 2, "area": "physics"}, "C"),
    "worldsense": ({"index": 3, "video_path": "a.mp4", "question": "What?", "answer": "C", "task_type": "x",
                    "candidates": [f"{a}. {b}" for a, b in zip("ABCD", FRUIT, strict=True)]}, "C"),
    "falcon": ({"question_id": 1, "question": "What?", "options": FRUIT, "gt_answer": "a plum", "gt_option_idx": 2,
                "gt_time_interval": [[3, 9]], "path": "a.mp4"}, "C"),
    "video_holmes": ({"video ID": "abc", "Question ID": "1", "Question": "What?", "Question Type": "TA", "Answer": "C",
                      "Options": dict(zip("ABCD", FRUIT, strict=True))}, "C"),
    "egotempo": ({"question_id": "q", "clip_id": "c", "question": "What?", "answer": "a plum"}, "a plum"),
    "vsibench": ({"id": 1, "scene_name": "s1", "question": "How many?", "ground_truth": "4", "options": None}, "4"),
}  # fmt: skip


@pytest.mark.parametrize("name", SETS)
def test_rows_of_sets_that_have_no_reader_of_their_own(name: str):
    row, answer = SETS[name]
    made = plain_task(row, "f, line 1", "f")
    assert made.truth.answer == answer and made.options == (tuple(FRUIT) if answer == "C" else ())
    assert made.videos


def test_videos_ids_and_categories():
    made = task(answer="a", id=7, video_id="abc", category="sports", duration="long", level=2, needs="vision")
    assert made.id == "7" and made.videos == ("abc",)
    assert made.meta["categories"] == {"category": "sports", "duration": "long", "level": "2", "needs": "vision"}
    assert task(answer="a", videos=["./a.mp4", "b.mp4"], duration=12.5).videos == ("a.mp4", "b.mp4")
    assert task(answer="a").videos == () and task(answer="a").id == "f-3"
    assert task(answer="a", now=12.5).now == 12.5 and task(answer="a", now="DAY2 08:30").now == "DAY2 08:30"


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"question": None, "answer": "a"}, "question: is missing, name it one of question, query"),
        ({"answer": None}, "truth.answer: is missing"),
        ({"options": FRUIT, "answer": "a kiwi"}, "answer: is 'a kiwi', which is none of the 4 options"),
        ({"options": FRUIT, "answer_idx": 4}, "answer_idx: is 4, the place of an option is wanted, from 0 to 3"),
        ({"options": "none", "answer": "A"}, "options: cannot be read"),
        ({"options": ["one"], "answer": "A"}, "options: are 1, give 2 to 26"),
        ({"answer": "a", "video": {"path": "x"}}, "video: is no path"),
        ({"answer": "a", "now": -1}, "now: is -1"),
    ],
)
def test_what_is_wrong_is_said_with_the_field(row: dict[str, Any], message: str):
    with pytest.raises(TaskError, match="^" + message.replace("(", r"\(").replace(".", r"\.")):
        task(**row)


ROWS = [
    {"id": "1", "video": "a.mp4", "question": "Which?", "options": ["x", "y"], "answer": "y"},
    {"id": "2", "video": "b.mp4", "question": "How many?", "answer": 3},
]


def read(path: Path) -> list[Task | TaskError]:
    return list(read_plain(path))


def test_json_lines_arrays_objects_tables_and_parquet_give_the_same(tmp_path: Path):
    contents = {
        "l.jsonl": "\n".join(json.dumps(row) for row in ROWS),
        "a.json": json.dumps(ROWS),
        "o.json": json.dumps({"version": 1, "questions": ROWS}, indent=1),
        "n.json": json.dumps({row["id"]: {k: v for k, v in row.items() if k != "id"} for row in ROWS}),
        "one.json": json.dumps({"questions": ROWS}),
        "m.json": json.dumps({row["id"]: {k: v for k, v in row.items() if k != "id"} for row in ROWS}, indent=1),
        "t.csv": 'id,video,question,options,answer\n1,a.mp4,Which?,"[""x"", ""y""]",y\n2,b.mp4,How many?,,3\n',
        "t.tsv": "id\tvideo\tquestion\ta0\ta1\tanswer\n1\ta.mp4\tWhich?\tx\ty\t1\n2\tb.mp4\tHow many?\t\t\t3\n",
    }
    for name, text in contents.items():
        (tmp_path / name).write_text(text, encoding="utf-8-sig" if name == "t.csv" else "utf-8")
    pyarrow.parquet.write_table(
        pyarrow.Table.from_pylist([{**row, "answer": str(row["answer"])} for row in ROWS]), tmp_path / "p.parquet"
    )
    for name in (*contents, "p.parquet"):
        tasks = read(tmp_path / name)
        assert [(one.id, one.kind, one.truth.answer, one.videos) for one in tasks] == [  # type: ignore[union-attr]
            ("1", "mcq", "B", ("a.mp4",)),
            ("2", "numeric", "3", ("b.mp4",)),
        ], name


def test_a_file_of_one_row_is_that_row(tmp_path: Path):
    for name, text in {"a.json": json.dumps(ROWS[0]), "b.json": json.dumps(ROWS[:1])}.items():
        (tmp_path / name).write_text(text)
        assert [one.id for one in read(tmp_path / name)] == ["1"]  # type: ignore[union-attr]


def test_tasks_of_ours_are_read_as_they_are(tmp_path: Path):
    made = Task(id="t", question="When?", kind="temporal", truth=Truth(spans=(Span(1, 2),)), now="DAY1 09:00")
    write_tasks(tmp_path / "tasks.jsonl", [made])
    assert read(tmp_path / "tasks.jsonl") == [made]
    (tmp_path / "tasks.jsonl").write_text(json.dumps({**as_row(made), "kind": "odd"}))
    (problem,) = read(tmp_path / "tasks.jsonl")
    assert f"{tmp_path / 'tasks.jsonl'}, line 1: kind: is 'odd'" in str(problem)


def test_a_broken_row_is_told_with_its_line_and_hides_no_other(tmp_path: Path):
    path = tmp_path / "q.jsonl"
    path.write_text("\n".join([json.dumps(ROWS[0]), "{broken", "[1]", json.dumps({"answer": 1}), json.dumps(ROWS[1])]))
    found = read(path)
    assert [one.id for one in found if isinstance(one, Task)] == ["1", "2"]
    problems = [str(one) for one in found if isinstance(one, TaskError)]
    assert [problem.split(": ")[0] for problem in problems] == [f"{path}, line {n}" for n in (2, 3, 4)]
    assert "is not JSON" in problems[0] and "is a list" in problems[1] and "question: is missing" in problems[2]
    with pytest.raises(TaskFileError, match="cannot be read"):
        read(tmp_path / "missing.jsonl")


def test_ids_that_count_anew_in_each_video_are_told_apart(tmp_path: Path):
    path = tmp_path / "q.json"
    rows = [{**ROWS[1], "qid": n, "id": None, "video": video} for video in ("a", "b") for n in (0, 1)]
    path.write_text(json.dumps(rows))
    assert [one.id for one in read(path)] == ["a-0", "a-1", "b-0", "b-1"]  # type: ignore[union-attr]
