"""rewatch: agents that answer questions about long and egocentric videos by going back and looking."""

import os
import sys

# `python -m rewatch` looks for modules in the current folder first, before this line is reached: what lies beside
# somebody's videos must not be run. (`from __future__` would be such an import.) Where this package itself is found
# there, the folder stays, behind all others.
_words = sys.orig_argv
_asked = any(a[:1] == "-" and (a + b).endswith("mrewatch") for a, b in zip(_words, [*_words[1:], ""], strict=True))
_asked = _asked or any(a[:1] == "-" and a.endswith("mrewatch") for a in _words)
if sys.argv[:1] == ["-m"] and _asked and not sys.flags.safe_path:
    _here = sys.path.pop(0)
    if __file__ == os.path.join(_here, "rewatch", "__init__.py"):
        sys.path.append(_here)

if _asked or os.path.basename(sys.argv[0]) in ("rewatch", "rewatch.exe"):
    # The command itself: until it watches its signals (`cli.terminal.exit`), Ctrl-C ends it without a traceback.
    import _signal

    def _end(number: int, frame: object) -> None:
        os.write(2, b"error: interrupted; what was stored is kept, and the next run goes on from there\n")
        os._exit(128 + number)

    if _signal.getsignal(_signal.SIGINT) is _signal.default_int_handler:
        _signal.signal(_signal.SIGINT, _end)
del _asked, _words

import importlib  # noqa: E402
from typing import TYPE_CHECKING, Any  # noqa: E402

from .version import __version__  # noqa: E402

if TYPE_CHECKING:
    from .agent import Answer, Conversation, VideoAgent
    from .memory import ClipMemory, MediaURI, Span, Video
    from .tools import Budget

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

__all__ = ["Answer", "Budget", "ClipMemory", "Conversation", "MediaURI", "Span", "Video", "VideoAgent", "__version__"]


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used, so that `import rewatch` is quick."""
    if name in _HOME:
        return getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
