"""Size, way up and pixel aspect belong to each picture: streams that were joined change them in the middle."""

from __future__ import annotations

from fractions import Fraction
from itertools import groupby
from pathlib import Path

import av
import numpy as np
import pytest
from av.bitstream import BitStreamFilterContext
from media_files import ENCODINGS, Encoding, join, quarter, write_video
from rewatch.memory import Span, Video, VideoError
from rewatch.memory.video.array_video import ArrayVideo
from rewatch.memory.video.truncated_video import TruncatedVideo

MJPEG = Encoding(codec="mjpeg", pixel_format="yuvj420p", ending="mkv")
KINDS = {
    "h264-ts": (ENCODINGS["h264"], "ts"),
    "h264-mkv": (ENCODINGS["h264"], "mkv"),
    "vp9-mkv": (ENCODINGS["vp9"], "mkv"),
    "mjpeg-mkv": (MJPEG, "mkv"),
}
SIZES = ((160, 96), (320, 180), (96, 160))


def red_share(image: np.ndarray) -> float:
    return float((image[..., 0].astype(int) - image[..., 1] > 80).mean())


def part(path: Path, size: tuple[int, int], encoding: Encoding, aspect: Fraction | None = None, turn: int = 0) -> Path:
    def prepare(stream) -> None:
        if aspect is not None:
            stream.codec_context.sample_aspect_ratio = aspect
        if turn:
            stream.set_display_rotation(turn)

    return write_video(path, frames=[quarter(*size)] * 24, encoding=encoding, prepare=prepare)


