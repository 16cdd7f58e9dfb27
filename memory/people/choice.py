"""Which models learn the people of a memory: as named, else as it was made with, else the one that is here."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import CapabilityError
from ..protocol import VideoSource
from ..registry import require_name
from ..span import Span
from ..store.database import Store
from ..types import FACES, VOICES
from .grouping import NewAppearance
from .speaker_models import RESEMBLYZER, SpeakerModel, speaker_model
from .voices import turns_in

if TYPE_CHECKING:
    from .learn import Learner

_SPEAKER, _FACES = "speaker_model", "face_models"


class VoiceLearner:
    """The speaker turns of a video's sound."""

    channel = VOICES

    def __init__(self, model: SpeakerModel) -> None:
        self._model = model
        self.stamp = model.stamp
        self.thresholds = model.thresholds

    def appearances(self, source: VideoSource, span: Span) -> list[NewAppearance]:
        """See `Learner.appearances`."""
        return turns_in(source.audio(span), span.start, self._model) if source.info.has_audio else []


def learners(
    store: Store,
    channels: Sequence[str],
    speaker: SpeakerModel | str | None,
    same: float | None,
    faces: tuple[str | Path, str | Path] | None,
) -> list[Learner]:
    """Return what learns the channels of people; names are kept, so that the memory goes on with the same models.

    Raises:
        CapabilityError: if a model is not here, or no face models were named yet.
        UnknownNameError: if there is no such channel.
    """
    made: list[Learner] = []
    for channel in dict.fromkeys(channels):
        if require_name("channel of people", channel, (VOICES, FACES)) == VOICES:
            made.append(VoiceLearner(_speaker(store, speaker, same)))
        else:
            made.append(_faces(store, faces))
    return made


def _speaker(store: Store, choice: SpeakerModel | str | None, same: float | None) -> SpeakerModel:
    if choice is not None and not isinstance(choice, str):
        return choice
    kept, least = json.loads(store.meta(_SPEAKER) or f'["{RESEMBLYZER}", null]')
    name = kept if choice is None else choice if choice == RESEMBLYZER else str(Path(choice).expanduser().absolute())
    least = least if same is None and choice is None else same
    model = speaker_model(name, least)
    if choice is not None:
        store.set_meta(_SPEAKER, json.dumps([name, least]))
    return model


def _faces(store: Store, choice: tuple[str | Path, str | Path] | None) -> Learner:
    from .faces import FaceLearner

    kept = json.loads(store.meta(_FACES) or "null")
    if choice is None and kept is None:
        raise CapabilityError(
            "Faces need two files that you have: YuNet's and SFace's (ONNX; --face-models YUNET.onnx,SFACE.onnx); none "
            "come with rewatch."
        )
    detector, recognizer = kept if choice is None else (str(Path(path).expanduser().absolute()) for path in choice)
    learner = FaceLearner(Path(detector), Path(recognizer))
    if choice is not None:
        store.set_meta(_FACES, json.dumps([detector, recognizer]))
    return learner
