"""Run a task of lmms-eval against `rewatch serve`: three rendered clips, or any task that lmms-eval knows.

    python examples/harness/lmms_eval.py --out harness-out --python ENVIRONMENT/bin/python
    python examples/harness/lmms_eval.py --out harness-out --python … --tasks videomme --videos FOLDER --limit 20

lmms-eval cannot live beside rewatch (it pins av < 16), so it has an environment of its own: one that is there
(`--python`), or a new one below `--out`, into which `lmms-eval==0.7.3` is installed (some gigabytes). It calls rewatch as
it would call any model behind OpenAI's API, and is told to pass on the videos' paths.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from rewatch.training.gym import make_environment, write_video
from serving import served

VERSION = "0.7.3"
TASK = "rewatch_local"
CLIPS = {"reading": "letter", "tracking": "number", "spotting": "span"}
"""Families of the gym that no weights are needed for, and the form of the answer that is asked for."""
PACKAGES = (f"lmms-eval=={VERSION}", "filelock<4")  # it uses a module that later ones lack
TASKS = Path(__file__).parent / "lmms_eval_tasks"


def environment(out: Path) -> Path:
    """The Python of an environment that has lmms-eval; made where it is not there."""
    python = out / "environment" / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", out / "environment"], check=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", *PACKAGES], check=True)
    return python


def local_task(folder: Path) -> Path:
    """Write the task with three clips of known truth; gives its folder."""
    shutil.copytree(TASKS, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
    rows = []
    for seed, (family, form) in enumerate(CLIPS.items()):
        made = make_environment(family, seed)
        task, video = made.task, write_video(made.world, folder)
        answer, options = task.truth.answer or "", []
        if form == "letter":
            options = sorted({answer, answer[::-1], answer[1:] + answer[:1], "40"})
            answer = chr(65 + options.index(answer))
        span = task.truth.spans[0]
        row = {"video": video.name, "question": task.question, "options": options, "form": form, "answer": answer}
        rows.append(json.dumps({**row, "span": [span.start, span.end]}) + "\n")
    (folder / "rows.jsonl").write_text("".join(rows), encoding="utf-8")
    return folder


def evaluate(python: Path, address: str, tasks: str, folder: Path, out: Path, limit: int | None) -> dict[str, Any]:
    """Have lmms-eval run tasks against a server; gives its results by task."""
    arguments = {"base_url": address, "api_key": "none", "model": "rewatch", "pass_video_url": True, "max_retries": 2}
    command = [python, "-m", "lmms_eval", "--model", "openai", "--tasks", tasks, "--include_path", folder]
    command += ["--model_args", ",".join(f"{name}={value}" for name, value in arguments.items())]
    command += ["--batch_size", "1", "--output_path", out / "results", "--log_samples"]
    command += [] if limit is None else ["--limit", str(limit)]
    settings = {**os.environ, "OPENAI_API_KEY": "none", "HF_HUB_OFFLINE": "1", "HF_HOME": str(out / "cache")}
    settings.pop("PYTHONPATH", None)
    subprocess.run(list(map(str, command)), check=True, cwd=folder, env=settings)
    newest = max((out / "results").rglob("*_results.json"), key=lambda path: path.stat().st_mtime)
    return dict(json.loads(newest.read_text(encoding="utf-8"))["results"])


def main() -> None:
    """Serve, evaluate, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("harness-out"))
    parser.add_argument("--python", type=Path, default=None, help="of an environment that has lmms-eval")
    parser.add_argument("--tasks", default=TASK)
    parser.add_argument("--videos", type=Path, action="append", default=[], help="folders of the tasks' videos")
    parser.add_argument("--policy", default="heuristic")
    parser.add_argument("--limit", type=int, default=None)
    args = parser.parse_args()
    out = args.out.resolve()
    out.mkdir(parents=True, exist_ok=True)
    python = (args.python or environment(out)).absolute()
    folder = local_task(out / "task")
    with served(out / "memory", [folder, *args.videos], policy=args.policy) as address:
        results = evaluate(python, address, args.tasks, folder, out, args.limit)
    for task, figures in results.items():
        shown = {name: value for name, value in figures.items() if isinstance(value, int | float)}
        print(task, ", ".join(f"{name} {value:g}" for name, value in shown.items()))


if __name__ == "__main__":
    main()
