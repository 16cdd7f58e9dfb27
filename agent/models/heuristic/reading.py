"""Reading the answer off the passages: what is written or said, a value, a name, a moment, a number, yes or no."""

from __future__ import annotations

import math
import re
from collections.abc import Generator, Sequence
from dataclasses import replace

from ....memory import clock
from ...answer import Draft
from ...steps import Call, CallResult
from ...text_matching import tokens
from .context import Passage, Strategy, cite, on_one_line
from .gathering import Case, look_closer
from .question_parser import ParsedQuestion, needs_eyes
from .ranking import GOOD, WEAK, Ranked, Ranking, sure, values

_MODEL = "seeing it takes a Video-LMM (rewatch doctor says how to get one)"
_LISTED = 12
_ALIKE = 0.2  # a cosine above which a text may well be on what the question names, a sign or a roof


def read(case: Case) -> Strategy:
    """What is written or said: all of it where nothing narrows it down, else the piece that fits best."""
    ask = case.ask
    kept = placed(case, allowed(case))
    if ask.channel == "speech" and not any(p.channel == "speech" for p in case.passages):
        ask = replace(ask, channel="screen_text")  # where nothing was heard, words on the screen may be captions of it
        case = replace(case, ask=ask)
    own = [p for p in kept if p.channel == ask.channel]
    narrowed = (
        ask.topic or ask.phrase or (ask.loose and ask.channel == "screen_text" and len({p.text for p in own}) > 3)
    )
    if not narrowed and ask.channel in ("speech", "screen_text") and ask.value in (None, "title", "word"):
        kept = own
        if not kept and ask.channel == "screen_text":
            kept = yield from closer(case)
        return _all_of(case, kept)
    ranked = _of_channel(ask, Ranking(ask, kept).rank())
    if ask.value in ("number", "price", "date", "time"):
        valued = [r for r in ranked if values(ask.value, r.text, ask.digits)]
        if ask.topic and any(r.fit >= WEAK or r.known >= 0.5 for r in valued):
            valued = [r for r in valued if r.fit >= WEAK or r.known >= 0.5]
        elif ask.topic and ask.channel is None:
            valued = []
        weak = not valued or (valued[0].fit < WEAK and (ask.topic or ask.loose or ask.size == "small"))
        if weak and ask.channel == "screen_text" and ask.value == "number":
            again = yield from closer(case)
            valued = [r for r in Ranking(ask, again).rank() if values(ask.value, r.text, ask.digits)] or valued
        ranked = valued or ranked
    elif ask.channel == "screen_text" and (not ranked or (ranked[0].fit < WEAK and ask.loose and ask.value != "title")):
        again = yield from closer(case)
        ranked = Ranking(ask, [*kept, *again]).rank() if again and (len(again) <= 3 or not ranked) else ranked
    return tell(case, in_order(case, ranked))


def _of_channel(ask: ParsedQuestion, ranked: list[Ranked]) -> list[Ranked]:
    """Those of the sense that the question names; of the other only where it plainly tells and they do not."""
    own = [r for r in ranked if ask.channel in (None, r.passage.channel)]
    others = [r for r in ranked if r.fit >= GOOD]
    return own if not others or (own and own[0].fit >= WEAK) else others


def closer(case: Case) -> Generator[Call, CallResult, list[Passage]]:
    """Text on the screen that a closer look finds."""
    scene = case.first
    return (
        yield from look_closer(
            scene, [p for p in case.passages if p.video == scene.video["id"] and p.channel == "screen_text"]
        )
    )


def allowed(case: Case) -> list[Passage]:
    """The passages in the stretch that the question names, or before or after what it names."""
    ask, kept = case.ask, case.of()
    if any(scene.ask.at is not None for scene in case.scenes.values()):
        kept = [part for p in kept for part in (p.parts or (p,))]
    for scene in case.scenes.values():
        at, video = scene.ask.at, scene.video["id"]
        if at is not None and at.duration == 0:
            here = [p for p in kept if p.video == video and p.span.start <= at.start <= p.span.end]
            spoken = [
                p
                for p in kept
                if p.video == video
                and p.channel == "speech"
                and abs(p.span.middle - at.start) <= p.span.duration / 2 + 4
            ]
            near = here + ([] if any(p.channel == "speech" for p in here) else spoken)
            kept = [p for p in kept if p.video != video or p in near]
        elif at is not None:
            kept = [
                p for p in kept if p.video != video or p.span.overlap(at) >= 0.3 * min(p.span.duration, at.duration)
            ]
    if ask.anchor is None:
        return kept
    side, words = ask.anchor
    anchor = Ranking(ask, kept).best_for(words)
    if anchor is None:
        return kept if ask.order is not None else []
    same = [p for p in kept if p.video == anchor.video and p is not anchor]
    if side == "after":
        kept = [p for p in same if p.span.start >= anchor.span.end - 0.3]
    else:
        kept = [p for p in same if p.span.end <= anchor.span.start + 0.3][::-1]
    if not ask.topic:
        kept = [p for p in kept if ask.channel in (None, p.channel)][: 2 if ask.channel is None else 1]
    return sorted(kept, key=lambda p: p.span)


