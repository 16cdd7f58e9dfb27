"""mIoU, recall, Acc@GQA: worked by hand, and equal to what the official scripts say of the same predictions."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.messages import AIMessage
from rewatch.evaluation.measures.grounding import best_iop, grounding, next_gqa, recalled, rextime
from rewatch.evaluation.measures.predictions import pooled_spans, ranked_spans
from rewatch.memory import Span

from ..judged_items import item, spans, task
from .predicted import official, timed, values


def moment(name: str, *truth: tuple[float, float], **fields):
    return task(name, kind="temporal", answer=None, spans=spans(*truth), **fields)


def asked(name: str, answer: str, *truth: tuple[float, float]):
    return task(name, answer=answer, spans=spans(*truth), options=tuple("one two three four five".split()))


def test_miou_and_recall_by_hand():
    judged = [
        timed(moment("a", (10, 20)), [(10, 20)]),  # 10/10 = 1
        timed(moment("b", (10, 20)), [(15, 25)]),  # 5/15 = 1/3
        timed(moment("c", (10, 20)), [(30, 40)]),  # 0
        timed(moment("d", (10, 20)), [(12, 19)]),  # 7/10
    ]
    found = values(grounding(judged))
    assert found.pop("mIoU") == pytest.approx((1 + 1 / 3 + 0 + 0.7) / 4)
    assert found == {"R@1 IoU=0.3": 0.75, "R@1 IoU=0.5": 0.5, "R@1 IoU=0.7": 0.5}


def test_only_the_first_span_counts_and_the_best_true_one():
    later = timed(moment("a", (10, 20)), [(40, 50), (10, 20)])
    assert values(grounding([later]))["mIoU"] == 0.0
    second = timed(moment("a", (10, 20), (40, 50)), [(40, 50)])
    assert values(grounding([second]))["mIoU"] == 1.0


@pytest.mark.parametrize(
    "none",
    [
        item(moment("a", (10, 20)), failed="the video is broken"),
        timed(moment("a", (10, 20)), [(10, 20)], abstained=True),
        timed(moment("a", (10, 20)), [(10, 20)], stopped_by="policy_error"),
        timed(moment("a", (10, 20)), [(15, 15)]),
        timed(moment("a", (10, 20)), []),
    ],
    ids=["failed", "abstained", "policy", "moment", "silent"],
)
def test_what_claims_no_time_is_a_miss_everywhere(none):
    assert ranked_spans(none) == ()
    assert set(values(grounding([none])).values()) == {0.0}


def test_numbers_in_an_answer_are_times_only_where_a_time_is_asked_for():
    said = (AIMessage("2 - 3 times [4]"),)
    counted = replace(timed(asked("a", "B", (10, 20)), [(10, 20)], option="B", text="2 - 3 times"), messages=said)
    assert ranked_spans(counted) == spans((10, 20))
    assert ranked_spans(replace(timed(moment("a", (10, 20)), [(10, 20)]), messages=said)) == spans((2, 3))


def test_an_item_that_failed_is_neither_right_nor_grounded():
    of = asked("a", "B", (10, 20))
    broken = timed(of, [(10, 20)], option="B", text="B", stopped_by="bug")
    for measure in (next_gqa, rextime):
        assert set(values(measure([broken])).values()) == {0.0}
        assert measure([]) == {}


def test_acc_at_gqa_takes_a_right_option_and_half_of_the_span_inside():
    judged = [
        timed(asked("a", "B", (10, 20)), [(15, 25)], option="B", text="B"),  # IoP 5/10, IoU 5/15: grounded
        timed(asked("b", "B", (10, 20)), [(16, 26)], option="B", text="B"),  # IoP 4/10, IoU 4/16: not grounded
        timed(asked("c", "B", (10, 20)), [(10, 20)], option="A", text="A"),  # the place without the answer
        timed(asked("d", "B", (0, 4), (6, 10)), [(0, 10)], option="B", text="B"),  # IoP 4/10 each; not their union
    ]
    found = values(next_gqa(judged))
    assert found["Acc@QA"] == 0.75
    assert found["Acc@GQA"] == 0.25
    assert found["mIoP"] == pytest.approx((0.5 + 0.4 + 1.0 + 0.4) / 4)
    assert found["mIoU"] == pytest.approx((5 / 15 + 4 / 16 + 1 + 0.4) / 4)
    assert (found["IoP@0.3"], found["IoP@0.5"], found["IoU@0.3"], found["IoU@0.5"]) == (1.0, 0.5, 0.75, 0.25)


def test_samples_of_a_task_are_pooled_by_confidence_for_recall_at_5():
    of = moment("a", (10, 20))
    judged = [
        timed(of, [(40, 50), (10, 20)], sample=0, confidence=0.9),
        timed(of, [(41, 50), (60, 70)], sample=1, confidence=0.5),
    ]
    assert [str(span) for span in pooled_spans(judged[::-1])] == [
        "00:40-00:50",
        "00:41-00:50",
        "00:10-00:20",
        "01:00-01:10",
    ]
    found = grounding(judged)
    assert found["R@1 IoU=0.5"].value == 0.0
    assert (found["R@5 IoU=0.5"].value, found["R@5 IoU=0.5"].count) == (1.0, 1)


def test_near_copies_of_a_better_prediction_take_no_place():
    ranked = spans((0, 10), (0.2, 10), (0.4, 10), (20, 30))
    assert recalled(ranked, spans((20, 30)), 0.5, 2)
    assert not recalled(ranked, spans((20, 30)), 0.5, 1)


def test_charades_sta_equals_the_official_code():
    rows, theirs = official("charades_sta")
    first, all_ = [], []
    for n, row in enumerate(rows):
        of = moment(f"q{n}", row["truth"])
        first.append(timed(of, row["ranked"][:1]))
        all_ += [timed(of, [span], sample=rank, confidence=1 / (rank + 1)) for rank, span in enumerate(row["ranked"])]
    found = values(grounding(first))
    found |= {name: value for name, value in values(grounding(all_)).items() if name.startswith("R@5")}
    assert found == pytest.approx(theirs, abs=1e-9)


def test_next_gqa_equals_the_official_code():
    rows, theirs = official("next_gqa")
    judged = [
        timed(asked(f"q{n}", row["answer"], *row["truth"]), [row["predicted"]], option=row["chosen"], text="")
        for n, row in enumerate(rows)
    ]
    found = values(next_gqa(judged))
    assert {name: f"{100 * found[name]:.1f}" for name in theirs} == {name: f"{v:.1f}" for name, v in theirs.items()}


def test_rextime_equals_the_official_code():
    rows, theirs = official("rextime")
    judged = [
        timed(asked(f"q{n}", row["answer"], *row["truth"]), [row["predicted"]], option=row["chosen"], text="")
        for n, row in enumerate(rows)
    ]
    found = values(rextime(judged))
    assert found["VQA"] == theirs["VQA"]
    assert found["VQA, IoU=0.5"] == theirs["VQA,mIoU@0.5"]
    assert round(100 * found["mIoU"], 2) == theirs["MR-full-mIoU"]
    for m in (0.3, 0.5):
        assert round(100 * found[f"R@1 IoU={m}"], 2) == theirs[f"MR-full-R1@{m}"]


_SPANS = st.builds(lambda start, length: Span(start, start + length), st.floats(0, 50), st.floats(0.1, 50))


@given(_SPANS, st.lists(_SPANS, min_size=1, max_size=4))
def test_a_share_lies_between_nothing_and_all_and_iop_is_at_least_iou(span, true):
    iou = max(span.iou(one) for one in true)
    assert 0 <= iou <= best_iop(span, true) + 1e-9 <= 1 + 2e-9
