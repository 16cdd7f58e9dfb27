"""Split a reply into thoughts and what is for the reader: every reply is split here before anything else in it is read.

Known are the tags of reasoning models (`<think>`, `<thinking>`, `<thought>`, `<reasoning>` and others), `[THINK]` of
Magistral, `◁think▷` of Kimi, `<|START_THINKING|>` of Command, `<|begin_of_thought|>`, the channels of gpt-oss (also as
they look where a tokenizer drops its special tokens) and of Gemma, the sentences of Granite and Apriel, and headings
(`**Thinking:** … **Answer:** …`). One pass, whatever is met. Special tokens around the reply are no part of it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from langchain_core.messages import AIMessage

_NAMES = r"(?:[a-z]{1,20}[:_])?(?:think|thinking|thoughts?|reasoning|reflection|scratchpad|analysis|cot|思考)"
_OPENS = (
    rf"[<‹]{_NAMES}(?:\s[^<>]{{0,200}})?>|\[THINK\]|◁think▷"
    r"|<\|(?:START_THINKING|begin_of_thought|inner_prefix|think(?:ing)?)\|>"
    r"|(?:<\|channel>|<unused94>)\s*(?:thought|thinking|analysis)\b"
)
_CLOSES = (
    rf"[<‹]/{_NAMES}\s*>|\[/THINK\]|◁/think▷|<\|(?:END_THINKING|end_of_thought|inner_suffix|/think(?:ing)?)\|>|<channel\|>"
    r"|<unused95>"
)
_MARK = re.compile(rf"(?P<opens>{_OPENS})|(?P<closes>{_CLOSES})", re.IGNORECASE)
_ACTS = re.compile(r"<(/?)(answer|tool_calls?|tool|function_call)>|<function=|\[TOOL_CALLS\]", re.IGNORECASE)
"""Tags of what a reply does: where one opens, a thought that is never closed ends."""
_WHOLE = re.compile(r"<(answer|tool_call|tool)>(?:(?!<\1>)[\s\S]){1,4000}?</\1>", re.IGNORECASE)
_CHANNEL = re.compile(
    r"(?:<\|start\|>[\w.]{0,40})?<\|channel\|>\s*(\w+)((?:(?!<\|message\|>|<\|channel\|>)[\s\S]){0,200})<\|message\|>"
    r"|<\|(?:end|return|call)\|>",
)
_TO = re.compile(r"\bto=(?:functions\.)?([\w.-]+)")
_BARE_CHANNEL = re.compile(r"\A\s*analysis(?=[A-Z\"'“({\[\\<*]|\w[\s\S]*assistantfinal)")
"""How a thought of gpt-oss begins where special tokens are dropped."""
_FINAL = "assistantfinal"
_SENTENCES = (
    (re.compile(r"\A\s*Here(?:'s| is) my thought process:"), re.compile(r"Here(?:'s| is) my response:")),
    (re.compile(r"\A\s*Thinking\.\.\."), re.compile(r"\.\.\.\s?done thinking\.")),
    (re.compile(r"\A\s*Here are my reasoning steps:"), re.compile(r"\[BEGIN FINAL RESPONSE\]")),
    (
        re.compile(r"\A\s*```(?:think|thinking|thoughts?|reasoning|analysis)\b", re.I),
        re.compile(r"\n\s*```\s*(?:\n|\Z)"),
    ),
    (
        re.compile(r"\A[\s*#_]*(?:thinking|thoughts?|reasoning|analysis|rationale)(?:\s+process)?[*_]*\s*:", re.I),
        re.compile(r"\n[\s*#_>]*(?:the\s+)?(?:final\s+)?(?:answer|response)[*_]*\s*:[*_]*", re.I),
    ),
)
_AROUND = (
    r"(?:<\|(?:START_RESPONSE|END_RESPONSE|START_TEXT|END_TEXT|begin_of_solution|end_of_solution|role_end|im_end|eot_id|"
    r"eom_id|end_of_text|endoftext|end|return|im_start\|>assistant|begin_of_box|end_of_box)(?:\|>|(?=\s))|</?response>|</s>|"
    r"<end_of_turn>|\[(?:BEGIN|END) FINAL RESPONSE\])"
)
_BEFORE = re.compile(rf"\A\s*(?:{_AROUND}\s*)+", re.IGNORECASE)
_BEHIND = re.compile(rf"(?:\s*{_AROUND})+\s*\Z", re.IGNORECASE)
"""Special tokens and tags that only say that what stands between them is the reply."""
_SPOKEN = ("reasoning_content", "reasoning", "thinking")
"""Where servers put thoughts beside the text."""


_BLOCKS = ("thinking", "reasoning")


@dataclass(frozen=True, slots=True, kw_only=True)
class Split:
    """A reply in two."""

    thought: str
    """All thoughts, one a line."""
    reply: str
    """What is no thought."""
    cut: str = ""
    """The thought that is never closed, where the reply ends inside of it; part of `thought`."""


def split_thoughts(text: str) -> Split:
    """Split a reply into its thoughts and what it says.

    What stands between an opening and a closing mark is thought, other openings inside included; a closing mark without
    an opening ends a thought that the chat template opened. A thought that is never closed goes on to the end, or to
    where a call opens, or to the answer tags that the reply ends with: a reply is cut off after those.
    """
    if not _may_think(text):
        return Split(thought="", reply=_undressed(text))
    thoughts: list[str] = []
    replies: list[str] = []
    cut = ""
    for kind, part in _of_sentences(text):
        if kind:
            thoughts.append(part)
            continue
        for is_thought, piece in _channels(part):
            if is_thought:
                thoughts.append(piece)
                continue
            more, others, cut = _by_marks(piece)
            thoughts += more
            replies += others
    kept = [part.strip() for part in thoughts if part.strip()]
    reply = _undressed("\n".join(p for p in replies if p.strip()).strip())
    return Split(thought="\n".join(kept), reply=reply, cut=cut.strip())


def without_thoughts(text: str) -> str:
    """Return what a reply says, without its thoughts."""
    return split_thoughts(text).reply


def thinks_beside(message: AIMessage) -> bool:
    """Return whether a message has thoughts beside its text, where servers put them."""
    return any(part.strip() for part in _beside(message))


def thought_of(message: AIMessage) -> str:
    """All that a message thinks: in its text, in thinking blocks, and where servers put it beside the text."""
    found = [*_beside(message), split_thoughts(message.text).thought]
    return "\n".join(dict.fromkeys(part.strip() for part in found if part.strip()))


def _beside(message: AIMessage) -> list[str]:
    blocks = message.content if isinstance(message.content, list) else []
    thoughts = [block for block in blocks if isinstance(block, dict) and block.get("type") in _BLOCKS]
    return [_words(part) for part in (*map(message.additional_kwargs.get, _SPOKEN), *thoughts)]


def _undressed(text: str) -> str:
    tail = text[-400:]
    behind = _BEHIND.search(tail)
    text = text[: len(text) - len(tail) + behind.start()] if behind else text
    before = _BEFORE.match(text)
    return text[before.end() :] if before else text


def _may_think(text: str) -> bool:
    """Return whether there is anything to split; a reply that is one JSON object holds no marks but in its texts."""
    opens = _BARE_CHANNEL.match(text) or any(opens.match(text) for opens, _ in _SENTENCES)
    if not (opens or _MARK.search(text) or "<|channel|>" in text):
        return False
    if text.lstrip()[:1] != "{":
        return True
    try:
        json.loads(text, strict=False)
    except (ValueError, RecursionError):
        return True
    return False


def _of_sentences(text: str) -> Iterator[tuple[bool, str]]:
    """Thoughts that begin and end with a fixed sentence, or with a channel's name, as (whether thought, text)."""
    if _BARE_CHANNEL.match(text):
        thought, mark, reply = text.rpartition(_FINAL)
        yield True, thought if mark else reply
        if mark:
            yield False, reply
        return
    for opens, closes in _SENTENCES:
        begun, ended = opens.match(text), closes.search(text)
        if begun and ended:
            yield True, text[begun.end() : ended.start()]
            text = text[ended.end() :]
    yield False, text


