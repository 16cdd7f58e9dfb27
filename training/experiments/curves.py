"""The figures of a run as pictures: training and held-out in one, with standard errors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

HELD_OUT = "held-out"
SHOWN = {
    "loss": "loss",
    "reward": "reward",
    "accuracy": "right answers",
    "tool_rate": "share of runs that call a tool",
    "valid_call_rate": "share of calls that are valid",
    "calls_when_right": "calls of a right run",
    "right_clip": "share of runs that look at the right place",
    "clip_iou": "IoU of claimed and true spans",
    "length": "tokens written",
    "kl": "KL to the start",
    "entropy": "entropy of a written token (nats)",
    "flat_share": "share of groups that teach nothing",
    "weight": "mean difficulty weight",
}
"""Each figure that has a picture of its own, and what its axis says."""
SHARES = frozenset({"accuracy", "tool_rate", "valid_call_rate", "right_clip", "clip_iou", "flat_share"})
_TRAIN, _HELD = "#9aa7b8", "#0b5fa5"
_KINDS = ("#0b5fa5", "#c4511c", "#2a8c4a", "#8a3fa0", "#a58a0b", "#c23b6b", "#2aa5a0", "#5a5a5a")
Rows = Sequence[Mapping[str, Any]]


def draw(rows: Rows, folder: Path, stage: str) -> list[Path]:
    """Write a picture for each figure that the rows have, `tasks.png` by kind, and `overview.png`; gives the paths.

    Args:
        rows: of `metrics.jsonl`.
        folder: where the pictures go.
        stage: the stage whose training figures are shown.
    """
    import matplotlib

    matplotlib.use("agg")
    from matplotlib import pyplot

    train = [row for row in rows if row["stage"] == stage]
    held = [row for row in rows if row["stage"] == HELD_OUT]
    names = [name for name in SHOWN if any(name in row for row in (*train, *held))]
    kinds = sorted(
        {n for row in held for n in row if n.startswith("accuracy/") and not n.endswith("_se")}
        or {n for row in train for n in row if n.startswith("accuracy/")}
    )
    folder.mkdir(parents=True, exist_ok=True)
    made = []
    for name in [*names, *(["tasks"] if kinds else [])]:
        figure, axis = pyplot.subplots(figsize=(6.4, 4.0))
        _panel(axis, train, held, name, kinds, stage)
        made.append(_save(figure, folder / f"{name}.png"))
    first = () if stage == "rl" else ("loss",)
    main = [n for n in (*first, "accuracy", "tool_rate", "valid_call_rate", "right_clip", "reward") if n in names]
    main += [n for n in names if n not in main and n in ("entropy", "length", "kl")]
    panels = [*(["tasks"] if kinds else []), *main][:6]
    figure, axes = pyplot.subplots((len(panels) + 2) // 3, 3, figsize=(14.5, 3.9 * ((len(panels) + 2) // 3)))
    flat = list(figure.axes)
    for axis, name in zip(flat, panels, strict=False):
        _panel(axis, train, held, name, kinds, stage)
    for axis in flat[len(panels) :]:
        axis.set_visible(False)
    made.append(_save(figure, folder / "overview.png"))
    return made


def _save(figure: Any, path: Path) -> Path:
    from matplotlib import pyplot

    figure.tight_layout()
    figure.savefig(path, dpi=120)
    pyplot.close(figure)
    return path


def _panel(axis: Any, train: Rows, held: Rows, name: str, kinds: Sequence[str], stage: str) -> None:
    """One figure over the steps."""
    from matplotlib.ticker import MaxNLocator

    if name == "tasks":
        source = held or train
        for color, kind in zip(_KINDS * (1 + len(kinds) // len(_KINDS)), kinds, strict=False):
            _line(axis, source, kind, color, kind.removeprefix("accuracy/"), marked=bool(held))
        axis.set_title("right answers by kind, " + ("held out" if held else "training"), fontsize=10)
    else:
        some = [row for row in train if name in row]
        if some:
            steps, values = [row["step"] for row in some], [row[name] for row in some]
            dense = len(some) > 12
            axis.plot(
                steps, values, color=_TRAIN, alpha=0.45 if dense else 1, lw=1, label=None if dense else "training"
            )
            if dense:
                axis.plot(steps, smooth(values), color=_TRAIN, lw=2, label="training, smoothed")
        _line(axis, held, name, _HELD, "held out ± standard error", marked=True)
        axis.set_title(SHOWN[name], fontsize=10)
    if name == "tasks" or name in SHARES:
        axis.set_ylim(-0.02, 1.02)
    axis.set_xlabel(f"{stage.upper()} step")
    axis.xaxis.set_major_locator(MaxNLocator(integer=True))
    axis.grid(alpha=0.25, lw=0.6)
    for side in ("top", "right"):
        axis.spines[side].set_visible(False)
    if axis.get_legend_handles_labels()[0]:
        axis.legend(frameon=False, fontsize=8)


def _line(axis: Any, rows: Rows, name: str, color: str, label: str, *, marked: bool) -> None:
    some = [row for row in rows if name in row]
    if not some:
        return
    steps, values = [row["step"] for row in some], [row[name] for row in some]
    errors = [row.get(f"{name}_se", 0.0) for row in some]
    style: dict[str, Any] = {"marker": "o", "ms": 4, "capsize": 2, "elinewidth": 0.9} if marked else {}
    axis.errorbar(steps, values, yerr=errors if marked else None, color=color, lw=1.6, label=label, **style)


def smooth(values: Sequence[float], share: float = 0.06) -> list[float]:
    """Means over a window that is centred on each place and cut at the ends."""
    half = max(1, round(len(values) * share / 2))
    return [
        sum(values[max(0, n - half) : n + half + 1]) / len(values[max(0, n - half) : n + half + 1])
        for n in range(len(values))
    ]
