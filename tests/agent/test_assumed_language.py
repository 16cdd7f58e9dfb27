"""A recognizer that knows one language only does not tell which one is spoken."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
from hearing import TellsTones
from media_files import write_video
from rewatch import ClipMemory, VideoAgent
from rewatch.memory.speech.transcript import Utterance


class EnglishOnly(TellsTones):
    multilingual = tells_language = False

    def transcribe(self, samples: np.ndarray, *, offset: float) -> list[Utterance]:
        return [replace(each, language="en") for each in super().transcribe(samples, offset=offset)]


def test_the_language_is_not_claimed(tmp_path: Path) -> None:
    sound = (0.3 * np.sin(np.arange(48000 * 3) / 20)).astype(np.float32)
    path = write_video(tmp_path / "talk.mkv", frames=12, fps=4, sound=sound)
    with ClipMemory(tmp_path / "m", text_encoder="hashed") as memory:
        record = memory.add(path, channels=("speech",), transcriber=EnglishOnly(), workers=0)
        (text,) = memory.texts(record.id, channel="speech")
        assert text.data["assumed_language"] == "en" and "language" not in text.data
        answer = VideoAgent(memory).ask("Which language is spoken?")
        assert "knows one language only (en)" in answer.text and answer.confidence <= 0.5
