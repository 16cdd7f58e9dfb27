"""One call of a served policy: what is asked for, how the conversation is sent, and what it has used so far.

Chat servers take pictures in user messages only, so that what tools show follows the tool messages as one user message.
Some refuse two user messages in a row, calls whose arguments are not JSON, and calls that have no id: none of that is
sent.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage, ToolMessage
from langchain_core.messages.ai import UsageMetadata

from ....memory import FrameReader
from ...tool_formats import ToolFormat
from ..content_blocks import Block, blocks, data_url, is_picture, pictures
from ..folding import folded
from ..turn import Turn
from ..usage import whole_number

_CHARACTERS_A_TOKEN = 3.2  # few, so that an estimate is rather too high
_PIXELS_A_TOKEN = 28 * 28
_QUALITY = 85


ANY_TOOL: dict[str, Any] = {
    "type": "function",
    "function": {"name": "any", "description": "", "parameters": {"type": "object", "properties": {}}},
}
"""Stands for tools where only their form is asked about."""


@dataclass(slots=True, kw_only=True)
class ServedRequest:
    """One call of the policy."""

    messages: list[BaseMessage]
    stop: tuple[str, ...]
    turn: Turn | None
    tools: tuple[dict[str, Any], ...]
    tool_choice: Any
    max_tokens: int | None
    choices: tuple[str, ...]
    deadline: float | None
    given_up: threading.Event = field(default_factory=threading.Event)

    @classmethod
    def of(cls, messages: list[BaseMessage], stop: list[str] | None, kwargs: dict[str, Any]) -> ServedRequest:
        """Return what `BaseChatModel.invoke` hands over."""
        turn: Turn | None = kwargs.get("turn")
        seconds = turn.seconds if turn else None
        return cls(
            messages=messages,
            stop=tuple(stop or ()),
            turn=turn,
            tools=tuple(kwargs.get("tools") or ()),
            tool_choice=kwargs.get("tool_choice"),
            max_tokens=kwargs.get("max_tokens"),
            choices=tuple(kwargs.get("choices") or ()),
            # A little early, so that the caller hears why before it gives up by itself.
            deadline=None if seconds is None else time.monotonic() + 0.95 * seconds,
        )

    @property
    def tokens(self) -> int | None:
        """Tokens that prompt and reply may have together."""
        return self.turn.tokens if self.turn else None


@dataclass(slots=True)
class Used:
    """Tokens of all replies to one call, those that were no use included."""

    input: int = 0
    output: int = 0
    tries: int = 0
    estimated: bool = False

    def add(self, raw: AIMessage, prompt: int) -> None:
        """Count a reply, by its usage or else by estimate."""
        usage: Any = raw.usage_metadata or {}
        input_tokens, output_tokens = (whole_number(usage.get(key)) for key in ("input_tokens", "output_tokens"))
        self.tries += 1
        if -1 not in (input_tokens, output_tokens) and (input_tokens or 0) + (output_tokens or 0) > 0:
            self.input += input_tokens or 0
            self.output += output_tokens or 0
        else:
            self.estimated = True
            self.input += prompt
            written = "".join(json.dumps(c["args"], default=str) for c in raw.tool_calls)
            self.output += text_tokens(raw.text + written)

    def metadata(self) -> UsageMetadata:
        """As messages carry it."""
        return {"input_tokens": self.input, "output_tokens": self.output, "total_tokens": self.input + self.output}


def as_counted(messages: Sequence[BaseMessage]) -> float:
    """Return how many tokens the server counts for one that is estimated, by its last count."""
    for message in reversed(messages):
        if isinstance(message, AIMessage) and message.usage_metadata:
            estimated = message.response_metadata.get("estimated_input")
            if estimated:
                return float(min(max(message.usage_metadata["input_tokens"] / estimated, 0.25), 4.0))
    return 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """The body of a request as it goes to the server."""

    messages: list[BaseMessage]
    pictures: int
    """How many pictures are in it."""
    left_out: int
    tokens: int
    """Estimate of the prompt's tokens, tools not counted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Writer:
    """Renders conversations for one server.

    Args:
        sees: whether pictures are sent at all.
        max_side: longest side of a picture in pixels.
        dialect: how calls stand in replies that the server does not parse; None where it does.
    """

    sees: bool = True
    max_side: int = 768
    dialect: ToolFormat | None = None

    def write(
        self,
        messages: Sequence[BaseMessage],
        pixels: FrameReader | None,
        *,
        tools: Sequence[dict[str, Any]] = (),
        max_pictures: int = 64,
    ) -> Sent:
        """The conversation with at most `max_pictures` pictures, the newest kept first.

        Raises:
            VideoError: if a picture cannot be read.
        """
        messages = folded(messages)
        block_lists = [blocks(message) for message in messages]
        kept = _kept(messages, block_lists, max_pictures if self.sees else 0)
        read = dict(zip(kept, pictures([block_lists[m][b] for m, b in kept], pixels), strict=True))
        total = sum(is_picture(block) for its in block_lists for block in its)
        tool_text = self.dialect.tool_block(tools) if self.dialect and tools else None
        tokens = sum(image.width * image.height // _PIXELS_A_TOKEN + 8 for image in self._small(read.values()))

        sent_messages: list[BaseMessage] = []
        pending: list[str | dict[Any, Any]] = []  # what tools show, until the last of their messages is through
        for number, message in enumerate(messages):
            if not isinstance(message, ToolMessage) and pending:
                sent_messages.append(HumanMessage(list(pending)))
                pending.clear()
            parts = self._parts(block_lists[number], {b: image for (m, b), image in read.items() if m == number})
            if isinstance(message, ToolMessage):
                words, rest = self._tool(message, parts)
                sent_messages += words
                pending += rest
            elif isinstance(message, AIMessage):
                sent_messages.append(self._assistant_message(message, messages[:number]))
            elif isinstance(message, SystemMessage):
                sent_messages.append(SystemMessage(f"{message.text}\n\n{tool_text}" if tool_text else message.text))
                tool_text = None
            else:
                sent_messages.append(HumanMessage(parts))
        if pending:
            sent_messages.append(HumanMessage(list(pending)))
        if tool_text:
            sent_messages.insert(0, SystemMessage(tool_text))
        merged = _merged(sent_messages)
        tokens += sum(_text_tokens(message) for message in merged)
        return Sent(messages=merged, pictures=len(kept), left_out=total - len(kept), tokens=tokens)

    def _small(self, images: Any) -> list[Any]:
        return [_Size.of(image, self.max_side) for image in images]

    def _parts(self, block_lists: Sequence[Block], read: dict[int, Any]) -> list[str | dict[Any, Any]]:
        """The blocks with pictures as data URLs; those that are not sent go with their times, and words say so."""
        total = sum(is_picture(block) for block in block_lists)
        parts: list[str | dict[Any, Any]] = []
        dropped: list[str] = []
        for position, block in enumerate(block_lists):
            following = position + 1 < len(block_lists) and is_picture(block_lists[position + 1])
            if is_picture(block):
                if position in read:
                    url = data_url(read[position], size=self.max_side, quality=_QUALITY)
                    parts.append({"type": "image_url", "image_url": {"url": url}})
            elif following and position + 1 not in read and str(block.get("text", "")).startswith("<"):
                dropped.append(str(block["text"]))
            else:
                parts.append({"type": "text", "text": str(block.get("text", ""))})
        if total > len(read):
            parts.append({"type": "text", "text": self._left_out(total, len(read), dropped)})
        return parts

    def _left_out(self, total: int, sent: int, times: Sequence[str]) -> str:
        if not self.sees:
            return f"({total} pictures are not shown to you: you are used as a model that reads text only.)"
        if sent == 0:
            return f"({total} pictures are left out here for want of room; view again what you need.)"
        gone = f" Not shown: {', '.join(times)}." if len(times) <= 8 else ""
        return f"({sent} of {total} pictures are shown, spread evenly: more do not fit into one request.{gone})"

    def _tool(
        self, message: ToolMessage, parts: list[str | dict[Any, Any]]
    ) -> tuple[list[BaseMessage], list[str | dict[Any, Any]]]:
        """The message that answers the call, and the blocks of the user message that comes after all of them."""
        text = str(parts[0]["text"]) if parts and isinstance(parts[0], dict) and message.content else ""
        rest = parts[1:] if text else parts
        heading: list[str | dict[Any, Any]] = [{"type": "text", "text": f"Pictures from {message.name or 'the tool'}:"}]
        has_pictures = any(isinstance(part, dict) and part["type"] != "text" for part in rest)
        if not has_pictures:  # only words about pictures that are left out
            text = "\n".join([text, *(str(part["text"]) for part in rest if isinstance(part, dict))])
            heading, rest = [], []
        if self.dialect and self._in_words:
            _, before, after = self.dialect.result
            return [], [{"type": "text", "text": before + text + after}, *rest]
        call_id = message.tool_call_id or "call"
        return [ToolMessage(text, tool_call_id=call_id, name=message.name)], [*heading, *rest]

    @property
    def _in_words(self) -> bool:
        """Return whether calls and tool results go as plain text, since the server's chat template has no tools."""
        return self.dialect is not None and self.dialect.tool_block([ANY_TOOL]) is not None

    def _assistant_message(self, message: AIMessage, before: Sequence[BaseMessage]) -> AIMessage:
        if self.dialect and self._in_words:
            text = str(message.text)
            if message.additional_kwargs.get("by") == "route":
                written = [self.dialect.write_call(c["name"], c["args"], before) for c in message.tool_calls]
                text = "\n".join([text, *written])
            return AIMessage(text)
        unreadable = [
            {"name": c["name"] or "unknown", "args": {"unreadable": str(c["args"])[:200]}, "id": c["id"] or "call"}
            for c in message.invalid_tool_calls
        ]
        calls: list[Any] = [*message.tool_calls, *unreadable]
        content: Any = message.content
        if self.dialect and calls:  # the calls stand in the text already: the chat template would write them twice
            content = self.dialect.read(message.text, before).content
        return AIMessage(
            content, tool_calls=calls, additional_kwargs=_of_provider(message), response_metadata=_metadata(message)
        )


@dataclass(frozen=True, slots=True)
class _Size:
    width: int
    height: int

    @classmethod
    def of(cls, image: Any, side: int) -> _Size:
        scale = min(1.0, side / max(image.size))
        return cls(round(image.width * scale), round(image.height * scale))


def _kept(messages: Sequence[BaseMessage], block_lists: Sequence[Sequence[Block]], most: int) -> list[tuple[int, int]]:
    """Return which pictures to send, as (message, block): those since the last reply first, the older ones evenly."""
    places = [(m, b) for m, its in enumerate(block_lists) for b, block in enumerate(its) if is_picture(block)]
    last = max((number for number, message in enumerate(messages) if isinstance(message, AIMessage)), default=-1)
    new = spread([place for place in places if place[0] > last], most)
    old = spread([place for place in places if place[0] <= last], most - len(new))
    return [*old, *new]


def spread(items: Sequence[Any], most: int) -> list[Any]:
    """At most `most` of the items, evenly spread, first and last among them."""
    if len(items) <= most:
        return list(items)
    if most <= 1:
        return list(items[-1:]) if most else []
    return [items[round(k * (len(items) - 1) / (most - 1))] for k in range(most)]


def _merged(messages: Sequence[BaseMessage]) -> list[BaseMessage]:
    """Neighbouring user messages as one; one that is only text goes as a plain string."""
    merged: list[BaseMessage] = []
    for message in messages:
        if isinstance(message, HumanMessage) and merged and isinstance(merged[-1], HumanMessage):
            before, after = merged[-1].content, message.content
            assert isinstance(before, list) and isinstance(after, list)
            merged[-1] = HumanMessage([*before, *after])
        else:
            merged.append(message)
    return [_plain(message) if isinstance(message, HumanMessage) else message for message in merged]


def _plain(message: HumanMessage) -> HumanMessage:
    parts = [part for part in message.content if isinstance(part, dict)]
    if any(part["type"] != "text" for part in parts):
        return message
    return HumanMessage("\n".join(part["text"] for part in parts))


def _of_provider(message: AIMessage) -> dict[str, Any]:
    """Return what a provider wants to have back with its own message, less what is ours or stands elsewhere."""
    ours = ("by", "cost", "draft", "tool_calls", "function_call", "refusal", "parsed")
    return {key: value for key, value in message.additional_kwargs.items() if key not in ours}


def _metadata(message: AIMessage) -> dict[str, Any]:
    keys = ("model_provider", "output_version")
    return {key: message.response_metadata[key] for key in keys if key in message.response_metadata}


def _text_tokens(message: BaseMessage) -> int:
    calls = json.dumps([c["args"] for c in message.tool_calls]) if isinstance(message, AIMessage) else ""
    return text_tokens(message.text + calls) + 8


def text_tokens(text: str) -> int:
    """Estimate of the tokens of a text, rather too high than too low."""
    return int(len(text) / _CHARACTERS_A_TOKEN) + 1
