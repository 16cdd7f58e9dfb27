"""Three ways to answer: of what was, of this moment, and once it becomes true."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from langchain_core.messages import AIMessage
from rewatch import ClipMemory, VideoAgent
from rewatch.agent import Answer, QuestionError, read_trace
from rewatch.agent.models.heuristic import parse
from rewatch.agent.models.heuristic.newest_part import has_come
from rewatch.agent.models.heuristic.passages import HeuristicContext, Passage
from rewatch.agent.models.heuristic.retrieval import Retrieval
from rewatch.agent.questions.mode import event_of, mode_of
from rewatch.agent.replay import replay
from rewatch.agent.report import write_report
from rewatch.memory import MediaURI, Span
from rewatch.memory.registry import UnknownNameError

from ..scripted import Scripted, calling, observations


@pytest.mark.parametrize(
    "question, mode",
    [
        ("What is happening right now?", "now"),
        ("What does the sign show now?", "backward"),
        ("What is she doing at the moment?", "now"),
        ("Is the light on right now?", "backward"),
        ("What did he say right now?", "backward"),
        ("Tell me when the kettle boils.", "wait"),
        ("let me know if anyone comes in", "wait"),
        ("When the bell rings, notify me", "wait"),
        ("Tell me when he was born", "backward"),
        ("Tell me if the door is open", "backward"),
        ("When does the train leave?", "backward"),
        ("What does she tell me about the garden?", "backward"),
    ],
)
def test_modes_are_read_off_plain_questions(question: str, mode: str) -> None:
    assert mode_of(question) == mode


def test_a_mode_that_there_is_not_is_one_line(notices: ClipMemory) -> None:
    with pytest.raises(UnknownNameError, match=r"mode.*wait"):
        VideoAgent(notices, traces=None).ask("What is on the sign?", mode="later")  # type: ignore[arg-type]


@pytest.mark.parametrize("limits", [{"until": 5.0}, {"patience": 2}])
def test_what_does_not_wait_has_no_limit_of_waiting(notices: ClipMemory, limits: dict[str, float]) -> None:
    with pytest.raises(QuestionError, match="mode backward"):
        VideoAgent(notices, traces=None).ask("What is on the sign?", mode="backward", **limits)  # type: ignore[arg-type]


def test_an_event_is_what_is_waited_for() -> None:
    assert event_of("Please tell me as soon as the timer reaches zero!") == "the timer reaches zero"
    assert event_of("When does the timer reach zero?") is None


def test_only_the_last_seconds_count_for_now(notices: ClipMemory) -> None:
    agent = VideoAgent(notices)
    answer = agent.ask("What is being said right now?", now=13.0)
    assert answer.mode == "now" and "ten million" in answer.text and "Welcome" not in answer.text
    quiet = agent.ask("What is said about the fair?", mode="now", now=22.0)
    assert quiet.abstained and "00:12-00:22" in quiet.text


def test_evidence_from_before_does_not_count_for_now(notices: ClipMemory) -> None:
    def step(messages: list, tools: bool) -> AIMessage:
        if tools and not observations(messages):
            return calling("transcribe", start=0, end=5)
        lines = "\n".join(str(message.content) for message in messages).split("\n")
        line = next(row for row in lines if "spring fair" in row and row.startswith("["))
        return AIMessage(f"Welcome to the spring fair. {line.split(']')[0]}]")

    answer = VideoAgent(notices, policy=Scripted(step=step)).ask("What is said?", mode="now", now=20.0)
    early = [item for item in answer.evidence if item.span is not None and item.span.end < 10]
    assert early and not any(item.supported for item in early)


def test_waiting_steps_through_a_recording(notices: ClipMemory, tmp_path: Path) -> None:
    agent = VideoAgent(notices, traces=tmp_path)
    answer = agent.ask("Tell me when they mention an umbrella", now=2.0)
    assert answer.mode == "wait" and answer.waited is not None and not answer.abstained
    assert MediaURI.parse(answer.evidence[0].uri).span == Span(17.5, 21.5)
    assert (answer.waited.start, answer.waited.end, answer.waited.parts) == (2.0, 22.0, 2)
    assert Answer.from_dict(answer.as_dict()) == answer
    events = read_trace(answer.trace or "")
    assert [event["part"] for event in events if event["event"] == "attempt"] == [[2.0, 12.0], [12.0, 22.0]]
    assert replay(answer.trace or "").differences == []
    assert "mention an umbrella" in write_report(answer.trace or "", tmp_path / "r.html").read_text(encoding="utf-8")
    then = agent.ask("and before that?", history=[answer.run_id])
    assert "ten million" in then.text


def test_what_lies_before_the_question_is_no_answer(notices: ClipMemory) -> None:
    agent = VideoAgent(notices)
    late = agent.ask("Tell me when they mention the budget", now=15.0)
    assert late.abstained and late.text.startswith("Not yet: nothing from 00:15 to 00:24")
    assert not late.evidence and not late.failed
    stopped = agent.ask("Tell me when they mention an umbrella", now=2.0, until=12.0)
    assert stopped.abstained and stopped.waited is not None and stopped.waited.end == 12.0
    impatient = agent.ask("Tell me when they mention an umbrella", now=2.0, patience=1)
    assert impatient.abstained and impatient.waited is not None and impatient.waited.parts == 1
    with pytest.raises(QuestionError, match="after the question's time"):
        agent.ask("Tell me when they mention an umbrella", now=12.0, until=5.0)
    model = VideoAgent(notices, policy=Scripted(step=lambda *_: AIMessage("no")))
    with pytest.raises(QuestionError, match="cannot be scaled"):
        model.ask("Tell me when they mention an umbrella", now=2.0, scale="vote")


@pytest.mark.parametrize(
    ("passage", "event", "come"),
    [
        ("We should buy a new ladder.", "the ladder is mentioned", True),
        ("We should buy a new ladder.", "somebody talks about a ladder", True),
        ("We should buy a new ladder.", "the ladder is bought", False),
        ("If the bell rings, leave.", "the bell rings", False),
        ("BUDGET 3000", "the screen says BUDGET", True),
        ("BUDGET 3000", "the screen says GARDEN", False),
    ],
)
def test_a_plan_tells_of_what_is_mentioned_and_not_that_it_is_done(passage: str, event: str, come: bool) -> None:
    video = {"id": "a", "name": "a.mp4", "start": 0.0, "end": 9.0, "channels": ["speech"]}
    channel = "screen_text" if passage.isupper() else "speech"
    said = Passage(video="a", span=Span(1, 4), text=passage, channel=channel, tool="transcribe")
    question = parse(f"When {event}?")
    context = HeuristicContext(question=question, video=video, many=False)
    draft = has_come(Retrieval(question=question, contexts={"a": context}, passages=(said,)), event)
    assert draft.abstained != come


def test_of_a_whole_recording_it_is_asked_when(notices: ClipMemory) -> None:
    agent = VideoAgent(notices)
    assert agent.ask("Tell me when they mention an umbrella").mode == "backward"
    assert agent.ask("Tell me when they mention an umbrella", mode="wait").mode == "wait"


def test_a_model_is_asked_of_each_part_alone(notices: ClipMemory) -> None:
    told: list[str] = []

    def step(messages: list, tools: bool) -> AIMessage:
        text = "\n".join(str(message.content) for message in messages)
        told.append(text)
        line = next((row for row in text.split("\n") if "umbrella" in row and row.startswith("[")), None)
        return AIMessage(f"They do. {line.split(']')[0]}]" if line else "NOT FOUND: not yet")

    answer = VideoAgent(notices, policy=Scripted(step=step)).ask("Tell me when they mention an umbrella", now=2.0)
    assert not answer.abstained and answer.spans[0].start >= 17.5
    assert "only lines from 00:02 to 00:12 count" in told[0].lower()
    assert "umbrella" not in told[0].replace("mention an umbrella", "")
    assert "Welcome" not in told[-1]


def test_a_memory_that_grows_is_waited_for(tmp_path: Path, make_talk: Callable[..., Path]) -> None:
    video = make_talk(tmp_path / "gate.mp4", 24, size=(160, 120), fps=4)
    lines = "1\n00:00:02,000 --> 00:00:04,000\nAll is quiet.\n\n2\n00:00:15,000 --> 00:00:18,000\nThe gate opens.\n"
    (tmp_path / "gate.srt").write_text(lines, encoding="utf-8")
    first = make_talk(tmp_path / "first.mp4", 4, size=(160, 120), fps=4, colors=lambda _: (9, 90, 9))
    memory = ClipMemory(tmp_path / "memory")
    memory.add(first, channels=["visual"], workers=0)
    with pytest.raises(Exception, match="stop"):  # leaves a video of which the words are still to do
        memory.add(video, channels=["visual", "speech"], workers=0, progress=_stop)
    (record,) = [one for one in memory.videos() if one.name == "gate.mp4"]
    if record.complete:
        pytest.skip("nothing is left to do")
    answers: list[Answer] = []

    def waits() -> None:
        with ClipMemory(tmp_path / "memory", read_only=True) as other:
            agent = VideoAgent(other)
            answers.append(agent.ask("Tell me when the gate opens", videos=[record.id], now=1.0))

    thread = threading.Thread(target=waits)
    thread.start()
    memory.add(video, channels=["visual", "speech"], workers=0)
    thread.join(60)
    assert answers and not answers[0].abstained
    assert MediaURI.parse(answers[0].evidence[0].uri).span == Span(15, 18)


def _stop(progress: object) -> None:
    raise RuntimeError("stop")


def test_a_wait_that_was_cut_off_goes_on(notices: ClipMemory, tmp_path: Path) -> None:
    agent = VideoAgent(notices, traces=tmp_path, checkpoints=tmp_path)
    runs: list[str] = []

    def cut(event: dict) -> None:
        runs.extend([event["run_id"]] if event["event"] == "run" else [])
        if event["event"] == "attempt":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        agent.ask("Tell me when they mention an umbrella", now=2.0, listener=cut)
    answer = agent.resume(runs[0])
    assert answer.waited is not None and answer.waited.parts == 2 and not answer.abstained
    assert replay(answer.trace or "").differences == []
