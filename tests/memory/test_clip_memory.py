"""The face of the memory: videos by content, texts, clips, search, the view into the past, and folders that fail."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from rewatch.memory import ClipMemory, MemoryFolderError, Span, VideoError
from rewatch.memory.speech.transcript import Utterance, Word
from talks import write_talk

SUBTITLES = """1
00:00:01,000 --> 00:00:05,000
Please stop at the crossing.

2
00:00:09,000 --> 00:00:13,000
Now the pedestrians may walk.

3
00:00:17,000 --> 00:00:23,000
The lamp turns blue, nobody knows why.
"""


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory, traffic: Path) -> Path:
    """The traffic video with subtitles beside it."""
    folder = tmp_path_factory.mktemp("film")
    shutil.copy(traffic, folder / "film.mp4")
    (folder / "film.srt").write_text(SUBTITLES)
    return folder / "film.mp4"


def fill(folder: Path, video: Path, **options: object) -> ClipMemory:
    memory = ClipMemory(folder, text_encoder="hashed")
    memory.add(video, channels=("visual", "speech"), clip_seconds=4, workers=0, **options)  # type: ignore[arg-type]
    return memory


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory, film: Path) -> Path:
    folder = tmp_path_factory.mktemp("memory") / "library"
    fill(folder, film).close()
    return folder


@pytest.fixture
def memory(filled: Path) -> Iterator[ClipMemory]:
    with ClipMemory(filled, text_encoder="hashed") as opened:
        yield opened


def test_a_record_says_what_is_known(memory: ClipMemory, film: Path) -> None:
    (record,) = memory.videos()
    assert (record.name, record.path, record.complete, record.failures) == ("film.mp4", str(film), True, ())
    assert len(record.id) == 8 and record.content_id.startswith(record.id)
    assert (record.width, record.height, record.codec, record.has_audio) == (320, 180, "h264", False)
    assert record.duration == pytest.approx(24, abs=0.2)
    assert record.channels["speech"].startswith("subtitles:")
    assert memory.video(record.id) == memory.video("film.mp4") == memory.video(film) == record


def test_clips_tile_the_video_at_every_level(memory: ClipMemory) -> None:
    clips = memory.clips("film.mp4")
    assert [clip.start for clip in clips] == [0, 4, 8, 12, 16, 20]
    assert all(a.end == b.start for a, b in zip(clips, clips[1:], strict=False))
    assert [clip.span for clip in memory.clips("film.mp4", level="chapter")] == [memory.video("film.mp4").span]
    assert [clip.start for clip in memory.clips("film.mp4", between=Span(5, 9))] == [4, 8]
    assert [clip.start for clip in memory.clips("film.mp4", between=Span(8, 8))] == [8]


def test_texts_come_in_time_order_with_word_times(memory: ClipMemory) -> None:
    said = memory.texts("film.mp4", channel="speech")
    assert [text.text for text in said] == [line for line in SUBTITLES.splitlines() if line.endswith(".")]
    assert said[0].span.iou(Span(1, 5)) > 0.9
    words = said[0].data["words"]
    assert [word[2].strip() for word in words] == said[0].text.split()
    assert [text.text for text in memory.texts("film.mp4", channel="speech", between=Span(6, 10))] == [said[1].text]
    seen = memory.texts("film.mp4", channel="visual")
    assert [color for text in seen for color in ("red", "green", "blue") if f"mostly {color}" in text.text] == (
        ["red", "red", "green", "green", "blue", "blue"]
    )


def test_search_finds_words_and_looks(memory: ClipMemory) -> None:
    best = memory.search("may pedestrians walk?")[0]
    assert best.span == Span(8, 12) and best.level == "clip"
    assert best.texts[0].text == "Now the pedestrians may walk."
    assert best.channels["speech"] > 0.3 and best.channels["speech.bm25"] > 0
    assert best.uri == f"video:{best.video}#t=8,12"
    looks = memory.search("a green picture", channels=["visual"], k=2)
    assert {hit.span.start for hit in looks} == {8, 12}
    assert memory.search("pedestrians", level="chapter")[0].span.duration > 23


def test_search_keeps_to_its_filters(memory: ClipMemory) -> None:
    assert all(hit.span.start >= 16 for hit in memory.search("stop walk lamp", between=Span(16.5, 24)))
    assert not memory.search("pedestrians", videos=[])
    assert memory.search("pedestrians", videos=["film.mp4"])
    assert set(memory.search("lamp", channels=["speech"])[0].channels) <= {"speech", "speech.bm25"}
    with pytest.raises(VideoError, match="no video 'other.mp4'.*film.mp4"):
        memory.search("lamp", videos=["other.mp4"])


@pytest.mark.parametrize(
    "query", ['"', "a AND (b", "NEAR(x y", "lamp*", "text:lamp", "'; DROP TABLE texts; --", "", "的", "\0"]
)
def test_no_query_is_syntax(memory: ClipMemory, query: str) -> None:
    memory.search(query)
    assert memory.texts("film.mp4")


def test_the_same_file_elsewhere_is_the_same_video(film: Path, tmp_path: Path) -> None:
    memory = fill(tmp_path / "m", film)
    before = memory.texts("film.mp4")
    moved = tmp_path / "renamed.mp4"
    shutil.copy(film, moved)
    shutil.copy(film.with_suffix(".srt"), moved.with_suffix(".srt"))
    record = memory.add(moved, channels=("visual", "speech"), clip_seconds=4, workers=0)
    assert len(memory.videos()) == 1 and record.name == "renamed.mp4"
    assert memory.texts(record.id) == before, "nothing is done again"
    moved.unlink()
    assert memory.open(record.id).info.path == str(film), "an older place of the same content still serves"


def test_one_video_is_looked_up_without_reading_the_others(
    memory: ClipMemory, film: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    id_, read, plain = memory.videos()[0].id, [], memory.store.records
    monkeypatch.setattr(memory.store, "records", lambda video=None: read.append(video) or plain(video))
    for wanted in (id_, "film.mp4", film):
        assert memory.video(wanted).id == memory.until(1.0).video(wanted).id == id_
    assert set(read) == {id_}
    with pytest.raises(VideoError, match="film.mp4"):
        memory.video("other.mp4")


def test_the_same_name_with_other_content_is_another_video(film: Path, tmp_path: Path, make_talk: Callable) -> None:
    copy = tmp_path / "film.mp4"
    shutil.copy(film, copy)
    memory = fill(tmp_path / "m", copy)
    first = memory.video(copy)
    make_talk(copy, 5)
    with pytest.raises(VideoError, match="is not the video .* any more"):
        memory.open(first.id)
    memory.add(copy, channels=("visual",), workers=0)
    assert len(memory.videos()) == 2
    assert memory.video(copy).id != first.id
    assert memory.open(memory.video(copy).id).info.duration == pytest.approx(5, abs=0.3)


def test_a_memory_outlives_its_files(film: Path, tmp_path: Path) -> None:
    copy = tmp_path / "gone.mp4"
    shutil.copy(film, copy)
    with ClipMemory(tmp_path / "m", text_encoder="hashed") as memory:
        record = memory.add(copy, channels=("visual",), workers=0)
        copy.unlink()
        assert memory.search("green", channels=["visual"])
        with pytest.raises(VideoError, match="gone.mp4 is gone.*put it back"):
            memory.open(record.id)


def test_remove_forgets_everything(film: Path, tmp_path: Path, make_talk: Callable) -> None:
    memory = fill(tmp_path / "m", film)
    other = memory.add(make_talk(tmp_path / "other.mp4", 6), channels=("visual",), workers=0)
    memory.search("green")
    memory.remove("film.mp4")
    assert [record.id for record in memory.videos()] == [other.id]
    assert {hit.video for hit in memory.search("green blue picture")} == {other.id}
    assert not memory.search("pedestrians", channels=["speech"])
    assert sqlite3.connect(tmp_path / "m/memory.sqlite").execute("SELECT count(*) FROM words").fetchone()[0] <= 3


# The past


def test_now_is_a_number(memory: ClipMemory) -> None:
    with pytest.raises(ValueError, match="now is not a number"):
        memory.until(float("nan"))


def test_until_hides_the_future(memory: ClipMemory) -> None:
    view = memory.until(10.5)
    record = view.video("film.mp4")
    assert record.end == 10.5 and not memory.until(0).videos()
    assert [clip.end for clip in view.clips(record.id)] == [4, 8, 10.5]
    said = view.texts(record.id, channel="speech")
    assert said[0].text == "Please stop at the crossing."
    whole = memory.texts(record.id, channel="speech")[1].text
    assert len(said) == 2 and whole.startswith(said[1].text) and said[1].text != whole
    assert said[1].end <= 10.5
    (gist,) = view.texts(record.id, channel="summary")
    assert gist.end == 10.5 and "stop at the crossing" in gist.text and whole not in gist.text, "of what was said"
    assert record.path == "", "nothing opens the file but through the view"
    assert all(text.end <= 10.5 for text in view.texts(record.id))
    assert all(hit.span.end <= 10.5 for hit in view.search("pedestrians walk lamp blue green stop"))
    found = view.search("lamp nobody knows", channels=["speech"])
    assert {text.text for hit in found for text in hit.texts} <= {text.text for text in said}
    assert view.until(99).now == 10.5


class Hindsight:
    """A recognizer that knows a word only once it has heard what follows: each is told with all that comes later."""

    name = stamp = "hindsight 1"

    def transcribe(self, samples: np.ndarray, *, offset: float) -> list[Utterance]:
        end = offset + len(samples) / 16000
        words = [Word(offset + k, offset + k + 0.8, f"word{k}of{end:.0f}", 1.0) for k in range(int(end - offset))]
        return [Utterance(words[0].start, words[-1].end, " ".join(w.text for w in words), tuple(words))]

    finds_speech = True


def test_words_that_were_made_out_by_later_sound_are_not_known_before(tmp_path: Path) -> None:
    sound = np.random.default_rng(0).normal(0, 0.1, 12 * 16000).astype(np.float32)
    path = write_talk(tmp_path / "said.mp4", 12, sound=sound)
    memory = ClipMemory(tmp_path / "memory")
    memory.add(path, channels=["speech"], transcriber=Hindsight(), workers=0)
    assert "word3of12" in memory.texts("said.mp4", channel="speech")[0].text
    view = memory.until(9.0)
    assert not view.texts("said.mp4", channel="speech") and view.known_until("said.mp4", "speech") == 0
    assert not any("of12" in text.text for hit in view.search("word3of12") for text in hit.texts)
    assert "word3of12" in memory.until(20.0).texts("said.mp4", channel="speech")[0].text


def test_words_tell_how_far_was_listened(tmp_path: Path) -> None:
    class Windows(Hindsight):
        stamp = "windows 1"

        def transcribe(self, samples: np.ndarray, *, offset: float) -> list[Utterance]:
            (all_,) = super().transcribe(samples, offset=offset)
            heard = [replace(word, sound_until=offset + 5 * (1 + k // 5)) for k, word in enumerate(all_.words)]
            return [Utterance(h[0].start, h[-1].end, "", tuple(h)) for h in (heard[:5], heard[6:10], heard[11:])]

    sound = np.random.default_rng(0).normal(0, 0.1, 14 * 16000).astype(np.float32)
    memory = ClipMemory(tmp_path / "memory")
    memory.add(write_talk(tmp_path / "v.mp4", 14, sound=sound), channels=["speech"], transcriber=Windows(), workers=0)
    said = memory.until(9.0).texts("v.mp4", channel="speech")
    assert [text.text.split()[0] for text in said] == ["word0of14"], "those of 5 to 10 s were made out at 10 s"
    assert len(memory.until(10.5).texts("v.mp4", channel="speech")) == 2


def test_the_video_of_a_view_ends_with_it(memory: ClipMemory) -> None:
    video = memory.until(8.0).open("film.mp4")
    assert video.info.end == 8.0 and video.info.path == "" and not video.info.subtitle_streams
    (last,) = video.frames_at([20.0])
    assert last.time < 8.0
    assert last.image[20, 20].argmax() == 0, "red until 8"
    assert [round(frame.time) for frame in video.frames(Span(6, 30), 1.0)] == [6, 7]
    assert all(frame.time < 8 for frame in video.keyframes())


# Folders that cannot be used


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(MemoryFolderError, match="is a file"):
        ClipMemory(tmp_path / "file")
    with pytest.raises(MemoryFolderError, match="lies below a file"):
        ClipMemory(tmp_path / "file" / "memory")
    with pytest.raises(MemoryFolderError, match="There is no memory at"):
        ClipMemory(tmp_path / "nothing", read_only=True)
    assert not (tmp_path / "nothing").exists()


def test_a_folder_with_other_files_can_become_a_memory(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("keep")
    assert ClipMemory(tmp_path).videos() == []
    assert (tmp_path / "notes.txt").read_text() == "keep"


def test_a_newer_format_is_refused(tmp_path: Path) -> None:
    ClipMemory(tmp_path).close()
    with sqlite3.connect(tmp_path / "memory.sqlite") as database:
        database.execute("UPDATE meta SET value = 99 WHERE key = 'schema_version'")
    with pytest.raises(MemoryFolderError, match="newer rewatch.*upgrade"):
        ClipMemory(tmp_path)


@pytest.mark.parametrize("damage", ["garbage", "middle"])
def test_a_damaged_database_is_named(filled: Path, tmp_path: Path, damage: str) -> None:
    copy = tmp_path / "memory"
    shutil.copytree(filled, copy)
    file = copy / "memory.sqlite"
    size = file.stat().st_size
    with file.open("r+b") as handle:
        if damage == "middle":
            handle.seek(4096)
        handle.write(b"\xa5" * (size if damage == "garbage" else size - 4096))
    with pytest.raises(MemoryFolderError, match="memory.sqlite is damaged"):
        with ClipMemory(copy, text_encoder="hashed") as memory:
            memory.videos()
            memory.search("lamp")


def test_a_database_of_another_program_is_left_alone(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "memory.sqlite") as database:
        database.execute("CREATE TABLE theirs (x)")
    with pytest.raises(MemoryFolderError, match="another program"):
        ClipMemory(tmp_path)


def test_one_writes_and_many_read(filled: Path, film: Path, tmp_path: Path) -> None:
    copy = tmp_path / "memory"
    shutil.copytree(filled, copy)
    holder = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(f"""
            from rewatch.memory import ClipMemory
            memory = ClipMemory({str(copy)!r})
            with memory.store.writing():
                print("held", flush=True)
                input()
        """)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=tmp_path,
    )  # fmt: skip
    assert holder.stdout is not None and holder.stdout.readline() == "held\n"
    with ClipMemory(copy, text_encoder="hashed") as memory:
        assert memory.search("lamp")
        with pytest.raises(MemoryFolderError, match=rf"another writer \(pid {holder.pid}\)"):
            memory.add(film)
        holder.kill()
        holder.wait()
        memory.add(film, channels=("visual", "speech"), clip_seconds=4, workers=0)


def test_a_reader_sees_what_a_writer_adds(film: Path, tmp_path: Path, make_talk: Callable) -> None:
    writer = fill(tmp_path / "m", film)
    reader = ClipMemory(tmp_path / "m", text_encoder="hashed", read_only=True)
    assert {hit.video for hit in reader.search("green blue")} == {writer.video("film.mp4").id}
    new = writer.add(
        make_talk(tmp_path / "new.mp4", 6, colors=lambda second: (20, 20, 180)), channels=("visual",), workers=0
    )
    assert new.id in {hit.video for hit in reader.search("blue", channels=["visual"])}
    with pytest.raises(MemoryFolderError, match="read-only"):
        reader.add(film)


needs_mount = pytest.mark.skipif(
    sys.platform != "linux" or os.geteuid() != 0 or shutil.which("mount") is None, reason="needs root to mount"
)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 1 MiB in memory."""
    folder = tmp_path / "disk"
    folder.mkdir()
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)], capture_output=True, text=True
    )
    if done.returncode:
        pytest.skip(f"mounting is not allowed here: {done.stderr.strip()}")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


