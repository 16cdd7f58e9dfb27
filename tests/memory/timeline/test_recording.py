from __future__ import annotations

from pathlib import PurePath

import pytest
from rewatch.memory.timeline.recording import Recording, chapter_of, find_recording

MAY_3 = 1777766400.0  # 2026-05-03 00:00 UTC
NINE = MAY_3 + 9 * 3600
DAY = 86400.0


def found(name: str, duration: float = 10.0, **tags: str) -> tuple[float | None, int | None] | None:
    recording = find_recording(PurePath(name), {key.replace("__", "."): value for key, value in tags.items()}, duration)
    return None if recording is None else (recording.start, recording.zone)


@pytest.mark.parametrize(
    "name, start, zone",
    [
        ("DAY1_11093000.mp4", DAY + 11 * 3600 + 9 * 60 + 30, None),
        ("A1_JAKE/DAY1/DAY1_A1_JAKE_11093010.mp4", DAY + 11 * 3600 + 9 * 60 + 30.5, None),
        ("A1_JAKE/DAY7/11093000.mp4", 7 * DAY + 11 * 3600 + 9 * 60 + 30, None),
        ("A1_JAKE_DAY2_14000000.mp4", 2 * DAY + 14 * 3600, None),
        ("20260503_090000.mp4", NINE, None),
        ("VID_20260503_090000123.mp4", NINE, None),
        ("PXL_20260503_070000123.mp4", NINE - 7200, 0),
        ("PXL_20260503_070000123.TS.mp4", NINE - 7200, 0),
        ("2026-05-03 09-00-00.mkv", NINE, None),
        ("DJI_20260503090000_0001_D.MP4", NINE, None),
        ("2026_0503_090000_001.MP4", NINE, None),
        ("20260503T070000Z.mp4", NINE - 7200, 0),
        ("WhatsApp Video 2026-05-03 at 09.00.00.mp4", NINE, None),
        ("Screen Recording 2026-05-03 at 9.00.00 PM.mov", NINE + 12 * 3600, None),
        ("2026-05-03/09-00-00.mp4", NINE, None),
    ],
)
def test_names_of_devices_and_data_sets_tell_the_start(name: str, start: float, zone: int | None):
    assert found(name) == (start, zone)


@pytest.mark.parametrize(
    "name",
    ["talk.mp4", "IMG_0042.MOV", "IMG-20260503-WA0001.mp4", "2026-05-03.mp4", "DAY3.mp4", "holiday_123456.mp4",
     "20260431_090000.mp4", "20260503_256199.mp4", "1777766400123.mp4", "today_12000000.mp4", "GX010123.MP4",
     "2026-05-03 trip/IMG 123456.mp4"],
)  # fmt: skip
def test_names_without_both_date_and_time_tell_nothing(name: str):
    assert found(name) is None


def test_metadata_with_a_zone_come_before_those_without():
    both = {"creation_time": "2026-05-03T07:00:00.000000Z"}
    assert found("IMG_0042.MOV", **both, com__apple__quicktime__creationdate="2026-05-03T09:00:00+0200") == (
        NINE - 7200,
        7200,
    )
    assert found("IMG_0042.MOV", **both) == (NINE - 7200, 0)
    assert found("clip.avi", creation_time="2026-05-03 09:00:00") == (NINE, None)
    assert found("IMG_0042.MOV", **both, com__android__version="15") == (NINE - 7200 - 10, 0)
    assert found("GX010123.MP4", creation_time="2026-05-03T09:00:00.000000Z") == (NINE, None)
    assert found("a.mp4", creation_time="2026-05-03T09:00:00Z", encoder="DJI Mini 4") == (NINE, None)


@pytest.mark.parametrize(
    "time",
    ["1904-01-01T00:00:00.000000Z", "1970-01-01T00:00:00Z", "1980-01-06T00:00:12Z", "2016-01-01T00:00:31Z", "2026",
     "2026-05-03", "yesterday", ""],
)  # fmt: skip
def test_clocks_that_were_never_set_tell_nothing(time: str):
    assert found("IMG_0042.MOV", creation_time=time) is None


def test_the_time_of_an_export_is_none_of_a_recording():
    utc = "2026-05-03T07:00:00Z"
    assert found("stock.mp4", creation_time=utc, encoder="AVC Coding", handler_name="Mainconcept Video Media") is None
    assert found("cut.mp4", creation_time=utc, encoder="HandBrake 1.8") is None
    assert found("own.mp4", creation_time=utc, encoder="Lavf61.1.100") == (NINE - 7200, 0)


def test_name_and_metadata_together_tell_the_zone():
    for utc in ("07:00:03", "07:00:12"):  # of the start, or of the end
        assert found("20260503_090000.mp4", creation_time=f"2026-05-03T{utc}Z") == (NINE - 7200, 7200)
    assert found("PXL_20260503_070000123.mp4", com__apple__quicktime__creationdate="2026-05-03T09:00:01+0200") == (
        NINE - 7200,
        7200,
    )


@pytest.mark.parametrize(
    "tags",
    [{"creation_time": "2026-05-03T07:07:00Z"}, {"creation_time": "2024-02-03T07:00:00Z"},
     {"creation_time": "2026-05-03 09:01:30"}, {"com.apple.quicktime.creationdate": "2026-05-03T10:00:00+0200"}],
)  # fmt: skip
def test_the_name_counts_and_what_contradicts_it_is_said(tags: dict[str, str]):
    recording = find_recording(PurePath("20260503_090000.mp4"), tags, 10.0)
    assert recording is not None and recording.start in (NINE, NINE - 7200)
    assert recording.source.startswith("its file name; its metadata (") and " says 202" in recording.source


def test_agreeing_sources_are_not_told_twice_and_a_time_of_saving_gives_way():
    recording = find_recording(PurePath("20260503_090000.mp4"), {"creation_time": "2026-05-03 09:00:40"}, 10.0)
    assert recording == Recording(NINE, None, "its file name")
    sent = "WhatsApp Video 2026-05-03 at 19.00.00.mp4"
    assert found(sent, creation_time="2026-05-03T07:00:00Z") == (NINE - 7200, 0)
    recording = find_recording(PurePath(sent), {}, 10.0)
    assert recording is not None and "sent or saved" in recording.source


def test_chapters_of_a_gopro_are_told_by_number():
    assert [chapter_of(name) for name in ("GX010123.MP4", "gh020123.mp4", "GOPR0123.MP4", "GP030123.MP4")] == [
        ("0123", 1), ("0123", 2), ("0123", 0), ("0123", 3)
    ]  # fmt: skip
    assert chapter_of("GX10123.MP4") is None
