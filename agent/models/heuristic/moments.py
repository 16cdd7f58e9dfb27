"""Answers to "when" and "where": times of speech and text, to the frame, stated times, and places on the screen."""

from __future__ import annotations

import re
from collections.abc import Generator, Sequence
from dataclasses import replace

from ....memory import Span
from ...answer import Draft, Evidence
from ...steps import Call, CallResult
from ...text_matching import alphanumeric
from .passages import Passage, Strategy, cite, from_to, on_one_line, quoting, readings
from .question_parser import tells_showing
from .ranking import GOOD, WEAK, Ranked, Ranking, has_letters, sure, values
from .reading import allowed, closer, in_order, placed, stands, state, why_not
from .retrieval import Retrieval

Moment = tuple[Span, tuple[Evidence, ...], Ranked]
"""When, the evidence for it, and the piece that is meant."""


def moments(retrieval: Retrieval) -> Generator[Call, CallResult, list[Moment]]:
    """Find when the matter of the question is said or shown, best first; times of text are looked up to the frame."""
    question = retrieval.question
    kept = placed(retrieval, allowed(retrieval))
    if question.phrase and question.channel in ("speech", None):
        spoken = yield from _spoken(retrieval, question.phrase)
        if spoken:
            return spoken
    if question.phrase:
        exact = [p for p in kept if p.channel != "screen_text" or stands(alphanumeric(question.phrase), p.text)]
        near = Ranking(question, [p for p in kept if p.channel == "screen_text"]).best_for(question.phrase)
        kept = exact or ([near] if near else [])
    if not kept and question.channel == "screen_text":
        kept = [
            p
            for p in (yield from closer(retrieval))
            if not question.phrase or stands(alphanumeric(question.phrase), p.text)
        ]
    ranking = Ranking(question, kept)
    ranked = ranking.rank()
    if question.value == "title" or (question.channel == "screen_text" and not question.topic and not question.phrase):
        blocks = [r for r in ranked if r.passage.channel == "screen_text" and r.text == r.passage.text]
        ranked = sorted(blocks, key=lambda r: -r.passage.weight)
        if question.value == "title":
            ranked = [r for r in ranked if has_letters(r.text)][:1]
    elif not question.phrase:
        least = WEAK if question.channel else GOOD
        ranked = [r for r in ranked if r.fit >= least and r.score >= 0.8 * ranked[0].score]
    found: list[Moment] = []
    for r in _apart(in_order(retrieval, ranked))[:3]:
        span, evidence = r.passage.span_of(r.text), cite(r.passage, r.text)
        held = [part for part in r.passage.parts if ranking.holds(part.text)]
        if held:  # of a long sentence the part in which it is said
            span, evidence = held[0].span, cite(held[0])
        if r.passage.channel == "screen_text":
            context = retrieval.contexts[r.passage.video]
            result = yield context.over("read_text", r.passage.span, find=question.phrase or r.text.split("\n")[0])
            exact = readings(result, r.passage.video)
            if exact:
                span = exact[0].span
                evidence = [context.evidence(f"“{r.text}” is on the screen", span, "read_text", exact[0].text)]
        found.append((span, tuple(evidence), r))
    return found


def _spoken(retrieval: Retrieval, phrase: str) -> Generator[Call, CallResult, list[Moment]]:
    """The exact times of words, spotted in the sound."""
    found: list[Moment] = []
    for context in list(retrieval.contexts.values())[:2]:
        if "speech" not in context.video.get("channels", ()):
            continue
        result = yield context.over("transcribe", context.window, find=phrase)
        for row in result.data.get("found", ()):
            span, trust = Span(*row["span"]), float(row["confidence"])
            passage = Passage(
                video=context.video["id"], span=span, text=phrase, channel="speech", tool="transcribe", sure=trust
            )
            evidence = context.evidence(f"“{phrase}” is spoken", span, "transcribe")
            found.append((span, (evidence,), Ranked(passage, phrase, 0.9, 1.0, 1.0)))
    index = -1 if retrieval.question.order == -1 else (retrieval.question.order or 0) - 1
    return [found[index]] if retrieval.question.order and index < len(found) else found


def _apart(ranked: Sequence[Ranked]) -> list[Ranked]:
    kept: list[Ranked] = []
    for r in ranked:
        if all(
            r.passage.video != k.passage.video
            or r.passage.span.overlap(k.passage.span) <= 0.5 * min(r.passage.span.duration, k.passage.span.duration)
            for k in kept
        ):
            kept.append(r)
    return kept


def when(retrieval: Retrieval) -> Strategy:
    """A time of the video; or, about the world that is told of, the words that hold the date."""
    question = retrieval.question
    if not tells_showing(question):
        for kind in ("date", "time") if question.kind == "time" else ("duration",):
            typed = replace(question, value=kind)
            dated = [r for r in Ranking(typed, allowed(retrieval)).rank() if values(kind, r.text) and r.fit >= WEAK]
            if dated:
                return state(replace(retrieval, question=typed), dated)
    found = yield from moments(retrieval)
    if not found:
        best = Ranking(question, allowed(retrieval)).rank()[:1]
        return retrieval.first.abstain(why_not(retrieval, best[0] if best else None))
    span, _, first = found[0]
    times = [f"{retrieval.name(r.passage)}{from_to(s)}{retrieval.recorded(r.passage.video, s)}" for s, _, r in found]
    text = times[0] + (f"; also {', '.join(times[1:])}" if len(times) > 1 else "")
    if question.kind == "how_long":
        text = f"about {span.duration:.1f} seconds ({times[0]})"
    elif first.text != question.phrase:
        text += f": “{on_one_line(first.text)}”"
    confidence = max(sure(first, 0.9), 0.5 if first.passage.channel == "screen_text" else 0.0)
    return Draft(text=text, evidence=tuple(e for _, its, _ in found for e in its), confidence=confidence)


def where(retrieval: Retrieval) -> Draft:
    """Answer where on the screen a text stands, or a place that is told of."""
    question = retrieval.question
    ranked = Ranking(question, allowed(retrieval)).rank()
    written = [r for r in ranked if r.passage.channel == "screen_text"]
    phrase = alphanumeric(question.phrase or "")
    blocks = [r for r in written if r.fit >= GOOD or (phrase and stands(phrase, r.text))]
    if question.value == "title" and not blocks:
        blocks = sorted((r for r in written if has_letters(r.text)), key=lambda r: -r.passage.height)[:1]
    names_screen = re.search(r"\b(?:screen|picture|frame|corner|side)\b", question.text.lower())
    if blocks and (question.channel == "screen_text" or names_screen):
        best = blocks[0]
        text = f"{retrieval.name(best.passage)}{best.passage.place} (“{on_one_line(best.text)}”)"
        return quoting(text, [best.passage], sure(best, 0.85), best.text)
    return state(retrieval, ranked)
