"""Small configurations: a tiny model, a handful of steps."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from rewatch.training.experiments import SFTRun, read_config, sft

FAMILIES = ["clips16.color", "clips16.clip"]
SFT: dict[str, Any] = {
    "policy": {"model": "tiny", "max_tokens": 8},
    "loop": {"preset": "clips16", "budget": {"frames": 4, "calls": 2}},
    "tasks": {"families": FAMILIES, "count": 6},
    "held_out": {"families": FAMILIES, "count": 4, "seed": 500},
    "traces": {"expert": {"guesses": 0.3}},
    "trainer": {"steps": 4, "evaluate_every": 2, "save_every": 2, "rows": 4, "warmup": 1},
}


def changed(row: dict[str, Any], **sections: Any) -> dict[str, Any]:
    """A configuration with other sections; None takes one away."""
    made = copy.deepcopy(row)
    for name, value in sections.items():
        if value is None:
            made.pop(name)
        elif isinstance(value, dict) and isinstance(made.get(name), dict):
            made[name] |= value
        else:
            made[name] = value
    return made


TRAINER = {"steps": 2, "evaluate_every": 2, "save_every": 1, "group_size": 2, "tasks": 2}


def rows(folder: Path, stage: str | None = None) -> list[dict[str, Any]]:
    lines = (folder / "metrics.jsonl").read_text().splitlines()
    return [row for row in map(json.loads, lines) if stage in (None, row["stage"])]


def rl_row(taught: Path, **sections: Any) -> dict[str, Any]:
    base = changed(SFT, traces=None)
    base["policy"] = {"model": str(taught), "max_tokens": 8}
    base |= {"trainer": TRAINER, "gate": None}
    return base | sections


OWN = """
from rewatch.training.rewards import Reward
def letters():
    return Reward(name="letters", score=lambda r: sum("a" <= c <= "m" for c in r.said) / max(len(r.said), 1))
"""


@pytest.fixture
def own_rewards(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The name of a reward of one's own that differs between any two runs of a random model."""
    (tmp_path / "letters_reward.py").write_text(OWN)
    monkeypatch.chdir(tmp_path)
    return "letters_reward:letters"


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> None:
    import torch

    torch.set_num_threads(1)


@pytest.fixture(scope="package")
def taught(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a small supervised run."""
    pytest.importorskip("trl", reason="the tiny model's chat template is the one that TRL bundles")
    return sft(read_config(SFTRun, SFT), tmp_path_factory.mktemp("runs") / "taught")
