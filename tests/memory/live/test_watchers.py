"""Several watchers and writers at once, addresses of finished recordings, and errors of the thread that records."""

from __future__ import annotations

import errno
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from loopback import server
from rewatch.memory import ClipMemory, VideoError
from rewatch.memory.errors import MemoryFolderError, MemoryInUse
from rewatch.memory.live.lock import is_watching, only_watcher
from rewatch.memory.live.recorder import SegmentWriter
from rewatch.memory.live.sources import open_stream
from rewatch.memory.live.watch import WatchEvent, WatchOptions, watch

QUICK = WatchOptions(idle=1.0, patience=1.0, segment=2.0)
HOW = {"channels": ("visual",), "clip_seconds": 4.0, "workers": 0}


@pytest.fixture(scope="module")
def clip(make_talk: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """9 s in blue."""
    return make_talk(tmp_path_factory.mktemp("clip") / "clip.ts", 9, fps=4, size=(160, 90))


def test_a_source_has_one_watcher(clip: Path, tmp_path: Path) -> None:
    memory = ClipMemory(tmp_path / "m", text_encoder="hashed")
    folder = memory.folder / "live"
    with only_watcher(folder, str(clip)):
        assert is_watching(folder, str(clip)) and not is_watching(folder, "another")
        with pytest.raises(MemoryInUse, match="is being watched"):
            watch(memory, clip, options=QUICK, **HOW)
    assert not is_watching(folder, str(clip)) and not list(folder.iterdir())


def test_recordings_that_begin_alike_stay_two(clip: Path, tmp_path: Path) -> None:
    memory = ClipMemory(tmp_path / "m", text_encoder="hashed")
    stop = threading.Event()
    for name in ("one.ts", "two.ts"):
        (tmp_path / name).write_bytes(clip.read_bytes())
        stop.clear()
        patient = WatchOptions(idle=30.0, segment=2.0)  # neither is finished when it is stopped
        listener = lambda event: stop.set() if event.kind == "progress" and not event.text.endswith("00:00") else None  # noqa: E731
        watch(memory, tmp_path / name, options=patient, stop=stop, listener=listener, **HOW)
    assert sorted(record.name for record in memory.videos()) == ["one.ts", "two.ts"]


def test_what_was_indexed_too_early_can_be_watched_when_it_grows(clip: Path, tmp_path: Path) -> None:
    path = tmp_path / "growing.ts"
    whole = clip.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    memory = ClipMemory(tmp_path / "m", text_encoder="hashed")
    early = memory.add(path, **HOW)
    with pytest.raises(VideoError, match="is indexed as a finished file"):
        watch(memory, path, options=QUICK, **HOW)
    path.write_bytes(whole)
    record = watch(memory, path, options=QUICK, **HOW)
    assert record is not None and record.end > early.end and record.complete


def test_a_watch_waits_for_another_writer(clip: Path, tmp_path: Path) -> None:
    memory, other = (ClipMemory(tmp_path / "m", text_encoder="hashed") for _ in range(2))
    free = threading.Event()
    events: list[WatchEvent] = []

    def write() -> None:
        with other.writing():
            busy.set()
            free.wait(20.0)

    def listen(event: WatchEvent) -> None:
        events.append(event)
        if event.kind == "waiting":
            free.set()

    busy = threading.Event()
    writer = threading.Thread(target=write)
    writer.start()
    busy.wait(5.0)
    record = watch(memory, clip, options=QUICK, listener=listen, **HOW)
    free.set()
    writer.join()
    assert record is not None and record.complete and events[0].kind == "waiting"


def test_a_finished_recording_by_address_is_taken_once(make_talk: Callable[..., Path], tmp_path: Path) -> None:
    film = make_talk(tmp_path / "film.mp4", 9, fps=4, size=(160, 90)).read_bytes()
    memory = ClipMemory(tmp_path / "m", text_encoder="hashed")
    with server([("video/mp4", film)] * 3) as address:
        record = watch(memory, f"{address}/film.mp4", options=QUICK, **HOW)
    assert record is not None and record.end == pytest.approx(9.0, abs=0.5) and record.complete
    assert record.recorded is None, "it was recorded at some other time"
    assert memory.source_of(record.id) is None, "it has ended"


def test_the_case_of_an_address_does_not_count(clip: Path) -> None:
    with server([("video/mp2t", clip.read_bytes())]) as address:
        open_stream(address.replace("http", "HTTP") + "/live.ts").close()


@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "No space left on device"), OSError(errno.EIO, "broken")])
def test_a_recorder_that_cannot_write_ends_the_watch(
    error: OSError, clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    memory = ClipMemory(tmp_path / "m", text_encoder="hashed")
    count = iter(range(100))
    whole = SegmentWriter._list

    def broken(self: SegmentWriter, *arguments: object) -> None:
        if next(count) >= 1:
            time.sleep(1.5)  # the first segment is seen before
            raise error
        whole(self, *arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(SegmentWriter, "_list", broken)
    with pytest.raises(MemoryFolderError, match="The disk is full|broken"):
        watch(memory, clip, options=QUICK, **HOW)
    assert memory.source_of(memory.videos()[0].id) == str(clip), "it can go on"
    assert not memory.videos()[0].growing
