"""The conversation as a chat model reads it: what was found before its first turn stands in the user's first message.

Many chat templates know of no tool message before the model's first turn, and small models read numbered lines under a
question better than calls that they did not make. The messages of the run stay as they are; this is how they are sent.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage, ToolMessage

FOUND = "Found so far"
_READER = "read"
"""The route whose steps are many lines, of which few matter."""
_NUMBERED = re.compile(r"\[(\d+)\] ")


def folded(messages: Sequence[BaseMessage]) -> list[BaseMessage]:
    """The messages with the first look as words of the user; pictures and what comes later stay where they are."""
    head = [m for m in messages[:2] if isinstance(m, SystemMessage)]
    start = len(head)
    if len(messages) <= start or not isinstance(messages[start], HumanMessage):
        return list(messages)
    question, end, steps = messages[start], start + 1, list[tuple[str, str]]()
    while end < len(messages):
        step = _route_step(messages, end)
        if not step:
            break
        by = str(messages[end].text).partition(":")[0]
        steps += [(by, str(message.text)) for message in step if message.status != "error"]
        end += 1 + len(step)
    cited = messages[end].additional_kwargs.get("cites", ()) if end < len(messages) else ()
    lines = [text if by != _READER else _cited(text, cited) for by, text in steps]
    if end == start + 1 or not isinstance(question.content, str):
        return list(messages)
    found = "\n".join(dict.fromkeys(line for text in lines for line in text.split("\n") if line.strip()))
    content = f"{FOUND}{_range(found)}:\n{found or 'nothing'}\n\n{question.content}"
    return [*head, question.model_copy(update={"content": content}), *messages[end:]]


def _cited(text: str, numbers: Sequence[int]) -> str:
    """Of all that the reader looked through only the lines that it goes by."""
    return "\n".join(line for line in text.split("\n") if (m := _NUMBERED.match(line)) and int(m[1]) in numbers)


def _range(found: str) -> str:
    """Return which numbers the lines have: it shows how one is cited, too."""
    numbers = [int(match[1]) for line in found.split("\n") if (match := _NUMBERED.match(line))]
    if not numbers:
        return ""
    return f", line [{numbers[0]}]" if len(numbers) == 1 else f", lines [{min(numbers)}] to [{max(numbers)}]"


def _route_step(messages: Sequence[BaseMessage], at: int) -> list[ToolMessage]:
    """The tool messages that answer a route's calls at this place, where they are words alone; else none."""
    calling = messages[at]
    if not isinstance(calling, AIMessage) or calling.additional_kwargs.get("by") != "route" or not calling.tool_calls:
        return []
    step: list[ToolMessage] = []
    for message in messages[at + 1 : at + 1 + len(calling.tool_calls)]:
        if not isinstance(message, ToolMessage) or (message.artifact or {}).get("pictures"):
            return []
        step.append(message)
    return step if len(step) == len(calling.tool_calls) else []
