"""The display of a run in a terminal: one line a step, then the answer with its evidence."""

from __future__ import annotations

from typing import Any

from rich.table import Table
from rich.text import Text

from ...agent import Answer, Evidence
from ...memory import MediaURI, Span, clock
from ...memory.sanitize import one_line
from ...tools.times import parse_seconds
from .output import Console

_VERBS = {
    "search_clips": "search",
    "transcribe": "listen",
    "read_text": "read",
    "view_clip": "view",
    "track_objects": "track",
    "view_frames": "view",
    "ask_frames": "ask",
    "ask_clip": "ask",
    "caption_clip": "caption",
    "rate_frames": "rate",
    "score_frames": "compare",
    "cluster_frames": "group",
    "last_sighting": "last",
    "find_habits": "habits",
    "verify_clip": "verify",
}
_QUOTE = 40
"""Columns that are left for what stands at a place, and between the parts of a line."""
_MARK = {
    "transcribe": "speech",
    "read_text": "screen",
    "track_objects": "motion",
    "view_clip": "picture",
    "browse": "overview",
    "search_clips": "found",
    "find_habits": "habit",
    "last_sighting": "last",
}


def show_event(console: Console, event: dict[str, Any]) -> None:
    """Print the line of one trace event, if it has one. Never raises: what a model or a tool wrote may be anything."""
    try:
        _show_event(console, event)
    except Exception as error:
        _line(console, str(event.get("event", "event")), f"cannot be shown ({type(error).__name__})", "dim")


def _show_event(console: Console, event: dict[str, Any]) -> None:
    kind = event["event"]
    if kind == "plan":
        _line(console, "plan", event["plan"]["text"], "cyan")
    elif kind == "observation":
        _line(console, _VERBS.get(event["tool"], event["tool"]), *_observation(event))
    elif kind == "second_look":
        about = f"“{event['arguments'].get('claim', '')}”"
        _line(console, "2nd look", f"{_where(event['arguments'])}  {about}  {event['text']}".strip())
    elif kind == "check":
        for missing in event["missing"]:
            _line(console, "check", missing, "yellow")
    elif kind == "policy" and event.get("role") == "human":
        spent = str(event["content"]).startswith("The budget is spent")
        _line(console, "budget" if spent else "route", str(event["content"]), "yellow" if spent else "")
    elif kind == "attempt":
        answer = event["answer"]
        if "when" in event and (answer is None or answer["abstained"]):
            _line(console, "wait", f"{event['when']}: not yet", "dim")
            return
        line = f"{answer['text']} (confidence {answer['confidence']:.2f})" if answer else event["text"]
        _line(console, "attempt" if answer else "ask", line)
    elif kind == "answer":
        evidence = event["answer"]["evidence"]
        good = sum(1 for e in evidence if e["supported"])
        if evidence:
            text = f"{good} of {len(evidence)} pieces of evidence hold"
            _line(console, "check", text, "green" if good else "red")


def _observation(event: dict[str, Any]) -> tuple[str, str, str]:
    """Return what a call was about, the style of its line, and what came of it."""
    arguments = event.get("arguments") or {}
    arguments = arguments if isinstance(arguments, dict) else {}
    about = arguments.get("query") or arguments.get("find") or arguments.get("what")
    who = f"of {arguments['who']}" if arguments.get("who") else ""
    head = " ".join(part for part in (_where(arguments), f"“{about}”" if about else "", who) if part)
    if event["error"]:
        return head, "red", _first_line(event["text"])
    try:
        gist = _gist(event)
    except (LookupError, TypeError, ValueError, AttributeError):  # data of a foreign tool under names of ours
        gist = _first_line(event["text"])
    return head, "", gist


def _where(arguments: dict[str, Any]) -> str:
    """The time that a call is about, however it was written; nothing where it cannot be read."""
    start, end, time = (_seconds(arguments.get(name)) for name in ("start", "end", "time"))
    if start is not None:
        return str(Span(start, start if end is None else max(start, end)))
    return "" if time is None else clock(time)


def _seconds(value: Any) -> float | None:
    try:
        return min(max(parse_seconds(value), 0.0), 1e9)
    except (ValueError, TypeError, OverflowError):
        return None


def _first_line(text: Any) -> str:
    return next(iter(str(text).strip().splitlines()), "")


def _gist(event: dict[str, Any]) -> str:
    data = event.get("data") or {}
    if "hits" in data:
        found = data["hits"]
        if data.get("turns") and not found:
            return f"{len(data['turns'])} turns"
        return f"{len(found)} spans, best {Span(*found[0]['span'])}" if found else "nothing"
    if "sightings" in data:
        seen = data["sightings"]
        return f"at {Span(*seen[0]['span'])}: “{seen[0]['text']}”" if seen else "not found"
    if "utterances" in data:
        utterances = data["utterances"]
        if data.get("found"):
            return ", ".join(f"at {row['span'][0]:.2f}-{row['span'][1]:.2f} s" for row in data["found"][:3])
        if utterances:
            return f"{len(utterances)} utterances: “{utterances[0]['text']}”"
        text = str(event.get("text", ""))
        if text.startswith("Nothing of this was listened to yet"):
            return "not listened to yet"
        return "no speech so far" if "was not listened to yet" in text else "no speech"
    if "readings" in data:
        lines = data["readings"]
        return f"{len(lines)} texts: " + " · ".join(f"“{r['text']}”" for r in lines[:4]) if lines else "no text"
    if "tracks" in data:
        return "the camera moves" if data["camera_moves"] else f"{len(data['tracks'])} moving objects"
    if "cuts" in data:
        return f"{len(data['shots'])} shots, {len(data['cuts'])} cuts"
    return _first_line(event["text"])


