"""Run a task of lmms-eval against `rewatch serve`: three rendered clips, or any task that lmms-eval knows.

    python examples/harness/lmms_eval.py --out harness-out --python ENVIRONMENT/bin/python
    python examples/harness/lmms_eval.py --out harness-out --tasks videomme --videos ~/.cache/huggingface --limit 20

lmms-eval cannot live beside rewatch (it pins av < 16), so it has an environment of its own: one that is there
(`--python`), or a new one below `--out`, into which `lmms-eval==0.7.3` is installed (some gigabytes). It calls rewatch
as it would call any model behind OpenAI's API, and is told to pass on the videos' paths.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from clips import write_clips
from serving import environment, served

PACKAGES = ("lmms-eval==0.7.3", "filelock<4")  # it uses a module that later ones of filelock lack
TASK = "rewatch_local"
TASKS = Path(__file__).parent / "lmms_eval_tasks"


def local_task(folder: Path) -> Path:
    """Write the task `rewatch_local` with its clips; gives its folder."""
    shutil.copytree(TASKS, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
    lines = [json.dumps(row) + "\n" for row in write_clips(folder)]
    (folder / "rows.jsonl").write_text("".join(lines), encoding="utf-8")
    return folder


def evaluate(python: Path, address: str, tasks: str, out: Path, *, extra: Path, **options: Any) -> dict[str, Any]:
    """Have lmms-eval run tasks against a server; gives its results by task.

    Args:
        python: of its environment.
        address: of the server.
        tasks: names, with commas.
        out: where it writes.
        extra: a folder with tasks of one's own.
        options: of its command, such as `limit`.
    """
    model = {"base_url": address, "api_key": "none", "model": "rewatch", "pass_video_url": True, "num_concurrent": 8}
    command = [python, "-m", "lmms_eval", "--model", "openai", "--tasks", tasks, "--include_path", extra]
    command += ["--model_args", ",".join(f"{name}={value}" for name, value in model.items())]
    command += ["--batch_size", "1", "--output_path", out, "--log_samples"]
    command += [word for name, value in options.items() if value is not None for word in (f"--{name}", value)]
    variables = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}  # another Python's
    subprocess.run(list(map(str, command)), check=True, cwd=extra, env=variables)
    newest = max(out.rglob("*_results.json"), key=lambda path: path.stat().st_mtime)
    return dict(json.loads(newest.read_text(encoding="utf-8"))["results"])


def show(results: Mapping[str, Mapping[str, Any]]) -> None:
    """Print the numbers of each task in a line."""
    for task, figures in results.items():
        numbers = {name: value for name, value in figures.items() if isinstance(value, int | float)}
        shown = {name.partition(",")[0]: value for name, value in numbers.items() if "_stderr" not in name}
        print(task, ", ".join(f"{name} {value:g}" for name, value in shown.items()))


def main() -> None:
    """Serve, evaluate, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("harness-out"))
    parser.add_argument("--python", type=Path, default=None, help="of an environment that has lmms-eval")
    parser.add_argument("--tasks", default=TASK)
    parser.add_argument("--include", type=Path, default=None, help="a folder with tasks of your own")
    parser.add_argument("--videos", type=Path, action="append", default=[], help="folders of the tasks' videos")
    parser.add_argument("--policy", default="heuristic")
    parser.add_argument("--limit", type=int, default=None)
    args = parser.parse_args()
    out = args.out.resolve()
    python = (args.python or environment(out / "lmms-eval", PACKAGES)).absolute()
    extra = local_task(out / "task") if args.include is None else args.include.resolve()
    with served(out / "memory", [extra, *args.videos], policy=args.policy) as address:
        show(evaluate(python, address, args.tasks, out / "results", extra=extra, limit=args.limit))


if __name__ == "__main__":
    main()
