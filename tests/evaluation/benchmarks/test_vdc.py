"""VDC's files as tasks, on rows written in the released form."""

from __future__ import annotations

import json
from pathlib import Path

from rewatch.evaluation.benchmarks import BENCHMARKS
from rewatch.evaluation.measures.captions import captions
from rewatch.training.data.task import Task, TaskError

from ..judged_items import item

VIDEOS = {
    "3f-1": {"main_object_caption": "A woman folds a blue duvet cover.", "short_caption": "Somebody folds."},
    "9a-2": {"main_object_caption": "A dog runs.", "short_caption": ""},
}
CHECKS = [{"question": "Who folds", "answer": "a woman", "category": "person"}, {"question": "What", "answer": "cover"}]


def release(folder: Path) -> Path:
    lines = [json.dumps({"video_id": video, "captions": captions}) for video, captions in VIDEOS.items()]
    (folder / "VDC_1k_captions.jsonl").write_text("\n".join(lines) + "\n")
    rows = [{"3f-1": CHECKS}, {"9a-2": [{"question": "What runs", "answer": "a dog"}]}]
    (folder / "main_object.jsonl").write_text("\n".join(map(json.dumps, rows)) + "\n")
    (folder / "short.jsonl").write_text(json.dumps({"9a-2": CHECKS, "3f-1": "none"}) + "\n")
    return folder


def test_a_task_for_each_aspect_of_a_video(tmp_path: Path):
    found = list(BENCHMARKS["vdc"].read(release(tmp_path)))
    tasks = [one for one in found if isinstance(one, Task)]
    assert [task.id for task in tasks] == ["3f-1-main_object", "9a-2-main_object"]
    assert tasks[0].videos == ("3f-1.mp4",)
    assert tasks[0].truth.answer == "A woman folds a blue duvet cover."
    assert tasks[0].meta["categories"] == {"aspect": "main_object"}
    problems = [str(one) for one in found if isinstance(one, TaskError)]
    assert len(problems) == 2
    assert "no short_caption of 9a-2" in problems[0] and "short.jsonl" in problems[0]
    assert "are no list of objects" in problems[1]


def test_captions_are_measured_by_these_checks(tmp_path: Path):
    task = next(one for one in BENCHMARKS["vdc"].read(release(tmp_path)) if isinstance(one, Task))
    figures = captions([item(task, text="A woman is folding something blue.")])
    assert figures["vdc_accuracy_by_words"].value == 0.5


def test_a_broken_line_is_told(tmp_path: Path):
    release(tmp_path)
    (tmp_path / "VDC_1k_captions.jsonl").write_text("[1]\n{\n")
    found = [str(one) for one in BENCHMARKS["vdc"].read(tmp_path)]
    assert any("line 1" in text and "is no caption" in text for text in found)
