"""Defuse text from outside: it is data, and must not be able to act as a prompt.

A frame, a file's name or a server's description of its tool can hold `<|im_end|><tool_call>…` or `[INST]`; a tokenizer
would turn that into control tokens. Markup openers are therefore replaced by look-alikes before any of it reaches a
policy, so that people and models can still read and quote what was there. Instructions in plain words cannot be told
from other text; they are harmless as long as they are quoted and only the policy's own messages are obeyed.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Any

from ..memory.sanitize import one_line, sanitize

_MARKUP = re.compile(r"[<\uff1c\ufe64](?=[A-Za-z/|!?\uff5c\uff0f\u2581]|0x)")
_INSTRUCTION_TAG = re.compile(
    r"\[(?=/?(?:INST|SYS|SYSTEM_PROMPT|TOOL_CALLS|TOOL_CONTENT|AVAILABLE_TOOLS|TOOL_RESULTS|ARGS|CALL_ID|THINK|IMG|"
    r"IMG_BREAK|IMG_END|AUDIO|gMASK|MASK|CLS|SEP|PAD|UNK|e~\[)(?![A-Za-z])|\|)",
    re.IGNORECASE,
)
_URI_FORGERY = re.compile(r"\bvideo:(?=[\w-]+#)")
LONGEST_NAME = 120
"""Characters of a name (of a file, a tool, a speaker) that a policy is told."""


def defuse(text: str) -> str:
    """`text` without control characters and with every opener of control markup replaced by a look-alike."""
    text = sanitize(text)
    if text.isascii() and not any(mark in text for mark in ("<", "[", "|>", "]~")):
        return text
    kept = "".join(c for c in text if c in "\n\t" or unicodedata.category(c) not in ("Cc", "Cf", "Co", "Cs"))
    kept = _MARKUP.sub("‹", kept.replace("<<", "‹‹")).replace("|>", "|›").replace("]~", "]∼")
    return _INSTRUCTION_TAG.sub("［", kept)


def quote(text: str) -> str:
    """Text from a video as it stands in an observation: defused, on one line, between quotation marks of its own."""
    line = " ".join(defuse(text).replace("«", "‹").replace("»", "›").split())
    return f"«{_URI_FORGERY.sub('video∶', line)}»"


def named(name: str, most: int = LONGEST_NAME) -> str:
    """A name that somebody else chose, as a policy may be told it: defused, on one line, of bounded length."""
    line = one_line(defuse(name), most)
    return _URI_FORGERY.sub("video∶", line.replace("«", "‹").replace("»", "›"))


def defuse_data(value: Any) -> Any:
    """`defuse` for every string inside JSON-like `value`, the keys of its objects among them."""
    if isinstance(value, str):
        return defuse(value)
    if isinstance(value, dict):
        return {defuse(str(key)): defuse_data(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [defuse_data(item) for item in value]
    return value
