"""When and where: times of what is said or shown, to the frame, times that are told, and places on the screen."""

from __future__ import annotations

import re
from collections.abc import Generator, Sequence
from dataclasses import replace

from ....memory import Span
from ...answer import Draft, Evidence
from ...steps import Call, CallResult
from .context import Passage, Strategy, cite, on_one_line, readings
from .gathering import Case
from .question_parser import tells_showing
from .ranking import GOOD, WEAK, Ranked, Ranking, has_letters, sure, values
from .reading import allowed, bare, closer, in_order, placed, stands, tell, why_not

Moment = tuple[Span, tuple[Evidence, ...], Ranked]
"""When, the evidence for it, and the piece that is meant."""


def moments(case: Case) -> Generator[Call, CallResult, list[Moment]]:
    """When what is asked about is said or shown, best first; times of text are looked up to the frame."""
    ask = case.ask
    kept = placed(case, allowed(case))
    if ask.phrase and ask.channel in ("speech", None):
        spoken = yield from _spoken(case, ask.phrase)
        if spoken:
            return spoken
    if ask.phrase:
        exact = [p for p in kept if p.channel != "screen_text" or stands(bare(ask.phrase), p.text)]
        near = Ranking(ask, [p for p in kept if p.channel == "screen_text"]).best_for(ask.phrase)
        kept = exact or ([near] if near else [])
    if not kept and ask.channel == "screen_text":
        kept = [p for p in (yield from closer(case)) if not ask.phrase or stands(bare(ask.phrase), p.text)]
    ranking = Ranking(ask, kept)
    ranked = ranking.rank()
    if ask.value == "title" or (ask.channel == "screen_text" and not ask.topic and not ask.phrase):
        ranked = sorted(
            (
                r
                for r in ranked
                if r.passage.channel == "screen_text"
                and r.text == r.passage.text
                and (ask.value != "title" or has_letters(r.text))
            ),
            key=lambda r: -r.passage.weight,
        )
        ranked = ranked[:1] if ask.value == "title" else ranked
    elif not ask.phrase:
        least = WEAK if ask.channel else GOOD
        ranked = [r for r in ranked if r.fit >= least and r.score >= 0.8 * ranked[0].score]
    found: list[Moment] = []
    for r in _apart(in_order(case, ranked))[:3]:
        span, evidence = r.passage.span_of(r.text), cite(r.passage, r.text)
        held = [part for part in r.passage.parts if ranking.holds(part.text)]
        if held:  # of a long sentence the part in which it is said
            span, evidence = held[0].span, cite(held[0])
        if r.passage.channel == "screen_text":
            scene = case.scenes[r.passage.video]
            seen = yield scene.over("read_text", r.passage.span, find=ask.phrase or r.text.split("\n")[0])
            exact = readings(seen, r.passage.video)
            if exact:
                span = exact[0].span
                evidence = [scene.evidence(f"“{r.text}” is on the screen", span, "read_text", exact[0].text)]
        found.append((span, tuple(evidence), r))
    return found


def _spoken(case: Case, phrase: str) -> Generator[Call, CallResult, list[Moment]]:
    """The exact times of words, spotted in the sound."""
    found: list[Moment] = []
    for scene in list(case.scenes.values())[:2]:
        if "speech" not in scene.video.get("channels", ()):
            continue
        seen = yield scene.over("transcribe", scene.window, find=phrase)
        for row in seen.data.get("found", ()):
            span, trust = Span(*row["span"]), float(row["confidence"])
            passage = Passage(
                video=scene.video["id"], span=span, text=phrase, channel="speech", tool="transcribe", sure=trust
            )
            found.append(
                (
                    span,
                    (scene.evidence(f"“{phrase}” is spoken", span, "transcribe"),),
                    Ranked(passage, phrase, 0.9, 1.0, 1.0),
                )
            )
    index = -1 if case.ask.order == -1 else (case.ask.order or 0) - 1
    return [found[index]] if case.ask.order and index < len(found) else found


def _apart(ranked: Sequence[Ranked]) -> list[Ranked]:
    """Of pieces at the same time, the first."""
    kept: list[Ranked] = []
    for r in ranked:
        if all(
            r.passage.video != k.passage.video
            or r.passage.span.overlap(k.passage.span) <= 0.5 * min(r.passage.span.duration, k.passage.span.duration)
            for k in kept
        ):
            kept.append(r)
    return kept


def when(case: Case) -> Strategy:
    """A time of the video; or, about the world that is told of, the words that hold the date."""
    ask = case.ask
    if not tells_showing(ask):
        for kind in ("date", "time") if ask.kind == "time" else ("duration",):
            asked = replace(ask, value=kind)
            told = [r for r in Ranking(asked, allowed(case)).rank() if values(kind, r.text) and r.fit >= WEAK]
            if told:
                return tell(replace(case, ask=asked), told)
    found = yield from moments(case)
    if not found:
        best = Ranking(ask, allowed(case)).rank()[:1]
        return case.first.abstain(why_not(case, best[0] if best else None))
    span, _, first = found[0]
    times = [f"{case.name(r.passage)}{_from_to(s)}" for s, _, r in found]
    text = times[0] + (f"; also {', '.join(times[1:])}" if len(times) > 1 else "")
    if ask.kind == "how_long":
        text = f"about {span.duration:.1f} seconds ({times[0]})"
    elif first.text != ask.phrase:
        text += f": “{on_one_line(first.text)}”"
    confidence = max(sure(first, 0.9), 0.5 if first.passage.channel == "screen_text" else 0.0)
    return Draft(text=text, evidence=tuple(e for _, its, _ in found for e in its), confidence=confidence)


def _from_to(span: Span) -> str:
    return f"at {span.start:.1f} s" if span.duration == 0 else f"from {span.start:.1f} s to {span.end:.1f} s"


def where(case: Case) -> Draft:
    """Where on the screen a text stands, or a place that is told of."""
    ask = case.ask
    ranked = Ranking(ask, allowed(case)).rank()
    shown = [
        r
        for r in ranked
        if r.passage.channel == "screen_text" and (r.fit >= GOOD or (ask.phrase and stands(bare(ask.phrase), r.text)))
    ]
    asks_place = ask.channel == "screen_text" or bool(
        re.search(r"\b(?:screen|picture|frame|corner|side)\b", ask.text.lower())
    )
    if ask.value == "title" and not shown:
        written = (r for r in ranked if r.passage.channel == "screen_text" and has_letters(r.text))
        shown = sorted(written, key=lambda r: -r.passage.height)[:1]
    if shown and asks_place:
        best = shown[0]
        text = f"{case.name(best.passage)}{best.passage.place} (“{on_one_line(best.text)}”)"
        return Draft(text=text, evidence=tuple(cite(best.passage, best.text)), confidence=sure(best, 0.85))
    return tell(case, ranked)
