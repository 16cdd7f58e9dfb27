"""Rewards by the names that configurations use."""

from __future__ import annotations

import importlib
import inspect
import os
import sys
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from .. import rewards
from ..rewards import GroupReward, Mix, Reward, load_preset
from .config import Rewards
from .reading import ConfigError, unknown

_MADE_BY = (
    rewards.agreement,
    rewards.audio_consistency,
    rewards.box_reward,
    rewards.budget,
    rewards.caption_reward,
    rewards.coarse_to_fine,
    rewards.crop_iou,
    rewards.curiosity,
    rewards.dual_caption,
    rewards.exact_option,
    rewards.extract_share,
    rewards.faithful,
    rewards.format_reward,
    rewards.gain,
    rewards.hit,
    rewards.last_look,
    rewards.look_penalty,
    rewards.memory_calls,
    rewards.multi_select,
    rewards.numeric,
    rewards.point_in_box,
    rewards.quotes,
    rewards.regression,
    rewards.retrieval_gain,
    rewards.right,
    rewards.task_reward,
    rewards.temporal,
    rewards.thought_reward,
    rewards.time_r1,
    rewards.tiou,
    rewards.tool_bonus,
    rewards.track_reward,
    rewards.turn_format,
    rewards.validity,
    rewards.verified,
)
REWARDS: Mapping[str, Callable[..., Reward | GroupReward]] = MappingProxyType({f.__name__: f for f in _MADE_BY})
"""What makes each reward, by the name that a configuration gives it; its parameters are the reward's options."""


def mix_of(asked: Rewards) -> Mix:
    """The reward of a configuration; that of right answers where it says nothing.

    Raises:
        ConfigError: naming the component or option that is wrong.
        CapabilityError: if there is no such preset.
    """
    if asked.preset and asked.components:
        raise ConfigError("rewards: give a preset or components, not both.")
    if asked.preset:
        return load_preset(asked.preset, **asked.options)
    if not asked.components:
        return Mix({"answer": (rewards.task_reward(), 1.0)}, name="answer")
    parts = {
        name: (_reward(one.reward, one.options, f"rewards.components.{name}"), one.weight)
        for name, one in asked.components.items()
    }
    gates = {name: one.gate for name, one in asked.components.items() if one.gate is not None}
    warm = {name: one.temperature for name, one in asked.components.items() if one.temperature is not None}
    try:
        return Mix(parts, gates=gates, normalise=asked.normalise, temperatures=warm, name=" + ".join(parts))
    except ValueError as error:
        raise ConfigError(f"rewards: {error}") from None


def _reward(name: str, options: Mapping[str, Any], key: str) -> Reward | GroupReward:
    make = imported(name, f"{key}.reward") if ":" in name else REWARDS.get(name)
    if make is None:
        raise ConfigError(f"{key}.reward: {name} {unknown(name, REWARDS)}")
    known = [p for p in inspect.signature(make).parameters]
    for option in options:
        if option not in known:
            raise ConfigError(f"{key}.options: {option} {unknown(option, known)}")
    try:
        made = make(**options)
    except (TypeError, ValueError) as error:
        raise ConfigError(f"{key}: {error}") from None
    if not isinstance(made, (Reward, GroupReward)):
        raise ConfigError(f"{key}.reward: {name} gives no Reward; return rewatch.training.rewards.Reward(name, score).")
    return made


def imported(name: str, key: str) -> Any:
    """What `module:name` is, also of a module in the current folder.

    Raises:
        ConfigError: if there is no such thing.
    """
    module, _, attribute = name.partition(":")
    sys.path.append(os.getcwd())  # last: nothing there stands in for an installed module
    try:
        return getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError) as error:
        raise ConfigError(f"{key}: {name} cannot be imported ({error}); write module:name.") from None
    finally:
        sys.path.pop()
