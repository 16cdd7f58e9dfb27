"""Questions about how things are by now: where a thing is, whether it is so, who is there, what a value is.

They are told by their form: the present tense about one thing, or a word such as `now` and `still`; not by what the
thing is. The last that is told of it holds, not what fits best.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ...questions.mode import event_of, is_happening
from ...text_matching import STOP, content, tokens

StateKind = Literal["where", "whether", "who", "value"]

_TABLE = tomllib.loads(Path(__file__).with_name("patterns.toml").read_text(encoding="utf-8"))["state"]
PLACE = rf"(?:{'|'.join(_TABLE['place'])})"
"""Words that a place follows."""


def _pattern(name: str, around: str = "{}") -> re.Pattern[str]:
    return re.compile(around.format("|".join(_TABLE[name]).replace("PLACE", PLACE)), re.IGNORECASE)


_BY_NOW = _pattern("by_now", r"(?<![\w-])(?:{})(?![\w-])")
_WHERE, _WHETHER, _WHO = _pattern("where"), _pattern("whether"), _pattern("who")
CHANGE = _pattern("change", r"\b(?:{})\b")
"""Words that tell that something has changed."""
_DEFINITE = re.compile(
    r"(?:the|my|our|your|his|her|their|its|this|these|those|all|every\w*|der|die|das|mein\w*|el|la|los|las|mis?)\b"
)
_NO_SUBJECT = re.compile(r"(?:a|an|any\w*|some\w*|no|nobody|that|which|who|what|not|er|es)\b")
_SOMEWHERE = re.compile(rf"(?:{PLACE} {_DEFINITE.pattern}|(?:up|down)stairs\b|here\b|there\b|home\b)")
_PRONOUN = re.compile(r"(?:it|he|she|they|we|i|you|there)\b")
_PAST = re.compile(r"\b(?:did|was|were|had|why)\b")
_VALUE = re.compile(
    r"^\W*(?:and |so )?(?:what|which|how|whose)\b.{0,60}?"
    r"(?:'?s\b|\b(?:is|are|has|have|does|do|much|many|stands?|costs?)\b)|\bscore\b"
)
_FILM = re.compile(r"\b(?:the|this|that) (?:video|clip|film|recording|movie|picture|talk)\b")


@dataclass(frozen=True, slots=True, kw_only=True)
class StateQuestion:
    """One such question, taken apart."""

    kind: StateKind
    subject: tuple[str, ...]
    """Stems of the words for the thing, its noun last; empty where the question has but a pronoun."""
    predicate: str = ""
    """What it is asked to be, where that is a word: `open`; or a place: `at the microscope`."""
    thing: str = ""
    """The words by which it is looked for."""

    @property
    def at_place(self) -> bool:
        """Return whether the predicate is a place."""
        return bool(re.match(rf"{PLACE} \S", self.predicate))


def without_now(low: str) -> str:
    """A question in lower case without the words that say `by now`."""
    return " ".join(_BY_NOW.sub(" ", low).split())


def parse_state(low: str) -> StateQuestion | None:
    """Take a question in lower case apart; None where it is not about how something is by now."""
    if is_happening(low) or event_of(low) is not None or _FILM.search(low):
        return None
    low = low.strip(" ?.!")
    found = _WHERE.search(low)
    if found:
        return _where(without_now(low[found.end() :]))
    if _PAST.search(low):
        return None
    found = _WHO.search(low)
    if found and (_BY_NOW.search(low) or _SOMEWHERE.match(low[found.end() :])):
        place = without_now(low[found.end() :])
        return StateQuestion(kind="who", subject=tuple(content(place)), predicate=place, thing=_undetermined(place))
    found = _WHETHER.search(low)
    if found:
        return _whether(low[found.end() :])
    if _BY_NOW.search(low) and _VALUE.search(low):
        return StateQuestion(kind="value", subject=(), thing=_bare(without_now(low)))
    return None


def _undetermined(thing: str) -> str:
    """`the light in the hall` without its first article, as it is looked for."""
    return re.sub(rf"^(?:{PLACE} )?(?:{_DEFINITE.pattern}) ", "", thing.strip())


def _bare(words: str) -> str:
    return " ".join(dict.fromkeys(token for token in tokens(words) if token not in STOP))


def _where(thing: str) -> StateQuestion | None:
    named = re.split(rf"\b{PLACE}\b", thing)[0]
    thing = named if content(named) else thing
    subject = tuple(content(thing))
    return StateQuestion(kind="where", subject=subject, thing=_undetermined(thing)) if subject else None


def _whether(rest: str) -> StateQuestion | None:
    """`the window in the bedroom still open`: the thing, and what it is asked to be."""
    said = bool(_BY_NOW.search(rest))
    inner = re.match(rf"(?P<thing>.+?) (?:{_BY_NOW.pattern}) (?P<rest>.+)", rest, re.IGNORECASE)
    bare = without_now(rest)
    if not bare or _NO_SUBJECT.match(bare):
        return None
    if inner and content(inner["thing"]):
        thing, predicate = inner["thing"], without_now(inner["rest"])
    elif pronoun := _PRONOUN.match(bare):
        thing, predicate = "", bare[pronoun.end() :].strip()
        if not said or not predicate:
            return None
    else:
        thing, predicate = _divided(bare)
    one_word = not _DEFINITE.match(bare) and not re.match(rf"(?:\w+ ){{1,3}}{PLACE}\b", bare)
    if not said and (one_word or not predicate):
        return None
    if thing and re.search(rf"\b{PLACE}\b", thing):  # the window in the bedroom
        head, _, more = re.split(rf"\b({PLACE})\b", thing, maxsplit=1)
        subject = (*content(more), *content(head))
    else:
        subject = tuple(content(thing))
    return StateQuestion(kind="whether", subject=subject, predicate=predicate, thing=_undetermined(thing or predicate))


def _divided(bare: str) -> tuple[str, str]:
    """A sentence without its verb as the thing and what it is said to be: a place, or the last word."""
    words = bare.split()
    last = words[-1]
    place = re.search(rf"(?<=\s){PLACE} \S.*", bare)
    if place and content(bare[: place.start()]):
        head, tail = bare[: place.start()].strip(), place[0].split()
        # `the light in the hall on`, `the window in the bedroom open`: behind a place of two words or more
        determined = len(tail) > 2 and _DEFINITE.match(tail[1])
        if determined and len(tail) > 3 or (last in STOP and len(tail) > 2):
            return " ".join(words[:-1]), last
        return head, place[0]
    return " ".join(words[:-1]), last