def _line(console: Console, verb: str, text: Any, style: str = "", gist: str = "") -> None:
    room = max(console.width - 9, 20)
    line = one_line(str(text))
    line = f"{line:<24}  {one_line(gist)}" if gist and line else line or one_line(gist)
    cropped = line if len(line) <= room else line[: room - 1] + "…"
    console.print(Text.assemble((f"{one_line(str(verb)):<8} ", "bold"), (cropped, style)), no_wrap=True, crop=True)


def show_bare(console: Console, answer: Answer) -> None:
    """Print the answer and nothing else, on one line."""
    head = f"{answer.option}. " if answer.option else ""
    console.print(Text(head + one_line(answer.text)), soft_wrap=True)


def show_answer(console: Console, answer: Answer, names: dict[str, str]) -> None:
    """Print the answer, its evidence, and what it cost."""
    console.print()
    head = f"{answer.option}. " if answer.option else ""
    console.print(Text(head + answer.text, style="yellow" if answer.abstained else "bold"))
    many = len({e.uri.split("#")[0] for e in answer.evidence}) > 1
    _show_evidence(console, [_evidence(item, names if many else {}) for item in answer.evidence[:8]])
    if len(answer.evidence) > 8:
        console.print(Text(f"  and {len(answer.evidence) - 8} more", style="dim"))
    for one in answer.coverage[:4]:
        name = f"{one['name']}: " if len(answer.coverage) > 1 else ""
        console.print(Text(f"  known so far: {one_line(name)}{one['text']}", style="yellow"))
    if len(answer.coverage) > 4:
        console.print(Text(f"  and {len(answer.coverage) - 4} more videos that are known in part", style="yellow"))
    if answer.validity is not None:
        console.print(Text(answer.validity.text, style="cyan"))
    console.print(Text(_cost(answer), style="dim"))


def _show_evidence(console: Console, rows: list[tuple[Text, Text, Text]]) -> None:
    """Where, from what, and what stands there, side by side; the first above the others where it takes much room."""
    beside = max((where.cell_len + kind.cell_len for where, kind, _ in rows), default=0) <= console.width - _QUOTE
    table = Table.grid(padding=(0, 2))
    for where, kind, what in rows:
        where.no_wrap = True
        if beside:
            table.add_row("", where, kind, what)
        else:
            console.print(Text("  ") + where, soft_wrap=True)
            below = Table.grid(padding=(0, 2))
            below.add_row("  ", kind, what)
            console.print(below)
    if beside and rows:
        console.print(table)


def _evidence(item: Evidence, names: dict[str, str]) -> tuple[Text, Text, Text]:
    """Where a piece of evidence lies, what it comes from, and what it shows."""
    try:
        place = MediaURI.parse(item.uri)
    except ValueError:
        return Text(one_line(item.uri, 40)), Text(item.tool or "cited"), Text(item.quote or item.claim)
    when = str(place.span) if place.span and not place.is_frame else clock(place.span.start) if place.span else "all"
    what = f"“{item.quote}”" if item.quote else item.claim
    mark = "" if item.supported else "  (unsupported)"
    when += f"  {item.wall_clock[0]}" if item.wall_clock else ""
    where = f"{one_line(names.get(place.video, place.video))}  {when}" if names else when
    return Text(where), Text(_MARK.get(item.tool, item.tool or "cited")), Text(what + mark)


def _cost(answer: Answer) -> str:
    parts = []
    for name in ("frames", "calls"):
        limit = answer.budget.get(name)
        parts.append(f"{answer.spend.get(name, 0):g}" + (f" of {limit:g} {name}" if limit is not None else f" {name}"))
    if answer.spend.get("tokens"):
        limit = answer.budget.get("tokens")
        of = "" if limit is None else f" of {limit:,.0f}"
        parts.append(f"{answer.spend['tokens']:,.0f}{of} tokens")
    parts.append(f"{answer.spend.get('seconds', 0):.1f} s")
    if answer.spend.get("price"):
        parts.append(f"price {answer.spend['price']:.4g}")
    sure = "abstained" if answer.abstained else f"confidence {answer.confidence:.2f}"
    mode = "" if answer.mode == "backward" else f" · mode {answer.mode}"
    stopped = "" if answer.stopped_by == "answer" else f" · stopped by {answer.stopped_by}"
    return f"spent {' · '.join(parts)} · {sure}{mode}{stopped}"
