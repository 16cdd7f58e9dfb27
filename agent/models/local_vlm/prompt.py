"""Prompt building: messages as a model reads them, of text and pictures, each with its chat role."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage, ToolMessage

from ...tool_formats import ToolFormat
from ..content_blocks import Block, blocks, is_picture
from .chat_template import ChatTemplate, Conversation

_MOMENT = re.compile(r"<\d+(\.\d+)? seconds>")
_RESPONSE = ("<tool_response>\n", "\n</tool_response>")


@dataclass(frozen=True, slots=True)
class PromptText:
    """Text. `ours` may hold the tags of a dialect; any other text holds no added token at all."""

    text: str
    ours: bool = False
    observed: bool = False
    """Whether a tool returned it: where room is short, it is cut."""


@dataclass(frozen=True, slots=True, eq=False)
class PromptImage:
    """A picture, or two frames as a piece of video, and the time that stands before it."""

    name: str
    """Its media URI; a picture without one is named after its content. Two frames have both names, with a space."""
    blocks: tuple[Block, ...]
    moment: str = ""


@dataclass(frozen=True, slots=True)
class PromptMessage:
    """One message for the chat template."""

    role: str
    parts: tuple[PromptText | PromptImage, ...]

    @property
    def images(self) -> tuple[PromptImage, ...]:
        """Its pictures, in order."""
        return tuple(part for part in self.parts if isinstance(part, PromptImage))

    def keeping(self, kept: Sequence[PromptImage], note: str) -> PromptMessage:
        """Return the message with only these of its pictures, and a note in place of the first that is left out."""
        parts: list[PromptText | PromptImage] = []
        for part in self.parts:
            if isinstance(part, PromptText) or any(part is image for image in kept):
                parts.append(part)
            elif note:
                parts.append(PromptText(note))
                note = ""
        return replace(self, parts=tuple(parts))

    def cut(self, length: int) -> PromptMessage:
        """Return the message with no more than `length` characters of each text that a tool returned."""
        return replace(self, parts=tuple(_cut(part, length) for part in self.parts))


_UNSEEN = "[{} pictures are not shown to you: you read text only.]"
CUT = "[The rest is left out: the context is full.]"


def _cut(part: PromptText | PromptImage, length: int) -> PromptText | PromptImage:
    if isinstance(part, PromptImage) or not part.observed or len(part.text) <= length + len(CUT):
        return part
    return replace(part, text=f"{part.text[:length]} {CUT}")


def prompt_messages(
    messages: Sequence[BaseMessage], dialect: ToolFormat, template: ChatTemplate
) -> list[PromptMessage]:
    """Return the messages in roles that the template knows."""
    prompt = [_prompt_message(message, dialect, template) for message in messages]
    return prompt if template.takes_runs else _merge_roles(prompt)


def with_tools(prompt: list[PromptMessage], block: str | None) -> list[PromptMessage]:
    """Return the messages with the tools written out in the system prompt, where the template does not write them."""
    if not block:
        return prompt
    if prompt and prompt[0].role == "system":
        return [replace(prompt[0], parts=(*prompt[0].parts, PromptText(f"\n\n{block}", ours=True))), *prompt[1:]]
    return [PromptMessage("system", (PromptText(block, ours=True),)), *prompt]


def without_system(prompt: list[PromptMessage]) -> list[PromptMessage]:
    """The system prompt as the first words of the user, for templates that show no system prompt."""
    if len(prompt) < 2 or prompt[0].role != "system" or prompt[1].role != "user":
        return [replace(p, role="user") if p.role == "system" else p for p in prompt]
    first = PromptMessage("user", (*prompt[0].parts, PromptText("\n\n"), *prompt[1].parts))
    return [first, *prompt[2:]]


def as_video(prompt: list[PromptMessage]) -> list[PromptMessage]:
    """Pair up frames that follow each other as pieces of video: two frames each, at their mean time."""
    return [replace(turn, parts=_pair_up(turn.parts)) for turn in prompt]


def in_words(prompt: list[PromptMessage]) -> list[PromptMessage]:
    """Return the messages for a model that only reads: in place of pictures, how many there are."""
    return [p.keeping((), _UNSEEN.format(len(p.images))) if p.images else p for p in prompt]


def is_video(name: str) -> bool:
    """Return whether a name is that of two frames."""
    return " " in name


def conversation(prompt: Sequence[PromptMessage], template: ChatTemplate) -> Conversation:
    """Return the messages for the chat template, control tokens broken; adjacent words are one block."""
    rows: Conversation = []
    for turn in prompt:
        content: list[dict[str, Any]] = []
        words = ""
        for part in turn.parts:
            if isinstance(part, PromptImage):
                words += f"{part.moment}{template.in_line}"
                if not template.in_line:
                    content += [_text(words)] if words else []
                    content.append({"type": "video" if is_video(part.name) else "image"})
                    words = ""
            else:
                words += template.plain(part.text, tags=part.ours)
        if words or not content:
            content.append(_text(words))
        rows.append({"role": turn.role, "content": content})
    return rows


def picture_name(block: Block) -> str:
    """The picture's media URI, or a name made of its content: the same picture has the same name."""
    for key in ("url", "image_url"):
        url = block.get(key)
        url = url.get("url") if isinstance(url, dict) else url
        if isinstance(url, str) and url.startswith("video:"):
            return url
    picture = block.get("image")
    if picture is not None and hasattr(picture, "tobytes"):
        size = getattr(picture, "shape", None) or getattr(picture, "size", None)
        data = repr(size).encode() + picture.tobytes()
    else:
        data = repr(sorted((k, str(v)) for k, v in block.items())).encode()
    return f"inline:{hashlib.sha256(data).hexdigest()[:32]}"


