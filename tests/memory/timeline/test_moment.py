from __future__ import annotations

import pytest
from rewatch.memory import Moment, day_of, parse_moment, wall_clock

MAY_3 = 1777766400.0  # 2026-05-03 00:00 UTC


@pytest.mark.parametrize(
    "text, seconds",
    [
        ("2026-05-03T09:00", MAY_3 + 9 * 3600),
        ("2026-05-03 09:00:05.5", MAY_3 + 9 * 3600 + 5.5),
        ("2026-05-03T09:00+02:00", MAY_3 + 7 * 3600),
        ("2026-05-03T09:00:00Z", MAY_3 + 9 * 3600),
        ("2026-05-03 09:00 Europe/Berlin", MAY_3 + 7 * 3600),  # summer time
        ("2026-01-03 09:00 Europe/Berlin", MAY_3 - 120 * 86400 + 8 * 3600),  # winter time
        ("2026-05-03", MAY_3),
        ("DAY2 08:30", 2 * 86400 + 8.5 * 3600),
        ("day 2 at 8:30:15", 2 * 86400 + 8.5 * 3600 + 15),
        ("DAY2_08300010", 2 * 86400 + 8.5 * 3600 + 0.5),
        ("DAY1", 86400.0),
    ],
)
def test_moments_are_read_as_people_write_them(text: str, seconds: float):
    assert parse_moment(text) == Moment(seconds)


def test_what_a_text_leaves_out_comes_from_zone_and_now():
    assert parse_moment("2026-05-03T09:00", zone=7200).seconds == MAY_3 + 7 * 3600
    now = Moment(MAY_3 + 22.5 * 3600, "trip")  # in Berlin it is the fourth of May
    assert parse_moment("09:14", zone=7200, now=now) == Moment(MAY_3 + 86400 + 7.0 * 3600 + 14 * 60, "trip")
    assert parse_moment("09:14", now=Moment(2 * 86400 + 100)).seconds == 2 * 86400 + 9 * 3600 + 14 * 60


@pytest.mark.parametrize(
    "text",
    ["", "soon", "12.5", "09:14", "2026-13-01T09:00", "2026-02-30", "1975-05-03", "DAY2 25:00", "DAY2 08:60",
     "DAY2_08990000", "2026-05-03T09:00+99:00", "2026-05-03 09:00 Europe/Nowhere", "9" * 500],
)  # fmt: skip
def test_what_names_no_moment_is_refused_in_one_line(text: str):
    with pytest.raises(ValueError) as error:
        parse_moment(text)
    assert "\n" not in str(error.value)


def test_the_wall_clock_is_told_in_its_zone():
    assert wall_clock(MAY_3 + 7.25 * 3600 + 5.7, 7200) == "2026-05-03 09:15:05+02:00"
    assert wall_clock(MAY_3 + 7.25 * 3600, None) == "2026-05-03 07:15:00"
    assert wall_clock(2 * 86400 + 8.5 * 3600, None) == "DAY2 08:30:00"
    for seconds in (MAY_3 + 7.25 * 3600 + 5, 2 * 86400 + 8.5 * 3600.0):
        assert parse_moment(wall_clock(seconds, None)).seconds == seconds


def test_a_day_begins_at_midnight_of_its_zone():
    assert day_of(MAY_3 + 3600, None) == (MAY_3, MAY_3 + 86400)
    assert day_of(MAY_3 + 23 * 3600, 7200) == (MAY_3 + 22 * 3600, MAY_3 + 46 * 3600)
    assert day_of(2 * 86400 + 5, 7200) == (2 * 86400, 3 * 86400)
