"""The way in which a policy was trained to work: what `rewatch train` saves beside the weights.

What stands in `rewatch.json` is data: the names of a dialect, of tools and of a loop, and a few numbers. Opening a
folder from elsewhere runs no code of its choosing and fetches nothing: what may stand there is a list.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, field, replace
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, ValidationError
from pydantic.dataclasses import dataclass
from typing_extensions import TypedDict

from ...memory import CapabilityError
from ...memory.files.regular import read_text
from ..tool_formats import ToolFormat, load_tool_format

FILE = "rewatch.json"
SCHEMA = 1
"""Version of the file; it grows when a field changes its meaning or goes."""
LOOPS = frozenset({"clips16"})
"""Names of loops that a policy may have been trained in, beside that of `rewatch ask`; see `agent.small_loop`."""
_MOST_BYTES = 1 << 20


class PolicySettings(TypedDict, total=False):
    """Options of its policy that a folder may set. Everything else is its user's to say."""

    __pydantic_config__ = ConfigDict(extra="forbid", strict=True)  # type: ignore[misc]

    max_tokens: Annotated[int, Field(ge=1, le=1 << 20)]
    max_pixels: Annotated[int, Field(ge=1, le=1 << 28)]
    context: Annotated[int, Field(ge=1, le=1 << 24)]
    rows: Annotated[int, Field(ge=1, le=1 << 12)]
    temperature: Annotated[float, Field(ge=0.0, le=10.0)]
    frames_as: Literal["images", "video"]


@dataclass(frozen=True, slots=True, kw_only=True, config=ConfigDict(extra="forbid", strict=True))
class PolicyConfig:
    """The way in which a policy was trained to work.

    Raises:
        ValidationError: if a value is not of its kind (pydantic).
    """

    dialect: str = "hermes"
    system: str | None = None
    """What it is told before anything else; None: what its dialect or the loop says."""
    loop: str | None = None
    """Name of a loop of its own (`agent.small_loop.LOOPS`); None: the loop of `rewatch ask`."""
    tools: tuple[str, ...] | None = None
    """Names of the tools it was offered; None: all that an agent has."""
    route: str = "search"
    settings: PolicySettings = field(default_factory=PolicySettings)
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
    """Return the folder with `rewatch.json` that a run folder, or this folder itself, is; None if it is none."""
    for folder in (Path(name).expanduser() / "policy", Path(name).expanduser()):
        if (folder / FILE).is_file():
            return folder
    return None


def read_policy_config(folder: Path) -> PolicyConfig:
    """Read how the policy of a folder works.

    Raises:
        CapabilityError: if the file cannot be read, or is of another version.
    """
    path = folder / FILE
    try:
        row = json.loads(read_text(path, most=_MOST_BYTES))
        schema = row.pop("schema", None)
        if schema != SCHEMA:
            raise CapabilityError(f"{path}: schema {schema!r}, and this rewatch reads {SCHEMA}; update rewatch.")
        if isinstance(row.get("loop"), str):  # 0.1 wrote where the loop stood: `….clips16:loop`
            row["loop"] = row["loop"].removesuffix(":loop").rpartition(".")[2]
        if row.get("loop") not in (None, *LOOPS):
            raise CapabilityError(f"{path}: loop has to be null or {', '.join(sorted(LOOPS))}; was the file edited?")
        tools = row.get("tools")
        return PolicyConfig(**{**row, "tools": tuple(tools) if isinstance(tools, list) else tools})
    except ValidationError as error:
        raise CapabilityError(_problem(path, error.errors(include_url=False)[0])) from None
    except (OSError, ValueError, TypeError, AttributeError, RecursionError) as error:
        raise CapabilityError(f"{path}: cannot be read ({error}).") from None


def _problem(path: Path, problem: Any) -> str:
    """Return what is wrong with a file, in one line."""
    key = ".".join(str(part)[:60] for part in problem["loc"])
    if problem["type"] not in ("extra_forbidden", "unexpected_keyword_argument"):
        return f"{path}: {key}: {problem['msg'][:200]}; was the file edited?"
    if "." not in key:
        return f"{path}: {key} is not known; was the file edited?"
    known = ", ".join(PolicySettings.__annotations__)
    return (
        f"{path}: {key} is not for a policy's folder to set (it may set {known}); if you want it, give it yourself, "
        "behind the policy's name: FOLDER?name=value."
    )
