"""The rewards of published systems, by name, on their published scales and without their published bugs.

Sources are the papers and released code as read for `rl.md`; each docstring says which bug was left out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal

from ...memory import CapabilityError
from ...memory.registry import UnknownNameError, unknown_name
from ..rollouts.rollout import Rollout
from . import groups, tools
from .answers import exact_option, is_right, task_reward, text_reward
from .format import format_reward
from .mixing import Mix
from .regions import point_in_box
from .reward import Reward, product, scale
from .spans import tiou
from .text import rouge

VITAL_SCALES = {"vidchapter": (0.0, 0.5)}
"""Between which tIoU VITAL's grounding rewards rise from 0 to 1, by a part of the task's source."""
VITAL_SCALE = (0.2, 0.8)
"""For every other source: Charades, ActivityNet, NExT-GQA, ReXTime."""
LONGEST_THOUGHT = (320, 512)
"""Tokens between which Video-R1 pays for the length of a reply."""


def vital(
    *, gated: bool = True, dialect: str = "vital", scales: Mapping[str, tuple[float, float]] | None = None
) -> Mix:
    """VITAL (arXiv 2508.04416, code 7e485867): `format + 0.5 * min(calls, 2) + task`, each up to 1, 3 in all.

    The task's reward: options exact; numbers 1 or 0.5; words the mean of ROUGE-1, -2 and -L; read text 1 - WER; spans
    `clamp((tIoU - a) / (b - a), 0, 1)` with a, b by data set; grounded questions half span, half answer.

    Left out: the grounded rewards return the span alone, so that the answer is lost (there the sum was meant, up to 2;
    here the mean keeps the task at 1); times are read from the whole response, thoughts included; the first `<answer>`
    counts; the repetition check returns at once; text before the first and behind the last tag passes as format.

    Args:
        gated: pay only for calls that worked and were new, where the answer is right or evidence was gained. False is
            as published: it pays for calls of anything, and is there to show what comes of it.
        dialect: of the format.
        scales: (a, b) by a part of the task's source; `VITAL_SCALES` unless told otherwise.
    """
    by_source = VITAL_SCALES if scales is None else dict(scales)
    span = tiou()

    def spans(rollout: Rollout) -> float:
        source = rollout.task.source.lower()
        low, high = next((pair for part, pair in by_source.items() if part.lower() in source), VITAL_SCALE)
        return scale(span(rollout), low, high)

    return Mix(
        {
            "format": (format_reward(dialect), 1.0),
            "tool": (tools.tool_bonus(gated=gated), 1.0),
            "task": (task_reward(rouge, spans=spans), 1.0),
        },
        name="vital",
    )


def ego_r1(*, dialect: str = "ego_r1") -> Mix:
    """Ego-R1 (arXiv 2506.13654, code 69177ee): 1 for the right letter, else 0.1 for the right format.

    Left out: the released format check is given the prompt with the response and therefore always fails.
    Tasks without options go by their own reward, and earn the format's 0.1 where that is 0.
    """
    answer = _letter_or_task()
    return Mix(
        {"answer": (answer, 1.0), "format": (format_reward(dialect), 0.1)},
        gates={"format": lambda rollout: float(answer(rollout) == 0)},
        name="ego_r1",
    )


def video_mtr(*, dialect: str = "hermes") -> Mix:
    """Video-MTR (paper): `1[answer > 0] * sum over turns k < K of (R_frame_k + R_format_k) + R_answer + R_format_K`.

    R_frame is up to 0.5 for looks that come nearer to the truth, R_format 0.1 a turn, for at most two turns before the
    answer. Left out: the code's frame reward is not gated, is 0.5 for an improvement of any size, and there the format
    is 0.5.
    """
    answer = _letter_or_task()
    return Mix(
        {
            "answer": (answer, 1.0),
            "retrieval": (tools.retrieval_gain(0.5), 1.0),
            "turns": (tools.turn_format(2), 0.2),
            "format": (format_reward(dialect), 0.1),
        },
        gates={"retrieval": "answer", "turns": "answer"},
        name="video_mtr",
    )


def pixel_reasoner(*, form: Literal["paper", "code"] = "paper") -> Mix:
    """Pixel-Reasoner (arXiv 2505.15966): `answer + 0.5 * max(0.3 - RaPR, 0) * 1[looks] + 0.05 * min(1 - n, 0)`.

    RaPR is the share of the group's runs that look at pixels, n the looks of this one. The code has
    `max(0.3 - RaPR, 0) / 1.5 / RaPR * 0.25` for the bonus, and nothing for a right answer whose last look failed.
    Left out: the code takes that mark from the first group of the batch, whatever the group; failed calls count as
    looking.
    """
    answer = _letter_or_task()
    whole = Reward(name="answer", score=lambda r: 0.0 if groups.last_look_failed(r) else answer(r))
    return Mix(
        {
            "answer": (whole if form == "code" else answer, 1.0),
            "curiosity": (groups.curiosity(form), 1.0),
            "look_penalty": (groups.look_penalty(form), 1.0),
        },
        name="pixel_reasoner",
    )


def vitl() -> Mix:
    """ViTL (arXiv 2510.04022): span times answer, so that neither is paid without the other.

    The paper names both rewards; how they are combined was not found, and the product is this project's reading. Tasks
    that have only one of the two go by that one.
    """
    both = product("span_times_answer", tiou(), text_reward())
    whole = task_reward()
    score = Reward(name="task", score=lambda r: (both if r.task.kind == "grounded_qa" else whole)(r))
    return Mix({"task": (score, 1.0)}, name="vitl")


def gui_spotlight(*, color: Reward | None = None, dialect: str = "hermes") -> Mix:
    """GUI-Spotlight (code): `0.3 * point + 0.3 * crop IoU + 0.03 * extract + 0.27 * find color + 0.1 * format`.

    The point is the middle of the claimed box, and must lie in a true one; the crop IoU is the mean of all crops.

    Crops that failed, or have less than 28 pixels of a 1000 pixel side, count 0. `extract` goes by
    the crops of at most a quarter of the picture.
    Nothing here finds colours: without `color`, 0.73 is the most.
    """
    parts: dict[str, tuple[Reward, float]] = {
        "point": (point_in_box(), 0.3),
        "crop": (tools.crop_iou(0.028**2), 0.3),
        "extract": (tools.extract_share(), 0.03),
        "format": (format_reward(dialect), 0.1),
    }
    if color is not None:
        parts["colour"] = (color, 0.27)
    return Mix(parts, name="gui_spotlight")


def longvt(*, gated: bool = False, dialect: str = "longvt") -> Mix:
    """LongVT (arXiv 2511.20785, code): `answer (1, 0.5 or 0) + format + tIoU of the last crop with the truth`.

    The published judge is a model that says right, partly right or wrong; here right is `is_right`, and partly right
    half of the task's reward. Answers of 1000 characters and more are wrong, as published. The code's option of recall
    in place of IoU is not offered: the whole video has a recall of 1.

    Args:
        gated: pay for the crop only where the answer earns at least 0.5 (an option of the code).
        dialect: of the format.
    """
    task = task_reward()

    def judged(rollout: Rollout) -> float:
        return 1.0 if is_right(rollout) else 0.5 if task(rollout) >= 0.5 else 0.0

    return Mix(
        {
            "answer": (Reward(name="judged", score=judged), 1.0),
            "format": (format_reward(dialect), 1.0),
            "crop": (tools.last_look(), 1.0),
        },
        gates={"crop": "answer"} if gated else {},
        name="longvt",
    )


def video_r1(*, dialect: str = "vital") -> Mix:
    """Video-R1 (code): `answer + format + 0.3 * order helps + 0.2 * length`, the last two if the answer is above 0.1.

    Order helps if ordered runs answer at least 0.8 times as well as shuffled ones; length is 1 for replies of 320 to
    512 tokens. No bug of its rewards is known (its data loader puts one fixed sample in the place of broken videos;
    here a broken row is reported, see `readers`).
    """
    answer, (low, high) = task_reward(rouge), LONGEST_THOUGHT
    return Mix(
        {
            "answer": (answer, 1.0),
            "format": (format_reward(dialect), 1.0),
            "order": (groups.temporal_order(answer, bonus=1.0), 0.3),
            "length": (Reward(name="length", score=lambda r: float(low <= reply_tokens(r) <= high)), 0.2),
        },
        gates={"length": lambda rollout: answer(rollout) - 0.1},
        name="video_r1",
    )


def reply_tokens(rollout: Rollout) -> int:
    """Tokens that the model wrote: of its record, else of its usage, else words."""
    if rollout.turns:
        return sum(len(turn["sampled"]) for turn in rollout.turns)
    counts = [m.usage_metadata["output_tokens"] for m in rollout.own if m.usage_metadata]
    return sum(counts) if counts else len(rollout.said.split())


def _letter_or_task() -> Reward:
    """The right letter where there are options, and nothing else to be found; the task's own reward elsewhere."""
    option, task = exact_option(), task_reward()
    return Reward(
        name="answer", score=lambda r: (option if r.task.kind == "mcq" and not r.task.truth.absent else task)(r)
    )


PRESETS: dict[str, Callable[..., Mix]] = {
    "vital": vital,
    "ego_r1": ego_r1,
    "video_mtr": video_mtr,
    "pixel_reasoner": pixel_reasoner,
    "vitl": vitl,
    "gui_spotlight": gui_spotlight,
    "longvt": longvt,
    "video_r1": video_r1,
}


def load_preset(name: str, **options: Any) -> Mix:
    """The preset of that name (`-` and `_` and case are one), with its options.

    Raises:
        CapabilityError: if there is none, or it has no such option.
    """
    preset = PRESETS.get(name.lower().replace("-", "_"))
    if preset is None:
        raise UnknownNameError(unknown_name("reward preset", name, PRESETS))
    defaults = preset.__kwdefaults__ or {}
    wrong = sorted(set(options) - set(defaults))
    if wrong:
        raise CapabilityError(
            f"The reward preset {name} has no option {wrong[0]!r}; it has {', '.join(defaults) or 'none'}."
        )
    return preset(**options)
