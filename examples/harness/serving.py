"""A `rewatch serve` of its own for a harness: on a free port of this machine, until the harness is done."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def served(memory: Path, videos: Sequence[Path], *, policy: str = "heuristic") -> Iterator[str]:
    """Serve a memory, and videos below some folders; gives the address for clients (`http://127.0.0.1:PORT/v1`)."""
    command = [sys.executable, "-P", "-m", "rewatch", "serve", "--memory", memory, "--port", "0", "--policy", policy]
    command += [word for folder in videos for word in ("--videos", folder)]
    process = subprocess.Popen(list(map(str, command)), stderr=subprocess.PIPE, text=True)
    try:
        assert process.stderr is not None
        lines = []
        for line in process.stderr:
            lines.append(line)
            if found := re.search(r"http://\S+/v1", line):
                yield found[0]
                return
        raise SystemExit("rewatch serve did not start: " + "".join(lines))
    finally:
        process.terminate()
        process.wait()
