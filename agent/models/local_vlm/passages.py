"""Messages as a model reads them: passages of words and pictures, each with its chat role."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage, ToolMessage

from ...tool_formats import ToolFormat
from ..content_blocks import Block, blocks, is_picture
from .template import Conversation, Template

_MOMENT = re.compile(r"<\d+(\.\d+)? seconds>")
_RESPONSE = ("<tool_response>\n", "\n</tool_response>")


@dataclass(frozen=True, slots=True)
class Words:
    """Text. `ours` may hold the tags of a dialect; any other text holds no added token at all."""

    text: str
    ours: bool = False
    observed: bool = False
    """Whether a tool returned it: where room is short, it is cut."""


@dataclass(frozen=True, slots=True, eq=False)
class PassageLook:
    """A picture, or two frames as a piece of video, and the time that stands before it."""

    name: str
    """Its media URI; a picture without one is named after its content. Two frames have both names, with a space."""
    blocks: tuple[Block, ...]
    moment: str = ""


@dataclass(frozen=True, slots=True)
class Passage:
    """One message for the chat template."""

    role: str
    parts: tuple[Words | PassageLook, ...]

    @property
    def looks(self) -> tuple[PassageLook, ...]:
        """Its pictures, in order."""
        return tuple(part for part in self.parts if isinstance(part, PassageLook))

    def keeping(self, kept: Sequence[PassageLook], note: str) -> Passage:
        """The passage with only these of its pictures, and a note in place of the first that is left out."""
        parts: list[Words | PassageLook] = []
        for part in self.parts:
            if isinstance(part, Words) or any(part is look for look in kept):
                parts.append(part)
            elif note:
                parts.append(Words(note))
                note = ""
        return replace(self, parts=tuple(parts))

    def cut(self, length: int) -> Passage:
        """The passage with no more than `length` characters of each text that a tool returned."""
        return replace(self, parts=tuple(_cut(part, length) for part in self.parts))


_UNSEEN = "[{} pictures are not shown to you: you read text only.]"
CUT = "[The rest is left out: the context is full.]"


def _cut(part: Words | PassageLook, length: int) -> Words | PassageLook:
    if isinstance(part, PassageLook) or not part.observed or len(part.text) <= length + len(CUT):
        return part
    return replace(part, text=f"{part.text[:length]} {CUT}")


def passages(messages: Sequence[BaseMessage], dialect: ToolFormat, template: Template) -> list[Passage]:
    """The messages as passages, in roles that the template knows."""
    found = [_passage(message, dialect, template) for message in messages]
    return found if template.takes_runs else _joined(found)


def with_tools(found: list[Passage], block: str | None) -> list[Passage]:
    """The passages with the tools written out in the system prompt, where the template does not write them."""
    if not block:
        return found
    if found and found[0].role == "system":
        return [replace(found[0], parts=(*found[0].parts, Words(f"\n\n{block}", ours=True))), *found[1:]]
    return [Passage("system", (Words(block, ours=True),)), *found]


def without_system(found: list[Passage]) -> list[Passage]:
    """The system prompt as the first words of the user, for templates that show no system prompt."""
    if len(found) < 2 or found[0].role != "system" or found[1].role != "user":
        return [replace(p, role="user") if p.role == "system" else p for p in found]
    first = Passage("user", (*found[0].parts, Words("\n\n"), *found[1].parts))
    return [first, *found[2:]]


def as_video(found: list[Passage]) -> list[Passage]:
    """The passages with frames that follow each other as pieces of video: two frames each, at their mean time."""
    return [replace(passage, parts=_paired(passage.parts)) for passage in found]


def in_words(found: list[Passage]) -> list[Passage]:
    """The passages for a model that only reads: in place of pictures, how many there are."""
    return [p.keeping((), _UNSEEN.format(len(p.looks))) if p.looks else p for p in found]


def is_video(name: str) -> bool:
    """Whether a name is that of two frames."""
    return " " in name


def conversation(found: Sequence[Passage], template: Template) -> Conversation:
    """The passages for the chat template, control tokens broken; adjacent words are one block."""
    rows: Conversation = []
    for passage in found:
        content: list[dict[str, Any]] = []
        words = ""
        for part in passage.parts:
            if isinstance(part, PassageLook):
                words += f"{part.moment}{template.in_line}"
                if not template.in_line:
                    content += [_text(words)] if words else []
                    content.append({"type": "video" if is_video(part.name) else "image"})
                    words = ""
            else:
                words += template.plain(part.text, tags=part.ours)
        if words or not content:
            content.append(_text(words))
        rows.append({"role": passage.role, "content": content})
    return rows


def named(block: Block) -> str:
    """The picture's media URI, or a name made of its content: the same picture has the same name."""
    for key in ("url", "image_url"):
        url = block.get(key)
        url = url.get("url") if isinstance(url, dict) else url
        if isinstance(url, str) and url.startswith("video:"):
            return url
    held = block.get("image")
    if held is not None and hasattr(held, "tobytes"):
        size = getattr(held, "shape", None) or getattr(held, "size", None)
        data = repr(size).encode() + held.tobytes()
    else:
        data = repr(sorted((k, str(v)) for k, v in block.items())).encode()
    return f"inline:{hashlib.sha256(data).hexdigest()[:32]}"


