"""Damaged memories: one line that says what and where, nothing read wrongly, and what can be rebuilt is rebuilt."""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from rewatch.memory import ClipMemory, MemoryFolderError

PAGE = 4096


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory, make_talk: Callable[..., Path]) -> Path:
    """A memory of one video with text on the screen and subtitles."""
    folder = tmp_path_factory.mktemp("damage")
    video = make_talk(
        folder / "talk.mp4", 24, captions=lambda second: f"ROOM {int(second // 6)}", size=(320, 180), fps=2
    )
    (folder / "talk.srt").write_text("1\n00:00:02,000 --> 00:00:06,000\nThe budget is ten million.\n")
    with ClipMemory(folder / "memory") as memory:
        memory.add(video, workers=0)
    return folder / "memory"


@pytest.fixture
def folder(whole: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(whole, tmp_path / "memory"))


def everything(folder: Path) -> list[object]:
    """What a memory tells when all of it is read."""
    with ClipMemory(folder, read_only=True) as memory:
        told: list[object] = []
        for record in memory.videos():
            told += [record.name, record.channels, memory.texts(record.id), memory.clips(record.id)]
            told.append([(hit.span, hit.channels) for hit in memory.search("budget room", k=50)])
        memory.require_sound()
        return told


def change(folder: Path, sql: str, *values: object) -> None:
    with sqlite3.connect(folder / "memory.sqlite") as db:
        db.execute("PRAGMA ignore_check_constraints=ON")
        db.execute(sql, values)
    db.close()


def root(folder: Path, name: str) -> int:
    with sqlite3.connect(folder / "memory.sqlite") as db:
        (page,) = db.execute("SELECT rootpage FROM sqlite_master WHERE name = ?", (name,)).fetchone()
    db.close()
    return int(page)


def overwrite(folder: Path, page: int, content: bytes) -> None:
    with (folder / "memory.sqlite").open("r+b") as file:
        file.seek((page - 1) * PAGE)
        file.write(content)


def page_of(folder: Path, name: str) -> bytes:
    content = (folder / "memory.sqlite").read_bytes()
    return content[(root(folder, name) - 1) * PAGE : root(folder, name) * PAGE]


