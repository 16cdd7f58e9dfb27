"""YOLO models through ultralytics (AGPL-3.0, an optional extra), from `.pt` or `.onnx`, kept from calling home."""

from __future__ import annotations

import importlib.metadata
import logging
import os
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from ..errors import CapabilityError
from ..span import Box
from .detector import LEAST, Detection, Detector
from .detector_weights import find_weights, fingerprint

_MOST = 100  # detections kept of one picture
_BATCH = 8
_QUIET = {
    "YOLO_OFFLINE": "true",
    "YOLO_AUTOINSTALL": "false",
    "YOLO_VERBOSE": "false",
    "ULTRALYTICS_SAFE_LOAD": "true",  # a .pt is a pickle: only classes of models are built from it, no code is run
}
_importing = threading.Lock()


class UltralyticsDetector:
    """A YOLO model. Safe between threads, one picture batch at a time."""

    def __init__(self, weights: Path, *, threads: int | None = None) -> None:
        self.weights = weights
        self.name = weights.stem
        self._threads = threads
        self._lock = threading.Lock()
        self._vocabulary: tuple[str, ...] | None = None
        module = import_ultralytics()
        try:
            self.model = self._load(module)
            self._prepare()
        except CapabilityError:
            raise
        except Exception as error:  # torch, onnxruntime and ultralytics raise anything on files that do not fit
            reason = (str(error).strip() or type(error).__name__).splitlines()[0]
            raise CapabilityError(
                f"{weights} cannot be used as a detector ({reason}): give a .pt or .onnx file of a YOLO model that "
                "finds boxes."
            ) from error
        if self.model.task not in ("detect", "segment"):
            raise CapabilityError(
                f"{weights} does {self.model.task}, not detection: give weights that find boxes, such as yolo11n.pt."
            )

    def __reduce__(self) -> tuple[Any, ...]:
        return partial(type(self), threads=self._threads), (self.weights,)

    def __repr__(self) -> str:
        return f"UltralyticsDetector({str(self.weights)!r})"

    @cached_property
    def stamp(self) -> str:
        """File name, its hash, and the version of ultralytics."""
        return f"{self.name} {fingerprint(self.weights)} ultralytics {importlib.metadata.version('ultralytics')}"

    @cached_property
    def labels(self) -> tuple[str, ...]:
        """The labels that the weights know, in their own order."""
        return tuple(str(label) for label in _names(self.model))

    @cached_property
    def open_vocabulary(self) -> bool:
        """True for YOLO-World and YOLOE with their text encoder, which can be asked for any words."""
        return type(self.model).__name__ in ("YOLOWorld", "YOLOE") and not self.name.endswith("-pf")

    def detect(
        self, images: Sequence[np.ndarray], *, labels: Sequence[str] | None = None, least: float = LEAST
    ) -> list[list[Detection]]:
        """See `Detector`."""
        found: list[list[Detection]] = []
        with self._lock:
            if self.open_vocabulary and labels and not set(labels) <= set(self.labels):
                self._set_vocabulary(tuple(labels))
            elif self._vocabulary is not None:
                self._set_vocabulary(self.labels)
            names = [str(name) for name in _names(self.model)]
            classes = None if labels is None else [index for index, name in enumerate(names) if name in set(labels)]
            if classes == []:
                return [[] for _ in images]
            for start in range(0, len(images), self._batch):
                found += self._predict(images[start : start + self._batch], least, classes, names)
        return found

    def _predict(
        self, images: Sequence[np.ndarray], least: float, classes: list[int] | None, names: list[str]
    ) -> list[list[Detection]]:
        # It takes BGR, as OpenCV gives it.
        pictures = [np.ascontiguousarray(image[..., ::-1]) for image in images]
        options = {"conf": least, "classes": classes, "max_det": _MOST, "batch": len(pictures)}
        results = self.model.predict(pictures, verbose=False, save=False, **options)
        return [_detections(result, names) for result in results]

    def _load(self, module: Any) -> Any:
        """Load the model as the class that its file name calls for."""
        if self.weights.suffix == ".onnx":
            return module.YOLO(str(self.weights), task="detect")
        stem = self.name.lower()
        kind = module.YOLOE if "yoloe" in stem else module.YOLOWorld if "-world" in stem else module.YOLO
        return kind(str(self.weights))

    def _prepare(self) -> None:
        """Run it once, so that a file that does not fit is reported at once."""
        # Its warm-up imports torchvision, only to have its faster suppression of doubles; ultralytics has its own.
        self.model.add_callback("on_predict_start", _warm)
        self._batch = 1
        self._predict([np.zeros((64, 64, 3), np.uint8)], LEAST, None, [str(name) for name in _names(self.model)])
        backend: Any = getattr(self.model.predictor.model, "backend", None)
        session = getattr(backend, "session", None)
        if session is None or getattr(backend, "dynamic", False):
            self._batch = _BATCH
        if session is not None:
            import onnxruntime

            options = onnxruntime.SessionOptions()
            options.intra_op_num_threads = self._threads or 0
            # Threads that spin while they wait take the processor from those that work, three times over on a busy one.
            options.add_session_config_entry("session.intra_op.allow_spinning", "0")
            providers = session.get_providers()
            backend.session = onnxruntime.InferenceSession(str(self.weights), options, providers=providers)

    def _set_vocabulary(self, words: tuple[str, ...]) -> None:
        """Have YOLO-World or YOLOE look for `words`."""
        if words == (self._vocabulary or self.labels):
            return
        try:
            self.model.set_classes(list(words))
        except Exception as error:  # ultralytics tries to install and to download the encoder, and fails in many ways
            raise CapabilityError(
                f"These weights can be asked for {', '.join(words)} only with their text encoder: YOLO-World needs the "
                "package clip (pip install git+https://github.com/ultralytics/CLIP.git) and ViT-B-32.pt (338 MB) in "
                "~/.cache/clip, YOLOE needs mobileclip_blt.ts (572 MB) in this folder; or save the weights with their "
                "vocabulary (model.set_classes([...]); model.save(FILE))."
            ) from error
        self.model.predictor = None
        self._vocabulary = words if words != self.labels else None


