"""The whole page, and writing it."""

from __future__ import annotations

import base64
import hashlib
import os
from pathlib import Path

from ...memory import RewatchError
from ...memory.files.regular import replacing
from ..replay import without_repeats
from ..trace import read_trace
from .blocks import Room
from .markup import Html, el, join
from .pictures import OpenVideo, ReportImages, make_album, shown_of
from .reading import RunSummary, read_run, string
from .steps import steps
from .summary import answer_part, budget_part, evidence_part, question_part, run_part, sources
from .timeline import timelines

_TEXT = 900_000  # bytes of the trace's text on one page


class ReportError(RewatchError):
    """A report cannot be written."""


def write_report(trace_path: str | Path, out_path: str | Path, *, open_video: OpenVideo | None = None) -> Path:
    """Write a run's trace as one HTML page that needs nothing else: no network, no script, no other file.

    Args:
        trace_path: the JSONL file that the run wrote.
        out_path: the page to write; its folder is made, and a page that is there is replaced.
        open_video: opens a video by its id (`ClipMemory.open`), for the pictures; by default the file is taken that
            the trace names. Where it is gone the page says so.

    Returns:
        The path of the page.

    Raises:
        TraceError: if the file is no trace.
        ReportError: if the page cannot be written.
    """
    out = Path(out_path)
    if not out.name or os.path.isdir(out):
        raise ReportError(f"{out}: is a folder; give the name of a page, for example run.html.")
    run = read_run(without_repeats(read_trace(trace_path)))
    page = render(run, trace=str(trace_path), open_video=open_video)
    try:
        with replacing(out) as part:
            part.write_text(page, encoding="utf-8", errors="backslashreplace", newline="\n")
    except OSError as error:
        raise ReportError(f"{out}: cannot be written ({error.strerror}); give another path.") from None
    return out


def render(run: RunSummary, *, trace: str, open_video: OpenVideo | None = None) -> str:
    """The page of a run as HTML text."""
    room = Room(_TEXT)
    album = make_album(run, open_video)
    style = Path(__file__).with_name("style.css").read_text(encoding="utf-8")
    asked = string(run.question.get("text"))
    head = el(
        "head",
        el("meta", charset="utf-8"),
        el("meta", http_equiv="Content-Security-Policy", content=_policy(style)),
        el("meta", name="viewport", content="width=device-width, initial-scale=1"),
        el("meta", name="color-scheme", content="light dark"),
        el("meta", name="referrer", content="no-referrer"),
        el("title", f"{asked[:80]} · rewatch" if asked else "rewatch"),
        el("link", rel="icon", href="data:,"),
        el("style", Html(style)),
    )
    body = el("body", el("a", "Skip to the steps", href="#steps", class_="skip"), _body(run, album, trace, room))
    return f"<!doctype html>\n{el('html', head, body, lang='en')}\n"


def _body(run: RunSummary, album: ReportImages, trace: str, room: Room) -> Html:
    observed = sources(run)
    cited = {look.number for look in observed if look is not None}
    notes = [el("p", note, class_="muted") for note in shown_of(album)]
    return join(
        el("header", el("p", el("b", "rewatch"), " run report", class_="mark"), question_part(run, room)),
        el(
            "main",
            el("div", answer_part(run, room), evidence_part(run, observed, album, room), notes, class_="result"),
            budget_part(run),
            el("section", el("h2", "Timeline"), timelines(run), class_="wide"),
            el("section", el("h2", "Steps", id="steps"), steps(run, album, cited, room), class_="wide"),
            run_part(run, trace, room),
        ),
    )


def _policy(style: str) -> str:
    """What the page may do: show its own pictures, and be styled by its own sheet; nothing else, no script at all."""
    digest = base64.b64encode(hashlib.sha256(style.encode("utf-8")).digest()).decode("ascii")
    return f"default-src 'none'; img-src data:; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
