"""Controls on tasks: what each leaves of a memory, drawn from the seed alone, and with `now`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from rewatch.agent import VideoAgent
from rewatch.evaluation.controls import CONTROLS, ControlError
from rewatch.memory import ArrayVideo, Box, ClipMemory, RestrictedView, Span, VideoError
from rewatch.training.data.task import Task, Truth


@pytest.fixture(scope="module")
def memory(tmp_path_factory: pytest.TempPathFactory) -> ClipMemory:
    """Two silent videos of 20 s, whose pictures tell their second by how bright they are."""
    memory = ClipMemory(tmp_path_factory.mktemp("controls"), text_encoder="hashed")
    for name, height in (("one", 16), ("two", 24)):
        images = [np.full((height, 32, 3), 10 * second, np.uint8) for second in range(20)]
        memory.add(ArrayVideo(images, 1, name=name), channels=["visual"], clip_seconds=4, workers=0)
    return memory


def task_of(memory: ClipMemory, *, spans: tuple[Span, ...] = (Span(6, 9),), **more: object) -> Task:
    videos = (memory.videos()[0].id,)
    truth = Truth(answer="red", spans=spans)
    return replace(Task(id="t1", question="What?", kind="open", truth=truth, videos=videos), **more)  # type: ignore[arg-type]


def seconds_of(view: ClipMemory | RestrictedView, video: str) -> set[int]:
    """The seconds of the source that can be seen at all; black is 0."""
    times = np.arange(-1, 24, 0.25)
    return {round(frame.image.mean() / 10) for frame in view.open(video).frames_at(times)}


@pytest.mark.parametrize("name", [name for name in CONTROLS if name != "options_shuffled"])
def test_equal_arguments_give_equal_views(memory: ClipMemory, name: str) -> None:
    task = task_of(memory)
    (one, asked), (other, again) = (CONTROLS[name].apply(memory, task, 3) for _ in range(2))
    assert isinstance(one, RestrictedView) and isinstance(other, RestrictedView)
    assert one.restriction == other.restriction and asked == again
    assert [one.video(video) for video in asked.videos], "the task names videos that are there"
    assert (asked.question, asked.truth) == (task.question, task.truth)


def test_question_only_leaves_no_fact(memory: ClipMemory) -> None:
    views = [CONTROLS["question_only"].apply(memory, task_of(memory, now=now), 0) for now in (None, 12.0)]
    assert views[0] == views[1]
    view, task = views[0]
    assert task.now is None and task.videos == ("video-1",)
    assert memory.videos()[0].id not in str(view.videos())


def test_the_true_span_is_all_that_is_seen(memory: ClipMemory) -> None:
    view, task = CONTROLS["truth_span"].apply(memory, task_of(memory, spans=(Span(6, 9), Span(12, 13))), 0)
    assert seconds_of(view, task.videos[0]) == {6, 7, 8, 12, 0}
    assert [video.name for video in view.videos()] == ["one"]


def test_a_track_has_a_true_span_too(memory: ClipMemory) -> None:
    box = Box(0.1, 0.1, 0.2, 0.2)
    truth = Truth(track=((4.0, box), (7.0, box)))
    task = Task(id="t", question="Where?", kind="track", truth=truth, videos=("one",))
    view, asked = CONTROLS["truth_span"].apply(memory, task, 0)
    assert seconds_of(view, asked.videos[0]) == {4, 5, 6}


def test_without_a_true_span_the_control_means_nothing(memory: ClipMemory) -> None:
    with pytest.raises(ControlError, match="t1: nobody knows where"):
        CONTROLS["truth_span"].apply(memory, task_of(memory, spans=()), 0)


def test_a_random_span_is_as_long_and_elsewhere(memory: ClipMemory) -> None:
    starts = set()
    for number in range(20):
        task = task_of(memory, id=f"t{number}")
        view, asked = CONTROLS["random_span"].apply(memory, task, 0)
        record = view.video(asked.videos[0])
        assert record.duration == pytest.approx(3.0) and record.span.overlap(Span(6, 9)) == 0
        starts.add(record.start)
    assert len(starts) == 20
    everywhere, asked = CONTROLS["random_span"].apply(memory, task_of(memory, spans=(Span(0, 20),)), 0)
    assert everywhere.video(asked.videos[0]).duration == 20, "there is no room elsewhere"
    unknown, asked = CONTROLS["random_span"].apply(memory, task_of(memory, spans=()), 0)
    assert unknown.video(asked.videos[0]).duration == pytest.approx(2.0)


def test_one_frame_of_each_video(memory: ClipMemory) -> None:
    task = task_of(memory, videos=("one", "two"))
    view, asked = CONTROLS["single_frame"].apply(memory, task, 0)
    assert [seconds_of(view, video) for video in asked.videos] == [{10}, {10}]


@pytest.mark.parametrize("name", ["single_frame", "random_span", "truth_span", "shuffled_frames"])
def test_nothing_after_now_is_shown(memory: ClipMemory, name: str) -> None:
    for number in range(8):
        task = task_of(memory, id=f"t{number}", now=10.0)
        view, asked = CONTROLS[name].apply(memory, task, number)
        assert asked.now == 10.0
        assert max(seconds_of(view.until(10.0), asked.videos[0])) < 10


def test_shuffled_frames_are_all_there_in_another_order(memory: ClipMemory) -> None:
    view, task = CONTROLS["shuffled_frames"].apply(memory, task_of(memory), 5)
    order = [round(frame.image.mean() / 10) for frame in view.open(task.videos[0]).frames_at(np.arange(20) + 0.5)]
    assert sorted(order) == list(range(20))
    assert sum(a + 1 == b for a, b in zip(order, order[1:], strict=False)) < 8


@pytest.mark.parametrize("name", list(CONTROLS))
def test_the_agent_answers_under_each_control(memory: ClipMemory, name: str, tmp_path: Path) -> None:
    task = replace(task_of(memory), kind="mcq", options=("red", "gray"), truth=Truth(answer="B", spans=(Span(6, 9),)))
    view, asked = CONTROLS[name].apply(memory, task, 0)
    agent = VideoAgent(view, traces=tmp_path)
    answer = agent.ask(asked.question, options=asked.options, videos=asked.videos, now=asked.now)
    assert not answer.failed and answer.trace is not None
    if name == "question_only":
        told = Path(answer.trace).read_text()
        assert memory.videos()[0].id not in told and '"one"' not in told


def test_an_unknown_video_is_said(memory: ClipMemory) -> None:
    with pytest.raises(VideoError, match="no video"):
        CONTROLS["truth_span"].apply(memory, task_of(memory, videos=("three",)), 0)
