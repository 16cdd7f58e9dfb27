"""Videos that are no files: arrays, and views that end at a moment."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from media_files import ENCODINGS, picture, write_video
from rewatch.memory.errors import VideoError
from rewatch.memory.protocol import VideoSource, grid
from rewatch.memory.span import Span
from rewatch.memory.video.array_video import ArrayVideo
from rewatch.memory.video.file import Video
from rewatch.memory.video.truncated_video import TruncatedVideo


@pytest.fixture(scope="module")
def array() -> ArrayVideo:
    hum = 0.5 * np.sin(np.arange(16000 * 5) / 10)
    return ArrayVideo([picture(k) for k in range(40)], 10, sound=hum, start=2.0)


def test_array_is_a_source(array: ArrayVideo) -> None:
    assert isinstance(array, VideoSource)
    assert (array.info.start, array.info.end) == (2.0, 7.0), "the sound goes on for a second"
    assert array.frame(3.05).time == pytest.approx(3.0)
    assert np.array_equal(array.frame(3.05).image, picture(10))
    assert array.frame(0.0).time == 2.0 and array.frame(99.0).time == pytest.approx(5.9)
    assert array.frame(3.0, size=80).image.shape == (48, 80, 3)
    assert [round(frame.time, 2) for frame in array.frames(Span(3, 4), 4)] == [3.0, 3.2, 3.5, 3.7]
    assert [frame.time for frame in array.keyframes()] == [2.0, 3.0, 4.0, 5.0]


def test_array_hands_out_copies(array: ArrayVideo) -> None:
    array.frame(3.0).image[:] = 0
    assert array.frame(3.0).image.any()


def test_array_sound(array: ArrayVideo) -> None:
    assert len(array.audio()) == 5 * 16000
    part = array.audio(Span(1.0, 3.0), rate=8000)
    assert len(part) == 16000 and not part[:8000].any() and part[8000:].std() > 0.2
    assert ArrayVideo([picture(0)], 1).audio().shape == (0,)


def test_array_identity_is_its_content() -> None:
    images = [picture(k) for k in range(3)]
    same = {ArrayVideo(images, 5).content_id, ArrayVideo(np.stack(images), 5, name="other").content_id}
    assert len(same) == 1
    assert ArrayVideo(images, 6).content_id not in same
    assert ArrayVideo(images[::-1], 5).content_id not in same
    assert ArrayVideo(images, 5, sound=np.zeros(10)).content_id not in same


@pytest.mark.parametrize(
    ("images", "fps"),
    [([], 1), ([picture(0)], 0), ([picture(0).astype(float)], 1), ([picture(0), picture(0)[:0]], 1)],
)
def test_array_refuses(images: list[np.ndarray], fps: float) -> None:
    with pytest.raises(ValueError):
        ArrayVideo(images, fps)


@settings(max_examples=40, deadline=None)
@given(now=st.floats(2.0, 8.0), ask=st.lists(st.floats(-5, 20), min_size=1, max_size=5))
def test_nothing_after_now_is_seen_or_heard(now: float, ask: list[float]) -> None:
    video = ArrayVideo([np.full((4, 4, 3), k, np.uint8) for k in range(50)], 10, sound=np.ones(16000 * 5), start=2.0)
    cut = TruncatedVideo(video, now)
    assert isinstance(cut, VideoSource)
    assert cut.info.end <= max(now, 2.0)
    try:
        times = [frame.time for frame in [*cut.frames_at(ask), *cut.frames(Span(0, 20), 7), *cut.keyframes()]]
    except VideoError:
        assert now <= 2.00001
        times = []
    assert all(time < now for time in times)
    heard = cut.audio(Span(0.0, 10.0), rate=100)
    assert len(heard) == 1000
    assert not heard[np.arange(1000) / 100 >= now].any()


def test_a_frame_that_appears_at_now_is_not_seen(tmp_path: Path) -> None:
    path = write_video(tmp_path / "video.mp4", frames=72, encoding=ENCODINGS["h264-open-gop"])
    with Video(path) as video:
        times = video.times()
        for now in (times[24], times[25], times[24] + 1e-7):
            cut = TruncatedVideo(video, float(now))
            assert max(frame.time for frame in cut.frames(video.info.span, 48)) < now
            assert cut.frame(99.0).time < now
            assert np.array_equal(cut.frame(0.5).image, video.frame(0.5).image)
        assert TruncatedVideo(video, 1.0).content_id != TruncatedVideo(video, 2.0).content_id != video.content_id
        with pytest.raises(VideoError, match="nothing of it is known"):
            TruncatedVideo(video, -1.0).frame(0.0)
        assert list(TruncatedVideo(video, -1.0).keyframes()) == []


@given(
    start=st.floats(-100, 100),
    length=st.floats(0, 50),
    fps=st.floats(0.1, 30),
    first=st.floats(-50, 50),
    duration=st.floats(0, 60),
)
def test_grid_keeps_to_span_and_bounds(start: float, length: float, fps: float, first: float, duration: float) -> None:
    span, bounds = Span(start, start + length), Span(first, first + duration)
    times = grid(span, fps, bounds)
    slack = 2e-6 / fps + 1e-9
    assert all(max(span.start, bounds.start) - slack <= t < min(span.end, bounds.end) + slack for t in times)
    assert np.allclose(np.diff(times), 1 / fps)
    assert len(times) >= int((min(span.end, bounds.end) - max(span.start, bounds.start)) * fps) - 1
