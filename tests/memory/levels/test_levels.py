"""Hours, days and weeks over all videos of a timeline: summaries, search, renewal, and nothing of later."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from lives import DAY, HOUR, add, build
from rewatch.memory import ArrayVideo, ClipMemory, Moment, Span
from rewatch.memory.timeline.interval import TimelineSpan


@pytest.fixture(scope="module")
def life(tmp_path_factory: pytest.TempPathFactory) -> ClipMemory:
    return build(tmp_path_factory.mktemp("life"))


@pytest.fixture
def own(life: ClipMemory, tmp_path: Path) -> ClipMemory:
    """A copy to write to."""
    shutil.copytree(life.folder, tmp_path / "memory")
    return ClipMemory(tmp_path / "memory")


def test_a_day_is_that_of_the_calendar_over_all_videos(life: ClipMemory) -> None:
    days = life.summaries("day")
    assert [(day.start, day.end) for day in days] == [(n * DAY, (n + 1) * DAY) for n in (1, 2, 3)]
    second = days[1].text
    assert "violin" in second and "Lisbon" in second and "Soup" in second and "plumber" not in second
    assert {part.video for part in days[1].parts} == {life.video(n).id for n in ("two", "door", "kitchen")}
    hours = life.summaries("hour", Span(2 * DAY + 15 * HOUR, 2 * DAY + 16 * HOUR))
    assert len(hours) == 1 and len(hours[0].parts) == 2, "both cameras in one hour"
    (week,) = life.summaries("week")
    assert "cat" in week.text and week.span == Span(DAY, 8 * DAY)


def test_days_are_those_of_the_timelines_zone(tmp_path: Path) -> None:
    memory = ClipMemory(tmp_path / "memory")
    monday = 1777845600.0  # 2026-05-04 00:00 in UTC+2
    add(memory, tmp_path, "late", "2026-05-03T23:00+02:00", 2 * HOUR, [(60, "Before midnight."), (5000, "After it.")])
    sunday, first = memory.summaries("day")
    assert (sunday.end, first.start) == (monday, monday)
    assert "Before" in sunday.text and "After" in first.text and "After" not in sunday.text
    assert [week.end for week in memory.summaries("week")] == [monday, monday + 7 * DAY], "weeks begin on Mondays"


def test_only_what_contains_a_video_is_made_again(own: ClipMemory, tmp_path: Path) -> None:
    kept = {(s.level, s.start): s for level in ("hour", "day", "week") for s in own.summaries(level)}
    assert own.summarize() == 0, "nothing changed"
    add(own, tmp_path, "more", "DAY3 11:00", HOUR, [(10, "A walrus.")])
    now = {(s.level, s.start): s for level in ("hour", "day", "week") for s in own.summaries(level)}
    changed = {key for key in now if now[key] != kept.get(key)}
    assert changed == {("hour", 3 * DAY + 11 * HOUR), ("day", 3 * DAY), ("week", DAY)}
    own.remove("more")
    again = {(s.level, s.start): s for level in ("hour", "day", "week") for s in own.summaries(level)}
    assert again == kept
    texts = [row[0] for row in own.store.rows("SELECT text FROM summaries")]
    assert not any("walrus" in text for text in texts), "nothing of a removed video stays"


def test_search_finds_days_by_what_their_summaries_left_out(own: ClipMemory, tmp_path: Path) -> None:
    chatter = [(10.0 * k, f"Word{k} alpha{k} beta{k} gamma{k} delta{k}.") for k in range(1, 80)]
    add(own, tmp_path, "chatty", "DAY3 13:00", HOUR, [*chatter, (3000, "The tortoise ran.")])
    day = own.summaries("day", Span(3 * DAY, 4 * DAY))[0]
    assert "tortoise" not in day.text, "else nothing is shown"
    (best, *_) = own.search("Where is the tortoise?", level="day")
    assert best.node is not None and best.node.start == 3 * DAY
    assert best.video == own.video("chatty").id and "tortoise" in best.texts[0].text
    (hour, *_) = own.search("violin", level="hour", between=TimelineSpan(2 * DAY, 3 * DAY))
    assert hour.node is not None and hour.node.start == 2 * DAY + 10 * HOUR
    assert not own.search("violin", level="hour", between=TimelineSpan(DAY, 2 * DAY))


def test_clips_of_a_stretch_of_the_timeline(life: ClipMemory) -> None:
    hits = life.search("feed the cat", between=TimelineSpan(2 * DAY, 3 * DAY), k=20)
    assert {hit.video for hit in hits} <= {life.video(n).id for n in ("two", "door", "kitchen")} and hits
    assert not life.search("violin", between=TimelineSpan(2 * DAY, 2 * DAY + 9.5 * HOUR))


def test_levels_of_some_videos_know_no_others(life: ClipMemory) -> None:
    door = life.video("door").id
    (day,) = life.levels([door]).summaries("day")
    assert "Lisbon" in day.text and "Soup" not in day.text and "violin" not in day.text
    hits = life.search("violin Lisbon soup", level="day", videos=[door])
    assert {hit.video for hit in hits} == {door} and all("Soup" not in str(hit.node) for hit in hits)


def test_undated_videos_keep_their_own_levels(own: ClipMemory, tmp_path: Path) -> None:
    undated = add(own, tmp_path, "undated", None, 2 * HOUR, [(30, "A zeppelin.")])
    hits = own.search("zeppelin or violin", level="hour")
    its = next(hit for hit in hits if hit.video == undated)
    assert its.node is None and its.span == Span(0, HOUR)
    assert any(hit.node is not None for hit in hits)


def test_a_moment_cuts_every_summary(life: ClipMemory) -> None:
    view = life.until(Moment(2 * DAY + 10 * HOUR))
    days = view.summaries("day")
    assert [day.start for day in days] == [DAY, 2 * DAY]
    assert "cat" in days[1].text and "violin" not in days[1].text and "Lisbon" not in days[1].text
    assert all("Lisbon" not in s.text and "violin" not in s.text for s in view.summaries("week"))
    assert all(part.span.end <= view.now_of(part.video) for s in days for part in s.parts)
    assert not [hit for hit in view.search("violin Lisbon parcel", level="day") if hit.texts]
    assert days[0].text == life.summaries("day")[0].text, "what is over is as it is stored"


class Loud:
    """A summarizer that remembers what it read."""

    name = "loud"

    def __init__(self) -> None:
        self.read: list[str] = []

    def summarize(self, title: str, lines: Sequence[str]) -> str:
        self.read += [title, *lines]
        return f"{title}: {' '.join(lines).upper()}"


def test_a_model_writes_them_and_only_stale_ones_again(own: ClipMemory, tmp_path: Path) -> None:
    model = Loud()
    assert own.summarize(model) == len(own.summaries("hour")) + len(own.summaries("day")) + 1
    assert "VIOLIN" in own.summaries("day")[1].text and own.summaries("day")[1].maker == "loud"
    assert own.summarize(model) == 0
    # A view takes a model's words only of what is over.
    seen = own.until(Moment(2 * DAY + 10 * HOUR)).summaries("day")
    assert seen[0].maker == "loud" and seen[1].maker != "loud" and "VIOLIN" not in seen[1].text
    model.read.clear()
    add(own, tmp_path, "more", "DAY3 11:00", HOUR, [(10, "A walrus.")])
    assert own.summarize(model) == 3
    assert not any("Lisbon" in line for line in model.read if line.startswith("1"))


def test_habits_are_counted_by_days(life: ClipMemory) -> None:
    (habit, *others) = life.levels().habits("main")
    assert set(habit.words) >= {"feed", "cat"} and (len(habit.days), habit.of) == (3, 3) and not others
    assert abs(habit.time - (9 * HOUR + 700)) < 60
    assert [source.uri.video for source in habit.sources] == [life.video(n).id for n in ("one", "two", "three")]
    stored = life.store.rows("SELECT text FROM habits")
    assert stored == [(habit.text,)]
    seen = life.until(Moment(3 * DAY + 12 * HOUR)).levels().habits("main")
    assert [(len(h.days), h.of) for h in seen] == [(2, 2)], "today is not over"
    assert life.until(Moment(2 * DAY + 12 * HOUR)).levels().habits("main") == []


def test_a_memory_without_dates_has_no_levels(tmp_path: Path) -> None:
    memory = ClipMemory(tmp_path / "memory")
    memory.add(ArrayVideo(np.zeros((4, 24, 32, 3), np.uint8), fps=1), channels=["visual"], workers=0)
    assert memory.summaries("day") == [] and memory.summarize() == 0
