"""When something is said, shown, moves or is cut to, and how long it lasts."""

from __future__ import annotations

import re
from collections.abc import Generator, Sequence

from ....memory import Box, Span
from ...answer import Draft, Evidence
from ...steps import Call, Seen
from ...words import content, coverage
from . import written
from .looking import Passage, Scene, Strategy, hits, rank, readings, utterances
from .moving import matching, tracks
from .spoken import NAMED, UNNAMED, heard, is_near

Moment = tuple[Span, tuple[Evidence, ...], float]
"""A span, the evidence for it, and a confidence."""


def when(scene: Scene) -> Strategy:
    """The span of what is asked about; several if it happens several times."""
    moments = yield from find_moments(scene)
    moments = _ordered(scene, moments)
    if not moments:
        return scene.abstain(_why_not(scene))
    best = moments[0]
    text = _from_to(best[0])
    if len(moments) > 1:
        text += "; also " + ", ".join(_from_to(m[0]) for m in moments[1:6])
    evidence = tuple(e for m in moments[:10] for e in m[1])
    return Draft(text=text, evidence=evidence, confidence=best[2])


def how_long(scene: Scene) -> Strategy:
    """The length of the span."""
    moments = _ordered(scene, (yield from find_moments(scene)))
    if not moments:
        return scene.abstain(_why_not(scene))
    span, evidence, confidence = moments[0]
    return Draft(text=f"about {span.duration:.1f} seconds ({_from_to(span)})", evidence=evidence, confidence=confidence)


def find_moments(scene: Scene) -> Generator[Call, Seen, list[Moment]]:
    """Every moment that fits, best first, by the channel that can tell."""
    ask = scene.ask
    if ask.silence:
        return (yield from _silent(scene))
    if ask.channel == "speech":
        return (yield from _spoken(scene))
    if ask.channel == "screen_text":
        return (yield from _shown(scene))
    if ask.channel == "shots":
        seen = yield scene.over("browse", scene.window, level="shot")
        shots = [Span(*shot) for shot in seen.data.get("shots", ())]
        cuts = [Span(shot.start, shot.start) for shot in shots[1:]]
        return [(cut, (scene.evidence("a cut", cut, "browse"),), 0.85) for cut in cuts]
    if ask.channel == "objects":
        found = matching(scene, (yield from tracks(scene)) or [])
        return [
            (t.span, (scene.evidence(f"{t.name} is in view, {t.direction}", t.span, "track_objects"),), t.confidence)
            for t in found
        ]
    return (yield from _anywhere(scene))


def _spoken(scene: Scene) -> Generator[Call, Seen, list[Moment]]:
    ask = scene.ask
    if ask.phrase:
        where = scene.window
        if not scene.is_short:
            found = hits((yield scene.call("search_clips", query=ask.phrase, k=2)), "speech")
            if found:
                where = Span(found[0].span.start - 15, found[0].span.end + 15).within(scene.whole)
        seen = yield scene.over("transcribe", where, find=ask.phrase)
        return [
            (
                Span(*row["span"]),
                (scene.evidence(f"“{ask.phrase}” is spoken", Span(*row["span"]), "transcribe"),),
                0.5 + 0.45 * float(row["confidence"]),
            )
            for row in seen.data.get("found", ())
        ]
    said = yield from heard(scene)
    ranked = [r for r in rank(said, ask.topic) if is_near(r, NAMED)]
    if not ask.topic and said:
        return [(p.span, (scene.cite(p),), 0.7) for p in said]
    return [
        (_core(r.passage, ask.topic), (scene.cite(r.passage),), min(0.9, 0.3 + 0.6 * r.score))
        for r in ranked[:4]
        if r.score >= 0.75 * ranked[0].score
    ]


def _silent(scene: Scene) -> Generator[Call, Seen, list[Moment]]:
    """The pauses between utterances, longest first."""
    seen = yield scene.over("transcribe", scene.window)
    if seen.error:
        return []
    said = utterances(seen)
    starts = [scene.window.start, *(p.span.end for p in said)]
    ends = [*(p.span.start for p in said), scene.window.end]
    pauses = [Span(start, end) for start, end in zip(starts, ends, strict=True) if end - start >= 1.0]
    pauses.sort(key=lambda pause: -pause.duration)
    if not re.search(r"\blong(?:est)?\b", scene.ask.text.lower()):
        pauses.sort()
    return [(p, (scene.evidence("nobody is heard to speak", p, "transcribe"),), 0.75) for p in pauses]


