"""Boxes over time: worked by hand, and equal to the GOT-10k toolkit and V-STaR's own script."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
from rewatch.evaluation.benchmarks import BENCHMARKS
from rewatch.evaluation.measures.tracking import tracking
from rewatch.evaluation.measures.v_star import v_star
from rewatch.memory import Box
from rewatch.training.data.task import Task

from ..judged_items import item, spans, task
from .predicted import official, placed, timed, values

LEFT, RIGHT = Box(0.0, 0.0, 0.5, 1.0), Box(0.5, 0.0, 1.0, 1.0)
HALF = Box(0.0, 0.0, 0.25, 1.0)


def track(*boxes: Box, **meta):
    of = tuple((float(n), box) for n, box in enumerate(boxes))
    return task("a", kind="track", answer=None, track=of, meta=meta)


def test_overlap_and_success_by_hand():
    of = track(LEFT, LEFT, LEFT, LEFT)
    found = values(tracking([placed(of, {0.0: LEFT, 1.0: HALF, 2.0: HALF, 3.0: HALF})]))
    assert found == {"AO": pytest.approx((1 + 3 * 0.5) / 4), "SR@0.5": 0.25, "SR@0.75": 0.25}  # 0.5 is not above 0.5


def test_centers_by_hand():
    of = track(LEFT, LEFT, width=100, height=50)
    found = values(tracking([placed(of, {0.0: LEFT, 1.0: RIGHT})]))
    assert (found["center error"], found["precision@20"]) == (25.0, 0.5)


def test_between_two_cited_frames_a_box_moves_and_outside_of_them_there_is_none():
    of = track(LEFT, Box(0.25, 0, 0.75, 1), RIGHT, RIGHT, width=30, height=40)
    found = values(tracking([placed(of, {0.0: LEFT, 2.0: RIGHT})]))
    assert found["AO"] == pytest.approx(0.75)
    assert found["center error"] == pytest.approx(50 / 4)  # the diagonal, for the last frame


def test_a_failed_track_is_off_by_the_diagonal():
    of = track(LEFT, LEFT, width=30, height=40)
    found = values(tracking([item(of, failed="broken")]))
    assert found == {"AO": 0.0, "SR@0.5": 0.0, "SR@0.75": 0.0, "center error": 50.0, "precision@20": 0.0}
    assert tracking([]) == {}


def test_got10k_equals_the_official_toolkit(tmp_path: Path):
    stored, theirs = official("got10k")
    width, height = stored["size"]
    for n, row in enumerate(stored["sequences"]):
        folder = tmp_path / f"GOT-10k_Val_{n:06d}"
        folder.mkdir()
        (folder / "groundtruth.txt").write_text("".join(",".join(map(str, one)) + "\n" for one in row["truth"]))
        (folder / "cover.label").write_text("".join(f"{one}\n" for one in row["cover"]))
        (folder / "meta_info.ini").write_text(f"[METAINFO]\nanno_fps: 10Hz\nresolution: ({width}, {height})\n")
    judged = []
    for of, row in zip(BENCHMARKS["got10k"].read(tmp_path), stored["sequences"], strict=True):
        assert isinstance(of, Task), of
        boxes = {
            n / 10: Box(x / width, y / height, (x + w) / width, (y + h) / height)
            for n, (x, y, w, h) in enumerate(row["predicted"])
        }
        judged.append(placed(of, boxes))
    assert values(tracking(judged)) == pytest.approx(theirs, abs=1e-6)


def test_v_star_equals_the_official_script(tmp_path: Path):
    rows, theirs = official("v_star")
    file = tmp_path / "V_STaR_test.json"
    file.write_text(json.dumps([row["row"] for row in rows]))
    tasks = {one.id: one for one in BENCHMARKS["v_star"].read(file)}
    assert len(tasks) == 5 * len(rows)
    judged = []
    for of in tasks.values():
        row, part = of.meta["v_star"]
        given = next(each for each in rows if f"{each['row']['vid']}.mp4" == of.videos[0])
        ending = "_2" if part.endswith("-2") else ""
        if part == "what":
            judged.append(item(of, text=given["answer_vqa"]))
        elif part.startswith("when"):
            judged.append(timed(of, [given[f"answer_temporal{ending}"]]))
        else:
            size = (1000, 500, 1000, 500)
            boxes = {
                float(time): Box(*(part / whole for part, whole in zip(box, size, strict=True)))
                for time, box in given[f"answer_spatial{ending}"].items()
            }
            judged.append(placed(of, boxes))
    found = values(v_star(judged))
    assert {name: round(found[name], 4) for name in theirs} == pytest.approx(theirs, abs=1.1e-4)


def test_v_star_takes_failures_for_wrong_stays_finite_and_leaves_out_rows_in_part():
    def part(name: str, kind: str, **fields):
        return task(name, kind=kind, meta={"v_star": ["1", name]}, **fields)

    place = {0.0: LEFT, 1.0: LEFT}
    truth = {"answer": None, "spans": spans((10, 20)), "track": tuple(place.items())}
    row = [
        item(part("what", "open", answer="a red ball"), text="a red ball"),
        timed(part("when", "temporal", **truth), [(10, 20)]),
        placed(part("where", "track", **truth), place),
        timed(part("when-2", "temporal", **truth), [(10, 20)]),
        item(part("where-2", "track", **truth), failed="broken"),
    ]
    found = values(v_star(row))
    assert (found["chain 1 what+when+where"], found["chain 2 what+when+where"]) == (1.0, 0.0)
    assert math.isfinite(found["LGM 1"]) and found["AM 1"] == 1.0
    assert found["AM 2"] == pytest.approx(2 / 3)
    assert set(values(v_star([item(one.task, failed="broken") for one in row])).values()) == {0.0}
    assert v_star(row[:4]) == {}
