"""A tool on its way into another process: by the name under which its module holds it, else as a pickle."""

from __future__ import annotations

import importlib
import importlib.util
import pickle
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from langchain_core.tools import BaseTool

from ...memory import CapabilityError
from ..plugins.loading import run_file
from ..tool import as_tool

MAIN = "__rewatch_main__"
"""Name that a program's main file is imported by: its part under `if __name__ == "__main__"` does not run again."""


class NotSerializable(CapabilityError, ValueError):
    """A tool cannot be had in another process; the text says why and what to do."""


@dataclass(frozen=True, slots=True)
class ToolRef:
    """The address of a tool."""

    module: str
    file: str | None
    """The file that the module was loaded from; looked at where its name leads elsewhere, or nowhere."""
    name: str
    pickled: bytes | None = None


def pack(item: BaseTool) -> ToolRef:
    """Return the tool's address."""
    function = _function_of(item)
    module = sys.modules.get(getattr(function, "__module__", None) or type(item).__module__)
    if module is not None:

        def is_it(value: Any) -> bool:
            return value is item or (function is not None and (value is function or _function_of(value) is function))

        name = next((key for key, value in list(vars(module).items()) if is_it(value)), None)
        if name is not None:
            return ToolRef(_importable(module), getattr(module, "__file__", None), name)
    try:
        return ToolRef("", None, item.name, pickle.dumps(item))
    except Exception as error:  # noqa: BLE001 - pickling raises anything
        raise NotSerializable(
            f"The tool {item.name} cannot run in a process of its own ({type(error).__name__}: {error}): define it at "
            "the top level of a module, or run it without isolation."
        ) from None


def _function_of(item: Any) -> Callable[..., Any] | None:
    """Return the function that a tool was made of, of which it may be a copy under another name."""
    if not isinstance(item, BaseTool):
        return None
    function: Callable[..., Any] | None = getattr(item, "func", None) or getattr(item, "coroutine", None)
    return function


def unpack(ref: ToolRef) -> BaseTool:
    """Return the tool, in the process that it was sent to."""
    if ref.pickled is not None:
        return as_tool(pickle.loads(ref.pickled))
    return as_tool(getattr(_load(ref.module, ref.file), ref.name))


def _importable(module: Any) -> str:
    """Return a module's name; of the main one, what it would be imported as."""
    if module.__name__ != "__main__":
        return str(module.__name__)
    spec = getattr(module, "__spec__", None)
    return str(spec.name) if spec is not None else MAIN


def _load(name: str, file: str | None) -> Any:
    loaded = sys.modules.get(name)
    if loaded is not None:
        return loaded
    try:
        spec = importlib.util.find_spec(name)
    except (ImportError, ValueError):
        spec = None
    if spec is not None and (file is None or spec.origin == file):
        return importlib.import_module(name)
    if file is None:
        raise ImportError(f"There is no module {name!r}.")
    folder = _root(name, file)
    if folder is not None:
        sys.path.append(folder)
        try:
            importlib.invalidate_caches()
            module = importlib.import_module(name)
            if getattr(module, "__file__", None) == file:
                return module
        finally:
            sys.path.pop()
    return run_file(name, Path(file))


def _root(name: str, file: str) -> str | None:
    """Return the folder in which a module of that name would lie in that file; None if the file is named otherwise."""
    path, parts = Path(file), name.split(".")
    if path.name == "__init__.py":
        path = path.parent
    ends = [*path.parts[:-1], path.stem][-len(parts) :]
    return str(Path(*path.parts[: -len(parts)])) if ends == parts else None
