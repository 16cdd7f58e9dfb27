"""The trace: everything one run did, in order, one JSON object a line.

Events: `run` (question, videos, budget, policy, tools; always first), `plan`, `policy` (what it said and called),
`observation` (one tool's result), `second_look` (the viewer's, at evidence), `check` (what was found missing),
`attempt` (one piece of a scaling), `bug` (what ended the run, with its traceback), `answer` (always last). Every event
has `t` (seconds since the run began) and, after `run`, the `spend` so far. docs/trace.md lists the fields.
"""

from __future__ import annotations

import errno
import json
import logging
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, TextIO

from langchain_core.messages import AIMessage, AnyMessage, HumanMessage, SystemMessage, ToolMessage

from ..memory import RewatchError
from ..memory.files.regular import cut_half_line, odd_kind, read_bytes
from ..memory.sanitize import as_json
from ..memory.store.folder import told_plainly

log = logging.getLogger(__name__)

SCHEMA = 1
"""Version of the events; it grows when a field changes its meaning or goes."""


class TraceError(RewatchError):
    """A trace cannot be read."""

    exit_code = 6


def events_of(node: str, update: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the trace events of one node's update of the state."""
    messages: list[AnyMessage] = update.get("messages", [])
    if node == "plan":
        yield {"event": "plan", "plan": update["plan"], "prompt": [_row_of(m) for m in messages]}
    elif node in ("route", "policy"):
        for message in messages:
            stopped = isinstance(message, AIMessage) and node == "policy"
            more = {"stopped_by": update.get("stopped_by", "")} if stopped else {}
            yield {"event": "policy", **_row_of(message), **more}
    elif node in ("looks", "tools"):
        for message in messages:
            if isinstance(message, ToolMessage):
                yield {"event": "observation", **observation_row(message)}
    elif node == "attempt":
        for row in update["results"][0]:
            yield {"event": "attempt", **row}
    elif node == "decide" and "answer" in update:
        yield {"event": "answer", "answer": update["answer"]}
    elif node == "check":
        for look in update.get("second_looks", ()):
            yield {"event": "second_look", **look}
        looks = {"looked": update.get("looked", []), "cost": update.get("spend", {})}
        if "answer" in update:
            yield {"event": "answer", "answer": update["answer"], **looks}
        else:
            yield {"event": "check", "missing": [str(m.content) for m in messages], **looks}


def observation_row(message: ToolMessage) -> dict[str, Any]:
    """Return the fields of an event about one call and its result."""
    return {
        "call_id": message.tool_call_id,
        "tool": message.name,
        "text": message.content,
        "error": message.status == "error",
        **(message.artifact or {}),
    }


def _row_of(message: AnyMessage) -> dict[str, Any]:
    row: dict[str, Any] = {"role": message.type, "content": message.content}
    if isinstance(message, AIMessage):
        row["tool_calls"] = [{k: c[k] for k in ("name", "args", "id")} for c in message.tool_calls]
        if message.invalid_tool_calls:
            row["invalid_tool_calls"] = [{k: c[k] for k in ("name", "args", "id")} for c in message.invalid_tool_calls]
        if message.usage_metadata:
            row["usage"] = dict(message.usage_metadata)
        if message.response_metadata:
            row["metadata"] = message.response_metadata
        for key in ("by", "draft"):
            if key in message.additional_kwargs:
                row[key] = message.additional_kwargs[key]
    if isinstance(message, HumanMessage) and message.additional_kwargs:
        row["metadata"] = message.additional_kwargs
    return row


def message_of(row: Mapping[str, Any]) -> AnyMessage:
    """Return the message that a row of a plan's prompt, a policy event or an observation was made from."""
    if "call_id" in row:
        head = {"event", "t", "spend", "call_id", "tool", "text", "error"}
        return ToolMessage(
            row["text"],
            name=row["tool"],
            tool_call_id=row["call_id"],
            artifact={key: value for key, value in row.items() if key not in head},
            status="error" if row["error"] else "success",
        )
    role, content = row["role"], row["content"]
    if role == "system":
        return SystemMessage(content)
    if role != "ai":
        return HumanMessage(content, additional_kwargs=row.get("metadata", {}))
    return AIMessage(
        content,
        tool_calls=[{**call, "type": "tool_call"} for call in row.get("tool_calls", ())],
        invalid_tool_calls=[{**call, "type": "invalid_tool_call"} for call in row.get("invalid_tool_calls", ())],
        response_metadata=row.get("metadata", {}),
        additional_kwargs={key: row[key] for key in ("by", "draft") if key in row},
    )


_LARGEST = 1 << 30
"""Bytes of a trace that is read."""


class TraceWriter:
    """Appends events to a file; each is on disk before the run goes on, so that a killed run keeps its trace.

    Where it cannot be written any more (a full disk), the run goes on without: its answer counts for more.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.lost: str | None = None
        """Why events are missing at the end; None while none are."""
        self._file: TextIO | None = None
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            if kind := odd_kind(path):
                raise FileExistsError(errno.EEXIST, kind, str(path))
            cut_half_line(path)
            self._file = path.open("a", encoding="utf-8")
        except OSError as error:
            self._lose(error)

    def write(self, event: dict[str, Any]) -> None:
        """Append one event."""
        if self._file is None or self.lost:
            return
        try:
            self._file.write(as_json(event) + "\n")
            self._file.flush()
        except OSError as error:
            self._lose(error)

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            with suppress(OSError):  # what could not be written before cannot be now
                self._file.close()

    def _lose(self, error: OSError) -> None:
        self.lost = told_plainly(error, self.path.parent, self.path) or f"{self.path}: {error}"
        if self._file is not None:
            with suppress(OSError):  # a trace without a whole event is none
                if not begun(self.path):
                    self.path.unlink()
        log.warning("the run goes on, and is not recorded: %s", self.lost)


def begun(path: Path) -> bool:
    """Return whether a trace has a whole event yet: one that is just being started has not."""
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return file.readline(_LARGEST).endswith(b"\n")


def read_trace(path: str | Path) -> list[dict[str, Any]]:
    """Return the events of a trace; a last line that was cut off by a kill is left out.

    Raises:
        TraceError: if the file is missing, is no trace, or was written by a newer version.
    """
    path = Path(path)
    try:
        # A kill can cut a character in two; and only a line feed ends a line: quoted text may hold U+2028.
        lines = read_bytes(path, _LARGEST).decode("utf-8", "replace").removesuffix("\n").split("\n")
    except OSError as error:
        raise TraceError(f"{path}: cannot be read as a trace ({error}); give a .jsonl file that a run wrote.") from None
    events: list[dict[str, Any]] = []
    for number, line in enumerate(lines, 1):
        try:
            event = json.loads(line)
        except (json.JSONDecodeError, RecursionError):
            if number == len(lines) and events:
                break
            raise TraceError(f"{path}, line {number}: not JSON; give a .jsonl file that a run wrote.") from None
        if not isinstance(event, dict) or "event" not in event:
            raise TraceError(f"{path}, line {number}: no trace event; give a .jsonl file that a run wrote.")
        events.append(event)
    if not events or events[0].get("event") != "run":
        raise TraceError(f"{path}: does not begin with a run event; give a .jsonl file that a run wrote.")
    schema = events[0].get("schema")
    if not isinstance(schema, int):
        raise TraceError(f"{path}: its run event has no schema version; give a .jsonl file that a run wrote.")
    if schema > SCHEMA:
        raise TraceError(f"{path}: trace schema {schema} is newer than {SCHEMA}; update rewatch to read it.")
    return events
