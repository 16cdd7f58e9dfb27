"""Downloads from loopback servers, which a person has to name: what is refused, and that nothing is left behind."""

from __future__ import annotations

import functools
import http.server
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from rewatch.memory import MemoryFolderError, VideoError
from rewatch.memory.files.download import WebVideo, fetch, is_public, load, look


class Server(http.server.SimpleHTTPRequestHandler):
    """Files of a folder; /away leads to another host, /junk is no HTTP, /cut breaks off, /page.html is a page."""

    def do_GET(self) -> None:
        if self.path == "/junk":
            self.wfile.write(b"junk\r\n\r\n")
        elif self.path == "/away":
            self.send_response(302)
            self.send_header("Location", f"http://127.0.0.2:{self.server.server_port}/clip.mp4")  # type: ignore[attr-defined]
            self.end_headers()
        elif self.path == "/file":
            self.send_response(302)
            self.send_header("Location", "file:///etc/passwd")
            self.end_headers()
        elif self.path == "/slow.mp4":
            content = Path(self.directory, "clip.mp4").read_bytes()
            self.send_response(200)
            self.end_headers()
            self.wfile.write(content)
            self.wfile.flush()
            self.rfile.read(1)  # until the client is gone
        elif self.path == "/cut.mp4":
            content = Path(self.directory, "clip.mp4").read_bytes()
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content[: len(content) // 2])
        else:
            super().do_GET()

    def log_message(self, *arguments: object) -> None:
        pass


@pytest.fixture(scope="module")
def web(tmp_path_factory: pytest.TempPathFactory, make_talk: Callable[..., Path]) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("web")
    make_talk(folder / "clip.mp4", 2, size=(160, 120), fps=5)
    (folder / "Übung 1.mp4").write_bytes((folder / "clip.mp4").read_bytes())
    (folder / "words.txt").write_text("no video")
    (folder / "page.html").write_text("<html><title>A clip</title><video src='clip.mp4'></video></html>")
    server = http.server.ThreadingHTTPServer(("0.0.0.0", 0), functools.partial(Server, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


def test_a_named_host_is_looked_at_and_loaded(web: str, tmp_path: Path):
    host = (web.removeprefix("http://"),)
    found = look(f"{web}/clip.mp4", host)
    assert found.kind == "video/mp4" and found.size and found.name.startswith("clip-") and found.name.endswith(".mp4")
    fetch(found, tmp_path / "downloads" / found.name, host, lambda size: None, lambda: False)
    assert (tmp_path / "downloads" / found.name).stat().st_size == found.size


@pytest.mark.parametrize(
    ("path", "hosts", "why"),
    [
        ("/clip.mp4", ("public",), "127.0.0.1 is not an address that was allowed"),
        ("/clip.mp4", ("127.0.0.1:1",), "not an address that was allowed"),
        ("/away", None, r"\(127.0.0.2 is not an address that was allowed\)"),
        ("/junk", None, "speaks no HTTP"),
        ("/file", None, "could not be loaded"),
        ("/words.txt", None, "is no video"),
        ("/none.mp4", None, "File not found"),
    ],
)
def test_what_is_refused(web: str, path: str, hosts: tuple[str, ...] | None, why: str):
    with pytest.raises(VideoError, match=why):
        look(web + path, hosts or (web.removeprefix("http://"),))


@pytest.mark.parametrize("name", ["Übung%201.mp4", "%C3%9Cbung%201.mp4"])
def test_letters_beyond_ascii(web: str, name: str):
    assert look(f"{web}/{name}", (web.removeprefix("http://"),)).kind == "video/mp4"


@pytest.mark.parametrize("host", ["a..b", "127\u30020\u30020\u30021", "\u2460.example", f"{'a' * 70}.example"])
def test_names_that_are_none_and_names_that_become_an_address(host: str):
    with pytest.raises(VideoError, match="could not be loaded.*check it"):
        look(f"http://{host}/clip.mp4", ("public",))


def test_a_named_host_without_an_address_bars_no_other(web: str):
    assert look(f"{web}/clip.mp4", ("nowhere.invalid", "a..b", web.removeprefix("http://"))).kind == "video/mp4"


def test_what_lies_there_is_handed_over_up_to_a_size(web: str):
    host = (web.removeprefix("http://"),)
    assert load(f"{web}/words.txt", host, 8) == b"no video"
    for path, most, why in (("/words.txt", 7, "is larger than"), ("/cut.mp4", 1 << 20, "broke off")):
        with pytest.raises(VideoError, match=why):
            load(web + path, host, most)


def test_what_breaks_off_leaves_nothing(web: str, tmp_path: Path):
    cut = WebVideo(f"{web}/cut.mp4", "cut.mp4", "video/mp4", 10)
    with pytest.raises(VideoError, match="cut.mp4"):
        fetch(cut, tmp_path / "cut.mp4", ("127.0.0.1",), lambda size: None, lambda: False)
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(VideoError, match="download it yourself"):
        large = WebVideo(f"{web}/clip.mp4", "clip.mp4", "video/mp4", 5 << 30)
        fetch(large, tmp_path / "clip.mp4", ("127.0.0.1",), lambda size: None, lambda: False)


def test_what_is_given_up_leaves_nothing(web: str, tmp_path: Path):
    slow = WebVideo(f"{web}/slow.mp4", "slow.mp4", "video/mp4", None)
    parts: list[Path] = []

    def stopped() -> bool:
        parts.extend(tmp_path.glob(".part-*/*"))
        return bool(parts)

    with pytest.raises(VideoError, match="stopped"):
        fetch(slow, tmp_path / "slow.mp4", ("127.0.0.1",), lambda size: None, stopped)
    assert parts and list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_written_is_told(web: str, tmp_path: Path):
    (tmp_path / "file").write_text("no folder")
    clip = WebVideo(f"{web}/clip.mp4", "clip.mp4", "video/mp4", 10)
    with pytest.raises(MemoryFolderError, match="cannot be written"):
        fetch(clip, tmp_path / "file" / "clip.mp4", ("127.0.0.1",), lambda size: None, lambda: False)


def test_a_page_is_read_with_yt_dlp(web: str, tmp_path: Path):
    pytest.importorskip("yt_dlp", reason="the extra url is not installed")
    host = (web.removeprefix("http://"),)
    found = look(f"{web}/page.html", host)
    assert found.page and found.name.endswith(".mp4")
    fetch(found, tmp_path / found.name, host, lambda size: None, lambda: False)
    assert [one.name for one in tmp_path.iterdir()] == [found.name]


@pytest.mark.parametrize(
    "address",
    [
        *("127.0.0.1", "10.1.2.3", "192.168.0.1", "169.254.169.254", "0.0.0.0", "224.0.0.1", "100.64.0.1"),
        *("::1", "fe80::1%eth0", "fd00::1", "::ffff:10.0.0.1", "2002:7f00:1::", "64:ff9b::7f00:1", "localhost", ""),
    ],
)
def test_addresses_that_are_not_public(address: str):
    assert not is_public(address)
    assert is_public("8.8.8.8") and is_public("2606:4700::1111")