def _passage(message: BaseMessage, dialect: ToolFormat, template: Template) -> Passage:
    if isinstance(message, SystemMessage):
        return Passage("system", (Words(message.text, ours=True),))
    if isinstance(message, AIMessage):
        return Passage("assistant", (Words(_written(message, dialect), ours=True),))
    if isinstance(message, ToolMessage):
        role, before, after = dialect.result
        if role == "tool" and not template.has_tool_role:
            role, before, after = "user", f"{_RESPONSE[0]}{before}", f"{after}{_RESPONSE[1]}"
        return Passage(role, (Words(before, ours=True), *_shown(message), Words(after, ours=True)))
    if isinstance(message, HumanMessage):
        return Passage("user", _shown(message))
    raise TypeError(f"A local model cannot be shown a {type(message).__name__}.")


def _shown(message: BaseMessage) -> tuple[Words | PassageLook, ...]:
    parts: list[Words | PassageLook] = []
    observed = isinstance(message, ToolMessage)
    for block in blocks(message):
        if is_picture(block):
            moment = ""
            last = parts[-1] if parts else None
            if isinstance(last, Words) and _MOMENT.fullmatch(last.text.strip()):
                moment = last.text
                parts.pop()
            parts.append(PassageLook(named(block), (block,), moment))
        else:
            parts.append(Words(str(block.get("text", "")), observed=observed))
    return tuple(parts)


def _paired(parts: Sequence[Words | PassageLook]) -> tuple[Words | PassageLook, ...]:
    paired: list[Words | PassageLook] = []
    alone: PassageLook | None = None
    for part in (*parts, None):
        if alone is not None and not (isinstance(part, PassageLook) and part.moment):
            paired.append(_pair(alone, alone))  # the last of an odd number stands twice, as in Qwen's own processor
            alone = None
        if isinstance(part, PassageLook) and part.moment:
            paired += [_pair(alone, part)] if alone else []
            alone = None if alone else part
        elif part is not None:
            paired.append(part)
    return tuple(paired)


def _pair(one: PassageLook, two: PassageLook) -> PassageLook:
    seconds = [float(look.moment.strip().removeprefix("<").split()[0]) for look in (one, two)]
    return PassageLook(f"{one.name} {two.name}", (*one.blocks, *two.blocks), f"<{sum(seconds) / 2:.1f} seconds>")


def _written(message: AIMessage, dialect: ToolFormat) -> str:
    """A message that this model did not sample, as it would have written it."""
    calls = [dialect.write_call(call["name"], call["args"]) for call in message.tool_calls]
    said = [] if message.additional_kwargs.get("by") == "route" else [message.text]
    return "\n".join(part for part in (*said, *calls) if part)


def _joined(found: list[Passage]) -> list[Passage]:
    """Passages of one role that follow each other, as one."""
    joined: list[Passage] = []
    for passage in found:
        if joined and joined[-1].role == passage.role:
            joined[-1] = replace(joined[-1], parts=(*joined[-1].parts, Words("\n"), *passage.parts))
        else:
            joined.append(passage)
    return joined


def _text(text: str) -> dict[str, Any]:
    return {"type": "text", "text": text}
