"""Scores of groups by hand, and as Video-MME-v2's own script has them for predictions drawn at random."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from rewatch.evaluation.judging import JudgedItem
from rewatch.evaluation.measures.groups import CHAINS, chain, groups, relevance, types

from ..judged_items import item, task

OFFICIAL = json.loads((Path(__file__).parent / "official" / "video_mme_v2.json").read_text())


def member(of: str, place: int, right: bool, level: int | None = 1, structure: list | None = None) -> JudgedItem:
    meta = {"group": {"of": of, "place": place, "structure": structure, "level": level}}
    return item(task(f"{of}-{place}", video=of, meta=meta), option="B" if right else "A", text="B" if right else "A")


def test_by_hand():
    assert relevance([True, True, True, False]) == 9 / 16
    # The second of four fails, so that only the first counts, although the last two are right.
    assert chain([True, False, True, True], [1, 2, 3, 4]) == 1 / 16
    # One of the two in the middle is right: two are reached, and the last cannot be.
    assert chain([True, False, True, True], [1, [2, 3], 4]) == 4 / 12
    assert chain([False, True, True, True], [[1, 2], 3, 4]) == 1 / 10


@pytest.mark.parametrize("structure", CHAINS)
def test_every_chain_is_worth_what_the_official_script_gives(structure: str):
    for answers, score in OFFICIAL["chains"][structure].items():
        assert chain([one == "1" for one in answers], json.loads(structure)) == pytest.approx(score, abs=1e-6)


def test_the_figures_are_those_of_the_official_script():
    judged = [
        member(video, int(ident[-1]), bool(score), level, json.loads(structure) if structure else None)
        for video, ident, level, structure, score in OFFICIAL["items"]
    ]
    figures = groups(judged[::-1])  # the order of the file does not matter
    rating = OFFICIAL["rating"]
    for name, official in {"group_score": "total", **{n: n for n in ("relevance_score", "logic_score")}}.items():
        assert 100 * figures[name].value == pytest.approx(rating[official], abs=1e-4)
    assert 100 * figures["relevance_linear"].value == pytest.approx(rating["relevance_linear_score"], abs=1e-4)
    for level in (1, 2, 3):
        assert 100 * figures[f"level_{level}"].value == pytest.approx(rating[f"level_{level}"], abs=1e-4)
    assert figures["group_score"].count == 40


def test_a_group_that_is_not_whole_has_no_score_and_failures_are_wrong():
    three = [member("a", place, True) for place in (1, 2, 3)]
    assert groups(three) == {} and groups([]) == {}
    meta = {"group": {"of": "a", "place": 4, "structure": None, "level": None}}
    failed = item(task("a-4", video="a", meta=meta), failed="the video cannot be read")
    assert groups([*three, failed])["group_score"].value == 9 / 16
    assert "level_1" not in groups([*three, failed])  # its last question is of no level


def test_a_question_counts_in_each_of_its_types():
    judged = [
        item(task("1", video="a", meta={"types": ["reasoning", "summarization"]}), option="B", text="B"),
        item(task("2", video="b", meta={"types": ["reasoning"]}), option="A", text="A"),
        item(task("3", video="c"), option="B", text="B"),
    ]
    figures = types(judged)
    assert {name: (figure.value, figure.count) for name, figure in figures.items()} == {
        "type: reasoning": (0.5, 2),
        "type: summarization": (1.0, 1),
    }
