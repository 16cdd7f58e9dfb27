"""Frames by time: equal to decoding everything, whatever the codec and however few are asked for."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from pathlib import Path

import av
import numpy as np
import pytest
from media_files import ENCODINGS, decode_all, needs_ffmpeg, picture, run_ffmpeg, write_video
from rewatch.memory.errors import CapabilityError, VideoError
from rewatch.memory.protocol import VideoSource
from rewatch.memory.span import Span
from rewatch.memory.video.file import Video
from rewatch.memory.video.packets import read_index
from rewatch.memory.video.probe import open_container

FPS = 24


@pytest.fixture(scope="module")
def encoded(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Writes the video of an encoding once."""
    folder = tmp_path_factory.mktemp("encoded")

    def write(name: str) -> Path:
        path = folder / f"{name}.{ENCODINGS[name].ending}"
        return path if path.exists() else write_video(path, frames=72, fps=FPS, encoding=ENCODINGS[name])

    return write


def assert_exact(
    video: Video, times: Iterable[float], frames: Iterable, reference: list[tuple[float | None, np.ndarray]]
) -> None:
    """Each frame is the last of the file at or before its time, and bit-equal to full decoding."""
    shown = video.times()
    for time, frame in zip(sorted(times), frames, strict=True):
        place = max(int(np.searchsorted(shown, time + 1e-6, side="right")) - 1, 0)
        assert frame.time == shown[place]
        assert np.array_equal(frame.image, reference[place][1]), f"the frame at {time} is another picture"


@pytest.mark.parametrize("name", ENCODINGS)
def test_sampling_equals_full_decoding(name: str, encoded: Callable[[str], Path]) -> None:
    path = encoded(name)
    reference = decode_all(path)
    with Video(path) as video:
        shown = video.times()
        assert len(shown) == len(reference) == 72
        start, end = video.info.start, video.info.end
        # Grids that fall on pictures that others refer to, and on pictures that nothing refers to.
        for offset in range(5):
            times = [start + offset / FPS + k / 2 for k in range(5)]
            assert_exact(video, times, video.frames_at(times), reference)
        # One at a time, in no order: each seeks by itself.
        dice = random.Random(name)
        for _ in range(6):
            time = dice.uniform(start, end)
            assert_exact(video, [time], [video.frame(time)], reference)
        # A span in the middle, and then everything.
        middle = Span(start + 1.1, start + 1.6)
        assert_exact(video, middle.start + np.arange(6) / 12, video.frames(middle, 12), reference)
        assert_exact(video, shown, video.frames_at(shown), reference)


@pytest.mark.parametrize("name", ["h264", "h264-open-gop-mkv", "hevc-open-gop", "vp9", "av1", "mpeg4", "mpeg2-ts"])
def test_times_are_those_of_the_decoder(name: str, encoded: Callable[[str], Path]) -> None:
    path = encoded(name)
    with Video(path) as video, av.open(str(path)) as container:
        decoded = [frame.time for frame in container.decode(video=0) if frame.time_base is not None]
        times = video.times()
        assert times[: len(decoded)].tolist() == decoded
        assert video.info.start == times[0]
        assert times[-1] < video.info.end <= times[-1] + 0.1


@pytest.mark.parametrize("name", ENCODINGS)
def test_keyframes_are_exact_and_few(name: str, encoded: Callable[[str], Path]) -> None:
    path = encoded(name)
    reference = decode_all(path)
    with Video(path) as video:
        shown = video.times()
        keyframes = list(video.keyframes())
        assert 1 <= len(keyframes) <= (72 if name.startswith("mjpeg") else 8)
        assert keyframes[0].time == shown[0]
        for frame in keyframes:
            assert np.array_equal(frame.image, reference[int(np.flatnonzero(shown == frame.time)[0])][1])
        times = [frame.time for frame in keyframes]
        inside = Span(shown[0] + 0.5, shown[0] + 2.5)
        assert [frame.time for frame in video.keyframes(inside)] == [t for t in times if inside.contains(t)]


