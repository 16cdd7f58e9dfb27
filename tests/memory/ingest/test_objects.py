"""The objects channel: indexing, resuming, searching, looking back in time, exporting and drawing."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest
from painted import FPS, Painted, across, write
from rewatch.memory import OBJECTS, Box, CapabilityError, ClipMemory, Span, VideoRecord
from rewatch.memory.ingest.objects_channel import stored_tracks
from rewatch.memory.tracking.drawing import write_clip, write_frames
from rewatch.memory.tracking.export import coco, within, write_coco, write_mot
from rewatch.memory.tracking.track import Track, TrackedBox
from rewatch.memory.tracking.track_linking import TrackRegistry, sure


@pytest.fixture(scope="module")
def street(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """24 s: a person passes at 2-8 s, a dog at 11-23 s (over the border of two clips), a person back at 13-19 s."""
    path = tmp_path_factory.mktemp("street") / "street.mp4"
    things = [("person", across(2, 8)), ("dog", across(11, 23, 140)), ("person", across(13, 19, 60, back=True))]
    return write(path, 24, things)


@pytest.fixture(scope="module")
def known(street: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[ClipMemory, VideoRecord]:
    memory = ClipMemory(tmp_path_factory.mktemp("memory"), detector=Painted())
    return memory, memory.add(street, channels=[OBJECTS], workers=0)


def tracks_of(memory: ClipMemory, video: str) -> list[Track]:
    return stored_tracks(memory.texts(video, channel=OBJECTS))


def test_tracks_go_on_over_the_borders_of_clips(known: tuple[ClipMemory, VideoRecord]) -> None:
    memory, record = known
    tracks = tracks_of(memory, record.id)
    assert [(t.id, t.label) for t in tracks] == [(1, "person"), (2, "dog"), (3, "person")]
    for track, (start, end) in zip(tracks, ((2, 8), (11, 23), (13, 19)), strict=True):
        assert abs(track.start - start) < 0.5 and abs(track.end - end) < 0.5
    assert [t.color for t in tracks] == ["blue", "green", "blue"]


def test_when_is_there_a_dog_is_a_search(known: tuple[ClipMemory, VideoRecord]) -> None:
    memory, _ = known
    best = memory.search("when is there a dog", k=1)[0]
    assert best.span.start >= 10
    assert any("dog" in text.text and text.start >= 10.5 for text in best.texts)
    texts = [t.text for t in memory.texts(memory.videos()[0].id, channel=OBJECTS) if "counts" in t.data]
    assert texts[0] == "1 person" and set(texts[1].split(", ")) == {"1 dog", "1 person"}


def test_it_goes_on_where_it_was_stopped(street: Path, tmp_path: Path) -> None:
    class Stop(Exception):
        pass

    def stop(_: object) -> None:
        raise Stop

    detector = Painted()
    memory = ClipMemory(tmp_path, detector=detector)
    with pytest.raises(Stop):
        memory.add(street, channels=[OBJECTS], workers=0, progress=stop)
    first = detector.looked
    record = memory.add(street, channels=[OBJECTS], workers=0)
    assert record.complete and [t.label for t in tracks_of(memory, record.id)] == ["person", "dog", "person"]
    whole = detector.looked
    assert whole - first < 0.75 * whole, "the first clip was looked at again"
    memory.add(street, channels=[OBJECTS], workers=0)
    assert detector.looked == whole, "nothing is left to do"
    other = ClipMemory(tmp_path, detector=Painted("painted 2"))
    assert "painted 2" in other.add(street, channels=[OBJECTS], workers=0).channels[OBJECTS]


def test_the_past_knows_nothing_of_the_future(known: tuple[ClipMemory, VideoRecord]) -> None:
    memory, record = known
    texts = memory.until(15.0).texts(record.id, channel=OBJECTS)
    assert {t.data["track"]["label"] for t in texts if "track" in t.data} == {"person", "dog"}
    assert all(text.end <= 15 for text in texts)
    assert memory.until(15.0).known_until(record.id, OBJECTS) == 15, "the last seconds are looked at again"
    assert all(sight[0] < 15 for t in texts if "track" in t.data for sight in t.data["track"]["sights"])
    assert "left to right" not in {t.text for t in texts if t.start > 10}


def test_objects_without_weights_say_what_is_wanted(street: Path, tmp_path: Path) -> None:
    with pytest.raises(CapabilityError, match=r"--detector FILE: yolo11n.pt \(6 MB.*curl"):
        ClipMemory(tmp_path).add(street, channels=[OBJECTS])
    with pytest.raises(CapabilityError, match=r"yolov8s are not on this disk: yolov8s.pt \(22 MB"):
        ClipMemory(tmp_path, detector="yolov8s")
    assert OBJECTS not in ClipMemory(tmp_path).add(street, workers=0).channels


def test_ids_last_from_call_to_call_and_never_reach_another_video(known: tuple[ClipMemory, VideoRecord]) -> None:
    memory, record = known
    tracks = tracks_of(memory, record.id)
    registry = TrackRegistry()
    first = registry.assign_ids("a", within(tracks, Span(0, 14)))
    assert [t.id for t in first] == [1, 2, 3]
    overlapping = registry.assign_ids("a", within(tracks, Span(12, 24)))
    assert [(t.id, t.label) for t in overlapping] == [(2, "dog"), (3, "person")]
    adjacent = registry.assign_ids("a", within(tracks, Span(14.01, 16)))
    assert sorted(t.id for t in adjacent) == [2, 3]
    assert [t.id for t in registry.assign_ids("b", within(tracks, Span(12, 24)))] == [1, 2]


def test_coco_is_read_by_pycocotools(known: tuple[ClipMemory, VideoRecord], tmp_path: Path) -> None:
    memory, record = known
    tracks = tracks_of(memory, record.id)
    path = write_coco(tracks, record, tmp_path / "out" / "street.json")
    written = coco(tracks, record)
    assert {c["name"] for c in written["categories"]} == {"dog", "person"}
    for row in written["annotations"]:
        left, top, width, height = row["bbox"]
        assert 0 <= left <= left + width <= record.width + 0.01 and 0 <= top <= top + height <= record.height + 0.01
    reader = pytest.importorskip("pycocotools.coco", reason="pycocotools is not installed")
    read = reader.COCO(str(path))
    assert len(read.getAnnIds()) == sum(len(track.boxes) for track in tracks)
    dogs = read.loadAnns(read.getAnnIds(catIds=read.getCatIds(["dog"])))
    assert {row["track_id"] for row in dogs} == {2}
    assert read.loadRes(written["annotations"]).getImgIds() == read.getImgIds()


def test_mot_is_read_by_trackers(known: tuple[ClipMemory, VideoRecord], tmp_path: Path) -> None:
    from trackers import load_mot_file

    memory, record = known
    tracks = tracks_of(memory, record.id)
    folder = write_mot(tracks, record, tmp_path / "mot")
    frames = load_mot_file(folder / "gt" / "gt.txt")
    dog = tracks[1]
    number = round(17 * FPS) + 1
    rows = frames[number]
    at = list(rows.ids).index(dog.id)
    left, top, wide, high = rows.boxes[at]
    expected = dog.box_at(17.0)
    assert abs(left / record.width - expected.left) < 0.01 and abs((left + wide) / record.width - expected.right) < 0.01
    assert abs((top + high) / record.height - expected.bottom) < 0.01
    assert (folder / "gt" / "labels.txt").read_text().split() == ["dog", "person"]
    assert "seqLength=192" in (folder / "seqinfo.ini").read_text()


def test_objects_are_drawn_where_they_are(known: tuple[ClipMemory, VideoRecord], tmp_path: Path) -> None:
    memory, record = known
    tracks = tracks_of(memory, record.id)
    clip = write_clip(memory.open(record.id), Span(13, 15), tracks, tmp_path / "clip.mp4")
    with av.open(str(clip)) as file:
        frames = [frame.to_ndarray(format="rgb24") for frame in file.decode(video=0)]
    assert len(frames) == 2 * FPS and frames[0].shape == (180, 320, 3)
    (plain,) = memory.open(record.id).frames_at([14.0])
    changed = np.abs(frames[FPS].astype(int) - plain.image).max(axis=2) > 60
    left, top, right, bottom = (round(x * s) for x, s in zip(tracks[1].box_at(14.0), (320, 180) * 2, strict=True))
    assert changed[top - 2 : bottom + 2, left - 2 : left + 3].mean() > 0.3, "no box at the dog's left side"
    assert not changed[90:110, 130:240].any()
    assert [p.name for p in write_frames(memory.open(record.id), [14.0], tracks, tmp_path / "f")] == ["000014000.jpg"]


@pytest.mark.parametrize(
    "score, box, kept",
    [(0.5, (0.5, 0.4, 0.7, 0.6), False), (0.8, (0.5, 0.4, 0.7, 0.6), True), (0.5, (0.0, 0.4, 0.4, 0.6), True)],
)
def test_a_hand_is_no_person_beside_its_own(score: float, box: tuple[float, ...], kept: bool) -> None:
    def person(score: float, place: tuple[float, ...]) -> Track:
        boxes = tuple(TrackedBox(k / 4, Box(*place), score) for k in range(8))
        return Track(id=0, label="person", score=score, start=0.0, end=2.0, boxes=boxes, votes={"person": 1.0})

    told = sure([person(0.7, (0.3, 0.1, 0.9, 1.0)), person(score, box)])
    assert len(told) == 1 + kept and [track.id for track in told] == list(range(1, len(told) + 1))
