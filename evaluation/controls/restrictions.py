"""What each control leaves of a memory."""

from __future__ import annotations

import random

from ...memory import ClipMemory, Restriction, Span, VideoRecord
from ...training.data.task import Task
from .control import ControlError, Restrict, now_of

_SHARE = 0.1
"""Of a video, the length of a random span where nobody knows how long the true one is."""
_TRIES = 100


def always(restriction: Restriction) -> Restrict:
    """Return a function that leaves the same of every memory."""
    return lambda memory, task, seed: restriction


def shuffled(memory: ClipMemory, task: Task, seed: int) -> Restriction:
    """All pictures, in another order, the same for every task about a video."""
    return Restriction(shuffle=seed)


def single_frame(memory: ClipMemory, task: Task, seed: int) -> Restriction:
    """The picture in the middle of each video, as far as it has come by the task's `now`."""
    return Restriction(
        sound=False,
        spans=tuple((record.id, Span(record.span.middle, record.span.middle)) for record in _known(memory, task)),
    )


def truth_span(memory: ClipMemory, task: Task, seed: int) -> Restriction:
    """The true spans alone.

    Raises:
        ControlError: if nobody knows them.
    """
    record, spans = _true(memory, task)
    if not spans:
        raise ControlError(f"{task.id}: nobody knows where its answer lies, so there is no true span to show.")
    return Restriction(spans=tuple((record.id, span) for span in spans))


def random_span(memory: ClipMemory, task: Task, seed: int) -> Restriction:
    """A span of the same video that is as long as the true ones together, and meets none of them where there is room.

    Where nobody knows the true ones, it is a tenth of the video.
    """
    rng = random.Random(f"{seed} random span {task.id}")
    record, spans = _true(memory, task)
    length = min(sum(span.duration for span in spans) or _SHARE * record.duration, record.duration)
    for _ in range(_TRIES):
        start = record.start + rng.random() * (record.duration - length)
        found = Span(start, start + length)
        if not any(found.overlap(span) > 0 for span in spans):
            break
    return Restriction(spans=((record.id, found),))


def _known(memory: ClipMemory, task: Task) -> list[VideoRecord]:
    """The videos of a task, each as far as it has come by the task's `now`."""
    records = [memory.video(video) for video in task.videos] or memory.videos()
    now = now_of(memory, task)
    if now is None:
        return records
    view = memory.until(now)
    begun = {record.id: record for record in view.videos()}
    return [begun[record.id] for record in records if record.id in begun]


def _true(memory: ClipMemory, task: Task) -> tuple[VideoRecord, list[Span]]:
    """The video that the answer lies in, and where; of several of which nobody knows which, the first."""
    known = _known(memory, task)
    if not known:
        raise ControlError(f"{task.id}: none of its videos has begun by then.")
    named = None if task.truth.video is None else memory.video(task.truth.video).id
    record = next((one for one in known if one.id == named), known[0])
    times = [time for time, _ in task.truth.track]
    spans = list(task.truth.spans) or ([Span(times[0], times[-1])] if times else [])
    return record, [span for span in spans if span.start < record.end]
