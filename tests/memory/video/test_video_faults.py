"""Files that cannot be used say why in one line; files that can be used in part are used as far as they go."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import av
import numpy as np
import pytest
from media_files import ENCODINGS, decoding, picture, write_sound, write_video
from rewatch.memory.errors import VideoError
from rewatch.memory.video.file import Video


@pytest.fixture(scope="module")
def sound() -> np.ndarray:
    return (0.5 * np.sin(np.arange(48000 * 6) / 20)).astype(np.float32)


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory, sound: np.ndarray) -> Path:
    return write_video(tmp_path_factory.mktemp("good") / "good.mp4", frames=144, sound=sound)


@pytest.fixture(scope="module")
def index_first(tmp_path_factory: pytest.TempPathFactory, sound: np.ndarray) -> Path:
    folder = tmp_path_factory.mktemp("index_first")
    return write_video(folder / "faststart.mp4", frames=144, sound=sound, movflags="faststart")


def refusal(path: Path) -> str:
    """The text of the error that opening gives: one line that names the file."""
    with pytest.raises(VideoError) as caught:
        Video(path)
    text = str(caught.value)
    assert str(path) in text
    assert "\n" not in text and text.endswith((".", "mp4")), text
    return text


def test_missing(tmp_path: Path) -> None:
    assert "does not exist" in refusal(tmp_path / "nowhere.mp4")


def test_folder(tmp_path: Path) -> None:
    assert "is a folder" in refusal(tmp_path)


def test_pipe(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.mp4")
    assert "not a regular file" in refusal(tmp_path / "pipe.mp4")


def test_empty(tmp_path: Path) -> None:
    (tmp_path / "empty.mp4").touch()
    assert "0 bytes" in refusal(tmp_path / "empty.mp4")


@pytest.mark.parametrize("name", ["notes.mp4", "notes.txt"])
@pytest.mark.parametrize("text", ["just words\n" * 500, "schöne Grüße\n" * 500])
def test_text(name: str, text: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(text, encoding="utf-8")
    assert "text file" in refusal(tmp_path / name)


@pytest.mark.parametrize("ending", ["mp4", "m3u8", "ffconcat"])
@pytest.mark.parametrize(
    "text",
    [
        "#EXTM3U\n#EXT-X-TARGETDURATION:3\n#EXTINF:3,\ngood.mp4\n#EXT-X-ENDLIST\n",
        "#EXTM3U\n#EXT-X-TARGETDURATION:3\n#EXTINF:3,\nhttp://127.0.0.1:9/secret.ts\n#EXT-X-ENDLIST\n",
        "ffconcat version 1.0\nfile good.mp4\n",
    ],
)
def test_playlists_reach_no_other_file(ending: str, text: str, good: Path, tmp_path: Path) -> None:
    shutil.copy(good, tmp_path / "good.mp4")
    (tmp_path / f"list.{ending}").write_text(text)
    assert "text file" in refusal(tmp_path / f"list.{ending}")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("list.mp4", "ffconcat version 1.0\nfile pipe.ts\n"),
        ("list.m3u8", "#EXTM3U\n#EXT-X-TARGETDURATION:3\n#EXTINF:3,\npipe.ts\n#EXT-X-ENDLIST\n"),
    ],
)
def test_files_that_a_playlist_names_are_not_even_opened(name: str, text: str, tmp_path: Path) -> None:
    """A pipe would keep whoever opens it waiting."""
    os.mkfifo(tmp_path / "pipe.ts")
    (tmp_path / name).write_text(text)
    opened = threading.Event()

    def write() -> None:
        os.close(os.open(tmp_path / "pipe.ts", os.O_WRONLY))  # returns once somebody reads
        opened.set()

    writer = threading.Thread(target=write, daemon=True)
    writer.start()
    assert "playlist" in refusal(tmp_path / name)
    assert not opened.is_set()
    os.close(os.open(tmp_path / "pipe.ts", os.O_RDONLY))
    writer.join()


def test_noise(tmp_path: Path) -> None:
    (tmp_path / "noise.mp4").write_bytes(np.random.default_rng(0).bytes(60000))
    refusal(tmp_path / "noise.mp4")


def test_no_index(good: Path, tmp_path: Path) -> None:
    raw = good.read_bytes()
    (tmp_path / "cut.mp4").write_bytes(raw[: len(raw) // 2])
    assert "moov" in refusal(tmp_path / "cut.mp4")


@pytest.mark.parametrize("ending", ["jpg", "png", "webp"])
@pytest.mark.parametrize("disguised", [False, True])
def test_pictures(ending: str, disguised: bool, tmp_path: Path) -> None:
    from PIL import Image

    path = tmp_path / f"picture.{ending}"
    Image.fromarray(picture(0)).save(path)
    if disguised:
        path = path.rename(tmp_path / f"{ending}.mp4")
    assert "is a picture" in refusal(path)


def test_sound_only(sound: np.ndarray, tmp_path: Path) -> None:
    path = tmp_path / "speech.m4a"
    with av.open(str(path), "w") as container:
        voice = container.add_stream("aac", rate=48000, layout="mono")
        write_sound(container, voice, sound, 0.0)
    assert "has sound but no video" in refusal(path)


def test_cover_art_is_no_video(sound: np.ndarray, tmp_path: Path) -> None:
    from PIL import Image

    Image.fromarray(picture(0)).save(tmp_path / "cover.jpg")
    path = tmp_path / "song.mp3"
    with av.open(str(path), "w") as container, av.open(str(tmp_path / "cover.jpg")) as cover:
        voice = container.add_stream("libmp3lame", rate=48000, layout="mono")
        art = container.add_stream_from_template(cover.streams.video[0])
        art.disposition = av.stream.Disposition.attached_pic
        packet = next(cover.demux(video=0))
        packet.stream = art
        container.mux(packet)
        write_sound(container, voice, sound, 0.0)
    assert "has sound but no video" in refusal(path)


def test_unknown_codec(good: Path, tmp_path: Path) -> None:
    (tmp_path / "odd.mp4").write_bytes(good.read_bytes().replace(b"avc1", b"zzzz"))
    assert "no decoder" in refusal(tmp_path / "odd.mp4")


def test_encrypted(tmp_path: Path) -> None:
    path = write_video(
        tmp_path / "drm.mp4",
        frames=24,
        encryption_scheme="cenc-aes-ctr",
        encryption_key="76a6c65c5ea762046bd749a2e632ccbb",
        encryption_kid="a7e61c373e219033c21091fa607bf3b8",
    )
    assert "encrypted" in refusal(path)


def test_permission_denied(good: Path, tmp_path: Path) -> None:
    path = tmp_path / "locked.mp4"
    shutil.copy(good, path)
    path.chmod(0)
    if os.geteuid() != 0:
        assert "permission denied" in refusal(path)
        return
    # Root may read anything: ask as nobody.
    for folder in path.parents[:-1]:
        if folder.stat().st_uid == os.getuid() and str(folder) != "/tmp":
            folder.chmod(0o755)
    program = (
        "import os, sys\n"
        "from rewatch.memory.errors import VideoError\n"
        "from rewatch.memory.video.file import Video\n"
        "os.setgid(65534); os.setuid(65534)\n"
        "try: Video(sys.argv[1])\n"
        "except VideoError as error: print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", program, str(path)], capture_output=True, text=True)
    assert "permission denied" in done.stdout, done.stderr


@pytest.mark.parametrize("ending", ["mp4", "mkv", "ts"])
def test_cut_off_tail_is_used_as_far_as_it_goes(
    ending: str, index_first: Path, sound: np.ndarray, tmp_path: Path
) -> None:
    whole = index_first
    if ending != "mp4":
        whole = write_video(tmp_path / f"whole.{ending}", frames=144, sound=sound)
    path = tmp_path / f"cut.{ending}"
    raw = whole.read_bytes()
    path.write_bytes(raw[: len(raw) * 6 // 10])
    with Video(path) as video:
        times = video.times()
        assert 40 < len(times) < 144
        assert video.info.end <= times[-1] + 0.5, "the end is where the pictures end, not where the header says"
        if ending != "ts":
            assert video.info.damage and "header promises 6.0 s" in video.info.damage
        frames = list(video.frames(video.info.span, 8))
        assert len(frames) == len(np.arange(0, video.info.duration, 1 / 8))
        reference = list(decoding(path))
        for frame in frames:
            assert np.array_equal(frame.image, last_before(reference, frame.time))
        assert len(video.audio()) == round(video.info.duration * 16000)


@pytest.mark.parametrize("name", ["h264", "h264-no-b", "hevc", "mpeg4", "vp9-mp4"])
def test_undecodable_tail_leaves_the_last_good_frame(name: str, tmp_path: Path) -> None:
    path = write_video(tmp_path / "tail.mp4", frames=96, encoding=ENCODINGS[name])
    with av.open(str(path)) as container:
        packets = [packet for packet in container.demux(video=0) if packet.size]
        spots = [(packet.pos, packet.size) for packet in packets]
        kept = int(np.argsort([packet.pts for packet in packets])[59])  # what is shown as the sixtieth
    raw = bytearray(path.read_bytes())
    for position, size in spots[kept + 1 :]:
        raw[position : position + size] = bytes(size)
    path.write_bytes(bytes(raw))
    reference = list(decoding(path))
    assert 30 < len(reference) < 96, "the tail must be beyond decoding for this test to mean something"
    with Video(path) as video:
        assert len(video.times()) == 96
        for times in (np.arange(0, 4, 1 / 6), np.array([3.9]), np.array([2.7, 3.3])):
            for frame in video.frames_at(times):
                assert np.array_equal(frame.image, last_before(reference, frame.time)), frame


def test_damage_in_the_middle_is_passed_over(tmp_path: Path) -> None:
    path = write_video(tmp_path / "hole.mp4", frames=144)
    with av.open(str(path)) as container:
        spots = [(packet.pos, packet.size) for packet in container.demux(video=0) if packet.size]
    raw = bytearray(path.read_bytes())
    for position, size in spots[48:72]:
        raw[position : position + size] = bytes(size)
    path.write_bytes(bytes(raw))
    reference = list(decoding(path))
    with Video(path) as video:
        frames = list(video.frames_at(np.arange(0, 6, 0.25)))
        assert len(frames) == 24
        for frame in frames:
            assert np.array_equal(frame.image, last_before(reference, frame.time)), frame
        assert [round(frame.time, 2) for frame in video.keyframes()] == [0.0, 1.0, 3.0, 4.0, 5.0]


def test_nothing_decodes(good: Path, tmp_path: Path) -> None:
    with av.open(str(good)) as container:
        spots = [(packet.pos, packet.size) for packet in container.demux(video=0) if packet.size]
    raw = bytearray(good.read_bytes())
    for position, size in spots:
        raw[position : position + size] = bytes(size)
    (tmp_path / "dead.mp4").write_bytes(bytes(raw))
    assert "no picture" in refusal(tmp_path / "dead.mp4")


def test_file_that_goes_away_after_opening(good: Path, tmp_path: Path) -> None:
    path = tmp_path / "gone.mp4"
    shutil.copy(good, path)
    video = Video(path)
    path.unlink()
    with pytest.raises(VideoError, match="does not exist"):
        video.frame(1.0)


def test_wrong_frame_count_in_the_header_does_not_matter(tmp_path: Path) -> None:
    path = write_video(tmp_path / "count.avi", frames=48, encoding=ENCODINGS["mpeg4-avi"])
    raw = bytearray(path.read_bytes())
    length = raw.find(b"strh") + 8 + 32
    raw[length : length + 4] = (9999).to_bytes(4, "little")
    path.write_bytes(bytes(raw))
    with Video(path) as video:
        assert video.info.frames == 9999
        assert len(video.times()) == 48
        assert video.info.end == pytest.approx(video.times()[-1], abs=0.1)
    path = write_video(tmp_path / "silent.mkv", frames=48)
    assert Video(path).info.frames is None and len(Video(path).times()) == 48


def test_latin1_metadata(tmp_path: Path) -> None:
    path = write_video(tmp_path / "titled.mkv", frames=3)
    raw = path.read_bytes()
    path.write_bytes(raw.replace(b"Lavf", b"L\xe9vf"))
    assert Video(path).info.width == 160


def last_before(frames: list[tuple[float, np.ndarray]], time: float) -> np.ndarray:
    return [image for shown, image in frames if shown <= time + 1e-6][-1]
