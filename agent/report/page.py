"""The page of a run: its templates, what they are filled with, and writing it."""

from __future__ import annotations

import base64
import hashlib
import os
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from jinja2 import ChainableUndefined, Environment, FileSystemLoader
from jinja2.ext import Extension
from markupsafe import Markup, escape

from ...memory import MediaURI, RewatchError, clock
from ...memory.files.regular import replacing
from ...memory.sanitize import UNPRINTABLE
from ..answer import Draft
from ..parsing.draft import parse_draft
from ..replay import without_repeats
from ..trace import read_trace
from .run_summary import (
    ReportCall,
    RunSummary,
    compact,
    content,
    items,
    laid_out,
    mapping,
    number,
    numbers,
    place_of,
    read_run,
    rows,
    string,
)
from .thumbnails import OpenVideo, make_images
from .timeline import timelines

_TEXT = 900_000  # bytes of the trace's text on one page
_EVIDENCE = 60  # pieces shown
_COMPARED = 50  # places of one call that a cited place is compared with, where none is the same
_LIMITS = ("frames", "calls", "tokens", "seconds", "price")
_STOPPED = {
    "answer": "The policy gave its answer within the budget.",
    "calls": "Stopped because the budget of tool calls was spent.",
    "tokens": "Stopped because the budget of tokens was spent.",
    "seconds": "Stopped because the budget of seconds was spent.",
    "policy_error": "Stopped because the policy failed.",
    "bug": "Stopped by a bug in the program; the trace has the traceback.",
    "viewer_error": "Nothing was found, and the model that sees failed each time it was asked.",
}


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
    """Return the page of a run as HTML text."""
    style = page_style()
    evidence = evidence_rows(run)
    return render_template(
        "page.html.j2",
        run=run,
        trace=trace,
        room=Room(_TEXT),
        images=make_images(run, open_video),
        evidence=evidence,
        cited={row["source"].number for row in evidence if row["source"] is not None},
        budget=budget_rows(run),
        timelines=timelines(run),
        style=Markup(style),  # noqa: S704 - our own file
        policy=page_policy(style),
    )


def page_style() -> str:
    """Return the style sheet of pages, to be put into them."""
    return Path(__file__).with_name("style.css").read_text(encoding="utf-8")


def page_policy(style: str) -> str:
    """Return the content security policy of a page.

    It may show its own pictures, and be styled by its own sheet; nothing else, no script at all.
    """
    digest = base64.b64encode(hashlib.sha256(style.encode("utf-8")).digest()).decode("ascii")
    return f"default-src 'none'; img-src data:; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"


class _LineBreaksAside(Extension):
    """Drops the line breaks and indents of a template: they stand for nothing on the page."""

    def preprocess(self, source: str, name: str | None, filename: str | None = None) -> str:
        return "".join(line.strip() for line in source.splitlines())


_TEMPLATES = Path(__file__).with_name("templates")


def render_template(name: str, *, folder: Path = _TEMPLATES, **values: Any) -> str:
    """Return a page made by a template of a folder; every text is escaped, and a missing field is empty."""
    return _environment(folder).get_template(name).render(**values)


@cache
def _environment(folder: Path) -> Environment:
    environment = Environment(
        loader=FileSystemLoader(folder),
        autoescape=True,
        undefined=ChainableUndefined,
        finalize=_printable,
        extensions=[_LineBreaksAside],
    )
    environment.filters |= {name: _of_anything(function) for name, function in _FILTERS.items()}
    environment.globals["stopped"] = lambda stopped_by: _STOPPED.get(stopped_by, f"Stopped by {stopped_by}.")
    return environment


def _printable(value: Any) -> Any:
    """Return a text without characters that no page may hold; markup and numbers as they are."""
    if value is None:
        return ""
    if not isinstance(value, str) or isinstance(value, Markup):
        return value
    return UNPRINTABLE.sub("\ufffd", value.replace("\r\n", "\n"))


def _of_anything(function: Callable[..., Any]) -> Callable[..., Any]:
    return lambda value, *more: function(None if isinstance(value, ChainableUndefined) else value, *more)


class LongText(NamedTuple):
    """A text in two parts."""

    head: str
    rest: str
    cut: int
    """Characters that are not on the page."""


