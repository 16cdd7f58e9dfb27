"""The run step by step: what was said, called, observed and sent back."""

from __future__ import annotations

import json
from typing import Any

from ..parsing.draft import parse_draft
from .blocks import Room, amount, counted, long_text, spent, thumbnails
from .markup import Html, el, join
from .pictures import ReportImages
from .reading import ReportLook, RunSummary, Step, compact, content, mapping, number, rows, string

_FIRST = 160  # steps shown from the beginning of a long run
_LAST = 40  # and from its end
_LOOKS = 40  # looks shown of one message
_PLACES = 24  # media URIs shown of one look
_DATA = 6000  # characters of structured data shown of one look


def steps(run: RunSummary, album: ReportImages, cited: set[int], room: Room) -> Html:
    """The ordered list of steps, the middle of a very long run left out; the looks numbered in `cited` are open."""
    left_out = max(0, len(run.steps) - _FIRST - _LAST)
    shown: list[Html] = []
    for nth, step in enumerate(run.steps, 1):
        if left_out and nth == _FIRST + 1:
            shown.append(el("li", f"{left_out:,} steps are left out here; the trace has them.", class_="gap muted"))
        if not left_out or nth <= _FIRST or nth > len(run.steps) - _LAST:
            looks = [_look(look, album, look.number in cited, room) for look in step.looks[:_LOOKS]]
            shown.append(_step(step, nth, looks, room))
    return el("ol", shown, class_="steps")


def _step(step: Step, number: int, looks: list[Html], room: Room) -> Html:
    name, body = _BODIES[step.kind](step, room)
    time = f"{step.time:.1f} s" if step.time is not None else ""
    parts = [amount(name, step.spend[name]) for name in ("frames", "calls", "tokens") if step.spend.get(name)]
    so_far = f"{', '.join(parts)} so far" if parts else ""
    hidden = len(step.looks) - len(looks)
    return el(
        "li",
        el("div", el("h3", name), el("p", el("span", time), el("span", so_far), class_="aside num"), class_="when"),
        el("div", body, looks, el("p", f"{hidden} more calls are in the trace.", class_="muted") if hidden else None),
        id=f"step-{number}",
        class_=step.kind,
    )


def _plan(step: Step, room: Room) -> tuple[str, Html]:
    plan = mapping(step.said.get("plan"))
    facts = [f"{name} {string(value)}" for name, value in plan.items() if name != "text" and value]
    told = rows(step.said.get("prompt"))
    prompt = [
        join(el("h4", string(row.get("role"))), long_text(content(row.get("content")), room, class_="text mono"))
        for row in told[:10]
    ]
    return "Plan", join(
        el("p", room.cut(step.text, 600), class_="said"),
        el("p", room.cut(" · ".join(facts), 400), class_="muted") if facts else None,
        el("details", el("summary", "What the policy was told"), prompt) if prompt else None,
    )


def _policy(step: Step, room: Room) -> tuple[str, Html]:
    if step.looks or step.calls:
        waiting = [_waiting(call, room) for call in step.calls[:_LOOKS]]
        said = long_text(step.text, room, class_="text said") if step.text.strip() else None
        return "Route" if step.said.get("by") == "route" else "Policy", join(said, waiting)
    draft = parse_draft(step.text)
    if draft.text.strip() == step.text.strip():
        return "Draft", long_text(step.text, room, class_="text said")
    facts = ["abstains"] if draft.abstained else []
    facts += [f"option {draft.option}"] if draft.option else []
    facts += [f"confidence {draft.confidence:.2f}", f"evidence {len(draft.evidence) + len(draft.unknown)}"]
    return "Draft", join(
        long_text(draft.text, room, class_="text said"),
        el("p", room.cut(" · ".join(facts), 300), class_="muted num"),
        el("details", el("summary", "As written"), long_text(step.text, room, class_="text mono")),
    )


def _told(step: Step, room: Room) -> tuple[str, Html]:
    return "Told", long_text(step.text, room)


def _check(step: Step, room: Room) -> tuple[str, Html]:
    return "Check", join(el("p", "The draft was sent back:", class_="muted"), long_text(step.text, room))


