"""Properties: whatever a run holds, every reward stays in its range, is a plain number, and is the same again."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rewatch.memory import Box, Span
from rewatch.training.rewards import (
    agreement,
    curiosity,
    load_preset,
    look_penalty,
    task_reward,
    temporal_order,
    tool_bonus,
)
from rewatch.training.rewards.presets import PRESETS
from rewatch.training.rewards.spans import iou, total
from rewatch.training.rewards.text import rouge, token_f1, word_accuracy
from rewatch.training.rollouts.rollout import Rollout

from .runs import Run, task, uri
from .test_gaming import KINDS, SINGLE

TIMES = st.floats(0, 120, allow_nan=False).map(lambda t: round(t, 2))
TEXTS = st.one_of(
    st.sampled_from([good for _, good, _ in KINDS.values()] + [bad for _, _, bad in KINDS.values()]),
    st.text(max_size=60),
    st.from_regex(r"from \d{1,3} to \d{1,3}( and \d{1,3} to \d{1,3})?", fullmatch=True),
    st.sampled_from(
        ["A", "B, C", "-3.5", "1,200", "1e999", "12:99", "<think>", "</answer>", "[9, 9, 9, 9]", "", "N/A"]
    ),
)
NAMES = st.sampled_from(
    ["view_clip", "view_frames", "crop", "search_clips", "transcribe", "read_text", "ask_clip", "browse", "own_tool"]
)
BOXES = st.one_of(st.none(), st.sampled_from([Box(0.2, 0.2, 0.4, 0.4), Box(0, 0, 1, 1), Box(0.9, 0.9, 1, 1)]))
TRACK = ((40.0, Box(0.2, 0.2, 0.4, 0.4)), (41.0, Box(0.3, 0.2, 0.5, 0.4)))
TASKS = st.sampled_from(
    [(made, good) for made, good, _ in KINDS.values()]
    + [
        (task("track", None, track=TRACK), "there"),
        (task(answer="A,B,D"), "A and D"),
        (task(answer=None, absent=True, spans=()), "N/A"),
        (task("temporal", None, spans=(Span(0, 5), Span(90, 100)), meta={"duration": 100}), "[[0, 6], [80, 95]]"),
        (task("spatial", None, boxes=(Box(0.2, 0.2, 0.4, 0.4),)), "[0.2, 0.2, 0.4, 0.5]"),
    ]
)
PLACES = st.one_of(
    st.sampled_from([(40.0, 50.0), (42.0, 46.0), (0.0, 100.0), (45.0, 55.0), (40.0, None), (41.0, None)]),
    st.tuples(TIMES, st.floats(0.01, 50)).map(lambda pair: (pair[0], round(pair[0] + pair[1], 2))),
)
SAID = st.one_of(st.sampled_from(["put the blue cup on the table", "blue cup", "exit only"]), TEXTS)
THOUGHTS = st.sampled_from(["hm", "", "a blue cup on the table", "word " * 400])


@st.composite
def rollouts(draw: st.DrawFn) -> Rollout:
    made, good = draw(TASKS)
    run = Run(made, dialect=draw(st.sampled_from(["vital", "ego_r1", "pixel_reasoner", "longvt"])))
    for _ in range(draw(st.integers(0, 4))):
        start, end = draw(PLACES)
        places = [uri(start, end, draw(BOXES))] if draw(st.integers(0, 3)) else []
        data = {"text": draw(SAID)} if draw(st.booleans()) else None
        failed = draw(st.integers(0, 4)) == 0
        run.call(draw(NAMES), *places, text=draw(SAID), data=data, error=failed, start=start, find=draw(SAID))
    answer, meta = good if draw(st.booleans()) else draw(TEXTS), {"shuffled": draw(st.booleans())}
    if draw(st.booleans()):
        pieces = [
            (uri(*draw(PLACES), draw(BOXES)), draw(st.one_of(st.none(), SAID))) for _ in range(draw(st.integers(0, 3)))
        ]
        rollout = run.cite(answer, *pieces, option=draw(st.sampled_from([None, "A", "B", "x"])), meta=meta)
    else:
        shape = draw(
            st.sampled_from(["<think>{}</think> <answer>{}</answer>", "{}{}", "{}\\boxed{{{}}}", "<answer>{}{}"])
        )
        rollout = run.end(shape.format(draw(THOUGHTS), answer), meta=meta)
    looked = tuple(replace(e, verified=draw(st.one_of(st.none(), st.floats(0, 1)))) for e in rollout.answer.evidence)
    return replace(rollout, answer=replace(rollout.answer, evidence=looked))


def inside(value: float, low: float, high: float, name: str) -> None:
    assert isinstance(value, float) and math.isfinite(value), name
    assert low - 1e-9 <= value <= high + 1e-9, (name, value)


PAID: set[str] = set()
"""Rewards that were above 0 for some run."""


@settings(max_examples=300, deadline=None)
@given(rollouts())
def check_ranges(rollout: Rollout) -> None:
    for name, reward in {**SINGLE, "ungated": tool_bonus(gated=False), "looks": look_penalty()}.items():
        value = reward(rollout)
        inside(value, reward.low, reward.high, name)
        assert reward(rollout) == value, name
        if value != 0:
            PAID.add(name)


def test_rewards_stay_in_their_ranges():
    check_ranges()
    assert len(PAID) >= 0.8 * len(SINGLE), f"the runs do not reach {sorted(set(SINGLE) - PAID)}"


MIXES = [load_preset(name) for name in PRESETS] + [load_preset("pixel_reasoner", form="code")]


@settings(max_examples=60, deadline=None)
@given(st.lists(rollouts(), min_size=1, max_size=5))
def test_groups_and_presets_stay_in_their_ranges(group: list[Rollout]):
    for reward in (curiosity(), curiosity("code"), temporal_order(task_reward()), agreement()):
        values = reward(group)
        assert len(values) == len(group)
        for value in values:
            inside(value, reward.low, reward.high, reward.name)
    for mix in MIXES:
        for value in mix(group).totals:
            inside(value, *mix.bounds, mix.name)
        for value in replace(mix, normalise="batch")(group).totals:
            inside(value, *replace(mix, normalise="batch").bounds, mix.name)


SPANS = st.lists(st.tuples(TIMES, TIMES).map(lambda pair: Span(min(pair), max(pair))), max_size=5)


@settings(max_examples=200, deadline=None)
@given(SPANS, SPANS)
def test_iou_is_a_ratio_of_sets(some: list[Span], others: list[Span]):
    value = iou(some, others)
    assert 0 <= value <= 1 + 1e-9 and value == pytest.approx(iou(others, some))
    assert iou([*some, *some], others) == pytest.approx(value)  # seconds count once
    if total(some) > 0:
        assert iou(some, some) == pytest.approx(1.0)
    marks = [k / 4 for k in range(500)]  # against counting quarter seconds
    one, two = ([any(s.start <= m < s.end for s in spans) for m in marks] for spans in (some, others))
    either = sum(a or b for a, b in zip(one, two, strict=True))
    if either > 100:
        assert value == pytest.approx(sum(a and b for a, b in zip(one, two, strict=True)) / either, abs=0.1)


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=40), st.text(max_size=40))
def test_text_metrics_are_in_zero_to_one(said: str, wanted: str):
    for metric in (token_f1, rouge, word_accuracy):
        assert 0.0 <= metric(said, wanted) <= 1.0
