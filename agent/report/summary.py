"""The upper part of the page: question, answer, evidence, budget, and what the run was made with."""

from __future__ import annotations

from typing import Any

from ...memory import MediaURI, Span, clock
from ..questions.question import letter
from .blocks import Room, amount, counted, long_text, terms, thumbnails
from .markup import Html, el, join
from .pictures import ReportImages
from .reading import ReportLook, RunSummary, items, mapping, number, numbers, place_of, rows, string

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
_EVIDENCE = 60  # pieces shown
_VIDEOS = 40  # videos named
_COMPARED = 50  # places of one look that a cited place is compared with, where none is the same


def question_part(run: RunSummary, room: Room) -> Html:
    """The question as the page's heading, and its options, the chosen one marked."""
    chosen = string((run.answer or {}).get("option"))
    options = [
        el(
            "li",
            el("span", letter(k) if k < 26 else "·", class_="letter"),
            el("span", room.cut(string(option), 600)),
            el("span", "chosen", class_="tag") if k < 26 and letter(k) == chosen else None,
            class_="chosen" if k < 26 and letter(k) == chosen else None,
        )
        for k, option in enumerate(items(run.question.get("options"))[:30])
    ]
    asked = string(run.question.get("text")) or "(the trace holds no question)"
    now = number(run.question.get("now"))
    return join(
        el("h1", room.cut(asked, 1500)),
        el("ol", options, class_="options") if options else None,
        el("p", f"Asked at {clock(now)}: nothing later could be seen.", class_="muted") if now is not None else None,
    )


def answer_part(run: RunSummary, room: Room) -> Html:
    """The answer, how sure it is, and how the run ended."""
    answer = run.answer
    if answer is None:
        return el(
            "section",
            el("h2", "Answer"),
            el("p", "No answer: the run was cut off.", class_="answer none"),
            el("p", "What it did until then stands below.", class_="muted"),
        )
    abstained = bool(answer.get("abstained"))
    stopped = string(answer.get("stopped_by"))
    evidence = rows(answer.get("evidence"))
    held = sum(bool(item.get("supported")) for item in evidence)
    confidence = number(answer.get("confidence"), 0.0) or 0.0
    support = f"{held} of {len(evidence)} supported" if evidence else "none"
    facts = [
        _fact("Confidence", join(f"{confidence:.2f}", _bar(confidence, 1.0))),
        _fact("Evidence", el("span", support, class_=None if held else "bad" if not abstained else None)),
        _fact("Ended", _STOPPED.get(stopped, f"Stopped by {stopped}.")),
    ]
    return el(
        "section",
        el("h2", "Answer"),
        el("p", "Abstained: it does not claim to know.", class_="abstained") if abstained else None,
        long_text(string(answer.get("text")) or "(empty)", room, first=1200, class_="answer"),
        el("div", facts, class_="facts"),
    )


def evidence_part(run: RunSummary, sources: list[ReportLook | None], album: ReportImages, room: Room) -> Html:
    """Each piece of evidence with its time, quote, tool, verdict and pictures."""
    evidence = rows((run.answer or {}).get("evidence"))
    if not evidence:
        text = "No evidence was cited." if run.answer else "There is none, since there is no answer."
        return el("section", el("h2", "Evidence"), el("p", text, class_="muted"))
    shown = [
        _evidence(k, item, look, run, album, room)
        for k, (item, look) in enumerate(zip(evidence[:_EVIDENCE], sources, strict=True))
    ]
    more = len(evidence) - len(shown)
    return el(
        "section",
        el("h2", "Evidence"),
        el("ol", shown, class_="evidence"),
        el("p", f"{more} more pieces are in the trace.", class_="muted") if more else None,
    )


def _evidence(
    k: int, item: dict[str, Any], look: ReportLook | None, run: RunSummary, album: ReportImages, room: Room
) -> Html:
    place = place_of(item.get("uri"))
    supported = bool(item.get("supported"))
    verdict = ("✓ ", "supported", "good") if supported else ("✗ ", "not supported", "bad")
    quote, claim = string(item.get("quote")), string(item.get("claim"))
    tool = string(item.get("tool")) or (look.tool if look else "")
    name = string(run.videos.get(place.video, {}).get("name")) if place else ""
    said = claim if claim and claim != string((run.answer or {}).get("text")) and claim != quote else ""
    head = [
        el("span", f"{k + 1}", class_="muted num"),
        el("b", when(place), class_="num"),
        el("span", tool) if tool else None,
        el("bdi", name) if name and len(run.videos) > 1 else None,
        el("span", el("span", verdict[0], aria_hidden="true"), verdict[1], class_=verdict[2]),
    ]
    return el(
        "li",
        el("p", head, class_="head"),
        el("blockquote", long_text(quote, room, first=500)) if quote else None,
        long_text(said, room, first=400) if said else None,
        thumbnails(album.of(album.evidence[k]) if k < len(album.evidence) else ()),
        el(
            "p",
            el("code", room.cut(string(item.get("uri")), 200)),
            el("a", f"observed in call {look.number}", href=f"#call-{look.number}") if look else None,
            class_="muted source",
        ),
        id=f"evidence-{k + 1}",
    )


