"""Find detector weights on this disk, and say what to do where there are none. Nothing is ever fetched from here."""

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

SUFFIXES = (".onnx", ".pt")
SUGGESTED = "yolo11n.pt"
"""The file that a person without weights is advised to fetch first."""
_RELEASE = "https://github.com/ultralytics/assets/releases/download/v8.4.0"
# Megabytes of the files that ultralytics publishes there, rounded.
_SIZES = {
    f"{family}{size}{suffix}": megabytes
    for family, sizes, suffix, all_megabytes in (
        ("yolov8", "nsmlx", "", (6, 22, 50, 84, 131)),
        ("yolo11", "nsmlx", "", (6, 19, 39, 49, 110)),
        ("yolo12", "nsmlx", "", (6, 19, 39, 51, 114)),
        ("yolo26", "nsmlx", "", (6, 20, 42, 51, 113)),
        ("yolov8", "smlx", "-worldv2", (26, 56, 91, 141)),
        ("yoloe-11", "sml", "-seg", (28, 61, 71)),
    )
    for size, megabytes in zip(sizes, all_megabytes, strict=True)
}
_TAIL = 64 * 1024  # bytes at the end of an ONNX file in which ultralytics says what it exported
_BOX_MODELS = (b"DetectionModel", b"SegmentationModel", b"WorldModel", b"YOLOEModel", b"YOLOESegModel")


def usual_detector() -> Path | None:
    """Return the detector that is used where none is named: the first YOLO weights in the folders of weights, by name.

    Nothing is loaded; None where there are none, or the package that runs them is not installed.
    """
    if importlib.util.find_spec("ultralytics") is None:
        return None
    return next(iter(detectors_here()), None)


def detectors_here() -> list[Path]:
    """Return the YOLO weights in the folders of weights; `.onnx` before `.pt`, which runs slower on a CPU."""
    files = [file for folder in weights_folders() if folder.is_dir() for file in sorted(folder.glob("*"))]
    folders = {folder: number for number, folder in enumerate(weights_folders())}
    files.sort(key=lambda file: (folders[file.parent], file.suffix != ".onnx"))
    return [file for file in files if file.suffix in SUFFIXES and finds_boxes(file)]


def finds_boxes(path: Path) -> bool:
    """Tell whether a file says of itself that it is a YOLO model that finds boxes; reads little of it, runs nothing."""
    try:
        if path.suffix == ".onnx":
            with open_regular(path) as file:
                file.seek(max(os.path.getsize(path) - _TAIL, 0))
                text = file.read()
            return b"ltralytics" in text and b"names" in text and (b"detect" in text or b"segment" in text)
        with open_regular(path) as file, zipfile.ZipFile(file) as archive:
            pickled = next((name for name in archive.namelist() if name.endswith("data.pkl")), None)
            text = archive.read(pickled) if pickled else b""
        return b"ultralytics.nn.tasks" in text and any(kind in text for kind in _BOX_MODELS)
    except (OSError, zipfile.BadZipFile):
        return False


def find_weights(name: str) -> Path:
    """Find the weights called `name`: a path, or a name (also without suffix) here or in the weights folders."""
    path = Path(name).expanduser()
    if path.is_file():
        if path.suffix not in SUFFIXES:
            raise CapabilityError(f"{name} is no detector's weights: give a .pt or .onnx file of a YOLO model.")
        return path.resolve()
    has_suffix = path.suffix in SUFFIXES
    if len(path.parts) == 1:
        names = [path.name] if has_suffix else [path.name + suffix for suffix in (".pt", ".onnx")]
        for candidate in [folder / file for folder in (Path(), *weights_folders()) for file in names]:
            if candidate.is_file():
                return candidate.resolve()
    get = how_to_get(path.name if has_suffix else f"{path.name}.pt")
    raise CapabilityError(f"Detector weights {name} are not on this disk: {get}")


def how_to_get(file: str = SUGGESTED) -> str:
    """Say how to get a file of weights: size, place, and command; of an unknown one, where to put it."""
    size = _SIZES.get(Path(file).stem)
    place = weights_folders()[0] / file
    if size is None:
        return f"put the file at {place}, or give its path"
    return f"{file} ({size} MB, AGPL-3.0) belongs at {place}: curl -L --create-dirs -o {place} {_RELEASE}/{file}"


def no_weights() -> str:
    """Say what is missing to someone who asks for objects without having given weights."""
    if detectors_here():
        return "Telling objects apart needs ultralytics (AGPL-3.0): pip install 'rewatch[detect]'"
    return f"Telling objects apart needs detector weights, given with --detector FILE: {how_to_get()}"


def fingerprint(path: Path) -> str:
    """Return 12 hex digits of the file's SHA-256."""
    state = path.stat()
    return _hash(path, state.st_size, state.st_mtime_ns)


@lru_cache(maxsize=64)
def _hash(path: Path, size: int, mtime_ns: int) -> str:
    with open_regular(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:12]
