"""check: does the evidence of an answer hold, by what this run really observed?"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from langchain_core.messages import AIMessage, AnyMessage, ToolMessage

from ..memory import MediaURI, Span
from ..tools.budget import rounded
from .answer import FAILURES, Answer, Draft, Evidence
from .evidence import Piece, pieces_of, unseen
from .parsing.options import option_in
from .questions.question import Question, letter
from .sightings import validity_of
from .steps import Call
from .text_matching import alphanumeric, content, coverage, texts_in, tokens

SLACK = 0.5
"""Seconds by which a cited span may stick out of an observed one (rounding of times in text)."""

SENT_BACK = "Before the answer can be given: "
"""How the message begins that sends a draft back."""
NO_EVIDENCE = "Write the answer again with the number of the line that shows it in brackets, as in [3]."
_BARE_WORDS = frozenset(content("yes no true false none never always line lines second seconds minute minutes start"))
_WHEN = re.compile(r"\bwhen\b|\bwhat time\b|\bhow long\b|\bwann\b|\bcuándo\b", re.IGNORECASE)
_SHORT = 4
"""Letters of a quote that is held only by whole words: fewer stand inside of other words anywhere."""
TOO_EARLY = "Read the lines once more: answer from the one that comes nearest, with its number, or call a tool first."
"""What is said of one that gives up in plain words and has called no tool yet."""
NOTHING_SAID = "No answer was written."
"""Stands for an empty answer, which claims nothing."""


_LISTED = 4  # videos whose coverage is told in the text of an answer
_COUNTS = "find_habits"
"""The tool that says over the lines of its sources what all of them tell together."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """The draft with each piece of evidence marked, and what is missing, in words for the policy."""

    draft: Draft
    missing: tuple[str, ...]


def check(draft: Draft, question: Question, messages: Iterable[AnyMessage]) -> Verdict:
    """Verify format, spans, citations, quotes and option; an abstention needs no evidence, but a look."""
    messages = list(messages)
    tool_messages = [m for m in messages if isinstance(m, ToolMessage)]
    observed = [MediaURI.parse(uri) for m in tool_messages for uri in (m.artifact or {}).get("uris", ())]
    pieces = pieces_of(tool_messages)
    missing: list[str] = []
    marked = []
    for item in draft.evidence:
        problem = _problem(item, question, observed, tool_messages)
        marked.append(replace(item, supported=problem is None))
        if problem:
            missing.append(problem)
    option = None if draft.option is None else option_in(draft.option, question.options)
    if question.options and not draft.abstained and option is None:
        missing.append(f"Choose one of the options {', '.join(letter(i) for i in range(len(question.options)))}.")
    own = [m for m in messages if isinstance(m, AIMessage) and "by" not in m.additional_kwargs]
    if draft.abstained and draft.plain and pieces and not any(m.tool_calls or m.invalid_tool_calls for m in own):
        missing.append(TOO_EARLY)
    bare_claim = not draft.abstained and not draft.evidence
    line = _line_with(draft, question, pieces) if bare_claim else None
    if draft.unknown:
        missing.append(_unknown(draft.unknown, max(pieces, default=0), line))
    elif bare_claim:
        missing.append(NO_EVIDENCE + (f" Its words stand in line [{line.n}]." if line else ""))
        marked = [_evidence(draft, line)] if line else []
    stray = "" if missing else _stray(draft, question, pieces, _heads(draft, tool_messages))
    if stray and (line := _line_with(draft, question, pieces)):  # the number is of another line than the words
        marked, stray = [*marked, _evidence(draft, line)], ""
    missing += [stray] if stray else []
    if not draft.text.strip():
        missing.append("The answer is empty.")
        draft = replace(draft, text=NOTHING_SAID, abstained=True, confidence=0.0)
    confidence = draft.confidence * _share_held(marked, draft) * (0.5 if stray else 1.0)
    checked = replace(draft, evidence=tuple(marked), option=option, confidence=confidence)
    return Verdict(checked, tuple(missing))


def answer_of(
    draft: Draft,
    question: Question,
    messages: Sequence[AnyMessage],
    *,
    stopped_by: str,
    spend: Mapping[str, float],
    budget: Mapping[str, float | None],
) -> Answer:
    """Return the answer that a checked draft becomes; `stopped_by` is empty where the policy itself ended the run."""
    coverage = tuple({**v["coverage"], "name": v["name"]} for v in question.videos if "coverage" in v)
    text = draft.text
    if coverage and draft.abstained and stopped_by not in FAILURES:
        text = f"{text} {_so_far(coverage)}"
    return Answer(
        question=question.text,
        text=text,
        option=None if draft.abstained else draft.option,
        evidence=tuple(replace(item, wall_clock=question.wall_clock(item.uri)) for item in draft.evidence),
        confidence=draft.confidence,
        abstained=draft.abstained,
        now=question.now,
        mode=question.mode,
        validity=validity_of(draft, question, messages),
        stopped_by=stopped_by or ("viewer_error" if draft.abstained and unseen(messages) else "answer"),
        spend=rounded(spend),
        budget=dict(budget),
        coverage=coverage,
    )


def _so_far(coverage: Sequence[Mapping[str, Any]]) -> str:
    """Say within which part nothing was found: what is not covered is not known, and never absent."""
    if len(coverage) == 1:
        parts = str(coverage[0]["text"])
    else:
        parts = "; ".join(f"{one['name']}: {one['text']}" for one in coverage[:_LISTED])
        parts += f"; and {len(coverage) - _LISTED} more videos" if len(coverage) > _LISTED else ""
    return f"(Known so far: {parts}. What lies outside may still hold it.)"


def _share_held(marked: Sequence[Evidence], draft: Draft) -> float:
    """Return what is left of a confidence: all of it where all evidence holds, a quarter where none does."""
    claimed = max(len(marked) + len(draft.unknown), 1)
    held = sum(item.supported for item in marked)
    if draft.abstained or held >= claimed:
        return 1.0
    return 0.5 * (1 + held / claimed) if held else 0.25


def _unknown(numbers: Sequence[int], last: int, line: Piece | None) -> str:
    listed = ", ".join(f"[{n}]" for n in numbers[:5])
    there = f"the lines go from [1] to [{last}]" if last > 1 else f"there is line [{last}] alone" if last else ""
    right = f"The words of the answer stand in line [{line.n}]." if line else "Cite a line that shows the answer."
    return f"There is no line {listed}: {there or 'no line was shown yet'}. {right}"


def _heads(draft: Draft, messages: Sequence[ToolMessage]) -> str:
    """Return what tools say over the lines of their sources where some are cited: `on 3 of 4 days, at about 09:05`."""
    cited = {item.uri for item in draft.evidence}
    told = [str(m.content) for m in messages if m.name == _COUNTS and cited & set((m.artifact or {}).get("uris", ()))]
    return " ".join(line for text in told for line in text.splitlines() if not line.startswith("["))


def _stray(draft: Draft, question: Question, pieces: Mapping[int, Piece], heads: str) -> str:
    """Return what is said of an answer none of whose own words stands in the lines that it cites; empty where one does.

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
    own = _own_words(draft, question)
    lines = [word for n in cited for word in content(pieces[n].text)] + content(heads)
    if not own or set(own) <= _BARE_WORDS or coverage(own, lines) > 0:
        return ""
    if _WHEN.search(question.text) and all(any(c.isdigit() for c in w) or w in _BARE_WORDS for w in own):
        return ""  # a time is told by where a line stands, not by its words
    listed = ", ".join(f"[{n}]" for n in cited[:3])
    return f"Line {listed} does not say “{draft.text[:60]}”. Cite the line that does, or look further."


