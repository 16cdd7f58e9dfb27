"""What is written on the screen: a title, a number, a name, the text in a corner, small print."""

from __future__ import annotations

import re
from collections.abc import Generator, Sequence

from ....memory import Box, Span
from ...answer import Draft
from ...steps import Call, Seen
from ...words import content, coverage, numbers
from .looking import Passage, Scene, Strategy, hits, joined, rank, readings, with_similarity
from .spoken import NAMED

_SURFACES = frozenset(
    """sign poster label slide caption banner plate page board card ticket sticker tag shirt display subtitle logo book
    note paper menu map plaque notice whiteboard chart small tiny big large corner top bottom left right roof wall door
    print line shelf app black white film animated screen list digit four three five two six letter""".split()
)
"""Words that say where a text stands, not what it says."""
SMALL = 0.06
"""Height of letters, as a share of the picture, below which text is read again, enlarged."""
_PATTERNS = {
    "number": re.compile(r"(?:[A-Za-z]{1,4}[- ]?)?\d[\w]*(?:[.,:/-]\w+)*"),
    "price": re.compile(
        r"(?:[$€£¥]\s?\d+(?:[.,]\d+)*|\d+(?:[.,]\d+)*\s?(?:[$€£¥]|dollars?|euros?|pounds?|cents?|usd|eur|gbp))", re.I
    ),
    "time": re.compile(r"\d{1,2}[:.]\d{2}(?:\s?[ap]\.?m\.?)?|\d{1,2}\s?[ap]\.?m\.?", re.I),
    "date": re.compile(
        r"\d{1,4}[./-]\d{1,2}[./-]\d{1,4}|(?:\d{1,2}(?:st|nd|rd|th)?\s+)?(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*\.?"
        r"(?:\s+\d{1,2}(?:st|nd|rd|th)?)?(?:,?\s+\d{4})?|(?:mon|tues|wednes|thurs|fri|satur|sun)day|\b(?:19|20)\d{2}\b",
        re.I,
    ),
    "word": re.compile(r"[^\W\d_]{2,}"),
}


def what_is_written(scene: Scene) -> Strategy:
    """Read what indexing found; where that does not tell, go back and look closer."""
    ask = scene.ask
    if ask.at is not None and ask.at.duration == 0:
        lines = readings((yield scene.call("read_text", start=ask.at.within(scene.whole).start)))
        chosen = pick(scene, lines)
        return tell(scene, chosen) if chosen else scene.abstain("No text was made out at that moment.")
    lines = yield from read(scene)
    chosen = pick(scene, lines)
    if chosen and (fits(scene, chosen) or not _narrows(scene)):
        return tell(scene, chosen)
    closer = yield from look_closer(scene, lines)
    better = pick(scene, closer)
    if better and (fits(scene, better) or _is_one(better)):
        return tell(scene, better, confidence=0.55)
    if chosen and _is_one(chosen):
        return tell(scene, chosen, confidence=0.35)
    return scene.abstain("No text that fits was made out, neither in indexing nor on a closer look.")


def _is_one(chosen: Sequence[Passage]) -> bool:
    """Whether there is hardly a choice: one text or two, not a screenful of which none is known to be meant."""
    return len({_bare(p.text) for p in chosen}) <= 2


def read(scene: Scene) -> Generator[Call, Seen, list[Passage]]:
    """The text that indexing found: all of a short video, or what lies near the search's best clips."""
    found = hits((yield scene.call("search_clips", query=scene.ask.query, k=6)), "screen_text")
    if scene.is_short or scene.window != scene.whole or not topic(scene):
        lines = readings((yield scene.over("read_text", scene.window)))
    else:
        lines = []
        for passage in found[:3]:
            around = Span(max(passage.span.start - 5, scene.whole.start), min(passage.span.end + 5, scene.whole.end))
            lines += readings((yield scene.over("read_text", around)))
        if not lines:
            lines = readings((yield scene.over("read_text", scene.whole)))
    return with_similarity({(p.span, p.text): p for p in lines}.values(), found)


def look_closer(scene: Scene, known: Sequence[Passage]) -> Generator[Call, Seen, list[Passage]]:
    """Text that indexing missed or misread: small print enlarged, more frames per second, quarters of the picture."""
    window = yield from _narrowed(scene)
    seen_before = {_bare(p.text) for p in known}
    for small in sorted((p for p in known if p.height < SMALL and p.box), key=lambda p: p.height)[:3]:
        near = readings((yield scene.call("read_text", start=small.span.middle, box=_around(small.box or ()))))
        if pick(scene, near) and fits(scene, pick(scene, near)):
            return near
    fps = min(4.0, 16 / max(window.duration, 1.0))
    fresh = readings((yield scene.over("read_text", window, fps=round(fps, 3))))
    fresh = [p for p in fresh if _bare(p.text) not in seen_before]
    if pick(scene, fresh) and fits(scene, pick(scene, fresh)):
        return fresh
    for box in ((0, 0, 0.55, 0.55), (0.45, 0, 1, 0.55), (0, 0.45, 0.55, 1), (0.45, 0.45, 1, 1)):
        near = readings((yield scene.over("read_text", window, box=list(box))))
        fresh += [p for p in near if _bare(p.text) not in seen_before and p.confidence >= 0.6]
    return _told_apart(fresh)


