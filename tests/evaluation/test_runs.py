"""Evaluations: asked once each, gone on with after a kill, refused where something differs."""

from __future__ import annotations

import json
import os
import resource
import shutil
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from chat_server import ChatServer
from rewatch.evaluation.benchmarks.sources import TaskSet, open_set
from rewatch.evaluation.compare import compare
from rewatch.evaluation.evaluate import TABLE, evaluate, judged_items, score
from rewatch.evaluation.items import EvaluationError, Item, ItemFile
from rewatch.evaluation.resume import EvaluationFolder, failures
from rewatch.evaluation.settings import Settings
from rewatch.memory import CapabilityError, ClipMemory, VideoRecord
from rewatch.memory.registry import UnknownNameError
from rewatch.tools import Budget
from rewatch.training.data.task import Task, Truth
from rewatch.training.data.task_files import write_tasks


def test_every_task_is_asked_once_and_only_what_is_missing(tasks: tuple[Task, ...], memory: Path, tmp_path: Path):
    with ChatServer() as server:
        settings = Settings(policy=server.address, temperature=0.0)
        first = evaluate(TaskSet(name="two", tasks=tasks), settings, tmp_path / "run", memory=memory)
        assert len(server.answered) == 2 * len(tasks)  # it searches, and answers
        again = evaluate(TaskSet(name="two", tasks=tasks), settings, tmp_path / "run", memory=memory)
        assert len(server.answered) == 2 * len(tasks)
    assert [item.task for item in again.done()] == [task.id for task in tasks] and not again.work()
    (overall, *_) = score(first).rows
    assert overall.items == 4 and overall.failed == 0 and overall.figures["accuracy"].value == 0.75
    item = first.done()[0]
    assert item.trace == f"traces/{item.run_id}.jsonl" and (first.path / item.trace).is_file()
    assert list((first.path / "steps").iterdir()) == []  # nothing goes on


def test_a_killed_evaluation_goes_on_and_no_turn_is_asked_twice(tasks: tuple[Task, ...], memory: Path, tmp_path: Path):
    write_tasks(tmp_path / "set.jsonl", tasks)
    with ChatServer(most=3) as server:  # of the second task the search was answered, and the answer is waited for
        command = [sys.executable, "-P", "-m", "rewatch", "eval", "set.jsonl", "--out", "run", "--parallel", "1"]
        command += ["--policy", server.address, "--memory", str(memory)]
        process = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        assert server.held.wait(120), process.communicate()
        os.kill(process.pid, signal.SIGKILL)
        process.communicate()
        cut = EvaluationFolder(tmp_path / "run")
        assert [item.task for item in cut.done()] == ["t0"]
        assert [(work.task.id, work.begun) for work in cut.work()] == [("t1", True), ("t2", False), ("t3", False)]
        begun = cut.work()[0].run_id
        server.go_on()
        task_set = open_set(str(tmp_path / "set.jsonl"))
        on = evaluate(task_set, cut.settings, tmp_path / "run", memory=memory, parallel=1)
        assert on.done()[1].run_id == begun
        assert len(server.answered) == len(set(server.answered)) == 2 * len(tasks)
        whole = evaluate(task_set, cut.settings, tmp_path / "whole", memory=memory)
    assert _without_times(score(on).as_dict()) == _without_times(score(whole).as_dict())


def _without_times(table: Any) -> Any:
    for row in table["rows"]:
        row["figures"] = {name: figure for name, figure in row["figures"].items() if "seconds" not in name}
    return table


