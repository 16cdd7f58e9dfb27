"""Plots of evaluations as SVG: risk against coverage, reliability, accuracy against what was spent."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ...agent.test_time_scaling.calibration import reliability
from ...memory import CapabilityError
from ..judging import JudgedItem
from ..measures.abstention import answers_something, risk_coverage
from ..measures.accuracy import accuracy
from ..measures.costs import costs
from ..table import SPENT

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Runs = Mapping[str, Sequence[JudgedItem]]
"""What was judged, by the name of the evaluation, in the order of the page."""
_INCHES = (4.6, 3.3)
_HUES = ("#2f6fab", "#c2571a", "#2a7f4f", "#8a4fa3", "#b03a48", "#6b7a1f", "#1f8a8a", "#7a5a3a", "#555f70", "#c08a00")
_DARK = ("#7db3e8", "#f0894a", "#6fc896", "#c79be0", "#f28b7d", "#c3d16a", "#6fd0d0", "#d0ab84", "#aab4c4", "#ecc04a")
_INK = {"light": ("#1d1e20", "#c9c9c2"), "dark": ("#e4e4e0", "#45494d")}
_MARKS = "osD^vP*Xhd"


@dataclass(frozen=True, slots=True, kw_only=True)
class Plot:
    """A plot, drawn for pages of either brightness."""

    name: str
    title: str
    about: str
    """What is to be seen, for people who do not see it, and what is better."""
    light: str
    """SVG text."""
    dark: str


def plots(runs: Runs, strategies: Mapping[str, str] | None = None) -> list[Plot]:
    """Draw what there is to draw: without answers no reliability, and of one evaluation no accuracy against a budget.

    Args:
        runs: what was judged.
        strategies: the strategy of each evaluation; those of one are one curve. Each has its own where none is given.

    Raises:
        CapabilityError: if matplotlib is not installed.
    """
    judged = {name: own for name, own in runs.items() if own}
    if not judged:
        return []
    found = [
        _plot(
            "risk_coverage",
            "Risk against coverage",
            "Share of wrong answers among the most confident items; lower is better.",
            lambda axes, hues: _risk(axes, hues, judged),
        )
    ]
    first = [one for one in next(iter(judged.values())) if answers_something(one)]
    if first:
        found.append(
            _plot(
                "reliability",
                "Reliability",
                "Share of right answers by stated confidence; on the line the two agree.",
                lambda axes, hues: _reliability(axes, hues, first),
            )
        )
    if len(judged) > 1:
        found += [
            _plot(
                f"accuracy_{name}",
                f"Accuracy against {name}",
                f"Share of right items, with its interval of 95 %, by the mean {name} of an item.",
                lambda axes, hues, name=name: _spent(axes, hues, judged, strategies or {}, name),  # type: ignore[misc]
            )
            for name in SPENT
            if any(costs(own)[name].value > 0 for own in judged.values())
        ]
    return found


def _plot(name: str, title: str, about: str, draw: Callable[[Axes, Sequence[str]], None]) -> Plot:
    drawn = {theme: _drawn(theme, hues, draw) for theme, hues in (("light", _HUES), ("dark", _DARK))}
    return Plot(name=name, title=title, about=about, **drawn)


def _drawn(theme: str, hues: Sequence[str], draw: Callable[[Axes, Sequence[str]], None]) -> str:
    try:
        import matplotlib
        from matplotlib.figure import Figure
    except ImportError as error:
        raise CapabilityError("Plots need matplotlib: pip install 'rewatch[eval]'.") from error
    ink, line = _INK[theme]
    style: Any = {
        "text.color": ink, "axes.labelcolor": ink, "xtick.color": ink, "ytick.color": ink, "axes.edgecolor": line,
        "grid.color": line, "axes.grid": True, "grid.linewidth": 0.5, "axes.spines.top": False,
        "axes.spines.right": False, "font.size": 9, "legend.frameon": False, "svg.hashsalt": "rewatch",
    }  # fmt: skip
    with matplotlib.rc_context(style):
        figure = Figure(figsize=_INCHES, layout="constrained")
        draw(figure.subplots(), hues)
        made = io.StringIO()
        figure.savefig(made, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    return made.getvalue()


def _risk(axes: Axes, hues: Sequence[str], runs: Runs) -> None:
    for number, (name, judged) in enumerate(runs.items()):
        curve = risk_coverage(judged)
        x, y = zip(*curve, strict=True)
        axes.plot(x, y, color=hues[number % len(hues)], label=name, drawstyle="steps-post", linewidth=1.5)
        axes.plot(x[-1:], y[-1:], "o", color=hues[number % len(hues)], markersize=4)
    axes.set(xlabel="coverage", ylabel="risk", xlim=(0, 1.02), ylim=(-0.02, 1.02))
    _legend(axes, len(runs))


def _reliability(axes: Axes, hues: Sequence[str], answers: Sequence[JudgedItem]) -> None:
    bins = [one for one in reliability([a.answer.confidence for a in answers], [a.right for a in answers]) if one.count]
    axes.plot([0, 1], [0, 1], linestyle=":", color=axes.xaxis.label.get_color(), linewidth=1)
    axes.bar(
        [(one.low + one.high) / 2 for one in bins],
        [one.accuracy for one in bins],
        width=0.09,
        color=hues[0],
        alpha=0.75,
    )
    for one in bins:
        axes.annotate(str(one.count), ((one.low + one.high) / 2, one.accuracy), ha="center", va="bottom", fontsize=7)
    axes.set(xlabel="stated confidence", ylabel="share right", xlim=(0, 1), ylim=(0, 1.08))


def _spent(axes: Axes, hues: Sequence[str], runs: Runs, strategies: Mapping[str, str], what: str) -> None:
    curves: dict[str, list[tuple[float, float, float, float]]] = {}
    for name, judged in runs.items():
        right = accuracy(judged)["accuracy"]
        low, high = right.value if right.low is None else right.low, right.value if right.high is None else right.high
        point = (costs(judged)[what].value, right.value, max(right.value - low, 0), max(high - right.value, 0))
        curves.setdefault(strategies.get(name, name), []).append(point)
    for number, (name, points) in enumerate(curves.items()):
        spent, value, below, above = zip(*sorted(points), strict=True)
        axes.errorbar(
            spent,
            value,
            yerr=[below, above],
            fmt=f"{_MARKS[number % len(_MARKS)]}-",
            color=hues[number % len(hues)],
            label=name,
            markersize=5,
            linewidth=1.5,
            elinewidth=1,
        )
    axes.set(xlabel=f"{what} per item", ylabel="accuracy", ylim=(-0.02, 1.05))
    axes.margins(x=0.08)
    axes.set_xlim(left=0)
    _legend(axes, len(curves))


def _legend(axes: Axes, count: int) -> None:
    if count > 1:
        axes.legend(fontsize=7, loc="best", ncols=1 if count < 6 else 2)
