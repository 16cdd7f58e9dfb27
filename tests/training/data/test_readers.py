"""Released training sets: small samples written by hand in the shape of each, and broken rows by their line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from rewatch.memory import CapabilityError, Span
from rewatch.training.data.readers import READERS, Released, read_released
from rewatch.training.data.readers.fields import choice, options_of, split_question
from rewatch.training.data.task import TaskError
from rewatch.training.data.task_files import TaskFileError, read_tasks, write_tasks
from rewatch.training.rewards import load_preset


def write(folder: Path, rows: list[Any], name: str = "data.json") -> Path:
    path = folder / name
    path.write_text(json.dumps(rows, indent=2, ensure_ascii=False))
    return path


def read(folder: Path, name: str, *rows: Any, file: str = "data.json") -> Released:
    return read_released(name, write(folder, list(rows), file))


ROCKET = {
    "problem_id": 2,
    "problem": "What is written on the screen?",
    "data_type": "video",
    "problem_type": "multiple choice",
    "options": ["A. A notice", "B. A command", "C. A warning", "D. The weather"],
    "solution": "<answer>A</answer>",
    "path": "./LLaVA-Video-178K/a/ytb_7.mp4",
    "data_source": "LLaVA-Video-178K/30_60_s",
}


@pytest.mark.parametrize("name", ["video_r1", "videorft"])
def test_video_r1_and_videorft(tmp_path: Path, name: str):
    rows = [
        ROCKET,
        {**ROCKET, "problem_id": 3, "options": ["A) one", "B) two"], "solution": "<answer>B</answer>"},
        {**ROCKET, "problem_id": 4, "problem_type": "numerical", "options": [], "solution": "<answer>3.5</answer>"},
        {**ROCKET, "problem_id": 5, "problem_type": "regression", "options": [], "solution": "<answer>12</answer>"},
        {**ROCKET, "problem_id": 6, "problem_type": "OCR", "options": [], "solution": "<answer>EXIT</answer>"},
        {**ROCKET, "problem_id": 7, "problem_type": "free-form", "options": [], "solution": "<answer>A cup</answer>"},
        {**ROCKET, "problem_id": 8, "process": "<think>I see.</think>"},
        {**ROCKET, "problem_id": 9, "data_type": "image"},
    ]
    read_rows = read(tmp_path, name, *rows)
    assert [task.kind for task in read_rows.tasks] == ["mcq", "mcq", "numeric", "numeric", "ocr", "open", "mcq"]
    first, second = read_rows.tasks[:2]
    assert first.options == ("A notice", "A command", "A warning", "The weather") and first.truth.answer == "A"
    assert first.videos == ("LLaVA-Video-178K/a/ytb_7.mp4",) and first.source == f"{name}/LLaVA-Video-178K/30_60_s"
    assert second.options == ("one", "two") and second.truth.answer == "B"
    assert read_rows.tasks[3].meta["problem_type"] == "regression"
    assert read_rows.tasks[6].meta["process"] == "<think>I see.</think>"
    assert read_rows.skipped == {"image": 1} and read_rows.problems == ()
    assert read_rows.summary == "7 tasks, 0 broken rows, 1 skipped (image)"


def test_longvideo_reason(tmp_path: Path):
    row = {
        "problem_id": 0,
        "problem": "What happens next?\nA. He leaves.\nB. He stays.\n\nC. He falls.",
        "data_type": "video",
        "problem_type": "temporal",
        "reasoning": "First …",
        "videos": "clip.mp4",
        "answer": "<answer>B</answer>",
    }
    none = {**row, "problem_id": 1, "problem": "Who is the man?\n\n"}
    half = {**row, "problem_id": 2, "problem": "What was it?\nC. But the user wants a question.", "answer": "C"}
    gap = {**row, "problem_id": 3, "problem": "What was it?\nA. one\nC. three"}
    found = read(tmp_path, "longvideo-reason", row, none, half, gap)
    (task,) = found.tasks
    assert task.question == "What happens next?" and task.options == ("He leaves.", "He stays.", "He falls.")
    assert task.truth.answer == "B" and task.meta["process"] == "First …"
    assert len(found.problems) == 3 and all("problem: lists" in problem for problem in found.problems)


TVG = {
    "video": "./dataset/timer1/videos/Qt.mp4",
    "duration": 93.2932,
    "timestamp": [1.0, 4.0],
    "sentence": "A hanger shows how to hang a sweater.",
    "qid": "my|cosmo|Qt|A hanger",
    "video_start": None,
    "video_end": None,
    "difficulty": 40.0,
    "pred": [0.0, 3.0],
}


def test_time_r1(tmp_path: Path):
    later = {**TVG, "qid": "2", "video_start": 120.6, "video_end": 131.4, "duration": 10.8}
    cut = {**TVG, "qid": "3", "video": "4juj_00:00:39:000_00:01:24:700.mp4", "video_start": 39.0, "video_end": 84.7}
    behind = {**TVG, "qid": "4", "timestamp": [95.0, 99.0]}
    turned = {**TVG, "qid": "5", "timestamp": [4.0, 1.0]}
    found = read(tmp_path, "time-r1", TVG, later, cut, behind, turned)
    first, second, third = found.tasks
    assert first.truth.spans == (Span(1, 4),) and first.difficulty == 0.6 and first.meta["duration"] == 93.2932
    assert first.question == "When does this happen: A hanger shows how to hang a sweater?"
    assert second.truth.spans[0].start == pytest.approx(121.6) and "duration" not in second.meta
    assert third.truth.spans == (Span(1, 4),)
    assert ["behind the end" in found.problems[0], "timestamp: is '[4.0, 1.0]'" in found.problems[1]] == [True, True]


def test_mtvr_for_rl(tmp_path: Path):
    def row(source: str, text: str, solution: Any, **more: Any) -> dict[str, Any]:
        return {"video": "v.mp4", "duration": 60.0, "text": text, "solution": solution, "data_source": source, **more}

    rows = [
        row("charades_cutreward", "Find when the door opens.", [3.0, 7.5]),
        row("vidchapter_cutreward", "Find the chapter 'Intro'.", "[0, 12.5]"),
        row("nextgqa_cutreward", "Why?\nA. one\nB. two", "From 3.0 to 7.5 seconds, B"),
        row("rextime_cutreward", "What follows?", "From 3.0 to 7.5 seconds. He sits down."),
        row("video_r1/multiple_choice", "Which?\n(A) one\n(B) two", "B"),
        row("video_r1/numerical", "How many?", "4"),
        row("video_r1/OCR", "Read it.", "EXIT"),
        {"image": "a.png", "text": "?", "solution": "A", "data_source": "video_r1/multiple_choice"},
        row("charades_cutreward", "Find it.", [7.5, 3.0]),
        row("something", "Find it.", [3, 4]),
    ]
    found = read(tmp_path, "mtvr", *rows, file="mixed.json")
    kinds = ["temporal", "temporal", "grounded_qa", "grounded_qa", "mcq", "numeric", "ocr"]
    assert [task.kind for task in found.tasks] == kinds
    assert found.tasks[0].truth.spans == (Span(3, 7.5),) and found.tasks[1].truth.spans == (Span(0, 12.5),)
    assert found.tasks[2].truth.answer == "B" and found.tasks[2].truth.spans == (Span(3, 7.5),)
    assert found.tasks[3].truth.answer == "He sits down." and found.tasks[3].options == ()
    assert found.tasks[4].truth.answer == "B" and found.tasks[4].question == "Which?"
    assert found.skipped == {"image": 1} and len(found.problems) == 2
    assert "solution: is '[7.5, 3.0]'" in found.problems[0] and "data_source: is 'something'" in found.problems[1]
    assert load_preset("vital")  # its scales go by these sources
    assert "vidchapter" in found.tasks[1].source


def test_mtvr_with_thoughts_and_tools(tmp_path: Path):
    rows = [
        {
            "video": "v.mp4",
            "duration": 600.0,
            "text": "What does she take?\nA. a cup\nB. a pan",
            "solution": ["<think>Look.</think><tool_call>{}</tool_call>", "<think>A pan.</think><answer>B</answer>"],
            "tool_params": "(30.0, 42.5)",
        },
        {"video": "w.mp4", "duration": 9.0, "text": "A\nA. x\nB. y", "solution": "<think>x</think><answer>A</answer>"},
    ]
    found = read(tmp_path, "mtvr", *rows, file="longvideo-reason.json")
    first, second = found.tasks
    assert first.truth.answer == "B" and first.meta["tool_params"] == "(30.0, 42.5)" and len(first.meta["process"]) == 2
    assert first.source == second.source == "mtvr/longvideo-reason" and first.id != second.id


def test_ego_cott(tmp_path: Path):
    trace = {
        "ID": 12,
        "question": "Who took the cup? <timestamp>DAY2_14030510</timestamp>\nA. Alice\nB. Jake\nC. Tasha\nD. Lucia",
        "cot": [
            {"step": 1, "thought": "…", "tool": {"id": "1", "name": "rag", "arguments": "{}"}, "observation": "…"},
            {"step": 2, "thought": "…", "answer": "B"},
        ],
        "ground_truth": "B",
        "reasoning_span": {"query_time": "DAY2_14030510", "target_time": "DAY1_11000000"},
    }
    rl = {
        "question": "## INSTRUCTIONS\nA. Never do this\nB. Nor this\n" + trace["question"],
        "prompt": [{"role": "user", "content": trace["question"]}],
        "golden_answer": ["C"],
        "reward_model": {"ground_truth": {"target": "C"}, "style": "rule"},
        "extra_info": {"index": 3, "split": "train"},
    }
    turn = {"instruction": "…", "input": "", "output": "…", "history": [], "system": "…"}
    lost = {**trace, "ID": 13, "ground_truth": ""}
    found = read(tmp_path, "ego-cott", trace, rl, turn, lost)
    first, second = found.tasks
    assert first.question == "Who took the cup?" and first.options == ("Alice", "Jake", "Tasha", "Lucia")
    assert first.truth.answer == "B" and first.now == "DAY2_14030510"
    assert first.meta["target_time"] == "DAY1_11000000" and len(first.meta["cot"]) == 2
    assert second.truth.answer == "C" and second.question == "Who took the cup?" and second.now == first.now
    assert found.skipped == {"turn of a trace": 1} and "ground_truth: is missing" in found.problems[0]


def test_broken_rows_are_counted_and_named_by_line(tmp_path: Path):
    rows = [
        ROCKET,
        "no object",
        {k: v for k, v in ROCKET.items() if k != "solution"},
        {**ROCKET, "problem_id": 3, "solution": "<answer>E</answer>"},
        {**ROCKET, "problem_id": 4, "options": ["B. x", "A. y"]},
        {**ROCKET, "problem_id": 5, "problem_type": "riddle"},
        {**ROCKET, "problem_id": 6, "problem": "  "},
        ROCKET,
    ]
    path = write(tmp_path, rows)
    lines = path.read_text().split("\n")
    found = read_released("video_r1", path)
    assert len(found.tasks) == 1 and len(found.problems) == 7  # nothing stands in for the broken ones
    told = [
        "row: is a str",
        "solution: is missing",
        "solution: is 'E'",
        "options: do not",
        "problem_type",
        "problem: is",
    ]
    for problem, words in zip(found.problems, [*told, "id: 'video_r1-2' is that of line 2"], strict=True):
        where, rest = problem.removeprefix(f"{path}, line ").split(": ", 1)
        assert rest.startswith(words), problem
        assert lines[int(where) - 1].strip()[0] in '{"'  # the line where the row begins
    behind = lines.index('  "no object",') + 2
    assert found.problems[1].startswith(f"{path}, line {behind}: ")


def test_json_lines_and_files_that_are_cut_off(tmp_path: Path):
    lines = tmp_path / "data.jsonl"
    lines.write_text("\n".join([json.dumps(ROCKET), "", "{", json.dumps({**ROCKET, "problem_id": 9})]))
    found = read_released("video_r1", lines)
    assert len(found.tasks) == 2 and found.problems[0].startswith(f"{lines}, line 3: row: is not JSON")
    cut = tmp_path / "cut.json"
    cut.write_text(json.dumps([ROCKET, {**ROCKET, "problem_id": 3}], indent=1)[:-40])
    found = read_released("video_r1", cut)
    assert len(found.tasks) == 1 and "row: is not JSON" in found.problems[0]


def test_parquet(tmp_path: Path):
    pyarrow = pytest.importorskip("pyarrow", reason="pyarrow comes with datasets")
    import pyarrow.parquet as parquet

    path = tmp_path / "data.parquet"
    rows = [ROCKET, {**ROCKET, "problem_id": 3, "solution": "<answer>Z</answer>"}]
    parquet.write_table(pyarrow.Table.from_pylist(rows), path)
    found = read_released("video_r1", path)
    assert len(found.tasks) == 1 and found.problems[0].startswith(f"{path}, row 1: solution")
    (tmp_path / "bad.parquet").write_bytes(b"PAR1 but not really")
    with pytest.raises(TaskFileError, match="Parquet"):
        read_released("video_r1", tmp_path / "bad.parquet")


def test_root_and_most(tmp_path: Path):
    path = write(tmp_path, [{**ROCKET, "problem_id": k} for k in range(5)])
    found = read_released("video_r1", path, root="/data", most=2)
    assert len(found.tasks) == 2 and found.tasks[0].videos == ("/data/LLaVA-Video-178K/a/ytb_7.mp4",)


def test_what_was_read_can_be_written(tmp_path: Path):
    tasks = read(tmp_path, "time_r1", TVG).tasks + read(tmp_path, "video_r1", ROCKET).tasks
    write_tasks(tmp_path / "tasks.jsonl", tasks)
    assert tuple(read_tasks(tmp_path / "tasks.jsonl")) == tasks


def test_mistakes_of_people(tmp_path: Path):
    with pytest.raises(CapabilityError, match="video_r1"):
        read_released("imagenet", tmp_path)
    with pytest.raises(TaskFileError, match="cannot be read"):
        read_released("video_r1", tmp_path / "none.json")
    assert set(READERS) == {"mtvr", "video_r1", "longvideo_reason", "time_r1", "ego_cott", "videorft"}


def test_options_and_choices():
    assert split_question("Which?\nA. a\nB. b\nAnswer with the letter.", "q") == (
        "Which?\nAnswer with the letter.",
        ("a", "b"),
    )
    assert split_question("Is A. Smith here?", "q") == ("Is A. Smith here?", ())
    assert options_of(["yes", "no"]) == ("yes", "no")
    options = ("a red cup", "a blue cup", "both")
    assert (
        choice("B", options, "x")
        == choice("(B) a blue cup", options, "x")
        == choice("A blue cup.", options, "x")
        == "B"
    )
    assert choice("C, A", options, "x") == "A,C"
    for wrong in ("D", "a green cup", ""):
        with pytest.raises(TaskError, match="x: is"):
            choice(wrong, options, "x")
