"""`detect_objects` and `track_objects`: what they tell, what they cost, and what they say where they cannot."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from painted import Painted, across, write
from rewatch.agent import VideoAgent
from rewatch.memory import OBJECTS, ClipMemory
from rewatch.tools import BUILT_IN, Observation, Spend, Toolbox


@pytest.fixture(scope="module")
def street(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """20 s: a car passes at 1-5 s, a person at 6-14 s, another car back at 12-17 s."""
    things = [("car", across(1, 5, 40)), ("person", across(6, 14, 100)), ("car", across(12, 17, 150, back=True))]
    return write(tmp_path_factory.mktemp("street") / "street.mp4", 20, things)


@pytest.fixture(scope="module")
def memory(street: Path, tmp_path_factory: pytest.TempPathFactory) -> ClipMemory:
    held = ClipMemory(tmp_path_factory.mktemp("memory"), detector=Painted())
    held.add(street, channels=["visual"], workers=0)
    return held


def call(
    memory: ClipMemory, tool: str, left: dict[str, float] | None = None, **arguments: Any
) -> tuple[Observation, Spend]:
    box = Toolbox(BUILT_IN)
    return asyncio.run(box.call(tool, arguments, memory=memory, videos=[memory.videos()[0].id], left=left or {}))


def test_who_comes_and_goes(memory: ClipMemory) -> None:
    seen, cost = call(memory, "track_objects", start=0, end=20)
    rows = seen.data["tracks"]
    assert [row["label"] for row in rows] == ["car", "person", "car"]
    for row, (start, end) in zip(rows, ((1, 5), (6, 14), (12, 17)), strict=True):
        assert abs(row["span"][0] - start) < 0.5 and abs(row["span"][1] - end) < 0.5
    assert [(row["enters"], row["direction"], row["leaves"]) for row in rows] == [
        ("left edge", "left to right", "right edge"),
        ("left edge", "left to right", "right edge"),
        ("right edge", "right to left", "left edge"),
    ]
    assert seen.data["totals"] == {"car": 2, "person": 1} and seen.data["most_at_once"] == 2
    assert seen.data["longest"] == rows[1]["id"]
    assert "2 cars, 1 person" in seen.text and "at most 2 at once" in seen.text and "Longest in view: #" in seen.text
    assert [count for _, count in seen.data["counts"]] == [0, 1, 0, 1, 2, 1, 0]
    assert cost.frames == 100  # 5 a second


def test_ids_hold_across_calls(memory: ClipMemory) -> None:
    whole = {tuple(row["box"]): row["id"] for row in call(memory, "track_objects", start=0, end=20)[0].data["tracks"]}
    assert len(set(whole.values())) == 3
    by_label: dict[str, set[int]] = {}
    for start, end in ((7, 10), (10, 13.5), (8, 12)):
        for row in call(memory, "track_objects", start=start, end=end, labels=["person"])[0].data["tracks"]:
            by_label.setdefault(row["label"], set()).add(row["id"])
    assert by_label == {"person": {2}}


@pytest.mark.parametrize("frames", [12, 30, 64])
def test_the_budget_bounds_the_rate(memory: ClipMemory, frames: int) -> None:
    seen, cost = call(memory, "track_objects", {"frames": frames}, start=0, end=20)
    assert cost.frames <= frames
    assert seen.data["totals"]["person"] == 1 or frames == 12  # eight looks at what passes in eight seconds
    person = next(row for row in seen.data["tracks"] if row["label"] == "person")
    assert abs(person["span"][0] - 6) < {12: 2.5, 30: 1.5, 64: 0.5}[frames]


def test_kinds_are_asked_for_in_many_words(memory: ClipMemory) -> None:
    assert call(memory, "track_objects", start=0, end=20, labels=["vehicles"])[0].data["totals"] == {"car": 2}
    assert call(memory, "track_objects", start=0, end=20, labels=["pedestrian"])[0].data["totals"] == {"person": 1}
    none, _ = call(memory, "track_objects", start=0, end=20, labels=["dogs"])
    assert none.data["totals"] == {} and not none.data["unknown"]
    unknown, _ = call(memory, "track_objects", start=0, end=20, labels=["unicorn"])
    assert (
        "does not know unicorn" in unknown.text and "person" in unknown.text and unknown.data["unknown"] == ["unicorn"]
    )


def test_objects_at_a_moment(memory: ClipMemory) -> None:
    seen, cost = call(memory, "detect_objects", time=13)
    assert seen.data["counts"] == {"person": 1, "car": 1} and cost.frames == 1
    assert seen.text.startswith("13.0 s: 1 person, 1 car") or seen.text.startswith("13.0 s: 1 car, 1 person")
    assert len(seen.uris) == 3 and all("xywh=percent" in uri for uri in seen.uris[1:])
    span, _ = call(memory, "detect_objects", start=0, end=20, labels=["car"])
    assert span.data["most_at_once"] == 1 and len(span.data["moments"]) == 12


def test_what_was_indexed_costs_nothing(street: Path, tmp_path: Path) -> None:
    detector = Painted()
    memory = ClipMemory(tmp_path, detector=detector)
    memory.add(street, channels=[OBJECTS], workers=0)
    looked = detector.looked
    seen, cost = call(memory, "track_objects", start=0, end=20)
    assert cost.frames == 0 and detector.looked == looked
    assert seen.data["totals"] == {"car": 2, "person": 1} and "known from indexing" in seen.text
    agent = VideoAgent(memory)
    assert agent.ask("How many cars drive through the picture in total?").text.startswith("2 cars in the whole video")
    assert agent.ask("When does the second car enter?").text.startswith("at 11.9 s")
    assert agent.ask("How many people are visible 9 seconds in?").text == "1 person at 9.0 s"
    assert agent.ask("Is there a dog in the picture?").text.startswith("no")
    assert agent.ask("How many unicorns drive through in total?").abstained


def test_without_weights_whatever_moves_is_followed(street: Path, tmp_path: Path) -> None:
    memory = ClipMemory(tmp_path)
    memory.add(street, channels=["visual"], workers=0)
    for tool, arguments in (("track_objects", {"start": 0, "end": 20}), ("detect_objects", {"start": 8})):
        seen, cost = call(memory, tool, **arguments)
        assert not seen.error and cost.frames == 0
        assert "--detector FILE" in seen.text and "yolo11n.pt (6 MB" in seen.text and "curl" in seen.text
    assert len(call(memory, "track_objects", start=0, end=20)[0].data["tracks"]) == 3


def test_another_detector_is_not_answered_from_the_cache(memory: ClipMemory) -> None:
    box = Toolbox(BUILT_IN)
    video = memory.videos()[0].id

    def again() -> Observation:
        return asyncio.run(box.call("detect_objects", {"start": 3}, memory=memory, videos=[video], left={}))[0]

    assert not again().cached and again().cached
    memory.use_detector(Painted("painted 2"))
    assert not again().cached
