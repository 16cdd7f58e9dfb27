"""An evaluation as a log of Inspect (inspect_ai), for its viewer and its analyses.

The JSON form of `EvalLog`, version 2, as inspect_ai 0.3.285 writes and reads it (inspect.aisi.org.uk/eval-logs.html).
It is written without that package, which cannot be installed beside ours: they need other versions of the same things.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from langchain_core.messages import AIMessage, AnyMessage, ToolMessage

from ...memory.files.regular import replacing
from ...memory.sanitize import as_json
from ..evaluate import judged_items
from ..judging import JudgedItem
from ..measures.groundedness import is_supported
from ..resume import SETTINGS, TASKS, EvaluationFolder
from ..table import table

VERSION = 2
"""Of the form of the log."""
SCORER = "rewatch"
_ROLES = {"human": "user", "ai": "assistant", "system": "system", "tool": "tool"}


def write_inspect(folder: EvaluationFolder, out: Path) -> None:
    """Write what is done of an evaluation as a log of Inspect.

    A sample has the run's conversation with its calls, and a score `rewatch`: `C` where it is right, `N` where it
    abstained wrongly, else `I`; a failed one has its reason as the error, and is wrong all the same. The figures of all
    items are the metrics, with their intervals in the metadata; those of groups are in the metadata of the results.

    Args:
        folder: the evaluation.
        out: the file, which should end in `.json`.

    Raises:
        EvaluationError: if the evaluation cannot be read.
        OSError: if the file cannot be written.
    """
    done = judged_items(folder)
    rows = table(done, folder.row["measures"]).as_dict()["rows"]
    begun, ended = (_when(folder.path / name) for name in (TASKS, SETTINGS))
    policy = folder.settings.policy
    row = {
        "version": VERSION,
        "status": "cancelled" if folder.work() else "success",
        "eval": _spec(folder, begun),
        "plan": {"name": "plan", "steps": [{"solver": SCORER, "params": folder.settings.as_dict()}]},
        "results": _results(folder, rows, sum(not one.failed for one in done)),
        "stats": {"started_at": begun, "completed_at": ended, "model_usage": {policy: _usage(done)}},
        "samples": [_sample(one, policy) for one in done],
    }
    with replacing(out) as part:
        part.write_text(as_json(row) + "\n", encoding="utf-8")


def _spec(folder: EvaluationFolder, begun: str) -> dict[str, Any]:
    name, settings = str(folder.row["set"]["name"]), folder.settings
    id_ = hashlib.sha256(as_json([folder.row["set"], settings.as_dict()]).encode()).hexdigest()[:22]
    metrics = [{"name": "accuracy", "options": {}}]
    return {
        **{key: id_ for key in ("eval_id", "run_id", "task_id")},
        "created": begun,
        "task": name,
        "dataset": {"name": name, "samples": len(folder.asked), "sample_ids": list(folder.asked), "shuffled": False},
        "model": settings.policy,
        "model_generate_config": {"temperature": settings.temperature, "seed": settings.seed},
        "config": {"epochs": settings.samples},
        "packages": folder.row["versions"],
        "scorers": [{"name": SCORER, "options": {}, "metrics": metrics, "metadata": {}}],
        "metadata": {key: value for key, value in folder.row.items() if key not in ("schema", "versions")},
    }


def _results(folder: EvaluationFolder, rows: Sequence[dict[str, Any]], completed: int) -> dict[str, Any]:
    overall = rows[0]
    metrics = {
        name: {"name": name, "value": figure["value"], "metadata": {k: v for k, v in figure.items() if k != "value"}}
        for name, figure in overall["figures"].items()
    }
    return {
        "total_samples": len(folder.asked) * folder.settings.samples,
        "completed_samples": completed,
        "scores": [{"name": SCORER, "scorer": SCORER, "scored_samples": overall["items"], "metrics": metrics}],
        "metadata": {"groups": list(rows[1:]), "left_out": len(folder.left_out())},
    }


def _sample(one: JudgedItem, policy: str) -> dict[str, Any]:
    task, item, answer = one.task, one.item, one.answer
    text = answer.text if answer.option is None else f"{answer.option}. {answer.text}"
    messages = list(_messages(one.messages)) or [{"role": "user", "content": task.question}]
    found = {"role": "assistant", "content": text}
    value = "C" if one.right else "N" if answer.abstained and not one.failed else "I"
    about = {"supported": is_supported(one), "confidence": answer.confidence, "abstained": answer.abstained}
    row = {
        "id": task.id,
        "epoch": item.sample + 1,
        "input": task.question,
        "choices": list(task.options) or None,
        "target": _target(one),
        "messages": messages,
        "output": {
            "model": policy,
            "choices": [] if one.failed else [{"message": found, "stop_reason": "stop"}],
            "completion": "" if one.failed else text,
        },
        "scores": {SCORER: {"value": value, "answer": answer.option or answer.text, "metadata": about}},
        "metadata": {
            "kind": task.kind,
            "videos": list(task.videos),
            "spans": [[span.start, span.end] for span in task.truth.spans],
            "categories": dict(one.categories),
            "run": item.run_id,
            "trace": item.trace,
            "answer": answer.as_dict(),
        },
        "model_usage": {policy: _usage([one])},
        "total_time": item.seconds,
    }
    if one.reason is not None:
        row["error"] = {"message": one.reason, "traceback": one.reason, "traceback_ansi": one.reason}
    return row


def _target(one: JudgedItem) -> str | list[str]:
    """What is true: letters, words, or times; empty where it is that the videos do not show it."""
    truth = one.task.truth
    if truth.letters:
        return sorted(truth.letters)
    return truth.answer or ", ".join(f"{span.start:g} - {span.end:g} s" for span in truth.spans)


def _messages(messages: Sequence[AnyMessage]) -> Iterator[dict[str, Any]]:
    for message in messages:
        row: dict[str, Any] = {"role": _ROLES[message.type], "content": str(message.text)}
        if isinstance(message, AIMessage) and message.tool_calls:
            row["tool_calls"] = [
                {"id": call["id"] or "", "function": call["name"], "arguments": call["args"], "type": "function"}
                for call in message.tool_calls
            ]
        if isinstance(message, ToolMessage):
            row |= {"tool_call_id": message.tool_call_id, "function": message.name}
            if message.status == "error":
                row["error"] = {"type": "unknown", "message": row["content"]}
        yield row


def _usage(done: Sequence[JudgedItem]) -> dict[str, int]:
    """Tokens in all; what of them was read and what was written is not told apart."""
    return {"total_tokens": int(sum(one.answer.spend.get("tokens", 0) for one in done))}


def _when(path: Path) -> str:
    return datetime.fromtimestamp(path.stat().st_mtime, UTC).isoformat(timespec="seconds")
