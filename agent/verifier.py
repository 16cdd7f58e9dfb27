"""check: does the evidence of an answer hold, by what this run really observed?"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from langchain_core.messages import AIMessage, AnyMessage, ToolMessage

from ..memory import MediaURI, Span
from .answer import Draft, Evidence
from .evidence import Piece, pieces_of
from .parsing.options import option_in
from .questions.question import Question, letter
from .steps import Call
from .text_matching import alphanumeric, content, coverage, tokens

SLACK = 0.5
"""Seconds by which a cited span may stick out of an observed one (rounding of times in text)."""

SENT_BACK = "Before the answer can be given: "
"""How the message begins that sends a draft back."""
NO_EVIDENCE = "Write the answer again with the number of the line that shows it in brackets, as in [3]."
"""What is said of a draft that cites nothing."""
_BARE_WORDS = frozenset(content("yes no true false none never always line lines second seconds minute minutes start"))
_WHEN = re.compile(r"\bwhen\b|\bwhat time\b|\bhow long\b|\bwann\b|\bcuándo\b", re.IGNORECASE)
_SHORT = 4
"""Letters of a quote that is held only by whole words: fewer stand inside of other words anywhere."""
TOO_EARLY = "Read the lines once more: answer from the one that comes nearest, with its number, or call a tool first."
"""What is said of one that gives up in plain words and has called no tool yet."""
NOTHING_SAID = "No answer was written."
"""Stands for an empty answer, which claims nothing."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """The draft with each piece of evidence marked, and what is missing, in words for the policy."""

    draft: Draft
    missing: tuple[str, ...]


def check(draft: Draft, question: Question, messages: Iterable[AnyMessage]) -> Verdict:
    """Verify format, spans, citations, quotes and option; an abstention needs no evidence, but a look."""
    messages = list(messages)
    tool_messages = [m for m in messages if isinstance(m, ToolMessage)]
    observed = [uri for m in tool_messages for uri in _uris(m)]
    pieces = pieces_of(tool_messages)
    missing: list[str] = []
    marked = []
    for item in draft.evidence:
        problem = _problem(item, question, observed, tool_messages)
        marked.append(replace(item, supported=problem is None))
        if problem:
            missing.append(problem)
    option = _option(draft, question)
    if question.options and not draft.abstained and option is None:
        missing.append(f"Choose one of the options {', '.join(letter(i) for i in range(len(question.options)))}.")
    if draft.abstained and draft.plain and pieces and not _looked(messages):
        missing.append(TOO_EARLY)
    bare_claim = not draft.abstained and not draft.evidence
    found = _found(draft, question, pieces) if bare_claim else None
    if draft.unknown:
        missing.append(_unknown(draft.unknown, max(pieces, default=0), found))
    elif bare_claim:
        missing.append(NO_EVIDENCE + (f" Its words stand in line [{found.n}]." if found else ""))
        marked = [_evidence(draft, found)] if found else []
    stray = "" if missing else _stray(draft, question, pieces)
    if stray and (found := _found(draft, question, pieces)):  # the number is of another line than the words
        marked, stray = [*marked, _evidence(draft, found)], ""
    missing += [stray] if stray else []
    if not draft.text.strip():
        missing.append("The answer is empty.")
        draft = replace(draft, text=NOTHING_SAID, abstained=True, confidence=0.0)
    confidence = draft.confidence * _share_held(marked, draft) * (0.5 if stray else 1.0)
    checked = replace(draft, evidence=tuple(marked), option=option, confidence=confidence)
    return Verdict(checked, tuple(missing))


def _looked(messages: Iterable[AnyMessage]) -> bool:
    """Whether the policy has called a tool by itself."""
    said = [m for m in messages if isinstance(m, AIMessage) and "by" not in m.additional_kwargs]
    return any(message.tool_calls or message.invalid_tool_calls for message in said)


def _share_held(marked: Sequence[Evidence], draft: Draft) -> float:
    """What is left of a confidence: all of it where all evidence holds, a quarter where none does."""
    claimed = max(len(marked) + len(draft.unknown), 1)
    held = sum(item.supported for item in marked)
    if draft.abstained or held >= claimed:
        return 1.0
    return 0.5 * (1 + held / claimed) if held else 0.25


def _unknown(numbers: Sequence[int], last: int, found: Piece | None) -> str:
    listed = ", ".join(f"[{n}]" for n in numbers[:5])
    there = f"the lines go from [1] to [{last}]" if last > 1 else f"there is line [{last}] alone" if last else ""
    right = f"The words of the answer stand in line [{found.n}]." if found else "Cite a line that shows the answer."
    return f"There is no line {listed}: {there or 'no line was shown yet'}. {right}"


def _stray(draft: Draft, question: Question, pieces: Mapping[int, Piece]) -> str:
    """What is said of an answer none of whose own words stands in the lines that it cites; empty where one does.

    Lines are cited by their numbers or by the media URI of their place. Only lines with words can tell, and only
    answers that say more than the question does.
    """
    cited: list[int] = []
    for item in draft.evidence:
        numbers = _lines_of(item, pieces)
        if not numbers:
            return ""  # it was seen, and not told in words: nothing to compare
        cited += [n for n in numbers if n not in cited]
    if draft.abstained or not cited:
        return ""
    asked = set(content(question.text))
    own = [word for word in content(draft.text) if word not in asked]
    lines = [word for n in cited for word in content(pieces[n].text)]
    if not own or set(own) <= _BARE_WORDS or coverage(own, lines) > 0:
        return ""
    if _WHEN.search(question.text) and all(any(c.isdigit() for c in w) or w in _BARE_WORDS for w in own):
        return ""  # a time is told by where a line stands, not by its words
    listed = ", ".join(f"[{n}]" for n in cited[:3])
    return f"Line {listed} does not say “{draft.text[:60]}”. Cite the line that does, or look further."


def _lines_of(item: Evidence, pieces: Mapping[int, Piece]) -> list[int]:
    """The numbers of the lines that a piece of evidence cites; none where its place was also seen without words."""
    same = [p.n for p in pieces.values() if p.text and (p.uri, p.text) == (item.uri, item.quote or "")]
    if same:
        return same
    place = MediaURI.parse(item.uri)
    found: list[int] = []
    for piece in pieces.values():
        at = MediaURI.parse(piece.uri)
        if at.video != place.video or not _touches(place.span, at.span):
            continue
        if not piece.text:
            return []
        found.append(piece.n)
    return found


def _touches(one: Span | None, other: Span | None) -> bool:
    """Whether two places of one video have a moment in common; no span is the whole video."""
    return one is None or other is None or (one.start <= other.end and other.start <= one.end)


def _found(draft: Draft, question: Question, pieces: Mapping[int, Piece]) -> Piece | None:
    """The line in which all words of an answer stand; None where there is no such line.

    Words of the question do not count: they stand in many lines and tell nothing.
    """
    asked = set(content(question.text))
    wanted = [word for word in content(draft.text) if word not in asked]
    for piece in pieces.values():
        if wanted and coverage(wanted, content(piece.text)) == 1.0:
            return piece
    return None


def _evidence(draft: Draft, piece: Piece) -> Evidence:
    return Evidence(claim=draft.text, uri=piece.uri, tool=piece.tool, quote=piece.text)


def second_looks(verdict: Verdict, *, many: bool) -> list[Call | None]:
    """The zoomed look that each piece of evidence deserves (VideoMind's verifier); None where none can tell.

    Only what was seen is looked at again: what is quoted was heard or read, and the quote is its own proof.

    Args:
        verdict: of `check`, with nothing missing.
        many: whether the run is about several videos, so that calls must name theirs.
    """
    calls: list[Call | None] = []
    for item in verdict.draft.evidence:
        place = MediaURI.parse(item.uri)
        if verdict.draft.abstained or place.span is None or item.quote or not item.supported:
            calls.append(None)
            continue
        arguments = {"start": place.span.start, "end": place.span.end, "claim": item.claim[:500]}
        calls.append(Call("verify_clip", {**arguments, "video": place.video} if many else arguments))
    return calls


def after_looking(verdict: Verdict, looked: Sequence[float | None]) -> Verdict:
    """The verdict once the looks are in: one P(yes) in [0, 1] for each piece of evidence, or None.

    The confidence becomes the geometric mean of the draft's own and the mean P(yes) (our choice: VideoMind ranks spans
    by P(yes) and states no confidence); evidence with P(yes) below one half is missing.
    """
    pairs = list(zip(verdict.draft.evidence, looked, strict=True))
    missing = [
        f'Looked at again, {item.uri} does not seem to show that "{item.claim[:80]}".'
        for item, yes in pairs
        if yes is not None and yes < 0.5
    ]
    draft = replace(verdict.draft, evidence=tuple(replace(item, verified=yes) for item, yes in pairs))
    found = [yes for yes in looked if yes is not None]
    if found:
        draft = replace(draft, confidence=math.sqrt(draft.confidence * sum(found) / len(found)))
    return Verdict(draft, (*verdict.missing, *missing))


def _holds(message: ToolMessage, quote: str) -> bool:
    """Whether a tool brought the words back; words of the call itself must stand in the data, not in an echo."""
    artifact = message.artifact or {}
    arguments, data = artifact.get("arguments"), artifact.get("data") or {}
    if isinstance(arguments, dict):
        data = {key: value for key, value in data.items() if key not in arguments}
    if _stands(quote, " ".join(_strings(data))):
        return True
    echoed = any(_stands(quote, own) for own in _strings(arguments))
    return not echoed and _stands(quote, " ".join(_strings(message.content)))


def _stands(quote: str, text: str) -> bool:
    """Whether words stand in a text, whatever the case and the punctuation; a short quote must be whole words."""
    wanted = alphanumeric(quote)
    if len(wanted) > _SHORT or not wanted.isascii():
        return wanted in alphanumeric(text)
    return f" {' '.join(tokens(quote))} " in f" {' '.join(tokens(text))} "


def _uris(message: ToolMessage) -> list[MediaURI]:
    artifact = message.artifact or {}
    return [MediaURI.parse(uri) for uri in artifact.get("uris", ())]


def _problem(
    item: Evidence, question: Question, observed: list[MediaURI], tool_messages: list[ToolMessage]
) -> str | None:
    cited = MediaURI.parse(item.uri)
    video = next((v for v in question.videos if v["id"] == cited.video), None)
    if video is None:
        return f"{item.uri} is not one of the videos asked about."
    if cited.span is not None:
        if cited.span.start > video["end"] + SLACK or cited.span.end > video["end"] + SLACK:
            return f"{item.uri} lies outside the video, which ends at {video['end']:g} s."
        if question.now is not None and cited.span.end > question.now + SLACK:
            return f"{item.uri} lies after {question.now:g} s, which is not to be seen yet."
    if not _is_observed(cited, observed):
        return f"{item.uri} was not observed in this run: look there first, or cite what was."
    if item.quote and not alphanumeric(item.quote):
        return f'The quote "{item.quote[:80]}" has no words: quote what a tool returned, or leave the quote out.'
    if item.quote and not any(_holds(m, item.quote) for m in tool_messages):
        return f'The quote "{item.quote[:80]}" is in no observation: quote what a tool returned.'
    return None


def _is_observed(cited: MediaURI, observed: list[MediaURI]) -> bool:
    """Whether what is cited lies in what was observed, taken together: a fact may run over several clips."""
    places = [place.span for place in observed if place.video == cited.video]
    if cited.span is None or None in places:
        return None in places
    reached = cited.span.start
    for span in sorted(span for span in places if span is not None):
        if span.start - SLACK <= reached:
            reached = max(reached, span.end + SLACK)
    return reached >= cited.span.end and any(
        span.start - SLACK <= cited.span.start <= span.end + SLACK for span in places if span is not None
    )


def _option(draft: Draft, question: Question) -> str | None:
    """The letter of the chosen option, also where the draft names it by its text."""
    return None if draft.option is None else option_in(draft.option, question.options)


def _strings(value: Any) -> Iterable[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for item in value.values():
            yield from _strings(item)
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from _strings(item)
