"""Tools by name: `module:name`, `file.py:name`, and those that installed packages register as `rewatch.tools`."""

from __future__ import annotations

import hashlib
import importlib
import importlib.metadata
import importlib.util
import inspect
import os
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

from langchain_core.tools import BaseTool

from ...memory import CapabilityError
from ...memory.files.regular import odd_kind
from ..tool import as_tool

GROUP = "rewatch.tools"
"""The entry-point group that packages register their tools in."""
OTHERS = "rewatch_others"
"""Mark in the metadata of a tool that was found by its name: a process of its own is where it runs, if it can."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolGroup:
    """The tools of one file, module, package or server."""

    origin: str
    """Name of that place for people: a file, a module, or a package with its version."""
    prefix: str
    """Goes before the name of a tool where another tool has that name."""
    tools: tuple[BaseTool, ...]


def load_tools(name: str) -> ToolGroup:
    """The tools that `name` means.

    Args:
        name: `module:attribute`, `path/to/file.py:attribute`, or without the attribute: every tool that the module or
            the file has of its own; where none is marked as one, its functions with types and a docstring. Modules are
            found in the current folder too. The attribute is a tool, such a function, or a list of these.

    Raises:
        CapabilityError: if there is no such module, file or attribute, or it is no tool; says which.
    """
    place, colon, attribute = name.rpartition(":")
    if not colon:
        place, attribute = name, ""
    try:
        module = _of_file(Path(place)) if place.endswith(".py") else _of_module(place)
        documented = [one for one in _functions(module) if not _missing_parts(one)]
        tools = _as_tools(getattr(module, attribute) if attribute else _own_tools(module) or documented)
    except (Exception, SystemExit) as error:  # code of others, which raises anything when it is imported
        raise CapabilityError(f"--tools {name}: {_one_line(error)}") from error
    if not tools:
        missing = "; ".join(f"{one.__name__} lacks {_missing_parts(one)}" for one in _functions(module)[:3])
        raise CapabilityError(
            f"--tools {name}: there is no tool in it; mark a function with @tool of rewatch.tools, or write one with "
            f"types and a docstring.{f' ({missing})' if missing else ''}"
        )
    return ToolGroup(origin=place, prefix=Path(place).stem.rsplit(".", 1)[-1], tools=tools)


def registered_tools() -> tuple[list[ToolGroup], list[str]]:
    """The tools that installed packages register, and one line for each that cannot be had.

    A package writes `[project.entry-points."rewatch.tools"]` with `name = "module:attribute"`.
    """
    groups: list[ToolGroup] = []
    broken: list[str] = []
    points = {(point.name, point.value): point for point in importlib.metadata.entry_points(group=GROUP)}
    for _, point in sorted(points.items()):
        package = point.dist.name if point.dist else point.module
        version = f" {point.dist.version}" if point.dist else ""
        try:
            tools = _as_tools(point.load())
        except (Exception, SystemExit) as error:  # code of others, which raises anything when it is imported
            broken.append(f"{package}{version}: its tool {point.name} ({point.value}) is left out: {_one_line(error)}")
            continue
        groups.append(ToolGroup(origin=f"{package}{version}", prefix=package, tools=tools))
    return groups, broken


def _of_module(name: str) -> ModuleType:
    sys.path.append(os.getcwd())  # last: nothing there stands in for an installed module
    try:
        return importlib.import_module(name)
    finally:
        sys.path.pop()


def _of_file(path: Path) -> ModuleType:
    """The module in a file, run once a process."""
    path = path.expanduser().resolve()
    if not path.is_file():
        raise FileNotFoundError(
            f"{path}: {odd_kind(path)}, not a file" if odd_kind(path) else f"there is no file {path}"
        )
    name = f"rewatch_own_{path.stem}_{hashlib.sha256(os.fsencode(path)).hexdigest()[:8]}"
    if name in sys.modules:
        return sys.modules[name]
    return run_file(name, path)


def run_file(name: str, path: Path) -> ModuleType:
    """Run a file as the module `name`; it can import what lies beside it."""
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path} is no Python module.")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # so that type hints and pickles of what it defines are resolved
    sys.path.append(str(path.parent))  # last: nothing there stands in for an installed module
    try:
        spec.loader.exec_module(module)
    except BaseException:  # undone, and raised again
        del sys.modules[name]
        raise
    finally:
        sys.path.pop()
    return module


def _own_tools(module: ModuleType) -> list[BaseTool]:
    """The tools that a module holds, but for those of this package."""
    package = sys.modules.get("rewatch.tools")
    ours = set(map(id, vars(package).values())) if package else set()
    tools = [value for value in vars(module).values() if isinstance(value, BaseTool) and id(value) not in ours]
    return list({id(value): value for value in tools}.values())


def _functions(module: ModuleType) -> list[FunctionType]:
    """The functions that are written in a module and not private to it."""
    functions = [value for name, value in vars(module).items() if isinstance(value, FunctionType) and name[:1] != "_"]
    return [one for one in {id(value): value for value in functions}.values() if one.__module__ == module.__name__]


def _missing_parts(function: FunctionType) -> str:
    """The parts of a tool that a function lacks; empty if it is one."""
    if not inspect.getdoc(function):
        return "a docstring"
    untyped = [
        name
        for name, parameter in inspect.signature(function).parameters.items()
        if parameter.annotation is parameter.empty
        or parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD)
    ]
    return f"types of {', '.join(untyped)}" if untyped else ""


def _as_tools(found: Any) -> tuple[BaseTool, ...]:
    items: Iterable[Any] = found if isinstance(found, (list, tuple)) else [found]
    if any(isinstance(item, type) for item in items):
        raise TypeError("it is a class; give a tool, for example an instance of that class")
    tools = tuple(map(as_tool, items))
    for item in tools:
        item.metadata = {**(item.metadata or {}), OTHERS: True}
    return tools


def _one_line(error: BaseException) -> str:
    text = " ".join(str(error).split())[:300]
    if isinstance(error, (AttributeError, FileNotFoundError, ImportError, TypeError, ValueError)) and text:
        return text
    return f"{type(error).__name__}{': ' + text if text else ''}"
