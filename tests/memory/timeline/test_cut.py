"""Views of a memory whose videos share a clock: every video ends at its own second."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import pytest
from rewatch.memory import (
    ArrayVideo,
    ClipMemory,
    FrameReader,
    MediaURI,
    Moment,
    RewatchError,
    Span,
    TimelineSpan,
    resolve_now,
)

DAY1, DAY2 = 86400 + 9 * 3600.0, 2 * 86400 + 8.5 * 3600


@pytest.fixture(scope="module")
def days(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClipMemory]:
    """Day 1 from 9:00 with a camera that starts 4 s later, day 2 from 8:30, one of nobody knows when; 8 s each."""
    rng = np.random.default_rng(0)
    memory = ClipMemory(tmp_path_factory.mktemp("days") / "memory")
    names = {}
    for name in ("morning", "camera", "second", "undated"):
        frames = rng.integers(0, 255, (16, 48, 64, 3), dtype=np.uint8)
        video = ArrayVideo(frames, fps=2, name=name)
        names[name] = memory.add(video, channels=["visual"], clip_seconds=2).id
    with memory.store.writing():
        for name, start in (("morning", DAY1), ("camera", DAY1 + 4), ("second", DAY2)):
            memory.store.put_recording(names[name], "main", start, None, "test")
    yield memory
    memory.close()


def ends(memory: ClipMemory, now: float | Moment) -> dict[str, float]:
    return {video.name: video.end for video in memory.until(now).videos()}


def test_a_moment_ends_every_video_of_its_timeline_at_that_instant(days: ClipMemory):
    assert ends(days, Moment(DAY1 + 5)) == {"morning": 5.0, "camera": 1.0}
    assert ends(days, Moment(DAY1 + 3.5)) == {"morning": 3.5}
    assert ends(days, Moment(DAY2 + 1)) == {"morning": 8.0, "camera": 8.0, "second": 1.0}
    assert ends(days, Moment(DAY2 + 1, "another")) == {}
    assert ends(days, Moment(1777798800.0)) == {}  # no date tells on which numbered day it is


def test_a_number_is_seconds_of_undated_videos_and_of_the_first_of_a_timeline(days: ClipMemory):
    assert ends(days, 5.0) == {"morning": 5.0, "camera": 1.0, "undated": 5.0}
    assert days.until(5.0).now_of("second") < 0


def test_views_read_search_and_show_each_video_up_to_its_own_second(days: ClipMemory):
    view = days.until(Moment(DAY1 + 5))
    morning, camera = (days.video(name).id for name in ("morning", "camera"))
    assert [clip.end for clip in view.clips(morning)] == [2.0, 4.0, 5.0]
    assert [clip.end for clip in view.clips(camera)] == [1.0]
    assert view.open(camera).info.end == 1.0
    hits = view.search(days.open(morning).frame(1.0).image, k=20)
    assert hits and all(hit.span.end <= view.now_of(hit.video) for hit in hits)
    assert {hit.video for hit in hits} <= {morning, camera}
    reader = FrameReader(view)
    assert len(reader.read([f"video:{camera}#t=0.5"])) == 1
    for hidden in (f"video:{camera}#t=1.5", f"video:{days.video('second').id}#t=0"):
        with pytest.raises(RewatchError):
            reader.read([hidden])
    with pytest.raises(RewatchError):
        view.video("undated")
    assert view.now_of("undated") == view.now_of("nothing") == -math.inf
    assert days.now_of(morning) == math.inf


def test_a_view_of_a_view_is_the_earlier_one_on_one_clock(days: ClipMemory):
    view = days.until(Moment(DAY1 + 5))
    assert view.until(Moment(DAY1 + 2)).now == Moment(DAY1 + 2)
    assert view.until(Moment(DAY2)).now == Moment(DAY1 + 5)
    for other in (3.0, Moment(DAY1, "another")):
        with pytest.raises(ValueError, match="one clock"):
            view.until(other)


def test_now_is_understood_against_what_is_asked_about(days: ClipMemory):
    records = {record.name: record for record in days.videos()}
    assert resolve_now(3.0, [records["second"]]) == Moment(DAY2 + 3)
    assert resolve_now(3.0, [records["second"], records["camera"]]) == Moment(DAY1 + 7)
    assert resolve_now(3.0, [records["undated"]]) == resolve_now(3.0, list(records.values())) == 3.0
    assert resolve_now("DAY2 08:30", list(records.values())) == Moment(DAY2)
    for text, about in (("DAY2 08:30", "undated"), ("tomorrow", "second")):
        with pytest.raises(ValueError):
            resolve_now(text, [records[about]])
    with pytest.raises(ValueError, match="that is a date.* write 'DAY2 08:30:00'"):
        resolve_now("2026-05-03T09:00", [records["second"]])


def test_a_span_of_one_camera_is_found_on_the_others(days: ClipMemory):
    morning, camera = (days.video(name).id for name in ("morning", "camera"))
    assert days.at_same_time("morning", Span(3, 6)) == [MediaURI(camera, Span(0, 2))]
    assert days.at_same_time(camera, Span(1, 8)) == [MediaURI(morning, Span(5, 8))]
    assert days.at_same_time("undated", Span(1, 8)) == []
    view = days.until(Moment(DAY1 + 5))
    assert view.at_same_time("morning", Span(3, 6)) == [MediaURI(camera, Span(0, 1))]
    assert days.recorded_in(TimelineSpan(DAY1 + 11, DAY2 + 1)) == [
        MediaURI(camera, Span(7, 8)),
        MediaURI(days.video("second").id, Span(0, 1)),
    ]


def test_searches_take_a_span_of_the_timeline_and_tell_where_on_it_hits_lie(days: ClipMemory):
    picture = days.open(days.video("second").id).frame(1.0).image
    hits = days.search(picture, k=20, between=TimelineSpan(DAY1 + 2, DAY1 + 6))
    spans = {(days.video(hit.video).name, hit.span.start) for hit in hits}
    assert spans == {("morning", 2.0), ("morning", 4.0), ("camera", 0.0)}
    assert all(hit.recorded and hit.recorded.duration == hit.span.duration for hit in hits)
    only = days.search(picture, k=20, between=TimelineSpan(DAY2, math.inf), videos="second")
    assert [hit.recorded for hit in only if hit.span.start == 2] == [Span(DAY2 + 2, DAY2 + 4)]
    assert {hit.recorded is None for hit in days.search(picture, k=50, videos="undated")} == {True}
    view = days.until(Moment(DAY1 + 5))
    found = view.search(picture, k=20, between=TimelineSpan(DAY1 + 2, math.inf))
    assert {(days.video(hit.video).name, hit.span.end) for hit in found} == {("morning", 4.0)}  # that is over by then
    assert view.search(picture, between=TimelineSpan(DAY2, DAY2 + 9)) == []
