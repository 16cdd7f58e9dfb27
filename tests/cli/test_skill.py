"""The skill has the form of agentskills.io, and everything that it tells an agent to run can be run."""

from __future__ import annotations

import asyncio
import json
import re
import shlex
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from .conftest import environment, rewatch

SKILL = Path(__file__).resolve().parents[2] / "skills" / "rewatch" / "SKILL.md"
TEXT = SKILL.read_text(encoding="utf-8")
COMMANDS = [
    line for block in re.findall(r"```bash\n(.*?)```", TEXT, re.DOTALL) for line in block.splitlines() if line.strip()
]


def test_its_front_matter():
    _, front, body = TEXT.split("---\n", 2)
    facts = yaml.safe_load(front)
    assert facts["name"] == SKILL.parent.name and re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", facts["name"])
    assert 0 < len(facts["description"]) <= 1024 and len(facts["compatibility"]) <= 500
    assert "<" not in facts["description"] and len(body.splitlines()) < 500


@pytest.mark.parametrize("command", COMMANDS)
def test_its_commands_run(home: Path, command: str):
    name, *words = shlex.split(command)
    assert name == "rewatch"
    done = rewatch(home, *words)
    assert done.returncode == 0, done.stderr
    if "json" in command:
        json.loads(done.stdout)


def test_its_server_starts_and_has_the_tools_that_it_names(home: Path):
    pytest.importorskip("mcp", reason="the extra mcp is not installed")
    from mcp import Client, StdioServerParameters

    config = json.loads(re.search(r"```json\n(.*?)```", TEXT, re.DOTALL)[1])["mcpServers"]["rewatch"]  # type: ignore[index]
    words = [word.replace("/path/to/videos", str(home)) for word in config["args"]]
    assert config["command"] == "rewatch"
    server = StdioServerParameters(
        command=sys.executable, args=["-P", "-m", "rewatch", *words], env=environment(home), cwd=home
    )

    async def ask(client: Any, **arguments: Any) -> Any:
        told = await client.call_tool("ask", arguments)
        while "running" in told.structured_content:
            told = await client.call_tool("result", {"id": told.structured_content["running"]})
        return told

    async def talk() -> tuple[set[str], Any, Any]:
        async with Client(server, read_timeout_seconds=60) as client:
            names = {tool.name for tool in (await client.list_tools()).tools}
            told = await ask(client, question="What is said about the budget?", videos=["tal"])
            run = told.structured_content["data"]["run_id"]
            return names, told, await ask(client, question="And after that?", follows=run)

    names, told, later = asyncio.run(talk())
    steps = TEXT.partition("## By MCP")[2].partition("## By command line")[0]
    named = set(re.findall(r"`(\w+)(?:\([^`]*\))?`", steps)) - {"partial", "running", "public"}
    assert named <= names, named - names
    assert "ten million" in told.content[0].text and "talk.mp4 00:02-00:06" in told.content[0].text
    assert not told.structured_content["partial"] and "Peter" in later.content[0].text
