"""Places on the disk: the memory folder, its runs, and the demo's files."""

from __future__ import annotations

import os
from pathlib import Path

import platformdirs

from ...memory import MemoryFolderError

DEMO = Path(__file__).resolve().parents[2] / "examples" / "demo"
"""The demo video and its truth, in a checkout and in the installed package alike."""


def memory_folder(folder_option: Path | None) -> Path:
    """Return the folder of `--memory`, else of `REWATCH_MEMORY`, else one in the user's data folder."""
    named = os.environ.get("REWATCH_MEMORY")
    folder = folder_option or Path(named or Path(platformdirs.user_data_dir("rewatch")) / "memory")
    try:
        os.stat(folder)
    except FileNotFoundError:
        pass
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or str(error)
        raise MemoryFolderError(
            f"{str(folder)[:200]}: no memory folder ({why}); name another one with --memory."
        ) from None
    return folder


def runs_folder(memory: Path) -> Path:
    """Return where the traces and reports of a memory's runs are kept."""
    return memory / "runs"