def _channels(text: str) -> Iterator[tuple[bool, str]]:
    """The messages of gpt-oss as (whether thought, text); a call of a tool as a call in tags."""
    if "<|channel|>" not in text:
        yield False, text
        return
    name, to, start = "", None, 0
    parts: list[tuple[str, str]] = []
    for mark in [*_CHANNEL.finditer(text), None]:
        body = text[start : mark.start() if mark else len(text)]
        if to:
            parts.append(("final", f'<tool_call>{{"name": "{to[1]}", "arguments": {body}}}</tool_call>'))
        elif body.strip():
            parts.append((name, body))
        if mark is None:
            break
        name, start = (mark[1] or "").lower(), mark.end()
        to = _TO.search(mark[2] or "")
    ended = any(name == "final" for name, _ in parts)
    for name, body in parts:
        yield name == "analysis" or (name == "commentary" and ended), body


def _by_marks(text: str) -> tuple[list[str], list[str], str]:
    marks = list(_MARK.finditer(text))
    last_close = max((n for n, mark in enumerate(marks) if mark["closes"]), default=-1)
    words_follow = _words_follow(text, marks)
    thoughts: list[str] = []
    replies: list[str] = []
    last_answer = text.lower().rfind("<answer>")
    at, opened, opens, closes = 0, None, 0, 0
    for n, mark in enumerate(marks):
        if mark["opens"]:
            opens += 1
            if opened is None and n < last_close:
                replies.append(text[at : mark.start()])
                opened = mark.end()
            elif opened is None and _begins(text, at, mark.start()):
                replies.append(text[at : mark.start()])
                thought, reply = _unclosed(text[mark.end() :])
                return [*thoughts, thought], [*replies, reply], "" if reply.strip() else thought
            continue
        closes += 1
        if opened is not None:
            thoughts.append(text[opened : mark.start()])
        else:
            between = text[at : mark.start()]
            nested = closes == 1 or opens >= closes
            whole = _WHOLE.search(between)
            alone = whole and whole[0] == between.strip() and last_answer < mark.end()
            settled = whole and (alone or whole[1].lower() != "answer")
            thinks = nested or (words_follow[n] and not settled)
            (thoughts if thinks else replies).append(between)
        at, opened = mark.end(), None
    replies.append(text[at:])
    return thoughts, replies, ""


