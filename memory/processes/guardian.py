"""First code of every process of ours: becomes the guardian of a fork of itself, which runs a module's `main`.

It is run as a file under `-P`, before anything else is imported and while there is a single thread. The guardian waits
for its fork to end, and on a pipe that only the program holds open: when that closes, because the program wants the
process ended or was killed itself, the guardian ends the fork and all that it started, whatever that has done to get
away. It ends as the fork did.
"""

import importlib
import json
import os
import select
import signal
import sys
import time

_SWEEPS = 200
_PAUSE = 0.01  # seconds between sweeps
_MOST_BLOCKS = 1 << 17  # of 512 bytes on standard error, a file
_DEATH_SIGNAL, _SUBREAPER = 1, 36  # of prctl


def main() -> None:
    """Run `main()` of the module that the command line names, and leave without Python's shutdown.

    Arguments: `sys.path` as JSON, the module, the guardian's pipe, the socket.
    """
    path, module, pipe, connection = sys.argv[1:5]
    woken, wake = os.pipe()
    guardian = os.getpid()
    _prctl(_SUBREAPER, 1)  # what loses its parent comes to the guardian
    worker = os.fork()
    if worker:
        os.close(int(connection))
        os.close(wake)
        _guard(worker, int(pipe), woken)
    os.setsid()
    _prctl(_DEATH_SIGNAL, signal.SIGKILL)
    if os.getppid() != guardian:
        os._exit(1)
    os.close(int(pipe))
    os.close(woken)
    ours = [wake]  # this process's alone: its end tells the guardian

    def forget() -> None:
        if ours:
            os.close(ours.pop())

    os.register_at_fork(after_in_child=forget)
    sys.path[:] = json.loads(path)
    importlib.import_module(module).main()
    os._exit(0)  # threads of native libraries do not survive the shutdown


def _prctl(option: int, value: int) -> None:
    import ctypes

    ctypes.CDLL(None).prctl(option, value, 0, 0, 0)


def _guard(worker: int, pipe: int, woken: int) -> None:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    status = None
    watched = [pipe, woken]
    while status is None:
        ended, _, _ = select.select(watched, [], [], 1.0)
        if os.fstat(2).st_blocks > _MOST_BLOCKS:  # only the end of what was written there is ever read
            os.ftruncate(2, 0)
        if pipe in ended:
            _kill(worker)
            break
        if woken in ended:  # it ends, or a tool has closed all files
            watched = [pipe]
            time.sleep(_PAUSE)
        pid, found = os.waitpid(-1, os.WNOHANG)
        status = found if pid == worker else None
    for _ in range(_SWEEPS):
        try:
            os.killpg(worker, signal.SIGKILL)
        except OSError:
            pass
        for pid in _descendants():
            _kill(pid)
        try:
            while (reaped := os.waitpid(-1, os.WNOHANG))[0]:
                status = reaped[1] if reaped[0] == worker else status
        except ChildProcessError:
            break
        time.sleep(_PAUSE)
    _end_as(signal.SIGKILL if status is None else status)


def _kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except OSError:
        pass


def _descendants() -> list[int]:
    """Everything below this process, where the system tells."""
    parents = {}
    try:
        names = os.listdir("/proc")
    except OSError:
        return []
    for name in names:
        if name.isdigit():
            try:
                with open(f"/proc/{name}/stat", "rb") as file:
                    parents[int(name)] = int(file.read().rpartition(b")")[2].split()[1])
            except (OSError, ValueError, IndexError):
                continue
    found = {os.getpid()}
    while more := {pid for pid, parent in parents.items() if parent in found} - found:
        found |= more
    return list(found - {os.getpid()})


def _end_as(status: int) -> None:
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        try:
            import resource

            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
            signal.signal(number, signal.SIG_DFL)
        except (ImportError, OSError, ValueError):
            pass  # SIGKILL has no other way
        os.kill(os.getpid(), number)
    os._exit(os.waitstatus_to_exitcode(status) & 0xFF)


if __name__ == "__main__":
    main()
