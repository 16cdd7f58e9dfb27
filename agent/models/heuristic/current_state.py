"""How things are by now: the last that is told of a thing, with what was told before where that differs.

A mention tells where a thing is if a place stands with it, and whether it is so if the predicate, its opposite or a
change does. Of those that tell, the last one holds; the one before it that says otherwise is cited behind it.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Generator, Sequence
from pathlib import Path

from ....memory import Span
from ...answer import Draft
from ...steps import Call, CallResult
from ...text_matching import STOP, content, same_word, stem, tokens
from .passages import Passage, on_one_line, quoting
from .ranking import GOOD, WEAK, Ranked, Ranking, has_letters, sure, values
from .reading import allowed, state
from .retrieval import Retrieval
from .state_question import CHANGE, PLACE, StateQuestion

_OPPOSITES = [
    tuple(frozenset(stem(word) for word in side.split()) for side in line.split("|"))
    for line in tomllib.loads(Path(__file__).with_name("patterns.toml").read_text(encoding="utf-8"))["state"][
        "opposites"
    ].splitlines()
    if "|" in line
]
_DENIED = re.compile(r"\b(?:not|no longer|never|isn't|aren't|nicht|kein\w*|ya no)\b|n't\b", re.IGNORECASE)
_PRONOUN = re.compile(r"\b(?:it|they|that|this|he|she|everything|all)(?:'s|'re| is| are| has| have)\b", re.IGNORECASE)
_LEAVING = re.compile(r"\b(?:left|leaves?|leaving|gone|away from|off the|out of)\b", re.IGNORECASE)
_GONE = re.compile(
    r"\b(?:left(?=\s*(?:[.,;!?]|$|for\b|already\b|early\b|again\b))|gone|lost|stolen|sold|gave|given|thr[eo]wn?|removed|disappeared|vanished|missing)\b",
    re.IGNORECASE,
)
_AT = re.compile(
    r"\b(?:is|are|was|be|'s|lies|sits|stands) (?:\w+ )?(?:on|in|up|down|off|over) (?:the|a|an|my|our|his|her)\b",
    re.IGNORECASE,
)
_ALIKE = 0.7
"""Share of the best score from which a passage says the same kind of thing, for values that change."""


def sighting(question: StateQuestion) -> Call:
    """The call that finds the last sightings of what a question is about; the loop's first look makes it."""
    return Call("last_sighting", {"what": question.thing})


def about_state(retrieval: Retrieval) -> Generator[Call, CallResult, Draft | None]:
    """Answer by the last that is told; None where nothing tells, so that the general reader may find something."""
    asked = retrieval.question.state
    assert asked is not None
    result = yield sighting(asked)
    passages = _in_time(retrieval, result)
    if asked.kind == "value":
        return _value(retrieval)
    mentions = [p for p in passages if _about(p, asked.subject)]
    if asked.kind == "whether":
        draft = _whether(retrieval, asked, mentions, passages)
        return draft or (_closest(retrieval, mentions[-1]) if mentions else None)
    telling = [p for p in mentions if _places(p.text, asked) or _GONE.search(p.text) or p.channel == "objects"]
    if asked.kind == "who":
        telling = [p for p in telling if _told_of(p, asked, retrieval)]
        return _who(retrieval, telling, passages) if telling else None
    if telling:
        return _latest(retrieval, telling, 0.8)
    if mentions:
        return _closest(retrieval, mentions[-1])
    what = " ".join(retrieval.question.topic) or asked.thing
    return retrieval.first.abstain(f"“{what}” was neither mentioned nor written in what was listened to and read.")


