"""What every harness needs: a `rewatch serve` on a free port until it is done, and an environment of its own."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def served(memory: Path, videos: Sequence[Path], *, policy: str = "heuristic") -> Iterator[str]:
    """Serve a memory, and videos below some folders; gives the address for clients (`http://127.0.0.1:PORT/v1`).

    What the server says is kept in `serve.log` beside the memory.
    """
    command = [sys.executable, "-P", "-m", "rewatch", "serve", "--memory", memory, "--port", "0", "--policy", policy]
    command += [word for folder in videos for word in ("--videos", folder)]
    told = memory.with_name("serve.log")
    told.parent.mkdir(parents=True, exist_ok=True)
    with told.open("w") as log, subprocess.Popen(list(map(str, command)), stderr=log) as process:
        try:
            while not (found := re.search(r"http://\S+/v1", told.read_text())):
                if process.poll() is not None:
                    raise SystemExit(f"rewatch serve did not start: {told.read_text()}")
                time.sleep(0.1)
            yield found[0]
        finally:
            process.terminate()


def environment(folder: Path, packages: Sequence[str]) -> Path:
    """The Python of an environment that has these packages; made where it is not there."""
    python = folder / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", *packages], check=True)
    return python
