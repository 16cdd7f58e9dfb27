"""Answers from a part of the videos alone: what goes on at this moment, and whether what is waited for has come."""

from __future__ import annotations

import re
from collections.abc import Generator, Sequence
from dataclasses import replace

from ....memory import Span, clock
from ...answer import Draft
from ...steps import Call, CallResult
from ...text_matching import STOP, content, numbers, same_word, tokens
from .passages import HeuristicContext, Passage, on_one_line, quoting, readings, utterances
from .question_parser import ParsedQuestion
from .ranking import GOOD, Ranking
from .retrieval import Retrieval
from .state_question import CHANGE

_GOING_ON = frozenset(
    content("doing happening going being talking speaking saying shown showing visible goes said moment")
)
_OUTSIDE = frozenset(
    content(
        "says say saying said mention mentions talk talks speak speaks tell tells hear see show shows shown "
        "appear appears someone somebody anyone anybody something starts start begins begin gets get becomes become "
        "again discuss discusses screen sign written displayed read reads word words"
    )
)
"""Words of an event that hardly stand in what tells of it: that it is said or shown, and that it begins."""
_NOT_YET = re.compile(
    r"\b(?:will|going to|gonna|about to|soon|later|if|when|until|before|should|would|could|might|not|never|no|unless|"
    r"wird|werden|va a)\b|n't\b|'ll\b",
    re.IGNORECASE,
)
_MENTIONED = re.compile(
    r"\b(?:mention\w*|talk\w*|says?|said|speaks?|spoken|tells?|told|hears?|heard|discuss\w*|names?|named)\b",
    re.IGNORECASE,
)
"""An event that is in the words themselves: a plan tells of a ladder as well as a ladder that is there."""
_ENOUGH, _ALIKE = 0.5, 0.6
"""Share of an event's words, and cosine of its meaning, that together tell that it has come."""


def read_part(
    question: ParsedQuestion, contexts: dict[str, HeuristicContext]
) -> Generator[Call, CallResult, Retrieval]:
    """Read what was said and shown in the part; the loop's first look has made the same calls."""
    passages: list[Passage] = []
    for video, context in contexts.items():
        own: list[Passage] = []
        for tool, channel, read in (("transcribe", "speech", utterances), ("read_text", "screen_text", readings)):
            if channel in context.video.get("channels", ()):
                own += read((yield context.over(tool, context.whole)), video)
        passages += [_inside(p, context.whole) for p in own if p.span.overlap(context.whole) > 0]
    return Retrieval(question=question, contexts=contexts, passages=tuple(sorted(passages, key=lambda p: p.span.end)))


def _inside(passage: Passage, part: Span) -> Passage:
    """A text that stands on the screen longer than the part lasts counts for the part alone."""
    return replace(passage, span=passage.span.within(part)) if passage.channel == "screen_text" else passage


def at_this_moment(retrieval: Retrieval) -> Draft:
    """What is said and shown last; where the question is about something, the last that tells of it."""
    question, parts = retrieval.question, [context.whole for context in retrieval.contexts.values()]
    passages = [p for p in retrieval.passages if question.channel in (None, p.channel)]
    topic = [word for word in content(" ".join(question.topic)) if word not in _GOING_ON]
    if topic:
        ranking = Ranking(question, passages)
        told = [r for r in ranking.rank() if r.fit >= GOOD or _share(topic, r.text) >= 0.99]
        told.sort(key=lambda r: (r.passage.span.end, r.fit))
        passages = [told[-1].passage] if told else []
    latest = [p for channel in ("speech", "screen_text") if (p := _last(passages, channel)) is not None]
    if not latest:
        named = f"“{' '.join(question.topic)}” is not told of" if topic else "Nothing is heard or read"
        return retrieval.first.abstain(f"{named} from {parts[0]}, which is all that counts for this moment.")
    yes = "yes: " if question.kind == "yes_no" else ""
    text = "; ".join(f"{retrieval.name(p)}{'on the screen: ' if p.channel == 'screen_text' and len(latest) > 1 else ''}"
                     f"{on_one_line(p.text)}" for p in latest)  # fmt: skip
    return quoting(yes + text, latest, 0.7)


def _last(passages: Sequence[Passage], channel: str) -> Passage | None:
    return max((p for p in passages if p.channel == channel), key=lambda p: p.span.end, default=None)


def _share(words: Sequence[str], text: str) -> float:
    """Share of some stems that stand in a text."""
    have = content(text)
    return sum(any(same_word(word, one) for one in have) for word in words) / max(len(words), 1)


def has_come(retrieval: Retrieval, event: str) -> Draft:
    """The first passage that tells that what is waited for is so; an abstention while none does."""
    words = [word for word in content(" ".join(t for t in tokens(event) if t not in STOP)) if word not in _OUTSIDE]
    words = words or content(event)
    begun = {video: context.whole.start for video, context in retrieval.contexts.items()}
    for p in sorted(retrieval.passages, key=lambda p: p.span):
        if p.span.start >= begun[p.video] - 0.05 and _tells(p, words, event):
            at = p.span.start
            text = f"{retrieval.name(p)}at {at:.1f} s ({clock(at)}): “{on_one_line(p.text)}”"
            return quoting(text, [p], 0.8)
    parts = ", ".join(str(context.whole) for context in retrieval.contexts.values())
    return retrieval.first.abstain(f"not yet: nothing in {parts} tells of it.")


def _tells(passage: Passage, words: Sequence[str], event: str) -> bool:
    wanted, there = numbers(event), numbers(passage.text)
    if any(number not in there for number in wanted):
        return False
    denied = _NOT_YET.search(passage.text) and not _NOT_YET.search(event) and not _MENTIONED.search(event)
    if denied and passage.channel == "speech":
        return False
    share = _share(words, passage.text)
    if share >= 0.99 or (wanted and passage.channel == "screen_text" and len(wanted) > 1):
        return True
    return share >= _ENOUGH and (
        passage.similarity >= _ALIKE or bool(CHANGE.search(passage.text)) and bool(CHANGE.search(event))
    )
