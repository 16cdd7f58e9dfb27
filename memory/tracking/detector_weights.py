"""Where detector weights lie on this disk, and what to do where they do not. Nothing is ever fetched from here."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import zipfile
from functools import lru_cache
from pathlib import Path

from ..checkpoints import weights_folders
from ..errors import CapabilityError
from ..files.regular import open_regular

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


_TAIL = 64 * 1024  # bytes at the end of an ONNX file in which ultralytics says what it exported


def usual_detector() -> Path | None:
    """The detector that is taken where none is named: the first YOLO weights in the folders of weights, by name.

    Nothing is loaded; None where there are none, or the package that runs them is not installed.
    """
    if importlib.util.find_spec("ultralytics") is None:
        return None
    return next(iter(detectors_here()), None)


def detectors_here() -> list[Path]:
    """The YOLO weights that lie in the folders of weights; `.onnx` before `.pt`, which takes longer to look."""
    found = []
    for folder in weights_folders():
        files = sorted(folder.glob("*")) if folder.is_dir() else []
        for suffix in (".onnx", ".pt"):
            found += [file for file in files if file.suffix == suffix and finds_boxes(file)]
    return found


def finds_boxes(path: Path) -> bool:
    """Whether a file says of itself that it is a YOLO model that finds boxes; reads little of it, and runs nothing."""
    try:
        if path.suffix == ".onnx":
            with open_regular(path) as file:
                file.seek(max(os.path.getsize(path) - _TAIL, 0))
                said = file.read()
            return b"ltralytics" in said and b"names" in said and (b"detect" in said or b"segment" in said)
        with open_regular(path) as file, zipfile.ZipFile(file) as archive:
            pickled = next((name for name in archive.namelist() if name.endswith("data.pkl")), None)
            said = archive.read(pickled) if pickled else b""
        kinds = (b"DetectionModel", b"SegmentationModel", b"WorldModel", b"YOLOEModel", b"YOLOESegModel")
        return b"ultralytics.nn.tasks" in said and any(kind in said for kind in kinds)
    except (OSError, zipfile.BadZipFile):
        return False


def find_weights(name: str) -> Path:
    """The file of weights called `name`: a path, or a name (also without `.pt`) in this folder or in those of weights.

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
        beside = [given.name] if given.suffix in SUFFIXES else [given.name + suffix for suffix in SUFFIXES]
        for path in [place / file for place in (Path(), *weights_folders()) for file in beside]:
            if path.is_file():
                return path.resolve()
    raise CapabilityError(f"Detector weights {name} are not on this disk: {how_to_get(bare)}")


def how_to_get(file: str = SUGGESTED) -> str:
    """How to get a file of weights: its size, where to put it, and the command; of an unknown one, where to put it."""
    size = _SIZES.get(Path(file).stem)
    place = weights_folders()[0] / file
    if size is None:
        return f"put the file at {place}, or give its path"
    return f"{file} ({size} MB, AGPL-3.0) belongs at {place}: curl -L --create-dirs -o {place} {_RELEASE}/{file}"


def no_weights() -> str:
    """What to tell someone who asks for objects without having given weights."""
    if detectors_here():
        return "Telling objects apart needs ultralytics (AGPL-3.0): pip install 'rewatch[detect]'"
    return f"Telling objects apart needs detector weights, given with --detector FILE: {how_to_get()}"


def fingerprint(path: Path) -> str:
    """12 hex digits of the file's SHA-256."""
    state = path.stat()
    return _hash(path, state.st_size, state.st_mtime_ns)


@lru_cache(maxsize=64)
def _hash(path: Path, size: int, mtime_ns: int) -> str:
    with open_regular(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:12]
