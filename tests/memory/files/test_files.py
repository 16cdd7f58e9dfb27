"""What is named as a file: pipes, devices, sockets and folders are refused at once, pictures but for a few formats."""

from __future__ import annotations

import base64
import io
import os
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from media_files import quarter, write_video
from PIL import Image
from rewatch.agent import read_trace
from rewatch.agent.models.content_blocks import picture
from rewatch.agent.tool_formats import load_tool_format, with_prompt
from rewatch.agent.trace import TraceWriter
from rewatch.memory import ClipMemory, RewatchError, Video, VideoError
from rewatch.memory.files.regular import NotAFile, odd_kind, open_regular, read_bytes, read_text, replacing
from rewatch.memory.speech.subtitles import read_subtitles
from rewatch.memory.video.array_video import ArrayVideo
from rewatch.memory.video.pictures import NotAPicture, decode_picture, read_picture
from rewatch.tools import as_picture, load_tools
from rewatch.training.data.readers.rows import rows_of
from rewatch.training.data.task_files import read_tasks

pytestmark = pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
KINDS = {"pipe": "a pipe", "folder": "a folder", "socket": "a socket", "device": "a device"}


@pytest.fixture
def odd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str, str], Path]]:
    """Makes what is no regular file, under a name with an ending."""
    monkeypatch.chdir(tmp_path)  # names of sockets are short
    sockets = []

    def make(kind: str, ending: str) -> Path:
        path = Path(f"odd{ending}")
        if kind == "pipe":
            os.mkfifo(path)
        elif kind == "folder":
            path.mkdir()
        elif kind == "socket":
            sockets.append(socket.socket(socket.AF_UNIX))
            sockets[-1].bind(str(path))
        else:
            path.symlink_to("/dev/zero")
        return path

    yield make
    for one in sockets:
        one.close()


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_no_file_is_not_opened(odd: Callable[[str, str], Path], kind: str) -> None:
    path = odd(kind, ".bin")
    assert KINDS[kind] in odd_kind(path)
    for read in (open_regular, read_bytes, read_text):
        with pytest.raises(NotAFile, match=KINDS[kind]):
            read(path)


