"""Rows of ours for tasks of lmms-eval: prompts and scores are its own code, and no set is downloaded."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

Rows = list[dict[str, Any]]
TASKS = {
    "videomme": ("videomme/videomme.yaml", "test", "videomme/data"),
    "mvbench": ("mvbench/mvbench_moving_count.yaml", "train", "mvbench_video/clevrer/video_validation"),
    "nextqa": ("nextqa/nextqa_mc_test.yaml", "test", "nextqa/NExTVideo"),
    "egoschema": ("egoschema/egoschema_subset.yaml", "test", "egoschema/videos"),
    "lvbench": ("lvbench/lvbench.yaml", "train", "lvbench"),
    "mlvu": ("mlvu/mlvu_dev.yaml", "test", "mlvu"),
    "tempcompass": ("tempcompass/tempcompass_mc.yaml", "test", "tempcompass/videos"),
    "charades": ("charades_sta/charades.yaml", "test", "charades_sta/Charades_v1_480"),
    "timelens": ("timelens/timelens_charades.yaml", "charades", "timelens"),
}
"""By the name of ours: the file of theirs below their `tasks`, its split, and where its videos lie below `HF_HOME`."""


def _rows(name: str, count: dict[str, Any], crossing: dict[str, Any], event: str) -> Rows:
    """A row of the set's form, from a clip whose things are counted or from one in which something crosses."""
    question, options, span = count["question"], count["options"], crossing["span"]
    place = ord(count["answer"]) - 65
    lettered = [f"{chr(65 + n)}. {option}" for n, option in enumerate(options)]
    counted, crossed = Path(count["video"]), Path(crossing["video"])
    if name == "videomme":
        about = {"duration": "short", "domain": "Knowledge", "sub_category": "Astronomy", "question_id": "1-1"}
        told = {"question": question, "options": lettered, "answer": count["answer"], "task_type": "Counting Problem"}
        return [{"videoID": counted.stem, **about, **told}]
    if name == "mvbench":
        return [{"video": counted.name, "question": question, "candidates": options, "answer": options[place]}]
    if name == "nextqa":
        answers = {f"a{n}": option for n, option in enumerate([*options, "none"])}
        return [{"video": counted.stem, "question": question, "answer": place, **answers}]
    if name == "egoschema":
        told = {"question": question, "option": [*lettered, "E. none"], "answer": str(place)}
        return [{"video_idx": counted.stem, **told}]
    if name == "lvbench":
        return [{"video_path": counted.name, "question": question, "options": options, "answer": count["answer"]}]
    if name == "mlvu":
        told = "\n".join([question, *(f"({line[0]}) {line[3:]}" for line in lettered)])
        return [{"video_name": counted.name, "question": told, "task_type": "count", "answer": count["answer"]}]
    if name == "tempcompass":
        told = "\n".join([question, *lettered])
        return [{"video_id": counted.stem, "question": told, "dim": "action", "answer": lettered[place]}]
    if name == "charades":
        return [{"video": crossed.name, "caption": event, "timestamp": span}]
    return [{"video_path": crossed.name, "query": event, "span": [span]}]


def write_tasks(theirs: Path, clips: Path, home: Path, folder: Path, rows: Rows, event: str) -> list[str]:
    """Write a task for each of `TASKS`, which takes all but the rows from theirs; gives their names.

    Args:
        theirs: the folder `tasks` of lmms-eval.
        clips: where the clips lie.
        home: what is to be `HF_HOME`.
        folder: where the tasks are written.
        rows: about the clips, as `write_clips` gives them: the first is counted, the last one times a crossing.
        event: what crosses in the last one.
    """
    made = []
    for name, (file, split, place) in TASKS.items():
        (home / place).mkdir(parents=True)
        for row in (rows[0], rows[-1]):
            shutil.copy(clips / row["video"], home / place)
        data = folder / f"{name}.jsonl"
        data.write_text("".join(json.dumps(row) + "\n" for row in _rows(name, rows[0], rows[-1], event)))
        task = {
            "include": str(theirs / file),
            "task": f"rewatch_{name}",
            "output_type": "generate_until",
            "dataset_path": "json",
            "dataset_name": None,
            "dataset_kwargs": {"data_files": {split: str(data)}},
        }
        (folder / f"rewatch_{name}.yaml").write_text(json.dumps(task))  # which is YAML
        made.append(task["task"])
    return made
