"""Text that was read from a video is data: it must not be able to act as a prompt.

A frame can show `<|im_end|><tool_call>…` or `[INST]`; a tokenizer would turn that into control tokens. Markup
openers are therefore replaced by look-alikes before an observation leaves the toolbox, so that people and models can
still read and quote what was there. Instructions in plain words cannot be told from other text; they are harmless
as long as observations are quoted and only the policy's own messages are obeyed.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Any

_MARKUP = re.compile(r"<(?=[A-Za-z/|!?\uff5c])")
_INSTRUCTION_TAG = re.compile(r"\[(?=/?(?:INST|SYS|TOOL_CALLS|AVAILABLE_TOOLS|TOOL_RESULTS)\b)", re.IGNORECASE)
_URI_FORGERY = re.compile(r"\bvideo:(?=[\w-]+#)")


def defuse(text: str) -> str:
    """`text` without control characters and with every opener of control markup replaced by a look-alike."""
    text = re.sub("[\u2028\u2029\u0085]", "\n", text)
    kept = "".join(c for c in text if c in "\n\t" or unicodedata.category(c) not in ("Cc", "Cf", "Co", "Cs"))
    kept = _MARKUP.sub("‹", kept.replace("<<", "‹‹")).replace("|>", "|›")
    return _INSTRUCTION_TAG.sub("［", kept)


def quote(text: str) -> str:
    """Text from a video as it stands in an observation: defused, on one line, between quotation marks of its own."""
    line = " ".join(defuse(text).replace("«", "‹").replace("»", "›").split())
    return f"«{_URI_FORGERY.sub('video∶', line)}»"


def defuse_data(value: Any) -> Any:
    """`defuse` for every string inside JSON-like `value`."""
    if isinstance(value, str):
        return defuse(value)
    if isinstance(value, dict):
        return {str(key): defuse_data(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [defuse_data(item) for item in value]
    return value
