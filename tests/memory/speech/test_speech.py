"""Speech: where it is, what is said, and when, on synthetic voices of known words and on real ones."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pytest
from hearing import speech_spans
from rewatch.memory.errors import CapabilityError
from rewatch.memory.span import Span
from rewatch.memory.speech import transcriber as speech
from rewatch.memory.speech.transcript import Utterance, Word, utterances
from rewatch.memory.video.array_video import ArrayVideo
from rewatch.memory.video.file import Video

RATE = 16000
Say = Callable[..., np.ndarray]


@pytest.fixture(scope="session")
def say(tmp_path_factory: pytest.TempPathFactory) -> Say:
    """Says a text: samples at 16 kHz without silence around."""
    if shutil.which("espeak-ng") is None:
        pytest.skip("needs the espeak-ng command to speak known words")
    path = tmp_path_factory.mktemp("say") / "said.wav"

    def speak(text: str, voice: str = "en-us", speed: int = 130) -> np.ndarray:
        subprocess.run(["espeak-ng", "-v", voice, "-s", str(speed), "-w", str(path), text], check=True)
        with av.open(str(path)) as container:
            resampler = av.AudioResampler("flt", "mono", RATE)
            frames = [new for frame in container.decode(audio=0) for new in resampler.resample(frame)]
            samples = np.concatenate([frame.to_ndarray()[0] for frame in [*frames, *resampler.resample(None)]])
        loud = np.flatnonzero(np.abs(samples) > 0.01)
        return samples[loud[0] : loud[-1]].astype(np.float32)

    return speak


def hush(seconds: float, level: float = 0.001) -> np.ndarray:
    return np.random.default_rng(0).normal(0, level, round(seconds * RATE)).astype(np.float32)


def sound(*parts: np.ndarray, start: float = 0.0) -> ArrayVideo:
    return ArrayVideo([np.zeros((4, 4, 3), np.uint8)], 1, sound=np.concatenate(parts), start=start)


def at(span: Span, start: float, end: float) -> bool:
    return abs(span.start - start) < 0.25 and abs(span.end - end) < 0.25


def music(seconds: float) -> np.ndarray:
    time = np.arange(round(seconds * RATE)) / RATE
    notes = 220 * 2 ** (np.floor(time * 3) % 7 / 12)
    return (0.2 * np.sin(2 * np.pi * notes * time) * (1 - time * 3 % 1)).astype(np.float32)


@pytest.mark.parametrize(
    "noise", [hush(8, 0.0), hush(8, 0.1), hush(8, 1e-4), music(8)], ids="zero loud faint music".split()
)
def test_nothing_is_heard_where_nobody_speaks(noise: np.ndarray) -> None:
    video = sound(noise)
    assert speech_spans(video, video.info.span) == []
    for name in (None, "pocketsphinx"):
        assert speech.transcribe(video, video.info.span, speech.transcriber(name)) == []
    assert speech.find_phrase(video, video.info.span, "hello world") == []


def test_without_sound() -> None:
    video = ArrayVideo([np.zeros((4, 4, 3), np.uint8)] * 40, 1)
    assert speech.speech_windows(video) == []
    assert speech_spans(video, Span(0, 9)) == speech.transcribe(video, Span(0, 9), speech.transcriber()) == []
    assert speech.find_phrase(video, Span(0, 9), "hello") == speech.align(video, Span(0, 9), "hello") == []


def test_speech_is_found_where_it_is(say: Say) -> None:
    first, second = say("Good morning to all of you."), say("We begin with the weather report.", "en-gb")
    video = sound(hush(3), first, hush(2, 0.003), second, hush(2), start=10.0)
    found = speech_spans(video, video.info.span)
    begins = 10 + 3 + len(first) / RATE + 2
    assert len(found) == 2
    assert at(found[0], 13, 13 + len(first) / RATE) and at(found[1], begins, begins + len(second) / RATE)
    assert speech_spans(video, Span(10, 12.5)) == []


class Counting(ArrayVideo):
    """Notes how much sound is asked for."""

    longest = 0.0
    total = 0.0

    def audio(self, span: Span | None = None, *, rate: int = RATE) -> np.ndarray:
        span = span or self.info.span
        self.longest, self.total = max(self.longest, span.duration), self.total + span.duration
        return super().audio(span, rate=rate)


def test_windows_tile_the_sound_and_cut_no_word(say: Say) -> None:
    sentence = np.concatenate([say("The river was high and the bridge was closed until the evening."), hush(0.7)])
    spoken = np.tile(sentence, int(200 * RATE / len(sentence)))
    video = Counting([np.zeros((4, 4, 3), np.uint8)], 1, sound=spoken, start=5.0)
    windows = speech.speech_windows(video)
    assert windows == speech.speech_windows(video)
    assert (windows[0].start, windows[-1].end) == (5.0, video.info.end)
    assert all(a.end == b.start for a, b in zip(windows, windows[1:], strict=False))
    assert all(4 < window.duration < 42 for window in windows) and len(windows) > 4
    assert video.longest <= 8 and video.total < video.info.duration, "hours must not be read to find the cuts"
    length = len(sentence) / RATE
    into = [(window.start - 5) % length for window in windows[1:]]
    assert all(place > length - 0.75 or place < 0.05 for place in into), "each cut lies in a pause"


def test_windows_of_short_sound() -> None:
    for seconds in (0.05, 1.0, 29.0, 31.0, 37.9):
        assert speech.speech_windows(sound(hush(seconds))) == [Span(0, sound(hush(seconds)).info.end)]


def test_the_first_of_many_long_windows_is_cut_up_so_that_the_beginning_is_soon_known() -> None:
    class Slow:
        window = 300.0

    long, short = (speech.speech_windows(sound(hush(seconds)), Slow()) for seconds in (700, 500))  # type: ignore[arg-type]
    assert [round(window.duration / 10) for window in long] == [3, 9, 18, 30, 10]
    assert [round(window.duration / 10) for window in short] == [30, 20]


class Echo:
    """Hears one word a second, to follow times through the pauses that are left out."""

    name = stamp = "echo"

    def transcribe(self, samples: np.ndarray, *, offset: float) -> list[Utterance]:
        length = len(samples) / RATE
        words = [Word(offset + t, offset + t + 0.2, f"w{t:.1f}", 1.0) for t in np.arange(0.4, length - 0.4, 0.3)]
        return utterances(words)


def test_times_survive_left_out_pauses(say: Say) -> None:
    said = say("We begin with the weather report.")
    video = sound(hush(6), said, hush(9), said, hush(3), start=100.0)
    heard = speech.transcribe(video, video.info.span, Echo())
    assert len(heard) == 2
    for utterance, begin in zip(heard, (106.0, 115.0 + len(said) / RATE), strict=True):
        assert begin - 0.2 < utterance.start < utterance.end < begin + len(said) / RATE + 0.4


def test_a_word_belongs_to_one_window(say: Say) -> None:
    said = np.concatenate([say("The river was high and the bridge was closed."), hush(0.4)])
    video = sound(np.tile(said, 3))
    ears, middle = speech.transcriber("pocketsphinx"), video.info.duration / 2
    parts = [speech.transcribe(video, span, ears) for span in (Span(0, middle), Span(middle, video.info.end))]
    words = [word for part in parts for utterance in part for word in utterance.words]
    assert all((word.start + word.end) / 2 < middle for utterance in parts[0] for word in utterance.words)
    assert all((word.start + word.end) / 2 >= middle for utterance in parts[1] for word in utterance.words)
    assert all(a.start <= b.start for a, b in zip(words, words[1:], strict=False))


def test_pocketsphinx_hears_words_with_times(say: Say) -> None:
    said = say("Please put the red cup back on the kitchen table.", "en-us+m3")
    video = sound(hush(2, 0.0), said, hush(1, 0.0))
    heard = speech.transcribe(video, video.info.span, speech.transcriber("pocketsphinx"))
    words = [word for utterance in heard for word in utterance.words]
    assert len({"please", "put", "red", "cup", "back", "kitchen", "table"} & {word.text for word in words}) >= 2
    assert 1.8 < words[0].start and words[-1].end < 2.3 + len(said) / RATE
    assert all(0 <= word.probability <= 1 and word.start < word.end for word in words)
    assert heard == speech.transcribe(video, video.info.span, speech.transcriber("pocketsphinx")), "the same every time"


def test_a_faint_voice_is_heard_as_well(say: Say) -> None:
    said = np.concatenate([hush(1, 1e-5), say("The secret password is yellow elephant.", speed=120), hush(1, 1e-5)])
    ears = speech.transcriber("pocketsphinx")
    loud, faint = (speech.transcribe(sound(said * gain), Span(0, 9), ears) for gain in (1.0, 0.05))
    assert len(loud) == len(faint) == 1 and at(Span(loud[0].start, loud[0].end), faint[0].start, faint[0].end)
    assert set(loud[0].text.split()) & set(faint[0].text.split())


@pytest.mark.parametrize(
    ("phrase", "voice"), [("yellow elephant", "en-us"), ("basketball", "en-us+f2"), ("cleanrooms", "en-us")]
)
def test_a_phrase_is_found_by_its_sounds(say: Say, phrase: str, voice: str) -> None:
    before, target = say("We talked about the weather today.", voice), say(phrase, voice)
    video = sound(hush(1), before, hush(0.2), target, hush(0.2), say("And then we all went home.", voice), hush(1))
    start = 1.2 + len(before) / RATE
    place, confidence = speech.find_phrase(video, video.info.span, phrase)[0]
    assert at(place, start, start + len(target) / RATE) and confidence > 0.4
    assert speech.find_phrase(video, Span(0, start - 0.3), phrase) == []


def test_a_phrase_that_is_not_spoken_is_not_found(say: Say) -> None:
    video = sound(
        hush(1), say("We talked about the weather today, and then we all went home to have some tea."), hush(1)
    )
    for phrase in ("yellow elephant", "swimming pool", "the president resigned", "chocolate", "hurricane"):
        assert all(confidence < 0.5 for _, confidence in speech.find_phrase(video, video.info.span, phrase)), phrase
    assert speech.find_phrase(video, video.info.span, "\u266a ...") == []
    assert speech.find_phrase(video, video.info.span, "\u4f60\u597d") == []


def test_known_words_get_their_times(say: Say) -> None:
    parts = [say(text) for text in ("The first chart", "shows 12 elephants", "in the cleanrooms.")]
    pieces = [hush(1)]
    starts = []
    for part in parts:
        starts.append(sum(map(len, pieces)) / RATE)
        pieces += [part, hush(0.4)]
    video = sound(*pieces, hush(0.6), start=50.0)
    words = speech.align(video, video.info.span, "- The first chart [applause] shows 12 elephants in the cleanrooms.")
    assert [word.text for word in words] == "The first chart shows 12 elephants in the cleanrooms.".split()
    for place, start, part in zip((0, 3, 6), starts, parts, strict=True):
        assert abs(words[place].start - 50 - start) < 0.2
        assert abs(words[place + 2].end - 50 - start - len(part) / RATE) < 0.25
    inner = speech.align(video, Span(50 + starts[1], 50 + starts[2]), "shows 12 elephants")
    assert abs(inner[0].start - 50 - starts[1]) < 0.2


def test_words_that_are_not_there_are_not_laid_over(say: Say) -> None:
    video = sound(hush(1), say("We talked about the weather today."), hush(1))
    assert (
        speech.align(video, video.info.span, "A completely different sentence about wedding cakes and submarines") == []
    )
    assert speech.align(sound(hush(3)), Span(0, 3), "hello there everybody") == []
    assert speech.align(video, video.info.span, "[music] \u266a") == []


def test_utterances_break_at_pauses_and_stay_short() -> None:
    words = [Word(t, t + 0.3, f"w{t}", 1.0) for t in (0.0, 0.5, 3.0)] + [
        Word(10 + t * 0.4, 10.4 + t * 0.4, "on", 1.0) for t in range(100)
    ]
    grouped = utterances(words)
    assert [each.text for each in grouped[:2]] == ["w0.0 w0.5", "w3.0"]
    assert all(each.end - each.start <= 15 for each in grouped)
    assert [word for each in grouped for word in each.words] == words
    assert utterances([Word(0, 1, "你", 1.0), Word(1, 2, "好", 1.0), Word(2, 3, "you", 1.0)])[0].text == "你好 you"


def test_missing_recognizers_say_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(CapabilityError, match="CTranslate2") as caught:
        speech.transcriber("no/such-whisper-model")
    assert "\n" not in str(caught.value)
    from importlib import metadata

    from rewatch.memory.speech import pocketsphinx as pocketsphinx_speech

    def absent(name: str) -> str:
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(pocketsphinx_speech, "version", absent)
    monkeypatch.setattr(speech, "best_whisper", lambda language: None)
    with pytest.raises(CapabilityError, match=r"pip install 'rewatch\[offline\]'"):
        speech.transcriber()


def spoken_words(heard: list[Utterance]) -> list[str]:
    return re.findall(r"[a-z']+", " ".join(each.text for each in heard).lower())


@pytest.mark.media
@pytest.mark.parametrize("name", ["sailboats.mp4", "chaplin.mp4", "earth_night.mp4", "bikes_cuts.mp4", "bbb_open.webm"])
def test_real_sound_without_speech(media: Path, name: str) -> None:
    with Video(media / name) as video:
        assert speech.transcribe(video, video.info.span, speech.transcriber()) == []


@pytest.mark.media
def test_real_speech(media: Path) -> None:
    with Video(media / "nasa_jwst.mp4") as video:
        heard = spoken_words(speech.transcribe(video, video.info.span, speech.transcriber()))
        assert (
            len({"science", "segment", "space", "telescope", "rooms", "goddard", "flight", "center"} & set(heard)) >= 6
        )
        place, confidence = speech.find_phrase(video, video.info.span, "Greenbelt, Maryland")[0]
        assert at(place, 11.0, 12.0) and confidence > 0.5


@pytest.mark.media
def test_real_word_times(media: Path) -> None:
    with Video(media / "jfk_caption.mp4") as video:
        for phrase, start, end in (("Americans", 1.63, 2.15), ("ask not", 3.25, 4.3)):
            assert at(speech.find_phrase(video, video.info.span, phrase)[0][0], start, end)
        words = {word.text: word for word in speech.align(video, Span(0.3, 4.3), "And so my fellow Americans, ask not")}
        assert at(Span(words["Americans,"].start, words["Americans,"].end), 1.63, 2.15)
        assert at(Span(words["ask"].start, words["not"].end), 3.25, 4.3)
