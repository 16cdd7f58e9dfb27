"""Evaluations in the forms of others: a log of Inspect, and Parquet."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pyarrow.parquet
import pytest
from chat_server import ChatServer
from rewatch.evaluation.benchmarks.sources import TaskSet
from rewatch.evaluation.evaluate import evaluate, score
from rewatch.evaluation.report.inspect_log import write_inspect
from rewatch.evaluation.report.parquet import SETTINGS_KEY, write_parquet
from rewatch.evaluation.resume import EvaluationFolder
from rewatch.evaluation.settings import Settings
from rewatch.training.data.task import Task, Truth

INSPECT = os.environ.get("REWATCH_INSPECT", "")
MCQ = Task(
    id="m", question="Where does the trip go?", kind="mcq", options=("Rome", "Oslo"), truth=Truth(answer="B"),
    videos=("talk.mp4",), meta={"categories": {"duration": "short"}},
)  # fmt: skip
NO_VIDEO = Task(id="gone", question="Who waves?", kind="open", truth=Truth(answer="Peter"), videos=("gone.mp4",))


@pytest.fixture(scope="module")
def folder(tasks: tuple[Task, ...], memory: Path, tmp_path_factory: pytest.TempPathFactory) -> EvaluationFolder:
    """Four questions about a talk, a choice, and one whose video is not there; each was asked twice."""
    asked = TaskSet(name="talk", tasks=(*tasks, MCQ, NO_VIDEO))
    with ChatServer() as server:
        return evaluate(
            asked, Settings(policy=server.address, samples=2), tmp_path_factory.mktemp("exports") / "run", memory=memory
        )


def test_a_log_of_inspect_has_every_item_with_its_verdict_and_conversation(folder: EvaluationFolder, tmp_path: Path):
    write_inspect(folder, tmp_path / "log.json")
    log = json.loads((tmp_path / "log.json").read_text())
    assert log["status"] == "success" and log["eval"]["dataset"]["samples"] == 6
    samples = {(one["id"], one["epoch"]): one for one in log["samples"]}
    assert len(samples) == 12
    verdicts = [samples[f"t{n}", 2]["scores"]["rewatch"]["value"] for n in range(4)]
    assert verdicts == ["C", "I", "C", "C"]  # the last abstains, and is right to
    budget = samples["t0", 1]
    assert budget["target"] == "ten million" and "ten million" in budget["output"]["completion"]
    asked = next(one for one in budget["messages"] if one.get("tool_calls"))
    calls = {call["id"]: call["function"] for call in asked["tool_calls"]}
    told = next(one for one in budget["messages"] if one["role"] == "tool")
    assert calls[told["tool_call_id"]] == told["function"]
    assert samples["m", 1]["target"] == ["B"] and samples["m", 1]["choices"] == ["Rome", "Oslo"]
    gone = samples["gone", 1]
    assert gone["scores"]["rewatch"]["value"] == "I" and "gone.mp4" in gone["error"]["message"]
    assert gone["messages"] == [{"role": "user", "content": "Who waves?"}] and gone["output"]["choices"] == []
    metrics = log["results"]["scores"][0]["metrics"]
    overall = score(folder).rows[0].figures
    assert {name: metric["value"] for name, metric in metrics.items()} == {
        name: pytest.approx(figure.value, abs=1e-6) for name, figure in overall.items()
    }
    assert log["results"]["total_samples"] == 12 and log["results"]["completed_samples"] == 10


def test_one_that_goes_on_still_is_told_as_not_complete(tasks: tuple[Task, ...], tmp_path: Path):
    begun = EvaluationFolder.open(tmp_path / "run", name="talk", settings=Settings(), tasks=tasks, measures=())
    write_inspect(begun, tmp_path / "log.json")
    log = json.loads((tmp_path / "log.json").read_text())
    assert log["status"] == "cancelled" and log["samples"] == [] and log["results"]["total_samples"] == 4
    write_parquet(begun, tmp_path / "items.parquet")
    assert pyarrow.parquet.read_table(tmp_path / "items.parquet").num_rows == 0


def test_a_table_has_a_row_for_each_item_that_datasets_reads(folder: EvaluationFolder, tmp_path: Path):
    from datasets import load_dataset

    out = tmp_path / "items.parquet"
    write_parquet(folder, out)
    rows: list[dict[str, Any]] = list(
        load_dataset("parquet", data_files=str(out), split="train", cache_dir=str(tmp_path / "cache"))
    )
    by = {(row["task"], row["sample"]): row for row in rows}
    assert len(by) == 12 and [by[f"t{n}", 0]["right"] for n in range(4)] == [True, False, True, True]
    budget = by["t0", 1]
    assert budget["true_spans"] == [[0.5, 2.5]] and budget["evidence"][0]["quote"] and budget["spans"]
    assert budget["supported"] is True and budget["failed"] is None and budget["options"] == []
    assert by["m", 0]["options"] == ["Rome", "Oslo"] and json.loads(by["m", 0]["categories"]) == {"duration": "short"}
    assert by["gone", 0]["right"] is False and "gone.mp4" in by["gone", 0]["failed"]
    kept = pyarrow.parquet.read_schema(out).metadata[SETTINGS_KEY.encode()]
    assert json.loads(kept) == folder.row


@pytest.mark.slow
@pytest.mark.skipif(not INSPECT, reason="REWATCH_INSPECT names no Python of an environment that has inspect_ai")
def test_inspect_itself_reads_the_log(folder: EvaluationFolder, tmp_path: Path):
    write_inspect(folder, tmp_path / "log.json")
    code = (
        "import json, sys; from inspect_ai.log import read_eval_log, read_eval_log_sample_summaries as short\n"
        "log = read_eval_log(sys.argv[1]); one = log.samples[0]\n"
        "print(json.dumps([log.status, len(log.samples), log.results.scores[0].metrics['accuracy'].value,"
        " [m.role for m in one.messages], one.scores['rewatch'].as_str(), len(short(sys.argv[1]))]))"
    )
    ran = subprocess.run([INSPECT, "-c", code, tmp_path / "log.json"], capture_output=True, text=True, check=True)
    status, count, accuracy, roles, verdict, summaries = json.loads(ran.stdout)
    assert (status, count, verdict, summaries) == ("success", 12, "C", 12)
    assert accuracy == pytest.approx(score(folder).rows[0].figures["accuracy"].value, abs=1e-6)
    assert roles[:2] == ["system", "user"] and "tool" in roles
    command = Path(INSPECT).with_name("inspect")
    convert = ["convert", "--to", "eval", "--output-dir", tmp_path, tmp_path / "log.json"]
    for words in (["dump", tmp_path / "log.json"], convert):
        subprocess.run([command, "log", *words], capture_output=True, check=True)
    assert (tmp_path / "log.eval").stat().st_size > 0
