"""A chat model on a server as the policy: frames as pictures, faults waited out, tokens and money counted."""

from __future__ import annotations

import asyncio
import json
import math
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import TimeoutError as NotDone
from functools import partial
from typing import Any, ClassVar, Literal

from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel, LanguageModelInput
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from langchain_core.runnables import Runnable
from langchain_core.utils.function_calling import convert_to_openai_tool
from pydantic import Field, PrivateAttr, ValidationError

from ....memory import CapabilityError
from ....memory.processes.daemon_threads import DaemonThreads
from ....tools import Eyes
from ...models.failures import contained
from ...tool_formats import ToolFormat, load_tool_format
from ..contact_sheet import by_name
from ..eyes import SIDE, scale_of
from ..failures import one_line
from .completions import Joined
from .endpoints import KEY_VARIABLE, Endpoint, hide, open_provider, open_server, reads_only
from .faults import BadReply, Fault, OutOfTokens, ServedError
from .replies import choice_weights, likelihood, read_reply
from .request import ANY_TOOL, Sent, ServedRequest, Used, Writer, as_counted, text_tokens
from .retries import LEAST_REPLY, USEFUL_REPLY, Limits, Terms, attempts
from .wire import ended, until

_threads = DaemonThreads()
_CHARACTERS_A_TOKEN = 16
"""A reply that is longer than this for each token allowed is cut: the server heeds no limit."""
_IDLE_CHUNKS = 4096
"""Chunks of a stream beyond a few for each token; more than these hold nothing."""
_MOST_CHANGES = 32
"""How often one request is changed at a server's wish."""


_OPTIONS = frozenset(
    "sees max_side max_pictures max_tokens timeout retries pause longest_pause temperature streamed logprobs "
    "input_price output_price dialect in_words places sheets".split()
)


