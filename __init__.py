"""rewatch: agents that answer questions about long and egocentric videos by going back and looking."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .agent import Answer, Conversation, VideoAgent
    from .memory import ClipMemory, MediaURI, Span, Video
    from .tools import Budget

__version__ = "0.1.0"

_HOME = {
    "Answer": "agent",
    "Conversation": "agent",
    "VideoAgent": "agent",
    "ClipMemory": "memory",
    "MediaURI": "memory",
    "Span": "memory",
    "Video": "memory",
    "Budget": "tools",
}

__all__ = ["Answer", "Budget", "ClipMemory", "Conversation", "MediaURI", "Span", "Video", "VideoAgent"]


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used, so that `import rewatch` is quick."""
    if name in _HOME:
        return getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
