"""`search_clips`, `browse` and `find_habits` over the levels of a timeline, as a policy calls them."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from lives import build
from rewatch.memory import ClipMemory, Moment
from rewatch.tools import BUILT_IN, Observation, Toolbox


@pytest.fixture(scope="module")
def life(tmp_path_factory: pytest.TempPathFactory) -> ClipMemory:
    return build(tmp_path_factory.mktemp("life"))


def call(memory: Any, name: str, **arguments: Any) -> Observation:
    videos = [record.id for record in memory.videos()]
    made = Toolbox(BUILT_IN).call(name, arguments, memory=memory, videos=videos, left={"calls": 5})
    return asyncio.run(made)[0]


def test_search_finds_days_hours_and_then_clips(life: ClipMemory) -> None:
    day = call(life, "search_clips", query="violin", level="day", k=1)
    assert "DAY2" in day.lines[0].text and day.data["hits"][0]["node"]["level"] == "day"
    assert any("violin" in line.text and line.channel == "speech" for line in day.lines)
    hour = call(life, "search_clips", query="violin", level="hour", start="DAY2 00:00", end="DAY3 00:00", k=1)
    assert hour.data["hits"][0]["node"]["start"] == 2 * 86400 + 10 * 3600
    assert call(life, "search_clips", query="violin", start="DAY1 00:00", end="DAY2 00:00").data["hits"] == []


def test_browse_lists_days_over_all_videos(life: ClipMemory) -> None:
    days = call(life, "browse", level="day")
    assert [row["title"] for row in days.data["rows"]] == ["DAY1", "DAY2", "DAY3"]
    assert "Lisbon" in days.data["rows"][1]["text"] and "Soup" in days.data["rows"][1]["text"]
    hours = call(life, "browse", level="hour", start="DAY2 15:00", end="DAY2 17:00")
    assert [row["title"] for row in hours.data["rows"]] == ["DAY2 15:00-16:00", "DAY2 16:00-17:00"]
    assert "DAY1" in call(life, "browse", level="week").text


def test_habits_are_told_with_their_days_and_places(life: ClipMemory) -> None:
    seen = call(life, "find_habits", query="When does she usually feed the cat?")
    assert "on 3 of 3 days (DAY1 to DAY3), at about 09:12" in seen.text and len(seen.lines) == 3
    once = call(life, "find_habits", query="how often soup is mentioned")
    assert "on 1 of 3 days (DAY2)" in once.text
    assert call(life, "find_habits", query="paints the fence").data["habits"] == []


def test_at_a_moment_no_tool_knows_more(life: ClipMemory) -> None:
    view = life.until(Moment(2 * 86400 + 10 * 3600))
    told = [
        call(view, "search_clips", query="violin Lisbon soup", level=level).text for level in ("hour", "day", "week")
    ]
    told += [call(view, "browse", level=level).text for level in ("hour", "day", "week")]
    assert not any(word in text for text in told for word in ("violin", "Lisbon", "Soup", "once more"))
    assert "cat" in told[-1]
    assert call(view, "find_habits", query="feed the cat").data["habits"][0]["of"] == 1, "today is not over"


def test_a_question_about_one_camera_is_told_of_no_other(life: ClipMemory) -> None:
    door = life.video("door").id
    made = Toolbox(BUILT_IN).call("browse", {"level": "day"}, memory=life, videos=[door], left={"calls": 5})
    seen = asyncio.run(made)[0]
    assert "Lisbon" in seen.text and "Soup" not in seen.text and "violin" not in seen.text
