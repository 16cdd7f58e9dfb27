"""The draft of an answer: its text, option, confidence and evidence, as the loop checks it."""

from __future__ import annotations

import re
from collections.abc import Container, Mapping, Sequence
from dataclasses import replace
from typing import Any

from langchain_core.messages import AIMessage, BaseMessage

from ...memory import MediaURI
from ..answer import Draft, Evidence
from ..evidence import Piece, pieces_of
from ..questions.question import question_of
from ..text_matching import content
from .citations import citations, cited_numbers, numbers_in, without_citations
from .final_json import ANSWERS, abstains, answer_text, confidence_of, json_answer, option_text
from .options import choice_in
from .reply import parse_reply, row_letters, without_places
from .thoughts import split_thoughts

NOT_FOUND = "NOT FOUND:"
"""How an answer in plain words begins that says that there is none."""
_NOT_FOUND = re.compile(r"[\W_]*not[ _]found\b[\s:.*_,–-]*", re.IGNORECASE)
_LABEL = re.compile(r"[\s*_#>]*(?:the\s+)?(?:final\s+)?answer(?:\s+is)?\s*:[\s*_]*", re.IGNORECASE)
_SURE = re.compile(r"\n[\s*_#>-]*confidence(?: score| level)?[*_]*\s*[:=][\s*_]*([^\n]{1,40}?)[\s*_]*\Z", re.IGNORECASE)
"""A line behind an answer in words that says how sure it is."""
_COPIED = re.compile(
    r"(?:\S{1,300} )?\d{1,6}:\d{2}[\d:.]{0,20}(?:-\d{1,6}:\d{2}[\d:.]{0,20})? "
    r"(?:speech|screen text|picture|summary|caption|objects|all channels)[^«»:]*:\s*«(.*)»[.\s]*",
    re.DOTALL,
)
"""A whole line of evidence, copied instead of an answer."""
_HINT = re.compile(r"(?:The likely|A possible) answer(?:, by words alone[^\n:]{0,80})?(?: is)?:\s*(?=\S)")
"""The head of what the route `read` hands over, copied before the answer."""
_ECHO = frozenset(content("and what is missing line lines"))
"""Words of the prompt that stand behind `NOT FOUND:` there; repeated, they say nothing."""
_NONE = "It was not found."
_TAG = re.compile(r"</?answer>", re.IGNORECASE)
_MOST_EVIDENCE = 64
"""Pieces of evidence that are read of one answer."""


def draft_of(message: BaseMessage, messages: Sequence[BaseMessage] = ()) -> Draft:
    """Return what a policy's last message answers: as its dialect took it apart, else as it stands.

    A draft that states no confidence has the likelihood of its own words, where the policy tells it, else 0.5. A reply
    that is nothing but numbers adds them to the draft that was sent back before it. `messages` hold the numbered lines,
    and the question with its options.
    """
    likelihood = message.response_metadata.get("likelihood")
    text = message.additional_kwargs.get("draft") or split_thoughts(message.text).reply
    unsure = 0.5 if likelihood is None else float(likelihood)
    question = question_of(messages)
    pieces, options = pieces_of(messages), question.options if question else ()
    cited = cited_numbers(str(text), pieces)
    if cited and not any(c.isalnum() for c in without_citations(str(text), pieces)):
        text = f"{_before(message, messages, pieces, cited)} {text}".strip()
    return parse_draft(str(text), unsure=unsure, pieces=pieces, options=options)


