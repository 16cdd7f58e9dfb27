"""What a question asks of things in the picture: of which kind, doing what. English; words not understood are told."""

from __future__ import annotations

import re
from dataclasses import dataclass

from ....memory.detector_words import COMMON, labels_for, singular
from ...words import STOP, ordinal

COLORS = frozenset("black white grey gray red orange yellow green blue purple pink brown".split())
GENERIC = frozenset("object thing something anything item shape".split())
# A detector sees a person or a car, not that it is one of these; and these words are more often no things at all.
_NARROWER = frozenset(
    "men man women woman boy girl child children kid guest customer worker adult lady ladies guy player shopper "
    "passerby passer-by crowd figure taxi cab van lorry cyclist puppy kitten yacht purse rucksack monitor".split()
)
_NO_THINGS = frozenset("orange view screen glass remote tie table".split())
_PLAIN = frozenset(
    "view picture frame scene video clip film footage visible seen see show shows shown image camera time moment point "
    "total altogether overall count separate different distinct individual ever whole entire during any until exactly "
    "colour color way please tell now together side edge direction throughout while again approximately away past across "
    "along around room street road table parking lot kitchen area place water sea".split()
)  # the frame of a question, and places that hold the whole scene
_WAYS = {
    "enter": "enter enters entering arrive arrives arriving come comes coming visit visits",
    "appear": "appear appears appearing",
    "leave": "leave leaves leaving exit exits exiting disappear disappears vanish vanishes depart departs",
    "move": "move moves moving motion pass passes passing cross crosses crossing go goes going travel travels drift "
    "drifts slide slides roll rolls rolling drive drives driving walk walks walking fly flies flying sail sails sailing",
    "stay": "stay stays remain remains longest",
    "stand": "stand stands standing lie lies",
}
# What tells some of a kind from others; cars drive whenever they move, and bottles stand.
_OF_SOME = dict.fromkeys(("person", "animal"), frozenset("drive drives driving stand stands standing lie lies".split()))
_SIZES = frozenset("large big close near nearby main foreground".split())
_AT_ONCE = re.compile(
    r"\bat once\b|\b(?:at|in) (?:the same|one|any(?: one| given)?) time\b|\b(?:at|the) most\b|\b(?:maximum|simultaneously)\b"
)
_EDGE = re.compile(r"\b(?:at|in|from) the (?:very )?(start|beginning|end)(?: of (?:the|this) (?:video|clip|film))?\b")
_NO = re.compile(r"\b(?:no|not|never|nobody|nothing|none|without|except|cannot)\b|n't\b")
_TIME = re.compile(
    r"\b(?:second|minute)s? \d[\d:.]*\b|\b\d[\d:.]*\s*(?:s|secs?|seconds?|m|mins?|minutes?|h|hours?)?\b|\bmark\b"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """The things that a question is about, and what it wants of them."""

    noun: str
    """A detector's label for them, or a group of such (`vehicle`); empty for whatever moves."""
    narrower: bool
    """Whether the question's word says more than a detector sees: `woman`, of a person."""
    does: frozenset[str]
    """Of enter, appear, leave, move, stay, stand."""
    large: bool
    at_once: bool
    edge: str
    """`start` or `end`, where the question names it."""
    times: bool
    """Whether it counts how often something happens."""
    strange: tuple[str, ...]
    """Its words that were not understood: it may tell things apart by what nobody here sees."""


def wanted(text: str, *, timed: bool, ordered: bool) -> Wanted | None:
    """Read a question; None where it is not about things in the picture, or is about what is *not* there.

    Args:
        text: the question.
        timed: whether the times in it are known to the caller, with `between`, `after` and `before`.
        ordered: whether its `first` or `last` is.
    """
    low = re.sub(r"[^\w\s:.'-]", " ", text.lower().replace("’", "'"))
    if _NO.search(low):
        return None
    low = re.sub(r"\b(?:how often|number of times)\b", "how many times", low)
    low = re.sub(r"\bnumber of\b", "how many", re.sub(r"\bright (?=at|now)|\bshows? up\b", "appear ", low))
    edge, at_once, times = _EDGE.search(low), bool(_AT_ONCE.search(low)), "many times" in low
    bare = _EDGE.sub(" ", _AT_ONCE.sub(" ", low.replace("many times", "many")))
    words = [w for w in (w.strip(".:'-") for w in (_TIME.sub(" ", bare) if timed else bare).split()) if w]
    at, size, noun = _noun(words)
    if not noun and not any(singular(word) in GENERIC for word in words) and not COLORS & set(words):
        return None
    rest = [word for place, word in enumerate(words) if not at <= place < at + size]
    does = {way for way, forms in _WAYS.items() for word in rest if word in forms.split()}
    known = STOP | _PLAIN | _SIZES | COLORS | (GENERIC if not noun else frozenset())
    known |= {word for forms in _WAYS.values() for word in forms.split()} - _OF_SOME.get(
        "animal" if noun in labels_for("animal", COMMON) else noun, frozenset()
    )
    known |= {"between", "after", "before"} if timed else set()
    strange = [w for w in rest if w not in known and singular(w) not in known and not (ordered and ordinal(w))]
    return Wanted(
        noun=noun, narrower=bool(size) and bool({words[at], singular(words[at])} & _NARROWER), does=frozenset(does),
        large=bool(_SIZES & set(rest)), at_once=at_once, times=times, strange=tuple(strange),
        edge="" if edge is None else "end" if edge[1] == "end" else "start",
    )  # fmt: skip


def _noun(words: list[str]) -> tuple[int, int, str]:
    """Where the first thing is named for which a detector has a word, in how many words, and its label or group."""
    for at, word in enumerate(words):
        pair = singular(" ".join(words[at : at + 2]))
        if pair in COMMON and " " in pair:
            return at, 2, pair
        found = () if word in _NO_THINGS else labels_for(word, COMMON)
        if found:
            return at, 1, found[0] if len(found) == 1 else singular(word)
    return 0, 0, ""
