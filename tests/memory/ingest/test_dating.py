"""When a video was recorded is found as it is added, and can be said at any time."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import av
import numpy as np
import pytest
from rewatch.memory import ArrayVideo, ClipMemory, Moment, VideoRecord, merge_memories

NINE = 1777798800.0  # 2026-05-03 09:00 UTC


def write(path: Path, seconds: float = 2, seed: int = 0, **tags: str) -> Path:
    path.parent.mkdir(exist_ok=True)
    with av.open(str(path), "w", options={"movflags": "use_metadata_tags"}) as container:
        container.metadata.update({key.replace("__", "."): value for key, value in tags.items()})
        stream = container.add_stream("libx264", rate=5, options={"preset": "ultrafast"})
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        rng = np.random.default_rng(seed)
        for _ in range(round(seconds * 5)):
            picture = rng.integers(0, 255, (48, 64, 3), dtype=np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode())
    return path


@pytest.fixture
def memory(tmp_path: Path) -> ClipMemory:
    return ClipMemory(tmp_path / "memory")


def add(memory: ClipMemory, path: Path, **how: object) -> VideoRecord:
    return memory.add(path, channels=["visual"], workers=0, **how)  # type: ignore[arg-type]


def test_metadata_and_names_of_real_files_are_read(memory: ClipMemory, tmp_path: Path):
    apple = write(
        tmp_path / "IMG_1.MOV",
        creation_time="2026-05-03T07:00:00Z",
        com__apple__quicktime__creationdate="2026-05-03T09:00:00+0200",
    )
    assert (add(memory, apple).recorded, add(memory, apple).zone) == (NINE - 7200, 7200)
    matroska = add(memory, write(tmp_path / "talk.mkv", seed=1, creation_time="2026-05-03T09:00:00Z"))
    assert (matroska.recorded, matroska.recorded_source) == (NINE, "its metadata (creation_time)")
    assert add(memory, write(tmp_path / "DAY1_11093000.mp4", seed=2)).recorded == 86400 + 40170
    plain = add(memory, write(tmp_path / "plain.mp4", seed=3))
    assert (plain.recorded, plain.zone, plain.recorded_source, plain.timeline) == (None, None, "", "main")


def test_a_memory_without_a_dated_video_is_as_it_always_was(memory: ClipMemory, tmp_path: Path):
    add(memory, write(tmp_path / "plain.mp4"))
    assert memory.store.rows("SELECT 1 FROM sqlite_master WHERE name = 'recordings'") == []


def test_what_the_person_says_counts_and_nothing_is_indexed_again(memory: ClipMemory, tmp_path: Path):
    path = write(tmp_path / "20260503_090000.mp4", creation_time="2026-05-03T10:20:00Z")
    steps: list[object] = []
    first = add(memory, path, progress=steps.append)
    assert first.recorded == NINE and "says 2026-05-03 10:20:00+00:00" in first.recorded_source and steps
    steps.clear()
    said = add(memory, path, recorded="2026-05-03T09:00+02:00", timeline="trip", progress=steps.append)
    assert (said.recorded, said.zone, said.timeline, said.recorded_source) == (NINE - 7200, 7200, "trip", "as given")
    assert add(memory, path, progress=steps.append) == said and not steps
    assert memory.set_recording(path.name, "DAY2 08:30").recorded == 2 * 86400 + 8.5 * 3600
    assert memory.set_recording(said.id, datetime(2026, 5, 3, 9, tzinfo=UTC)).zone == 0
    gone = memory.set_recording(said.id, "none")
    assert (gone.recorded, gone.timeline) == (None, "trip")
    assert add(memory, path).recorded is None
    for wrong in ({"recorded": "soon"}, {"recorded": "12.5"}, {"timeline": " "}, {"timeline": "a\nb"}):
        with pytest.raises(ValueError, match=next(iter(wrong))):
            memory.set_recording(said.id, **wrong)


def test_a_copy_under_another_name_changes_nothing_and_removal_forgets(memory: ClipMemory, tmp_path: Path):
    path = write(tmp_path / "DAY1_09000000.mp4")
    record = add(memory, path)
    copy = tmp_path / "copy.mp4"
    copy.write_bytes(path.read_bytes())
    assert add(memory, copy).recorded == record.recorded
    memory.remove(record.id)
    assert memory.store.rows("SELECT 1 FROM recordings") == []


def test_chapters_of_one_recording_follow_one_another(memory: ClipMemory, tmp_path: Path):
    tags = {"creation_time": "2026-05-03T09:00:00Z"}
    first, second, third = (add(memory, write(tmp_path / f"GX0{n}0123.MP4", seed=n, **tags)) for n in (1, 2, 3))
    assert [first.recorded, second.recorded, third.recorded] == [NINE, NINE + 2, NINE + 4]
    assert "GX020123" in third.recorded_source
    other = add(memory, write(tmp_path / "GX020124.MP4", seed=9, creation_time="2026-05-03T12:00:00Z"))
    assert other.recorded == NINE + 3 * 3600


def test_any_source_can_be_dated(memory: ClipMemory):
    frames = np.zeros((10, 48, 64, 3), np.uint8)
    record = memory.add(ArrayVideo(frames, fps=5), channels=["visual"], recorded="DAY1 09:00", timeline="life")
    assert (record.recorded, record.timeline) == (86400 + 9 * 3600, "life")


def test_chapters_follow_one_another_in_whatever_order_they_come(memory: ClipMemory, tmp_path: Path):
    """Else a later chapter would be known at the time of the first."""
    tags = {"creation_time": "2026-05-03T09:00:00Z"}
    for n in (3, 1, 4, 2):
        add(memory, write(tmp_path / f"GX0{n}0123.MP4", seed=n, **tags))
        if n == 1:
            assert memory.video("GX030123.MP4").recorded == NINE + 2, "not before the first one is over"
    assert [memory.video(f"GX0{n}0123.MP4").recorded for n in (1, 2, 3, 4)] == [NINE, NINE + 2, NINE + 4, NINE + 6]
    view = memory.until(Moment(NINE + 3))
    assert [record.name for record in view.videos()] == ["GX010123.MP4", "GX020123.MP4"]


def test_chapters_that_were_indexed_apart_are_in_order_once_they_are_together(tmp_path: Path):
    for n in (2, 1):
        path = write(tmp_path / f"GX0{n}0123.MP4", seed=n, creation_time="2026-05-03T09:00:00Z")
        with ClipMemory(tmp_path / f"part{n}") as part:
            assert add(part, path).recorded == NINE
    merge_memories(tmp_path / "whole", [tmp_path / "part2", tmp_path / "part1"])
    with ClipMemory(tmp_path / "whole") as whole:
        assert [whole.video(f"GX0{n}0123.MP4").recorded for n in (1, 2)] == [NINE, NINE + 2]


def test_two_cameras_with_one_number_keep_their_chapters_apart(memory: ClipMemory, tmp_path: Path):
    times = {"left": "2026-05-03T09:00:00Z", "right": "2026-05-03T09:01:00Z"}
    for n in (2, 1):
        for seed, (folder, time) in enumerate(times.items()):
            add(memory, write(tmp_path / folder / f"GX0{n}0123.MP4", seed=10 * n + seed, creation_time=time))
    assert sorted(record.recorded or 0.0 for record in memory.videos()) == [NINE, NINE + 2, NINE + 60, NINE + 62]