class ServedPolicy(BaseChatModel):
    """Drives the loop with any chat model that LangChain can reach.

    `ServedPolicy.open(name, **options)` makes one by name; the constructor takes a chat model as it is.
    """

    takes_turn: ClassVar[bool] = True

    model: BaseChatModel = Field(repr=False, exclude=True)
    """The model behind it."""
    label: str = ""
    """What it is called in traces and errors."""
    secrets: tuple[str, ...] = Field(default=(), repr=False, exclude=True)
    """Texts that are blotted out of errors and replies."""
    sees: bool = True
    """Whether it is sent pictures; false for models that read text only."""
    max_side: int = Field(default=768, ge=16)
    """Longest side of a picture in pixels."""
    max_pictures: int = Field(default=64, ge=1)
    """Pictures in one request; the newest are kept, older ones thinned evenly."""
    max_tokens: int = Field(default=2048, ge=1)
    """Tokens of one reply."""
    timeout: float = Field(default=120.0, gt=0, allow_inf_nan=False)
    """Seconds for one request."""
    retries: int = Field(default=4, ge=0)
    """How often a request is sent again after a fault that may pass."""
    pause: float = Field(default=0.5, ge=0, allow_inf_nan=False)
    """Seconds before the first retry, doubled each time."""
    longest_pause: float = Field(default=30.0, ge=0, allow_inf_nan=False)
    """Seconds that are waited at most between two tries; a server that asks for more is given up."""
    temperature: float | None = Field(default=None, allow_inf_nan=False)
    """Sampling temperature where the turn does not set one; None leaves it to the server."""
    streamed: bool = False
    """Whether replies are streamed, so that what was written before the time was up can still be used."""
    logprobs: bool = False
    """Whether to ask for log-probabilities: the likelihood of a reply, and yes against no by weight."""
    input_price: float | None = Field(default=None, ge=0, allow_inf_nan=False)
    """Price of a million tokens of the prompt, in whatever currency."""
    output_price: float | None = Field(default=None, ge=0, allow_inf_nan=False)
    """Price of a million tokens of replies."""
    dialect: Any = None
    """How calls stand in the text of replies (a `ToolFormat`), for servers that do not parse them."""
    in_words: bool = False
    """Whether tools are told in the system prompt: for servers that take none, or whose templates drop them."""
    places: Literal["", "grid", "pixels", "fractions"] = ""
    """In which numbers it writes places in pictures (`Eyes.scale`), where its dialect and its name do not tell."""
    sheets: int | None = Field(default=None, ge=1, le=16)
    """Frames in one picture when it is asked about frames as a viewer; None: as many as cost and lose nothing."""
    _terms: Terms = PrivateAttr(default_factory=Terms)
    """What the server has said it takes."""

    @classmethod
    def open(
        cls, name: str, *, api_key: str | None = None, api_key_env: str | None = None, **options: Any
    ) -> ServedPolicy:
        """The model at `http(s)://host:port/v1[#model]`, or `provider:model` as LangChain names it.

        Raises:
            CapabilityError: if it cannot be reached, a package is missing, or there is no dialect of that name.
        """
        known = [key for key in cls.model_fields if key in _OPTIONS]
        unknown = [key for key in options if key not in known]
        if unknown:
            known += ["api_key", "api_key_env"]
            raise CapabilityError(f"A served policy has no option {', '.join(unknown)}; it has {', '.join(known)}.")
        if isinstance(options.get("dialect"), str):
            options["dialect"] = load_tool_format(options["dialect"])
        if name.startswith(("http://", "https://")):
            end = open_server(name, api_key=api_key, api_key_env=api_key_env)
        else:
            end = open_provider(name, api_key=api_key, api_key_env=api_key_env)
        return cls.of(end, **options)

    @classmethod
    def of(cls, end: Endpoint, **options: Any) -> ServedPolicy:
        """The policy of an endpoint; options may be given as text.

        Raises:
            CapabilityError: if an option's value cannot be used.
        """
        options.setdefault("sees", not reads_only(end.label))
        options.setdefault("in_words", end.drops_tools)
        try:
            return cls(model=end.model, label=end.label, secrets=end.secrets, **options)
        except ValidationError as error:
            problems = [f"{row['loc'][0]}: {row['msg']}" for row in error.errors() if row["loc"]]
            raise CapabilityError(f"Policy {end.label}: {one_line('; '.join(problems))}.") from None

    @property
    def _spoken(self) -> ToolFormat | None:
        """Return how calls stand in the text: as the dialect has it, or in words where the server knows of no tools."""
        dialect: ToolFormat | None = self.dialect
        return load_tool_format("hermes-text") if dialect is None and self.in_words else dialect

    @property
    def _in_words(self) -> bool:
        return self._spoken is not None and self._spoken.tool_block([ANY_TOOL]) is not None

    def eyes(self, messages: Sequence[BaseMessage]) -> Eyes:
        """Return how it is shown pictures."""
        scale = self.places or getattr(self._spoken, "places", "") or scale_of(self.label)
        return Eyes(side=min(self._side, SIDE) if self.sees else None, scale=scale)

    def frames_per_picture(self, size: tuple[int, int]) -> int:
        """Return how many frames of (width, height) to put into one picture when it is asked about them as a viewer."""
        return self.sheets or by_name(self.label, size, self._side)

    @property
    def weighs(self) -> bool:
        """Return whether it can weigh `choices` against each other."""
        return self.logprobs

    @property
    def _llm_type(self) -> str:
        return f"served:{self.label}" if self.label else "served"

    def __repr__(self) -> str:
        return f"ServedPolicy({self.label or self.model._llm_type!r})"

    __str__ = __repr__

    def bind_tools(self, tools: Sequence[Any], **kwargs: Any) -> Runnable[LanguageModelInput, AIMessage]:
        """The policy with these tools."""
        return self.bind(tools=[convert_to_openai_tool(tool) for tool in tools], **kwargs)

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        return self._result(ServedRequest.of(messages, stop, kwargs))

    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        # In a thread of its own: a client of the event loop would not outlive it, and each question has its own.
        ask = ServedRequest.of(messages, stop, kwargs)
        try:
            return await asyncio.wrap_future(_threads.submit(self._result, {"ask": ask}))
        finally:
            ask.given_up.set()

    def _result(self, ask: ServedRequest) -> ChatResult:
        return ChatResult(generations=[ChatGeneration(message=contained(partial(self._answer, ask)))])

    def _answer(self, ask: ServedRequest) -> AIMessage:
        used, limits = Used(), Limits(pictures=min(self.max_pictures, self._terms.pictures))
        for change in range(_MOST_CHANGES):
            sent, prompt, most = self._fit(ask, limits)
            arguments = self._arguments(ask, most)
            try:
                reply = attempts(
                    self._request(ask, sent, prompt, most, arguments, used),
                    retries=self.retries,
                    pause=self.pause,
                    longest=self.longest_pause,
                    explain=partial(self._explain, sent=sent),
                    deadline=ask.deadline,
                    given_up=ask.given_up,
                )
                break
            except ServedError as error:
                error.tokens = used.input + used.output
                fault = error.fault
                if fault is None or change == _MOST_CHANGES - 1:
                    raise
                if fault.kind != "refused" and not fault.about(sent.pictures):
                    raise
                if fault.toolless and ask.tools and not self._in_words:
                    self.in_words = True
                elif fault.about(sent.pictures) == "blind":
                    self.sees = False  # it reads text alone, and is asked so from now on
                elif not self._terms.give_way(
                    fault,
                    limits,
                    pictures=sent.pictures,
                    prompt=prompt,
                    most=most,
                    side=self._side,
                    arguments=arguments,
                ):
                    raise
        metadata = {**reply.response_metadata, **self._price(used)}
        if used.tries > 1:
            metadata["tries"] = used.tries
        elif not used.estimated:
            metadata["estimated_input"] = prompt
        if used.estimated:
            metadata["usage_estimated"] = True
        if self._terms.unwanted:
            metadata["refused"] = sorted(self._terms.unwanted)
        if sent.left_out:
            metadata["pictures_left_out"] = sent.left_out
        return reply.model_copy(update={"usage_metadata": used.metadata(), "response_metadata": metadata})

    @property
    def _side(self) -> int:
        return min(self.max_side, self._terms.side)

    def _fit(self, ask: ServedRequest, limits: Limits) -> tuple[Sent, int, int]:
        """Return what to send, its tokens as an estimate, and how many the reply may have."""
        writer = Writer(sees=self.sees, max_side=self._side, dialect=self._spoken)
        most = min(self.max_tokens, ask.max_tokens or self.max_tokens, limits.reply, self._terms.reply)
        tools = text_tokens(json.dumps(ask.tools)) if ask.tools else 0
        allowed, pixels = ask.tokens, ask.turn.pixels if ask.turn else None
        factor = as_counted(ask.messages)
        pictures = limits.pictures
        while True:
            sent = writer.write(ask.messages, pixels, tools=ask.tools, max_pictures=pictures)
            prompt = math.ceil((sent.tokens + tools) * factor)
            if limits.reply == sys.maxsize:  # else the server has said how much is left, and knows better
                most = min(most, max(self._terms.window - prompt, USEFUL_REPLY))
            if allowed is None:
                return sent, prompt, most
            if prompt + min(most, LEAST_REPLY) <= allowed:
                return sent, prompt, min(most, allowed - prompt)
            if not sent.pictures:
                text = f"{allowed} tokens are left, but the conversation alone takes about {prompt}."
                raise OutOfTokens(text)
            pictures = sent.pictures // 2

    def _request(
        self, ask: ServedRequest, sent: Sent, prompt: int, most: int, arguments: dict[str, Any], used: Used
    ) -> Callable[[float | None], AIMessage]:
        """One try, as a function of the seconds it may take."""
        tools = self._tools(ask.tools)
        choice = {"tool_choice": ask.tool_choice} if ask.tool_choice else {}
        bound: Runnable[Any, Any] = self.model.bind_tools(tools, **choice) if tools else self.model

        def request(left: float | None) -> AIMessage:
            seconds = self.timeout if left is None else min(self.timeout, left)
            call_arguments = {**arguments, **({"timeout": seconds} if self._openai else {})}
            # A thread of its own: not every provider's client keeps to a time-out.
            job = {"bound": bound, "sent": sent.messages, "call_arguments": call_arguments}
            job |= {"seconds": seconds, "most": most}
            try:
                raw = _threads.submit(self._read_stream if self.streamed else _invoke, job).result(seconds + 0.5)
            except NotDone:
                raise TimeoutError("no answer in time") from None
            raw = _bounded(raw, most)
            used.add(raw, prompt)
            reply = read_reply(
                raw,
                ask.messages,
                self._spoken,
                blot=lambda text: hide(text, self.secrets),
                names=[tool["function"]["name"] for tool in ask.tools],
            )
            more: dict[str, Any] = {}
            if (known := likelihood(raw)) is not None:
                more["likelihood"] = known
            if ask.choices:
                more["choices"] = choice_weights(raw, ask.choices)
            elif not (reply.text.strip() or reply.tool_calls or reply.invalid_tool_calls):
                raise BadReply(_empty(reply))
            return reply.model_copy(update={"response_metadata": {**reply.response_metadata, **more}})

        return request

    def _tools(self, tools: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
        """The tools that go with the request: none where they stand in the system prompt as text."""
        dialect = self._spoken
        if dialect is None or not tools:
            return list(tools)
        return [] if dialect.tool_block(tools) is not None else dialect.tools(tools)

    def _arguments(self, ask: ServedRequest, most: int) -> dict[str, Any]:
        fields: Any = type(self.model).model_fields
        arguments: dict[str, Any] = {}
        limit = next((name for name in ("max_tokens", "max_output_tokens") if name in fields), None)
        if limit:
            arguments[self._terms.limit or limit] = most
        temperature = ask.turn.temperature if ask.turn and ask.turn.temperature is not None else self.temperature
        if temperature is not None and "temperature" in fields:
            arguments["temperature"] = temperature
        if self._openai and ask.turn and ask.turn.seed is not None:
            arguments["seed"] = ask.turn.seed
        if self._openai and self.logprobs:
            arguments |= {"logprobs": True, **({"top_logprobs": 20} if ask.choices else {})}
        stop = [*ask.stop, *(self._spoken.stop if self._spoken else ())]
        if stop:
            arguments["stop"] = stop
        if self._openai and self.streamed:
            arguments["stream_usage"] = True
        return {name: value for name, value in arguments.items() if name not in self._terms.unwanted}

    @property
    def _openai(self) -> bool:
        return any(base.__name__ == "BaseChatOpenAI" for base in type(self.model).__mro__)

    def _read_stream(
        self,
        bound: Runnable[Any, Any],
        sent: list[BaseMessage],
        call_arguments: dict[str, Any],
        seconds: float,
        most: int,
    ) -> AIMessage:
        """The reply as it comes; cut where it exceeds its time or its length."""
        end, cut = time.monotonic() + 0.9 * seconds, ""
        joined = Joined([tool["function"]["name"] for tool in getattr(bound, "kwargs", {}).get("tools") or ()])
        with until(time.monotonic() + seconds):
            chunks = bound.stream(sent, **call_arguments)
            try:
                for chunk in chunks:
                    joined.add(chunk)
                    long = joined.size > most * _CHARACTERS_A_TOKEN or joined.count > 8 * most + _IDLE_CHUNKS
                    cut = "time" if time.monotonic() > end else "length" if long else ""
                    if cut:
                        break
            except Exception as error:
                if not (joined.size and Fault.of(error).kind == "timeout"):
                    raise
                cut = "time"
            finally:
                close = getattr(chunks, "close", None)
                if close:
                    close()
            whole = bool(joined.finish) or ended()
        if self._openai and not cut and not whole:
            raise ConnectionError("the stream ended before the reply did")
        return joined.message(cut=cut)

    def _explain(self, fault: Fault, tries: int, sent: Sent) -> str:
        """One line for a person: what happened, and what to do."""
        name = self.label or self.model._llm_type
        text = hide(fault.text, self.secrets)
        text = f"{text} ({self.timeout:g} s)" if fault.kind == "timeout" else text
        times = f" ({tries} tries)" if tries > 1 else ""
        topic = fault.about(sent.pictures)
        if topic in ("long", "large", "many"):
            return f"{name} takes no request of this length ({text}): lower max_pictures, max_side or the budget."
        if topic == "blind":
            return (
                f"{name} does not take pictures ({text}): use a model that sees, or the option sees=false for one "
                "that only reads what tools write."
            )
        if fault.kind == "busy" and fault.wait is not None and fault.wait > self.longest_pause:
            return f"{name} asks to wait {fault.wait:.0f} s ({text}): try again later, or raise longest_pause."
        advice = {
            "busy": "it is overloaded or the quota is used up; try again later",
            "server": "look at the server's log",
            "connection": "see whether it is running and reachable",
            "timeout": "raise timeout, lower max_tokens or max_pictures, or use a faster model",
            "reply": "see whether this is an OpenAI-compatible chat server",
            "key": f"give a valid key ({KEY_VARIABLE}, or api_key_env=NAME)",
            "missing": "check the address and the model's name",
        }.get(fault.kind, "")
        return f"{name}: {text}{times}" + (f"; {advice}." if advice else ".")

    def _price(self, used: Used) -> dict[str, float]:
        if self.input_price is None and self.output_price is None:
            return {}
        return {"cost": (used.input * (self.input_price or 0.0) + used.output * (self.output_price or 0.0)) / 1e6}


def _invoke(
    bound: Runnable[Any, Any],
    sent: list[BaseMessage],
    call_arguments: dict[str, Any],
    seconds: float,
    most: int,
) -> AIMessage:
    with until(time.monotonic() + seconds):
        reply = bound.invoke(sent, **call_arguments)
    if not isinstance(reply, AIMessage):
        raise BadReply("the reply is no message of an assistant")
    return reply


def _bounded(raw: AIMessage, most: int) -> AIMessage:
    """The reply, cut where it is longer than the server was allowed."""
    longest = max(most, LEAST_REPLY) * _CHARACTERS_A_TOKEN
    if not isinstance(raw.content, str) or len(raw.content) <= longest:
        return raw
    metadata = {**raw.response_metadata, "finish_reason": "length", "cut": True}
    return raw.model_copy(update={"content": raw.content[:longest], "response_metadata": metadata})


def _empty(reply: AIMessage) -> str:
    if reply.response_metadata.get("finish_reason") == "length":
        return "the reply is empty, since all its tokens went into thoughts: raise max_tokens"
    if reply.response_metadata.get("finish_reason") == "content_filter":
        return "the reply was withheld by the server's filter"
    return "the reply is empty"
