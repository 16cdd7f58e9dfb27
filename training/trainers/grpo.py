"""The loop's rollouts in TRL's GRPOTrainer: its data order, micro-batches, LoRA, DDP, DeepSpeed and checkpoints.

TRL's private methods move every few releases, so its minor version is fixed, and
tests/training/trainers/test_trainer.py fails where one of them changes its meaning. What is overridden: how completions
come about, what their advantages are, and, for objectives whose loss TRL does not have, the loss.
"""

from __future__ import annotations

import json
import logging
import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from accelerate.utils import gather_object
from torch import Tensor
from transformers.trainer_callback import TrainerCallback
from trl.models.utils import unwrap_model_for_generation
from trl.trainer.grpo_trainer import GRPOTrainer

from ..data.task import Task
from ..objectives import Objective, RunningDifficulty, WeightLog, objective_named
from ..rewards import Mix
from ..rollouts.collector import Collector, grouped, require_some, seed_of
from ..rollouts.frame_shuffling import collect_shuffled
from ..rollouts.rows import Row, row_of
from .encode_once import EncodeOnce
from .grpo_setup import component, grpo_config, prepared, prompts, require, without_empty_pictures
from .metrics import advantage_figures, figures
from .read_once import ReadOnce
from .reference import lent, refuse_fsdp
from .scoring import Flat, RolloutStats, judge, sample_groups, scored, stats, token_advantages, update_difficulty

if TYPE_CHECKING:
    from ...agent.models.local_vlm import LocalPolicy

STATE = "rewatch_state.json"
"""A file of each checkpoint, written last of all: a checkpoint that has it is whole."""
log = logging.getLogger(__name__)
__all__ = ["STATE", "GraphGRPOTrainer", "grpo_config"]


