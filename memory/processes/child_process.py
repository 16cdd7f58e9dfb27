"""A Python process of our own with a socket to it: started afresh, killed at will, gone when its parent is.

Whatever it started goes with it, also where the parent was killed: its guardian (see `guardian`) sees to that.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import weakref
from collections.abc import Mapping
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from ... import safe_path

_GUARDIAN = Path(__file__).with_name("guardian.py")
_PATIENCE = 30.0  # seconds that a guardian has to end what is to be ended


class Child:
    """Runs `main()` of a module; that asks `connection_to_parent` for its end of the socket.

    It is started afresh rather than forked (threads and forks do not mix), and without the main module of the
    program, so that a script needs no `if __name__ == "__main__"`. Nothing is imported from the current folder
    before other places were looked at (see `safe_path`). A fork of this process has no children.
    """

    def __init__(self, module: str, *, env: Mapping[str, str] | None = None) -> None:
        ours, theirs = socket.socketpair()
        watched, self._held = os.pipe()  # the guardian reads it, and sees when nobody holds the other end any more
        self._lock = threading.Lock()
        self._errors = tempfile.TemporaryFile()  # decoders write a lot there; only the end of it matters, if it dies
        with ours, theirs:
            try:
                self.process = subprocess.Popen(
                    [
                        sys.executable, "-P", str(_GUARDIAN), json.dumps(safe_path.paths()), module,
                        str(watched), str(theirs.fileno()),
                    ],
                    pass_fds=[watched, theirs.fileno()],
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=self._errors,
                    env={**safe_path.environment(), **(env or {})},
                    start_new_session=True,
                )  # fmt: skip
            except BaseException:
                os.close(self._held)
                raise
            finally:
                os.close(watched)
            self.connection: Connection[Any, Any] = Connection(os.dup(ours.fileno()))
        _children.add(self)

    def send(self, thing: object) -> None:
        """Send an object of ours; where the process is dead, reading from it will say so."""
        with contextlib.suppress(ConnectionError):
            self.connection.send(thing)

    def is_healthy(self) -> bool:
        """Tell whether it, being idle, has neither ended nor said something that nobody asked."""
        try:
            return not self.connection.poll(0)
        except OSError:
            return False

    def exit_reason(self) -> str:
        """Return how it died, in a few words; one that does not end now is ended."""
        try:
            code = self.process.wait(timeout=3.0)
        except subprocess.TimeoutExpired:
            self.stop()
            self._wait()
            return "it broke the connection off"
        last = self._last_line()
        if code < 0:
            return f"{signal.Signals(-code).name}{': ' + last if 'alloc' in last else ''}"
        return f"exit code {code}: {last}" if last else f"exit code {code}"

    def _last_line(self) -> str:
        self._errors.seek(0, os.SEEK_END)
        self._errors.seek(max(0, self._errors.tell() - 2000))
        lines = self._errors.read().decode(errors="replace").strip().splitlines()
        return lines[-1].strip()[:400] if lines else ""

    def stop(self) -> None:
        """Have it ended, with all that it started, and do not wait for that. From any thread, and twice if need be."""
        with self._lock:
            held, self._held = self._held, -1
        if held >= 0:
            os.close(held)
            with contextlib.suppress(OSError):
                self.process.send_signal(signal.SIGCONT)  # what it guarded may have stopped its guardian

    def kill(self) -> None:
        """End it now, with all that it started."""
        self.stop()
        self._wait()
        self.connection.close()
        self._errors.close()

    def _wait(self) -> None:
        try:
            self.process.wait(timeout=_PATIENCE)
        except subprocess.TimeoutExpired:  # the guardian was stopped, or something will not end
            self.process.kill()
            self.process.wait()

    def disown(self) -> None:
        """After a fork: leave it to the process that started it."""
        with contextlib.suppress(OSError):
            self.connection.close()
            self._lock = threading.Lock()
            self.stop()
            self.process.returncode = 0  # it is no child of ours: nothing to wait for


_children: weakref.WeakSet[Child] = weakref.WeakSet()


def disown_children() -> None:
    """After a fork: the answers of the other program's processes are not ours to read."""
    for child in list(_children):
        child.disown()
    _children.clear()


def stop_children() -> None:
    """Have all processes ended, also those that are busy or starting, and do not wait for that."""
    for child in list(_children):
        child.stop()


def connection_to_parent() -> Connection[Any, Any]:
    """Return the child's end of the socket. From here on the child leaves Ctrl-C to its parent.

    The end is this process's alone: what it forks or starts does not have it.
    """
    descriptor = int(sys.argv[4])
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides what an interrupt stops
    os.set_inheritable(descriptor, False)
    connection: Connection[Any, Any] = Connection(descriptor)

    def close() -> None:
        with contextlib.suppress(OSError):
            connection.close()

    os.register_at_fork(after_in_child=close)
    return connection
