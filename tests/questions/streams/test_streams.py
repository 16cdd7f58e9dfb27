"""The questions of this folder, asked of the default agent: states, chains of follow-ups, and answer modes."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from rewatch.agent import VideoAgent


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_questions_of_streams(tmp_path: Path, make_talk: Callable[..., Path]) -> None:
    spec = importlib.util.spec_from_file_location("ask_streams", Path(__file__).with_name("ask_streams.py"))
    assert spec is not None and spec.loader is not None
    asking = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = asking
    spec.loader.exec_module(asking)
    memory = asking.scene_memory(tmp_path, make_talk)
    ids = {Path(record.name).stem: record.id for record in memory.videos()}
    agent = VideoAgent(memory)
    for kind, least in (("state", 0.9), ("chains", 0.8), ("modes", 0.8)):
        results = asking.ask(agent, kind, asking.read_rows(kind), ids)
        misses = "\n".join(asking.describe(result) for result in results if result.verdict != "right")
        assert sum(result.verdict == "right" for result in results) >= least * len(results), misses
        assert sum(result.verdict == "wrong" for result in results) <= 0.1 * len(results), misses
