"""Public sets: rows written by hand in the shape in which each is released, and broken ones by their place."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.parquet
import pytest
from rewatch.evaluation.benchmarks import BENCHMARKS
from rewatch.evaluation.measures.groups import CHAINS
from rewatch.memory import Span
from rewatch.training.data.task import Task, TaskError
from rewatch.training.data.task_files import TaskFileError


def tasks(name: str, path: Path) -> list[Task]:
    """The tasks of a file without problems."""
    found = list(BENCHMARKS[name].read(path))
    assert not [str(one) for one in found if isinstance(one, TaskError)]
    return [one for one in found if isinstance(one, Task)]


def problems(name: str, path: Path) -> list[str]:
    return [str(one) for one in BENCHMARKS[name].read(path) if isinstance(one, TaskError)]


def written(path: Path, value: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".parquet":
        pyarrow.parquet.write_table(pyarrow.Table.from_pylist(value), path)
    elif path.suffix == ".jsonl":
        path.write_text("\n".join(json.dumps(row) for row in value))
    else:
        path.write_text(json.dumps(value, indent=1))
    return path


MME = {
    "video_id": "001",
    "duration": "short",
    "domain": "Knowledge",
    "sub_category": "Humanity & History",
    "url": "https://www.youtube.com/watch?v=abc-DEF_123",
    "videoID": "abc-DEF_123",
    "question_id": "001-1",
    "task_type": "Counting Problem",
    "question": "How many lamps hang over the table?",
    "options": ["A. Two.", "B. Three.", "C. Four.", "D. Five."],
    "answer": "C",
}


def test_video_mme(tmp_path: Path):
    path = written(tmp_path / "test.parquet", [MME, {**MME, "question_id": "001-2", "answer": "A"}])
    first, second = tasks("video_mme", path)
    assert (first.id, first.videos, first.truth.answer) == ("video_mme-001-1", ("abc-DEF_123.mp4",), "C")
    assert first.options == ("Two.", "Three.", "Four.", "Five.") and second.truth.answer == "A"
    assert first.meta["chance"] == 0.25 and first.meta["categories"] == {
        "duration": "short",
        "domain": "Knowledge",
        "sub_category": "Humanity & History",
        "task_type": "Counting Problem",
    }
    one = {**MME, "answer": "A", "options": MME["options"][:1]}
    bad = written(tmp_path / "bad.parquet", [{**MME, "answer": "E"}, one])
    assert [one.split(": ", 2)[1] for one in problems("video_mme", bad)] == ["answer", "options"]


def v2(place: int, **changes: Any) -> dict[str, Any]:
    return {
        "video_id": "007",
        "question_id": f"007-{place}",
        "question": f"Question {place}?",
        "options": "\n".join(f"{letter}. option {letter.lower()}" for letter in "ABCDEFGH"),
        "answer": "H",
        "group_type": "logic",
        "group_structure": "[1, [2, 3], 4]",
        "level": 2,
        "second_head": "Plot",
        "third_head": "Order of events",
        **changes,
    }


def test_video_mme_v2(tmp_path: Path):
    made = tasks("video_mme_v2", written(tmp_path / "test.parquet", [v2(place) for place in (1, 2, 3, 4)]))
    assert [task.meta["group"] for task in made] == [
        {"of": "007", "place": place, "structure": [1, [2, 3], 4], "level": 2} for place in (1, 2, 3, 4)
    ]
    assert made[0].options[7] == "option h" and made[0].truth.answer == "H" and made[0].meta["chance"] == 1 / 8
    assert made[0].meta["categories"]["group"] == "logic" and str(made[0].meta["group"]["structure"]) in CHAINS
    other = v2(1, group_type="relevance", group_structure=None, level=None, question_id=None)
    (alone,) = tasks("video_mme_v2", written(tmp_path / "r.json", [other]))
    assert alone.meta["group"] == {"of": "007", "place": 1, "structure": None, "level": None}
    bad = [v2(1, group_type="odd"), v2(2, group_structure="[4, 3]"), v2(3, group_structure=None)]
    assert [one.split(": ", 2)[1] for one in problems("video_mme_v2", written(tmp_path / "b.json", bad))] == [
        "group_type",
        "group_structure",
        "group_structure",
    ]


def test_lvbench(tmp_path: Path):
    row = {
        "key": "Cm73ma6Ibcs",
        "type": "cartoon",
        "video_info": {"duration_minutes": 91, "fps": 24},
        "qa": [
            {
                "uid": "0",
                "question": "What year appears in the opening?\n(A) 1636\n(B) 1366\n(C) 1363\n(D) 1633",
                "answer": "D",
                "question_type": ["key information retrieval", "temporal grounding"],
                "time_reference": "00:15-00:19",
            },
            {"uid": "1", "question": "Who wins?\n(A) he\n(B) she", "answer": "B", "time_reference": "whole video"},
            {"uid": "2", "question": "Who wins?", "answer": "B"},
        ],
    }
    path = written(tmp_path / "video_info.meta.jsonl", [row])
    found = [one for one in BENCHMARKS["lvbench"].read(path) if isinstance(one, Task)]
    assert (found[0].id, found[0].videos, found[0].question) == (
        "lvbench-0",
        ("Cm73ma6Ibcs.mp4",),
        "What year appears in the opening?",
    )
    assert found[0].options == ("1636", "1366", "1363", "1633") and found[0].truth.answer == "D"
    assert found[0].truth.spans == (Span(15, 19),) and found[1].truth.spans == ()
    assert found[0].meta["types"] == ["key information retrieval", "temporal grounding"]
    assert found[0].meta["categories"] == {"video": "cartoon"}
    assert problems("lvbench", path) == [
        f"{path}, line 1, question 2: question: lists no options, and the answer is to choose one"
    ]
    flat = {"uid": 5, "video_path": "a.mp4", "question": "Who?", "options": ["he", "she"], "answer": "A"}
    (copied,) = tasks("lvbench", written(tmp_path / "train.parquet", [flat]))
    assert copied.videos == ("a.mp4",) and copied.options == ("he", "she") and copied.truth.answer == "A"


def test_longvideo_reason(tmp_path: Path):
    row = {
        "problem_id": 4,
        "problem": "Why does she leave?\nA. She is late\nB. She is bored\nC. It rains\nD. It is over",
        "problem_type": "Goal and Intention Reasoning",
        "videos": "longvila_videos/abc.mp4",
        "answer": "<answer>B</answer>",
        "reasoning": "<think>…</think>",
    }
    (made,) = tasks("longvideo_reason", written(tmp_path / "test.jsonl", [row]))
    assert made.videos == ("longvila_videos/abc.mp4",) and made.truth.answer == "B" and made.meta["chance"] == 0.25
    assert made.meta["categories"] == {"problem_type": "Goal and Intention Reasoning"}
    assert "process" not in made.meta  # the truth's reasoning is no part of what is asked


def test_ego_schema(tmp_path: Path):
    options = {f"option {i}": f"C does thing {i}." for i in range(5)}
    questions = [{"q_uid": uid, "google_drive_id": "x", "question": "What does C do?", **options} for uid in "abc"]
    written(tmp_path / "questions.json", questions)
    written(tmp_path / "subset_answers.json", {"a": 3, "c": 0})
    for path in (tmp_path, tmp_path / "questions.json"):
        first, second = tasks("egoschema", path)
        assert (first.id, first.truth.answer, first.videos) == ("egoschema-a", "D", ("a.mp4",))
        assert first.options[4] == "C does thing 4." and second.truth.answer == "A" and first.meta["chance"] == 0.2
    copied = {"question_idx": "0", "video_idx": "a", "question": "What?", "answer": "1"}
    copied = {**copied, "option": [f"{'ABCDE'[i]}. thing {i}" for i in range(5)]}  # type: ignore[dict-item]
    (made,) = tasks("egoschema", written(tmp_path / "p" / "subset.parquet", [copied]))
    assert made.truth.answer == "B" and made.options[0] == "thing 0"
    agents = {uid: {"question": "What does C do?", **options, "truth": 0} for uid in "ab"}
    assert [
        (one.id, one.truth.answer) for one in tasks("egoschema", written(tmp_path / "r" / "anno.json", agents))
    ] == [
        ("egoschema-a", "A"),
        ("egoschema-b", "A"),
    ]
    out = written(tmp_path / "q" / "subset.json", [{**copied, "answer": "7"}])
    assert "answer: is '7', the place of an option is wanted, from 0 to 4" in problems("egoschema", out)[0]


def test_hour_video(tmp_path: Path):
    row = {
        "qid": "q1",
        "task": "perception/tracking",
        "question": "What does she carry?",
        **{f"answer_{i}": f"thing {i}" for i in range(1, 6)},
        "correct_answer_label": "E",
        "relevant_timestamps": "0:10:05-0:10:25",
    }
    whole = {
        "uid1": {
            "video_metadata": {"duration_in_seconds": 3600},
            "benchmark_dataset": [
                row,
                {**row, "qid": "q2", "task": "reasoning/predictive"},
                {**row, "qid": "q3", "task": "summarization/key_events_objects", "relevant_timestamps": ""},
                {**row, "qid": "q4", "task": "reasoning/spatial/layout", "answer_1": "images/a.jpg"},
                {**row, "qid": "q5", "correct_answer_label": None},
            ],
        }
    }
    tracks, predicts, sums = tasks("hourvideo", written(tmp_path / "dev.json", whole))
    assert (tracks.id, tracks.videos, tracks.truth.answer) == ("hourvideo-uid1-q1", ("uid1.mp4",), "E")
    assert tracks.truth.spans == (Span(605, 625),) and tracks.now is None and tracks.options[4] == "thing 5"
    assert predicts.now == 605 and predicts.truth.spans == ()  # what is to come cannot be seen
    assert sums.meta["categories"] == {"task": "summarization"}
    broken = {
        "uid1": {"benchmark_dataset": [{**row, "task": "reasoning/predictive", "relevant_timestamps": ""}]},
        "u": 3,
    }
    assert [
        "relevant_timestamps" in one or "object is wanted" in one
        for one in problems("hourvideo", written(tmp_path / "broken.json", broken))
    ] == [True, True]


def test_hlv_1k(tmp_path: Path):
    rows = [
        {"qa_idx": 0, "qa_type": "qa", "qa_level": "frame", "qa_task": "object_understanding", "question": "Is it?",
         "answer": "Yes", "old_answer": "Yes"},
        {"qa_idx": 1, "qa_type": "mcqa", "qa_level": "long_term", "qa_task": "time-order", "question": "When?",
         "options": ["A. now", "B. then", "C. later", "D. never"], "answer": "C", "old_answer": "C"},
    ]  # fmt: skip
    written(tmp_path / "AGnpnMAN-UY.json", rows)
    written(tmp_path / "b_c.json", rows[:1])
    first, second, other = tasks("hlv_1k", tmp_path)
    assert (first.id, first.videos, first.options) == ("hlv_1k-AGnpnMAN-UY-0", ("AGnpnMAN-UY.mp4",), ("Yes", "No"))
    assert first.truth.answer == "A" and second.truth.answer == "C" and other.id == "hlv_1k-b_c-0"
    assert second.meta["categories"] == {"level": "long_term", "task": "time order", "form": "mcqa"}
    assert first.meta["categories"]["task"] == "object understanding"
    with pytest.raises(TaskFileError, match="holds no .*file; give the folder or file that does"):
        tasks("hlv_1k", written(tmp_path / "empty" / "note.txt", "").parent)


LIFE = {
    "ID": "1",
    "query_time": {"date": "DAY1", "time": "11210217"},
    "type": "EntityLog",
    "need_audio": False,
    "need_name": True,
    "last_time": False,
    "trigger": "The table was full of tools",
    "question": "Who used the saw first?",
    "choice_a": "Nils",
    "choice_b": "Ada",
    "choice_c": "Mia",
    "choice_d": "Tom",
    "answer": "B",
    "target_time": {"date": "DAY1", "time": "11152408"},
    "keywords": "use saw",
    "reason": "Saw Ada sawing",
}


def test_ego_life(tmp_path: Path):
    rows = [
        LIFE,
        {**LIFE, "ID": "2", "query_time": {"date": "day6", "time": "12041900-12003000"}, "need_audio": True},
        {**LIFE, "ID": "3", "target_time": {"date": "DAY1", "time_list": ["11152408", "12000000-12010000"]}},
        {**LIFE, "ID": "4", "query_time": {"date": "DAY2", "time": "9302010"}, "target_time": {"date": "x", "time": 1}},
    ]
    made = tasks("egolife", written(tmp_path / "EgoLifeQA_A1_JAKE.json", rows))
    assert [task.id for task in made] == [f"egolife-A1_JAKE-{n}" for n in (1, 2, 3, 4)]
    assert [task.now for task in made] == ["DAY1_11210217", "DAY6_12041900", "DAY1_11210217", "DAY2_09302010"]
    assert made[0].options == ("Nils", "Ada", "Mia", "Tom") and made[0].truth.answer == "B" and made[0].videos == ()
    assert made[0].meta["targets"] == [["DAY1_11152408", "DAY1_11152408"]]
    assert made[2].meta["targets"][1] == ["DAY1_12000000", "DAY1_12010000"] and "targets" not in made[3].meta
    assert made[0].meta["categories"] == {"type": "EntityLog", "person": "A1_JAKE"}
    assert made[1].meta["categories"]["needs"] == "sound"
    bad = [
        {**LIFE, "query_time": {"date": "DAY1", "time": "noon"}},
        {**LIFE, "query_time": {"date": "DAY1", "time": "25000000"}},
    ]
    assert all("query_time: is" in one for one in problems("egolife", written(tmp_path / "bad.json", bad)))


def test_ego_r1_bench_in_both_forms(tmp_path: Path):
    for part in ("manual-benchmark", "gemini-benchmark"):
        for person in ("A1_JAKE", "A2_ALICE"):
            written(tmp_path / "bench" / part / f"{person}.json", [LIFE])
    made = tasks("ego_r1", tmp_path / "bench")
    assert [task.id for task in made] == [
        f"ego_r1-{part}-{person}-1" for part in ("gemini", "manual") for person in ("A1_JAKE", "A2_ALICE")
    ]
    assert tasks("ego_r1", tmp_path / "bench" / "manual-benchmark" / "A1_JAKE.json")[0].id == "ego_r1-manual-A1_JAKE-1"
    row = {
        "extra_info": {"index": 7},
        "question": "<timestamp>DAY3_10000000</timestamp> Who cooks?\nA. Nils\nB. Ada\nC. Mia\nD. Tom",
        "golden_answer": ["D"],
    }
    (asked,) = tasks("ego_r1", written(tmp_path / "test.parquet", [row]))
    assert asked.now == "DAY3_10000000" and asked.truth.answer == "D" and asked.options[3] == "Tom"


def test_ovo_bench(tmp_path: Path):
    asked = {"id": 0, "task": "EPM", "video": "Ego4D/a.mp4", "realtime": 88.43, "question": "Who was it?",
             "answer": "B. Lee", "options": ["A. Wade", "B. Tyler", "D. Carter", "C. Jensen"], "gt": 2}  # fmt: skip
    forward = [
        {"id": 1, "task": "CRR", "video": "b.mp4", "question": "What does she do next?", "answer": "She sits.",
         "ask_time": 29, "clue_time": 31, "test_info": [{"realtime": 29, "type": 0}, {"realtime": 32.0, "type": 1}]},
        {"id": 2, "task": "SSR", "video": "c.mp4", "tutorial": "Tea", "all_steps": ["boil"], "start_time": [1],
         "end_time": [5], "test_info": [{"realtime": 3, "step": "boil the water", "type": 1}]},
        {"id": 3, "task": "REC", "video": "d.mp4", "activity": "golf swing", "start_times": [6], "end_times": [17],
         "test_info": [{"realtime": 17, "count": 1}, {"realtime": 19, "count": 0}]},
    ]  # fmt: skip
    made = tasks("ovo_bench", written(tmp_path / "ovo_bench_new.json", [asked, *forward]))
    assert [task.id for task in made] == [f"ovo_bench-{one}" for one in ("0", "1_0", "1_1", "2_0", "3_0", "3_1")]
    first = made[0]
    assert first.now == 89 and first.truth.answer == "C" and first.options[2] == "D. Carter"  # a name, not a letter
    assert first.meta["categories"] == {"scenario": "backward", "task": "EPM"}
    assert [(task.now, task.truth.answer, task.options) for task in made[1:3]] == [
        (29, "B", ("Yes", "No")),
        (32, "A", ("Yes", "No")),
    ]
    assert "boil the water" in made[3].question and made[3].truth.answer == "A"
    assert [(task.kind, task.truth.answer, task.now) for task in made[4:]] == [("count", "1", 17), ("count", "0", 19)]
    bad = [{**asked, "gt": 4}, {**asked, "task": "XYZ"}, {**asked, "realtime": None}, {**forward[0], "test_info": [3]}]
    assert [one.split(": ", 2)[1] for one in problems("ovo_bench", written(tmp_path / "bad.json", bad))] == [
        "gt", "task", "realtime", "is a int, an object is wanted",
    ]  # fmt: skip


CHAIN = {
    "images": ["a.jpg"],
    "chain": {"questions": ["Who enters?", "What does she hold?"], "answers": ["A woman enters.", "A red cup."]},
    "qac_timestamps_start": 2.5,
    "qac_timestamps_end": 9.0,
}


def test_svbench_of_one_file(tmp_path: Path):
    path = written(tmp_path / "vid1.json", [CHAIN, {}, {**CHAIN, "qac_timestamps_start": 9, "qac_timestamps_end": 20}])
    made = tasks("svbench", path)
    assert [task.id for task in made] == [f"svbench-dialogue-vid1-{n}" for n in ("0-0", "0-1", "2-0", "2-1")]
    assert made[1].now == 9 and made[1].truth.spans == (Span(2.5, 9),) and made[1].truth.answer == "A red cup."
    assert made[1].meta["history"] == [["Who enters?", "A woman enters."]] and "history" not in made[0].meta
    assert made[2].now == 20 and "history" not in made[2].meta  # each chain begins anew
    short = {**CHAIN, "chain": {"questions": ["Who?", "What?"], "answers": ["She."]}}
    assert "not as many as answers" in problems("svbench", written(tmp_path / "bad.json", [short]))[0]


def test_svbench_of_the_released_folder(tmp_path: Path):
    meta = tmp_path / "Meta" / "Meta_EN" / "meta_test.csv"
    meta.parent.mkdir(parents=True)
    meta.write_text("Video_Name,Path_of_Video,Sort_of_Set\nvid1,Video/vid1.webm,Test\n")
    written(tmp_path / "Dialogue" / "Dialogue_EN" / "vid1.json", [CHAIN])
    written(tmp_path / "Dialogue" / "Dialogue_EN" / "vid2.json", [CHAIN])  # of the training split
    path = {"questions": [f"q{n}?" for n in range(9)], "answers": [f"a{n}" for n in range(9)]}
    path["timestamps"] = [[n, n + 2] for n in range(9)]  # type: ignore[misc]
    written(tmp_path / "Streaming" / "Streaming_EN" / "vid1.json", [path])
    made = tasks("svbench", tmp_path)
    assert {task.videos for task in made} == {("Video/vid1.webm",)} and len(made) == 2 + 9
    last = made[-1]
    assert last.id == "svbench-streaming-vid1-0-8" and last.now == 10
    assert last.meta["history"] == [[f"q{n}?", f"a{n}"] for n in range(2, 8)]  # the last six
    assert last.meta["categories"] == {"form": "streaming"}
