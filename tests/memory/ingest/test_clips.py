"""Windows of clips and of the coarse levels: they cover the video, in order, without gaps."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rewatch.memory.ingest.segmentation import coarse_windows, fixed_windows
from rewatch.memory.protocol import VideoInfo
from rewatch.memory.span import Span


def info(duration: float, start: float = 0.0) -> VideoInfo:
    return VideoInfo(
        path="x.mp4",
        size=1,
        start=start,
        end=start + duration,
        width=2,
        height=2,
        fps=25,
        codec="h264",
        pixel_format="",
    )


@pytest.mark.parametrize(
    "duration, start, seconds, lengths",
    [
        (30.0, 0.0, 10.0, [10, 10, 10]),
        (34.0, 1.4, 10.0, [10, 10, 10, 4]),  # a start that is not 0
        (31.9, 0.0, 10.0, [10, 10, 11.9]),  # a rest below a fifth
        (32.0, 0.0, 10.0, [10, 10, 10, 2]),
        (6.9, 0.0, 3.0, [3, 3.9]),  # a rest below one second
        (4.0, 0.0, 10.0, [4]),
        (0.0, 7.0, 10.0, [0]),  # a single picture
    ],
)
def test_fixed_windows(duration: float, start: float, seconds: float, lengths: list[float]) -> None:
    assert [window.duration for window in fixed_windows(info(duration, start), seconds)] == pytest.approx(lengths)


@settings(deadline=None)  # machines are shared
@given(st.floats(0, 1e4), st.floats(-100, 1e4), st.floats(2, 1e4))
def test_windows_cover_the_video(duration: float, start: float, seconds: float) -> None:
    video = info(duration, start)
    windows = fixed_windows(video, seconds)
    assert (windows[0].start, windows[-1].end) == (video.start, video.end)
    assert all(before.end == after.start for before, after in zip(windows, windows[1:], strict=False))
    assert all(window.duration <= 1.2 * seconds + 1 + 1e-6 for window in windows)


@pytest.mark.parametrize("seconds", [0, -1, float("nan")])
def test_windows_need_a_length(seconds: float) -> None:
    with pytest.raises(ValueError, match="positive"):
        fixed_windows(info(10), seconds)


@pytest.mark.parametrize(
    "duration, clip_seconds, counts",
    [
        (90, 10, {"chapter": 1}),
        (1500, 10, {"chapter": 3, "hour": 1}),
        (7200, 10, {"chapter": 12, "hour": 2, "day": 1}),
        (3 * 86400, 30, {"chapter": 432, "hour": 72, "day": 3}),
        (7200, 900, {"hour": 2, "day": 1}),  # chapters no longer than a clip are left out
    ],
)
def test_coarse_windows(duration: float, clip_seconds: float, counts: dict[str, int]) -> None:
    levels = coarse_windows(info(duration), clip_seconds)
    assert {level: len(windows) for level, windows in levels.items()} == counts
    assert all((windows[0].start, windows[-1].end) == (0, duration) for windows in levels.values())


def test_a_short_video_is_one_chapter() -> None:
    assert coarse_windows(info(42.0, 5.0), 10) == {"chapter": [Span(5.0, 47.0)]}
