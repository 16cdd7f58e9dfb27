"""What a set says of a question beside its words: videos under the names of its authors, and earlier exchanges."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

from chat_server import ChatServer
from rewatch.evaluation.benchmarks.sources import TaskSet
from rewatch.evaluation.evaluate import evaluate
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


def test_a_question_is_asked_with_what_came_before(tasks: tuple[Task, ...], memory: Path, tmp_path: Path):
    one = replace(tasks[0], meta={"history": [["Who is there?", "A woman in a green coat."]]})
    with ChatServer() as server:
        evaluate(TaskSet(name="one", tasks=(one,)), Settings(policy=server.address), tmp_path / "run", memory=memory)
    assert "A woman in a green coat." in json.loads(server.answered[0])[-1]["content"]