def test_a_table_is_made_again_from_the_folder_alone(tasks: tuple[Task, ...], memory: Path, tmp_path: Path):
    with ChatServer() as server:
        evaluate(TaskSet(name="two", tasks=tasks), Settings(policy=server.address), tmp_path / "run", memory=memory)
    folder = EvaluationFolder(tmp_path / "run")
    score(folder)
    before = (folder.path / TABLE).read_bytes()
    moved = (tmp_path / "run").rename(tmp_path / "elsewhere")
    score(EvaluationFolder(moved))
    assert (moved / TABLE).read_bytes() == before


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"settings": {"policy": "heuristic", "seed": 3}}, "settings.seed = 0, and it is 3 now"),
        ({"tasks": 2}, "set.tasks = 4, and it is 2 now"),
        ({"version": "0.0.1"}, 'versions.rewatch = "0.0.1", and it is'),
    ],
)
def test_another_set_or_other_settings_are_refused(
    change: dict[str, Any], told: str, tasks: tuple[Task, ...], tmp_path: Path
):
    def begin(count: int = 4, **settings: Any) -> EvaluationFolder:
        return EvaluationFolder.open(
            tmp_path / "run", name="two", settings=Settings(**settings), tasks=tasks[:count], measures=()
        )

    folder = begin()
    folder.items.append(Item(task="t0", state="begun", run_id="a"))
    if "version" in change:
        folder.row["versions"]["rewatch"] = change["version"]
        (folder.path / "settings.json").write_text(json.dumps(folder.row))
    with pytest.raises(EvaluationError) as refused:
        begin(change.get("tasks", 4), **change.get("settings", {}))
    assert told in str(refused.value) and "give another --out" in str(refused.value)


def test_other_models_in_the_memory_are_refused(tasks: tuple[Task, ...], tmp_path: Path):
    folder = EvaluationFolder.open(tmp_path / "run", name="two", settings=Settings(), tasks=tasks, measures=())
    facts = {"text_encoder": "a", "videos": {"v1": {"speech": "x"}}}
    folder.note("memory", facts)
    folder.note("memory", {**facts, "videos": {"v2": {"speech": "y"}}})  # another video is no contradiction
    with pytest.raises(EvaluationError, match=r"memory.videos.v1.speech = \"x\", and it is \"z\" now"):
        EvaluationFolder(folder.path).note("memory", {"videos": {"v1": {"speech": "z"}}})


def test_where_nothing_was_asked_yet_it_begins_anew_unless_another_process_is_at_it(
    tasks: tuple[Task, ...], tmp_path: Path
):
    def begin(count: int, **settings: Any) -> EvaluationFolder:
        return EvaluationFolder.open(
            tmp_path / "run", name="some", settings=Settings(**settings), tasks=tasks[:count], measures=()
        )

    with begin(4).writing(), pytest.raises(EvaluationError, match="Another process"):
        begin(2, policy="other")
    assert EvaluationFolder(tmp_path / "run").settings.policy == "heuristic"
    anew = begin(2, policy="other")
    assert anew.settings.policy == "other" and len(anew.asked) == 2


def test_a_folder_of_something_else_is_left_alone(tasks: tuple[Task, ...], tmp_path: Path):
    (tmp_path / "letter.txt").write_text("dear")
    with pytest.raises(EvaluationError, match="holds other things"):
        EvaluationFolder.open(tmp_path, name="two", settings=Settings(), tasks=tasks, measures=())
    with pytest.raises(EvaluationError, match="holds no evaluation"):
        EvaluationFolder(tmp_path)


def test_what_a_kill_leaves_before_the_settings_is_gone_on_with(tasks: tuple[Task, ...], tmp_path: Path):
    def begin(count: int) -> EvaluationFolder:
        return EvaluationFolder.open(tmp_path, name="two", settings=Settings(), tasks=tasks[:count], measures=())

    (tmp_path / "writer.lock").touch()
    (tmp_path / ".settings.json.77.part").write_text('{"sch')
    write_tasks(tmp_path / "tasks.jsonl", tasks)
    before = (tmp_path / "tasks.jsonl").read_bytes()
    with pytest.raises(EvaluationError, match="holds other things"):
        begin(2)  # another set: the file may be anybody's
    assert list(begin(4).asked) == [task.id for task in tasks]
    assert (tmp_path / "tasks.jsonl").read_bytes() == before


def test_one_process_at_a_time_is_at_it(tasks: tuple[Task, ...], tmp_path: Path):
    folder = EvaluationFolder.open(tmp_path / "run", name="two", settings=Settings(), tasks=tasks, measures=())
    with folder.writing(), pytest.raises(EvaluationError, match="Another process"), folder.writing():
        pass


