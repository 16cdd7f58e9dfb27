"""The end of every verb: the policy, the pictures, sample runs, the card."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .building import save_policy
from .card import card
from .context import TrainingContext
from .curves import draw
from .samples import sample


def look_back(bench: TrainingContext) -> None:
    """After the last step: the held-out tasks without tools, and sample runs."""
    bench.evaluate_blind(bench.config.trainer.steps)
    sample(bench, "after")


def over(bench: TrainingContext) -> Path:
    """Say that there is nothing to go on with; gives the run's folder."""
    bench.note(f"{bench.folder.path} is finished: there is nothing to go on with; give another --out to train again")
    return bench.folder.path


def finish(bench: TrainingContext, facts: Mapping[str, Any], saved: Path | None = None) -> Path:
    """Write what a run leaves; gives its folder.

    Args:
        bench: the run.
        facts: what the card is to say of it.
        saved: a folder with the weights where the trainer has saved them, and has looked back, itself.
    """
    if bench.rank:
        return bench.folder.path
    made = saved or save_policy(bench.policy, bench.source, bench.folder.path / "policy.part")
    bench.folder.put_policy(made)
    if saved is None:
        look_back(bench)
    draw(bench.folder.rows, bench.folder.curves, bench.stage)
    pages = {when: sorted(p.name for p in bench.folder.samples.glob(f"{when}-*.html")) for when in ("before", "after")}
    bench.folder.write_card(card(bench, facts, pages))
    bench.note(f"saved to {bench.folder.path}; ask with --policy {bench.folder.path}")
    return bench.folder.path