def _in_time(retrieval: Retrieval, result: CallResult) -> list[Passage]:
    """The utterances and blocks that were gathered, and the sightings, in the order of time, each once."""
    found = [part for p in allowed(retrieval) for part in (p.parts or (p,))]
    known = {(p.video, p.channel, round(p.span.start, 1)) for p in found}
    for row in result.data.get("sightings", ()):
        span = Span(*row["span"])
        if row["video"] in retrieval.contexts and (row["video"], row["channel"], round(span.start, 1)) not in known:
            found.append(
                Passage(video=row["video"], span=span, text=row["text"], channel=row["channel"], tool="last_sighting")
            )
    return sorted(found, key=lambda p: retrieval.moment(p))


def _about(passage: Passage, subject: Sequence[str]) -> bool:
    """Return whether all words for the thing stand in a passage."""
    have = content(passage.text)
    return all(any(same_word(word, one) for one in have) for word in subject)


def _places(text: str, asked: StateQuestion) -> bool:
    """Return whether a place stands behind the thing, or behind what is done with it; who is there needs the place."""
    if asked.kind == "who":
        return True
    low = text.lower()
    for found in re.finditer(rf"\b{PLACE}\b\s+(.+)", low):
        behind = content(found[1])
        if behind and not any(same_word(word, behind[0]) for word in asked.subject):
            before = content(low[: found.start()])
            if any(same_word(asked.subject[-1], one) for one in before) or CHANGE.search(low[: found.start()]):
                return True
    return False


def _told_of(passage: Passage, asked: StateQuestion, retrieval: Retrieval) -> bool:
    return Ranking(retrieval.question, [passage]).names(passage.text) or not has_letters(passage.text)


def _name(retrieval: Retrieval, passage: Passage) -> str:
    return retrieval.name(passage)


def _closest(retrieval: Retrieval, mention: Passage) -> Draft:
    """The last mention, where none tells what is asked."""
    return quoting(f"closest: {_name(retrieval, mention)}{on_one_line(mention.text)}", [mention], 0.3, mention.text)


def _latest(retrieval: Retrieval, telling: Sequence[Passage], confidence: float, head: str = "") -> Draft:
    """The last one as the answer; the last one before it with other words is cited behind it."""
    last = telling[-1]
    before = next((p for p in reversed(telling[:-1]) if content(p.text) != content(last.text)), None)
    text = f"{_name(retrieval, last)}{head}{on_one_line(last.text)}"
    certainty = confidence * (0.4 + 0.6 * min(last.sure, 1.0))
    return quoting(f"{text}”" if head else text, [last, *([before] if before else [])], round(certainty, 3))


def _whether(
    retrieval: Retrieval, asked: StateQuestion, mentions: Sequence[Passage], passages: Sequence[Passage]
) -> Draft | None:
    told = [(p, so) for p in mentions if (so := _holds(p.text, asked)) is not None]
    unsure = False
    if not told:  # `it is over`, where the thing goes by a pronoun
        told = [(p, so) for p in passages if _by_pronoun(p.text) and (so := _holds(p.text, asked)) is not None]
        told = [] if asked.at_place else told
        unsure = bool(asked.subject)
    if not told:
        return None
    if asked.at_place and not any(so for _, so in told):
        return None  # it was never told to be there
    last, so = told[-1]
    other = next((p for p, before in reversed(told[:-1]) if before != so), None)
    text = f"{_name(retrieval, last)}{'yes' if so else 'no'}: “{on_one_line(last.text)}”"
    confidence = (0.45 if unsure else 0.8) * (0.4 + 0.6 * min(last.sure, 1.0))
    return quoting(text, [last, *([other] if other else [])], round(confidence, 3))


def _by_pronoun(text: str) -> bool:
    return bool(_PRONOUN.search(text))


