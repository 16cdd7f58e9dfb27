"""Tiny language models on disk, loaded once, and a real one where its file is here."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from rewatch.agent import load_policy
from rewatch.agent.models.local_lm import LocalLM
from rewatch.memory import ClipMemory, FrameReader

from . import tiny

SMOLLM = "smollm2-135m"


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> None:
    import torch

    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Folder of a tiny model of a family."""
    pytest.importorskip("trl", reason="the chat templates are those that TRL bundles")
    made: dict[str, Path] = {}

    def folder(family: str) -> Path:
        if family not in made:
            made[family] = tiny.save_lm(tmp_path_factory.mktemp(family), family)
        return made[family]

    return folder


@pytest.fixture(scope="session")
def loaded(saved: Callable[[str], Path]) -> Callable[[str], LocalLM]:
    """The policy of a family, loaded from disk by its name."""
    made: dict[str, LocalLM] = {}

    def policy(family: str) -> LocalLM:
        if family not in made:
            made[family] = load_policy(str(saved(family)))
        return made[family]

    return policy


@pytest.fixture(params=tiny.FAMILIES)
def policy(request: pytest.FixtureRequest, loaded: Callable[[str], LocalLM]) -> LocalLM:
    """Every architecture."""
    return loaded(request.param)


@pytest.fixture(scope="session")
def smollm(pytestconfig: pytest.Config) -> LocalLM:
    """SmolLM2-135M-Instruct, where `$REWATCH_TEST_WEIGHTS` has it; put together with `REWATCH_GET_WEIGHTS=1`."""
    places = [Path(os.environ[name]) for name in ("REWATCH_TEST_WEIGHTS",) if os.environ.get(name)]
    kept = Path.home() / ".cache" / "rewatch-test-weights"
    found = [path for place in (*places, kept) if place.is_dir() for path in sorted(place.rglob(f"{SMOLLM}*.gguf"))]
    maker = pytestconfig.rootpath.parent / "shared" / "weights" / "get.py"
    if not found and os.environ.get("REWATCH_GET_WEIGHTS") and maker.is_file():
        folder = kept / SMOLLM
        folder.mkdir(parents=True, exist_ok=True)
        subprocess.run([sys.executable, str(maker), SMOLLM, str(folder)], check=True)
        found = sorted(folder.glob("*.gguf"))
    if not found:
        pytest.skip(f"{SMOLLM}.gguf is not here: set REWATCH_TEST_WEIGHTS to its folder, or REWATCH_GET_WEIGHTS=1")
    return LocalLM.load(str(found[0]))


@pytest.fixture(scope="session")
def pixels(notices: ClipMemory) -> FrameReader:
    return FrameReader(notices)