def _lines_of(item: Evidence, pieces: Mapping[int, Piece]) -> list[int]:
    """Return the numbers of the lines that a piece of evidence cites; none if its place was also seen without words."""
    same = [p.n for p in pieces.values() if p.text and (p.uri, p.text) == (item.uri, item.quote or "")]
    if same:
        return same
    place = MediaURI.parse(item.uri)
    numbers: list[int] = []
    for piece in pieces.values():
        at = MediaURI.parse(piece.uri)
        apart = at.span and place.span and (at.span.start > place.span.end or place.span.start > at.span.end)
        if at.video != place.video or apart:  # no span is the whole video
            continue
        if not piece.text:
            return []
        numbers.append(piece.n)
    return numbers


def _line_with(draft: Draft, question: Question, pieces: Mapping[int, Piece]) -> Piece | None:
    """Return the line in which all words of an answer stand; None where there is no such line.

    Words of the question do not count: they stand in many lines and tell nothing.
    """
    answer_words = _own_words(draft, question)
    for piece in pieces.values():
        if answer_words and coverage(answer_words, content(piece.text)) == 1.0:
            return piece
    return None


def _own_words(draft: Draft, question: Question) -> list[str]:
    question_words = set(content(question.text))
    return [word for word in content(draft.text) if word not in question_words]


