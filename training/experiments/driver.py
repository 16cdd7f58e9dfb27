"""A run from its first step, or its last checkpoint, to its end, and what is written around it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ..rollouts.rollout import Rollout
from ..trainers.mini import MiniTrainer
from .context import TrainingContext
from .curves import draw
from .model_card import card, sample
from .policy import save_policy

OnStart = Callable[[Sequence[Rollout]], None]
"""Is given the held-out runs before the first step, and may refuse to go on."""


def start(context: TrainingContext, on_start: OnStart | None = None) -> None:
    """Before the first step: held-out figures, the check of those runs, and sample runs."""
    rollouts = context.evaluate(0)
    context.evaluate_blind(0)
    if on_start:
        on_start(rollouts)
    sample(context, "before")


def drive(context: TrainingContext, trainer: MiniTrainer, on_start: OnStart | None = None) -> None:
    """Train to the last step, evaluating on the held-out tasks and storing the state on the way."""
    plan, folder = context.config.trainer, context.folder
    state = folder.load_state(context.policy.engine.loaded.model.device)
    if state is not None:
        trainer.load_state_dict(state)
        del state
        context.note(f"goes on from step {trainer.steps}")
    folder.forget_after(trainer.steps or -1)
    if not trainer.steps:
        start(context, on_start)
    context.begin(trainer.steps)
    while trainer.steps < plan.steps:
        stops = (_next(trainer.steps, plan.evaluate_every), _next(trainer.steps, plan.save_every), plan.steps)
        trainer.train(context.tasks, min(stops), on_step=context.write)
        done = trainer.steps
        if done == plan.steps or done % plan.evaluate_every == 0:
            context.evaluate(done)
        if done == plan.steps or done % plan.save_every == 0:
            folder.save_state(done, trainer.state_dict())


def _next(done: int, every: int) -> int:
    return (done // every + 1) * every


def look_back(context: TrainingContext) -> None:
    """After the last step: the held-out tasks without tools, and sample runs."""
    context.evaluate_blind(context.config.trainer.steps)
    sample(context, "after")


def finish(context: TrainingContext, facts: Mapping[str, Any], saved: Path | None = None) -> Path:
    """Write the policy, the pictures, sample runs and the card; gives the run's folder.

    Args:
        context: the run.
        facts: rows of the card that are the verb's own.
        saved: a folder with the weights where the trainer has saved them, and has looked back, itself.
    """
    folder = context.folder
    if context.rank:
        return folder.path
    folder.put_policy(saved or save_policy(context.policy, context.source, folder.path / "policy.part"))
    if saved is None:
        look_back(context)
    draw(folder.rows, folder.curves, context.stage)
    pages = {when: sorted(p.name for p in folder.samples.glob(f"{when}-*.html")) for when in ("before", "after")}
    folder.write_card(card(context, facts, pages))
    context.note(f"saved to {folder.path}; ask with --policy {folder.path}")
    return folder.path
