"""Wall-clock times in calls mean a video and its seconds, and what is found is told with them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import days
import pytest
from rewatch.memory import ClipMemory, Moment
from rewatch.tools import BUILT_IN, Observation, Toolbox

NINE = 86400 + 9 * 3600.0


@pytest.fixture(scope="module")
def memory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClipMemory]:
    with days.build(tmp_path_factory.mktemp("life")) as made:
        yield made


def call(memory: Any, tool: str, **arguments: Any) -> Observation:
    videos = [record.id for record in memory.videos()]
    seen, _ = asyncio.run(
        Toolbox(BUILT_IN).call(tool, arguments, memory=memory, videos=videos, left={"frames": 9, "calls": 9})
    )
    return seen


def id_of(memory: ClipMemory, name: str) -> str:
    return memory.video(name).id


@pytest.mark.parametrize(
    "arguments",
    [
        {"start": "DAY1 09:30", "end": "DAY1 09:30:20"},
        {"start": "DAY1_09300000", "end": "DAY1_09302000"},
        {"start": "DAY1 09:30:00 to 09:30:20"},
        {"span": "DAY1 09:30:00 - DAY1 09:30:20"},
        {"from": "day 1 9:30", "to": "day 1 9:31"},
    ],
)
def test_wall_clock_arguments_find_their_video(memory: ClipMemory, arguments: dict[str, str]):
    seen = call(memory, "transcribe", **arguments)
    assert "in my backpack" in seen.text and "dog barks" in seen.text, seen.text
    assert f"of video {id_of(memory, 'DAY1_09300000.mp4')}" in seen.text
    assert "DAY1 09:30:03 | 00:03-00:06" in seen.text


def test_a_time_of_day_alone_is_of_the_day_of_the_question(memory: ClipMemory):
    view = memory.until(Moment(NINE + 3600))  # on day 1 at 10:00
    assert "in my backpack" in call(view, "transcribe", start="09:30", end="09:30:10").text
    name = id_of(memory, "DAY1_09300000.mp4")
    assert "in my backpack" in call(memory, "transcribe", start="00:02", end="00:08", video=name).text  # of the video


def test_searches_look_into_all_that_was_recorded_then(memory: ClipMemory):
    seen = call(memory, "search_clips", query="red notebook", start="DAY1 09:00", end="DAY1 10:00")
    assert "kitchen table" in seen.text and "backpack" in seen.text
    assert "sofa" not in seen.text and "Martin" not in seen.text and "expensive" not in seen.text
    later = call(memory, "search_clips", query="red notebook", start="DAY2 00:00")
    assert "sofa" in later.text and "Martin" in later.text and "backpack" not in later.text
    assert later.data["hits"][0]["recorded"][0] > 2 * 86400
    kitchen = call(memory, "search_clips", query="kitchen", start="DAY1 09:00:10", end="DAY1 09:00:20")
    assert "coffee" in kitchen.text and "kitchen table" not in kitchen.text


def test_one_of_several_cameras_is_looked_at_and_the_others_are_named(memory: ClipMemory):
    seen = call(memory, "transcribe", start="DAY1 09:00:12", end="DAY1 09:00:18")
    assert "now we leave" in seen.text and f"{id_of(memory, 'DAY1_09001000.mp4')} recorded then too" in seen.text
    other = call(
        memory, "transcribe", start="DAY1 09:00:12", end="DAY1 09:00:18", video=id_of(memory, "DAY1_09001000.mp4")
    )
    assert "coffee" in other.text


def test_what_was_not_recorded_is_said_and_the_future_does_not_exist(memory: ClipMemory):
    seen = call(memory, "transcribe", start="DAY1 12:00", end="DAY1 12:01")
    assert "Nothing that may be known was recorded at DAY1 12:00:00" in seen.text
    seen = call(memory.until(Moment(NINE + 3600)), "transcribe", start="DAY2 08:30", end="DAY2 08:31")
    assert seen.error and "sofa" not in seen.text and "DAY2_08300000" not in seen.text
    assert "DAY3" not in seen.text


def test_looks_without_lines_tell_when_they_were(memory: ClipMemory):
    seen = call(memory, "view_clip", start="DAY1 09:30:02", end="DAY1 09:30:06")
    assert "(recorded DAY1 09:30:02 to DAY1 09:30:06)" in seen.text, seen.text


def test_undated_videos_are_told_as_before(memory: ClipMemory):
    seen = call(memory, "transcribe", video=id_of(memory, "talk.mp4"), start="0:02", end="0:08")
    assert "expensive" in seen.text and " | " not in seen.text
