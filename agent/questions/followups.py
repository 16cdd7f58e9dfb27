"""Follow-up questions: what one that cannot stand alone is about, from what was asked and answered before.

The patterns are English; a question in another language, or one that has words of its own, stays as it is.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile

from ...memory import MediaURI, Span, clock
from ..answer import Answer
from ..text_matching import STOP, tokens

_WIDE = 0.8  # a citation of more than this share of what was cited and left says no place
_MOST_QUOTED = 8  # words of a quotation that stand for it
_MOST_TOPIC = 4  # words of a topic that take the place of a pronoun

_AFTER = re.compile(
    r"\b(?:right |just |soon |shortly |immediately )?(?:after (?:that|this|it)|afterwards?|thereafter|"
    r"(?:later(?: on)?|next|(?<!day )(?<!time )after)(?=\s*[?.!,]|$)|(?<!if )(?<!by )(?<!until )(?<!since )then)\b",
    re.IGNORECASE,
)
_BEFORE = re.compile(
    r"\b(?:right |just |shortly |immediately )?(?:before (?:that|this|it)|beforehand|"
    r"(?:earlier|(?<!day )(?<!time )(?<!as )before)(?=\s*[?.!,]|$))(?!\w)",
    re.IGNORECASE,
)
_MEANWHILE = re.compile(
    r"\b(?:at (?:that|this|the same) (?:time|moment|point)|(?:while|during|in) (?:that|this) (?:part|scene|moment)|"
    r"meanwhile|(?<!by )(?<!until )(?<!since )at that)\b",
    re.IGNORECASE,
)
_LEAD = re.compile(r"^\s*(?:(?:and|but|so|ok(?:ay)?|well|what about|how about)\b[\s,]*)+", re.IGNORECASE)
_ASKING = re.compile(r"^(?:who|whom|whose|what|which|when|where|why|how(?: many| much| often| long)?)\b", re.IGNORECASE)
_OF_THAT = re.compile(
    rf"^(?P<asking>{_ASKING.pattern[1:]}) (?:is|was|were|did|does) (?:that|this|it)"
    r"(?: (?:happen|be|take place|said|shown))?$",
    re.IGNORECASE,
)
_OF_WHOM = re.compile(r"^(?:about|at|by|for|from|in|of|on|to|with) (?:whom?|what|which|where)$", re.IGNORECASE)
_PERSON = re.compile(r"\b(?:he|she|him|his|hers?|they|them|their|theirs)\b", re.IGNORECASE)
_THING = re.compile(
    r"(?<!time is )(?<!time was )\b(?:its?|they|them|their)\b"
    r"(?! (?:is )?(?:said|written|mentioned|possible|true|raining|snowing|sunny|dark|day|night)\b)|"
    r"(?<=about )(?:that|this|those|these)\b|(?<=of )(?:that|this|those|these)(?=\s*[?.!,]|$)",
    re.IGNORECASE,
)
_TIME = re.compile(r"\b(?:after|before|at|between) \d[\d:.]*(?: and \d[\d:.]*)?")
_ORDINAL = re.compile(
    r"\b(?:first|second|third|fourth|fifth|sixth|seventh|eighth|ninth|tenth|last|next|\d+(?:st|nd|rd|th))\b",
    re.IGNORECASE,
)
_OWNING = frozenset(("his", "hers", "their", "theirs", "its"))
_VERB = re.compile(
    r"\b(?:is|are|was|were|be|do|does|did|has|have|had|can|could|will|would|shall|should|may|might|must)\b",
    re.IGNORECASE,
)
_DETERMINED = re.compile(r"\b(?:the|an?|my|our|your|his|her|its|their|this|that|these|those) ", re.IGNORECASE)
_PREPOSITION = re.compile(r"^(?:about|in|on|at|for|of|from|with|behind|beside|near|under|to|by)\b", re.IGNORECASE)
_GENERIC = frozenset(
    """say says said saying tell tells told mention mentions mentioned talk talks talked speak speaks spoken hear heard
    show shows shown showing appear appears see seen read reads written write writes happen happens happened happening
    now still currently yet happening anymore
    come comes go goes going video clip film scene part screen next last first again else exactly please also too just
    anyone anybody someone somebody something anything thing things name called kind time many much one more it's what's
    who's that's""".split()
)
"""Words that questions about videos are made of, beside the stop words: they tell no topic."""
_COMING = frozenset("happen happens happened happening come comes came go goes going else".split())
_NEAREST = re.compile(r"\b(?:after|before) (?=\d)", re.IGNORECASE)
_SENSES = {"transcribe": "What is said", "read_text": "What is written on the screen"}


@dataclass(frozen=True, slots=True)
class FollowUp:
    """A question as it can be understood alone."""

    text: str
    video: str | None = None
    """The video of the place that it points to, where it points to one."""


def complete(text: str, questions: Sequence[str], answers: Sequence[Answer]) -> FollowUp:
    """Return a follow-up with what it leaves out; a question that can stand alone comes back as it is.

    The `questions` before it are the completed ones, oldest first.
    """
    if not questions:
        return FollowUp(text)
    text = " ".join(text.split())
    placed, video = _with_time(text, answers)
    if video is not None:
        if _topic(text):
            return FollowUp(_with_names(placed, questions, answers), video)
        own = _LEAD.sub("", placed)
        if not (_ASKING.match(own) and _says_what(text)):
            tool = next((answer.evidence[0].tool for answer in reversed(answers) if answer.evidence), "")
            time = _TIME.search(placed)
            own = f"{_SENSES.get(tool, 'What happens')} {time[0].rstrip('.') if time else ''}?"
        if not own.startswith("What happens"):  # only what comes next, not all that comes after
            own = _NEAREST.sub(lambda m: f"{'first' if m[0].lower() == 'after ' else 'last'} {m[0]}", own, count=1)
        return FollowUp(own, video)
    bare = _LEAD.sub("", text).rstrip(" ?.!")
    of_that = _OF_THAT.match(bare)
    if _ASKING.fullmatch(bare) or of_that or _OF_WHOM.match(bare):
        rest = _ASKING.sub("", questions[-1], count=1).strip()
        asking = of_that["asking"] if of_that else bare
        if asking.lower() == "when" and not _topic(_ORDINAL.sub(" ", _TIME.sub(" ", rest))):
            rest = _told(answers[-1]) or rest
        return FollowUp(f"{asking} {rest}")
    if bare and bare != text.rstrip(" ?.!") and not _VERB.search(bare) and not _ASKING.match(bare):
        return FollowUp(_instead(bare, questions[-1]))
    return FollowUp(_with_names(text, questions, answers))


def _with_time(text: str, answers: Sequence[Answer]) -> tuple[str, str | None]:
    """The text with `then`, `before that` and the like as times, and the video of the place that they mean."""
    place = next((found for answer in reversed(answers) if (found := _place(answer))), None)
    if place is None:
        return text, None
    video, span = place
    start, end = clock(math.floor(10 * span.start) / 10), clock(math.ceil(10 * span.end) / 10)
    for pattern, time in (
        (_MEANWHILE, f"between {start} and {end}" if span.end > span.start else f"at {start}"),
        (_AFTER, f"after {end}"),
        (_BEFORE, f"before {start}"),
    ):
        changed = pattern.sub(time, text, count=1)
        if changed != text:
            return changed, video
    return text, None


def _place(answer: Answer) -> tuple[str, Span] | None:
    """Video and span that an answer is about: from the first to the last of what it cites of its first video."""
    cited = [MediaURI.parse(item.uri) for item in answer.evidence if item.supported]
    spans = [place.span for place in cited if place.span is not None and place.video == cited[0].video]
    if not spans:
        return None
    whole = max(span.end for span in spans) - min(span.start for span in spans)
    if len(spans) > 1:  # "the whole of it", beside the places in it
        spans = [span for span in spans if span.end - span.start < _WIDE * whole] or spans
    return cited[0].video, Span(min(span.start for span in spans), max(span.end for span in spans))


def _told(answer: Answer) -> str:
    """What was just told, as something that has a time: `is “…” said?`; empty where nothing was quoted."""
    quoted = next((item for item in answer.evidence if item.quote), None)
    if answer.abstained or quoted is None or not quoted.quote:
        return ""
    words = " ".join(re.sub(r"[“”\"]", "", quoted.quote).split()[:_MOST_QUOTED])
    return f"is “{words}” {'shown' if quoted.tool == 'read_text' else 'said'}?"


def _says_what(text: str) -> bool:
    """Return whether it says what is asked for: by words for a sense (says, shown), not only that something comes."""
    return any(token not in STOP | _COMING for token in _untimed(text))


def _instead(part: str, question: str) -> str:
    """The question before, with another part in the place of one of its own: `and on the poster?`, `and Maria?`."""
    question = _TIME.sub(" ", question).rstrip(" ?.!")
    preposition = _PREPOSITION.match(part)
    if preposition:
        head = re.split(rf"\b{preposition[0]}\b", question, maxsplit=1, flags=re.IGNORECASE)
        return f"{head[0].strip()} {part}?"
    names = _names(question)
    ordinals = _ORDINAL.search(question), _ORDINAL.search(part)
    if all(ordinals):
        return f"{_ORDINAL.sub(ordinals[1][0], question, count=1)}?"  # type: ignore[index]
    if names and part[0].isupper():
        return f"{question.replace(names[-1], part)}?"
    last = next((word for word in reversed(question.split()) if _topic(word)), "")
    if not last:  # it had only a time
        return f"What is said about {part}?" if _topic(part) else f"{question} {part}?"
    if _DETERMINED.match(part):  # takes the place of the whole, with its own article
        whole = rf"(?:{_DETERMINED.pattern}(?:[\w'-]+ ){{0,2}}?)?\b{re.escape(last)}(?!\w)"
        return re.sub(whole, lambda _: part, question, count=1) + "?"
    words = " ".join(part if word == last else word for word in question.split())
    return re.sub(rf"\b(?:the|an?) {re.escape(part)}$", part, words) + "?"


def _with_names(text: str, questions: Sequence[str], answers: Sequence[Answer]) -> str:
    """The text with whom or what its first pronoun stands for, where it has hardly a topic of its own.

    The name is that of the last question, or the last answer, that has one.
    """
    if len(_topic(text)) > 1:
        return text
    person, thing = _PERSON.search(text), _THING.search(text)
    if person:
        turns = zip(reversed(questions), reversed(answers), strict=True)
        who = next((names for asked, answer in turns if (names := _names(asked) or _names_told(asked, answer))), None)
        if who:
            return _put(text, person, who[-1])
    if thing:
        what = _thing(questions[-1]) or next(reversed(_names(questions[-1])), None)
        if what:
            return _put(text, thing, what)
    return text


def _thing(question: str) -> str | None:
    """The last thing that a question names after an article or a preposition: `the red car`, `marketing`."""
    words = question.rstrip(" ?.!").split()
    for at in range(len(words) - 1, -1, -1):
        if words[at].lower() not in ("the", "a", "an") and not _PREPOSITION.fullmatch(words[at]):
            continue
        run = list(takewhile(lambda word: _topic(word) and not word[0].isupper(), words[at + 1 :]))
        after_preposition = at > 0 and _PREPOSITION.fullmatch(words[at - 1]) or _PREPOSITION.fullmatch(words[at])
        if len(run) > 1 and at + 1 + len(run) == len(words) and not after_preposition:
            run = run[:-1]  # "when does the red car arrive"
        if run:
            article = "" if _PREPOSITION.fullmatch(words[at]) else "the "
            return article + " ".join(run[:_MOST_TOPIC])
    return None


def _put(text: str, pronoun: re.Match[str], name: str) -> str:
    owned = pronoun[0].lower() in _OWNING or (
        pronoun[0].lower() == "her" and re.match(r"\s+[a-z]+\s*[?.!]*$", text[pronoun.end() :]) is not None
    )
    owner = f"{name}'s" if owned else name
    return f"{text[: pronoun.start()]}{owner}{text[pronoun.end() :]}"


def _names(text: str) -> list[str]:
    found = re.findall(r"(?<=[^\s.!?:])\s+((?:[A-ZÀ-Þ][\w'’-]*[^\W_])(?:\s+[A-ZÀ-Þ][\w'’-]*[^\W_])*)", text)
    return [name for name in found if name.lower() not in STOP]


def _names_told(question: str, answer: Answer) -> list[str]:
    """Names in an answer; where it was asked who, its first word may be one too."""
    names = _names(answer.text)
    first = re.match(r"\W*([A-ZÀ-Þ][\w-]+)", answer.text)
    if not names and first and not answer.abstained and re.match(r"\W*who", question, re.IGNORECASE):
        names = [first[1]] if first[1].lower() not in STOP | _GENERIC else []
    return names


def _topic(text: str) -> list[str]:
    """Words that say what it is about: neither stop words nor those that any question about a video may have."""
    return [token for token in _untimed(text) if token not in STOP and token not in _GENERIC]


def _untimed(text: str) -> list[str]:
    return tokens(_AFTER.sub(" ", _BEFORE.sub(" ", _MEANWHILE.sub(" ", text))))
