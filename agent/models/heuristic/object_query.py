"""Parser of questions about objects in the picture: their kind and action. English; words not understood are told."""

from __future__ import annotations

import re
from dataclasses import dataclass

from ....memory.tracking.detector_labels import COCO_LABELS, NARROWER_WORDS, first_object, labels_for, singular
from ...text_matching import STOP, ordinal

COLORS = frozenset("black white grey gray red orange yellow green blue purple pink brown".split())
GENERIC = frozenset("object thing something anything item shape".split())
# The frame of a question, and places that hold the whole scene.
_PLAIN = frozenset(
    "view picture frame scene video clip film footage visible seen see show shows shown image camera time moment point "
    "total altogether overall count separate different distinct individual ever whole entire during any until exactly "
    "colour color way please tell now together side edge direction throughout while again approximately away past "
    "across along around through thru onto anywhere somewhere spot spotted "
    "room street road table parking lot kitchen area place water sea sky".split()
)
_WAYS = {
    "enter": "enter arriv com visit", "appear": "appear", "leave": "leav exit disappear vanish depart",
    "move": "mov motion pass cross go travel drift slid roll driv walk fly fli",
    "stay": "stay remain spend longest sail", "stand": "stand li",
}  # fmt: skip
_OF_SOME = frozenset("driv stand li".split())  # what tells some people and animals from others; bottles just stand
_SIZES = frozenset("large big close near nearby main foreground".split())
_AT_ONCE = re.compile(
    r"\bat once\b|\b(?:at|in) (?:the same|one|any|any one) time\b|\b(?:at|the) most\b|\bmaximum\b|\bsimultaneous"
)
_EDGE = re.compile(r"\b(?:at|in|from) the (?:very )?(start|beginning|end)(?: of (?:the|this) (?:video|clip|film))?\b")
_NO = re.compile(r"\b(?:no|not|never|nobody|nothing|none|without|except|cannot)\b|n['’]t\b")
_TIME = re.compile(
    r"\b(?:second|minute)s? \d[\d:.]*\b|\b\d[\d:.]*\s*(?:s|m|h|(?:sec|min|second|minute|hour)s?)?\b|\bmark\b"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectQuery:
    """The things that a question is about, and what it wants of them.

    `noun` is a detector's label for them or a group of such (`vehicle`), empty for whatever moves; `narrower` says that
    the question's own word tells more than a detector sees (`woman`); `does` is of enter, appear, leave, move, stay and
    stand; `edge` is `start` or `end` of the video, if named; `times` says that it counts how often something happens.
    `strange` are the words that were not understood: they may tell things apart by what nobody here sees.
    """

    noun: str
    narrower: bool
    does: frozenset[str]
    large: bool
    at_once: bool
    edge: str
    times: bool
    strange: tuple[str, ...]


def parse_object_query(text: str, *, timed: bool, ordered: bool) -> ObjectQuery | None:
    """Read a question; None where it is not about things in the picture, or is about what is *not* there.

    `timed`: the caller knows the times in it (`between`, `after`, `before`); `ordered`: and its `first` or `last`.
    """
    low = re.sub(r"[^\w\s:.'-]", " ", re.sub(r"['’]s\b", " ", text.lower()))
    if _NO.search(low):
        return None
    often = r"\b(?:how often|number of times|how many (?:separate|different|distinct) times)\b"
    low = re.sub(often, "how many times", re.sub(r"\bright (?=at|now)", "", low))
    low = re.sub(r"\bnumber of\b", "how many", re.sub(r"\bshows? up\b", "appear", low))
    edge = _EDGE.search(low)
    bare = _EDGE.sub(" ", _AT_ONCE.sub(" ", low.replace("many times", "many")))
    words = [w for w in (w.strip(".:'-") for w in (_TIME.sub(" ", bare) if timed else bare).split()) if w]
    at, size, noun = first_object(words)
    if not noun and not any(singular(word) in GENERIC for word in words) and not COLORS & set(words):
        return None
    rest = [word for place, word in enumerate(words) if not at <= place < at + size]
    roots = {word: re.sub(r"(?:ing|es|ed|(?<!s)s|e)$", "", word) for word in rest}
    verbs = {root for roots_of in _WAYS.values() for root in roots_of.split()}
    verbs -= _OF_SOME if noun == "person" or noun in labels_for("animal", COCO_LABELS) else frozenset()
    vocabulary = STOP | _PLAIN | _SIZES | COLORS | (GENERIC if not noun else frozenset())
    vocabulary |= {"between", "after", "before"} if timed else set()
    return ObjectQuery(
        noun=noun,
        narrower=bool(size) and bool({words[at], singular(words[at])} & NARROWER_WORDS),
        does=frozenset(way for way, ways in _WAYS.items() if set(ways.split()) & set(roots.values())),
        large=bool(_SIZES & set(rest)),
        at_once=bool(_AT_ONCE.search(low)),
        edge="" if edge is None else "end" if edge[1] == "end" else "start",
        times="many times" in low,
        strange=tuple(
            word for word, root in roots.items()
            if not ({word, singular(word)} & vocabulary or root in verbs or (ordered and ordinal(word)))
        ),
    )  # fmt: skip
