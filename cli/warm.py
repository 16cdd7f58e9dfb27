"""`rewatch warm`: a process in the background that has everything imported, and forks for each `ask` and `search`."""

from __future__ import annotations

import codecs
import contextlib
import gc
import json
import os
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.text import Text

from ..memory import CapabilityError
from ..safe_path import environment, paths
from .settings.options import finite
from .terminal.exit import code_of, watch_signals
from .terminal.output import Console
from .warm_client import INTERRUPT, LENGTH, REFUSED, STARTED, VERBS, connect, send, socket_path

_PATIENCE = 60.0  # seconds until the process in the background must be ready
_LONGEST = 103  # bytes of the path of a socket: those of macOS and the BSDs, Linux has four more
_LARGEST = 1 << 22  # bytes of a request
_TYPING = 5.0  # seconds that a request may take to arrive


def warm(
    context: typer.Context,
    idle: Annotated[
        float,
        typer.Option(
            "--idle", min=0.01, max=1_000_000, callback=finite, help="Minutes without a command after which it ends."
        ),
    ] = 15,
    stop: Annotated[bool, typer.Option("--stop", help="End the one that runs.")] = False,
    foreground: Annotated[bool, typer.Option("--foreground", help="Stay in this terminal.")] = False,
) -> None:
    """Keep a process ready that `ask` and `search` use, so that they need not import anything.

    It listens on a socket that only you can open, runs nothing but `ask` and `search`, and ends by itself.
    REWATCH_WARM=0 passes it over.
    """
    if not hasattr(os, "fork") or not hasattr(socket, "AF_UNIX"):
        raise CapabilityError("rewatch warm needs a system with fork and Unix sockets; `rewatch chat` works anywhere.")
    console = Console()
    path = socket_path()
    if len(os.fsencode(path)) > _LONGEST:
        raise CapabilityError(
            f"rewatch warm cannot listen at {path}: a socket's path has at most {_LONGEST} bytes; set XDG_RUNTIME_DIR "
            "to a folder with a shorter one."
        )
    running = connect(path)
    if stop:
        if running is not None:
            send(running, {"stop": True})
        console.print(Text("ended" if running is not None else "none runs"))
        return
    if running is not None:
        console.print(Text("one is running already; rewatch warm --stop ends it"))
        return
    if foreground:
        _listen(path, 60 * idle, context.obj)
        return
    words = ["rewatch", "warm", "--foreground", "--idle", str(idle)]
    run = f"import sys; sys.path[:] = {ascii(paths())}; sys.argv = {words!r}; from rewatch.cli import main; main()"
    quiet: dict[str, Any] = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE}
    command = [sys.executable, "-P", "-c", run]
    process = subprocess.Popen(command, start_new_session=True, env=environment(), **quiet)
    end = time.monotonic() + _PATIENCE
    while time.monotonic() < end and process.poll() is None:
        if connect(path) is not None:
            console.print(Text(f"warm     process {process.pid}, until {idle:g} min without a command"))
            return
        time.sleep(0.05)
    reason = "it was not ready in time"
    if process.poll() is not None:
        reason = process.communicate()[1].decode(errors="replace").strip().splitlines()[-1]
    process.kill()
    raise CapabilityError(f"The process in the background did not start: {reason}")


def _listen(path: Path, idle: float, command: Callable[[], int]) -> None:
    """Fork for each command until `--stop`, a signal, changed code, or `idle` seconds without a command.

    The child takes over the client's terminal, folder and environment.
    """
    _import_all()
    code = _newest_code()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # children are reaped by the system
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        _own_folder(path.parent)
        path.unlink(missing_ok=True)
        before = os.umask(0o177)
        listener.bind(str(path))
        os.umask(before)
        listener.listen()
        listener.settimeout(idle)
        mine = path.lstat().st_ino
        try:
            while _answer_next(listener, code, command):
                pass
        finally:
            with contextlib.suppress(OSError):
                if path.lstat().st_ino == mine:
                    path.unlink()


def _answer_next(listener: socket.socket, code: float, command: Callable[[], int]) -> bool:
    """Wait for a request and start what it asks for; False to end. An odd request is told what is wrong."""
    try:
        connection, _ = listener.accept()
    except TimeoutError:
        return False
    except OSError:  # no more descriptors for the moment
        time.sleep(0.1)
        return True
    with connection:
        request, files = _receive(connection)
        try:
            if request.get("stop") is True or _newest_code() != code:
                return False
            wrong = _wrong(request, files)
            if wrong:
                _refuse(connection, wrong)
            elif os.fork() == 0:
                listener.close()
                _serve(connection, request, files, command)
        except OSError as error:  # no more processes, for the moment
            _refuse(connection, f"no process could be started ({error.strerror})")
        finally:
            for file in files:
                os.close(file)
    return True


