"""Questions about who speaks: what somebody says, who says something, and when; each claim with what it rests on."""

from __future__ import annotations

import re
from collections.abc import Generator, Iterable, Sequence
from dataclasses import replace

from ....memory import MediaURI, Span
from ...answer import Draft, Evidence
from ...steps import Call, CallResult
from ...text_matching import STOP, tokens
from .passages import HeuristicContext, Passage, Speaker, Strategy, cite, from_to, on_one_line
from .question_parser import ParsedQuestion
from .ranking import WEAK, Ranking, sure
from .reading import allowed, in_order, why_not
from .retrieval import Retrieval

_ASKS_WHO = re.compile(
    r"\b(?:who|whose voice|which (?:person|speaker|voice))\b(?! (?:is|was|are|were) (?:in|shown|seen|visible)\b)"
    r".*\b(?:sa(?:y|ys|id|ying)|speak\w*|spoke|talk\w*|mention\w*|tell\w*|told|ask(?:s|ed)?|explain\w*|promis\w*|heard)\b",
    re.IGNORECASE,
)
_STRANGER = re.compile(
    r"\b(?:[Dd]o|[Dd]oes|[Dd]id) (?P<name>[A-Z][\w'’-]+(?: [A-Z][\w'’-]+)*) (?:ever )?"
    r"(?:say|speak|talk|mention|tell|ask|explain|promise)\b"
)
_TIMES = 8


def about_person(question: ParsedQuestion, videos: Iterable[HeuristicContext]) -> ParsedQuestion:
    """Return a question about speech with the person that it names, where the memory knows one.

    The name is no word of what is looked for: it is seldom in what its bearer says.
    """
    if question.channel != "speech" or _ASKS_WHO.search(question.text):
        return question
    known = dict.fromkeys(str(name) for context in videos for name in context.video.get("people", ()))
    for name in sorted(known, key=len, reverse=True):
        words = tokens(name)
        text = f" {' '.join(tokens(question.text))} "
        plain = all(word in STOP for word in words)  # Will, May: a name only as it is written
        if not words or f" {' '.join(words)} " not in text or (plain and name not in question.text):
            continue
        topic = tuple(word for word in question.topic if word not in words)
        loose = tuple(word for word in question.loose if word not in words)
        phrase = None if question.phrase and tokens(question.phrase) == words else question.phrase
        return replace(question, who=name, topic=topic, loose=loose, phrase=phrase)
    return question


def about_speakers(retrieval: Retrieval) -> Generator[Call, CallResult, Draft | None]:
    """Answer who says something, or when somebody speaks; None where neither is asked for."""
    question = retrieval.question
    known = any(context.video.get("people") for context in retrieval.contexts.values())
    if known and _ASKS_WHO.search(question.text):
        return who_speaks(retrieval)
    if question.who and question.kind in ("time", "how_long") and not question.topic and not question.phrase:
        return (yield from when_speaking(retrieval))
    return None


def who_speaks(retrieval: Retrieval) -> Draft:
    """The speaker of what fits best; of no words in particular, everybody who is heard there."""
    question = replace(retrieval.question, channel="speech", value=None)
    spoken = [p for p in allowed(retrieval) if p.channel == "speech" and p.tool == "transcribe"]
    spoken = [part for p in spoken for part in (p.parts or (p,))]
    if not question.topic and not question.phrase:
        heard = in_time(retrieval, spoken, question.order)
        named = list(dict.fromkeys(p.speaker for p in heard if p.speaker is not None))
        if not named:
            return retrieval.first.abstain("Nobody who was told apart is heard there.")
        first = [next(p for p in heard if p.speaker == speaker) for speaker in named]
        shown = tuple(e for p in first for e in (*cite(p), *_shown(retrieval, [p])))
        return Draft(text=", ".join(speaker.label for speaker in named), evidence=shown, confidence=0.7)
    ranked = in_order(retrieval, Ranking(question, spoken).rank())
    if question.phrase:
        exact = [r for r in ranked if question.phrase.lower() in r.text.lower()]
        ranked = exact or ranked
    if not ranked or ranked[0].fit < WEAK:
        return retrieval.first.abstain(why_not(retrieval, ranked[0] if ranked else None))
    best = ranked[0]
    text = f"“{on_one_line(best.text)}”"
    if best.passage.speaker is None:
        return Draft(
            text=f"somebody who was not told apart: {text}",
            evidence=tuple(cite(best.passage, best.text)),
            confidence=0.2,
        )
    evidence = (*cite(best.passage, best.text), *_shown(retrieval, [best.passage]))
    confidence = sure(best) * (1.0 if best.passage.speaker.confirmed else 0.7)
    return Draft(
        text=f"{retrieval.name(best.passage)}{best.passage.speaker.label}: {text}",
        evidence=evidence,
        confidence=confidence,
    )


