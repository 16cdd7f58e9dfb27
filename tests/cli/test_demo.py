"""The demo video's questions, asked of the default agent: every one right, with evidence at the right place."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from rewatch import ClipMemory, VideoAgent
from rewatch.cli.demo import DEMO, hits_span, is_right

QUESTIONS = json.loads((DEMO / "truth.json").read_text(encoding="utf-8"))["questions"]


@pytest.fixture(scope="module")
def agent(tmp_path_factory: pytest.TempPathFactory) -> VideoAgent:
    memory = ClipMemory(tmp_path_factory.mktemp("demo") / "memory")
    memory.add(DEMO / "demo.mp4", workers=0)
    return VideoAgent(memory, traces=Path(memory.folder) / "runs")


@pytest.mark.parametrize("row", QUESTIONS, ids=lambda row: row["id"])
def test_every_question_is_answered_right(agent: VideoAgent, row: dict):
    answer = agent.ask(row["question"], options=row["options"])
    assert is_right(answer, row), f"{answer.text} {answer.spans}, but {row['answer']} {row['span']}"
    if row["kind"] != "abstain":
        assert hits_span(answer, row["span"])
        assert all(e.supported for e in answer.evidence)
