"""Which sound track and which subtitle stream is taken, and that it is said."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest
from hearing import CUES, TellsTones, ears, film, srt, tone
from media_files import needs_ffmpeg, run_ffmpeg
from rewatch.memory import ClipMemory, VideoError, VideoRecord
from rewatch.memory.ingest.speech_channel import find_subtitles
from rewatch.memory.ingest.stream_choice import rank_subtitles
from rewatch.memory.ingest.worker import WorkerModels
from rewatch.memory.protocol import SubtitleStream
from rewatch.memory.speech.languages import language_code, same_language
from rewatch.memory.video.file import Video

__all__ = ["ears"]

ENGLISH = [(float(n), n + 0.5, word) for n, word in enumerate("one two three four five six seven eight".split(), 1)]
GERMAN = [(float(n), n + 0.5, word) for n, word in enumerate("eins zwei drei vier fuenf sechs sieben acht".split(), 1)]
SIGN = [(2.0, 3.0, "[STATION]")]


def heard(path: Path, folder: Path, **settings: object) -> tuple[str, VideoRecord]:
    """The words of a video, and its record."""
    with ClipMemory(folder, text_encoder="hashed") as memory:
        record = memory.add(path, channels=("speech",), workers=0, **settings)
        return " ".join(text.text for text in memory.texts(record.id, channel="speech")), record


@needs_ffmpeg
@pytest.mark.parametrize(
    ("sounds", "taken"),
    [
        ([(0, {}, "default"), (440, {}, "")], 2),
        ([(440, {}, ""), (0, {}, "default")], 1),
        ([(440, {"title": "Director's Commentary"}, "default"), (880, {}, "")], 2),
        ([(440, {}, "default+visual_impaired"), (440, {}, "comment"), (880, {}, "")], 3),
        ([(440, {"language": "ger"}, ""), (880, {"language": "eng"}, "default")], 2),
    ],
    ids="silent-first silent-default commentary dispositions default".split(),
)
def test_the_sound_track_in_which_something_is_said(
    sounds: list[tuple[int, dict[str, str], str]], taken: int, tmp_path: Path, ears: None
) -> None:
    path = film(tmp_path / "film.mkv", sounds)
    words, record = heard(path, tmp_path / "m")
    assert words == str(sounds[taken - 1][0])
    assert record.audio == taken and f"sound track {taken}" in record.notes[0] and "--audio" in record.notes[0]
    with ClipMemory(tmp_path / "m", text_encoder="hashed") as memory:
        opened = memory.open(record.id)
        assert isinstance(opened, Video) and opened.info.sound_track == taken
        assert np.abs(opened.audio()).max() > 0.01, "tools hear the same track"


@needs_ffmpeg
def test_subtitles_in_another_language_than_a_silent_track(tmp_path: Path, ears: None) -> None:
    path = film(tmp_path / "mute.mkv", [(0, {"language": "eng"}, "default")], [(GERMAN, {"language": "ger"}, "")])
    words, record = heard(path, tmp_path / "m")
    assert words.startswith("eins zwei") and "another language" in " ".join(record.notes)


@needs_ffmpeg
def test_all_tracks_silent_and_one_that_is_faint(tmp_path: Path, ears: None) -> None:
    words, record = heard(film(tmp_path / "hush.mkv", [(0, {}, "default"), (0, {}, "")]), tmp_path / "m")
    assert words == "" and record.complete and "which is silent" in record.notes[0]
    inputs = (*tone(0), *tone(440, volume=0.004))
    path = tmp_path / "faint.mkv"
    picture = film(tmp_path / "p.mkv", [])
    run_ffmpeg("-i", picture, *inputs, "-map", "0", "-map", "1", "-map", "2", "-c:v", "copy", "-c:a", "aac", path)
    words, record = heard(path, tmp_path / "n")
    assert words == "440" and record.audio == 2
    assert "1 silent" in record.notes[0]


@needs_ffmpeg
def test_a_track_is_chosen_by_number_language_or_title(tmp_path: Path, ears: None) -> None:
    sounds = [
        (440, {"language": "ger"}, "default"),
        (880, {"language": "eng", "title": "Commentary"}, ""),
        (660, {"language": "eng"}, ""),
    ]
    path = film(tmp_path / "film.mkv", sounds)
    with ClipMemory(tmp_path / "m", text_encoder="hashed") as memory:
        for wish, pitch in (
            ({}, "440"), ({"audio": 2}, "880"), ({"audio": "3"}, "660"), ({"audio": "English"}, "660"),
            ({"audio": "commentary"}, "880"), ({"language": "en"}, "660"), ({"language": "de"}, "440"),
        ):  # fmt: skip
            record = memory.add(path, channels=("speech",), workers=0, **wish)  # type: ignore[arg-type]
            assert [text.text for text in memory.texts(record.id, channel="speech")] == [pitch], wish
        for wrong in (4, "0", "fr", ""):
            with pytest.raises(VideoError, match=r"There are: 1 \(ger\); 2 \(eng, “Commentary”\); 3 \(eng\)"):
                memory.add(path, channels=("speech",), workers=0, audio=wrong)


@needs_ffmpeg
def test_a_recognizer_of_english_is_given_english(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    only = TellsTones()
    only.multilingual = False  # type: ignore[attr-defined]
    monkeypatch.setattr(WorkerModels, "transcriber", only)
    path = film(tmp_path / "film.mkv", [(440, {"language": "ger"}, "default"), (880, {"language": "eng"}, "")])
    assert heard(path, tmp_path / "m")[0] == "880"


@needs_ffmpeg
@pytest.mark.parametrize(("language", "knows_more", "told"), [("ger", False, True), ("ger", True, False),
                                                              ("eng", False, False), (None, False, False)])  # fmt: skip
def test_sound_in_a_language_that_the_recognizer_does_not_know_is_told(
    language: str | None, knows_more: bool, told: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ears = TellsTones()
    ears.multilingual = knows_more  # type: ignore[attr-defined]
    monkeypatch.setattr(WorkerModels, "transcriber", ears)
    path = film(tmp_path / "film.mkv", [(440, {"language": language} if language else {}, "default")])
    notes = heard(path, tmp_path / "m")[1].notes
    assert any("marked as ger" in note and "--transcriber" in note for note in notes) is told, notes


SUBTITLES = {
    "forced first": ([(SIGN, {"language": "eng"}, "default+forced"), (ENGLISH, {"language": "eng"}, "")], 2),
    "forced by title": ([(ENGLISH[:3], {"title": "English (forced)"}, "default"), (ENGLISH, {}, "")], 2),
    "foreign first": ([(GERMAN, {"language": "ger"}, "default"), (ENGLISH, {"language": "eng"}, "")], 2),
    "few lines first": ([(SIGN, {"language": "eng"}, "default"), (ENGLISH, {"language": "eng"}, "")], 2),
    "for the hard of hearing": (
        [(ENGLISH, {"language": "eng"}, "default+hearing_impaired"), (ENGLISH, {"language": "eng"}, "")], 2
    ),
    "commentary": ([(GERMAN, {"title": "Commentary"}, "default"), (ENGLISH, {}, "")], 2),
    "default second": ([(GERMAN, {}, ""), (ENGLISH, {}, "default")], 2),
    "only foreign": ([(GERMAN, {"language": "ger"}, "default")], 0),
    "only forced": ([(SIGN, {"language": "eng"}, "forced")], 0),
}  # fmt: skip


@needs_ffmpeg
@pytest.mark.parametrize("case", SUBTITLES)
def test_the_subtitles_that_hold_what_is_said(case: str, tmp_path: Path, ears: None) -> None:
    streams, taken = SUBTITLES[case]
    path = film(tmp_path / "film.mp4" if case == "forced first" else tmp_path / "film.mkv", [
        (440, {"language": "eng"}, "default"),
    ], streams)  # fmt: skip
    words, record = heard(path, tmp_path / "m")
    if taken:
        assert words == " ".join(text for *_, text in ENGLISH)
        assert any(f"subtitle stream {taken}" in note and "--subtitle-stream" in note for note in record.notes)
    else:
        assert words == "440" and "listened to instead" in record.notes[0]


@needs_ffmpeg
def test_a_subtitle_stream_that_was_asked_for(tmp_path: Path, ears: None) -> None:
    streams = [(GERMAN, {"language": "ger"}, "default"), (ENGLISH, {"language": "eng"}, "")]
    path = film(tmp_path / "film.mkv", [(440, {"language": "eng"}, "default")], streams)
    for wish in ({"subtitle_stream": 1}, {"subtitle_stream": "German"}, {"language": "de"}):
        words, record = heard(path, tmp_path / str(wish), **wish)
        assert words == " ".join(text for *_, text in GERMAN) and record.notes
    with pytest.raises(VideoError, match="no subtitle stream '3'"):
        heard(path, tmp_path / "m", subtitle_stream=3)
    with pytest.raises(ValueError, match="not both"):
        heard(path, tmp_path / "m", subtitle_stream=1, subtitles=srt(tmp_path / "x.srt", CUES))


@needs_ffmpeg
def test_subtitles_that_are_pictures_are_named_and_passed_over(tmp_path: Path, ears: None) -> None:
    def segment(kind: int, seconds: int, data: bytes = b"") -> bytes:
        return b"PG" + struct.pack(">IIBH", seconds * 90000, 0, kind, len(data)) + data

    shown = struct.pack(">HHBHBBBB", 64, 64, 0x10, 1, 0x80, 0, 0, 0)
    (tmp_path / "s.sup").write_bytes(b"".join(segment(0x16, at, shown) + segment(0x80, at) for at in (1, 3, 5)))
    plain = film(tmp_path / "plain.mkv", [(440, {}, "default")])
    path = tmp_path / "film.mkv"
    run_ffmpeg("-i", plain, "-i", tmp_path / "s.sup", "-map", "0", "-map", "1", "-c", "copy", path)
    words, record = heard(path, tmp_path / "m")
    assert words == "440" and "pictures of words" in record.notes[0]
    with pytest.raises(VideoError, match="pictures of words"):
        heard(path, tmp_path / "n", subtitle_stream=1)
    both = tmp_path / "both.mkv"
    lines = srt(tmp_path / "lines.txt.srt", CUES)
    run_ffmpeg("-i", path, "-i", lines, "-map", "0", "-map", "1", "-c", "copy", "-c:s:1", "srt", both)
    assert heard(both, tmp_path / "o")[0] == "one three eight"


@needs_ffmpeg
def test_files_beside_a_video_by_language_and_use(tmp_path: Path, ears: None) -> None:
    path = film(tmp_path / "talk.mkv", [(440, {}, "default")])
    forced = srt(tmp_path / "talk.en.forced.srt", SIGN)
    words, record = heard(path, tmp_path / "m0")
    assert words == "440" and "forced" in record.notes[0]
    srt(tmp_path / "talk.de.srt", GERMAN[:1])
    srt(tmp_path / "talk.en.srt", ENGLISH[:1])
    assert heard(path, tmp_path / "m1")[0] == "one"
    assert heard(path, tmp_path / "m2", language="de")[0] == "eins"
    words, record = heard(path, tmp_path / "m3", language="fr")
    assert words == "440" and "talk.en.srt is in en" in record.notes[0]
    forced.unlink()


def test_without_a_recognizer_the_weaker_subtitles_are_better_than_nothing() -> None:
    streams = [SubtitleStream(3, "subrip", "ger", 1), SubtitleStream(4, "subrip", "eng", 2, "", frozenset({"forced"}))]
    ranked = rank_subtitles(streams, {3: 8, 4: 2}, "eng")
    assert [(one.stream.number, one.partial, one.foreign) for one in ranked] == [(1, False, True), (2, True, False)]


@needs_ffmpeg
def test_what_cannot_be_listened_to_is_read(tmp_path: Path) -> None:
    path = film(tmp_path / "mute.mkv", [], [(GERMAN, {"language": "ger"}, "default")])
    subtitles, notes = find_subtitles(Video(path).info, None, language="eng")
    assert subtitles is not None and subtitles.embedded == 0 and "another language" in notes[-1]


def test_languages_by_any_name() -> None:
    assert {language_code(name) for name in ("de", "ger", "deu", "de-AT", "German", "DEU", "de_CH")} == {"de"}
    assert same_language("fre", "fr") and not same_language("fre", "fry") and not same_language(None, None)
    assert language_code("tlh") == "tlh"
