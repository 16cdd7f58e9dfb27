"""A trainer that reads like the papers: collect, reward, compare within groups, step. No accelerate, no trl.

It trains the CPU example, and is what the trainer on TRL is tested against.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from pydantic.dataclasses import dataclass

from ..data.task import Task
from ..objectives import Advantages, Objective, RunningDifficulty, WeightLog, objective_named
from ..rewards import Mix
from ..rollouts.collector import Collector, draw, grouped, require_some, seed_of
from ..rollouts.frame_shuffling import collect_shuffled
from ..rollouts.rollout import Rollout
from ..rollouts.rows import Row, row_of, sampled, score
from .encode_once import EncodeOnce
from .metrics import advantage_figures, figures
from .read_once import ReadOnce
from .reference import Reference
from .scoring import Flat, ScoredBatch, judge, sample_groups, scored, stats, token_advantages, update_difficulty
from .trl_fit import SETTINGS, OnStep, OptimizerSettings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor

    from ...agent.models.local_vlm import LocalPolicy


@dataclass(frozen=True, slots=True, kw_only=True, config=SETTINGS)
class MiniSettings(OptimizerSettings):
    """Settings of a run, besides tasks and rewards."""

    group_size: int = 8
    tasks: int = 8
    """Tasks of a step; their groups are its rollouts."""
    updates: int = 1
    """Optimizer steps on one set of rollouts."""
    longest: int = 1024
    """Tokens of the longest completion, observations included; Dr. GRPO divides by it."""
    beta: float | None = None
    """Weight of the KL to the policy as it was at the start; None: the objective's own."""
    flat: Flat | None = None
    """Groups whose rewards are all equal: their tokens count in the loss's mean, or not, or other tasks are drawn in
    their place; None: as the objective has it (`drop_flat`)."""
    most_tries: int = 3
    """Number of times that tasks of a step are drawn anew for flat groups."""


