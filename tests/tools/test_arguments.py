"""Repair of a policy's arguments."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rewatch.memory import Box, Span
from rewatch.tools import BUILT_IN
from rewatch.tools.arguments import repair
from rewatch.tools.boxes import read_box
from rewatch.tools.errors import BadArguments
from rewatch.tools.times import parse_seconds


def _deep(levels: int) -> list:
    nested: list = []
    for _ in range(levels):
        nested = [nested]
    return nested


TOOLS = {tool.name: tool for tool in BUILT_IN}


@pytest.mark.parametrize(
    "written, seconds",
    [
        (90, 90.0),
        (12.5, 12.5),
        ("90", 90.0),
        ("12.5s", 12.5),
        ("12.5 seconds", 12.5),
        ("1:30", 90.0),
        ("00:01:30", 90.0),
        ("1:00:00.5", 3600.5),
        ("1m30s", 90.0),
        ("2 min", 120.0),
        ("1h 2m 3s", 3723.0),
        ("125:30", 7530.0),
        ("1:125:30", 11130.0),
        ("90m", 5400.0),
        ("2h05m", 7500.0),
        ("2 hours and 5 minutes", 7500.0),
        ("1 min 30", 90.0),
        ("1:30 min", 90.0),
        ("12,5 s", 12.5),
        ("00:02:05,500", 125.5),
        ("500 ms", 0.5),
        ("t=7", 7.0),
        ("-00:01.5", -1.5),
        ("-2 s", -2.0),
        ("at 105:30", 6330.0),
        ("minute 105", 6300.0),
        ("PT1H45M30S", 6330.0),
        (" [12] ", 12.0),
        ("１２.５", 12.5),  # full-width digits
        ("١:٣٠", 90.0),  # Arabic-Indic ones
    ],
)
def test_times_in_every_spelling(written, seconds):
    assert parse_seconds(written) == pytest.approx(seconds)


@pytest.mark.parametrize(
    "written",
    [
        "",
        "soon",
        "1:2:3:4",
        None,
        True,
        "nan",
        "frame 120",
        "12:30:45:10",
        "1,200",
        float("inf"),
        [],
        {},
        10**400,
        "9" * 10**6,
    ],
)
def test_what_is_no_time_is_refused(written):
    with pytest.raises((ValueError, TypeError)):
        parse_seconds(written)


@given(st.floats(0, 1e6))
def test_seconds_written_as_a_clock_come_back(seconds):
    whole, rest = divmod(round(seconds * 10), 10)
    text = f"{whole // 3600}:{whole % 3600 // 60:02d}:{whole % 60:02d}.{rest}"
    assert parse_seconds(text) == pytest.approx(whole + rest / 10)


@pytest.mark.parametrize(
    "written",
    [
        [0.1, 0.2, 0.5, 0.6],
        "0.1, 0.2, 0.5, 0.6",
        [10, 20, 50, 60],  # percent
        [128, 144, 640, 432],  # pixels of 1280x720
        {"x1": 0.1, "y1": 0.2, "x2": 0.5, "y2": 0.6},
        {"x": 0.1, "y": 0.2, "width": 0.4, "height": 0.4},
        ["10%", "20%", "50%", "60%"],
        "10%, 20%, 50%, 60%",
        {"x": "10%", "y": "20%", "width": "40%", "height": "40%"},
        [0.5, 0.6, 0.1, 0.2],  # corners the other way round
    ],
)
def test_boxes_in_every_spelling(written):
    assert read_box(written, (1280, 720))[0] == pytest.approx(Box(0.1, 0.2, 0.5, 0.6))


@pytest.mark.parametrize("written", [[], [1, 2, 3], "all", [0, 0, 0, 0], [float("nan")] * 4, None, {"x": 1}])
def test_what_is_no_box_is_refused(written):
    with pytest.raises(ValueError):
        read_box(written, (640, 360))


@pytest.mark.parametrize(
    "tool, raw, expected",
    [
        ("transcribe", {"start": "0:10", "end": "12.5s"}, {"start": 10, "end": 12.5}),
        ("transcribe", {"start_time": 3, "end_time": 8}, {"start": 3, "end": 8}),
        ("transcribe", {"start": 8, "end": 3}, {"start": 3, "end": 8}),  # reversed
        ("transcribe", {"start": 3, "end": 1e9}, {"start": 3, "end": 60}),  # past the end
        ("transcribe", {"start": -5, "end": 10}, {"start": 0, "end": 10}),  # before the start
        ("transcribe", '{"start": 1, "end": 2}', {"start": 1, "end": 2}),  # JSON text
        ("search_clips", {"q": "red", "top_k": "3"}, {"query": "red", "k": 3}),
        ("search_clips", {"Query": "red", "end": None}, {"query": "red", "end": None}),
        ("crop", {"timestamp": "7 s", "bbox": [0, 0, 1, 1]}, {"time": 7, "box": [0, 0, 1, 1]}),
        ("view_clip", {"start": 1, "end": 2, "fps": "2", "zoom": 9}, {"start": 1, "end": 2, "fps": 2}),
        ("read_text", {"time": 4}, {"start": 4}),
        ("transcribe", {"start": "0:10-0:20"}, {"start": 10, "end": 20}),
        ("transcribe", {"start": [10, 20]}, {"start": 10, "end": 20}),
        ("transcribe", {"span": "10s to 20s"}, {"start": 10, "end": 20}),
        ("transcribe", {"range": ["0:20", "0:10"]}, {"start": 10, "end": 20}),
        ("transcribe", {"arguments": {"start": 1, "end": 2}}, {"start": 1, "end": 2}),
        ("transcribe", {"input": '{"start": 1, "end": 2}'}, {"start": 1, "end": 2}),
        ("transcribe", '"{\\"start\\": 1, \\"end\\": 2}"', {"start": 1, "end": 2}),  # JSON text of JSON text
        ("transcribe", {"start": 1, "end": 2, "find": "null"}, {"find": None}),
        ("transcribe", {"start": 1, "end": 2, "find": ["a", "b"]}, {"find": "a, b"}),
        ("transcribe", {"start": 1, "end": 2, "find": 7}, {"find": "7"}),
        ("transcribe", {"start": -(10**400), "end": 10**400}, {"start": 0, "end": 60}),
        ("search_clips", {"query": "a\ud800b\0c", "k": 10**400}, {"query": "a?bc", "k": 10**9}),
        ("search_clips", {"query": "x" * 10**6, "k": "2.6"}, {"query": "x" * 10**4, "k": 3}),
        ("crop", {"time": [7], "box": "[0, 0, 0.5, 1]"}, {"time": 7, "box": [0, 0, 0.5, 1]}),
        ("crop", {"time": 7, "box": "0 0 0.5 1"}, {"box": [0, 0, 0.5, 1]}),
        ("crop", {"time": 7, "box": {"x1": 0, "y1": 0, "x2": "50%", "y2": 1}}, {"box": [0, 0, 0.5, 1]}),
        ("track_objects", {"start": 1, "end": 2, "labels": "dog, cat"}, {"labels": ["dog", "cat"]}),
        ("track_objects", {"start": 1, "end": 2, "labels": '["dog"]'}, {"labels": ["dog"]}),
        ("browse", {"level": " Chapter"}, {"level": "chapter"}),
    ],
)
def test_repairs(tool, raw, expected):
    fitted, _ = repair(TOOLS[tool].args_schema, raw, within=Span(0, 60))
    assert {name: fitted[name] for name in expected} == expected


@pytest.mark.parametrize(
    "tool, raw, says",
    [
        ("transcribe", {"start": 1}, "end"),
        ("transcribe", {"start": "soon", "end": 3}, "soon"),
        ("transcribe", {"start": 100, "end": 120}, "0 to 60"),
        ("search_clips", {}, "query"),
        ("search_clips", "not json", "JSON"),
        ("search_clips", [1, 2], "object"),
        ("browse", {"level": "decade"}, "level"),
        ("transcribe", {"start": math.nan, "end": 3}, "finite"),
        ("view_clip", {"start": 1, "end": 3, "fps": math.inf}, "finite"),
        ("crop", {"time": 1, "box": [math.nan] * 4}, "finite"),
        ("view_clip", {"start": True, "end": 3}, "not a number"),
        ("search_clips", "[" * 100_000, "JSON"),
        ("search_clips", {"query": _deep(3000)}, "deep"),
    ],
)
def test_what_cannot_be_repaired_says_why(tool, raw, says):
    with pytest.raises(BadArguments, match=says):
        repair(TOOLS[tool].args_schema, raw, within=Span(0, 60))


@given(st.dictionaries(st.text(max_size=12), st.one_of(st.none(), st.floats(), st.text(max_size=20), st.integers())))
def test_no_arguments_make_repair_fail_otherwise(raw):
    for tool in BUILT_IN:
        try:
            repair(tool.args_schema, raw, within=Span(0, 60))
        except BadArguments as error:
            assert str(error)
