"""Groups whose runs are all worth the same are replaced by others, the same ones whenever the step is done again."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from rewatch.agent import Answer
from rewatch.agent.graph import Loop
from rewatch.agent.models.local_vlm import VideoLMM
from rewatch.training.data.task import Task, Truth
from rewatch.training.rewards import Mix, Reward
from rewatch.training.rollouts.collector import Collector
from rewatch.training.rollouts.rollout import Rollout
from rewatch.training.trainers.mini import MiniSettings, MiniTrainer
from rewatch.training.trainers.scoring import ScoredBatch, flat_groups, sample_groups

from .test_mini import letters
from .test_trainer import arguments, trl_trainer

MakePolicy = Callable[..., VideoLMM]
MakeLoop = Callable[[Any], Loop]


def judged(*totals: float) -> ScoredBatch:
    return ScoredBatch(totals=totals, parts={}, correct=totals)


def test_flat_is_a_group_of_equal_rewards_or_of_none() -> None:
    nan = math.nan
    assert flat_groups(judged(0.3, 0.3, 0.3, 0.3, 0.3, 0.4), 3) == [True, False]
    assert flat_groups(judged(nan, 0.3, 0.4, nan, nan, nan, nan, nan, 1.0), 3) == [False, True, True]


class Scripted:
    """Brings runs whose worth is told by their task: `flat` ones all 1, others by their place."""

    def __init__(self, flat: Sequence[str]) -> None:
        self.flat, self.asked = set(flat), list[tuple[tuple[str, ...], int]]()

    def __call__(self, tasks: Sequence[Task], group_size: int, *, seed: int) -> list[Rollout]:
        self.asked.append((tuple(task.id for task in tasks), seed))
        return [
            Rollout(
                task=task,
                answer=Answer(question="?", text=""),
                messages=(),
                meta={"worth": 1.0 if task.id in self.flat else float(k)},
            )
            for task in tasks
            for k in range(group_size)
        ]


WORTH = Mix({"worth": (Reward(name="worth", score=lambda r: float(r.meta["worth"])), 1.0)})
POOL = [Task(id=str(n), question="?", kind="open", truth=Truth(answer="x")) for n in range(12)]


def varied(collect: Scripted, tasks: Sequence[Task], tries: int = 3, seed: int = 5) -> Any:
    return sample_groups(collect, tasks, POOL, WORTH, group_size=2, seed=seed, tries=tries)


def test_other_tasks_are_asked_until_all_groups_teach() -> None:
    flat = ["0", "1", "2", "3", "4", "5", "6", "7"]
    collect = Scripted(flat)
    found = varied(collect, POOL[:3], tries=8)
    kept = [run.task.id for run in found.rollouts[::2]]
    assert len(kept) == 3 and not set(kept) & set(flat)
    asked = [name for names, _ in collect.asked for name in names]
    assert len(asked) == len(set(asked))  # none twice while there are others
    assert len({seed for _, seed in collect.asked}) == len(collect.asked) > 1 and collect.asked[0][1] == 5
    assert found.figures == {"flat_share": (len(asked) - 3) / len(asked), "resampled": len(asked) - 3}
    assert len(found.every) == 2 * len(asked)
    again = Scripted(flat)
    assert varied(again, POOL[:3], tries=8) == found and again.asked == collect.asked
    assert (other := Scripted(flat)) and varied(other, POOL[:3], tries=8, seed=6) and other.asked != collect.asked


def test_after_the_last_try_flat_groups_fill_the_step() -> None:
    collect = Scripted([task.id for task in POOL if task.id != "9"])
    found = varied(collect, [POOL[9], POOL[1], POOL[2]], tries=2)
    assert [run.task.id for run in found.rollouts[::2]][:1] == ["9"] and len(found.rollouts) == 6
    assert len(collect.asked) == 3 and found.figures == {"flat_share": 6 / 7, "resampled": 4.0}
    assert len(found.left_out) == 2 * 4
    none = varied(Scripted([]), POOL[:3])
    assert none.figures == {"flat_share": 0.0, "resampled": 0.0} and none.left_out == []


SETTINGS = MiniSettings(
    group_size=4, tasks=2, learning_rate=3e-3, warmup=1, beta=0.0, flat="resample", most_tries=2, seed=3
)


@pytest.fixture
def dull(tasks: list[Task]) -> Mix:
    """A reward that is the same for all runs of three of the five tasks."""
    names = {task.id for task in tasks[:3]}
    score = Reward(name="letters", score=lambda r: 0.9 if r.task.id in names else letters(r))
    return Mix({"letters": (score, 1.0)})


def test_a_step_is_of_groups_that_teach_its_figures_of_all_and_resume_goes_the_same_way(
    make_policy: MakePolicy, make_loop: MakeLoop, tasks: list[Task], dull: Mix
) -> None:
    def trainer(**how: Any) -> MiniTrainer:
        collect = Collector(loop=make_loop(make_policy(max_tokens=8)))
        return MiniTrainer(collect, dull, "dgrpo_running", replace(SETTINGS, **how))

    whole = trainer()
    curve = whole.train(tasks, 4)
    plain = trainer(flat="drop").train(tasks, 4)
    assert sum(f["resampled"] for f in curve) > 2 and all("resampled" not in f for f in plain)
    assert sum(f["used"] for f in curve) > sum(f["used"] for f in plain)
    full = [f for f in curve if f["used"] == 1]
    assert full and all(f["flat_share"] == f["resampled"] / (2 + f["resampled"]) for f in full)
    some = next(f for f in full if f["flat_share"] > 0)
    assert some["reward"] > 0.9 * some["flat_share"]  # the dull groups are the policy's too, and are worth 0.9
    first = trainer()
    first.train(tasks, 2)
    second = trainer()
    second.load_state_dict(first.state_dict())
    names = ("reward", "resampled", "flat_share", "used")
    assert [[f[n] for n in names] for f in second.train(tasks, 4)] == [[f[n] for n in names] for f in curve[2:]]
    assert whole.difficulty.samples == pytest.approx(second.difficulty.samples)
    assert len(whole.difficulty.samples) >= 4  # those of flat groups too


@pytest.mark.slow
def test_trl_draws_the_same_way_and_goes_on_the_same_way(
    make_policy: MakePolicy, make_loop: MakeLoop, tasks: list[Task], dull: Mix, tmp_path: Path
) -> None:
    pytest.importorskip("trl", reason="the trainer is TRL's")

    def trainer(name: str) -> Any:
        settings = {"max_steps": 4, "save_strategy": "steps", "save_steps": 2, "seed": 3}
        collect = Collector(loop=make_loop(make_policy(max_tokens=8)))
        args = arguments(tmp_path / name, "grpo", **settings)
        return trl_trainer(collect, dull, tasks, args, "grpo", flat="resample", most_tries=2)

    whole = trainer("whole")
    kept: list[list[float]] = []
    score = whole._generate_and_score_completions

    def watched(inputs: Any) -> Any:
        batch = score(inputs)
        kept.append(batch["advantages"].tolist())
        return batch

    whole._generate_and_score_completions = watched
    whole.train()
    logs = [log for log in whole.state.log_history if "reward" in log]
    assert sum(log["resampled"] for log in logs) > 2
    for log, advantages in zip(logs, kept, strict=True):
        if log["flat_share"] == log["resampled"] / (2 + log["resampled"]):
            assert all(any(advantages[n : n + 4]) for n in (0, 4))
        if log["resampled"]:
            assert log["reward"] == pytest.approx(log["reward/letters"], abs=1e-5)  # of all that was run
    rest = trainer("rest")
    rest.train(resume_from_checkpoint=str(tmp_path / "whole" / "checkpoint-2"))
    names = ("reward", "resampled", "flat_share")
    curves = [
        [[log[n] for n in names] for log in t.state.log_history if "reward" in log and log["step"] > 2]
        for t in (whole, rest)
    ]
    assert curves[0] == [pytest.approx(row) for row in curves[1]] and len(curves[0]) == 2


def test_a_step_in_which_nothing_teaches_changes_nothing_and_breaks_nothing(
    make_policy: MakePolicy, make_loop: MakeLoop, tasks: list[Task], tmp_path: Path
) -> None:
    pytest.importorskip("trl", reason="the trainer is TRL's")
    same = Mix({"same": (Reward(name="same", score=lambda r: 0.5), 1.0)})
    for flat in ("drop", "resample"):
        collect = Collector(loop=make_loop(make_policy(max_tokens=6)))
        args = arguments(tmp_path / flat, "dapo", max_steps=1)
        trainer = trl_trainer(collect, same, tasks, args, "dapo", flat=flat, most_tries=1)
        before = [p.detach().clone() for p in trainer.model.parameters()]
        trainer.train()
        assert all(torch.equal(a, b) for a, b in zip(before, trainer.model.parameters(), strict=True))
        mini = MiniTrainer(
            Collector(loop=make_loop(make_policy(max_tokens=6))), same, "dapo", replace(SETTINGS, flat=flat)
        )
        start = [p.detach().clone() for p in mini.parameters]
        assert mini.train(tasks, 1)[0]["flat_share"] == 1
        assert all(torch.equal(a, b) for a, b in zip(start, mini.parameters, strict=True))
