"""Moving objects on real encoded videos of rendered shapes with known truth."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import av
import numpy as np
import pytest
from rewatch.memory import Frame, Video
from rewatch.memory.span import Span
from rewatch.memory.tracking.camera_motion import LONGEST, camera_moves, is_cut, still_stretches
from rewatch.memory.tracking.motion_detector import MotionDetector
from rewatch.memory.tracking.moving_objects import MotionReport, moving_objects
from rewatch.memory.tracking.track import Track
from rewatch.memory.tracking.track_motion import direction, way_in, way_out
from rewatch.tools.builtin.track_report import counts_over_time

WIDTH, HEIGHT, FPS = 320, 180, 15
RED, BLUE, GREEN, YELLOW, BLACK = (200, 30, 30), (30, 70, 200), (30, 140, 50), (235, 215, 30), (15, 15, 15)
Painter = Callable[[np.ndarray, float], None]


def ground(seed: int = 0, wide: int = WIDTH) -> np.ndarray:
    """A room-like picture `[HEIGHT, wide, 3]`: soft shades and some furniture."""
    rng = np.random.default_rng(seed)
    picture = np.kron(rng.uniform(110, 170, (HEIGHT // 20, wide // 20)), np.ones((20, 20)))
    for _ in range(wide // 40):
        x, y = int(rng.integers(0, wide - 40)), int(rng.integers(0, HEIGHT - 30))
        picture[y : y + 24, x : x + 30] = rng.uniform(60, 210)
    return np.repeat(picture[..., None], 3, axis=2)


def box(picture: np.ndarray, x: float, y: float, color: tuple[int, int, int], half: tuple[int, int] = (14, 20)) -> None:
    top, bottom = max(round(y) - half[1], 0), max(round(y) + half[1], 0)
    left, right = max(round(x) - half[0], 0), max(round(x) + half[0], 0)
    picture[top:bottom, left:right] = color


def encode(path: Path, seconds: float, paint: Painter, base: Callable[[float], np.ndarray] | None = None) -> Path:
    rng = np.random.default_rng(1)
    still = ground()
    noise = [rng.normal(0, 3, (HEIGHT, WIDTH, 3)) for _ in range(5)]
    with av.open(str(path), "w") as file:
        stream = file.add_stream("libx264", rate=FPS, options={"crf": "24", "preset": "ultrafast", "threads": "1"})
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        for number in range(int(seconds * FPS)):
            now = number / FPS
            picture = (base(now) if base else still).copy()
            paint(picture, now)
            picture = picture * (1 + 0.03 * np.sin(9 * now)) + noise[number % 5]
            image = np.clip(picture, 0, 255).astype(np.uint8)
            file.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        file.mux(stream.encode(None))
    return path


def watch(path: Path, start: float = 0.0, end: float = 1e6) -> MotionReport:
    with Video(path) as video:
        return moving_objects(video, Span(start, end))


def only(report: MotionReport, color: str) -> Track:
    found = [track for track in report.tracks if track.color == color]
    assert len(found) == 1, [(t.color, t.start, t.end) for t in report.tracks]
    return found[0]


def way(report: MotionReport, track: Track) -> tuple[str, str, str]:
    shot = report.shot(track)
    return way_in(track, shot), way_out(track, shot), direction(track)


def test_entries_exits_colors_and_directions(tmp_path: Path) -> None:
    def paint(picture: np.ndarray, now: float) -> None:
        box(picture, -14 + (now - 1) * 120, 40, RED)  # touches the left edge from 1.0 s, gone at 3.9 s
        box(picture, 334 - (now - 2) * 100, 130, BLUE)  # in from 2.0 s, gone at 5.48 s
        if now > 3:
            box(picture, 200, -20 + (now - 3) * 80, YELLOW)  # down from 3.0 s, gone at 5.75 s

    report = watch(encode(tmp_path / "three.mp4", 7, paint))
    red, blue, yellow = only(report, "red"), only(report, "blue"), only(report, "yellow")
    assert way(report, red) == ("left edge", "right edge", "left to right")
    assert way(report, blue) == ("right edge", "left edge", "right to left")
    assert way(report, yellow) == ("top", "bottom", "downwards")
    for track, start, end in ((red, 1.0, 3.9), (blue, 2.0, 5.48), (yellow, 3.0, 5.75)):
        assert abs(track.start - start) < 0.3 and abs(track.end - end) < 0.3
    assert len(report.tracks) == 3 and not report.camera_moves
    counts = counts_over_time(report.tracks, report.span)
    assert max(count for _, count in counts) == 3 and counts[0] == [0.0, 0]
    assert [track.id for track in report.tracks] == [1, 2, 3]
    middle = red.boxes[len(red.boxes) // 2]
    place = (middle.box.left + middle.box.right) / 2 * WIDTH
    assert abs(place - (-14 + (middle.time - 1) * 120)) < 12
    assert 0.01 < red.area < 0.03


def test_an_object_that_stops_for_most_of_the_time_stays_one_track(tmp_path: Path) -> None:
    def paint(picture: np.ndarray, now: float) -> None:
        x = np.interp(now, [0.5, 2, 8, 9.5], [-16, 160, 160, 336])
        box(picture, float(x), 90, BLACK, (16, 40))

    report = watch(encode(tmp_path / "stops.mp4", 10, paint))
    track = only(report, "black")
    assert len(report.tracks) == 1
    assert abs(track.start - 0.5) < 0.35 and abs(track.end - 9.5) < 0.35


def test_an_object_there_from_the_start_leaves_no_ghost(tmp_path: Path) -> None:
    def paint(picture: np.ndarray, now: float) -> None:
        box(picture, 160 if now < 5 else 160 + (now - 5) * 120, 90, GREEN)

    report = watch(encode(tmp_path / "start.mp4", 8, paint))
    assert len(report.tracks) == 1
    track = only(report, "green")
    assert way(report, track)[:2] == ("in view at the start", "right edge")
    assert track.start == 0 and abs(track.end - 6.45) < 0.3


def test_two_that_cross_keep_their_ids(tmp_path: Path) -> None:
    def paint(picture: np.ndarray, now: float) -> None:
        box(picture, -14 + (now - 0.5) * 90, 95, RED)
        box(picture, 334 - (now - 0.5) * 90, 85, BLUE)

    report = watch(encode(tmp_path / "cross.mp4", 6, paint))
    assert len(report.tracks) == 2
    assert direction(only(report, "red")) == "left to right"
    assert direction(only(report, "blue")) == "right to left"


def test_an_object_that_goes_behind_a_pole_keeps_its_id(tmp_path: Path) -> None:
    def paint(picture: np.ndarray, now: float) -> None:
        box(picture, -14 + (now - 0.5) * 60, 90, RED, (12, 20))
        picture[:, 140:175] = (90, 92, 95)

    report = watch(encode(tmp_path / "pole.mp4", 7, paint))
    assert len(report.tracks) == 1
    assert way(report, only(report, "red"))[1] == "right edge"


def test_noise_and_flicker_are_not_objects(tmp_path: Path) -> None:
    report = watch(encode(tmp_path / "empty.mp4", 6, lambda picture, now: None))
    assert report.tracks == () and not report.camera_moves and counts_over_time((), report.span) == [[0.0, 0]]


def test_a_moving_camera_is_said_instead_of_nonsense(tmp_path: Path) -> None:
    wide = ground(3, 1200)

    def pan(now: float) -> np.ndarray:
        shift = int(100 * now)
        return wide[:, shift : shift + WIDTH]

    report = watch(encode(tmp_path / "pan.mp4", 6, lambda picture, now: None, pan))
    assert report.camera_moves and report.tracks == () and report.still == ()


def test_a_cut_begins_a_new_background(tmp_path: Path) -> None:
    first, second = ground(5), ground(6) * np.linspace(0.2, 1.4, WIDTH)[:, None]

    def paint(picture: np.ndarray, now: float) -> None:
        if now < 4:
            box(picture, -14 + now * 60, 90, RED)  # still in view at the cut
        else:
            box(picture, 334 - (now - 4.5) * 120, 60, BLUE)

    report = watch(encode(tmp_path / "cut.mp4", 8, paint, lambda now: first if now < 4 else second))
    red, blue = only(report, "red"), only(report, "blue")
    assert len(report.tracks) == 2
    assert red.end <= 4.1 and way(report, red)[1] == "in view at the end" and blue.start >= 4.0


def test_a_span_is_kept_to_and_a_moment_is_answered(tmp_path: Path) -> None:
    path = encode(tmp_path / "span.mp4", 6, lambda picture, now: box(picture, -14 + now * 55, 90, RED))
    report = watch(path, 2.0, 4.0)
    assert report.span == Span(2.0, 4.0)
    assert all(2.0 <= track.start < track.end <= 4.0 for track in report.tracks)
    assert watch(path, 2.0, 2.3).tracks == () and watch(path, 3.0, 3.0).tracks == ()
    assert watch(path, 50.0, 60.0).tracks == ()


class Drawn:
    """A source of frames that needs no file."""

    info = SimpleNamespace(start=0.0, end=300.0)

    def frames(self, span: Span, fps: float, *, size: int | None = None) -> Iterator[Frame]:
        rng = np.random.default_rng(0)
        picture = rng.integers(0, 255, (36, 64, 3), dtype=np.uint8)
        for number in range(round(span.duration * fps)):
            yield Frame(span.start + number / fps, picture)


def test_no_more_than_one_stretch_of_frames_is_held() -> None:
    stretches = list(still_stretches(Drawn(), Span(0, 300), 2.0, 64))  # type: ignore[arg-type]
    assert [stretch.continues for stretch in stretches] == [False, True, True]
    assert all(stretch.duration <= LONGEST for stretch in stretches)
    assert sum(len(stretch.times) for stretch in stretches) == 600


def test_background_is_what_comes_back_not_what_stays_longest() -> None:
    empty = ground(7).astype(np.uint8)
    samples = []
    for number in range(20):
        picture = empty.copy()
        if number % 10 not in (0, 1, 9):  # somebody stands there for 14 of 20 looks
            picture[60:140, 140:180] = BLACK
        samples.append(picture)
    learned = MotionDetector(samples).background.astype(int)
    assert np.abs(learned - empty)[65:135, 145:175].mean() < 8


def test_camera_moves_needs_more_than_a_large_object_or_a_lamp() -> None:
    room = ground(8)[..., 0].astype(np.uint8)
    brighter = np.clip(room * 1.3, 0, 255).astype(np.uint8)
    covered = room.copy()
    covered[20:160, 100:240] = 20
    assert not camera_moves(room, brighter) and not camera_moves(room, covered)
    assert camera_moves(room, np.roll(room, 9, axis=1))


def test_cuts_are_found_and_a_lamp_is_not_a_cut() -> None:
    room = ground(9).astype(np.uint8)
    other = np.clip(ground(10) * np.linspace(0.2, 1.6, WIDTH)[:, None], 0, 255).astype(np.uint8)
    lit = np.clip(room * 1.4, 0, 255).astype(np.uint8)
    assert [is_cut(*pair) for pair in ((room, room), (room, lit), (lit, other))] == [False, False, True]


def test_counts_change_where_tracks_begin_and_end() -> None:
    def track(start: float, end: float) -> Track:
        return Track(id=1, label="", score=1.0, start=start, end=end, boxes=())

    counts = counts_over_time((track(1, 4), track(2, 3), track(3, 10)), Span(0, 10))
    assert counts == [[0, 0], [1, 1], [2, 2], [4, 1]]


@pytest.mark.slow
@pytest.mark.media
def test_visitors_and_cars(media: Path) -> None:
    visits = watch(media / "one_by_one_visitors.mp4", 70.5, 139.4).tracks
    assert len(visits) == 3
    assert abs(visits[2].start - 123.4) < 0.5 and abs(visits[2].end - 135.8) < 0.5
    cars = watch(media / "car_parking_overhead.mp4").tracks
    assert len(cars) == 4
    red = next(track for track in cars if track.color == "red")
    assert abs(red.start - 15.0) < 0.5 and abs(red.end - 18.7) < 0.5 and direction(red) == "upwards"


@pytest.mark.media
def test_an_egocentric_camera_moves(media: Path) -> None:
    report = watch(media / "kitchen_ego.mp4", 0, 20)
    assert report.camera_moves and report.tracks == ()
