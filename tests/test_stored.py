"""What an earlier version stored is opened by this one: a memory, traces, a run that was cut off, a trained run.

`stored/v0.1.tar.xz` was made before the files of the source moved to the folders that they are in now: the demo's
video in a memory with its runs, and a run of `rewatch train sft` of four steps (weights and moments set to zero, so
that it is small). It is never made anew.
"""

from __future__ import annotations

import json
import sqlite3
import tarfile
from pathlib import Path
from typing import Any

import pytest
from rewatch import ClipMemory, VideoAgent
from rewatch.agent import load_policy
from rewatch.agent.replay import replay
from rewatch.agent.report import write_report
from rewatch.training.experiments import SFTRun, read_config, sft

DEMO = Path(__file__).parents[1] / "examples" / "demo" / "demo.mp4"
ARCHIVE = Path(__file__).parent / "stored" / "v0.1.tar.xz"
CUT_OFF = "20261129-005754-d48364"


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("stored")
    with tarfile.open(ARCHIVE) as archive:
        archive.extractall(folder, filter="data")
    # The video lay in /srv/videos; here it is the demo's own.
    database = sqlite3.connect(folder / "library" / "memory.sqlite")
    database.execute("UPDATE videos SET path = ?", (str(DEMO),))
    database.commit()
    database.close()
    return folder


@pytest.fixture(scope="module")
def expected(stored: Path) -> dict[str, Any]:
    return json.loads((stored / "expected.json").read_text(encoding="utf-8"))


def test_a_memory_is_searched_and_asked(stored: Path, expected: dict[str, Any]):
    memory = ClipMemory(stored / "library")
    (video,) = memory.videos()
    assert video.id == "919d982c"
    assert "money" in memory.search("money", channels=["speech"])[0].texts[0].text
    agent = VideoAgent(memory)
    for row in [row for run, row in expected.items() if run != "cut"]:
        answer = agent.ask(row["question"])
        assert (answer.text, [e.uri for e in answer.evidence]) == (row["text"], row["evidence"])


def test_its_traces_are_replayed_and_shown(stored: Path, expected: dict[str, Any], tmp_path: Path):
    for run in [run for run in expected if run != "cut"]:
        trace = stored / "library" / "runs" / f"{run}.jsonl"
        again = replay(trace)
        assert again.answer is not None and again.answer.text == expected[run]["text"]
        assert again.differences == []
        assert expected[run]["question"] in write_report(trace, tmp_path / f"{run}.html").read_text(encoding="utf-8")


def test_a_run_that_was_cut_off_goes_on(stored: Path, expected: dict[str, Any]):
    runs = stored / "library" / "runs"
    agent = VideoAgent(ClipMemory(stored / "library"), traces=runs, checkpoints=runs / "steps.sqlite")
    assert agent.resume(CUT_OFF).text == expected["cut"]["text"]


def test_a_trained_run_is_asked_and_trained_on(stored: Path):
    run = stored / "sft"
    policy = load_policy(str(run))
    answer = VideoAgent(ClipMemory(stored / "library"), policy=policy).ask("What is said about the money?")
    assert answer.stopped_by
    # As if it had been a run of six steps that was cut off after four: the card is written last of all.
    (run / "README.md").unlink()
    settings = run / "config.yaml"
    settings.write_text(settings.read_text(encoding="utf-8").replace("  steps: 4\n", "  steps: 6\n"), encoding="utf-8")
    sft(read_config(SFTRun, settings), run, resume=True)
    steps = [json.loads(line) for line in (run / "metrics.jsonl").read_text(encoding="utf-8").splitlines()]
    assert max(row["step"] for row in steps) == 6
