"""A Python process of our own with a socket to it: started afresh, killed at will, gone when its parent is."""

from __future__ import annotations

import ctypes
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping
from multiprocessing.connection import Connection
from typing import Any


class Child:
    """Runs `main()` of a module; that asks `connection_to_parent` for its end of the socket.

    It is started afresh rather than forked (threads and forks do not mix), and without the main module of the
    program, so that a script needs no `if __name__ == "__main__"`.

    Args:
        module: full name of the module.
        env: environment variables beside the parent's.
    """

    def __init__(self, module: str, *, env: Mapping[str, str] | None = None) -> None:
        boot = f"import json, sys; sys.path[:] = json.loads(sys.argv[1]); from {module} import main; main()"
        ours, theirs = socket.socketpair()
        self._errors = tempfile.TemporaryFile()  # decoders write a lot there; only the end of it matters, if it dies
        with ours, theirs:
            self.process = subprocess.Popen(
                [sys.executable, "-c", boot, json.dumps(sys.path), str(theirs.fileno()), str(os.getpid())],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=self._errors,
                env={**os.environ, **(env or {})},
            )
            self.connection: Connection[Any, Any] = Connection(os.dup(ours.fileno()))

    def epitaph(self) -> str:
        """How it died, in a few words; one that does not end now is ended."""
        try:
            code = self.process.wait(timeout=1.0)
        except subprocess.TimeoutExpired:
            self.process.kill()
            code = self.process.wait()
        if code < 0:
            return signal.Signals(-code).name
        self._errors.seek(0, os.SEEK_END)
        self._errors.seek(max(0, self._errors.tell() - 2000))
        lines = self._errors.read().decode(errors="replace").strip().splitlines()
        return f"exit code {code}: {lines[-1]}" if lines else f"exit code {code}"

    def kill(self) -> None:
        """End it now."""
        self.process.kill()
        self.process.wait()
        self.connection.close()
        self._errors.close()


def connection_to_parent() -> Connection[Any, Any]:
    """The child's end of the socket. From here on the child dies with its parent and leaves Ctrl-C to it."""
    descriptor, parent = int(sys.argv[2]), int(sys.argv[3])
    _die_with(parent)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides what an interrupt stops
    return Connection(descriptor)


def _die_with(parent: int) -> None:
    """End this process when its parent does, even when that was killed.

    On Linux it ends with the thread that started it: start it from one that stays.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG
    else:
        threading.Thread(target=_watch, args=(parent,), daemon=True).start()
    if os.getppid() != parent:
        os._exit(1)


def _watch(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(0.5)
    os._exit(1)
