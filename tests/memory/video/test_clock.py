"""One clock: subtitles, sound and pictures of a file lie where players put them (docs/clock.md)."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import numpy as np
import pytest
from hearing import CUES, PICTURES, TellsTones, ears, film, srt, tone
from media_files import needs_ffmpeg, run_ffmpeg, write_video
from rewatch.memory import ClipMemory, MediaURI, Span, clock
from rewatch.memory.ingest.speech_channel import shift_of
from rewatch.memory.speech.subtitles import Cue
from rewatch.memory.video.array_video import ArrayVideo
from rewatch.memory.video.file import Video

__all__ = ["ears"]

ENCODE = ("-c:v", "libx264", "-preset", "ultrafast", "-c:a", "aac")


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """12 s of pictures and sound from zero on."""
    return film(tmp_path_factory.mktemp("base") / "base.mp4", [(440, {}, "default")])


def said(path: Path, folder: Path, **settings: object) -> tuple[float, list[tuple[float, str]], tuple[str, ...]]:
    """Where the video begins, its words with their starts, and the notes."""
    with ClipMemory(folder, text_encoder="hashed") as memory:
        record = memory.add(path, channels=("speech",), workers=0, **settings)
        texts = memory.texts(record.id, channel="speech")
        assert not record.failures
        return record.start, [(text.start, text.text) for text in texts], record.notes


@needs_ffmpeg
@pytest.mark.parametrize(
    ("name", "how"),
    [
        ("at-zero.mp4", ()),
        ("transport.ts", ()),
        ("recorder.ts", ("-output_ts_offset", "95000")),
        ("late.mp4", ("-output_ts_offset", "600")),
        ("late.mkv", ("-output_ts_offset", "600")),
        ("fragments.mp4", ("-movflags", "frag_keyframe+empty_moov")),
    ],
)
def test_lines_beside_a_file_count_from_its_beginning(
    name: str, how: tuple[str, ...], base: Path, tmp_path: Path, ears: None
) -> None:
    path = tmp_path / name
    run_ffmpeg("-i", base, "-c", "copy", *how, path)
    srt(path.with_suffix(".srt"), CUES)
    start, words, notes = said(path, tmp_path / "m")
    assert [text for _, text in words] == ["one", "three", "eight"]
    # A player's time of a line is counted from the first picture or sound.
    assert [at - start for at, _ in words] == pytest.approx([1, 3, 8], abs=0.06)
    assert bool(notes) is (start > 0.5), notes


@needs_ffmpeg
@pytest.mark.parametrize("ending", ["mkv", "ts", "mp4"])
def test_sound_before_the_first_picture_is_heard_and_its_lines_are_kept(
    ending: str, tmp_path: Path, ears: None
) -> None:
    path = tmp_path / f"early.{ending}"
    maps = ("-map", "0", "-map", "1", *ENCODE)
    if ending == "mp4":  # an edit list delays the pictures
        run_ffmpeg(*PICTURES, "-c:v", "libx264", "-preset", "ultrafast", tmp_path / "p.mp4")
        run_ffmpeg(*tone(440, 17), "-c:a", "aac", tmp_path / "s.m4a")
        run_ffmpeg("-itsoffset", "5", "-i", tmp_path / "p.mp4", "-i", tmp_path / "s.m4a", "-c", "copy", path)
    else:
        run_ffmpeg("-itsoffset", "5", *PICTURES, *tone(440, 17), *maps, "-fps_mode", "passthrough", path)
    with Video(path) as video:
        info = video.info
        assert info.seen_from - info.start == pytest.approx(5, abs=0.2)
        assert info.duration == pytest.approx(17, abs=0.2)
        assert np.abs(video.audio(Span(info.start + 0.1, info.start + 3))).max() > 0.05
        assert video.frame(info.start).time == pytest.approx(info.seen_from, abs=1e-6)
    start, words, _ = said(path, tmp_path / "m")
    assert words[0][0] - start < 0.1
    srt(path.with_suffix(".srt"), CUES)
    start, words, _ = said(path, tmp_path / "n")
    assert [at - start for at, _ in words] == pytest.approx([1, 3, 8], abs=0.1)


def test_clips_begin_with_the_first_picture_and_pictures_are_looked_at_from_there(tmp_path: Path) -> None:
    sound = (0.3 * np.sin(np.arange(48000 * 23) / 20)).astype(np.float32)
    path = write_video(tmp_path / "early.mkv", frames=40, fps=4, start=13.0, sound=sound, sound_start=-13.0)
    with ClipMemory(tmp_path / "m", text_encoder="hashed") as memory:
        record = memory.add(path, channels=("visual", "speech"), workers=0, transcriber=TellsTones())
        first = record.start
        assert [round(clip.start - first) for clip in memory.clips(record.id)] == [0, 10, 13]
        assert record.start == pytest.approx(0, abs=0.05)
        looked = memory.store.rows("SELECT start_s FROM units WHERE channel = 'visual' ORDER BY 1")
        assert [round(row[0] - first) for row in looked] == [13], "before the first picture there is nothing to see"
        (text,) = memory.texts(record.id, channel="speech")
        assert text.start - first < 0.1


def test_padding_of_encoders_is_no_sound_before_the_picture(tmp_path: Path) -> None:
    sound = (0.3 * np.sin(np.arange(48000 * 3) / 20)).astype(np.float32)
    path = write_video(tmp_path / "padded.mkv", sound=sound, start=2.0, sound_start=-0.05)
    info = Video(path).info
    assert info.start == info.seen_from == pytest.approx(2.0, abs=1e-3) and info.zero == pytest.approx(1.95, abs=0.03)


@needs_ffmpeg
def test_sound_that_starts_later_than_the_picture(tmp_path: Path, ears: None) -> None:
    path = tmp_path / "later.mkv"
    run_ffmpeg(*PICTURES, "-itsoffset", "4", *tone(440, 8), "-map", "0", "-map", "1", *ENCODE, path)
    srt(path.with_suffix(".srt"), CUES)
    assert [at for at, _ in said(path, tmp_path / "m")[1]] == pytest.approx([1, 3, 8], abs=0.05)
    path.with_suffix(".srt").unlink()
    assert said(path, tmp_path / "n")[1][0][0] == pytest.approx(4, abs=0.1)


@needs_ffmpeg
def test_a_video_that_begins_before_zero(base: Path, tmp_path: Path, ears: None) -> None:
    path = tmp_path / "negative.mkv"
    run_ffmpeg("-itsoffset", "-2", "-i", base, "-c", "copy", "-copyts", "-avoid_negative_ts", "disabled", path)
    srt(path.with_suffix(".srt"), CUES)
    start, words, _ = said(path, tmp_path / "m")
    assert start == pytest.approx(-2, abs=0.05)
    assert [at - start for at, _ in words] == pytest.approx([1, 3, 8], abs=0.05)
    uri = str(MediaURI("abc", Span(-1.5, 0.25)))
    assert MediaURI.parse(uri).span == Span(-1.5, 0.25) and MediaURI.find_all(f"see {uri}.") == [MediaURI.parse(uri)]
    assert clock(-1.5) == "-00:01.5" and clock(-0.01) == "00:00"


@needs_ffmpeg
@pytest.mark.parametrize("name", ["inside.mkv", "inside.mp4"])
def test_lines_inside_a_file_lie_on_its_own_clock(name: str, tmp_path: Path, ears: None) -> None:
    film(tmp_path / f"zero-{name}", [(440, {}, "default")], [(CUES, {}, "default")])
    run_ffmpeg("-i", tmp_path / f"zero-{name}", "-map", "0", "-c", "copy", "-output_ts_offset", "300", tmp_path / name)
    start, words, _ = said(tmp_path / name, tmp_path / "m")
    assert start == pytest.approx(300, abs=0.05)
    assert [at for at, _ in words] == pytest.approx([301, 303, 308], abs=0.06)


def test_lines_that_only_fit_the_files_own_clock_are_taken_so() -> None:
    info = ArrayVideo(np.zeros((24, 8, 8, 3), np.uint8), 2, start=600.0).info
    assert shift_of([Cue(1, 2, "a"), Cue(9, 10, "b")], info) == 600.0
    assert shift_of([Cue(601, 602, "a"), Cue(609, 610, "b")], info) == 0.0
    assert shift_of([Cue(5000, 5001, "a")], info) == 600.0, "neither fits"
    late = ArrayVideo(np.zeros((24, 8, 8, 3), np.uint8), 2, start=5.0).info
    assert shift_of([Cue(1, 2, "a"), Cue(8, 9, "b")], late) == 5.0
    assert shift_of([Cue(6, 7, "a"), Cue(15, 16, "b")], late) == 0.0


@needs_ffmpeg
def test_a_memory_of_before_hears_the_beginning_when_it_is_added_again(tmp_path: Path, ears: None) -> None:
    sound = (0.3 * np.sin(np.arange(48000 * 14) / 20)).astype(np.float32)
    path = write_video(tmp_path / "early.mkv", frames=36, fps=4, start=5.0, sound=sound, sound_start=-5.0)
    with ClipMemory(tmp_path / "m", text_encoder="hashed") as memory:
        id_ = memory.add(path, channels=("visual", "speech"), workers=0).id
        whole = [(text.start, text.text) for text in memory.texts(id_, channel="speech")]
    # As it was stored when videos began with their first picture.
    with sqlite3.connect(tmp_path / "m" / "memory.sqlite") as db:
        (info,) = db.execute("SELECT info FROM videos").fetchone()
        facts = {key: json.loads(info)[key] for key in ("width", "height", "fps", "codec", "has_audio")}
        db.execute("UPDATE videos SET start_s = 5.0, checked = '', info = ?", (json.dumps(facts),))
        db.execute("DELETE FROM clips WHERE start_s < 5")
        db.execute("UPDATE units SET start_s = 5.0 WHERE channel = 'speech'")
        db.execute("DELETE FROM texts WHERE channel = 'speech'")
    with ClipMemory(tmp_path / "m", text_encoder="hashed") as memory:
        assert memory.video(id_).start == 5.0 and memory.search("tone") is not None
        record = memory.add(path, channels=("visual", "speech"), workers=0)
        assert record.start == pytest.approx(0, abs=0.05) and record.complete
        assert [(text.start, text.text) for text in memory.texts(id_, channel="speech")] == whole
        assert memory.clips(id_)[0].start == record.start