def test_keyframes_far_apart_are_found_by_seeking(tmp_path: Path) -> None:
    path = write_video(tmp_path / "long.mp4", frames=400, fps=25, encoding=ENCODINGS["h264-long-gop"])
    with Video(path) as video:
        assert [frame.time for frame in video.keyframes()] == [0.0, 4.0, 8.0, 12.0]
        assert [frame.time for frame in video.keyframes(Span(4.0, 12.0))] == [4.0, 8.0]
        assert [frame.time for frame in video.keyframes(Span(4.1, 7.0))] == []
        reference = decode_all(path)
        for frame in video.keyframes():
            assert np.array_equal(frame.image, reference[round(frame.time * 25)][1])


def test_a_call_may_be_left_half_way_and_nested(encoded: Callable[[str], Path]) -> None:
    path = encoded("h264-open-gop")
    reference = decode_all(path)
    with Video(path) as video:
        outer = video.frames_at(video.times())
        for _ in range(30):
            next(outer)
        assert_exact(video, [2.0], [video.frame(2.0)], reference)
        assert np.array_equal(next(outer).image, reference[30][1])
        outer.close()
        assert_exact(video, [0.5], [video.frame(0.5)], reference)


def test_sequential_where_the_container_tells_no_times(encoded: Callable[[str], Path], tmp_path: Path) -> None:
    raw = tmp_path / "raw.h264"
    with av.open(str(encoded("h264"))) as source:
        stream = source.streams.video[0]
        annex_b = av.BitStreamFilterContext("h264_mp4toannexb", stream)
        with raw.open("wb") as file:
            for packet in source.demux(stream):
                for part in annex_b.filter(packet if packet.size else None):
                    file.write(bytes(part))
    reference = decode_all(raw)
    with Video(raw) as video:
        times = video.times()
        assert len(times) == len(reference) == 72
        assert (np.diff(times) > 0).all()
        for place in (0, 17, 40, 71):
            assert np.array_equal(video.frame(float(times[place])).image, reference[place][1])


def test_variable_frame_rate(tmp_path: Path) -> None:
    times = [0.0, 0.04, 0.5, 0.51, 2.0, 2.04, 2.08, 5.0]
    path = write_video(tmp_path / "vfr.mp4", frames=len(times), times=times)
    reference = decode_all(path)
    with Video(path) as video:
        assert np.allclose(video.times(), times, atol=1e-4)
        asked = [0.3, 0.5, 1.99, 2.06, 4.9, 5.0]
        assert_exact(video, asked, video.frames_at(asked), reference)
        assert [round(frame.time, 2) for frame in video.frames_at(asked)] == [0.04, 0.5, 0.51, 2.04, 2.08, 5.0]


@pytest.mark.parametrize("ending", ["mp4", "mkv", "ts"])
def test_start_offset_stays(ending: str, tmp_path: Path) -> None:
    path = write_video(tmp_path / f"late.{ending}", frames=48, start=5.5, encoding=ENCODINGS["h264"])
    reference = decode_all(path)
    with Video(path) as video:
        assert video.info.start == pytest.approx(5.5, abs=0.1)
        assert video.info.duration == pytest.approx(2.0, abs=0.05)
        asked = [video.info.start + 1.0]
        assert_exact(video, asked, video.frames_at(asked), reference)
        assert video.frame(0.0).time == video.info.start, "before the first frame it is the first"


@pytest.mark.parametrize(("degrees", "turned"), [(90, 1), (180, 2), (-90, 3), (0, 0)])
def test_rotation_is_applied(degrees: int, turned: int, tmp_path: Path) -> None:
    path = write_video(tmp_path / "turned.mp4", frames=3, prepare=lambda stream: stream.set_display_rotation(degrees))
    stored = decode_all(path)[0][1]
    with Video(path) as video:
        frame = video.frame(0.0)
        assert np.array_equal(frame.image, np.rot90(stored, turned))
        assert frame.image.flags.c_contiguous
        assert (video.info.width, video.info.height) == frame.image.shape[1::-1]
        assert video.info.rotation == (-degrees) % 360
        assert max(video.frame(0.0, size=80).image.shape) == 80
        assert next(video.keyframes()).image.shape == frame.image.shape


