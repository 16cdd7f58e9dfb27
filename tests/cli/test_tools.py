"""`rewatch tools`, `rewatch tools try`, and tools of one's own on the command line, as people run them."""

from __future__ import annotations

import importlib.util
import json
import os
import pty
import re
import select
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from command_line import run_here
from rewatch.memory import ClipMemory

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / "examples" / "own_tool.py"
SERVER = f"{sys.executable} {ROOT / 'tests' / 'tools' / 'mcp' / 'odd_mcp_server.py'}"
ASKS = '''from rewatch.tools import tool

@tool(approval=True)
def erase(word: str) -> str:
    """Erase a word."""
    return f"erased {word}"
'''


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, make_talk: Callable[..., Path]) -> Path:
    folder = tmp_path_factory.mktemp("home")
    for name in ("lights", "new"):
        make_talk(folder / f"{name}.mp4", 6, colors=lambda s: (10, 10, 10) if s < 3 else (240, 240, 240), fps=4)
    ClipMemory(folder / "memory").add(folder / "lights.mp4", channels=("visual",), workers=0)
    (folder / "asks.py").write_text(ASKS)
    return folder


def variables(home: Path, width: int = 100) -> dict[str, str]:
    named = {"HOME": str(home), "REWATCH_MEMORY": str(home / "memory"), "COLUMNS": str(width), "OMP_NUM_THREADS": "1"}
    return {**named, "XDG_CACHE_HOME": str(home / "cache"), "XDG_DATA_HOME": str(home / "data")}


def rewatch(home: Path, *words: object, width: int = 100) -> subprocess.CompletedProcess[str]:
    """Run `rewatch WORDS` in this process."""
    return run_here(home, *words, variables=variables(home, width))


def test_a_file_that_is_not_indexed_is_tried_with_a_tool_from_a_file(home: Path):
    tried = rewatch(
        home, "tools", "try", "how_bright", "--tools", EXAMPLE, "--video", "new.mp4", "--no-index", "time=0:05",
        "--json", "--out", home / "shots", "--html", home / "page.html",
    )  # fmt: skip
    assert tried.returncode == 0, tried.stderr
    row = json.loads(tried.stdout)
    assert row["data"]["brightness"] > 0.8 and row["cost"]["frames"] == 1 and row["origin"].endswith("own_tool.py")
    assert row["again"]["cached"] and not row["cached"] and row["video"]["name"] == "new.mp4"
    (picture,) = row["pictures"]
    assert picture["of"].endswith("#t=5") and Path(picture["path"]).read_bytes()[:2] == b"\xff\xd8"
    page = (home / "page.html").read_text()
    assert "how_bright(" in page and "data:image/jpeg" in page and "<script" not in page
    assert [v.name for v in ClipMemory(home / "memory", read_only=True).videos()] == ["lights.mp4"]


def test_it_is_shown_for_people_and_a_failure_is_told(home: Path):
    words = ("tools", "try", "how_bright", "--tools", EXAMPLE, "-v", "lights.mp4", "--no-index")
    shown = rewatch(home, *words, "time=1", width=60)
    assert shown.returncode == 0 and "% bright" in shown.stdout and "1 frames" in shown.stdout
    assert "how_bright-1.jpg" in shown.stdout and "cached" in shown.stdout
    words = ("tools", "try", "how_bright", "--tools", EXAMPLE)
    failed = rewatch(home, *words, "time=99")
    assert failed.returncode == 1 and "runs from 0 to 6 s" in failed.stdout
    assert rewatch(home, *words, "99").returncode == 2
    absent = rewatch(home, "tools", "try", "fly")
    assert absent.returncode == 2 and "view_clip" in absent.stderr


def test_the_list_says_where_tools_are_from(home: Path):
    listed = rewatch(home, "tools", "--tools", EXAMPLE, "--json")
    rows = {row["name"]: row for row in json.loads(listed.stdout)["tools"]}
    assert rows["view_clip"]["origin"] == "built in" and rows["view_clip"]["looks_into_video"]
    assert rows["how_bright"]["origin"].endswith("own_tool.py")
    assert rows["how_bright"]["parameters"]["required"] == ["time"]
    assert rows["view_clip"]["parameters"]["properties"]["start"]["description"] == "first moment, in seconds."
    shown = rewatch(home, "tools", "--tools", EXAMPLE, width=50).stdout
    assert "how_bright(time)" in shown and "needs a model that sees" in shown
    assert max(map(len, shown.splitlines())) <= 50
    wrong = rewatch(home, "tools", "--tools", "nowhere.py:x")
    assert wrong.returncode == 2 and "nowhere.py" in wrong.stderr and "Traceback" not in wrong.stderr


