"""Whisper through faster-whisper, with a real model of CTranslate2's that has never learned anything."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from rewatch.memory import speech
from rewatch.memory.array_video import ArrayVideo
from rewatch.memory.errors import CapabilityError
from rewatch.memory.whisper_guard import without_loops
from rewatch.memory.whisper_speech import Whisper
from rewatch.memory.words import Word, in_order
from whisper_model import make_whisper

RATE = 16000


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Whisper of one layer with random weights, converted by `ct2-transformers-converter`."""
    pytest.importorskip("torch")
    return make_whisper(tmp_path_factory.mktemp("whisper"))


def test_a_model_on_disk_runs(model: Path) -> None:
    ears = speech.transcriber(str(model))
    assert isinstance(ears, Whisper) and ears.stamp.startswith("faster-whisper") and str(model) not in ears.stamp
    # Bursts of harmonics, which the voice detector inside faster-whisper takes for speech or not; both must hold.
    time = np.arange(6 * RATE) / RATE
    voice = sum(np.sin(2 * np.pi * 120 * k * time) / k for k in range(1, 20)) * (np.sin(2 * np.pi * 3 * time) > 0) * 0.2
    heard = ears.transcribe(voice.astype(np.float32), offset=100.0)
    words = [word for utterance in heard for word in utterance.words]
    assert all(100 <= word.start < word.end <= 106 for word in words)
    assert all(a.end <= b.start for a, b in zip(words, words[1:], strict=False))
    assert heard == ears.transcribe(voice.astype(np.float32), offset=100.0)


def test_nothing_is_invented_in_silence(model: Path) -> None:
    ears = speech.transcriber(str(model))
    quiet = np.random.default_rng(0).normal(0, 1e-3, 5 * RATE).astype(np.float32)
    assert ears.transcribe(quiet, offset=0.0) == [] and ears.transcribe(quiet[:10], offset=0.0) == []
    video = ArrayVideo([np.zeros((4, 4, 3), np.uint8)], 1, sound=quiet)
    assert speech.transcribe(video, video.info.span, ears) == []


def test_a_folder_that_is_no_model(tmp_path: Path) -> None:
    with pytest.raises(CapabilityError, match="cannot be loaded"):
        speech.transcriber(str(tmp_path))


def words(text: str) -> list[Word]:
    return [Word(place, place + 1, word, 0.5) for place, word in enumerate(text.split())]


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("no no no stop", "no no no stop"),
        ("Thank you. Thank you! thank you Thank you. Thank you. Bye", "Thank you. Bye"),
        ("so " + "the end of " * 40 + "the road", "so the end of the road"),
        ("a b c d", "a b c d"),
        ("", ""),
    ],
)
def test_loops_are_cut(said: str, kept: str) -> None:
    assert [word.text for word in without_loops(words(said))] == kept.split()


def test_times_never_go_back() -> None:
    jumbled = [
        Word(0, 1, "a", 0.5),
        Word(0.5, 2, "b", 1.5),
        Word(1, 1.5, "c", 0.5),
        Word(3, 99, "d", 0.5),
        Word(7, 8, "e", 0.5),
    ]
    ordered = in_order(jumbled, 0.0, 5.0)
    assert ordered == [Word(0, 1, "a", 0.5), Word(1, 2, "b", 1.0), Word(3, 5, "d", 0.5)]
