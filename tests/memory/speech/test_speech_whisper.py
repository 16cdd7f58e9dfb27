"""Whisper through faster-whisper, with a real tiny model of CTranslate2's that knows four sentences by heart."""

from __future__ import annotations

import pickle
import shutil
import subprocess
import wave as wavefile
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from faster_whisper import WhisperModel, decode_audio
from hearing import speech_spans
from rewatch.memory import ClipMemory
from rewatch.memory.errors import CapabilityError
from rewatch.memory.span import Span
from rewatch.memory.speech import transcriber as speech
from rewatch.memory.speech.transcript import Word
from rewatch.memory.speech.whisper import SETTINGS, Whisper, model_and_language
from rewatch.memory.video.array_video import ArrayVideo
from whisper_model import make_whisper

pytestmark = pytest.mark.slow  # a trained model is put together first

RATE = 16000
SENTENCES = (
    "The budget for next year is ten million.",
    "Please put the red cup on the kitchen table.",
    "Our train leaves from the central station at nine.",
    "Nobody knew where the little dog had gone.",
)
Said = list[tuple[np.ndarray, str]]


@pytest.fixture(scope="session")
def said(tmp_path_factory: pytest.TempPathFactory) -> Said:
    """Four sentences as espeak-ng says them."""
    if shutil.which("espeak-ng") is None:
        pytest.skip("needs the espeak-ng command to speak known words")
    path = tmp_path_factory.mktemp("said") / "said.wav"
    found = []
    for text in SENTENCES:
        subprocess.run(["espeak-ng", "-v", "en-us", "-s", "140", "-w", str(path), text], check=True)
        found.append((decode_audio(str(path)), text))
    return found


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory, said: Said) -> Path:
    """A Whisper that says one of the four sentences to whatever it hears."""
    pytest.importorskip("torch")
    return make_whisper(tmp_path_factory.mktemp("whisper"), said=said, steps=110)


@pytest.fixture(scope="session")
def ears(model: Path) -> Whisper:
    return Whisper(str(model))


def hush(seconds: float, level: float = 1e-3) -> np.ndarray:
    return np.random.default_rng(0).normal(0, level, round(seconds * RATE)).astype(np.float32)


def music(seconds: float) -> np.ndarray:
    time = np.arange(round(seconds * RATE)) / RATE
    notes = 220 * 2 ** (np.floor(time * 3) % 7 / 12)
    return (0.2 * np.sin(2 * np.pi * notes * time) * (1 - time * 3 % 1)).astype(np.float32)


def video(*parts: np.ndarray, start: float = 0.0) -> ArrayVideo:
    return ArrayVideo([np.zeros((4, 4, 3), np.uint8)], 1, sound=np.concatenate(parts), start=start)


def text_of(utterances: list[speech.Utterance]) -> str:
    return " ".join(word.text for each in utterances for word in each.words)


def bare(model: Path, sound: np.ndarray, **settings: Any) -> list[Any]:
    plain = WhisperModel(str(model), compute_type="float32")
    segments, _ = plain.transcribe(sound, **{"vad_filter": True, **SETTINGS, **settings})
    return [word for segment in segments for word in segment.words]


def test_a_real_model_runs_from_end_to_end(ears: Whisper, said: Said) -> None:
    for sound, _ in said:
        (heard,) = ears.transcribe(sound, offset=100.0)
        assert any(text.startswith(heard.text) for text in SENTENCES), "its own words, in their order"
        assert heard.language == "en" and heard.exact and len(heard.words) > 3
        assert 100 <= heard.start < heard.end <= 100 + len(sound) / RATE
        assert heard == ears.transcribe(sound, offset=100.0)[0]