def placed(case: Case, passages: list[Passage]) -> list[Passage]:
    """Those that stand where the question says; of large or small print, the largest or smallest."""
    ask = case.ask
    if ask.place and ask.channel == "screen_text":
        there = [p for p in passages if all(_at(p.place, part) for part in ask.place)]
        return there or [p for p in passages if any(_at(p.place, part) for part in ask.place)] or passages
    if ask.size and ask.channel == "screen_text" and not ask.topic:
        blocks = [p for p in passages if p.channel == "screen_text" and p.sure >= 0.5]
        if blocks:
            edge = max(blocks, key=lambda p: p.height) if ask.size == "large" else min(blocks, key=lambda p: p.height)
            return [p for p in blocks if 0.75 <= p.height / max(edge.height, 1e-6) <= 1.34]
    return passages


def _at(place: str, part: str) -> bool:
    """Whether a block stands there; in the center of a side is neither left nor right."""
    return not re.search(r"left|right", place) if part == "center" else part in place


def _all_of(case: Case, kept: list[Passage]) -> Draft:
    """Everything that is said or shown there, in order; the first or last where the question says so."""
    ask = case.ask
    what = "speech was recognized" if ask.channel == "speech" else "text was made out"
    if not kept:
        return case.first.abstain(unlooked(case) or f"No {what} there.")
    if ask.value == "title":
        kept = sorted(kept, key=lambda p: -p.weight)[:1]
    pieces = [
        (p, row)
        for p in kept
        for row in (p.rows if ask.order is not None and p.channel == "speech" and p.rows else (p.text,))
    ]
    if ask.order is not None:
        index = -1 if ask.order == -1 else min(ask.order, len(pieces)) - 1
        pieces = [pieces[index]]
    told: dict[str, tuple[Passage, str]] = {}
    for p, text in pieces:
        told.setdefault(bare(text), (p, text))
    chosen = list(told.values())
    lines = [f"{case.name(p)}{on_one_line(text)}" for p, text in chosen[: 4 * _LISTED]]
    evidence = [e for p, text in chosen[:_LISTED] for e in cite(p, text)]
    few = len(chosen) <= 3 or ask.channel == "speech"
    least = min(p.sure for p, _ in chosen)
    separator = "\n" if case.many else " " if ask.channel == "speech" else "; "
    return Draft(
        text=separator.join(lines), evidence=tuple(evidence), confidence=(0.85 if few else 0.55) * (0.5 + 0.5 * least)
    )


def in_order(case: Case, ranked: list[Ranked]) -> list[Ranked]:
    """With `first`, `second` or `last` in the question, the pieces that fit in the order of time."""
    ask = case.ask
    if ask.order is None or not ranked or ask.ordinal in tokens(ranked[0].text):
        return ranked
    fitting = [
        r
        for r in ranked
        if r.score >= 0.7 * ranked[0].score and (not ask.topic or r.fit >= min(WEAK, 0.6 * ranked[0].fit))
    ]
    fitting.sort(key=lambda r: (r.passage.span.start, -r.score))
    index = -1 if ask.order == -1 else ask.order - 1
    return [fitting[index]] if index < len(fitting) else []


def tell(case: Case, ranked: Sequence[Ranked]) -> Draft:
    """The best piece as the answer; a weak one as the closest there is; nothing where only eyes could tell."""
    ask = case.ask
    if not ranked:
        return case.first.abstain(why_not(case, None))
    best = ranked[0]
    found = (
        values(ask.value, best.text, ask.digits)
        if ask.kind != "yes_no" and ask.value in ("number", "price", "date", "time", "duration")
        else []
    )
    alone = ask.channel == "screen_text" and len({r.passage.text for r in ranked}) <= 2
    typed = bool(found) and (ask.channel is not None or best.fit >= GOOD)
    placed = ask.channel == "screen_text" and bool(ask.place or ask.size or ask.value == "title")
    good = (
        best.fit >= GOOD
        or (ask.channel is not None and best.fit >= 0.42)
        or alone
        or placed
        or (typed and ask.digits is not None)
    )
    if (
        ask.value == "name"
        and re.search(r"\bnames?\b|\bcalled\b|\bhei[sß]+t\b|\bse llama\b", ask.text, re.I)
        and best.passage.channel == "speech"
    ):
        if not Ranking(ask, case.passages).names(best.text):
            return case.first.abstain(why_not(case, best))
    if needs_eyes(ask) and (best.fit < 0.75 or len(ask.topic) < 2):
        return case.first.abstain(why_not(case, best))
    told_by_surface = ask.channel == "screen_text" and not ask.topic and best.passage.similarity >= _ALIKE
    if not good and (ask.channel is None or best.fit < WEAK) and not (typed and not ask.topic) and not told_by_surface:
        return case.first.abstain(why_not(case, best))
    block = best.passage
    if (
        block.channel == "screen_text"
        and ask.value in (None, "name")
        and not ask.topic
        and len(block.text.split()) <= 6
    ):
        best = replace(best, text=block.text)  # a name in two lines
    piece = on_one_line(best.text)
    told = [best]
    about = re.search(r"\babout\b|\bsa(?:y|ys|id)\b|\bt(?:ell|old)\b", ask.text.lower())
    if ask.kind == "text" and ask.channel == "speech" and ask.value is None and ask.order is None and good and about:
        told += [
            r
            for r in ranked[1:8]
            if r.passage.channel == "speech"
            and r.fit >= 0.8 * best.fit
            and r.text not in best.text
            and best.text not in r.text
        ][:2]
    elif (
        ask.kind == "text" and best.passage.channel == "speech" and good and (beside := _completing(case, best, ranked))
    ):
        told.append(beside)
    if len(told) > 1:
        told.sort(key=lambda r: r.passage.span.start)
        piece = " ".join(dict.fromkeys(r.text for r in told))
    text = piece
    if found and len(found) <= 3:
        stated = ", ".join(dict.fromkeys(found))
        text = piece if bare(piece) == bare(stated) else f"{stated} (“{piece}”)"
    text = f"{case.name(best.passage)}{text}"
    evidence = [e for r in told for e in cite(r.passage, r.text)]
    confidence = max(sure(best), 0.45 if alone or placed else 0.0)
    if not good:
        text, confidence = f"closest: {text}", min(confidence, 0.3)
    return Draft(text=text, evidence=tuple(evidence), confidence=confidence)