def _prompt_message(message: BaseMessage, dialect: ToolFormat, template: ChatTemplate) -> PromptMessage:
    if isinstance(message, SystemMessage):
        return PromptMessage("system", (PromptText(message.text, ours=True),))
    if isinstance(message, AIMessage):
        return PromptMessage("assistant", (PromptText(_as_text(message, dialect), ours=True),))
    if isinstance(message, ToolMessage):
        role, before, after = dialect.result
        if role == "tool" and not template.has_tool_role:
            role, before, after = "user", f"{_RESPONSE[0]}{before}", f"{after}{_RESPONSE[1]}"
        return PromptMessage(role, (PromptText(before, ours=True), *_content(message), PromptText(after, ours=True)))
    if isinstance(message, HumanMessage):
        return PromptMessage("user", _content(message))
    raise TypeError(f"A local model cannot be shown a {type(message).__name__}.")


def _content(message: BaseMessage) -> tuple[PromptText | PromptImage, ...]:
    parts: list[PromptText | PromptImage] = []
    observed = isinstance(message, ToolMessage)
    for block in blocks(message):
        if is_picture(block):
            moment = ""
            last = parts[-1] if parts else None
            if isinstance(last, PromptText) and _MOMENT.fullmatch(last.text.strip()):
                moment = last.text
                parts.pop()
            parts.append(PromptImage(picture_name(block), (block,), moment))
        else:
            parts.append(PromptText(str(block.get("text", "")), observed=observed))
    return tuple(parts)


def _pair_up(parts: Sequence[PromptText | PromptImage]) -> tuple[PromptText | PromptImage, ...]:
    pairs: list[PromptText | PromptImage] = []
    alone: PromptImage | None = None
    for part in (*parts, None):
        if alone is not None and not (isinstance(part, PromptImage) and part.moment):
            pairs.append(_pair(alone, alone))  # the last of an odd number stands twice, as in Qwen's own processor
            alone = None
        if isinstance(part, PromptImage) and part.moment:
            pairs += [_pair(alone, part)] if alone else []
            alone = None if alone else part
        elif part is not None:
            pairs.append(part)
    return tuple(pairs)


def _pair(one: PromptImage, two: PromptImage) -> PromptImage:
    seconds = [float(image.moment.strip().removeprefix("<").split()[0]) for image in (one, two)]
    return PromptImage(f"{one.name} {two.name}", (*one.blocks, *two.blocks), f"<{sum(seconds) / 2:.1f} seconds>")


def _as_text(message: AIMessage, dialect: ToolFormat) -> str:
    """A message that this model did not sample, as it would have written it."""
    calls = [dialect.write_call(call["name"], call["args"]) for call in message.tool_calls]
    reply_lines = [] if message.additional_kwargs.get("by") == "route" else [message.text]
    return "\n".join(part for part in (*reply_lines, *calls) if part)


def _merge_roles(prompt: list[PromptMessage]) -> list[PromptMessage]:
    """Join messages of one role that follow each other."""
    merged: list[PromptMessage] = []
    for turn in prompt:
        if merged and merged[-1].role == turn.role:
            merged[-1] = replace(merged[-1], parts=(*merged[-1].parts, PromptText("\n"), *turn.parts))
        else:
            merged.append(turn)
    return merged


def _text(text: str) -> dict[str, Any]:
    return {"type": "text", "text": text}
