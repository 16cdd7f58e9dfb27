"""Words and data meant to reach what nobody allowed: each is refused with one clear line, and nothing opened."""

from __future__ import annotations

import asyncio
import base64
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from rewatch.memory import ClipMemory, VideoError
from rewatch.memory.files.sources import Sources
from rewatch.server.videos import RequestVideos

LISTS = {
    "m3u8": b"#EXTM3U\n#EXT-X-TARGETDURATION:5\n#EXTINF:5,\nfile:///etc/passwd\n#EXT-X-ENDLIST\n",
    "ffconcat": b"ffconcat version 1.0\nfile '/etc/passwd'\n",
    "concat": b"file '/etc/passwd'\nfile '/etc/hostname'\n",
    "mpd": b'<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" '
    b'profiles="urn:mpeg:dash:profile:isoff-on-demand:2011"><Period><BaseURL>file:///etc/passwd</BaseURL></Period></MPD>',
    "sdp": b"v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nm=video 5004 RTP/AVP 96\n",
    "srt": b"1\n00:00:00,000 --> 00:00:02,000\nHello\n",
    "png": b"\x89PNG\r\n\x1a\n" + bytes(200),
    "elf": b"\x7fELF" + bytes(200),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, make_talk: Callable[..., Path]) -> Path:
    """Allowed is `videos`; `secret.mp4` lies beside it, the memory in it."""
    root = tmp_path_factory.mktemp("hostile")
    videos = root / "videos"
    (videos / ".hidden").mkdir(parents=True)
    (videos / "memory" / "requests").mkdir(parents=True)
    clip = make_talk(videos / "clip.mp4", 1, size=(160, 120), fps=5).read_bytes()
    hidden = (videos / ".hidden" / "x.mp4", videos / ".x.mp4", videos / "memory" / "requests" / "of-another.mp4")
    for other in (root / "secret.mp4", *hidden):
        other.write_bytes(clip)
    (videos / "link.mp4").symlink_to(root / "secret.mp4")
    (videos / "inner.mp4").symlink_to(videos / "clip.mp4")
    (videos / "out").symlink_to(root)
    os.mkfifo(videos / "pipe.mp4")
    for name, content in LISTS.items():
        (videos / f"list.{name}").write_bytes(content)
        (videos / f"{name}.mp4").write_bytes(content)
    for number in range(3):
        (videos / f"frame{number}.png").write_bytes(LISTS["png"])
    return videos


def refusal(folder: Path, kind: str, url: str, sources: Sources | None = None) -> str:
    sources = sources or Sources.of([folder], ["public"], ("rewatch serve", "--videos", "--urls"))

    async def main() -> str:
        with ClipMemory(folder / "memory", text_encoder="hashed") as memory:
            requested = RequestVideos(memory, sources)
            try:
                with pytest.raises(VideoError) as refused:
                    async with requested.use([{"type": kind, kind: {"url": url}}]):
                        pass
                assert not [p for p in (folder / "memory" / "requests").iterdir() if p.name != "of-another.mp4"]
            finally:
                await requested.close()
            assert not memory.videos()
            return str(refused.value)

    return asyncio.run(main())


PATHS = [
    ("../secret.mp4", "without .."),
    ("{}/../secret.mp4", "without .."),
    ("file://{}/../secret.mp4", "without .."),
    ("file://{}/%2e%2e/secret.mp4", "without .."),
    ("file://{}/..%2fsecret.mp4", "without .."),
    ("/etc/passwd", "There is no file"),
    ("file:///etc/passwd", "There is no file"),
    ("file://../secret.mp4", "another machine"),
    ("{}/link.mp4", "is a link"),
    ("{}/inner.mp4", "is a link"),
    ("{}/out/secret.mp4", "is a link"),
    ("{}/pipe.mp4", "it is a pipe"),
    ("{}", "There is no file"),
    ("{}/.hidden", "There is no file"),
    (".x.mp4", "There is no file"),
    (".hidden/x.mp4", "There is no file"),
    ("memory/requests/of-another.mp4", "There is no file"),
    ("{}/memory/requests/of-another.mp4", "There is no file"),
    ("frame%d.png", "There is no file"),
    ("frame*.png", "There is no file"),
    ("clip.mp4%00.png", "no plain path"),
    ("clip.mp4\0", "no plain path"),
    ("~/clip.mp4", "There is no file"),
    ("$HOME/clip.mp4", "There is no file"),
    ("concat:clip.mp4|/etc/passwd", "not opened"),
    ("concatf:clip.mp4", "not opened"),
    ("subfile,,start,0,end,0,,:/etc/passwd", "not opened"),
    ("crypto:/etc/passwd", "not opened"),
    ("async:file:/etc/passwd", "not opened"),
    ("fd:0", "not opened"),
    ("\udcff\ud800.mp4", "There is no file"),
    ("x" * 70_000, "There is no file"),
]


@pytest.mark.parametrize(("word", "why"), PATHS)
@pytest.mark.parametrize("kind", ["video_url", "image_url"])
def test_words(folder: Path, kind: str, word: str, why: str):
    said = refusal(folder, kind, word.format(folder) if "{}" in word else word)
    assert why in said and said.isprintable() and len(said) < 2000
    assert "of-another" not in said.partition(" in ")[2]


def test_a_device(folder: Path):
    assert "it is a device" in refusal(folder, "video_url", "zero", Sources.of([Path("/dev")], ()))


@pytest.mark.parametrize("name", LISTS)
@pytest.mark.parametrize("called", ["list.{}", "{}.mp4"])
def test_lists_and_other_things_as_files(folder: Path, name: str, called: str):
    assert "by its first bytes" in refusal(folder, "video_url", called.format(name))


@pytest.mark.parametrize("name", [name for name in LISTS if name != "png"])
def test_lists_are_no_pictures(folder: Path, name: str):
    assert "cannot be read" in refusal(folder, "image_url", f"list.{name}")


@pytest.mark.parametrize("name", LISTS)
@pytest.mark.parametrize("kind", ["video/mp4", "application/vnd.apple.mpegurl", "text/plain"])
def test_lists_and_other_things_as_data(folder: Path, name: str, kind: str):
    data = base64.b64encode(LISTS[name]).decode()
    assert "by their first bytes" in refusal(folder, "video_url", f"data:{kind};base64,{data}")
