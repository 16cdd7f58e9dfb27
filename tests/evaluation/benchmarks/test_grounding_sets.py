"""Readers of the sets that ask when and where, on rows in the form in which they are released."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from rewatch.evaluation.benchmarks import BENCHMARKS
from rewatch.evaluation.benchmarks.got10k import within
from rewatch.evaluation.measures import MEASURES
from rewatch.memory import Box, Span
from rewatch.training.data.task import Task, TaskError
from rewatch.training.data.task_files import TaskFileError

from ..judged_items import item

NAMES = ("charades_sta", "activitynet_captions", "next_gqa", "qvhighlights", "rextime", "got10k", "v_star")


def read(name: str, path: Path) -> tuple[list[Task], list[str]]:
    found = list(BENCHMARKS[name].read(path))
    return [one for one in found if isinstance(one, Task)], [str(one) for one in found if isinstance(one, TaskError)]


def lines(path: Path, rows: list[Any]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


@pytest.mark.parametrize("name", NAMES)
def test_their_measures_are_there_and_their_definitions_are_cited(name: str):
    benchmark = BENCHMARKS[name]
    assert benchmark.name == name and benchmark.files and "arXiv" in benchmark.paper
    assert all(measure in MEASURES for measure in benchmark.measures)


@pytest.mark.parametrize("name", NAMES)
def test_a_path_that_holds_nothing_is_refused_in_a_line(name: str, tmp_path: Path):
    with pytest.raises(TaskFileError) as refused:
        list(BENCHMARKS[name].read(tmp_path / "none.json"))
    assert "none.json" in str(refused.value) and "\n" not in str(refused.value)


def test_charades_sta_lines(tmp_path: Path):
    file = tmp_path / "charades_sta_test.txt"
    file.write_text("3MSZA 24.3 30.4##person turn a light on.\n\nAO8RW 9 3##person is putting a book.\nno line\n")
    tasks, problems = read("charades_sta", file)
    assert [task.question for task in tasks] == ["When does this happen: person turn a light on?"]
    assert (tasks[0].videos, tasks[0].truth.spans, tasks[0].kind) == (("3MSZA.mp4",), (Span(24.3, 30.4),), "temporal")
    assert [problem.partition(" is ")[0].removeprefix(f"{file}, ") for problem in problems] == [
        "line 3: timestamp:",
        "line 4: line:",
    ]


def test_charades_sta_rows_on_one_line_have_ids_of_their_own(tmp_path: Path):
    row = {"video": "AO8RW.mp4", "caption": "a person sits.", "timestamp": [1.0, 2.0]}
    (tmp_path / "test.json").write_text(json.dumps([row, row]))
    tasks, problems = read("charades_sta", tmp_path / "test.json")
    assert len({task.id for task in tasks}) == 2 and not problems
    assert tasks[0].videos == ("AO8RW.mp4",)


def test_activitynet_captions(tmp_path: Path):
    file = tmp_path / "val_1.json"
    about = {
        "duration": 82.7,
        "timestamps": [[0.8, 19.9], [17.4, 60.8], [9, 9]],
        "sentences": ["One.", "Two.", "Three."],
    }
    file.write_text(
        json.dumps({"v_uqiMw7tQ1Cc": about, "v_broken": {"duration": 1, "timestamps": [], "sentences": ["a"]}})
    )
    tasks, problems = read("activitynet_captions", file)
    assert [task.id for task in tasks] == [
        "activitynet_captions-v_uqiMw7tQ1Cc-0",
        "activitynet_captions-v_uqiMw7tQ1Cc-1",
    ]
    assert tasks[1].truth.spans == (Span(17.4, 60.8),) and tasks[1].meta["duration"] == 82.7
    assert len(problems) == 2 and "sentence 2" in problems[0] and "v_broken" in problems[1]
    file.write_text("[]")
    with pytest.raises(TaskFileError, match="object of videos"):
        read("activitynet_captions", file)


def next_gqa(folder: Path) -> Path:
    (folder / "val.csv").write_text(
        "video_id,frame_count,width,height,question,answer,qid,type,a0,a1,a2,a3,a4\n"
        '11,100,64,48,why did he stop,"tired, or so",3,CW,happy,"tired, or so",hungry,cold,b\n'
        "11,100,64,48,what came next,b,4,TN,happy,tired,hungry,cold,b\n"
        "11,100,64,48,what came last,cold,5,TN,happy,tired,hungry,cold,b\n"
    )
    times = {"11": {"duration": 34, "location": {"3": [[1.2, 5.8], [20, 23.5]], "4": [[7, 9]]}, "fps": 29.97}}
    (folder / "gsub_val.json").write_text(json.dumps(times))
    (folder / "map_vid_vidorID.json").write_text(json.dumps({"11": "0016/11"}))
    return folder


def test_next_gqa(tmp_path: Path):
    tasks, problems = read("next_gqa", next_gqa(tmp_path))
    assert [(task.truth.answer, task.truth.spans) for task in tasks] == [
        ("B", (Span(1.2, 5.8), Span(20, 23.5))),
        ("E", (Span(7, 9),)),  # the text "b" is the last option, not the letter
    ]
    assert tasks[0].videos == ("0016/11.mp4",)
    assert tasks[0].meta["categories"] == {"type": "CW", "group": "causal"}
    assert len(problems) == 1 and "line 4" in problems[0] and "has no times" in problems[0]
    (tmp_path / "gsub_val.json").unlink()
    with pytest.raises(TaskFileError, match="gsub_val.json"):
        read("next_gqa", tmp_path / "val.csv")


def test_qvhighlights(tmp_path: Path):
    row = {"qid": 8, "query": "A family plays.", "duration": 20, "vid": "bP_660.0_810.0", "relevant_windows": [[0, 4]]}
    scored = {**row, "qid": 9, "relevant_clip_ids": [0, 1], "saliency_scores": [[4, 1, 1], [4, 2, 1]]}
    untold = {name: value for name, value in row.items() if name != "relevant_windows"}
    outside = {**scored, "qid": 10, "relevant_clip_ids": [0, 10]}
    tasks, problems = read("qvhighlights", lines(tmp_path / "val.jsonl", [row, scored, untold, outside]))
    assert [task.meta.get("saliency") for task in tasks] == [
        None,
        {"clips": [0, 1], "scores": [[4, 1, 1], [4, 2, 1]]},
    ]
    assert tasks[0].videos == ("bP_660.0_810.0.mp4",) and "Name all" in tasks[0].question
    assert len(problems) == 2 and "without truth" in problems[0] and "10 clips" in problems[1]


def test_rextime_with_options_and_without(tmp_path: Path):
    plain = {
        "qid": "a1",
        "query": "What then?",
        "duration": 150,
        "vid": "v_1",
        "relevant_windows": [[0, 28]],
        "ans": "A",
    }
    whole = {
        "qid": "a2",
        "question": "What then?",
        "options": ["He left.", "He sat.", "He ran.", "He fell."],
        "answer": "From <s0> to <e0>, <option>",
        "ans": "C",
        "span": [3.0, 7.5],
        "vid": "v_2",
        "duration": 100.5,
        "category": "cause_effect",
    }
    tasks, problems = read("rextime", lines(tmp_path / "val.jsonl", [plain, whole, {**whole, "ans": "F"}]))
    assert [task.kind for task in tasks] == ["temporal", "mcq"]
    assert tasks[0].question.startswith("What then? ")
    assert (tasks[1].truth.answer, tasks[1].truth.spans) == ("C", (Span(3, 7.5),))
    assert tasks[1].meta["categories"] == {"category": "cause_effect"}
    assert len(problems) == 1 and "line 3: ans" in problems[0]


def sequence(folder: Path, *, cover: str = "8\n8\n0\n3\n", resolution: str = "(100, 50)") -> Path:
    folder.mkdir(parents=True)
    (folder / "groundtruth.txt").write_text("10,10,20,20\n12,10,20,20\n14,10,20,20\n-5,40,20,20\n")
    (folder / "cover.label").write_text(cover)
    (folder / "meta_info.ini").write_text(
        f"[METAINFO]\nurl: https://x\nanno_fps: 10Hz\nobject_class: dog\nresolution: {resolution}\n"
    )
    return folder


def test_got10k(tmp_path: Path):
    for name in ("GOT-10k_Val_000001", "GOT-10k_Val_000002", "other"):
        sequence(tmp_path / name)
    (tmp_path / "list.txt").write_text("GOT-10k_Val_000001\nGOT-10k_Val_000002\n")
    sequence(tmp_path / "single" / "one", cover="8\n")
    tasks, problems = read("got10k", tmp_path)
    assert [task.videos for task in tasks] == [("GOT-10k_Val_000001.mp4",), ("GOT-10k_Val_000002.mp4",)]
    assert not problems
    first = tasks[0]
    assert first.question.startswith("The dog is in the box [0.100, 0.200, 0.300, 0.600]")
    # Without the first frame, which is given, and the third, in which it cannot be seen.
    assert [time for time, _ in first.truth.track] == [0.1, 0.3]
    assert first.truth.track[1][1] == Box(0.0, 0.8, 0.2, 1.0)
    assert read("got10k", tmp_path / "single")[1] == [
        f"{tmp_path / 'single' / 'one'}: groundtruth.txt: has 4 boxes for 1 frames, or an empty first one"
    ]


def test_got10k_clips_as_the_toolkit_does():
    assert within((-5, 40, 20, 20), 100, 50) == Box(0.0, 0.8, 0.2, 1.0)
    assert within((90, 0, 20, 20), 100, 50) == Box(0.9, 0.0, 1.0, 0.4)
    assert within((120, 0, 20, 20), 100, 50).area == 0


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("groundtruth.txt", ""),
        ("groundtruth.txt", "1,2,3\n" * 4),
        ("groundtruth.txt", "nan,nan,nan,nan\n" * 4),
        ("groundtruth.txt", "10,10,0,20\n" * 4),
        ("groundtruth.txt", "10,10,20,20\n" * 3 + "a,b,c,d\n"),
        ("cover.label", "x\n" * 4),
        ("cover.label", None),
        ("meta_info.ini", None),
    ],
)
def test_got10k_tells_of_what_is_broken_in_a_sequence(tmp_path: Path, file: str, text: str | None):
    folder = sequence(tmp_path / "one")
    if text is None:
        (folder / file).unlink()
    else:
        (folder / file).write_text(text)
    tasks, problems = read("got10k", tmp_path)
    assert not tasks and len(problems) == 1 and str(folder) in problems[0]


@pytest.mark.parametrize(("stated", "step"), [("10Hz", 0.1), ("5", 0.2), ("0Hz", 0.1), ("1.5.2", 1 / 1.5), ("", 0.1)])
def test_got10k_takes_the_rate_of_the_annotation(tmp_path: Path, stated: str, step: float):
    info = sequence(tmp_path / "one") / "meta_info.ini"
    info.write_text(info.read_text().replace("10Hz", stated))
    assert read("got10k", tmp_path)[0][0].truth.track[0][0] == pytest.approx(step)


@pytest.mark.parametrize("resolution", ["", "(0, 5)", "100x50", "__import__('os')"])
def test_got10k_needs_the_size_of_the_pictures(tmp_path: Path, resolution: str):
    _, problems = read("got10k", sequence(tmp_path / "one", resolution=resolution))
    assert len(problems) == 1 and "resolution" in problems[0]


def test_v_star_asks_five_questions_a_row(tmp_path: Path):
    box = {"timestamp": 3, "frame_index": 75, "xmin": 10, "ymin": 5, "xmax": 60, "ymax": 55}
    row = {
        "vid": "v7",
        "domain": "Sports",
        "fps": 25.0,
        "width": 100,
        "height": 50,
        "frame_count": 2500,
        "question": "What is thrown?",
        "chain": "<think>…<think>",
        "object": "ball",
        "answer": "a ball",
        "temporal_question": "When is it thrown?",
        "timestamps": [2.4, 4.9],
        "spatial_question": "Where is the ball?",
        "spatial_question_2": "Where is what is thrown?",
        "bboxes": [{**box, "timestamp": 4}, box],
    }
    broken = {**row, "bboxes": [{**box, "xmax": 10}]}
    file = tmp_path / "V_STaR_test.json"
    file.write_text(json.dumps([row, broken, 7]))
    tasks, problems = read("v_star", file)
    assert [task.id.removeprefix("v_star-1-") for task in tasks] == ["what", "when", "where", "where-2", "when-2"]
    assert [task.kind for task in tasks] == ["open", "temporal", "track", "track", "temporal"]
    assert {task.truth.track for task in tasks} == {((3.0, Box(0.1, 0.1, 0.6, 1.0)), (4.0, Box(0.1, 0.1, 0.6, 1.0)))}
    assert "from 3 s to 4 s" in tasks[2].question and "from" not in tasks[3].question
    assert "[0.1, 0.1, 0.6, 1.0]" in tasks[4].question
    assert tasks[0].meta["categories"] == {"length": "medium", "domain": "Sports"}
    assert len(problems) == 2 and "truth.track[0]" in problems[0]


ODD = (
    None,
    7,
    -1.5,
    float("nan"),
    1e400,
    True,
    "",
    "x",
    "3",
    [],
    [1],
    [[1]],
    [[2, 1]],
    ["a", None],
    {},
    {"a": 1},
    [{}],
    "é" * 999,
)
V_STAR = {
    "vid": "v7",
    "domain": "Sports",
    "fps": 25.0,
    "width": 100,
    "height": 50,
    "frame_count": 2500,
    "question": "What is thrown?",
    "answer": "a ball",
    "temporal_question": "When is it thrown?",
    "timestamps": [2.4, 4.9],
    "spatial_question": "Where is the ball?",
    "spatial_question_2": "Where is what is thrown?",
    "bboxes": [{"timestamp": 3, "xmin": 10, "ymin": 5, "xmax": 60, "ymax": 55}],
}
GOOD = {
    "charades_sta": {"video": "a", "caption": "a person sits.", "timestamp": [1.0, 2.0]},
    "qvhighlights": {
        "qid": 1,
        "query": "q",
        "duration": 20,
        "vid": "v",
        "relevant_windows": [[0, 4]],
        "relevant_clip_ids": [0, 1],
        "saliency_scores": [[4, 1, 1], [4, 2, 1]],
    },
    "rextime": {
        "qid": 1,
        "question": "q?",
        "options": ["a", "b"],
        "ans": "A",
        "span": [1, 2],
        "vid": "v",
        "duration": 9,
    },
    "v_star": V_STAR,
}


@pytest.mark.parametrize("name", GOOD)
def test_odd_values_are_told_of_and_never_break_a_reader(name: str, tmp_path: Path):
    row = GOOD[name]
    rows: list[Any] = [row, *ODD]
    rows += [{**row, field: odd} for field in row for odd in ODD]
    rows += [{key: value for key, value in row.items() if key != field} for field in row]
    if name == "v_star":
        rows += [{**row, "bboxes": [{**row["bboxes"][0], field: odd}]} for field in row["bboxes"][0] for odd in ODD]
    if name == "qvhighlights":
        rows += [{**row, "saliency_scores": [[odd, 1, 1], [4, 2, 1]]} for odd in ODD]
        rows += [{**row, "relevant_clip_ids": [odd, 1]} for odd in ODD]
    tasks, problems = read(name, lines(tmp_path / "rows.jsonl", rows))
    per_row = 5 if name == "v_star" else 1
    assert len(tasks) / per_row + len(problems) == len(rows)
    assert tasks and problems
    judged = [item(task, text="A") for task in tasks]
    for measure in BENCHMARKS[name].measures:
        assert all(0 <= figure.value <= 1 for figure in MEASURES[measure](judged).values())


@pytest.mark.parametrize("odd", ODD)
def test_odd_documents_are_told_of(odd: Any, tmp_path: Path):
    good = {"duration": 9, "timestamps": [[1, 2]], "sentences": ["One."]}
    file = tmp_path / "val_1.json"
    whole = {
        "v": odd,
        **{field: {**good, field: odd} for field in good},
        "w": {**good, "timestamps": [odd], "sentences": [odd]},
    }
    file.write_text(json.dumps(whole))
    tasks, problems = read("activitynet_captions", file)
    assert problems or tasks
    next_gqa(tmp_path)
    times = {"11": {"duration": odd, "location": {"3": odd, "4": odd, "5": odd}}}
    for name, value in (
        ("gsub_val.json", odd),
        ("gsub_val.json", {"11": odd}),
        ("gsub_val.json", times),
        ("map_vid_vidorID.json", odd),
    ):
        (tmp_path / name).write_text(json.dumps(value))
        try:
            tasks, problems = read("next_gqa", tmp_path)
        except TaskFileError:
            continue
        assert len(tasks) + len(problems) == 3
