"""How many: cuts, times that a word is said or shown, moving objects, or a number that is spoken or written."""

from __future__ import annotations

import re

from ...answer import Draft
from ...words import numbers
from . import written
from .looking import Passage, Scene, Strategy, hits, rank, utterances
from .moving import how_many_move, is_special
from .spoken import NAMED, UNNAMED, heard, is_near


def how_many(scene: Scene) -> Strategy:
    """Count by the channel that can tell; kinds of objects cannot be counted without a detector."""
    ask = scene.ask
    if ask.channel == "shots":
        return (yield from _cuts(scene))
    if ask.phrase and ask.channel in ("speech", None):
        return (yield from _times_said(scene))
    if ask.phrase and ask.channel == "screen_text":
        return (yield from _times_shown(scene))
    if ask.channel == "objects" and (ask.colour or not is_special(scene)):
        return (yield from how_many_move(scene))
    stated = yield from _stated(scene)
    if stated is not None:
        return stated
    what = is_special(scene) or "that"
    return scene.abstain(
        f"I cannot count {what}: nobody says or shows a number for it, and recognising it in the picture takes "
        "detector weights or a Video-LMM (rewatch doctor says how to get them)."
    )


def _cuts(scene: Scene) -> Strategy:
    seen = yield scene.over("browse", scene.window, level="shot")
    cuts, shots = seen.data.get("cuts", []), seen.data.get("shots", [])
    if not shots:
        return scene.abstain("The shots could not be told apart.")
    counted = len(cuts) if re.search(r"\bcuts?\b|changes?|edits?", scene.ask.text.lower()) else len(shots)
    claim = f"{len(shots)} shots, {len(cuts)} cuts"
    at = ", ".join(f"{cut:.1f}" for cut in cuts[:20])
    text = f"{counted} (cuts at {at} s)" if cuts else str(counted)
    return Draft(text=text, evidence=(scene.evidence(claim, scene.window, "browse"),), confidence=0.8)


def _times_said(scene: Scene) -> Strategy:
    phrase = scene.ask.phrase or ""
    said = utterances((yield scene.over("transcribe", scene.window)))
    pattern = re.compile(rf"\b{re.escape(phrase.lower())}\b")
    matched = [p for p in said if pattern.search(p.text.lower())]
    total = sum(len(pattern.findall(p.text.lower())) for p in matched)
    if not said:
        return scene.abstain("No speech was made out.")
    evidence = tuple(scene.cite(p) for p in matched[:10]) or (
        scene.evidence(f"“{phrase}” is not heard", scene.window, "transcribe"),
    )
    return Draft(text=str(total), evidence=evidence, confidence=0.7 if matched else 0.4)


def _times_shown(scene: Scene) -> Strategy:
    phrase = (scene.ask.phrase or "").lower()
    matched = [p for p in (yield from written.read(scene)) if phrase in p.text.lower()]
    if not matched:
        return scene.abstain(f"“{scene.ask.phrase}” was not found on the screen.")
    return Draft(text=str(len(matched)), evidence=tuple(scene.cite(p) for p in matched[:10]), confidence=0.6)


def _stated(scene: Scene) -> Strategy:
    """A number that is said or written together with what is counted; None if there is none."""
    ask = scene.ask
    least = NAMED if ask.channel in ("speech", "screen_text") else UNNAMED
    if ask.channel == "speech":
        passages = yield from heard(scene)
    elif ask.channel == "screen_text":
        passages = yield from written.read(scene)
    else:
        passages = hits((yield scene.call("search_clips", query=ask.query, k=5)))
    near = [r for r in rank(passages, ask.topic) if is_near(r, least) and numbers(r.passage.text)]
    if ask.channel is None:
        near = [r for r in near if r.covered >= UNNAMED]
    if not near:
        return None  # type: ignore[return-value]
    best: Passage = near[0].passage
    stated = _nearest_number(best.text, ask.topic)
    text = f"{stated:g} (“{best.text}”)"
    return Draft(text=text, evidence=(scene.cite(best),), confidence=min(0.9, 0.3 + 0.5 * near[0].score))


def _nearest_number(text: str, topic: tuple[str, ...]) -> float:
    """The number that stands closest to a topic word."""
    found = numbers(text)
    if len(found) == 1:
        return found[0]
    words = text.lower().replace("-", " ").split()
    at = [i for i, word in enumerate(words) if any(t.rstrip("s") in word for t in topic)]
    best, distance = found[0], float("inf")
    for i in range(len(words)):
        for length in (3, 2, 1):
            value = numbers(" ".join(words[i : i + length]))
            if len(value) == 1 and value[0] in found:
                gap = min((abs(a - i) for a in at), default=0)
                if gap < distance:
                    best, distance = value[0], gap
                break
    return best
