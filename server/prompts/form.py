"""What a prompt says of the answer's form: what it is, how times and boxes are written, and what stands around it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from .objects import ASKS_JSON, json_form, plain_object
from .phrases import phrases
from .prompt import Form, Value
from .sentences import read_sentence

_OPTIONS = r"(?:options?|answers?|choices?|letters?)"
_SEVERAL = phrases(
    r"(?:select|choose|pick|mark|list|give|check) (?:all|every|each|any)\b",
    rf"every (?:\w+ ){{1,2}}{_OPTIONS}\b",
    rf"all (?:that apply|(?:of )?(?:the )?(?:correct|right|true|applicable|relevant|valid|matching) {_OPTIONS})\b",
    rf"(?:one or more|more than one) (?:(?:correct|right) )?{_OPTIONS}\b",
    r"(?:multiple|several) (?:(?:correct|right) )?(?:answers|letters)\b",
    r"(?:multiple|several) (?:correct|right) (?:options|choices)\b",
    r"(?:correct|right) letters\b",
    r"which (?:of \w+ (?:\w+ )?|ones |options )are (?:correct|true|right)\b",
    r"multi[- ]?(?:select|answer|response|label)\b",
    r"(?:indefinite|uncertain)[- ]choice\b",
    before=r"\b",
)
_ORDER = phrases(
    r"(?:sequence|order) of\b[^\n]{0,60}\b(?:letters?|labels?|numbers?|options?|indices)\b",
    r"order\b.{0,60}\b(?:letters|labels|numbers)\b",
    before=r"\b",
)
_ARRANGES = phrases(r"\b(?:sort|arrange|re-?order|rank|put) (?:[\w-]+ ){1,6}?(?:in|into|by)\b")
_SEQUENCE = re.compile(r"\bletters\b|\b[A-F]{2,6}\b|\b[A-F]\s?(?:->|→|>|,)\s?[A-F]\b(?!,)")
"""How a prompt that has its options arranged speaks of the answer."""
_BOTH = phrases(
    r"\bletter,? (?:and|with|followed by|together with|along with) (?:(?:the|its|your) )?(?:\w+ ){0,3}"
    r"(?:text|content|description|wording|option|answer)\b",
    r"<[^<>\n]{0,20}(?:number|letter|label)>\W{1,3}<[^<>\n]{0,20}(?:text|content)>",
    r"\b(?:complete|full|whole|entire) option\b(?!\s*['’]?s?\s*text (?:only|without))",
    r"\boption (?:with|including) (?:its|the) (?:letter|label)\b",
)
_TEXT = phrases(
    r"(?:text|content|wording|words) of (?:the|your|an?|one) (?:\w+ ){0,3}(?:option|choice|answer|candidate)\b",
    r"(?:option|choice|candidate)['’]?s? (?:text|content)\b",
    r"exactly as (?:it is )?(?:written|given|listed|shown)\b",
    r"not (?:the|its|a|just the) (?:letter|label)\b",
    r"without (?:the|its|any) (?:letter|label)\b",
    before=r"\b",
)
_NUMBER = phrases(
    r"(?:as|with|using|in|is|be|than|output|give|return|provide|respond|reply|answer|only|just) "
    r"(?:(?:the|only|just|be) )*(?:(?:an?|one) )?"
    r"(?:(?:single|exact|positive|whole|final|non-negative|numerical|arabic|decimal|plain) )*"
    r"(?:integer|number|numeral|digit|float|count|numeric(?:al)? (?:value|answer)|value)\b"
    r"(?! (?:of (?:the )?(?:option|correct)|from))",
    r"(?:integer|number|digits?) only\b",
    r"numeric(?:al)? (?:answer|value)\b",
    before=r"\b",
)
_BOUNDS = phrases(
    r"\b(?:start(?:ing)?|begin(?:ning)?)\b(?:[\s_]*(?:time|timestamp|second|point)s?)?[^\n.?]{0,24}?"
    r"(?:\band\b|\bto\b|[-–,/&])[^\n.?]{0,24}?\b(?:end(?:ing)?|finish|stop)\b",
    r"[\[(<{]\s*(?:start|s|t_?s)\w*\s*,\s*(?:end|e|t_?e)\w*\s*[\])>}]",
    r"<\s*(?:start|s)\w*\s*>[^\n]{0,20}<\s*(?:end|e)\w*\s*>",
    r"\btime\s*(?:range|span|interval|window|segment|period)s?\b",
    r"\btemporal (?:window|segment|boundar(?:y|ies)|interval|span|range|location)s?\b",
    r"mm:ss(?:\.\w{1,3})?[^\n\w]{1,6}(?:to )?(?:hh:)?mm:ss",
)
_ONLY_PLACES = phrases(
    r"(?:(?:only|just) (?:output|return|give|provide|report|write|predict)|"
    r"(?:output|return|give|provide|report|write|predict) (?:only|just|nothing but)) "
    r"(?:(?:the|all|me|its|clue|relevant|temporal|time) ){0,3}"
    r"(?:intervals?|spans?|segments?|moments?|windows?|ranges?|timestamps?|start)\b",
    before=r"\b",
)
"""Places in time alone are wanted, also where the question has options."""
_TIMES = phrases(
    r"time\s?-?stamps?\b",
    r"(?:time|moment|second) (?:in|as|at which|when)\b",
    r"(?:only|just) (?:the |a |one )?second\b(?! \w)",
    r"(?:in|as) (?:the )?(?:format )?(?:hh:)?mm:ss\b",
    r"in seconds\b",
    r"at <(?:time|timestamp|second)s?\b",
    before=r"\b",
)
_MANY = phrases(
    r"\b(?:all|every|each|multiple|several|lists?)\b[^\n.?]{0,60}\b(?:segments?|moments?|intervals?|windows?|spans?|ranges?|"
    r"timestamps?|times|clips|occurrences?|boxes|instances)\b",
    r"\[\s*[\[(]|\b(?:lists?|array) of [\[(]",
)
_BOX = phrases(
    r"\bbounding\s?-?box(?:es)?\b",
    r"\bbbox(?:es)?\b",
    r"\bbox coordinates\b",
    r"[\[(<]\s*x_?(?:min|1|0|top)?\s*,\s*y",
)
_SIZED = phrases(r"x\s*,\s*y\s*,\s*w(?:idth)?\b", r"\bwidth\b[^\n.]{0,20}\bheight\b")
_BOX_UNITS: tuple[tuple[re.Pattern[str], Literal["percent", "thousandth", "pixel"]], ...] = (
    (phrases(r"\b0\s*(?:-|–|to|,|and)\s*(?:1000|999)\b", r"\b1000\s*[x×]\s*1000\b", r"\bthousand"), "thousandth"),
    (phrases(r"\bpixels?\b", r"\bwidth and height of the (?:frame|image|video)\b"), "pixel"),
    (phrases(r"\b0\s*(?:-|–|to|,|and)\s*100\b", r"\bpercent"), "percent"),
)
_CLOSED = tuple(
    frozenset(pair.split())
    for pair in ("yes no", "true false", "possible impossible", "correct incorrect", "right wrong", "real fake")
)
_QUOTE = r"[\"'“”‘’`*]{0,2}"
_EITHER = phrases(
    r"\b(?:answer|respond|reply|output|say|write|return|select|choose|response|with|only|either)\b[^\n?？]{0,80}?(?<![\w])"
    rf"({_QUOTE}[a-z][\w-]{{1,24}}{_QUOTE})\s*(?:,?\s*\bor\b|,?\s*\band\b|/|,)\s*(?:with )?"
    rf"({_QUOTE}[a-z][\w-]{{1,24}}{_QUOTE})(?![\w])(?:\s*,?\s*or\s*({_QUOTE}[a-z][\w\x20-]{{1,24}}{_QUOTE}))?"
)
"""Two or three words of which one is wanted: `answer with "Yes" or "No"`."""
_OFFERED_BEHIND = re.compile(
    r"(?:\s*[(\[]|(?<=[?？.!])\s+|,\s*)\s*(\w{2,10})\s*(?:/|\bor\b)\s*(\w{2,10})\s*[)\]]?\s*(?P<sign>[?？]?)[.:]?\s*$",
    re.IGNORECASE,
)
_OFFERED_BEFORE = re.compile(r"^\W{0,6}(\w{2,10})\s*(?:/|\bor\b)\s*(\w{2,10})(?P<sign>)\s*[?？:：]\s*", re.IGNORECASE)
"""Two words to choose from at an end of a question."""
_PLAIN_JSON = phrases(
    r"\b(?:as|in|valid|output|return|respond with|reply with|answer with) (?:(?:an?|only|valid|plain) ){0,2}json\b"
)
"""JSON without an example or keys."""
_HINTS = (
    (phrases(r"\b(?:single|one) word or (?:(?:a|short) )*phrase\b"), "Answer with a single word or a short phrase."),
    (phrases(r"\b(?:single|one)[\s-]+word\b(?! or)"), "Answer with a single word."),
    (
        phrases(
            r"\b(?:short|brief|concise)\b(?:,? and (?:\w+ )?| )(?:phrase|answer|response|reply)",
            r"\b(?:few|several) words\b",
            r"\bin a phrase\b",
            r"\b(?:briefly|concisely)\b",
            r"\b(?:short|be|brief) (?:and )?concise\b",
        ),
        "Answer with a short phrase.",
    ),
    (phrases(r"\b(?:one|single)[\s-]+sentence\b"), "Answer in one sentence."),
    (phrases(r"\bstep[\s-]+by[\s-]+step\b", r"\bin detail\b", r"\bdetailed\b"), "Answer in detail."),
)
_DEMANDS = phrases(
    r"(?:even )?(?:if|when) (?:you (?:are|feel) |you['’]re )?(?:un(?:sure|certain)|not (?:sure|certain)|"
    r"you (?:do not|don['’]t) know)[^\n]{0,80}\b(?:answer|guess|choose|select|pick|give|output)",
    r"(?:must|always|have to) (?:always )?(?:choose|select|pick|give|answer|guess|provide)\b",
    r"answer must be (?:given|chosen|provided)\b",
    r"still (?:provide|give|choose|select|answer)\b",
    r"try your best to guess\b",
    r"make (?:a|your) (?:best )?guess\b",
    r"(?:best|educated) guess\b",
    r"do not (?:refuse|abstain|leave)\b",
    r"most (?:probable|likely) (?:answer|option)\b",
    before=r"\b",
)
_UNKNOWN = phrases(
    r"(?:if|when|where)\b[^\n.]{0,80}\b(?:not|no|never|none|cannot|can['’]t|insufficient|unanswerable|unsure|unknown|irrelevant|incorrect)\b"
    r"[^\n.]{0,60}\b(?:answer|respond|reply|output|write|say|return)\b[^\n.\"'“‘]{0,12}"
    r"(?:[\"'“‘](?P<said>[^\n\"'”’]{2,60})[\"'”’]|(?P<numbers>\[[\d\s.,-]{2,20}\]))",
    r"(?:answer|respond|reply|output|write|say|return)\b[^\n.\"'“‘]{0,12}[\"'“‘](?P<first>[^\n\"'”’]{2,60})[\"'”’],? "
    r"(?:if|when|where)\b[^\n.]{0,80}\b(?:not|no|never|none|cannot|can['’]t|insufficient|unanswerable|unsure|unknown)\b",
    before=r"\b",
)
"""What the prompt wants of somebody who finds no answer."""
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
    if schema is None and _PLAIN_JSON.search(text):
        schema = plain_object(value)
    if value == "choice" and schema is not None and schema.get("type") == "array":
        value = "choices"
    shows: Literal["label", "both", "text"] = "label"
    if labels and _BOTH.search(text):
        shows = "both"
    elif labels and (not lettered or _TEXT.search(text)):
        shows = "text"
    unknown = _UNKNOWN.search(text)
    return Form(
        value=value,
        labels=tuple(labels),
        shows=shows,
        joint=_joint(text) if value in ("choices", "order") else ", ",
        clock=_clock(text),
        box=next((unit for pattern, unit in _BOX_UNITS if pattern.search(text)), "fraction"),
        sized=bool(_SIZED.search(text)),
        sentence="" if schema else _sentence(text, value),
        tags=_tags(text),
        schema=schema,
        hint=_hint(text) if value == "words" else "",
        unknown="" if unknown is None else next(filter(None, unknown.groups())).strip(),
        demanded=bool(_DEMANDS.search(text)),
    )


def closed_words(text: str) -> tuple[str, ...]:
    """The words of which a prompt wants one (`yes` or `no`), as it writes them; empty where it names none."""
    for match in _EITHER.finditer(text):
        written = [word for word in match.groups() if word]
        words = [word.strip("\"'“”‘’`* ") for word in written]
        small = tuple(word.lower() for word in words)
        known = any(pair <= set(small) for pair in _CLOSED)
        quoted = all(word[0] in "\"'“”‘’`*" for word in written) and not ASKS_JSON.search(text)
        if known or (quoted and len({word.lower() for word in words}) == len(words)):
            return tuple(dict.fromkeys(words))
    return ()


def offered(question: str) -> tuple[str, tuple[str, ...]]:
    """A question without the two words that stand at one of its ends to be chosen from, and these.

    Such as `Does she leave? (yes/no)`, or `True or false: she leaves.`
    """
    for pattern in (_OFFERED_BEHIND, _OFFERED_BEFORE):
        found = pattern.search(question)
        known = _CLOSED if pattern is _OFFERED_BEHIND else _CLOSED[:2]
        if found and any({found[1].lower(), found[2].lower()} == pair for pair in known):
            asked = question[: found.start()].rstrip()
            sign = "" if asked.endswith((".", "?", "？", "!")) else found["sign"] or ""
            rest = f"{asked}{sign}{question[found.end() :]}".strip()
            if rest.strip("?."):
                return rest, (found[1], found[2])
    return question, ()


def _value(text: str, question: str, has_options: bool) -> Value:
    if has_options:
        if _ORDER.search(text) or (_ARRANGES.search(question) and _SEQUENCE.search(text)):
            return "order"
        if not _ONLY_PLACES.search(text):
            return "choices" if _SEVERAL.search(text) or _SEVERAL.search(question) else "choice"
    sentence = read_sentence(text, spans=True)
    many = bool(_MANY.search(text)) or "{value}" in sentence
    if _BOX.search(text):
        return "boxes" if many else "box"
    if _BOUNDS.search(text) or sentence:
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
    """The sentence around the answer; lists of times and boxes stand in none."""
    found = "" if value in ("times", "box", "boxes") else read_sentence(text, spans=value in ("span", "spans"))
    return "" if value == "spans" and found.startswith(("[", "(")) else found


def _joint(text: str) -> str:
    """What stands between several labels, as an example in the prompt shows."""
    if re.search(r"\b[A-F1-9]\s?(?:->|→)\s?[A-F1-9]\b", text):
        return "->"
    if re.search(r"\b[A-F], ?[A-F]\b(?!,? or)|\bcommas?\b", text):
        return ", " if re.search(r"\b[A-F], [A-F]\b", text) else ","
    return "" if re.search(r"\b[A-F]{2,6}\b|\bwithout\s+(?:spaces|separators?|commas)\b", text) else ", "


def _clock(text: str) -> Literal["", "mm:ss", "hh:mm:ss"]:
    if re.search(r"\bh{1,2}:mm:ss\b|\b\d{2}:\d{2}:\d{2}\b", text, re.IGNORECASE):
        return "hh:mm:ss"
    return "mm:ss" if re.search(r"\bm{1,2}:ss\b|(?<![\d:])\d{1,3}:\d{2}(?![\d:])", text, re.IGNORECASE) else ""


def _hint(text: str) -> str:
    return next((hint for pattern, hint in _HINTS if pattern.search(text)), "")
