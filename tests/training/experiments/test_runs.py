"""Runs from Python: what they leave, that they go on where they were stopped, and that what they trained is asked."""

from __future__ import annotations

import html
from pathlib import Path
from typing import Any

import pytest
from rewatch.agent import VideoAgent, load_policy
from rewatch.agent.models.policy_config import PolicyConfig, read_policy_config
from rewatch.agent.small_loop import own_loop
from rewatch.agent.trace import read_trace
from rewatch.memory import CapabilityError
from rewatch.training.experiments import Event, RLRun, SFTRun, read_config, rl, sft
from rewatch.training.experiments.run_folder import RunFolderError
from rewatch.training.gym import build_memory, make_environment
from rewatch.training.trainers.gate import GateError

from .conftest import FAMILIES, SFT, changed, rl_row, rows

pytest.importorskip("trl", reason="the tiny model's chat template is the one that TRL bundles")


def test_a_run_leaves_all_that_it_promises(taught: Path) -> None:
    assert [row["step"] for row in rows(taught, "sft")] == [1, 2, 3, 4]
    held = rows(taught, "held-out")
    assert [row["step"] for row in held] == [0, 2, 4] and {"accuracy", "accuracy_se", "runs"} <= set(held[-1])
    assert {f"accuracy/{family}" for family in FAMILIES} <= set(held[-1]) and held[-1]["runs"] == 4
    assert [row["step"] for row in rows(taught, "no-tools")] == [0, 4]
    for name in ("loss", "accuracy", "tool_rate", "entropy", "tasks", "overview"):
        assert (taught / "curves" / f"{name}.png").read_bytes().startswith(b"\x89PNG")
    for when in ("before", "after"):
        page = (taught / "samples" / f"{when}-1.html").read_text()
        question = read_trace(taught / "samples" / f"{when}-1.jsonl")[0]["question"]["text"]
        assert question in html.unescape(page) and page.startswith("<!doctype html>")
    again = read_config(SFTRun, taught / "config.yaml")
    assert again == read_config(SFTRun, SFT)
    card = (taught / "README.md").read_text()
    assert "random weights" in card and f"{held[-1]['accuracy']:.3f} ± {held[-1]['accuracy_se']:.3f}" in card
    assert f"--policy {taught}" in card and "4 sampled runs" in card and "right answers without tools" in card
    assert not list(taught.glob("*.part"))


def test_what_was_trained_is_loaded_as_it_was_trained_and_asked(taught: Path, tmp_path: Path) -> None:
    policy: Any = load_policy(str(taught))
    assert policy.dialect.name == "short" and policy.dialect.system == "clips" and policy.max_tokens == 8
    assert policy.policy_config.route == "search" and load_policy(f"{taught}?max_tokens=5").max_tokens == 5  # type: ignore[attr-defined]
    one = make_environment("clips16.color", 77)
    agent = VideoAgent(build_memory([one], tmp_path / "memory"), policy=str(taught), traces=tmp_path)
    assert agent.toolbox.names == ["search_clips", "view_clip"]
    answer = agent.ask(one.task.question)
    events = read_trace(answer.trace or "")
    assert events[1]["prompt"][1]["content"] == one.task.question and events[1]["prompt"][0]["content"] == "clips"


def test_a_run_that_was_stopped_goes_on_with_the_same_curve(taught: Path, tmp_path: Path) -> None:
    class Stop(Exception):
        pass

    def stop(event: Event) -> None:
        if event.stage == "sft" and event.step == 3 and event.kind == "row":
            raise Stop

    with pytest.raises(Stop):
        sft(read_config(SFTRun, SFT), tmp_path / "run", on_event=stop)
    assert not (tmp_path / "run" / "policy").exists()
    with pytest.raises(RunFolderError, match="holds a run already"):
        sft(read_config(SFTRun, SFT), tmp_path / "run")
    other = read_config(SFTRun, SFT, ["trainer.warmup=2"])
    with pytest.raises(RunFolderError, match=r"trainer\.warmup was 1 and is 2 now"):
        sft(other, tmp_path / "run", resume=True)
    with (tmp_path / "run" / "metrics.jsonl").open("a") as file:
        file.write('{"stage": "sft", "st')  # what a kill leaves
    sft(read_config(SFTRun, SFT), tmp_path / "run", resume=True)
    for stage in ("sft", "held-out", "no-tools"):
        one, two = rows(taught, stage), rows(tmp_path / "run", stage)
        assert [r["step"] for r in one] == [r["step"] for r in two]
        for left, right in zip(one, two, strict=True):
            assert {k: v for k, v in left.items() if k != "s"} == pytest.approx(
                {k: v for k, v in right.items() if k != "s"}, abs=2e-4
            )
    seconds = [row["s"] for row in rows(tmp_path / "run", "sft")]
    assert seconds == sorted(seconds)
    metrics, told = (tmp_path / "run" / "metrics.jsonl").read_text(), list[Event]()
    sft(read_config(SFTRun, SFT), tmp_path / "run", resume=True, on_event=told.append)
    assert (tmp_path / "run" / "metrics.jsonl").read_text() == metrics and "finished" in told[-1].text
    (tmp_path / "run" / "README.md").unlink()  # killed before its last word, after its figures
    sft(read_config(SFTRun, SFT), tmp_path / "run", resume=True)
    assert [(r["stage"], r["step"]) for r in rows(tmp_path / "run")] == [(r["stage"], r["step"]) for r in rows(taught)]