class MiniTrainer:
    """Group-relative policy optimization of the collector's policy.

    Args:
        collect: runs the loop; its policy must be a `LocalPolicy`, whose model is trained in place.
        mix: the reward.
        objective: a name of `OBJECTIVES`, or an objective.
        settings: see `MiniSettings`.
    """

    def __init__(
        self, collect: Collector, mix: Mix, objective: Objective | str = "dgrpo", settings: MiniSettings | None = None
    ) -> None:
        import torch

        self.collect, self.mix, self.settings = collect, mix, settings or MiniSettings()
        self.policy: LocalPolicy = collect.loop.policy  # type: ignore[assignment]
        chosen = objective_named(objective) if isinstance(objective, str) else objective
        beta = chosen.surrogate.beta if self.settings.beta is None else self.settings.beta
        self.objective = replace(chosen, surrogate=replace(chosen.surrogate, beta=beta))
        if chosen.surrogate.entropy and self.settings.micro_batch < self.settings.group_size * self.settings.tasks:
            raise ValueError("An entropy bonus is a mean over the step: give a micro_batch that holds all of it.")
        self.reference = Reference(self.policy.engine) if beta else None
        self.once = EncodeOnce.before(self.policy.engine.loaded.model)
        ReadOnce.before(self.policy.engine.loaded.model)
        self.difficulty = RunningDifficulty(top=max(mix.bounds[1], 1e-6))
        self.weights = WeightLog()
        self.steps = 0
        """Number of steps that are done."""
        self.parameters = [p for p in self.policy.engine.loaded.model.parameters() if p.requires_grad]
        how: dict[str, Any] = {"betas": self.settings.betas, "weight_decay": self.settings.weight_decay}
        self.optimizer = torch.optim.AdamW(self.parameters, lr=self.settings.learning_rate, **how)

    def train(self, tasks: Sequence[Task], steps: int, *, on_step: OnStep | None = None) -> list[dict[str, float]]:
        """Train until `steps` steps are done in all, earlier ones included; gives the figures of each.

        Which tasks a step has and how it samples depends on seed and number of the step only, so that a run that was
        stopped goes on as if it had not been.
        """
        curve = []
        while self.steps < steps:
            drawn = draw(tasks, self.settings.tasks, seed=self.settings.seed, step=self.steps)
            curve.append(self.step(drawn, tasks))
            if on_step:
                on_step(self.steps, curve[-1])
        return curve

    def step(self, tasks: Sequence[Task], pool: Sequence[Task] = ()) -> dict[str, float]:
        """Collect, and learn from it; tasks for flat groups are drawn anew from `pool` where the settings say so."""
        seed, size = seed_of("step", self.settings.seed, self.steps), self.settings.group_size
        tries = self.settings.most_tries if self.settings.flat == "resample" else 0
        groups = sample_groups(self.collect, tasks, pool or tasks, self.mix, group_size=size, seed=seed, tries=tries)
        tasks = [group[0].task for group in grouped(groups.rollouts, size)]
        shuffled = collect_shuffled(self.collect, tasks, size, seed) if self.objective.shuffled else ()
        return self.learn(groups.rollouts, shuffled, groups.left_out) | groups.figures

    def learn(
        self, rollouts: Sequence[Rollout], shuffled: Sequence[Rollout] = (), left_out: Sequence[Rollout] = ()
    ) -> dict[str, float]:
        """Take one step on these rollouts, the runs of a task next to each other.

        Groups that were `left_out` count in figures and difficulties all the same: they are the policy's.
        """
        require_some(rollouts)
        if left_out:
            update_difficulty(self.difficulty, stats(left_out, self._judged(left_out)))
        judged, made, group_R = self.advantages(rollouts, shuffled)
        self.weights.add(made)
        rows = [row_of(self.policy, rollout.messages, self.collect.loop.pixels) for rollout in rollouts]
        every = [*rollouts, *left_out]
        found = figures(every, self._judged(every) if left_out else judged) | advantage_figures(made, self.objective)
        old: dict[int, Tensor] = {}
        for _ in range(self.settings.updates):
            found |= self.update(rows, made, group_R, old)
        self.steps += 1
        return found

    def _judged(self, rollouts: Sequence[Rollout]) -> ScoredBatch:
        return judge(rollouts, self.mix, self.settings.group_size)

    def advantages(
        self, rollouts: Sequence[Rollout], shuffled: Sequence[Rollout] = ()
    ) -> tuple[ScoredBatch, Advantages, Tensor]:
        """Rewards, advantages and groups of the rollouts."""
        size, judged = self.settings.group_size, self._judged(rollouts)
        values = stats(rollouts, judged)
        update_difficulty(self.difficulty, values)
        correct = judge(shuffled, self.mix, max(size // 2, 1)).correct
        batch = scored(values, self.mix, size, difficulty=self.difficulty, shuffled=correct)
        return judged, self.objective.advantages(batch), batch.group

    def update(
        self, rows: Sequence[Row | None], made: Advantages, group_R: Tensor, old: dict[int, Tensor]
    ) -> dict[str, float]:
        """Take one optimizer step; the losses of the micro-batches add up to that of the whole."""
        import torch

        self.optimizer.zero_grad()
        found = self.backward(rows, made, group_R, old)
        found["grad_norm"] = float(torch.nn.utils.clip_grad_norm_(self.parameters, self.settings.max_norm))
        rate = self.settings.learning_rate * min(1.0, (self.steps + 1) / max(self.settings.warmup, 1))
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        self.optimizer.step()
        return found

    def backward(
        self, rows: Sequence[Row | None], made: Advantages, group_R: Tensor, old: dict[int, Tensor]
    ) -> dict[str, float]:
        """Add the gradient of the loss; gives the loss and its figures.

        Args:
            rows: the rollouts; None where nothing was sampled.
            made: their advantages.
            group_R: their groups.
            old: log-probabilities [T] before the first update by row; those that are missing are put in.
        """
        import torch

        objective, settings = self.objective, self.objective.surrogate
        drops = objective.drop_flat if self.settings.flat is None else self.settings.flat != "count"
        counts = [n for n, row in enumerate(rows) if row is not None and not (drops and bool(made.flat[n]))]
        if not counts:
            return {"loss": 0.0, "used": 0.0}
        written = {n: row.written for n in counts if (row := rows[n]) is not None}
        total = float(sum(written.values()) if settings.aggregate == "token" and objective.trl_loss else len(counts))
        # A rollout without advantage has no gradient but that of KL and entropy: it counts, and no pass is spent on it.
        by_advantage = objective.trl_loss and not settings.beta and not settings.entropy
        used = [n for n in counts if not by_advantage or made.values[n] != 0]
        width = max(len(row.completion) for row in rows if row is not None)
        engine = self.policy.engine
        token_RT = (
            token_advantages(engine, objective, rows, counts, made, group_R, width) if objective.distributions else None
        )
        parts: dict[str, list[tuple[float, int]]] = {}
        loss = 0.0
        lengths = [0 if row is None else len(row.ids) for row in rows]
        for part in self._parts(used, group_R, lengths):
            some = [row for n in part if (row := rows[n]) is not None]
            advantage = token_RT[part] if token_RT is not None else made.values[part]
            now = score(engine, some, width=width, entropy_grad=bool(settings.entropy))
            device = now.logp_RT.device
            for n, logp_T in zip(part, now.logp_RT.detach(), strict=True):
                old.setdefault(n, logp_T)
            off = ((now.logp_RT.detach() - sampled(some, width, device)) * now.mask_RT).abs().max()
            ref_RT = self.reference.logp(some, width) if self.reference else None
            part_loss = objective.loss(
                now.logp_RT,
                torch.stack([old[n] for n in part]),
                advantage.to(device),
                now.mask_RT,
                group_R[part].to(device),
                ref_RT=ref_RT,
                entropy_RT=now.entropy_RT if objective.trl_loss else None,
                total=total,
                length=self.settings.longest,
            )
            part_loss.value.backward()
            loss += float(part_loss.value.detach())
            for name, figure in {**part_loss.metrics, "off_sampling": off}.items():
                parts.setdefault(name, []).append((float(figure), sum(written[n] for n in part)))
        means = {name: sum(v * n for v, n in pairs) / sum(n for _, n in pairs) for name, pairs in parts.items()}
        return {**means, "loss": loss, "used": len(used) / len(rows)}

    def _parts(self, used: Sequence[int], group_R: Tensor, lengths: Sequence[int]) -> Iterator[list[int]]:
        """Micro-batches: of rows of like length, since they are padded; of whole groups where the loss needs them."""
        whole, size = self.objective.whole_groups, self.settings.micro_batch
        part: list[int] = []
        for n in used if whole else sorted(used, key=lengths.__getitem__):
            ends = bool(group_R[n] != group_R[part[-1]]) if part and whole else True
            unlike = not whole and part and lengths[n] > 2 * lengths[part[0]]
            if unlike or (len(part) >= size and ends):
                yield part
                part = []
            part.append(n)
        if part:
            yield part

    def state_dict(self) -> dict[str, Any]:
        """All that a run needs to go on as if it had not been stopped."""
        return {
            "model": self.policy.engine.loaded.model.state_dict(),
            "reference": self.reference.state_dict() if self.reference else None,
            "optimizer": self.optimizer.state_dict(),
            "difficulty": self.difficulty.state_dict(),
            "weights": self.weights.state_dict(),
            "steps": self.steps,
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take up what `state_dict` gave."""
        self.policy.engine.loaded.model.load_state_dict(state["model"])
        if self.reference and state["reference"]:
            self.reference.load_state_dict(state["reference"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.difficulty.load_state_dict(state["difficulty"])
        self.weights.load_state_dict(state["weights"])
        self.steps = int(state["steps"])

    @property
    def warning(self) -> str | None:
        """A line for the user where the difficulty weights never had an effect."""
        return self.weights.warning() if self.objective.weigh else None
