"""The table of an evaluation and the points of curves."""

from __future__ import annotations

import json

import pytest
from rewatch.evaluation import curves
from rewatch.evaluation.measures import EVERY_SET, MEASURES
from rewatch.evaluation.table import render, table
from rewatch.memory.registry import UnknownNameError
from rich.console import Console

from .judged_items import choice, item, spans, task


def shown(renderable, width: int = 160) -> str:
    console = Console(width=width, record=True, markup=False, file=open("/dev/null", "w"))  # noqa: SIM115
    console.print(renderable)
    return console.export_text()


def mixed():
    long, short = ({"categories": {"duration": name}} for name in ("long", "short"))
    return [
        item(task("1", video="a", meta=long), option="B", text="B"),
        item(task("2", video="b", meta=short), option="A", text="A"),
        item(task("3", video="b", kind="open", answer="tea", meta=short), failed="broken"),
        item(task("4", video="c", kind="ocr", answer="exit", meta={"gym": {"family": "reading"}}), text="exit"),
    ]


def test_rows_of_all_of_kinds_of_families_and_of_categories():
    made = table(mixed())
    assert [row.name for row in made.rows] == [
        "all",
        "kind: mcq",
        "kind: ocr",
        "kind: open",
        "duration: long",
        "duration: short",
        "family: reading",
    ]
    rows = {row.name: row for row in made.rows}
    assert rows["all"].items == 4 and rows["all"].failed == 1
    assert rows["all"].figures["accuracy"].value == 0.5
    assert rows["duration: short"].figures["accuracy"].value == 0.0
    assert rows["kind: mcq"].figures["chance"].value == 0.25
    assert "chance" not in rows["all"].figures
    assert rows["kind: ocr"].figures["wer"].value == 0.0


def test_the_json_form_is_strict_and_always_the_same():
    text = json.dumps(table(mixed()).as_dict(), allow_nan=False)
    assert text == json.dumps(table(mixed()).as_dict(), allow_nan=False)
    accuracy = json.loads(text)["rows"][0]["figures"]["accuracy"]
    assert accuracy["value"] == 0.5 and "count" not in accuracy


@pytest.mark.parametrize("name", [*EVERY_SET, "references", "captions"])
def test_every_measure_takes_nothing_and_failures(name: str):
    assert MEASURES[name]([]) == {}
    failed = [item(task(str(n), kind=kind, answer="7", spans=spans((1, 2)))) for n, kind in enumerate(["ocr", "count"])]
    failed.append(item(task("3"), failed="broken"))
    for figure in MEASURES[name](failed).values():
        assert figure.value == figure.value  # no NaN


def test_no_items_and_unknown_measures():
    assert table([]).as_dict() == {"rows": [{"name": "all", "items": 0, "failed": 0, "figures": {}}]}
    assert "items" in shown(render(table([])))
    with pytest.raises(UnknownNameError, match="refernces"):
        table([choice("1", True)], ["refernces"])


def test_a_set_may_name_more_measures():
    made = table([item(task("1", spans=spans((0, 10))), option="B", text="B")], ["references", "accuracy"])
    assert made.rows[0].figures["ref@300"].value == 0.0


def test_what_a_terminal_shows():
    text = shown(render(table(mixed())))
    assert all(word in text for word in ("accuracy", "duration", "long", "family", "reading", "0.50 ["))
    hostile = item(task("1", meta={"categories": {"domain": "[red]\x1b[2J\nx"}}), option="B", text="B")
    text = shown(render(table([hostile])))
    assert "\x1b" not in text and "[red][2J x" in text


def test_groups_of_which_none_is_right_are_told_so():
    text = shown(render(table([item(task("1", meta={"categories": {"by": "x"}}), option="A", text="A")])))
    head = next(line for line in text.splitlines() if line.startswith("by"))
    assert head.split() == ["by", "items", "accuracy", "chance", "supported", "frames", "tokens", "seconds"]
    assert "0.00 [0.00, 0.79]" in text


def test_points_of_curves():
    cheap = [choice(str(n), n == 0, video=f"v{n}") for n in range(4)]
    dear = [choice(str(n), n < 3, video=f"v{n}", spend={"frames": 16, "calls": 1, "tokens": 0}) for n in range(4)]
    found = curves.points([("refine", {"frames": 64}, dear), ("refine", {"frames": 4}, cheap), ("direct", {}, [])])
    assert [point.figures["frames"].value for point in found] == [4, 16]
    assert found[1].figures["accuracy"].value == 0.75
    assert found[1].figures["frames_per_right"].value == pytest.approx(64 / 3)
    assert json.loads(json.dumps(found[0].as_dict()))["budget"] == {"frames": 4}
    assert "frames 64" in shown(curves.render(found))


def test_a_curve_fits_a_terminal_of_80_columns():
    dear = choice("1", True, spend={"frames": 16, "calls": 1, "tokens": 123456})
    limits = [{"frames": n, "calls": 12, "tokens": None, "seconds": 120.0} for n in (4, 64)]
    text = shown(curves.render(curves.points([("map_reduce", budget, [dear]) for budget in limits])), width=80)
    lines = [line.split() for line in text.splitlines()]
    assert "…" not in text and "each with calls 12, seconds 120" in text
    assert ["map_reduce", "frames", "64", "1", "1.00", "[0.21,", "1.00]", "0.000"] in lines
    assert ["map_reduce", "frames", "4", "16.0", "123456", "2.000", "16.0", "123456", "2.000"] in lines


def test_a_budget_that_some_points_do_not_have_is_told():
    both = [("read", {"tokens": limit}, [choice("1", True)]) for limit in (None, 500)]
    text = shown(curves.render(curves.points(both)))
    assert "tokens any" in text and "tokens 500" in text and "each with" not in text
    assert "budget" not in shown(curves.render(curves.points(both[:1]))) and curves.render([])
