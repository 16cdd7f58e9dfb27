"""Our losses against TRL's own, called on the same tensors; advantages against TRL's formula."""

from __future__ import annotations

from collections import defaultdict
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from rewatch.training.objectives import OBJECTIVES, Scored, dpo_loss, group_advantages, multi_task, trajectory_logp
from rewatch.training.objectives.advantages import TRL_EPS

pytest.importorskip("trl", reason="trl is an extra (rewatch[train])")

ROLLOUTS, TOKENS, LENGTH = 8, 6, 11
IN_TRL = [name for name, objective in OBJECTIVES.items() if objective.trl_loss]


class World:
    """What `_compute_loss` asks of accelerate, on one process."""

    num_processes, device = 1, "cpu"
    gather = gather_for_metrics = staticmethod(lambda x: x)
    reduce = staticmethod(lambda x, reduction: x)


def numbers(*shape: int, seed: int, scale: float = 1.0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64) * scale


def trl_loss(arguments: dict[str, Any], logp: torch.Tensor, given: dict[str, torch.Tensor]) -> torch.Tensor:
    """TRL's `GRPOTrainer._compute_loss` with our log-probabilities in place of a model's."""
    from trl import GRPOTrainer

    trainer = SimpleNamespace(
        _get_per_token_logps_and_entropies=lambda *a, **k: (logp, torch.zeros_like(logp), None),
        loss_type=arguments["loss_type"],
        importance_sampling_level=arguments["importance_sampling_level"],
        epsilon_low=arguments["epsilon"],
        epsilon_high=arguments["epsilon_high"],
        beta=arguments["beta"],
        args=SimpleNamespace(delta=arguments.get("delta"), use_bias_correction_kl=False, steps_per_generation=1),
        model=SimpleNamespace(training=True),
        accelerator=World,
        current_gradient_accumulation_steps=1,
        max_completion_length=LENGTH,
        aux_loss_enabled=False,
        top_entropy_quantile=1.0,
        off_policy_mask_threshold=None,
        use_vllm=False,
        _entropy_bonus_enabled=False,
        _metrics=defaultdict(lambda: defaultdict(list)),
    )
    return GRPOTrainer._compute_loss(trainer, None, given)


def batch(seed: int = 0) -> dict[str, torch.Tensor]:
    ids = torch.zeros(ROLLOUTS, TOKENS, dtype=torch.long)
    lengths = torch.tensor([6, 5, 6, 3, 6, 1, 4, 6])
    completion = (torch.arange(TOKENS) < lengths[:, None]).long()
    tool = torch.ones_like(ids)
    tool[0, 2:4] = tool[4, 1] = 0  # observations
    mask = completion * tool
    return {
        "prompt_ids": ids[:, :2],
        "prompt_mask": ids[:, :2] + 1,
        "completion_ids": ids,
        "completion_mask": completion,
        "tool_mask": tool,
        "old_per_token_logps": numbers(ROLLOUTS, TOKENS, seed=seed + 1, scale=0.5) - 1,
        "ref_per_token_logps": numbers(ROLLOUTS, TOKENS, seed=seed + 2, scale=0.5) - 1,
        "num_items_in_batch": mask.sum(),
        "mask": mask,
    }


@pytest.mark.parametrize("by_token", [False, True])
@pytest.mark.parametrize("name", IN_TRL)
def test_loss_and_gradient_equal_trl(name: str, by_token: bool) -> None:
    objective, given = OBJECTIVES[name], batch()
    group = torch.arange(ROLLOUTS) // 4
    advantage = numbers(ROLLOUTS, TOKENS, seed=9) if by_token else numbers(ROLLOUTS, seed=9)
    grads, values = [], []
    for ours in (True, False):
        # Far from the old policy, so that clips act: ratios from about .2 to 8.
        logp = (numbers(ROLLOUTS, TOKENS, seed=5) - 1).requires_grad_()
        mask, old, ref = given["mask"], given["old_per_token_logps"], given["ref_per_token_logps"]
        if ours:
            loss = objective.loss(logp, old, advantage, mask, group, ref_RT=ref, length=LENGTH).value
        else:
            loss = trl_loss(objective.trl_arguments(), logp, given | {"advantages": advantage})
        loss.backward()
        grads.append(logp.grad)
        values.append(loss.detach())
    torch.testing.assert_close(values[0], values[1])
    torch.testing.assert_close(grads[0], grads[1])
    assert grads[0].abs().max() > 0


def test_the_dual_clip_of_vital_reaches_trl_as_delta() -> None:
    arguments = OBJECTIVES["dgrpo"].trl_arguments()
    assert arguments["delta"] == 3.0
    given = batch() | {"advantages": -torch.ones(ROLLOUTS, dtype=torch.float64)}
    logp = given["old_per_token_logps"] + 3.0  # ratio 20
    assert trl_loss(arguments | {"delta": None}, logp, given) > 19 > 4 > trl_loss(arguments, logp, given)


