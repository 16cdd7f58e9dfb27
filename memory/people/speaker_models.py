"""Speaker models: vectors of short windows of speech, alike for one voice."""

from __future__ import annotations

import hashlib
import importlib.util
from functools import cache, cached_property
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from ..checkpoints import first_line
from ..errors import CapabilityError
from ..files.regular import read_bytes
from .features import log_filterbank, mel_power
from .grouping import Thresholds, unit

RESEMBLYZER = "resemblyzer"
"""Name of the model whose weights lie in the wheel of that name."""
FRAMES = 160
"""Frames of a window, of 10 ms each (Resemblyzer's `partials_n_frames`)."""
_LOUDNESS = -30.0  # dBFS, Resemblyzer's `audio_norm_target_dBFS`
_BATCH = 64
_SAME = 0.5


class SpeakerModel(Protocol):
    """A model that tells voices apart."""

    @property
    def stamp(self) -> str:
        """Name and content of the model: vectors of another stamp cannot be compared."""

    @property
    def thresholds(self) -> Thresholds:
        """Cosines from which on two are one."""

    def encode(self, windows: np.ndarray) -> np.ndarray:
        """Return unit vectors `[n, dim]` float32 of windows of speech `[n, samples]` (float32 at 16 kHz)."""


class Resemblyzer:
    """The GE2E voice encoder of Resemblyzer 0.1.4: three LSTM layers of 256, trained on human voices.

    Only the weights of its wheel are read; its own code, which wants librosa and webrtcvad, is not. After Wan et al.,
    Generalized End-to-End Loss for Speaker Verification (arXiv 1710.10467).

    Raises:
        CapabilityError: if the wheel is not installed.
    """

    def __init__(self) -> None:
        spec = importlib.util.find_spec("resemblyzer")  # finds the folder, imports nothing
        folder = Path(spec.origin).parent if spec is not None and spec.origin is not None else None
        if folder is None or not (folder / "pretrained.pt").is_file():
            raise CapabilityError(
                "No speaker model is here: pip install --no-deps resemblyzer, or name the ONNX file of one with "
                "--speaker-model."
            )
        self._file = folder / "pretrained.pt"

    stamp = "resemblyzer 0.1.4"
    # Measured on 100 utterances of 10 readers of LibriSpeech test-other: a turn and the mean of its own voice have at
    # least 0.73 where it is one window long (0.86 as a whole utterance), of another's at most 0.79 (1 % above 0.71);
    # means of two halves at least 0.95, of two readers at most 0.80 (docs/results.md, Voices).
    thresholds = Thresholds(same=0.72, short=0.60, window=0.70, suggest=0.80)

    @cached_property
    def _network(self) -> Any:
        import torch

        state = torch.load(self._file, map_location="cpu", weights_only=True)["model_state"]
        network = torch.nn.ModuleDict({"lstm": torch.nn.LSTM(40, 256, 3, batch_first=True)})
        network["linear"] = torch.nn.Linear(256, 256)
        network.load_state_dict({name: state[name] for name in network.state_dict()})
        return network.eval()

    def encode(self, windows: np.ndarray) -> np.ndarray:
        """See `SpeakerModel.encode`; quiet windows are raised to -30 dBFS, as in its `normalize_volume`."""
        import torch

        mels = np.stack([mel_power(_loud(window))[:FRAMES] for window in windows])
        network, rows = self._network, []
        with torch.inference_mode():
            for at in range(0, len(mels), _BATCH):
                _, (hidden, _) = network["lstm"](torch.from_numpy(mels[at : at + _BATCH]))
                rows.append(torch.relu(network["linear"](hidden[-1])).numpy())
        return unit(np.concatenate(rows))


class OnnxSpeaker:
    """A speaker model in ONNX, by its file.

    What it takes is told by its only input: `[batch, samples]` is a waveform, `[batch, frames, 80]` is a log mel
    filterbank (see `features.log_filterbank`). Its last output is the vector, `[batch, dim]`.

    Args:
        path: the file.
        same: least cosine between two turns of one voice. The default is what such models are used with (0.5 in
            WeSpeaker's diarization is near it); none was measured here.

    Raises:
        CapabilityError: if the file is not there, is no ONNX model, or takes something else.
    """

    def __init__(self, path: Path, same: float | None = None) -> None:
        import onnxruntime

        if not path.is_file():
            raise CapabilityError(f"There is no speaker model at {path}: give the path of an .onnx file.")
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 4
        options.intra_op_num_threads = 1
        try:
            self._session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        except Exception as error:  # onnxruntime documents no exceptions for files that do not fit
            raise CapabilityError(f"{path} is no ONNX model that can be used: {first_line(error)}") from error
        (self._input, *others) = self._session.get_inputs()
        shape = self._input.shape
        if others or not (len(shape) == 2 or (len(shape) == 3 and shape[2] == 80)):
            raise CapabilityError(
                f"{path} takes {[(one.name, one.shape) for one in (self._input, *others)]}: a speaker model takes one "
                "input, a waveform [batch, samples] or features [batch, frames, 80]."
            )
        self._waveform = len(shape) == 2
        digest = hashlib.sha256(read_bytes(path)).hexdigest()[:12]
        self.stamp = f"onnx {'waveform' if self._waveform else 'fbank80'} {digest}"
        least = _SAME if same is None else same
        self.thresholds = Thresholds(same=least, short=0.8 * least, window=0.9 * least, suggest=least)

    def encode(self, windows: np.ndarray) -> np.ndarray:
        """See `SpeakerModel.encode`."""
        rows = windows if self._waveform else np.stack([log_filterbank(window) for window in windows])
        outputs = [
            self._session.run(None, {self._input.name: np.asarray(rows[at : at + _BATCH], np.float32)})[-1]
            for at in range(0, len(rows), _BATCH)
        ]
        return unit(np.concatenate(outputs).reshape(len(rows), -1))


@cache
def speaker_model(name: str, same: float | None = None) -> SpeakerModel:
    """Return the speaker model of a name: `resemblyzer`, or the path of an ONNX file. Loaded once.

    Args:
        name: the name or path.
        same: for an ONNX file, see `OnnxSpeaker`.

    Raises:
        CapabilityError: if it is not here.
    """
    return Resemblyzer() if name == RESEMBLYZER else OnnxSpeaker(Path(name).expanduser(), same)


def _loud(sound: np.ndarray) -> np.ndarray:
    level = float(np.sqrt(np.mean(np.square(sound, dtype=np.float64))))
    target = 10 ** (_LOUDNESS / 20)
    result: np.ndarray = sound * (target / level) if 0 < level < target else sound
    return result
