"""Objects with real weights on real videos: counts, entries and exits, and ids beside ultralytics' own tracker."""

from __future__ import annotations

import asyncio
from pathlib import Path

import numpy as np
import pytest
from rewatch.memory import ClipMemory, Span, Video
from rewatch.memory.ingest.objects_channel import follow
from rewatch.memory.tracking.detector import WEAK
from rewatch.memory.tracking.track_linking import link, sure
from rewatch.memory.tracking.ultralytics_detector import detector, import_ultralytics
from rewatch.tools import BUILT_IN, Toolbox

pytestmark = [pytest.mark.weights, pytest.mark.media]
VISITS = ((6.2, 19.0), (22.8, 45.0), (50.2, 70.0), (74.6, 86.8), (92.3, 119.8), (123.4, 135.8))


def track(memory: ClipMemory, end: float, label: str, frames: int) -> list[dict]:
    call = Toolbox(BUILT_IN).call(
        "track_objects", {"start": 0, "end": end, "labels": [label]}, memory=memory,
        videos=[memory.videos()[0].id], left={"frames": frames},
    )  # fmt: skip
    seen, cost = asyncio.run(call)
    assert not seen.error and cost.frames <= frames
    return seen.data["tracks"]


@pytest.mark.slow
def test_visitors_are_counted_and_timed_within_the_usual_budget(yolo: Path, media: Path, tmp_path: Path) -> None:
    memory = ClipMemory(tmp_path, detector=str(yolo))
    memory.add(media / "one_by_one_visitors.mp4", channels=["visual"], clip_seconds=60, workers=0)
    rows = track(memory, 139.4, "people", 160)
    assert len(rows) == len(VISITS)
    for row, (start, end) in zip(rows, VISITS, strict=True):
        assert abs(row["span"][0] - start) <= 1.0 and abs(row["span"][1] - end) <= 1.0


@pytest.mark.slow
def test_cars_from_above(yolo: Path, media: Path, tmp_path: Path) -> None:
    memory = ClipMemory(tmp_path, detector=str(yolo))
    memory.add(media / "car_parking_overhead.mp4", channels=["visual"], clip_seconds=60, workers=0)
    rows = track(memory, 30.2, "cars", 130)
    assert abs(len(rows) - 4) <= 1
    assert any(abs(row["span"][0] - 15.0) <= 1 and abs(row["span"][1] - 18.7) <= 1 for row in rows)


@pytest.mark.slow
def test_ids_switch_no_more_than_with_ultralytics_own_tracker(yolo: Path, media: Path) -> None:
    found = detector(str(yolo), threads=1)
    span = Span(10, 30)
    with Video(media / "one_by_one_visitors.mp4") as video:
        frames = list(video.frames(span, 2.5))
    own = sure(link(follow(frames, found, fps=2.5, span=span)))
    ours = {one.id for one in own if one.label == "person"}
    theirs: set[int] = set()
    peer = import_ultralytics().YOLO(str(yolo), task="detect")
    for frame in frames:
        picture = np.ascontiguousarray(frame.image[..., ::-1])
        (result,) = peer.track(picture, persist=True, conf=WEAK, verbose=False)
        if result.boxes.id is not None:
            people = result.boxes.cls.numpy() == 0
            theirs |= {int(number) for number in result.boxes.id.numpy()[people]}
    assert len(ours) == 2 <= len(theirs)