def _words_follow(text: str, marks: list[re.Match[str]]) -> list[bool]:
    """For each mark, whether anything but marks and blanks stands behind it."""
    found, end, flags = False, len(text), []
    for mark in reversed(marks):
        found = found or bool(text[mark.end() : end].strip())
        end = mark.start()
        flags.append(found)
    return flags[::-1]


def _begins(text: str, at: int, place: int) -> bool:
    """Return whether a mark stands where a thought begins: first, on a new line, or behind a tag; else it is quoted."""
    line = text[max(at, place - 200) : place].rpartition("\n")[2].rstrip()
    return not line or line.endswith((">", "]"))


def _unclosed(text: str) -> tuple[str, str]:
    marks = list(_ACTS.finditer(text))
    for mark in marks:
        if not mark[1] and (mark[2] or "").lower() != "answer":
            return text[: mark.start()], text[mark.start() :]
    begin, end, closed = len(text), len(text), False
    for mark in reversed([mark for mark in marks if (mark[2] or "").lower() == "answer"]):
        if mark[1] and text[mark.end() : end].strip():
            break
        if not mark[1] and not closed and (begin < len(text) or not _begins(text, 0, mark.start())):
            break  # it only speaks of the tag
        begin, closed = (begin, True) if mark[1] else (mark.start(), False)
        end = mark.start()
    return text[:begin], text[begin:]


def _words(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, dict):
        return "\n".join(_words(value.get(key)) for key in ("thinking", "reasoning", "text", "content", "summary"))
    if isinstance(value, list):
        return "\n".join(_words(part) for part in value)
    return ""
