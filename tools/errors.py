"""Failures of tool calls: refusals and limits, which a policy is told of, and bugs, which nobody may take for them.

A call ends badly in one of four ways. A tool refuses (`ToolError`, LangChain's `ToolException`); a time-out or a limit
of resources ends it; a person has made a mistake (`RewatchError`). These three are observations. Everything else is a
bug of the tool: `tool.invoke` makes a `ToolBug` of it, and the toolbox decides what becomes of that. Interrupts, the
end of the process, cancelling, failed assertions, want of memory and failed collective operations pass every boundary.
"""

from __future__ import annotations

import re
import traceback
from typing import Self

from langchain_core.tools import ToolException

from ..memory import RewatchError
from .sandbox.limits import is_spent, limit_text

VIEWER_FAILED = "viewer_failed"
"""In the data of an observation: the model that sees could not be asked."""
LONGEST_REASON = 400
"""Characters of what an exception says that an observation repeats."""
_LONGEST_TRACEBACK = 20_000
_ADVICE = re.compile(
    r"(?:[:;.,!?)]\s+|\n)(?:and |or |then |please )?"
    r"(?:add|answer|ask|browse|call|choose|give|install|listen|look|name|pass|put|read|search|shorten|start|take|try|"
    r"upgrade|use|wait|write)\b(?!\s*(?:is|was|are|must|should|needs|failed|ended|[:=]))",
    re.IGNORECASE,
)


class ToolError(Exception):
    """Raise this inside a tool to tell the policy what went wrong and what to do instead, in one line."""


class ViewerError(ToolError):
    """The model that sees could not be asked, or gave no usable answer."""


class BadArguments(Exception):
    """A tool call cannot be understood; the text tells the policy how to write it."""


class ToolBug(Exception):
    """A tool has raised what it does not document. The text names the tool and the error."""

    def __init__(self, text: str, trace: str) -> None:
        super().__init__(text, trace)
        self.text, self.trace = text, trace

    def __str__(self) -> str:
        return self.text

    @classmethod
    def of(cls, tool: str, error: BaseException) -> Self:
        """The bug that an exception of a tool is."""
        return cls(_failed(tool, error), traceback_of(error))


def always_passes(error: BaseException) -> bool:
    """Return whether no boundary may keep an error; of torch's collective operations, every process has to hear."""
    collective = any(kind.__name__ == "DistError" for kind in type(error).__mro__)
    return collective or not isinstance(error, Exception) or isinstance(error, (MemoryError, AssertionError))


def is_refusal(error: BaseException) -> bool:
    """Return whether an exception is what a tool may raise: a refusal, a time-out, a limit, or a person's mistake."""
    return isinstance(error, (ToolError, ToolException, RewatchError, TimeoutError)) or is_spent(error)


def failure(name: str, error: BaseException) -> str:
    """Return the text of what a tool raised: its own advice, or that it failed and what to do."""
    reason = short(words_of(error))
    if isinstance(error, (ToolError, ToolException, RewatchError)) and reason:
        return f"{name}: {reason}"
    if is_spent(error):
        return f"{name} ran out of memory{limit_text()}: ask for a shorter span or a lower rate, or use another tool."
    return f"{_failed(name, error)} Try other arguments or another tool."


def _failed(name: str, error: BaseException) -> str:
    kind, reason = type(error).__name__, short(words_of(error))
    return f"{name} failed ({f'{kind}: {reason}' if reason else kind})."


def traceback_of(error: BaseException) -> str:
    """The traceback of an exception, its end if it is long."""
    return "".join(traceback.format_exception(error))[-_LONGEST_TRACEBACK:]


def says_what_next(text: str) -> bool:
    """Return whether the text of an error tells its reader what to do: a later clause begins with such a verb."""
    return _ADVICE.search(text) is not None


def short(text: str, limit: int = LONGEST_REASON) -> str:
    """`text`, or its beginning where it is longer than `limit`."""
    return text if len(text) <= limit else f"{text[:limit]} … ({len(text) - limit} characters more)"


def words_of(error: BaseException) -> str:
    """Return the text of an exception; an empty one if it cannot be made."""
    try:
        return str(error)
    except Exception:  # its own words may raise anything
        return ""
