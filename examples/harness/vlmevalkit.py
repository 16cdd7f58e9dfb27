"""Run a set of VLMEvalKit against `rewatch serve`: a rendered clip, or any set that it can load.

    python examples/harness/vlmevalkit.py --out harness-out --python ENVIRONMENT/bin/python
    python examples/harness/vlmevalkit.py --out harness-out --data Video-MME --videos ~/.cache/huggingface

It has an environment of its own, as lmms-eval has (`lmms_eval.py`); the package `ms-vlmeval` is OpenCompass's code. It
is told that the model takes videos, and to pass on their paths. Answers are read by their letters: no model judges.
"""

from __future__ import annotations

import argparse
import csv
import os
import subprocess
from pathlib import Path

from clips import write_clips
from serving import environment, served

PACKAGES = ("ms-vlmeval==0.0.20",)
TASK = "rewatch_local"
ASKED = ("task_type", "candidates", "subtitle_path", "question", "answer")


def local_set(folder: Path) -> Path:
    """Write the clips that are asked about by letters, as a set in the form of Video-MME; gives its folder."""
    (folder / "video").mkdir(parents=True, exist_ok=True)
    rows = [row for row in write_clips(folder / "video") if row["form"] == "letter"]
    with (folder / "rows.tsv").open("w", newline="", encoding="utf-8") as file:
        about = {
            "duration": "short",
            "domain": "Knowledge",
            "sub_category": "Astronomy",
            "task_type": "Counting Problem",
        }
        columns = ["index", "video", "video_path", *about, *ASKED]
        table = csv.DictWriter(file, columns, delimiter="\t")
        table.writeheader()
        for index, row in enumerate(rows):
            name = Path(row["video"]).stem
            places = {"index": index, "video": name, "video_path": f"./video/{name}.mp4", "subtitle_path": ""}
            options = [f"{chr(65 + n)}. {option}" for n, option in enumerate(row["options"])]
            told = {
                "task_type": "Counting Problem",
                "candidates": options,
                "question": row["question"],
                "answer": row["answer"],
            }
            table.writerow({**places, **about, **told})
    return folder


def evaluate(python: Path, address: str, data: str, out: Path, *, own: Path, limit: int | None) -> None:
    """Have VLMEvalKit run a set against a server; it prints its table, and writes it below `out`.

    Args:
        python: of its environment.
        address: of the server.
        data: name of the set.
        out: where it writes.
        own: folder of the set `rewatch_local`.
        limit: how many rows are asked; None for all.
    """
    command = [python, Path(__file__).with_name("vlmevalkit_task.py"), own, "--data", data, "--model", "rewatch"]
    command += ["--base-url", address, "--key", "none", "--video-llm", "--local-media", "--judge", "exact_matching"]
    command += ["--work-dir", out, "--api-nproc", "4", "--retry", "2"]
    command += [] if limit is None else ["--limit", limit]
    variables = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}  # another Python's
    subprocess.run(list(map(str, command)), check=True, env=variables)
    if not list(out.rglob(f"rewatch_{data}*_rating.json")):  # what fails is skipped, and no error
        raise SystemExit(f"VLMEvalKit came to no score of {data}: see its table above.")


def main() -> None:
    """Serve and evaluate."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("harness-out"))
    parser.add_argument("--python", type=Path, default=None, help="of an environment that has VLMEvalKit")
    parser.add_argument("--data", default=TASK)
    parser.add_argument("--videos", type=Path, action="append", default=[], help="folders of the set's videos")
    parser.add_argument("--policy", default="heuristic")
    parser.add_argument("--limit", type=int, default=None)
    args = parser.parse_args()
    out = args.out.resolve()
    python = (args.python or environment(out / "vlmevalkit", PACKAGES)).absolute()
    own = local_set(out / "set")
    with served(out / "memory", [own, *args.videos], policy=args.policy) as address:
        evaluate(python, address, args.data, out / "results", own=own, limit=args.limit)


if __name__ == "__main__":
    main()