def parse_draft(
    message: str, *, unsure: float = 0.5, pieces: Mapping[int, Piece] | None = None, options: Sequence[str] = ()
) -> Draft:
    """Read a policy's last message: plain words that cite `[3]`, a JSON object, or `<answer>…</answer>`.

    `unsure` is the confidence of a draft that states none. Without `pieces` (None) brackets are no citations but, say,
    spans.
    """
    reply = parse_reply(message)
    row, body = reply.row, reply.text
    if row is not None and "answer" in row:
        return _from_row(row, unsure, None if row.get("cites") is False else pieces, options)
    if row is not None:
        body, options = _words_of_row(row), options if any(key in row for key in ANSWERS) else ()
        reply = parse_reply(body)
    text = reply.words
    text = _LABEL.sub("", text, count=1) if _LABEL.match(text) else text
    sure = _SURE.search(text)
    if sure and text[: sure.start()].strip():
        text, unsure = text[: sure.start()], confidence_of(sure[1], unsure)
    evidence, unknown = _cited(text if cited_numbers(text, pieces) else _TAG.sub(" ", body), pieces)
    missing = _NOT_FOUND.match(text)
    if missing:
        why = without_citations(text[missing.end() :], pieces)
        if evidence and not set(content(why)) - _ECHO and (nearest := evidence[0].quote):
            closest = replace(evidence[0], claim=nearest)
            return Draft(text=f"Closest: {nearest}", evidence=(closest,), confidence=0.2, plain=True, unknown=unknown)
        why = why if set(content(why)) - _ECHO else _NONE
        return Draft(text=why, evidence=(), confidence=0.0, abstained=True, plain=True)
    text = _uncopied(without_citations(text, pieces))
    found = [*evidence, *(Evidence(claim=text, uri=str(u)) for u in dict.fromkeys(MediaURI.find_all(body)))]
    bare_text = without_places(text).strip()
    option, rest = choice_in(bare_text, options)
    text = text if rest == bare_text else rest
    return Draft(text=text, option=option, evidence=tuple(found), confidence=unsure, plain=True, unknown=unknown)


def _words_of_row(row: dict[str, Any]) -> str:
    """The words of a JSON object that has no `answer`; nothing where it is a call that nobody can make any more."""
    for key in ANSWERS:
        if isinstance(row.get(key), str):
            return str(row[key])
    if "name" in row or "arguments" in row:
        return ""
    return "; ".join(
        f"{key}: {value}" for key, value in row.items() if isinstance(value, (str, int, float)) or _is_place(value)
    )


def _is_place(value: Any) -> bool:
    """True for numbers in a list, as times and boxes are written, or for several such lists."""
    if not isinstance(value, list) or not value:
        return False
    lists = value if all(isinstance(part, list) for part in value) else [value]
    return all(isinstance(part, (int, float)) for one in lists for part in one)


def _cited(text: str, lines: Mapping[int, Piece] | None) -> tuple[list[Evidence], tuple[int, ...]]:
    """The evidence that a text cites by numbers, each with the words before it as its claim; and unknown numbers."""
    found: dict[int, Evidence] = {}
    unknown: list[int] = []
    whole, start = _uncopied(without_citations(text, lines)), 0
    for begin, end, listed in citations(text, lines):
        claim = text[start:begin].strip(" .,;:\n")
        start = end
        for n in numbers_in(listed):
            piece = (lines or {}).get(n)
            if piece is None:
                unknown.append(n)
            else:
                found.setdefault(n, _evidence(piece, claim if len(claim.split()) > 2 else whole))
    return list(found.values()), tuple(dict.fromkeys(unknown))


def _evidence(piece: Piece, claim: str) -> Evidence:
    return Evidence(claim=claim or piece.text, uri=piece.uri, tool=piece.tool, quote=piece.text or None)


def _uncopied(text: str) -> str:
    """The words of a line of evidence or of a hint that was copied as the answer; any other text without its « »."""
    hint = _HINT.match(text)
    text = text[hint.end() :] if hint else text
    copied = _COPIED.fullmatch(text)
    return copied[1] if copied else text.replace("«", "“").replace("»", "”")