def _holds(text: str, asked: StateQuestion) -> bool | None:
    """Return whether a passage says that it is so, or no longer; None where it does not tell."""
    denied = bool(_DENIED.search(text))
    if asked.at_place:
        place, subject = [w for w in content(asked.predicate) if w not in asked.subject], asked.subject
        have = content(text)
        if place and all(any(same_word(word, one) for one in have) for word in place):
            return not denied and not _LEAVING.search(text)
        elsewhere = re.search(rf"\b(?:is|are|'s|lies|sits|stands) {PLACE} ", text.lower())
        return False if subject and (elsewhere or CHANGE.search(text)) else None
    wanted = tokens(asked.predicate)
    if not wanted:
        return not denied
    word = stem(wanted[-1])
    have = [stem(one) for one in _predicates(text, wanted[-1])]
    if any(_root(word, one) for one in have):
        return not denied
    for side, other in (pair for sides in _OPPOSITES for pair in (sides, sides[::-1])):
        if any(_root(word, one) or _root(one, word) for one in side):
            if any(_root(one, mine) for one in other for mine in have):
                return denied
            if any(_root(one, mine) for one in side for mine in have):
                return not denied
    if word.startswith("un") and any(_root(word[2:], one) for one in have):
        return denied
    return denied if any(_root(f"un{word}", one) for one in have) else None


def _root(root: str, word: str) -> bool:
    """Return whether a word is a root, or it with an ending."""
    return word == root or (len(root) >= 4 and word.startswith(root) and len(word) - len(root) <= 4)


def _predicates(text: str, predicate: str) -> list[str]:
    """The words of a text that can be predicates: particles only where they are no prepositions (`on the table`)."""
    low = _AT.sub(" ", text).lower()
    return [one for one in tokens(low) if one not in STOP or one in _PARTICLES]


_PARTICLES = frozenset("on off in out up down over here there".split())


def _who(retrieval: Retrieval, telling: Sequence[Passage], passages: Sequence[Passage]) -> Draft:
    """The last who was told to be there; that somebody of that name has left since then is said with it."""
    last = telling[-1]
    names = {word for word in re.findall(r"\b[A-ZÀ-Þ][\w'-]+", last.text) if word.lower() not in STOP}
    since = [p for p in passages if p.span.start > last.span.start and p.video == last.video]
    gone = next((p for p in since if CHANGE.search(p.text) and names & set(re.findall(r"[\w'-]+", p.text))), None)
    if gone is None:
        return _latest(retrieval, telling, 0.75)
    text = f"{_name(retrieval, last)}{on_one_line(last.text)} But later: {on_one_line(gone.text)}"
    return quoting(text, [gone, last], 0.5)


def _value(retrieval: Retrieval) -> Draft | None:
    """The latest of the pieces that say the same kind of thing as the one that fits best."""
    question = retrieval.question
    ranked = Ranking(question, allowed(retrieval)).rank()
    if question.value:
        ranked = [r for r in ranked if values(question.value, r.text, question.digits)] or ranked
    if not ranked:
        return None
    alike = [r for r in ranked if r.score >= _ALIKE * ranked[0].score and _same_kind(r, ranked[0])]
    if not alike:
        return None
    alike.sort(key=lambda r: (retrieval.moment(r.passage), r.score))
    last = alike[-1]
    if last.fit < WEAK and last.passage.channel != "screen_text":
        return None
    other = next((r for r in reversed(alike[:-1]) if content(r.text) != content(last.text)), None)
    draft = state(retrieval, [last])
    if draft.abstained:
        text = f"{_name(retrieval, last.passage)}{on_one_line(last.text)}"
        draft = quoting(text, [last.passage], min(sure(last), GOOD), last.text)
    more = quoting("", [other.passage], 0.0, other.text).evidence if other else ()
    return Draft(text=draft.text, evidence=(*draft.evidence, *more), confidence=draft.confidence)


def _same_kind(one: Ranked, other: Ranked) -> bool:
    """Return whether two pieces stand in one place of the screen, or are both spoken."""
    if one.passage.channel != other.passage.channel:
        return False
    if one.passage.channel != "screen_text" or not one.passage.place or not other.passage.place:
        return True
    digits = [re.sub(r"\d+", "0", " ".join(tokens(r.text))) for r in (one, other)]
    return one.passage.place == other.passage.place or digits[0] == digits[1]
