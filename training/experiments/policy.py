"""The policy that a configuration names, and the loop that it works in: opened, and saved with all that it needs."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from ...agent.graph import Loop
from ...agent.models.gguf import find_gguf
from ...agent.models.local_vlm import LocalPolicy
from ...agent.models.policy import policy_of
from ...agent.models.policy_config import PolicyConfig, PolicySettings, read_policy_config, saved_policy
from ...agent.models.registry import open_local
from ...agent.models.viewer import ChatViewer
from ...agent.planning.planner import plan_by_rules
from ...agent.prompts import SYSTEM
from ...agent.small_loop import SYSTEM as SMALL_SYSTEM
from ...agent.small_loop import own_loop
from ...memory import ClipMemory
from ...memory.checkpoints import Checkpoint
from ...tools import BUILT_IN, INTERNAL_TOOLS, VLM_TOOLS, Toolbox
from ..data.validation import unknown
from ..gym import Environment, clips16
from ..trainers.tiny import save_tiny_qwen
from ..trainers.trl_fit import without_bars
from .config import ConfigError, LoopPart, Policy
from .rewards import imported

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel

TINY = "tiny"
_SMALL_SETTINGS = {"max_tokens": 32, "rows": 64}
"""Of the preset clips16: its longest message is a call of 20 tokens, and 64 turns fit into one batch on a CPU."""
_SETTINGS = ("max_tokens", "max_pixels", "context", "rows")
_WEIGHTS = (".safetensors", ".bin", ".pt", ".pth", ".gguf", ".msgpack", ".h5")
_VISION = r".*(visual|vision_tower|vision_model|vision_encoder).*"


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """The model that training starts from, and how it is to work."""

    name: str
    """Folder or hub name of the whole model."""
    adapter: Path | None
    """Folder of an adapter that an earlier run trained."""
    config: PolicyConfig


def source_of(
    policy: Policy, loop: LoopPart, environments: Sequence[Environment], out: Path, seed: int, *, begun: bool = False
) -> Source:
    """Find the model that a configuration starts from; make the tiny one in `out`, but for a run that had `begun`.

    Raises:
        ConfigError: if the tiny model is to learn without the tasks that its vocabulary is made of.
    """
    before, name, adapter = PolicyConfig(), policy.model, None
    small, saved = loop.preset == "clips16", None if policy.model == TINY else saved_policy(policy.model)
    if policy.model == TINY:
        if not small or not environments:
            raise ConfigError("policy.model: tiny needs loop.preset clips16 and tasks of the gym, for its vocabulary.")
        name = str(out / "start")
        if not begun or not (out / "start" / "chat_template.jinja").is_file():  # the last file that is written
            with without_bars():
                save_tiny_qwen(name, clips16.corpus(list(environments)), seed=seed)
    elif saved is not None:
        before = read_policy_config(saved)
        name, adapter = (before.base, saved) if before.base else (str(saved), None)
    own = {key: value for key in _SETTINGS if (value := getattr(policy, key)) is not None}
    tools = None if small else tuple(one.rpartition(":")[2] for one in loop.tools or (t.name for t in BUILT_IN))
    settings = {**(_SMALL_SETTINGS if small else {}), **before.settings, **own}
    config = PolicyConfig(
        dialect=policy.dialect or (before.dialect if saved else "short" if small else "hermes"),
        system=loop.system or (before.system if saved else SMALL_SYSTEM if small else None),
        loop=loop.preset,
        tools=tools,
        route=loop.route,
        settings=cast(PolicySettings, settings),
        base=_absolute(name) if adapter or policy.lora else None,
    )
    return Source(name=name, adapter=adapter, config=config)


def _absolute(name: str) -> str:
    return str(Path(name).expanduser().resolve()) if Path(name).expanduser().exists() else name


def load(policy: Policy, source: Source, *, trains_lora: bool) -> LocalPolicy:
    """Load the policy, ready to be trained.

    Args:
        policy: of the configuration.
        source: of `source_of`.
        trains_lora: whether the adapter is put on here; TRL puts it on itself.

    Raises:
        CapabilityError: if it cannot be loaded here.
    """
    import torch

    rank = os.environ.get("LOCAL_RANK")
    device = policy.device or (f"cuda:{rank}" if rank is not None and torch.cuda.is_available() else None)
    options: dict[str, Any] = {"dtype": policy.dtype, "device": device, "attention": policy.attention}
    options |= {"adapter": str(source.adapter) if source.adapter else None, "download": policy.download}
    options = {name: value for name, value in options.items() if value is not None}
    made = open_local(source.name, dialect=source.config.spoken(), **options, **source.config.settings)
    loaded = made.engine.loaded
    if source.adapter:
        loaded.adapter = None  # it stays on; taking it on for each turn, as in use, would switch its gradients off
        if policy.lora:
            raise ConfigError("policy.lora: the model has an adapter already, which is trained on; leave lora out.")
        for name, parameter in loaded.model.named_parameters():
            parameter.requires_grad_("lora_" in name)
    elif policy.lora and trains_lora:
        from peft import get_peft_model

        loaded.model = get_peft_model(loaded.model, peft_config(policy))
        loaded.model.eval()
    if policy.freeze_vision:
        freeze_vision(loaded.model)
    return made


def peft_config(policy: Policy) -> Any:
    """The configuration of peft; None where no adapter is trained."""
    if policy.lora is None:
        return None
    from peft import LoraConfig

    return LoraConfig(
        r=policy.lora.r,
        lora_alpha=policy.lora.alpha,
        lora_dropout=policy.lora.dropout,
        target_modules=list(policy.lora.targets),
        exclude_modules=_VISION if policy.freeze_vision else None,
    )


def freeze_vision(model: Any) -> None:
    """Keep the vision tower as it is.

    Raises:
        ConfigError: if the model has no tower that is known by its name.
    """
    parameters = [parameter for name, parameter in model.named_parameters() if re.fullmatch(_VISION, name)]
    if not parameters:
        raise ConfigError("policy.freeze_vision: no vision tower is found in this model by its name; set it to false.")
    for parameter in parameters:
        parameter.requires_grad_(False)


def loop_of(part: LoopPart, memory: ClipMemory, policy: BaseChatModel, config: PolicyConfig) -> Loop:
    """The loop that the policy works in, in training as in use."""
    if part.preset is not None:
        if part.tools is not None:
            raise ConfigError("loop.tools: the preset clips16 has its own two; leave tools out.")
        made = own_loop(config, memory, policy)
        assert made is not None
        return made
    tools: list[Any] = list(BUILT_IN)
    if part.tools is not None:
        named = {tool.name: tool for tool in (*BUILT_IN, *VLM_TOOLS)}
        tools = []
        for name in part.tools:
            if ":" not in name and name not in named:
                raise ConfigError(f"loop.tools: {name} {unknown(name, named)}")
            tools.append(imported(name, "loop.tools") if ":" in name else named[name])
    toolbox = Toolbox(tools, inner=INTERNAL_TOOLS, viewer=ChatViewer(policy) if policy_of(policy).sees else None)
    system = config.spoken().system or SYSTEM
    return Loop(memory=memory, policy=policy, planner=plan_by_rules, toolbox=toolbox, system=system)


def save_policy(policy: LocalPolicy, source: Source, folder: Path) -> Path:
    """Save weights and all that `load_policy` needs in a fresh folder; of an adapter the adapter alone."""
    if folder.exists():
        shutil.rmtree(folder)
    folder.mkdir(parents=True)
    with without_bars():
        policy.engine.loaded.model.save_pretrained(folder)
    return complete(source, folder, policy)


def complete(source: Source, folder: Path, policy: LocalPolicy) -> Path:
    """Put beside saved weights what is not weights: tokenizer, pictures, template, and how the policy works."""
    if source.config.base is None and find_gguf(source.name) is not None:
        policy.engine.loaded.tokenizer.save_pretrained(folder)
    elif source.config.base is None:
        for file in Checkpoint.find(source.name, kind="Policy").folder.iterdir():
            is_saved = file.name.endswith(".index.json") or file.suffix in _WEIGHTS or (folder / file.name).exists()
            if file.is_file() and not is_saved:
                shutil.copyfile(file, folder / file.name)
    source.config.save(folder)
    return folder
