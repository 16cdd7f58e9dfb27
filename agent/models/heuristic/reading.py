"""Reading the answer off the passages: what is written or said, a value, a name, a moment, a number, yes or no."""

from __future__ import annotations

import re
from collections.abc import Generator, Sequence
from dataclasses import replace

from ....memory import Span, clock
from ...answer import Draft, Evidence
from ...steps import Call, Seen
from ...words import STOP, content, numbers, tokens
from .gathering import Case, look_closer
from .looking import Passage, Strategy, cite, readings
from .question import Ask, needs_eyes, query, tells_showing
from .ranking import GOOD, WEAK, Ranked, Ranking, sure, values

_MODEL = "seeing it takes a Video-LMM (rewatch doctor says how to get one)"
_LISTED = 12
_COUNTED = re.compile(r"^.*\b(?:how many|number of|wie ?viele?|cu[aá]nt[oa]s?|combien)\b")


def read(case: Case) -> Strategy:
    """What is written or said: all of it where nothing narrows it down, else the piece that fits best."""
    ask = case.ask
    kept = _placed(case, _allowed(case))
    own = [p for p in kept if p.channel == ask.channel]
    narrowed = (
        ask.topic or ask.phrase or (ask.loose and ask.channel == "screen_text" and len({p.text for p in own}) > 3)
    )
    if not narrowed and ask.channel in ("speech", "screen_text") and ask.value in (None, "title", "word"):
        kept = own
        if not kept and ask.channel == "screen_text":
            kept = yield from _closer(case)
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
            again = yield from _closer(case)
            valued = [r for r in Ranking(ask, again).rank() if values(ask.value, r.text, ask.digits)] or valued
        ranked = valued or ranked
    elif ask.channel == "screen_text" and (not ranked or (ranked[0].fit < WEAK and ask.loose and ask.value != "title")):
        again = yield from _closer(case)
        ranked = Ranking(ask, [*kept, *again]).rank() if again and (len(again) <= 3 or not ranked) else ranked
    return _tell(case, _in_order(case, ranked))


def _of_channel(ask: Ask, ranked: list[Ranked]) -> list[Ranked]:
    """Those of the sense that the question names; those of the other one only where they plainly tell and it does not."""
    own = [r for r in ranked if ask.channel in (None, r.passage.channel)]
    others = [r for r in ranked if r.fit >= GOOD]
    return own if not others or (own and own[0].fit >= WEAK) else others


def _closer(case: Case) -> Generator[Call, Seen, list[Passage]]:
    scene = case.first
    return (
        yield from look_closer(
            scene, [p for p in case.passages if p.video == scene.video["id"] and p.channel == "screen_text"]
        )
    )


def _allowed(case: Case) -> list[Passage]:
    """The passages in the stretch that the question names, or before or after what it names."""
    ask, kept = case.ask, case.of()
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
        return kept
    same = [p for p in kept if p.video == anchor.video and p is not anchor]
    if side == "after":
        kept = [p for p in same if p.span.start >= anchor.span.end - 0.3]
    else:
        kept = [p for p in same if p.span.end <= anchor.span.start + 0.3][::-1]
    if not ask.topic:
        kept = [p for p in kept if ask.channel in (None, p.channel)][: 2 if ask.channel is None else 1]
    return sorted(kept, key=lambda p: p.span)


def _placed(case: Case, passages: list[Passage]) -> list[Passage]:
    """Those that stand where the question says; of large or small print, the largest or smallest."""
    ask = case.ask
    if ask.place and ask.channel == "screen_text":
        there = [p for p in passages if all(part in p.place for part in ask.place)]
        return there or [p for p in passages if any(part in p.place for part in ask.place)] or passages
    if ask.size and ask.channel == "screen_text" and not ask.topic:
        blocks = [p for p in passages if p.channel == "screen_text" and p.sure >= 0.5]
        if blocks:
            edge = max(blocks, key=lambda p: p.height) if ask.size == "large" else min(blocks, key=lambda p: p.height)
            return [p for p in blocks if 0.75 <= p.height / max(edge.height, 1e-6) <= 1.34]
    return passages


