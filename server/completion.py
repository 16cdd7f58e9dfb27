"""What is sent back: chat completions and their chunks, with what was used, and what only this server knows."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from ..agent.answer import Answer
from ..version import __version__

MODEL = "rewatch"
_CHARACTERS = 4  # of a token of English, by OpenAI's rule of thumb
_OWN = ("evidence", "spans", "boxes", "confidence", "abstained", "stopped_by", "spend", "coverage")


@dataclass(slots=True)
class Usage:
    """Tokens of a request."""

    prompt: int = 0
    completion: int = 0
    reasoning: int = 0
    """Those of the completion that are not in the text: thoughts, calls, earlier turns of the run."""

    def __add__(self, other: Usage) -> Usage:
        return Usage(self.prompt + other.prompt, self.completion + other.completion, self.reasoning + other.reasoning)

    def as_dict(self) -> dict[str, Any]:
        """OpenAI's form."""
        return {
            "prompt_tokens": self.prompt,
            "completion_tokens": self.completion,
            "total_tokens": self.prompt + self.completion,
            "completion_tokens_details": {"reasoning_tokens": self.reasoning},
        }


def usage_of(answer: Answer, text: str, prompt: str, written: int) -> Usage:
    """Return what a run used.

    Args:
        answer: of the run, whose spend has the tokens that its models told of.
        text: what is sent back.
        prompt: what was asked; it is counted where no model told of tokens.
        written: tokens that the models told they wrote.
    """
    visible = _tokens(text)
    total = int(answer.spend.get("tokens", 0))
    if not total:
        return Usage(_tokens(prompt), visible)
    completion = min(written or visible, total)
    return Usage(total - completion, completion, max(completion - visible, 0))


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """One answer, as it is sent."""

    text: str
    finish: str
    """`stop`, or `length`: it was cut."""
    answer: Answer
    usage: Usage

    @property
    def own(self) -> dict[str, Any]:
        """What OpenAI's form has no place for."""
        row = self.answer.as_dict()
        return {**{name: row[name] for name in _OWN}, "trace": self.answer.run_id}


@dataclass(frozen=True, slots=True, kw_only=True)
class Completion:
    """All answers to a request."""

    choices: Sequence[Choice]

    @property
    def usage(self) -> dict[str, Any]:
        """What was used for all of them."""
        total = Usage()
        for choice in self.choices:
            total += choice.usage
        return total.as_dict()

    def as_dict(self) -> dict[str, Any]:
        """The whole reply; with several choices each has its own `rewatch`, and the reply that of the first."""
        several = len(self.choices) > 1
        rows = [
            {
                "index": number,
                "message": {"role": "assistant", "content": choice.text, "refusal": None},
                "finish_reason": choice.finish,
                "logprobs": None,
                **({"rewatch": choice.own} if several else {}),
            }
            for number, choice in enumerate(self.choices)
        ]
        id_ = f"chatcmpl-{self.choices[0].answer.run_id}"
        head = _head(id_, "chat.completion", int(time.time()))
        return {**head, "choices": rows, "usage": self.usage, "rewatch": self.choices[0].own}

    def chunks(self, id_: str, created: int, *, usage: bool) -> Iterator[dict[str, Any]]:
        """The reply as chunks of a stream, after those of `opening`."""
        head = _head(id_, "chat.completion.chunk", created)
        more = {"usage": None} if usage else {}
        for number, choice in enumerate(self.choices):
            if choice.text:
                yield {**head, "choices": [_delta(number, {"content": choice.text})], **more}
            yield {**head, "choices": [_delta(number, {}, choice.finish)], **more, "rewatch": choice.own}
        if usage:
            yield {**head, "choices": [], "usage": self.usage}


def opening(id_: str, created: int, choices: int, *, usage: bool) -> Iterator[dict[str, Any]]:
    """The first chunks of a stream, which only say who speaks."""
    head = _head(id_, "chat.completion.chunk", created)
    for number in range(choices):
        delta = _delta(number, {"role": "assistant", "content": ""})
        yield {**head, "choices": [delta], **({"usage": None} if usage else {})}


def _head(id_: str, kind: str, created: int) -> dict[str, Any]:
    return {
        "id": id_, "object": kind, "created": created, "model": MODEL, "system_fingerprint": f"rewatch-{__version__}"
    }  # fmt: skip


def _delta(number: int, delta: dict[str, Any], finish: str | None = None) -> dict[str, Any]:
    return {"index": number, "delta": delta, "finish_reason": finish, "logprobs": None}


def shortened(text: str, stops: Sequence[str], longest: int | None) -> tuple[str, str]:
    """Return a text up to the first of the stops, and no longer than some tokens; and why it ends."""
    ends = [at for stop in stops if (at := text.find(stop)) >= 0]
    if ends:
        text = text[: min(ends)]
    if longest is None or _tokens(text) <= longest:
        return text, "stop"
    return text[: longest * _CHARACTERS], "length"


def _tokens(text: str) -> int:
    """Estimate of the tokens of a text, rather too low: nothing is cut that a model would have had room for."""
    return -(-len(text) // _CHARACTERS)
