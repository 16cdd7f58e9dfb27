"""Chat models on the other end of a connection: OpenAI-compatible servers by address, providers by name."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit, urlunsplit

from langchain_core.language_models import BaseChatModel
from pydantic import SecretStr

from ...memory import CapabilityError
from .attempts import EndlessReply, Fault, one_line

if TYPE_CHECKING:
    import httpx

KEY_VARIABLE = "REWATCH_API_KEY"
"""Where the key for a server given by its address is looked up. A provider's key is never sent to an address."""
MAX_REPLY = 32 << 20
"""Bytes of one reply, log-probabilities included, after which the connection is closed."""
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
    """Whether a model's name says that it takes no pictures; one that says nothing may take them."""
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
    parts = urlsplit(address)
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
    from langchain_openai import ChatOpenAI
    from langchain_openai.chat_models.base import BaseChatOpenAI

    # Other servers know the older name of the limit, max_tokens, and some of them no other.
    kind: type[BaseChatOpenAI] = ChatOpenAI if own else BaseChatOpenAI

    class Lenient(kind):  # type: ignore[valid-type, misc]
        def _create_chat_result(self, response: Any, generation_info: dict[str, Any] | None = None) -> Any:
            return super()._create_chat_result(_mended(response), generation_info)

    made = Lenient(
        model=model,
        base_url=base,
        api_key=SecretStr(key or "none"),
        max_retries=0,  # tries are counted here, where budget and deadline are known
        http_client=_client(),
        use_responses_api=False,
    )
    # llama-cpp-python's server calls every model its own ("me").
    return Endpoint(model=made, label=model, secrets=(key,) if key else (), drops_tools=owner == "me")


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


def _mended(response: Any) -> Any:
    """The response with each call's arguments as the text of a JSON object, or as a text that is no JSON.

    The client library takes the second for an invalid call; at any other JSON it throws the whole reply away.
    """
    dump = getattr(response, "model_dump", None)
    row = dump(warnings=False) if dump else response
    for choice in (row.get("choices") or ()) if isinstance(row, dict) else ():
        for call in (choice.get("message") or {}).get("tool_calls") or ():
            function = call.get("function") or {}
            function["arguments"] = _as_object(function.get("arguments"))
    return row


def _as_object(arguments: Any) -> str:
    read = arguments
    for _ in range(2):  # some servers send the object itself, some a text within a text
        if isinstance(read, str):
            try:
                read = json.loads(read or "{}", strict=False)
            except json.JSONDecodeError:
                return str(arguments)
    if isinstance(read, dict):
        return json.dumps(read)
    return f"not an object: {arguments}"


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
        reply = _client().get(f"{base}/models", headers=headers, timeout=_LISTING_SECONDS)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        reason = hide(Fault.of(error).text, (key,) if key else ())
        raise CapabilityError(
            f"No server answers at {base} ({reason}); start it, or check the address (it usually ends in /v1)."
        ) from None
    if reply.status_code in (401, 403):
        raise CapabilityError(f"{base} wants a key: set {KEY_VARIABLE}, or name its variable as api_key_env.")
    try:
        listed = reply.json()["data"] if reply.is_success else []
        models = [str(row["id"]) for row in listed]
    except (ValueError, KeyError, TypeError):
        listed, models = [], []
    if len(models) == 1:
        return models[0], str(listed[0].get("owned_by") or "")
    if not models:
        raise CapabilityError(f"{base} does not list its models (HTTP {reply.status_code}); {choose}")
    shown = ", ".join(models[:12]) + (f" and {len(models) - 12} more" if len(models) > 12 else "")
    raise CapabilityError(f"{base} has {len(models)} models ({shown}); {choose}")


@cache
def _client() -> httpx.Client:
    """The client of all servers whose replies end: by the request's own time-out as a whole, and by size."""
    import httpx

    class Bounded(httpx.SyncByteStream):
        def __init__(self, stream: httpx.SyncByteStream, seconds: float | None) -> None:
            self._stream = stream
            self._until = None if seconds is None else time.monotonic() + seconds

        def __iter__(self) -> Iterator[bytes]:
            size = 0
            for chunk in self._stream:
                size += len(chunk)
                if size > MAX_REPLY:
                    raise EndlessReply
                if self._until is not None and time.monotonic() > self._until:
                    raise httpx.ReadTimeout("the reply took too long")
                yield chunk

        def close(self) -> None:
            self._stream.close()

    def bound(response: httpx.Response) -> None:
        stream = response.stream
        assert isinstance(stream, httpx.SyncByteStream)
        response.stream = Bounded(stream, response.request.extensions.get("timeout", {}).get("read"))

    limits = httpx.Limits(max_connections=1000, max_keepalive_connections=100)
    return httpx.Client(event_hooks={"response": [bound]}, limits=limits, follow_redirects=True, timeout=600.0)


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
