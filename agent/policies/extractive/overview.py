"""Summaries, places and yes-or-no questions."""

from __future__ import annotations

import re

from ....memory import Box, Span
from ...answer import Draft
from ...words import content, tokens
from . import written
from .looking import Scene, Strategy, hits, rank, readings, utterances
from .moving import from_which_side
from .spoken import NAMED, UNNAMED, fact_from, heard, is_near


def summary(scene: Scene) -> Strategy:
    """The chapters' gists, what is said first and last, and the headings on the screen."""
    seen = yield scene.over("browse", scene.window, level="chapter")
    said = utterances((yield scene.over("transcribe", scene.window)))
    lines = readings((yield scene.over("read_text", scene.window)))
    parts, evidence = [], []
    headings = sorted({p.text: p for p in lines}.values(), key=lambda p: -p.height)[:5]
    headings = sorted(headings, key=lambda p: p.span)
    if headings:
        parts.append("On the screen: " + "; ".join(p.text for p in headings) + ".")
        evidence += [scene.cite(p) for p in headings]
    spoken = said if len(said) <= 8 else _telling(said)
    if spoken:
        parts.append("It is said: " + " ".join(p.text for p in spoken))
        evidence += [scene.cite(p) for p in spoken]
    for row in seen.data.get("rows", ())[:6]:
        if row["texts"] and not parts:
            parts.append(" ".join(row["texts"]))
        evidence.append(scene.evidence("overview of the chapter", Span(*row["span"]), "browse"))
    if not parts:
        return scene.abstain("There is no speech and no text to summarise, and describing pictures takes a Video-LMM.")
    span = scene.window
    evidence.insert(0, scene.evidence("the whole of it", span, "transcribe" if said else "read_text"))
    return Draft(text="\n".join(parts), evidence=tuple(evidence[:16]), confidence=0.6)


def _telling(said: list) -> list:
    """The utterances whose words are most shared by the rest, with the first one, in order."""
    counts: dict[str, int] = {}
    for passage in said:
        for word in set(passage.stems):
            counts[word] = counts.get(word, 0) + 1
    scored = sorted(said, key=lambda p: -sum(counts[w] for w in set(p.stems)) / (4 + len(p.stems)))
    return sorted({id(p): p for p in [said[0], *scored[:5]]}.values(), key=lambda p: p.span)


def where(scene: Scene) -> Strategy:
    """Where on the screen a text stands, where something enters, or a place that is named."""
    ask = scene.ask
    if ask.channel == "objects" or re.search(r"\bwhich (?:side|direction|edge)\b", ask.text.lower()):
        return (yield from from_which_side(scene))
    if ask.channel == "speech":
        return fact_from(scene, (yield from heard(scene)), NAMED) or scene.abstain(
            "Nothing that was heard tells where."
        )
    lines = yield from written.read(scene)
    if ask.phrase:
        wanted = "".join(c for c in ask.phrase.lower() if c.isalnum())
        chosen = [p for p in lines if wanted in "".join(c for c in p.text.lower() if c.isalnum())]
    elif ask.value == "title":
        chosen = written.pick(scene, lines)
    else:
        chosen = [r.passage for r in rank(lines, written.topic(scene)) if is_near(r, NAMED)]
    if chosen and chosen[0].box and (ask.channel == "screen_text" or ask.phrase):
        best = chosen[0]
        text = f"{_place(best.box or ())} (“{best.text}”)"
        box = Box(*best.box) if best.box else None
        return Draft(
            text=text,
            evidence=(scene.evidence(f"“{best.text}” stands there", best.span, best.tool, best.text, box),),
            confidence=0.75,
        )
    found = hits((yield scene.call("search_clips", query=ask.query, k=5)))
    return fact_from(scene, found, UNNAMED) or scene.abstain(
        "I cannot tell where: nothing said or written names the place, and seeing it takes a Video-LMM."
    )


def _place(box: tuple[float, ...]) -> str:
    x, y = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
    row = "top" if y < 1 / 3 else "bottom" if y > 2 / 3 else ""
    column = "left" if x < 1 / 3 else "right" if x > 2 / 3 else ""
    return f"{row} {column}".strip() or "centre"


def yes_no(scene: Scene) -> Strategy:
    """Whether there is speech, text or colour, or whether something is said or written."""
    ask = scene.ask
    low = ask.text.lower()
    if re.search(r"\bblack[- ]and[- ]white\b|\bin colou?r\b|\bmonochrome\b|\bgr[ea]yscale\b", low):
        return (yield from _in_colour(scene, low))
    about = [w for w in ask.topic if w not in ("sound", "track", "audio", "soundtrack", "english", "human")]
    if ask.channel == "speech":
        if not about and not ask.phrase:
            return (yield from _is_there_speech(scene))
        if ask.phrase:
            seen = yield scene.over("transcribe", scene.window, find=ask.phrase)
            found = [Span(*row["span"]) for row in seen.data.get("found", ())]
            evidence = [scene.evidence(f"“{ask.phrase}” is spoken", span, "transcribe") for span in found[:5]]
        else:
            near = [r for r in rank((yield from heard(scene)), about) if is_near(r, 0.6)]
            evidence = [scene.cite(r.passage) for r in near[:3]]
        return _yes_or_no(scene, evidence, "transcribe")
    if ask.channel == "screen_text":
        lines = yield from written.read(scene)
        wanted = content(ask.phrase or " ".join(written.topic(scene)))
        fitting = [p for p in lines if not wanted or all(any(w == s for s in p.stems) for w in wanted)]
        return _yes_or_no(scene, [scene.cite(p) for p in fitting[:3]], "read_text")
    if ask.channel == "objects":
        from .moving import UNKNOWN, matching, tracks

        followed = yield from tracks(scene)
        if followed is None:
            return scene.abstain(UNKNOWN)
        moving = matching(scene, followed)
        seen_moving = [scene.evidence(f"{t.name} moves", t.span, "track_objects") for t in moving[:5]]
        return _yes_or_no(scene, seen_moving, "track_objects")
    return scene.abstain("I cannot tell: this has to be seen, which takes a Video-LMM (rewatch doctor says how).")


def _yes_or_no(scene: Scene, evidence: list, tool: str) -> Draft:
    if evidence:
        return Draft(text="yes", evidence=tuple(evidence), confidence=0.75)
    nothing = scene.evidence("looked through, and not found", scene.window, tool)
    return Draft(text="no", evidence=(nothing,), confidence=0.5)


def _is_there_speech(scene: Scene) -> Strategy:
    seen = yield scene.over("transcribe", scene.window)
    said = utterances(seen)
    if seen.error:
        return scene.abstain("The sound could not be listened to.")
    return _yes_or_no(scene, [scene.cite(p) for p in said[:5]], "transcribe")


def _in_colour(scene: Scene, low: str) -> Strategy:
    seen = yield scene.over("view_clip", scene.window, fps=round(min(1.0, 12 / max(scene.window.duration, 1.0)), 3))
    description = str(seen.data.get("description", ""))
    if not description or seen.error:
        return scene.abstain("No frame could be looked at.")
    grey = "black and white" in description
    asks_grey = bool(
        re.search(r"\bblack[- ]and[- ]white\b|\bmonochrome\b|\bgr[ea]yscale\b", low)
    ) and "or" not in tokens(low)
    answer = "yes" if grey == asks_grey else "no"
    claim = "the frames are black and white" if grey else f"the frames have colour: {description}"
    return Draft(text=answer, evidence=(scene.evidence(claim, scene.window, "view_clip"),), confidence=0.8)
