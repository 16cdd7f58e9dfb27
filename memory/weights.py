"""Folders in which weights are found without being named: detectors, speech recognizers. Nothing is fetched."""

from __future__ import annotations

import os
from pathlib import Path

FOLDER_VARIABLE = "REWATCH_WEIGHTS"
"""Environment variable that names a folder to look in first."""


def weights_folders() -> tuple[Path, ...]:
    """Where weights are looked for, in order: `$REWATCH_WEIGHTS` if it is set, then `weights` in the data folder.

    The data folder is the user's own (`~/.local/share/rewatch` on Linux), in which the default memory lies too. The
    folders need not be there.
    """
    import platformdirs

    own = Path(platformdirs.user_data_dir("rewatch")) / "weights"
    named = os.environ.get(FOLDER_VARIABLE)
    return (Path(named).expanduser(), own) if named else (own,)
