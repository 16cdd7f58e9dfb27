"""The draft of an answer that names no evidence: what was last looked at stands for it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from langchain_core.messages import BaseMessage, ToolMessage

from ..parsing.draft import parse_draft
from ..parsing.final_json import json_answer
from ..parsing.options import choice_in, option_in
from ..questions.question import question_of
from .tool_format import ParsedTurn

SEARCHES = frozenset({"search_clips", "browse", "score_frames", "cluster_frames"})
"""Tools that tell where to look, out of the memory; what they name was not looked at."""


def draft(turn: ParsedTurn, messages: Sequence[BaseMessage]) -> str:
    """Return the reply as a draft that the check can read (JSON, for `additional_kwargs["draft"]`).

    An answer that cites by itself, or abstains, is given back as it stands. Else the evidence is the place that the
    last tool looked at, or, where nothing was looked at, the best that a search found; and an answer that is a letter
    chooses the option of that letter. No confidence is stated but one that stands in the reply's own JSON.
    """
    answer = parse_draft(turn.content)
    if answer.evidence or answer.abstained:
        return turn.content
    question = question_of(messages)
    options = question.options if question else ()
    option, text_of_choice = choice_in(answer.text, options)
    text = text_of_choice if len(answer.text.strip()) < 5 else answer.text  # a letter says little to people
    option = option_in(answer.option or "", options) or option
    own = json_answer(turn.content) or {}
    row: dict[str, Any] = {
        "answer": text,
        "option": option or answer.option,
        "abstained": option is None and answer.text.strip().rstrip(".").upper() == "N/A",
        "evidence": [{"claim": text, **place} for place in _places(messages)],
        "cites": False,
        **({"confidence": own["confidence"]} if "confidence" in own else {}),
    }
    return json.dumps(row, ensure_ascii=False)


def _places(messages: Sequence[BaseMessage]) -> list[dict[str, str]]:
    """The first place of the last observation: tools name the whole of what they looked at before its parts."""
    results = [
        m for m in messages if isinstance(m, ToolMessage) and m.status != "error" and (m.artifact or {}).get("uris")
    ]
    looks = [message for message in results if message.name not in SEARCHES]
    last = (looks or results)[-1:]
    return [{"uri": str(message.artifact["uris"][0]), "tool": message.name or ""} for message in last]
