"""`rewatch train` on a language model that only reads: taught, reinforced by TRL, saved, and asked again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from langchain_core.messages import HumanMessage
from rewatch.agent import load_policy
from rewatch.agent.models.local_lm import LocalLM
from rewatch.training.experiments import DPORun, RLRun, SFTRun, dpo, read_config, rl, sft

from ...agent.models.local_lm import tiny
from .conftest import SFT, changed, rl_row, rows
from .test_by_trl import TRL

pytest.importorskip("trl", reason="the trainers are TRL's")


def _reply(policy: Any) -> tuple[list[int], list[float]]:
    record = policy.invoke([HumanMessage("Which clip?")], max_tokens=6).response_metadata["tokens"]
    return record["sampled"], record["logprobs"]


@pytest.fixture(scope="module")
def gguf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("lm")
    return tiny.write_gguf(tiny.save_lm(folder / "llama", "llama"), folder / "tiny.gguf")


@pytest.fixture(scope="module")
def taught_lm(gguf: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A supervised run that began with a GGUF file."""
    trainer = {**SFT["trainer"], "steps": 2}
    row = changed(SFT, policy={"model": str(gguf)}, trainer=trainer)
    return sft(read_config(SFTRun, row), tmp_path_factory.mktemp("runs") / "taught")


def test_a_run_from_a_gguf_file_is_a_folder_that_is_asked(gguf: Path, taught_lm: Path) -> None:
    learnt = rows(taught_lm, "sft")
    assert len(learnt) == 2 and learnt[1]["loss"] < learnt[0]["loss"]
    policy: Any = load_policy(str(taught_lm))
    assert isinstance(policy, LocalLM) and policy.policy_config.dialect == "short" and policy.max_tokens == 8
    first: Any = load_policy(str(gguf))
    assert policy.engine.vocabulary == first.engine.vocabulary and _reply(policy) != _reply(first)
    assert not list((taught_lm / "policy").glob("*.gguf"))


@pytest.mark.parametrize("lora", [None, {"r": 2, "targets": ["q_proj", "v_proj"]}])
def test_reinforcement_by_trl(taught_lm: Path, tmp_path: Path, own_rewards: str, lora: Any) -> None:
    row = rl_row(taught_lm, objective="grpo", held_out=None)
    row["trainer"] = {**TRL, "steps": 1, "group_size": 4, "tasks": 1}
    row["rewards"] = {"components": {"letters": {"reward": own_rewards}}}
    row["policy"]["lora"] = lora
    folder = rl(read_config(RLRun, row), tmp_path / "run")
    (learnt,) = rows(folder, "rl")
    assert learnt["reward"] >= 0 and learnt["grad_norm"] > 0
    policy: Any = load_policy(str(folder))
    assert isinstance(policy, LocalLM) and hasattr(policy.engine.loaded.model, "peft_config") == bool(lora)


def test_preferences(taught_lm: Path, tmp_path: Path, own_rewards: str) -> None:
    (row := rl_row(taught_lm, trainer={**TRL, "steps": 1})).pop("gate")
    row["pairs"] = {"rollouts": {"groups": 2, "group_size": 3, "margin": 0.01}}
    row["rewards"] = {"components": {"letters": {"reward": own_rewards}}}
    folder = dpo(read_config(DPORun, row | {"held_out": None}), tmp_path / "run")
    assert rows(folder, "dpo")[0]["loss"] == pytest.approx(0.6931, abs=1e-3)
    assert isinstance(load_policy(str(folder)), LocalLM)
