"""Choosing among options: the one that what was found speaks for, and no other."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from ...answer import Draft
from ...questions.question import letter
from ...text_matching import content, coverage, numbers, tokens
from .passages import cite, on_one_line, quoting
from .question_parser import needs_eyes
from .ranking import Ranking
from .retrieval import Retrieval

_OFTEN = {"once": "one", "twice": "two", "thrice": "three", "never": "zero"}
_SAYS = {"yes": ("yes", "true", "correct"), "no": ("no", "false", "incorrect", "wrong")}
"""How options say yes and no."""
_NONE = re.compile(r"none of|cannot be|can't be|not (?:mentioned|enough|shown|stated)|unknown|all of", re.I)


def choose(retrieval: Retrieval, draft: Draft) -> Draft:
    """The draft with the option that it speaks for; without one, that which stands beside the question's words."""
    options = retrieval.question.options
    if not draft.abstained and not draft.text.startswith(("closest:", "not recognized")):
        best = fitting(options, draft.text, content(retrieval.question.text))
        if best is not None:
            why = draft.text
            answer = options[best] if options[best].lower() == why.lower() else f"{options[best]} ({why})"
            return replace(draft, option=letter(best), text=answer)
    if retrieval.question.kind in ("count", "how_long", "time", "yes_no") or needs_eyes(retrieval.question):
        text = draft.text if draft.abstained else f"None of the options fits what was found: {draft.text}"
        return replace(draft, abstained=True, text=text, confidence=0.0, option=None)
    return _beside(retrieval, draft)


def _beside(retrieval: Retrieval, draft: Draft) -> Draft:
    """The option whose own words stand in a passage about the question; it must stand out from the others."""
    options, question = retrieval.question.options, retrieval.question
    ranked = Ranking(question, [p for p in retrieval.passages if question.channel in (None, p.channel)]).rank()
    shared = set.intersection(*(set(content(o)) for o in options))
    scored = []
    for index, option in enumerate(options):
        own = [w for w in content(option) if w not in shared and w not in content(question.text)] or tokens(option)
        if _NONE.search(option):
            continue
        shares = [(coverage(own, content(r.text)), r) for r in ranked]
        if shares:
            share, best = max(shares, key=lambda pair: pair[0] + 0.6 * pair[1].fit)
            scored.append((share + 0.6 * best.fit, index, best, share))
    scored.sort(key=lambda row: -row[0])
    others_told = len(scored) == len(options) and all(row[3] >= 0.6 for row in scored[:-1])
    if question.negated and others_told and scored[-1][3] < 0.34:
        index = scored[-1][1]
        evidence = tuple(e for row in scored[:-1] for e in cite(row[2].passage, row[2].text))
        text = f"{options[index]} (the others are told of)"
        return Draft(text=text, option=letter(index), evidence=evidence, confidence=0.6)
    clear = scored and (len(scored) == 1 or scored[0][0] - scored[1][0] >= 0.2)
    least = 0.2 if question.channel else 0.34
    if not clear or scored[0][3] < 0.6 or scored[0][2].fit < least:
        why = draft.text if draft.abstained else "What was found does not speak for one option."
        return replace(draft, abstained=True, option=None, text=why, confidence=0.0)
    _, index, found, _ = scored[0]
    text = f"{options[index]} (“{on_one_line(found.text)}”)"
    chosen = quoting(text, [found.passage], 0.65 if question.channel else 0.5, found.text)
    return replace(chosen, option=letter(index))


def fitting(options: Sequence[str], answer: str, question_stems: Sequence[str] = ()) -> int | None:
    """The one option that `answer` speaks for: the same number, yes or no, or clearly more of its words.

    Words that the question itself has (`question_stems`, stems) speak for none.
    """
    stated = numbers(answer.split("(")[0]) or numbers(answer)
    often = re.compile(rf"\b(?:{'|'.join(_OFTEN)})\b", re.I)
    as_numbers = [numbers(often.sub(lambda m: _OFTEN[m[0].lower()], option)) for option in options]
    if stated and all(as_numbers):
        same = [i for i, own in enumerate(as_numbers) if own[0] == stated[0]]
        if len(same) == 1:
            return same[0]
    first = (tokens(answer) or [""])[0]
    if first in ("yes", "no"):
        same = [i for i, option in enumerate(options) if (tokens(option) or [""])[0] in _SAYS[first]]
        if len(same) == 1:
            return same[0]
    words = content(answer) or tokens(answer)
    own = [
        [w for w in content(option) if w not in question_stems] or content(option) or tokens(option)
        for option in options
    ]
    shares = sorted(((coverage(one, words), -i) for i, one in enumerate(own)), reverse=True)
    if shares and shares[0][0] >= 0.5 and (len(shares) == 1 or shares[0][0] - shares[1][0] >= 0.25):
        return -shares[0][1]
    return None