def sources(run: RunSummary) -> list[ReportLook | None]:
    """For each piece of evidence that is shown, the look that observed it.

    That is the one which names the place exactly (by the cited tool, where several do), else the narrowest that
    covers it.
    """
    looks = [look for look in run.looks if not look.error]
    exact: dict[MediaURI, list[ReportLook]] = {}
    for look in looks:
        for place in look.places:
            exact.setdefault(place, []).append(look)
    found: list[ReportLook | None] = []
    for item in rows((run.answer or {}).get("evidence"))[:_EVIDENCE]:
        place_cited = place_of(item.get("uri"))
        if place_cited is None:
            found.append(None)
            continue
        named = exact.get(place_cited) or _covering(place_cited, looks)
        found.append(next((look for look in named if look.tool == item.get("tool")), named[0] if named else None))
    return found


def _covering(place: MediaURI, looks: list[ReportLook]) -> list[ReportLook]:
    """The looks that covered a place, the narrowest first."""
    if place.span is None:
        return []
    found: list[tuple[float, int, ReportLook]] = []
    for look in looks:
        for seen in look.places[:_COMPARED]:
            if seen.video != place.video or seen.span is None:
                continue
            if seen.span.start - 0.5 <= place.span.start and place.span.end <= seen.span.end + 0.5:
                found.append((seen.span.duration, look.number, look))
    return [look for _, _, look in sorted(found, key=lambda row: row[:2])]


def when(place: MediaURI | None) -> str:
    """The time of a place, for people."""
    if place is None:
        return "unknown place"
    if place.span is None:
        return "whole video"
    return clock(place.span.start) if place.is_frame else str(Span(place.span.start, place.span.end))


def budget_part(run: RunSummary) -> Html:
    """What was used of what was allowed."""
    allowed = mapping(run.head.get("budget"))
    spend = numbers((run.answer or {}).get("spend")) or run.spend
    lines = []
    for name in _LIMITS:
        used, limit = spend.get(name, 0.0), number(allowed.get(name))
        if limit is None and not used:
            continue
        of = f" of {limit:,.0f}" if limit is not None else "" if name == "price" else " (no limit)"
        figure = amount(name, used)
        for word in (" " + name, " " + name.removesuffix("s"), " s"):
            figure = figure.removesuffix(word)
        figure = figure.removeprefix("price ")
        lines.append(
            el(
                "li",
                el("span", name),
                el("span", el("b", figure), of, class_="num"),
                _bar(used, limit) if limit is not None else None,
            )
        )
    return el(
        "section", el("h2", "Spent"), el("ul", lines, class_="budget") if lines else el("p", "Nothing."), class_="spent"
    )


def run_part(run: RunSummary, trace: str, room: Room) -> Html:
    """What the run was made with."""
    paths = mapping(run.head.get("paths"))
    tools = [
        el("li", el("code", room.cut(string(t.get("name")), 80)), " ", room.cut(_summary_of(t), 200))
        for t in rows(run.head.get("tools"))[:80]
    ]
    videos = [
        el(
            "li",
            el("bdi", room.cut(string(facts.get("name")) or key, 200)),
            el("span", _facts_of(key, facts)),
            el("code", room.cut(string(paths.get(key)), 300)) if paths.get(key) else None,
        )
        for key, facts in list(run.videos.items())[:_VIDEOS]
    ]
    more = len(run.videos) - len(videos)
    return el(
        "section",
        el("h2", "RunSummary"),
        terms(
            [
                ("Policy", room.cut(string(run.head.get("policy")), 200)),
                ("RunSummary", el("code", room.cut(string(run.head.get("run_id")), 100))),
                ("Began", _date(string(run.head.get("at")))),
                ("rewatch", room.cut(string(run.head.get("rewatch")), 60)),
                ("Trace", el("code", trace)),
                ("Videos", el("ul", videos, el("li", f"{more} more") if more else None, class_="videos")),
            ]
        ),
        el("details", el("summary", counted(len(tools), "tool")), el("ul", tools, class_="tools")) if tools else None,
        class_="made",
    )


def _facts_of(key: str, facts: dict[str, Any]) -> str:
    parts = [key]
    width, height = number(facts.get("width")), number(facts.get("height"))
    start, end = number(facts.get("start")), number(facts.get("end"))
    if start is not None and end is not None:
        parts.append(clock(end - start))
    if width and height:
        parts.append(f"{width:.0f}×{height:.0f}")
    if facts.get("has_audio") is False:
        parts.append("no sound")
    return " · ".join(parts)


def _summary_of(tool: dict[str, Any]) -> str:
    return string(tool.get("description")).strip().split("\n")[0]


def _date(at: str) -> str:
    """`2026-01-31T12:00:00+0100` as people write it."""
    return at[:40].replace("T", " ")


def _fact(name: str, value: Html | str) -> Html:
    return el("p", el("span", name, class_="label"), el("span", value))


def _bar(used: float, limit: float) -> Html:
    """A share as a bar; the number beside it says the same to those who do not see it."""
    share = min(max(used / limit, 0.0), 1.0) if limit > 0 else 1.0 if used > 0 else 0.0
    full = "used full" if share >= 1 and limit > 1 else "used"
    return el(
        "svg",
        el("rect", class_="rail", width="100%", height=6, rx=3),
        el("rect", class_=full, width=f"{100 * share:.2f}%", height=6, rx=3),
        class_="bar",
        width="100%",
        height=6,
        aria_hidden="true",
    )
