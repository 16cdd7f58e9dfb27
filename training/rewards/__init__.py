"""Rewards: what a run is worth, by checks that can be verified. Each is a pure function of a rollout or a group."""

from .answers import (
    exact_option,
    is_right,
    multi_select,
    numeric,
    regression,
    right,
    task_reward,
    text_reward,
    words_reward,
)
from .captions import caption_reward, dual_caption, thought_reward
from .evidence import audio_consistency, faithful, hit, quotes, verified
from .format import format_reward
from .groups import agreement, curiosity, look_penalty, temporal_order
from .mixing import Mix
from .presets import PRESETS, load_preset
from .regions import box_reward, point_in_box, track_reward
from .reward import GroupReward, Reward, scale, scaled
from .spans import temporal, time_r1, tiou
from .tools import (
    budget,
    coarse_to_fine,
    crop_iou,
    earned,
    extract_share,
    gain,
    gains_evidence,
    last_look,
    memory_calls,
    retrieval_gain,
    tool_bonus,
    turn_format,
    validity,
)

__all__ = [
    "PRESETS",
    "GroupReward",
    "Mix",
    "Reward",
    "agreement",
    "audio_consistency",
    "box_reward",
    "budget",
    "caption_reward",
    "coarse_to_fine",
    "crop_iou",
    "curiosity",
    "dual_caption",
    "earned",
    "exact_option",
    "extract_share",
    "faithful",
    "format_reward",
    "gain",
    "gains_evidence",
    "hit",
    "is_right",
    "last_look",
    "load_preset",
    "look_penalty",
    "memory_calls",
    "multi_select",
    "numeric",
    "point_in_box",
    "quotes",
    "regression",
    "retrieval_gain",
    "right",
    "text_reward",
    "scale",
    "scaled",
    "task_reward",
    "temporal",
    "temporal_order",
    "thought_reward",
    "time_r1",
    "tiou",
    "tool_bonus",
    "track_reward",
    "turn_format",
    "validity",
    "verified",
    "words_reward",
]