def test_items_of_a_video_that_cannot_be_used_fail_and_are_wrong(tasks: tuple[Task, ...], memory: Path, tmp_path: Path):
    (tmp_path / "broken.mp4").write_bytes(b"no video")
    bad = [replace(tasks[0], id="b", videos=("broken.mp4",)), replace(tasks[0], id="g", videos=("gone.mp4",))]
    plans: list[dict[str, str]] = []
    folder = evaluate(
        TaskSet(name="some", tasks=(*tasks[:1], *bad)),
        Settings(),
        tmp_path / "run",
        memory=memory,
        videos=[tmp_path],
        on_plan=lambda count, failures: plans.append(failures),
    )
    assert list(plans[0]) == ["broken.mp4", "gone.mp4"]
    items = {item.task: item for item in folder.done()}
    assert not items["t0"].is_failure
    assert "VideoError" in str(items["b"].failed) and "broken.mp4" in str(items["b"].failed)
    assert "gone.mp4" in str(items["g"].failed)
    (overall, *_) = score(folder).rows
    assert (overall.items, overall.failed) == (3, 2) and overall.figures["accuracy"].value <= 1 / 3


def test_what_would_fail_every_item_ends_it_and_fails_none(tasks: tuple[Task, ...], memory: Path, tmp_path: Path):
    with pytest.raises(CapabilityError, match="a model that sees"):
        evaluate(TaskSet(name="two", tasks=tasks), Settings(route="direct"), tmp_path / "run", memory=memory)
    assert EvaluationFolder(tmp_path / "run").done() == []


def test_what_came_to_no_answer_is_asked_again_where_that_is_wanted(
    tasks: tuple[Task, ...], memory: Path, tmp_path: Path
):
    task_set = TaskSet(name="two", tasks=tasks)
    with ChatServer() as server:
        settings = Settings(policy=server.address)
        folder = EvaluationFolder.open(
            tmp_path / "run", name="two", settings=settings, tasks=tasks, measures=task_set.measures
        )
        folder.items.append(Item(task="t2", failed="the server was down"))
        evaluate(task_set, settings, folder.path, memory=memory)
        assert folder.done()[2].failed == "the server was down"
        assert "1 of 4 items failed, 1 of them so: the server was down" in failures(folder)
        asked = len(server.answered)
        evaluate(task_set, settings, folder.path, memory=memory, retry=True)
        assert len(server.answered) == asked + 2 and not folder.done()[2].is_failure


def test_samples_have_seeds_of_their_own(tasks: tuple[Task, ...], memory: Path, tmp_path: Path):
    with ChatServer() as server:
        settings = Settings(policy=server.address, samples=3, temperature=1.0)
        folder = evaluate(TaskSet(name="one", tasks=tasks[:1]), settings, tmp_path / "run", memory=memory)
        assert len(set(server.seeds)) == 3 and None not in server.seeds
    assert [item.sample for item in folder.done()] == [0, 1, 2]


def _answers(folder: EvaluationFolder) -> Sequence[tuple[str, str]]:
    return [(item.task, item.answer.text if item.answer else "") for item in folder.done()]


@pytest.mark.slow
def test_processes_ask_what_this_one_would_and_a_killed_one_is_replaced(tmp_path: Path):
    task_set = open_set("gym:retrieval", limit=6)
    here = evaluate(task_set, Settings(), tmp_path / "here", memory=tmp_path / "memory")
    killed: list[int] = []

    def kill(item: Item) -> None:
        if not killed:
            killed.extend(_workers())
            os.kill(killed[0], signal.SIGKILL)

    there = evaluate(task_set, Settings(), tmp_path / "there", memory=tmp_path / "memory", workers=2, on_item=kill)
    assert killed and _answers(there) == _answers(here)


