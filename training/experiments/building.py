"""The policy, the loop and the collector of a configuration."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...agent.graph import Loop
from ...agent.models.gguf import find_gguf
from ...agent.models.local_vlm import LocalPolicy
from ...agent.models.policy import policy_of
from ...agent.models.policy_config import PolicyConfig, read_policy_config, saved_policy
from ...agent.models.registry import open_local
from ...agent.models.viewer import ChatViewer
from ...agent.planner import plan_by_rules
from ...agent.prompts import SYSTEM
from ...memory import ClipMemory
from ...memory.encoders.checkpoint import Checkpoint
from ...tools import BUILT_IN, INTERNAL_TOOLS, VLM_TOOLS, Budget, Toolbox
from ..gym import Lesson, clips16
from ..trainers.tiny import save_tiny_qwen
from .config import LoopPart, Lora, Policy
from .reading import ConfigError, unknown
from .rewards import imported

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel

TINY = "tiny"
PRESETS = {"clips16": "rewatch.training.gym.clips16:loop"}
_PRESET_SETTINGS: dict[str, dict[str, Any]] = {"clips16": {"max_tokens": 32, "rows": 64}}
_SETTINGS = ("max_tokens", "max_pixels", "context", "rows")
_WEIGHTS = (".safetensors", ".bin", ".pt", ".pth", ".gguf", ".msgpack", ".h5")
_VISION = r".*(visual|vision_tower|vision_model|vision_encoder).*"


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Where a policy comes from, and how it is to work."""

    name: str
    """Folder or hub name of the whole model."""
    adapter: Path | None
    """Folder of an adapter that an earlier run trained."""
    config: PolicyConfig


def source_of(
    policy: Policy, loop: LoopPart, lessons: Sequence[Lesson], out: Path, seed: int, *, begun: bool = False
) -> Source:
    """The model that a configuration starts from; the tiny one is made in `out`, but for a run that had `begun`.

    Raises:
        ConfigError: if the tiny model is to learn without the tasks that its vocabulary is made of.
    """
    before, name, adapter = PolicyConfig(), policy.model, None
    if policy.model == TINY:
        if loop.preset != "clips16" or not lessons:
            raise ConfigError("policy.model: tiny needs loop.preset clips16 and tasks of the gym, for its vocabulary.")
        name = str(out / "start")
        if not begun or not (out / "start" / "chat_template.jinja").is_file():  # the last file that is written
            with without_bars():
                save_tiny_qwen(name, clips16.corpus(list(lessons)), seed=seed)
    elif (saved := saved_policy(policy.model)) is not None:
        before = read_policy_config(saved)
        name, adapter = (before.base, saved) if before.base else (str(saved), None)
    preset = loop.preset
    settings = {**_PRESET_SETTINGS.get(preset or "", {}), **before.settings}
    settings |= {key: value for key in _SETTINGS if (value := getattr(policy, key)) is not None}
    started = saved_policy(policy.model) is not None and policy.model != TINY
    dialect = policy.dialect or (before.dialect if started else "short" if preset == "clips16" else "hermes")
    system = loop.system or (before.system if started else clips16.SYSTEM if preset == "clips16" else None)
    tools = None if preset else tuple(one.rpartition(":")[2] for one in loop.tools or (t.name for t in BUILT_IN))
    config = PolicyConfig(
        dialect=dialect,
        system=system,
        loop=PRESETS[preset] if preset else None,
        tools=tools,
        route=loop.route,
        settings=settings,
        base=_absolute(name) if adapter or policy.lora else None,
    )
    return Source(name=name, adapter=adapter, config=config)


def _absolute(name: str) -> str:
    return str(Path(name).expanduser().resolve()) if Path(name).expanduser().exists() else name