def test_a_file_is_read_up_to_a_size(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(b"one\r\ntwo\n")
    assert odd_kind(path) == odd_kind(tmp_path / "none") == "" and read_text(path) == "one\ntwo\n"
    with path.open("r+b") as file:
        file.truncate(3 << 30)  # sparse
    with pytest.raises(OSError, match="larger"):
        read_bytes(path)


READERS: dict[str, tuple[str, Callable[[Path], object]]] = {
    "video": (".mp4", Video),
    "subtitles": (".srt", read_subtitles),
    "trace": (".jsonl", read_trace),
    "tools": (".py", lambda path: load_tools(str(path))),
    "prompt": (".txt", lambda path: with_prompt(load_tool_format("hermes"), path)),
    "tasks": (".jsonl", lambda path: list(read_tasks(path))),
    "rows": (".parquet", lambda path: list(rows_of(path))),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("what", READERS)
def test_every_reader_refuses_it_in_one_line(odd: Callable[[str, str], Path], what: str, kind: str) -> None:
    ending, read = READERS[what]
    with pytest.raises(RewatchError) as caught:
        read(odd(kind, ending))
    assert "\n" not in str(caught.value) and "odd" in str(caught.value)


@pytest.mark.parametrize("kind", KINDS)
def test_a_trace_is_not_written_there_and_the_run_goes_on(odd: Callable[[str, str], Path], kind: str) -> None:
    writer = TraceWriter(odd(kind, ".jsonl"))
    writer.write({"event": "question"})
    writer.close()
    assert writer.lost and "odd" in writer.lost and "\n" not in writer.lost


@pytest.mark.parametrize("kind", KINDS)
def test_an_image_that_is_none_is_refused(odd: Callable[[str, str], Path], kind: str, tmp_path: Path) -> None:
    memory = ClipMemory(tmp_path / "memory")
    with pytest.raises(VideoError, match=KINDS[kind]):
        read_picture(odd(kind, ".png"), memory)


def test_side_files_and_indexes_that_are_pipes_are_passed_over(tmp_path: Path) -> None:
    video = write_video(tmp_path / "talk.mp4", frames=24)
    os.mkfifo(tmp_path / "talk.srt")
    memory = ClipMemory(tmp_path / "memory")
    record = memory.add(video, channels=("visual", "speech"), workers=0)
    assert not record.failures and memory.search("red")
    memory.close()
    for cache in (tmp_path / "memory").glob("*.faiss"):
        cache.unlink()
        os.mkfifo(cache)
    with ClipMemory(tmp_path / "memory", read_only=True) as again:
        assert again.search("red")


def encoded(form: str, image: Image.Image | None = None, **how: object) -> bytes:
    file = io.BytesIO()
    (image or Image.fromarray(quarter(64, 48))).save(file, form, **how)  # type: ignore[arg-type]
    return file.getvalue()


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF"])
def test_common_formats_are_decoded(form: str) -> None:
    image = decode_picture(encoded(form))
    assert image.size == (64, 48) and image.mode == "RGB"


@pytest.mark.parametrize("form", ["EPS", "PCX", "TGA", "PDF", "ICO", "SGI", "MSP"])
def test_others_are_not_even_tried(form: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("subprocess.Popen", None)  # Ghostscript would be started with it
    image = Image.new("1" if form == "MSP" else "RGB", (64, 48))
    bad = encoded(form, image)
    (tmp_path / "a.png").write_bytes(bad)
    with pytest.raises(NotAPicture, match="none of"):
        decode_picture(bad)
    with pytest.raises(VideoError, match="not an image"):
        read_picture(tmp_path / "a.png", ClipMemory(tmp_path / "memory"))
    with pytest.raises(NotAPicture):
        as_picture(bad)
    with pytest.raises(VideoError):
        picture({"type": "image", "base64": base64.b64encode(bad).decode()}, None)
    if form == "EPS":
        lazy = Image.open(io.BytesIO(bad))  # decodes nothing yet
        with pytest.raises(NotAPicture, match="EPS"):
            as_picture(lazy)
        with pytest.raises(VideoError, match="EPS"):
            picture({"type": "image", "image": lazy}, None)


@pytest.mark.parametrize("side", [9000, 20000, 60000])
def test_pictures_with_too_many_pixels_are_not_decoded(side: int, tmp_path: Path) -> None:
    small = bytearray(encoded("PNG", Image.new("L", (8, 8))))
    small[16:24] = side.to_bytes(4, "big") * 2
    import zlib

    small[29:33] = zlib.crc32(bytes(small[12:29])).to_bytes(4, "big")
    (tmp_path / "big.png").write_bytes(small)
    with pytest.raises(VideoError, match="pixels"):
        read_picture(tmp_path / "big.png", ClipMemory(tmp_path / "memory"))
    with pytest.raises(NotAPicture, match="pixels"):
        as_picture(bytes(small))
    with pytest.raises(VideoError, match="pixels"):
        picture({"type": "image", "base64": base64.b64encode(bytes(small)).decode()}, None)


def test_damaged_pictures_are_refused_in_one_line() -> None:
    rng = np.random.default_rng(0)
    for form in ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF"):
        whole = encoded(form)
        for cut in (0, 1, 9, len(whole) // 2):
            broken = bytearray(whole[:cut] if cut else whole)
            for place in rng.integers(0, max(len(broken), 1), 12):
                if len(broken):
                    broken[place] = int(rng.integers(256))
            try:
                decode_picture(bytes(broken))
            except NotAPicture as error:
                assert "\n" not in str(error)


def test_pictures_are_upright_and_on_white() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    assert decode_picture(encoded("JPEG", Image.new("RGB", (64, 48)), exif=exif)).size == (48, 64)
    clear = encoded("PNG", Image.new("RGBA", (8, 8), (255, 0, 0, 0)))
    assert np.asarray(decode_picture(clear)).min() == 255
    video = ArrayVideo([quarter(64, 48)], 1)
    assert video.frame(0).whole == (64, 48)


def test_what_is_no_file_is_written_into_and_not_replaced(tmp_path: Path) -> None:
    made = tmp_path / "made" / "page.html"
    with replacing(made) as part:
        part.write_text("first")
    with pytest.raises(RuntimeError), replacing(made) as part:
        part.write_text("half")
        raise RuntimeError
    assert made.read_text() == "first" and [p.name for p in made.parent.iterdir()] == ["page.html"]
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    with replacing(pipe) as there:
        there.write_text("told")
    assert os.read(reader, 10) == b"told" and pipe.is_fifo()
    os.close(reader)
