"""A training run in a terminal: a bar with the newest figures; plain lines, or JSON lines, where nobody watches."""

from __future__ import annotations

from types import TracebackType
from typing import Any

from rich.progress import BarColumn, Progress, ProgressColumn, Task, TextColumn, TimeRemainingColumn
from rich.text import Text

from ...training.experiments import Event
from .output import Console, write_json

SHOWN = {
    "loss": "loss",
    "reward": "reward",
    "accuracy": "right",
    "tool_rate": "tools",
    "valid_call_rate": "valid",
    "right_clip": "right clip",
    "entropy": "entropy",
    "margin": "margin",
}
"""Figures that are shown, with their names there; all are in metrics.jsonl."""
HELD = ("accuracy", "reward", "tool_rate", "valid_call_rate", "right_clip")
LINES = 20
"""Lines of training figures that a run prints where there is no terminal."""


class _Figures(ProgressColumn):
    """The newest figures, as many as the terminal has room for."""

    def render(self, task: Task) -> Text:
        return Text(str(task.fields.get("figures", "")), no_wrap=True, overflow="ellipsis", style="dim")


class Screen:
    """Shows the events of a run.

    Args:
        as_json: print rows as JSON lines on standard output, and nothing else there.
        quiet: show nothing.
    """

    def __init__(self, *, as_json: bool = False, quiet: bool = False) -> None:
        self.as_json = as_json
        self.console = Console(stderr=as_json, quiet=quiet)
        self._bar: Progress | None = None
        self._task: Any = None

    def __enter__(self) -> Screen:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar:
            self._bar.stop()

    def __call__(self, event: Event) -> None:
        """Show one event."""
        if self.as_json:
            write_json(event.as_dict())
            if event.kind == "row":
                return
        if event.kind == "note":
            self.console.print(Text.assemble(("note     ", "bold"), event.text), soft_wrap=not self.console.is_terminal)
        elif event.kind == "begin":
            self._begin(event)
        elif event.stage in ("held-out", "no-tools"):
            self._line(event.stage.replace("-", " "), event, [n for n in HELD if n in event.row], "cyan")
        else:
            self._step(event)

    def _begin(self, event: Event) -> None:
        if not self.console.is_terminal:
            return
        room = self.console.width
        self._bar = Progress(
            TextColumn("{task.fields[stage]:<8}", markup=False, style="bold"),
            BarColumn(bar_width=min(30, max(8, room // 6))),
            TextColumn("{task.completed}/{task.total}"),
            TimeRemainingColumn(compact=True),
            _Figures(),
            console=self.console,
            transient=True,
        )
        self._task = self._bar.add_task("", total=event.steps, completed=event.step, stage=event.stage)
        self._bar.start()

    def _step(self, event: Event) -> None:
        names = [name for name in SHOWN if name in event.row]
        if self._bar is not None:
            room = self.console.width - min(30, max(8, self.console.width // 6)) - 32
            self._bar.update(self._task, completed=event.step, figures=_fit(event.row, names, room))
            if event.step == event.steps:
                self._bar.stop()
                self._bar = None
                self._line(event.stage, event, names)
            return
        every = max(1, event.steps // LINES)
        if event.step % every == 0 or event.step == event.steps:
            self._line(event.stage, event, names)

    def _line(self, head: str, event: Event, names: list[str], style: str = "") -> None:
        room = self.console.width - 9 if self.console.is_terminal else None
        steps = f"{event.step}/{event.steps}"
        line = f"{steps:<9}{_clock(float(event.row['s'])):>6}"
        for name in names:
            error = event.row.get(f"{name}_se")
            more = f"{line}  {SHOWN[name]} {_number(event.row[name])}" + (f"±{_number(error)}" if error else "")
            if room is not None and len(more) > room:
                break
            line = more
        self.console.print(Text.assemble((f"{head:<9}", "bold"), (line, style)), soft_wrap=room is None)


def _fit(row: Any, names: list[str], room: int) -> str:
    text = ""
    for name in names:
        more = f"{text}  {SHOWN[name]} {_number(row[name])}".strip()
        if len(more) > room:
            break
        text = more
    return text


def _number(value: Any) -> str:
    return f"{float(value):.3f}".replace("0.", ".", 1) if abs(float(value)) < 1 else f"{float(value):.2f}"


def _clock(seconds: float) -> str:
    whole = int(seconds)
    hours = f"{whole // 3600}:{whole // 60 % 60:02}" if whole >= 3600 else f"{whole // 60}"
    return f"{hours}:{whole % 60:02}"