def _workers() -> list[int]:
    listed = subprocess.run(["ps", "-ww", "-eo", "pid,ppid,args"], capture_output=True, text=True, check=True).stdout
    rows = [line.split(None, 2) for line in listed.splitlines()[1:]]
    ours = {row[0] for row in rows if row[1] == str(os.getpid()) and "rewatch.evaluation.workers" in row[2]}
    return [int(row[0]) for row in rows if row[1] in ours]


@pytest.mark.slow
def test_a_ray_cluster_asks_what_this_process_would(tmp_path: Path):
    pytest.importorskip("ray")
    task_set = open_set("gym:retrieval", limit=4)
    here = evaluate(task_set, Settings(), tmp_path / "here", memory=tmp_path / "memory")
    there = evaluate(task_set, Settings(), tmp_path / "there", memory=tmp_path / "memory", workers=2, ray="local")
    assert _answers(there) == _answers(here)


def _choices() -> Task:
    return Task(
        id="c",
        question="What is said about the budget?",
        kind="mcq",
        options=("one million", "two million", "ten million", "nothing"),
        truth=Truth(answer="C"),
        videos=("talk.mp4",),
    )


def test_under_a_control_the_task_is_judged_as_it_was_asked(memory: Path, tmp_path: Path):
    task_set = TaskSet(name="one", tasks=(_choices(),))
    usual = evaluate(task_set, Settings(), tmp_path / "usual", memory=memory)
    shuffled = evaluate(task_set, Settings(control="options_shuffled"), tmp_path / "shuffled", memory=memory)
    assert shuffled.asked == usual.tasks and shuffled.row["set"] == usual.row["set"]
    (task,), (item,) = shuffled.tasks.values(), shuffled.done()
    assert item.answer and item.answer.option == task.truth.answer != "C"
    assert "ten million" in task.options[ord(item.answer.option or "") - ord("A")]
    assert score(shuffled).rows[0].figures["accuracy"].value == 1.0
    found = compare(judged_items(usual), judged_items(shuffled))
    assert found.tasks == 1 and not found.gained and not found.lost


def test_with_the_question_alone_nothing_is_found(tasks: tuple[Task, ...], memory: Path, tmp_path: Path):
    settings = Settings(control="question_only", budget=Budget(calls=2))
    folder = evaluate(TaskSet(name="two", tasks=tasks[:3]), settings, tmp_path / "run", memory=memory)
    assert all(item.answer and item.answer.abstained and not item.answer.evidence for item in folder.done())


def test_a_task_for_which_a_control_means_nothing_is_left_out(tasks: tuple[Task, ...], memory: Path, tmp_path: Path):
    task_set = TaskSet(name="two", tasks=tasks)
    for _ in range(2):  # the second time there is nothing left to ask
        folder = evaluate(task_set, Settings(control="truth_span"), tmp_path / "run", memory=memory)
        assert [item.task for item in folder.done()] == ["t0", "t2"]
        assert [item.task for item in folder.left_out()] == ["t1", "t3"] and not folder.work()
    assert score(folder).rows[0].items == 2
    with pytest.raises(UnknownNameError, match="Did you mean truth_span"):
        evaluate(task_set, Settings(control="truth_spans"), tmp_path / "other", memory=memory)


def test_what_was_asked_before_is_told(tasks: tuple[Task, ...], memory: Path, tmp_path: Path):
    told = replace(tasks[2], meta={"history": [["Who speaks?", "Somebody with a hat"]]})
    write_tasks(tmp_path / "set.jsonl", [told])
    with ChatServer() as server:
        settings = Settings(policy=server.address)
        evaluate(open_set(str(tmp_path / "set.jsonl")), settings, tmp_path / "run", memory=memory)
        assert all("Somebody with a hat" in messages for messages in server.answered) and server.answered


