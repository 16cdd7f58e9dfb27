"""`transcribe` where the memory was made without speech: subtitles first, then the memory's recognizer."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rewatch.memory import ClipMemory
from rewatch.memory.speech.transcriber import lasting_name
from rewatch.memory.speech.transcript import Utterance, Word
from rewatch.tools import BUILT_IN, Observation, Toolbox

CUES = """1
00:00:02,000 --> 00:00:05,000
The budget is ten million

2
00:00:12,000 --> 00:00:18,000
Nobody knew where the little dog had gone
"""


def call(memory: Any, **arguments: Any) -> Observation:
    videos = [video.id for video in memory.videos()]
    observation, _ = asyncio.run(Toolbox(BUILT_IN).call("transcribe", arguments, memory=memory, videos=videos, left={}))
    return observation


@pytest.fixture
def silent(tmp_path: Path, make_talk: Callable[..., Path]) -> ClipMemory:
    """A video without sound, with subtitles beside it, in a memory that only saw it."""
    path = make_talk(tmp_path / "talk.mp4", 20)
    (tmp_path / "talk.srt").write_text(CUES)
    memory = ClipMemory(tmp_path / "memory")
    memory.add(path, channels=("visual",), workers=0)
    return memory


def test_subtitles_are_read_where_there_are_some(silent: ClipMemory) -> None:
    heard = call(silent, start=0, end=20)
    assert [u["text"] for u in heard.data["utterances"]] == [
        "The budget is ten million",
        "Nobody knew where the little dog had gone",
    ]
    assert heard.data["utterances"][0]["span"] == [2.0, 5.0] and not heard.data["utterances"][0]["exact"]
    assert [u["span"][0] for u in call(silent, start=0, end=10).data["utterances"]] == [2.0]
    assert (
        "No speech was made out" in call(silent, start=6, end=11).text
        or "no sound" in call(silent, start=6, end=11).text
    )


def test_subtitles_do_not_tell_the_future(silent: ClipMemory) -> None:
    """A view of the past has no file to read on in: nothing that is written for later can come out."""
    heard = call(silent.until(15.0), start=0, end=20)
    assert "gone" not in heard.text and heard.data["utterances"] == []


class Parrot:
    name, stamp, loaded = "parrot", "parrot 1", 0

    def transcribe(self, samples: np.ndarray, *, offset: float) -> list[Utterance]:
        word = Word(offset, offset + 1.0, "squawk", 0.9)
        return [Utterance(word.start, word.end, word.text, (word,))]


def test_the_recognizer_that_was_named_is_remembered_and_loaded_once(
    tmp_path: Path, make_talk: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    from rewatch.memory.speech import transcriber as speech
    from rewatch.memory.speech.windows import cut_out

    named: list[str | None] = []
    monkeypatch.setattr(speech, "transcriber", lambda name=None, **_: (named.append(name), Parrot())[1])
    sound = np.random.default_rng(0).normal(0, 0.1, 20 * 16000).astype(np.float32)
    heard = cut_out(sound, [(0, 32000)], 1.0)
    monkeypatch.setattr(speech, "speech_sound", lambda video, span: heard)
    memory = ClipMemory(tmp_path / "memory")
    path = make_talk(tmp_path / "talk.mp4", 20, sound=sound)
    memory.add(path, channels=("visual",), transcriber="small@de", workers=0)
    assert ClipMemory(tmp_path / "memory").transcriber == memory.until(5.0).transcriber == "small@de"
    named.clear()
    for start in (0.0, 0.5):
        said = call(memory, start=start, end=9.0)
        assert [u["text"] for u in said.data["utterances"]] == ["squawk"]
    assert named == ["small@de"]


def test_names_hold_in_any_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "whisper").mkdir()
    monkeypatch.chdir(tmp_path)
    assert lasting_name("whisper@en") == f"{tmp_path / 'whisper'}@en" and lasting_name("small") == "small"
