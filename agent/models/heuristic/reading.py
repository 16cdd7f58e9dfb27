"""Reading the answer off the passages: what is written or said, a value, a name, a moment, a number, yes or no."""

from __future__ import annotations

import math
import re
from collections.abc import Generator, Sequence
from dataclasses import replace

from ....memory import clock
from ...answer import Draft
from ...steps import Call, CallResult
from ...text_matching import alphanumeric, content, tokens
from .passages import Passage, Strategy, cite, on_one_line
from .question_parser import ParsedQuestion, needs_eyes
from .ranking import GOOD, WEAK, Ranked, Ranking, sure, values
from .retrieval import Retrieval, look_closer

_MODEL = "seeing it takes a Video-LMM (rewatch doctor says how to get one)"
_ASKS_NAME = re.compile(r"\bnames?\b|\bcalled\b|\bhei[sß]+t\b|\bse llama\b", re.IGNORECASE)
_ASKS_ABOUT = re.compile(r"\babout\b|\bsa(?:y|ys|id)\b|\bt(?:ell|old)\b", re.IGNORECASE)
_LISTED = 12
_ALIKE = 0.2  # a cosine above which a text may well be on what the question names, a sign or a roof


def read(retrieval: Retrieval) -> Strategy:
    """Answer what is written or said: all of it where nothing narrows it down, else the piece that fits best."""
    question = retrieval.question
    kept = placed(retrieval, allowed(retrieval))
    if (
        question.channel == "speech"
        and question.who is None
        and not any(p.channel == "speech" for p in retrieval.passages)
    ):
        # Where nothing was heard, words on the screen may be captions of it.
        question = replace(question, channel="screen_text")
        retrieval = replace(retrieval, question=question)
    own = [p for p in kept if p.channel == question.channel]
    narrowed = (
        question.topic
        or question.phrase
        or (question.loose and question.channel == "screen_text" and len({p.text for p in own}) > 3)
    )
    if not narrowed and question.channel in ("speech", "screen_text") and question.value in (None, "title", "word"):
        kept = own
        if not kept and question.channel == "screen_text":
            kept = yield from closer(retrieval)
        return _all_of(retrieval, kept)
    ranked = _of_channel(question, Ranking(question, kept).rank())
    if question.value in ("number", "price", "date", "time"):
        valued = [r for r in ranked if values(question.value, r.text, question.digits)]
        if question.topic and any(r.fit >= WEAK or r.coverage >= 0.5 for r in valued):
            valued = [r for r in valued if r.fit >= WEAK or r.coverage >= 0.5]
        elif question.topic and question.channel is None:
            valued = []
        weak = not valued or (valued[0].fit < WEAK and (question.topic or question.loose or question.size == "small"))
        if weak and question.channel == "screen_text" and question.value == "number":
            again = yield from closer(retrieval)
            valued = [
                r for r in Ranking(question, again).rank() if values(question.value, r.text, question.digits)
            ] or valued
        ranked = valued or ranked
    elif question.channel == "screen_text" and (
        not ranked or (ranked[0].fit < WEAK and question.loose and question.value != "title")
    ):
        again = yield from closer(retrieval)
        ranked = Ranking(question, [*kept, *again]).rank() if again and (len(again) <= 3 or not ranked) else ranked
    return state(retrieval, in_order(retrieval, ranked))


def _of_channel(question: ParsedQuestion, ranked: list[Ranked]) -> list[Ranked]:
    """Those of the sense that the question names; of the other only where it plainly tells and they do not."""
    own = [r for r in ranked if question.channel in (None, r.passage.channel)]
    others = [r for r in ranked if r.fit >= GOOD]
    return own if not others or (own and own[0].fit >= WEAK) else others


def closer(retrieval: Retrieval) -> Generator[Call, CallResult, list[Passage]]:
    """Text on the screen that a closer look finds."""
    context = retrieval.first
    blocks = [p for p in retrieval.of("screen_text") if p.video == context.video["id"]]
    return (yield from look_closer(context, blocks))


