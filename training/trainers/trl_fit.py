"""The parts that supervised and preference learning by TRL share: settings in words of our own, and a quiet run.

TRL and transformers' trainers are slow to import, so that they are imported where they are used.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any

from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass

SETTINGS = ConfigDict(extra="forbid", strict=True)
"""The check of trainers' settings: unknown names and values of another type are errors."""
Betas = Annotated[tuple[float, float], Field(strict=False)]
OnStep = Callable[[int, dict[str, float]], None]
"""Is called with the number of a step and its figures."""
_RENAMED = {
    "reward_std": "group_std",
    "rewards/margins": "margin",
    "rewards/accuracies": "preferred",
    "rewards/chosen": "chosen",
    "rewards/rejected": "rejected",
}


@dataclass(frozen=True, slots=True, kw_only=True, config=SETTINGS)
class OptimizerSettings:
    """Settings that every way of training has."""

    learning_rate: float = 3e-4
    betas: Betas = (0.9, 0.98)
    weight_decay: float = 0.0
    warmup: int = 3
    """Steps over which the learning rate rises."""
    max_norm: float = 1.0
    """The gradient's norm is cut to this."""
    micro_batch: int = 16
    """Rows of one pass; gradients add up, and the loss does not depend on it."""
    seed: int = 0


def optimizer_arguments(settings: OptimizerSettings) -> dict[str, Any]:
    """The optimizer of our own settings as arguments of transformers' trainers."""
    return {
        "learning_rate": settings.learning_rate,
        "adam_beta1": settings.betas[0],
        "adam_beta2": settings.betas[1],
        "weight_decay": settings.weight_decay,
        "warmup_steps": max(settings.warmup - 1, 0),  # transformers begin at a rate of 0
        "max_grad_norm": settings.max_norm,
        "gradient_checkpointing": False,
        "bf16": False,
    }


def batches(rows: int, most: int) -> dict[str, int]:
    """The rows of a step in passes of equal size, each of at most `most` rows."""
    size = max(n for n in range(1, max(min(rows, most), 1) + 1) if rows % n == 0)
    return {"per_device_train_batch_size": size, "gradient_accumulation_steps": max(rows // size, 1)}


def fit(
    make: Callable[[Any], Any], config: type, settings: Any, steps: int, on_step: OnStep | None
) -> list[dict[str, float]]:
    """Train by a trainer of TRL, with nothing saved and nothing printed; gives the figures of each step.

    Args:
        make: makes the trainer of its configuration.
        config: SFTConfig or DPOConfig.
        settings: `SFTSettings` or `DPOSettings`.
        steps: optimizer steps.
        on_step: is called after each step.
    """
    import torch
    from transformers.trainer_callback import PrinterCallback, TrainerCallback

    curve: list[dict[str, float]] = []

    class Figures(TrainerCallback):
        def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **more: Any) -> None:
            figures = figures_of(logs or {})
            if "loss" in figures:  # not the summary of the end
                curve.append(figures)
                if on_step:
                    on_step(state.global_step, figures)

    with TemporaryDirectory() as folder, quiet():
        args = config(
            output_dir=folder,
            max_steps=steps,
            seed=settings.seed,
            logging_steps=1,
            save_strategy="no",
            report_to=[],
            disable_tqdm=True,
            use_cpu=not torch.cuda.is_available(),
            **settings.trl_arguments(),
        )
        trainer = make(args)
        trainer.remove_callback(PrinterCallback)
        trainer.add_callback(Figures())
        trainer.train()
    return curve


def figures_of(logs: Mapping[str, Any]) -> dict[str, float]:
    """TRL's log under our names."""
    figures: dict[str, float] = {}
    for name, value in logs.items():
        if not isinstance(value, (int, float)):
            continue
        if name.startswith("rewards/") and name.count("/") == 2:
            component, part = name.split("/")[1:]
            if part == "mean":
                figures[f"reward/{component}"] = float(value)
            continue
        figures[_RENAMED.get(name, name)] = float(value)
    return figures


def last_checkpoint(folder: Path, mark: str) -> Path | None:
    """The last checkpoint of a trainer that was written to its end; None where there is none.

    One that was being written when the run was killed is passed over (transformers' `get_last_checkpoint` takes it).

    Args:
        folder: of the checkpoints.
        mark: a file that is put into each checkpoint last of all.
    """
    whole = [path.parent for path in folder.glob(f"checkpoint-*/{mark}")]
    return max(whole, key=step_of, default=None)


def step_of(checkpoint: Path) -> int:
    """The step of a folder `checkpoint-<step>`."""
    return int(checkpoint.name.rpartition("-")[2])


@contextmanager
def quiet() -> Iterator[None]:
    """Without bars and notices of renamed settings, which belong to TRL's makers and not to whoever trains."""
    from transformers.utils import logging

    level = logging.get_verbosity()
    logging.set_verbosity_error()
    try:
        with warnings.catch_warnings(), without_bars():
            warnings.filterwarnings("ignore", category=FutureWarning)
            warnings.filterwarnings("ignore", message="Detected call of `lr_scheduler.step")
            yield
    finally:
        logging.set_verbosity(level)


@contextmanager
def without_bars() -> Iterator[None]:
    """Keep transformers from drawing its own progress into ours."""
    from transformers.utils import logging

    enabled = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        if enabled:
            logging.enable_progress_bar()
