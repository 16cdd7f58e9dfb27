"""Watching: files, folders and streams on loopback, stopped and taken up again, and what may not be reached."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from loopback import server
from media_files import needs_ffmpeg, run_ffmpeg
from rewatch.memory import ClipMemory, VideoError
from rewatch.memory.live.sources import kind_of, open_stream
from rewatch.memory.live.watch import WatchEvent, WatchOptions, watch

QUICK = WatchOptions(idle=1.0, patience=1.0, segment=2.0)
HOW = {"channels": ("visual",), "clip_seconds": 4.0, "workers": 0}


@pytest.fixture(scope="module")
def clip(make_talk: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """9 s in blue."""
    return make_talk(tmp_path_factory.mktemp("clip") / "clip.ts", 9, fps=4, size=(160, 90))


def test_a_file_that_stops_growing_is_what_index_makes_of_it(clip: Path, tmp_path: Path) -> None:
    growing = Path(shutil.copy(clip, tmp_path / "clip.ts"))
    memory = ClipMemory(tmp_path / "m", text_encoder="hashed")
    events: list[WatchEvent] = []
    record = watch(memory, growing, options=QUICK, listener=events.append, **HOW)
    assert record is not None and record.complete and not record.growing
    assert [event.kind for event in events][0] == "begin" and events[-1].kind == "end"
    assert memory.add(growing, channels=("visual",)).id == record.id, "nothing is done twice"
    plain = ClipMemory(tmp_path / "plain", text_encoder="hashed")
    other = plain.add(growing, channels=("visual",), clip_seconds=4, workers=0)
    assert record.content_id == other.content_id
    assert [c.span for c in memory.clips(record.id)] == [c.span for c in plain.clips(other.id)]
    assert not list((memory.folder / "live").iterdir()), "the file itself is the medium"
    with pytest.raises(VideoError, match="rewatch index"):
        watch(memory, growing, options=QUICK, **HOW)


def test_a_watch_that_is_stopped_goes_on(make_talk: Callable[..., Path], tmp_path: Path) -> None:
    whole = make_talk(tmp_path / "whole.ts", 14, fps=4, size=(160, 90)).read_bytes()
    growing = tmp_path / "clip.ts"
    growing.write_bytes(whole[: len(whole) * 8 // 10])
    memory = ClipMemory(tmp_path / "m", text_encoder="hashed")
    stop = threading.Event()

    def listen(event: WatchEvent) -> None:
        if event.kind == "progress" and memory.videos()[0].duration >= 3.9:
            stop.set()

    stopped = watch(memory, growing, options=WatchOptions(idle=600.0, segment=2.0), stop=stop, listener=listen, **HOW)
    assert stopped is not None and not stopped.complete and not stopped.growing
    assert memory.watched(growing) == stopped and memory.known(growing) == stopped
    assert memory.open(stopped.id).info.end == stopped.end
    growing.write_bytes(whole)
    record = watch(memory, growing, options=QUICK, **HOW)
    assert record is not None and record.id == stopped.id and record.complete
    assert memory.watched(growing) is None


def test_a_folder_takes_files_when_they_are_finished(clip: Path, tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    shutil.copy(clip, folder / "one.ts")
    (folder / "notes.txt").write_text("no video")
    memory = ClipMemory(tmp_path / "m", text_encoder="hashed")
    stop = threading.Event()
    taken: list[str] = []

    def listen(event: WatchEvent) -> None:
        taken.append(event.text)
        stop.set()

    watch(memory, folder, options=QUICK, stop=stop, listener=listen, **HOW)
    assert [record.name for record in memory.videos()] == ["one.ts"] and len(taken) == 1


def test_a_stream_that_drops_is_reached_again(clip: Path, tmp_path: Path) -> None:
    memory = ClipMemory(tmp_path / "m", text_encoder="hashed")
    events: list[WatchEvent] = []
    with server([("video/mp2t", clip.read_bytes()), ("video/mp2t", clip.read_bytes())]) as address:
        record = watch(memory, f"{address}/live.ts", options=QUICK, listener=events.append, **HOW)
    assert record is not None and record.complete and record.end == pytest.approx(18.0, abs=0.5)
    assert {"lost", "back"} <= {event.kind for event in events}
    assert memory.coverage(record.id).complete and memory.open(record.id).frame(12.0).time > 10
    assert memory.source_of(record.id) is None, "it has ended"
    memory.remove(record.id)
    assert not list((memory.folder / "live").iterdir())


def test_media_beyond_the_limit_are_deleted(clip: Path, tmp_path: Path) -> None:
    memory = ClipMemory(tmp_path / "m", text_encoder="hashed")
    events: list[WatchEvent] = []
    small = WatchOptions(patience=0.5, segment=2.0, keep=20_000)
    with server([("video/mp2t", clip.read_bytes())]) as address:
        record = watch(memory, f"{address}/live.ts", options=small, listener=events.append, **HOW)
    assert record is not None and any(event.kind == "dropped" for event in events)
    assert memory.coverage(record.id).until("visual") == record.end, "what was found in it stays"


@needs_ffmpeg
def test_an_hls_playlist_by_address(clip: Path, tmp_path: Path) -> None:
    run_ffmpeg("-i", clip, "-c", "copy", "-hls_time", "4", "-hls_playlist_type", "vod", tmp_path / "list.m3u8")
    parts = sorted(tmp_path.glob("list*.ts"))
    answers = [("application/vnd.apple.mpegurl", (tmp_path / "list.m3u8").read_bytes())]
    answers += [("video/mp2t", part.read_bytes()) for part in parts]
    memory = ClipMemory(tmp_path / "m", text_encoder="hashed")
    wanted: list[str] = []
    with server(answers, wanted) as address:
        record = watch(memory, f"{address}/list.m3u8", options=QUICK, **HOW)
    assert record is not None and record.end == pytest.approx(9.0, abs=0.5)
    assert wanted[0] == "/list.m3u8" and set(wanted[1:]) <= {"/list.m3u8", *(f"/{part.name}" for part in parts)}


@pytest.mark.parametrize("where", ["playlist", "concat", "redirect"])
def test_no_stream_leads_to_a_file(where: str, clip: Path) -> None:
    local = clip.absolute()
    answer = {
        "playlist": ("application/vnd.apple.mpegurl", f"#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\nfile://{local}\n#EXT-X-ENDLIST\n".encode()),
        "concat": ("text/plain", f"ffconcat version 1.0\nfile {local}\n".encode()),
        "redirect": ("redirect", f"file://{local}".encode()),
    }[where]  # fmt: skip
    with server([answer, answer]) as address, pytest.raises((VideoError, Exception)) as caught:
        container = open_stream(f"{address}/list.m3u8")
        assert not [packet for packet in container.demux() if packet.size], "nothing of the file came"
        raise VideoError("nothing came")
    assert not isinstance(caught.value, AssertionError)


def test_what_cannot_be_watched_is_said(tmp_path: Path, clip: Path, make_talk: Callable[..., Path]) -> None:
    with pytest.raises(VideoError, match="There is no file, folder or camera"):
        kind_of(str(tmp_path / "nothing.mkv"))
    with pytest.raises(VideoError, match="cannot be watched: give an address of"):
        kind_of("file:///etc/passwd")
    assert [kind_of(one) for one in ("rtsp://camera/1", "/dev/video0", str(tmp_path), str(clip))] == [
        "stream", "camera", "folder", "file",
    ]  # fmt: skip
    memory = ClipMemory(tmp_path / "m", text_encoder="hashed")
    finished = make_talk(tmp_path / "plain.mp4", 2, fps=4, size=(160, 90))
    cut = tmp_path / "cut.mp4"
    cut.write_bytes(finished.read_bytes()[: finished.stat().st_size // 2])
    with pytest.raises(VideoError, match="no moov"):
        watch(memory, cut, options=QUICK, **HOW)
    with pytest.raises(VideoError, match="is finished, and nothing to watch: rewatch index"):
        watch(memory, finished, options=QUICK, **HOW)
