"""A Python process of our own with a socket to it: started afresh, killed at will, gone when its parent is.

Whatever it started goes with it: it leads a session of its own, which is ended as a whole, and its guardian (see
`boot`) ends what has left that, also where the parent was killed.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from .. import safe_path
from .boot import TOKEN

_BOOT = Path(__file__).with_name("boot.py")


class Child:
    """Runs `main()` of a module; that asks `connection_to_parent` for its end of the socket.

    It is started afresh rather than forked (threads and forks do not mix), and without the main module of the
    program, so that a script needs no `if __name__ == "__main__"`. Nothing is imported from the current folder
    before other places were looked at (see `safe_path`).

    Args:
        module: full name of the module.
        env: environment variables beside the parent's.
    """

    def __init__(self, module: str, *, env: Mapping[str, str] | None = None) -> None:
        ours, theirs = socket.socketpair()
        watched, self._held = os.pipe()  # the guardian reads it, and sees when nobody holds the other end any more
        self._errors = tempfile.TemporaryFile()  # decoders write a lot there; only the end of it matters, if it dies
        with ours, theirs:
            try:
                self.process = subprocess.Popen(
                    [
                        sys.executable, "-P", str(_BOOT), json.dumps(safe_path.paths()), module,
                        str(watched), str(theirs.fileno()), str(os.getpid()),
                    ],
                    pass_fds=[watched, theirs.fileno()],
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=self._errors,
                    env={**safe_path.environment(), TOKEN: secrets.token_hex(8), **(env or {})},
                    start_new_session=True,
                )  # fmt: skip
            except BaseException:
                os.close(self._held)
                raise
            finally:
                os.close(watched)
            self.connection: Connection[Any, Any] = Connection(os.dup(ours.fileno()))

    def epitaph(self) -> str:
        """How it died, in a few words; one that does not end now is ended."""
        try:
            code = self.process.wait(timeout=1.0)
        except subprocess.TimeoutExpired:
            self.stop()
            code = self.process.wait()
        last = self.last_words()
        if code < 0:
            return f"{signal.Signals(-code).name}{': ' + last if 'alloc' in last else ''}"
        return f"exit code {code}: {last}" if last else f"exit code {code}"

    def last_words(self) -> str:
        """The last line that it wrote to its standard error."""
        self._errors.seek(0, os.SEEK_END)
        self._errors.seek(max(0, self._errors.tell() - 2000))
        lines = self._errors.read().decode(errors="replace").strip().splitlines()
        return lines[-1].strip()[:400] if lines else ""

    def stop(self) -> None:
        """End it and its group, and leave the rest to `kill`. May be called from any thread, and twice."""
        if self.process.returncode is None:  # else the number may be somebody else's by now
            with contextlib.suppress(OSError):
                os.killpg(self.process.pid, signal.SIGKILL)
        self.process.kill()

    def kill(self) -> None:
        """End it now, and all that it started."""
        self.stop()
        self.process.wait()
        self.connection.close()
        self._errors.close()
        held, self._held = self._held, -1
        if held >= 0:
            os.close(held)  # the guardian takes what has left the group

    def disown(self) -> None:
        """After a fork: leave it to the process that started it."""
        self.connection.close()
        os.close(self._held)
        self.process.returncode = 0  # it is no child of ours: nothing to wait for


def connection_to_parent() -> Connection[Any, Any]:
    """The child's end of the socket. From here on the child dies with its parent and leaves Ctrl-C to it.

    The end is this process's alone: what it forks or starts does not have it.
    """
    descriptor, parent = int(sys.argv[4]), int(sys.argv[5])
    _die_with(parent)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides what an interrupt stops
    os.set_inheritable(descriptor, False)
    connection: Connection[Any, Any] = Connection(descriptor)
    os.register_at_fork(after_in_child=lambda: _close(connection))
    return connection


def _close(connection: Connection[Any, Any]) -> None:
    with contextlib.suppress(OSError):
        connection.close()


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