def allowed(retrieval: Retrieval) -> list[Passage]:
    """The passages in the stretch that the question names, or before or after what it names."""
    question, kept = retrieval.question, retrieval.of()
    if any(context.question.at is not None for context in retrieval.contexts.values()):
        kept = [part for p in kept for part in (p.parts or (p,))]
    for context in retrieval.contexts.values():
        at, video = context.question.at, context.video["id"]
        if at is None:
            continue
        own = [p for p in kept if p.video == video]
        if at.duration == 0:
            near = [p for p in own if p.span.start <= at.start <= p.span.end]
            if not any(p.channel == "speech" for p in near):
                spoken = [p for p in own if p.channel == "speech"]
                near += [p for p in spoken if abs(p.span.middle - at.start) <= p.span.duration / 2 + 4]
        else:
            near = [p for p in own if p.span.overlap(at) >= 0.3 * min(p.span.duration, at.duration)]
        inside = {id(p) for p in near}
        kept = [p for p in kept if p.video != video or id(p) in inside]
    if question.anchor is None:
        return kept
    side, words = question.anchor
    anchor = Ranking(question, kept).best_for(words)
    if anchor is None:
        return kept if question.order is not None else []
    same = [p for p in kept if p.video == anchor.video and p is not anchor]
    if side == "after":
        kept = [p for p in same if p.span.start >= anchor.span.end - 0.3]
    else:
        kept = [p for p in same if p.span.end <= anchor.span.start + 0.3][::-1]
    if not question.topic:
        kept = [p for p in kept if question.channel in (None, p.channel)][: 2 if question.channel is None else 1]
    return sorted(kept, key=lambda p: p.span)


def placed(retrieval: Retrieval, passages: list[Passage]) -> list[Passage]:
    """Those that stand where the question says; of large or small print, the largest or smallest."""
    question = retrieval.question
    if question.place and question.channel == "screen_text":
        there = [p for p in passages if all(_at(p.place, part) for part in question.place)]
        return there or [p for p in passages if any(_at(p.place, part) for part in question.place)] or passages
    if question.size and question.channel == "screen_text" and not question.topic:
        blocks = [p for p in passages if p.channel == "screen_text" and p.sure >= 0.5]
        if blocks:
            height = (max if question.size == "large" else min)(p.height for p in blocks)
            return [p for p in blocks if 0.75 <= p.height / max(height, 1e-6) <= 1.34]
    return passages


def _at(place: str, part: str) -> bool:
    """Return whether a block stands there; in the center of a side is neither left nor right."""
    return not re.search(r"left|right", place) if part == "center" else part in place


def _all_of(retrieval: Retrieval, kept: list[Passage]) -> Draft:
    """Everything that is said or shown there, in order; the first or last where the question says so."""
    question = retrieval.question
    what = "speech was recognized" if question.channel == "speech" else "text was made out"
    if not kept:
        nobody = f"{question.who} is not heard there, as far as it is known who speaks." if question.who else ""
        return retrieval.first.abstain(unlooked(retrieval) or nobody or f"No {what} there.")
    if question.value == "title":
        kept = sorted(kept, key=lambda p: -p.weight)[:1]
    pieces = [(p, p.text) for p in kept]
    if question.order is not None:
        kept = sorted(kept, key=retrieval.moment)
        rows = [(p, row) for p in kept for row in (p.rows if p.channel == "speech" and p.rows else (p.text,))]
        pieces = [rows[-1 if question.order == -1 else min(question.order, len(rows)) - 1]]
    first: dict[str, tuple[Passage, str]] = {}
    for p, text in pieces:
        first.setdefault(alphanumeric(text), (p, text))
    chosen = list(first.values())
    lines = [f"{retrieval.name(p)}{on_one_line(text)}" for p, text in chosen[: 4 * _LISTED]]
    if retrieval.left_out and question.order is None:
        count = retrieval.left_out
        lines.append(f"(not all of it: {count} other {'video was' if count == 1 else 'videos were'} not read)")
    evidence = [e for p, text in chosen[:_LISTED] for e in cite(p, text)]
    few = len(chosen) <= 3 or question.channel == "speech"
    least = min(p.sure for p, _ in chosen)
    separator = "\n" if retrieval.many else " " if question.channel == "speech" else "; "
    confidence = (0.85 if few else 0.55) * (0.5 + 0.5 * least)
    return Draft(text=separator.join(lines), evidence=tuple(evidence), confidence=confidence)