def _evidence(draft: Draft, piece: Piece) -> Evidence:
    return Evidence(claim=draft.text, uri=piece.uri, tool=piece.tool, quote=piece.text)


def second_looks(verdict: Verdict, *, many: bool) -> list[Call | None]:
    """Return the zoomed look that each piece of evidence deserves (VideoMind's verifier); None where none can tell.

    Only what was seen is looked at again: what is quoted was heard or read, and the quote is its own proof. In a run
    about `many` videos calls must name theirs.
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


def after_looking(verdict: Verdict, probabilities: Sequence[float | None]) -> Verdict:
    """Return the verdict once the looks are in: one P(yes) in [0, 1] for each piece of evidence, or None.

    The confidence becomes the geometric mean of the draft's own and the mean P(yes) (our choice: VideoMind ranks spans
    by P(yes) and states no confidence); evidence with P(yes) below one half is missing.
    """
    pairs = list(zip(verdict.draft.evidence, probabilities, strict=True))
    missing = [
        f'Looked at again, {item.uri} does not seem to show that "{item.claim[:80]}".'
        for item, yes in pairs
        if yes is not None and yes < 0.5
    ]
    draft = replace(verdict.draft, evidence=tuple(replace(item, verified=yes) for item, yes in pairs))
    stated = [yes for yes in probabilities if yes is not None]
    if stated:
        draft = replace(draft, confidence=math.sqrt(draft.confidence * sum(stated) / len(stated)))
    return Verdict(draft, (*verdict.missing, *missing))


def _holds(message: ToolMessage, quote: str) -> bool:
    """Return whether a tool brought the words back; words of the call itself must stand in the data, not in an echo."""
    artifact = message.artifact or {}
    arguments, data = artifact.get("arguments"), artifact.get("data") or {}
    if isinstance(arguments, dict):
        data = {key: value for key, value in data.items() if key not in arguments}
    if _stands(quote, " ".join(texts_in(data))):
        return True
    echoed = any(_stands(quote, own) for own in texts_in(arguments))
    return not echoed and _stands(quote, " ".join(texts_in(message.content)))


def _stands(quote: str, text: str) -> bool:
    """Return whether words stand in a text, whatever the case and punctuation; a short quote as whole words."""
    letters = alphanumeric(quote)
    if len(letters) > _SHORT or not letters.isascii():
        return letters in alphanumeric(text)
    return f" {' '.join(tokens(quote))} " in f" {' '.join(tokens(text))} "


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
        if "since" in video and _before(cited.span, video["since"], whole=question.mode == "wait"):
            return f"{item.uri} lies before {video['since']:g} s, and only what is from then on counts."
        if cited.span.end > question.end_of(video) + SLACK:
            return f"{item.uri} lies after {question.end_of(video):g} s, which is not to be seen yet."
    if not _is_observed(cited, observed):
        return f"{item.uri} was not observed in this run: look there first, or cite what was."
    if item.quote and not alphanumeric(item.quote):
        return f'The quote "{item.quote[:80]}" has no words: quote what a tool returned, or leave the quote out.'
    if item.quote and not any(_holds(m, item.quote) for m in tool_messages):
        return f'The quote "{item.quote[:80]}" is in no observation: quote what a tool returned.'
    return None


def _before(span: Span, since: float, *, whole: bool) -> bool:
    """Return whether a span lies before the part that counts: all of it, or (`whole`) its beginning."""
    return span.start < since - SLACK if whole else span.end < since


def _is_observed(cited: MediaURI, observed: list[MediaURI]) -> bool:
    """Return whether what is cited lies in what was observed, taken together: a fact may run over several clips."""
    places = [place.span for place in observed if place.video == cited.video]
    if cited.span is None or None in places:
        return None in places
    covered_until = cited.span.start
    for span in sorted(span for span in places if span is not None):
        if span.start - SLACK <= covered_until:
            covered_until = max(covered_until, span.end + SLACK)
    return covered_until >= cited.span.end and any(
        span.start - SLACK <= cited.span.start <= span.end + SLACK for span in places if span is not None
    )
