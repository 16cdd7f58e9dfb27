"""The end of the command: at a signal, at any moment, with one line; and always without Python's shutdown.

Threads that are in native code when Python shuts down (onnxruntime, CTranslate2, OpenCV) are unwound through frames of
C++ that do not allow it, and the process aborts after its work was done. So it runs what is registered for its exit,
and leaves.
"""

from __future__ import annotations

import _thread
import atexit
import contextlib
import json
import os
import signal
import sys
import threading
import time
from types import FrameType
from typing import Any, NoReturn

LINE = "interrupted; what was stored is kept, and the next run goes on from there"
INTERRUPTED, TERMINATED = 130, 143
_PATIENCE = 10.0  # seconds between a signal and the end, whatever holds it up
_THREADS = 3.0  # seconds for other threads to come to an end
_IMPORTS = "<frozen importlib._bootstrap>"
_code: int | None = None


def watch_signals() -> None:
    """From here on SIGINT and SIGTERM end the command: at once while something is imported, else by an exception."""
    for number in (signal.SIGINT, signal.SIGTERM):
        if signal.getsignal(number) is not signal.SIG_IGN:  # as under nohup
            signal.signal(number, _take)


def code_of(code: int) -> int:
    """The exit code, where a command ended with `code` and a signal may have come."""
    return _code if _code == TERMINATED and code == INTERRUPTED else code


def _take(number: int, frame: FrameType | None) -> None:
    global _code
    chats = sys.argv[1:2] == ["chat"]  # where SIGINT stops an answer, and no more
    again, _code = _code is not None, TERMINATED if number == signal.SIGTERM else INTERRUPTED
    if (number == signal.SIGTERM if chats else again) or _imports(frame):
        _end()
    if chats:
        _code = None
    else:
        _be_quiet()
        _thread.start_new_thread(_end_late, ())  # unlike `Thread.start`, waits for nothing
    raise KeyboardInterrupt


def _imports(frame: FrameType | None) -> bool:
    """Return whether a module is being imported: an exception there may be swallowed, or half a module left behind."""
    while frame is not None:
        if frame.f_code.co_filename == _IMPORTS:
            return True
        frame = frame.f_back
    return False


def _be_quiet() -> None:
    """Nothing that breaks off now has anything to say; an interrupt that is swallowed ends the process."""
    logging = sys.modules.get("logging")
    if logging is not None:
        logging.disable(logging.CRITICAL)
    threading.excepthook = lambda *_: None
    sys.unraisablehook = lambda event: _end() if event.exc_type is KeyboardInterrupt else None


def _end_late() -> None:
    time.sleep(_PATIENCE)
    _end()


def _end() -> NoReturn:
    """One line, and out. No lock of anybody's is touched."""
    code = _code or INTERRUPTED
    with contextlib.suppress(OSError):
        if "--json" in sys.argv:
            os.write(1, (json.dumps({"schema": 1, "error": LINE, "exit_code": code}) + "\n").encode())
        cursor = "\x1b[?25h\r" if os.isatty(2) else ""  # what draws progress hides the cursor
        os.write(2, f"{cursor}error: {LINE}\n".encode())
    os._exit(code)


def leave(code: int) -> NoReturn:
    """Run what is registered for the exit, and exit; never into Python's shutdown."""
    for number in (signal.SIGINT, signal.SIGTERM):
        with contextlib.suppress(ValueError, OSError):
            signal.signal(number, signal.SIG_IGN)
    end = time.monotonic() + _THREADS
    for thread in threading.enumerate():
        if not thread.daemon and thread is not threading.current_thread() and not _pooled(thread):
            thread.join(max(0.0, end - time.monotonic()))
    registered: Any = getattr(atexit, "_run_exitfuncs", None)
    with contextlib.suppress(BaseException):
        if registered is not None:
            registered()
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError, AttributeError):
            stream.flush()
    os._exit(code & 0xFF)


def _pooled(thread: threading.Thread) -> bool:
    """Return whether it belongs to an executor, where it waits for work for ever."""
    pools = sys.modules.get("concurrent.futures.thread")
    return pools is not None and thread in getattr(pools, "_threads_queues", ())
