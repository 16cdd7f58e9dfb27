"""A checkpoint on this disk: found by path or hub name, never downloaded by surprise, known by its content."""

from __future__ import annotations

import hashlib
import json
import logging
import os
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from ..errors import CapabilityError
from ..files.regular import open_regular, read_bytes, read_text
from .torch_runtime import require_torch

_LOG = logging.getLogger(__name__)
# What is fetched when a download is allowed: no pickles, no other frameworks' weights.
_FILES = ["*.json", "*.txt", "*.model", "*.jinja", "1_Pooling/*"]
TORCH = "*.safetensors"
ONNX = "**/*_model.onnx*"
"""`vision_model.onnx`, `text_model.onnx` and the data beside them, but none of the variants (`_fp16`, `_q4`)."""
_SAMPLES, _SAMPLE_BYTES = 256, 4096


@dataclass(frozen=True)
class Checkpoint:
    """A folder with `config.json`, `*.safetensors` and a tokenizer, under the name that people use for it."""

    name: str
    folder: Path
    kind: str = "Encoder"
    """What messages call it."""
    pattern: str = TORCH
    """Which files hold its weights."""

    @classmethod
    def find(cls, name: str, *, download: bool = False, kind: str = "Encoder", pattern: str = TORCH) -> Checkpoint:
        """The checkpoint called `name`: a folder, or the name of a hub repository that lies in the local cache.

        Args:
            name: path of a folder, or `owner/name` on the hub.
            download: fetch the repository when it is not in the cache.
            kind: what messages call it.
            pattern: which files hold the weights: `TORCH` or `ONNX`.

        Raises:
            CapabilityError: it is not on this disk (and the download was not allowed, or failed), or it is incomplete.
        """
        folder = Path(name).expanduser()
        if folder.is_dir():
            found = cls(folder.resolve().name, folder.resolve(), kind, pattern)
        elif _looks_like_path(name):
            problem = "is a file" if folder.exists() else "does not exist"
            raise CapabilityError(
                f"{kind} {name} {problem}. Give the folder that holds config.json and *.safetensors, or a hub name."
            )
        else:
            found = cls(name, _from_hub(name, download=download, kind=kind, pattern=pattern), kind, pattern)
        found._require_complete()
        return found

    @cached_property
    def config(self) -> dict[str, Any]:
        """The content of `config.json`."""
        return self.json("config.json")

    @property
    def weights(self) -> list[Path]:
        """The files of weights, sorted by name."""
        return sorted(self.folder.glob(self.pattern))

    @cached_property
    def fingerprint(self) -> str:
        """12 hex digits over the configuration files, the weights' sizes and headers, and samples spread over them.

        Sampling makes it cheap (milliseconds for gigabytes) and still notices a fine-tuned model of equal size.
        """
        digest = hashlib.sha256()
        for path in sorted([*self.folder.glob("*.json"), *self.folder.glob("1_Pooling/*.json")]):
            digest.update(os.fsencode(path.name) + b"\0" + read_bytes(path))
        for path in self.weights:
            size = path.stat().st_size
            digest.update(f"{path.name}\0{size}\0".encode())
            with open_regular(path) as file:
                for sample in range(_SAMPLES):
                    file.seek(sample * max(size - _SAMPLE_BYTES, 0) // (_SAMPLES - 1))
                    digest.update(file.read(_SAMPLE_BYTES))
        return digest.hexdigest()[:12]

    def json(self, file: str) -> dict[str, Any]:
        """One of its JSON files; empty when there is none.

        Raises:
            CapabilityError: the file is damaged.
        """
        path = self.folder / file
        if not path.is_file():
            return {}
        try:
            content = json.loads(read_text(path))
        except ValueError as error:
            raise CapabilityError(f"{path} is not valid JSON ({error}). Fetch {self.name} again.") from None
        return content if isinstance(content, dict) else {}

    def _require_complete(self) -> None:
        if not (self.folder / "config.json").is_file():
            raise CapabilityError(
                f"{self.kind} {self.name}: {self.folder} holds no config.json. Is it a model's folder?"
            )
        if not self.weights:
            raise CapabilityError(
                f"{self.kind} {self.name}: {self.folder} holds no {self.pattern} (other weight formats are not loaded)."
                f" Fetch them: {fetch_command(self.name)}"
            )


def fetch_command(name: str) -> str:
    """The command that puts the hub repository `name` on this disk."""
    return f"hf download {name}"


def _looks_like_path(name: str) -> bool:
    return name.startswith((".", "~", os.sep)) or os.path.isabs(name) or name.count("/") > 1 or Path(name).exists()


def _from_hub(name: str, *, download: bool, kind: str, pattern: str) -> Path:
    if pattern == TORCH:
        require_torch(f"{kind} {name}")
    wanted = [*_FILES, pattern]
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HFValidationError, LocalEntryNotFoundError

    try:
        return Path(snapshot_download(name, local_files_only=True, allow_patterns=wanted))
    except HFValidationError:
        raise CapabilityError(
            f"{name!r} is neither a folder on this disk nor a name on the hub (owner/name)."
        ) from None
    except LocalEntryNotFoundError:
        if not download:
            raise CapabilityError(
                f"{kind} {name} is not on this disk. Fetch it: {fetch_command(name)}   (or give a folder)"
            ) from None
    try:
        planned = snapshot_download(name, allow_patterns=wanted, dry_run=True)
        size = sum(file.file_size or 0 for file in planned if file.will_download)
        _LOG.warning("Fetching %s %s from the hub: %.0f MB", kind.lower(), name, size / 1e6)
        return Path(snapshot_download(name, allow_patterns=wanted))
    except Exception as error:  # the hub's client raises a dozen kinds: offline, no such name, gated, disk full
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise CapabilityError(
            f"{kind} {name} could not be fetched ({reason}). Try it by hand: {fetch_command(name)}"
        ) from None
