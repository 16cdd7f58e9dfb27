"""What a chat server said, as a message of the loop: calls with ids, likelihood, tokens."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any, cast

from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage, InvalidToolCall, ToolCall

from ..dialects import Dialect, draft
from ..dialects.found_calls import calls_in
from ..dialects.hermes import USAGE
from ..loose_json import NotJson, read_object

_KEPT = ("model_name", "model_provider", "finish_reason", "stop_reason", "output_version", "cut")
"""What is kept of the server's metadata; the rest is long, or nobody's business."""
_HOW = "Write the arguments as one JSON object."


def read_reply(
    raw: AIMessage,
    messages: Sequence[BaseMessage],
    dialect: Dialect | None,
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
    if refusal and not raw.text.strip():
        content = blot(str(refusal))
    calls, invalid = _second_try(raw)
    if dialect is not None:
        # Calls that the server has parsed are in the dialect's names, not in ours: they are read as if in the text.
        parsed = [_written(c["name"], c["args"]) for c in calls]
        words = AIMessage(content).text
        said = dialect.read("\n".join([*([words] if words else []), *parsed]), messages)
        calls, invalid = list(said.calls), [*said.invalid, *invalid]
        content = "\n".join([words, *parsed]) if parsed and words else words or "\n".join(parsed)
        if not calls and not invalid and not dialect.cites:
            more["draft"] = draft(said, messages)
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
        response_metadata={key: raw.response_metadata[key] for key in _KEPT if raw.response_metadata.get(key)},
        usage_metadata=raw.usage_metadata,
    )


def _broken(body: str, why: str) -> InvalidToolCall:
    error = f"The call cannot be read: {why}. {USAGE}"
    return {"name": None, "args": body, "id": None, "error": error, "type": "invalid_tool_call"}


def _second_try(raw: AIMessage) -> tuple[list[ToolCall], list[InvalidToolCall]]:
    """The calls, with those that strict JSON refuses read once more as models write it, and told how else to be."""
    calls, invalid = list(raw.tool_calls), []
    for broken in raw.invalid_tool_calls:
        try:
            arguments = read_object(broken["args"] or "")
            calls.append({"name": broken["name"] or "", "args": arguments, "id": broken["id"], "type": "tool_call"})
        except NotJson as problem:
            invalid.append(cast(InvalidToolCall, {**broken, "error": f"The call cannot be read: {problem}. {_HOW}"}))
    return calls, invalid


def whole(chunk: AIMessageChunk, *, cut: str) -> AIMessage:
    """A streamed reply as a message; a call that is not whole JSON is invalid, however much of it can be guessed."""
    calls: list[ToolCall] = []
    invalid: list[InvalidToolCall] = []
    for part in chunk.tool_call_chunks:
        name, written = part["name"] or "", part["args"] or "{}"
        try:
            arguments = json.loads(written, strict=False)
        except json.JSONDecodeError as error:
            arguments = str(error)
        if isinstance(arguments, dict):
            calls.append({"name": name, "args": arguments, "id": part["id"], "type": "tool_call"})
        else:
            bad: InvalidToolCall = {
                "name": name,
                "args": written,
                "id": part["id"],
                "error": None,
                "type": "invalid_tool_call",
            }
            invalid.append(bad)
    more = {"finish_reason": cut, "cut": True} if cut else {}
    return AIMessage(
        chunk.content,
        tool_calls=calls,
        invalid_tool_calls=invalid,
        usage_metadata=chunk.usage_metadata,
        additional_kwargs=chunk.additional_kwargs,
        response_metadata={**chunk.response_metadata, **more},
    )


def likelihood(raw: AIMessage) -> float | None:
    """Geometric mean probability of the reply's tokens, where the server tells their log-probabilities."""
    known = [row["logprob"] for row in _tokens(raw) if isinstance(row.get("logprob"), (int, float))]
    return math.exp(sum(known) / len(known)) if known else None


def choice_weights(raw: AIMessage, choices: Sequence[str]) -> dict[str, float] | None:
    """Probability of each choice as the first word; None where the server does not tell.

    The first token at which any choice stands counts, so that a line break before the word does no harm.
    """
    for row in _tokens(raw):
        others = row.get("top_logprobs") or [row]
        weights = dict.fromkeys(choices, 0.0)
        for other in others:
            word = str(other.get("token", "")).strip(" \n\t.*\"'▁Ġ").casefold()
            for choice in choices:
                if word == choice.casefold():
                    weights[choice] += math.exp(min(float(other["logprob"]), 0.0))
        if any(weights.values()):
            return weights
    return None


def _tokens(raw: AIMessage) -> list[dict[str, Any]]:
    found = raw.response_metadata.get("logprobs")
    rows = found.get("content") if isinstance(found, dict) else None
    return [row for row in rows or () if isinstance(row, dict)]


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
