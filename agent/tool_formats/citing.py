"""The draft of an answer that names no evidence: what was last looked at stands for it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from langchain_core.messages import BaseMessage, ToolMessage

from ..parsing.options import choice_in, option_in
from ..parsing.reply import json_answer, parse_draft, question_of
from .dialect import Said

_SEARCHES = {"search_clips", "browse", "score_frames", "cluster_frames"}
"""Tools that tell where to look; what they name was not looked at."""


def draft(said: Said, messages: Sequence[BaseMessage]) -> str:
    """The reply as a draft that the check can read (JSON, for `additional_kwargs["draft"]`).

    An answer that cites by itself, or abstains, is given back as it stands. Else the evidence is the place that the
    last tool looked at, or, where nothing was looked at, the best that a search found; and an answer that is a letter
    chooses the option of that letter. No confidence is stated but one that stands in the reply's own JSON.

    Args:
        said: the reply, taken apart.
        messages: those before it.
    """
    stated = parse_draft(said.content)
    if stated.evidence or stated.abstained:
        return said.content
    question = question_of(messages)
    options = question.options if question else ()
    option, told_of = choice_in(stated.text, options)
    text = told_of if len(stated.text.strip()) < 5 else stated.text  # a letter says little to people
    option = option_in(stated.option or "", options) or option
    told = json_answer(said.content) or {}
    row: dict[str, Any] = {
        "answer": text,
        "option": option or stated.option,
        "abstained": option is None and stated.text.strip().rstrip(".").upper() == "N/A",
        "evidence": [{"claim": text, **place} for place in _places(messages)],
        "cites": False,
        **({"confidence": told["confidence"]} if "confidence" in told else {}),
    }
    return json.dumps(row, ensure_ascii=False)


def _places(messages: Sequence[BaseMessage]) -> list[dict[str, str]]:
    """The first place of the last observation: tools name the whole of what they looked at before its parts."""
    seen = [
        m for m in messages if isinstance(m, ToolMessage) and m.status != "error" and (m.artifact or {}).get("uris")
    ]
    looked = [message for message in seen if message.name not in _SEARCHES]
    last = (looked or seen)[-1:]
    return [{"uri": str(message.artifact["uris"][0]), "tool": message.name or ""} for message in last]
