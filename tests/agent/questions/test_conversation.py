"""Conversations: what follow-ups are understood as, and what a language model is told."""

from __future__ import annotations

import json

import pytest
from langchain_core.messages import AIMessage
from rewatch import ClipMemory, VideoAgent
from rewatch.agent import Answer, Conversation, Evidence, QuestionError
from rewatch.agent.questions.followups import complete

from ..scripted import Scripted

WHO = "Who is responsible for marketing?"
BUDGET = "What does she say about the budget?"


def told(text: str, start: float, end: float, tool: str = "transcribe", video: str = "abc") -> Answer:
    evidence = Evidence(claim=text, uri=f"video:{video}#t={start},{end}", tool=tool)
    return Answer(question="", text=text, evidence=(evidence,))


def test_when_after_what_came_then_asks_for_what_was_told():
    quoted = Evidence(
        claim="the train leaves", uri="video:abc#t=5,7", tool="transcribe", quote="The train leaves at noon."
    )
    then = Answer(question="", text="The train leaves at noon.", evidence=(quoted,))
    questions, answers = [BUDGET, "What is said first after 00:04?"], [told("ten million", 1, 4), then]
    asked = complete("When was it said?", questions, answers).text
    assert asked == "When is “The train leaves at noon.” said?"
    assert complete("When was it said?", questions[:1], answers[:1]).text == "When does she say about the budget?"


@pytest.mark.parametrize(
    "question, answer, follow_up, understood",
    [
        (BUDGET, told("ten million", 41, 49.34), "and after that?", "What is said first after 00:49.4?"),
        (BUDGET, told("ten million", 41, 49.34), "What does she say then?", "What does she say first after 00:49.4?"),
        (BUDGET, told("ten million", 41, 49), "And before that?", "What is said last before 00:41?"),
        (BUDGET, told("ten million", 41, 49), "What happens next?", "What is said first after 00:49?"),
        (BUDGET, told("ten million", 41, 49), "Is it final?", "Is the budget final?"),
        (BUDGET, told("ten million", 41, 49), "and about the team?", "What does she say about the team?"),
        (
            BUDGET,
            told("ten million", 41, 49),
            "What is on the screen at that moment?",
            "What is on the screen between 00:41 and 00:49?",
        ),
        (
            "What does the sign say?",
            told("EXIT", 3, 5, "read_text"),
            "then?",
            "What is written on the screen first after 00:05?",
        ),
        (WHO, told("Peter will be responsible for marketing", 22, 25), "When does he start?", "When does Peter start?"),
        (WHO, told("Peter will be responsible for marketing", 22, 25), "what's his job?", "what's Peter's job?"),
        ("What is the first prize?", told("a computer", 85, 87), "and the second?", "What is the second prize?"),
        ("When does the car come?", told("at 24 s", 24, 29, "track_objects"), "and then?", "What happens after 00:29?"),
        (WHO, told("Peter", 22, 25), "what about sales?", "Who is responsible for sales?"),
        ("When does Peter start?", told("in September", 60, 62), "and Maria?", "When does Maria start?"),
        ("When does the red car arrive?", told("at 24 s", 24, 29), "where?", "where does the red car arrive?"),
        (
            "When does the red car arrive?",
            told("at 24 s", 24, 29),
            "What is its color?",
            "What is the red car's color?",
        ),
    ],
)
def test_follow_ups_are_completed(question: str, answer: Answer, follow_up: str, understood: str):
    assert complete(follow_up, [question], [answer]).text == understood


@pytest.mark.parametrize(
    "question",
    [
        "How many cars are there?",
        "What did they say about the salary of Peter?",
        "Was steht auf dem Plakat?",
        "What is written in the next chapter of the book?",
        "What time is it on the clock?",
    ],
)
def test_questions_that_stand_alone_stay(question: str):
    assert complete(question, [BUDGET], [told("ten million", 41, 49)]).text == question
    assert complete("and after that?", [], []).text == "and after that?"  # nothing came before


def test_a_time_means_the_video_that_was_cited_and_the_last_place_that_there_was():
    answers = [told("ten million", 41, 49, video="first"), Answer(question="", text="nothing found", abstained=True)]
    found = complete("and then?", [BUDGET, "Who is Maria?"], answers)
    assert found.video == "first" and "after 00:49" in found.text
    assert complete("How many cars are there?", [BUDGET, "Who is Maria?"], answers).video is None


def test_a_conversation_asks_what_was_understood(notices: ClipMemory):
    conversation = VideoAgent(notices).chat()
    assert isinstance(conversation, Conversation)
    first = conversation.ask("What does the speaker say about the budget?")
    assert "ten million" in first.text
    events: list[dict] = []
    second = conversation.ask("Is it final?", listener=events.append)
    assert [e.understood for e in conversation.exchanges][1] == "Is the budget final?" == second.question
    assert "earlier" not in events[0]["question"]  # rules read the question alone
    conversation.ask("and after that?")
    assert "after 00:13" in conversation.exchanges[-1].understood


def test_a_language_model_is_told_what_was_said_before(notices: ClipMemory):
    prompts: list[str] = []

    def step(messages: list, tools: bool) -> AIMessage:
        prompts.append(str(messages[1].content))
        return AIMessage(content=json.dumps({"answer": "ten million", "evidence": []}))

    conversation = VideoAgent(notices, policy=Scripted(step=step)).chat(notices.videos()[0].id.split())
    conversation.ask("What is the budget?")
    conversation.ask("Is it final?")
    assert "Asked before" not in prompts[0]
    assert "Asked before: What is the budget?\nAnswered then: «ten million»" in prompts[-1]
    assert "Is it final? (that is: Is the budget final?)" in prompts[-1]


def test_what_saw_more_than_now_is_not_told_again(notices: ClipMemory):
    prompts: list[str] = []

    def step(messages: list, tools: bool) -> AIMessage:
        prompts.append(str(messages[1].content))
        return AIMessage(content=json.dumps({"answer": f"answer {len(prompts)}", "evidence": []}))

    conversation = VideoAgent(notices, policy=Scripted(step=step)).chat(notices.videos()[0].id.split())
    for now, asked in (
        (None, "What is the secret?"),
        (12.0, "Who speaks?"),
        (15.0, "What is shown?"),
        (12.0, "Is it?"),
    ):
        conversation.now = now
        conversation.ask(asked)
    before = prompts[-1].partition("Question:")[0]
    assert "Who speaks?" in before and "It is now 00:12" in before and "00:00 to 00:12," in before
    assert "secret" not in before and "What is shown?" not in before
    conversation.now = None
    conversation.ask("And?")
    assert "secret" in prompts[-1] and "What is shown?" in prompts[-1]


@pytest.mark.parametrize("now", [-1.0, float("nan"), float("inf"), 1e12, 0.0])
def test_a_now_that_is_no_time_is_one_line(notices: ClipMemory, now: float):
    with pytest.raises(QuestionError) as told:
        VideoAgent(notices).ask("What is said?", now=now)
    assert "give " in str(told.value) and "\n" not in str(told.value)
    assert not VideoAgent(notices).ask("What does the speaker say about the budget?", now=5000).abstained
