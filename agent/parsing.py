"""Reading what a model writes: thoughts, calls, the answer, its option, and the evidence that it cites.

One reading serves the loop and the rewards of training. Nothing here raises, whatever was written.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage

from ..memory import MediaURI
from .answer import Draft, Evidence
from .evidence import Piece, pieces_of
from .question import Question, letter
from .words import content

NOT_FOUND = "NOT FOUND:"
"""How an answer in plain words begins that says that there is none."""
_ANY = range(1000)
_HIGHEST_RUN = 10  # numbers that one range, such as [3-5], may stand for
_CITED = re.compile(r"[\[［]\s*(?:line\s*|#\s*)?(\d{1,3}(?:\s*[,;&–-]\s*#?\d{1,3})*)\s*[\]］]", re.IGNORECASE)
_FENCE = re.compile(r"```(?:json)?\s*(\{.*\})\s*```", re.DOTALL)
_TAG = re.compile(r"<answer>(.*?)</answer>", re.DOTALL | re.IGNORECASE)
_NOT_FOUND = re.compile(r"[\W_]*not[ _]found\b[\s:.*_,–-]*", re.IGNORECASE)
_LABEL = re.compile(r"[\s*_#>]*(?:the\s+)?(?:final\s+)?answer(?:\s+is)?\s*:[\s*_]*", re.IGNORECASE)
_COPIED = re.compile(
    r"(?:\S+ )?\d{1,2}:\d{2}[\d:.]*(?:-\d{1,2}:\d{2}[\d:.]*)? "
    r"(?:speech|screen text|picture|summary|caption|objects|all channels)[^«»:]*:\s*«(.*)»[.\s]*",
    re.DOTALL,
)
"""A whole line of evidence, copied instead of an answer."""
_LETTER = re.compile(
    r"[\W_]*(?:(?:the\s+)?(?:correct\s+|best\s+|final\s+)?(?:answer|option|choice)(?:\s+is)?\W+)?"
    r"([A-Za-z])(?:[)\]*.:,]+(?:\s+|$)|\s*$|\s+[-–]\s+)",
    re.IGNORECASE,
)
_ECHO = frozenset(content("and what is missing line lines"))
"""Words of the prompt that stand behind `NOT FOUND:` there; repeated, they say nothing."""
_ANSWERS = ("answer", "final_answer", "response", "text", "result", "output")
"""Keys under which models write an answer as JSON."""


def draft_of(said: BaseMessage, messages: Sequence[BaseMessage] = ()) -> Draft:
    """What a policy's last message answers: as its dialect took it apart, else as it stands.

    A draft that states no confidence has the likelihood of its own words, where the policy tells it, else 0.5. A reply
    that is nothing but numbers adds them to the draft that was sent back before it.

    Args:
        said: the message.
        messages: the conversation: its numbered lines, and the question with its options.
    """
    likelihood = said.response_metadata.get("likelihood")
    text = said.additional_kwargs.get("draft") or said.text
    unsure = 0.5 if likelihood is None else float(likelihood)
    question = question_of(messages)
    pieces, options = pieces_of(messages), question.options if question else ()
    cited = cited_numbers(str(text), pieces)
    if cited and not any(c.isalnum() for c in without_citations(str(text), pieces)):
        text = f"{_before(said, messages, pieces, cited)} {text}".strip()
    return parse_draft(str(text), unsure=unsure, pieces=pieces, options=options)


def parse_draft(
    message: str, *, unsure: float = 0.5, pieces: Mapping[int, Piece] | None = None, options: Sequence[str] = ()
) -> Draft:
    """Read a policy's last message: plain words that cite `[3]`, a JSON object, or `<answer>…</answer>`.

    Args:
        message: what the policy wrote.
        unsure: the confidence of a draft that states none.
        pieces: what the numbers of the run stand for; None where brackets are no citations but spans, say.
        options: texts of the options, where the question has any.
    """
    row = json_object(message)
    if row is not None and "answer" in row:
        return _from_row(row, unsure, None if row.get("cites") is False else pieces, options)
    if row is not None:
        message = _said_in(row)
    tagged = _TAG.search(message)
    text = (tagged[1] if tagged else _without_thoughts(message)).strip()
    text = _LABEL.sub("", text, count=1) if _LABEL.match(text) else text
    evidence, unknown = _cited(text if cited_numbers(text, pieces) else message, pieces)
    missing = _NOT_FOUND.match(text)
    if missing:
        why = without_citations(text[missing.end() :], pieces)
        if evidence and not set(content(why)) - _ECHO and (nearest := evidence[0].quote):
            told = replace(evidence[0], claim=nearest)
            return Draft(text=f"Closest: {nearest}", evidence=(told,), confidence=0.2, plain=True, unknown=unknown)
        why = why if set(content(why)) - _ECHO else "It was not found."
        return Draft(text=why, evidence=(), confidence=0.0, abstained=True, plain=True)
    said = _uncopied(without_citations(text, pieces))
    found = [*evidence, *(Evidence(claim=said, uri=str(u)) for u in dict.fromkeys(MediaURI.find_all(message)))]
    option, said = _chosen(said, options)
    return Draft(text=said, option=option, evidence=tuple(found), confidence=unsure, plain=True, unknown=unknown)


def cited_numbers(text: str, known: Container[int] | None = _ANY) -> tuple[int, ...]:
    """The numbers that a text cites, as in `[3]`, `[3, 5]`, `[3][5]` or `[3-5]`, in order, each once.

    Args:
        text: what was written.
        known: the numbers that there are. Several numbers of which none is known, as in `[40, 55]`, are a span or a
            list and no citation; None: nothing is.
    """
    found = [n for match in _citations(text, known) for n in _numbers_in(match[1])]
    return tuple(dict.fromkeys(found))


def without_citations(text: str, known: Container[int] | None = _ANY) -> str:
    """The text without its `[3]`, and without the spaces that these leave; `known` as for `cited_numbers`."""
    bare_text, start = "", 0
    for match in _citations(text, known):
        bare_text, start = bare_text + text[start : match.start()], match.end()
    if not start:
        return text.strip()
    bare_text = re.sub(r"\(\s*\)", "", bare_text + text[start:])
    return re.sub(r"[ \t]+([.,;:!?])", r"\1", re.sub(r"[ \t]{2,}", " ", bare_text)).strip()


def _citations(text: str, known: Container[int] | None) -> list[re.Match[str]]:
    """The brackets of a text that cite."""
    if known is None:
        return []
    found = []
    for match in _CITED.finditer(text):
        numbers = _numbers_in(match[1])
        if len(numbers) == 1 or any(n in known for n in numbers):
            found.append(match)
    return found


def _numbers_in(listed: str) -> list[int]:
    """The numbers of one bracket, those of ranges included."""
    found: list[int] = []
    last = None
    for sign, digits in re.findall(r"([,;&–-]?)\s*#?(\d{1,3})", listed):
        n = int(digits)
        if sign in ("-", "–") and last is not None and last < n <= last + _HIGHEST_RUN:
            found += range(last + 1, n)
        found.append(n)
        last = n
    return found


_WORD = r"\d+(?:[.,:]\d+)*|[^\W\d]+"


def option_in(text: str, options: Sequence[str]) -> str | None:
    """The letter that `text` begins with, or whose option it repeats; None where it is neither."""
    if not options:
        return None
    found = _LETTER.match(text.strip())
    if found and ord(found[1].upper()) - ord("A") in range(len(options)):
        return found[1].upper()
    said = " ".join(re.findall(_WORD, text.lower()))
    each = [" ".join(re.findall(_WORD, option.lower())) for option in options]
    same = [i for i, option in enumerate(each) if option == said]
    if not same:
        same = [i for i, option in enumerate(each) if option and f" {option} " in f" {said} "]
    return letter(same[0]) if len(same) == 1 else None


def json_object(text: str) -> dict[str, Any] | None:
    """The JSON object that a message is, bare or in a fence, with its thoughts left out; None where it is none."""
    stripped = text.split("</think>")[-1].strip()
    fenced = _FENCE.search(stripped)
    try:
        row = json.loads(fenced[1] if fenced else stripped, strict=False)
    except (ValueError, RecursionError):
        return None
    return row if isinstance(row, dict) else None


def json_answer(text: str) -> dict[str, Any] | None:
    """The JSON object that a message is; None where it is none, or has no `answer`."""
    row = json_object(text)
    return row if row is not None and "answer" in row else None


def bare(text: str) -> str:
    """Lower-case letters and digits only."""
    return "".join(c for c in text.lower() if c.isalnum())


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """A reply by its tags."""

    thought: str
    calls: tuple[str, ...]
    """What stands in each pair of call tags; the last one may be cut off."""
    answer: str | None
    """What stands in the last answer tags."""
    rest: str
    """The words outside all tags."""


def take_apart(text: str, call_tag: str) -> Parts:
    """Split `text` at `<think>`, `<answer>` and `<call_tag>`.

    What stands in a closed `<think>` is thought, calls and answers in it included. One that is never closed ends where
    a call or an answer opens, since a reply is cut after those. Calls and answers end at their own closing tag, where
    the next tag opens, or with the text. What follows the last answer is dropped.
    """
    marks = list(re.finditer(rf"<(/?)(think|answer|{call_tag})>", text, re.IGNORECASE))
    closed = _thought_closes(marks)
    # A thought that closes without having been opened was opened by the chat template.
    kind, start = ("think" if closed and closed[0] else ""), 0
    found: list[tuple[str, str]] = []
    for mark, thought_closes in zip(marks, closed, strict=True):
        closes, tag = bool(mark[1]), mark[2].lower()
        if kind == "think":
            inside = thought_closes or closes or tag == "think"
            if inside and not (closes and tag == "think"):
                continue
        elif kind and closes and tag != kind:
            continue  # a stray closing tag inside a call or an answer
        found.append((kind, text[start : mark.start()].strip()))
        kind, start = ("" if closes else tag), mark.end()
    found.append((kind, text[start:].strip()))
    answers = [n for n, (kind, _) in enumerate(found) if kind == "answer"]
    found = found[: answers[-1] + 1] if answers else found
    return Parts(
        thought="\n".join(words for kind, words in found if kind == "think" and words),
        calls=tuple(words for kind, words in found if kind == call_tag),
        answer=found[-1][1] if answers else None,
        rest="\n".join(words for kind, words in found if not kind and words),
    )


def written_answer(text: str, known: Container[int] | None = None) -> str:
    """What a message answers, in its own words; empty where it is a thought or a call only.

    Args:
        text: of the message.
        known: the numbers that it may cite, which are left out; None: brackets are words like any other.
    """
    row = json_answer(text)
    if row is not None:
        return str(row["answer"])
    parts = take_apart(text, "(?:tool_call|tool)")
    if parts.answer is not None:
        return without_citations(parts.answer, known)
    boxed = last_boxed(parts.rest)
    return without_citations(parts.rest if boxed is None else boxed, known)


def last_boxed(text: str) -> str | None:
    r"""What stands in the last `\boxed{…}`, without a `\text{…}` around it; None where there is none."""
    start = text.rfind("\\boxed{")
    if start < 0:
        return None
    depth, body = 1, text[start + len("\\boxed{") :]
    for n, here in enumerate(body):
        depth += (here == "{") - (here == "}")
        if depth == 0:
            body = body[:n]
            break
    body = body.strip()
    return body[len("\\text{") : -1].strip() if body.startswith("\\text{") and body.endswith("}") else body


def _thought_closes(marks: Sequence[re.Match[str]]) -> list[bool]:
    """For each tag, whether the next one about thoughts, itself included, is a closing one."""
    closes, flags = False, []
    for mark in reversed(marks):
        if mark[2].lower() == "think":
            closes = bool(mark[1])
        flags.append(closes)
    return flags[::-1]


def _without_thoughts(message: str) -> str:
    """The words outside thoughts and calls; the whole message where nothing else is left."""
    parts = take_apart(message, "tool_call")
    return parts.rest if parts.rest or parts.calls else message


def _said_in(row: dict[str, Any]) -> str:
    """The words of a JSON object that has no `answer`; nothing where it is a call that nobody can make any more."""
    for key in _ANSWERS:
        if isinstance(row.get(key), str):
            return str(row[key])
    if "name" in row or "arguments" in row:
        return ""
    return "; ".join(f"{key}: {value}" for key, value in row.items() if isinstance(value, (str, int, float)))


def _cited(text: str, known: Mapping[int, Piece] | None) -> tuple[list[Evidence], tuple[int, ...]]:
    """The evidence that a text cites by numbers, each with the words before it as its claim; and unknown numbers."""
    found: dict[int, Evidence] = {}
    unknown: list[int] = []
    whole, start = _uncopied(without_citations(text, known)), 0
    for match in _citations(text, known):
        claim = text[start : match.start()].strip(" .,;:\n")
        start = match.end()
        for n in _numbers_in(match[1]):
            piece = (known or {}).get(n)
            if piece is None:
                unknown.append(n)
            else:
                found.setdefault(n, _evidence(piece, claim if len(claim.split()) > 2 else whole))
    return list(found.values()), tuple(dict.fromkeys(unknown))


def _evidence(piece: Piece, claim: str) -> Evidence:
    return Evidence(claim=claim or piece.text, uri=piece.uri, tool=piece.tool, quote=piece.text or None)


def _uncopied(text: str) -> str:
    """The words of a line of evidence that was copied as the answer; any other text without its « »."""
    copied = _COPIED.fullmatch(text)
    return (copied[1] if copied else text).replace("«", "“").replace("»", "”") if not copied else copied[1]


def _chosen(text: str, options: Sequence[str]) -> tuple[str | None, str]:
    """The option that a text in plain words chooses, and the text as people read it: not the letter alone."""
    option = option_in(text, options)
    if option is None:
        return None, text
    found = _LETTER.match(text.strip())
    said = text.strip()[found.end() :].strip() if found else text
    return option, said or options[ord(option) - ord("A")]


def _from_row(row: dict[str, Any], unsure: float, known: Mapping[int, Piece] | None, options: Sequence[str]) -> Draft:
    answer = row["answer"]
    said = without_citations(answer if isinstance(answer, str) else json.dumps(answer, ensure_ascii=False), known)
    evidence, unknown = _cited(str(answer), known)
    listed = row.get("evidence") or []
    for item in listed if isinstance(listed, list) else [listed]:
        if isinstance(item, (str, int)) and not isinstance(item, bool):
            item = {"uri": str(item)}
        if isinstance(item, dict):
            more, none = _listed(item, said, known or {})
            evidence += more
            unknown = (*unknown, *none)
    try:
        stated = float(row.get("confidence", unsure))
        confidence = min(max(stated, 0.0), 1.0) if math.isfinite(stated) else unsure
    except (TypeError, ValueError):
        confidence = unsure
    option = row.get("option")
    missing = _NOT_FOUND.match(said)
    return Draft(
        text=(said[missing.end() :] or "It was not found.") if missing else said,
        option=str(option) if option else option_in(said, options),
        evidence=tuple(evidence),
        confidence=confidence,
        abstained=str(row.get("abstained", False)).lower() in ("true", "yes", "1") or bool(missing),
        unknown=tuple(dict.fromkeys(unknown)),
    )


def _listed(item: dict[str, Any], said: str, known: Mapping[int, Piece]) -> tuple[list[Evidence], tuple[int, ...]]:
    """One row of `evidence`: by its number, or by its media URI."""
    named = next((item[key] for key in ("n", "number", "line", "uri") if item.get(key) is not None), "")
    claim = str(item.get("claim") or said)
    digits = re.fullmatch(r"\s*\[?\s*(\d{1,3})\s*\]?\s*", str(named))
    numbers = (int(digits[1]),) if digits else cited_numbers(str(named))
    if numbers:
        pieces = [known[n] for n in numbers if n in known]
        return [_evidence(piece, claim) for piece in pieces], tuple(n for n in numbers if n not in known)
    quote = item.get("quote")
    return [
        Evidence(claim=claim, uri=str(uri), tool=str(item.get("tool") or ""), quote=str(quote) if quote else None)
        for uri in MediaURI.find_all(str(named))[:1]
    ], ()


def _before(
    said: BaseMessage, messages: Sequence[BaseMessage], known: Mapping[int, Piece], cited: Sequence[int]
) -> str:
    """The words that a reply of nothing but numbers is about: the draft sent back before it, else those it cites."""
    for message in reversed(messages):
        if message is said or not isinstance(message, AIMessage) or message.additional_kwargs.get("by"):
            continue
        if message.tool_calls or message.invalid_tool_calls:
            break
        text = str(message.additional_kwargs.get("draft") or message.text)
        return parse_draft(text, pieces=known).text
    return next((known[n].text for n in cited if n in known and known[n].text), "")


def numbers_of(messages: Sequence[BaseMessage]) -> Container[int] | None:
    """The numbers that the last message of a conversation may cite; None where its dialect knows of none."""
    last = messages[-1] if messages else None
    draft = str(last.additional_kwargs.get("draft") or "") if last is not None else ""
    return None if (row := json_answer(draft)) and row.get("cites") is False else pieces_of(messages)


def question_of(messages: Sequence[BaseMessage]) -> Question | None:
    """The question that the loop put, with the facts of its videos; None where there is none."""
    for message in messages:
        row = message.additional_kwargs.get("question") if isinstance(message, HumanMessage) else None
        if row:
            return Question.from_dict(row)
    return None
