"""Chat models on the other end of a connection: OpenAI-compatible servers by address, providers by name."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from langchain_core.language_models import BaseChatModel
from pydantic import SecretStr

from ....memory import CapabilityError
from ..failures import one_line
from .completions import chunk, completion, reasoning_of, rows_of
from .faults import Fault
from .wire import MAX_LISTING, EndlessReply, LedAway, UnknownPacking, client, until

KEY_VARIABLE = "REWATCH_API_KEY"
"""Where the key for a server given by its address is looked up. A provider's key is never sent to an address."""
_LISTING_SECONDS = 30.0
_REMOTE = "pip install 'rewatch[remote]'"


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """A chat model and what it may be called in public."""

    model: BaseChatModel
    label: str
    secrets: tuple[str, ...]
    """Keys that must not stand in any text."""
    drops_tools: bool = False
    """Whether the server hands tools to chat templates that may not know of any, and says nothing then."""


_SEES = re.compile(
    r"vl\b|[-_.]vl|vision|llava|pixtral|internvl|minicpm-?v|smolvlm|omni|moondream|mmproj", re.IGNORECASE
)
_READS_ONLY = re.compile(
    r"\.gguf$|coder|smollm|gemma-?3-?(?:270m|1b)|qwen(?:2|2\.5|3)[-_:]?\d|llama-?3(?:\.[123])?[-_:]?(?:1b|3b|8b|70b)"
    r"|phi-?[34]-?mini|tinyllama|mistral-?7b|deepseek-?(?:r1|v3|coder)|gpt-oss",
    re.IGNORECASE,
)


def reads_only(model: str) -> bool:
    """Return whether a model's name says that it takes no pictures; one that says nothing may take them."""
    return bool(_READS_ONLY.search(model)) and not _SEES.search(model)


def open_server(address: str, *, api_key: str | None = None, api_key_env: str | None = None) -> Endpoint:
    """A model of an OpenAI-compatible server: `http://host:port/v1` or `http://host:port/v1#model`.

    Args:
        address: without a model the server's only one.
        api_key: the key itself.
        api_key_env: the environment variable that holds it; `REWATCH_API_KEY` by default, and `OPENAI_API_KEY` for
            OpenAI's own servers.

    Raises:
        CapabilityError: if a package is missing, the server does not answer, or has several models.
    """
    _require("langchain_openai", "A served policy")
    try:
        parts = urlsplit(address)
        usable = bool(parts.hostname) and parts.port != 0
    except ValueError:  # brackets that do not close, a port that is none
        usable = False
    if not usable or not all(c.isprintable() for c in address):
        raise CapabilityError(
            f"{one_line(address)} is no address; write http://host:port/v1 or http://host:port/v1#MODEL."
        )
    own = (parts.hostname or "").endswith(".openai.com")
    if parts.username or parts.password:
        raise CapabilityError(
            f"{_public(address)}: leave the password out of the address; give the key as api_key_env."
        )
    if parts.query:
        raise CapabilityError(f"{_public(address)}: an address has no query; options go behind a ? at its end.")
    base = urlunsplit((parts.scheme, parts.netloc, parts.path.rstrip("/"), "", ""))
    key = api_key or _key(api_key_env, "OPENAI_API_KEY" if own else KEY_VARIABLE)
    model, owner = (parts.fragment, "") if parts.fragment else _only_model(base, key)
    # Other servers know the older name of the limit, max_tokens, and some of them no other.
    made = openai_model(own=own, model=model, base_url=base, api_key=SecretStr(key or "none"), use_responses_api=False)
    # llama-cpp-python's server calls every model its own ("me").
    label = one_line(model, longest=120)
    return Endpoint(model=made, label=label, secrets=(key,) if key else (), drops_tools=owner == "me")


def openai_model(*, own: bool, **given: Any) -> BaseChatModel:
    """A chat model of a server that speaks OpenAI's protocol, more or less; `own`: one of OpenAI's."""
    from langchain_openai import ChatOpenAI
    from langchain_openai.chat_models.base import BaseChatOpenAI

    kind: type[BaseChatOpenAI] = ChatOpenAI if own else BaseChatOpenAI

    class Lenient(kind):  # type: ignore[valid-type, misc]
        def _create_chat_result(self, response: Any, generation_info: dict[str, Any] | None = None) -> Any:
            row = completion(response)
            made = super()._create_chat_result(row, generation_info)
            told = reasoning_of(row, "message")
            for generation in made.generations if told else ():
                generation.message.additional_kwargs["reasoning_content"] = told
            return made

        def _convert_chunk_to_generation_chunk(self, row: Any, kind: Any, info: Any) -> Any:
            mended = chunk(row)
            made = mended and super()._convert_chunk_to_generation_chunk(mended, kind, info)
            if made and mended and (told := reasoning_of(mended, "delta")):
                made.message.additional_kwargs["reasoning_content"] = told
            return made or None

    # Tries are counted where budget and deadline are known.
    made = Lenient(**given, max_retries=0, http_client=client())
    made.client = _PlainRows(made.client)
    return made


