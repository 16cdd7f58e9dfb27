"""Moment retrieval and highlights: worked by hand, and equal to QVHighlights' own script."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rewatch.evaluation.benchmarks import BENCHMARKS
from rewatch.evaluation.measures.moments import (
    LEVELS,
    average_precision,
    clip_scores,
    highlight,
    highlight_precision,
    qvhighlights,
    true_saliency,
)
from rewatch.memory import Span

from ..judged_items import item, spans, task
from .predicted import official, timed, values


def query(name: str, *truth: tuple[float, float], **meta):
    return task(name, kind="temporal", answer=None, spans=spans(*truth), meta=meta)


def precision(ranked: list[Span], true: list[Span]) -> float:
    return average_precision(ranked, true, [0.5])[0]


def test_average_precision_by_hand():
    true = spans((0, 10), (20, 30))
    assert precision(spans((0, 10), (20, 30)), true) == 1.0
    assert precision(spans((50, 60), (0, 10), (20, 30)), true) == pytest.approx(2 / 3)  # 1/2, 2/3
    assert precision(spans((0, 10), (1, 10), (20, 30)), true) == pytest.approx((1 + 2 / 3) / 2)
    assert precision(spans((0, 10)), true) == 0.5
    assert precision(spans((5, 15)), true) == 0.0  # tIoU 5/15
    assert precision((), true) == 0.0
    assert average_precision(spans((0, 6)), spans((0, 10)), [0.5, 0.6, 0.7]) == [1.0, 1.0, 0.0]


def test_a_true_moment_is_taken_once_and_the_next_nearest_is_tried():
    assert precision(spans((0, 10), (0, 10)), spans((0, 10), (0, 12))) == 1.0


_SPANS = st.lists(
    st.builds(lambda start, length: Span(start, start + length), st.integers(0, 40), st.integers(1, 20)), max_size=5
)


@given(_SPANS, _SPANS.filter(bool))
def test_average_precision_is_a_share_and_more_misses_behind_it_change_nothing(ranked: list[Span], true: list[Span]):
    found = average_precision(ranked, true, (0.5, 0.75))
    assert all(0 <= value <= 1 for value in found)
    assert average_precision([*ranked, Span(900, 901)], true, (0.5, 0.75)) == found
    assert average_precision(true[::-1], true, (0.5, 1.0)) == pytest.approx([1.0, 1.0])


def test_highlight_precision_by_hand():
    scores = np.array([0.9, 0.8, 0.7, 0.6])
    assert highlight_precision(np.array([True, False, True, False]), scores) == pytest.approx((1 + 2 / 3) / 2)
    assert highlight_precision(np.zeros(4, bool), scores) == 0.0
    assert highlight_precision(np.ones(4, bool), scores) == 1.0


def test_the_best_span_is_where_the_highlight_is():
    assert clip_scores(spans((3, 6), (0, 4)), 4).tolist() == [0.5, 0.5 + 0.5, 1.0, 0.0]
    assert clip_scores(spans((5, 99)), 4).tolist() == [0.0, 0.0, 0.5, 1.0]


def test_queries_are_split_by_the_length_of_their_moments():
    judged = [
        timed(query("a", (0, 10)), [(0, 10)]),
        timed(query("b", (0, 20), (40, 100)), [(40, 100)]),
    ]
    found = qvhighlights(judged)
    assert found["mAP"].value == pytest.approx((1 + 0.5) / 2)
    assert {name: found[f"mAP {name}"].value for name in ("short", "middle", "long")} == {
        "short": 1.0,
        "middle": 0.0,
        "long": 1.0,
    }
    assert found["mAP long"].count == 1
    assert not any("HIT" in name for name in found)
    assert qvhighlights([]) == {}


def test_a_query_without_a_prediction_counts_nothing_though_its_first_clip_is_a_highlight():
    of = query("a", (0, 10), duration=20.0, saliency={"clips": [0], "scores": [[4, 4, 4]]})
    assert set(values(qvhighlights([item(of, failed="broken")])).values()) == {0.0}
    assert values(qvhighlights([timed(of, [(0, 2)])]))["HIT@1 VeryGood"] == 1.0


def test_qvhighlights_equals_the_official_script(tmp_path: Path):
    rows, theirs = official("qvhighlights")
    file = tmp_path / "val.jsonl"
    file.write_text("".join(json.dumps(row["row"]) + "\n" for row in rows))
    judged = [timed(of, row["ranked"]) for of, row in zip(BENCHMARKS["qvhighlights"].read(file), rows, strict=True)]
    found = {name: round(100 * value, 2) for name, value in values(qvhighlights(judged)).items()}
    names = {f"MR-full-mAP{at}": f"mAP{at}" for at in ("", "@0.5", "@0.75")}
    names |= {f"MR-full-R1@{m}": f"R@1 IoU={m}" for m in (0.5, 0.7)}
    names |= {f"MR-{part}-mAP": f"mAP {part}" for part in ("short", "middle", "long")}
    assert {name: found[ours] for name, ours in names.items()} == {name: theirs[name] for name in names}
    for level, least in LEVELS.items():
        each = [
            highlight(true_saliency(one), np.array(row["saliency"]), least)
            for one, row in zip(judged, rows, strict=True)
        ]
        precision, hits = np.mean(np.array(each, dtype=float), axis=0)
        assert round(100 * precision, 2) == theirs[f"HL-min-{level}-mAP"]
        assert round(100 * hits, 2) == theirs[f"HL-min-{level}-Hit1"]
