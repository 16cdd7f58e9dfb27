"""The videos of requests, from real files, data, pictures and loopback servers into a real memory."""

from __future__ import annotations

import asyncio
import base64
import functools
import http.server
import io
import re
import shutil
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from rewatch.memory import ClipMemory, MemoryFolderError, VideoError
from rewatch.memory.files.sources import Sources
from rewatch.memory.store.folder import writer_lock
from rewatch.server.videos import RequestVideos
from rewatch.server.videos import videos as videos_module

OPTIONS = ("rewatch serve", "--videos", "--urls")


def video(url: object) -> dict[str, Any]:
    return {"type": "video_url", "video_url": {"url": str(url)}}


def data_of(content: bytes, kind: str = "video/mp4") -> str:
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"


def picture(color: str) -> dict[str, Any]:
    file = io.BytesIO()
    Image.new("RGB", (160, 120), color).save(file, "PNG")
    return {"type": "image_url", "image_url": {"url": data_of(file.getvalue(), "image/png")}}


class Redirecting(http.server.SimpleHTTPRequestHandler):
    """Files of a folder; /to?URL leads there."""

    def do_GET(self) -> None:
        if self.path.startswith("/to?"):
            self.send_response(302)
            self.send_header("Location", self.path[4:])
            self.end_headers()
        else:
            super().do_GET()

    def log_message(self, *arguments: object) -> None:
        pass


class Place:
    """A folder `videos` that may be named, a memory, and what was indexed in it."""

    def __init__(self, root: Path, make_talk: Callable[..., Path]) -> None:
        self.root = root
        self.videos = root / "videos"
        (self.videos / "trip").mkdir(parents=True)
        self.walk = make_talk(self.videos / "trip" / "long walk.mp4", 2, size=(160, 120), fps=5)
        self.other = make_talk(root / "other.mp4", 1, colors=lambda _: (170, 20, 20), size=(160, 120), fps=5)
        self.memory = ClipMemory(root / "memory", text_encoder="hashed")

    def run(self, body: Callable[[RequestVideos], Any], hosts: Sequence[str] = (), **options: Any) -> Any:
        async def main() -> Any:
            requested = RequestVideos(self.memory, Sources.of([self.videos], hosts, OPTIONS), **options)
            try:
                return await body(requested)
            finally:
                await requested.close()

        return asyncio.run(main())

    def resolve(self, *parts: dict[str, Any], **options: Any) -> list[str]:
        found: list[str] = self.run(lambda requested: ids(requested, *parts), **options)
        return found


async def ids(requested: RequestVideos, *parts: dict[str, Any]) -> list[str]:
    async with requested.use(parts) as found:
        return found


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, make_talk: Callable[..., Path]) -> Place:
    return Place(tmp_path_factory.mktemp("requests"), make_talk)


