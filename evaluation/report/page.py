"""The page of an evaluation, with others of the same set beside it: tables, plots, and items that open their runs."""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

from markupsafe import Markup

from ...agent.questions.question import letter
from ...agent.report import ReportError, page_policy, page_style, render_template, write_report
from ...agent.trace import TraceError
from ...memory.files.regular import replacing
from ...memory.sanitize import as_json
from ..compare import Comparison, compare
from ..evaluate import judged_items
from ..items import EvaluationError
from ..judging import JudgedItem
from ..measures import Figure
from ..measures.groundedness import is_supported
from ..resume import EvaluationFolder, differences
from ..table import COLUMNS, Row, Table, short, table
from .plots import Plot, plots

STATES = ("failed", "wrong", "abstained", "right, unsupported", "right")
"""What came of an item, the worst first."""
_ROWS = 1000
"""Items on one page; the rest are in `items.jsonl`."""
_BESIDE = (*COLUMNS, "accuracy_answered", "ece", "aurc")
_FOLDER = Path(__file__).parent


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """One of the evaluations of a page."""

    name: str
    """By what it differs from the first."""
    folder: EvaluationFolder
    judged: Sequence[JudgedItem]
    table: Table
    against: Comparison | None
    """The first against it; None for the first, and where they have no task in common."""

    @property
    def overall(self) -> Row:
        """The figures of all of its items."""
        return self.table.rows[0]


@dataclass(slots=True, kw_only=True)
class ItemRow:
    """One item of the first evaluation."""

    one: JudgedItem
    state: str
    truth: str
    answer: str
    beside: tuple[str, ...]
    """What came of it in each of the others: `right`, `wrong`, or empty where it was not asked there."""
    href: str = field(default="")
    """Of the page of its run, else of the trace."""


def write_page(folders: Sequence[EvaluationFolder], out: str | Path, *, pages: int = 100) -> Path:
    """Write evaluations as one HTML page that needs nothing else; pages of runs lie in a folder beside it.

    Args:
        folders: the evaluation, and others of its set to be seen beside it (controls, other policies and budgets).
        out: the page to write; its folder is made, and a page that is there is replaced.
        pages: how many runs of the first evaluation get a page at most: those that failed or are wrong come first.

    Returns:
        The path of the page.

    Raises:
        EvaluationError: if an evaluation cannot be read, or nothing of the first is done.
        ReportError: if the page cannot be written.
        CapabilityError: if matplotlib is not installed.
    """
    place = Path(out)
    if not place.name or os.path.isdir(place):
        raise ReportError(f"{place}: is a folder; give the name of a page, for example report.html.")
    found = sides(folders)
    if not found[0].judged:
        raise EvaluationError(f"{folders[0].path}: nothing of it is done yet, so there is nothing to report.")
    rows = item_rows(found)
    runs = place.with_name(f"{place.stem}-runs")
    for row in rows:
        row.href = _relative(place, found[0].folder.path / (row.one.item.trace or "")) if row.one.item.trace else ""
    for row in [row for row in rows if row.one.item.trace][:pages]:
        trace = found[0].folder.path / str(row.one.item.trace)
        with suppress(TraceError):  # the link to the trace stays
            row.href = _relative(place, write_report(trace, runs / f"{trace.stem}.html"))
    strategies = dict(zip(names_of(folders), names_of(folders, budgets=False), strict=True))
    text = render(found, rows, plots({side.name: side.judged for side in found}, strategies))
    try:
        with replacing(place) as part:
            part.write_text(text, encoding="utf-8", errors="backslashreplace", newline="\n")
    except OSError as error:
        raise ReportError(f"{place}: cannot be written ({error.strerror}); give another path.") from None
    return place


def sides(folders: Sequence[EvaluationFolder]) -> list[Side]:
    """Measure evaluations, each against the first."""
    names = names_of(folders)
    found: list[Side] = []
    for name, folder in zip(names, folders, strict=True):
        own = judged_items(folder)
        against = None
        if found and own:
            with suppress(EvaluationError):  # of another set
                against = compare(found[0].judged, own)
        made = table(own, folder.row["measures"])
        found.append(Side(name=name, folder=folder, judged=own, table=made, against=against))
    return found


def names_of(folders: Sequence[EvaluationFolder], *, budgets: bool = True) -> list[str]:
    """Return a name for each evaluation, made of the settings in which they differ.

    Args:
        folders: the evaluations.
        budgets: whether budgets count too; without them those of one strategy have one name.
    """
    rows = [{**folder.settings.as_dict(), "set": folder.row["set"]["name"]} for folder in folders]
    keys = {key for row in rows[1:] for key, _, _ in differences(rows[0], row)}
    names: list[str] = []
    for row, folder in zip(rows, folders, strict=True):
        told = [key for key in sorted(keys) if _at(row, key) is not None and (budgets or not key.startswith("budget"))]
        name = ", ".join(_setting(key, _at(row, key)) for key in told) or ("as asked" if keys else folder.path.name)
        names.append(name if name not in names or not budgets else f"{name} ({folder.path.name})")
    return names


