"""What a run looked at is charged whatever ran before it; what failed is wrong; what cannot be trained is refused."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from rewatch.agent.graph import Loop
from rewatch.agent.planning.planner import plan_by_rules
from rewatch.agent.prompts import SYSTEM
from rewatch.memory import CapabilityError
from rewatch.tools import BUILT_IN, Budget, Toolbox
from rewatch.training.gym import build_memory, sample_environments
from rewatch.training.gym.expert import Expert
from rewatch.training.rewards import Mix, budget, is_right, task_reward
from rewatch.training.rollouts.collector import Collector
from rewatch.training.rollouts.rollout import Rollout
from rewatch.training.trainers.metrics import figures, measure, summary
from rewatch.training.trainers.reference import is_in_pieces, refuse_fsdp
from rewatch.training.trainers.scoring import judge

MIX = Mix({"task": (task_reward(), 1.0)})


@pytest.fixture(scope="module")
def twice(tmp_path_factory: pytest.TempPathFactory) -> list[list[Rollout]]:
    """The same tasks collected twice by one loop."""
    environments = sample_environments(2, families=["viewing"], seed=3)
    memory = build_memory(environments, tmp_path_factory.mktemp("gym") / "memory")
    tasks = [one.task for one in environments]
    loop = Loop(
        memory=memory,
        policy=Expert.of(tasks),
        planner=plan_by_rules,
        toolbox=Toolbox(BUILT_IN),
        system=SYSTEM,
    )
    collect = Collector(loop=loop, budget=Budget(frames=8, calls=6, seconds=None))
    return [collect(tasks, 2, seed=1) for _ in range(2)]


def test_a_look_costs_the_same_whoever_looked_before(twice: list[list[Rollout]]) -> None:
    first, second = twice
    assert all(is_right(rollout) for rollout in [*first, *second])
    spent = [[{k: v for k, v in r.answer.spend.items() if k != "seconds"} for r in rollouts] for rollouts in twice]
    assert spent[0] == spent[1] and all(row["frames"] > 0 for row in spent[0])
    thrift = budget("frames")
    assert [thrift(rollout) for rollout in first] == [thrift(rollout) for rollout in second]


def test_a_run_that_failed_is_a_wrong_one(twice: list[list[Rollout]]) -> None:
    good, *rest = twice[0]
    rollouts = [good, *(replace(rollout, meta={"failed": "OutOfMemoryError"}) for rollout in rest)]
    told = summary(measure(rollouts, MIX))
    assert told["runs"] == 4 and told["accuracy"] == pytest.approx(0.25) and told["failed"] == pytest.approx(0.75)
    assert told["accuracy_se"] == pytest.approx(0.25) and told["reward"] == 1.0  # of the one that teaches
    step = figures(rollouts, judge(rollouts, MIX, 2))
    assert step["accuracy"] == pytest.approx(0.25) and step["failed"] == pytest.approx(0.75)
    none = [replace(rollout, meta={"failed": "gone"}) for rollout in rollouts]
    assert summary(measure(none, MIX))["accuracy"] == 0.0


def test_weights_in_pieces_are_refused(tmp_path: Path) -> None:
    from torch import distributed
    from torch.distributed.fsdp import FullyShardedDataParallel

    model = torch.nn.Sequential(torch.nn.Linear(4, 4))
    assert not is_in_pieces(model)
    distributed.init_process_group("gloo", init_method=f"file://{tmp_path / 'meet'}", rank=0, world_size=1)
    try:
        pieces = torch.nn.Sequential(FullyShardedDataParallel(model, device_id=torch.device("cpu")))
        assert is_in_pieces(pieces)
    finally:
        distributed.destroy_process_group()
    refuse_fsdp(False)
    with pytest.raises(CapabilityError, match="FSDP cannot be used here"):
        refuse_fsdp(True)
