"""What is asked: kind of answer, channel that can tell, topic, times, and what sort of value is wanted."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from ..memory import Span
from ..tools.arguments import parse_seconds
from .words import STOP, ordinal, stem, tokens

Kind = Literal["when", "how_long", "said", "written", "count", "where", "yes_no", "summary", "fact"]
Channel = Literal["speech", "screen_text", "objects", "shots"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """One question, read by rules."""

    text: str
    kind: Kind
    channel: Channel | None
    """The channel that the question itself names, if it does."""
    topic: tuple[str, ...]
    """Words that say what it is about, the frame of the question left out."""
    phrase: str | None = None
    """Exact words: quoted, or after `the word …`."""
    at: Span | None = None
    """A moment or span that the question names."""
    at_text: str = ""
    """The words in which it names it: `3:45` may be a time of day that stands on a poster."""
    after: str | None = None
    """`after …` / `before …`: the words of what comes before or after."""
    silence: bool = False
    """Whether it asks for when nobody speaks."""
    before: str | None = None
    order: int | None = None
    """1 for the first, 2 for the second, -1 for the last."""
    value: str | None = None
    """Kind of value wanted: number, price, date, time, name, colour, word."""
    digits: int | None = None
    """How many digits a number has, where the question says."""
    place: str | None = None
    """Where on the screen: `top left`, `bottom`, …"""
    colour: str | None = None
    options: tuple[str, ...] = ()

    @property
    def query(self) -> str:
        """The topic as a search query."""
        return " ".join(self.topic) or self.text


_COLOURS = "black white grey gray red orange yellow green blue purple pink brown".split()
_SPEECH = re.compile(
    r"\b(say|says|said|saying|tell|tells|told|mention\w*|talk\w*|speak\w*|spoke|spoken|speech|narrat\w+|voice\w*|"
    r"commentator|announc\w+|hear|heard|listen\w*|transcript|discuss\w*|utter\w*|pronounc\w*|sentence|aloud|"
    r"explain\w*|according to (?:the |her|him|them|what)\S*)\b",
    re.IGNORECASE,
)
_SURFACE = (
    r"sign|poster|label|screen|slide|caption|banner|plate|page|board|card|ticket|title|headline|sticker|tag|shirt|"
    r"display|subtitle|credits?|logo|book|note|paper|menu|map|text|plaque|notice|whiteboard|blackboard|chart"
)
_SCREEN = re.compile(
    rf"\b(written|writing|writes?|text|title|titled|caption|captions|headline|credits?|printed|spelled|spelt|"
    rf"on[- ]screen|displayed|letters?|digits?|licen[cs]e plate|number plate|logo|banner|poster|label|labelled|"
    rf"inscription|price tag|app|serial number|sign|read(?:s|able)? (?:on|from)|"
    rf"(?:the |a )?(?:{_SURFACE})s? (?:\w+ ){{0,3}}(?:says?|reads?|shows?|states?|announces?)|"
    rf"does (?:the|a) (?:\w+ ){{0,3}}(?:{_SURFACE}) (?:\w+ ){{0,4}}(?:say|read|show|state|announce)|"
    rf"(?:word|number|name|price|date|time|code|address|year|room|letter)s? (?:\w+ ){{0,2}}"
    rf"(?:shown|visible|seen|appears?|on)|"
    rf"on the (?:\w+ ){{0,2}}(?:{_SURFACE}))\b",
    re.IGNORECASE,
)
_SHOTS = re.compile(
    r"\b(?:how (?:many|often)|number of|when (?:is|are|does|do)) (?:[\w-]+ ){0,3}"
    r"(?:cuts?|cut to|shots?|scene changes?|scenes|camera (?:changes|angles?)|edits?)\b",
    re.IGNORECASE,
)
_MOVES = frozenset(
    stem(word)
    for word in """move motion enter leave pass cross roll drive fly flies slide travel go goes run walk come exit drift
    bounce ride sail race glide float disappear""".split()
)
"""Stems of verbs for which a moving object is enough."""
_IN_VIEW = re.compile(r"\b(in view|in (?:the )?(?:picture|frame)|visible|appears?|seen)\b", re.IGNORECASE)
GENERIC = frozenset(
    "object objects thing things something anything item items shape shapes blob ball balls box boxes".split()
)
"""Nouns that ask for whatever moves; anything more special needs a detector."""
_FRAME = frozenset(
    """video clip film movie recording footage say says said saying tell tells told mention mentioned mentions talk
    talks talking talked speak speaks speaking spoken spoke speech narrator narrators voice speaker presenter person
    someone somebody anyone anybody according hear heard word words phrase sentence write writes written writing text
    texts screen shown show shows showing display displayed displays visible appear appears seen see read reads time
    times moment second seconds minute minutes point exactly first last please give name named called kind sort part
    during whole whether one any ever start starts started end ends happen happens when while spoken announce announced
    description describe many number total before after between within""".split()
)
_SILENCE = re.compile(
    r"\b(?:nobody|no[- ]one|no one|not? (?:anybody|anyone)|no (?:speech|voice|talking|words))\b"
    r"(?! (?:is |are )?(?:visible|seen|in|at|on))|\bsilen(?:t|ce)\b|\bquiet\b|\bpause[sd]?\b",
    re.IGNORECASE,
)
_THINGS = frozenset("thing things sentence sentences utterance utterances line lines remark statement".split())
_VALUE_WORDS = frozenset("price prices cost costs date day month year time o'clock number digit digits digit".split())
"""Words that name the kind of value wanted; the value itself stands in a passage, they often do not."""
_QUOTED = re.compile(r"[\"“”«»]([^\"“”«»]{1,120})[\"“”«»]|(?<!\w)['‘]([^'’]{2,120})['’](?!\w)")
_NAMED = re.compile(r"\b(?:the )?(?:words?|phrase|digit|number|letter)s? (?P<what>[A-Z][\w'-]*|\d+)\b")
_TIME = r"\d+(?::\d{1,2}){1,2}(?:\.\d+)?|\d+(?:\.\d+)?"
_UNIT = r"(?:s|sec|secs|seconds?|m|mins?|minutes?)\b"
_RANGE = re.compile(
    rf"\b(?:between|from|about)?\s*(?P<a>{_TIME})\s*(?P<ua>{_UNIT})?\s*"
    rf"(?:-|–|to|and|until)\s*(?P<b>{_TIME})\s*(?P<ub>{_UNIT})?",
    re.IGNORECASE,
)
_AT = re.compile(
    rf"\b(?:at|after|around|about|@)?\s*(?:(?P<clock>\d+(?::\d{{1,2}}){{1,2}}(?:\.\d+)?)|"
    rf"(?P<n>\d+(?:\.\d+)?)\s*(?P<u>{_UNIT}))"
    rf"(?:\s+(?:in|into|mark)\b)?",
    re.IGNORECASE,
)


def understand(text: str, options: Sequence[str] = ()) -> Ask:
    """Read a question by rules; works on English."""
    after, before = _anchor(text, "after"), _anchor(text, "before")
    bare = text
    for anchor in (after, before):
        bare = bare.replace(anchor, " ") if anchor else bare
    kind = _kind(bare)
    value = _value(text, kind)
    channel = _channel(text if kind == "when" else bare, kind)
    if value == "colour" and channel == "screen_text":
        channel = None  # the colour of a sign is not written on it
    if channel is None and kind == "fact" and value == "number" and re.search(r"\bscreen\b", text.lower()):
        channel = "screen_text"
    if channel == "screen_text" and kind == "fact":
        kind = "written"
    if (
        channel == "speech"
        and kind == "fact"
        and re.search(r"\bwhat (?:\w+ ){0,6}(say|said|told|spoken|tell)", text, re.I)
    ):
        kind = "said"
    phrase = _phrase(text)
    topic_text = text if phrase is None else text.replace(phrase, f" {phrase} ")
    for side, anchor in (("after", after), ("before", before)):
        if anchor:
            pattern = rf"\b(?:right |just |immediately |directly )?{side} {re.escape(anchor)}"
            topic_text = re.sub(pattern, " ", topic_text, flags=re.IGNORECASE)
    topic_text = re.sub(r"(?:,\s*)?\baccording to .*?(?=[,?]|$)", " ", topic_text, flags=re.IGNORECASE)
    at, at_text = _named_time(text)
    if at is not None:
        topic_text = _AT.sub(" ", _RANGE.sub(" ", topic_text))
    return Ask(
        text=text,
        kind=kind,
        channel=channel,
        topic=_topic(topic_text, kind, channel, value),
        phrase=phrase,
        at=at,
        at_text=at_text,
        after=after,
        before=before,
        silence=bool(_SILENCE.search(text)),
        order=ordinal(re.sub(r"\b\d+ seconds?\b|\bseconds?\b(?= in)", "", text)),
        value=value,
        digits=_digits(text),
        place=_place(text),
        colour=_colour(text),
        options=tuple(options),
    )


def _topic(text: str, kind: Kind, channel: Channel | None, value: str | None) -> tuple[str, ...]:
    """What to look for; `second` in `the second prize` is part of it, where it does not order moments."""
    words = [w for w in topic_words(text) if (value is None or w not in _VALUE_WORDS) and w not in _THINGS]
    if words and kind in ("fact", "said", "yes_no") and channel != "screen_text":
        named = [t for t in tokens(text) if ordinal(t) is not None]
        words += [t for t in named if t not in words]
    return tuple(words)


def topic_words(text: str) -> tuple[str, ...]:
    """The words of `text` that say what it is about."""
    return tuple(t for t in tokens(text) if t not in STOP and t not in _FRAME)


_KINDS: tuple[tuple[str, Kind], ...] = (
    (r"\bhow (?:long|much time)\b(?! (?:ago|is the (?:video|clip|film)))", "how_long"),
    (r"\bhow (?:many|often)\b|\bnumber of\b(?! (?:the|a)\b)|\bcount (?:the|how)\b|\bwhat is the total\b", "count"),
    # A time that is said or written, not one of the video.
    (r"\bwhat time\b.*\baccording to\b|\baccording to\b.*\bwhat time\b", "fact"),
    (
        r"\b(?:what|which) time (?:is|does|did|was|will)\b(?!.*\bin the (?:video|clip|film)\b)"
        r".*\b(?:start|open|close|begin|leave|meet|say|show)",
        "fact",
    ),
    (r"(?:^|, ?|\band )when\b|\b(?:what|which) (?:time|moment|second|minute|timestamp|part of the)\b", "when"),
    (r"\bsumm?ar|\boverview\b|\bmain (?:topics?|points?)\b|\bgist\b", "summary"),
    (r"\bwhat (?:is|was|'s) (?:this|the) (?:video|clip|film|recording|talk) about\b", "summary"),
    (r"^where\b|\bwhere (?:is|are|does|do|on)\b|\b(?:from )?which (?:side|corner|edge|direction)\b", "where"),
    (r"\baccording to\b", "fact"),
    (r"\bwhat happens\b|\bdescribe (?:the|this) (?:video|clip|film)\b", "summary"),
    (r"^(?:is|are|was|were|does|do|did|can|could|has|have|will)\b", "yes_no"),
)
"""Patterns in the order in which they are tried, and what they ask for; anything else asks for a fact."""


def _kind(text: str) -> Kind:
    low = text.lower().strip()
    return next((kind for pattern, kind in _KINDS if re.search(pattern, low)), "fact")


def _channel(text: str, kind: Kind) -> Channel | None:
    low = text.lower()
    surface_says = re.search(rf"\b(?:{_SURFACE})s? (?:\w+ ){{0,3}}(?:says?|reads?)\b", low) or re.search(
        rf"\bdoes (?:the|a) (?:[\w-]+ ){{0,3}}(?:{_SURFACE}) (?:\w+ ){{0,4}}(?:say|read)\b", low
    )
    speech, screen = _SPEECH.search(low), _SCREEN.search(low)
    if surface_says or re.search(rf"\baccording to the (?:\w+ ){{0,2}}(?:{_SURFACE})s?\b", low):
        return "screen_text"
    if speech:
        return "speech"
    if _SHOTS.search(low) and kind in ("count", "when") and not screen:
        return "shots"
    if screen:
        return "screen_text"
    moves = _IN_VIEW.search(low) or any(stem(t) in _MOVES for t in tokens(low))
    if moves and kind in ("when", "count", "where", "how_long", "fact", "yes_no") and _asks_motion(low):
        return "objects"
    return None


def _asks_motion(low: str) -> bool:
    """Whether whatever moves answers it: generic nouns, or a colour and no more than one other noun and a verb."""
    nouns = nouns_beside_motion(topic_words(_AT.sub(" ", _RANGE.sub(" ", low))))
    if any(word in GENERIC for word in nouns):
        return all(word in GENERIC for word in nouns)
    return len(nouns) <= 1 and any(re.search(rf"\b{c}\b", low) for c in _COLOURS)


def nouns_beside_motion(topic: Sequence[str]) -> list[str]:
    """What is left of a topic without verbs of motion, colours and places: the names of things."""
    rest = [w for w in topic if stem(w) not in _MOVES and w not in _COLOURS]
    return [w for w in rest if w not in _PLACES_WORDS and w not in _MOTION_EXTRAS]


_PLACES_WORDS = frozenset("left right top bottom side edge view picture frame scene corner direction".split())
_MOTION_EXTRAS = frozenset(
    "moving different separate together once across through past same twice large small along away".split()
)


def _phrase(text: str) -> str | None:
    quoted = _QUOTED.search(text)
    if quoted:
        return (quoted[1] or quoted[2]).strip(" .,!?")
    named = _NAMED.search(text)
    return named["what"] if named else None


def _anchor(text: str, side: str) -> str | None:
    match = re.search(rf"\b(?:right |just |immediately )?{side} (?!\d)(.+?)(?:[,?]|$)", text, re.IGNORECASE)
    return match[1].strip() if match else None


def _named_time(text: str) -> tuple[Span | None, str]:
    """A span or a moment that the question names, in seconds, and the words that name it."""
    ranged = _RANGE.search(text)
    if ranged and (ranged["ub"] or ranged["ua"] or ":" in ranged["a"]):
        unit = ranged["ub"] or ""
        a, b = _seconds(ranged["a"], ranged["ua"] or unit), _seconds(ranged["b"], unit)
        return Span(min(a, b), max(a, b)), ranged[0]
    moment = _AT.search(text)
    if moment:
        t = _seconds(moment["clock"] or moment["n"], moment["u"] or "")
        return Span(t, t), moment[0]
    return None, ""


def _seconds(number: str, unit: str) -> float:
    if ":" in number:
        return parse_seconds(number)
    return float(number) * (60 if unit.lower().startswith("m") else 1)


def _value(text: str, kind: Kind) -> str | None:
    low = text.lower()
    if re.search(r"\bhow much\b|\bprice\b|\bcosts?\b", low):
        return "price"
    if re.search(r"\b(?:what|which) (?:day|date|month|year)\b|\bdate\b", low):
        return "date"
    if re.search(r"\bwhat time\b|\b(?:start|opening|closing) time\b", low) and kind != "when":
        return "time"
    if kind == "count" or re.search(
        r"\b(?:what|which) (?:\S+ ){0,2}(?:number|digit|room|code|figure|score|year)\b|\bnumber\b", low
    ):
        return "number"
    if re.search(r"\bcolou?rs?\b|\bpattern\b", low):
        return "colour"
    if re.search(r"\b(?:title|headline)\b(?! (?:card|screen|slide|page))", low):
        return "title"
    if re.search(r"\b(?:what|which) word\b", low):
        return "word"
    return "name" if re.search(r"\b(?:who|name|called)\b", low) else None


def _digits(text: str) -> int | None:
    match = re.search(r"\b(\w+)[- ]digit\b", text.lower())
    names = {"one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8}
    if not match:
        return None
    return names.get(match[1]) or (int(match[1]) if match[1].isdigit() else None)


def _place(text: str) -> str | None:
    low = text.lower().replace("-", " ")
    row = re.search(r"\b(top|upper|bottom|lower)\b", low)
    column = re.search(r"\b(left|right)\b", low)
    centre = re.search(r"\b(?:in|at) the (?:cent(?:er|re)|middle)\b", low)
    parts = []
    if row:
        parts.append("top" if row[1] in ("top", "upper") else "bottom")
    if column and not re.search(r"\b(?:which|what) (?:side|corner)\b", low):
        parts.append(column[1])
    return " ".join(parts) or ("centre" if centre else None)


def _colour(text: str) -> str | None:
    match = re.search(rf"\b({'|'.join(_COLOURS)})\b", text.lower())
    return match[1].replace("gray", "grey") if match else None
