"""Harnesses in environments of their own against `rewatch serve`: their own code, and their own verdicts."""

from __future__ import annotations

import json
import os
import re
import runpy
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from lmms_eval_rows import write_tasks

EXAMPLES = Path(__file__).parents[2] / "examples" / "harness"
LMMS_EVAL = os.environ.get("REWATCH_LMMS_EVAL", "")

VLMEVALKIT = os.environ.get("REWATCH_VLMEVALKIT", "")

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
lmms_eval = pytest.mark.skipif(
    not LMMS_EVAL, reason="REWATCH_LMMS_EVAL names no Python of an environment that has lmms-eval==0.7.3"
)
vlmevalkit = pytest.mark.skipif(
    not VLMEVALKIT, reason="REWATCH_VLMEVALKIT names no Python of an environment that has ms-vlmeval==0.0.20"
)


def _run(tmp_path: Path, script: str, python: str, *arguments: str) -> str:
    home = str(tmp_path / "home")
    variables = {"HF_HOME": home, "LMUData": home, "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"}
    ran = subprocess.run(
        [sys.executable, EXAMPLES / script, "--out", tmp_path / "out", "--python", python, *arguments],
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
    )
    assert ran.returncode == 0, ran.stderr[-3000:]
    return ran.stdout


def _replies(out: Path) -> dict[str, list[str]]:
    """What the server replied, by task."""
    return {
        path.stem.partition("_samples_")[2]: [_reply(line) for line in path.read_text().splitlines()]
        for path in sorted(out.rglob("*_samples_*.jsonl"))
    }


def _reply(line: str) -> str:
    found: Any = json.loads(line)["filtered_resps"]
    while isinstance(found, list):
        found = found[0]
    return str(found)


@lmms_eval
def test_lmms_eval_completes_a_task_and_finds_each_answer_in_its_form(tmp_path: Path):
    told = _run(tmp_path, "lmms_eval.py", LMMS_EVAL)
    assert "rewatch_local accuracy 1\n" in told, _replies(tmp_path / "out")


@lmms_eval
def test_each_tenth_of_two_hundred_rows_has_a_broken_video_and_is_wrong(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.syspath_prepend(EXAMPLES)
    folder = runpy.run_path(str(EXAMPLES / "lmms_eval.py"))["local_task"](tmp_path / "task")
    rows = [json.loads(line) for line in (folder / "rows.jsonl").read_text().splitlines()]
    (folder / "broken.mp4").write_bytes((folder / rows[0]["video"]).read_bytes()[:3000])
    asked = [{**rows[n % 3], **({"video": "broken.mp4"} if n % 10 == 9 else {})} for n in range(200)]
    (folder / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in asked))
    told = _run(tmp_path, "lmms_eval.py", LMMS_EVAL, "--include", str(folder))
    assert "rewatch_local accuracy 0.9\n" in told
    replies = _replies(tmp_path / "out")["rewatch_local"]
    assert sum(reply.startswith("[LMMS_EVAL_REQUEST_FAILED") for reply in replies) == 20


@lmms_eval
def test_tasks_of_lmms_eval_read_the_answers_in_their_own_forms(tmp_path: Path):
    clips, folder = tmp_path / "clips", tmp_path / "tasks"
    clips.mkdir()
    folder.mkdir()
    rows = runpy.run_path(str(EXAMPLES / "clips.py"))["write_clips"](clips)
    color = re.search(r"something (\w+)", rows[-1]["question"])
    assert color is not None
    theirs = subprocess.run(
        [LMMS_EVAL, "-c", "import importlib.util as i; print(i.find_spec('lmms_eval').submodule_search_locations[0])"],
        capture_output=True, check=True, text=True,
    )  # fmt: skip
    names = write_tasks(
        Path(theirs.stdout.strip()) / "tasks", clips, tmp_path / "home", folder, rows,
        f"something {color[1]} crosses the picture",
    )  # fmt: skip
    options = ("--include", str(folder), "--videos", str(tmp_path / "home"), "--tasks", ",".join(names))
    told = _run(tmp_path, "lmms_eval.py", LMMS_EVAL, *options)
    replies = _replies(tmp_path / "out")
    for name in ("videomme", "mvbench", "nextqa", "egoschema", "lvbench", "mlvu", "tempcompass"):
        assert replies[f"rewatch_{name}"] == [rows[0]["answer"]], told
    for name in ("charades", "timelens"):
        assert re.fullmatch(r"The event happens in (the )?[\d.]+ - [\d.]+( seconds)?\.?", replies[f"rewatch_{name}"][0])
    right = ("videomme_perception_score 100", "mvbench_accuracy 100", "exact_match 1", "score 1", "IOU@7 100")
    assert all(figure in told for figure in right), told


@vlmevalkit
def test_vlmevalkit_reads_the_letter_in_a_set_of_the_form_of_video_mme(tmp_path: Path):
    _run(tmp_path, "vlmevalkit.py", VLMEVALKIT)
    (rating,) = (tmp_path / "out").rglob("*_rating.json")
    assert float(json.loads(rating.read_text())["overall"]["overall"]) == 1.0
