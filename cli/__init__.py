"""The `rewatch` command, one file a verb."""

from __future__ import annotations

import contextlib
import json
import os
import sys

EXIT_CODES = """Exit codes: 0 done (an honest abstention too) · 1 failed · 2 wrong usage · 3 a video cannot be used · \
4 the memory folder cannot be used · 5 something needs a package or weights · 6 a trace cannot be read · \
130 interrupted · 143 ended by SIGTERM"""


def main() -> None:
    """Run the command line, in a warm process where one runs, and exit."""
    from .leaving import code_of, leave, watch_signals

    try:
        watch_signals()
        code = _run_in_warm()
        if code is not None:
            sys.exit(code)
        code = code_of(run())
    except KeyboardInterrupt:
        code = code_of(_interrupted())
    leave(code)


def _run_in_warm() -> int | None:
    from ..safe_path import make_safe
    from .warm_client import VERBS, run_warm

    make_safe()
    if sys.argv[1:2] and sys.argv[1] in VERBS and os.environ.get("REWATCH_WARM") != "0":
        return run_warm(sys.argv[1:])
    return None


def run() -> int:
    """Run the command line in this process: its exit code; errors that a person can mend are one line on stderr."""
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    from ..memory import RewatchError
    from .app import app

    with contextlib.suppress(AttributeError, ValueError):  # what a terminal or UTF-8 cannot show is written out
        sys.stdout.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]

    try:
        app(prog_name="rewatch", standalone_mode=True)
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 1 if end.code else 0
        return _interrupted() if code == 130 else code
    except RewatchError as error:
        return _fail(str(error), error.exit_code)
    except KeyboardInterrupt:
        return _interrupted()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


def _interrupted() -> int:
    return _fail("interrupted; what was stored is kept, and the next run goes on from there", 130)


def _fail(message: str, code: int) -> int:
    line = " ".join(message.split())
    if "--json" in sys.argv:
        sys.stdout.write(json.dumps({"schema": 1, "error": line, "exit_code": code}, ensure_ascii=False) + "\n")
    sys.stderr.write(f"error: {line}\n")
    return code