def _all_of(case: Case, kept: list[Passage]) -> Draft:
    """Everything that is said or shown there, in order; the first or last where the question says so."""
    ask = case.ask
    what = "speech was recognized" if ask.channel == "speech" else "text was made out"
    if not kept:
        return case.first.abstain(f"No {what} there.")
    if ask.value == "title":
        kept = sorted(kept, key=lambda p: -p.height * min(p.sure, 1.0) * min(p.span.duration, 2.0))[:1]
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
        told.setdefault(_bare(text), (p, text))
    chosen = list(told.values())
    lines = [f"{case.name(p)}{' / '.join(text.split(chr(10)))}" for p, text in chosen[: 4 * _LISTED]]
    evidence = [e for p, text in chosen[:_LISTED] for e in cite(p, text)]
    few = len(chosen) <= 3 or ask.channel == "speech"
    least = min(p.sure for p, _ in chosen)
    separator = "\n" if case.many else " " if ask.channel == "speech" else "; "
    return Draft(
        text=separator.join(lines), evidence=tuple(evidence), confidence=(0.85 if few else 0.55) * (0.5 + 0.5 * least)
    )


def _in_order(case: Case, ranked: list[Ranked]) -> list[Ranked]:
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


def _tell(case: Case, ranked: Sequence[Ranked]) -> Draft:
    """The best piece as the answer; a weak one as the closest there is; nothing where only eyes could tell."""
    ask = case.ask
    if not ranked:
        return case.first.abstain(_why_not(case, None))
    best = ranked[0]
    found = (
        values(ask.value, best.text, ask.digits) if ask.value in ("number", "price", "date", "time", "duration") else []
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
            return case.first.abstain(_why_not(case, best))
    if needs_eyes(ask) and (best.fit < 0.75 or len(ask.topic) < 2):
        return case.first.abstain(_why_not(case, best))
    if not good and (ask.channel is None or best.fit < WEAK) and not (typed and not ask.topic):
        return case.first.abstain(_why_not(case, best))
    piece = best.text.replace("\n", " / ")
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
        text = piece if _bare(piece) == _bare(stated) else f"{stated} (“{piece}”)"
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


def _why_not(case: Case, best: Ranked | None) -> str:
    ask = case.ask
    what = " ".join(ask.topic) or ask.phrase or "that"
    senses = {p.channel for p in case.passages}
    nearest = (
        f" The closest is “{best.text.replace(chr(10), ' / ')}” at {clock(best.passage.span.start)}."
        if best and best.fit >= 0.15
        else ""
    )
    if needs_eyes(ask):
        return f"I cannot tell: this has to be seen, and {_MODEL}.{nearest}"
    if ask.channel == "speech" and "speech" in senses:
        return f"“{what}” was not recognized in the speech.{nearest}"
    if ask.channel == "screen_text" and "screen_text" in senses:
        return f"“{what}” was not found in the text on the screen.{nearest}"
    looked = " and ".join(
        {"speech": "the speech that was recognized", "screen_text": "the text on the screen"}[s]
        for s in ("speech", "screen_text")
        if s in senses
    )
    return f"I cannot tell: {looked or 'no speech and no text'} {'does' if len(senses) == 1 else 'do'} not answer this, and {_MODEL}.{nearest}"


def stated_number(case: Case) -> Draft | None:
    """A number that is said or written together with what is counted; None if there is none."""
    ask = replace(case.ask, value="number")
    kept = [p for p in _allowed(case) if ask.channel in (None, p.channel)]
    least = 0.42 if ask.channel else GOOD
    ranking = Ranking(ask, kept)
    counted = set(content(" ".join(query(_COUNTED.sub("", ask.text.lower()))[:1])))  # a room's number counts no people
    ranked = [r for r in ranking.rank() if r.fit >= least and numbers(r.text) and counted <= ranking.holds(r.text)]
    if not ranked or not counted:
        return None
    best = ranked[0]
    number = _nearest_number(best.text, ask.topic)
    text = f"{case.name(best.passage)}{number:g} (“{best.text.replace(chr(10), ' / ')}”)"
    return Draft(text=text, evidence=tuple(cite(best.passage, best.text)), confidence=sure(best, 0.85))


def tell_plainly(case: Case) -> Draft | None:
    """The piece that plainly is about the question, whatever kind of value it holds; None if there is none."""
    ranked = Ranking(replace(case.ask, value=None), _allowed(case)).rank()
    if not ranked or ranked[0].fit < 0.65 or len(case.ask.topic) < 2:
        return None
    best = ranked[0]
    return Draft(
        text=best.text.replace("\n", " / "), evidence=tuple(cite(best.passage, best.text)), confidence=sure(best, 0.6)
    )


def _nearest_number(text: str, topic: Sequence[str]) -> float:
    """The number that stands closest before or after a word of the topic."""
    found, words = numbers(text), text.lower().replace("-", " ").split()
    at = [i for i, word in enumerate(words) if any(t[:5] in word for t in topic)]
    places = [(min((abs(a - i) for a in at), default=0), value[0]) for i in range(len(words)) for n in (3, 2, 1)
              if len(value := numbers(" ".join(words[i : i + n]))) == 1 and value[0] in found]  # fmt: skip
    return min(places, key=lambda place: place[0])[1] if places else found[0]


def mentioned(case: Case) -> list[Passage]:
    """The passages that hold the phrase, or all words of the topic, each in order of time."""
    ask = case.ask
    wanted = ask.phrase or " ".join(ask.topic)
    kept = [p for p in _allowed(case) if ask.channel in (None, p.channel)]
    if ask.phrase:
        pattern = re.compile(rf"(?<!\w){re.escape(ask.phrase.lower())}(?!\w)")
        return [p for p in kept if pattern.search(p.text.lower().replace("\n", " "))]
    ranking = Ranking(ask, kept)
    return [p for p in kept if content(wanted) and ranking.covered(p.text) >= 0.99]


def moments(case: Case) -> Generator[Call, Seen, list[tuple[Span, tuple[Evidence, ...], Ranked]]]:
    """When what is asked about is said or shown, best first; times of text are looked up to the frame."""
    ask = case.ask
    kept = _placed(case, _allowed(case))
    if ask.phrase and ask.channel in ("speech", None):
        spoken = yield from _spoken(case, ask.phrase)
        if spoken:
            return spoken
    if ask.phrase:
        bare = _bare(ask.phrase)
        kept = [p for p in kept if p.channel != "screen_text" or _stands(bare, p.text)]
    if not kept and ask.channel == "screen_text":
        kept = [p for p in (yield from _closer(case)) if not ask.phrase or _stands(_bare(ask.phrase), p.text)]
    ranked = Ranking(ask, kept).rank()
    if ask.value == "title" or (ask.channel == "screen_text" and not ask.topic and not ask.phrase):
        ranked = sorted((r for r in ranked if r.passage.channel == "screen_text" and r.text == r.passage.text), key=lambda r: -r.passage.height * min(r.passage.sure, 1.0) * min(r.passage.span.duration, 2.0))  # fmt: skip
        ranked = ranked[:1] if ask.value == "title" else ranked
    elif not ask.phrase:
        least = WEAK if ask.channel else GOOD
        ranked = [r for r in ranked if r.fit >= least and r.score >= 0.8 * ranked[0].score]
    found: list[tuple[Span, tuple[Evidence, ...], Ranked]] = []
    for r in _apart(_in_order(case, ranked))[:3]:
        span, evidence = r.passage.span_of(r.text), cite(r.passage, r.text)
        if r.passage.channel == "screen_text":
            scene = case.scenes[r.passage.video]
            seen = yield scene.over("read_text", r.passage.span, find=ask.phrase or r.text.split("\n")[0])
            exact = readings(seen, r.passage.video)
            if exact:
                span = exact[0].span
                evidence = [scene.evidence(f"“{r.text}” is on the screen", span, "read_text", exact[0].text)]
        found.append((span, tuple(evidence), r))
    return found


def _spoken(case: Case, phrase: str) -> Generator[Call, Seen, list[tuple[Span, tuple[Evidence, ...], Ranked]]]:
    """The exact times of words, spotted in the sound."""
    found = []
    for scene in list(case.scenes.values())[:2]:
        if "speech" not in scene.video["channels"]:
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


def _bare(text: str) -> str:
    return "".join(c for c in text.lower() if c.isalnum())


def _stands(bare: str, text: str) -> bool:
    """Whether bare words stand in a text; short ones only as a word or row of their own."""
    if len(bare) > 3:
        return bare in _bare(text)
    return bare in [_bare(word) for word in text.split()]


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
    """A time of the video; or, about the world that is told of, the words with the date in them and where they stand."""
    ask = case.ask
    if not tells_showing(ask):
        for kind in ("date", "time") if ask.kind == "time" else ("duration",):
            asked = replace(ask, value=kind)
            told = [r for r in Ranking(asked, _allowed(case)).rank() if values(kind, r.text) and r.fit >= WEAK]
            if told:
                return _tell(replace(case, ask=asked), told)
    found = yield from moments(case)
    if not found:
        best = Ranking(ask, _allowed(case)).rank()[:1]
        return case.first.abstain(_why_not(case, best[0] if best else None))
    span, _, first = found[0]
    told = [f"{case.name(r.passage)}{_from_to(s)}" for s, _, r in found]
    text = told[0] + (f"; also {', '.join(told[1:])}" if len(told) > 1 else "")
    if ask.kind == "how_long":
        text = f"about {span.duration:.1f} seconds ({told[0]})"
    elif first.text != ask.phrase:
        text += f": “{first.text.replace(chr(10), ' / ')}”"
    confidence = max(sure(first, 0.9), 0.5 if first.passage.channel == "screen_text" else 0.0)
    return Draft(text=text, evidence=tuple(e for _, its, _ in found for e in its), confidence=confidence)


def _from_to(span: Span) -> str:
    return f"at {span.start:.1f} s" if span.duration == 0 else f"from {span.start:.1f} s to {span.end:.1f} s"


def where(case: Case) -> Draft:
    """Where on the screen a text stands, or a place that is told of."""
    ask = case.ask
    ranked = Ranking(ask, _allowed(case)).rank()
    shown = [
        r
        for r in ranked
        if r.passage.channel == "screen_text" and (r.fit >= GOOD or (ask.phrase and _stands(_bare(ask.phrase), r.text)))
    ]
    asks_place = ask.channel == "screen_text" or bool(
        re.search(r"\b(?:screen|picture|frame|corner|side)\b", ask.text.lower())
    )
    if ask.value == "title" and not shown:
        shown = sorted((r for r in ranked if r.passage.channel == "screen_text"), key=lambda r: -r.passage.height)[:1]
    if shown and asks_place:
        best = shown[0]
        text = f"{case.name(best.passage)}{best.passage.place} (“{best.text.replace(chr(10), ' / ')}”)"
        return Draft(text=text, evidence=tuple(cite(best.passage, best.text)), confidence=sure(best, 0.85))
    return _tell(case, ranked)


def yes_no(case: Case) -> Draft:
    """Yes with the words that say so; no only of text on the screen that was read whole; else what is closest."""
    ask = case.ask
    kept = [p for p in _allowed(case) if ask.channel in (None, p.channel)]
    named = [t for t in ask.loose if t not in STOP]
    if not ask.topic and not ask.phrase and not named and ask.channel:
        if kept:
            return Draft(
                text=f"yes: “{kept[0].text.replace(chr(10), ' / ')}”",
                evidence=tuple(cite(kept[0])),
                confidence=0.5 + 0.4 * kept[0].sure,
            )
        return _not_found(case, "speech" if ask.channel == "speech" else "text")
    holding = mentioned(replace(case, ask=replace(ask, topic=ask.topic or ask.loose)))
    if holding:
        best = holding[0]
        deny = bool(re.search(r"\b(?:not|never|no longer|nicht|kein\w*)\b|n't\b", best.text.lower())) != ask.negated
        text = f"{case.name(best)}{'no' if deny else 'yes'}: “{best.text.replace(chr(10), ' / ')}”"
        return Draft(
            text=text, evidence=tuple(e for p in holding[:3] for e in cite(p)), confidence=0.45 + 0.4 * best.sure
        )
    ranked = Ranking(ask, kept).rank()
    if ranked and ask.channel and ranked[0].fit >= GOOD:
        best = ranked[0]
        return Draft(
            text=f"closest: {case.name(best.passage)}“{best.text.replace(chr(10), ' / ')}”",
            evidence=tuple(cite(best.passage, best.text)),
            confidence=0.3,
        )
    if ask.channel:
        return _not_found(case, ask.phrase or " ".join(ask.topic or ask.loose))
    return _tell(case, ranked[:1])


def _not_found(case: Case, what: str) -> Draft:
    """Read whole and not there is a no for text; of speech it is only what the recogniser made out."""
    ask, scene = case.ask, case.first
    tool = "transcribe" if ask.channel == "speech" else "read_text"
    claim = (
        f"{what} was not {'recognized in the speech' if ask.channel == 'speech' else 'found in the text on the screen'}"
    )
    evidence = scene.evidence(claim, scene.window, tool)
    if ask.channel == "speech":
        has = (
            "no: no speech was recognized"
            if what == "speech"
            else f"not recognized: “{what}” is not in the speech that was recognized"
        )
        return Draft(text=has, evidence=(evidence,), confidence=0.5)
    return Draft(
        text="no: " + ("no text was made out" if what == "text" else f"“{what}” is not in the text that was read"),
        evidence=(evidence,),
        confidence=0.55,
    )