def _around(box: tuple[float, ...]) -> list[float]:
    """A box with half its size, and at least a twentieth of the picture, added on each side."""
    wide, high = max((box[2] - box[0]) / 2, 0.05), max((box[3] - box[1]) / 2, 0.05)
    sides = (box[0] - wide, box[1] - high, box[2] + wide, box[3] + high)
    return [round(min(max(side, 0.0), 1.0), 3) for side in sides]


def _narrowed(scene: Scene) -> Generator[Call, Seen, Span]:
    """Where to look closer: the span that the question names, or in a long video the clip that the search prefers."""
    if scene.window != scene.whole or scene.whole.duration <= 120:
        return scene.window
    seen = yield scene.call("search_clips", query=scene.ask.text, k=1)
    spans = [Span(*hit["span"]) for hit in seen.data.get("hits", ())]
    return spans[0] if spans else scene.window


def _told_apart(lines: list[Passage]) -> list[Passage]:
    """One passage per text: the surest."""
    best: dict[str, Passage] = {}
    for line in lines:
        key = _bare(line.text)
        if key and (key not in best or line.confidence > best[key].confidence):
            best[key] = line
    return sorted(best.values(), key=lambda p: p.span)


def topic(scene: Scene) -> list[str]:
    """Words of the question that may stand in the text itself."""
    return [w for w in scene.ask.topic if w not in _SURFACES]


def _narrows(scene: Scene) -> bool:
    """Whether the question says more than `what is written`, so that any text will not do."""
    ask = scene.ask
    named_surface = [w for w in ask.topic if w in _SURFACES - {"black", "white", "screen", "title", "film"}]
    return bool(topic(scene) or named_surface) and ask.value != "title" and ask.place is None and ask.order is None


def pick(scene: Scene, lines: Sequence[Passage]) -> list[Passage]:
    """The lines that answer: by place, kind of value, topic, order; all of them if the question names none."""
    ask = scene.ask
    left = [p for p in lines if ask.place is None or _stands(p, ask.place)]
    if ask.at is not None and ask.at.duration > 0:
        left = [p for p in left if p.span.overlap(ask.at) > 0]
    if ask.value in _PATTERNS:
        left = [p for p in left if values(scene, p.text)]
    if not left:
        return []
    if ask.place is not None and ask.value == "name":
        return [_nearest(left, ask.place)]
    if ask.value == "title":
        return _biggest(left)
    if topic(scene):
        ranked = rank(left, topic(scene))
        near = [r for r in ranked if r.covered >= NAMED or r.passage.similarity >= 0.35]
        if near:
            return _whole_card(
                [r.passage for r in near if r.score >= 0.7 * near[0].score][:3], left, ask.value, topic(scene)
            )
    if ask.order is not None:
        if ask.order == -1:
            return [max(left, key=lambda p: (p.span.start, p.height))]
        ordered = sorted(left, key=lambda p: (p.span.start, -p.height))
        return [ordered[min(ask.order, len(ordered)) - 1]]
    return list(left)


def fits(scene: Scene, chosen: Sequence[Passage]) -> bool:
    """Whether the chosen lines are what the question describes, not just any text of that kind."""
    ask = scene.ask
    if ask.digits is not None:
        return bool(chosen)
    wanted = topic(scene)
    if wanted:
        return any(coverage(content(" ".join(wanted)), p.stems) >= NAMED or p.similarity >= 0.35 for p in chosen)
    return not _narrows(scene)


def values(scene: Scene, text: str) -> list[str]:
    """The values of the wanted kind in `text`; the text itself if no kind is wanted."""
    pattern = _PATTERNS.get(scene.ask.value or "")
    if pattern is None:
        return [text]
    found = pattern.findall(text)
    if scene.ask.digits is not None:
        found = [m for run in found for m in re.findall(r"\d+", run) if len(m) == scene.ask.digits]
    return found


def has_value(scene: Scene, passage: Passage) -> bool:
    """Whether a passage holds a value of the wanted kind; in speech, numbers are words."""
    return bool(values(scene, passage.text)) or (passage.channel == "speech" and bool(numbers(passage.text)))


