"""The import path of our processes: never from the folder that somebody's videos lie in, unless a program does so."""

from __future__ import annotations

import os
import sys
from pathlib import Path

SAFE = "PYTHONSAFEPATH"
"""Environment variable that keeps the current folder out of a Python process and of those that it starts."""


def paths() -> list[str]:
    """`sys.path` for a process of ours.

    What is relative here (the current folder, in a notebook or under `python -c`) comes last, so that nothing in it
    stands in for a module of Python's or of an installed package; under our own command it is not there at all.
    """
    fixed = [entry for entry in sys.path if os.path.isabs(entry)]
    relative = [os.path.abspath(entry) for entry in sys.path if not os.path.isabs(entry)]
    package = Path(__file__).absolute().parent
    home = [str(package.parent)] if package.name == "rewatch" else []
    return list(dict.fromkeys([*fixed, *relative, *home]))


def environment() -> dict[str, str]:
    """The environment for a process of ours, in which the current folder is on nobody's path."""
    ours = {**os.environ, SAFE: "1"}
    _without_relative(ours)
    return ours


def make_safe() -> None:
    """Keep the current folder out of this process and of all that it starts."""
    os.environ[SAFE] = "1"
    here = os.getcwd() if _without_relative(os.environ) else None
    sys.path[:] = [entry for entry in sys.path if os.path.isabs(entry) and entry != here]


def _without_relative(variables: dict[str, str] | os._Environ[str]) -> bool:
    """Take entries out of PYTHONPATH that depend on the current folder; whether there were any.

    An empty one, as in `PYTHONPATH=$PYTHONPATH:more`, is the current folder too.
    """
    given = variables.get("PYTHONPATH")
    if not given:
        return False
    kept = [entry for entry in given.split(os.pathsep) if os.path.isabs(entry)]
    variables["PYTHONPATH"] = os.pathsep.join(kept)
    return len(kept) != len(given.split(os.pathsep))