def _core(passage: Passage, topic: Sequence[str]) -> Span:
    """The utterance's span; of a very long one, the words from the first to the last that match, with some around."""
    if len(passage.words) < 25:
        return passage.span
    wanted = content(" ".join(topic))
    at = [i for i, word in enumerate(passage.words) if coverage(content(word[2]), wanted) > 0]
    if not at:
        return passage.span
    first, last = max(at[0] - 6, 0), min(at[-1] + 8, len(passage.words) - 1)
    return Span(passage.words[first][0], max(passage.words[last][1], passage.words[first][0]))


def _shown(scene: Scene) -> Generator[Call, Seen, list[Moment]]:
    ask = scene.ask
    lines = yield from written.read(scene)
    chosen = _lines_meant(scene, lines)
    if not chosen:
        chosen = _lines_meant(scene, (yield from written.look_closer(scene, lines)))
    moments: list[Moment] = []
    for passage in _spread(chosen)[:3]:
        seen = yield scene.over("read_text", passage.span, find=ask.phrase or passage.text)
        exact = [p for p in readings(seen) if p.text == passage.text] or readings(seen) or [passage]
        box = Box(*exact[0].box) if exact[0].box else None
        claim, text, span = f"“{exact[0].text}” is on the screen", exact[0].text, exact[0].span
        evidence = [scene.evidence(claim, span, "read_text", text, box)]
        if passage.span.duration < 2:  # the frame on which it was read, beside so short a span
            moment = Span(passage.span.start, passage.span.start)
            evidence.append(scene.evidence(claim, moment, "read_text", text, box))
        moments.append((span, tuple(evidence), 0.5 + 0.4 * min(exact[0].confidence, 1.0)))
    return moments


def _lines_meant(scene: Scene, lines: Sequence[Passage]) -> list[Passage]:
    """The lines whose showing is asked about: the quoted words, a whole number, the title, or the topic's words."""
    ask = scene.ask
    if ask.phrase:
        wanted = _bare(ask.phrase)
        short = len(wanted) <= 3
        same = [p for p in lines if _bare(p.text) == wanted or (not short and wanted in _bare(p.text))]
        if short and not same:
            same = [p for p in lines if wanted in [_bare(word) for word in p.text.split()]]
        return sorted(same, key=lambda p: -p.height)
    if ask.value == "title":
        return written.pick(scene, lines)[:1]
    if not written.topic(scene):
        return list(lines)
    ranked = [r for r in rank(lines, written.topic(scene)) if r.covered >= NAMED or r.passage.similarity >= 0.4]
    return [r.passage for r in ranked if r.score >= 0.75 * ranked[0].score]


def _spread(lines: Sequence[Passage]) -> list[Passage]:
    """One line per showing: of lines that are on the screen together, the first."""
    kept: list[Passage] = []
    for line in lines:
        if not any(
            line.span.overlap(other.span) > 0.5 * min(line.span.duration, other.span.duration) for other in kept
        ):
            kept.append(line)
    return kept


def _anywhere(scene: Scene) -> Generator[Call, Seen, list[Moment]]:
    """The question names no channel: only words that plainly match count, whether spoken or written."""
    found = hits((yield scene.call("search_clips", query=scene.ask.query, k=5)))
    ranked = [r for r in rank(found, scene.ask.topic) if r.covered >= UNNAMED and len(scene.ask.topic) >= 2]
    return [(r.passage.span, (scene.cite(r.passage),), 0.35 + 0.3 * r.covered) for r in ranked[:3]]


def _ordered(scene: Scene, moments: list[Moment]) -> list[Moment]:
    """With `first`, `second` or `last` in the question, that one moment only."""
    order = scene.ask.order
    if order is None or not moments:
        return moments
    in_time = sorted(moments, key=lambda m: m[0])
    if order > len(in_time):
        return []
    return [in_time[-1] if order == -1 else in_time[order - 1]]


def _why_not(scene: Scene) -> str:
    ask = scene.ask
    what = ask.phrase or " ".join(ask.topic) or "that"
    if ask.channel == "speech":
        return f"“{what}” was not heard: speech was searched and listened to."
    if ask.channel == "screen_text":
        return f"“{what}” was not found on the screen: known text was searched and the picture read again."
    if ask.channel == "objects":
        return "Nothing that moves fits: moving objects were followed by background subtraction."
    if ask.channel == "shots":
        return "No such cut was found."
    return (
        f"I cannot tell: no speech or on-screen text is about {what}, and seeing it takes a Video-LMM or detector "
        "weights (rewatch doctor says how to get them)."
    )


def _from_to(span: Span) -> str:
    if span.duration == 0:
        return f"at {span.start:.1f} s"
    return f"from {span.start:.1f} s to {span.end:.1f} s"


def _bare(text: str) -> str:
    return "".join(c for c in text.lower() if c.isalnum())
