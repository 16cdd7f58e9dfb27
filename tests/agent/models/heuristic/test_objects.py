"""Questions about things in the picture: counts, times, yes and no, ways, by a detector and by motion alone."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from painted import Painted, across, write
from rewatch.agent.answer import Draft
from rewatch.agent.models.heuristic import objects
from rewatch.agent.models.heuristic.object_query import parse_object_query
from rewatch.agent.models.heuristic.passages import HeuristicContext
from rewatch.agent.models.heuristic.question_parser import at_in, parse
from rewatch.agent.steps import Call, CallResult
from rewatch.memory import OBJECTS, ClipMemory, MediaURI, Span
from rewatch.tools import BUILT_IN, Toolbox


def ask(memory: ClipMemory, question: str, frames: int | None = None) -> tuple[Draft | None, list[Call]]:
    """The draft for a question about the first video, and the calls that it took."""
    record = memory.videos()[0]
    video = {"id": record.id, "start": record.start, "end": record.end, "channels": list(record.channels)}
    if memory.detector_stamp:
        video["detector"] = True
    asked = at_in(parse(question), Span(record.start, record.end))
    run = objects.about_objects(HeuristicContext(question=asked, video=video))
    box, left = Toolbox(BUILT_IN), {} if frames is None else {"frames": frames}
    calls: list[Call] = []
    try:
        step = next(run)
        while True:
            calls.append(step)
            seen, _ = asyncio.run(box.call(step.tool, step.arguments, memory=memory, videos=[record.id], left=left))
            step = run.send(CallResult(seen.text, seen.data or {}, seen.error))
    except StopIteration as end:
        return end.value, calls


@pytest.fixture(scope="module")
def street(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """20 s: a car passes at 1-5 s, a person at 6-14 s, another car back at 12-17 s, a third car at 13-18 s."""
    things = [
        ("car", across(1, 5, 30)), ("person", across(6, 14, 85)), ("car", across(12, 17, 140, back=True)),
        ("car", across(13, 18, 30)),
    ]  # fmt: skip
    return write(tmp_path_factory.mktemp("street") / "street.mp4", 20, things)


@pytest.fixture(scope="module")
def indexed(street: Path, tmp_path_factory: pytest.TempPathFactory) -> ClipMemory:
    memory = ClipMemory(tmp_path_factory.mktemp("memory"), detector=Painted())
    memory.add(street, channels=[OBJECTS], workers=0)
    return memory


@pytest.fixture(scope="module")
def bare(street: Path, tmp_path_factory: pytest.TempPathFactory) -> ClipMemory:
    """A memory without a detector."""
    memory = ClipMemory(tmp_path_factory.mktemp("memory"))
    memory.add(street, channels=["visual"], workers=0)
    return memory


@pytest.mark.parametrize(
    "question, said",
    [
        ("How many cars are there?", "3 cars in the whole video, at most 2 at the same time"),
        ("What is the maximum number of cars at the same time?", "2 cars at the same time, at most; 3 in all"),
        ("How many cars pass from 0:10 to 0:20?", "2 cars from 00:10 to 00:20"),
        ("How many people are visible 9 seconds in?", "1 person at 9.0 s"),
        ("How many cars can you see right at the end?", "0 cars at 19.8 s"),
        ("Is a person visible at 0:10?", "yes, 1 person at 10.0 s"),
        ("How often does a car drive past?", "3 times a car comes into view"),
        ("When does the second car arrive?", "at 11.9 s (until 16.9 s)"),
        ("At what time does the second car come into view?", "at 11.9 s"),
        ("When does the last car leave?", "at 17.9 s"),
        ("How long is the person in view?", "about 8."),
        ("Which car stays the longest?", "the second one, 5."),
        ("Is there a dog in the video?", "no, no dogs to be seen in the whole video"),
        ("Does a car come in?", "yes, 3 cars"),
        ("From which side does the second car come?", "right edge"),
        ("Which way does the person walk?", "left to right"),
        ("What colour is the first car?", "red"),
        ("What vehicles can be seen?", "3 cars in the whole video"),
        ("When does the woman come in?", "at 5.9 s"),  # the only person is meant
    ],
)
def test_what_the_detector_saw(indexed: ClipMemory, question: str, said: str) -> None:
    draft, _ = ask(indexed, question)
    assert draft is not None and not draft.abstained and draft.text.startswith(said), draft
    assert draft.evidence and 0.3 < draft.confidence <= 0.9


@pytest.mark.parametrize(
    "question",
    [
        "How many women are there?",
        "How many people wear a hat?",
        "How many wheels does the car have?",
        "How many unicorns pass by?",
        "How many cars are parked?",
        "How many people are in the car?",
        "Is the person happy?",
        "Is the person in?",
        "Is there no car?",
        "When does the train arrive?",  # none is seen; it may be told
        "When is the person's name shown?",
        "What is the person doing?",
        "What colour is the person?",
        "Where is the car?",
        "What is the phone number?",
        "Summarize the video",
    ],
)
def test_what_a_detector_cannot_tell_is_left_to_others(indexed: ClipMemory, question: str) -> None:
    assert ask(indexed, question)[0] is None


def test_too_high_an_order_and_several_ways_say_so(indexed: ClipMemory) -> None:
    draft, _ = ask(indexed, "When does the fifth car come?")
    assert draft is not None and draft.abstained and draft.text == "Only 3 cars seen in the whole video."
    draft, _ = ask(indexed, "Which way do the cars drive?")
    assert draft is not None and draft.abstained and "left to right (2)" in draft.text


def test_evidence_is_what_was_observed(indexed: ClipMemory) -> None:
    draft, _ = ask(indexed, "When does the second car arrive?")
    assert draft is not None
    span = MediaURI.parse(draft.evidence[0].uri).span
    assert span is not None and span.iou(Span(12, 17)) > 0.9


@pytest.mark.parametrize(
    "question, said",
    [
        ("Is anything moving?", "yes, 4 moving objects in the whole video"),
        ("How many things pass?", "4 moving objects in the whole video"),
        ("When does something blue move through the picture?", "from 5.9 s to 13.9 s"),
        ("When does the blue box go by?", "from 5.9 s to 13.9 s"),
        ("Does something green move?", "no, no green moving objects to be seen in the whole video"),
        ("In which direction does the blue thing move?", "left to right"),
        ("How often does the red car drive past?", "3 times a red moving object comes into view"),
    ],
)
def test_motion_without_weights(bare: ClipMemory, question: str, said: str) -> None:
    draft, _ = ask(bare, question)
    assert draft is not None and draft.text.startswith(said), draft


@pytest.mark.parametrize("question", ["How many cars are there?", "How many red cars pass?", "Is there a dog?"])
def test_without_weights_kinds_are_not_told(bare: ClipMemory, question: str) -> None:
    assert ask(bare, question) == (None, [])


def test_a_part_is_named_and_less_sure(bare: ClipMemory, monkeypatch: pytest.MonkeyPatch) -> None:
    whole, _ = ask(bare, "How many things pass?")
    monkeypatch.setattr(objects, "STRETCH", 5.5)
    monkeypatch.setattr(objects, "MOST_STRETCHES", 1)
    part, _ = ask(bare, "How many things pass?")
    assert whole is not None and part is not None
    assert part.text == "1 moving object from 00:00 to 00:05.5 of 00:20; the rest was not looked at"
    assert part.confidence < 0.4 < whole.confidence
    nothing, _ = ask(bare, "Does something blue move?")
    assert nothing is not None and nothing.abstained and "not looked at" in nothing.text
    something, _ = ask(bare, "Does something red move?")
    assert something is not None and something.text.startswith("yes") and something.confidence > 0.6


def test_few_looks_are_less_sure_and_an_index_is_whole(street: Path, indexed: ClipMemory, tmp_path: Path) -> None:
    memory = ClipMemory(tmp_path, detector=Painted())
    memory.add(street, channels=["visual"], workers=0)
    few, calls = ask(memory, "How many cars are there?", frames=6)
    known, _ = ask(indexed, "How many cars are there?", frames=6)
    assert few is not None and known is not None and len(calls) == 1
    assert "looking once in 5 s" in few.text and few.confidence < 0.7 < known.confidence
    none, _ = ask(memory, "Is there a dog?", frames=6)
    assert none is not None and none.abstained


def test_words() -> None:
    read = parse_object_query(
        "At most how many large sailing boats are close to the camera at once?", timed=False, ordered=False
    )
    assert read is not None and read.noun == "boat" and read.at_once and read.large and not read.strange
    read = parse_object_query("Does a person with a red umbrella appear?", timed=False, ordered=False)
    assert read is not None and read.noun == "person" and read.strange == ("umbrella",)
    assert parse_object_query("Who speaks first?", timed=False, ordered=True) is None


@pytest.mark.slow
@pytest.mark.weights
@pytest.mark.media
def test_real_weights_on_real_videos(yolo: Path, media: Path, tmp_path: Path) -> None:
    memory = ClipMemory(tmp_path, detector=str(yolo))
    memory.add(media / "car_parking_overhead.mp4", channels=[OBJECTS], workers=0)
    for question, said in (
        ("How many cars are there?", "4 cars in the whole video, at most 2 at the same time"),
        ("How many bicycles are there?", "0 bicycles"),
        ("When does the last car come?", "at 25."),
        ("Does a truck pass by?", "no"),
    ):
        draft, _ = ask(memory, question)
        assert draft is not None and draft.text.startswith(said), draft
    parked, _ = ask(memory, "How many cars are parked?")
    assert parked is None
