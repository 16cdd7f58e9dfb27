"""What a real run answers becomes a prediction: the loop over a real memory, its trace, and the official figures."""

from __future__ import annotations

import json
from pathlib import Path
from typing import ClassVar

import pytest
from langchain_core.messages import AIMessage
from rewatch.agent import VideoAgent
from rewatch.evaluation.items import Item
from rewatch.evaluation.judging import JudgedItem, judge
from rewatch.evaluation.measures.grounding import grounding
from rewatch.evaluation.measures.predictions import boxes_at, ranked_spans
from rewatch.evaluation.measures.tracking import tracking
from rewatch.memory import Box, ClipMemory, MediaURI, Span
from rewatch.training.data.task import Task, Truth
from worlds import make_world, thing

from ...agent.scripted import Scripted, calling, in_turn

BOX = Box(0.25, 0.25, 0.75, 0.75)


class Seeing(Scripted):
    """One to whom pictures may be shown."""

    sees: ClassVar[bool] = True


@pytest.fixture(scope="module")
def memory(tmp_path_factory: pytest.TempPathFactory) -> ClipMemory:
    """A video of 12 s, with a red circle from 4 s to 8 s."""
    memory = ClipMemory(tmp_path_factory.mktemp("circle") / "memory", text_encoder="hashed")
    memory.add(make_world(12.0, [thing("red circle", Span(4, 8))], side=48), channels=("visual",), workers=0)
    return memory


def asked(memory: ClipMemory, folder: Path, answer: str, task: Task) -> JudgedItem:
    """Ask with a policy that looks at the whole video and then gives this answer; judge it by its trace alone."""
    (folder / "traces").mkdir(exist_ok=True)
    answer = answer.replace("VIDEO", memory.videos()[0].id)
    played = in_turn(calling("view_clip", start=0.0, end=12.0), AIMessage(answer))
    agent = VideoAgent(memory, policy=Seeing(step=played.step), traces=folder / "traces")
    found = agent.ask(task.question, route="direct")
    item = Item(task=task.id, answer=found, trace=f"traces/{Path(found.trace).name}")
    return judge([item], {task.id: task}, folder)[0]


def when(*truth: Span) -> Task:
    return Task(id="when", question="When is the circle there?", kind="temporal", truth=Truth(spans=truth))


@pytest.mark.parametrize(
    ("answer", "spans"),
    [
        ("The event happens in the 4.0 - 8.0 seconds, video:VIDEO#t=4,8", [Span(4, 8)]),
        ("From 00:04 to 00:08.", [Span(4, 8)]),
        ('{"answer": "twice", "evidence": ["video:VIDEO#t=5,8", "video:VIDEO#t=1,2"]}', [Span(5, 8), Span(1, 2)]),
        ("NOT FOUND: no circle from 4.0 to 8.0 s.", []),
    ],
)
def test_the_spans_of_an_answer_in_their_order(memory: ClipMemory, tmp_path: Path, answer: str, spans: list[Span]):
    judged = asked(memory, tmp_path, answer, when(Span(4, 8)))
    assert list(ranked_spans(judged)) == spans
    iou = spans[0].iou(Span(4, 8)) if spans else 0.0
    assert grounding([judged])["mIoU"].value == iou


def test_boxes_by_their_seconds_are_a_track(memory: ClipMemory, tmp_path: Path):
    truth = tuple((float(time), BOX) for time in range(4, 8))
    task = Task(id="where", question="Where is the circle?", kind="track", truth=Truth(track=truth))
    said = json.dumps({str(int(time)): list(box) for time, box in truth})
    judged = asked(memory, tmp_path, said, task)
    assert not judged.answer.abstained
    assert tracking([judged])["AO"].value == 1.0


def test_cited_frames_are_a_track(memory: ClipMemory, tmp_path: Path):
    video = memory.videos()[0].id
    cited = [str(MediaURI.frame(video, time, BOX)) for time in (4.0, 7.0)]
    track = tuple((time, BOX) for time in (4.0, 5.5, 7.0, 7.8))
    task = Task(id="where", question="Where is the circle?", kind="track", truth=Truth(track=track))
    judged = asked(memory, tmp_path, f"It stays in the middle: {' '.join(cited)}", task)
    assert boxes_at(judged, [4.0, 5.5, 7.0, 7.8]) == [BOX, BOX, BOX, None]
    assert tracking([judged])["AO"].value == 0.75