def _wrong(request: dict[str, Any], files: list[int]) -> str | None:
    words, environment = request.get("arguments"), request.get("environment")
    if not isinstance(words, list) or not words or not all(isinstance(word, str) for word in words):
        return "arguments must be a list of words"
    if words[0] not in VERBS:
        return f"only {' and '.join(VERBS)} are done here"
    pairs = environment.items() if isinstance(environment, dict) else [(0, 0)]
    if not all(isinstance(part, str) and "\0" not in part for pair in pairs for part in pair) or any(
        not name or "=" in str(name) for name, _ in pairs
    ):
        return "environment must be an object of texts"
    if not isinstance(request.get("folder"), str) or not os.path.isdir(request["folder"]):
        return "folder must be one that is there"
    try:
        codecs.lookup(request.get("encoding") or "utf-8")
    except (LookupError, TypeError, ValueError):
        return "encoding is none that is known"
    return None if len(files) == 3 else "three open files must come with it"


def _refuse(connection: socket.socket, why: str) -> None:
    with contextlib.suppress(OSError):
        connection.sendall(REFUSED + json.dumps({"error": why}).encode())


def _import_all() -> None:
    """Everything that asking and searching import, and nothing that starts a thread: threads do not survive a fork."""
    import faiss  # noqa: F401
    import tokenizers  # noqa: F401

    from .. import agent  # noqa: F401
    from ..memory.encoders import sentence_encoder  # noqa: F401
    from .terminal import console  # noqa: F401

    gc.collect()
    gc.freeze()


def _newest_code() -> float:
    """Return when the newest of the loaded files was written, so that nothing old is run after an upgrade."""
    newest = 0.0
    for name, module in list(sys.modules.items()):
        file = getattr(module, "__file__", None) if name.startswith("rewatch") else None
        with contextlib.suppress(OSError):
            newest = max(newest, os.stat(file).st_mtime) if file else newest
    return newest


def _own_folder(folder: Path) -> None:
    """Make the folder of the socket, which nobody else may enter."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    state = folder.lstat()
    if state.st_uid != os.getuid() or not folder.is_dir() or folder.is_symlink():
        raise CapabilityError(f"{folder} is not yours: set XDG_RUNTIME_DIR to a folder of your own.")
    folder.chmod(0o700)


def _receive(connection: socket.socket) -> tuple[dict[str, Any], list[int]]:
    """A request and the files that came with it; an empty one where it is not whole."""
    end = time.monotonic() + _TYPING
    connection.settimeout(_TYPING)
    files: list[int] = []
    try:
        head, files, _, _ = socket.recv_fds(connection, LENGTH.size, 3)
        (length,) = LENGTH.unpack(head)
        if length > _LARGEST:
            return {}, files
        body = b""
        while len(body) < length:
            connection.settimeout(max(end - time.monotonic(), 0.001))
            part = connection.recv(min(length - len(body), 1 << 16))
            if not part:
                return {}, files
            body += part
        request = json.loads(body.decode("utf-8", "surrogateescape"))
    except (OSError, ValueError, RecursionError, struct.error):
        return {}, files
    connection.settimeout(None)
    return (request if isinstance(request, dict) else {}), files


def _serve(connection: socket.socket, request: dict[str, Any], files: list[int], command: Callable[[], int]) -> None:
    """In the child: become the client's command, and tell its exit code. Does not return."""
    code = 1
    try:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        for target, file in enumerate(files):
            os.dup2(file, target)
            os.close(file)
        encoding = request.get("encoding") or "utf-8"
        os.environ.clear()
        os.environ.update(request["environment"])
        os.chdir(request["folder"])
        sys.stdin = open(0, encoding=encoding, closefd=False)
        by_line = 1 if os.isatty(1) else -1  # else as files are
        sys.stdout = open(1, "w", encoding=encoding, closefd=False, buffering=by_line)
        sys.stderr = open(2, "w", encoding=encoding, closefd=False, buffering=1, errors="backslashreplace")
        sys.argv = ["rewatch", *request["arguments"]]
        watch_signals()
        connection.sendall(STARTED)
        threading.Thread(target=_pass_on, args=(connection,), daemon=True).start()
        code = code_of(command())
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(OSError, ValueError):
                stream.flush()
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # the client goes once it has the code
        with contextlib.suppress(OSError):
            connection.sendall(bytes([code & 0xFF]))
        os._exit(code & 0xFF)


def _pass_on(connection: socket.socket) -> None:
    """Interrupt the command when the client is interrupted, or gone."""
    while True:
        try:
            byte = connection.recv(1)
        except OSError:
            byte = b""
        if byte in (INTERRUPT, b""):
            os.kill(os.getpid(), signal.SIGINT)
        if not byte:
            return
