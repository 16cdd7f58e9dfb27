"""How long the rest of a video is said to take."""

from __future__ import annotations

import time
from types import SimpleNamespace
from typing import Any, cast

import pytest
from rewatch.memory import VideoRecord
from rewatch.tools.mcp import covered
from rewatch.tools.mcp.index_queue import Entry, Working


def _left(monkeypatch: pytest.MonkeyPatch, took: float, done: float, todo: float) -> float:
    working = Working(Entry("1", "/v.mp4", "v.mp4", 0.0), began=time.monotonic() - took)
    record = VideoRecord(
        id="v", content_id="v", name="v.mp4", path="/v.mp4", start=0.0, end=60.0, width=64, height=48, fps=5.0,
        codec="h264", has_audio=True, channels={"speech": "tiny"},
    )  # fmt: skip
    memory: Any = SimpleNamespace(store=None, work_rates=lambda _: ({"speech": 0.1}, True))
    monkeypatch.setattr(covered, "seconds_by_status", lambda *_: {"speech": {"done": done, "todo": todo}})
    return covered.seconds_left(memory, record, cast(Any, SimpleNamespace(working=working))) or 0.0


def test_what_loading_models_took_is_not_held_against_the_rest(monkeypatch: pytest.MonkeyPatch):
    assert _left(monkeypatch, took=20, done=1, todo=30) < 20  # 600 s by the first second of video alone
    assert 250 < _left(monkeypatch, took=600, done=1200, todo=600) < 310  # a machine that is five times slower
    assert _left(monkeypatch, took=2, done=1, todo=30) == 3.0
