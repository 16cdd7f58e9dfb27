"""Tools, tracks and exports on a video whose pictures change their size, and their shape, in the middle."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest
from rewatch.memory import Box, ClipMemory, Span
from rewatch.memory.ingest.objects_channel import stored_tracks
from rewatch.memory.tracking.detector import Detection
from rewatch.memory.tracking.drawing import write_clip, write_frames
from rewatch.memory.tracking.export import coco, sizes_of
from rewatch.memory.video.array_video import ArrayVideo
from rewatch.tools import BUILT_IN, ON_REQUEST, Observation, Toolbox

FPS, SECONDS = 8, 4
SIZES = ((640, 360), (320, 180), (360, 640))


def scene(number: int, size: tuple[int, int]) -> np.ndarray:
    """A red square that goes from left to right over a textured wall with a text on it, brought to a size."""
    image = cv2.resize(np.random.default_rng(1).integers(60, 140, (18, 32, 3), np.uint8), (640, 360))
    cv2.putText(image, "HELLO", (220, 90), cv2.FONT_HERSHEY_SIMPLEX, 2, (255, 255, 255), 6)
    left = 20 + 5 * number
    image[200:270, left : left + 70] = (220, 20, 20)
    return cv2.resize(image, size, interpolation=cv2.INTER_AREA)


class Red:
    """Finds what is red."""

    name, stamp, labels, open_vocabulary = "red", "red 1", ("box",), False

    def detect(
        self, images: Sequence[np.ndarray], *, labels: Sequence[str] | None = None, least: float = 0.25
    ) -> list[list[Detection]]:
        found = []
        for image in images:
            height, width = image.shape[:2]
            ys, xs = np.nonzero(image[..., 0].astype(int) - image[..., 1] > 90)
            box = Box(xs.min() / width, ys.min() / height, (xs.max() + 1) / width, (ys.max() + 1) / height)
            found.append([Detection("box", 0.9, box)])
        return found


@pytest.fixture(scope="module")
def memory(tmp_path_factory: pytest.TempPathFactory) -> ClipMemory:
    images = [scene(n, SIZES[n // (FPS * SECONDS)]) for n in range(3 * FPS * SECONDS)]
    memory = ClipMemory(tmp_path_factory.mktemp("sizes"), detector=Red())
    record = memory.add(ArrayVideo(images, FPS), channels=("visual", "screen_text", "objects"), workers=0)
    assert not record.failures
    return memory


def call(memory: ClipMemory, name: str, **arguments: Any) -> Observation:
    (video,) = memory.videos()
    left = {"frames": 400, "calls": 9, "seconds": 100}
    made = Toolbox([*BUILT_IN, *ON_REQUEST]).call(name, arguments, memory=memory, videos=[video.id], left=left)
    seen, _ = asyncio.run(made)
    assert not seen.error, seen.text
    return seen


def test_one_object_stays_one_track_whatever_the_size(memory: ClipMemory) -> None:
    (track,) = stored_tracks(memory.texts(memory.videos()[0].id, channel="objects"))
    assert (track.start, track.end) == pytest.approx((0, 12), abs=0.5)
    assert call(memory, "track_objects", start=0, end=12).data["tracks"][0]["label"] == "box"
    for time in (2.0, 6.0, 10.0):
        (one,) = call(memory, "detect_objects", start=time).data["objects"]
        middle = (20 + 5 * time * FPS + 35) / 640
        assert (one["box"][0] + one["box"][2]) / 2 == pytest.approx(middle, abs=0.02)


def test_what_moves_is_found_without_a_detector(memory: ClipMemory) -> None:
    from rewatch.memory.tracking.moving_objects import moving_objects
    from rewatch.memory.tracking.track_motion import direction

    moving = moving_objects(memory.open(memory.videos()[0].id), Span(0, 12))
    assert 1 <= len(moving.tracks) <= 3 and all(track.color == "red" for track in moving.tracks)
    assert {direction(track) for track in moving.tracks} == {"left to right"}
    for track in moving.tracks:
        for one in track.boxes[2:-2]:
            middle = (one.box.left + one.box.right) / 2
            assert middle == pytest.approx((20 + 5 * one.time * FPS + 35) / 640, abs=0.05)


def test_text_is_read_and_timed_across_the_change(memory: ClipMemory) -> None:
    for arguments in ({"start": 2}, {"start": 6}, {"start": 10}, {"start": 2, "end": 10, "fps": 1}):
        assert "HELLO" in call(memory, "read_text", **arguments).text
    timed = call(memory, "read_text", start=5, end=6, find="HELLO").data["readings"]
    assert timed and timed[0]["span"] == pytest.approx([0, 12], abs=0.5)


def test_colors_are_found_where_they_are(memory: ClipMemory) -> None:
    frames = call(memory, "find_color", start=0, end=12, color="red").data["frames"]
    assert len(frames) == 12
    assert all(row["share"] == pytest.approx(70 * 70 / (640 * 360), rel=0.2) for row in frames)
    assert "frames at" in call(memory, "view_clip", start=3, end=9).text


def test_exports_have_each_pictures_own_size(memory: ClipMemory, tmp_path: Path) -> None:
    record = memory.videos()[0]
    video, tracks = memory.open(record.id), stored_tracks(memory.texts(record.id, channel="objects"))
    row = coco(tracks, record, sizes_of(video, tracks))
    sizes = {image["id"]: (image["width"], image["height"]) for image in row["images"]}
    assert set(sizes.values()) == set(SIZES)
    for one in row["annotations"]:
        left, top, width, height = one["bbox"]
        assert left + width <= sizes[one["image_id"]][0] + 0.1 and top + height <= sizes[one["image_id"]][1] + 0.1
    write_clip(video, Span(3, 11), tracks, tmp_path / "clip.mp4")
    with av.open(str(tmp_path / "clip.mp4")) as clip:
        assert {(frame.width, frame.height) for frame in clip.decode(video=0)} == {SIZES[0]}
    from PIL import Image

    written = write_frames(video, [2.0, 6.0, 10.0], tracks, tmp_path / "frames")
    assert [Image.open(path).size for path in written] == list(SIZES)