def item_rows(found: Sequence[Side]) -> list[ItemRow]:
    """Return the items of the first evaluation, what failed or is wrong first."""
    others = [{one.item.key: one for one in side.judged} for side in found[1:]]
    rows = []
    for one in found[0].judged:
        beside = [other.get(one.item.key) for other in others]
        rows.append(
            ItemRow(
                one=one,
                state=state_of(one),
                truth=_truth(one),
                answer=_answer(one),
                beside=tuple("" if b is None else "right" if b.right else "wrong" for b in beside),
            )
        )
    return sorted(rows, key=lambda row: STATES.index(row.state))


def state_of(one: JudgedItem) -> str:
    """Return what came of an item, one of `STATES`."""
    if one.failed:
        return "failed"
    if one.right:
        return "right" if is_supported(one) else "right, unsupported"
    return "abstained" if one.answer.abstained else "wrong"


def render(found: Sequence[Side], rows: Sequence[ItemRow], drawn: Sequence[Plot]) -> str:
    """Return the page as HTML text."""
    style = page_style() + (_FOLDER / "style.css").read_text(encoding="utf-8")
    first = found[0]
    return render_template(
        "evaluation.html.j2",
        folder=_FOLDER / "templates",
        title=str(first.folder.row["set"]["name"]),
        sides=found,
        first=first,
        columns=[name for name in _BESIDE if any(name in side.overall.figures for side in found)],
        groups=first.table.rows[1:],
        group_columns=[name for name in COLUMNS if any(name in row.figures for row in first.table.rows[1:])],
        cell=cell,
        difference=_difference,
        counts=[(state, sum(row.state == state for row in rows)) for state in STATES],
        rows=rows[:_ROWS],
        hidden=max(0, len(rows) - _ROWS),
        plots=[(plot, _data_uri(plot.light), _data_uri(plot.dark)) for plot in drawn],
        settings=[(side.name, json.dumps(side.folder.row, indent=1, ensure_ascii=False)) for side in found],
        facts=list(_facts(first)),
        style=Markup(style),  # noqa: S704 - our own files
        policy=page_policy(style),
    )


def cell(figure: Figure | None, *, interval: bool = True) -> str:
    """Return a figure as a table shows it, with its interval where it has one."""
    if figure is None:
        return "–"
    if interval and figure.low is not None and figure.high is not None:
        return f"{short(figure.value)} [{short(figure.low)}, {short(figure.high)}]"
    return short(figure.value)


def _difference(side: Side) -> str:
    """By how much more of its items are right than of the first's."""
    one = next((d for d in side.against.differences if d.name == "accuracy"), None) if side.against else None
    if one is None:
        return ""
    interval = "" if one.low is None or one.high is None else f" [{one.low:+.3f}, {one.high:+.3f}]"
    return f"{one.difference:+.3f}{interval}" + ("" if one.p is None else f", p {one.p:.3g}")


def _facts(side: Side) -> Iterator[tuple[str, str]]:
    settings, row = side.folder.settings, side.folder.row
    yield "policy", settings.policy
    if settings.viewer:
        yield "viewer", settings.viewer
    limits = {name: limit for name, limit in settings.budget.as_dict().items() if limit is not None}
    yield "budget of an item", ", ".join(f"{limit:g} {name}" for name, limit in limits.items()) or "no limit"
    yield "samples", str(settings.samples)
    yield "rewatch", str(row.get("versions", {}).get("rewatch", ""))
    yield "set", f"{row['set']['name']}, {row['set']['tasks']} tasks, {row['set']['hash']}"


def _truth(one: JudgedItem) -> str:
    task, truth = one.task, one.task.truth
    if truth.absent:
        return "not shown: abstain"
    parts = [truth.answer] if truth.answer else []
    texts = [text for n, text in enumerate(task.options) if letter(n) in truth.letters]
    parts += [": ".join(["", *texts]).removeprefix(": ")] if texts else []
    parts += [f"{span.start:g}–{span.end:g} s" for span in truth.spans[:3]]
    return " · ".join(parts) or ", ".join(truth.words) or f"{len(truth.boxes) or len(truth.track)} boxes"


def _answer(one: JudgedItem) -> str:
    if one.reason is not None:
        return one.reason
    return f"{one.answer.option}. {one.answer.text}" if one.answer.option else one.answer.text


def _setting(key: str, value: object) -> str:
    if key == "control":
        return str(value)
    told = value if isinstance(value, str) else f"{value:g}" if isinstance(value, int | float) else as_json(value)
    return f"{key.removeprefix('budget.')} {told}"


def _at(row: Mapping[str, object], key: str) -> object:
    found: object = row
    for name in key.split("."):
        found = found.get(name) if isinstance(found, Mapping) else None
    return found


def _relative(page: Path, target: Path) -> str:
    return quote(Path(os.path.relpath(target.absolute(), page.absolute().parent)).as_posix())


def _data_uri(svg: str) -> str:
    return f"data:image/svg+xml;base64,{base64.b64encode(svg.encode('utf-8')).decode('ascii')}"
