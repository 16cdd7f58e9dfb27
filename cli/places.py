"""Where things are kept: the memory folder, its runs, and the demo's files."""

from __future__ import annotations

import os
from pathlib import Path

import platformdirs

DEMO = Path(__file__).resolve().parent.parent / "examples" / "demo"
"""The demo video and its truth, in a checkout and in the installed package alike."""


def memory_folder(given: Path | None) -> Path:
    """The folder of `--memory`, else `REWATCH_MEMORY`, else one in the user's data folder."""
    if given is not None:
        return given
    named = os.environ.get("REWATCH_MEMORY")
    return Path(named) if named else Path(platformdirs.user_data_dir("rewatch")) / "memory"


def runs_folder(memory: Path) -> Path:
    """Where the traces and reports of a memory's runs are kept."""
    return memory / "runs"
