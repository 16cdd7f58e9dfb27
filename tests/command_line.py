"""The command line within the process of the tests: what a process of its own prints, without the cost of its start."""

from __future__ import annotations

import contextlib
import io
import sys
import warnings
from collections.abc import Mapping
from pathlib import Path
from subprocess import CompletedProcess

import pytest
from rewatch.cli import run


def run_here(folder: Path, *words: object, variables: Mapping[str, str], typed: str = "") -> CompletedProcess[str]:
    """Run `rewatch WORDS` in a folder with these environment variables, and `typed` on standard input."""
    out, err = io.TextIOWrapper(io.BytesIO(), "utf-8"), io.TextIOWrapper(io.BytesIO(), "utf-8")
    command = ["rewatch", *map(str, words)]
    with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        patch.chdir(folder)
        for name, value in {**variables, "REWATCH_WARM": "0"}.items():
            patch.setenv(name, value)
        patch.setattr(sys, "argv", command)
        patch.setattr(sys, "stdin", io.StringIO(typed))
        patch.setattr(warnings, "showwarning", warnings.showwarning)
        code = run()
    printed = [stream.buffer.getvalue().decode("utf-8") for stream in (out, err)]  # type: ignore[attr-defined]
    return CompletedProcess(command, code, *printed)