class GraphGRPOTrainer(GRPOTrainer):
    """Trains the collector's policy by the objective, on rollouts of the loop.

    Args:
        collect: runs the loop; its policy must be a `LocalLM`, or a `VideoLMM` of the Qwen-VL family that is shown
            frames as images.
        mix: the reward.
        tasks: drawn anew for each generation, by their weights.
        args: see `grpo_config`; `max_steps` says how long.
        objective: a name of `OBJECTIVES`, or an objective: the one that `args` were made for.
        flat: groups whose rewards are all equal count in the loss's mean, or are left out of it (`drop`), or other
            tasks are drawn in their place (`resample`; each process for its own groups, so that none waits for another,
            and never in evaluation); None: as the objective has it.
        most_tries: how often tasks are drawn anew for flat groups.
        more: further arguments of GRPOTrainer (`peft_config`, `callbacks`).

    Raises:
        CapabilityError: if TRL is another version, or the policy cannot be trained by it.
        ValueError: if the configuration would train on something else than was sampled.
    """

    args: Any
    model: Any
    num_generations: int
    num_generations_eval: int
    policy: LocalPolicy
    objective: Objective
    stats: list[RolloutStats]
    """Of the rollouts of the last generation."""

    def __init__(
        self,
        collect: Collector,
        mix: Mix,
        tasks: Sequence[Task],
        *,
        args: Any,
        objective: Objective | str = "dgrpo",
        flat: Flat | None = None,
        most_tries: int = 3,
        **more: Any,
    ) -> None:
        self.policy = collect.loop.policy  # type: ignore[assignment]
        chosen = objective_named(objective) if isinstance(objective, str) else objective
        self.objective = replace(chosen, surrogate=replace(chosen.surrogate, beta=args.beta))
        self.flat: Flat = flat or ("drop" if chosen.drop_flat else "count")
        self.most_tries = most_tries
        require(self.policy, collect, self.objective, args)
        self.collect, self.mix, self.tasks = collect, mix, list(tasks)
        self.difficulty = RunningDifficulty(top=max(mix.bounds[1], 1e-6))
        self.weights = WeightLog()
        args.reward_weights = [weight for _, weight in mix.components.values()]
        super().__init__(
            model=self.policy.engine.loaded.model,
            reward_funcs=[component(name) for name in mix.components],
            args=args,
            train_dataset=prompts(self.tasks, args),
            processing_class=self.policy.engine.loaded.processor,
            **more,
        )
        self.policy.engine.loaded.model = self.model  # with its adapter, where there is one
        without_empty_pictures(self.model)
        refuse_fsdp(self.is_fsdp_enabled)
        sharded = self.is_deepspeed_enabled  # there, weights change behind torch's back
        self.once = EncodeOnce.before(self.model, keep=0 if sharded else 1 << 30)
        if not sharded:  # a layer that is called twice would be gathered twice
            ReadOnce.before(self.model)
        self.tools = [collect]  # TRL takes pictures behind the prompt only where there are tools; it never calls these
        self.add_callback(_Warning(self))

    def _generate(self, prompts: list[Any]) -> tuple[Any, ...]:
        """Rollouts of the loop in place of TRL's own generation and tool loop."""
        mode = "train" if self.model.training else "eval"
        size = self.num_generations if mode == "train" else self.num_generations_eval
        tasks = [self.tasks[row["task"]] for row in self._inputs[::size]]
        seed = seed_of("step", self.args.seed, mode, self.state.global_step, *self._place())
        with self._sampling():
            tries = self.most_tries if self.flat == "resample" and mode == "train" else 0
            groups = sample_groups(self.collect, tasks, self.tasks, self.mix, group_size=size, seed=seed, tries=tries)
            rollouts, left_out = groups.rollouts, groups.left_out
            tasks = [group[0].task for group in grouped(rollouts, size)]
            shuffled = collect_shuffled(self.collect, tasks, size, seed) if self.objective.shuffled else []
        require_some(rollouts)
        judged = judge(rollouts, self.mix, size)
        self.stats = stats(rollouts, judged)
        self._left_out = stats(left_out, judge(left_out, self.mix, size))
        self._shuffled = list(judge(shuffled, self.mix, max(size // 2, 1)).correct)
        rows = [row_of(self.policy, rollout.messages, self.collect.loop.pixels) for rollout in rollouts]
        self._rows = [row or self._nothing() for row in rows]
        every = [*rollouts, *left_out]
        found = figures(every, judge(every, self.mix, size) if left_out else judged)
        for name, value in (found | groups.figures).items():
            if name != "reward":  # TRL logs that one
                self._log_metric(name, value)
        self._count([len(row.ids) for row in self._rows], mode)
        pictures = [list(row.frames) for row in self._rows]
        return (
            [list(row.ids[: row.prompt]) for row in self._rows],
            [list(row.completion) for row in self._rows],
            [[int(own) for own in row.completion_mask] for row in self._rows],
            [[{"role": "assistant", "content": rollout.said}] for rollout in rollouts],
            [row.sampled_at() for row in self._rows],
            {"parts": [dict(zip(judged.parts, one.parts, strict=True)) for one in self.stats]},
            pictures if any(pictures) else None,
            pictures,
        )

    def _generate_and_score_completions(self, inputs: list[dict[str, Any]]) -> dict[str, Any]:
        """TRL's batch with the objective's advantages, which know difficulty, bonuses and penalties."""
        self._inputs = inputs
        with prepared(self.processing_class, self.policy.engine.vision):
            batch: dict[str, Any] = super()._generate_and_score_completions(inputs)
        if any(row.frames for row in self._rows) and "pixel_values" not in batch:
            raise RuntimeError("TRL has dropped the pictures of a batch: its rows and pictures do not match.")
        training = self.model.training
        size = self.num_generations if training else self.num_generations_eval
        values, correct = gather_object(self.stats), gather_object(self._shuffled)
        anew = self.flat == "resample" and training
        left_out = gather_object(self._left_out) if anew else []
        if training:
            update_difficulty(self.difficulty, [*values, *left_out])
        gathered = scored(values, self.mix, size, difficulty=self.difficulty, shuffled=correct)
        made = self.objective.advantages(gathered)
        if training:
            self.weights.add(made)
        metrics = self._metrics["train" if training else "eval"]
        for name, value in advantage_figures(made, self.objective).items():
            if not (anew and name == "flat_share"):  # of all groups that were run, it is logged already
                metrics[name].append(value)
        if left_out:
            scores = [one.reward for one in (*values, *left_out) if not math.isnan(one.reward)]
            metrics["reward"][-1] = sum(scores) / max(len(scores), 1)
        first = self.accelerator.process_index * len(inputs)
        here = slice(first, first + len(inputs))
        device = batch["advantages"].device
        own = replace(made, values=made.values[here])
        batch["advantages"] = own.values.to(device)
        if self.objective.distributions:
            engine, everyone, width = self.policy.engine, range(len(self._rows)), batch["completion_ids"].shape[1]
            with self._sampling():
                token_RT = token_advantages(
                    engine, self.objective, self._rows, everyone, own, gathered.group[here], width
                )
            batch["advantages"] = token_RT.to(device)
        if self.flat != "count":
            batch["tool_mask"] = batch["tool_mask"] * (~made.flat[here]).to(device)[:, None]
            mask = batch["completion_mask"] * batch["tool_mask"]
            batch["num_items_in_batch"] = self.accelerator.gather(mask.sum()).sum().clamp(min=1)
        batch["group"] = gathered.group[here].to(device)
        return batch

    def _compute_loss(self, model: Any, inputs: dict[str, Any]) -> Tensor:
        """TRL's loss, or the objective's own where TRL has none like it (Reg-GRPO)."""
        if self.objective.trl_loss:
            loss: Tensor = super()._compute_loss(model, inputs)
            return loss
        ids = torch.cat([inputs["prompt_ids"], inputs["completion_ids"]], dim=1)
        attention = torch.cat([inputs["prompt_mask"], inputs["completion_mask"]], dim=1)
        pictures = ("pixel_values", "image_grid_thw", "num_images", "mm_token_type_ids")
        logp_RT, entropy_RT, _ = self._get_per_token_logps_and_entropies(
            model,
            ids,
            attention,
            inputs["completion_ids"].shape[1],
            compute_entropy=True,
            **{name: inputs.get(name) for name in pictures},
        )
        mask_RT = inputs["completion_mask"] * inputs["tool_mask"]
        old_RT, ref_RT = inputs.get("old_per_token_logps"), inputs.get("ref_per_token_logps")
        made = self.objective.loss(logp_RT, old_RT, inputs["advantages"], mask_RT, inputs["group"], ref_RT=ref_RT)
        mode = "train" if self.model.training else "eval"
        entropy = (entropy_RT * mask_RT).sum() / mask_RT.sum().clamp(min=1)
        for name, value in {**made.metrics, "entropy": entropy.detach()}.items():
            self._metrics[mode][name].append(self.accelerator.gather(value.float()).mean().item())
        return made.value / (self.current_gradient_accumulation_steps if mode == "train" else 1.0)

    @contextmanager
    def _sampling(self) -> Iterator[None]:
        """The policy with the model as it is now, whole and unwrapped."""
        whole = unwrap_model_for_generation(
            self.model_wrapped,
            self.accelerator,
            gather_deepspeed3_params=self.args.ds3_gather_for_generation,
            gradient_checkpointing_kwargs=self.args.gradient_checkpointing_kwargs,
        )
        with whole as model, self._dist.summon_full_params(self.model_wrapped, recurse=False):
            with lent(self.policy.engine, model):
                yield

    def _place(self) -> tuple[int, int]:
        """Return which generation of the step this is, and whose."""
        return self._step % max(self.args.gradient_accumulation_steps, 1), self.accelerator.process_index

    def _nothing(self) -> Row:
        """Stands for a run that failed before anything was sampled: nothing of it counts."""
        pad = self.policy.engine.bounds.pad
        return Row(ids=(pad, pad), mask=(False, False), logprobs=(), frames=(), prompt=1)

    def _count(self, lengths: Sequence[int], mode: str) -> None:
        tokens = torch.tensor(sum(lengths), device=self.accelerator.device)
        if mode == "train":
            self.state.num_input_tokens_seen += int(self.accelerator.gather(tokens).sum())
        self._metrics[mode]["num_tokens"] = [self.state.num_input_tokens_seen]

    def _save_checkpoint(self, model: Any, trial: Any) -> None:
        super()._save_checkpoint(model, trial)
        if self.args.should_save:
            folder = Path(self._get_output_dir(trial=trial)) / f"checkpoint-{self.state.global_step}"
            state = {"difficulty": self.difficulty.state_dict(), "weights": self.weights.state_dict()}
            unfinished = folder / f".{STATE}.part"
            unfinished.write_text(json.dumps(state), encoding="utf-8")
            unfinished.replace(folder / STATE)  # the last of all files: a checkpoint that has it is whole

    def _load_optimizer_and_scheduler(self, checkpoint: str | None) -> None:
        super()._load_optimizer_and_scheduler(checkpoint)
        if checkpoint and (Path(checkpoint) / STATE).is_file():
            state = json.loads((Path(checkpoint) / STATE).read_text(encoding="utf-8"))
            self.difficulty.load_state_dict(state["difficulty"])
            self.weights.load_state_dict(state["weights"])


class _Warning(TrainerCallback):
    """Logs at the end if the difficulty never had an effect."""

    def __init__(self, trainer: GraphGRPOTrainer) -> None:
        self._trainer = trainer

    def on_train_end(self, *args: Any, **kwargs: Any) -> None:
        warning = self._trainer.weights.warning() if self._trainer.objective.weigh else None
        if warning and self._trainer.accelerator.is_main_process:
            log.warning(warning)
