"""Rewards and objectives by the names that configurations use."""

from __future__ import annotations

import importlib
import inspect
import os
import sys
from collections.abc import Callable, Mapping
from typing import Any

from ...memory.registry import Registry
from .. import rewards
from ..data.validation import unknown
from ..objectives import OBJECTIVES, Objective
from ..rewards import GroupReward, Mix, Reward, load_preset
from .config import ConfigError, Rewards

_NAMES = (
    "agreement audio_consistency box_reward budget caption_reward coarse_to_fine crop_iou curiosity dual_caption "
    "exact_option extract_share faithful format_reward gain hit last_look look_penalty memory_calls multi_select "
    "numeric point_in_box quotes regression retrieval_gain right task_reward temporal thought_reward time_r1 tiou "
    "tool_bonus track_reward turn_format validity verified"
)
REWARDS: Registry[Callable[..., Reward | GroupReward]] = Registry(
    "reward", {name: getattr(rewards, name) for name in _NAMES.split()}
)
"""Makers of rewards by the names that configurations use; the parameters of a maker are the reward's options."""


def mix_of(part: Rewards) -> Mix:
    """The reward of a configuration; that of right answers where it says nothing.

    Raises:
        ConfigError: naming the component or option that is wrong.
        CapabilityError: if there is no such preset.
    """
    if part.preset and part.components:
        raise ConfigError("rewards: give a preset or components, not both.")
    if part.preset:
        return load_preset(part.preset, **part.options)
    if not part.components:
        return Mix({"answer": (rewards.task_reward(), 1.0)}, name="answer")
    parts = {
        name: (_reward(one.reward, one.options, f"rewards.components.{name}"), one.weight)
        for name, one in part.components.items()
    }
    gates = {name: one.gate for name, one in part.components.items() if one.gate is not None}
    warm = {name: one.temperature for name, one in part.components.items() if one.temperature is not None}
    try:
        return Mix(parts, gates=gates, normalise=part.normalise, temperatures=warm, name=" + ".join(parts))
    except ValueError as error:
        raise ConfigError(f"rewards: {error}") from None


def _reward(name: str, options: Mapping[str, Any], key: str) -> Reward | GroupReward:
    make = imported(name, f"{key}.reward") if ":" in name else REWARDS.get(name)
    if make is None:
        raise ConfigError(f"{key}.reward: {name} {unknown(name, REWARDS)}")
    parameters = list(inspect.signature(make).parameters)
    for option in options:
        if option not in parameters:
            raise ConfigError(f"{key}.options: {option} {unknown(option, parameters)}")
    try:
        made = make(**options)
    except (TypeError, ValueError) as error:
        raise ConfigError(f"{key}: {error}") from None
    if not isinstance(made, (Reward, GroupReward)):
        raise ConfigError(f"{key}.reward: {name} gives no Reward; return rewatch.training.rewards.Reward(name, score).")
    return made


def objective_of(name: str) -> Objective:
    """Return the objective of a configuration: one of `OBJECTIVES`, or `module:name` of one of your own.

    Raises:
        ConfigError: if there is none of that name.
    """
    if ":" not in name and name not in OBJECTIVES:
        raise ConfigError(f"objective: {name} {unknown(name, OBJECTIVES)}")
    made = imported(name, "objective") if ":" in name else OBJECTIVES[name]
    if not isinstance(made, Objective):
        raise ConfigError(f"objective: {name} is no rewatch.training.objectives.Objective.")
    return made


def imported(name: str, key: str) -> Any:
    """Import `module:name`, also of a module in the current folder.

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
