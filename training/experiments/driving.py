"""A mini trainer from its first step, or its last checkpoint, to the end."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from ..rollouts.rollout import Rollout
from .context import TrainingContext
from .samples import sample

Told = Callable[[int, dict[str, float]], None]


class Trainer(Protocol):
    """The face of a mini trainer that is driven here."""

    def state_dict(self) -> dict[str, Any]:
        """All that is needed to go on."""
        ...

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take up what `state_dict` gave."""
        ...


def start(bench: TrainingContext, first: Callable[[Sequence[Rollout]], None] | None = None) -> None:
    """Before the first step: held-out figures, whatever has to hold of those runs, and sample runs."""
    rollouts = bench.evaluate(0)
    bench.evaluate_blind(0)
    if first:
        first(rollouts)
    sample(bench, "before")


def drive(
    bench: TrainingContext,
    trainer: Trainer,
    advance: Callable[[int, Told], object],
    done: Callable[[], int],
    first: Callable[[Sequence[Rollout]], None] | None = None,
) -> None:
    """Train to the last step, looking at the held-out tasks and storing the state on the way.

    Args:
        bench: the run.
        trainer: whose state is stored.
        advance: trains up to a step, and tells the figures of each.
        done: how many steps are done.
        first: is given the held-out runs before the first step, and may refuse to go on.
    """
    plan = bench.config.trainer
    state = bench.folder.load_state(bench.policy.engine.loaded.model.device)
    if state is not None:
        trainer.load_state_dict(state)
        del state
        bench.note(f"goes on from step {done()}")
    bench.folder.forget_after(done() if done() else -1)
    if not done():
        start(bench, first)
    bench.begin(done())
    while done() < plan.steps:
        stops = (_next(done(), plan.evaluate_every), _next(done(), plan.save_every), plan.steps)
        advance(min(stops), bench.write)
        last = done() == plan.steps
        if last or done() % plan.evaluate_every == 0:
            bench.evaluate(done())
        if last or done() % plan.save_every == 0:
            bench.folder.save_state(done(), trainer.state_dict())


def _next(done: int, every: int) -> int:
    return (done // every + 1) * every
