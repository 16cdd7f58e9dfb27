"""What tests of sound tracks and subtitles share: small files made by the ffmpeg command, and a recognizer of tones."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from media_files import run_ffmpeg
from rewatch.memory.ingest.worker import WorkerModels
from rewatch.memory.protocol import VideoSource
from rewatch.memory.span import Span, merge_spans
from rewatch.memory.speech.transcript import Utterance, Word
from rewatch.memory.speech.vad import RATE, voiced
from rewatch.memory.speech.windows import windows

PICTURES = ("-f", "lavfi", "-i", "testsrc=d=12:s=64x64:r=5")
CUES = [(1.0, 2.0, "one"), (3.0, 4.0, "three"), (8.0, 9.0, "eight")]


def speech_spans(video: VideoSource, span: Span) -> list[Span]:
    """Where the voice detector hears somebody, in order."""
    pieces = (
        Span(window.start + start, window.start + end).within(window)
        for window in windows(video, span)
        for start, end in voiced(video.audio(window, rate=RATE))
    )
    return merge_spans(pieces, 0.1)


class TellsTones:
    """Says where it hears a tone, and of what pitch."""

    name, stamp, finds_speech = "tones", "tones 1", True

    def transcribe(self, samples: np.ndarray, *, offset: float) -> list[Utterance]:
        heard = np.flatnonzero(np.abs(samples) > 1e-4)
        if not len(heard):
            return []
        loudest = int(np.argmax(np.abs(np.fft.rfft(samples)))) * 16000 / len(samples)
        word = Word(offset + heard[0] / 16000, offset + heard[-1] / 16000, f"{round(loudest, -1):.0f}", 0.9)
        return [Utterance(word.start, word.end, word.text, (word,))]


@pytest.fixture
def ears(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The recognizer that is taken where none is named."""
    monkeypatch.setattr(WorkerModels, "transcriber", TellsTones())
    yield


def srt(path: Path, cues: list[tuple[float, float, str]], encoding: str = "utf-8") -> Path:
    """Write a subtitle file; times in seconds."""

    def time(seconds: float) -> str:
        whole = round(seconds * 1000)
        return f"{whole // 3600000:02}:{whole // 60000 % 60:02}:{whole // 1000 % 60:02},{whole % 1000:03}"

    text = "".join(f"{n}\n{time(start)} --> {time(end)}\n{said}\n\n" for n, (start, end, said) in enumerate(cues, 1))
    path.write_bytes(text.encode(encoding))
    return path


def tone(hertz: int, seconds: float = 12, volume: float = 1.0) -> tuple[str, ...]:
    """An input of ffmpeg: a tone, or silence at 0 hertz."""
    if not hertz:
        return "-f", "lavfi", "-i", f"anullsrc=r=44100:cl=mono,atrim=0:{seconds}"
    return "-f", "lavfi", "-i", f"sine=f={hertz}:d={seconds},volume={volume}"


Track = tuple[int, dict[str, str], str]
Stream = tuple[list[tuple[float, float, str]], dict[str, str], str]


def film(path: Path, sounds: list[Track], subtitles: list[Stream] | None = None) -> Path:
    """A video of 12 s with sound tracks (pitch, tags, dispositions) and subtitle streams (cues, tags, dispositions)."""
    inputs: list[str] = [*PICTURES]
    tags: list[str] = []
    for n, (hertz, facts, flags) in enumerate(sounds):
        inputs += tone(hertz)
        tags += [part for key, value in facts.items() for part in (f"-metadata:s:a:{n}", f"{key}={value}")]
        tags += [f"-disposition:a:{n}", flags or "0"]
    for n, (cues, facts, flags) in enumerate(subtitles or []):
        inputs += ["-i", str(srt(path.with_name(f"{path.stem}-{n}-stream.txt.srt"), cues))]
        tags += [part for key, value in facts.items() for part in (f"-metadata:s:s:{n}", f"{key}={value}")]
        tags += [f"-disposition:s:{n}", flags or "0"]
    count = 1 + len(sounds) + len(subtitles or [])
    maps = [part for n in range(count) for part in ("-map", str(n))]
    text = "mov_text" if path.suffix == ".mp4" else "srt"
    run_ffmpeg(*inputs, *maps, "-c:v", "libx264", "-preset", "ultrafast", "-c:a", "aac", "-c:s", text, *tags, path)
    return path
