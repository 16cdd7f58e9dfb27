"""Presets on runs worked by hand, each on its published scale."""

from __future__ import annotations

import pytest
from rewatch.memory import Box, CapabilityError
from rewatch.training.rewards import PRESETS, Mix, Reward, load_preset

from .runs import Run, task, uri

BOX = Box(0.2, 0.2, 0.4, 0.4)
TEMPORAL = task("temporal", None)


def total(mix: Mix, *rollouts) -> float:
    return mix(rollouts).totals[0]


def test_vital_goes_up_to_three():
    vital = load_preset("vital")
    assert vital.bounds == (0.0, 3.0)
    assert total(vital, Run().view(40, 50).view(44, 46).say("B")) == 3.0
    assert total(vital, Run().say("B")) == 2.0
    assert total(vital, Run().view(60, 70).view(80, 90).say("C")) == 1.0  # format only
    assert total(load_preset("vital", gated=False), Run().view(60, 70).view(80, 90).say("C")) == 2.0  # as published


def test_vital_scales_grounding_by_source():
    # tIoU 5/15 = 1/3
    said = "From 45 to 55 seconds."
    assert total(load_preset("vital"), Run(TEMPORAL).say(said)) == pytest.approx(1 + (1 / 3 - 0.2) / 0.6)
    chapters = task("temporal", None, source="mtvr/vidchapters")
    assert total(load_preset("vital"), Run(chapters).say(said)) == pytest.approx(1 + (1 / 3) / 0.5)
    assert total(load_preset("vital"), Run(TEMPORAL).say("nowhere", thought="from 40 to 50")) == 1.0


def test_vital_keeps_the_answer_of_grounded_questions():
    grounded = task("grounded_qa", "B", options=("one", "two", "three"))
    both, wrong = Run(grounded).say("B, from 40 to 50 s"), Run(grounded).say("A, from 40 to 50 s")
    assert total(load_preset("vital"), both) == 2.0 and total(load_preset("vital"), wrong) == 1.5


def test_ego_r1_pays_a_tenth_for_format_only_where_the_answer_is_wrong():
    assert total(load_preset("ego_r1"), Run(dialect="ego_r1").say("B")) == 1.0
    assert total(load_preset("ego_r1"), Run(dialect="ego_r1").say("C")) == pytest.approx(0.1)
    assert total(load_preset("ego_r1"), Run(dialect="ego_r1").end("C")) == 0.0


def test_video_mtr_pays_for_retrieval_only_where_the_answer_is_right():
    mtr = load_preset("video_mtr", dialect="vital")
    # 1 + 0.5 * tIoU + 0.1 a turn + 0.1
    assert total(mtr, Run().view(40, 50).say("B")) == pytest.approx(1 + 0.5 + 0.1 + 0.1)
    assert total(mtr, Run().view(0, 20).view(45, 55).say("B")) == pytest.approx(1 + 0.5 / 3 + 0.2 + 0.1)
    assert total(mtr, Run().view(40, 50).say("C")) == pytest.approx(0.1)
    assert mtr.bounds == (0.0, pytest.approx(1.8))


def test_pixel_reasoner():
    idle = [Run().say("C") for _ in range(7)]
    assert total(load_preset("pixel-reasoner"), Run().view(40, 50).say("B"), *idle) == pytest.approx(1 + 0.5 * 0.175)
    assert total(load_preset("pixel_reasoner"), Run().view(40, 50).view(60, 70).say("B")) == pytest.approx(1 - 0.05)
    code = load_preset("pixel_reasoner", form="code")
    expected = 1 + 0.175 / 1.5 / 0.125 * 0.25
    assert total(code, Run().view(40, 50).say("B"), *idle) == pytest.approx(expected)
    failed = Run().view(40, 50).view(60, 70, error=True).say("B")
    assert total(code, failed) == pytest.approx(-0.05)  # right, but its last look failed
    mixed = code([Run().view(1, 2).say("B"), failed])
    assert mixed.parts["answer"] == (1.0, 0.0)  # each by its own mark


def test_vitl_multiplies():
    grounded = task("grounded_qa", "B", options=("one", "two", "three"))
    assert total(load_preset("vitl"), Run(grounded).say("B, from 45 to 55 s")) == pytest.approx(1 / 3)
    assert total(load_preset("vitl"), Run(grounded).say("A, from 40 to 50 s")) == 0.0
    assert total(load_preset("vitl"), Run(grounded).say("B, from 60 to 70 s")) == 0.0
    assert total(load_preset("vitl"), Run().say("B")) == 1.0


def test_gui_spotlight():
    spatial = task("spatial", None, boxes=(BOX,))
    run = Run(spatial).call("crop", uri(42, box=BOX), time=42, box=list(BOX))
    rollout = run.say("[0.25, 0.25, 0.35, 0.35]")
    spotlight = load_preset("gui_spotlight", dialect="vital")
    assert total(spotlight, rollout) == pytest.approx(0.3 + 0.3 + 0.03 + 0.1)
    assert spotlight.bounds[1] == pytest.approx(0.73)
    color = Reward(name="color", score=lambda r: 1.0)
    assert total(load_preset("gui_spotlight", dialect="vital", color=color), rollout) == pytest.approx(1.0)


def test_longvt():
    longvt = load_preset("longvt")
    assert total(longvt, Run(dialect="longvt").view(40, 50).say("B")) == 3.0
    assert total(longvt, Run(dialect="longvt").view(40, 50).say("C")) == 2.0
    assert total(load_preset("longvt", gated=True), Run(dialect="longvt").view(40, 50).say("C")) == 1.0
    half = task("open", "a big red cup on a tray")
    rollout = Run(half, dialect="longvt").say("a red cup")  # F1 2 * 2 / (2 + 5) = 0.57
    assert longvt([rollout]).parts["answer"] == (0.5,)


def test_video_r1():
    video_r1 = load_preset("video_r1")
    long = "word " * 400
    assert total(video_r1, Run().say("B")) == 2.0
    assert total(video_r1, Run().say("B", thought=long)) == pytest.approx(2.2)
    assert total(video_r1, Run().say("C", thought=long)) == 1.0
    group = [Run().say("B"), Run().say("C", meta={"shuffled": True})]
    assert video_r1(group).totals == pytest.approx((2.3, 1.0))


def test_names_and_options():
    assert set(PRESETS) == set("vital ego_r1 video_mtr pixel_reasoner vitl gui_spotlight longvt video_r1".split())
    with pytest.raises(CapabilityError, match="vital"):
        load_preset("grpo")
    with pytest.raises(CapabilityError, match="gated"):
        load_preset("vital", gate=True)
