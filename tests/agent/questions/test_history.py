"""Follow-ups over runs: what a history may be, chains of runs, and whose now, videos and budget hold."""

from __future__ import annotations

from pathlib import Path

import pytest
from rewatch import ClipMemory, VideoAgent
from rewatch.agent import Answer, QuestionError
from rewatch.agent.questions.followups import complete
from rewatch.agent.trace import read_trace
from rewatch.tools import Budget

BUDGET = "What does the speaker say about the budget?"


def test_a_run_is_continued_with_those_before_it(notices: ClipMemory, tmp_path: Path) -> None:
    agent = VideoAgent(notices, traces=tmp_path)
    first = agent.ask(BUDGET)
    second = agent.ask("Is it final?", history=[first.run_id])
    third = agent.ask("and after that?", history=[second.run_id], budget=Budget(calls=5))
    assert second.question == "Is the budget final?"
    assert "umbrella" in third.text and third.budget["calls"] == 5
    row = read_trace(third.trace or "")[0]["question"]
    assert row["continues"] == second.run_id and row["asked"] == "and after that?"
    fourth = VideoAgent(notices).ask("and before that?", history=[Path(third.trace or "")])
    assert "ten million" in fourth.text  # back through the chain, by an agent that keeps no traces


def test_answers_and_pairs_are_histories_too(notices: ClipMemory) -> None:
    agent = VideoAgent(notices)
    assert agent.ask("Is it final?", history=[(BUDGET, "ten million")]).question == "Is the budget final?"
    answer = agent.ask(BUDGET)
    assert "umbrella" in agent.ask("and then?", history=[answer]).text


def test_the_time_of_a_run_holds_and_what_saw_more_is_not_used(notices: ClipMemory, tmp_path: Path) -> None:
    agent = VideoAgent(notices, traces=tmp_path)
    early = agent.ask("What is said?", now=5.0)
    later = agent.ask("and after that?", history=[early.run_id])
    assert "ten million" not in later.text and read_trace(later.trace or "")[0]["question"]["now"] == 5.0
    whole = agent.ask(BUDGET)
    for before in (whole.run_id, whole, Answer.from_dict(whole.as_dict())):
        blind = agent.ask("and before that?", history=[before], now=8.0)
        assert blind.question == "and before that?"
    again = agent.ask("and after that?", history=[early])
    assert again.now == 5.0 and "ten million" not in again.text


def test_what_cannot_be_continued_says_why(notices: ClipMemory, tmp_path: Path) -> None:
    with pytest.raises(QuestionError, match="There is no run nothing"):
        VideoAgent(notices, traces=tmp_path).ask("and then?", history=["nothing"])
    with pytest.raises(QuestionError, match="keeps no traces"):
        VideoAgent(notices).ask("and then?", history=["nothing"])
    agent = VideoAgent(notices, traces=tmp_path)
    answer = agent.ask(BUDGET)
    trace = Path(answer.trace or "")
    lines = trace.read_text(encoding="utf-8").splitlines(keepends=True)
    trace.write_text("".join(lines[:-1]), encoding="utf-8")
    with pytest.raises(QuestionError, match="has no answer yet"):
        agent.ask("and then?", history=[answer.run_id])


@pytest.mark.parametrize(
    "question, follow_up, understood",
    [
        ("Where is the hammer now?", "and the nails?", "Where is the nails now?"),
        ("When does Carter come on?", "for whom?", "for whom does Carter come on?"),
        ("When does Carter come on?", "where was that?", "where does Carter come on?"),
        ("What is said first after 00:40?", "What about Anna?", "What is said about Anna?"),
    ],
)
def test_follow_ups_repeat_the_question(question: str, follow_up: str, understood: str) -> None:
    assert complete(follow_up, [question], [Answer(question=question, text="so")]).text == understood


def test_a_name_is_looked_for_further_back() -> None:
    questions = ["Where is Maria?", "What is on the table?"]
    answers = [Answer(question=q, text="it is told") for q in questions]
    assert complete("When does she leave?", questions, answers).text == "When does Maria leave?"
