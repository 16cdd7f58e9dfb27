"""The reply of a chat server as a message of the loop: calls with ids, likelihood, tokens."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any, cast

from langchain_core.messages import AIMessage, BaseMessage, InvalidToolCall, ToolCall

from ...parsing.loose_json import NotJson, read_object
from ...parsing.thoughts import split_thoughts
from ...tool_formats import ToolFormat, draft
from ...tool_formats.text_calls import calls_in
from ...tool_formats.tool_format import USAGE

_KEPT = ("model_name", "model_provider", "finish_reason", "stop_reason", "output_version", "cut")
"""What is kept of the server's metadata; the rest is long, or nobody's business."""
_HOW = "Write the arguments as one JSON object."


def read_reply(
    raw: AIMessage,
    messages: Sequence[BaseMessage],
    dialect: ToolFormat | None,
    *,
    blot: Callable[[str], str],
    names: Sequence[str] = (),
) -> AIMessage:
    """The reply with its calls in our tools' names, each with an id of its own.

    Args:
        raw: as the client library made it.
        messages: those before it.
        dialect: how calls stand in the text, where the server leaves them there; without one, and where the dialect
            finds none, they are looked for in every form.
        blot: takes secrets out of a text.
        names: of the tools that were offered.
    """
    content: Any = blot(raw.content) if isinstance(raw.content, str) else raw.content
    more = {key: value for key, value in raw.additional_kwargs.items() if key not in ("tool_calls", "function_call")}
    refusal = more.pop("refusal", None)
    metadata = {key: _kept(raw.response_metadata.get(key)) for key in _KEPT if raw.response_metadata.get(key)}
    thought = more.pop("reasoning_content", None)
    if isinstance(thought, str) and thought.strip():
        thought = blot(thought)
        silent = not raw.text.strip() and not raw.tool_calls and not raw.invalid_tool_calls and not refusal
        if silent and metadata.get("finish_reason") != "length":
            # The server took all of it for thoughts: what it says stands there, or nowhere.
            split = split_thoughts(thought)
            content, thought = (split.reply, split.thought) if split.reply else (split.cut or thought, "")
            metadata["from_reasoning"] = True
        if thought:
            more["reasoning_content"] = thought
    if refusal and not raw.text.strip():
        content = blot(str(refusal))
    calls, invalid = _second_try(raw, names)
    if dialect is not None:
        # Calls that the server has parsed are in the dialect's names, not in ours: they are read as if in the text.
        parsed = [_written(c["name"], c["args"]) for c in calls]
        words = AIMessage(content).text
        parsed_reply = dialect.read("\n".join([*([words] if words else []), *parsed]), messages)
        calls, invalid = list(parsed_reply.calls), [*parsed_reply.invalid, *invalid]
        content = "\n".join([words, *parsed]) if parsed and words else words or "\n".join(parsed)
        if not calls and not invalid and not dialect.cites:
            more["draft"] = draft(parsed_reply, messages)
    if not calls and not invalid and names and (text := AIMessage(content).text):
        found = calls_in(text, names)
        calls = [{"name": name, "args": args, "id": None, "type": "tool_call"} for name, args in found.calls]
        invalid = [_broken(body, why) for body, why in found.broken]
        if calls or invalid:
            more.pop("draft", None)
            content = found.words if dialect is None else content
    good, bad = _with_ids(calls, invalid, messages)
    return AIMessage(
        content,
        tool_calls=good,
        invalid_tool_calls=bad,
        additional_kwargs=more,
        response_metadata=metadata,
    )


def _broken(body: str, why: str) -> InvalidToolCall:
    error = f"The call cannot be read: {why}. {USAGE}"
    return {"name": None, "args": body, "id": None, "error": error, "type": "invalid_tool_call"}


def _kept(value: Any) -> Any:
    """A short value of the server's metadata."""
    return value if isinstance(value, bool) else str(value)[:200]


