"""Shots of rendered videos whose cuts are known, with what is easily mistaken for a cut, and of real ones."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from functools import cache
from pathlib import Path

import av
import numpy as np
import pytest
from rewatch.memory.ingest.segmentation import shot_clips
from rewatch.memory.span import Span
from rewatch.memory.video.file import Video
from rewatch.memory.video.shots import detect_shots

WIDTH, HEIGHT, FPS = 192, 108, 24
Picture = Callable[[int], np.ndarray]  # frame number -> [H, W, 3] float in 0..255


@cache
def scene(seed: int, *, pan: float = 0.0, mover: float = 0.0, palette: int | None = None) -> Picture:
    """A picture of coloured discs on a gradient; `pan` moves the camera, `mover` a large dark box, pixels a frame."""
    rng = np.random.default_rng(seed)
    colors = np.random.default_rng(seed if palette is None else palette).integers(20, 235, (40, 3))
    canvas = np.zeros((HEIGHT, 4 * WIDTH, 3)) + colors[0]
    canvas += np.linspace(-30, 30, canvas.shape[1])[None, :, None]
    y, x = np.mgrid[: canvas.shape[0], : canvas.shape[1]]
    for color in colors:
        radius, cx, cy = rng.integers(8, 40), rng.integers(0, canvas.shape[1]), rng.integers(0, HEIGHT)
        canvas[(x - cx) ** 2 + (y - cy) ** 2 < radius**2] = color

    grain = rng.normal(0, 3, (5, HEIGHT, WIDTH, 1))  # a sensor's noise

    def picture(number: int) -> np.ndarray:
        left = int(pan * number) % (3 * WIDTH)
        image = canvas[:, left : left + WIDTH].copy()
        if mover:
            at = int(mover * number)
            image[20:, max(at - 60, 0) : max(at, 0)] = 25
        return image + grain[number % len(grain)]

    return picture


def still(value: int) -> Picture:
    return lambda number: np.full((HEIGHT, WIDTH, 3), float(value))


def take(picture: Picture, frames: int, gain: Callable[[int], float] = lambda number: 1.0) -> list[np.ndarray]:
    return [(picture(number) * gain(number)).clip(0, 255).astype(np.uint8) for number in range(frames)]


@pytest.fixture
def render(tmp_path: Path) -> Callable[..., Video]:
    def write(
        frames: list[np.ndarray], *, fps: int = FPS, start: float = 0.0, times: list[float] | None = None
    ) -> Video:
        path = tmp_path / "shots.mkv"
        tick = Fraction(1, 1000)
        with av.open(str(path), "w") as container:
            stream = container.add_stream("libx264", rate=fps, options={"preset": "veryfast", "crf": "28"})
            stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
            stream.codec_context.time_base = tick
            for number, image in enumerate(frames):
                frame = av.VideoFrame.from_ndarray(image, format="rgb24")
                frame.pts, frame.time_base = round((start + (times[number] if times else number / fps)) / tick), tick
                container.mux(stream.encode(frame))
            container.mux(stream.encode(None))
        return Video(path)

    return write


def cuts(video: Video, span: Span | None = None) -> list[float]:
    with video:
        shots = detect_shots(video, span)
    bounds = video.info.span if span is None else span
    assert shots[0].start == bounds.start and shots[-1].end == bounds.end
    assert all(before.end == after.start for before, after in zip(shots, shots[1:], strict=False))
    return [shot.start for shot in shots[1:]]


@pytest.mark.parametrize("fps", [12, 24, 60])
def test_hard_cuts_are_exact_to_the_frame(render: Callable[..., Video], fps: int) -> None:
    lengths = [29, 41, 18, 50]
    frames = [image for seed, length in enumerate(lengths) for image in take(scene(seed, pan=1.5), length)]
    expected = np.cumsum(lengths)[:-1] / fps
    assert cuts(render(frames, fps=fps)) == pytest.approx(expected, abs=0.6 / 1000)


def test_times_are_those_of_the_container(render: Callable[..., Video]) -> None:
    """A late start and a varying frame rate: the cut is the presentation time of the new shot's first frame."""
    times = list(np.cumsum([0.0] + [0.03, 0.05, 0.09] * 19))
    frames = take(scene(1), 30) + take(scene(2), 28)
    found = cuts(render(frames, times=times, start=5.5))
    assert found == pytest.approx([5.5 + times[30]], abs=1e-3)


def test_a_span_is_cut_alone(render: Callable[..., Video]) -> None:
    frames = [image for seed in range(3) for image in take(scene(seed), 48)]
    assert cuts(render(frames), Span(1.0, 3.0)) == pytest.approx([2.0], abs=1e-3)
    assert cuts(render(frames), Span(2.5, 3.5)) == []


