"""Questions taken apart: kind, sense, topic, times, order, values, in people's words and in three languages."""

import pytest
from rewatch.agent.models.heuristic import parse
from rewatch.agent.models.heuristic.question_parser import at_in, needs_eyes, tells_showing
from rewatch.memory import Span


@pytest.mark.parametrize(
    ("question", "kind", "channel"),
    [
        ("When does she mention the budget?", "time", "speech"),
        ("when is the title shown", "time", "screen_text"),
        ("When is the third cut?", "time", "shots"),
        ("When does nobody speak?", "time", "silence"),
        ("What does he say about the weather?", "text", "speech"),
        ("What does the poster say?", "text", "screen_text"),
        ("Which number is on the door sign?", "text", "screen_text"),
        ("What word in large letters is on the lectern?", "text", "screen_text"),
        ("How many cuts are there?", "count", "shots"),
        ("How many times does he say “hello”?", "count", "speech"),
        ("How many people are in the room?", "count", None),
        ("How long is the title on the screen?", "how_long", "screen_text"),
        ("how long is this video", "file", None),
        ("has it got sound?", "file", None),
        ("which language is spoken", "file", "speech"),
        ("Where on the screen is the logo?", "where", "screen_text"),
        ("What is the video about?", "summary", None),
        ("what happens", "summary", None),
        ("In which video is the budget mentioned?", "video", "speech"),
        ("Is there any speech?", "yes_no", "speech"),
        ("Is Peter mentioned?", "yes_no", "speech"),
        ("Is the speaker a man or a woman?", "text", "speech"),
        ("When does the blue box go by?", "time", None),
        ("Wann beginnt die Besprechung?", "time", None),
        ("Wie viele Flaschen gibt es?", "count", None),
        ("¿Quién tomó las imágenes?", "text", None),
    ],
)
def test_kind_and_channel(question: str, kind: str, channel: str | None) -> None:
    ask = parse(question)
    assert (ask.kind, ask.channel) == (kind, channel)


@pytest.mark.parametrize(
    ("question", "field", "value"),
    [
        ('When is the word "Americans" spoken?', "phrase", "Americans"),
        ("how often does he say the word country?", "phrase", "country"),
        ("What does the word on the sign mean?", "phrase", None),
        ("What is the first number shown?", "order", 1),
        ("What is the last thing she says?", "order", -1),
        ("What does the sign say 20 seconds in?", "order", None),
        ("Which four-digit number is on the plate?", "digits", 4),
        ("What is written at the top left?", "place", ("top", "left")),
        ("When does something blue pass?", "color", "blue"),
        ("What does the ticket cost?", "value", "price"),
        ("What is said right after the music stops?", "anchor", ("after", "the music stops")),
        ("What does the speaker say about the annual budget?", "topic", ("annual", "budget")),
        ("What does the sign on the door say?", "topic", ()),
        ("Which of these is not mentioned?", "negated", True),
        ("what is said in all of these videos", "every", True),
    ],
)
def test_details(question: str, field: str, value: object) -> None:
    assert getattr(parse(question), field) == value


@pytest.mark.parametrize(
    ("words", "span"),
    [
        ("between 1:05 and 1:20", (65, 80)),
        ("from 10 to 12.5 s", (10, 12.5)),
        ("20 seconds in", (20, 20)),
        ("at 0:22", (22, 22)),
        ("after minute 1", (60, 100)),
        ("before 0:30", (0, 30)),
        ("in the last ten seconds", (90, 100)),
        ("in the first half", (0, 50)),
        ("in minute 1", (60, 100)),
    ],
)
def test_times_are_seconds_of_the_video(words: str, span: tuple[float, float]) -> None:
    ask = at_in(parse(f"What is shown {words}?"), Span(0, 100))
    assert ask.at == Span(*span)


def test_a_time_past_the_end_is_a_time_of_day() -> None:
    ask = at_in(parse("What happens at 3:45 according to the poster?"), Span(0, 100))
    assert ask.at is None and "3:45" in ask.topic


def test_what_only_eyes_can_tell_and_what_the_world_told_of_is() -> None:
    assert needs_eyes(parse("What color is her coat?")) and needs_eyes(parse("What is the man holding?"))
    assert not needs_eyes(parse("What does she say about the coat?"))
    assert not tells_showing(parse("When is the meeting?")) and tells_showing(parse("When is the sign visible?"))


@pytest.mark.parametrize(
    ("question", "start"),
    [
        ("What is said at 1h45m30s?", 6330.0),
        ("What is said at 105 min 30 s?", 6330.0),
        ("What is said at 105 minutes and 30 seconds?", 6330.0),
        ("What is said at 105'30\"?", 6330.0),
        ("What is said after 1 hour and 45 minutes?", 6300.0),
        ("What is said at 6,330 s?", 6330.0),
        ("What is said at -00:01.5?", -1.5),
    ],
)
def test_times_in_several_units_and_before_zero(question: str, start: float):
    times = parse(question).times
    assert times is not None and times.start == start


def test_capitals_name_a_word_that_frames_questions():
    assert parse("Is SECOND written anywhere?").phrase == "SECOND"
    assert parse("When does THE END appear?").phrase == "THE END"
    assert parse("IS ANYTHING WRITTEN?").phrase is None
    assert parse("Does EXIT appear anywhere?").topic == ("exit",)
