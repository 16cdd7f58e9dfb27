"""VLMEvalKit's own command with one more set: rows and clips of ours, asked and judged as its Video-MME is.

Runs in VLMEvalKit's environment: `python vlmevalkit_task.py FOLDER ARGUMENTS OF ITS run.py`.
"""

from __future__ import annotations

import sys
from pathlib import Path

from vlmeval import run
from vlmeval.dataset import DATASET_CLASSES
from vlmeval.dataset.videomme import VideoMME

TASK = "rewatch_local"


def main() -> None:
    """Add the set whose rows and videos lie in a folder, and hand over."""
    folder = Path(sys.argv.pop(1))

    class Local(VideoMME):
        """Video-MME, but for where its rows come from."""

        def prepare_dataset(self, dataset_name: str = TASK) -> dict[str, str]:
            """Where the rows are, and the folder that has `video`."""
            return {"data_file": str(folder / "rows.tsv"), "root": str(folder)}

        @classmethod
        def supported_datasets(cls) -> list[str]:
            """Its name."""
            return [TASK]

    DATASET_CLASSES.append(Local)
    run.main()


if __name__ == "__main__":
    main()