def in_order(retrieval: Retrieval, ranked: list[Ranked]) -> list[Ranked]:
    """With `first`, `second` or `last` in the question, the pieces that fit in the order of time."""
    question = retrieval.question
    if question.order is None or not ranked or question.ordinal in tokens(ranked[0].text):
        return ranked
    least = min(WEAK, 0.6 * ranked[0].fit) if question.topic else 0.0
    fitting = [r for r in ranked if r.score >= 0.7 * ranked[0].score and r.fit >= least]
    fitting.sort(key=lambda r: (retrieval.moment(r.passage), -r.score))
    index = -1 if question.order == -1 else question.order - 1
    return [fitting[index]] if index < len(fitting) else []


def state(retrieval: Retrieval, ranked: Sequence[Ranked]) -> Draft:
    """The best piece as the answer; a weak one as the closest there is; nothing where only eyes could tell."""
    if not ranked:
        return retrieval.first.abstain(why_not(retrieval, None))
    question = retrieval.question
    if question.value == "name":  # who was at the market is not told by MARKET
        asked = set(content(question.text))
        ranked = [r for r in ranked if set(content(r.text)) - asked] or ranked
        if not set(content(ranked[0].text)) - asked:
            return retrieval.first.abstain(why_not(retrieval, None))
    best = ranked[0]
    block, on_screen = best.passage, question.channel == "screen_text"
    valued = question.kind != "yes_no" and question.value in ("number", "price", "date", "time", "duration")
    found = values(question.value, best.text, question.digits) if valued else []
    typed = bool(found) and (question.channel is not None or best.fit >= GOOD)
    alone = on_screen and len({r.passage.text for r in ranked}) <= 2
    placed = on_screen and bool(question.place or question.size or question.value == "title")
    good = best.fit >= (GOOD if question.channel is None else 0.42) or alone or placed
    good = good or (typed and question.digits is not None)
    by_surface = on_screen and not question.topic and block.similarity >= _ALIKE
    close = (question.channel is not None and best.fit >= WEAK) or (typed and not question.topic) or by_surface
    unnamed = question.value == "name" and block.channel == "speech" and _ASKS_NAME.search(question.text)
    unseen = needs_eyes(question) and (best.fit < 0.75 or len(question.topic) < 2)
    if not (good or close) or unseen or (unnamed and not Ranking(question, retrieval.passages).names(best.text)):
        return retrieval.first.abstain(why_not(retrieval, best))
    on_block = block.channel == "screen_text" and question.value in (None, "name") and not question.topic
    if on_block and len(block.text.split()) <= 6:
        best = replace(best, text=block.text)  # a name in two lines
    pieces = _pieces(retrieval, best, ranked) if good and question.kind == "text" else [best]
    text = piece = " ".join(dict.fromkeys(r.text for r in pieces)) if len(pieces) > 1 else on_one_line(best.text)
    if found and len(found) <= 3:
        stated = ", ".join(dict.fromkeys(found))
        text = piece if alphanumeric(piece) == alphanumeric(stated) else f"{stated} (“{piece}”)"
    text = f"{retrieval.name(block)}{text}"
    evidence = [e for r in pieces for e in cite(r.passage, r.text)]
    confidence = max(sure(best), 0.45 if alone or placed else 0.0)
    if not good:
        text, confidence = f"closest: {text}", min(confidence, 0.3)
    return Draft(text=text, evidence=tuple(evidence), confidence=confidence)


