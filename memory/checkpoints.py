"""Model weights on this disk: the folders in which they are found, and checkpoints that are loaded from them safely.

Nothing is downloaded unless a caller allows it, and no pickle is loaded.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from .errors import CapabilityError
from .files.regular import open_regular, read_bytes, read_text

FOLDER_VARIABLE = "REWATCH_WEIGHTS"
"""Environment variable that names a folder to look in first."""

TORCH = "*.safetensors"
ONNX = "**/*_model.onnx*"
"""`vision_model.onnx`, `text_model.onnx` and the data beside them, but none of the variants (`_fp16`, `_q4`)."""

# What is fetched when a download is allowed: no pickles, no other frameworks' weights.
_FILES = ["*.json", "*.txt", "*.model", "*.jinja", "1_Pooling/*"]
_SAMPLES, _SAMPLE_BYTES = 256, 4096
_LOG = logging.getLogger(__name__)


def weights_folders() -> tuple[Path, ...]:
    """Return the folders of weights: `$REWATCH_WEIGHTS` if it is set, then `weights` in the data folder.

    Weights in them are found without being named. The data folder is the user's own (`~/.local/share/rewatch` on
    Linux), in which the default memory lies too. The folders need not exist.
    """
    import platformdirs

    own = Path(platformdirs.user_data_dir("rewatch")) / "weights"
    named = os.environ.get(FOLDER_VARIABLE)
    return (Path(named).expanduser(), own) if named else (own,)


@dataclass(frozen=True)
class Checkpoint:
    """A folder with `config.json`, `*.safetensors` and a tokenizer, under the name that people use for it."""

    name: str
    folder: Path
    kind: str = "Encoder"
    pattern: str = TORCH
    """The files that hold its weights."""

    @classmethod
    def find(cls, name: str, *, download: bool = False, kind: str = "Encoder", pattern: str = TORCH) -> Checkpoint:
        """Find a folder, or a hub repository (`owner/name`) in the local cache.

        Args:
            name: path of a folder, or `owner/name` on the hub.
            download: fetch the repository when it is not in the cache.
            kind: how messages call it.
            pattern: the files that hold the weights: `TORCH` or `ONNX`.

        Raises:
            CapabilityError: it is not on this disk (and the download was not allowed, or failed), or it is incomplete.
        """
        folder = Path(name).expanduser()
        if folder.is_dir():
            checkpoint = cls(folder.resolve().name, folder.resolve(), kind, pattern)
        elif name.startswith((".", "~", os.sep)) or name.count("/") > 1 or folder.exists():
            problem = "is a file" if folder.exists() else "does not exist"
            raise CapabilityError(
                f"{kind} {name} {problem}. Give the folder that holds config.json and *.safetensors, or a hub name."
            )
        else:
            checkpoint = cls(name, _from_hub(name, download=download, kind=kind, pattern=pattern), kind, pattern)
        checkpoint._require_complete()
        return checkpoint

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
        """Return the content of one of its JSON files; empty when there is none.

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

    @contextmanager
    def loading(self) -> Iterator[None]:
        """Load it in the body, without transformers' progress bar.

        Raises:
            CapabilityError: it cannot be loaded; says which, where and why.
        """
        try:
            with no_progress_bar():
                yield
        except MemoryError:
            raise
        # transformers, tokenizers, safetensors and onnxruntime document no exceptions for a damaged or foreign folder.
        except Exception as error:
            reason = first_line(error)
            raise CapabilityError(f"{self.kind} {self.name} ({self.folder}) cannot be loaded: {reason}") from error

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


def cached_repositories() -> Iterator[tuple[str, Path]]:
    """Yield the name and the folder of each snapshot in the Hugging Face cache, without asking the hub."""
    from huggingface_hub.constants import HF_HUB_CACHE

    for repository in sorted(Path(HF_HUB_CACHE).glob("models--*")):
        name = repository.name.removeprefix("models--").replace("--", "/", 1)
        head = repository / "refs" / "main"
        if head.is_file():
            yield name, repository / "snapshots" / head.read_text().strip()
        else:
            yield from ((name, snapshot) for snapshot in repository.glob("snapshots/*"))


def fetch_command(name: str) -> str:
    """Return the command that puts the hub repository `name` on this disk."""
    return f"hf download {name}"


def require_torch(purpose: str) -> None:
    """Check that torch and transformers are installed.

    Raises:
        CapabilityError: one of them is missing; names it and the command that installs it.
    """
    for package in ("torch", "transformers"):
        if importlib.util.find_spec(package) is None:
            raise CapabilityError(f"{purpose} needs {package}, which is not installed: pip install {package}")


@contextmanager
def no_progress_bar() -> Iterator[None]:
    """Keep transformers, where it is imported already, from drawing progress bars in the body."""
    if "transformers" not in sys.modules:
        yield
        return
    from transformers.utils import logging

    enabled = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        if enabled:
            logging.enable_progress_bar()


def first_line(error: BaseException) -> str:
    """Return the first line of an error's message, at most 200 characters; its class name where it says nothing."""
    return (str(error).strip() or type(error).__name__).splitlines()[0][:200]


def _from_hub(name: str, *, download: bool, kind: str, pattern: str) -> Path:
    if pattern == TORCH:
        require_torch(f"{kind} {name}")
    patterns = [*_FILES, pattern]
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HFValidationError, LocalEntryNotFoundError

    try:
        return Path(snapshot_download(name, local_files_only=True, allow_patterns=patterns))
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
        planned = snapshot_download(name, allow_patterns=patterns, dry_run=True)
        size = sum(file.file_size or 0 for file in planned if file.will_download)
        _LOG.warning("Fetching %s %s from the hub: %.0f MB", kind.lower(), name, size / 1e6)
        return Path(snapshot_download(name, allow_patterns=patterns))
    except Exception as error:  # the hub's client raises a dozen kinds: offline, no such name, gated, disk full
        raise CapabilityError(
            f"{kind} {name} could not be fetched ({first_line(error)}). Try it by hand: {fetch_command(name)}"
        ) from None
