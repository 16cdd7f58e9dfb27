"""The folder of an evaluation: what is asked, how, and what came of it; whole after a kill at any moment.

`settings.json` has the settings, versions and hashes, `tasks.jsonl` the tasks, `items.jsonl` a line for each item that
was begun or done, `traces` the runs and `steps` their checkpoints. What is done is never asked again, and what was
begun goes on from its last stored step.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from ..memory.files.regular import LARGEST_TASKS, read_bytes, read_text, replacing
from ..training.data.task import Task
from ..training.data.task_files import TaskFileError, as_line, read_tasks, write_tasks
from .controls import CONTROLS, ControlError
from .items import EvaluationError, Item, ItemFile
from .settings import Settings, hash_of_tasks, versions

SCHEMA = 1
"""Version of `settings.json`; it grows when a field changes its meaning or goes."""
SETTINGS, TASKS, LOCK = "settings.json", "tasks.jsonl", "writer.lock"


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """A task that is to be asked."""

    task: Task
    sample: int = 0
    run_id: str = ""
    """Of its run; empty where it was not begun."""
    begun: bool = False
    """Whether steps of that run may be stored."""


class EvaluationFolder:
    """A folder that holds an evaluation.

    Raises:
        EvaluationError: if it holds none, or one that this version cannot read.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        try:
            self.row: dict[str, Any] = json.loads(read_text(self.path / SETTINGS))
            known = self.row["schema"]
            self.settings = Settings.from_dict(self.row["settings"])
        except FileNotFoundError:
            raise EvaluationError(f"{self.path} holds no evaluation (there is no {SETTINGS}).") from None
        except (OSError, ValueError, KeyError, TypeError) as error:
            reason = f"{type(error).__name__}: {error}"
            raise EvaluationError(f"{self.path / SETTINGS} cannot be read ({reason}).") from None
        if known != SCHEMA:
            raise EvaluationError(f"{self.path / SETTINGS} has schema {known}, and this rewatch reads {SCHEMA}.")

    @classmethod
    def open(
        cls, path: str | Path, *, name: str, settings: Settings, tasks: Sequence[Task], measures: Sequence[str]
    ) -> EvaluationFolder:
        """The folder of this evaluation, to go on with where it was begun; where nothing was asked yet it begins anew.

        Args:
            path: made if it is not there.
            name: of the set.
            settings: how it is asked.
            tasks: what is asked.
            measures: names of `MEASURES`.

        Raises:
            EvaluationError: if something else lies there, with what differs; or if nothing can be written there.
        """
        folder = Path(path)
        row = {
            "schema": SCHEMA,
            "set": {"name": name, "tasks": len(tasks), "hash": hash_of_tasks(tasks)},
            "settings": settings.as_dict(),
            "stamps": settings.stamps(),
            "measures": list(measures),
            "versions": versions(),
        }
        if (folder / SETTINGS).exists():
            found = cls(folder)
            if found.items.read():
                found.require_same(row)
                return found
        try:
            folder.mkdir(parents=True, exist_ok=True)
            if not (folder / SETTINGS).exists() and not all(_left_by_a_kill(one, tasks) for one in folder.iterdir()):
                raise EvaluationError(f"{folder} holds other things: give the name of a new folder to --out.")
            with _alone(folder):
                write_tasks(folder / TASKS, tasks)
                _write(folder / SETTINGS, row)  # last: from here on it is an evaluation
        except OSError as error:
            raise EvaluationError(f"{folder} cannot be written ({error.strerror}): give another --out.") from None
        return cls(folder)

    def require_same(self, row: Mapping[str, Any]) -> None:
        """Raise unless the evaluation is the one that these facts, or some of them, are of.

        Raises:
            EvaluationError: naming the first fact that differs.
        """
        for key, before, now in differences({name: self.row.get(name) for name in row}, row):
            raise EvaluationError(
                f"{self.path} was begun with {key} = {_told(before)}, and it is {_told(now)} now: go on with what it "
                "was begun with, or give another --out."
            )

    def note(self, name: str, facts: Mapping[str, Any]) -> None:
        """Keep more facts in the settings' file; those that are there must be the same.

        Raises:
            EvaluationError: naming the first fact that differs.
        """
        before = self.row.get(name)
        if before is not None:
            for key, old, new in differences(before, facts):
                if old is not None and new is not None:  # a video may have come, or gone
                    raise EvaluationError(
                        f"{self.path} was begun with {name}.{key} = {_told(old)}, and it is {_told(new)} now: give "
                        "another --out."
                    )
        self.row[name] = _joined(before or {}, facts)
        _write(self.path / SETTINGS, self.row)

    @cached_property
    def asked(self) -> dict[str, Task]:
        """The tasks of the set by id, in their order.

        Raises:
            EvaluationError: if they cannot be read.
        """
        try:
            return {task.id: task for task in read_tasks(self.path / TASKS)}
        except TaskFileError as error:
            raise EvaluationError(str(error)) from None

    @cached_property
    def tasks(self) -> dict[str, Task]:
        """The tasks as they are judged: a control may have changed the order of their options.

        Raises:
            EvaluationError: if they cannot be read.
        """
        name = self.settings.control
        tasks = {}
        for id_, task in self.asked.items():
            tasks[id_] = task
            with suppress(ControlError):  # it is left out
                tasks[id_] = task if name is None else CONTROLS[name].task(task, self.settings.seed)
        return tasks

    @property
    def facts(self) -> dict[str, Any]:
        """What its figures depend on, but for the videos one by one."""
        return {**self.row, "memory": {**self.row.get("memory", {}), "videos": None}}

    @cached_property
    def items(self) -> ItemFile:
        """Its file of items."""
        return ItemFile(self.path)

    def done(self) -> list[Item]:
        """The items that are done: by the order of the tasks, and by sample."""
        found = self.items.read()
        keys = [(task, sample) for task in self.asked for sample in range(self.settings.samples)]
        return [found[key] for key in keys if key in found and found[key].state == "done"]

    def left_out(self) -> list[Item]:
        """The items for which the control means nothing, with the reason."""
        return [item for item in self.items.read().values() if item.state == "left_out"]

    def work(self, *, retry: bool = False) -> list[Work]:
        """What is still to be asked, or to be gone on with; with `retry` also what came to no answer of its own."""
        found = self.items.read()
        left = []
        for sample in range(self.settings.samples):
            for task in self.asked.values():
                item = found.get((task.id, sample))
                if item is None or (retry and item.state == "done" and item.is_failure):
                    left.append(Work(task=task, sample=sample))
                elif item.state == "begun":
                    left.append(Work(task=task, sample=sample, run_id=item.run_id, begun=True))
        return left

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Be the one that writes; the system lets go of it when the process ends, however it ends.

        Raises:
            EvaluationError: if another process is at it.
        """
        with _alone(self.path):
            yield


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    descriptor = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o644)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise EvaluationError(f"Another process is at the evaluation in {folder}: wait for its end.") from None
    else:
        yield
    finally:
        os.close(descriptor)


def traces_gone(folder: EvaluationFolder) -> int:
    """How many of the items that are done had a trace that is not there any more: nothing supports their answers."""
    return sum(item.trace is not None and not (folder.path / item.trace).is_file() for item in folder.done())


class NothingMeasured(EvaluationError):
    """No item of an evaluation came to an answer."""

    exit_code = 1


def failures(folder: EvaluationFolder) -> str:
    """How many of the items that are done came to no answer, and the reason that occurs most; empty for none."""
    items = folder.done()
    reasons = Counter(reason for item in items if (reason := item.reason))
    if not reasons:
        return ""
    reason, count = reasons.most_common(1)[0]
    number = "All" if reasons.total() == len(items) else f"{reasons.total()} of"
    return f"{number} {len(items)} items failed, {count} of them so: {reason} (--retry asks them again)"


def require_some(folder: EvaluationFolder) -> None:
    """Raise where no item came to an answer, or all are left out: nothing was measured.

    Raises:
        NothingMeasured: with the reason that occurs most, or that of the first.
    """
    items, left_out = folder.done(), folder.left_out()
    if left_out and not items:
        raise NothingMeasured(f"All {len(left_out)} items are left out, the first since {left_out[0].failed}")
    if items and all(item.is_failure for item in items):
        raise NothingMeasured(failures(folder))


def differences(before: Any, now: Any, key: str = "") -> Iterator[tuple[str, Any, Any]]:
    """The leaves in which two JSON values differ: where, and what stands in either."""
    if isinstance(before, Mapping) and isinstance(now, Mapping):
        for name in dict.fromkeys([*before, *now]):
            yield from differences(before.get(name), now.get(name), f"{key}.{name}" if key else str(name))
    elif before != now:
        yield key, before, now


def _left_by_a_kill(path: Path, tasks: Sequence[Task]) -> bool:
    """Return whether it is what an end before the first item leaves: a lock, these tasks, a part of a file of ours."""
    if path.name == LOCK:
        return True
    if path.name == TASKS:
        return read_bytes(path, LARGEST_TASKS) == "".join(as_line(task) + "\n" for task in tasks).encode()
    return path.name.startswith((f".{TASKS}.", f".{SETTINGS}.")) and path.suffix == ".part"


def _joined(before: Mapping[str, Any], more: Mapping[str, Any]) -> dict[str, Any]:
    joined = dict(before)
    for name, value in more.items():
        old = joined.get(name)
        joined[name] = _joined(old, value) if isinstance(old, Mapping) and isinstance(value, Mapping) else value
    return joined


def _told(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) < 80 else text[:80] + "…"


def _write(path: Path, row: Mapping[str, Any]) -> None:
    with replacing(path) as part, part.open("w", encoding="utf-8") as file:
        file.write(json.dumps(row, indent=1, ensure_ascii=False) + "\n")
        file.flush()
        os.fsync(file.fileno())