def _biggest(lines: list[Passage]) -> list[Passage]:
    """The lines in the largest letters: the biggest one and what stands with it at nearly its size."""
    lines = [p for p in lines if len(_bare(p.text)) > 1 and any(c.isalpha() for c in p.text)] or lines
    top = max(lines, key=lambda p: (p.height * min(p.confidence, 1.0) * min(p.span.duration, 2.0), p.span.duration))
    with_it = [p for p in lines if p.height >= 0.6 * top.height and _together(p, top)]
    return _reading_order(with_it)


def _nearest(lines: list[Passage], place: str) -> Passage:
    """Of the larger lines, the one nearest to that side or corner."""
    top = max(p.height for p in lines)
    x = 0.0 if "left" in place else 1.0 if "right" in place else 0.5
    y = 0.0 if "top" in place else 1.0 if "bottom" in place else 0.5

    def distance(p: Passage) -> float:
        box = p.box or (0.5, 0.5, 0.5, 0.5)
        return ((box[0] + box[2]) / 2 - x) ** 2 + ((box[1] + box[3]) / 2 - y) ** 2

    return min((p for p in lines if p.height >= 0.6 * top), key=distance)


def _whole_card(chosen: list[Passage], lines: list[Passage], value: str | None, wanted: Sequence[str]) -> list[Passage]:
    """For a text that runs over several lines, the lines around the chosen one as well."""
    if value is not None:
        return chosen
    best = chosen[0]
    if len(best.stems) > 1 and coverage(content(" ".join(wanted)), best.stems) == 1.0:
        return [best]  # one line says it all
    return _reading_order([p for p in lines if p in chosen or (_together(p, best) and _touches(p, best))])


def _together(one: Passage, other: Passage) -> bool:
    return one is other or one.span.overlap(other.span) >= 0.5 * min(one.span.duration, other.span.duration) > 0


def _touches(one: Passage, other: Passage) -> bool:
    if one.box is None or other.box is None:
        return False
    gap = max(one.box[1], other.box[1]) - min(one.box[3], other.box[3])
    return gap <= 1.0 * max(one.height, other.height)


def _reading_order(lines: list[Passage]) -> list[Passage]:
    return sorted(lines, key=lambda p: (round(p.span.start), p.box[1] if p.box else 0, p.box[0] if p.box else 0))


def _stands(passage: Passage, place: str) -> bool:
    if passage.box is None:
        return False
    x, y = (passage.box[0] + passage.box[2]) / 2, (passage.box[1] + passage.box[3]) / 2
    wanted = {"top": y < 0.4, "bottom": y > 0.6, "left": x < 0.4, "right": x > 0.6, "centre": abs(x - 0.5) < 0.25}
    return all(wanted[part] for part in place.split())


def tell(scene: Scene, chosen: Sequence[Passage], confidence: float = 0.8) -> Draft:
    """The chosen lines as the answer."""
    if scene.ask.digits is not None:
        chosen = _most_read(scene, chosen)
    if scene.ask.value in _PATTERNS and len(chosen) <= 6:
        found = [value for p in chosen for value in values(scene, p.text)]
        said = ", ".join(dict.fromkeys(found))
        source = " / ".join(dict.fromkeys(p.text for p in chosen))
        text = said if _bare(said) == _bare(source) else f"{said} (the text reads “{source}”)"
    else:
        texts: list[str] = []
        for passage in chosen:
            if not texts or _bare(passage.text) != _bare(texts[-1]):
                texts.append(passage.text)
        text = " ".join(texts)
    evidence = [
        scene.evidence(p.text, p.span, p.tool, quote=p.text, box=Box(*p.box) if p.box else None) for p in chosen[:10]
    ]
    for passage in chosen[:3]:
        if 0 < passage.span.duration < 2:  # so short that the frame it was read on says more than the span
            moment = Span(passage.span.start, passage.span.start)
            evidence.append(scene.evidence(passage.text, moment, passage.tool, quote=passage.text))
    if len(chosen) > 1 and all(_together(p, chosen[0]) for p in chosen):
        evidence.insert(0, scene.evidence(text, joined(chosen), chosen[0].tool))
    sure = min((p.confidence for p in chosen), default=0.0)
    return Draft(text=text, evidence=tuple(evidence), confidence=confidence * min(1.0, 0.5 + 0.5 * sure))


def _most_read(scene: Scene, chosen: Sequence[Passage]) -> list[Passage]:
    """Of several readings of what may be one number, those of the number that was read longest and surest."""
    weight: dict[str, float] = {}
    for passage in chosen:
        for value in values(scene, passage.text):
            weight[value] = weight.get(value, 0.0) + passage.confidence * max(passage.span.duration, 0.25)
    best = max(weight, key=lambda value: weight[value])
    return [p for p in chosen if best in values(scene, p.text)]


def _bare(text: str) -> str:
    return "".join(c for c in text.lower() if c.isalnum())
