"""`rewatch train` as people run it: a process, its lines, a kill in the middle, and the policy asked afterwards."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

pytest.importorskip("trl", reason="the tiny model's chat template is the one that TRL bundles")
CONFIG = """
policy: {model: tiny, max_tokens: 8}
loop: {preset: clips16, budget: {frames: 4, calls: 2}}
tasks: {families: [clips16.clip], count: 4}
held_out: {families: [clips16.clip], count: 2, seed: 500}
traces: {expert: {}}
trainer: {steps: 16, evaluate_every: 16, save_every: 2, rows: 2}
"""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("train")
    (home / "sft.yaml").write_text(CONFIG)
    return home


def command(*words: object) -> list[str]:
    return [sys.executable, "-m", "rewatch", *map(str, words)]


def started(home: Path, *words: object) -> subprocess.Popen[str]:
    environment = {**os.environ, "HOME": str(home), "OMP_NUM_THREADS": "1", "COLUMNS": "90"}
    pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen(command(*words), cwd=home, env=environment, **pipes)


def losses(folder: Path) -> list[tuple[int, float]]:
    rows = map(json.loads, (folder / "metrics.jsonl").read_text().splitlines())
    return [(row["step"], row["loss"]) for row in rows if row["stage"] == "sft"]


@pytest.mark.slow
def test_a_killed_run_goes_on_with_the_same_curve_and_its_policy_is_asked(home: Path) -> None:
    whole = started(home, "train", "sft", "sft.yaml", "--out", "whole")
    killed = started(home, "train", "sft", "sft.yaml", "--out", "killed", "--json")
    assert killed.stdout
    for line in killed.stdout:
        row = json.loads(line)
        if row.get("stage") == "sft" and row["step"] == 7:
            killed.send_signal(signal.SIGKILL)
            break
    assert killed.wait(60) == -signal.SIGKILL and not (home / "killed" / "policy").exists()
    killed.stdout.close()
    told, problems = whole.communicate(timeout=120)
    assert whole.returncode == 0, problems
    assert "held out 0/16" in told and "sft      16/16" in told and "--policy whole" in told
    rest = started(home, "train", "sft", "--out", "killed", "--resume")
    told, problems = rest.communicate(timeout=120)
    assert rest.returncode == 0, problems
    assert "goes on from step" in told and "goes on from step 0" not in told
    one, two = losses(home / "whole"), losses(home / "killed")
    assert [step for step, _ in two] == list(range(1, 17))
    assert [loss for _, loss in two] == pytest.approx([loss for _, loss in one], abs=2e-4)

    from rewatch.training.gym import make_environment, write_video

    made = make_environment("clips16.clip", 9)
    video = write_video(made.world, home)
    from rewatch.memory import ClipMemory

    with ClipMemory(home / "memory", text_encoder="hashed") as memory:
        memory.add(video, channels=("speech",), clip_seconds=1.0, subtitles=video.with_suffix(".srt"), workers=0)
    asked = started(
        home,
        "ask",
        video.name,
        made.task.question,
        "--policy",
        "killed",
        "--memory",
        "memory",
        "--channels",
        "speech",
        "--json",
    )
    told, problems = asked.communicate(timeout=120)
    assert asked.returncode == 0, problems
    answer = json.loads(told)
    prompt = (home / answer["trace"]).read_text().splitlines()[1]
    assert answer["spend"]["tokens"] > 0 and made.task.question in json.loads(prompt)["prompt"][1]["content"]


def run(*words: object) -> Any:
    from rewatch.cli.app import app

    return CliRunner().invoke(app, list(map(str, words)))


def test_what_is_wrong_with_a_configuration_is_one_line(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(home)
    for words, told in [
        (("train", "sft", "sft.yaml", "trainer.stps=3"), "sft.yaml: trainer.stps is not known; did you mean steps?"),
        (
            ("train", "sft", "sft.yaml", "tasks.families=[clips16.colr]"),
            "sft.yaml: tasks.families: clips16.colr is not",
        ),
        (("train", "sft", "none.yaml"), "none.yaml: cannot be read"),
        (("train", "rl", "sft.yaml"), "sft.yaml: traces is not known"),
    ]:
        result = run(*words, "--out", "never")
        assert result.exit_code != 0 and told in str(result.exception) and "\n" not in str(result.exception)
    assert not (home / "never").exists()
    assert "needs --out" in run("train", "sft", "--resume").output
    assert "Give a configuration" in run("train", "sft").output


def test_help_names_the_verbs() -> None:
    told = run("train", "--help").output
    assert all(verb in told for verb in ("sft", "rl", "dpo"))


def test_the_commands_of_the_guide_are_commands_with_options_that_there_are() -> None:
    import re
    import shlex

    import typer
    from rewatch.cli.app import app

    root = Path(__file__).resolve().parents[2]
    text = (root / "docs" / "training.md").read_text(encoding="utf-8")
    lines = "\n".join(re.findall(r"```\n(.*?)```", text, re.DOTALL)).replace("\\\n", " ").splitlines()
    found = [shlex.split(line, comments=True) for line in lines if re.search(r"(^|-m )rewatch ", line)]
    found += [shlex.split(line) for line in re.findall(r"`(rewatch [^`]+)`", text) if "|" not in line]
    assert len(found) > 10
    for words in found:
        command: Any = typer.main.get_command(app)
        words = words[words.index("rewatch") + 1 :]
        while words and words[0] in getattr(command, "commands", {}):
            command = command.commands[words.pop(0)]
        known = {option for parameter in command.params for option in parameter.opts}
        assert {word for word in words if word.startswith("--")} <= known, words
        assert all((root / word).is_file() for word in words if word.startswith("examples/")), words
