"""What a prompt says of the answer's form: what it is to be, how times and boxes are written, and what stands around."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from .objects import ASKS_JSON, json_form
from .prompt import Form, Value
from .sentences import read_sentence

_SEVERAL = re.compile(
    r"\b(?:select|choose|pick|mark|list|give|check)\s+(?:all|every|each|any)\b|\bevery\s+(?:\w+\s+){1,2}(?:options?|answers?|choices?|letters?)\b|(?<!from )(?<!of )(?<!for )\ball\s+(?:\w+\s+){1,2}(?:options?|answers?|choices?|letters?)\b|\ball\s+(?:that\s+apply|(?:of\s+)?(?:the\s+)?(?:correct|right|applicable)\s+(?:options?|answers?|choices?|letters?))|"
    r"\b(?:one\s+or\s+more|more\s+than\s+one)\s+(?:correct\s+|right\s+)?(?:options?|answers?|choices?|letters?)\b|"
    r"\b(?:multiple|several)\s+(?:correct\s+|right\s+)?(?:answers|letters)\b|\b(?:multiple|several)\s+(?:correct|right)\s+(?:options|choices)\b|"
    r"\b(?:correct|right)\s+letters\b|\bwhich\s+(?:of\s+\w+\s+(?:\w+\s+)?|ones\s+|options\s+)are\s+(?:correct|true|right)\b|"
    r"\bmulti[- ]?(?:select|answer|response|label)\b|\b(?:indefinite|uncertain)[- ]choice\b|多选|不定项",
    re.IGNORECASE,
)
_ORDER = re.compile(
    r"\b(?:correct|right|chronological|temporal|proper|following)\s+(?:order|sequence)\b|\b(?:sort|arrange|re-?order|rank|order)\s+(?:the|these|all|them)\b",
    re.IGNORECASE,
)
_ORDERED = re.compile(r"\b(?:letters?|labels?|numbers?|options?|indices|index)\b", re.IGNORECASE)
_BOTH = re.compile(
    r"\bletter\s+(?:and|with|followed\s+by|together\s+with|along\s+with)\s+(?:the\s+|its\s+|your\s+)?(?:\w+\s+){0,3}(?:text|content|description|wording|option|answer)\b|"
    r"<[^<>\n]{0,20}(?:number|letter|label)>\W{1,3}<[^<>\n]{0,20}(?:text|content)>|\b(?:complete|full|whole|entire)\s+option\b(?!\s*['’]?s?\s*text\s+(?:only|without))|\boption\s+(?:with|including)\s+(?:its|the)\s+(?:letter|label)\b",
    re.IGNORECASE,
)
_TEXT = re.compile(
    r"\b(?:the\s+)?(?:exact\s+|full\s+|complete\s+)?(?:text|content|wording|words)\s+of\s+(?:the|your|an?|one)\s+(?:\w+\s+){0,3}(?:option|choice|answer|candidate)\b|"
    r"\b(?:option|choice|candidate)['’]?s?\s+(?:text|content)\b|\bexactly\s+as\s+(?:it\s+is\s+)?(?:written|given|listed|shown)\b|"
    r"\bnot\s+(?:the|its|a|just\s+the)\s+(?:letter|label)\b|\bwithout\s+(?:the|its|any)\s+(?:letter|label)\b",
    re.IGNORECASE,
)
_NUMBER = re.compile(
    r"\b(?:as|with|using|in|is|be|than|output|give|return|provide|respond|reply|answer|only|just)\s+(?:the\s+|only\s+|just\s+|be\s+)*(?:(?:an?|one)\s+)?(?:single\s+|exact\s+|positive\s+|whole\s+|final\s+|non-negative\s+|numerical\s+|arabic\s+|decimal\s+|plain\s+)*"
    r"(?:integer|number|numeral|digit|float|count|numerical\s+(?:value|answer)|numeric\s+(?:value|answer)|value)\b(?!\s+(?:of\s+(?:the\s+)?(?:option|correct)|from))|\b(?:integer|number|digits?)\s+only\b|\bnumeric(?:al)?\s+(?:answer|value)\b",
    re.IGNORECASE,
)
_BOUNDS = re.compile(
    r"\b(?:start(?:ing)?|begin(?:ning)?)\b(?:[\s_]*(?:time|timestamp|second|point)s?)?[^\n.?]{0,24}?(?:\band\b|\bto\b|[-–,/&])[^\n.?]{0,24}?\b(?:end(?:ing)?|finish|stop)\b"
    r"|[\[(<{]\s*(?:start|s|t_?s)\w*\s*,\s*(?:end|e|t_?e)\w*\s*[\])>}]|\btime\s*(?:range|span|interval|window|segment|period)s?\b|\btemporal\s+(?:window|segment|boundar(?:y|ies)|interval|span|range|location)s?\b"
    r"|mm:ss[^\n\w]{1,6}(?:to\s+)?(?:hh:)?mm:ss|<\s*(?:start|s)\w*\s*>[^\n]{0,20}<\s*(?:end|e)\w*\s*>",
    re.IGNORECASE,
)
_TIMES = re.compile(
    r"\btime\s?-?stamps?\b|\b(?:the\s+)?(?:exact\s+)?(?:time|moment|second)\s+(?:in|as|at\s+which|when)\b|\b(?:in|as)\s+(?:the\s+)?(?:format\s+)?(?:hh:)?mm:ss\b|\bin\s+seconds\b",
    re.IGNORECASE,
)
_MANY = re.compile(
    r"\b(?:all|every|each|multiple|several|list\s+of|lists?)\b[^\n.?]{0,60}\b(?:segments?|moments?|intervals?|windows?|spans?|ranges?|timestamps?|times|clips|occurrences?|boxes|instances)\b"
    r"|\[\s*[\[(]",
    re.IGNORECASE,
)
_BOX = re.compile(
    r"\bbounding\s?-?box(?:es)?\b|\bbbox(?:es)?\b|\bbox\s+coordinates\b|[\[(<]\s*x_?(?:min|1|0|top)?\s*,\s*y",
    re.IGNORECASE,
)
_SIZED = re.compile(r"x\s*,\s*y\s*,\s*w(?:idth)?\b|\bwidth\b[^\n.]{0,20}\bheight\b", re.IGNORECASE)
_BOX_UNITS: tuple[tuple[str, Literal["fraction", "percent", "thousandth", "pixel"]], ...] = (
    (r"\b0\s*(?:-|–|to|,|and)\s*(?:1000|999)\b|\b1000\s*[x×]\s*1000\b|\bthousand", "thousandth"),
    (r"\bpixels?\b|\bwidth\s+and\s+height\s+of\s+the\s+(?:frame|image|video)\b", "pixel"),
    (r"\b0\s*(?:-|–|to|,|and)\s*100\b|\bpercent", "percent"),
)  # fmt: skip
_CLOSED = (
    ("yes", "no"), ("true", "false"), ("possible", "impossible"), ("correct", "incorrect"), ("right", "wrong"), ("real", "fake"),
)  # fmt: skip
_QUOTE = r"[\"'“”‘’`*]{0,2}"
_EITHER = re.compile(
    rf"\b(?:answer|respond|reply|output|say|write|return|select|choose|response|with|only|either)\b[^\n?？]{{0,80}}?(?<![\w])({_QUOTE}[A-Za-z][\w-]{{1,24}}{_QUOTE})\s*"
    rf"(?:,?\s*\bor\b|,?\s*\band\b|/|,)\s*(?:with\s+)?({_QUOTE}[A-Za-z][\w-]{{1,24}}{_QUOTE})(?![\w])(?:\s*,?\s*or\s*({_QUOTE}[A-Za-z][\w -]{{1,24}}{_QUOTE}))?",
    re.IGNORECASE,
)
_HINTS = (
    (r"\b(?:single|one)\s+word\s+or\s+(?:a\s+|short\s+)*phrase\b", "Answer with a single word or a short phrase."),
    (r"\b(?:single|one)[\s-]+word\b(?!\s+or)", "Answer with a single word."),
    (r"\b(?:short|brief|concise)\s+(?:phrase|answer|response)|\b(?:few|several)\s+words\b|\bin\s+a\s+phrase\b|\bbriefly\b|\bconcisely\b", "Answer with a short phrase."),
    (r"\b(?:one|single)[\s-]+sentence\b", "Answer in one sentence."),
    (r"\bstep[\s-]+by[\s-]+step\b|\bin\s+detail\b|\bdetailed\b", "Answer in detail."),
)  # fmt: skip
_DEMANDS = re.compile(
    r"\b(?:even\s+(?:if|when)|if|when)\s+(?:you\s+(?:are|feel)\s+|you['’]re\s+)?(?:un(?:sure|certain)|not\s+(?:sure|certain)|you\s+(?:do\s+not|don['’]t)\s+know)"
    r"[^\n]{0,80}\b(?:answer|guess|choose|select|pick|give|output)|\b(?:must|always|have\s+to)\s+(?:always\s+)?(?:choose|select|pick|give|answer|guess|provide)\b|"
    r"\b(?:an?\s+)?answer\s+must\s+be\s+(?:given|chosen|provided)\b|\bstill\s+(?:provide|give|choose|select|answer)\b|\btry\s+your\s+best\s+to\s+guess\b|"
    r"\bmake\s+(?:a|your)\s+(?:best\s+)?guess\b|\b(?:best|educated)\s+guess\b|\bdo\s+not\s+(?:refuse|abstain|leave)\b|\bmost\s+(?:probable|likely)\s+(?:answer|option)\b",
    re.IGNORECASE,
)
_TAG = re.compile(r"<([A-Za-z][\w-]{1,20})>")
_THINKS = re.compile(r"think|thought|reason|analysis|cot|scratch|reflect|explain|rationale", re.IGNORECASE)
_NO_TAGS = frozenset(("image", "video", "audio", "start", "end", "letter", "option", "b", "i", "font", "div", "p"))


def read_form(
    text: str, labels: Sequence[str], *, question: str, lettered: bool, response_format: Mapping[str, Any] | None = None
) -> Form:
    """The form that a prompt wants.

    Args:
        text: what the prompt says beside options and context.
        question: what it asks; it may say that several options are right.
        labels: how it names its options; empty where it has none.
        lettered: whether these labels stand in the prompt, so that one is written, not the option's text.
        response_format: as in a request of OpenAI's API.

    Raises:
        PromptError: if `response_format` cannot be kept to.
    """
    schema = json_form(text, response_format)
    value = _value(text, question, bool(labels))
    if value == "choice" and schema is not None and schema.get("type") == "array":
        value = "choices"
    shows: Literal["label", "both", "text"] = "label"
    if labels and _BOTH.search(text):
        shows = "both"
    elif labels and (not lettered or _TEXT.search(text)):
        shows = "text"
    tags = _tags(text)
    return Form(
        value=value,
        labels=tuple(labels),
        shows=shows,
        joint=_joint(text) if value in ("choices", "order") else ", ",
        clock=_clock(text),
        box=next((unit for pattern, unit in _BOX_UNITS if re.search(pattern, text, re.IGNORECASE)), "fraction"),
        sized=bool(_SIZED.search(text)),
        sentence="" if schema else _sentence(text, value),
        tags=tags,
        schema=schema,
        hint=_hint(text) if value == "words" else "",
        demanded=bool(_DEMANDS.search(text)),
    )


def closed_words(text: str) -> tuple[str, ...]:
    """The words of which a prompt wants one (`yes` or `no`), as it writes them; empty where it names none."""
    for match in _EITHER.finditer(text):
        written = [word for word in match.groups() if word]
        words = [word.strip("\"'“”‘’`* ") for word in written]
        small = tuple(word.lower() for word in words)
        known = any(set(pair) <= set(small) for pair in _CLOSED)
        quoted = all(word[0] in "\"'“”‘’`*" for word in written) and not ASKS_JSON.search(text)
        if known or (quoted and len({word.lower() for word in words}) == len(words)):
            return tuple(dict.fromkeys(words))
    return ()


def _value(text: str, question: str, has_options: bool) -> Value:
    if has_options:
        if (
            _ORDER.search(text)
            and _ORDERED.search(text)
            and re.search(r"\b(?:sequence|order)\s+of|\border\b.{0,60}\b(?:letters|labels|numbers)", text, re.I)
        ):
            return "order"
        return "choices" if _SEVERAL.search(text) or _SEVERAL.search(question) else "choice"
    many = bool(_MANY.search(text))
    if _BOX.search(text):
        return "boxes" if many else "box"
    if _BOUNDS.search(text):
        return "spans" if many else "span"
    if _NUMBER.search(text) and not re.search(r"\b(?:words?|phrase)\b", text):
        return "number"
    if _TIMES.search(text):
        return "times" if many or re.search(r"\btimestamps\b", text, re.IGNORECASE) else "time"
    return "words"


def _tags(text: str) -> tuple[str, ...]:
    """The tags around the answer, in order; none of those for thoughts, and none that a sentence about these names."""
    found: dict[str, None] = {}
    for match in _TAG.finditer(text):
        if match[1] in found or text.rfind(f"</{match[1]}>") < match.end():
            continue
        sentence = text[max(text.rfind("\n", 0, match.start()), text.rfind(". ", 0, match.start())) + 1 : match.start()]
        thought = _THINKS.search(match[1]) or (_THINKS.search(sentence) and match[1].lower() != "answer")
        if not thought and match[1].lower() not in _NO_TAGS:
            found[match[1]] = None
    return tuple(found)


def _sentence(text: str, value: Value) -> str:
    spans = value in ("span", "spans")
    found = read_sentence(text, spans=spans)
    if spans or value in ("choice", "choices", "number", "time", "words", "order"):
        return found
    return ""


def _joint(text: str) -> str:
    """What stands between several labels, as an example in the prompt shows."""
    if re.search(r"[\"'“(:]?\b[A-D]\s?(?:->|→)\s?[A-D]\b", text):
        return "->"
    if re.search(r"\b[A-D], ?[A-D]\b(?!,? or)|\bcommas?\b", text):
        return ", " if re.search(r"\b[A-D], [A-D]\b", text) else ","
    together = re.search(
        r"\b(?!AD\b|BC\b|CD\b|DC\b)[A-F]{2,6}\b|\bwithout\s+(?:spaces|separators?|commas)\b|\b(?:AC|BD|AD|CD|BC)D?\b",
        text,
    )
    return "" if together else ", "


def _clock(text: str) -> Literal["", "mm:ss", "hh:mm:ss"]:
    if re.search(r"\bh{1,2}:mm:ss\b|\b\d{2}:\d{2}:\d{2}\b", text, re.IGNORECASE):
        return "hh:mm:ss"
    return "mm:ss" if re.search(r"\bm{1,2}:ss\b|(?<![\d:])\d{1,3}:\d{2}(?![\d:])", text, re.IGNORECASE) else ""


def _hint(text: str) -> str:
    return next((hint for pattern, hint in _HINTS if re.search(pattern, text, re.IGNORECASE)), "")