class Room:
    """The text that the page can still hold, in bytes as it is written, escaped."""

    def __init__(self, total: int) -> None:
        self.remaining = total

    def take(self, text: str, most: int) -> tuple[str, int]:
        """Return as much of `text` as may be shown, and the number of characters that were cut."""
        head = text[: max(80, min(most, self.remaining))]
        self.remaining = max(0, self.remaining - len(escape(head).encode("utf-8", "replace")))
        return head, len(text) - len(head)

    def cut(self, text: str, most: int) -> str:
        """Return the beginning of a short text that is not worth opening."""
        head, rest = self.take(text, most)
        return head + " …" if rest else head

    def split(self, text: str, first: int, most: int) -> LongText:
        """Return a text of any length: its beginning of about `first` characters, and the rest up to `most`."""
        head, cut = self.take(text.strip("\n"), most)
        if len(head) <= 1.3 * first:
            return LongText(head, "", cut)
        at = max(head.rfind("\n", first // 2, first), head.rfind(" ", first // 2, first))
        at = at if at > 0 else first
        return LongText(f"{head[:at]} …", head[at:].strip(), cut)


def evidence_rows(run: RunSummary) -> list[dict[str, Any]]:
    """Return the pieces of evidence that are shown, each with the call that observed it (`source`)."""
    calls = [call for call in run.calls if not call.error]
    answer_text = string((run.answer or {}).get("text"))
    found = []
    for item in run.evidence[:_EVIDENCE]:
        place = place_of(item.get("uri"))
        source = _source(place, string(item.get("tool")), calls) if place else None
        quote, claim = string(item.get("quote")), string(item.get("claim"))
        found.append(
            {
                "uri": string(item.get("uri")),
                "when": _when(place),
                "recorded": " to ".join(dict.fromkeys(map(string, item.get("wall_clock") or ()))),
                "video_name": string(run.videos.get(place.video, {}).get("name")) if place else "",
                "tool": string(item.get("tool")) or (source.tool if source else ""),
                "supported": bool(item.get("supported")),
                "quote": quote,
                "claim": "" if claim in (answer_text, quote) else claim,
                "source": source,
            }
        )
    return found


def _source(place: MediaURI, tool: str, calls: list[ReportCall]) -> ReportCall | None:
    """Return the call that names a place exactly (by `tool`, where several do), else the narrowest that covers it."""
    named = [call for call in calls if place in call.places]
    if not named and place.span is not None:
        covering = [
            (observed.span.duration, call.number, call)
            for call in calls
            for observed in call.places[:_COMPARED]
            if observed.video == place.video
            and observed.span is not None
            and observed.span.start - 0.5 <= place.span.start
            and place.span.end <= observed.span.end + 0.5
        ]
        named = [call for _, _, call in sorted(covering, key=lambda row: row[:2])]
    return next((call for call in named if call.tool == tool), named[0] if named else None)


def _when(place: MediaURI | None) -> str:
    if place is None:
        return "unknown place"
    if place.span is None:
        return "whole video"
    return clock(place.span.start) if place.is_frame else str(place.span)


def budget_rows(run: RunSummary) -> list[tuple[str, float, float | None]]:
    """Return name, spend and limit of each part of the budget that was used or limited."""
    limits = {name: number(mapping(run.head.get("budget")).get(name)) for name in _LIMITS}
    spend = {name: used for name, used in (numbers((run.answer or {}).get("spend")) or run.spend).items() if used}
    return [
        (name, spend.get(name, 0.0), limit) for name, limit in limits.items() if limit is not None or spend.get(name)
    ]


def figure(value: float, name: str) -> str:
    """Return the number of one part of a spend."""
    if name == "seconds":
        return f"{value:,.1f}" if value < 1000 else f"{value:,.0f}"
    return f"{value:,.4g}" if name == "price" else f"{value:,.0f}"


def _amount(name: str, value: float) -> str:
    """Return one part of a spend in words: `1 call`, `64 frames`, `1.5 s`."""
    written = figure(value, name)
    if name == "price":
        return f"price {written}"
    return f"{written} {'s' if name == 'seconds' else name.removesuffix('s') if value == 1 else name}"


def _spent(spend: Mapping[str, float]) -> str:
    """Return the cost of a call in words; what is 0 is left out."""
    return " · ".join(_amount(name, spend[name]) for name in _LIMITS if name != "calls" and spend.get(name))


def _spent_so_far(spend: Mapping[str, float]) -> str:
    parts = [_amount(name, spend[name]) for name in _LIMITS[:3] if spend.get(name)]
    return f"{', '.join(parts)} so far" if parts else ""


def _plan_facts(plan: Mapping[str, Any]) -> list[str]:
    return [f"{name} {string(value)}" for name, value in plan.items() if name != "text" and value]


def _draft_facts(draft: Draft) -> list[str]:
    facts = ["abstains"] if draft.abstained else []
    facts += [f"option {draft.option}"] if draft.option else []
    return [*facts, f"confidence {draft.confidence:.2f}", f"evidence {len(draft.evidence) + len(draft.unknown)}"]


def _attempt_facts(answer: Mapping[str, Any]) -> list[str]:
    facts = ["abstains"] if answer.get("abstained") else []
    facts += [f"option {string(answer['option'])}"] if answer.get("option") else []
    return [*facts, f"confidence {number(answer.get('confidence')) or 0.0:.2f}", f"run {string(answer.get('run_id'))}"]


def _video_facts(facts: Mapping[str, Any], key: str) -> str:
    width, height, start, end = (number(facts.get(name)) for name in ("width", "height", "start", "end"))
    parts = [key]
    parts += [clock(end - start)] if start is not None and end is not None else []
    parts += [f"{width:.0f}×{height:.0f}"] if width and height else []
    parts += ["no sound"] if facts.get("has_audio") is False else []
    return " · ".join(parts)


def _written_call(arguments: Any) -> str:
    if not isinstance(arguments, dict):
        return string(arguments)
    return ", ".join(f"{name}={compact(value)}" for name, value in arguments.items())


def _first_line(text: str, most: int = 110) -> str:
    line = next(iter(text.strip().splitlines()), "")
    more = len(line) < len(text.strip())
    if len(line) > most:
        line, more = line[:most].rsplit(" ", 1)[0], True
    return f"{line} …" if more else line


_FILTERS: dict[str, Callable[..., Any]] = {
    "attempt_facts": _attempt_facts,
    "clock": clock,
    "content": content,
    "draft": parse_draft,
    "draft_facts": _draft_facts,
    "figure": figure,
    "first_line": _first_line,
    "laid_out": laid_out,
    "listed": items,
    "mapping": mapping,
    "number": number,
    "plain": string,
    "plan_facts": _plan_facts,
    "rows": rows,
    "spent": _spent,
    "spent_so_far": _spent_so_far,
    "thousands": "{:,}".format,
    "uri": str,
    "video_facts": _video_facts,
    "written_call": _written_call,
}