def _attempt(step: Step, room: Room) -> tuple[str, Html]:
    """A run of a scaling, by its answer, or a plain question to the model."""
    answer = mapping(step.said.get("answer"))
    asked = string(step.said.get("question") or step.said.get("prompt"))
    if not answer:
        return "Asked", join(
            el("details", el("summary", "The question"), long_text(asked, room)), long_text(step.text, room)
        )
    facts = ["abstains"] if answer.get("abstained") else []
    facts += [f"option {answer['option']}"] if answer.get("option") else []
    facts += [f"confidence {number(answer.get('confidence')) or 0.0:.2f}", f"run {string(answer.get('run_id'))}"]
    told = " ".join(part for part in (asked, string(step.said.get("guidance"))) if part)
    return "Attempt", join(
        long_text(string(answer.get("text")), room, class_="text said"),
        el("p", room.cut(" · ".join(facts), 300), class_="muted num"),
        el("details", el("summary", "What it was asked"), long_text(told, room)),
    )


def _resume(step: Step, room: Room) -> tuple[str, Html]:
    return "Resumed", el("p", "The run had been cut off, and went on from its last stored step.")


def _second_look(step: Step, room: Room) -> tuple[str, Html]:
    return "Second look", el("p", room.cut(step.text, 600), class_="said")


_BODIES = {
    "plan": _plan,
    "policy": _policy,
    "told": _told,
    "second_look": _second_look,
    "check": _check,
    "attempt": _attempt,
    "resume": _resume,
}


def _waiting(call: dict[str, Any], room: Room) -> Html:
    """A call without an observation: the run was cut off while it ran."""
    return el("p", _signature(string(call.get("name")), call.get("args"), room), " ", el("em", "no result recorded"))


def _look(look: ReportLook, album: ReportImages, cited: bool, room: Room) -> Html:
    state = "not run" if look.skipped else "failed" if look.error else "from the cache" if look.cached else None
    found = album.of(album.looks.get(look.number, ()))
    return el(
        "details",
        el(
            "summary",
            el("span", f"call {look.number}", class_="nth num"),
            _signature(look.tool, look.arguments, room),
            el("span", state, class_="bad" if look.error else "muted") if state else None,
            el("span", _first_line(look.text), class_="gist"),
        ),
        long_text(look.text, room, class_="text observed"),
        thumbnails(found),
        _places(look, room),
        _data(look, room),
        el("p", cost, class_="muted num") if (cost := spent({**look.cost, "calls": 0})) else None,
        id=f"call-{look.number}",
        class_="look",
        open=cited,
    )


def _signature(tool: str, arguments: Any, room: Room) -> Html:
    """A call as it would be written: `search_clips(query="budget", k=5)`."""
    if isinstance(arguments, dict):
        written = ", ".join(f"{name}={compact(value)}" for name, value in arguments.items())
    else:
        written = string(arguments)
    return el("code", el("b", room.cut(tool, 80)), f"({room.cut(written, 400)})", class_="call")


def _first_line(text: str, most: int = 110) -> str:
    """What stands in the closed summary."""
    line = next(iter(text.strip().splitlines()), "")
    more = len(line) < len(text.strip())
    if len(line) > most:
        line, more = line[:most].rsplit(" ", 1)[0], True
    return f"{line} …" if more else line


def _places(look: ReportLook, room: Room) -> Html | None:
    if not look.places:
        return None
    shown = [el("li", el("code", room.cut(str(place), 200))) for place in look.places[:_PLACES]]
    more = len(look.places) - len(shown)
    name = f"{counted(len(look.places), 'place')} that may be cited"
    return el(
        "details",
        el("summary", name),
        el("ul", shown, class_="places"),
        el("p", f"{more} more", class_="muted") if more else None,
    )


def _data(look: ReportLook, room: Room) -> Html | None:
    if not look.data:
        return None
    written = long_text(laid_out(look.data), room, first=3000, most=_DATA, class_="text mono")
    return el("details", el("summary", "Data"), written)


def laid_out(value: dict[str, Any]) -> str:
    """JSON for people: a line for each key, and for each row of a list."""
    lines = []
    for key, item in value.items():
        if isinstance(item, list) and item and isinstance(item[0], (dict, list)):
            lines.append(f"{json.dumps(key, ensure_ascii=False)}:")
            lines += [f"  {compact(row)}" for row in item]
        else:
            lines.append(f"{json.dumps(key, ensure_ascii=False)}: {compact(item)}")
    return "\n".join(lines)
