"""Tool rewards: calls that work, that find something, and that do not waste the budget."""

from __future__ import annotations

from collections.abc import Callable

from ...agent.tool_formats.uncited import SEARCHES
from ...memory import Box, Span
from ..data.task import Task
from ..rollouts.rollout import Made, Rollout, places
from . import extraction
from .answers import is_right, meets
from .regions import area, box_iou
from .reward import Reward, simple_reward
from .spans import iou

Gate = Callable[[Rollout], bool]
LOOKS_IN_SPACE = frozenset({"crop"})


def spans_of(made: Made, rollout: Rollout) -> list[Span]:
    """The place that a call looked at, first of all those it names; none for a search or a call that failed."""
    if not made.valid or made.result is None or made.name in SEARCHES:
        return []
    return [p.span for p in places(made.result)[:1] if p.span and extraction.concerns(rollout, p)]


def wants_a_look(task: Task) -> bool:
    """Return whether the truth has a place, and needs more than a search (gym tasks say so in `meta.needs`)."""
    needs = task.meta.get("needs")
    return bool(task.truth.spans) and (needs is None or not SEARCHES.issuperset(needs))


def gains_evidence(rollout: Rollout) -> bool:
    """Return whether some call of the model looked at the truth: mostly inside a true span, or a tIoU of 0.3."""
    true = rollout.task.truth.spans
    return any(meets(span, true) for made in rollout.calls for span in spans_of(made, rollout))


def earned(rollout: Rollout) -> bool:
    """The gate of tool rewards: the answer is right, or evidence was gained."""
    return is_right(rollout) or gains_evidence(rollout)


def validity(gate: Gate | None = earned) -> Reward:
    """Share of the calls that worked and brought something new; 0 without calls, or where `gate` is shut."""

    def score(rollout: Rollout) -> float:
        calls = rollout.calls
        if not calls or (gate is not None and not gate(rollout)):
            return 0.0
        return len(rollout.distinct) / len(calls)

    return Reward(name="validity", score=score)


def gain(gate: Gate | None = None) -> Reward:
    """TIoU of the best single look with the truth: what was looked at, not what was claimed."""

    def score(rollout: Rollout) -> float:
        if gate is not None and not gate(rollout):
            return 0.0
        true = rollout.task.truth.spans
        return max((iou([s], true) for made in rollout.calls for s in spans_of(made, rollout)), default=0.0)

    return Reward(name="gain", score=score)


def tool_bonus(*, gated: bool = True, each: float = 0.5, most: int = 2) -> Reward:
    """VITAL's `0.5 * min(calls, 2)`.

    Gated, only calls that worked and brought something new count, and only if the answer is right or evidence was
    gained. Ungated it is as released: every call that ran, whatever for; two calls of anything earn 1.
    """

    def score(rollout: Rollout) -> float:
        if not gated:
            return each * min(sum(made.valid for made in rollout.calls), most)
        return each * min(len(rollout.distinct), most) if earned(rollout) else 0.0

    return Reward(name="tool" if gated else "tool_ungated", score=score, high=each * most)


def budget(limit: str = "calls", *, most: float | None = None, saved: float = 1.0, repeated: float = 0.5) -> Reward:
    """The survey's budget reward, `saved * 1[right] * (1 - used / budget) - repeated * repeats / calls`.

    Args:
        limit: what is counted: `calls`, `frames`, `tokens` or `seconds` of the answer's spend.
        most: the budget; that of the run unless told otherwise. Without any, nothing is saved and nothing is lost.
        saved: weight of what remains.
        repeated: weight of the share of calls that brought nothing new. Without calls there are no repeats.
    """

    def score(rollout: Rollout) -> float:
        whole = most if most is not None else rollout.answer.budget.get(limit)
        used = float(rollout.answer.spend.get(limit, 0.0))
        share = max(0.0, 1 - used / whole) if whole else 0.0
        calls = rollout.calls
        repeats = rollout.repeats / len(calls) if calls else 0.0
        return saved * is_right(rollout) * share - repeated * repeats

    return Reward(name=f"budget:{limit}", score=score, low=-repeated, high=saved)


