"""How a policy was trained to work: what `rewatch train` saves beside the weights.

What stands in `rewatch.json` is data: the names of a dialect, of tools and of a loop, and a few numbers. Opening a
folder from elsewhere runs no code of its choosing and fetches nothing: what may stand there is a list.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from ...memory import CapabilityError
from ...memory.files.regular import read_text
from ..tool_formats import ToolFormat, load_tool_format

FILE = "rewatch.json"
SCHEMA = 1
"""Version of the file; it grows when a field changes its meaning or goes."""
LOOPS = frozenset({"clips16"})
"""Names of loops that a policy may have been trained in, beside that of `rewatch ask`; see `agent.small_loop`."""
SETTINGS: dict[str, tuple[type, float, float]] = {
    "max_tokens": (int, 1, 1 << 20),
    "max_pixels": (int, 1, 1 << 28),
    "context": (int, 1, 1 << 24),
    "rows": (int, 1, 1 << 12),
    "temperature": (float, 0.0, 10.0),
}
"""What a folder may set of its policy's options: kind, least and most. Everything else is its user's to say."""
_FRAMES_AS = ("images", "video")
_MOST_BYTES = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyConfig:
    """How a policy was trained to work."""

    dialect: str = "hermes"
    system: str | None = None
    """What it is told before anything else; None: what its dialect or the loop says."""
    loop: str | None = None
    """Name of a loop of its own (`agent.small_loop.LOOPS`); None: the loop of `rewatch ask`."""
    tools: tuple[str, ...] | None = None
    """Names of the tools it was offered; None: all that an agent has."""
    route: str = "search"
    settings: Mapping[str, Any] = field(default_factory=dict)
    """Options of `VideoLMM`: `max_tokens`, `max_pixels` and the like."""
    base: str | None = None
    """Folder or hub name of the model that the weights are an adapter of; None where they are a whole model."""

    def spoken(self) -> ToolFormat:
        """The dialect, with the system prompt of the training."""
        found = load_tool_format(self.dialect)
        return found if self.system is None else replace(found, system=self.system)

    def offered(self, tools: Sequence[Any]) -> list[Any]:
        """Those of `tools` that it was offered."""
        if self.tools is None:
            return list(tools)
        named = {getattr(tool, "name", getattr(tool, "__name__", "")): tool for tool in tools}
        missing = [name for name in self.tools if name not in named]
        if missing:
            raise CapabilityError(
                f"The policy was trained with the tool {missing[0]}, which is not here; give it: --tools module:name."
            )
        return [named[name] for name in self.tools]

    def save(self, folder: str | Path) -> Path:
        """Write it beside weights."""
        row = {"schema": SCHEMA, **asdict(self), "settings": dict(self.settings)}
        path = Path(folder) / FILE
        path.write_text(json.dumps(row, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        return path


def saved_policy(name: str | Path) -> Path | None:
    """The folder with weights and `rewatch.json` that a run folder, or this folder itself, is; None if it is none."""
    for folder in (Path(name).expanduser() / "policy", Path(name).expanduser()):
        if (folder / FILE).is_file():
            return folder
    return None


def read_policy_config(folder: Path) -> PolicyConfig:
    """What a folder says of how its policy works.

    Raises:
        CapabilityError: if the file cannot be read, or is of another version.
    """
    path = folder / FILE
    try:
        row = json.loads(read_text(path, most=_MOST_BYTES))
        schema = row.pop("schema", None)
        if schema != SCHEMA:
            raise CapabilityError(f"{path}: schema {schema!r}, and this rewatch reads {SCHEMA}; update rewatch.")
        unknown = set(row) - {f.name for f in fields(PolicyConfig)}
        if unknown:
            raise CapabilityError(f"{path}: {sorted(unknown)[0]} is not known; was the file edited?")
        tools = row.get("tools")
        if isinstance(row.get("loop"), str):  # 0.1 wrote where the loop stood: `….clips16:loop`
            row["loop"] = row["loop"].removesuffix(":loop").rpartition(".")[2]
        _require_harmless(path, row)
        return PolicyConfig(**{**row, "tools": None if tools is None else tuple(tools)})
    except (OSError, ValueError, TypeError, AttributeError, RecursionError) as error:
        raise CapabilityError(f"{path}: cannot be read ({error}).") from None


def _require_harmless(path: Path, row: Mapping[str, Any]) -> None:
    """Raise unless every value is of its kind, and every setting is one that a folder may make."""
    for key in ("dialect", "route"):
        _require(isinstance(row.get(key, ""), str), path, key, "a name")
    for key in ("system", "base"):
        _require(isinstance(row.get(key), str | None), path, key, "a text")
    _require(row.get("loop") in (None, *LOOPS), path, "loop", f"null or {', '.join(sorted(LOOPS))}")
    tools = row.get("tools")
    named = isinstance(tools, list) and all(isinstance(name, str) for name in tools)
    _require(tools is None or named, path, "tools", "a list of names")
    settings = row.get("settings", {})
    _require(isinstance(settings, dict), path, "settings", "an object")
    for key, value in settings.items():
        if key == "frames_as":
            _require(value in _FRAMES_AS, path, f"settings.{key}", " or ".join(_FRAMES_AS))
        elif key in SETTINGS:
            kind, least, most = SETTINGS[key]
            fits = isinstance(value, int if kind is int else int | float) and not isinstance(value, bool)
            _require(fits and least <= value <= most, path, f"settings.{key}", f"a number from {least:g} to {most:g}")
        else:
            known = ", ".join((*SETTINGS, "frames_as"))
            raise CapabilityError(
                f"{path}: settings.{str(key)[:60]} is not for a policy's folder to set (it may set {known}); if you "
                "want it, give it yourself, behind the policy's name: FOLDER?name=value."
            )


def _require(fits: bool, path: Path, key: str, wanted: str) -> None:
    if not fits:
        raise CapabilityError(f"{path}: {key} has to be {wanted}; was the file edited?")