def load(policy: Policy, source: Source, *, trains_lora: bool) -> LocalPolicy:
    """The policy, ready to be trained.

    Args:
        policy: of the configuration.
        source: of `source_of`.
        trains_lora: whether the adapter is put on here; TRL puts it on itself.

    Raises:
        CapabilityError: if it cannot be loaded here.
    """
    rank = os.environ.get("LOCAL_RANK")
    device = policy.device
    if device is None and rank is not None and _has_gpu():
        device = f"cuda:{rank}"
    given: dict[str, Any] = {"dtype": policy.dtype, "device": device, "attention": policy.attention}
    given |= {"adapter": str(source.adapter) if source.adapter else None, "download": policy.download}
    given = {name: value for name, value in given.items() if value is not None}
    made = open_local(source.name, dialect=source.config.spoken(), **given, **source.config.settings)
    loaded = made.engine.loaded
    if source.adapter:
        loaded.adapter = None  # it stays on; taking it on for each turn, as in use, would switch its gradients off
        if policy.lora:
            raise ConfigError("policy.lora: the model has an adapter already, which is trained on; leave lora out.")
        for name, parameter in loaded.model.named_parameters():
            parameter.requires_grad_("lora_" in name)
    elif policy.lora and trains_lora:
        from peft import get_peft_model

        loaded.model = get_peft_model(loaded.model, lora_config(policy.lora, policy))
        loaded.model.eval()
    if policy.freeze_vision:
        freeze_vision(loaded.model)
    return made


def _has_gpu() -> bool:
    import torch

    return torch.cuda.is_available()


def lora_config(lora: Lora, policy: Policy) -> Any:
    """Peft's configuration."""
    from peft import LoraConfig

    return LoraConfig(
        r=lora.r,
        lora_alpha=lora.alpha,
        lora_dropout=lora.dropout,
        target_modules=list(lora.targets),
        exclude_modules=_VISION if policy.freeze_vision else None,
    )


def freeze_vision(model: Any) -> int:
    """Keep the vision tower as it is; gives how many of its parameters that are.

    Raises:
        ConfigError: if the model has no tower that is known by its name.
    """
    import re

    found = [(name, p) for name, p in model.named_parameters() if re.fullmatch(_VISION, name)]
    if not found:
        raise ConfigError("policy.freeze_vision: no vision tower is found in this model by its name; set it to false.")
    for _, parameter in found:
        parameter.requires_grad_(False)
    return sum(parameter.numel() for _, parameter in found)


def loop_of(part: LoopPart, memory: ClipMemory, policy: BaseChatModel, config: PolicyConfig) -> Loop:
    """The loop that the policy works in, in training as in use."""
    if part.preset is not None:
        if part.tools is not None:
            raise ConfigError("loop.tools: the preset clips16 has its own two; leave tools out.")
        made = config.own_loop(memory, policy)
        assert made is not None
        return made
    offered: list[Any] = list(BUILT_IN)
    if part.tools is not None:
        named = {tool.name: tool for tool in (*BUILT_IN, *VLM_TOOLS)}
        offered = []
        for name in part.tools:
            if ":" not in name and name not in named:
                raise ConfigError(f"loop.tools: {name} {unknown(name, named)}")
            offered.append(imported(name, "loop.tools") if ":" in name else named[name])
    system = config.spoken().system or SYSTEM
    viewer = ChatViewer(policy) if policy_of(policy).sees else None
    toolbox = Toolbox(offered, inner=INTERNAL_TOOLS, viewer=viewer)
    return Loop(memory=memory, policy=policy, planner=plan_by_rules, toolbox=toolbox, system=system)


def budget_of(part: LoopPart) -> Budget:
    """Limits of one run."""
    return Budget(**asdict(part.budget))


def save_policy(policy: LocalPolicy, source: Source, folder: Path) -> Path:
    """Weights and all that `load_policy` needs, in a fresh folder; of an adapter the adapter alone."""
    if folder.exists():
        shutil.rmtree(folder)
    folder.mkdir(parents=True)
    with without_bars():
        policy.engine.loaded.model.save_pretrained(folder)
    return complete(source, folder, policy)


@contextmanager
def without_bars() -> Iterator[None]:
    """Keep transformers from drawing its own progress into ours."""
    from transformers.utils import logging

    shown = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        if shown:
            logging.enable_progress_bar()


def complete(source: Source, folder: Path, policy: LocalPolicy) -> Path:
    """Put beside saved weights what is not weights: tokenizer, pictures, template, and how the policy works."""
    if source.config.base is None and find_gguf(source.name) is not None:
        policy.engine.loaded.tokenizer.save_pretrained(folder)
    elif source.config.base is None:
        for file in Checkpoint.find(source.name, kind="Policy").folder.iterdir():
            known = file.name.endswith(".index.json") or file.suffix in _WEIGHTS or (folder / file.name).exists()
            if file.is_file() and not known:
                shutil.copyfile(file, folder / file.name)
    source.config.save(folder)
    return folder
