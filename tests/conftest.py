"""Fixtures that the whole suite shares."""

import os
from pathlib import Path

import pytest

# Machines are shared: one thread a library unless a test says otherwise.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("HF_HUB_OFFLINE", "1")

pytest_plugins = ["talks"]

SHARED = Path(__file__).resolve().parent.parent.parent / "shared"


@pytest.fixture(scope="session")
def media() -> Path:
    """The folder of real videos; skips where it is not there."""
    folder = SHARED / "media"
    if not folder.is_dir():
        pytest.skip("../shared/media is not here: real videos are for the project's own trials")
    return folder
