"""Yes or no, and how many: what is mentioned, how often, and numbers that are told."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from ...answer import Draft
from ...text_matching import STOP, content, numbers
from .passages import Passage, on_one_line, quoting
from .question_parser import query
from .ranking import GOOD, Ranking, sure
from .reading import allowed, state, unlooked
from .retrieval import Retrieval

_COUNTED = re.compile(r"^.*\b(?:how many|number of|wie ?viele?|cu[aá]nt[oa]s?|combien)\b")


def count(retrieval: Retrieval) -> Draft:
    """Count how often a word is said or shown, or a number that is told with what is counted."""
    question = retrieval.question
    if re.search(r"\b(?:times|often|oft|veces)\b", question.text.lower()) and (question.phrase or question.channel):
        found = mentioned(retrieval)
        if found and question.phrase:
            total = sum(len(_whole(question.phrase).findall(p.text.lower())) for p in found)
            return quoting(str(total), found[:10], 0.7)
        if found:
            return quoting(str(len(found)), found[:10], 0.5)
        if question.channel:
            return not_found(retrieval, question.phrase or " ".join(question.topic))
    draft = stated_number(retrieval) or plain_statement(retrieval)
    if draft is not None:
        return draft
    what = " ".join((*question.topic, *question.loose)) or "that"
    return retrieval.first.abstain(
        f"I cannot count {what}: no number for it was heard or read, and counting what is in the picture takes "
        "detector weights that know it, or a Video-LMM (rewatch doctor says how to get them)."
    )


def stated_number(retrieval: Retrieval) -> Draft | None:
    """A number that is said or written together with what is counted; None if there is none."""
    question = replace(retrieval.question, value="number")
    kept = [p for p in allowed(retrieval) if question.channel in (None, p.channel)]
    least = 0.42 if question.channel else GOOD
    ranking = Ranking(question, kept)
    # Of what is counted one word must stand there: a room's number counts no people.
    counted = set(content(" ".join(query(_COUNTED.sub("", question.text.lower()))[:1])))
    ranked = [r for r in ranking.rank() if r.fit >= least and numbers(r.text) and counted <= ranking.holds(r.text)]
    if not ranked or not counted:
        return None
    best = ranked[0]
    number = _nearest_number(best.text, tuple(counted))
    text = f"{retrieval.name(best.passage)}{number:g} (“{on_one_line(best.text)}”)"
    return quoting(text, [best.passage], sure(best, 0.85), best.text)


def plain_statement(retrieval: Retrieval) -> Draft | None:
    """The piece that plainly is about the question, whatever kind of value it holds; None if there is none."""
    ranked = Ranking(replace(retrieval.question, value=None), allowed(retrieval)).rank()
    if not ranked or ranked[0].fit < 0.65 or len(retrieval.question.topic) < 2:
        return None
    best = ranked[0]
    return quoting(on_one_line(best.text), [best.passage], sure(best, 0.6), best.text)


def _nearest_number(text: str, topic: Sequence[str]) -> float:
    found, words = numbers(text), text.lower().replace("-", " ").split()
    at = [i for i, word in enumerate(words) if any(t[:5] in word for t in topic)]
    places = [(min((abs(a - i) for a in at), default=0), value[0]) for i in range(len(words)) for n in (3, 2, 1)
              if len(value := numbers(" ".join(words[i : i + n]))) == 1 and value[0] in found]  # fmt: skip
    return min(places, key=lambda place: place[0])[1] if places else found[0]


def mentioned(retrieval: Retrieval) -> list[Passage]:
    """The passages that hold the phrase, or all words of the topic, each in order of time."""
    question = retrieval.question
    words = question.phrase or " ".join(question.topic)
    kept = [p for p in allowed(retrieval) if question.channel in (None, p.channel)]
    if question.phrase:
        return [p for p in kept if _whole(question.phrase).search(p.text.lower().replace("\n", " "))]
    ranking = Ranking(question, kept)
    return [p for p in kept if content(words) and ranking.covered(p.text) >= 0.99]


def _whole(phrase: str) -> re.Pattern[str]:
    return re.compile(rf"(?<!\w){re.escape(phrase.lower())}(?!\w)")


def yes_no(retrieval: Retrieval) -> Draft:
    """Yes with the words that say so; no only of text on the screen that was read whole; else what is closest."""
    question = retrieval.question
    kept = [p for p in allowed(retrieval) if question.channel in (None, p.channel)]
    named = [t for t in question.loose if t not in STOP]
    if (why := unlooked(retrieval)) and not kept:
        return retrieval.first.abstain(why)
    if not question.topic and not question.phrase and not named and question.channel:
        if kept:
            return quoting(f"yes: “{on_one_line(kept[0].text)}”", kept[:1], 0.5 + 0.4 * kept[0].sure)
        return not_found(retrieval, "speech" if question.channel == "speech" else "text")
    holding = mentioned(replace(retrieval, question=replace(question, topic=question.topic or question.loose)))
    if holding:
        first = holding[0]
        # `not` in what is said does not unsay that it is said.
        yes = question.channel is not None or _denies(question.text) == _denies(_clause(first.text, question.topic))
        text = f"{retrieval.name(first)}{'yes' if yes else 'no'}: “{on_one_line(first.text)}”"
        return quoting(text, holding[:3], 0.45 + 0.4 * first.sure)
    ranked = Ranking(question, kept).rank()
    if ranked and question.channel and ranked[0].fit >= GOOD:
        best = ranked[0]
        text = f"closest: {retrieval.name(best.passage)}“{on_one_line(best.text)}”"
        return quoting(text, [best.passage], 0.3, best.text)
    if question.channel:
        return not_found(retrieval, question.phrase or " ".join(question.topic or question.loose))
    draft = state(retrieval, ranked[:1])
    if not ranked or not question.topic or not _DID.match(question.text):
        return draft
    ranking = Ranking(question, kept)
    held = ranking.holds(question.topic[-1]) <= ranking.holds(ranked[0].text)
    return draft if held else _no_more_than_near(draft)


_DID = re.compile(r"\s*(?:did|do|does|have|has|had)\b", re.IGNORECASE)


def _no_more_than_near(draft: Draft) -> Draft:
    """Somebody did something, but with another thing than the one that is asked about: neither yes nor no."""
    if draft.abstained or draft.text.startswith("closest:"):
        return draft
    return replace(draft, text=f"closest: {draft.text}", confidence=min(draft.confidence, 0.3))


_DENIAL = re.compile(
    r"\b(?:no|not|never|without|forbidden|prohibited|banned|cannot|nicht|kein\w*|verboten|prohibid\w+)\b|n't\b",
    re.IGNORECASE,
)


def _denies(text: str) -> bool:
    return len(_DENIAL.findall(text)) % 2 == 1


def _clause(text: str, topic: Sequence[str]) -> str:
    """The part of a sentence that tells of the topic: `photographs are allowed, but flash is forbidden`."""
    parts = re.split(r"[,;:.!?\n]|\b(?:but|and|aber|und|pero)\b", text)
    held = [part for part in parts if set(content(part)) & (set(content(" ".join(topic))) - _STATUS)]
    return held[-1] if held else text


_STATUS = frozenset(content("allowed forbidden prohibited welcome permitted banned open closed"))


def not_found(retrieval: Retrieval, what: str) -> Draft:
    """Read whole and not there is a no for text; of speech it is only what the recogniser made out."""
    context = retrieval.first
    if why := unlooked(retrieval):
        return context.abstain(why)
    if any(one.unknown(retrieval.question.channel) for one in retrieval.contexts.values()):
        known = "speech that was recognized" if retrieval.question.channel == "speech" else "text that was read"
        if retrieval.question.who:
            known += f" of {retrieval.question.who}"
        what = {"speech": "Any speech", "text": "Any text"}.get(what, f"“{what}”")
        return context.abstain(f"{what} is not in the {known} so far.")
    if retrieval.question.channel == "speech":
        who = retrieval.question.who  # somebody else may well have said it
        where = f"what {who} is heard to say" if who else "the speech"
        heard = {p.video for p in retrieval.passages if p.tool == "transcribe"}
        listened = [one for one in retrieval.contexts.values() if one.video["id"] in heard] if retrieval.many else []
        unheard = tuple(
            one.evidence(f"{what} was not recognized in {where}", one.window, "transcribe")
            for one in (listened or [context])
            if not retrieval.many or listened
        )
        text = f"not recognized: “{what}” is not in {where if who else 'the speech that was recognized'}"
        text = "no: no speech was recognized" if what == "speech" else text
        return Draft(text=text, evidence=unheard, confidence=0.5)
    evidence = context.evidence(f"{what} was not found in the text on the screen", context.window, "read_text")
    text = "no text was made out" if what == "text" else f"“{what}” is not in the text that was read"
    return Draft(text=f"no: {text}", evidence=(evidence,), confidence=0.55)
