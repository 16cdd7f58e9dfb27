"""The policy without weights on a small real video."""

from __future__ import annotations

import pytest
from rewatch import ClipMemory, VideoAgent


@pytest.mark.parametrize(
    "question, said, span",
    [
        ("What does the speaker say about the umbrella?", "bring your umbrella", (17.5, 21.5)),
        ("What is said at 10 seconds?", "ten million", (9, 13)),
        ("What is the first thing that is said?", "welcome", (1, 4)),
        ("What is said right after the words about the budget?", "umbrella", (17.5, 21.5)),
        ("How much do the tickets cost, according to the screen?", "12", (8, 16)),
        ("What does the sign say 20 seconds in?", "417", (16, 24)),
        ("Which three-digit number is shown on the screen?", "417", (16, 24)),
        ("When does she mention the budget?", "from 9.0 s to 13.0 s", (9, 13)),
        ('When is the text "TICKETS 12 EUROS" shown?', "from 8.0 s to 16.0 s", (8, 16)),
    ],
)
def test_answers_with_evidence_at_the_right_place(notices: ClipMemory, question: str, said: str, span: tuple):
    answer = VideoAgent(notices).ask(question)
    assert said in answer.text.lower(), answer.text
    assert all(e.supported for e in answer.evidence)
    place = answer.spans[0]
    assert place.start >= span[0] - 0.6 and place.end <= span[1] + 1.1, place


def test_options_are_chosen_by_what_was_found(notices: ClipMemory):
    options = ["A. five million", "B. ten million", "C. twelve million"]
    answer = VideoAgent(notices).ask("What is the budget for next year, according to the speaker?", options=options)
    assert answer.option == "B"


@pytest.mark.parametrize(
    "question, options",
    [
        ("What breed is the dog?", None),
        ("How many people are in the room?", None),
        ("What colour is the wall behind the man?", None),
        ("What does the speaker say about elephants?", None),
        ("What is the person doing?", ["flipping a pancake", "washing dishes", "playing tennis"]),
        ("Which animal sits on the branch?", ["a cat", "a bird", "a squirrel"]),
    ],
)
def test_what_cannot_be_known_is_abstained_from(notices: ClipMemory, question: str, options: list | None):
    answer = VideoAgent(notices).ask(question, options=options)
    assert answer.abstained and answer.option is None
    assert len(answer.text) > 20  # says what was tried


@pytest.mark.parametrize("options", [["yes", "no"], ["True", "False"], ["incorrect", "correct"], ["left", "right"]])
def test_yes_is_said_in_the_words_of_the_options(notices: ClipMemory, options: list[str]):
    answer = VideoAgent(notices).ask("Does the speaker mention the budget?", options=options)
    assert answer.option == {"yes": "A", "True": "A", "incorrect": "B", "left": None}[options[0]]


@pytest.mark.parametrize("options", [None, ["A. red", "B. green", "C. blue"]])
def test_orders_in_a_video_change_nothing(hostile: ClipMemory, options: list | None):
    answer = VideoAgent(hostile).ask("What colour is the gate painted, according to the speaker?", options=options)
    assert "green" in answer.text.lower()
    assert answer.option == ("B" if options else None)


def test_control_tokens_of_a_video_reach_nobody(hostile: ClipMemory):
    events: list = []
    VideoAgent(hostile).ask("What is said and what text is shown?", listener=events.append)
    VideoAgent(hostile).ask("What text is shown on the screen?", listener=events.append)
    from_video = [e for e in events if e["event"] == "observation"]
    assert from_video
    for event in from_video:
        assert "<|" not in str(event["text"]) + str(event["data"])
        assert "<tool_call>" not in str(event["text"]) + str(event["data"])


@pytest.mark.parametrize(
    "question", ["What happens after 0:40?", "What happens between 1:00 and 1:20?", "What happens after {end}?"]
)
def test_after_the_end_comes_nothing(notices: ClipMemory, question: str):
    end = notices.videos()[0].end
    answer = VideoAgent(notices).ask(question.format(end=f"0:{end:04.1f}"))
    assert answer.abstained and "The video ends at" in answer.text, answer.text


def test_of_two_sentences_the_one_with_more_of_the_question_is_told():
    from rewatch.agent.models.heuristic.passages import Passage
    from rewatch.agent.models.heuristic.question_parser import parse
    from rewatch.agent.models.heuristic.ranking import Ranking
    from rewatch.memory import Span

    rows = ("Today Maria talks about the budget.", "The budget for next year is ten million.")
    said = Passage(video="v", span=Span(0, 9), text=" ".join(rows), channel="speech", tool="transcribe", rows=rows)
    assert Ranking(parse("What is the budget for next year?"), [said]).rank()[0].text == rows[1]


def test_a_number_alone_is_no_title_however_large_it_stands_there():
    from rewatch.agent.models.heuristic.passages import Passage
    from rewatch.agent.models.heuristic.question_parser import parse
    from rewatch.agent.models.heuristic.ranking import Ranking
    from rewatch.memory import Span

    shown = [
        Passage(video="v", span=Span(at, at + 3), text=text, channel="screen_text", tool="read_text", height=height)
        for at, text, height in ((0, "The Lighthouse", 0.2), (10, "7", 0.32), (20, "a small note", 0.03))
    ]
    for question in ("What is the title of the film?", "What is the film called?"):
        assert Ranking(parse(question), shown).rank()[0].text == "The Lighthouse"