def test_mirrored_picture_is_unmirrored(tmp_path: Path) -> None:
    path = write_video(
        tmp_path / "mirror.mp4", frames=3, prepare=lambda stream: stream.set_display_rotation(0, hflip=True)
    )
    with Video(path) as video:
        assert np.array_equal(video.frame(0.0).image, decode_all(path)[0][1][:, ::-1])


def test_size_is_the_longest_side_and_never_enlarges(encoded: Callable[[str], Path]) -> None:
    with Video(encoded("h264")) as video:
        small = video.frame(1.0, size=80)
        assert small.image.shape == (48, 80, 3)
        full = video.frame(1.0)
        assert full.image.shape == (96, 160, 3)
        assert np.array_equal(video.frame(1.0, size=4000).image, full.image)
        # The same picture, smaller: the mean of each 2x2 block.
        mean = full.image.reshape(48, 2, 80, 2, 3).mean(axis=(1, 3))
        assert np.abs(small.image - mean).mean() < 3
        with pytest.raises(ValueError, match="size"):
            video.frame(1.0, size=0)


def test_repeated_and_unordered_times(encoded: Callable[[str], Path]) -> None:
    with Video(encoded("h264")) as video:
        frames = list(video.frames_at([2.0, 1.0, 1.001, 99.0, -5.0]))
        assert [round(frame.time, 3) for frame in frames] == [0.0, 1.0, 1.0, 2.0, round(float(video.times()[-1]), 3)]
        frames[1].image[:] = 0
        assert frames[2].image.any(), "each frame is the caller's own"
        assert list(video.frames_at([])) == []
        with pytest.raises(ValueError, match="finite"):
            video.frames_at([float("nan")])


def test_frames_of_a_span_keep_to_the_video(encoded: Callable[[str], Path]) -> None:
    with Video(encoded("h264")) as video:
        assert [round(frame.time, 3) for frame in video.frames(Span(1.0, 2.0), 4)] == [1.0, 1.25, 1.5, 1.75]
        assert len(list(video.frames(Span(0.0, 1e9), 1))) == 3
        assert list(video.frames(Span(100.0, 200.0), 1)) == []
        assert list(video.frames(Span(1.0, 1.0), 1)) == []
        with pytest.raises(ValueError, match="fps"):
            list(video.frames(Span(0.0, 1.0), 0))


def test_a_grid_of_k_over_fps_meets_every_frame(encoded: Callable[[str], Path]) -> None:
    with Video(encoded("h264")) as video:
        times = [frame.time for frame in video.frames(Span(0.1 + 0.2, 3.0), FPS)]
        assert len(set(times)) == len(times) == 65, "0.1 + 0.2 + k / fps must not slip to a neighbour by rounding"


@pytest.mark.parametrize("ending", ["mp4", "mkv", "webm"])
def test_one_frame(ending: str, tmp_path: Path) -> None:
    encoding = ENCODINGS["vp8"] if ending == "webm" else ENCODINGS["h264"]
    path = write_video(tmp_path / f"one.{ending}", frames=1, encoding=encoding)
    with Video(path) as video:
        assert len(video.times()) == 1
        assert video.info.end > video.info.start
        assert len(list(video.frames(video.info.span, 1))) == 1
        assert np.array_equal(video.frame(9.0).image, decode_all(path)[0][1])
        assert len(list(video.keyframes())) == 1


def test_full_range_and_matrix_as_pyav_has_them(tmp_path: Path) -> None:
    def full_range(stream: av.VideoStream) -> None:
        stream.codec_context.color_range = 2
        stream.codec_context.colorspace = 1

    path = write_video(tmp_path / "range.mp4", frames=3, prepare=full_range)
    with Video(path) as video:
        assert np.array_equal(video.frame(0.0).image, decode_all(path)[0][1])


