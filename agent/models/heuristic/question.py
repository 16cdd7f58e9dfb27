"""What a question asks: kind of answer, the sense that can tell, times, order, place, and the words it is about.

The patterns are English, with the question words of German, Spanish and French. A question in any other language keeps
all its words for retrieval, and is answered with the passage that they find.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from ....memory import Span
from ....tools.arguments import parse_seconds
from ...words import STOP, ordinal, tokens

Kind = Literal["time", "how_long", "count", "yes_no", "where", "summary", "file", "video", "text"]
Channel = Literal["speech", "screen_text", "shots", "silence"]


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
class Ask:
    """One question, taken apart."""

    text: str
    kind: Kind
    channel: Channel | None = None
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
    fact: str | None = None
    """What of the file itself is asked for: length, sound, language, videos, picture, name."""
    options: tuple[str, ...] = ()


_COLORS = "black|white|gr[ea]y|red|orange|yellow|green|blue|purple|pink|brown"
_FILM = r"(?:videos?|clips?|films?|files?|movies?|recordings?|footage|talk)"
_SURFACE = (
    r"(?:signs?|posters?|labels?|screens?|slides?|captions?|banners?|plates?|pages?|boards?|cards?|tickets?|titles?|headlines?"
    r"|stickers?|tags?|t?-?shirts?|displays?|subtitles?|credits?|logos?|book|menu|map|plaque|notice|\w+board|chart|badge"
    r"|lectern|podium|packag\w+|box|bottle|jersey|button|tab|window|watermark|graphic|ticker|clock|monitor|stage|wall|door)"
)
_SPEECH = re.compile(
    r"\b(?:sa(?:y|ys|id|ying)|tell|tells|told|mention\w*|talk\w*|sp(?:eak\w*|oke\w*)|speech|narrat\w+|voice\w*|heard?|dit"
    r"|commentator|announc\w+|listen\w*|transcript|discuss\w*|uttered|pronounc\w*|aloud|explain\w*|quote[sd]?|warn\w*"
    r"|recommend\w*|promis\w*|ask(?:s|ed) for|conversation|sag(?:t|en|te)|gesagt|spricht|sprechen|erw[äa]hnt|dice[ns]?"
    r"|dicho|habla\w*|mencion\w*)\b",
    re.IGNORECASE,
)
_READS = re.compile(
    rf"\b{_SURFACE} (?:\w+ ){{0,3}}(?:says?|reads?|shows?|states?)\b|\bdo(?:es)? (?:the|a) (?:\w+ ){{0,3}}{_SURFACE}"
    r" (?:\w+ ){0,4}(?:say|read|show|state)\b",
    re.IGNORECASE,
)
_SCREEN = re.compile(
    rf"{_READS.pattern}|\b(?:written|writing|writes?|text|titled?|captions?|headlines?|credits?|printed|print|on[- ]screen|letters?"
    rf"|digits?|logo|banner|poster|slides?|label(?:led|ed)?|inscription|number plate|licen[cs]e plate|score|displayed|spelled"
    rf"|geschrieben|bildschirm|steht|escrito|pantalla|(?:name|number|title) of the (?:app|film|movie|show|channel|video|song)"
    rf"|(?:words?|numbers?|names?|prices?|dates?|code|address|url|website|hashtag|phone) (?:\w+ ){{0,3}}(?:shown|visible"
    rf"|seen|appears?|on|at|in)|(?:on|from|of) (?:the|a|his|her|their) (?:[\w-]+ ){{0,3}}{_SURFACE})\b",
    re.IGNORECASE,
)
_NOT_TEXT = re.compile(
    r"\b(?:what|which|whose) (?:colou?r|pattern|shape|animals?|breed|person|object|side|hand|kind of (?:animal|person|thing))\b"
    r"|\b(?:wear\w*|dressed|look(?:s|ing)? like|doing|h[eo]ld(?:s|ing)?|stand(?:s|ing)?|sit(?:s|ting)?|hair|gesture\w*|facial"
    r"|background|facing|carr(?:y|ies|ying)|eat(?:s|ing)|drink(?:s|ing)|wav(?:es?|ing)|smil\w+)\b",
    re.IGNORECASE,
)
"""What has to be seen: no text and no speech is likely to hold it."""
_FILE = {
    "length": rf"\bhow long (?:is|are|does|do|was|lasts?)\W+(?:the |this |that |it |both )?(?:whole |entire )?(?:{_FILM}|it)\b"
    rf"(?! \w+ (?:visible|shown|seen|in))|\b(?:length|duration|run(?:ning)? ?time) of th|\bwie lange? (?:ist|dauert)"
    rf"|\bhow long is (?:this|that)\b|\b(?:one|these|them|those) (?:is|are) (?:the )?(?:long|short)est\b|\bcu[aá]nto (?:tiempo )?dura|\b(?:long|short)est {_FILM}|\b{_FILM} is (?:the )?(?:longest|shortest)",
    "sound": r"^(?:has|have|is there|does|do|are there|any|hat|gibt es|tiene)\b(?!.*\b(?:spe\w+|sa(?:y|id)|words?|talk\w*|of|voice)"
    r"\b).*\b(?:sound|audio|ton|sonido|silent|soundtrack)\b",
    "language": r"\b(?:what|which|welche[rn]?|qu[eé]) (?:language|sprache|idioma)|\blanguage (?:is|are|do|does)\b",
    "videos": r"\bhow many (?:videos|clips|files|recordings)\b|\bwie viele videos|\bcu[aá]ntos v[ií]deos",
    "picture": r"\b(?:resolution|dimensions|aspect ratio|frame ?rate|fps|frames per second|how many pixels)\b",
    "name": r"\b(?:file ?name|name of (?:the|this) file)\b",
}
_KINDS: dict[Kind, str] = {
    "summary": r"\bsummar\w+|\b(?:overview|outline|gist|tl;?dr)\b|\bwhat(?:'?s| is| are| was)? .{0,40}\babout\s*\??$|\bde qu[eé] (?:trata|va)"
    rf"|\bmain (?:points?|topics?|idea)|\bkey ?points?\b|\btopics? (?:are|is|does|do)\b|^describe (?:the|this) {_FILM}\b|\bresum"
    rf"|\bwhat happens(?: in (?:the|this) {_FILM})?\s*\??$|\bzusammenfass|\bworum geht",
    "video": rf"\b(?:in |on )?(?:which|what)(?: one)? (?:of (?:the|these|those|my) )?(?:\w+ )?{_FILM}\b(?! (?:about|format))"
    r"|\bin welche[mn]\b|\ben (?:qu[eé]|cu[aá]l) v[ií]deo",
    "count": r"\bhow (?:many|often)\b|\bnumber of (?!the\b)|^count\b|\bwie ?(?:viele?|oft)\b|\bcu[aá]nt[oa]s\b|\bcombien\b",
    "how_long": r"\bhow long\b|\bfor how many (?:seconds|minutes)|\bwie lange\b|\bcu[aá]nto tiempo\b",
    "time": r"\bwhen\b(?!,)|\b(?:at|in) (?:what|which) (?:point|moment|second|minute|timestamp|part)\b|\bwhich (?:second|minute|moment)\b"
    r"|\btimestamp\b|\bhow (?:far|long|many (?:seconds|minutes)) in(?:to)?\b|\b(?:wann|cu[aá]ndo|quand)\b"
    r"|\bat what time\b.*\b(?:video|clip|spoken|shown|visible|appear)",
    "where": r"^\W*where\b(?!.{0,9}\bfrom\b)|\bwhere(?:abouts)? (?:on|in|is|are|does|do|did|can)\b|\bd[oó]nde\b"
    r"|\bwhich (?:side|corner|direction|edge)\b|\bwhat direction\b",
}
_AUXILIARY = re.compile(
    r"^(?:(?:and|so|but|or|hey|ok|please|can you tell me if|do you know if|tell me (?:if|whether))[, ]+)?(?:is|are|was|were|does|do|did"
    r"|has|have|had|can|could|will|would|isn't|doesn't|didn't|aren't|any|wird|ist|sind|hat|gibt|kommt|est[aá]|hay|es)\b"
)
_VALUES = {
    "price": r"\bprices?\b|\bcosts?\b|\bfees?\b|\bhow much\b|\bkostet?\b|\bcuesta\b|\bexpensive\b|\bsalary\b",
    "date": r"\b(?:what|which|on what|welche[mnrs]?) (?:date|day|month|year|tag|monat|jahr)\b|\bdeadline\b|\bdate (?:of|is|on|shown)\b"
    r"|\bqu[eé] (?:d[ií]a|fecha|a[nñ]o)\b",
    "time": r"\b(?:what|which) time\b|\bo'?clock\b|\bwie viel uhr\b|\bum wie ?viel\b|\bqu[eé] hora\b",
    "number": r"\b(?:which|what|first|last) (?:[\w-]+ ){0,2}(?:numbers?|digits?|figures?|percent\w*|share)\b|\bscore\b|\bphone\b|\bserial\b"
    r"|\bnumber (?:is|on|shown|plate)|\bdigits?\b|\bhow (?:many|old|tall|high|far|fast|big|large|deep|heavy|wide|cold|hot|warm)\b"
    r"|\bwie ?(?:viele?|alt|gro[sß]+|hoch|weit)\b|\bcu[aá]nt[oa]s\b",
    "word": r"\b(?:which|what) (?:\w+ )?word\b|\bsingle word\b",
    "name": r"\bwho(?:se|m)?\b|\bnames?\b|\bcalled\b|\bwer\b|\bwen\b|\bhei[sß]+t\b|\bqui[eé]n\b|\bse llama\b",
}
_FRAME = frozenset(
    """video videos clip clips film movie recording footage file files say says said saying tell tells told mention mentions mentioned mentioning talk
    talks talking talked speak speaks speaking spoken spoke speech narrator narrators voice speaker presenter someone somebody anyone anybody
    hear heard word words phrase write writes written writing text texts screen shown show shows showing display displayed displays
    visible appear appears seen see read reads moment second seconds minute minutes point exactly please give name named called kind sort
    part during whole whether one any ever happen happens happened while spoken many number total within take takes taking took somewhere again same next one ones thing things sentence sentences
    line lines something anything everything really actually hey ok tell know want find look like there's what's who's it's which's get got
    large big small letters letter top bottom left right corner middle center centre upper lower title digit digits beginning end start
    picture pictures image images sound track soundtrack audio scene scenes first last answer question according place places used uses use make made mean means let contain contains content
    video's clip's guy gesagt sagt steht geschrieben dice dicho""".split()
)  # fmt: skip
_LOOSE = frozenset(
    """time times price prices cost costs date day year month much score person people man woman lady guy host
    teacher reporter commentator app page sign poster label slide caption banner plate board card ticket headline sticker shirt
    subtitle logo book menu map notice chart lectern podium black white small""".split()
)
LANGUAGES = {
    "English": STOP,
    "German": frozenset(
        """der die das den dem des ein eine einen einem einer und oder ist sind war waren wird werden hat haben nicht kein keine ich du er sie es
        wir ihr man im in am an auf aus bei mit nach von vor zu zum zur uber fur um wie was wer wann wo warum welche welcher welches welchem
        viele viel als auch sich noch gibt pro jede jeder jedes dass wenn nur aber durch""".split()),
    "Spanish": frozenset(
        """el la los las un una unos unas y o es son era fue ser esta estan hay no se que quien cuando donde como cual cuanto cuantos cuantas cuanta
        de del en con por para al lo su sus le les sobre segun mas pero este esto estas estos muy sin ya""".split()),
    "French": frozenset(
        """le la les un une des et ou est sont etait du de dans qui que quoi quand comment combien sur pour par avec ce cette ces il elle on nous vous
        ne pas plus mais au aux en se son sa ses""".split()),
}  # fmt: skip
"""Words without meaning of their own, by language; accents are left out."""
_FOREIGN = frozenset().union(*LANGUAGES.values())
_QUOTED = re.compile(r"[\"“”«»„]([^\"“”«»„]{1,120})[\"“”«»]|(?<!\w)['‘]([^'’]{2,120})['’](?!\w)")
_NAMED = re.compile(r"\b[Tt]he (?:(?:words?|phrase|digit|number|letter|name)s? (?P<what>[A-Z][\w'-]*|\d+)|(?:word|term) (?P<word>[a-z][\w'-]*))\b")
_CLOCK = r"\d+(?::\d{2}){1,2}(?:\.\d+)?"
_UNIT = r"(?:s|secs?|seconds?|mins?|minutes?|m|h|hours?|sekunden?|minuten?|segundos?|minutos?)"
_TIME = rf"(?:{_CLOCK}|(?:(?:minute|second) )?\d+(?:\.\d+)?(?: ?{_UNIT}\b)?)"
_NUMBER = {"one": 1, "two": 2, "three": 3, "five": 5, "ten": 10, "few": 10, "couple of": 5, "thirty": 30, "": 1}
_SPANS = (
    rf"\b(?:between|from|zwischen|entre|von|de)\s+({_TIME})\s*(?:-|–|to|and|until|till|bis|und|y|a|hasta)\s*({_TIME})",
    rf"\b({_CLOCK}|\d+(?:\.\d+)?) ?(?:-|–|to|until) ?({_CLOCK}|\d+(?:\.\d+)? ?{_UNIT}\b)",
)
_ANCHOR = re.compile(
    r"\b(?:right |just |immediately |directly |shortly )?(after|before|following|nach|vor|despu[eé]s de|antes de)\s+(.+?)(?=[,?.]|$)", re.I
)  # fmt: skip
_BEFORE = ("before", "vor", "antes de")


def parse(text: str, options: Sequence[str] = ()) -> Ask:
    """Take a question apart; nothing is looked up."""
    low = " ".join(text.lower().replace("’", "'").split())
    times = _times(low)
    rest = low.replace(times.text, " ") if times else low
    found = _ANCHOR.search(rest)
    anchor = (("before" if found[1] in _BEFORE else "after"), found[2]) if found else None
    if found and not [t for t in tokens(found[2]) if t not in STOP and t not in _FRAME and not t.isdigit()]:
        anchor = None  # `before the end`
    bare = rest.replace(found[0], " ") if found and anchor else rest
    fact = next((name for name, pattern in _FILE.items() if re.search(pattern, low)), None)
    kind = _kind(bare) if fact is None else "file"
    phrase = _phrase(text)
    value = next((name for name, pattern in _VALUES.items() if re.search(pattern, bare)), None)
    if re.search(r"\btitles?\b(?! (?:card|page|screen|slide|sequence))", bare) and kind in ("text", "time", "where", "how_long"):
        value = "title"
    if re.search(r"\b(?:what|which) colou?rs?\b|\bfarbe\b|\bde qu[eé] color\b", bare):
        value = "color"
    topic, loose = _topic(bare, phrase)
    color, digits = re.search(rf"\b({_COLORS})\b", low), re.search(r"\b(\w+)[- ]digit\b", low)
    named = ordinal(re.sub(rf"\d+ ?{_UNIT}\b|\bseconds?\b(?= in)|which second", "", bare))
    word = next((t for t in tokens(bare) if ordinal(t) == named), "") if named else ""
    channel = _channel(bare, kind, value, "screen" in low)
    if channel is None:  # the red car is not any car
        topic = (*topic, *(word for word in loose if re.fullmatch(_COLORS, word)))
    return Ask(
        text=text, kind=kind, channel=channel, topic=topic, loose=loose, phrase=phrase, times=times,
        order=named, ordinal=word, value=value, place=_place(low), anchor=anchor, fact=fact, options=tuple(options),
        digits=_digits(digits[1]) if digits else None,
        size="large" if re.search(r"\b(?:large|big|huge|giant|largest|biggest)\b", low)
        else "small" if re.search(r"\b(?:small|tiny|little|fine) (?:\w+ )?(?:print|text|letters?|label|words?|writing)", low) else None,
        color=color[1].replace("gray", "grey") if color else None,
        negated=bool(re.search(r"\b(?:not|never|except|without|nicht|kein\w*|no se)\b|n't\b", low)),
        every=bool(re.search(r"\b(?:all|each|every|both|any) (?:of )?(?:the |these |those |my )?(?:\w+ )?(?:videos?|clips?|files?|recordings?|of them)\b|\bcompare\b", low)),
    )  # fmt: skip


def at_in(ask: Ask, whole: Span) -> Ask:
    """`ask` with `at` set for a video; a time that lies past its end is a time of day, and so part of the topic."""
    if ask.times is None:
        return ask
    at = ask.times.within(whole)
    if at is None:
        return replace(ask, topic=(*ask.topic, *(t for t in tokens(ask.times.text) if t not in STOP)))
    return replace(ask, at=at)


def query(words: str) -> tuple[str, ...]:
    """The words that carry meaning, of a question or a piece of one."""
    return tuple(t for t in dict.fromkeys(tokens(words)) if t not in _FOREIGN and t not in _FRAME)


def _kind(low: str) -> Kind:
    asked = next((kind for kind, pattern in _KINDS.items() if re.search(pattern, low)), None)
    if asked in (None, "where", "time") and _AUXILIARY.search(low) and not re.search(r"\bor\b|\boder\b", low):
        return "yes_no"
    return asked or "text"


def _channel(low: str, kind: Kind, value: str | None, screen_named: bool) -> Channel | None:
    if re.search(r"\b(?:nobody|no[- ]?one|not? any(?:body|one)) (?:\w+ )?(?:speak|talk|say|heard)|\bno (?:speech|voice|talking)\b|\bsilen(?:t|ce)\b|\bpauses?\b", low):  # fmt: skip
        return "silence" if kind in ("time", "how_long", "count") else "speech"
    if re.search(r"\b(?:cuts?|shots?|scene changes?|scenes|camera (?:changes|angles?)|edits?)\b", low) and kind in ("count", "time"):
        return "shots"
    speech, screen = _SPEECH.search(low), bool(_SCREEN.search(low))
    screen = bool(screen) or bool(value and screen_named)
    if value == "color" or (_NOT_TEXT.search(low) and not screen):
        return None
    if screen and (not speech or _READS.search(low)):
        return "screen_text"
    return "speech" if speech else None


def needs_eyes(ask: Ask) -> bool:
    """Whether only pictures can hold the answer: looks, deeds, colors of things that are not written or said."""
    return ask.channel is None and (ask.value == "color" or bool(_NOT_TEXT.search(ask.text)))


def tells_showing(ask: Ask) -> bool:
    """Whether `when` asks about the video itself (shown, said, seen), not about the world that it tells of."""
    return ask.channel is not None or bool(re.search(r"\b(?:visible|seen|in view|appear\w*|shown|video|clip|see|screen|hear)\b", ask.text, re.I))


def _topic(low: str, phrase: str | None) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Words that the passage should hold, and words that it may hold."""
    low = re.sub(r",?\s*\b(?:according to|laut|seg[uú]n)\b.*?(?=[,?]|$)", " ", low)
    loose: list[str] = []
    subject = re.search(r"\b(?:do|does|did) (?:the |a |an )?((?:\w+ ){1,3}?)(?:say|mention|talk|tell|explain|speak|recommend|ask)\b", low)
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
    return what if what and what.lower() not in STOP and what.lower() not in _FRAME else None


