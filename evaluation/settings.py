"""Settings: all that the figures of an evaluation depend on, so that they can be published and gone on with."""

from __future__ import annotations

import hashlib
import platform
import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields
from importlib import metadata
from pathlib import Path
from typing import Any, Literal

from ..memory import ClipMemory, VideoRecord
from ..memory.sanitize import as_json
from ..tools import Budget
from ..tools.plugins.loading import GROUP
from ..training.data.task import Task
from ..training.data.task_files import as_row
from ..version import __version__

_PACKAGES = ("langchain-core", "langgraph", "torch", "transformers", "faiss-cpu", "av", "numpy")
"""Packages whose versions may change an answer."""
_READ = 1 << 20
"""Bytes at either end of a large file that its stamp is made of: weights are too long to be read whole."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How tasks are asked."""

    policy: str = "heuristic"
    viewer: str | None = None
    prompt: str | None = None
    planner: Literal["rules", "model"] = "rules"
    calibration: str | None = None
    """Path of the file."""
    tools: tuple[str, ...] = ()
    """Tools beside those that every agent has, as `load_tools` takes them."""
    budget: Budget = field(default_factory=Budget)
    """Of one item."""
    route: str | None = None
    scale: str | None = None
    width: int = 8
    control: str | None = None
    """What is taken away, a name of `CONTROLS`."""
    samples: int = 1
    """How often each task is asked."""
    temperature: float | None = None
    """Of the policy; None leaves it to the policy."""
    seed: int = 0
    """Of sampling and controls; each item has its own, made of this, its task and its number."""

    def as_dict(self) -> dict[str, Any]:
        """JSON form, in which addresses have no user names and passwords: it is to be published."""
        models = {name: _public(getattr(self, name)) for name in ("policy", "viewer")}
        return {**asdict(self), **models, "tools": list(self.tools)}

    @classmethod
    def from_dict(cls, row: Mapping[str, Any]) -> Settings:
        """The settings that `as_dict` wrote."""
        names = {one.name for one in fields(cls)} - {"budget", "tools"}
        plain = {name: row[name] for name in names}
        return cls(budget=Budget.from_dict(row["budget"]), tools=tuple(row["tools"]), **plain)

    def stamps(self) -> dict[str, str]:
        """What the files and folders hold that these settings name."""
        named = {name: getattr(self, name) for name in ("policy", "viewer", "prompt", "calibration")}
        places = {name: Path(str(value).partition("?")[0]) for name, value in named.items() if value}
        places |= {name: Path(name.partition(":")[0]) for name in self.tools}
        return {name: _stamp(place) for name, place in places.items() if place.exists()}


def versions() -> dict[str, str]:
    """The versions of this program and of what its answers may depend on, packages that register tools among it."""
    found = {"rewatch": __version__, "python": platform.python_version()}
    registered = {entry.dist.name for entry in metadata.entry_points(group=GROUP) if entry.dist is not None}
    for name in (*_PACKAGES, *sorted(registered)):
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def hash_of_tasks(tasks: Iterable[Task]) -> str:
    """A hash of every field of these tasks, in their order."""
    made = hashlib.sha256()
    for task in tasks:
        made.update(as_json(as_row(task)).encode() + b"\n")
    return made.hexdigest()[:16]


def memory_facts(memory: ClipMemory, records: Iterable[VideoRecord]) -> dict[str, Any]:
    """The models of a memory, and with what each of these videos was indexed."""
    models = memory.models
    return {
        "text_encoder": models.text.stamp,
        "visual_encoder": models.visual.stamp,
        "detector": memory.detector_stamp,
        "videos": {record.id: {"name": record.name, **record.channels} for record in records},
    }


def _public(name: str | None) -> str | None:
    return re.sub(r"(?<=://)[^/?#]*@", "", name) if name else name


def _stamp(place: Path) -> str:
    """A hash of the names, sizes and contents of a file, or of what lies in a folder."""
    made = hashlib.sha256()
    for file in sorted(place.rglob("*")) if place.is_dir() else [place]:
        if file.is_file():
            size = file.stat().st_size
            made.update(f"{file.relative_to(place)}\0{size}\0".encode("utf-8", "surrogatepass"))
            with file.open("rb") as content:
                made.update(content.read(_READ))
                if size > _READ:
                    content.seek(max(_READ, size - _READ))
                    made.update(content.read())
    return made.hexdigest()[:16]