def _from_row(row: dict[str, Any], unsure: float, lines: Mapping[int, Piece] | None, options: Sequence[str]) -> Draft:
    answer = without_citations(answer_text(row), lines)
    evidence, unknown = _cited(answer_text(row), lines)
    for item in _items(row.get("evidence")):
        more, none = _listed(item, answer, lines or {})
        evidence += more
        unknown = (*unknown, *none)
    chosen = row_letters(row, options, lines)
    option = (chosen[0] if len(chosen) == 1 else None) if options else option_text(row) or None
    missing = _NOT_FOUND.match(answer)
    abstained = abstains(row) or bool(missing)
    text = answer[missing.end() :] if missing else answer
    if not text.strip():
        text = _NONE if abstained else options[ord(option) - ord("A")] if option and options else ""
    return Draft(
        text=text,
        option=option,
        evidence=tuple(evidence),
        confidence=confidence_of(row.get("confidence"), unsure),
        abstained=abstained,
        unknown=tuple(dict.fromkeys(unknown)),
    )


_PLACES = ("n", "number", "line", "uri", "url", "source", "place", "cite", "citation", "id")


def _items(listed: Any) -> list[dict[str, Any]]:
    """The rows of `evidence`, be it a list, one row, a text or a number; whatever names no place is passed over."""
    if isinstance(listed, dict):
        rows = [listed] if any(key in listed for key in (*_PLACES, "claim", "quote")) else list(listed.values())
    else:
        rows = listed if isinstance(listed, list) else [listed]
    found: list[dict[str, Any]] = []
    for row in rows[:_MOST_EVIDENCE]:
        if isinstance(row, float) and row.is_integer():
            row = int(row)
        if isinstance(row, (str, int)) and not isinstance(row, bool):
            found.append({"uri": str(row)[:1000]})
        elif isinstance(row, dict):
            found.append(row)
    return found


def _listed(item: dict[str, Any], answer: str, lines: Mapping[int, Piece]) -> tuple[list[Evidence], tuple[int, ...]]:
    named = str(next((item[key] for key in _PLACES if item.get(key) is not None), ""))[:1000]
    claim = item.get("claim") if isinstance(item.get("claim"), str) else ""
    digits = re.fullmatch(r"\s*[\[(【#]*\s*(?:line\s)?(\d{1,3})(?:\.0)?\s*[\])】]*\s*", named, re.IGNORECASE)
    places = MediaURI.find_all(named)
    numbers = (int(digits[1]),) if digits else () if places else cited_numbers(named)
    if numbers:
        pieces = [lines[n] for n in numbers if n in lines]
        return [_evidence(piece, claim or answer) for piece in pieces], tuple(n for n in numbers if n not in lines)
    quote, tool = item.get("quote"), item.get("tool")
    quote = quote if isinstance(quote, str) and quote.strip() else None
    tool = tool if isinstance(tool, str) else ""
    return [
        Evidence(claim=claim or answer, uri=str(uri), tool=tool, quote=quote) for uri in places[:_MOST_EVIDENCE]
    ], ()


def _before(
    reply: BaseMessage, messages: Sequence[BaseMessage], lines: Mapping[int, Piece], cited: Sequence[int]
) -> str:
    """The words that a reply of nothing but numbers is about: the draft sent back before it, else those it cites."""
    for message in reversed(messages):
        if message is reply or not isinstance(message, AIMessage) or message.additional_kwargs.get("by"):
            continue
        if message.tool_calls or message.invalid_tool_calls:
            break
        text = str(message.additional_kwargs.get("draft") or message.text)
        return parse_draft(text, pieces=lines).text
    return next((lines[n].text for n in cited if n in lines and lines[n].text), "")


def numbers_of(messages: Sequence[BaseMessage]) -> Container[int] | None:
    """The numbers that the last message of a conversation may cite; None where its dialect knows of none."""
    last = messages[-1] if messages else None
    draft = str(last.additional_kwargs.get("draft") or "") if last is not None else ""
    return None if (row := json_answer(draft)) and row.get("cites") is False else pieces_of(messages)
