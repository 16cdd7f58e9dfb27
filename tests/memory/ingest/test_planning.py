"""Plans follow what a file holds: few packets make few pieces of work, however long they claim to last."""

from __future__ import annotations

import resource
from pathlib import Path

import numpy as np
import pytest
from hearing import TellsTones, srt
from hypothesis import given, settings
from hypothesis import strategies as st
from media_files import write_video
from rewatch.memory import ClipMemory, Span, VideoError
from rewatch.memory.ingest.planning import MOST, STILL, Busy, windows
from rewatch.memory.ingest.segmentation import coarse_windows, fixed_windows
from rewatch.memory.protocol import VideoInfo
from rewatch.memory.video.file import Video


def info(duration: float) -> VideoInfo:
    return VideoInfo(path="", size=0, start=0, end=duration, width=8, height=8, fps=25, codec="h264", pixel_format="")


def test_what_stands_still_for_long_is_one_piece() -> None:
    busy = Busy(np.array([0.0, 1.0, 2000.0]))
    assert windows(Span(0, 3000), 10, shortest=1, busy=busy) == [
        Span(0, 10), Span(10, 2000), Span(2000, 2010), Span(2010, 3000),
    ]  # fmt: skip
    # Ordinary pauses change nothing.
    busy = Busy(np.array([0.0, 590.0]))
    assert windows(Span(0, 600), 10, shortest=1, busy=busy) == windows(Span(0, 600), 10, shortest=1)
    sound = Busy(np.array([0.0]), [Span(0, 3000)])
    assert windows(Span(0, 3000), 10, shortest=1, busy=sound) == windows(Span(0, 3000), 10, shortest=1)


@given(
    st.floats(-100, 100), st.floats(1, 2e5), st.lists(st.floats(0, 1), max_size=20), st.floats(1, 60), st.floats(0, 1)
)
@settings(max_examples=60, deadline=None)
def test_windows_tile_and_hold_every_picture_in_a_short_one(
    start: float, length: float, places: list[float], seconds: float, sounding: float
) -> None:
    span = Span(start, start + length)
    pictures = np.sort(np.array([start + place * length for place in places if place < 1]))
    sound = [Span(start + sounding * length / 2, start + sounding * length)]
    found = windows(span, seconds, shortest=1.0, busy=Busy(pictures, sound))
    assert found[0].start == span.start and found[-1].end == span.end
    assert all(one.end == after.start for one, after in zip(found, found[1:], strict=False))
    for time in pictures:
        (there,) = [one for one in found if one.start - 1e-6 * seconds <= time < one.end - 1e-6 * seconds] or [
            found[-1]
        ]
        assert there.duration <= 2 * seconds + 1e-6 or there.start - 1e-3 <= time


def test_more_than_anybody_can_want_is_refused_in_one_line() -> None:
    with pytest.raises(VideoError, match="--clip-seconds 60") as caught:
        fixed_windows(info(10.0 * (MOST + 5)))
    assert "\n" not in str(caught.value)
    steady = Busy(np.arange(0, 10.0 * (MOST + 5), 5.0))
    with pytest.raises(VideoError, match="pieces of 10 s"):
        fixed_windows(info(10.0 * (MOST + 5)), busy=steady)
    with pytest.raises(VideoError, match="pieces of 10 s"):
        fixed_windows(info(1e9), busy=Busy(np.array([0.0]), [Span(0, 1e9)]))
    # A picture an hour for a year is little: what stands between is joined.
    hourly = fixed_windows(info(3.2e7), busy=Busy(np.arange(0, 3.2e7, 3600.0)))
    assert len(hourly) == 2 * len(np.arange(0, 3.2e7, 3600.0))
    # A picture every ten minutes: short pauses are joined only where they must be.
    assert len(fixed_windows(info(6e4), busy=Busy(np.arange(0, 6e4, 590.0)))) == 6_000
    assert len(fixed_windows(info(3e6), busy=Busy(np.arange(0, 3e6, 590.0)))) < 15_000


def test_coarse_levels_follow_the_clips() -> None:
    clips = [Span(0, 10), Span(10, 3e8), Span(3e8, 3e8 + 10)]
    levels = coarse_windows(info(3e8 + 10), clips=clips)
    assert all(len(spans) <= 4 for spans in levels.values()) and set(levels) == {"chapter", "hour", "day"}
    assert STILL == 60


@pytest.mark.parametrize("clips", ["fixed", "shots"])
@pytest.mark.parametrize("times", [[0, 1, 316_800, 950_400], [0, 1, 2, 3e8]], ids=["11-days", "ten-years"])
def test_a_file_of_four_pictures_is_four_pictures_of_work(times: list[float], clips: str, tmp_path: Path) -> None:
    path = write_video(tmp_path / "slow.mkv", frames=4, times=times)
    srt(path.with_suffix(".srt"), [(1, 2, "the beginning"), (times[-1] - 5, times[-1] - 1, "the end")])
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with ClipMemory(tmp_path / "m", text_encoder="hashed") as memory:
        record = memory.add(path, workers=0, clips=clips, channels=("visual", "screen_text", "speech"))
        (count,) = memory.store.rows("SELECT count(*) FROM units")[0]
        assert record.complete and not record.failures and count < 20
        assert record.end == pytest.approx(times[-1], abs=1) and "one clip a stretch" in record.notes[-1]
        assert len(memory.clips(record.id)) <= 7
        assert memory.search("end", channels=["speech"])[0].texts[0].start == pytest.approx(times[-1] - 5, abs=0.1)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 1_000_000, "kilobytes"


def test_sound_is_listened_to_where_there_is_some(tmp_path: Path) -> None:
    sound = (0.3 * np.sin(np.arange(48000 * 20) / 20)).astype(np.float32)
    path = write_video(tmp_path / "late.mkv", frames=4, times=[0, 1, 2, 3], sound=sound, sound_start=900_000.0)
    with ClipMemory(tmp_path / "m", text_encoder="hashed") as memory:
        record = memory.add(path, workers=0, channels=("speech",), transcriber=TellsTones())
        (text,) = memory.texts(record.id, channel="speech")
        assert text.start == pytest.approx(900_000, abs=0.1) and text.end == pytest.approx(900_020, abs=0.1)
        assert len(memory.store.rows("SELECT 1 FROM units WHERE channel = 'speech'")) == 1
    with Video(path) as video:
        assert [(round(one.start), round(one.end)) for one in video.sounding()] == [(900_000, 900_020)]
        with pytest.raises(VideoError, match="h of sound are asked for at once"):
            video.audio()
        with pytest.raises(VideoError, match="frames are asked for at once"):
            next(video.frames(video.info.span, 30))
