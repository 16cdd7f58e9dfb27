"""What is said: about something, in a span, first or last, or at all."""

from __future__ import annotations

import re
from collections.abc import Generator

from ....memory import Span, clock
from ...answer import Draft
from ...steps import Call, Seen
from ...understand import topic_words
from .looking import Passage, Ranked, Scene, Strategy, hits, joined, rank, utterances, with_similarity

NAMED, UNNAMED = 0.34, 0.75
"""Least share of the topic that a passage must cover: where the question says that it is spoken, and where not."""


def heard(scene: Scene) -> Generator[Call, Seen, list[Passage]]:
    """The utterances that may tell: search first, then listen to all of a short video or around the best hits."""
    found = hits((yield scene.call("search_clips", query=scene.ask.query, k=6)), "speech")
    if scene.is_short or scene.window != scene.whole:
        said = utterances((yield scene.over("transcribe", scene.window)))
        return with_similarity(said, found)
    said = []
    for passage in found[:2]:
        around = Span(max(passage.span.start - 20, scene.whole.start), min(passage.span.end + 20, scene.whole.end))
        said += utterances((yield scene.over("transcribe", around)))
    unique = {(p.span, p.text): p for p in said}
    return with_similarity(sorted(unique.values(), key=lambda p: p.span), found)


def what_is_said(scene: Scene) -> Strategy:
    """Quote what is said about the topic, in the named span, or over the whole video."""
    ask = scene.ask
    if ask.at is not None and ask.at.duration == 0:
        near = Span(ask.at.start - 4, ask.at.start + 4).within(scene.whole)
        said = utterances((yield scene.over("transcribe", near)))
        said = [p for p in said if p.span.contains(ask.at.start)] or said
        return _quote(scene, said) if said else scene.abstain(f"Nothing is said around {clock(ask.at.start)}.")
    said = yield from heard(scene)
    if scene.window != scene.whole:
        said = [p for p in said if p.span.overlap(scene.window) >= 0.3 * p.span.duration]
    said = yield from _beside_anchor(scene, said)
    if not said:
        return scene.abstain("No speech was made out where it was searched and listened for.")
    if ask.order is not None and not content_topic(scene):
        pick = said[-1] if ask.order == -1 else said[min(ask.order, len(said)) - 1]
        return _quote(scene, [pick])
    if scene.window != scene.whole or not content_topic(scene):
        return _quote(scene, said)
    return fact_from(scene, said, NAMED) or scene.abstain(
        f"Nothing that was heard is about {' '.join(ask.topic)}; "
        f"the closest is “{rank(said, ask.topic)[0].passage.text}”."
    )


def content_topic(scene: Scene) -> list[str]:
    """The topic's words that narrow speech down; `picture`, `beginning` and the like do not."""
    return [w for w in scene.ask.topic if w not in ("picture", "scene", "beginning", "sound", "track", "audio")]


def _beside_anchor(scene: Scene, said: list[Passage]) -> Generator[Call, Seen, list[Passage]]:
    """Only what comes after or before the words that the question names."""
    anchor = scene.ask.after or scene.ask.before
    if anchor is None or not said:
        return said
    wanted = topic_words(anchor)
    best = rank(said, wanted)
    if not best or best[0].covered < NAMED:
        found = hits((yield scene.call("search_clips", query=anchor, k=3)))
        best = rank(found, wanted)
    if not best or best[0].covered < NAMED:
        return said
    at = best[0].passage.span
    if scene.ask.after:
        later = [p for p in said if p.span.start >= at.end - 0.2 and p.text != best[0].passage.text]
        return later[:1] if not content_topic(scene) else later
    earlier = [p for p in said if p.span.end <= at.start + 0.2 and p.text != best[0].passage.text]
    return earlier[-1:] if not content_topic(scene) else earlier


def fact_from(scene: Scene, passages: list[Passage], least: float) -> Draft | None:
    """The best passages as the answer, or None if none is near enough to the topic."""
    ranked = rank(passages, scene.ask.topic)
    near = [r for r in ranked if is_near(r, least)]
    if not near:
        return None
    best = near[0]
    kept = [r.passage for r in near[:3] if r.score >= 0.8 * best.score and _is_beside(r.passage, best.passage)]
    kept = _whole_sentence(sorted(kept, key=lambda p: p.span), passages)
    others = [r.passage for r in near[1:4] if r.passage not in kept and r.score >= 0.6 * best.score]
    confidence = min(0.95, 0.35 + 0.6 * min(best.score, 1.0))
    return _quote(scene, kept, confidence, also=others)


def names_someone(passage: Passage) -> bool:
    """Whether a passage can hold a name: it says so, or has a capital inside. Recognised speech has no capitals."""
    text = passage.text
    if re.search(r"\b(?:names? (?:is|was|are)|called|named|i am|i'm|my name)\b", text, re.IGNORECASE):
        return True
    return text != text.lower() and bool(re.search(r"(?<=[a-z,] )[A-Z][a-z]+", text))


def _whole_sentence(kept: list[Passage], passages: list[Passage]) -> list[Passage]:
    """With what comes before or after, where a subtitle breaks a sentence in two."""
    in_time = sorted(
        {(p.span, p.text): p for p in passages if p.channel == kept[0].channel}.values(), key=lambda p: p.span
    )
    if not any(p.text[:1].isupper() for p in in_time) or kept[0].channel != "speech":
        return kept  # recognised speech has no capitals, and on-screen text no sentences
    first, last = in_time.index(kept[0]), in_time.index(kept[-1])
    if first > 0 and kept[0].text[:1].islower() and _is_beside(in_time[first - 1], kept[0]):
        kept = [in_time[first - 1], *kept]
    if last + 1 < len(in_time) and in_time[last + 1].text[:1].islower() and _is_beside(in_time[last + 1], kept[-1]):
        kept = [*kept, in_time[last + 1]]
    return kept


def is_near(ranked: Ranked, least: float) -> bool:
    """Whether a passage is about the topic: by its words, or plainly by its meaning."""
    return ranked.covered >= least or ranked.passage.similarity >= 0.3 + 0.4 * least


def _is_beside(passage: Passage, best: Passage) -> bool:
    gap = max(passage.span.start, best.span.start) - min(passage.span.end, best.span.end)
    return gap <= 2.0


def _quote(scene: Scene, said: list[Passage], confidence: float = 0.8, also: list[Passage] | None = None) -> Draft:
    text = " ".join(dict.fromkeys(p.text.strip() for p in said))
    evidence = [scene.cite(p) for p in said]
    if len(said) > 1:
        evidence.insert(0, scene.evidence(text, joined(said), said[0].tool))
    evidence += [scene.cite(p) for p in also or ()]
    return Draft(text=text, evidence=tuple(evidence[:12]), confidence=confidence)
