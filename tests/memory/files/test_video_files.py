"""Which files of a folder are videos: by name, by first bytes, each once, and why the others are none."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from rewatch.memory import VideoError
from rewatch.memory.files.video_files import find_videos

MP4 = b"\0\0\0\x20ftypisom" + bytes(200)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    root = tmp_path / "films"
    for name in ("a.mp4", "B.MKV", "day/c.webm", "day/deep/noending", ".hidden.mp4", ".cache/d.mp4", "memory/e.mp4"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(MP4)
    for name, content in {
        "a.srt": b"1\n", "notes": b"hello", "photo.JPG": b"\xff\xd8", "song.m4a": MP4,
        "still": MP4[:8] + b"heic" + MP4[12:], "code.ts": b"const a = 1", "part.mp4.part": MP4, "empty.mp4": b"",
    }.items():  # fmt: skip
        (root / name).write_bytes(content)
    os.mkfifo(root / "pipe.mp4")
    os.link(root / "a.mp4", root / "hard.mp4")
    (root / "soft.mp4").symlink_to("a.mp4")
    (root / "dead.mp4").symlink_to("/nowhere")
    (root / "loop").symlink_to("loop")
    (root / "day" / "up").symlink_to("..")
    (root / "none").mkdir()
    return root


def names(found: list[Path], root: Path) -> list[str]:
    return [str(path.relative_to(root)) for path in found]


def test_a_folder(folder: Path) -> None:
    found = find_videos(folder, leave_out=[folder / "memory"])
    assert names(found.videos, folder) == ["B.MKV", "a.mp4", "day/c.webm", "day/deep/noending"]
    why = {str(one.path.relative_to(folder)): one.why for one in found.passed_over}
    assert why == {
        ".cache": "hidden", ".hidden.mp4": "hidden", "a.srt": "subtitles", "notes": "no video, by its first bytes",
        "photo.JPG": "a picture", "song.m4a": "sound only", "still": "no video, by its first bytes",
        "code.ts": "no video, by its first bytes", "part.mp4.part": "not finished downloading", "empty.mp4": "empty",
        "pipe.mp4": "no plain file", "hard.mp4": f"the same file as {folder / 'a.mp4'}",
        "soft.mp4": f"the same file as {folder / 'a.mp4'}", "dead.mp4": "a link that leads nowhere",
        "loop": "a link that leads nowhere", "day/up": "a link to a folder, which is not followed",
        "memory": "the memory itself",
    }  # fmt: skip


def test_patterns(folder: Path) -> None:
    assert names(find_videos(folder / "**" / "*.webm").videos, folder) == ["day/c.webm"]
    assert names(find_videos(folder / "[ab].mp4").videos, folder) == ["a.mp4"]
    assert names(find_videos(folder, only="*.mkv").videos, folder) == ["B.MKV"]
    assert names(find_videos(folder, only="day/*").videos, folder) == ["day/c.webm", "day/deep/noending"]
    with pytest.raises(VideoError, match="Nothing matches"):
        find_videos(folder / "*.mov")
    with pytest.raises(VideoError, match="There is no folder"):
        find_videos(folder / "nowhere")
    assert not find_videos(folder / "none").videos


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_folders_without_permission(folder: Path) -> None:
    (folder / "day").chmod(0)
    try:
        found = find_videos(folder)
    finally:
        (folder / "day").chmod(0o755)
    assert {one.path.name: one.why for one in found.passed_over}["day"] == "cannot be read (Permission denied)"


def test_many_files(tmp_path: Path) -> None:
    for number in range(10_000):
        (tmp_path / f"{number:05}.jpg").touch()
    (tmp_path / "last.mp4").write_bytes(MP4)
    found = find_videos(tmp_path)
    assert [path.name for path in found.videos] == ["last.mp4"] and len(found.passed_over) == 10_000


def test_a_pattern_walks_into_no_linked_folder(folder: Path) -> None:
    """A link to `/` below the folder would have the whole disk searched."""
    (folder / "day" / "disk").symlink_to("/")
    for pattern, found in {
        "**": ["B.MKV", "a.mp4", "day/c.webm", "day/deep/noending"],
        "**/*.webm": ["day/c.webm"],
        "*/deep/*": ["day/deep/noending"],
        "**/**/c.*": ["day/c.webm"],
        "day/up/a.mp*": ["day/up/a.mp4"],  # written out
        "*/up/a.mp4": [],
    }.items():
        try:
            seen = [name for name in names(find_videos(folder / pattern).videos, folder) if "memory" not in name]
        except VideoError:
            seen = []
        assert seen == found, pattern


def test_a_file_is_taken_before_a_link_to_it(folder: Path) -> None:
    (folder / "Alias.mp4").symlink_to("a.mp4")
    found = find_videos(folder, only="a*.mp4")
    assert names(found.videos, folder) == ["a.mp4"]
    assert folder / "Alias.mp4" in [one.path for one in found.passed_over]
