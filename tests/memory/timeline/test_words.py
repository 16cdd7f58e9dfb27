from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta, timezone

import pytest
from rewatch.memory import Moment
from rewatch.memory.timeline.words import time_in

ZONE = 7200
BERLIN = timezone(timedelta(seconds=ZONE))
NOW = Moment(datetime(2026, 5, 7, 14, 30, tzinfo=BERLIN).timestamp(), "trip")  # a Thursday


def at(day: int, hour: float = 0, month: int = 5) -> float:
    return datetime(2026, month, day, tzinfo=BERLIN).timestamp() + hour * 3600


@pytest.mark.parametrize(
    "text, start, end, rest",
    [
        ("What did Maria say yesterday?", at(6), at(7), "What did Maria say?"),
        ("Yesterday Maria left: where to?", at(6), at(7), "Maria left: where to?"),
        ("What did I eat the day before yesterday?", at(5), at(6), "What did I eat?"),
        ("Who called this morning?", at(7, 5), at(7, 12), "Who called?"),
        ("Who called yesterday afternoon?", at(6, 12), at(6, 18), "Who called?"),
        ("Where was I last night?", at(6, 18), at(7, 5), "Where was I?"),
        ("What did she cook on Tuesday morning?", at(5, 5), at(5, 12), "What did she cook?"),
        ("What did she cook Tuesday evening?", at(5, 18), at(5, 23), "What did she cook?"),
        ("Where did we go last Thursday?", at(30, month=4), at(1), "Where did we go?"),
        ("Where did we go on Thursday?", at(7), at(8), "Where did we go?"),
        ("Where did we go on Friday?", at(1), at(2), "Where did we go?"),
        ("Two days ago, who was here?", at(5), at(6), "who was here?"),
        ("Who was here two weeks ago?", at(20, month=4), at(27, month=4), "Who was here?"),
        ("Who was here last week?", at(27, month=4), at(4), "Who was here?"),
        ("Who was here this week?", at(4), at(11), "Who was here?"),
        ("Who was here last weekend?", at(2), at(4), "Who was here?"),
        ("What did he say at 9:30?", at(7, 9.5) - 300, at(7, 9.5) + 300, "What did he say?"),
        ("What did he say at 9:30 pm?", at(6, 21.5) - 300, at(6, 21.5) + 300, "What did he say?"),
        ("What did he say yesterday at 4 pm?", at(6, 16) - 300, at(6, 16) + 300, "What did he say?"),
        ("What did he say around 9 am yesterday?", at(6, 9) - 1200, at(6, 9) + 1200, "What did he say?"),
        ("What was said between 9 and 10 am?", at(7, 9), at(7, 10), "What was said?"),
        ("What was said between 11 and 1 pm?", at(7, 11), at(7, 13), "What was said?"),
        ("What was said from 9:00 to 10:30 on 2026-05-03?", at(3, 9), at(3, 10.5), "What was said?"),
        ("Who came before 9:30?", at(7), at(7, 9.5), "Who came?"),
        ("Who came yesterday after 18:00?", at(6, 18), at(7), "Who came?"),
        ("Who came in the afternoon on May 3?", at(3), at(4), "Who came in the afternoon?"),
        ("Who came on the 3rd of May in the afternoon?", at(3, 12), at(3, 18), "Who came?"),
        ("Who came on December 24?", datetime(2025, 12, 24, tzinfo=BERLIN).timestamp(),
         datetime(2025, 12, 25, tzinfo=BERLIN).timestamp(), "Who came?"),
        ("Who has called since yesterday?", at(6), math.inf, "Who has called?"),
        ("What happened before yesterday?", -math.inf, at(6), "What happened?"),
        ("What happened in the last 10 minutes?", at(7, 14.5) - 600, at(7, 14.5), "What happened?"),
        ("What was on the table an hour ago?", at(7, 12.5), at(7, 14.5), "What was on the table?"),
    ],
)  # fmt: skip
def test_phrases_mean_spans_of_the_timeline(text: str, start: float, end: float, rest: str):
    found = time_in(text, NOW, ZONE)
    assert found is not None
    assert (found.during.start, found.during.end) == (start, end), text
    assert (found.during.timeline, found.rest) == ("trip", rest)


@pytest.mark.parametrize(
    "text",
    [
        'Who says "yesterday"?',
        "Who sings “Yesterday” at the party?",
        "Who sings Yesterday at the party?",
        "Who wrote the song Ruby Tuesday?",
        "What will happen on Thursday?",
        "Who is going to come on Friday morning?",
        "When is Last Week Tonight on?",
        "What did he say about yesterday?",
        "Who won yesterday's match?",
        "What happens on day 2 of the fair?",
        "When does the last week of the course begin?",
        "How many days ago was the war?",
        "What is written at 9 Baker Street?",
        "What costs between 9 and 10 dollars?",
        "What happens after the dog barks?",
        "Where is the red notebook?",
        "Is the today-button pressed?",
    ],
)
def test_what_is_quoted_a_title_or_a_topic_says_nothing_of_time(text: str):
    assert time_in(text, NOW, ZONE) is None


def test_days_with_numbers_alone_have_no_weekdays():
    now = Moment(3 * 86400 + 8 * 3600.0)
    span = time_in("What did Jake say on day 2 at 9:30?", now, None)
    assert span is not None and span.during.start == 2 * 86400 + 9.5 * 3600 - 300
    span = time_in("What did Jake say yesterday morning?", now, None)
    assert span is not None and (span.during.start, span.during.end) == (2 * 86400 + 5 * 3600, 2 * 86400 + 12 * 3600)
    assert time_in("What did Jake say on Tuesday?", now, None) is None
    span = time_in("What did Jake say at 9:30?", now, None)  # which today has not come yet
    assert span is not None and span.during.start == 2 * 86400 + 9.5 * 3600 - 300
    assert time_in("What did Jake say at 9:30?", now, None, bare_times=False) is None
    assert time_in("What did Jake say at 9:30 am?", now, None, bare_times=False) is not None


def test_a_zone_moves_the_day():
    now = Moment(datetime(2026, 5, 6, 23, 30, tzinfo=UTC).timestamp())
    span = time_in("today?", now, ZONE)
    assert span is not None and span.during.start == at(7)
