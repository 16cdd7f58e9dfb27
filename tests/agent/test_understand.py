"""Questions read by rules."""

import pytest
from rewatch.agent.understand import understand
from rewatch.memory import Span


@pytest.mark.parametrize(
    "question, kind, channel",
    [
        ("When does she mention the budget?", "when", "speech"),
        ("At what time is the word 'apple' spoken?", "when", "speech"),
        ("When is the title shown?", "when", "screen_text"),
        ("When does the sign say OPEN?", "when", "screen_text"),
        ("When does something red move through the picture?", "when", "objects"),
        ("When is the third cut?", "when", "shots"),
        ("What does he say about the weather?", "said", "speech"),
        ("What is said at 1:20?", "said", "speech"),
        ("What is the last thing she says?", "said", "speech"),
        ("What does the poster say?", "written", "screen_text"),
        ("Which number is on the door sign?", "written", "screen_text"),
        ("What is written at the top left?", "written", "screen_text"),
        ("According to the narrator, who built the bridge?", "fact", "speech"),
        ("How many cuts are there?", "count", "shots"),
        ("How many scenes does the video have?", "count", "shots"),
        ("How many times does he say “hello”?", "count", "speech"),
        ("How many moving objects cross the picture?", "count", "objects"),
        ("How many people are in the room?", "count", None),
        ("How long is the title on the screen?", "how_long", "screen_text"),
        ("Where on the screen is the logo?", "where", "screen_text"),
        ("From which side does the red ball come in?", "where", "objects"),
        ("What is the video about?", "summary", None),
        ("Summarise the video.", "summary", None),
        ("Is there any speech?", "yes_no", "speech"),
        ("Is the film in colour?", "yes_no", None),
        ("What breed is the dog?", "fact", None),
        ("What colour is her coat?", "fact", None),
    ],
)
def test_kind_and_channel(question, kind, channel):
    ask = understand(question)
    assert (ask.kind, ask.channel) == (kind, channel)


@pytest.mark.parametrize(
    "question, field, value",
    [
        ('When is the word "Americans" spoken?', "phrase", "Americans"),
        ("When is the digit 5 shown?", "phrase", "5"),
        ("What is said between 1:05 and 1:20?", "at", Span(65, 80)),
        ("What is shown 20 seconds in?", "at", Span(20, 20)),
        ("What is said from 10 to 12.5 s?", "at", Span(10, 12.5)),
        ("What is the first number shown?", "order", 1),
        ("What is the last thing she says?", "order", -1),
        ("Which four-digit number is on the plate?", "digits", 4),
        ("What is written at the top left?", "place", "top left"),
        ("When does something blue pass?", "colour", "blue"),
        ("What does the ticket cost?", "value", "price"),
        ("What is said right after the music stops?", "after", "the music stops"),
    ],
)
def test_details(question, field, value):
    assert getattr(understand(question), field) == value


def test_the_topic_leaves_the_frame_of_the_question_out():
    assert understand("What does the speaker say about the annual budget?").topic == ("annual", "budget")