class _PlainRows:
    """The client library's completions, with the events of a stream as rows: as they are, and not checked."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def create(self, **payload: Any) -> Any:
        made = self._inner.create(**payload)
        return _Events(made) if payload.get("stream") else made


class _Events:
    """A stream of rows that is closed when it is left; one row where the server answers whole, though asked to stream.

    Raises:
        ValueError: if that row is an error.
    """

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def __enter__(self) -> _Events:
        return self

    def __exit__(self, *_: object) -> None:
        self._stream.close()

    def __iter__(self) -> Iterator[Any]:
        response = self._stream.response
        kind = response.headers.get("content-type", "")
        if "json" in kind and "stream" not in kind:
            row = json.loads(response.read())
            if isinstance(row, dict) and row.get("error"):
                raise ValueError(row["error"])
            yield from [row] if isinstance(row, dict) else []
            return
        for event in self._stream:
            row = rows_of(event)
            if isinstance(row, dict):
                yield row


def open_provider(name: str, *, api_key: str | None = None, api_key_env: str | None = None) -> Endpoint:
    """A model of a provider that LangChain knows: `openai:gpt-x`, `anthropic:claude-x`, `ollama:llava`.

    Raises:
        CapabilityError: if its package or its key is missing.
    """
    _require("langchain", f"Policy {name}")
    from langchain.chat_models import init_chat_model

    api_key = api_key or (_key(api_key_env, "") if api_key_env else None)
    given: dict[str, Any] = {"api_key": api_key} if api_key else {}
    try:
        if name.startswith("openai:"):
            _require("langchain_openai", f"Policy {name}")
            made = openai_model(own=True, model=name.partition(":")[2], **given)
        else:
            made = init_chat_model(name, **given, max_retries=0)
    except ImportError as error:
        raise CapabilityError(f"Policy {name}: {one_line(str(error))}") from None
    except Exception as error:  # a missing key, an unknown provider: each package has its own exceptions
        raise CapabilityError(f"Policy {name} cannot be used: {_why(error, api_key)}") from None
    return Endpoint(model=made, label=name, secrets=tuple(_secrets(made)) + ((api_key,) if api_key else ()))


def hide(text: str, secrets: tuple[str, ...]) -> str:
    """`text` without the secrets."""
    for secret in secrets:
        if len(secret) >= 4:
            text = text.replace(secret, "***")
    return text


def _require(package: str, what: str) -> None:
    if importlib.util.find_spec(package) is None:
        raise CapabilityError(f"{what} needs the package {package.replace('_', '-')}: {_REMOTE}")


def _key(variable: str | None, default: str) -> str | None:
    value = os.environ.get(variable or default)
    if variable and not value:
        raise CapabilityError(f"The environment variable {variable} holds no key; set it, or leave api_key_env out.")
    return value or None


def _public(address: str) -> str:
    """The address without user name, password and query."""
    parts = urlsplit(address)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


def _only_model(base: str, key: str | None) -> tuple[str, str]:
    """The server's only model, and who it says owns it."""
    import httpx

    headers = {"Authorization": f"Bearer {key}"} if key else {}
    choose = f"name one: {base}#MODEL"
    try:
        with until(time.monotonic() + _LISTING_SECONDS, most=MAX_LISTING):
            reply = client().get(f"{base}/models", headers=headers, timeout=_LISTING_SECONDS)
    except (EndlessReply, LedAway, UnknownPacking) as error:
        raise CapabilityError(f"{base} does not list its models ({Fault.of(error).text}); {choose}") from None
    except (httpx.HTTPError, httpx.InvalidURL, UnicodeError, ValueError) as error:
        reason = hide(Fault.of(error).text, (key,) if key else ())
        raise CapabilityError(
            f"No server answers at {base} ({reason}); start it, or check the address (it usually ends in /v1)."
        ) from None
    if reply.status_code in (401, 403):
        raise CapabilityError(f"{base} wants a key: set {KEY_VARIABLE}, or name its variable as api_key_env.")
    try:
        listed = reply.json()["data"] if reply.is_success else []
        models = [row["id"] for row in listed if isinstance(row["id"], str) and row["id"]]
    except (ValueError, KeyError, TypeError, RecursionError):
        listed, models = [], []
    if len(models) == 1:
        return models[0], str(listed[0].get("owned_by") or "")
    if not models:
        raise CapabilityError(f"{base} does not list its models (HTTP {reply.status_code}); {choose}")
    shown = ", ".join(one_line(model, longest=80) for model in models[:12])
    shown += f" and {len(models) - 12} more" if len(models) > 12 else ""
    raise CapabilityError(f"{base} has {len(models)} models ({shown}); {choose}")


def _why(error: Exception, api_key: str | None) -> str:
    errors = getattr(error, "errors", None)
    if callable(errors):  # a pydantic error's own text repeats what it was given, keys included
        text = "; ".join(str(row.get("msg")) for row in errors())
    else:
        text = str(error) or type(error).__name__
    return one_line(hide(text, (api_key,) if api_key else ()))


def _secrets(model: BaseChatModel) -> Iterator[str]:
    for name in type(model).model_fields:
        value = getattr(model, name, None)
        if isinstance(value, SecretStr) and value.get_secret_value():
            yield value.get_secret_value()