def memory_calls(*, free: int = 1, each: float = 0.1, most: float = 1.0) -> Reward:
    """The survey's penalty on memory calls: `-each` for every search beyond the `free` first ones, `-most` at worst."""

    def score(rollout: Rollout) -> float:
        searches = sum(made.name in SEARCHES for made in rollout.calls)
        return -min(each * max(searches - free, 0), most)

    return Reward(name="memory_calls", score=score, low=-most, high=0.0)


@simple_reward("coarse_to_fine")
def coarse_to_fine(rollout: Rollout) -> float:
    """The survey's staged viewing: 1 if looks inside earlier looks led to the truth, else 0.

    Some look at less than half of an earlier one, inside it, must meet a true span that the earlier one does not.
    """
    true, before = rollout.task.truth.spans, list[Span]()
    for span in (s for made in rollout.calls for s in spans_of(made, rollout)):
        inside = [b for b in before if b.overlap(span) >= span.duration and span.duration < b.duration / 2]
        if meets(span, true) and any(not meets(b, true) for b in inside):
            return 1.0
        before.append(span)
    return 0.0


def retrieval_gain(each: float = 0.5) -> Reward:
    """Video-MTR's frame reward, up to `each` in all: how much each look improves on the best tIoU before it, summed.

    The paper pays at most 0.5 for an improvement; its code pays 0.5 for any improvement above 0.001, so that ten tiny
    ones would pay 5. Improvements add up to the best look's tIoU, however many looks it takes.
    """
    best = gain()
    return Reward(name="retrieval", score=lambda rollout: each * best(rollout), high=each)


def turn_format(most: int = 2) -> Reward:
    """Share of `most` turns before the answer with a call that worked and brought something new (Video-MTR has two)."""
    return Reward(name="turns", score=lambda rollout: min(len(rollout.distinct), most) / most)


@simple_reward("last_look")
def last_look(rollout: Rollout) -> float:
    """LongVT: tIoU of the last clip that was looked at with the truth; 0 without one, or if it failed."""
    looks = [made for made in rollout.calls if made.name in ("view_clip", "view_frames")]
    if not looks:
        return 0.0
    return iou(spans_of(looks[-1], rollout), rollout.task.truth.spans)


def crop_iou(smallest: float = 0.0) -> Reward:
    """GUI-Spotlight: mean IoU of the crops with the true box; a crop that failed, or is too small, counts 0.

    Args:
        smallest: share of the picture below which a crop counts 0 (28 pixels a side in the paper).
    """

    def score(rollout: Rollout) -> float:
        crops = [made for made in rollout.calls if made.name in LOOKS_IN_SPACE]
        values = [
            max((box_iou(box, true) for true in rollout.task.truth.boxes), default=0.0) if area(box) > smallest else 0.0
            for made in crops
            for box in _boxes(made)
        ]
        return sum(values) / len(crops) if crops else 0.0

    return Reward(name="crop_iou", score=score)


@simple_reward("extract")
def extract_share(rollout: Rollout) -> float:
    """GUI-Spotlight: share of the extracting calls whose region holds the truth's middle.

    Its `extract` cuts out a quarter of the picture; here crops of at most a quarter count. A larger region holds the
    truth by chance, and is a miss.
    """
    crops = [made for made in rollout.calls if made.name in LOOKS_IN_SPACE]
    good = 0
    for made in crops:
        good += any(
            area(box) <= 0.25
            and box.left <= (true.left + true.right) / 2 <= box.right
            and box.top <= (true.top + true.bottom) / 2 <= box.bottom
            for box in _boxes(made)
            for true in rollout.task.truth.boxes
        )
    return good / len(crops) if crops else 0.0


def _boxes(made: Made) -> list[Box]:
    if not made.valid or made.result is None:
        return []
    return [p.box for p in places(made.result)[:1] if p.box]
