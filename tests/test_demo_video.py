"""The demo video holds what its truth says: on the frames, in the sound, and at the times given."""

from __future__ import annotations

import dataclasses
import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import av
import cv2
import numpy as np
import pytest
from av.video.frame import PictureType
from hearing import speech_spans
from rewatch.memory.span import Box, Span
from rewatch.memory.video.file import Video

EXAMPLES = Path(__file__).resolve().parent.parent / "examples"
MOVIE = EXAMPLES / "demo" / "demo.mp4"
TRUTH: dict[str, Any] = json.loads((EXAMPLES / "demo" / "truth.json").read_text(encoding="utf-8"))
KINDS = {"when", "said", "written", "count", "where", "mcq", "summary", "detail", "abstain"}


@pytest.fixture(scope="module")
def render() -> Iterator[ModuleType]:
    """The module examples/render_demo.py."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(EXAMPLES))
        import render_demo

        yield render_demo


@pytest.fixture(scope="module")
def movie() -> Iterator[Video]:
    with Video(MOVIE) as video:
        yield video


def _fit(one: np.ndarray, other: np.ndarray) -> float:
    """Peak signal-to-noise ratio in dB."""
    return float(cv2.PSNR(one, other))


def _changes(one: np.ndarray, other: np.ndarray) -> list[Box]:
    """Boxes around the connected parts that differ."""
    differs = (np.abs(one.astype(int) - other).max(axis=2) > 40).astype(np.uint8)
    whole = cv2.morphologyEx(differs, cv2.MORPH_CLOSE, np.ones((15, 15), np.uint8))
    _, _, parts, _ = cv2.connectedComponentsWithStats(whole)
    height, width = differs.shape
    return [
        Box(float(x / width), float(y / height), float((x + w) / width), float((y + h) / height))
        for x, y, w, h, area in parts[1:]
        if area > 200
    ]


def _words(text: str) -> list[str]:
    return re.sub(r"[^a-z' ]", "", text.lower()).split()


def _word_errors(truth: list[str], heard: list[str]) -> int:
    """Edits (insert, delete, replace) from one list of words to the other."""
    row = list(range(len(heard) + 1))
    for word in truth:
        last, row = row, [row[0] + 1]
        for at, other in enumerate(heard):
            row.append(min(last[at + 1] + 1, row[at] + 1, last[at] + (word != other)))
    return row[-1]


# The file and its truth --------------------------------------------------------------------------------------------


def test_file_is_small_and_ordinary() -> None:
    assert MOVIE.stat().st_size <= 3_000_000
    with av.open(str(MOVIE)) as file:
        video, audio = file.streams.video[0], file.streams.audio[0]
        assert (video.codec_context.name, audio.codec_context.name) == ("h264", "aac")
        assert (video.width, video.height, video.average_rate) == (TRUTH["width"], TRUTH["height"], TRUTH["fps"])
        assert video.frames == TRUTH["duration"] * TRUTH["fps"]
        assert video.start_time == 0 and abs(audio.start_time or 0) * audio.time_base < 0.05
        assert 60 <= TRUTH["duration"] <= 100
        assert float(video.duration * video.time_base) == pytest.approx(TRUTH["duration"], abs=0.01)
        assert float(audio.duration * audio.time_base) == pytest.approx(TRUTH["duration"], abs=0.1)
        types = {PictureType(frame.pict_type).name for frame, _ in zip(file.decode(video), range(48), strict=False)}
    assert types == {"I", "P", "B"}  # B-frames: decoders must reorder


def test_questions_are_well_formed() -> None:
    questions = TRUTH["questions"]
    assert 16 <= len(questions) <= 24
    assert len({q["id"] for q in questions}) == len({q["question"] for q in questions}) == len(questions)
    assert {q["kind"] for q in questions} == KINDS
    for question in questions:
        if question["kind"] == "abstain":
            assert question["answer"] is None and question["span"] is None
            continue
        start, end = question["span"]
        assert 0 <= start < end <= TRUTH["duration"]
        assert (question["kind"] == "mcq") == bool(question["options"])
        if question["options"]:
            assert [option[:2] for option in question["options"]].count(question["answer"] + ".") == 1
        if question["kind"] == "when":
            assert [float(part) for part in question["answer"].split("-")] == pytest.approx([start, end], abs=0.01)
        else:
            assert any(accept in question["answer"].lower() for accept in question["accept"])
        for text in [*question.get("accept", []), *question.get("reject", [])]:
            assert text == text.lower() and text.strip()
        assert not any(text in str(question["answer"]).lower() for text in question.get("reject", []))


def test_reciting_everything_is_a_wrong_answer() -> None:
    everything = " ".join(item["text"] for item in [*TRUTH["texts"], *TRUTH["sentences"]]).lower()
    asked = [q for q in TRUTH["questions"] if q["kind"] in ("said", "written", "detail")]
    fooled = [q["id"] for q in asked if not any(text in everything for text in q.get("reject", []))]
    assert fooled == ["q07", "q12"]  # these two have no look-alikes in the video


def test_truth_is_what_the_story_gives(render: ModuleType) -> None:
    story, scenes = render.read_story()
    sentences = {s["id"]: (s["start"], s["end"]) for s in TRUTH["sentences"]}
    assert json.loads(json.dumps(render.truth(story, scenes, sentences))) == TRUTH


# Pictures ----------------------------------------------------------------------------------------------------------


def test_cuts_are_on_the_frame_and_pictures_are_as_drawn(render: ModuleType, movie: Video) -> None:
    story, scenes = render.read_story()
    step = 1 / TRUTH["fps"]
    times = [t for scene in scenes for t in (scene.start, scene.end - step)]
    decoded = [frame.image for frame in movie.frames_at([t + step / 4 for t in times])]
    drawn = [render.picture_at(scenes[k // 2], t, story["seed"], {}) for k, t in enumerate(times)]
    for number, (shown, wanted) in enumerate(zip(decoded, drawn, strict=True)):
        assert _fit(shown, wanted) > 30, f"frame at {times[number]:.2f} s is not the one that render_demo.py draws"
    assert [s["start"] for s in TRUTH["scenes"][1:]] == TRUTH["cuts"]
    for before, after in zip(decoded[1:-1:2], decoded[2::2], strict=True):
        assert _fit(before, after) < 20


@pytest.mark.parametrize("track", TRUTH["tracks"], ids=lambda track: track["id"])
def test_tracks_are_where_things_move(movie: Video, track: dict[str, Any]) -> None:
    scene = next(s for s in TRUTH["scenes"] if s["start"] <= track["start"] < s["end"])
    rivals = [t for t in TRUTH["tracks"] if t["id"] != track["id"]]
    alone = [b for b in track["boxes"] if not any(r["start"] < b[0] < r["end"] for r in rivals)]
    moments = alone or track["boxes"][:12]  # the yellow ball is never alone: a moment before the two meet
    time, *where = moments[len(moments) // 2]
    empty, busy = (frame.image for frame in movie.frames_at([scene["start"] + 0.5, time + 0.01]))
    found = _changes(empty, busy)
    assert any(box == pytest.approx(where, abs=0.03) for box in found)
    assert len(found) == (1 if alone else 2)
    before, after = movie.frames_at([track["start"] - 0.02, track["end"] + 0.06])
    if not any(r["start"] < track["start"] < r["end"] for r in rivals):
        assert _fit(empty, before.image) > 35
    if not any(r["start"] < track["end"] < r["end"] for r in rivals):
        assert _fit(empty, after.image) > 35


@pytest.mark.parametrize(
    "scene", [s for s in TRUTH["scenes"] if s["name"] not in ("hall", "crossing", "machine")], ids=lambda s: s["name"]
)
def test_texts_can_be_read_where_and_when_they_stand(movie: Video, scene: dict[str, Any]) -> None:
    reader = pytest.importorskip("rewatch.memory.ocr.reader").RapidReader()
    texts = [t for t in TRUTH["texts"] if scene["start"] <= t["start"] < scene["end"]]
    lines = reader.read(movie.frame(scene["end"] - 0.1).image)
    for text in texts:
        left, top, right, bottom = text["box"]
        inside = [
            line.text
            for line in lines
            if left < (line.box[0] + line.box[2]) / 2 < right and top < (line.box[1] + line.box[3]) / 2 < bottom
        ]
        assert text["text"].replace(" ", "") in "".join(inside).replace(" ", "")
    for late in [t for t in texts if t["start"] > scene["start"]]:
        left, top, right, bottom = (round(v * n) for v, n in zip(late["box"], (1280, 720, 1280, 720), strict=True))
        before, after = movie.frames_at([late["start"] - 0.02, late["start"] + 0.02])
        part = before.image[top:bottom, left:right], after.image[top:bottom, left:right]
        assert _fit(*part) < 25


def test_small_label_needs_a_crop(movie: Video) -> None:
    reader = pytest.importorskip("rewatch.memory.ocr.reader").RapidReader()
    label = next(t for t in TRUTH["texts"] if t["id"] == "serial")
    image = movie.frame(label["start"] + 3).image
    height, width = image.shape[:2]
    left, top, right, bottom = label["box"]
    crop = image[
        int((top - 0.05) * height) : int((bottom + 0.05) * height),
        int((left - 0.05) * width) : int((right + 0.05) * width),
    ]
    close = reader.read(cv2.resize(crop, None, fx=3, fy=3, interpolation=cv2.INTER_CUBIC))
    assert "K-2083" in " ".join(line.text for line in close)
    small = cv2.resize(image, (640, 360), interpolation=cv2.INTER_AREA)
    assert "2083" not in " ".join(line.text for line in reader.read(small))


# Sound -------------------------------------------------------------------------------------------------------------


def test_speech_is_where_the_truth_says(movie: Video) -> None:
    heard = speech_spans(movie, Span(0, TRUTH["duration"]))
    for sentence in TRUTH["sentences"]:
        span = Span(sentence["start"], sentence["end"])
        assert sum(part.overlap(span) for part in heard) > 0.8 * span.duration, sentence["text"]
    silent = next(s for s in TRUTH["scenes"] if s["name"] == "car")
    assert not any(part.overlap(Span(silent["start"], silent["end"])) > 0 for part in heard)


def test_sentences_begin_and_end_to_the_tenth_of_a_second(movie: Video) -> None:
    loud = np.flatnonzero(np.abs(movie.audio(rate=16000)) > 0.02) / 16000
    free = loud
    for sentence in TRUTH["sentences"]:
        start, end = sentence["start"], sentence["end"]
        inside = loud[(loud > start - 0.1) & (loud < end + 0.1)]
        assert (inside[0], inside[-1]) == pytest.approx((start, end), abs=0.1), sentence["text"]
        free = free[(free < start - 0.1) | (free > end + 0.1)]
    assert not len(free)  # nothing is heard anywhere else


def test_speech_can_be_understood(movie: Video) -> None:
    pytest.importorskip("pocketsphinx", reason="pocketsphinx is not installed (extra `offline`)")
    speech = pytest.importorskip("rewatch.memory.speech.transcriber")
    recognizer = speech.transcriber("pocketsphinx")
    errors = total = 0
    for sentence in TRUTH["sentences"]:
        if sentence["id"] not in ("twelve", "paper", "second_prize", "last_train", "hospital"):
            continue
        span = Span(sentence["start"] - 0.4, sentence["end"] + 0.4)
        words = _words(" ".join(u.text for u in speech.transcribe(movie, span, recognizer)))
        errors += _word_errors(_words(sentence["text"]), words)
        total += len(_words(sentence["text"]))
    assert errors / total <= 0.15


# Rendering again ---------------------------------------------------------------------------------------------------


@pytest.mark.skipif(shutil.which("espeak-ng") is None, reason="espeak-ng is not installed: the voice of the demo video")
def test_voice_gives_the_same_times(render: ModuleType) -> None:
    story, scenes = render.read_story()
    sound, spans = render.sound_track(story, scenes)
    assert len(sound) == TRUTH["duration"] * render.RATE
    assert 0.3 < float(np.abs(sound).max()) <= 1
    for sentence in TRUTH["sentences"]:  # other versions of espeak-ng speak a little faster or slower
        assert spans[sentence["id"]] == pytest.approx((sentence["start"], sentence["end"]), abs=0.4)


def test_rendering_is_deterministic(render: ModuleType, tmp_path: Path) -> None:
    story, scenes = render.read_story()
    ball = next(scene for scene in scenes if scene.name == "ball")
    later = [dataclasses.replace(thing, path=((0.0, 200.0, 478.0), (1.0, 900.0, 478.0))) for thing in ball.things]
    short = [dataclasses.replace(ball, start=0.0, seconds=1, things=tuple(later))]
    sound = np.zeros(render.RATE, dtype=np.float32)
    for name in ("one.mp4", "two.mp4"):
        render.encode(tmp_path / name, story, short, sound)
    assert (tmp_path / "one.mp4").read_bytes() == (tmp_path / "two.mp4").read_bytes()
