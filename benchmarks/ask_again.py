"""CPU seconds of a second `rewatch ask` and `search` on the indexed demo video, without and with a warm process.

Beside them what must be imported in any case (Python, LangChain's messages and models, LangGraph), and torch with
transformers, which it does without. Limit: 2 s for `ask`.
"""

from __future__ import annotations

import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

DEMO = Path(__file__).resolve().parent.parent / "examples" / "demo" / "demo.mp4"
ASK = ["ask", "demo.mp4", "What does she say about the projects?"]
SEARCH = ["search", "projects"]
RUNS = 5
LIMIT = 2.0

FORKED = """
import os, resource, sys
from rewatch.cli import run
from rewatch.cli.warm import _import_all
_import_all()
if os.fork() == 0:
    sys.argv = ["rewatch", *sys.argv[1:]]
    run()
    used = resource.getrusage(resource.RUSAGE_SELF)
    print(used.ru_utime + used.ru_stime, file=sys.stderr)
    sys.stderr.flush()
    os._exit(0)
os.wait()
"""
"""What a warm process does for a command, timed in the child."""


def cpu(command: list[str], environment: dict[str, str]) -> float:
    """Median of user and system seconds of a command, its children included."""
    used = []
    for _ in range(RUNS):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(command, env=environment, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        used.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return statistics.median(used)


def forked(words: list[str], environment: dict[str, str]) -> float:
    """Median of the seconds of a command in a process that was forked off a warm one."""
    told = [
        subprocess.run(
            [sys.executable, "-P", "-c", FORKED, *words], env=environment, capture_output=True, text=True, check=True
        )
        for _ in range(RUNS)
    ]
    return statistics.median(float(one.stderr.splitlines()[-1]) for one in told)


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        environment = {
            **os.environ, "REWATCH_MEMORY": f"{folder}/memory", "REWATCH_WARM": "0", "OMP_NUM_THREADS": "1",
        }  # fmt: skip
        rewatch = [sys.executable, "-P", "-m", "rewatch"]
        began = time.monotonic()
        subprocess.run([*rewatch, "index", str(DEMO)], env=environment, check=True)
        print(f"indexed in {time.monotonic() - began:.0f} s; CPU seconds, median of {RUNS}:")
        again = cpu([*rewatch, *ASK], environment)
        floor = "import langchain_core.messages, langchain_core.language_models.chat_models, langgraph.graph"
        heavy = "import torch; from transformers import AutoTokenizer, BertModel"
        rows = [
            ("ask again", again),
            ("search", cpu([*rewatch, *SEARCH], environment)),
            ("ask, of a warm process", forked(ASK, environment)),
            ("search, of a warm process", forked(SEARCH, environment)),
            ("bare import of LangChain and LangGraph", cpu([sys.executable, "-P", "-c", floor], environment)),
            ("bare import of torch and transformers' BERT", cpu([sys.executable, "-P", "-c", heavy], environment)),
        ]
        for name, seconds in rows:
            print(f"  {seconds:5.2f}  {name}")
    if again > LIMIT:
        sys.exit(f"asking again takes {again:.2f} s, more than {LIMIT:g}")


if __name__ == "__main__":
    main()
