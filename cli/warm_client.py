"""Handing `ask` and `search` over to a warm process of one's own, where one runs (`rewatch warm`)."""

from __future__ import annotations

import hashlib
import json
import os
import socket
import struct
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

VERBS = ("ask", "search")
LENGTH = struct.Struct("!I")
STARTED, REFUSED, INTERRUPT = b"S", b"E", b"I"
_PATIENCE = 10.0  # seconds until a warm process must have begun
_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")  # read when libraries are loaded


def socket_path() -> Path:
    """Return where the warm process of this user, this installation and these numbers of threads listens."""
    import platformdirs

    from ..version import __version__

    parts = (__version__, sys.executable, __file__, *(os.environ.get(name, "") for name in _THREADS))
    name = hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    folder = Path(runtime) / "rewatch" if runtime else Path(platformdirs.user_cache_dir("rewatch")) / "run"
    return folder / f"warm-{name}.sock"


def connect(path: Path) -> socket.socket | None:
    """A connection to the warm process; None where none runs, or the socket is not one's own."""
    if not hasattr(socket, "AF_UNIX"):
        return None
    try:
        state = path.lstat()
        if state.st_uid != os.getuid() or state.st_mode & 0o077:
            return None
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        connection.connect(str(path))
    except OSError:
        return None
    return connection


def send(connection: socket.socket, request: dict[str, Any], files: Sequence[int] = ()) -> None:
    """Send a request, and with it open files."""
    body = json.dumps(request).encode("utf-8", "surrogateescape")
    socket.send_fds(connection, [LENGTH.pack(len(body))], list(files))
    connection.sendall(body)


def run_warm(arguments: list[str]) -> int | None:
    """Have a warm process run a command on this terminal, in this folder: its exit code; None where none took it."""
    connection = connect(socket_path())
    if connection is None:
        return None
    request = {
        "arguments": arguments,
        "folder": os.getcwd(),
        "environment": dict(os.environ),
        "encoding": getattr(sys.stdout, "encoding", None) or "utf-8",
    }
    with connection:
        try:
            send(connection, request, [0, 1, 2])
            connection.settimeout(_PATIENCE)  # one that is stopped or stuck is passed over
            if connection.recv(1) != STARTED:
                return None
            connection.settimeout(None)
        except (OSError, UnicodeError):
            return None
        while True:
            try:
                code = connection.recv(1)
                break
            except KeyboardInterrupt:
                connection.sendall(INTERRUPT)
            except OSError:
                code = b""
                break
    if not code:
        sys.stderr.write("error: the warm process ended before the command did; `rewatch warm` starts another\n")
    return code[0] if code else 1
