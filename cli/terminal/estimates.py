"""Estimates of the time and cost of indexing or asking, given beforehand where it is long or costs money."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

from ...memory import ClipMemory, Video, VideoError, clock
from ...memory.files.regular import open_regular
from ...memory.ingest.planning import Busy
from ...memory.store import units

if TYPE_CHECKING:
    from ...agent.questions.conversation import Answerer
    from ...tools import Budget

LONG = 60.0
"""Seconds from which on it is said what something will take."""
_HOURS = 6 * 3600.0
_RUNS = 20  # the newest runs that are looked at
_LAST_LINE = 1 << 18  # bytes of a trace in which its answer stands


def index_estimate(memory: ClipMemory, path: Path, channels: Sequence[str] | None, names: dict[str, str]) -> str | None:
    """Return one line on how long a file will take to be indexed; None where that is short or nothing is to do.

    `names` says what people call the channels.
    """
    try:
        record = memory.video(path)
        if record.complete or units.parts(memory.store, record.id):
            return None
    except VideoError:
        pass  # a new one
    with Video(path) as video:
        length, sound = video.info.duration, video.info.has_audio
        # A file of hours may hold minutes of anything new.
        worked = length if length < _HOURS else busy.seconds(video.info.span) if (busy := Busy.of(video)) else length
    rates, measured = memory.work_rates(channels)
    parts = {channel: rate * worked for channel, rate in rates.items() if sound or channel != "speech"}
    total = sum(parts.values())
    if total < LONG:
        return None
    shares = ", ".join(f"{names.get(channel, channel)} {_about(seconds)}" for channel, seconds in parts.items())
    by = "by what earlier videos took" if measured else "a rough guess"
    return f"{path.name}  {clock(length)} will take about {_about(total)} ({shares}; {by})"


def run_estimate(agent: Answerer, runs: Path, budget: Budget) -> str | None:
    """Return one line on what a question may take and cost; None where it is quick and free.

    Of the earlier runs in `runs` those with the same policy tell.
    """
    prices = {name: value for name in ("input_price", "output_price") if (value := getattr(agent.policy, name, None))}
    if not prices and not agent.reads_prompts:
        return None
    before = [spend for spend in map(_spend_of, _newest(runs)) if spend and spend["policy"] == agent.policy._llm_type]
    seconds = median([spend["seconds"] for spend in before]) if before else 0.0
    if not prices and seconds < LONG:
        return None
    parts = []
    if before:
        parts.append(f"about {_about(seconds)}")
        if prices:
            parts.append(f"price about {median([spend.get('price', 0.0) for spend in before]):.3g}")
        parts.append(f"as {len(before)} earlier run{'s' * (len(before) > 1)} with this policy")
    elif budget.tokens is not None:
        parts.append(f"price at most {budget.tokens * max(prices.values()) / 1e6:.3g}")
    else:
        price = " and ".join(f"{value:g} ({name.removesuffix('_price')})" for name, value in prices.items())
        parts.append(f"no run with this policy yet; a million tokens cost {price}, and --tokens sets no limit")
    limits = [f"{value:g} {name}" for name, value in budget.as_dict().items() if value is not None]
    return f"{', '.join(parts)}; at most {', '.join(limits)}"


def _newest(runs: Path) -> list[Path]:
    try:
        traces = [entry for entry in os.scandir(runs) if entry.name.endswith(".jsonl")]
        return [Path(entry.path) for entry in sorted(traces, key=lambda e: -e.stat().st_mtime)[:_RUNS]]
    except OSError:
        return []


def _spend_of(trace: Path) -> dict[str, Any] | None:
    try:
        with open_regular(trace) as file:
            head = json.loads(file.readline())
            file.seek(max(trace.stat().st_size - _LAST_LINE, 0))
            end = json.loads(file.read().splitlines()[-1])
        if end["answer"]["stopped_by"] in ("policy_error", "bug"):
            return None
        return {"policy": head["policy"], **end["answer"]["spend"]}
    except (OSError, ValueError, KeyError, IndexError, TypeError):
        return None


def _about(seconds: float) -> str:
    """`8 s`, `3 min`, `2.5 h`."""
    if seconds < 90:
        return f"{max(seconds, 1):.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
