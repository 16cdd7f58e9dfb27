"""Whatever stands in a row, a reader gives tasks or says what is wrong: fields are replaced by odd values at random."""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from rewatch.evaluation.benchmarks import BENCHMARKS
from rewatch.evaluation.benchmarks.plain import read_plain
from rewatch.evaluation.benchmarks.sources import open_set
from rewatch.training.data.task import Task, TaskError
from rewatch.training.data.task_files import write_tasks

from .test_plain import FRUIT
from .test_readers import CHAIN, LIFE, MME, v2

ODD: tuple[Any, ...] = (
    None, "", " ", "A", "Z", "nan", "-1", "1e999", "\x00\n", "\u202e", "é" * 3000, 0, -1, 7, 10**30, 1e308,
    float("inf"), True, False, [], [None], ["", ""], [[1, 2], 3], [[5, 1]], [[0, 0]], {}, {"A": None}, {"date": 3},
    {"date": "DAY1", "time": []},
)  # fmt: skip
HOUR = {"qid": "q", "task": "perception/tracking", "question": "What?", "correct_answer_label": "E",
        "relevant_timestamps": "0:10:05-0:10:25", **{f"answer_{i}": f"thing {i}" for i in range(1, 6)}}  # fmt: skip
WHOLE: dict[str, Any] = {
    "video_mme": [MME],
    "video_mme_v2": [v2(1)],
    "lvbench": [{"key": "k", "type": "t", "qa": [{"uid": "0", "question": "Who?\n(A) he\n(B) she", "answer": "A",
                 "question_type": ["x"], "time_reference": "00:15-00:19"}]}],
    "longvideo_reason": [{"problem_id": 1, "problem": "Why?\nA. a\nB. b", "problem_type": "x", "videos": "a.mp4",
                          "answer": "<answer>B</answer>"}],
    "hourvideo": {"u": {"video_metadata": {}, "benchmark_dataset": [HOUR]}},
    "hlv_1k": [{"qa_idx": 1, "qa_type": "mcqa", "qa_level": "l", "qa_task": "t", "question": "When?",
                "options": ["A. now", "B. then"], "answer": "B"}],
    "egoschema": [{"video_idx": "a", "question": "What?", "option": ["A. x", "B. y"], "answer": "1"}],
    "egolife": [LIFE],
    "ego_r1": [{"extra_info": {"index": 7}, "question": "<timestamp>DAY3_10000000</timestamp> Who?\nA. a\nB. b",
                "golden_answer": ["B"]}],
    "ovo_bench": [{"id": 0, "task": "EPM", "video": "a.mp4", "realtime": 8.4, "question": "Who?", "options": FRUIT,
                   "gt": 2}, {"id": 2, "task": "SSR", "video": "c.mp4",
                   "test_info": [{"realtime": 3, "step": "boil", "type": 1}]},
                  {"id": 3, "task": "REC", "video": "d.mp4", "activity": "x",
                   "test_info": [{"realtime": 1, "count": 1}]}],
    "svbench": [CHAIN, {"questions": ["q?"], "answers": ["a"], "timestamps": [[1, 2]]}],
    "plain": [{"id": 1, "video": "a.mp4", "question": "Which?", "options": FRUIT, "answer": "B", "span": [1, 2],
               "kind": "mcq", "span_tolerance_s": 1, "now": 3, "category": "x"},
              {"caption": "he sits", "start": 1, "end": 2}],
}  # fmt: skip


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every list or object inside, with each of its keys."""
    keys = list(value) if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    for key in keys:
        yield value, key
        yield from _places(value[key])


@pytest.mark.parametrize("name", WHOLE)
def test_a_reader_raises_nothing_for_a_row(name: str, tmp_path: Path):
    read = read_plain if name == "plain" else BENCHMARKS[name].read
    path = tmp_path / "A1_JAKE.json"
    whole = {**WHOLE[name], "v": 3} if isinstance(WHOLE[name], dict) else WHOLE[name]
    rng = random.Random(name)
    path.write_text(json.dumps(whole))
    assert any(isinstance(one, Task) for one in read(path))
    for _ in range(60):
        broken = copy.deepcopy(whole)
        for _ in range(rng.randint(1, 2)):
            inside, key = rng.choice(list(_places(broken)))
            if rng.random() < 0.15 and isinstance(inside, dict):
                del inside[key]
            else:
                inside[key] = copy.deepcopy(rng.choice(ODD))
            if not list(_places(broken)):
                break
        path.write_text(json.dumps(broken))
        for one in read(path):
            assert isinstance(one, (Task, TaskError))
            assert isinstance(one, Task) or "\n" not in str(one)


@pytest.mark.parametrize("ending", ["jsonl", "json"])
def test_what_no_file_can_keep_costs_its_own_row(tmp_path: Path, ending: str) -> None:
    good, half = {"id": "a", "question": "Who?", "answer": "he"}, {"id": "b", "question": "Who \ud800?", "answer": "he"}
    file = tmp_path / f"rows.{ending}"
    lines = [json.dumps(good), json.dumps(half), "[" * 100_000]
    file.write_text("\n".join(lines) if ending == "jsonl" else "[" + ",".join(lines), encoding="utf-8")
    taken = open_set(str(file))
    assert [task.id for task in taken.tasks] == ["a"]
    assert "half a character" in taken.problems[0] and "nested too deeply" in taken.problems[1]
    assert write_tasks(tmp_path / "tasks.jsonl", taken.tasks) == 1
