"""The two networks of RapidOCR (PP-OCR): where is text in a picture, and what does a cut-out line say."""

from __future__ import annotations

import importlib.metadata
import logging
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import CapabilityError

_DETECTOR = "PP-OCRv6_det_small.onnx"
_RECOGNIZER = "PP-OCRv6_rec_small.onnx"
_CELL = 32
_BATCH = 8
_NARROWEST = 64 / 48  # width over height to which every crop is padded
_WIDER = 1.3


class OcrModels:
    """Detection and recognition on one thread, from the models inside RapidOCR's wheel; never touches the network.

    Raises:
        CapabilityError: when RapidOCR or its models are not installed.
    """

    def __init__(self) -> None:
        try:
            import rapidocr
        except ImportError as error:
            raise CapabilityError("Reading on-screen text needs RapidOCR: pip install rapidocr.") from error
        models = Path(rapidocr.__file__).parent / "models"
        for name in (_DETECTOR, _RECOGNIZER):
            # An explicit path keeps RapidOCR from downloading what is missing.
            if not (models / name).is_file():
                raise CapabilityError(f"RapidOCR here has no model {name} in {models}: pip install 'rapidocr>=3.10'.")
        logging.getLogger("RapidOCR").setLevel(logging.CRITICAL)
        self.version = importlib.metadata.version("rapidocr")
        self._engine: Any = rapidocr.RapidOCR(
            params={
                "Global.log_level": "critical",
                "Global.use_cls": False,
                "EngineConfig.onnxruntime.intra_op_num_threads": 1,
                "EngineConfig.onnxruntime.inter_op_num_threads": 1,
                "Det.model_path": str(models / _DETECTOR),
                "Rec.model_path": str(models / _RECOGNIZER),
                "Rec.rec_batch_num": _BATCH,
                # Short words need not be padded to 320 pixels: the network takes any width.
                "Rec.rec_img_shape": [3, 48, 64],
            }
        )
        # The first call loads the detector; its session is used below, since the probabilities themselves are needed.
        self._engine(np.zeros((_CELL, _CELL, 3), np.uint8), use_rec=False)
        self._engine.update_params(use_rec=True)

    def text_map(self, image: np.ndarray) -> np.ndarray:
        """Probability of text for every pixel.

        Args:
            image: `[H, W, 3]` uint8 BGR, both sides multiples of 32.

        Returns:
            `[H, W]` float32 in [0, 1].
        """
        scaled = image.astype(np.float32) / 127.5 - 1.0
        return np.asarray(self._engine.text_det.session(scaled.transpose(2, 0, 1)[None])[0, 0])

    def recognize(self, crops: Sequence[np.ndarray]) -> list[tuple[str, float]]:
        """Text and score of each cut-out line (`[h, w, 3]` uint8 BGR, upright)."""
        if not crops:
            return []
        found: list[tuple[str, float]] = [("", 0.0)] * len(crops)
        for alike in _alike(crops):
            result = self._engine.recognize_txt([crops[index] for index in alike])
            for index, text, score in zip(alike, result.txts, result.scores, strict=True):
                found[index] = str(text), float(score) if math.isfinite(score) else 0.0
        return found


def _alike(crops: Sequence[np.ndarray]) -> list[list[int]]:
    """Positions of crops in groups of about one shape: within a batch all are padded to the longest."""
    shapes = [crop.shape[1] / max(crop.shape[0], 1) for crop in crops]
    groups: list[list[int]] = []
    for index in sorted(range(len(crops)), key=lambda each: shapes[each]):
        least = max(shapes[groups[-1][0]], _NARROWEST) if groups else 0.0
        if groups and len(groups[-1]) < _BATCH and shapes[index] <= _WIDER * least:
            groups[-1].append(index)
        else:
            groups.append([index])
    return groups
