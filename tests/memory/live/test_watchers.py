"""Several watchers and writers at once, addresses of finished recordings, and errors of the thread that records."""

from __future__ import annotations

import errno
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from loopback import server
from media_files import needs_ffmpeg, run_ffmpeg
from rewatch.cli.settings.agent import find_video
from rewatch.cli.terminal.console import _gist
from rewatch.cli.terminal.output import Console
from rewatch.memory import ClipMemory, VideoError
from rewatch.memory.errors import MemoryFolderError, MemoryInUse
from rewatch.memory.files import video_files
from rewatch.memory.live.connection import Repeats
from rewatch.memory.live.lock import is_watching, only_watcher
from rewatch.memory.live.recorder import SegmentWriter
from rewatch.memory.live.segments import Manifest
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


def test_a_question_does_not_index_what_is_being_watched(clip: Path, tmp_path: Path) -> None:
    memory = ClipMemory(tmp_path / "m", text_encoder="hashed")
    with only_watcher(memory.folder / "live", str(clip)):
        with pytest.raises(VideoError, match="is being watched, and nothing of it is known yet"):
            find_video(memory, str(clip), Console(stderr=True), {})
    assert not memory.videos()


@pytest.mark.parametrize(
    ("text", "gist"),
    [
        ("No speech was made out.", "no speech"),
        ("Nothing of this was listened to yet.", "not listened to yet"),
        ("No speech was made out.\n(00:30-01:00 was not listened to yet.)", "no speech so far"),
    ],
)
def test_a_step_does_not_call_silent_what_was_not_listened_to(text: str, gist: str) -> None:
    assert _gist({"data": {"utterances": [], "found": []}, "text": text}) == gist


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


class Ears:
    """Hears nothing, and wants long pieces."""

    name = stamp = "ears"
    window = 300.0
    finds_speech = True

    def transcribe(self, samples: np.ndarray, *, offset: float) -> list[object]:
        return []


@needs_ffmpeg
def test_sound_that_comes_later_is_listened_to_and_soon(make_talk: Callable[..., Path], tmp_path: Path) -> None:
    mute = make_talk(tmp_path / "mute.ts", 6, fps=2, size=(64, 36)).read_bytes()
    make_talk(tmp_path / "long.ts", 80, fps=2, size=(64, 36))
    noise = ("-f", "lavfi", "-i", "anoisesrc=d=80:a=0.1:r=16000")
    run_ffmpeg("-i", tmp_path / "long.ts", *noise, "-c:v", "copy", "-c:a", "aac", tmp_path / "loud.ts")
    loud = (tmp_path / "loud.ts").read_bytes()
    memory = ClipMemory(tmp_path / "m", text_encoder="hashed")
    how = {**HOW, "channels": ("speech", "visual"), "transcriber": Ears()}
    with server([("video/mp2t", mute), ("video/mp2t", loud)]) as address:
        record = watch(memory, f"{address}/live.ts", options=replace(QUICK, behind=1000.0), **how)
    assert record is not None and record.has_audio and memory.coverage(record.id).complete
    pieces = memory.store.rows("SELECT start_s, end_s FROM units WHERE channel = 'speech' ORDER BY 1")
    assert len(pieces) >= 3 and all(end - start <= 45.0 for start, end in pieces), "not one of five minutes"
    assert pieces[0][0] == record.start and pieces[-1][1] == record.end


def test_no_password_is_told(make_talk: Callable[..., Path], tmp_path: Path) -> None:
    sound = tmp_path / "sound.ts"
    with av.open(str(sound), "w") as out:
        stream = out.add_stream("mp2", rate=16000, layout="mono")
        for at in range(0, 32000, 1152):
            block = av.AudioFrame.from_ndarray(np.zeros((1, 1152), np.int16), format="s16", layout="mono")
            block.rate, block.pts, block.time_base = 16000, at, Fraction(1, 16000)
            out.mux(stream.encode(block))
        out.mux(stream.encode())
    told: list[str] = []
    memory = ClipMemory(tmp_path / "m", text_encoder="hashed")
    with server([("video/mp2t", sound.read_bytes())]) as address:
        with pytest.raises(VideoError) as caught:
            source = address.replace("://", "://me:secret@")
            watch(memory, f"{source}/live.ts", options=QUICK, listener=lambda event: told.append(event.text), **HOW)
    assert any("://me:…@" in text and "has sound but no video" in text for text in told)
    assert "secret" not in "".join(told) + str(caught.value)


def test_a_track_of_which_nothing_comes_hinders_nothing(make_talk: Callable[..., Path], tmp_path: Path) -> None:
    sound = np.zeros(16000, np.float32)
    late = make_talk(tmp_path / "late.ts", 60, fps=4, size=(160, 90), sound=sound)  # written behind all pictures
    manifest = Manifest(tmp_path / "segments")
    manifest.begin(1.0)
    with av.open(str(late)) as container:
        assert container.streams.audio and not container.streams.audio[0].codec_context.sample_rate
        writer = SegmentWriter(container, manifest, 2.0, lambda first: 0.0)
        for packet in container.demux():
            writer.take(packet)
        writer.finish()
    assert manifest.segments[-1].end == pytest.approx(60.0, abs=0.3) and not manifest.segments[-1].sound


def test_files_may_go_away_while_a_folder_is_watched(
    clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "stays.ts").write_bytes(clip.read_bytes())
    find = video_files.find_videos

    def finds_more(*arguments: Any, **options: Any) -> Any:
        found = find(*arguments, **options)
        return replace(found, videos=[folder / "gone.ts", *found.videos])

    monkeypatch.setattr(video_files, "find_videos", finds_more)
    stop = threading.Event()
    told: list[str] = []

    def listen(event: WatchEvent) -> None:
        told.append(event.kind)
        stop.set()

    memory = ClipMemory(tmp_path / "m", text_encoder="hashed")
    watch(memory, folder, options=QUICK, stop=stop, listener=listen, **HOW)
    assert told == ["taken"] and [record.name for record in memory.videos()] == ["stays.ts"]


def test_what_a_playlist_still_lists_is_not_recorded_again(make_talk: Callable[..., Path], tmp_path: Path) -> None:
    one = make_talk(tmp_path / "one.ts", 6, fps=4, size=(160, 90))
    two = make_talk(tmp_path / "two.ts", 6, fps=4, size=(160, 90), colors=lambda second: (160, 20, 20))
    repeats = Repeats()

    def taken(*paths: Path) -> int:
        """Packets of a connection that gives these one after another and are not known."""
        repeats.begin()
        count = 0
        for path in paths:
            with av.open(str(path)) as container:
                count += sum(not repeats.had(packet) for packet in container.demux(video=0) if packet.size)
        return count

    assert taken(one) == 24 and taken(one) == 0
    assert taken(one, two) == 24, "what is new behind it is taken"
    assert taken(one, two) == 0