def _second_try(raw: AIMessage, names: Sequence[str]) -> tuple[list[ToolCall], list[InvalidToolCall]]:
    """The calls, with those that strict JSON refuses read once more as models write it, and told how else to be.

    Arguments that are `null` or missing are none.
    """
    calls: list[ToolCall] = [{**call, "name": plain_name(call["name"], names)} for call in raw.tool_calls]
    invalid: list[InvalidToolCall] = []
    for broken in raw.invalid_tool_calls:
        name, written = plain_name(broken["name"] or "", names), (broken["args"] or "").strip()
        try:
            arguments = {} if written in ("", "null", "None", "[]") else read_object(written)
            calls.append({"name": name, "args": arguments, "id": broken["id"], "type": "tool_call"})
        except NotJson as problem:
            error = f"The call cannot be read: {problem}. {_HOW}"
            invalid.append(cast(InvalidToolCall, {**broken, "name": name, "error": error}))
    return calls, invalid


def plain_name(name: str, names: Sequence[str]) -> str:
    """The name of a tool as it was offered, of `functions.view_clip`, `view_clip<|channel|>…` or a name twice over."""
    if name in names:
        return name
    plain = re.split(r"<[|｜]", name.strip())[0].strip().rpartition(".")[2].strip("\"'` ()")
    half = plain[: len(plain) // 2]
    if half in names and plain == half * 2:
        return half
    return plain if plain in names else name


def likelihood(raw: AIMessage) -> float | None:
    """Geometric mean probability of the reply's tokens, where the server tells their log-probabilities."""
    known = [value for row in _tokens(raw) if (value := _logprob(row)) is not None]
    return math.exp(sum(known) / len(known)) if known else None


def choice_weights(raw: AIMessage, choices: Sequence[str]) -> dict[str, float] | None:
    """Probability of each choice as the first word; None where the server does not tell.

    The first token at which any choice stands counts, so that a line break before the word does no harm.
    """
    for row in _tokens(raw):
        listed = row.get("top_logprobs")
        others = [one for one in listed if isinstance(one, dict)] if isinstance(listed, list) else []
        weights = dict.fromkeys(choices, 0.0)
        for other in others or [row]:
            word = str(other.get("token", "")).strip(" \n\t.*\"'▁Ġ").casefold()
            value = _logprob(other)
            for choice in choices:
                if word == choice.casefold() and value is not None:
                    weights[choice] += math.exp(value)
        if any(weights.values()):
            return weights
    return None


def _logprob(row: dict[str, Any]) -> float | None:
    """A log-probability, at most 0; None where it is no number."""
    value = row.get("logprob")
    if isinstance(value, bool) or not isinstance(value, (int, float)) or math.isnan(value):
        return None
    return max(min(float(value), 0.0), -1e3) if abs(value) < 1e300 else -1e3


def _tokens(raw: AIMessage) -> list[dict[str, Any]]:
    found = raw.response_metadata.get("logprobs")
    rows = found.get("content") if isinstance(found, dict) else None
    return [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []


def _written(name: str, arguments: dict[str, Any]) -> str:
    row = json.dumps({"name": name, "arguments": arguments}, ensure_ascii=False, default=str)
    return f"<tool_call>\n{row}\n</tool_call>"


def _with_ids(
    calls: Iterable[ToolCall], invalid: Iterable[InvalidToolCall], messages: Sequence[BaseMessage]
) -> tuple[list[ToolCall], list[InvalidToolCall]]:
    """The calls with ids that no other call of the conversation has: some servers give none, or the same each time."""
    earlier = [m for m in messages if isinstance(m, AIMessage)]
    used = {c["id"] for m in earlier for c in (*m.tool_calls, *m.invalid_tool_calls)}
    number = len(used)
    good: list[ToolCall] = []
    bad: list[InvalidToolCall] = []

    def own(given: str | None) -> str:
        nonlocal number
        while not given or given in used:
            given, number = f"call_{number}", number + 1
        used.add(given)
        return given

    for call in calls:
        good.append({**call, "id": own(call["id"])})
    for broken in invalid:
        bad.append({**broken, "id": own(broken["id"])})
    return good, bad
