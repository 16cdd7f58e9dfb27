"""Choose the tools that run in a process of their own: those that say so, those of others, and those that are named."""

from __future__ import annotations

import logging
from collections.abc import Mapping

from langchain_core.tools import BaseTool

from ...memory.registry import require_name
from ..plugins.loading import OTHERS
from ..tool import VideoTool, is_async, is_ours
from .tool_ref import NotSerializable, pack

KINDS = ("marked", "others", "video", "foreign")
"""Kinds of tools that `Toolbox(isolate=…)` knows."""
ISOLATED = ("marked", "others")
"""Those that run in a process of their own unless somebody says otherwise."""
_warned: set[str] = set()


def to_isolate(tools: Mapping[str, BaseTool], kinds: frozenset[str]) -> frozenset[str]:
    """Return names of the tools that run in a process of their own, where `kinds` is what `Toolbox(isolate=…)` says."""
    for kind in sorted(kinds):
        require_name("tool or kind of tools to isolate", kind, (*KINDS, *tools))
    chosen = set()
    for name, item in tools.items():
        wish = getattr(item, "isolated", None)
        must = name in kinds or ("marked" in kinds and bool(wish))
        may = wish is not False and (
            ("video" in kinds and getattr(item, "context_parameter", None) is not None)
            or ("foreign" in kinds and not is_ours(item) and not is_async(item))
            or ("others" in kinds and _is_of_others(item))
        )
        if not must and not may:
            continue
        try:
            pack(item)
        except NotSerializable as error:
            if must:
                raise
            if "others" in kinds and name not in _warned:
                _warned.add(name)
                logging.getLogger(__name__).warning("%s runs in this process, which it can hold up: %s", name, error)
            continue
        chosen.add(name)
    return frozenset(chosen)


def _is_of_others(item: BaseTool) -> bool:
    """Tell whether it is code of other people: found by its name, or one of LangChain's kind.

    Not what the program's main file defines: in another process that would be run again from its top.
    """
    if (item.metadata or {}).get(OTHERS):
        return True
    made_of = getattr(item, "func", None) or getattr(item, "coroutine", None) or type(item)
    module = getattr(made_of, "__module__", None)
    return not (isinstance(item, VideoTool) or is_async(item) or module == "__main__" or is_ours(item))