@pytest.mark.parametrize("name", IN_TRL)
def test_arguments_are_taken_by_trl_config(name: str, tmp_path) -> None:
    from trl import GRPOConfig

    arguments = OBJECTIVES[name].trl_arguments()
    config = GRPOConfig(output_dir=str(tmp_path), report_to=[], use_cpu=True, bf16=False, **arguments)
    assert {key: getattr(config, key) for key in arguments} == arguments


def trl_advantages(reward: torch.Tensor, size: int, scale: str) -> torch.Tensor:
    """The lines of `_generate_and_score_completions` (trl 1.16) that make advantages from summed rewards."""
    from trl.trainer.utils import nanstd

    mean = torch.nanmean(reward.view(-1, size), dim=1).repeat_interleave(size)
    if scale == "batch":
        std = nanstd(reward).expand_as(reward)
    else:
        std = nanstd(reward.view(-1, size), dim=1).repeat_interleave(size)
    advantages = reward - mean
    return torch.nan_to_num(advantages if scale == "none" else advantages / (std + 1e-4), nan=0.0)


@pytest.mark.parametrize("scale", ["group", "batch", "none"])
def test_advantages_equal_trl(scale: str) -> None:
    reward = numbers(24, seed=3)
    reward[4:8] = 0.5  # a flat group
    reward[9] = torch.nan
    ours = group_advantages(reward, torch.arange(24) // 4, eps=TRL_EPS, scale=scale).values
    torch.testing.assert_close(ours, trl_advantages(reward, 4, scale))


def test_multi_task_equals_trl_normalise_then_sum() -> None:
    reward, weight = numbers(12, 3, seed=4), torch.tensor([1.0, 0.5, 2.0], dtype=torch.float64)
    parts = reward.view(3, 4, 3)
    parts = ((parts - parts.mean(1, keepdim=True)) / (parts.std(1, keepdim=True) + 1e-4)).view(12, 3)
    total = (parts * weight).sum(1)
    ours = multi_task(reward, torch.arange(12) // 4, weight, whiten=True)
    torch.testing.assert_close(ours.values, (total - total.mean()) / (total.std() + 1e-4))


def test_dgrpo_through_trl_is_grpo_with_smaller_steps_for_easy_groups() -> None:
    # Means 2.5 and .5: the first group's gradient is half as large, the second's the same.
    reward, group = torch.tensor([3.0, 2.0, 3.0, 2.0, 1.0, 0.0, 1.0, 0.0]).double(), torch.arange(8) // 4
    grads = {}
    for name in ("grpo", "dgrpo"):
        objective = OBJECTIVES[name]
        made = objective.advantages(Scored(reward=reward, group=group))
        logp = batch()["old_per_token_logps"].clone().requires_grad_()
        arguments = objective.trl_arguments() | {"beta": 0.0}
        trl_loss(arguments, logp, batch() | {"advantages": made.values}).backward()
        grads[name] = logp.grad
    torch.testing.assert_close(grads["dgrpo"][:4], grads["grpo"][:4] / 2)
    torch.testing.assert_close(grads["dgrpo"][4:], grads["grpo"][4:])


def test_dpo_equals_trl() -> None:
    from trl import DPOTrainer

    logp = numbers(6, TOKENS, seed=1).requires_grad_()
    mask = torch.cat([torch.zeros(6, 1), batch()["mask"][:6]], dim=1).long()  # TRL's mask covers the first token too
    ref = numbers(6, seed=2)
    trainer = SimpleNamespace(
        model=SimpleNamespace(training=False),
        accelerator=World,
        aux_loss_enabled=False,
        ld_alpha=None,
        precompute_ref_logps=True,
        f_divergence_type="reverse_kl",
        loss_types=["sigmoid"],
        loss_weights=[1.0],
        beta=0.1,
        label_smoothing=0.0,
        use_weighting=False,
        _metrics=defaultdict(lambda: defaultdict(list)),
        _total_train_tokens=0,
    )
    # TRL's fused head gives 0 where the labels are masked; the rest is only logged.
    zeros = torch.zeros(6, TOKENS)
    out = SimpleNamespace(log_probs=logp * mask[:, 1:], entropy=zeros, mean_logits=zeros, is_top1=zeros.bool())
    given = {
        "input_ids": torch.zeros(6, TOKENS + 1, dtype=torch.long),
        "attention_mask": torch.ones(6, TOKENS + 1, dtype=torch.long),
        "completion_mask": mask,
        "ref_chosen_logps": ref[:3],
        "ref_rejected_logps": ref[3:],
    }
    theirs = DPOTrainer._compute_loss(trainer, lambda **kwargs: out, given, return_outputs=False)
    ours = trajectory_logp(logp, mask[:, 1:])
    torch.testing.assert_close(dpo_loss(ours[:3], ours[3:], ref[:3], ref[3:], beta=0.1).value, theirs)
