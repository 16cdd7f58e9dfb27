"""What clients of the server may add: files below folders that were named, and addresses that were allowed."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from rewatch.memory import ClipMemory, MediaURI, MisuseError, VideoError
from rewatch.memory.files.sources import Sources
from rewatch.tools.mcp.index_queue import IndexQueue
from rewatch.tools.mcp.server_tools import find


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, make_talk: Callable[..., Path]) -> Path:
    """Allowed is `trips`; `secret.mp4` lies beside it."""
    root = tmp_path_factory.mktemp("sources")
    trips = root / "trips"
    (trips / "rome").mkdir(parents=True)
    (trips / ".hidden").mkdir()
    make_talk(trips / "rome" / "walk.mp4", 1, size=(160, 120), fps=5)
    video = (trips / "rome" / "walk.mp4").read_bytes()
    for other in (root / "secret.mp4", trips / ".hidden" / "x.mp4", trips / ".x.mp4"):
        other.write_bytes(video)
    (trips / "list.mp4").write_text("#EXTM3U\nhttp://127.0.0.1/secret.ts\n")
    (trips / "link.mp4").symlink_to(trips / "rome" / "walk.mp4")
    (trips / "out").symlink_to(root)
    os.mkfifo(trips / "pipe.mp4")
    return trips


@pytest.mark.parametrize("word", ["rome/walk.mp4", "{}/rome/walk.mp4", "./rome/walk.mp4"])
def test_a_file_below_a_folder(folder: Path, word: str):
    assert Sources.of([folder], ()).file(word.format(folder)) == Path(os.path.realpath(folder)) / "rome" / "walk.mp4"


@pytest.mark.parametrize(
    ("word", "why"),
    [
        ("../secret.mp4", "without .."),
        ("rome/../../secret.mp4", "without .."),
        ("{}/../secret.mp4", "without .."),
        ("/etc/passwd", "There is no file"),
        ("{}", "There is no file"),
        ("link.mp4", "is a link"),
        ("out/secret.mp4", "is a link"),
        ("pipe.mp4", "it is a pipe"),
        ("list.mp4", "by its first bytes"),
        ("rome", "Give one of .*walk.mp4"),
        ("none.mp4", "Give one of .*walk.mp4"),
        (".x.mp4", "There is no file"),
        (".hidden/x.mp4", "There is no file"),
        ("rome/walk.mp4\0", "no plain path"),
        ("", "There is no file"),
    ],
)
def test_files_that_are_refused(folder: Path, word: str, why: str):
    with pytest.raises(VideoError, match=why):
        Sources.of([folder], ()).file(word.format(folder))


def test_a_folder_that_was_named_by_a_link(folder: Path, tmp_path: Path):
    (tmp_path / "videos").symlink_to(folder)
    sources = Sources.of([tmp_path / "videos"], ())
    for word in ("rome/walk.mp4", f"{tmp_path}/videos/rome/walk.mp4", f"{folder}/rome/walk.mp4"):
        assert sources.file(word) == Path(os.path.realpath(folder)) / "rome" / "walk.mp4"
    for word in ("videos/link.mp4", "videos/out/secret.mp4", "videos/.x.mp4", "videos"):
        with pytest.raises(VideoError, match="is a link|There is no file"):
            sources.file(f"{tmp_path}/{word}")


def test_a_device_is_refused():
    with pytest.raises(VideoError, match="it is a device"):
        Sources.of([Path("/dev")], ()).file("zero")


def test_addresses():
    public, named = Sources.of((), ["public"]), Sources.of((), ["media.example.org", "10.0.0.5:8000"])
    for url in ("https://example.org/a.mp4", "http://example.org:8080/page"):
        assert public.address(url) == url
    for url in ("https://media.example.org/x", "http://MEDIA.example.org:81/x", "http://10.0.0.5:8000/y.mp4"):
        assert named.address(url) == url
    for url in ("http://10.0.0.5/y.mp4", "https://example.org/a.mp4", "http://media.example.org.evil.net/"):
        with pytest.raises(VideoError, match="was not allowed"):
            named.address(url)
    odd = ("http://example.org/a\r\nX: y", "http://example.org/a b", f"http://example.org/{'a' * 5000}")
    for url in (
        "file:///etc/passwd",
        "ftp://example.org/a",
        "http://u:p@example.org/",
        "http://",
        "http://[::1/",
        *odd,
    ):
        with pytest.raises(VideoError, match="no address of the web"):
            public.address(url)


def test_a_refusal_names_what_could_be_allowed_and_says_no_more_than_that(folder: Path):
    with pytest.raises(VideoError, match=r"--add-urls \[::1\]\."):
        Sources.of((), ["example.org"]).address("http://[::1]/a.mp4")
    for word in ("x" * 100_000, "../" * 50_000):
        with pytest.raises(VideoError) as refused:
            Sources.of([folder], ()).file(word)
        assert len(str(refused.value)) < 2000


def test_nothing_is_allowed_by_itself(folder: Path):
    nothing = Sources.of((), ())
    assert not nothing
    with pytest.raises(VideoError, match="--add FOLDER"):
        nothing.file(str(folder / "rome" / "walk.mp4"))
    with pytest.raises(VideoError, match="--add-urls"):
        nothing.address("https://example.org/a.mp4")
    for folders, hosts in (([folder / "none"], ()), ((), ["http://x/"]), ((), ["a b"])):
        with pytest.raises(MisuseError):
            Sources.of(folders, hosts)


def test_a_word_of_any_length_is_not_said_back_whole(tmp_path: Path):
    with ClipMemory(tmp_path, text_encoder="hashed") as memory:
        for word in ("x" * 100_000, f"video:{'x' * 100_000}", "video:" + "#" * 100_000):
            for look in (memory.video, MediaURI.parse, lambda word: find(memory, IndexQueue(memory, Sources()), word)):
                try:
                    look(word)
                except (VideoError, ValueError) as error:
                    assert len(str(error)) < 1000