@needs_ffmpeg
def test_edit_list_hides_what_it_cuts(encoded: Callable[[str], Path], tmp_path: Path) -> None:
    path = tmp_path / "cut.mp4"
    run_ffmpeg("-ss", "0.7", "-i", encoded("h264"), "-t", "1.5", "-c", "copy", path)
    reference = decode_all(path)
    with Video(path) as video:
        times = video.times()
        assert len(times) == len(reference) < 60
        assert_exact(video, times, video.frames_at(times), reference)
        assert_exact(video, [0.9], [video.frame(0.9)], reference)


def test_info_of_an_ordinary_file(tmp_path: Path) -> None:
    sound = np.zeros(48000 * 2, np.float32)
    path = write_video(tmp_path / "plain.mp4", frames=50, fps=25, sound=sound)
    with Video(str(path)) as video:
        info = video.info
        assert (info.width, info.height, info.rotation) == (160, 96, 0)
        assert (info.codec, info.audio_codec, info.pixel_format) == ("h264", "aac", "yuv420p")
        assert info.fps == 25 and info.frames == 50 and info.has_audio and info.damage is None
        assert info.duration == pytest.approx(2.0, abs=0.05)
        assert info.size == path.stat().st_size and info.path == str(path)
        assert isinstance(video, VideoSource)


def test_content_id_is_of_bytes_not_of_names(encoded: Callable[[str], Path], tmp_path: Path) -> None:
    copy = tmp_path / "other name.mp4"
    copy.write_bytes(encoded("h264").read_bytes())
    one, other = Video(copy).content_id, Video(encoded("h264")).content_id
    assert one == other and len(one) == 64
    assert Video(encoded("hevc")).content_id != one


def test_memory_is_flat(tmp_path: Path) -> None:
    """A long file must not be held: only the list of its packets grows."""
    import tracemalloc

    path = write_video(
        tmp_path / "flat.mp4",
        frames=[picture(k, 320, 192) for k in range(8)] * 40,
        encoding=ENCODINGS["h264-long-gop"],
    )
    with Video(path) as video:
        video.times()
        tracemalloc.start()
        count = sum(1 for _ in video.frames(video.info.span, FPS))
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert count == 320
    assert peak < 8 * 320 * 192 * 3, "no more than a few pictures at a time"


def test_nothing_is_dropped_where_layers_or_fields_may_need_it(encoded: Callable[[str], Path]) -> None:
    def drops(path: Path) -> bool:
        with open_container(path) as container:
            return read_index(container, container.streams.video[0]).may_drop

    may_drop = {
        name: drops(encoded(name))
        for name in ("h264", "hevc", "hevc-layers", "hevc-open-gop-ts", "h264-interlaced-ts", "vp9", "av1", "mpeg4")
    }
    assert may_drop == {
        "h264": True,
        "hevc": True,
        "hevc-layers": False,
        "hevc-open-gop-ts": True,
        "h264-interlaced-ts": False,
        "vp9": False,
        "av1": False,
        "mpeg4": True,
    }


# decord ---------------------------------------------------------------------------------------------------------------


def test_decord_gives_the_same_frames(encoded: Callable[[str], Path], tmp_path: Path) -> None:
    pytest.importorskip("decord", reason="decord is not installed")
    late = write_video(tmp_path / "late.mkv", frames=48, start=5.5)
    for path in (encoded("h264"), late):
        with Video(path) as ours, Video(path, backend="decord") as theirs:
            for time in (ours.info.start, ours.info.start + 1.3):
                one, other = ours.frame(time), theirs.frame(time)
                assert one.time == other.time, "on the container's clock, which decord itself rebases"
                assert np.abs(one.image.astype(int) - other.image).mean() < 2
            assert theirs.frame(1.0, size=80).image.shape == (48, 80, 3)


def test_decord_refuses_av1(encoded: Callable[[str], Path]) -> None:
    pytest.importorskip("decord", reason="decord is not installed")
    with pytest.raises(VideoError, match="AV1.*pyav"):
        Video(encoded("av1"), backend="decord")


def test_decord_missing_is_said(encoded: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "decord", None)
    with pytest.raises(CapabilityError, match="pip install"):
        Video(encoded("h264"), backend="decord")
    with pytest.raises(ValueError, match="backend"):
        Video(encoded("h264"), backend="gstreamer")  # type: ignore[arg-type]
