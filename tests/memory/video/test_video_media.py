"""Real files: all open and sample exactly, or are refused plainly."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest
from media_files import decoding
from rewatch.memory.errors import VideoError
from rewatch.memory.span import Span
from rewatch.memory.video.file import Video

SHARED = Path(__file__).resolve().parents[4] / "shared" / "media"
NAMES = [
    str(path.relative_to(SHARED))
    for path in sorted([*SHARED.glob("*.*"), *SHARED.glob("edge/*.*")])
    if path.suffix in {".mp4", ".mkv", ".webm", ".mov"}
]


@pytest.mark.media
@pytest.mark.parametrize("name", NAMES)
def test_real_file(name: str, media: Path) -> None:
    """The first seconds against plain decoding, and the whole at a coarse rate."""
    path = media / name
    with Video(path) as video:
        times, info = video.times(), video.info
        assert len(times) and info.end > info.start == times[0]
        seconds = min(4.0, info.duration)
        wanted = info.start + np.arange(0, seconds, 0.37)
        sampled = {frame.time: frame.image for frame in video.frames_at(wanted)}
        with av.open(str(path)) as container:
            index = next(stream.index for stream in container.streams.video if _same(stream, video))
        checked = 0
        for time, image in decoding(path, index):
            if time > info.start + seconds + 1:
                break
            if time in sampled:
                assert np.array_equal(sampled[time], np.rot90(image, -info.rotation // 90)), f"{name} at {time}"
                checked += 1
        assert checked == len(sampled)
        coarse = list(video.frames(info.span, min(1.0, 20 / info.duration), size=160))
        assert all(max(frame.image.shape) <= 160 for frame in coarse) and coarse
        assert all(frame.image.shape == coarse[0].image.shape for frame in coarse)
        sound = video.audio(Span(info.start, info.start + seconds))
        assert len(sound) == (round(seconds * 16000) if info.has_audio else 0)
        assert len(list(video.keyframes(size=64))) >= 1


def _same(stream: av.VideoStream, video: Video) -> bool:
    return {stream.width, stream.height} == {video.info.width, video.info.height}


@pytest.mark.media
def test_sound_alone_is_refused(media: Path) -> None:
    with pytest.raises(VideoError, match="no video"):
        Video(media / "librispeech_84-121550-0000.flac")
