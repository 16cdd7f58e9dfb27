"""Isolated tools that do what they should not, at the top level of a module."""

from __future__ import annotations

import ctypes
import json
import multiprocessing
import os
import resource
import signal
import struct
import subprocess
import sys
import threading
import time

import numpy as np
from rewatch.tools import tool

HUGE = 60 << 30


@tool(isolated=True, timeout=120.0, cacheable=False)
def echo(word: str) -> str:
    """Say a word again."""
    return f"echo {word}"


@tool(isolated=True, timeout=120.0, cacheable=False)
def forks(how: str) -> str:
    """Go on twice."""
    if how == "pool" or how == "spawn":
        with multiprocessing.get_context("fork" if how == "pool" else "spawn").Pool(1) as pool:
            assert pool.map(abs, [-1]) == [1]
        return f"parent {how}"
    parent = (os.fork if how == "fork" else ctypes.CDLL(None).fork)()
    return f"{'parent' if parent else 'fork'} {how}"


@tool(isolated=True, timeout=120.0, cacheable=False)
def writes(what: str) -> str:
    """Write where answers are written."""
    if what == "prints":
        print("printed" * 10000, flush=True)
        os.write(1, b"to the file itself")
    elif what == "closes":
        os.closerange(3, 1000)
    elif what == "garbage":
        _into_sockets(b"\xff" * 1000)
    elif what == "forges":
        _into_sockets(_forged())
    elif what == "frames":
        message = json.dumps({"kind": "ask", "call": "1"}).encode() + b"\n" + bytes(4_000_000)
        _into_sockets(struct.pack("!i", len(message)) + message)
    else:
        threading.Thread(target=lambda: (time.sleep(0.1), _into_sockets(_forged()))).start()
    return "written"


def _forged() -> bytes:
    nothing = {"uris": [], "pictures": [], "data": {}, "lines": [], "error": False}
    body = json.dumps({"kind": "done", "call": "1", "text": "FORGED", **nothing}).encode()
    return struct.pack("!i", len(body)) + body


def _into_sockets(data: bytes) -> None:
    for name in os.listdir("/proc/self/fd"):
        try:
            if "socket" in os.readlink(f"/proc/self/fd/{name}"):
                rest = memoryview(data)
                while rest:
                    rest = rest[os.write(int(name), rest) :]
        except OSError:
            continue


@tool(isolated=True, timeout=5.0, cacheable=False)
def starts_others(mark: str, how: str) -> str:
    """Start a shell that sleeps, and one that has left session, group and environment."""
    sleeps = "import time; time.sleep(1000)"
    subprocess.Popen(f"sleep 1000 & sleep 1000; : {mark}", shell=True)
    command = f"import os, sys\nif os.fork() == 0:\n    os.setsid()\n    {sleeps}"
    subprocess.run([sys.executable, "-c", command, mark], env={})
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if how == "stops":
        os.kill(os.getppid(), signal.SIGSTOP)
        time.sleep(100)
    if how == "leaves":
        os._exit(5)
    if how == "crashes":
        os.abort()
    while how == "waits":
        time.sleep(100)
    return "started"


class Unspeakable(Exception):
    def __init__(self, one: str, two: str) -> None:
        self.lock = threading.Lock()

    def __str__(self) -> str:
        sys.exit(4)


@tool(isolated=True, timeout=120.0, cacheable=False)
def raises(what: str) -> str:
    """Raise what tools do not raise."""
    if what == "unspeakable":
        raise Unspeakable("a", "b")
    raise {k.__name__: k for k in (SystemExit, KeyboardInterrupt, BaseException, GeneratorExit)}[what]("so")


@tool(isolated=True, timeout=120.0, cacheable=False)
def takes_memory(how: str) -> str:
    """Take more memory than there is."""
    if how == "numpy":
        return str(np.ones(HUGE // 8).sum())
    if how == "Python":
        return str(len(bytearray(HUGE)))
    os.write(2, b"terminate called after throwing an instance of 'std::bad_alloc'\n")  # as C++ does
    os.abort()


@tool(isolated=True, timeout=120.0, cacheable=False)
def limit() -> str:
    """Tell the limit."""
    return json.dumps(resource.getrlimit(resource.RLIMIT_DATA)[0])


@tool(isolated=True, timeout=1.0, cacheable=False)
def stops() -> str:
    """Stop the process."""
    os.kill(os.getpid(), signal.SIGSTOP)
    return "went on"
