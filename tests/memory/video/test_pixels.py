"""Pictures by media URI."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rewatch.memory import Box, ClipMemory, FrameReader, MediaURI, RewatchError, Video, VideoError, within_view


@pytest.fixture(scope="module")
def memory(tmp_path_factory: pytest.TempPathFactory, make_talk: Callable[..., Path]) -> ClipMemory:
    folder = tmp_path_factory.mktemp("pixels")
    memory = ClipMemory(folder / "memory")
    video = make_talk(
        folder / "v.mp4", 6, colors=lambda t: (170, 20, 20) if t < 3 else (20, 20, 170), size=(640, 360), fps=30
    )
    memory.add(video, channels=("visual",), workers=0)
    return memory


def test_pictures_come_in_the_order_asked_for(memory: ClipMemory):
    video = memory.videos()[0].id
    blue, red, again = FrameReader(memory, size=64).read(
        [f"video:{video}#t=4", f"video:{video}#t=1", f"video:{video}#t=4"]
    )
    assert blue.mean((0, 1)).argmax() == 2 and red.mean((0, 1)).argmax() == 0 and np.array_equal(blue, again)
    assert blue.shape == (36, 64, 3)


def test_a_crop_is_cut_at_full_resolution(memory: ClipMemory):
    video = memory.videos()[0].id
    uri = str(MediaURI.frame(video, 1.0, Box(0.5, 0.5, 0.75, 1.0)))
    (crop,) = FrameReader(memory, size=400).read([uri])
    assert crop.shape == (180, 160, 3)
    with memory.open(video) as source:
        whole = source.frame(1.0).image
    assert np.array_equal(crop, whole[180:360, 320:480])


def test_every_frame_is_found_again_by_its_uri(memory: ClipMemory):
    """A moment is written in milliseconds; it must not name the frame before."""
    video = memory.videos()[0].id
    with memory.open(video) as source:
        frames = [source.frame(t) for t in np.linspace(0.01, 5.9, 23)]
    read = FrameReader(memory, size=10_000).read([str(MediaURI.frame(video, frame.time)) for frame in frames])
    assert all(np.array_equal(a, b.image) for a, b in zip(read, frames, strict=True))


def test_what_is_kept_is_bounded(memory: ClipMemory, monkeypatch: pytest.MonkeyPatch):
    video = memory.videos()[0].id
    pixels = FrameReader(memory, size=64, keep=36 * 64 * 3 * 2)
    uris = [f"video:{video}#t={t}" for t in range(6)]
    pixels.read(uris)
    decoded: list[float] = []
    plain = Video.frames_at

    def counted(self: Video, times: Iterable[float], **how: Any) -> Any:
        moments = list(times)
        decoded.extend(moments)
        return plain(self, moments, **how)

    monkeypatch.setattr(Video, "frames_at", counted)
    pixels.read(uris[4:])
    assert not decoded  # the last two are kept
    pixels.read(uris[:4])
    assert len(decoded) == 4  # and no other


def test_readers_side_by_side_get_the_same(memory: ClipMemory):
    video = memory.videos()[0].id
    pixels = FrameReader(memory, size=64)
    uris = [f"video:{video}#t={t / 2}" for t in range(12)]
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: pixels.read(uris), range(8)))
    assert all(np.array_equal(a, b) for other in found for a, b in zip(found[0], other, strict=True))


def test_what_names_no_picture_is_refused(memory: ClipMemory):
    with pytest.raises(VideoError, match="names no moment"):
        FrameReader(memory).read([f"video:{memory.videos()[0].id}"])
    with pytest.raises(RewatchError):
        FrameReader(memory).read(["video:ffffffff#t=1"])


@pytest.mark.parametrize(
    "uri, shown",
    [
        ("video:v#t=1", "video:v#t=1"),
        ("video:v#t=4.9&xywh=percent:0,0,50,50", "video:v#t=4.9&xywh=percent:0,0,50,50"),
        ("video:v#t=2,12", "video:v#t=2,4.999"),
        ("video:v#t=5", "video:v#t=4.999"),  # as a frame before now may be written
        ("video:v#t=5.1", "after 5 s"),
        ("video:w#t=1", "not one of those asked about"),
        ("file:///etc/passwd", "no media URI"),
    ],
)
def test_what_of_a_picture_is_in_the_view(uri: str, shown: str):
    found = within_view(uri, ["v"], lambda video: 5.0)
    assert str(found) == shown if isinstance(found, MediaURI) else shown in found


def test_no_picture_comes_from_later_or_from_another_video(memory: ClipMemory):
    video = memory.videos()[0].id
    early = FrameReader(memory.until(3.5), videos=[video])
    (middle,) = early.read([f"video:{video}#t=2,6"])  # of what is known of it
    assert middle.mean((0, 1)).argmax() == 0
    for uri in (f"video:{video}#t=4", "video:other#t=1"):
        with pytest.raises(VideoError, match="cannot be shown"):
            early.read([uri])
    with pytest.raises(VideoError, match="not one of those asked about"):
        FrameReader(memory, videos=[]).read([f"video:{video}#t=1"])
