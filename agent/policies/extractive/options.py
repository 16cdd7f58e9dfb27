"""Choosing among options: the option that what was observed speaks for, and no other."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from ...answer import Draft
from ...question import letter
from ...words import content, coverage, numbers, tokens
from .looking import Passage, Scene, Strategy, hits, rank
from .spoken import NAMED, UNNAMED

_OFTEN = {"once": "one", "twice": "two", "thrice": "three", "never": "zero"}
_TIMES = re.compile(r"\b(once|twice|thrice|never)\b", re.IGNORECASE)
_NONE = ("none of", "cannot be", "can't be", "not mentioned", "not enough", "unknown", "not shown", "not stated")


def choose(scene: Scene, draft: Draft) -> Strategy:
    """Map what a strategy found to one option; with no fit, search for the options themselves."""
    options = scene.ask.options
    if not draft.abstained:
        said = " ".join([draft.text, *(e.quote or "" for e in draft.evidence[:3])])
        best = _best(options, draft.text) if _best(options, draft.text) is not None else _best(options, said)
        if best is not None:
            return replace(draft, option=letter(best), text=_tell(options, best, draft.text))
    if scene.ask.kind in ("count", "yes_no", "when", "how_long") or scene.ask.channel in ("objects", "shots"):
        return replace(draft, abstained=True, text=draft.text + " None of the options fits what was found.")
    return (yield from _by_search(scene, draft))


def _by_search(scene: Scene, draft: Draft) -> Strategy:
    """Find where question and option stand together; one option must stand out."""
    options = scene.ask.options
    named = scene.ask.channel is not None
    scored: list[tuple[float, int, Passage]] = []
    shared = set.intersection(*(set(content(o)) for o in options)) if options else set()
    for index, option in enumerate(options):
        own = [w for w in content(option) if w not in shared]
        if not own or any(phrase in option.lower() for phrase in _NONE):
            continue
        found = hits((yield scene.call("search_clips", query=f"{scene.ask.query} {option}", k=3)), scene.ask.channel)
        for ranked in rank(found, scene.ask.topic):
            has = coverage(own, ranked.passage.stems)
            about = max(ranked.covered, ranked.passage.similarity if named else 0.0)
            if has >= 0.6 and about >= (NAMED / 2 if named else UNNAMED):
                scored.append((has + about, index, ranked.passage))
    scored.sort(key=lambda row: -row[0])
    rivals = [row for row in scored if scored and row[1] != scored[0][1]]
    if not scored or (rivals and rivals[0][0] > scored[0][0] - 0.15):
        why = draft.text if draft.abstained else "What was found does not speak for one option."
        return replace(draft, abstained=True, option=None, text=why, confidence=0.0)
    _, best, passage = scored[0]
    return Draft(
        text=_tell(options, best, passage.text),
        option=letter(best),
        evidence=(scene.cite(passage),),
        confidence=0.65 if named else 0.5,
    )


def _best(options: Sequence[str], said: str) -> int | None:
    """The one option that `said` speaks for: the same number, yes or no, or clearly more of its words."""
    stated = numbers(said)
    as_numbers = [numbers(_TIMES.sub(lambda m: _OFTEN[m[0].lower()], option)) for option in options]
    if stated and all(as_numbers):
        same = [i for i, values in enumerate(as_numbers) if values and values[0] == stated[0]]
        if len(same) == 1:
            return same[0]
    first = (tokens(said) or [""])[0]
    if first in ("yes", "no"):
        same = [i for i, option in enumerate(options) if (tokens(option) or [""])[0] == first]
        if len(same) == 1:
            return same[0]
    words = content(said)
    shares = sorted(
        ((coverage(content(option) or tokens(option), words or tokens(said)), i) for i, option in enumerate(options)),
        reverse=True,
    )
    if shares and shares[0][0] >= 0.5 and (len(shares) == 1 or shares[0][0] - shares[1][0] >= 0.25):
        return shares[0][1]
    return None


def _tell(options: Sequence[str], best: int, why: str) -> str:
    option = options[best]
    return option if option.lower() == why.lower() else f"{option} ({why})"
