"""Asking again: what is imported then, and the warm process."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import signal
import socket
import stat
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from .conftest import QUESTION, environment, rewatch, start_rewatch

HEAVY = ("torch", "transformers", "scipy", "sklearn", "ultralytics", "supervision", "rapidocr", "faster_whisper", "cv2")


@pytest.mark.parametrize("words", [["ask", "talk.mp4", QUESTION], ["search", "budget"]], ids=["ask", "search"])
def test_asking_again_imports_nothing_heavy(home: Path, words: list[str]):
    code = (
        "import sys; from rewatch.cli import run; sys.argv = ['rewatch', *sys.argv[1:]]; code = run();"
        f"print([name for name in {HEAVY} if name in sys.modules], code)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *words], capture_output=True, text=True, env=environment(home), cwd=home
    )
    assert "ten million" in done.stdout and done.stdout.splitlines()[-1] == "[] 0", done.stdout + done.stderr


@pytest.fixture(scope="module")
def warm(home: Path) -> Iterator[Path]:
    """A warm process; gives its socket."""
    started = start_rewatch(home, "warm", "--idle", "10")
    assert started.returncode == 0, started.stderr
    (path,) = (home / "rewatch").glob("warm-*.sock")
    yield path
    start_rewatch(home, "warm", "--stop")
    assert not path.exists()


def test_a_warm_process_answers_as_a_cold_one_does(home: Path, warm: Path):
    assert stat.S_IMODE(warm.stat().st_mode) == 0o600 and stat.S_IMODE(warm.parent.stat().st_mode) == 0o700
    for words in (["search", "budget", "--json"], ["search"], ["ask", "--json", "nope.mp4", "What?"]):
        here, there = rewatch(home, *words), start_rewatch(home, *words)
        assert (here.returncode, here.stdout, here.stderr) == (there.returncode, there.stdout, there.stderr)
    answers = [json.loads(start_rewatch(home, "ask", "--json", "talk.mp4", QUESTION).stdout) for _ in range(2)]
    assert all("ten million" in answer["text"] for answer in answers)
    # It was the warm process: what a command imports is not imported by the one that was typed.
    code = (
        "import sys; from rewatch.cli import main; sys.argv = ['rewatch', 'search', 'budget']\n"
        "try: main()\nexcept SystemExit as end: print('faiss' in sys.modules, end.code)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment(home), cwd=home)
    assert "ten million" in done.stdout and done.stdout.splitlines()[-1] == "False 0"


def test_it_runs_nothing_else_and_other_numbers_of_threads_pass_it_over(home: Path, warm: Path):
    code = (
        "import os; from rewatch.cli.warm_client import *; connection = connect(socket_path());"
        "request = {'arguments': ['videos'], 'folder': '/', 'environment': {}, 'encoding': 'utf-8'};"
        "send(connection, request, [0, 1, 2]); print(connection.recv(999))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment(home))
    assert done.stdout.strip() == """b'E{"error": "only ask and search are done here"}'""", done.stderr
    assert start_rewatch(home, "search", "budget", OMP_NUM_THREADS="2").returncode == 0
    warm.chmod(0o666)  # a socket that others could have opened is not used
    done = subprocess.run(
        [sys.executable, "-c", "from rewatch.cli.warm_client import *; print(connect(socket_path()))"],
        capture_output=True, text=True, env=environment(home),
    )  # fmt: skip
    assert done.stdout.strip() == "None"
    warm.chmod(0o600)


ODD_REQUESTS: list[object] = [
    [], 3, None, "ask", {}, {"stop": "no"}, {"arguments": []}, {"arguments": {}}, {"arguments": "ask"},
    {"arguments": [3]}, {"arguments": ["ask"]}, {"arguments": ["ask"], "environment": [1]},
    {"arguments": ["ask"], "environment": {"a": 1}},
    {"arguments": ["ask"], "environment": {"": "x"}}, {"arguments": ["ask"], "environment": {}, "folder": 3},
    {"arguments": ["ask"], "environment": {}, "folder": "/nowhere/at/all"},
    {"arguments": ["ask"], "environment": {}, "folder": "/", "encoding": "klingon"},
    {"arguments": ["ask"], "environment": {}, "folder": "/", "encoding": "utf-8"},  # without files
]  # fmt: skip


def test_odd_requests_are_answered_and_it_goes_on(home: Path, warm: Path):
    bodies = [json.dumps(one).encode() for one in ODD_REQUESTS] + [b"{", b"\xff\xfe", b"[" * 100_000, b'{"a": NaN']
    said = []
    for body in [*bodies, None, b""]:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.connect(str(warm))
            if body is None:  # more is announced than may be sent
                connection.sendall(struct.pack("!I", 0xFFFFFFFF) + b"{}")
            elif body:
                connection.sendall(struct.pack("!I", len(body)) + body)
            connection.shutdown(socket.SHUT_WR)
            told = b""
            with contextlib.suppress(ConnectionResetError):
                while part := connection.recv(4096):
                    told += part
            said.append(told)
    assert all(told[:1] == b"E" and json.loads(told[1:])["error"] for told in said[:-1]), said
    assert start_rewatch(home, "search", "budget").returncode == 0
    assert warm.exists() and start_rewatch(home, "warm").stdout.startswith("one is running already")


def test_the_terminal_is_the_clients_and_an_interrupt_reaches_the_command(home: Path, warm: Path):
    ours, theirs = pty.openpty()
    words = ["ask", "talk.mp4", "What is written on the small sign in the corner?"]
    process = subprocess.Popen(
        [sys.executable, "-m", "rewatch", *words],
        stdin=theirs, stdout=theirs, stderr=theirs, env={**environment(home), "TERM": "xterm"}, cwd=home,
    )  # fmt: skip
    os.close(theirs)
    shown = b""
    while b"plan" not in shown:
        shown += os.read(ours, 1000)
    process.send_signal(signal.SIGINT)
    end = time.monotonic() + 240
    while time.monotonic() < end:
        try:
            part = os.read(ours, 1000)
        except OSError:
            break
        if not part:
            break
        shown += part
    assert b"\x1b[" in shown  # colours, since it is a terminal
    assert process.wait(240) in (0, 130)  # it may have been quicker
    if process.returncode == 130:
        assert b"interrupted" in shown


def test_a_path_that_is_too_long_for_a_socket_is_told(home: Path, tmp_path: Path):
    told = start_rewatch(home, "warm", XDG_RUNTIME_DIR=str(tmp_path / ("long" * 25)))
    assert told.returncode == 5 and "set XDG_RUNTIME_DIR" in told.stderr and "Traceback" not in told.stderr


def test_it_ends_by_itself_and_a_dead_socket_is_passed_over(home: Path):
    with tempfile.TemporaryDirectory(prefix="warm-") as folder:  # a socket's path has to be short
        ends_by_itself(home, Path(folder))


def ends_by_itself(home: Path, tmp_path: Path) -> None:
    here = {"XDG_RUNTIME_DIR": str(tmp_path)}
    assert start_rewatch(home, "warm", "--idle", "0.03", **here).returncode == 0
    end = time.monotonic() + 240
    while (left := list((tmp_path / "rewatch").iterdir())) and time.monotonic() < end:
        time.sleep(0.05)
    assert not left
    code = "from rewatch.cli.warm_client import socket_path; print(socket_path())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment(home) | here)
    dead = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    dead.bind(done.stdout.strip())
    dead.close()
    Path(done.stdout.strip()).chmod(0o600)
    assert "ten million" in start_rewatch(home, "search", "budget", **here).stdout
    assert start_rewatch(home, "warm", **here).returncode == 0  # takes its place
    assert start_rewatch(home, "warm", "--stop", **here).stdout.strip() == "ended"