@pytest.fixture
def indexed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of files, in the order in which their indexing began."""
    names: list[str] = []
    real = videos_module.index_file

    def index_file(memory: Any, path: Path, *rest: Any) -> Any:
        names.append(path.name)
        return real(memory, path, *rest)

    monkeypatch.setattr(videos_module, "index_file", index_file)
    return names


def test_a_video_is_indexed_once_under_whatever_name(place: Place, indexed: list[str]):
    named = [video(place.walk), video(f"file://{place.walk}"), video("trip/long walk.mp4")]
    named += [video(f"file://{str(place.walk).replace(' ', '%20')}")]

    async def body(requested: RequestVideos) -> list[list[str]]:
        at_once = await asyncio.gather(*(ids(requested, part) for part in named * 2))
        later = await ids(requested, *named)
        return [*at_once, later]

    found = place.run(body)
    (walk,) = found[-1]
    assert found == [[walk]] * 9 and indexed == ["long walk.mp4"]
    upload = video(data_of(place.walk.read_bytes()))
    assert place.resolve(upload) == [walk] and indexed == ["long walk.mp4"]
    assert place.memory.video(walk).name == "long walk.mp4", "a copy that a request brings gives it no other name"
    assert place.resolve() == [] and place.resolve({"type": "text", "text": "What color?"}) == []


def test_frames_and_data_become_videos_which_are_not_the_memorys_own(place: Place, indexed: list[str]):
    (walk,) = place.resolve(video(place.walk))
    before = len(indexed)
    assert place.run(lambda requested: asyncio.to_thread(requested.own)) is None
    parts = [
        picture("red"),
        picture("blue"),
        video(data_of(place.other.read_bytes(), "video/x-matroska")),
        picture("red"),
    ]
    frames, other, single = place.resolve(*parts)
    assert place.resolve(*parts) == [frames, other, single] and len(indexed) == before + 3
    records = [place.memory.video(one) for one in (frames, other, single)]
    assert [record.duration for record in records] == [2.0, 1.0, 1.0] and all(record.complete for record in records)
    assert records[0].name.startswith("frames-") and records[1].name.endswith(".mkv")
    assert place.run(lambda requested: asyncio.to_thread(requested.own)) == [walk]
    assert not list((place.memory.folder / "requests").glob(".part-*"))


def test_one_that_leaves_takes_nobody_along_and_the_last_one_ends_the_work(
    tmp_path: Path, make_talk: Callable[..., Path], indexed: list[str]
):
    place = Place(tmp_path, make_talk)

    async def body(requested: RequestVideos) -> list[str]:
        first, second = (asyncio.create_task(ids(requested, video(place.walk))) for _ in range(2))
        with writer_lock(place.memory.folder):  # so that it does not end before
            while not indexed:
                await asyncio.sleep(0.01)
            first.cancel()
            with suppress(asyncio.CancelledError):
                await first
            await asyncio.sleep(0)
            assert not second.done()
            second.cancel()
            with suppress(asyncio.CancelledError):
                await second
            third = asyncio.create_task(ids(requested, video(place.walk)))
            while len(indexed) < 2:  # what the first two wanted has ended, although it could not be done
                await asyncio.sleep(0.01)
        return await third

    (walk,) = place.run(body)
    assert place.memory.video(walk).complete and indexed == ["long walk.mp4"] * 2


@pytest.mark.slow
def test_closing_ends_what_is_being_indexed(tmp_path: Path, make_talk: Callable[..., Path], indexed: list[str]):
    place = Place(tmp_path, make_talk)

    async def body(requested: RequestVideos) -> list[Any]:
        task = asyncio.create_task(ids(requested, video(place.walk)))
        with writer_lock(place.memory.folder):
            while not indexed:
                await asyncio.sleep(0.01)
            await requested.close()
            return await asyncio.gather(task, ids(requested, video(place.walk)), return_exceptions=True)

    begun, late = place.run(body)
    for failure in (begun, late):
        assert isinstance(failure, MemoryFolderError) and "server is ending" in str(failure)


def test_what_cannot_be_indexed_is_told_to_all(place: Place, indexed: list[str]):
    broken = place.videos / "broken.mp4"
    broken.write_bytes(place.walk.read_bytes()[:400])

    async def body(requested: RequestVideos) -> list[Any]:
        many = (ids(requested, video("broken.mp4")) for _ in range(4))
        return await asyncio.gather(*many, return_exceptions=True)

    failures = place.run(body)
    assert all(isinstance(failure, VideoError) for failure in failures) and indexed == ["broken.mp4"]
    assert str(failures[0]).startswith("broken.mp4 is an MP4 file cut off")


def test_a_memory_that_was_replaced_is_told(tmp_path: Path, make_talk: Callable[..., Path]):
    place = Place(tmp_path, make_talk)
    shutil.rmtree(place.memory.folder)
    for _ in range(2):
        with pytest.raises(MemoryFolderError, match="removed or replaced"):
            place.resolve(video(place.walk))


@pytest.mark.slow
def test_uploads_go_when_there_are_too_many_with_what_was_found_in_them(tmp_path: Path, make_talk: Callable[..., Path]):
    place = Place(tmp_path, make_talk)
    (walk,) = place.resolve(video(place.walk))
    small = place.other.stat().st_size

    async def body(requested: RequestVideos) -> tuple[str, list[str]]:
        async with requested.use([video(data_of(place.other.read_bytes()))]) as (held,):
            with pytest.raises(MemoryFolderError, match="all in use"):
                await ids(requested, picture("green"))
            assert held in [record.id for record in place.memory.videos()]
        frames = await ids(requested, picture("green"))
        copy = await ids(requested, video(data_of(place.walk.read_bytes(), "video/quicktime")))
        assert copy == [walk], "a copy takes room too"
        return held, frames

    held, (frames,) = place.run(body, kept=max(small, place.walk.stat().st_size) + 100)
    there = [record.id for record in place.memory.videos()]
    assert walk in there and held not in there and frames not in there
    assert [path.suffix for path in (place.memory.folder / "requests").iterdir()] == [".mov"]


@pytest.mark.slow
def test_what_a_person_indexed_stays_when_a_copy_of_it_goes(tmp_path: Path, make_talk: Callable[..., Path]):
    place = Place(tmp_path, make_talk)
    (walk,) = place.resolve(video(place.walk))
    content = place.walk.read_bytes()
    place.walk.unlink()
    assert place.resolve(video(data_of(content))) == [walk]
    (copy,) = (place.memory.folder / "requests").iterdir()
    assert place.memory.open(walk).info.path == str(copy)
    place.resolve(picture("red"), kept=len(content) + 10)
    assert not copy.exists() and place.memory.video(walk).complete


@pytest.fixture(scope="module")
def web(place: Place) -> Iterator[str]:
    handler = functools.partial(Redirecting, directory=str(place.root))
    server = http.server.ThreadingHTTPServer(("0.0.0.0", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


@pytest.mark.slow
def test_an_address_is_loaded_once(place: Place, web: str, indexed: list[str], monkeypatch: pytest.MonkeyPatch):
    host = web.removeprefix("http://")
    (walk,) = place.resolve(video(place.walk))
    Image.new("RGB", (160, 120), "red").save(place.root / "red.png")
    frame = {"type": "image_url", "image_url": {"url": f"{web}/red.png"}}

    async def body(requested: RequestVideos) -> list[list[str]]:
        many = (ids(requested, video(f"{web}/videos/trip/long%20walk.mp4")) for _ in range(3))
        return await asyncio.gather(*many)

    assert place.run(body, hosts=[host]) == [[walk]] * 3
    loads = list((place.memory.folder / "requests").glob("*-long-walk-*.mp4"))
    place.walk.rename(place.walk.with_suffix(".gone"))
    try:
        (again,) = place.resolve(video(f"{web}/videos/trip/long%20walk.mp4"), hosts=[host])
    finally:
        place.walk.with_suffix(".gone").rename(place.walk)
    assert again == walk and len(loads) == 1
    assert place.resolve(frame, hosts=[host]) == place.resolve(picture("red"))


@pytest.mark.parametrize(
    ("address", "hosts", "why"),
    [
        ("{web}/other.mp4", (), "Addresses were not allowed: have rewatch serve started with --urls"),
        ("{web}/other.mp4", ("public",), "127.0.0.1 is not an address that was allowed"),
        ("{web}/other.mp4", ("example.org",), "127.0.0.1 was not allowed"),
        ("{web}/to?{away}/other.mp4", None, "127.0.0.2 is not an address that was allowed"),
        ("{web}/memory/memory.sqlite", None, "is no video|cannot be read"),
        ("http://user:word@127.0.0.1/other.mp4", ("public",), "no address of the web"),
    ],
)
def test_addresses_that_are_refused(place: Place, web: str, address: str, hosts: Sequence[str] | None, why: str):
    url = address.format(web=web, away=web.replace("127.0.0.1", "127.0.0.2"))

    async def body(requested: RequestVideos) -> list[Any]:
        kinds = ("video_url", "image_url") if hosts is None else ("video_url",)
        return await asyncio.gather(
            *(ids(requested, {"type": kind, kind: {"url": url}}) for kind in kinds), return_exceptions=True
        )

    for failure in place.run(body, hosts=[web.removeprefix("http://")] if hosts is None else hosts):
        assert isinstance(failure, VideoError) and re.search(why, str(failure)) and "\n" not in str(failure)