@needs_mount
@pytest.mark.parametrize("wal", [False, True], ids=["closed", "killed writer"])
def test_a_read_only_disk_is_searched(small_disk: Path, filled: Path, film: Path, wal: bool) -> None:
    folder = small_disk / "memory"
    shutil.copytree(filled, folder)
    if wal:  # what was committed last is still in the write-ahead log
        subprocess.run(
            [sys.executable, "-c", textwrap.dedent(f"""
                import os, sqlite3
                database = sqlite3.connect({str(folder / "memory.sqlite")!r})
                database.execute("UPDATE videos SET name = 'late.mp4'")
                database.commit()
                os._exit(0)
            """)],
            check=True,
        )  # fmt: skip
        (folder / "memory.sqlite-shm").unlink()
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    for read_only in (False, True):
        with ClipMemory(folder, text_encoder="hashed", read_only=read_only) as memory:
            assert memory.search("pedestrians")[0].span == Span(8, 12)
            assert memory.videos()[0].name == ("late.mp4" if wal else "film.mp4")
            with pytest.raises(MemoryFolderError, match="read-only"):
                memory.add(film)
    with pytest.raises(MemoryFolderError, match="read-only"):
        ClipMemory(small_disk / "new")


@needs_mount
def test_a_full_disk_loses_nothing(
    small_disk: Path, filled: Path, film: Path, tmp_path: Path, make_talk: Callable
) -> None:
    folder = small_disk / "memory"
    shutil.copytree(filled, folder)
    long = make_talk(tmp_path / "long.mp4", 150, fps=1, size=(64, 48))
    with ClipMemory(folder, text_encoder="hashed") as memory:
        with pytest.raises(MemoryFolderError, match="disk is full.*what is done is kept.*free some space"):
            memory.add(long, channels=("visual",), clip_seconds=1, workers=0)
        assert memory.search("pedestrians")[0].span == Span(8, 12), "still searchable"
        done = len(memory.texts("long.mp4", channel="visual"))
        assert 0 < done < 150
    with ClipMemory(folder, text_encoder="hashed") as memory:  # opens while the disk is full
        assert memory.search("pedestrians")
    subprocess.run(["mount", "-o", "remount,size=16m", str(small_disk)], check=True)
    with ClipMemory(folder, text_encoder="hashed") as memory:
        seen: list[int] = []
        memory.add(long, channels=("visual",), clip_seconds=1, workers=0, progress=lambda p: seen.append(p.done))
        assert seen[0] == done + 1 and seen[-1] == 150, "what was done is kept"
        assert memory.video("long.mp4").complete and not memory.video("long.mp4").failures
    assert sqlite3.connect(folder / "memory.sqlite").execute("PRAGMA integrity_check").fetchone() == ("ok",)