def in_time(retrieval: Retrieval, passages: Sequence[Passage], order: int | None) -> list[Passage]:
    """Return passages in the order of time; only the first, second or last where that is asked for."""
    rows = sorted(passages, key=retrieval.moment)
    if order is None or not rows:
        return rows
    index = -1 if order == -1 else order - 1
    return [rows[index]] if index < len(rows) else []


def when_speaking(retrieval: Retrieval) -> Strategy:
    """Answer when, or for how long, a person speaks: by the turns, whatever words were made out in them."""
    person, found = retrieval.question.who, list[tuple[HeuristicContext, Span, Speaker]]()
    for context in retrieval.contexts.values():
        result = yield context.over("transcribe", context.window, who=person)
        for row in result.data.get("turns", ()):
            speaker = Speaker.of(row)
            if speaker is not None and row["kind"] == "voice":
                found.append((context, Span(*row["span"]), speaker))
    if not found:
        return retrieval.first.abstain(f"{person} is not heard there.")
    seconds = sum(span.duration for _, span, _ in found)
    order = retrieval.question.order
    if order is not None and retrieval.question.kind == "time":
        found = found[-1:] if order == -1 else found[order - 1 : order] or found[-1:]
    labels = list(dict.fromkeys(speaker.label for _, _, speaker in found))
    times = [f"{name_of(retrieval, context)}{from_to(span)}" for context, span, _ in found[:_TIMES]]
    more = f" and {len(found) - _TIMES} times more" if len(found) > _TIMES else ""
    text = f"{' / '.join(labels)}: {'; '.join(times)}{more}"
    if retrieval.question.kind == "how_long":
        text = f"about {seconds:.1f} seconds ({text})"
    evidence = [context.evidence(f"{speaker.label} speaks", span, "transcribe") for context, span, speaker in found]
    claims = [(speaker, one.uri) for (_, _, speaker), one in zip(found, evidence, strict=True)]
    evidence = [*evidence[:_TIMES], *_claims(retrieval, claims)]
    sure_of_all = all(speaker.confirmed for _, _, speaker in found)
    return Draft(text=text, evidence=tuple(evidence), confidence=0.8 if sure_of_all else 0.55)


def with_speaker(retrieval: Retrieval, draft: Draft) -> Draft:
    """The answer with whose words they are, if that is a guess, and with what the claim rests on.

    Words that are asked for as those of somebody whom nobody has named here are told with who does say them.
    """
    stranger = _STRANGER.search(retrieval.question.text) if retrieval.question.channel == "speech" else None
    if draft.abstained or (retrieval.question.who is None and stranger is None):
        return draft
    places = [MediaURI.parse(item.uri) for item in draft.evidence]
    meant = [
        p
        for p in retrieval.passages
        if p.speaker is not None
        and any(at.video == p.video and at.span is not None and at.span.overlap(p.span) > 0 for at in places)
    ]
    if retrieval.question.who is None and stranger is not None:
        labels = list(dict.fromkeys(p.speaker.label for p in meant if p.speaker is not None))
        if not labels:
            return draft
        text = f"{draft.text} ({' / '.join(labels)}; nobody here goes by {stranger['name']})"
        return replace(
            draft, text=text, evidence=(*draft.evidence, *_shown(retrieval, meant)), confidence=draft.confidence * 0.4
        )
    guesses = list(dict.fromkeys(p.speaker.label for p in meant if p.speaker is not None and not p.speaker.confirmed))
    text = f"{draft.text} ({'; '.join(guesses)})" if guesses else draft.text
    confidence = draft.confidence * (0.7 if guesses else 1.0)
    return replace(draft, text=text, evidence=(*draft.evidence, *_shown(retrieval, meant)), confidence=confidence)


def name_of(retrieval: Retrieval, context: HeuristicContext) -> str:
    """Return the name of a video before what is told of it, where there are several."""
    return f"{context.video['name']}: " if retrieval.many else ""


def _shown(retrieval: Retrieval, passages: Iterable[Passage]) -> list[Evidence]:
    return _claims(retrieval, [(p.speaker, str(MediaURI(p.video, p.span))) for p in passages if p.speaker is not None])


def _claims(retrieval: Retrieval, claims: Iterable[tuple[Speaker, str]]) -> list[Evidence]:
    """One piece of evidence for each claim of an identity: its exemplar, or the turn, where that is elsewhere."""
    made: dict[Speaker, Evidence] = {}
    for speaker, turn in claims:
        if speaker not in made:
            here = MediaURI.parse(speaker.exemplar).video in retrieval.contexts
            claim = f"who it is: {speaker.label}" + ("" if here else f", by {speaker.exemplar}")
            made[speaker] = Evidence(claim=claim, uri=speaker.exemplar if here else turn, tool="transcribe")
    return list(made.values())
