"""TensorBoard and W&B, where they are asked for and there."""

from __future__ import annotations

import hashlib
import importlib.util
import os
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ...memory import CapabilityError
from .config import Log, Run


class Sinks:
    """Hands rows of figures on.

    Args:
        log: which there are to be.
        folder: the run's.
        config: is shown beside the figures.

    Raises:
        CapabilityError: if what is asked for is not installed; before anything else is done.
    """

    def __init__(self, log: Log, folder: Path, config: Run) -> None:
        self._board = _board(folder) if log.tensorboard else None
        self._wandb = _wandb(log.wandb, folder, config) if log.wandb else None

    def write(self, row: Mapping[str, Any]) -> None:
        """One row, under `<stage>/<figure>`."""
        figures = {name: value for name, value in row.items() if name not in ("stage", "step", "s")}
        named = {f"{row['stage']}/{name}": value for name, value in figures.items()}
        if self._board is not None:
            for name, value in named.items():
                self._board.add_scalar(name, value, row["step"])
            self._board.flush()
        if self._wandb is not None:
            self._wandb.log({**named, "step": row["step"]})

    def close(self) -> None:
        """End both."""
        if self._board is not None:
            self._board.close()
        if self._wandb is not None:
            self._wandb.finish()


def _board(folder: Path) -> Any:
    if importlib.util.find_spec("tensorboardX") is not None:
        from tensorboardX import SummaryWriter

        return SummaryWriter(str(folder / "tensorboard"))
    if importlib.util.find_spec("tensorboard") is None:
        raise CapabilityError("log.tensorboard needs tensorboard, which is not installed: pip install tensorboard")
    from torch.utils.tensorboard import SummaryWriter

    return SummaryWriter(str(folder / "tensorboard"))


def _wandb(project: str, folder: Path, config: Run) -> Any:
    if importlib.util.find_spec("wandb") is None:
        raise CapabilityError("log.wandb needs wandb, which is not installed: pip install wandb")
    import wandb

    key = hashlib.sha256(os.fsencode(folder.resolve())).hexdigest()[:12]  # a run that goes on is the same run there
    settings = wandb.Settings(silent=True, console="off")
    return wandb.init(
        project=project,
        dir=str(folder),
        name=folder.name,
        id=key,
        resume="allow",
        config=asdict(config),
        settings=settings,
    )
