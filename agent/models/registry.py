"""The chat models that drive the loop, by name."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from langchain_core.language_models import BaseChatModel

from ...memory import CapabilityError
from ...memory.registry import did_you_mean
from .heuristic import HeuristicPolicy
from .policy_config import PolicyConfig, read_policy_config, saved_policy

if TYPE_CHECKING:
    from .local_vlm import LocalPolicy

_PROVIDER = re.compile(r"[a-z][a-z0-9_]+:[^\\]")
"""`openai:gpt-x`; a drive letter is no provider."""
_SECRET = ("api_key", "key", "token", "password")


def load_policy(policy: str | BaseChatModel, **options: Any) -> BaseChatModel:
    """A chat model by name; one that is given as such is returned as it is.

    Names are `heuristic`; a folder or hub id of a Video-LMM (`Qwen/Qwen3-VL-4B-Instruct`) or of a language model,
    which reads only; a language model's `.gguf` file; a run folder of `rewatch train`, whose policy speaks and works
    as it was trained to; the address of an OpenAI-compatible server (`http://host:8000/v1`, or
    `http://host:8000/v1#model`); and `provider:model` as LangChain's `init_chat_model` takes it (`openai:gpt-x`).

    Args:
        policy: the name, with options behind a `?` if need be: `Qwen/Qwen3-VL-4B-Instruct?load=4bit&dialect=vital`.
        options: the same as keyword arguments; these win. `VideoLMM.load`, `LocalLM.load` and `ServedPolicy.open`
            say which there are.

    Raises:
        CapabilityError: if it is not to be had here, or has no such option.
    """
    if isinstance(policy, BaseChatModel):
        if options:
            raise CapabilityError(f"A chat model that is given as such takes no options ({', '.join(options)}).")
        return policy
    name, written = split_name(policy)
    options = {**written, **options}
    if name == "heuristic":
        if options:
            raise CapabilityError(f"The policy heuristic has no options ({', '.join(options)}); leave them out.")
        return HeuristicPolicy()
    if name.startswith(("http://", "https://")) or (_PROVIDER.match(name) and not Path(name).exists()):
        from .served.openai_compatible import ServedPolicy

        return ServedPolicy.open(name, **options)
    if not (Path(name).is_dir() or name.lower().endswith(".gguf") or re.fullmatch(r"[\w.-]+/[\w.-]+", name)):
        near = did_you_mean(["heuristic"], name)
        raise CapabilityError(
            f"There is no policy {name!r} here; use heuristic, the folder or hub id of a Video-LMM or "
            f"a language model, its .gguf file, http://host:port/v1 of a server, or provider:model.{near}"
        )
    saved = saved_policy(name)
    return open_local(name, **options) if saved is None else open_trained(saved, **options)


def open_local(name: str, **options: Any) -> LocalPolicy:
    """Open a model on this disk: a Video-LMM or a language model, by what its configuration says.

    Args:
        name: folder, hub name or `.gguf` file, as `VideoLMM.load` or `LocalLM.load` take it.
        options: those of the class that it turns out to be.

    Raises:
        CapabilityError: if it cannot be loaded here, or has no such option.
    """
    from .gguf import find_gguf
    from .local_lm import LocalLM
    from .local_vlm import VideoLMM
    from .local_vlm.load import LoadOptions, config_of, takes_pictures

    if find_gguf(name, options.get("file")) is not None:
        return LocalLM.load(name, **options)
    flags = {key: options[key] for key in ("download", "trust_remote_code") if key in options}
    finding = LoadOptions(**flags)
    checkpoint = finding.checkpoint(name)
    config = config_of(checkpoint.name, str(checkpoint.folder), bool(finding.trust_remote_code))
    return (VideoLMM if takes_pictures(config) else LocalLM).load(name, **options)


def open_trained(folder: Path, **options: Any) -> LocalPolicy:
    """Open the policy of a folder that `saved_policy` found, which knows how it was trained to work.

    Args:
        folder: weights, or an adapter, with `rewatch.json`.
        options: those of its class, which win over those of the training; `base` says where the model of an adapter
            lies now.

    Raises:
        CapabilityError: if it cannot be loaded here.
    """
    config = read_policy_config(folder)
    base = options.pop("base", config.base)
    dialect = options.pop("dialect", None) or config.spoken()
    options = {**config.settings, **options, "dialect": dialect}
    if base is None:
        return open_local(str(folder), **options).trained(config)
    try:
        return open_local(str(base), **{**options, "adapter": str(folder)}).trained(config)
    except CapabilityError as error:
        if saved_policy(base) or "Adapter" in str(error):
            raise
        raise CapabilityError(
            f"{folder} is an adapter of {base}, which cannot be loaded ({error}); give its place: {folder}?base=FOLDER"
        ) from None


def split_name(policy: str) -> tuple[str, dict[str, str]]:
    """A name and the options behind its `?`.

    Of an address the options may stand before or behind the model: `http://host/v1?sees=false#model`.

    Raises:
        CapabilityError: if a key is among them: names end up in traces and in the history of shells.
    """
    if "?" not in policy or Path(policy).exists():
        return policy, {}
    head, _, query = policy.partition("?")
    query, mark, model = query.partition("#")
    options: dict[str, str] = {}
    for pair in query.split("&"):
        key, equals, value = pair.partition("=")
        if key in _SECRET:
            raise CapabilityError("A policy's name must not hold a key; name the variable that does: api_key_env.")
        if not key or not equals:
            raise CapabilityError(f"{head}: behind the ? stand options as name=value&name=value, not {pair!r}.")
        options[key] = value
    return head + mark + model, options


__all__ = ["HeuristicPolicy", "PolicyConfig", "load_policy", "split_name"]
