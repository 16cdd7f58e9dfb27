"""First code of every process of ours: sets a guardian beside it, then runs a module's `main`.

It is run as a file under `-P`, before anything else is imported and while there is a single thread. The guardian is a
fork that waits on a pipe which only the parent holds open: when that closes, because the parent ended the process or
was killed itself, everything that the process started is ended with it, also what has left its session.
"""

import importlib
import json
import os
import signal
import sys
import time

TOKEN = "REWATCH_CHILD"
"""Environment variable that marks a process and all that it starts."""
_SWEEPS = 50
_PAUSE = 0.02  # seconds between sweeps


def main() -> None:
    """Run `main()` of the module that the command line names, and leave without Python's shutdown.

    Arguments: `sys.path` as JSON, the module, the guardian's pipe, the socket, the parent's id.
    """
    path, module, pipe = sys.argv[1:4]
    if hasattr(os, "fork"):
        _set_guardian(int(pipe))
    sys.path[:] = json.loads(path)
    importlib.import_module(module).main()
    os._exit(0)  # threads of native libraries do not survive the shutdown


def _set_guardian(pipe: int) -> None:
    worker = os.getpid()
    between = os.fork()
    if between == 0:
        if os.fork() == 0:  # nobody's child, so that no tool waits for it
            try:
                _watch(pipe, worker)
            finally:
                os._exit(0)
        os._exit(0)
    os.waitpid(between, 0)
    os.close(pipe)


def _watch(pipe: int, worker: int) -> None:
    os.setsid()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    os.closerange(0, pipe)
    os.closerange(pipe + 1, 1024)
    while os.read(pipe, 1):
        pass
    sweep(worker, os.environ.get(TOKEN, ""))


def sweep(worker: int, token: str) -> None:
    """End a process, its group, its session, and whatever carries its token, until nothing of it is left."""
    for _ in range(_SWEEPS):
        try:
            os.killpg(worker, signal.SIGKILL)
        except OSError:
            pass
        if not os.path.isdir("/proc/self"):
            return
        left = _left(worker, token)
        for pid in left:
            try:
                os.kill(pid, signal.SIGKILL)
            except OSError:
                pass
        if not left:
            return
        time.sleep(_PAUSE)


def _left(worker: int, token: str) -> list[int]:
    mark = f"{TOKEN}={token}".encode()
    found = []
    for name in os.listdir("/proc"):
        if not name.isdigit() or int(name) == os.getpid():
            continue
        try:
            with open(f"/proc/{name}/stat", "rb") as file:
                state, _, group, session = file.read().rpartition(b")")[2].split()[:4]
            if state in b"ZX":
                continue
            ours = worker in (int(group), int(session))
            if not ours and token:
                with open(f"/proc/{name}/environ", "rb") as file:
                    ours = mark in file.read().split(b"\0")
        except (OSError, ValueError):
            continue
        if ours:
            found.append(int(name))
    return found


if __name__ == "__main__":
    main()
