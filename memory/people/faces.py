"""Faces: found by YuNet, told apart by SFace, through OpenCV's own interfaces; the person has the two files.

Pictures are looked at once a second. Sightings of one face that follow one another are a track; tracks become
identities like speaker turns do (`grouping`), in the order of time.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import CapabilityError
from ..files.regular import read_bytes
from ..protocol import Frame, VideoSource
from ..span import Box, Span
from ..types import FACES
from .grouping import NewAppearance, Thresholds, mean_of, unit

_RATE = 1.0  # pictures a second
_SIZE = 960  # pixels of the longer side: YuNet finds faces from about 10 to 300 pixels
_SCORE = 0.8  # of a detection, in [0, 1]; OpenCV's own example takes 0.9, and its class 0.9 by default
_GAP = 2.5  # seconds in which a face may be turned away
_LONGEST = 10.0  # seconds of a track; a longer stay is several


class FaceLearner:
    """The faces of a video, by a detector and a recognizer in ONNX.

    Args:
        detector: a file of YuNet, or another model with its outputs (`cv2.FaceDetectorYN`).
        recognizer: a file of SFace, or another model with its interface (`cv2.FaceRecognizerSF`).

    Raises:
        CapabilityError: if a file is not there, or is no such model.
    """

    channel = FACES
    # Of SFace, by OpenCV's tutorial on FaceRecognizerSF: one person from a cosine of 0.363 on. Not measured here.
    thresholds = Thresholds(same=0.363, short=0.363, window=0.363, suggest=0.363)

    def __init__(self, detector: Path, recognizer: Path) -> None:
        import cv2

        for path in (detector, recognizer):
            if not path.is_file():
                raise CapabilityError(f"There is no face model at {path}: give the paths of YuNet's and SFace's files.")
        try:
            self._detector = cv2.FaceDetectorYN.create(str(detector), "", (320, 320), _SCORE)
            self._recognizer = cv2.FaceRecognizerSF.create(str(recognizer), "")
        except cv2.error as error:
            raise CapabilityError(f"{detector} and {recognizer} are no face models: {_reason(error)}") from error
        self._files = (detector, recognizer)
        digest = hashlib.sha256(read_bytes(detector) + read_bytes(recognizer)).hexdigest()[:12]
        self.stamp = f"yunet+sface {digest}"

    def appearances(self, source: VideoSource, span: Span) -> list[NewAppearance]:
        """See `Learner.appearances`."""
        tracks: list[_Track] = []
        for frame in source.frames(span, _RATE, size=_SIZE):
            for sighting in self._sightings(frame):
                going = [track for track in tracks if track.takes(sighting.time)]
                best = max(going, key=lambda track: float(track.mean @ sighting.vector), default=None)
                if best is not None and float(best.mean @ sighting.vector) >= self.thresholds.same:
                    best.sightings.append(sighting)
                else:
                    tracks.append(_Track([sighting]))
        return [track.appearance(span) for track in tracks]

    def _sightings(self, frame: Frame) -> list[_Sighting]:
        import cv2

        picture = np.ascontiguousarray(frame.image[:, :, ::-1])  # OpenCV's models want blue first
        high, wide = picture.shape[:2]
        try:
            self._detector.setInputSize((wide, high))
            _, faces = self._detector.detect(picture)
            rows: list[Any] = [] if faces is None else list(faces)
            vectors = [self._recognizer.feature(self._recognizer.alignCrop(picture, row)) for row in rows]
        except cv2.error as error:
            raise CapabilityError(
                f"{self._files[0]} and {self._files[1]} are no face models: {_reason(error)}"
            ) from error
        found = []
        for row, vector in zip(rows, vectors, strict=True):
            left, top, width, height = (float(value) for value in row[:4])
            sides = (left / wide, top / high, (left + width) / wide, (top + height) / high)
            box = [min(max(side, 0.0), 1.0) for side in sides]
            if box[0] < box[2] and box[1] < box[3]:
                found.append(_Sighting(frame.time, Box(*box), float(row[-1]), unit(np.ravel(vector))))
        return found


@dataclass(frozen=True, slots=True, eq=False)
class _Sighting:
    time: float
    box: Box
    score: float
    vector: np.ndarray


@dataclass(slots=True, eq=False)
class _Track:
    sightings: list[_Sighting] = field(default_factory=list)

    @property
    def mean(self) -> np.ndarray:
        return mean_of((one.vector, one.score) for one in self.sightings)

    def takes(self, time: float) -> bool:
        """Return whether another sighting may belong to it; of one picture only one does."""
        last = self.sightings[-1].time
        return last < time <= last + _GAP and time - self.sightings[0].time <= _LONGEST

    def appearance(self, span: Span) -> NewAppearance:
        first, last = self.sightings[0].time, self.sightings[-1].time
        best = max(self.sightings, key=lambda one: one.score)
        end = min(last + 1 / _RATE, span.end)
        return NewAppearance(
            start=first,
            end=max(end, first),
            known=max(min(last + _GAP, span.end), end),
            vector=self.mean,
            founds=len(self.sightings) > 1,
            box=(best.time, best.box),
        )


def _reason(error: Exception) -> str:
    return " ".join(str(error).split())[:160]
