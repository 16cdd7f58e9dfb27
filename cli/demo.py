"""`rewatch demo`: watch the agent answer questions about the demo video."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.text import Text

from ..memory import CapabilityError, ClipMemory, MediaURI, Span
from .settings.indexing import add_video
from .settings.places import DEMO
from .terminal.output import Console

if TYPE_CHECKING:
    from ..agent import Answer

SHORT_DEMO = ("said", "written", "detail", "when", "mcq")
"""Kinds of questions that the short demo asks, one of each."""


def demo(
    out: Annotated[Path, typer.Option("--out", help="Folder for the memory, the traces and the reports.")] = Path(
        "demo-out"
    ),
    everything: Annotated[
        bool, typer.Option("--all", help="Ask every question of the truth file and judge the answers.")
    ] = False,
) -> None:
    """Index the demo video, answer questions about it, and write an HTML report of each run."""
    if not (DEMO / "demo.mp4").is_file():
        raise CapabilityError(f"{DEMO / 'demo.mp4'} is not there: install rewatch again, it comes with the package.")
    from ..agent import VideoAgent
    from ..agent.report import write_report
    from .terminal.console import show_answer, show_event

    console = Console()
    memory = ClipMemory(out / "memory")
    record = add_video(memory, DEMO / "demo.mp4", console)
    agent = VideoAgent(memory, traces=out / "runs")
    truth = json.loads((DEMO / "truth.json").read_text(encoding="utf-8"))["questions"]
    kinds: dict[str, dict[str, Any]] = {}
    for row in truth:
        kinds.setdefault(row["kind"], row)
    rows = truth if everything else [kinds[kind] for kind in SHORT_DEMO if kind in kinds]
    right = 0
    pages = []
    for row in rows:
        console.print(Text(f"\n? {row['question']}", style="bold cyan"))
        for option in row["options"] or ():
            console.print(Text(f"    {option}"))
        answer = agent.ask(
            row["question"], options=row["options"], videos=[record.id], listener=lambda e: show_event(console, e)
        )
        show_answer(console, answer, {})
        verdict = is_right(answer, row)
        right += verdict
        word, style = ("right", "green") if verdict else ("WRONG", "red")
        console.print(Text(f"{word}, by the demo's truth", style=style))
        if answer.trace:
            pages.append(write_report(answer.trace, out / f"{row['id']}.html"))
    console.print(Text(f"\n{right} of {len(rows)} questions answered right", style="bold"))
    for page in pages:
        console.print(Text(f"report   {page}"))
    if right < len(rows):
        raise typer.Exit(1)


def is_right(answer: Answer, truth: dict[str, Any]) -> bool:
    """Return whether an answer is right and some evidence of it hits the truth's span (tIoU 0.3, or a frame inside)."""
    from ..agent.text_matching import numbers

    if truth["kind"] == "abstain":
        return answer.abstained
    if answer.abstained:
        return False
    if truth["options"] and answer.option != truth["answer"]:
        return False
    low = answer.text.lower()
    if any(wrong in low for wrong in truth.get("reject") or ()):
        return False  # it recites what it found
    accepted = truth.get("accept") or []
    if truth["kind"] == "count" and not truth["options"]:
        low = " ".join(f"{number:g}" for number in numbers(low)[:1])  # not a digit of something else
    if accepted and not truth["options"] and not any(a in low for a in accepted):
        return False
    return hits_span(answer, truth["span"])


def hits_span(answer: Answer, span: list[float] | None) -> bool:
    """Return whether some evidence overlaps `span` with a tIoU of 0.3, or is a frame inside it; True without a span."""
    if span is None:
        return True
    truth, places = Span(*span), [MediaURI.parse(item.uri) for item in answer.evidence]
    return any(
        place.span.iou(truth) >= 0.3 or (place.is_frame and truth.contains(place.span.start))
        for place in places
        if place.span is not None
    )
