"""How things are by now: how such questions are told, the last sighting, and what was not looked at since."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from langchain_core.messages import AIMessage
from rewatch import ClipMemory, VideoAgent
from rewatch.agent import Answer
from rewatch.agent.models.heuristic import parse
from rewatch.agent.replay import replay
from rewatch.agent.report import write_report
from rewatch.memory import MediaURI, Span

from ..scripted import Scripted


@pytest.mark.parametrize(
    "question, kind, subject, predicate",
    [
        ("Where are my glasses?", "where", ("glass",), ""),
        ("where did I park the blue car", "where", ("blue", "car"), ""),
        ("Wo ist der Hammer?", "where", ("der", "hammer"), ""),
        ("Is the garage door open?", "whether", ("garag", "door"), "open"),
        ("is the lamp in the cellar still on?", "whether", ("cellar", "lamp"), "on"),
        ("Is Tom still at the desk?", "whether", ("tom",), "at the desk"),
        ("Is it still raining?", "whether", (), "raining"),
        ("Who is in the kitchen?", "who", ("kitchen",), "in the kitchen"),
        ("What is the price now?", "value", (), ""),
        ("How many chairs are currently left?", "value", (), ""),
    ],
)
def test_states_are_told_by_their_form(question: str, kind: str, subject: tuple[str, ...], predicate: str) -> None:
    found = parse(question).state
    assert found is not None
    assert (found.kind, found.subject, found.predicate) == (kind, subject, predicate)


@pytest.mark.parametrize(
    "question",
    [
        "What does she say about the budget?",
        "Where is Maria at first?",
        "Where was the meeting after the break?",
        "Is there a car in the video?",
        "Is SECOND written anywhere?",
        "Are dogs allowed?",
        "What is happening right now?",
        "Tell me when the door is open.",
        "When is the door open?",
        "Who wrote the book?",
        "Who is in charge of the garden?",
        "Is this video about gardens?",
    ],
)
def test_other_questions_are_not(question: str) -> None:
    assert parse(question).state is None


CUES = (
    (1, 3, "The lamp is on the shelf."),
    (4, 6, "The gate is open."),
    (8, 10, "I moved the lamp to the desk."),
    (12, 14, "They closed the gate."),
    (16, 18, "That lamp was a present."),
)


def _memory(folder: Path, make_talk: Callable[..., Path], **cues: tuple[tuple[float, float, str], ...]) -> ClipMemory:
    memory = ClipMemory(folder / "memory")
    for number, (name, own) in enumerate(cues.items()):
        video = make_talk(folder / f"{name}.mp4", 20, size=(160, 120), fps=4, colors=lambda _, n=number: (n * 40, 9, 9))
        lines = "".join(
            f"{n}\n00:00:{int(a):02d},000 --> 00:00:{int(b):02d},000\n{t}\n\n" for n, (a, b, t) in enumerate(own, 1)
        )
        (folder / f"{name}.srt").write_text(lines, encoding="utf-8")
        memory.add(video, channels=["speech"], workers=0)
    return memory


@pytest.fixture(scope="module")
def lamp(tmp_path_factory: pytest.TempPathFactory, make_talk: Callable[..., Path]) -> ClipMemory:
    """One video of 20 s in which a lamp is moved and a gate is closed."""
    return _memory(tmp_path_factory.mktemp("lamp"), make_talk, house=CUES)


def test_the_last_that_tells_wins_and_what_told_otherwise_is_said(lamp: ClipMemory, tmp_path: Path) -> None:
    answer = VideoAgent(lamp, traces=tmp_path).ask("Where is the lamp?")
    assert "to the desk" in answer.text
    found = answer.validity
    assert found is not None and found.last_seen is not None and found.earlier is not None
    assert MediaURI.parse(found.last_seen.uri).span == Span(8, 10)
    assert found.earlier.text == "The lamp is on the shelf."
    assert "Named again at 00:16: “That lamp was a present.”" in found.text
    assert MediaURI.parse(found.as_of).span == Span(20, 20)
    (since,) = found.not_examined_since
    assert MediaURI.parse(since.uri).span == Span(10, 20) and since.channels == ("screen_text", "visual")
    assert Answer.from_dict(json.loads(json.dumps(answer.as_dict()))) == answer
    assert answer.trace is not None and replay(answer.trace).differences == []
    page = write_report(answer.trace, tmp_path / "run.html").read_text(encoding="utf-8")
    assert "Pictures were not searched" in page


def test_a_state_is_that_at_now(lamp: ClipMemory) -> None:
    agent = VideoAgent(lamp)
    before, after = agent.ask("Is the gate still open?", now=11.0), agent.ask("Is the gate still open?")
    assert before.text.startswith("yes") and after.text.startswith("no")
    assert (
        before.validity is not None and before.validity.earlier is None and "closed" not in json.dumps(before.as_dict())
    )
    assert after.validity is not None and after.validity.earlier is not None


def test_nothing_is_said_to_be_absent_that_nobody_looked_for(lamp: ClipMemory) -> None:
    answer = VideoAgent(lamp).ask("Where is the ladder?")
    assert answer.abstained and answer.validity is not None
    assert answer.validity.last_seen is None
    assert "Screen text was not searched for “ladder”: 00:00-00:20" in answer.validity.text
    assert VideoAgent(lamp).ask("What do they say about the gate?").validity is None


def test_a_model_reads_the_last_sighting_and_its_citation_is_dated(lamp: ClipMemory) -> None:
    prompts: list[str] = []

    def step(messages: list, tools: bool) -> AIMessage:
        prompts.extend(str(message.content) for message in messages)
        line = next(row for row in "\n".join(prompts).split("\n") if "moved the lamp" in row)
        return AIMessage(f"It is on the desk. {line.split(']')[0]}]")

    answer = VideoAgent(lamp, policy=Scripted(step=step)).ask("Where is the lamp?")
    text = "\n".join(prompts)
    assert "Latest first:" in text and "how things are by now" in text
    assert answer.validity is not None and answer.validity.last_seen is not None
    assert MediaURI.parse(answer.validity.last_seen.uri).span == Span(8, 10)


def test_an_answer_that_cites_nothing_is_told_what_was_named(lamp: ClipMemory) -> None:
    policy = Scripted(step=lambda *_: AIMessage("It is in Paris."))
    found = VideoAgent(lamp, policy=policy).ask("Where is the lamp?").validity
    assert found is not None and found.last_seen is None
    assert found.text.startswith("Last named at 00:16: “That lamp was a present.” The answer cites no place")


def test_over_dated_videos_the_last_is_by_the_clock(tmp_path: Path, make_talk: Callable[..., Path]) -> None:
    memory = ClipMemory(tmp_path / "memory")
    days = {
        "late": ("2026-05-04T09:00+02:00", "My bag is in the car."),
        "early": ("2026-05-03T09:00+02:00", "My bag is at home."),
    }
    for name, (recorded, text) in days.items():  # added in another order than they were recorded
        video = make_talk(
            tmp_path / f"{name}.mp4", 8, size=(160, 120), fps=4, colors=lambda _, n=name: (len(n) * 9, 9, 9)
        )
        (tmp_path / f"{name}.srt").write_text(f"1\n00:00:01,000 --> 00:00:03,000\n{text}\n", encoding="utf-8")
        memory.add(video, channels=["speech"], workers=0, recorded=recorded)
    agent = VideoAgent(memory)
    answer = agent.ask("Where is my bag?")
    assert "in the car" in answer.text
    assert answer.validity is not None and answer.validity.last_seen is not None
    assert answer.validity.last_seen.wall_clock == "2026-05-04 09:00:01+02:00"
    assert answer.validity.as_of_wall_clock == "2026-05-04 09:00:08+02:00"
    waits = agent.ask("Tell me when they mention a car", now="2026-05-03T09:00:02+02:00")
    assert waits.waited is not None and not waits.abstained and "in the car" in waits.text
    before = agent.ask("Where is my bag?", now="2026-05-03T12:00+02:00")
    assert "at home" in before.text and "car" not in json.dumps(before.as_dict())
