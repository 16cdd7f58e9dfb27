"""OVO-Bench's averages, as its own script has them for predictions drawn at random."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from rewatch.evaluation.judging import JudgedItem
from rewatch.evaluation.measures.streaming import ovo_bench

from ..judged_items import item, task

OFFICIAL = json.loads((Path(__file__).parent / "official" / "ovo_bench.json").read_text())


def judged(number: int, name: str, right: bool) -> JudgedItem:
    answer = "B" if right else "A"
    return item(task(str(number), meta={"categories": {"task": name}}), option=answer, text=answer)


def test_the_averages_are_those_of_the_official_script():
    figures = ovo_bench([judged(n, name, bool(right)) for n, (name, right) in enumerate(OFFICIAL["items"])])
    assert set(figures) == {"ovo_backward", "ovo_realtime", "ovo_forward", "ovo_total"}
    for name, official in OFFICIAL["averages"].items():
        assert 100 * figures[f"ovo_{name}"].value == pytest.approx(official, abs=0.006)


def test_there_is_no_total_without_all_three_and_no_average_of_one():
    two = [judged(1, "EPM", True), judged(2, "EPM", True), judged(3, "ASI", False), judged(4, "OCR", True)]
    assert {name: figure.value for name, figure in ovo_bench(two).items()} == {"ovo_backward": 0.5, "ovo_realtime": 1.0}
    assert ovo_bench(two[:2]) == {} and ovo_bench([]) == {}