DAMAGE: dict[str, Callable[[Path], object]] = {
    "cut in half": lambda d: os.truncate(d / "memory.sqlite", (d / "memory.sqlite").stat().st_size // 2),
    "cut to a few bytes": lambda d: os.truncate(d / "memory.sqlite", 10),
    "emptied": lambda d: os.truncate(d / "memory.sqlite", 0),
    "garbage": lambda d: (d / "memory.sqlite").write_bytes(np.random.default_rng(1).bytes(50_000)),
    "another program's": lambda d: shutil.copy(_other(d), d / "memory.sqlite"),
    "a dropped table": lambda d: change(d, "DROP TABLE spaces"),
    "a dropped meta": lambda d: change(d, "DROP TABLE meta"),
    "another column": lambda d: change(d, "ALTER TABLE texts RENAME COLUMN data TO other"),
    "a version that is none": lambda d: change(d, "UPDATE meta SET value = 'x' WHERE key = 'schema_version'"),
    "a newer version": lambda d: change(d, "UPDATE meta SET value = 99 WHERE key = 'schema_version'"),
    "an emptied page": lambda d: overwrite(d, root(d, "texts"), bytes(PAGE)),
    "an emptied page of an index": lambda d: overwrite(d, root(d, "texts_by_time"), bytes(PAGE)),
    "another table's page": lambda d: overwrite(d, root(d, "vectors"), page_of(d, "texts")),
    "another page in an index": lambda d: overwrite(d, root(d, "clips"), page_of(d, "units_open")),
    "no JSON in a text": lambda d: change(d, "UPDATE texts SET data = 'no'"),
    "no JSON in a video": lambda d: change(d, "UPDATE videos SET info = '[1]'"),
    "times that are none": lambda d: change(d, "UPDATE videos SET start_s = 'x'"),
    "text that is no UTF-8": lambda d: change(d, "UPDATE texts SET text = CAST(x'ff' AS TEXT)"),
    "short vectors": lambda d: (change(d, "UPDATE vectors SET vector = x'00'"), _without_caches(d)),
    "a folder": lambda d: ((d / "memory.sqlite").unlink(), (d / "memory.sqlite").mkdir()),
    "a pipe": lambda d: ((d / "memory.sqlite").unlink(), os.mkfifo(d / "memory.sqlite")),
}


def _other(folder: Path) -> Path:
    path = folder.parent / "other.sqlite"
    with sqlite3.connect(path) as db:
        db.execute("CREATE TABLE notes (text)")
    db.close()
    return path


def _without_caches(folder: Path) -> None:
    for cache in folder.glob("*.faiss"):
        cache.unlink()


@pytest.mark.parametrize("kind", DAMAGE)
def test_a_damaged_database_is_told_in_a_line(folder: Path, kind: str) -> None:
    DAMAGE[kind](folder)
    for use in (everything, lambda place: ClipMemory(place).videos()):
        try:
            use(folder)
        except MemoryFolderError as error:
            assert "\n" not in str(error) and str(folder) in str(error)
        else:
            assert use is not everything, "nothing was noticed"


@pytest.mark.parametrize("index", ["texts_by_time", "vectors_by_space", "sqlite_autoindex_clips_1", "paths_by_video"])
def test_indexes_of_tables_are_made_again(whole: Path, folder: Path, index: str) -> None:
    """A whole page of another index in the place of one: SQLite by itself finds too little, and says nothing."""
    overwrite(folder, root(folder, index), page_of(folder, "units_open" if "clips" in index else "texts_by_unit"))
    with pytest.raises(MemoryFolderError, match="is damaged"):
        everything(folder)  # it may not be written
    ClipMemory(folder).close()
    assert everything(folder) == everything(whole)


CACHES: dict[str, Callable[[Path], object]] = {
    "cut": lambda p: os.truncate(p, p.stat().st_size // 2),
    "garbage": lambda p: p.write_bytes(np.random.default_rng(1).bytes(3000)),
    "empty": lambda p: p.write_bytes(b""),
    "pipe": lambda p: (p.unlink(), os.mkfifo(p)),
    "folder": lambda p: (p.unlink(), p.mkdir()),
    "another length": lambda p: _other_length(p),
    "gone": lambda p: p.unlink(),
}


def _other_length(path: Path) -> None:
    """A whole cache, by its own stamp, of vectors of another length."""
    import zlib

    import faiss
    from rewatch.memory.store import cache_file as index

    content = path.read_bytes()
    length, _, magic = index.TAIL.unpack(content[-index.TAIL.size :])
    stamp = content[-index.TAIL.size - length : -index.TAIL.size]
    other = faiss.IndexIDMap2(faiss.IndexFlatIP(7))
    other.add_with_ids(np.ones((3, 7), np.float32), np.arange(1, 4))
    faiss.write_index(other, str(path))
    body = path.read_bytes()
    path.write_bytes(body + stamp + index.TAIL.pack(len(stamp), zlib.crc32(body), magic))


@pytest.mark.parametrize("kind", CACHES)
def test_damaged_caches_are_made_again(whole: Path, folder: Path, kind: str) -> None:
    caches = list(folder.glob("*.faiss"))
    assert caches
    for cache in caches:
        CACHES[kind](cache)
    assert everything(folder) == everything(whole)


@pytest.mark.parametrize("kind", ["folder", "pipe", "link"])
def test_locks_that_are_no_files(folder: Path, kind: str) -> None:
    lock, victim = folder / "writer.lock", folder / "victim"
    lock.unlink()
    victim.write_text("a letter")
    lock.mkdir() if kind == "folder" else os.mkfifo(lock) if kind == "pipe" else lock.symlink_to(victim)
    with ClipMemory(folder) as memory, pytest.raises(MemoryFolderError, match=r"writer\.lock.*(?:re)?move") as told:
        memory.remove(memory.videos()[0].id)
    assert "\n" not in str(told.value) and victim.read_text() == "a letter"
    assert everything(folder)


def test_a_cache_is_not_written_through_a_link(folder: Path) -> None:
    victim = folder / "victim"
    victim.write_text("a letter")
    for cache in folder.glob("*.faiss"):
        cache.with_suffix(".tmp").symlink_to(victim)
    with ClipMemory(folder) as memory:
        memory.remove(memory.videos()[0].id)
    assert victim.read_text() == "a letter"


def test_a_removed_video_leaves_nothing(folder: Path, make_talk: Callable[..., Path], tmp_path: Path) -> None:
    other = make_talk(tmp_path / "other.mp4", 12, captions=lambda _: "ZEBRA CROSSING", size=(320, 180), fps=2)
    before = everything(folder)
    with ClipMemory(folder) as memory:
        added = memory.add(other, workers=0)
        assert memory.remove(added.id) > 0
    assert everything(folder) == before
    for file in folder.iterdir():
        if file.is_file():
            assert b"zebra" not in file.read_bytes().lower(), file.name
    assert other.is_file()
