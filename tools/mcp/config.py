"""Read which MCP servers to use: a command, an address, or a file in the usual `mcpServers` form."""

from __future__ import annotations

import json
import os
import re
import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ...memory import MisuseError
from ...memory.files.regular import read_text

_VARIABLE = re.compile(r"\$\{(?:env:)?(\w+)(?::-([^}]*))?\}")
_RUNNERS = {"python", "python3", "uv", "uvx", "npx", "node", "docker", "run", "-m", "-y", "env"}


@dataclass(frozen=True, slots=True, kw_only=True)
class McpServer:
    """One server: a command that speaks over its standard input and output, or an address."""

    name: str
    """Its name in messages, and the prefix of its tools where another tool has their name."""
    command: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Set for the command besides PATH, HOME and the like; it inherits nothing else."""
    folder: str | None = None
    """Working folder of the command."""
    url: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Sent with every request, for example an Authorization; never shown."""

    @property
    def origin(self) -> str:
        """Name of the server for people, without variables, headers, and secrets that an address may hold."""
        if self.url is None:
            return f"MCP server {self.name}"
        bare = self.url.split("?")[0].split("#")[0]
        return f"MCP server {self.name} ({re.sub('//[^/@]*@', '//', bare)})"


def read_servers(specs: Iterable[str | Path | McpServer]) -> list[McpServer]:
    """Read the servers that a command line names, each under a name of its own.

    Args:
        specs: `"python server.py"`, `"http://host:port/mcp"`, `"name=…"` of either, or a JSON file with `mcpServers`.
    """
    servers: list[McpServer] = []
    for item in specs:
        found = [item] if isinstance(item, McpServer) else _read(str(item))
        for server in found:
            taken = {s.name for s in servers}
            name = next(n for k in range(1000) if (n := server.name + (f"_{k + 1}" if k else "")) not in taken)
            servers.append(replace(server, name=name))
    return servers


def _read(text: str) -> list[McpServer]:
    text = text.strip()
    if text.endswith(".json"):
        return _of_file(Path(text).expanduser())
    prefix = re.match(r"([A-Za-z][\w-]*)=(?!=)", text)
    name, rest = (prefix[1], text[prefix.end() :]) if prefix else ("", text)
    if rest.startswith(("http://", "https://")):
        host = re.sub(r"^https?://(?:[^/@]*@)?", "", rest).split("/")[0].split(":")[0]
        return [McpServer(name=name or _slug(host), url=rest)]
    try:
        words = tuple(shlex.split(rest, posix=os.name != "nt"))
    except ValueError as error:
        raise MisuseError(f"--mcp {text!r}: {error}; write a command, an address or a .json file.") from None
    if not words:
        raise MisuseError("--mcp is empty; write a command, an address or a .json file.")
    return [McpServer(name=name or _slug(_main_word(words)), command=words)]


def _of_file(path: Path) -> list[McpServer]:
    try:
        whole = json.loads(read_text(path))
    except OSError as error:
        raise MisuseError(f"{path} cannot be read: {error.strerror or error}.") from None
    except ValueError as error:
        raise MisuseError(f"{path} is not JSON: {error}.") from None
    rows = whole.get("mcpServers", whole.get("servers")) if isinstance(whole, dict) else None
    if not isinstance(rows, dict):
        raise MisuseError(f'{path} names no servers; write {{"mcpServers": {{"name": {{"command": …}}}}}}.')
    return [
        _of_row(str(name), row, path)
        for name, row in rows.items()
        if not (isinstance(row, dict) and (row.get("disabled") is True or row.get("enabled") is False))
    ]


def _of_row(name: str, row: Any, path: Path) -> McpServer:
    if not isinstance(row, dict):
        raise MisuseError(f"{path}: {name} must be an object with command and args, or url.")
    where = f"{path}: {name}"
    url = row.get("url") or row.get("serverUrl") or row.get("httpUrl")
    if url:
        if row.get("type") == "sse":
            raise MisuseError(f"{where} speaks SSE, which MCP has given up; give its streamable HTTP address.")
        return McpServer(name=_slug(name), url=_filled(url, where), headers=_strings(row.get("headers"), where))
    if not isinstance(row.get("command"), str) or not row["command"]:
        raise MisuseError(f"{where} has neither a command nor a url.")
    arguments = row.get("args") or []
    if not isinstance(arguments, list):
        raise MisuseError(f"{where}: args must be a list.")
    return McpServer(
        name=_slug(name),
        command=tuple(_filled(word, where) for word in (row["command"], *arguments)),
        env=_strings(row.get("env"), where),
        folder=_filled(row["cwd"], where) if row.get("cwd") else None,
    )


def _strings(rows: Any, where: str) -> dict[str, str]:
    if rows is not None and not isinstance(rows, dict):
        raise MisuseError(f"{where}: env and headers must be objects.")
    return {str(key): _filled(value, where) for key, value in (rows or {}).items()}


def _filled(value: Any, where: str) -> str:
    """A string with `${NAME}` and `${NAME:-otherwise}` taken from the environment."""

    def of(match: re.Match[str]) -> str:
        name, default = match[1], match[2]
        if name not in os.environ and default is None:
            raise MisuseError(f"{where} needs the environment variable {name}, which is not set.")
        return os.environ.get(name, default or "")

    return _VARIABLE.sub(of, str(value))


def _main_word(words: tuple[str, ...]) -> str:
    """The script or module of a command, not the program that runs it."""
    bare = [Path(word).stem for word in words if not word.startswith("-")]
    return next((word for word in bare if re.sub(r"[\d.]+$", "", word) not in _RUNNERS), bare[0] if bare else "server")


def _slug(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9]+", "_", name).strip("_")[:32] or "server"
