"""One turn: from a conversation to a request, and from what was sampled to a message."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from langchain_core.messages import AIMessage, BaseMessage, ToolMessage

from ...answer import Draft
from ...tool_formats import ToolFormat, draft
from ...tool_formats.hermes import hermes_block
from ..content_blocks import Block, blocks, is_picture, pictures
from ..folding import folded
from ..turn import Turn
from .engine import Engine, Row
from .fit import ContextFull, Fit, Fitted
from .generate import Caller, Request, Written
from .passages import Passage, Words, as_video, conversation, in_words, named, passages, with_tools, without_system
from .record import Part, Record

if TYPE_CHECKING:
    from PIL.Image import Image

    from ....memory import FrameReader

ANSWER_NOW = "The context is full: no more can be looked at. Give your best answer now, without a tool call."
ASKED_ON = Draft(text="The model asked for tools until none could be used.", abstained=True, confidence=0.0)
"""What stands for an answer where the last reply was a call."""
_IN_TIME = 0.9
"""Part of the time after which no further token is begun, so that the reply is there when the time is up."""
_LEAST = 16
"""Tokens below which a reply is not worth beginning."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GenerationRequest:
    """What a caller asks of one turn."""

    tools: tuple[dict[str, Any], ...] = ()
    """Schemas of our tools; without any no call is read."""
    max_tokens: int = 1024
    temperature: float = 0.0
    seed: int | None = None
    stop: tuple[str, ...] = ()
    beams: int = 1
    role: str = ""
    choices: tuple[str, ...] = ()
    pixels: FrameReader | None = None
    tokens: int | None = None
    """Prompt and reply together."""
    deadline: float | None = None
    """On `time.monotonic`'s clock."""
    caller: Caller = field(default_factory=Caller)


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """A turn that is ready for the model."""

    request: Request
    fitted: Fitted
    record: Record
    after: int
    closing: bool
    """Whether the context has room for no turn after this one, so that calls are not read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Turns:
    """Prepares and reads turns for one model in one dialect."""

    engine: Engine
    dialect: ToolFormat
    context: int
    reserve: int
    """Tokens of the context that are kept for the last answer."""
    max_pixels: int = 1
    """Of one picture, where the model takes pictures of any size."""
    as_video: bool = False
    """Whether frames with a time are shown as pieces of video."""

    def prepare(self, messages: Sequence[BaseMessage], wish: GenerationRequest) -> Prepared | None:
        """The request for the next turn; None if it must not cost as much as the least reply would.

        Raises:
            ContextFull: if the context has no room for a reply.
            VideoError: if a picture cannot be read.
        """
        record, covered = Record.of(messages, self.engine.vocabulary)
        past, new = record.ids, messages[covered:] if covered else folded(messages)
        found = passages(new, self.dialect, self.engine.template)
        if not self.engine.vision.sees:
            found = in_words(found)
        elif self.as_video:
            found = as_video(found)
        sizes = self._sizes(found, wish.pixels)
        most = min(self.context, wish.tokens if wish.tokens is not None else self.context)
        open_room = min(most, self.context - (self.reserve if wish.tools else 0)) - len(past)
        fitted, closing = None, False
        try:
            fitted = self._fit(found, sizes, past, wish, open_room)
        except ContextFull:
            if most < self.context and wish.tokens is not None and most <= self.context - self.reserve:
                return None
            if not wish.tools or not past:
                raise
        if fitted is None:
            closing = True
            now = [*found, Passage("user", (Words(ANSWER_NOW),))]
            found = now if self.engine.template.takes_runs else _merged(now)
            open_room = most - len(past)
            fitted = self._fit(found, sizes, past, wish, open_room)
        request = self._request(messages, fitted, record, wish, open_room - len(fitted.ids))
        return Prepared(request=request, fitted=fitted, record=record, after=len(messages), closing=closing)

    def _fit(
        self,
        found: list[Passage],
        sizes: dict[str, tuple[int, int]],
        past: list[int],
        wish: GenerationRequest,
        room: int,
    ) -> Fitted:
        """What is new, with room for a reply behind it."""
        reply = min(wish.max_tokens, max(_LEAST, room // 4)) if not wish.choices else 1
        fit = Fit(template=self.engine.template, vision=self.engine.vision, max_pixels=self.max_pixels)
        return fit(found, sizes, lambda some: self._text(list(some), past, wish), room - reply)

    def _text(self, found: list[Passage], past: list[int], wish: GenerationRequest) -> str:
        """What is new as the template writes it: the whole prompt, or what follows the last sampled id."""
        template = self.engine.template
        if past:
            text = template.after_reply(conversation(found, template))
            end = past[-1] if past[-1] in self.engine.bounds.ends else None
            closes = template.ids(template.close)[:1]
            return text[len(self._token(closes[0])) :] if end is not None and closes == [end] else text
        schemas = self.dialect.tools(wish.tools) if wish.tools else []
        block = self.dialect.tool_block(wish.tools) if wish.tools else None
        if schemas and block is None and not template.writes_tools:
            block = hermes_block(schemas)
        found = with_tools(found, block)
        found = found if template.has_system else without_system(found)
        return template.first(conversation(found, template), [] if block else schemas)

    def _token(self, token: int) -> str:
        return str(self.engine.loaded.tokenizer.convert_ids_to_tokens(token))

    def _sizes(self, found: Sequence[Passage], pixels: FrameReader | None) -> dict[str, tuple[int, int]]:
        looks = {look.name: look for passage in found for look in passage.looks}
        read = pictures([look.blocks[0] for look in looks.values()], pixels)
        return {name: picture.size for name, picture in zip(looks, read, strict=True)}

    def _request(
        self, messages: Sequence[BaseMessage], fitted: Fitted, record: Record, wish: GenerationRequest, room: int
    ) -> Request:
        seen = self.seen([*record.pictures, *_pairs(fitted)], messages, wish.pixels)
        past = record.ids
        seed = None if wish.seed is None else wish.seed * 1_000_003 + len(record.parts)
        return Request(
            ids=[*past, *fitted.ids],
            past=len(past),
            seen=tuple(seen),
            limit=max(1, min(wish.max_tokens, room)),
            temperature=wish.temperature,
            seed=seed,
            stop=(*self.dialect.stop, *wish.stop) if wish.tools else wish.stop,
            deadline=wish.deadline,
            caller=wish.caller,
            beams=wish.beams,
            role=wish.role,
            choices=self.engine.choice_ids(wish.choices) if wish.choices else (),
        )

    def seen(
        self, wanted: Sequence[tuple[str, Any]], messages: Sequence[BaseMessage], pixels: FrameReader | None
    ) -> list[Any]:
        """The pictures of a record, from the album or read anew."""

        def read(names: list[str]) -> Sequence[Image]:
            held = {named(b): b for m in messages if not isinstance(m, ToolMessage) for b in blocks(m) if is_picture(b)}
            found: list[Block] = [held.get(name) or {"type": "image", "url": name} for name in names]
            return pictures(found, pixels)

        return self.engine.images.get(wanted, read)

    def row(self, messages: Sequence[BaseMessage], pixels: FrameReader | None) -> Row:
        """The record of a finished conversation with its pictures, for scoring and training."""
        record, _ = Record.of(messages, self.engine.vocabulary)
        return record.ids, record.mask, self.seen(record.pictures, messages, pixels)

    def message(
        self, messages: Sequence[BaseMessage], wish: GenerationRequest, prepared: Prepared, written: Written
    ) -> AIMessage:
        """What was sampled, as a message with its record."""
        raw = self.engine.decode(written.ids)
        request, record, fitted = prepared.request, prepared.record, prepared.fitted
        part = Part(
            given=tuple(fitted.ids),
            pictures=tuple(look.name for look in fitted.looks),
            grids=fitted.grids,
            sampled=tuple(written.ids),
            logprobs=tuple(written.logprobs),
            after=prepared.after,
            start=len(record.ids),
            vocabulary=self.engine.vocabulary,
        )
        likelihood = math.exp(sum(written.logprobs) / len(written.logprobs))
        about: dict[str, Any] = {
            "model_name": self.engine.loaded.name,
            "finish_reason": written.end,
            "likelihood": likelihood,
            "tokens": part.as_dict(),
        }
        if wish.choices:
            about["choices"] = dict(zip(wish.choices, written.weights, strict=True))
            raw = max(about["choices"], key=about["choices"].__getitem__)
        message = AIMessage(
            content=raw,
            response_metadata=about,
            usage_metadata={
                "input_tokens": len(request.ids),
                "output_tokens": len(written.ids),
                "total_tokens": len(request.ids) + len(written.ids),
            },
        )
        return message if wish.choices else self._taken_apart(message, messages, wish, prepared.closing)

    def _taken_apart(
        self, message: AIMessage, messages: Sequence[BaseMessage], wish: GenerationRequest, closing: bool
    ) -> AIMessage:
        said = self.dialect.read(message.text, messages)
        if wish.tools and not closing and (said.calls or said.invalid):
            return message.model_copy(update={"tool_calls": list(said.calls), "invalid_tool_calls": list(said.invalid)})
        if (said.calls or said.invalid) and not said.content.strip():
            return message.model_copy(update={"additional_kwargs": {"draft": ASKED_ON.as_message()}})
        if not self.dialect.cites:
            return message.model_copy(update={"additional_kwargs": {"draft": draft(said, messages)}})
        return message


def _pairs(fitted: Fitted) -> list[tuple[str, Any]]:
    return [(look.name, grid) for look, grid in zip(fitted.looks, fitted.grids, strict=True)]


def _merged(found: list[Passage]) -> list[Passage]:
    """The last passage as part of the one before it, where that has its role."""
    if len(found) < 2 or found[-2].role != found[-1].role:
        return found
    return [*found[:-2], Passage(found[-1].role, (*found[-2].parts, Words("\n"), *found[-1].parts))]


def wish_of(turn: Turn | None, **asked: Any) -> GenerationRequest:
    """A wish with what the loop says about the turn."""
    if turn is None:
        return GenerationRequest(**asked)
    if turn.temperature is not None:
        asked["temperature"] = turn.temperature
    if turn.seed is not None:
        asked["seed"] = turn.seed
    deadline = None if turn.seconds is None else time.monotonic() + turn.seconds * _IN_TIME
    return GenerationRequest(**asked, pixels=turn.pixels, tokens=turn.tokens, deadline=deadline)
