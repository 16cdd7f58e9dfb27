"""The routes and a scaling on the demo video: real decoding, and a scripted rater that looks at the pixels."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import worlds
from langchain_core.messages import AIMessage, BaseMessage, ToolMessage
from rewatch import Budget, ClipMemory, VideoAgent
from rewatch.memory import Span
from worlds import PixelRater

from ..scripted import Scripted

DEMO = Path(__file__).resolve().parents[3] / "examples" / "demo" / "demo.mp4"
BALL = Span(24.042, 29.5)
"""When the red ball crosses the picture, by examples/demo/truth.json."""
QUESTION = "When does something red move through the picture?"


def red_ball(image: np.ndarray) -> tuple[str, list[str]]:
    """Whether there is much of the ball's red (#d62a2a) in a picture."""
    far = np.abs(image.astype(int) - (214, 42, 42)).max(axis=-1)
    return "grey", ["red ball"] if (far < 30).mean() > 0.003 else []


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> ClipMemory:
    memory = ClipMemory(tmp_path_factory.mktemp("demo") / "memory")
    memory.add(DEMO, channels=("visual",), workers=0)
    return memory


def points(messages: list[BaseMessage], _: bool) -> AIMessage:
    """Cites the last frame that was shown; what it says is what the test asks for."""
    shown = [m.artifact["pictures"] for m in messages if isinstance(m, ToolMessage) and m.artifact.get("pictures")]
    return AIMessage(f"There: {shown[-1][len(shown[-1]) // 2]}" if shown else "Nothing was seen.")


@pytest.mark.parametrize("route", ["direct", "skim_zoom", "adaptive", "tree", "video_tree", "role_chain"])
def test_each_route_shows_the_red_ball(demo: ClipMemory, monkeypatch: pytest.MonkeyPatch, route: str):
    monkeypatch.setattr(worlds, "look", red_ball)
    seen: list[float] = []

    def step(messages: list[BaseMessage], may_call: bool) -> AIMessage:
        views = [m for m in messages if isinstance(m, ToolMessage) and m.name == "view_frames"]
        seen[:] = [time for m in views for time in m.artifact["data"].get("times", ())]
        return points(messages, may_call)

    rater = PixelRater("red ball")
    agent = VideoAgent(
        demo,
        policy=Scripted(step=step),
        viewer=rater,
        second_look=False,
        budget=Budget(frames=96, calls=24, seconds=None),
    )
    answer = agent.ask(QUESTION, route=route)
    assert any(BALL.contains(time) for time in seen), (route, seen)
    assert answer.spend["frames"] <= 96 and answer.stopped_by == "answer"
    assert answer.spend["frames"] >= rater.shown + len(seen), "what looks the same is charged, and shown once"
    if route in ("skim_zoom", "adaptive"):  # they are to show little else
        assert sum(BALL.contains(time) for time in seen) >= 0.3 * len(seen), (route, seen)


@pytest.mark.slow
def test_map_reduce_goes_through_the_whole_video(demo: ClipMemory, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(worlds, "look", red_ball)
    agent = VideoAgent(
        demo,
        policy=Scripted(step=points),
        viewer=PixelRater("red ball"),
        second_look=False,
        budget=Budget(frames=96, calls=24, seconds=None),
    )
    answer = agent.ask("How many red balls are there?", route="map_reduce")
    assert answer.stopped_by == "answer" and answer.spend["frames"] <= 96


@pytest.mark.slow
def test_vote_over_a_route(demo: ClipMemory, monkeypatch: pytest.MonkeyPatch):
    """Three attempts by the same route within one budget agree."""
    monkeypatch.setattr(worlds, "look", red_ball)
    agent = VideoAgent(
        demo,
        policy=Scripted(step=points),
        viewer=PixelRater("red ball"),
        second_look=False,
        budget=Budget(frames=180, calls=60, seconds=None),
    )
    answer = agent.ask(QUESTION, route="adaptive", scale="vote", width=3)
    assert answer.confidence == 1.0 and answer.evidence and BALL.overlap(answer.spans[0]) >= 0
    assert BALL.contains(answer.spans[0].start) and answer.spend["frames"] <= 180