def test_reinforcement_learning_begins_behind_the_gate(taught: Path, tmp_path: Path) -> None:
    row = rl_row(taught, objective="grpo")
    with pytest.raises(GateError, match="cannot use its tools yet"):
        rl(read_config(RLRun, {**row, "gate": {}}), tmp_path / "refused")
    told: list[Event] = []
    folder = rl(read_config(RLRun, row), tmp_path / "run", on_event=told.append)
    learnt = rows(folder, "rl")
    assert [r["step"] for r in learnt] == [1, 2] and {"reward", "tool_rate", "entropy", "flat_share"} <= set(learnt[0])
    assert [e.row["step"] for e in told if e.stage == "rl" and e.kind == "row"] == [1, 2]
    assert "random weights" in (folder / "README.md").read_text()  # of the run that it started from
    with pytest.raises(Exception, match=r"objective: grop is not known; did you mean grpo"):
        rl(read_config(RLRun, {**row, "objective": "grop"}), tmp_path / "never")
    assert not (tmp_path / "never").exists()


def test_a_folder_from_elsewhere_runs_no_code_of_its_choosing(tmp_path: Path) -> None:
    with pytest.raises(CapabilityError, match="it is not run"):
        own_loop(PolicyConfig(loop="os:system"), None, None)  # type: ignore[arg-type]
    (tmp_path / "rewatch.json").write_text('{"schema": 2}')
    with pytest.raises(CapabilityError, match="schema 2, and this rewatch reads 1"):
        read_policy_config(tmp_path)
    (tmp_path / "rewatch.json").write_text('{"schema": 1, "extra": 3}')
    with pytest.raises(CapabilityError, match="extra is not known"):
        read_policy_config(tmp_path)


def test_tensorboard_gets_every_row(tmp_path: Path) -> None:
    pytest.importorskip("tensorboard", reason="optional: pip install tensorboard")
    from rewatch.training.experiments.config import Log
    from rewatch.training.experiments.run_folder import Sinks
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    sinks = Sinks(Log(tensorboard=True), tmp_path, read_config(SFTRun, SFT))
    for step in (1, 2):
        sinks.write({"stage": "sft", "step": step, "s": 0.1, "loss": 1 / step})
    sinks.close()
    read = EventAccumulator(str(tmp_path / "tensorboard"))
    read.Reload()
    assert [(row.step, row.value) for row in read.Scalars("sft/loss")] == [(1, 1.0), (2, 0.5)]


def test_wandb_gets_every_row_offline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("wandb", reason="optional: pip install wandb")
    from rewatch.training.experiments.config import Log
    from rewatch.training.experiments.run_folder import Sinks

    monkeypatch.setenv("WANDB_MODE", "offline")
    sinks = Sinks(Log(wandb="rewatch"), tmp_path, read_config(SFTRun, SFT))
    sinks.write({"stage": "sft", "step": 1, "s": 0.1, "loss": 0.5})
    sinks.close()
    assert list(tmp_path.glob("wandb/offline-run-*/*.wandb"))


def test_figures_go_where_they_are_asked_for_or_it_is_said_at_once(tmp_path: Path) -> None:
    import importlib.util

    if importlib.util.find_spec("tensorboard") is None and importlib.util.find_spec("tensorboardX") is None:
        with pytest.raises(CapabilityError, match="pip install tensorboard"):
            sft(read_config(SFTRun, changed(SFT, log={"tensorboard": True})), tmp_path / "board")
    if importlib.util.find_spec("wandb") is None:
        with pytest.raises(CapabilityError, match="pip install wandb"):
            sft(read_config(SFTRun, changed(SFT, log={"wandb": "mine"})), tmp_path / "wandb")
