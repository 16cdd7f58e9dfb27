"""Tool rewards on runs made by hand."""

from __future__ import annotations

import pytest
from rewatch.memory import Box, Span
from rewatch.training.rewards import (
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

from .runs import Run, task, uri

TRUE, OFF = Box(0.2, 0.2, 0.4, 0.4), Box(0.6, 0.6, 0.8, 0.8)


def test_validity_is_gated_on_an_answer_or_evidence():
    assert validity()(Run().view(40, 50).view(60, 70, error=True).say("B")) == 0.5
    assert validity()(Run().view(42, 46).say("C")) == 1.0  # wrong, but it looked at the right place
    assert validity()(Run().view(60, 70).say("C")) == 0.0
    assert validity(gate=None)(Run().view(60, 70).say("C")) == 1.0
    assert validity()(Run().say("B")) == 0.0  # no calls


def test_evidence_is_gained_by_looking_not_by_searching():
    assert gains_evidence(Run().view(40, 50).say("C"))
    found = Run().call("search_clips", uri(40, 50), query="cup").say("C")
    assert not gains_evidence(found) and not earned(found)
    assert not gains_evidence(Run().view(40, 50, error=True).say("C"))


def test_gain_is_the_best_look():
    assert gain()(Run().view(0, 10).view(45, 55).say("B")) == pytest.approx(5 / 15)
    assert retrieval_gain()(Run().view(0, 100).view(30, 60).view(40, 50).say("B")) == pytest.approx(0.5)
    assert retrieval_gain()(Run().view(0, 100).say("B")) == pytest.approx(0.05)


def test_tool_bonus():
    two = Run().view(40, 50).view(60, 70)
    assert tool_bonus()(two.say("B")) == 1.0
    assert tool_bonus()(Run().view(60, 70).view(80, 90).say("C")) == 0.0
    assert tool_bonus(gated=False)(Run().view(60, 70).view(80, 90).say("C")) == 1.0  # as published
    assert tool_bonus(gated=False)(Run().view(60, 70).say("C")) == 0.5
    assert tool_bonus(gated=False)(Run().view(60, 70, error=True).say("C")) == 0.0


def test_budget():
    run = Run().view(40, 50).view(60, 70)
    assert budget()(run.say("B")) == pytest.approx(1 - 2 / 10)
    repeated = Run().view(40, 50).view(40, 50).view(40, 50).view(60, 70)
    assert budget(saved=1.0, repeated=0.5)(repeated.say("B")) == pytest.approx(0.6 - 0.5 * 2 / 4)
    assert budget()(Run().view(60, 70).say("C")) == 0.0
    assert budget()(Run().say("B")) == 1.0  # nothing used, nothing repeated
    assert budget(most=2)(Run().view(40, 50).say("B")) == 0.5
    assert budget("tokens")(Run().view(40, 50).say("B")) == 0.0  # no budget, nothing saved


def test_memory_calls():
    run = Run()
    for query in ("cup", "table", "kitchen"):
        run.call("search_clips", uri(0, 10), query=query)
    assert memory_calls(free=1, each=0.1)(run.say("B")) == pytest.approx(-0.2)
    assert memory_calls(free=5)(run.say("B")) == 0.0
    assert memory_calls(free=0, each=0.5, most=1.0)(run.say("B")) == -1.0


def test_coarse_to_fine():
    assert coarse_to_fine()(Run().view(0, 100).view(40, 50).say("B")) == 1.0
    assert coarse_to_fine()(Run().view(40, 50).say("B")) == 0.0
    assert coarse_to_fine()(Run().view(40, 50).view(42, 44).say("B")) == 0.0  # the first one met it
    assert coarse_to_fine()(Run().view(0, 30).view(40, 50).say("B")) == 0.0  # not inside


def test_turns_before_the_answer():
    assert turn_format(2)(Run().view(40, 50).say("B")) == 0.5
    assert turn_format(2)(Run().view(40, 50).view(40, 50).view(40, 50).say("B")) == 0.5


def test_last_look():
    assert last_look()(Run().view(40, 50).view(45, 55).say("B")) == pytest.approx(5 / 15)
    assert last_look()(Run().view(40, 50).view(45, 55, error=True).say("B")) == 0.0
    assert last_look()(Run().say("B")) == 0.0


def crops(*boxes: Box) -> Run:
    run = Run(task("spatial", None, boxes=(TRUE,), spans=(Span(40, 50),)))
    for box in boxes:
        run.call("crop", uri(42, box=box), time=42, box=list(box))
    return run


def test_crops_and_extracts():
    assert crop_iou()(crops(TRUE, OFF).say("[0.2, 0.2, 0.4, 0.4]")) == pytest.approx(0.5)
    assert crop_iou(smallest=0.5)(crops(TRUE).say("x")) == 0.0
    assert crop_iou()(crops().say("x")) == 0.0
    failed = crops(TRUE).call("crop", uri(42), error=True, time=42, box=[0, 0, 0, 0]).say("x")
    assert crop_iou()(failed) == pytest.approx(0.5)
    assert extract_share()(crops(TRUE, OFF).say("x")) == 0.5
    assert extract_share()(crops(Box(0, 0, 1, 1)).say("x")) == 0.0
