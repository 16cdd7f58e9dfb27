"""The files that runs leave in a memory's folder of runs: which there are, how large they are, and removing them."""

from __future__ import annotations

import html
import json
import re
import sqlite3
import time
from collections.abc import Iterable
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ...memory import MemoryFolderError
from ...memory.store.folder import told_plainly
from ...tools.sanitize import named

_NAME = re.compile(
    r"(?P<id>\d{8}-\d{6}-[0-9a-f]{6})(?:\.\d+)*\.(?:jsonl|html|sqlite|sqlite-wal|sqlite-shm|sqlite-journal)"
)
"""Of files that a run has made; nothing else is ever removed."""
_SHARED = "checkpoints.sqlite"
"""Where the steps of all runs were stored before each had a file of its own."""
_HEAD, _TAIL = 1 << 20, 1 << 16
_GOING_ON = 3600.0
"""Seconds in which a run without an answer may still be at work."""


@dataclass(slots=True, kw_only=True)
class RunFiles:
    """One run: its trace, those of its attempts, its report and its stored steps."""

    id: str
    files: list[Path] = field(default_factory=list)
    bytes: int = 0
    touched: float = 0.0
    """When a file of it was last written, in seconds since the epoch."""
    question: str = ""
    videos: tuple[str, ...] = ()
    state: str = "unreadable"
    """`answered`, `abstained`, `unfinished` or `unreadable`."""

    @property
    def going_on(self) -> bool:
        """Return whether it may still be at work."""
        return self.state != "answered" and self.state != "abstained" and time.time() - self.touched < _GOING_ON

    def as_dict(self) -> dict[str, Any]:
        """Plain values for `--json`."""
        row = {name: getattr(self, name) for name in ("id", "question", "videos", "state", "bytes")}
        return {**row, "touched": round(self.touched, 3), "files": [file.name for file in self.files]}


def runs_in(folder: Path) -> list[RunFiles]:
    """Return every run of a folder, the oldest first."""
    found: dict[str, RunFiles] = {}
    try:
        entries = sorted(folder.iterdir()) if folder.is_dir() else []
    except OSError as error:
        raise MemoryFolderError(f"{folder} cannot be read ({error.strerror}): check its rights.") from error
    for path in entries:
        named = _NAME.fullmatch(path.name)
        if named is None or (path.is_dir() and not path.is_symlink()):
            continue
        run = found.setdefault(named["id"], RunFiles(id=named["id"]))
        with suppress(OSError):
            state = path.lstat()
            run.bytes += state.st_size
            run.touched = max(run.touched, state.st_mtime)
        run.files.append(path)
    for run in found.values():
        _read(run, folder / f"{run.id}.jsonl")
    return sorted(found.values(), key=lambda run: (run.touched, run.id))


def remove_runs(folder: Path, runs: Iterable[RunFiles]) -> int:
    """Remove the files of runs, and return how many bytes that frees."""
    freed = 0
    gone = []
    for run in runs:
        for file in run.files:
            try:
                size = file.lstat().st_size
                file.unlink()
                freed += size
            except FileNotFoundError:
                continue
            except OSError as error:
                message = told_plainly(error, folder, file) or f"{file} cannot be removed ({error.strerror})."
                raise MemoryFolderError(message) from error
        gone.append(run.id)
    return freed + _remove_shared(folder / _SHARED, gone)


def runs_naming(folder: Path, names: Iterable[str]) -> list[RunFiles]:
    """Return the runs in whose files a name stands as a word, in any case, as JSON, HTML and tools write it."""
    told = {form for name in names for form in (name, named(name))}
    as_json = {json.dumps(name, ensure_ascii=ascii_only)[1:-1] for name in told for ascii_only in (True, False)}
    written = told | as_json | {html.escape(form) for form in told | as_json}
    if not written:
        return []
    # A line end before it is two characters in JSON, of which the second is a letter.
    pattern = re.compile(
        "|".join(rf"(?:(?<!\w)|(?<=\\[nrt])){re.escape(form)}(?!\w)" for form in sorted(written)), re.IGNORECASE
    )
    found = []
    for run in runs_in(folder):
        for file in run.files:
            with suppress(OSError):
                if pattern.search(file.read_bytes().decode(errors="replace")):
                    found.append(run)
                    break
    return found


def _read(run: RunFiles, trace: Path) -> None:
    """Read the trace from its two ends: traces can be long."""
    try:
        if not trace.is_file():
            return
        with trace.open("rb") as file:
            head = json.loads(file.readline(_HEAD))
            file.seek(max(trace.stat().st_size - _TAIL, 0))
            lines = file.read().splitlines()
        run.question = str(head["question"]["text"])
        run.videos = tuple(str(video["id"]) for video in head["question"]["videos"])
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return
    run.state = "unfinished"
    last = lines[-1] if lines else b""
    if b'"event": "answer"' in last:
        run.state = "abstained" if b'"abstained": true' in last else "answered"


def _remove_shared(path: Path, ids: list[str]) -> int:
    if not ids or not path.is_file():
        return 0
    before = path.stat().st_size
    try:
        with closing(sqlite3.connect(path, timeout=20, isolation_level=None)) as db:
            db.execute("PRAGMA trusted_schema=OFF")
            for table in ("checkpoints", "writes"):
                for id_ in ids:
                    db.execute(f"DELETE FROM {table} WHERE thread_id = ? OR thread_id GLOB ?", (id_, f"{id_}.*"))
            db.execute("VACUUM")
            db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            (remaining,) = db.execute("SELECT count(*) FROM checkpoints").fetchone()
        if not remaining:
            for file in (path, *(path.with_name(path.name + end) for end in ("-wal", "-shm"))):
                file.unlink(missing_ok=True)
    except (sqlite3.Error, OSError):
        return 0  # damaged or in use: the runs' own files are gone all the same
    return before - (path.stat().st_size if path.exists() else 0)