def test_word_for_word_what_faster_whisper_says(
    model: Path, ears: Whisper, said: Said, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same words with the same times, over pauses, in one window of Whisper's and in several."""
    generator = np.random.default_rng(3)
    words = 0
    for count in (1, 3, 5, 14):
        order = generator.integers(0, 4, count)
        sound = np.concatenate([part for n in order for part in (said[n][0], hush(generator.uniform(0.3, 4.0)))])
        expected = bare(model, sound)
        believed = ears.transcribe(sound, offset=0.0)
        with monkeypatch.context() as patch:  # what the guard is given
            patch.setattr(
                "rewatch.memory.speech.whisper.plausible_words",
                lambda windows, _: [w for one in windows for w in one.words],
            )
            patch.setattr("rewatch.memory.speech.whisper.without_pauses", lambda words, _: words)
            heard = [w for each in ears.transcribe(sound, offset=0.0) for w in each.words]
        words += len(heard)
        assert [w.text for w in heard] == [w.word.strip() for w in expected]
        # Times that go past a joint of two pieces are cut there; the others are the same to the hundredth.
        off = [0.0] + [abs(ours.end - theirs.end) for ours, theirs in zip(heard, expected, strict=True)]
        assert np.quantile(off, 0.8) <= 0.011
        # The tiny model's times are none: what it puts into pauses goes, and nothing else.
        left = iter(w.word.strip() for w in expected)
        assert all(word.text in left for each in believed for word in each.words)
    assert words >= 24


@pytest.mark.parametrize("sound", [hush(8, 0.0), hush(8), hush(8, 0.1), music(8)], ids="zero faint loud music".split())
def test_nothing_is_invented_where_nobody_speaks(model: Path, ears: Whisper, sound: np.ndarray) -> None:
    invented = bare(model, sound, vad_filter=False)
    assert len(invented) >= 8, "by itself the model invents a sentence"
    assert ears.transcribe(sound, offset=0.0) == [] == ears.transcribe(sound[:10], offset=0.0)
    clip = video(sound)
    assert speech.transcribe(clip, clip.info.span, ears) == []


def test_words_lie_where_somebody_speaks(ears: Whisper, said: Said) -> None:
    sound = np.concatenate([hush(9), said[0][0], hush(21), music(6), said[1][0], hush(3)])
    clip = video(sound, start=7300.0)  # late in a long video
    spoken = speech_spans(clip, clip.info.span)
    words = [w for each in speech.transcribe(clip, clip.info.span, ears) for w in each.words]
    assert words and all(any(s.start - 0.5 <= w.start <= w.end <= s.end + 0.5 for s in spoken) for w in words)
    assert all(a.end <= b.start for a, b in pairwise(words))


class Fabricated:
    """Stands where faster-whisper's model does, and says what it is told."""

    language = ""

    def __init__(self, say: Callable[[float], list[tuple[str, float, float]]], **segment: Any) -> None:
        self.say, self.segment, self.asked = say, segment, []

    def transcribe(self, samples: np.ndarray, **settings: Any) -> tuple[list[Any], Any]:
        self.asked.append(settings)
        words = [
            SimpleNamespace(word=f" {w}", start=a, end=b, probability=0.9) for w, a, b in self.say(len(samples) / RATE)
        ]
        row = {"seek": 0, "no_speech_prob": 0.01, "avg_logprob": -0.2, "words": words, **self.segment}
        self.language = settings["language"] or "en"
        return iter([SimpleNamespace(**row)]), SimpleNamespace(language=self.language)


def fabricated(ears: Whisper, model: Fabricated, monkeypatch: pytest.MonkeyPatch) -> Whisper:
    monkeypatch.setitem(ears.__dict__, "model", model)
    return ears


def spread(text: str, seconds: float) -> list[tuple[str, float, float]]:
    words = text.split()
    step = seconds / len(words)
    return [(word, n * step, (n + 1) * step) for n, word in enumerate(words)]


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("We begin. " + "Thank you. " * 60, "We begin. Thank you."),
        ("so " + "the end of " * 40 + "the road", "so the end of the road"),
        ("one two " + "a very long phrase of more than a dozen words that comes again and again " * 5,
         "one two a very long phrase of more than a dozen words that comes again and again"),
        ("no no no stop", "no no no stop"),  # people do say it three times
    ],
)  # fmt: skip
def test_loops_are_cut(ears: Whisper, said: Said, written: str, kept: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """faster-whisper #506: repetition with high confidence, with a voice detector too."""
    model = Fabricated(lambda seconds: spread(written, seconds - 0.6))
    clip = video(said[0][0], said[1][0])
    assert text_of(speech.transcribe(clip, clip.info.span, fabricated(ears, model, monkeypatch))) == kept


def test_what_was_said_before_is_no_prompt(ears: Whisper, said: Said, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whisper-WebUI #564, #534: from an hour on, one loop feeds the next."""
    model = Fabricated(lambda seconds: spread("hello there", seconds))
    fabricated(ears, model, monkeypatch).transcribe(said[0][0], offset=0.0)
    assert model.asked[0]["condition_on_previous_text"] is False


def test_words_in_left_over_sound_are_dropped(ears: Whisper, said: Said, monkeypatch: pytest.MonkeyPatch) -> None:
    """faster-whisper PR #1395: text is made up for the rest of the sound, behind the last word."""
    # Pauses of less than two seconds are left in, so that the model's clock is that of the sound.
    sound = np.concatenate([said[0][0], hush(1.2), said[1][0], hush(1.0)])
    real = spread("the budget for next year", len(said[0][0]) / RATE - 0.4)
    second, end = len(said[0][0]) / RATE + 1.2, len(sound) / RATE
    made_up = [("thanks", second - 0.65, second - 0.45), ("for", end - 0.4, end - 0.2), ("watching", end - 0.2, end)]
    model = Fabricated(lambda _: [*real, *made_up])
    assert text_of(fabricated(ears, model, monkeypatch).transcribe(sound, offset=0.0)) == "the budget for next year"


def test_what_the_model_holds_for_silence_is_dropped(
    ears: Whisper, said: Said, monkeypatch: pytest.MonkeyPatch
) -> None:
    def model(no_speech: float, probability: float) -> Fabricated:
        made = Fabricated(lambda seconds: spread("thank you", seconds), no_speech_prob=no_speech)
        transcribe = made.transcribe

        def unsure(samples: np.ndarray, **settings: Any) -> Any:
            segments, info = transcribe(samples, **settings)
            segments = list(segments)
            for word in segments[0].words:
                word.probability = probability
            return iter(segments), info

        monkeypatch.setattr(made, "transcribe", unsure, raising=False)
        return made

    for no_speech, probability, text in ((0.9, 0.3, ""), (0.9, 0.9, "thank you"), (0.1, 0.3, "thank you")):
        heard = fabricated(ears, model(no_speech, probability), monkeypatch).transcribe(said[0][0], offset=0.0)
        assert text_of(heard) == text


def test_times_never_go_back_however_late(ears: Whisper, said: Said, monkeypatch: pytest.MonkeyPatch) -> None:
    """whisper.cpp #3162: past two hours the times overlap. Each piece here claims words beyond its own bounds."""
    monkeypatch.setattr(Whisper, "window", 30.0)
    jumbled = [("a", -3.0, 2.0), ("b", 1.5, 2.5), ("c", 1.6, 1.6), ("d", 2.4, 99.0), ("e", float("nan"), 3.0)]
    model = Fabricated(lambda seconds: [*jumbled, *((w, a, b + 9) for w, a, b in spread("f g h", seconds))])
    sentence = np.concatenate([said[2][0], hush(0.6)])
    clip = video(np.tile(sentence, int(100 * RATE / len(sentence))), start=8000.0)
    words = [
        w for each in speech.transcribe(clip, clip.info.span, fabricated(ears, model, monkeypatch)) for w in each.words
    ]
    assert len(model.asked) >= 3 and len(words) >= 6
    assert all(8000 <= w.start <= w.end <= clip.info.end for w in words)
    assert all(a.end <= b.start for a, b in pairwise(words))


def test_hours_are_heard_in_pieces(ears: Whisper, said: Said, monkeypatch: pytest.MonkeyPatch) -> None:
    """No call gets more than five minutes and a bit of sound, and the model never more than that of speech."""
    sizes: list[float] = []
    model = Fabricated(lambda seconds: (sizes.append(seconds), spread("so it goes", seconds))[1])
    sentence = np.concatenate([said[3][0], hush(0.7)])
    clip = video(np.tile(sentence, int(700 * RATE / len(sentence))))
    assert speech.transcribe(clip, clip.info.span, fabricated(ears, model, monkeypatch))
    assert len(sizes) == 5 and max(sizes) < 306  # the first five minutes in three: to 0:30, 2:00 and 5:00
    assert speech.speech_windows(clip, ears) == speech.speech_windows(clip, ears) != speech.speech_windows(clip)


def test_the_language_is_detected_or_chosen(model: Path, said: Said, monkeypatch: pytest.MonkeyPatch) -> None:
    assert model_and_language("small@de") == ("small", "de")
    assert model_and_language("a/b@c") == ("a/b@c", None) and model_and_language("small") == ("small", None)
    chosen = speech.transcriber(f"{model}@de")
    assert isinstance(chosen, Whisper) and chosen.stamp == Whisper(str(model), language="de").stamp
    assert chosen.stamp != Whisper(str(model)).stamp and str(model.parent) not in chosen.stamp
    made = Fabricated(lambda seconds: spread("guten Tag", seconds))
    assert fabricated(chosen, made, monkeypatch).transcribe(said[0][0], offset=0.0)[0].language == "de"
    assert made.asked[0]["language"] == "de"
    with pytest.raises(CapabilityError, match="does not know the language 'xq'"):
        Whisper(str(model), language="xq")


def test_it_travels_without_weights(model: Path, said: Said) -> None:
    ears = Whisper(str(model), language="en")
    packed = pickle.dumps(ears)
    assert len(packed) < 2000
    again = pickle.loads(packed)
    assert again.stamp == ears.stamp
    assert again.transcribe(said[0][0], offset=3.0) == ears.transcribe(said[0][0], offset=3.0)


def test_a_folder_that_is_no_model(tmp_path: Path) -> None:
    with pytest.raises(CapabilityError, match="no Whisper that can be loaded"):
        speech.transcriber(str(tmp_path))


def test_a_memory_listens_with_it(model: Path, said: Said, tmp_path: Path) -> None:
    """From a file to the words in the memory, with their language."""
    path, wave = tmp_path / "talk.mp4", tmp_path / "talk.wav"
    sound = np.concatenate([hush(1), said[0][0], hush(4), said[2][0], hush(1)])
    with wavefile.open(str(wave), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes((sound * 32767).astype("<i2").tobytes())
    source = ["-f", "lavfi", "-i", "color=gray:size=64x48:rate=5", "-i", str(wave), "-shortest", str(path)]
    subprocess.run(["ffmpeg", "-loglevel", "error", *source], check=True)
    memory = ClipMemory(tmp_path / "memory")
    record = memory.add(path, channels=("speech",), transcriber=str(model), workers=0)
    rows = memory.texts(record.id, channel="speech")
    assert rows and all(row.data["language"] == "en" for row in rows)
    assert Span(rows[0].start, rows[-1].end).within(record.span) == Span(rows[0].start, rows[-1].end)


def test_fabricated_words_of_no_length_are_kept() -> None:
    from rewatch.memory.speech.transcript import in_order

    jumbled = [
        Word(0, 1, "a", 0.5),
        Word(0.5, 2, "b", 1.5),
        Word(1, 1.5, "inside b", 0.5),
        Word(2, 2, "c", 0.5),
        Word(3, 99, "d", 0.5),
        Word(7, 8, "behind the end", 0.5),
    ]
    assert in_order(jumbled, 0.0, 5.0) == [
        Word(0, 1, "a", 0.5),
        Word(1, 2, "b", 1.0),
        Word(2, 2, "c", 0.5),
        Word(3, 5, "d", 0.5),
    ]