def test_a_cut_between_views_of_one_room_is_found(render: Callable[..., Video]) -> None:
    """Same colours, other layout: only the arrangement tells the two cameras apart."""
    frames = take(scene(10, palette=5), 40) + take(scene(11, palette=5), 40)
    assert cuts(render(frames)) == pytest.approx([40 / FPS], abs=1e-3)


def test_a_cut_amid_camera_motion_is_found(render: Callable[..., Video]) -> None:
    frames = take(scene(20, pan=5), 40) + take(lambda n: scene(21, pan=5)(100 - n), 40)
    assert cuts(render(frames)) == pytest.approx([40 / FPS], abs=1e-3)


NOT_CUTS = {
    "pan": lambda: take(scene(30, pan=6), 72),
    "whip pan": lambda: take(scene(31), 24) + take(lambda n: scene(31, pan=18)(min(n, 20)), 40),
    "shaking camera": lambda: take(lambda n: scene(32, pan=1)(40 + int(12 * np.sin(n * 1.9))), 72),
    "something large passes": lambda: take(scene(33, mover=9), 60),
    "flash of one frame": lambda: take(scene(34), 72, gain=lambda n: 4.0 if n == 30 else 1.0),
    "flash of four frames": lambda: take(scene(35), 72, gain=lambda n: 5.0 if 30 <= n < 34 else 1.0),
    "white-out flash": lambda: take(scene(36), 30) + take(still(255), 2) + take(scene(36), 40),
    "strobe": lambda: take(scene(37), 96, gain=lambda n: 2.5 if n % 9 < 2 else 1.0),
    "lost frames": lambda: take(scene(38), 30) + take(still(0), 3) + take(scene(38), 40),
    "fade in from black": lambda: take(scene(39), 72, gain=lambda n: min(n / 36, 1.0)),
    "fade out to black": lambda: take(scene(40), 72, gain=lambda n: max(1 - n / 36, 0.0)),
    "lights go on": lambda: take(scene(41), 72, gain=lambda n: 0.3 if n < 30 else 1.0),
    "frozen picture": lambda: take(lambda n: scene(42)(0), 60),
    "black": lambda: take(still(0), 60),
}


@pytest.mark.parametrize("name", NOT_CUTS)
def test_what_only_looks_like_a_cut_is_none(render: Callable[..., Video], name: str) -> None:
    assert cuts(render(NOT_CUTS[name]())) == []


def test_a_fade_through_black_is_one_boundary(render: Callable[..., Video]) -> None:
    frames = take(scene(50), 60, gain=lambda n: min((59 - n) / 24, 1.0)) + take(still(0), 12)
    frames += take(scene(51), 60, gain=lambda n: min(n / 24, 1.0))
    found = cuts(render(frames))
    assert len(found) == 1
    assert 72 / FPS <= found[0] <= 78 / FPS  # the first frame on which anything is seen


def test_dipping_to_black_and_back_is_no_boundary(render: Callable[..., Video]) -> None:
    frames = take(scene(52), 60, gain=lambda n: min((59 - n) / 12, 1.0)) + take(still(0), 12)
    frames += take(scene(52), 60, gain=lambda n: min(n / 12, 1.0))
    assert cuts(render(frames)) == []


def test_a_flash_at_a_cut_counts_once(render: Callable[..., Video]) -> None:
    frames = take(scene(53), 40) + take(still(255), 1) + take(scene(54), 40)
    found = cuts(render(frames))
    assert len(found) == 1
    assert found[0] == pytest.approx(40.5 / FPS, abs=0.6 / FPS)


def test_shot_clips_keep_to_a_sensible_length(render: Callable[..., Video]) -> None:
    lengths = [60, 12, 12, 300, 60]  # 2.5, 0.5, 0.5, 12.5 and 2.5 seconds
    frames = [image for seed, length in enumerate(lengths) for image in take(scene(60 + seed), length)]
    with render(frames) as video:
        clips = shot_clips(video, 3.0)
    assert clips[0].start == video.info.start and clips[-1].end == video.info.end
    assert all(2.0 <= clip.duration <= 6.0 for clip in clips)
    # The long shot (3.5 to 16 s) starts and ends at its cuts and is split evenly between.
    starts = [clip.start for clip in clips]
    assert starts == pytest.approx([0, 3.5, 6.0, 8.5, 11.0, 13.5, 16.0], abs=1e-3)
    with pytest.raises(ValueError, match="positive"):
        shot_clips(video, 0)


@pytest.mark.media
def test_real_cuts(media: Path) -> None:
    with Video(media / "bikes_cuts.mp4") as video:
        assert [shot.start for shot in detect_shots(video)[1:]] == pytest.approx(
            [1.2, 3.04, 5.48, 7.48, 9.68], abs=1e-3
        )


@pytest.mark.media
@pytest.mark.parametrize("name", ["kitchen_ego.mp4", "pancake.mkv"])
def test_real_videos_without_cuts(media: Path, name: str) -> None:
    with Video(media / name) as video:
        assert len(detect_shots(video)) == 1