def _completing(case: Case, best: Ranked, ranked: Sequence[Ranked]) -> Ranked | None:
    """The sentence just before or after that holds what the best one lacks of the question's words."""
    ranking = Ranking(case.ask, case.passages)
    lacking = set(ranking.holds(" ".join(case.ask.topic))) - ranking.holds(best.text)
    for r in ranked[1:12]:
        gap = max(r.passage.span.start - best.passage.span.end, best.passage.span.start - r.passage.span.end)
        same = r.text in best.text or best.text in r.text or r.passage.video != best.passage.video
        if not same and r.passage.channel == "speech" and gap <= 2.0 and ranking.holds(r.text) & lacking:
            return r
    return None


def over_by_then(case: Case) -> str | None:
    """That the videos are over before the time that is asked about; None where they are not."""
    times, end = case.ask.times, max(scene.whole.end for scene in case.scenes.values())
    if times is None or times.of != "start":
        return None
    if times.start > end:
        return f"The video ends at {clock(end)}, before the time that is asked about."
    if math.isinf(times.end) and times.start >= end - 0.05:
        return f"The video ends at {clock(end)}: nothing comes after that."
    return None


def why_not(case: Case, best: Ranked | None) -> str:
    """Why there is no answer: what was searched, and what comes nearest."""
    ask = case.ask
    if why := unlooked(case):
        return why
    if (over := over_by_then(case)) is not None:
        return over
    named = ask.anchor[1] if ask.anchor else " ".join(ask.topic) or ask.phrase
    what = f"“{named}”" if named else "What is asked for"
    senses = {p.channel for p in case.passages}
    nearest = (
        f" The closest is “{on_one_line(best.text)}” at {clock(best.passage.span.start)}."
        if best and best.fit >= 0.15
        else ""
    )
    if needs_eyes(ask):
        return f"I cannot tell: this has to be seen, and {_MODEL}.{nearest}"
    if ask.channel == "speech" and "speech" in senses:
        return f"{what} was not recognized in the speech.{nearest}"
    if ask.channel == "screen_text" and "screen_text" in senses:
        return f"{what} was not found in the text on the screen.{nearest}"
    looked = " and ".join(
        {"speech": "the speech that was recognized", "screen_text": "the text on the screen"}[s]
        for s in ("speech", "screen_text")
        if s in senses
    )
    if not looked:
        return f"I cannot tell: there is no speech and no text that could answer this, and {_MODEL}."
    return f"I cannot tell from {looked}, and {_MODEL}.{nearest}"


def unlooked(case: Case) -> str:
    """Why the sense that the question names cannot tell: the video was not indexed by it. Empty where it was."""
    channel = case.ask.channel
    if channel not in ("speech", "screen_text"):
        return ""
    without = [scene.video["name"] for scene in case.scenes.values() if channel not in scene.video.get("channels", ())]
    if len(without) < len(case.scenes):
        return ""
    what = "listened to" if channel == "speech" else "read for text on the screen"
    return f"{without[0]} was not {what}: rewatch index --again {channel} {without[0]}."


def bare(text: str) -> str:
    """The letters and digits of a text, in lower case."""
    return "".join(c for c in text.lower() if c.isalnum())


def stands(letters: str, text: str) -> bool:
    """Whether bare letters stand in a text; few of them only as a word of their own."""
    if len(letters) > 3:
        return letters in bare(text)
    return letters in [bare(word) for word in text.split()]
