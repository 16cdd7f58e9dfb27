"""What a set says of a question beside its words: videos under the names of its authors, and earlier exchanges."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

from chat_server import ChatServer
from rewatch.evaluation.benchmarks.sources import TaskSet, open_set
from rewatch.evaluation.evaluate import evaluate, judged_items
from rewatch.evaluation.measures.references import references
from rewatch.evaluation.settings import Settings
from rewatch.evaluation.videos import find_videos
from rewatch.memory import ClipMemory
from rewatch.training.data.task import Task


def test_files_are_found_under_the_names_of_authors(tasks: tuple[Task, ...], memory: Path, talk: Path, tmp_path: Path):
    folder = tmp_path / "videos"
    (folder / "sub").mkdir(parents=True)
    for name in ("a-1.mp4", "b.v2.webm", "c.mp4", "c.mkv", "sub/d.mp4", "a-1.srt"):
        shutil.copy(talk, folder / name)
    names = ("a-1", "a-1.mp4", "LLaVA/set/a-1.mp4", "a-1.avi", "b.v2", "sub/d.mp4", "c", "e.mp4")
    asked = [replace(tasks[0], videos=(name,)) for name in names]
    added: list[str] = []

    with ClipMemory(memory, text_encoder="hashed", read_only=True) as opened:
        record = opened.videos()[0]

        def add(path: Path):
            added.append(str(path.relative_to(folder)))
            return record

        found, failures = find_videos(opened, asked, [tmp_path / "empty", folder], add)
    assert added == ["a-1.mp4"] * 4 + ["b.v2.webm", "sub/d.mp4"]
    assert list(found) == list(names[:6]) and list(failures) == ["c", "e.mp4"]  # of c there are two
    assert f"in {tmp_path / 'empty'}, {folder}: --videos names the folder" in failures["e.mp4"]


def test_a_question_is_asked_with_what_came_before(tasks: tuple[Task, ...], memory: Path, tmp_path: Path):
    one = replace(tasks[0], meta={"history": [["Who is there?", "A woman in a green coat."]]})
    with ChatServer() as server:
        evaluate(TaskSet(name="one", tasks=(one,)), Settings(policy=server.address), tmp_path / "run", memory=memory)
    assert "A woman in a green coat." in json.loads(server.answered[0])[-1]["content"]


def test_a_question_about_somebodys_days_sees_nothing_of_what_came_after(talk: Path, tmp_path: Path):
    days = {"DAY1_A1_JAKE_11000000": "The saw is used by Ada.", "DAY1_A1_JAKE_12000000": "The saw is used by Tom."}
    memory = tmp_path / "memory"
    with ClipMemory(memory, text_encoder="hashed") as made:
        for name, said in days.items():
            path = tmp_path / f"{name}.mp4"
            shutil.copy(talk, path)
            path.open("ab").write(name.encode())  # the same bytes would be the same video
            path.with_suffix(".srt").write_text(f"1\n00:00:00,500 --> 00:00:05,500\n{said}\n")
            made.add(path, channels=("speech",), clip_seconds=2, workers=0)
    seen = {"date": "DAY1", "time": "11000200"}
    row = {"ID": "1", "type": "EntityLog", "question": "By whom is the saw used?", "answer": "A", "target_time": seen,
           "choice_a": "by Ada", "choice_b": "by Tom", "choice_c": "by Mia", "choice_d": "by Nils"}  # fmt: skip
    asked = [{**row, "ID": str(n), "query_time": {"date": "DAY1", "time": f"{n}3000000"}} for n in (11, 12)]
    (tmp_path / "EgoLifeQA_A1_JAKE.json").write_text(json.dumps(asked))
    task_set = open_set(f"egolife:{tmp_path / 'EgoLifeQA_A1_JAKE.json'}")
    folder = evaluate(task_set, Settings(policy="heuristic"), tmp_path / "run", memory=memory, parallel=1)
    early, late = judged_items(folder)
    assert not early.failed and not late.failed
    assert ["used by Tom" in str(one.messages) for one in (early, late)] == [False, True]
    assert early.answer.option == "A", early.answer
    # What is cited lies in the minute of 11:00, as what was to be seen.
    assert references([early])["ref@60"].value == 1.0, early.answer
