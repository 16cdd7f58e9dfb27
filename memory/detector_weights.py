"""Where detector weights lie on this disk, and what to do where they do not. Nothing is ever fetched from here."""

from __future__ import annotations

import hashlib
import os
from functools import lru_cache
from pathlib import Path

from .errors import CapabilityError

FOLDER_VARIABLE = "REWATCH_WEIGHTS"
SUFFIXES = (".pt", ".onnx")
_RELEASE = "https://github.com/ultralytics/assets/releases/download/v8.4.0"

# Megabytes of the files that ultralytics publishes, to the nearest that matters.
_SIZES = {
    **dict(zip((f"yolov8{size}" for size in "nsmlx"), (6, 22, 50, 84, 131), strict=True)),
    **dict(zip((f"yolo11{size}" for size in "nsmlx"), (6, 19, 39, 49, 110), strict=True)),
    **dict(zip((f"yolo12{size}" for size in "nsmlx"), (6, 19, 39, 51, 114), strict=True)),
    **dict(zip((f"yolo26{size}" for size in "nsmlx"), (6, 20, 42, 51, 113), strict=True)),
    **dict(zip((f"yolov8{size}-worldv2" for size in "smlx"), (26, 56, 91, 141), strict=True)),
    **dict(zip((f"yoloe-11{size}-seg" for size in "sml"), (28, 61, 71), strict=True)),
}
SUGGESTED = "yolo11n.pt"
"""What a person without weights is told to fetch first."""


def weights_folder() -> Path:
    """Where weights are looked for by name: `REWATCH_WEIGHTS`, else `weights` in the user's data folder."""
    import platformdirs

    named = os.environ.get(FOLDER_VARIABLE)
    return Path(named) if named else Path(platformdirs.user_data_dir("rewatch")) / "weights"


def find_weights(name: str) -> Path:
    """The file of weights called `name`: a path, or a name (with or without `.pt`) in this folder or in the folder.

    Raises:
        CapabilityError: if there is no such file; the text names it, its size, where to put it and the command.
    """
    given = Path(name).expanduser()
    if given.is_file():
        if given.suffix not in SUFFIXES:
            raise CapabilityError(f"{name} is no detector's weights: give a .pt or .onnx file of a YOLO model.")
        return given.resolve()
    bare = given.name if given.suffix in SUFFIXES else f"{given.name}.pt"
    if len(given.parts) == 1:
        folder = weights_folder()
        beside = [given.name] if given.suffix in SUFFIXES else [given.name + suffix for suffix in SUFFIXES]
        for path in [place / file for place in (Path(), folder) for file in beside]:
            if path.is_file():
                return path.resolve()
    raise CapabilityError(f"Detector weights {name} are not on this disk: {how_to_get(bare)}")


def how_to_get(file: str = SUGGESTED) -> str:
    """How to get a file of weights: its size, where to put it, and the command; of an unknown one, where to put it."""
    size = _SIZES.get(Path(file).stem)
    place = weights_folder() / file
    if size is None:
        return f"put the file at {place}, or give its path"
    return f"{file} ({size} MB, AGPL-3.0) belongs at {place}: curl -L --create-dirs -o {place} {_RELEASE}/{file}"


def no_weights() -> str:
    """What to tell someone who asks for objects without having given weights."""
    return f"Telling objects apart needs detector weights, given with --detector FILE: {how_to_get()}"


def fingerprint(path: Path) -> str:
    """12 hex digits of the file's SHA-256."""
    state = path.stat()
    return _hash(path, state.st_size, state.st_mtime_ns)


@lru_cache(maxsize=64)
def _hash(path: Path, size: int, mtime_ns: int) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:12]
