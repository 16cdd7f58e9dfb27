"""Fixtures that the whole suite shares."""

import importlib.util
import os
import tempfile
from pathlib import Path

import pytest

# Machines are shared: one thread a library unless a test says otherwise.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("HF_HUB_OFFLINE", "1")

# Weights that lie in a person's own data folder are not for tests.
os.environ["XDG_DATA_HOME"] = tempfile.mkdtemp(prefix="rewatch-tests-")
os.environ.pop("REWATCH_WEIGHTS", None)

pytest_plugins = ["talks", "dialogues"]

SHARED = Path(__file__).resolve().parent.parent.parent / "shared"


@pytest.fixture(scope="session")
def media() -> Path:
    """The folder of real videos; skips where it is not there."""
    folder = SHARED / "media"
    if not folder.is_dir():
        pytest.skip("../shared/media is not here: real videos are for the project's own trials")
    return folder


@pytest.fixture(scope="session")
def weights() -> Path:
    """The folder of real weights; skips where it is not there."""
    folder = SHARED / "weights"
    if not folder.is_dir():
        pytest.skip("../shared/weights is not here: real weights are for the project's own trials")
    return folder


@pytest.fixture(scope="session")
def yolo(weights: Path) -> Path:
    """Weights of a real YOLO; skips where they are not there, or ultralytics is not installed."""
    if importlib.util.find_spec("ultralytics") is None:  # it can't be imported plainly where torchvision is missing
        pytest.skip("ultralytics (AGPL-3.0) is not installed: pip install 'rewatch[detect]'")
    return weights / "yolov8n_int8.onnx"
