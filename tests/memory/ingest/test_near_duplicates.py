"""Near-duplicates: encoded and searched for objects once, told by earlier frames alone, small subjects never lost."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import pytest
from rewatch.memory import ClipMemory, Frame, Span
from rewatch.memory.encoders.colors import NamedColors
from rewatch.memory.ingest.objects_channel import follow
from rewatch.memory.span import Box
from rewatch.memory.tracking.detector import Detection
from rewatch.memory.video.array_video import ArrayVideo
from rewatch.memory.video.thumbnail import without_repeats


class Counting(NamedColors):
    """Counts the pictures that an encoder with weights would have to encode."""

    def __init__(self) -> None:
        self.pictures = 0

    def encode_frames(self, frames: Sequence[Frame]) -> np.ndarray:
        self.pictures += len({id(frame.image) for frame in frames})
        return super().encode_frames(frames)


def noisy(pictures: int, seed: int = 0, size: tuple[int, int] = (64, 48)) -> list[np.ndarray]:
    """A still scene as a camera sees it: the same picture, with other noise each time."""
    rng = np.random.default_rng(seed)
    scene = np.kron(rng.integers(60, 190, (6, 8, 1)).repeat(3, axis=2), np.ones((size[1] // 6, size[0] // 8, 1)))
    return [np.clip(scene + rng.normal(0, 2, scene.shape), 0, 255).astype(np.uint8) for _ in range(pictures)]


def timed(images: Sequence[np.ndarray]) -> list[Frame]:
    return [Frame(float(second), image) for second, image in enumerate(images)]


def add(tmp_path: Path, images: Sequence[np.ndarray], name: str = "m") -> tuple[ClipMemory, str, Counting]:
    encoder = Counting()
    memory = ClipMemory(tmp_path / name, visual_encoder=encoder, text_encoder="hashed")
    record = memory.add(ArrayVideo(images, 1.0), channels="visual")
    return memory, record.id, encoder


def vectors(memory: ClipMemory) -> list[np.ndarray]:
    sql = "SELECT vector FROM vectors v JOIN units u ON u.id = v.unit WHERE u.channel = 'visual' ORDER BY v.start_s"
    return [np.frombuffer(blob, np.float16) for (blob,) in memory.store.rows(sql)]


def test_a_clip_that_stands_costs_nothing_and_is_there_like_any_other(tmp_path: Path) -> None:
    memory, video, encoder = add(tmp_path, noisy(1260))  # 21 minutes: three chapters
    assert encoder.pictures == 3, "one a chapter"
    texts = memory.texts(video, channel="visual")
    assert [(t.start, t.end) for t in texts] == [(c.start, c.end) for c in memory.clips(video)]
    assert len(vectors(memory)) == len(texts) == 126
    assert [t.data for t in texts[:2]] == [{}, {"same_as": 0.0}] and texts[125].data == {"same_as": 1200.0}
    assert "still" in texts[7].text and memory.coverage(video).complete
    assert {text.text for text in texts[:60]} == {texts[0].text}


def test_rows_do_not_depend_on_what_was_worked_on_together(tmp_path: Path) -> None:
    film = ArrayVideo(noisy(700), 1.0)
    rows = []
    for name, betweens in (("whole", [None]), ("pieced", [(650, 660), (30, 50), "all"])):
        memory = ClipMemory(tmp_path / name, visual_encoder=Counting(), text_encoder="hashed")
        for between in betweens:
            memory.add(film, channels="visual", between=between)  # type: ignore[arg-type]
        rows.append(vectors(memory))
        assert all(np.array_equal(one, rows[-1][0]) for one in rows[-1][1:60])
    assert all(np.array_equal(one, other) for one, other in zip(*rows, strict=True))


def test_a_subject_of_two_percent_makes_a_clip_of_its_own(tmp_path: Path) -> None:
    images = noisy(40)
    for image in images[23:27]:
        image[20:28, 30:38] = (250, 20, 20)  # 2 % of the picture
    memory, video, encoder = add(tmp_path, images)
    texts = memory.texts(video, channel="visual")
    assert [t.data.get("same_as") for t in texts] == [None, 0.0, None, 0.0]
    assert "red" in texts[2].text and "red" not in texts[1].text
    assert encoder.pictures == 3, "the scene once for its chapter and once in the third clip, and the subject once"


@pytest.mark.parametrize("share", [0.002, 0.02])
@pytest.mark.parametrize("contrast", [-60, -20, 20, 60])
def test_small_and_faint_subjects_count_as_new(share: float, contrast: int) -> None:
    before, after = noisy(2, 3, (640, 480))
    side = round((share * after.shape[0] * after.shape[1]) ** 0.5)
    where = slice(200, 200 + side), slice(90, 90 + side)
    after[where] = np.clip(after[where].astype(int) + contrast, 0, 255)
    first, second = without_repeats(timed([before, after]))
    assert second is not first


@pytest.mark.parametrize(("before", "after"), [("12:34", "12:35"), ("12:38", "12:39"), ("name", "name|"), ("1", "7")])
def test_a_digit_of_a_small_clock_and_a_caret_count_as_new(before: str, after: str) -> None:
    frames = []
    for second, text in enumerate((before, after)):
        picture = noisy(2, 9, (640, 480))[second]
        cv2.putText(picture, text, (500, 30), cv2.FONT_HERSHEY_SIMPLEX, 0.4, (255, 255, 255), 1, cv2.LINE_AA)
        frames.append(Frame(float(second), picture))
    first, second_shown = without_repeats(frames)
    assert second_shown is not first


def test_noise_does_not_count_and_what_comes_back_is_known_again() -> None:
    images = noisy(12, 5, (640, 480))
    for image in images[4:6]:
        image[100:140, 100:140] = 255
    frames = timed(images)
    shown = without_repeats(frames)
    assert [int(frame.time) for frame in shown] == [0, 0, 0, 0, 4, 4, 0, 0, 0, 0, 0, 0]


def test_slow_changes_add_up_and_only_earlier_frames_decide() -> None:
    (scene,) = noisy(1, 7, (640, 480))
    frames = timed([np.clip(scene.astype(int) + second, 0, 255).astype(np.uint8) for second in range(30)])
    shown = without_repeats(frames)
    assert len({id(frame) for frame in shown}) >= 4, "dusk is not one picture"
    for now in (1, 9, 20):
        assert [frame.time for frame in without_repeats(frames[:now])] == [frame.time for frame in shown[:now]]


def test_a_detector_is_asked_about_new_pictures_only() -> None:
    class Eyes:
        name = stamp = "eyes"
        labels, open_vocabulary, asked = ("cup",), False, 0

        def detect(self, images: Sequence[np.ndarray], **_: object) -> list[list[Detection]]:
            self.asked += len(images)
            return [[Detection("cup", 0.9, Box(0.1, 0.1, 0.3, 0.3))] for _ in images]

    images, eyes = noisy(12), Eyes()
    images[6][20:28, 30:38] = (250, 20, 20)
    tracks = follow(timed(images), eyes, fps=1.0, span=Span(0, 12))
    assert eyes.asked == 2
    assert [(track.label, len(track.boxes)) for track in tracks] == [("cup", 12)], "it stays in every frame"
