"""Questions about several days and cameras on one clock: what may be known, and what words for time mean."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Iterator
from pathlib import Path

import days
import pytest
from rewatch.agent import VideoAgent
from rewatch.agent.questions.question import Question, QuestionError, question_about
from rewatch.agent.report import write_report
from rewatch.memory import ClipMemory, Moment, TimelineSpan

DAY = 86400.0


@pytest.fixture(scope="module")
def memory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClipMemory]:
    with days.build(tmp_path_factory.mktemp("life")) as made:
        yield made


@pytest.fixture(scope="module")
def agent(memory: ClipMemory) -> VideoAgent:
    return VideoAgent(memory, traces=memory.folder / "runs")


def test_on_day_1_at_nine_nothing_of_day_2_is_known(agent: VideoAgent):
    answer = agent.ask("Where is the red notebook?", now="DAY1 09:00:10")
    assert "kitchen table" in answer.text and "sofa" not in json.dumps(answer.as_dict())
    assert answer.evidence[0].wall_clock == ("DAY1 09:00:02", "DAY1 09:00:05")
    page = write_report(answer.trace or "", Path(answer.trace or "").with_suffix(".html")).read_text()
    assert "DAY1 09:00:02 to DAY1 09:00:05" in page and "recorded DAY1 09:00:00" in page


def test_on_day_2_at_half_past_eight_day_1_is_known(memory: ClipMemory, agent: VideoAgent):
    second = memory.video("DAY2_08300000.mp4")
    everything = [record.id for record in memory.videos()]
    for now in ("DAY2 08:30:05", "DAY2_08300500", Moment(2 * DAY + 8.5 * 3600 + 5)):
        answer = agent.ask("Who barks?", now=now, videos=everything)
        assert "a dog barks" in answer.text, answer.text
        assert "sofa" not in Path(answer.trace or "").read_text()
    seconds = memory.until(question_about(memory, "Who?", videos=second.id, now=5.0).now or 0.0)
    assert [record.end for record in seconds.videos()] == [20.0] * 4 + [5.0]


@pytest.mark.parametrize(
    "question, answer, video",
    [
        ("Where was the red notebook yesterday at 9:30?", "in my backpack", "DAY1_09300000.mp4"),
        ("Where was the red notebook on day 1 between 9:00 and 9:10?", "kitchen table", "DAY1_09000000.mp4"),
        ("What did the courier bring yesterday afternoon?", "parcel from Lisbon", "DAY1_15000000.mp4"),
        ("Where is the red notebook this morning?", "under the sofa", "DAY2_08300000.mp4"),
    ],
)
def test_words_for_time_say_where_to_look(
    memory: ClipMemory, agent: VideoAgent, question: str, answer: str, video: str
):
    given = agent.ask(question, now="DAY2 08:30:20")
    assert answer in given.text, given.text
    assert {item.uri.partition("#")[0] for item in given.evidence} == {f"video:{memory.video(video).id}"}


def test_without_now_words_are_understood_against_the_end_of_the_timeline(agent: VideoAgent):
    assert "Martin" in agent.ask("Who has the red notebook today?").text
    assert "sofa" in agent.ask("Where was the red notebook yesterday?").text
    nothing = agent.ask("What was said at 3 am yesterday?")
    assert nothing.abstained and "Nothing that may be known was recorded from DAY2 02:55:00" in nothing.text


def test_questions_go_through_state_and_trace_as_plain_values(memory: ClipMemory):
    question = question_about(memory, "Who called yesterday?", now="DAY2 08:30:20")
    assert question.during == TimelineSpan(DAY, 2 * DAY) and question.matter == "Who called?"
    assert Question.from_dict(json.loads(json.dumps(question.as_dict()))) == question
    assert "during" not in question_about(memory, "Who called?", now="DAY2 08:30:20").as_dict()


@pytest.mark.parametrize(
    "now, about, why",
    [
        ("DAY1 08:00", None, "Nothing was recorded yet at DAY1 08:00:00: give a time after DAY1 09:00:00"),
        ("DAY1 08:00", "talk.mp4", "nobody knows when the videos were recorded"),
        ("tomorrow", None, "no moment"),
        (Moment(DAY * 2, "another"), None, "timeline another"),
    ],
)
def test_a_now_that_means_nothing_is_said_in_one_line(memory: ClipMemory, now: object, about: str | None, why: str):
    with pytest.raises(QuestionError, match=re.escape(why)) as error:
        question_about(memory, "Who?", videos=about, now=now)  # type: ignore[arg-type]
    assert "\n" not in str(error.value)


QUESTIONS = (
    "Where is the red notebook?",
    "Who has the red notebook today?",
    "What was said yesterday?",
    "What is said last?",
    "What did the courier bring?",
    "Summarize the video.",
    "What happened in the last two days?",
    "Which video mentions the red notebook?",
    "What will be ready on day 3?",
    "When does the dog bark?",
    "Is there a sofa?",
)


def test_questions_at_any_moment_know_nothing_later(memory: ClipMemory, agent: VideoAgent):
    """Answer, trace and report tell nothing that any camera of any day recorded at or after the moment."""
    rng = random.Random(0)
    said = [
        ((record.timeline_time(start) or 0.0), text)
        for name, cues in days.LIFE.items()
        if (record := memory.video(Path(name).name)).recorded is not None
        for start, _, text in cues
    ]
    for _ in range(12):
        instant = rng.choice(said)[0] + rng.choice([-1.0, -1e-3, 0.5, 3.0])
        question = rng.choice(QUESTIONS)
        chosen = rng.choice([None, ["DAY1_09000000.mp4", "DAY1_09001000.mp4"]])
        try:
            answer = agent.ask(question, now=Moment(instant), videos=chosen)
        except QuestionError:
            continue
        told = Path(answer.trace or "").read_text() + json.dumps(answer.as_dict())
        page = write_report(answer.trace or "", Path(answer.trace or "").with_suffix(".html"), open_video=memory.open)
        told += re.sub(r"data:image/[^\"')]*", "", page.read_text())
        for start, text in said:
            if start >= instant:
                assert text not in told, (question, instant, chosen, text)
        names = [name for name in days.LIFE if (memory.video(Path(name).name).recorded or 0.0) >= instant]
        assert not [name for name in names if Path(name).name in told], (question, instant, names)


@pytest.mark.parametrize(
    "now, ago, gap",
    [
        ("DAY2 09:00", "30 min before DAY2 09:00:00", "Nothing was recorded from DAY2 08:30:20 to DAY2 09:00:00."),
        ("DAY2 08:30:20", "9 s before 00:20", ""),
        ("DAY9 08:30", "5 days 14 h before DAY9 08:30:00", "Nothing was recorded from DAY3 19:00:20 to DAY9 08:30:00."),
        ("DAY1 12:00", "2 h 30 min before DAY1 12:00:00", "Nothing was recorded from DAY1 09:30:20 to DAY1 12:00:00."),
    ],
)
def test_a_last_sighting_is_as_old_as_the_clock_says(agent: VideoAgent, now: str, ago: str, gap: str):
    validity = agent.ask("Where is the red notebook?", now=now).validity
    assert validity is not None and validity.as_of_wall_clock == (f"{now}:00" if len(now) < 12 else now)
    assert ago in validity.text and gap in validity.text and ("Nothing was recorded" in validity.text) == bool(gap)


def test_what_no_word_of_the_question_is_in_is_read_all_the_same(agent: VideoAgent):
    said = agent.ask("What was said yesterday morning?", now="DAY2 08:30:20")
    assert "red notebook is in my backpack" in said.text and "sofa" not in said.text and "Lisbon" not in said.text
    last = agent.ask("What is said last?", now="DAY1 15:00:20")
    assert "parcel from Lisbon" in last.text, last.text


def test_an_answer_that_lacks_what_is_asked_for_is_no_more_than_the_closest(agent: VideoAgent):
    milk = agent.ask("Did the courier bring the milk on day 1?", now="DAY2 08:30:20")
    assert milk.abstained or (milk.text.startswith("closest: ") and milk.confidence <= 0.3), milk.text
    parcel = agent.ask("Did the courier bring the parcel on day 1?", now="DAY2 08:30:20")
    assert "parcel from Lisbon" in parcel.text and "closest" not in parcel.text


def test_the_report_says_up_to_when_and_about_what_was_asked(agent: VideoAgent):
    answer = agent.ask("Where was the red notebook yesterday?", now="DAY2 08:30")
    page = write_report(answer.trace or "", Path(answer.trace or "").with_suffix(".html")).read_text()
    told = " ".join(re.sub(r"<[^>]+>", " ", page).split())
    assert "Nothing after DAY2 08:30:00" in told and "Asked about DAY1 00:00:00 to DAY2 00:00:00" in told
    plain = agent.ask("Where was the red notebook?")
    page = write_report(plain.trace or "", Path(plain.trace or "").with_suffix(".html")).read_text()
    assert "Nothing after" not in page and "Asked about" not in page


def test_a_follow_up_sees_no_more_on_another_camera_than_the_question_before(memory: ClipMemory):
    """A number is another moment in a video that began later: the kitchen's begins ten seconds after the first."""
    cameras = [memory.video("DAY1_09000000.mp4").id, memory.video("DAY1_09001000.mp4").id]
    chat = VideoAgent(memory, traces=None).chat(cameras, now=18.0)
    assert "coffee" in chat.ask("Where is the coffee?").text
    then = chat.ask("and after that?")
    assert then.now == Moment(DAY + 9 * 3600 + 18) and chat.exchanges[-1].now == then.now


def test_what_a_conversation_saw_with_another_now_is_compared_by_the_clock(memory: ClipMemory):
    agent = VideoAgent(memory, traces=None)
    chat = agent.chat([memory.video("DAY2_08300000.mp4").id], now=18.0)
    assert "sofa" in chat.ask("Where is the red notebook?").text
    chat.videos, chat.now = [memory.video("DAY1_09300000.mp4").id], 19.0
    asked = chat.ask("and before that?")
    assert asked.question == "and before that?" and "sofa" not in json.dumps(asked.as_dict())
    late = agent.ask("Where is the red notebook?", now="DAY2 08:30:20", videos=[r.id for r in memory.videos()])
    early = agent.ask("and before that?", history=[late], now="DAY1 09:31")
    assert early.question == "and before that?" and "sofa" not in json.dumps(early.as_dict())
    again = agent.ask("and before that?", history=[late], now="DAY2 08:31")
    assert again.question != "and before that?", "what saw no more is gone on from"
