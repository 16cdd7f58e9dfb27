"""Segments hold the very pictures and sound of what was recorded, and survive a kill."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest
from media_files import ENCODINGS, needs_ffmpeg, run_ffmpeg, write_video
from rewatch.memory import Span, Video, VideoGoneError
from rewatch.memory.live.recorder import SegmentWriter
from rewatch.memory.live.segments import Manifest, Segments

RATE = 16000


def record(path: Path, folder: Path, seconds: float = 1.0, *, until: int | None = None) -> Manifest:
    """Record a file, or only its first packets, as if it were a stream."""
    manifest = Manifest(folder)
    if not manifest.segments:
        manifest.begin(0.0)
    since = manifest.segments[-1].end if manifest.segments else None
    with av.open(str(path)) as container:
        writer = SegmentWriter(container, manifest, seconds, lambda time: time, since=since)
        for number, packet in enumerate(container.demux()):
            if until is not None and number >= until:
                return manifest  # killed
            writer.take(packet)
        writer.finish()
    return manifest


@pytest.mark.parametrize("name", ["h264", "h264-long-gop", "hevc", "vp9", "mpeg2-ts"])
def test_pictures_are_those_of_the_source(name: str, tmp_path: Path) -> None:
    encoding = ENCODINGS[name]
    source = write_video(tmp_path / f"a.{encoding.ending}", frames=96, encoding=encoding)
    manifest = record(source, tmp_path / "segments")
    assert len(manifest.segments) == (1 if name == "h264-long-gop" else 4)
    video, segments = Video(source), Segments(tmp_path / "segments")
    assert segments.info.start == pytest.approx(video.info.start, abs=1e-3)
    assert segments.info.end == pytest.approx(video.info.end, abs=2e-3)
    times = np.arange(video.info.seen_from + 1e-3, video.info.end, 1 / 24)
    for ours, theirs in zip(segments.frames_at(times), video.frames_at(times), strict=True):
        assert ours.time == pytest.approx(theirs.time, abs=2e-3)
        assert np.array_equal(ours.image, theirs.image)
    assert len(segments.times()) == len(video.times())


@needs_ffmpeg
def test_sound_goes_on_over_the_cuts(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).normal(0, 0.1, 4 * 48000)
    smooth = np.convolve(noise, np.ones(96) / 96, mode="same").astype(np.float32) * 5  # below 500 Hz
    source = write_video(tmp_path / "a.mp4", frames=96, sound=smooth)
    run_ffmpeg("-i", source, "-c", "copy", tmp_path / "a.ts")
    manifest = record(tmp_path / "a.ts", tmp_path / "segments")
    whole, pieces = Video(tmp_path / "a.ts"), Segments(tmp_path / "segments")
    for segment in manifest.segments[1:]:
        around = Span(segment.start - 0.2, segment.start + 0.2)
        ours, theirs = pieces.audio(around, rate=RATE), whole.audio(around, rate=RATE)
        assert np.corrcoef(ours, theirs)[0, 1] > 0.99
    assert len(pieces.audio(Span(0, 100), rate=100)) == 10_000, "silence stands where nothing was recorded"


def test_a_killed_recorder_leaves_whole_segments(tmp_path: Path) -> None:
    source = write_video(tmp_path / "a.mkv", frames=120, encoding=ENCODINGS["h264-open-gop-mkv"])
    folder = tmp_path / "segments"
    first = record(source, folder, until=80)
    done = [one.file for one in first.segments]
    assert 2 <= len(done) < 5 and len(list(folder.iterdir())) > len(done) + 1, "one more was being written"
    with (folder / "segments.jsonl").open("a") as file:
        file.write('{"file": "00')
    again = Manifest(folder)
    again.tidy()
    assert sorted(path.name for path in folder.iterdir()) == [*done, "segments.jsonl"]
    assert [one.file for one in record(source, folder).segments[: len(done)]] == done
    spans = [one.span for one in Manifest(folder).segments]
    assert all(a.end == pytest.approx(b.start) for a, b in zip(spans, spans[1:], strict=False))
    assert Manifest(folder).stretches() == [Span(spans[0].start, spans[-1].end)]


def test_what_was_deleted_is_said_to_be_gone(tmp_path: Path) -> None:
    source = write_video(tmp_path / "a.mp4", frames=96)
    manifest = record(source, tmp_path / "segments")
    segments = Segments(tmp_path / "segments")
    manifest.drop([manifest.segments[0].file])
    assert segments.info.span.start == pytest.approx(0.0, abs=1e-3), "the recording began where it began"
    assert segments.frame(2.5).time == pytest.approx(2.5, abs=0.05)
    with pytest.raises(VideoGoneError, match="deleted to keep within its limit"):
        segments.frame(0.5)