def _pieces(retrieval: Retrieval, best: Ranked, ranked: Sequence[Ranked]) -> list[Ranked]:
    """The best piece and those that go with it, in order: more about it, or what completes its sentence."""
    question, more = retrieval.question, list[Ranked]()
    if question.channel == "speech" and not question.value and not question.order and _ASKS_ABOUT.search(question.text):
        near = [r for r in ranked[1:8] if r.passage.channel == "speech" and r.fit >= 0.8 * best.fit]
        more = [r for r in near if r.text not in best.text and best.text not in r.text][:2]
    elif best.passage.channel == "speech" and (beside := _completing(retrieval, best, ranked)):
        more = [beside]
    return sorted([best, *more], key=lambda r: retrieval.moment(r.passage))


def _completing(retrieval: Retrieval, best: Ranked, ranked: Sequence[Ranked]) -> Ranked | None:
    """The sentence just before or after that holds what the best one lacks of the question's words."""
    ranking = Ranking(retrieval.question, retrieval.passages)
    lacking = set(ranking.holds(" ".join(retrieval.question.topic))) - ranking.holds(best.text)
    for r in ranked[1:12]:
        gap = max(r.passage.span.start - best.passage.span.end, best.passage.span.start - r.passage.span.end)
        same = r.text in best.text or best.text in r.text or r.passage.video != best.passage.video
        if not same and r.passage.channel == "speech" and gap <= 2.0 and ranking.holds(r.text) & lacking:
            return r
    return None


def over_by_then(retrieval: Retrieval) -> str | None:
    """That the videos are over before the time that is asked about; None where they are not."""
    times, end = retrieval.question.times, max(context.whole.end for context in retrieval.contexts.values())
    if times is None or times.of != "start":
        return None
    if any(context.video.get("coverage", {}).get("growing") for context in retrieval.contexts.values()):
        return f"The recording has come to {clock(end)} so far." if times.start >= end - 0.05 else None
    if times.start > end:
        return f"The video ends at {clock(end)}, before the time that is asked about."
    if math.isinf(times.end) and times.start >= end - 0.05:
        return f"The video ends at {clock(end)}: nothing comes after that."
    return None


def why_not(retrieval: Retrieval, best: Ranked | None) -> str:
    """Explain why there is no answer: what was searched, and what comes nearest."""
    question = retrieval.question
    if why := unlooked(retrieval):
        return why
    if (over := over_by_then(retrieval)) is not None:
        return over
    named = question.anchor[1] if question.anchor else " ".join(question.topic) or question.phrase
    what = f"“{named}”" if named else "What is asked for"
    senses = {p.channel for p in retrieval.passages}
    nearest = ""
    if best and best.fit >= 0.15:
        nearest = f" The closest is “{on_one_line(best.text)}” at {clock(best.passage.span.start)}."
    if needs_eyes(question):
        return f"I cannot tell: this has to be seen, and {_MODEL}.{nearest}"
    if question.channel == "speech" and "speech" in senses:
        where = f"what {question.who} is heard to say" if question.who else "the speech"
        return f"{what} was not recognized in {where}.{nearest}"
    if question.channel == "screen_text" and "screen_text" in senses:
        return f"{what} was not found in the text on the screen.{nearest}"
    words = {"speech": "the speech that was recognized", "screen_text": "the text on the screen"}
    looked = " and ".join(text for sense, text in words.items() if sense in senses)
    if not looked:
        return f"I cannot tell: there is no speech and no text that could answer this, and {_MODEL}."
    return f"I cannot tell from {looked}, and {_MODEL}.{nearest}"


def unlooked(retrieval: Retrieval) -> str:
    """Explain why the sense that the question names cannot tell: the video was not indexed by it. Else empty."""
    channel = retrieval.question.channel
    if channel not in ("speech", "screen_text"):
        return ""
    if any(channel in context.video.get("channels", ()) for context in retrieval.contexts.values()):
        return ""
    what, name = "listened to" if channel == "speech" else "read for text on the screen", retrieval.first.video["name"]
    return f"{name} was not {what}: rewatch index --again {channel} {name}."


def stands(letters: str, text: str) -> bool:
    """Return whether bare letters stand in a text; few of them only as a word of their own."""
    if len(letters) > 3:
        return letters in alphanumeric(text)
    return letters in [alphanumeric(word) for word in text.split()]