@pytest.fixture(scope="module")
def joined(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("joined")
    made = {}
    for kind, (encoding, ending) in KINDS.items():
        own = "ts" if encoding is ENCODINGS["h264"] else ending  # headers travel with the pictures there
        parts = [part(folder / f"{kind}{n}.{own}", size, encoding) for n, size in enumerate(SIZES)]
        made[kind] = join(folder / f"{kind}.{ending}", *parts)
    return made


@pytest.mark.parametrize("kind", KINDS)
def test_each_picture_has_its_own_size(joined: dict[str, Path], kind: str) -> None:
    with Video(joined[kind]) as video:
        times = video.times()
        assert len(times) == 72 and (video.info.width, video.info.height) == SIZES[0]
        frames = list(video.frames_at(times))
        sizes = [(frame.image.shape[1], frame.image.shape[0]) for frame in frames]
        assert [(size, len(list(run))) for size, run in groupby(sizes)] == [(size, 24) for size in SIZES]
        assert all(frame.whole == size for frame, size in zip(frames, sizes, strict=True))
        assert all(red_share(frame.image) == pytest.approx(0.25, abs=0.02) for frame in frames)
        backwards = [video.frame(float(t)).whole for t in (times[60], times[30], times[5], times[47], times[24])]
        assert backwards == [SIZES[2], SIZES[1], SIZES[0], SIZES[1], SIZES[1]]
        small = list(video.frames_at(times[::6], size=100))
        assert all(max(frame.image.shape[:2]) == 100 and max(frame.whole) > 100 for frame in small)
        assert {frame.whole for frame in video.keyframes()} == set(SIZES)
        assert [frame.whole for frame in TruncatedVideo(video, float(times[40])).frames_at([0.0, 1e9])] == [
            SIZES[0],
            SIZES[1],
        ]


def test_decord_refuses_sizes_that_change(joined: dict[str, Path]) -> None:
    pytest.importorskip("decord")
    with Video(joined["h264-mkv"], backend="decord") as video, pytest.raises(VideoError, match="size changes"):
        video.frame(0.5)


@pytest.mark.parametrize("aspect", [Fraction(2), Fraction(64, 45), Fraction(32, 27), Fraction(1, 2)], ids=str)
@pytest.mark.parametrize("ending", ["mp4", "mkv", "ts"])
def test_pixels_are_made_square(tmp_path: Path, aspect: Fraction, ending: str) -> None:
    path = part(tmp_path / f"a.{ending}", (180, 144), ENCODINGS["h264"], aspect)
    wide, high = (round(180 * aspect), 144) if aspect > 1 else (180, round(144 / aspect))
    for backend in ("pyav", "decord"):
        if backend == "decord":
            if ending == "ts":
                continue  # its decoder loses the first pictures there
            pytest.importorskip("decord")
        with Video(path, backend=backend) as video:  # type: ignore[arg-type]
            assert (video.info.width, video.info.height) == (wide, high)
            assert video.info.pixel_aspect == pytest.approx(float(aspect))
            frame = video.frame(video.info.start + 0.5)
            assert frame.image.shape[:2] == (high, wide) and frame.whole == (wide, high)
            assert red_share(frame.image) == pytest.approx(0.25, abs=0.02)
            small = video.frame(video.info.start + 0.5, size=90)
            assert max(small.image.shape[:2]) == 90 and small.whole == (wide, high)
            assert small.image.shape[1] / small.image.shape[0] == pytest.approx(wide / high, rel=0.03)


def test_pixels_are_made_square_before_the_picture_is_turned(tmp_path: Path) -> None:
    path = part(tmp_path / "turned.mp4", (180, 144), ENCODINGS["h264"], Fraction(2), turn=90)
    with Video(path) as video:
        assert video.info.rotation in (90, 270)
        assert (video.info.width, video.info.height) == (144, 360)
        assert video.frame(0.5).image.shape[:2] == (360, 144)


def test_the_pixel_aspect_may_change_too(tmp_path: Path) -> None:
    parts = [
        part(tmp_path / f"{n}.ts", size, ENCODINGS["h264"], aspect)
        for n, (size, aspect) in enumerate(
            [((180, 144), Fraction(64, 45)), ((180, 144), Fraction(1)), ((96, 96), Fraction(2))]
        )
    ]
    with Video(join(tmp_path / "all.mkv", *parts)) as video:
        runs = [(size, len(list(run))) for size, run in groupby(f.whole for f in video.frames_at(video.times()))]
        assert runs == [((256, 144), 24), ((180, 144), 24), ((192, 96), 24)]
        assert video.frame(1.5).whole == (180, 144) and video.frame(0.5).whole == (256, 144)


def test_headers_that_cannot_be_meant_change_nothing(tmp_path: Path) -> None:
    for aspect in (Fraction(255), Fraction(1, 100), Fraction(1001, 1000)):
        with Video(part(tmp_path / "odd.mkv", (160, 96), ENCODINGS["h264"], aspect)) as video:
            assert (video.info.width, video.info.height, video.info.pixel_aspect) == (160, 96, 1.0)


def test_an_array_may_change_its_size() -> None:
    video = ArrayVideo([quarter(*size) for size in SIZES], 1)
    assert [frame.whole for frame in video.frames(Span(0, 3), 1)] == list(SIZES)
    same = ArrayVideo([np.zeros((4, 6, 3), np.uint8), np.zeros((6, 4, 3), np.uint8)], 1)
    other = ArrayVideo([np.zeros((4, 6, 3), np.uint8), np.zeros((3, 8, 3), np.uint8)], 1)
    assert same.content_id != other.content_id


def turned(path: Path, source: Path) -> Path:
    """A copy whose pictures say, in the codec's own messages, that they stand on their side."""
    with av.open(str(source)) as given, av.open(str(path), "w") as out:
        own = given.streams.video[0]
        stream = out.add_stream_from_template(own)
        turn = BitStreamFilterContext("h264_metadata=display_orientation=insert:rotate=90", own)
        for packet in given.demux(own):
            if packet.dts is not None:
                for made in turn.filter(packet):
                    made.stream = stream
                    out.mux(made)
    return path


def test_the_way_up_may_change_too(tmp_path: Path) -> None:
    plain = part(tmp_path / "plain.mp4", (160, 96), ENCODINGS["h264"])
    sideways = turned(tmp_path / "sideways.mp4", plain)
    with Video(join(tmp_path / "all.mkv", plain, sideways, plain)) as video:
        runs = [(size, len(list(run))) for size, run in groupby(f.whole for f in video.frames_at(video.times()))]
        assert runs == [((160, 96), 24), ((96, 160), 24), ((160, 96), 24)]
        assert [video.frame(t).whole for t in (1.5, 0.5, 2.5, 1.9)] == [(96, 160), (160, 96), (160, 96), (96, 160)]
