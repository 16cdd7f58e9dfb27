"""`rewatch serve`, as far as it says what it needs; what it serves is tested in `tests/server`."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest
from command_line import run_here

pytest.importorskip("fastapi", reason="the extra serve is not installed")


@pytest.mark.parametrize(
    ("words", "code", "why"),
    [
        (("--host", "0.0.0.0"), 2, "REWATCH_SERVE_KEY"),  # noqa: S104
        (("--videos", "absent"), 2, "absent is no folder"),
        (("--urls", "http://x/"), 2, "is no host"),
        (("--port", "70000"), 2, "65535"),
        (("--parallel", "0"), 2, "--parallel"),
        (("--route", "search"), 2, "No such option"),
    ],
)
def test_what_cannot_be_served_is_told(tmp_path: Path, words: tuple[str, ...], code: int, why: str):
    told = run_here(tmp_path, "serve", "--memory", tmp_path / "memory", *words, variables={})
    assert told.returncode == code and why in told.stderr


def test_a_port_that_is_taken_is_named(tmp_path: Path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        told = run_here(tmp_path, "serve", "--memory", tmp_path / "memory", "--port", port, variables={})
    assert told.returncode == 5 and f"127.0.0.1:{port} cannot be used" in told.stderr


def test_the_extra_that_is_missing_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    import importlib.util

    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *rest: None if name == "uvicorn" else find(name, *rest)
    )
    told = run_here(tmp_path, "serve", "--memory", tmp_path / "memory", variables={})
    assert told.returncode == 5 and "pip install 'rewatch[serve]'" in told.stderr
