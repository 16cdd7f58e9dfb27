"""Conversations that an expert had, as records of this model's ids: rendered once, when the trace is made."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from langchain_core.messages import AIMessage, BaseMessage

from ...agent.models.local_vlm import LocalPolicy
from ...agent.models.local_vlm.prompt import PromptText, prompt_messages
from ...agent.models.local_vlm.token_record import TurnTokens
from ...agent.models.local_vlm.turns import GenerationRequest
from ...memory.errors import RewatchError
from .rollout import Rollout
from .rows import Row, row_of

if TYPE_CHECKING:
    from ...agent.graph import Loop
    from ...memory import FrameReader


class TraceError(RewatchError):
    """A conversation cannot be learnt from."""


def recorded(
    policy: LocalPolicy,
    messages: Sequence[BaseMessage],
    *,
    tools: Sequence[dict[str, Any]],
    pixels: FrameReader | None,
) -> tuple[BaseMessage, ...]:
    """The conversation with a token record on each message of the expert, as if the policy had sampled it.

    What stands between its messages is told as the policy would be told it, so that supervised learning, rollouts and
    use read the same ids. Messages of routes stay without a record, and those that have one of this vocabulary keep it.

    Args:
        policy: whose template, dialect and vision it is to be.
        messages: as the loop leaves them.
        tools: schemas of the tools that were offered (`Loop.offered_in`).
        pixels: reads the pictures that tools showed.

    Raises:
        TraceError: if the policy would read a message otherwise than it was meant, or has no room for it.
    """
    made: list[BaseMessage] = []
    for message in messages:
        if isinstance(message, AIMessage) and not _is_settled(message, policy):
            message = _with_record(policy, made, message, tuple(tools), pixels)
        made.append(message)
    return tuple(made)


def recorded_row(policy: LocalPolicy, loop: Loop, rollout: Rollout) -> Row | None:
    """The row of a conversation that anybody had in a loop, as this policy would have had it; None for an empty one.

    Raises:
        TraceError: see `recorded`.
    """
    tools = loop.offered_in(rollout.messages)
    return row_of(policy, recorded(policy, rollout.messages, tools=tools, pixels=loop.pixels), loop.pixels)


def _is_settled(message: AIMessage, policy: LocalPolicy) -> bool:
    """True if a route wrote it, or this model (or one with its vocabulary) did."""
    known = message.response_metadata.get("tokens")
    return "by" in message.additional_kwargs or (known is not None and known["vocabulary"] == policy.engine.vocabulary)


def _with_record(
    policy: LocalPolicy,
    before: Sequence[BaseMessage],
    message: AIMessage,
    tools: tuple[dict[str, Any], ...],
    pixels: FrameReader | None,
) -> AIMessage:
    engine, template = policy.engine, policy.engine.template
    text = _text(policy, message, before)
    written = template.ids(template.before_reply + template.plain(text, tags=True)) + template.ids(template.close)[:1]
    prepared = policy.turns.prepare(
        before, GenerationRequest(tools=tools, max_tokens=max(len(written), 1), pixels=pixels)
    )
    if prepared is None or prepared.closing:
        raise TraceError(f"Message {len(before)} of a trace does not fit into the model's {engine.context} tokens.")
    part = TurnTokens(
        given=tuple(prepared.fitted.ids),
        pictures=tuple(image.name for image in prepared.fitted.images),
        grids=prepared.fitted.grids,
        sampled=tuple(written),
        logprobs=(0.0,) * len(written),
        after=len(before),
        start=len(prepared.record.ids),
        vocabulary=engine.vocabulary,
    )
    about = {**message.response_metadata, "tokens": part.as_dict(), "finish_reason": "stop"}
    return message.model_copy(update={"response_metadata": about})


def _text(policy: LocalPolicy, message: AIMessage, before: Sequence[BaseMessage]) -> str:
    """The message as the policy would write it: as it stands where its text holds its calls, else in the dialect.

    A call that the dialect reads back as another one would teach the model to call wrongly.
    """
    meant = [(call["name"], call["args"]) for call in message.tool_calls]
    (turn,) = prompt_messages([message], policy.dialect, policy.engine.template)
    written = "".join(part.text for part in turn.parts if isinstance(part, PromptText))
    for text in (message.text, written):
        read = policy.dialect.read(text, list(before))
        found = [(call["name"], call["args"]) for call in read.calls]
        if found == meant and not read.invalid:
            return text
    raise TraceError(
        f"Message {len(before)} of a trace calls {meant}, which the dialect {policy.dialect.name} would read as "
        f"{found}; write it in another dialect."
    )
