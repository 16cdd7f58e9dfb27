"""Adapters find their base, and preferences are made of a policy's own runs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from rewatch.agent import load_policy
from rewatch.agent.models.policy_config import PolicyConfig, read_policy_config
from rewatch.memory import CapabilityError
from rewatch.training.experiments import DPORun, SFTRun, dpo, read_config, sft

from .conftest import SFT, changed, rl_row, rows

pytest.importorskip("trl", reason="the tiny model's chat template is the one that TRL bundles")


@pytest.mark.slow
def test_an_adapter_is_saved_alone_and_finds_its_base(taught: Path, tmp_path: Path) -> None:
    row = changed(SFT, policy={"model": str(taught), "lora": {"r": 2, "targets": ["q_proj"]}, "freeze_vision": True})
    folder = sft(read_config(SFTRun, row), tmp_path / "adapter")
    saved = folder / "policy"
    assert (saved / "adapter_model.safetensors").is_file() and not (saved / "model.safetensors").exists()
    config = read_policy_config(saved)
    assert config.base == str(taught / "policy")
    policy: Any = load_policy(str(folder))
    named = [name for name, _ in policy.engine.loaded.model.named_parameters() if "lora_B" in name]
    assert named and not any("visual" in name for name in named)
    moved = PolicyConfig(**{**{f: getattr(config, f) for f in config.__slots__}, "base": "/nowhere/base"})
    moved.save(saved)
    with pytest.raises(CapabilityError, match=r"is an adapter of /nowhere/base.*\?base=FOLDER"):
        load_policy(str(folder))
    assert load_policy(f"{folder}?base={taught / 'policy'}")
    further = changed(SFT, policy={"model": str(folder)})
    config.save(saved)
    trained = sft(read_config(SFTRun, further), tmp_path / "further")  # goes on with the adapter
    assert read_policy_config(trained / "policy").base == str(taught / "policy")


def test_preferences_of_its_own_runs(taught: Path, tmp_path: Path, own_rewards: str) -> None:
    (row := rl_row(taught)).pop("gate")
    row["trainer"] = {"steps": 2, "evaluate_every": 2, "save_every": 1, "pairs": 2}
    row["pairs"] = {"rollouts": {"groups": 3, "group_size": 3, "margin": 0.01}}
    row["rewards"] = {"components": {"letters": {"reward": own_rewards}}}
    folder = dpo(read_config(DPORun, row), tmp_path / "run")
    learnt = rows(folder, "dpo")
    assert [r["step"] for r in learnt] == [1, 2] and learnt[0]["loss"] == pytest.approx(0.6931, abs=1e-3)
    with pytest.raises(Exception, match="nothing to learn"):
        dpo(
            read_config(DPORun, changed(row, pairs={"rollouts": {"groups": 2, "group_size": 2, "margin": 9.0}})),
            tmp_path / "no",
        )


@pytest.mark.slow
def test_conversations_and_pairs_of_files(taught: Path, tmp_path: Path) -> None:
    from rewatch.agent.small_loop import DIALECT, small_loop
    from rewatch.training.gym import build_memory, clips16, sample_environments
    from rewatch.training.gym.evaluation import play
    from rewatch.training.gym.expert import Expert
    from rewatch.training.synthesis import write_conversations, write_preferences
    from rewatch.training.synthesis.conversations import PreferencePair

    environments = sample_environments(2, families=["clips16.color"], seed=40)
    tasks, memory = [one.task for one in environments], build_memory(environments, tmp_path / "memory")
    good, poor = (
        play(
            small_loop(memory, None),
            tasks,
            Expert.of(tasks, dialect=DIALECT, solvers=clips16.SOLVERS, guess=guess),
        )
        for guess in (0.0, 1.0)
    )
    write_conversations(tmp_path / "traces.jsonl", good)
    write_preferences(
        tmp_path / "pairs.jsonl",
        [PreferencePair(chosen=a, rejected=b, margin=1.0) for a, b in zip(good, poor, strict=True)],
    )
    row = changed(SFT, policy={"model": str(taught)}, traces=None)
    row["tasks"] = {"families": ["clips16.color"], "count": 2, "seed": 40}
    learnt = sft(read_config(SFTRun, row | {"traces": {"files": [str(tmp_path / "traces.jsonl")]}}), tmp_path / "sft")
    assert "| traces | 2 |" in (learnt / "README.md").read_text()
    row["trainer"] = {"steps": 1, "evaluate_every": 2, "save_every": 2}
    learnt = dpo(read_config(DPORun, row | {"pairs": {"files": [str(tmp_path / "pairs.jsonl")]}}), tmp_path / "dpo")
    assert "| pairs | 2 |" in (learnt / "README.md").read_text() and len(rows(learnt, "dpo")) == 1
