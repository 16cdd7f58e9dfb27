"""`rewatch eval` as it is typed."""

from __future__ import annotations

import json
from pathlib import Path
from subprocess import CompletedProcess

import pytest
from command_line import run_here
from rewatch.evaluation.evaluate import TABLE


def _rewatch(folder: Path, *words: object) -> CompletedProcess[str]:
    variables = {"HOME": str(folder), "REWATCH_MEMORY": str(folder / "memory"), "COLUMNS": "120"}
    return run_here(folder, *words, variables=variables)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which two tasks of the gym were asked, into `run`."""
    folder = tmp_path_factory.mktemp("eval")
    done = _rewatch(folder, "eval", "gym:retrieval", "--limit", 2, "--out", "run", "--memory", "memory")
    assert done.returncode == 0, done.stderr
    return folder


def test_a_set_is_the_first_word_and_options_may_come_first(place: Path):
    again = _rewatch(place, "eval", "--limit", 2, "gym:retrieval", "--memory", "memory", "--out", "run", "--json")
    row = json.loads(again.stdout)
    assert row["left"] == 0 and row["rows"][0]["items"] == 2 and row["rows"][0]["figures"]["accuracy"]["value"] == 1.0
    assert (place / "run" / "memory").exists() is False


def test_the_table_is_made_again_without_anything_else(place: Path):
    before = (place / "run" / TABLE).read_bytes()
    shown = _rewatch(place, "eval", "rescore", "run")
    assert shown.returncode == 0 and "accuracy" in shown.stdout and "folder  run" in shown.stdout
    assert (place / "run" / TABLE).read_bytes() == before


def test_a_run_is_written_for_other_programs(place: Path):
    told = _rewatch(place, "eval", "export", "run", "--to", "inspect")
    assert told.returncode == 0 and "run/inspect.json" in told.stdout
    assert json.loads((place / "run" / "inspect.json").read_text())["status"] == "success"
    told = _rewatch(place, "eval", "export", "run", "--to", "hf", "--out", "rows.parquet")
    assert told.returncode == 0 and (place / "rows.parquet").read_bytes()[:4] == b"PAR1"
    bad = _rewatch(place, "eval", "export", "run", "--to", "hf", "--out", "/proc/none/rows.parquet")
    assert bad.returncode == 2 and "cannot be written" in bad.stderr


def test_two_runs_are_compared_and_what_they_were_run_with(place: Path):
    words = ("eval", "gym:retrieval", "--limit", 2, "--memory", "memory", "--out", "few", "--calls", 0)
    assert _rewatch(place, *words).returncode == 0
    told = json.loads(_rewatch(place, "eval", "compare", "run", "few", "--json").stdout)
    assert told["tasks"] == 2
    assert told["settings"] == [{"name": "settings.budget.calls", "first": 12, "second": 0}]


def test_a_run_and_its_control_are_one_page(place: Path):
    words = (
        "eval",
        "gym:retrieval",
        "--limit",
        2,
        "--memory",
        "memory",
        "--out",
        "blind",
        "--control",
        "question_only",
    )
    assert _rewatch(place, *words).returncode == 0
    told = json.loads(_rewatch(place, "eval", "report", "run", "blind", "--json").stdout)
    page = (place / told["page"]).read_text()
    assert "question_only" in page and "-1.000" in page, "all of it was in the video"
    assert page.count("report-runs/") == 2 and len(list((place / "run" / "report-runs").iterdir())) == 2
    refused = _rewatch(place, "eval", "report", "blind", "--out", ".")
    assert refused.returncode != 0 and "is a folder" in refused.stderr
    assert "Did you mean no_speech?" in _rewatch(place, *words[:-1], "no_speach").stderr


def test_a_curve_has_a_point_for_each_strategy_and_budget(place: Path):
    words = ("eval", "curve", "gym:retrieval", "--limit", 2, "--memory", "memory", "--out", "curve")
    told = json.loads(_rewatch(place, *words, "--routes", "search,read", "--frames", "0,4", "--json").stdout)
    points = [(point["strategy"], point["budget"]["frames"]) for point in told["points"]]
    assert sorted(points) == [("read", 0), ("read", 4), ("search", 0), ("search", 4)]
    bad = _rewatch(place, *words, "--routes", "serch")
    assert bad.returncode == 2 and "Did you mean search?" in bad.stderr
    assert "4,16,64" in _rewatch(place, *words, "--frames", "4;16").stderr


def test_what_cannot_be_asked_is_one_line(place: Path):
    nothing = _rewatch(place, "eval", "gim")
    assert nothing.returncode == 2 and "gim" in nothing.stderr
    other = _rewatch(place, "eval", "gym:retrieval", "--limit", 2, "--memory", "memory", "--out", "run", "--seed", 5)
    assert other.returncode == 2 and "set.hash" in other.stderr and "give another --out" in other.stderr
    (place / "bad.mp4").write_bytes(b"no video")
    (place / "bad.jsonl").write_text('{"id": "a", "question": "Who?", "answer": "Ann", "video": "bad.mp4"}\n')
    failed = _rewatch(place, "eval", "bad.jsonl", "--out", "bad")
    assert failed.returncode == 1 and "All 1 items failed" in failed.stderr and "bad.mp4" in failed.stderr
    assert "holds no evaluation" in _rewatch(place, "eval", "rescore", "memory").stderr


def test_of_many_videos_that_are_missing_a_few_are_told(place: Path):
    rows = [{"id": str(n), "question": "Who?", "answer": "Ann", "video": f"no{n}.mp4"} for n in range(9)]
    (place / "gone.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    told = _rewatch(place, "eval", "gone.jsonl", "--out", "gone").stderr
    assert told.count("its tasks fail") == 3 and "6 more videos cannot be used" in told
    assert "All 9 items failed" in told and "--videos names the folder" in told


def test_a_control_that_leaves_everything_out_has_measured_nothing(place: Path):
    words = ("eval", "gym:retrieval", "--limit", 2, "--memory", "memory", "--control", "options_shuffled")
    told = _rewatch(place, *words, "--out", "none")
    assert told.returncode == 1 and "All 2 items are left out, the first since" in told.stderr


def test_the_memory_of_a_run_is_its_own_unless_one_is_named(place: Path):
    assert "[default: one in the evaluation's folder]" in " ".join(
        _rewatch(place, "eval", "run", "--help").stdout.split()
    )


def test_sets_measures_and_controls_are_listed(place: Path):
    shown = _rewatch(place, "eval", "list")
    assert shown.returncode == 0 and "gym" in shown.stdout and "accuracy" in shown.stdout
    assert "accuracy" in json.loads(_rewatch(place, "eval", "list", "--json").stdout)["measures"]
