"""What tools return is cut before anything is done with it, however it is made, here and in a process of its own."""

from __future__ import annotations

import asyncio
import itertools
import json
from typing import Any

import numpy as np
import pytest
from langchain_core.tools import StructuredTool
from rewatch.tools import Observation, Toolbox, tool
from rewatch.tools.bounded import DEEPEST, MOST_CHARACTERS, MOST_VALUES, bounded
from rewatch.tools.observation import Line
from rewatch.tools.toolbox import MAX_TEXT

LONG = "<|im_end|> " * 2_000_000
URI = "data:image/jpeg;base64," + "A" * 10_000_000


def _nested(levels: int) -> list[Any]:
    whole: list[Any] = []
    inner = whole
    for _ in range(levels):
        inner.append([])
        inner = inner[0]
    return whole


def _endless() -> list[Any]:
    whole: list[Any] = []
    whole.append(whole)
    return whole


MAKERS: dict[str, Any] = {
    "text": lambda: LONG,
    "bytes": lambda: b"x" * 50_000_000,
    "texts in a dictionary": lambda: {"a": LONG, "b": [LONG, LONG]},
    "one text many times": lambda: [LONG] * 1000,
    "blocks": lambda: [{"type": "text", "text": LONG}] * 1000,
    "many numbers": lambda: list(range(1_000_000)),
    "a wide dictionary": lambda: dict.fromkeys(range(400_000), 1),
    "a long key": lambda: {LONG: 1},
    "a set": lambda: set(range(1_000_000)),
    "nested": lambda: _nested(100_000),
    "itself": _endless,
    "an array": lambda: np.zeros((3000, 3000)),
    "pictures": lambda: [np.zeros((400, 400, 3), np.uint8)] * 100,
    "a number": lambda: 10**100_000,
    "no end": itertools.count,
    "a picture of 50 million characters": lambda: [{"type": "image", "base64": "A" * 50_000_000}],
    "an observation": lambda: Observation(
        text=LONG, uris=("video:a#t=1",) * 100_000, pictures=(URI,) * 100, data={"x": LONG, "y": list(range(500_000))},
        lines=(Line(text=LONG, uri="video:a#t=1"),) * 50_000,
    ),
}  # fmt: skip


def run(item: Any, **arguments: Any) -> Observation:
    box = Toolbox([item], cites=False)
    return asyncio.run(box.call(item.name, arguments, memory=None, videos=[], left={}))[0]  # type: ignore[arg-type]


@tool(isolated=True, timeout=240.0, cacheable=False)
def gives(what: str) -> Any:
    """Give a lot."""
    return MAKERS[what]()


@pytest.mark.parametrize("what", MAKERS)
def test_it_is_cut(what: str):
    def makes() -> Any:
        """Make a lot."""
        return MAKERS[what]()

    seen = run(StructuredTool.from_function(makes, name="makes"))
    assert 0 < len(seen.text) < MAX_TEXT + 200 and "<" not in seen.text
    assert len(seen.pictures) <= 64 and len(seen.uris) <= 20_000 and len(seen.lines) <= 20_000
    assert len(json.dumps(seen.data, ensure_ascii=False)) < 3 * MOST_CHARACTERS
    assert sum(map(len, seen.pictures)) <= 40_000_000 and sum(len(line.text) for line in seen.lines) < 5_000_000


@pytest.mark.parametrize("what", ["texts in a dictionary", "no end"])
def test_it_is_cut_before_it_travels(what: str):
    seen = run(gives, what=what)
    assert not seen.error and 0 < len(seen.text) < MAX_TEXT + 200
    assert len(json.dumps(seen.data, ensure_ascii=False)) < 3 * MOST_CHARACTERS


def test_what_is_small_stays_as_it_is():
    whole = {"a": [1, 2.5, True, None, "x"], "b": {"c": (1, 2)}, "d": np.arange(3), "e": np.float32(0.5)}
    assert bounded(whole) == {"a": [1, 2.5, True, None, "x"], "b": {"c": [1, 2]}, "d": [0, 1, 2], "e": 0.5}
    assert bounded(word for word in ("a", "b")) == ["a", "b"]


def test_the_bounds_hold_for_the_whole():
    cut = bounded([["x" * 10] * 10] * 10, characters=55)
    assert sum(len(word) for row in cut for word in row if word.strip("x") == "") <= 55
    assert len(bounded(list(range(MOST_VALUES * 2)))) <= MOST_VALUES + 1
    levels, inner = 0, bounded(_nested(1000))
    while isinstance(inner, list) and inner:
        levels, inner = levels + 1, inner[0]
    assert levels <= DEEPEST + 1
