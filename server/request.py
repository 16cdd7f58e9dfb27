"""The body of a request for a chat completion: OpenAI's fields that mean something here, and those of our own."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ..memory.sanitize import one_line
from .completion import MODEL
from .faults import RequestFault

MOST_CHOICES = 16
"""Answers to one request (`n`)."""
_MOST = 10**9  # frames, calls, tokens: what is stored of them has 64 bits
_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")


class BudgetFields(BaseModel):
    """Limits of a request, of which any may be left out."""

    model_config = ConfigDict(extra="forbid")

    frames: int | None = Field(default=None, ge=0, le=_MOST)
    calls: int | None = Field(default=None, ge=0, le=_MOST)
    tokens: int | None = Field(default=None, ge=0, le=_MOST)
    seconds: float | None = Field(default=None, ge=0, le=_MOST, allow_inf_nan=False)


class StreamOptions(BaseModel):
    """How a stream is written."""

    include_usage: bool = False


class ChatRequest(BaseModel):
    """A request. Fields that are not among these are taken and mean nothing, as with other servers."""

    model_config = ConfigDict(extra="ignore")

    messages: list[dict[str, Any]] = Field(min_length=1, max_length=2000)
    model: str = Field(default="", max_length=500)
    n: int | None = Field(default=None, ge=1, le=MOST_CHOICES)
    temperature: float | None = Field(default=None, ge=0, le=2, allow_inf_nan=False)
    seed: int | None = Field(default=None, ge=-(2**62), le=2**62)
    max_tokens: int | None = Field(default=None, ge=1)
    max_completion_tokens: int | None = Field(default=None, ge=1)
    stop: str | list[str] | None = None
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    response_format: dict[str, Any] | None = None
    tool_choice: Any = None
    budget: BudgetFields | None = None
    route: str | None = Field(default=None, max_length=100)
    scale: str | None = Field(default=None, max_length=100)
    width: int = Field(default=8, ge=1, le=64)
    now: Annotated[float, Field(allow_inf_nan=False)] | Annotated[str, Field(max_length=100)] | None = None
    videos: list[str] | None = Field(default=None, max_length=1000)

    @property
    def longest(self) -> int | None:
        """Tokens that an answer may have."""
        return self.max_completion_tokens or self.max_tokens

    @property
    def stops(self) -> list[str]:
        """Texts before which an answer ends."""
        given = [self.stop] if isinstance(self.stop, str) else self.stop or []
        return [text for text in given if text]


def read_request(body: bytes) -> ChatRequest:
    """Return the request that a body holds.

    Raises:
        RequestFault: 400 if it holds none (`param` names the field that is at fault), 404 for an unknown model.
    """
    try:
        row = json.loads(body)
    except (ValueError, RecursionError) as error:
        why = str(error) if isinstance(error, json.JSONDecodeError) else type(error).__name__
        raise RequestFault(400, f"The body is not JSON ({why}): send one JSON object.", code="invalid_json") from None
    if not isinstance(row, dict):
        raise RequestFault(400, 'The body is JSON, and no object: send {"messages": […]}.', code="invalid_json")
    if _SURROGATE.search(body) and any("\ud800" <= letter <= "\udfff" for text in _texts(row) for letter in text):
        raise RequestFault(400, "The body has half of a surrogate pair (\\ud800): send whole characters.")
    try:
        request = ChatRequest.model_validate(row)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False)[0]
        where = ".".join(str(part) for part in first["loc"][:4])
        raise RequestFault(400, f"{where}: {_wrong(first)}", param=where, code="invalid_value") from None
    if request.tool_choice == "required" or isinstance(request.tool_choice, Mapping):
        message = "tool_choice: no tools of a client are called here; leave it out, or send none."
        raise RequestFault(400, message, param="tool_choice", code="not_supported")
    require_model(request.model)
    return request


def _wrong(error: Mapping[str, Any]) -> str:
    """What is wrong with a field, and what to write instead."""
    if error["type"] == "extra_forbidden":
        return f"there is no such limit; write {', '.join(BudgetFields.model_fields)}."
    if error["type"] == "missing":
        return "is missing; write it."
    given = one_line(repr(error["input"]), 60)
    return f"{error['msg'].replace(' after validation', '')} (given: {given})."


def require_model(name: str) -> None:
    """Take the one model that there is, and requests that name none.

    Raises:
        RequestFault: 404 for any other.
    """
    if name not in ("", MODEL):
        message = f"There is no model {name[:100]!r} here: write {MODEL}."
        raise RequestFault(404, message, param="model", code="model_not_found")


def _texts(value: Any) -> Iterator[str]:
    """Every text of a JSON value."""
    left = [value]
    while left:
        one = left.pop()
        if isinstance(one, str):
            yield one
        elif isinstance(one, dict):
            left += [*one, *one.values()]
        elif isinstance(one, list):
            left += one