def test_tools_of_ones_own_are_offered_and_a_change_of_them_is_noticed(
    tasks: tuple[Task, ...], memory: Path, tmp_path: Path
):
    mine = tmp_path / "mine.py"
    mine.write_text('def count_birds(video: str) -> str:\n    """Count the birds of a video."""\n    return "none"\n')
    settings = Settings(tools=(str(mine),))
    task_set = TaskSet(name="one", tasks=tasks[:1])
    folder = evaluate(task_set, settings, tmp_path / "run", memory=memory)
    assert "count_birds" in (folder.path / str(folder.done()[0].trace)).read_text()
    assert EvaluationFolder(folder.path).settings == settings
    mine.write_text(mine.read_text().replace("none", "nine"))
    with pytest.raises(EvaluationError, match=r"stamps\..*mine.py"):
        evaluate(task_set, settings, tmp_path / "run", memory=memory)


def test_half_a_line_is_passed_over_by_readers_and_goes_with_the_next_item(tmp_path: Path):
    whole = ItemFile(tmp_path)
    whole.append(Item(task="a", failed="no video, “ä”"))
    with whole.path.open("a") as file:
        file.write('{"schema": 1, "task": "b", "sam')
    before = whole.path.read_bytes()
    assert list(ItemFile(tmp_path).read()) == [("a", 0)]
    assert whole.path.read_bytes() == before  # whoever reads may do so while another writes
    again = ItemFile(tmp_path)
    again.append(Item(task="c", failed="no video"))
    assert list(again.read()) == [("a", 0), ("c", 0)]
    for row in ({"schema": 1}, {**Item(task="a").as_row(), "task": ["a"]}, []):
        whole.path.write_text(json.dumps(row) + "\n")
        with pytest.raises(EvaluationError, match="line 1"):
            again.read()


def test_a_full_disk_is_told_and_loses_nothing(tmp_path: Path):
    file = ItemFile(tmp_path)
    file.append(Item(task="a", failed="no video"))
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (file.path.stat().st_size + 20, limits[1]))
        with pytest.raises(EvaluationError, match=r"cannot be written .* again to go on"):
            file.append(Item(task="b", failed="no video"))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, before)
    file.append(Item(task="b", failed="no video"))
    assert list(file.read()) == [("a", 0), ("b", 0)]


def test_nothing_after_now_is_waited_for(tasks: tuple[Task, ...], memory: Path, tmp_path: Path):
    early = replace(tasks[2], question="Tell me when Oslo is spoken of.", now=2.5, truth=Truth(absent=True))
    folder = evaluate(TaskSet(name="one", tasks=(early,)), Settings(), tmp_path / "run", memory=memory)
    answer = folder.done()[0].answer
    assert answer and answer.mode == "backward" and answer.now == 2.5 and "goes to Oslo" not in answer.text
    assert all(span.end <= 2.5 for span in answer.spans)


def test_settings_are_published_without_passwords():
    row = Settings(policy="http://me:secret@host:8000/v1?sees=false#m", tools=("mine.py",), seed=3).as_dict()
    assert row["policy"] == "http://host:8000/v1?sees=false#m" and "secret" not in json.dumps(row)
    assert Settings.from_dict(json.loads(json.dumps(row))).as_dict() == row


def test_a_policy_that_is_not_here_is_told_of_before_anything_is_indexed(
    tasks: tuple[Task, ...], talk: Path, tmp_path: Path
):
    added: list[Path] = []

    def add(memory: ClipMemory, path: Path) -> VideoRecord:
        added.append(path)
        return memory.add(path)

    for settings in (Settings(policy="no/such-model"), Settings(route="serch"), Settings(scale="votes")):
        with pytest.raises(CapabilityError):
            evaluate(TaskSet(name="one", tasks=tasks), settings, tmp_path / "run", videos=[talk.parent], add=add)
        shutil.rmtree(tmp_path / "run", ignore_errors=True)
    assert added == []


def test_a_task_that_cannot_be_asked_fails_alone(tasks: tuple[Task, ...], memory: Path, tmp_path: Path):
    odd = replace(tasks[2], id="odd", now="DAY2 08:30")  # nobody knows when the talk was recorded
    folder = evaluate(TaskSet(name="two", tasks=(odd, tasks[0])), Settings(), tmp_path / "run", memory=memory)
    failed, right = folder.done()
    assert failed.failed and "DAY2" in failed.failed and right.failed is None
    assert [one.failed for one in judged_items(folder)] == [True, False]
