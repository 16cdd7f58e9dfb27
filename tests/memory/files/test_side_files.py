"""What lies beside a video: garbage is passed over, nothing is read without a bound, and a copy keeps its own words."""

from __future__ import annotations

import os
import resource
import shutil
from pathlib import Path

import pytest
from hearing import CUES, ears, srt
from media_files import write_video
from rewatch.memory import ClipMemory, VideoError
from rewatch.memory.files.regular import read_side_file
from rewatch.memory.speech.subtitles import read_subtitles

__all__ = ["ears"]

LINE = b"1\n00:00:01,000 --> 00:00:02,000\nhello\n\n"


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_video(tmp_path_factory.mktemp("base") / "base.mp4", frames=120, fps=10)


def sparse(path: Path) -> None:
    path.write_bytes(LINE)
    os.truncate(path, 12 << 30)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"\x00\xff\x80garbage" * 500, "no subtitles in it"),
        (b"just some words\n" * 50, "no subtitles in it"),
        (b"", "no lines in it"),
        (b"WEBVTT\n\n", "no lines in it"),
        (b"1\n01:00:01,000 --> 01:00:02,000\nhello\n\n", "none of its 1 lines lies in the video"),
        (sparse, "too large for subtitles (12288 MiB"),
        (os.mkfifo, "no regular file"),
    ],
    ids="noise text empty no-cues another-video sparse pipe".split(),
)
@pytest.mark.parametrize("kind", ["srt", "vtt"])
def test_what_cannot_be_used_is_passed_over_and_said(
    kind: str, content: object, why: str, base: Path, tmp_path: Path, ears: None
) -> None:
    path = tmp_path / "talk.mp4"
    shutil.copy(base, path)
    beside = path.with_suffix(f".{kind}")
    content(beside) if callable(content) else beside.write_bytes(content)  # type: ignore[arg-type]
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with ClipMemory(tmp_path / "m", text_encoder="hashed") as memory:
        record = memory.add(path, channels=("speech",), workers=0)
        assert record.channels["speech"] == "tones 1" and record.complete
        assert record.notes[0].startswith("passed over: ") and why in record.notes[0]
        # Named, the same file is an error: nobody wants another one instead. An empty one says that nothing is said.
        if content == b"":
            memory.add(path, channels=("speech",), workers=0, subtitles=beside)
            assert memory.texts(record.id, channel="speech") == []
            return
        with pytest.raises(VideoError):
            memory.add(path, channels=("speech",), workers=0, subtitles=beside)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 500_000, "kilobytes"


def test_a_mended_file_is_taken_the_next_time(base: Path, tmp_path: Path, ears: None) -> None:
    path = tmp_path / "talk.mp4"
    shutil.copy(base, path)
    path.with_suffix(".srt").write_bytes(b"\x00garbage" * 9)
    with ClipMemory(tmp_path / "m", text_encoder="hashed") as memory:
        memory.add(path, channels=("speech",), workers=0)
        srt(path.with_suffix(".srt"), CUES)
        record = memory.add(path, channels=("speech",), workers=0)
        assert [text.text for text in memory.texts(record.id, channel="speech")] == [
            "one",
            "three",
            "eight",
        ] and not record.notes


def test_bounds_of_reading(tmp_path: Path) -> None:
    (tmp_path / "small").write_bytes(b"x" * 100)
    assert read_side_file(tmp_path / "small", 100, "words") == b"x" * 100
    for path, why in (
        (tmp_path / "small", "too large for words"),
        (Path("/dev/zero"), "no regular file"),
        (tmp_path, "words"),
        (tmp_path / "missing", "cannot be read"),
        (Path("a\0b"), "cannot be read"),
    ):
        with pytest.raises(VideoError, match=why) as caught:
            read_side_file(path, 99, "words")
        assert "\n" not in str(caught.value)


def test_one_cue_of_millions_of_words_is_cut(tmp_path: Path) -> None:
    (tmp_path / "long.srt").write_bytes(LINE.strip() + b" word" * 1_000_000)
    (cue,) = read_subtitles(tmp_path / "long.srt")
    assert len(cue.text) <= 5000


def test_lines_outside_the_video_are_counted(base: Path, tmp_path: Path, ears: None) -> None:
    path = tmp_path / "talk.mp4"
    shutil.copy(base, path)
    srt(path.with_suffix(".srt"), [*CUES, (100, 101, "late"), (200, 201, "later")])
    with ClipMemory(tmp_path / "m", text_encoder="hashed") as memory:
        record = memory.add(path, channels=("speech",), workers=0)
        assert len(memory.texts(record.id, channel="speech")) == 3
        assert record.notes == ("2 of 5 lines of talk.srt lie outside the video, and were left out",)


def test_copies_keep_their_own_words(base: Path, tmp_path: Path, ears: None) -> None:
    one, two, three, four = (tmp_path / f"{name}.mp4" for name in ("one", "two", "three", "four"))
    for path in (one, two, three, four):
        shutil.copy(base, path)
    srt(one.with_suffix(".srt"), [(1, 2, "alpha")])
    srt(two.with_suffix(".srt"), [(1, 2, "beta")])
    srt(four.with_suffix(".srt"), [(1, 2, "beta")])

    def words(memory: ClipMemory, name: str | Path) -> list[str]:
        return [text.text for text in memory.texts(memory.video(name).id, channel="speech")]

    with ClipMemory(tmp_path / "m", text_encoder="hashed") as memory:
        first = memory.add(one, channels=("speech",), workers=0)
        second = memory.add(two, channels=("speech",), workers=0)
        assert first.id != second.id and "the same bytes as one.mp4" in second.notes[0]
        assert memory.open(second.id).info.path == str(two)
        # Without subtitles of its own a copy is the same video under another name; with the same ones too.
        assert memory.add(three, channels=("speech",), workers=0).id == first.id
        assert memory.add(four, channels=("speech",), workers=0).id == second.id
        assert len(memory.videos()) == 2
        for name, said in (("one", "alpha"), ("two", "beta"), ("three", "alpha"), ("four", "beta")):
            assert words(memory, f"{name}.mp4") == words(memory, tmp_path / f"{name}.mp4") == [said]
        # A file that is mended where it lies is the same video.
        srt(one.with_suffix(".srt"), [(1, 2, "gamma")])
        assert memory.add(one, channels=("speech",), workers=0).id == first.id
        assert words(memory, one) == ["gamma"] and words(memory, two) == ["beta"]
        # What was stored stays when its file goes, until somebody asks to listen.
        one.with_suffix(".srt").unlink()
        kept = memory.add(one, channels=("speech",), workers=0)
        assert words(memory, one) == ["gamma"] and "not there any more" in kept.notes[-1]
        assert memory.add(one, again=("speech",), workers=0).channels["speech"] == "tones 1"
        # A file that was moved is the same video, whatever lies beside it now.
        two.unlink()
        four.unlink()
        moved = tmp_path / "moved.mp4"
        shutil.copy(base, moved)
        srt(moved.with_suffix(".srt"), [(1, 2, "delta")])
        assert memory.add(moved, channels=("speech",), workers=0).id == second.id and len(memory.videos()) == 2
