"""The verbs by TRL's trainers: figures under our names, adapters that load, and a run that goes on where it stopped."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from rewatch.agent import load_policy
from rewatch.training.experiments import DPORun, Event, RLRun, SFTRun, dpo, read_config, rl, sft

from .conftest import SFT, changed, rl_row, rows

pytest.importorskip("trl", reason="the trainers are TRL's")
ROWS = {"per_device_train_batch_size": 4, "learning_rate": 1e-3, "dataloader_pin_memory": False}
TRL = {"engine": "trl", "steps": 2, "evaluate_every": 2, "save_every": 1, **ROWS}


def test_reinforcement_learning_with_an_adapter_on_top_of_the_last_run(taught: Path, tmp_path: Path) -> None:
    row = rl_row(taught, objective="grpo", trainer={**TRL, "group_size": 2, "tasks": 2, "beta": 0.01})
    row["policy"] |= {"lora": {"r": 2, "targets": ["q_proj", "v_proj"]}, "freeze_vision": True}
    folder = rl(read_config(RLRun, row), tmp_path / "run")
    learnt = rows(folder, "rl")
    assert [r["step"] for r in learnt] == [1, 2]
    assert {"loss", "reward", "reward/answer", "tool_rate", "entropy", "kl", "flat_share"} <= set(learnt[0])
    assert [r["step"] for r in rows(folder, "held-out")] == [0, 2]
    assert not list((folder / "policy").glob("*.bin")) and (folder / "policy" / "adapter_model.safetensors").is_file()
    policy: Any = load_policy(str(folder))
    assert policy.dialect.name == "short" and hasattr(policy.engine.loaded.model, "peft_config")


@pytest.mark.slow
def test_supervised_learning_stops_and_goes_on_with_the_same_curve(tmp_path: Path) -> None:
    class Stop(Exception):
        pass

    def stop(event: Event) -> None:
        if event.stage == "sft" and event.kind == "row" and event.step == 2:
            raise Stop

    config = read_config(SFTRun, changed(SFT, trainer=None) | {"trainer": {**TRL, "steps": 3}})
    whole = sft(config, tmp_path / "whole")
    with pytest.raises(Stop):
        sft(config, tmp_path / "cut", on_event=stop)
    cut = sft(config, tmp_path / "cut", resume=True)
    one, two = ([r["loss"] for r in rows(folder, "sft")] for folder in (whole, cut))
    assert len(one) == 3 and one == pytest.approx(two, abs=2e-4)
    assert json.loads((cut / "policy" / "rewatch.json").read_text())["dialect"] == "short" and load_policy(str(cut))


def test_preferences(taught: Path, tmp_path: Path, own_rewards: str) -> None:
    (row := rl_row(taught, trainer={**TRL, "steps": 1})).pop("gate")
    row["pairs"] = {"rollouts": {"groups": 2, "group_size": 3, "margin": 0.01}}
    row["rewards"] = {"components": {"letters": {"reward": own_rewards}}}
    folder = dpo(read_config(DPORun, row), tmp_path / "run")
    assert rows(folder, "dpo")[0]["loss"] == pytest.approx(0.6931, abs=1e-3) and load_policy(str(folder))


def test_what_trl_refuses_is_one_line(taught: Path, tmp_path: Path) -> None:
    for settings, told in [
        ({"group_size": 3, "tasks": 1}, "no multiple of 4 rows"),
        ({"group_size": "two"}, "trainer.group_size is 'two'"),
        ({"group_size": 2, "tasks": 2, "optim": "nothing"}, "trainer: .*nothing"),
    ]:
        row = rl_row(taught, trainer={**TRL, **settings}, held_out=None)
        with pytest.raises(Exception, match=told) as caught:
            rl(read_config(RLRun, row), tmp_path / str(settings["group_size"]))
        assert "\n" not in str(caught.value)