def _warm(predictor: Any) -> None:
    predictor.done_warmup = True


def detector(name: str | Detector, *, threads: int | None = None) -> Detector:
    """Load the detector called `name`.

    Args:
        name: path of weights (`.pt`, `.onnx`), the name of some (`yolo11n.pt`, or `yolo11n`) that lie in the current
            folder or in the folder of weights, or a detector, which is given back.
        threads: threads on the CPU (None: as the runtime likes).
    """
    if not isinstance(name, str):
        return name
    return UltralyticsDetector(find_weights(name), threads=threads)


def _names(model: Any) -> list[str]:
    names = model.names
    return [names[key] for key in sorted(names)] if isinstance(names, dict) else list(names)


def _detections(result: Any, names: list[str]) -> list[Detection]:
    height, width = result.orig_shape
    rows = result.boxes.data.cpu().numpy().astype(float)
    found = []
    for left, top, right, bottom, score, kind in rows[:, [0, 1, 2, 3, -2, -1]]:
        box = np.clip([left / width, top / height, right / width, bottom / height], 0.0, 1.0)
        found.append(Detection(names[int(kind)], round(float(score), 4), Box(*(round(float(x), 5) for x in box))))
    return sorted(found, key=lambda one: -one.score)


def import_ultralytics() -> Any:
    """Import the package so that it does not fetch weights, install packages or send statistics."""
    with _importing:
        for name, value in _QUIET.items():
            os.environ.setdefault(name, value)
        # It sets these for the whole process on import.
        kept = {name: os.environ.get(name) for name in ("OMP_NUM_THREADS", "NUMEXPR_MAX_THREADS")}
        try:
            opens = Image.open
            with _torchvision_version():
                import ultralytics
                from ultralytics.utils import checks, events
            Image.open = opens  # ultralytics puts its own in place, which asks for pi_heif where a file is no picture
        except ImportError as error:
            raise CapabilityError(
                "Detecting objects needs ultralytics (AGPL-3.0): pip install 'rewatch[detect]'"
                + ("" if "ultralytics" in str(error) else f" ({error})")
            ) from error
        finally:
            for name, before in kept.items():
                if before is None:
                    os.environ.pop(name, None)
                else:
                    os.environ[name] = before
        events.events.enabled = False
        setattr(checks, "AUTOINSTALL", False)  # noqa: B010 - a copy of what the environment said when it was imported
        logging.getLogger("ultralytics").setLevel(logging.ERROR)
        return ultralytics


@contextmanager
def _torchvision_version() -> Iterator[None]:
    """Let ultralytics be imported where torchvision is not installed: it asks for its version, and for nothing else.

    torchvision has to be built for the very torch that is here, and what is used of ultralytics does not need it.
    """
    real = importlib.metadata.version

    def version(distribution_name: str) -> str:
        try:
            return real(distribution_name)
        except importlib.metadata.PackageNotFoundError:
            if distribution_name != "torchvision":
                raise
            minor = int(real("torch").split(".")[1])
            return f"0.{minor + 15}.0"

    importlib.metadata.version = version
    try:
        yield
    finally:
        importlib.metadata.version = real
