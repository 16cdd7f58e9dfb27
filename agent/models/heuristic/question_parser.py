"""Parser of a question: kind of answer, the sense that can tell, times, order, place, and the words it is about.

The patterns are English, with the question words of German, Spanish and French. A question in any other language keeps
all its words for retrieval, and is answered with the passage that they find.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from ....memory import Span
from ....tools.times import parse_seconds
from ...questions.mode import is_happening
from ...text_matching import STOP, numbers, ordinal, tokens
from .state_question import StateQuestion, parse_state, without_now

Kind = Literal["time", "how_long", "count", "yes_no", "where", "summary", "file", "video", "text"]
Sense = Literal["speech", "screen_text", "shots", "silence"]


@dataclass(frozen=True, slots=True)
class Times:
    """A stretch that a question names: seconds from the start (`start`), before the end (`end`), or shares (`part`)."""

    start: float
    end: float
    of: Literal["start", "end", "part"] = "start"
    text: str = ""

    def within(self, whole: Span) -> Span | None:
        """The stretch of a video, in seconds; None where the video is over by then."""
        if self.of == "end":
            return Span(max(whole.end - self.start, whole.start), whole.end)
        scale = whole.duration if self.of == "part" else 1.0
        start, end = whole.start + self.start * scale, min(whole.start + self.end * scale, whole.end)
        return Span(start, max(end, start)) if start <= whole.end else None


@dataclass(frozen=True, slots=True, kw_only=True)
class ParsedQuestion:
    """One question, taken apart."""

    text: str
    kind: Kind
    channel: Sense | None = None
    """The sense that the question itself names, if it does."""
    topic: tuple[str, ...] = ()
    """Words that a passage with the answer should hold."""
    loose: tuple[str, ...] = ()
    """Words that it may hold: who speaks, what the text is written on."""
    phrase: str | None = None
    """Exact words: quoted, or after `the word …`."""
    times: Times | None = None
    at: Span | None = None
    """`times` in the video at hand."""
    order: int | None = None
    """1 for the first, 2 for the second, -1 for the last."""
    ordinal: str = ""
    value: str | None = None
    """Kind of value wanted: number, price, date, time, name, title, color."""
    digits: int | None = None
    place: tuple[str, ...] = ()
    size: str | None = None
    color: str | None = None
    anchor: tuple[Literal["after", "before"], str] | None = None
    """`after …` or `before …`, and the words of what comes there."""
    negated: bool = False
    every: bool = False
    """Whether each of several videos is asked about."""
    who: str | None = None
    """The person whose words are asked for: a name or label that the memory knows."""
    fact: str | None = None
    """What of the file itself is asked for: length, sound, language, videos, picture, name."""
    options: tuple[str, ...] = ()
    state: StateQuestion | None = None
    """What it asks of how things are by now, if it does."""


_TABLE = tomllib.loads(Path(__file__).with_name("patterns.toml").read_text(encoding="utf-8"))
_FILM, _SURFACE = (f"(?:{'|'.join(_TABLE[name])})" for name in ("film", "surface"))


def _pattern(alternatives: Sequence[str], whole_words: bool = False) -> re.Pattern[str]:
    joined = "|".join(alternatives).replace("SURFACE", _SURFACE).replace("FILM", _FILM)
    return re.compile(rf"\b(?:{joined})\b" if whole_words else joined, re.IGNORECASE)


_SPEECH, _READS = _pattern(_TABLE["speech"], True), _pattern(_TABLE["reads"])
_SCREEN = re.compile(f"{_READS.pattern}|{_pattern(_TABLE['screen'], True).pattern}", re.IGNORECASE)
_NOT_TEXT = _pattern(_TABLE["not_text"])
_FILE = {name: _pattern(alternatives) for name, alternatives in _TABLE["file"].items()}
_KINDS: dict[Kind, re.Pattern[str]] = {name: _pattern(alternatives) for name, alternatives in _TABLE["kinds"].items()}
_VALUES = {name: _pattern(alternatives) for name, alternatives in _TABLE["values"].items()}
_COLORS = _TABLE["colors"].strip().replace(" ", "|")
_FRAME, _LOOSE = (frozenset(_TABLE["words"][name].split()) for name in ("frame", "loose"))
LANGUAGES = {"English": STOP, **{name: frozenset(words.split()) for name, words in _TABLE["small_words"].items()}}
"""Words without meaning of their own, by language; accents are left out."""
_FOREIGN = frozenset().union(*LANGUAGES.values())
_NOBODY, _EVERY_VIDEO, _SMALL_PRINT, _AUXILIARY = (
    _pattern(_TABLE[name]) for name in ("nobody", "every_video", "small_print", "starts_yes_no")
)
_QUOTED = re.compile(r"[\"“”«»„]([^\"“”«»„]{1,120})[\"“”«»]|(?<!\w)['‘]([^'’]{2,120})['’](?!\w)")
_NAMED = re.compile(
    r"\b[Tt]he (?:(?:words?|phrase|digit|number|letter|name)s? (?P<what>[A-Z][\w'-]*|\d+)"
    r"|(?:word|term) (?P<word>[a-z][\w'-]*))\b"
)
_CAPITALS = re.compile(
    r"\b((?:[A-Z]{2,} ){0,4}[A-Z]{2,}) "
    r"(?:(?:is |are |was )?(?:written|shown|displayed|printed|visible)|appears?|on (?:the )?screen)\b"
)
_CLOCK = r"\d+(?::\d{2}){1,2}(?:\.\d+)?"
_UNIT = r"(?:s|secs?|seconds?|mins?|minutes?|m|h|hours?|sekunden?|minuten?|segundos?|minutos?)"
_SEVERAL = (
    r"(?:\d+ ?h(?:ours?|rs?)? ?(?:and |, ?)?\d+ ?m(?:in(?:ute)?s?)?(?: ?(?:and |, ?)?\d+ ?s(?:ec(?:ond)?s?)?)?"
    r"|\d+ ?(?:m(?:in(?:ute)?s?)?|['′]) ?(?:and |, ?)?\d+ ?(?:s(?:ec(?:ond)?s?)?|\"|″|''))(?!\w)"
)
"""A time in more than one unit: `1h45m30s`, `105 minutes and 30 seconds`."""
_CLOCK = rf"(?:(?<![\d.,:])-?{_CLOCK}|{_SEVERAL})"
_TIME = rf"(?:{_CLOCK}|(?:(?:minute|second) )?\d+(?:\.\d+)?(?: ?{_UNIT}\b)?)"
_NUMBER = {"one": 1, "two": 2, "three": 3, "five": 5, "ten": 10, "few": 10, "couple of": 5, "thirty": 30, "": 1}
_SPANS = (
    rf"\b(?:between|from|zwischen|entre|von|de)\s+({_TIME})\s*(?:-|–|to|and|until|till|bis|und|y|a|hasta)\s*({_TIME})",
    rf"\b({_CLOCK}|\d+(?:\.\d+)?) ?(?:-|–|to|until) ?({_CLOCK}|\d+(?:\.\d+)? ?{_UNIT}\b)",
)
_ANCHOR = re.compile(
    r"\b(?:right |just |immediately |directly |shortly )?(after|before|following|nach|vor|despu[eé]s de|antes de)\s+"
    r"(.+?)(?=[,?.]|$)"
)  # fmt: skip
_INDIRECT = re.compile(
    r"^(?:(?:and|so|but|hey|please|well)[, ]+)*(?:do you (?:happen to )?(?:know|remember|recall)|(?:can|could) you "
    r"(?:please )?(?:tell|remind) me|(?:please )?tell me|i wonder|any idea),? "
    r"(?=(?:where|what|when|who|which|how|why)\b)"
)
"""`Do you know where …` asks where."""
_BEFORE = ("before", "vor", "antes de")


def parse(text: str, options: Sequence[str] = ()) -> ParsedQuestion:
    """Take a question apart; nothing is looked up."""
    low = re.sub(r"(?<=\d),(?=\d{3}\b)", "", " ".join(text.lower().replace("’", "'").split()))
    low = _INDIRECT.sub("", low)
    times = _times(low)
    rest = low.replace(times.text, " ") if times else low
    found = _ANCHOR.search(rest)
    side: Literal["after", "before"] = "before" if found and found[1] in _BEFORE else "after"
    anchor = (side, found[2]) if found else None
    if found and not [t for t in tokens(found[2]) if t not in STOP and t not in _FRAME and not t.isdigit()]:
        anchor = None  # `before the end`
    bare = rest.replace(found[0], " ") if found and anchor else rest
    fact = next((name for name, pattern in _FILE.items() if pattern.search(low)), None)
    if fact in ("picture", "name", "language") and re.search(r"\b(?:written|printed|shown|displayed|says?)\b", low):
        fact = None
    kind = _kind(bare) if fact is None else "file"
    phrase = _phrase(text)
    if phrase and anchor and phrase.lower() in anchor[1]:
        phrase = None
    value = next((name for name, pattern in _VALUES.items() if pattern.search(bare)), None)
    titled = re.search(r"\btitles?\b(?! (?:card|page|screen|slide|sequence))", bare)
    if titled and kind in ("text", "time", "where", "how_long"):
        value = "title"
    if re.search(r"\b(?:what|which) colou?rs?\b|\bfarbe\b|\bde qu[eé] color\b", bare):
        value = "color"
    by_now = parse_state(low) if not (times or anchor or fact or ordinal(bare)) else None
    topic, loose = _topic(without_now(bare) if by_now or is_happening(low) else bare, phrase)
    color, digits = re.search(rf"\b({_COLORS})\b", low), re.search(r"\b(\w+)[- ]digit\b", low)
    count = numbers(digits[1]) if digits else []
    named = ordinal(re.sub(rf"\d+ ?{_UNIT}\b|\bseconds?\b(?= in)|which second", "", bare))
    word = next((t for t in tokens(bare) if ordinal(t) == named), "") if named else ""
    channel = _channel(bare, kind, value, "screen" in low)
    if channel is None:  # the red car is not any car
        topic = (*topic, *(word for word in loose if re.fullmatch(_COLORS, word)))
    return ParsedQuestion(
        text=text, kind=kind, channel=channel, topic=topic, loose=loose, phrase=phrase, times=times,
        order=named, ordinal=word, value=value, place=_place(low), anchor=anchor, fact=fact, options=tuple(options),
        digits=int(count[0]) if count and count[0] < 100 else None,
        size="large" if re.search(r"\b(?:large|big|huge|giant|largest|biggest)\b", low)
        else "small" if _SMALL_PRINT.search(low) else None,
        color=color[1].replace("gray", "grey") if color else None,
        negated=bool(re.search(r"\b(?:not|never|except|without|nicht|kein\w*|no se)\b|n't\b", low)),
        every=bool(_EVERY_VIDEO.search(low)),
        state=by_now if channel in (None, "screen_text") and kind in ("where", "yes_no", "text", "count") else None,
    )  # fmt: skip


def at_in(question: ParsedQuestion, whole: Span) -> ParsedQuestion:
    """The question with `at` set for a video; a time past its end is a time of day, and so part of the topic."""
    if question.times is None:
        return question
    at = question.times.within(whole)
    if at is None:
        return replace(question, topic=(*question.topic, *(t for t in tokens(question.times.text) if t not in STOP)))
    return replace(question, at=at)


def query(words: str) -> tuple[str, ...]:
    """The words that carry meaning, of a question or a piece of one."""
    return tuple(t for t in dict.fromkeys(tokens(words)) if t not in _FOREIGN and t not in _FRAME)


def _kind(low: str) -> Kind:
    kind = next((kind for kind, pattern in _KINDS.items() if pattern.search(low)), None)
    if kind in (None, "where", "time") and _AUXILIARY.search(low) and not re.search(r"\bor\b|\boder\b", low):
        return "yes_no"
    return kind or "text"


def _channel(low: str, kind: Kind, value: str | None, screen_named: bool) -> Sense | None:
    if _NOBODY.search(low):
        return "silence" if kind in ("time", "how_long", "count") else "speech"
    shots = re.search(r"\b(?:cuts?|shots?|scene changes?|scenes|camera (?:changes|angles?)|edits?)\b", low)
    if shots and kind in ("count", "time"):
        return "shots"
    speech, screen = _SPEECH.search(low), bool(_SCREEN.search(low))
    screen = bool(screen) or bool(value and screen_named)
    if value == "color" or (_NOT_TEXT.search(low) and not screen):
        return None
    if screen and (not speech or _READS.search(low)):
        return "screen_text"
    return "speech" if speech else None


def needs_eyes(question: ParsedQuestion) -> bool:
    """Return whether only pictures can hold the answer: looks, deeds, colors of things that are not written or said."""
    return question.channel is None and (question.value == "color" or bool(_NOT_TEXT.search(question.text)))


def tells_showing(question: ParsedQuestion) -> bool:
    """Return whether `when` asks about the video itself (shown, said, seen), not about the world that it tells of."""
    return question.channel is not None or bool(
        re.search(r"\b(?:visible|seen|in view|appear\w*|shown|video|clip|see|screen|hear)\b", question.text, re.I)
    )


def _topic(low: str, phrase: str | None) -> tuple[tuple[str, ...], tuple[str, ...]]:
    low = re.sub(r",?\s*\b(?:according to|laut|seg[uú]n)\b.*?(?=[,?]|$)", " ", low)
    loose: list[str] = []
    subject = re.search(
        r"\b(?:do|does|did) (?:the |a |an )?((?:\w+ ){1,5}?)(?:say|mention|talk|tell|explain|speak|recommend|ask)\b",
        low,
    )
    if subject:  # who speaks is seldom in what is spoken
        loose += query(subject[1])
        low = low.replace(subject[0], " ")
    written = re.search(rf"\b(?:on|at|in|from|of) (?:the|a|his|her|their|its) ((?:[\w-]+ ){{0,3}}{_SURFACE}\b.*)", low)
    if written and _SCREEN.search(low):  # what a text is written on is seldom in the text
        loose += query(written[1])
        low = low.replace(written[0], " ")
    words = query(f"{low} {phrase or ''}")
    loose += [word for word in words if word in _LOOSE or re.fullmatch(_COLORS, word)]
    return tuple(word for word in words if word not in loose), tuple(dict.fromkeys(loose))


def _phrase(text: str) -> str | None:
    found = _QUOTED.search(text)
    if found:
        return (found[1] or found[2]).strip()
    named = _NAMED.search(text)
    what = (named["what"] or named["word"]) if named else ""
    if what and what.lower() not in STOP and what.lower() not in _FRAME:
        return what
    # `Is SECOND written anywhere?`: capitals name a word that else only frames a question.
    capitals = _CAPITALS.search(text) if not text.isupper() else None
    words = capitals[1].lower().split() if capitals else []
    return capitals[1] if capitals and all(word in STOP or word in _FRAME for word in words) else None


def _times(low: str) -> Times | None:
    for pattern in _SPANS:
        found = re.search(pattern, low)
        if found and re.search(rf":|{_SEVERAL}|{_UNIT}\b|minute|second", found[0]):
            second = _seconds(found[2], 1.0)
            first = _seconds(found[1], 60.0 if re.search(r"min|\dm\b", found[2]) else 1.0)
            if first < second:
                return Times(first, second, text=found[0])
    found = re.search(
        rf"\b(?:in |during |within )?the (first|opening|last|final|closing) (?:({'|'.join(filter(None, _NUMBER))}"
        rf"|\d+(?:\.\d+)?) )?({_UNIT})\b",
        low,
    )
    if found:
        length = float(_NUMBER.get(found[2] or "", 0) or found[2]) * _seconds(f"1 {found[3]}", 1.0)
        opening = found[1] in ("first", "opening")
        return Times(0.0, length, text=found[0]) if opening else Times(length, 0.0, "end", found[0])
    found = re.search(
        r"\b(?:right )?(?:at|in|from) the (?:very )?(beginning|start|opening|end)\b(?! of the (?!video|clip|film))", low
    )
    if found:
        return Times(0.85, 1.0, "part", found[0]) if found[1] == "end" else Times(0.0, 0.15, "part", found[0])
    found = re.search(r"\b(?:in |during )?the (first|second|last) half\b", low)
    if found:
        return Times(0.0, 0.5, "part", found[0]) if found[1] == "first" else Times(0.5, 1.0, "part", found[0])
    found = re.search(rf"\b(after|before|until|since|nach|vor|ab) (?:the )?({_TIME})(?! {_UNIT}\b)", low)
    if found and re.search(rf":|{_SEVERAL}|{_UNIT}\b|minute|second", found[2]):
        at = _seconds(found[2], 1.0)
        before = found[1] in ("before", "until", "vor")
        return Times(0.0, at, text=found[0]) if before else Times(at, float("inf"), text=found[0])
    found = re.search(
        rf"(?:\b(?:at|around|about|um|bei|a los|en el)|@)? ?(?<![\w.:-])((?:minute|second) \d+\b|{_CLOCK}"
        rf"|\d+(?:\.\d+)? ?{_UNIT}\b)(?: (?:in|into|mark)\b)?",
        low,
    )
    if not found:
        return None
    at = _seconds(found[1], 1.0)
    return Times(at, at + 60.0 if found[1].startswith("minute") else at, text=found[0])


def _seconds(words: str, unit: float) -> float:
    """Seconds of `1:20`, `90`, `2 min`, `minute 35`; a bare number is in `unit` seconds."""
    if several := re.search(rf"-?\d+(?::\d{{2}})+(?:\.\d+)?|{_SEVERAL}", words):
        return parse_seconds(re.sub(r" and |,", " ", several[0]))
    number = re.search(r"\d+(?:\.\d+)?", words)
    assert number
    for pattern, seconds in ((r"min|\dm\b| m\b", 60.0), (r"hour|\d ?h\b", 3600.0), (r"s", 1.0)):
        if re.search(pattern, words):
            return float(number[0]) * seconds
    return float(number[0]) * unit


_SIDES = {
    "upper": "top", "lower": "bottom", "oben": "top", "unten": "bottom", "arriba": "top", "links": "left",
    "rechts": "right",
}  # fmt: skip
_SIDE = re.compile(rf"\b(top|bottom|left|right|{'|'.join(_SIDES)})\b(?! (?:after|before|now|away))")


def _place(low: str) -> tuple[str, ...]:
    found = _SIDE.findall(low)
    if re.search(r"\b(?:leave|left (?:the|his|her))\b", low):
        found = [word for word in found if word != "left"]
    if found and re.search(r"\b(?:top|bottom|upper|lower) (?:middle|cent(?:er|re))\b", low):
        found.append("center")
    return tuple(dict.fromkeys(_SIDES.get(word, word) for word in found))
