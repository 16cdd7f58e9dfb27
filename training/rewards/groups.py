"""Rewards that look at a whole group of runs of one task: curiosity, the bonus of ordered frames, agreement."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Literal

from ...agent.text_matching import alphanumeric
from ..rollouts.rollout import Rollout
from . import extraction
from .reward import GroupReward, Reward

LOOKS = frozenset({"view_clip", "view_frames", "crop", "ask_clip", "ask_frames", "caption_clip", "read_text"})


def looks(rollout: Rollout) -> int:
    """Calls of tools that look at pixels, failed and repeated ones included."""
    return sum(made.name in LOOKS for made in rollout.calls)


def curiosity(form: Literal["paper", "code"] = "paper", *, rate: float = 0.3, image: bool = False) -> GroupReward:
    """Pixel-Reasoner's bonus for looking where few of the group look.

    RaPR is the share of the group's runs that look at pixels. Paper: `0.5 * max(0.3 - RaPR, 0)` for a run that looks.
    Code: `max(0.3 - RaPR, 0) / 1.5 / RaPR * 0.25` (2.0 instead of 1.5 for images). A run looks if one of its calls
    worked; in the code a failed call is enough. The code's bonus grows with the group; here it ends at 1.

    Args:
        form: the paper's or the code's.
        rate: from which share of runs on there is no bonus.
        image: the code's divisor for images.
    """

    def score(group: Sequence[Rollout]) -> list[float]:
        able = [any(made.valid and made.name in LOOKS for made in rollout.calls) for rollout in group]
        share = sum(able) / max(len(able), 1)
        lack = max(rate - share, 0.0)
        if form == "paper" or not share:
            bonus = 0.5 * lack
        else:
            bonus = min(lack / (2.0 if image else 1.5) / share * 0.25, 1.0)
        return [bonus if looks_itself else 0.0 for looks_itself in able]

    return GroupReward(name="curiosity", score=score, high=0.5 * rate if form == "paper" else 1.0)


def look_penalty(form: Literal["paper", "code"] = "paper", most: int = 20) -> Reward:
    """Pixel-Reasoner: `0.05 * min(1 - n, 0)` for n looks, both forms alike; from `most` looks on it stays the same.

    The code takes `-0.05 * (n - 1)` for runs that look, which is the same.
    """
    return Reward(
        name="look_penalty",
        score=lambda rollout: -0.05 * min(max(looks(rollout) - 1, 0), most),
        low=-0.05 * most,
        high=0.0,
    )


def is_shuffled(rollout: Rollout) -> bool:
    """Return whether the run saw its frames in a random order (`Rollout.meta["shuffled"]`)."""
    return bool(rollout.meta.get("shuffled"))


def temporal_order(
    answer: Callable[[Rollout], float], *, ratio: float = 0.8, least: float = 0.1, bonus: float = 0.3
) -> GroupReward:
    """Video-R1's T-GRPO: `bonus` for ordered runs with an answer above `least`, if order helps.

    Order helps if the mean answer of the ordered runs is at least `ratio` times that of the shuffled ones. A group
    without shuffled runs tells nothing, and gets no bonus.
    """

    def score(group: Sequence[Rollout]) -> list[float]:
        values = [answer(rollout) for rollout in group]
        shuffled = [value for value, rollout in zip(values, group, strict=True) if is_shuffled(rollout)]
        ordered = [value for value, rollout in zip(values, group, strict=True) if not is_shuffled(rollout)]
        helps = bool(shuffled and ordered) and _mean(ordered) >= ratio * _mean(shuffled)
        return [
            bonus if helps and value > least and not is_shuffled(rollout) else 0.0
            for value, rollout in zip(values, group, strict=True)
        ]

    return GroupReward(name="temporal_order", score=score, high=bonus)


def agreement() -> GroupReward:
    """The survey's multi-path self-consistency: the share of the group's runs that give the same answer.

    To be gated on a right answer: alone it is highest where all runs say the same wrong thing. Runs that abstain, or
    say nothing, agree with nobody.
    """

    def score(group: Sequence[Rollout]) -> list[float]:
        answers = ["".join(sorted(extraction.letters(r))) or alphanumeric(extraction.words(r)) for r in group]
        counts = Counter(answers)
        return [counts[text] / len(group) if text else 0.0 for text in answers]

    return GroupReward(name="agreement", score=score)


def last_look_failed(rollout: Rollout) -> bool:
    """Return whether the run's own last look at pixels did not work (Pixel-Reasoner reads the first group's flags)."""
    made = [made for made in rollout.calls if made.name in LOOKS or not made.name]
    return bool(made) and not made[-1].valid


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)