@pytest.mark.slow
def test_mcp_servers_are_listed_and_tried_and_a_wrong_one_is_a_line(home: Path):
    pytest.importorskip("mcp", reason="the extra mcp is not installed")
    listed = rewatch(home, "tools", "--mcp", SERVER, "--mcp", "no_such_server_command", "--json")
    rows = {row["name"]: row for row in json.loads(listed.stdout)["tools"]}
    assert rows["add"]["origin"] == "MCP server odd_mcp_server" and "odd_mcp_server_crop" in rows
    assert "no_such_server_command" in listed.stderr and listed.returncode == 0
    tried = json.loads(rewatch(home, "tools", "try", "look", "--mcp", SERVER, "--json").stdout)
    assert tried["text"].startswith("a green one") and tried["pictures"][0]["of"] == "made by the tool"
    assert Path(tried["pictures"][0]["path"]).stat().st_size > 500


def test_asking_has_the_tools_and_the_trace_names_them(home: Path):
    words = ["ask", "--json", "--tools", EXAMPLE, "--channels", "visual"]
    if importlib.util.find_spec("mcp") is not None:
        words += ["--mcp", SERVER]
    asked = rewatch(home, *words, "lights.mp4", "How many cuts are there?")
    assert asked.returncode == 0, asked.stderr
    first = json.loads(Path(json.loads(asked.stdout)["trace"]).read_text().splitlines()[0])
    names = [tool["name"] for tool in first["tools"]]
    assert "how_bright" in names and ("--mcp" not in words or "odd_mcp_server_crop" in names)


@pytest.mark.slow
def test_a_tool_that_asks_first_is_refused_allowed_or_asked_about(home: Path):
    words = ("tools", "try", "erase", "--tools", home / "asks.py", "word=x")
    refused, allowed = rewatch(home, *words), rewatch(home, *words, "--approve", "erase")
    assert refused.returncode == 1 and "--approve erase" in refused.stdout + refused.stderr
    assert allowed.returncode == 0 and "erased x" in allowed.stdout
    near, far = pty.openpty()
    command = [sys.executable, "-m", "rewatch", *map(str, words)]
    process = subprocess.Popen(
        command, stdin=far, stdout=subprocess.PIPE, stderr=far, env={**os.environ, **variables(home)}, cwd=home
    )
    os.close(far)
    said = b""
    while b"[y/N]" not in said:
        assert select.select([near], [], [], 60)[0], said
        said += os.read(near, 1000)
    os.write(near, b"y\n")
    out, _ = process.communicate(timeout=240)
    os.close(near)
    assert b"erase(word=" in said and b"erased x" in out


def test_the_guide_shows_the_example_and_names_only_what_there_is(home: Path):
    guide = (ROOT / "docs" / "tools.md").read_text()
    shown = guide.split("<!-- examples/own_tool.py -->\n```python\n")[1].split("```")[0]
    assert shown.strip() in EXAMPLE.read_text()
    helps = [rewatch(home, *words, "--help", width=120) for words in (["ask"], ["index"], ["tools", "try"], ["mcp"])]
    told = "".join(page.stdout for page in helps)
    for option in set(re.findall(r"(?<![\w-])--[a-z]+(?:-[a-z]+)?", guide)) - {"--no-index"}:
        assert option in told, option


def test_doctor_names_what_is_wanted_and_how_large(home: Path):
    told = rewatch(home, "doctor", width=200).stdout
    assert "yolo11n.pt (6 MB" in told and "weights" in told and "base 145 MB" in told and "siglip2" in told
    rows = {row["name"]: row for row in json.loads(rewatch(home, "doctor", "--json").stdout)["capabilities"]}
    assert rows["tools"]["in_use"].startswith("built in")
