"""The folder of what requests brought: held while it is used, the one unused for longest goes first."""

from __future__ import annotations

import errno
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from rewatch.memory import ClipMemory, MemoryFolderError
from rewatch.server.videos.parts import TooLargeError
from rewatch.server.videos.scratch import Scratch


def never() -> bool:
    return False


@pytest.fixture
def scratch(tmp_path: Path) -> Scratch:
    """A folder for 100 bytes."""
    return Scratch(ClipMemory(tmp_path, text_encoder="hashed"), 100)


def put(scratch: Scratch, name: str, size: int = 30, used: float = 0.0) -> Path:
    with scratch.part() as part:
        part.write_bytes(bytes(size))
        scratch.put(part, name)
    path = scratch.folder / name
    if used:
        os.utime(path, (used, path.stat().st_mtime))
    return path


def names(scratch: Scratch) -> list[str]:
    return sorted(path.name for path in scratch.folder.iterdir())


def test_parts_become_files_of_a_folder_that_is_private(scratch: Scratch):
    path = put(scratch, "a.mp4")
    first = path.stat()
    put(scratch, "a.mp4", 31)
    assert path.stat().st_ino == first.st_ino and names(scratch) == ["a.mp4"]
    assert stat.S_IMODE(scratch.folder.stat().st_mode) == 0o700 and scratch.has(path) and not scratch.has(path.parent)
    assert scratch.find("a*") == "a.mp4" and scratch.find("b*") is None
    with pytest.raises(TooLargeError, match="at most"):
        put(scratch, "b.mp4", 101)
    with pytest.raises(KeyError), scratch.part() as part:
        part.write_bytes(b"half")
        raise KeyError
    assert names(scratch) == ["a.mp4"]


def test_parts_of_a_process_that_was_killed_go_after_a_day(scratch: Scratch):
    put(scratch, "a.mp4")
    old, new = scratch.folder / ".part-old", scratch.folder / ".part-new"
    old.mkdir()
    (old / "video").write_bytes(b"half")
    os.utime(old, (0, 0))
    new.write_bytes(b"half")
    put(scratch, "b.mp4")
    assert names(scratch) == [".part-new", "a.mp4", "b.mp4"]


def test_the_one_unused_for_longest_goes_first(scratch: Scratch):
    for number, name in enumerate(("a", "b", "c", "d"), 1):
        put(scratch, name, used=number)
    scratch.make_room(never)
    assert names(scratch) == ["b", "c", "d"]
    held = scratch.hold("b")
    assert held is not None
    before = held.path.stat().st_mtime_ns
    put(scratch, "e")
    scratch.make_room(never)
    assert names(scratch) == ["b", "d", "e"] and held.path.stat().st_mtime_ns == before
    held.close()


def test_nothing_that_is_held_goes(scratch: Scratch):
    held = []
    for name in ("a", "b", "c", "d"):
        put(scratch, name)
        held.append(scratch.hold(name))
    with pytest.raises(MemoryFolderError, match="in use"):
        scratch.make_room(never)
    assert names(scratch) == ["a", "b", "c", "d"]
    for one in held:
        assert one is not None
        one.close()
    scratch.make_room(never)
    assert len(names(scratch)) == 3


def test_what_another_process_holds_stays_until_it_ends(scratch: Scratch):
    for name in ("a", "b", "c", "d"):
        put(scratch, name)
    code = (
        "import fcntl, os, sys\n"
        "fcntl.flock(os.open(sys.argv[1], os.O_RDONLY), fcntl.LOCK_SH)\n"
        "print(flush=True)\n"
        "sys.stdin.read()\n"
    )
    path = scratch.folder / "a"
    os.utime(path, (1, path.stat().st_mtime))
    other = subprocess.Popen([sys.executable, "-c", code, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert other.stdout is not None
    other.stdout.readline()
    scratch.make_room(never)
    assert "a" in names(scratch) and len(names(scratch)) == 3
    other.kill()
    other.communicate()
    put(scratch, "e")
    scratch.make_room(never)
    assert "a" not in names(scratch)


def test_what_is_being_removed_is_not_held(scratch: Scratch):
    import fcntl

    path = put(scratch, "a")
    with path.open("rb") as removing:
        fcntl.flock(removing, fcntl.LOCK_EX)
        assert scratch.hold("a") is None
    held = scratch.hold("a")
    assert held is not None
    held.close()
    assert scratch.hold("b") is None


@pytest.mark.parametrize(("code", "todo"), [(errno.ENOSPC, "free some space"), (errno.EACCES, "check its rights")])
def test_why_it_cannot_be_written_is_told(scratch: Scratch, code: int, todo: str):
    with pytest.raises(MemoryFolderError, match=todo), scratch.part():
        raise OSError(code, os.strerror(code))


def test_a_link_put_there_by_another_is_not_followed(scratch: Scratch, tmp_path: Path):
    put(scratch, "a")
    (tmp_path / "secret").write_bytes(b"secret")
    (scratch.folder / "b").symlink_to(tmp_path / "secret")
    with pytest.raises(OSError):  # noqa: PT011 - the kernel's refusal; nobody but the owner can write here
        scratch.hold("b")