def _times(low: str) -> Times | None:
    """The stretch that the question names, if it does."""
    for pattern in _SPANS:
        found = re.search(pattern, low)
        if found and re.search(rf":|{_UNIT}\b|minute|second", found[0]):
            second = _seconds(found[2], 1.0)
            first = _seconds(found[1], 60.0 if re.search(r"min|\dm\b", found[2]) else 1.0)
            if first < second:
                return Times(first, second, text=found[0])
    found = re.search(rf"\b(?:in |during |within )?the (first|opening|last|final|closing) (?:({'|'.join(filter(None, _NUMBER))}|\d+(?:\.\d+)?) )?({_UNIT})\b", low)
    if found:
        length = float(_NUMBER.get(found[2] or "", 0) or found[2]) * _seconds(f"1 {found[3]}", 1.0)
        return Times(0.0, length, text=found[0]) if found[1] in ("first", "opening") else Times(length, 0.0, "end", found[0])
    found = re.search(r"\b(?:in |during )?the (first|second|last) half\b", low)
    if found:
        return Times(0.0, 0.5, "part", found[0]) if found[1] == "first" else Times(0.5, 1.0, "part", found[0])
    found = re.search(rf"\b(after|before|until|since|nach|vor|ab) (?:the )?({_TIME})(?! {_UNIT}\b)", low)
    if found and re.search(rf":|{_UNIT}\b|minute|second", found[2]):
        at = _seconds(found[2], 1.0)
        return Times(0.0, at, text=found[0]) if found[1] in ("before", "until", "vor") else Times(at, float("inf"), text=found[0])
    found = re.search(rf"(?:\b(?:at|around|about|um|bei|a los|en el)|@)? ?\b((?:minute|second) \d+\b|{_CLOCK}|\d+(?:\.\d+)? ?{_UNIT}\b)(?: (?:in|into|mark)\b)?", low)
    if not found:
        return None
    at = _seconds(found[1], 1.0)
    return Times(at, at + 60.0 if found[1].startswith("minute") else at, text=found[0])


def _seconds(words: str, unit: float) -> float:
    """Seconds of `1:20`, `90`, `2 min`, `minute 35`; a bare number is in `unit` seconds."""
    number = re.search(r"\d+(?::\d{2})*(?:\.\d+)?", words)
    assert number
    if ":" in number[0]:
        return parse_seconds(number[0])
    unit = 60.0 if re.search(r"min|\dm\b| m\b", words) else 3600.0 if re.search(r"hour|\d ?h\b", words) else 1.0 if re.search(r"s", words) else unit
    return float(number[0]) * unit


def _place(low: str) -> tuple[str, ...]:
    words = {"upper": "top", "lower": "bottom", "oben": "top", "unten": "bottom", "links": "left", "rechts": "right", "arriba": "top"}
    found = re.findall(r"\b(top|bottom|upper|lower|oben|unten|links|rechts|arriba|left|right)\b(?![- ]hand side of the road| (?:after|before|now|away))", low)
    if re.search(r"\b(?:leave|left (?:the|his|her))\b", low):
        found = [word for word in found if word != "left"]
    return tuple(dict.fromkeys(words.get(word, word) for word in found))


def _digits(word: str) -> int | None:
    number = {"one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8}
    return number.get(word) or (int(word) if word.isdigit() else None)
