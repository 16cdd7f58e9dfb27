"""Indexing a part of a video: its pieces are those of the whole, and the rest can be done later."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from rewatch.memory import ClipMemory, Span, VideoError
from rewatch.memory.ingest import parts, pipeline
from rewatch.memory.speech.transcript import Utterance, Word
from rewatch.memory.speech.windows import windows
from rewatch.memory.video.array_video import ArrayVideo

RATE = 2000
SECONDS = 120


class Tones:
    """Says how loud it was, in pieces of about ten seconds."""

    name, stamp, finds_speech, window = "tones", "tones 1", True, 10.0

    def __init__(self) -> None:
        self.heard = 0.0

    def transcribe(self, samples: np.ndarray, *, offset: float) -> list[Utterance]:
        self.heard += len(samples) / 16000
        word = Word(offset + 1, offset + 2, f"level {1000 * float(np.abs(samples).mean()):.0f}", 0.9)
        return [Utterance(word.start, word.end, word.text, (word,))]


@pytest.fixture
def film() -> ArrayVideo:
    rng = np.random.default_rng(0)
    colors = rng.integers(0, 255, (SECONDS // 5, 1, 1, 3))
    images = np.broadcast_to(colors, (SECONDS // 5, 12, 16, 3)).astype(np.uint8)
    sound = rng.normal(0, 0.02, SECONDS * RATE) * np.linspace(0.2, 1, SECONDS * RATE)
    return ArrayVideo(images, 0.2, sound=sound.astype(np.float32), sound_rate=RATE, name="film")


@pytest.fixture
def soon_rough(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(parts, "ROUGH", 20.0)
    monkeypatch.setattr(pipeline, "ROUGH", 20.0)
    yield


def rows(memory: ClipMemory) -> list[tuple]:
    """What is stored, by times instead of ids."""
    sql = (
        "SELECT u.channel, u.start_s, u.end_s, u.status, t.start_s, t.end_s, t.text, t.data, x.vector FROM units u "
        "LEFT JOIN texts t ON t.unit = u.id LEFT JOIN vectors x ON x.unit = u.id AND x.text IS t.id"
    )
    return sorted(memory.store.rows(sql), key=repr)


def made(folder: Path, film: ArrayVideo, *betweens: object) -> tuple[ClipMemory, Tones]:
    memory, ears = ClipMemory(folder, text_encoder="hashed"), Tones()
    for between in betweens:
        memory.add(film, channels=("visual", "speech"), transcriber=ears, between=between)  # type: ignore[arg-type]
    return memory, ears


def test_a_part_is_indexed_and_the_rest_is_known_to_be_missing(film: ArrayVideo, tmp_path: Path, soon_rough: None):
    memory, ears = made(tmp_path / "m", film, (62.0, 78.0))
    (record,) = memory.videos()
    assert not record.complete and not record.failures
    covered = memory.coverage(record.id).channels
    assert covered["visual"] == (Span(60, 80),)
    (heard,) = covered["speech"]
    assert heard.start <= 62 and heard.end >= 78 and ears.heard < 50
    assert [span.duration > 30 for span in memory.coverage(record.id).missing("speech")] == [True, True]
    assert [(t.start, t.end) for t in memory.texts(record.id, channel="visual")] == [(60, 70), (70, 80)]
    todo = memory.store.rows("SELECT 1 FROM units WHERE channel = 'speech' AND status = 'todo'")
    assert len(todo) == 2, "the sound of the rest is not cut up yet"


def test_parts_and_the_rest_add_up_to_the_rows_of_the_whole(film: ArrayVideo, tmp_path: Path, soon_rough: None):
    whole, ears = made(tmp_path / "whole", film, None)
    assert whole.videos()[0].complete
    wanted = rows(whole)
    pieced, both = made(tmp_path / "m", film, (0, 15), Span(61, 70), (100, None), "all")
    assert pieced.videos()[0].complete and rows(pieced) == wanted
    assert both.heard == pytest.approx(ears.heard), "nothing was heard twice"
    begun, _ = made(tmp_path / "begun", film, (None, 20), "all")
    assert rows(begun) == wanted


def test_what_was_asked_for_holds_until_all_is(film: ArrayVideo, tmp_path: Path, soon_rough: None):
    memory, ears = made(tmp_path / "m", film, (0, 15), None)
    before = ears.heard
    assert not memory.videos()[0].complete and memory.coverage("film").until("visual") == 20
    made(tmp_path / "m", film, None)
    assert ears.heard == before
    memory, _ = made(tmp_path / "m", film, "all", (0, 10), None)
    assert memory.videos()[0].complete


def test_a_channel_is_made_anew_in_the_part_alone(film: ArrayVideo, tmp_path: Path):
    memory, ears = made(tmp_path / "m", film, None)
    before, ears.heard = rows(memory), 0.0
    memory.add(film, again="speech", transcriber=ears, between=(5, 12))
    assert rows(memory) == before and 0 < ears.heard < 40


def test_bounds_may_be_moments_of_the_timeline(film: ArrayVideo, tmp_path: Path):
    memory = ClipMemory(tmp_path / "m", text_encoder="hashed")
    between = ("2026-05-03T09:00:30+02:00", "2026-05-03T09:00:40+02:00")
    memory.add(film, channels="visual", recorded="2026-05-03T09:00+02:00", between=between)
    assert memory.coverage("film").channels["visual"] == (Span(30, 40),)


def test_bounds_that_mean_nothing(film: ArrayVideo, tmp_path: Path):
    memory = ClipMemory(tmp_path / "m", text_encoder="hashed")
    with pytest.raises(VideoError, match=r"Nothing of film lies between 03:20 and 05:00: it goes from 00:00 to 02:00"):
        memory.add(film, channels="visual", between=(200, 300))
    with pytest.raises(VideoError, match="nobody knows when that was recorded"):
        memory.add(film, channels="visual", between=("2026-05-03T09:00", None))
    assert memory.videos() == [], "a video of which nothing was asked for is not there"
    for wrong in ((1,), "some", (True, 3), (float("nan"), 3)):
        with pytest.raises(ValueError, match="between is"):
            memory.add(film, channels="visual", between=wrong)


def test_pieces_of_sound_of_a_part_are_those_of_the_whole(film: ArrayVideo):
    whole = windows(film, film.info.span, 10.0)
    assert len(whole) > 9
    for part in (Span(0, 3), Span(33, 34), Span(48, 81), Span(117, 120), whole[4]):
        assert windows(film, film.info.span, 10.0, part=part) == [one for one in whole if one.overlap(part) > 0]
