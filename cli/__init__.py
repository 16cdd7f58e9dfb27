"""The `rewatch` command, one file a verb."""

from __future__ import annotations

import os
import sys
from typing import Any


def main() -> None:
    """Run the command line, in a warm process where one runs, and exit."""
    from .terminal.exit import code_of, leave, watch_signals

    try:
        watch_signals()
        code = _run_in_warm()
        if code is not None:
            sys.exit(code)
        code = code_of(run())
    except KeyboardInterrupt:
        code = _interrupted()
    leave(code)


def _run_in_warm() -> int | None:
    from ..safe_path import make_safe
    from .warm_client import VERBS, run_warm

    make_safe()
    if sys.argv[1:2] and sys.argv[1] in VERBS and os.environ.get("REWATCH_WARM") != "0":
        return run_warm(sys.argv[1:])
    return None


def run() -> int:
    """Run the command line in this process: its exit code; whatever goes wrong is one line on stderr."""
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    try:
        from .terminal.output import finish, prepare

        prepare()
        return finish(_run())
    except KeyboardInterrupt:
        return _interrupted()


def _run() -> int:
    from ..memory import RewatchError
    from .terminal.output import fault

    try:
        from .app import app

        code = app(prog_name="rewatch", standalone_mode=False, obj=run)
        return _interrupted() if code == 130 else code if isinstance(code, int) else 0
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 1 if end.code else 0
    except RewatchError as error:
        return _fail(str(error), error.exit_code)
    except KeyboardInterrupt:
        return _interrupted()
    except UnicodeEncodeError as error:
        return _fail(f"{error.object[:200]!r} is no text in UTF-8, as names here are; write it otherwise.", 2)
    except Exception as error:  # nobody may be shown a traceback: it is put into a file
        return _wrong_usage(error) if hasattr(error, "format_message") else _fail(fault(error), 1)


def _wrong_usage(error: Any) -> int:
    """Of what was typed, what cannot be run, and where more is said; the help itself where nothing was typed."""
    if type(error).__name__ == "NoArgsIsHelpError":
        error.show()
        return int(error.exit_code)
    text = error.format_message().removeprefix("Invalid value: ").replace(": Value error, ", ": ", 1).rstrip()
    text += "" if text.endswith((".", "?", "!", ")")) else "."
    context = getattr(error, "ctx", None)
    return _fail(text + (f" ({context.command_path} --help says more)" if context else ""), error.exit_code)


def _interrupted() -> int:
    from .terminal.exit import INTERRUPTED, code_of
    from .terminal.resume_hint import how

    return _fail(how(), code_of(INTERRUPTED))


def _fail(message: str, code: int) -> int:
    from ..memory.sanitize import one_line
    from .terminal.output import say_error, write_json

    if "--json" in sys.argv:
        write_json({"schema": 1, "error": one_line(message), "exit_code": code})
    say_error(message)
    return code
