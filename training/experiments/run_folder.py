"""The folder of a run: configuration, figures, checkpoints; whole after a kill at any moment. TensorBoard and W&B."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import shutil
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from ...memory import CapabilityError, RewatchError
from .config import Log, Run, as_yaml

CONFIG, METRICS, CARD = "config.yaml", "metrics.jsonl", "README.md"


class RunFolderError(RewatchError):
    """A run folder cannot be used as asked."""


class RunFolder:
    """The folder that a run writes. Of several processes only the first writes.

    Args:
        path: made if it is not there.
        config: as resolved.
        resume: go on with the run that lies there.
        writes: whether this process is the first.

    Raises:
        RunFolderError: if another run lies there, or, with `resume`, one of another configuration, or nothing can be
            written there.
    """

    def __init__(self, path: str | Path, config: Run, *, resume: bool = False, writes: bool = True) -> None:
        self.path, self.writes = Path(path), writes
        text, own = as_yaml(config), self.path / CONFIG
        self.begun = self.policy.exists() or (self.checkpoints.is_dir() and any(self.checkpoints.iterdir()))
        """True if there is something to go on from; what never reached a checkpoint begins anew."""
        if self.begun and not resume:
            raise RunFolderError(f"{self.path} holds a run already; give another --out, or --resume to go on with it.")
        if self.begun and own.is_file():
            _require_same(own.read_text(encoding="utf-8"), text, own)
        if writes:
            try:
                for folder in (self.path, self.checkpoints, self.curves, self.samples):
                    folder.mkdir(parents=True, exist_ok=True)
                _write(own, text)
            except OSError as error:
                why = "it is a file" if self.path.is_file() else error.strerror or str(error)
                raise RunFolderError(f"{self.path} cannot be written ({why}); give another --out.") from None
        self.rows = self._read() if self.begun else []
        self._before = self.rows[-1]["s"] if self.rows else 0.0
        self._began = time.monotonic()

    @property
    def checkpoints(self) -> Path:
        """States that --resume goes on from."""
        return self.path / "checkpoints"

    @property
    def curves(self) -> Path:
        """Pictures of the figures."""
        return self.path / "curves"

    @property
    def samples(self) -> Path:
        """Runs before and after, as pages and traces."""
        return self.path / "samples"

    @property
    def policy(self) -> Path:
        """The trained policy."""
        return self.path / "policy"

    @property
    def finished(self) -> bool:
        """True if the run is over: its card is written last of all."""
        return self.policy.is_dir() and (self.path / CARD).is_file()

    @property
    def seconds(self) -> float:
        """Since the run began, time in which it lay killed left out."""
        return self._before + time.monotonic() - self._began

    def write(self, stage: str, step: int, figures: Mapping[str, float]) -> dict[str, Any]:
        """Append a row of figures, which is on disk before this returns; gives the row.

        A row of the same stage and step, which a run left that was killed after it, gives way to this one.
        """
        row: dict[str, Any] = {"stage": stage, "step": step, "s": round(self.seconds, 1)}
        row |= {name: round(float(value), 5) for name, value in figures.items()}
        others = [one for one in self.rows if (one["stage"], one["step"]) != (stage, step)]
        again = len(others) < len(self.rows)
        self.rows = [*others, row]
        if self.writes and again:
            self._write_rows()
        elif self.writes:
            with (self.path / METRICS).open("a", encoding="utf-8") as file:
                file.write(json.dumps(row) + "\n")
                file.flush()
                os.fsync(file.fileno())
        return row

    def forget_after(self, step: int) -> None:
        """Drop the rows of steps that are done again, since the last checkpoint lies before them."""
        kept = [row for row in self.rows if row["step"] <= step]
        if len(kept) < len(self.rows) or not self.begun or self._half_line():
            self.rows = kept
            if self.writes:
                self._write_rows()

    def write_card(self, text: str) -> None:
        """Write the card, which says that the run is over."""
        _write(self.path / CARD, text)

    def save_state(self, step: int, state: Mapping[str, Any]) -> None:
        """Store a trainer's state; the one before is removed once this one is whole."""
        import torch

        if not self.writes:
            return
        path = self.checkpoints / f"step-{step:08d}.pt"
        part = path.with_suffix(".part")
        with part.open("wb") as file:
            torch.save(dict(state), file)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
        for old in self.checkpoints.glob("step-*"):
            if old != path:
                old.unlink()

    def load_state(self, device: Any) -> dict[str, Any] | None:
        """The newest state; None where there is none."""
        import torch

        found = sorted(self.checkpoints.glob("step-*.pt"))
        if not found:
            return None
        state: dict[str, Any] = torch.load(found[-1], map_location=device, weights_only=True)
        return state

    def put_policy(self, made: Path) -> Path:
        """Take a folder with weights as the policy, in place of an earlier one."""
        if self.policy.exists():
            shutil.rmtree(self.policy)
        made.replace(self.policy)
        return self.policy

    def _read(self) -> list[dict[str, Any]]:
        path = self.path / METRICS
        if not path.is_file():
            return []
        rows = []
        for line in path.read_text(encoding="utf-8").split("\n"):
            try:
                rows.append(json.loads(line))
            except ValueError:
                continue  # the end of a line that a kill cut off
        return rows

    def _write_rows(self) -> None:
        _write(self.path / METRICS, "".join(json.dumps(row) + "\n" for row in self.rows))

    def _half_line(self) -> bool:
        path = self.path / METRICS
        return path.is_file() and path.stat().st_size > 0 and not path.read_bytes().endswith(b"\n")


def _write(path: Path, text: str) -> None:
    part = path.with_name(f"{path.name}.part")
    part.write_text(text, encoding="utf-8")
    part.replace(path)


MAY_CHANGE = ("log", "trainer.evaluate_every", "trainer.save_every")
"""Settings that may differ in a run that goes on."""


def _require_same(before: str, now: str, path: Path) -> None:
    """Raise if a run would go on with other settings than it began with."""
    old, new = _flat(yaml.safe_load(before) or {}), _flat(yaml.safe_load(now))
    for key in {**old, **new}:
        if old.get(key) != new.get(key) and not key.startswith(MAY_CHANGE):
            raise RunFolderError(
                f"{path}: {key} was {old.get(key)!r} and is {new.get(key)!r} now; resume with what it began with, or "
                "give another --out."
            )


def _flat(row: Any, key: str = "") -> dict[str, Any]:
    if not isinstance(row, dict) or not row:
        return {key: row}
    return {name: value for k, v in row.items() for name, value in _flat(v, f"{key}.{k}" if key else str(k)).items()}


class Sinks:
    """Writers of figures to TensorBoard and W&B, as the configuration has them.

    Raises:
        CapabilityError: if one is not installed; before anything else is done.
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
        config=config.model_dump(mode="json"),
        settings=settings,
    )
