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
from .generate import Completion
from .prompt import (
    PromptMessage,
    PromptText,
    as_video,
    conversation,
    in_words,
    picture_name,
    prompt_messages,
    with_tools,
    without_system,
)
from .request import Caller, Request
from .token_record import TokenRecord, TurnTokens

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
    """The demands of a caller on one turn."""

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
    record: TokenRecord
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

    def prepare(self, messages: Sequence[BaseMessage], generation: GenerationRequest) -> Prepared | None:
        """The request for the next turn; None if it must not cost as much as the least reply would.

        Raises:
            ContextFull: if the context has no room for a reply.
            VideoError: if a picture cannot be read.
        """
        record, covered = TokenRecord.of(messages, self.engine.vocabulary)
        past, new = record.ids, messages[covered:] if covered else folded(messages)
        prompt = prompt_messages(new, self.dialect, self.engine.template)
        if not self.engine.vision.sees:
            prompt = in_words(prompt)
        elif self.as_video:
            prompt = as_video(prompt)
        sizes = self._sizes(prompt, generation.pixels)
        most = min(self.context, generation.tokens if generation.tokens is not None else self.context)
        open_room = min(most, self.context - (self.reserve if generation.tools else 0)) - len(past)
        fitted, closing = None, False
        try:
            fitted = self._fit(prompt, sizes, past, generation, open_room)
        except ContextFull:
            if most < self.context and generation.tokens is not None and most <= self.context - self.reserve:
                return None
            if not generation.tools or not past:
                raise
        if fitted is None:
            closing = True
            now = [*prompt, PromptMessage("user", (PromptText(ANSWER_NOW),))]
            prompt = now if self.engine.template.takes_runs else _merged(now)
            open_room = most - len(past)
            fitted = self._fit(prompt, sizes, past, generation, open_room)
        request = self._request(messages, fitted, record, generation, open_room - len(fitted.ids))
        return Prepared(request=request, fitted=fitted, record=record, after=len(messages), closing=closing)

    def _fit(
        self,
        prompt: list[PromptMessage],
        sizes: dict[str, tuple[int, int]],
        past: list[int],
        generation: GenerationRequest,
        room: int,
    ) -> Fitted:
        """Return what is new, with room for a reply behind it."""
        reply = min(generation.max_tokens, max(_LEAST, room // 4)) if not generation.choices else 1
        fit = Fit(template=self.engine.template, vision=self.engine.vision, max_pixels=self.max_pixels)
        return fit(prompt, sizes, lambda some: self._text(list(some), past, generation), room - reply)

    def _text(self, prompt: list[PromptMessage], past: list[int], generation: GenerationRequest) -> str:
        """Return what is new as the template writes it: the whole prompt, or what follows the last sampled id."""
        template = self.engine.template
        if past:
            text = template.after_reply(conversation(prompt, template))
            end = past[-1] if past[-1] in self.engine.bounds.ends else None
            closes = template.ids(template.close)[:1]
            return text[len(self._token(closes[0])) :] if end is not None and closes == [end] else text
        schemas = self.dialect.tools(generation.tools) if generation.tools else []
        block = self.dialect.tool_block(generation.tools) if generation.tools else None
        if schemas and block is None and not template.writes_tools:
            block = hermes_block(schemas)
        prompt = with_tools(prompt, block)
        prompt = prompt if template.has_system else without_system(prompt)
        return template.first(conversation(prompt, template), [] if block else schemas)

    def _token(self, token: int) -> str:
        return str(self.engine.loaded.tokenizer.convert_ids_to_tokens(token))

    def _sizes(self, prompt: Sequence[PromptMessage], pixels: FrameReader | None) -> dict[str, tuple[int, int]]:
        images = {image.name: image for message in prompt for image in message.images}
        read = pictures([image.blocks[0] for image in images.values()], pixels)
        return {name: picture.size for name, picture in zip(images, read, strict=True)}

    def _request(
        self,
        messages: Sequence[BaseMessage],
        fitted: Fitted,
        record: TokenRecord,
        generation: GenerationRequest,
        room: int,
    ) -> Request:
        frames = self.frames([*record.pictures, *_pairs(fitted)], messages, generation.pixels)
        past = record.ids
        seed = None if generation.seed is None else generation.seed * 1_000_003 + len(record.parts)
        return Request(
            ids=[*past, *fitted.ids],
            past=len(past),
            frames=tuple(frames),
            limit=max(1, min(generation.max_tokens, room)),
            temperature=generation.temperature,
            seed=seed,
            stop=(*self.dialect.stop, *generation.stop) if generation.tools else generation.stop,
            deadline=generation.deadline,
            caller=generation.caller,
            beams=generation.beams,
            role=generation.role,
            choices=self.engine.choice_ids(generation.choices) if generation.choices else (),
        )

    def frames(
        self, keys: Sequence[tuple[str, Any]], messages: Sequence[BaseMessage], pixels: FrameReader | None
    ) -> list[Any]:
        """Return the pictures of a record, kept ones or read anew."""

        def read_pictures(names: list[str]) -> Sequence[Image]:
            inline = {
                picture_name(b): b
                for m in messages
                if not isinstance(m, ToolMessage)
                for b in blocks(m)
                if is_picture(b)
            }
            places: list[Block] = [inline.get(name) or {"type": "image", "url": name} for name in names]
            return pictures(places, pixels)

        return self.engine.images.get(keys, read_pictures)

    def row(self, messages: Sequence[BaseMessage], pixels: FrameReader | None) -> Row:
        """The record of a finished conversation with its pictures, for scoring and training."""
        record, _ = TokenRecord.of(messages, self.engine.vocabulary)
        return record.ids, record.mask, self.frames(record.pictures, messages, pixels)

    def message(
        self, messages: Sequence[BaseMessage], generation: GenerationRequest, prepared: Prepared, completion: Completion
    ) -> AIMessage:
        """Return what was sampled, as a message with its record."""
        raw = self.engine.decode(completion.ids)
        request, record, fitted = prepared.request, prepared.record, prepared.fitted
        part = TurnTokens(
            given=tuple(fitted.ids),
            pictures=tuple(image.name for image in fitted.images),
            grids=fitted.grids,
            sampled=tuple(completion.ids),
            logprobs=tuple(completion.logprobs),
            after=prepared.after,
            start=len(record.ids),
            vocabulary=self.engine.vocabulary,
        )
        likelihood = math.exp(sum(completion.logprobs) / len(completion.logprobs))
        about: dict[str, Any] = {
            "model_name": self.engine.loaded.name,
            "finish_reason": completion.end,
            "likelihood": likelihood,
            "tokens": part.as_dict(),
        }
        if generation.choices:
            about["choices"] = dict(zip(generation.choices, completion.weights, strict=True))
            raw = max(about["choices"], key=about["choices"].__getitem__)
        message = AIMessage(
            content=raw,
            response_metadata=about,
            usage_metadata={
                "input_tokens": len(request.ids),
                "output_tokens": len(completion.ids),
                "total_tokens": len(request.ids) + len(completion.ids),
            },
        )
        return message if generation.choices else self._taken_apart(message, messages, generation, prepared.closing)

    def _taken_apart(
        self, message: AIMessage, messages: Sequence[BaseMessage], generation: GenerationRequest, closing: bool
    ) -> AIMessage:
        reply = self.dialect.read(message.text, messages)
        if generation.tools and not closing and (reply.calls or reply.invalid):
            return message.model_copy(
                update={"tool_calls": list(reply.calls), "invalid_tool_calls": list(reply.invalid)}
            )
        if (reply.calls or reply.invalid) and not reply.content.strip():
            return message.model_copy(update={"additional_kwargs": {"draft": ASKED_ON.as_message()}})
        if not self.dialect.cites:
            return message.model_copy(update={"additional_kwargs": {"draft": draft(reply, messages)}})
        return message


def _pairs(fitted: Fitted) -> list[tuple[str, Any]]:
    return [(image.name, grid) for image, grid in zip(fitted.images, fitted.grids, strict=True)]


def _merged(prompt: list[PromptMessage]) -> list[PromptMessage]:
    """Join the last message to the one before it, where that has its role."""
    if len(prompt) < 2 or prompt[-2].role != prompt[-1].role:
        return prompt
    return [*prompt[:-2], PromptMessage(prompt[-1].role, (*prompt[-2].parts, PromptText("\n"), *prompt[-1].parts))]


def generation_request(turn: Turn | None, **options: Any) -> GenerationRequest:
    """Return the request with what the loop says about the turn."""
    if turn is None:
        return GenerationRequest(**options)
    if turn.temperature is not None:
        options["temperature"] = turn.temperature
    if turn.seed is not None:
        options["seed"] = turn.seed
    deadline = None if turn.seconds is None else time.monotonic() + turn.seconds * _IN_TIME
    return GenerationRequest(**options, pixels=turn.pixels, tokens=turn.tokens, deadline=deadline)
