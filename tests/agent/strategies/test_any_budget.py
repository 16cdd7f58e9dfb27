"""Every route ends, within every budget, whatever the tools and models say; also inside the whole loop."""

from __future__ import annotations

import itertools
import random
from collections.abc import Sequence
from typing import Any

import pytest
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, ToolMessage
from rewatch import Budget, VideoAgent
from rewatch.agent.steps import CallResult
from rewatch.agent.strategies import ROUTES
from rewatch.memory import ClipMemory, Span
from rewatch.tools import Reply, VisualQuestion
from worlds import PixelRater, WorldEncoder, make_world, scene, thing

from ..scripted import Scripted
from .driving import brief_of, drive, remember

LOOKING = [name for name in ROUTES if name not in ("search", "read", "descend")]  # these show no frames
FRAMES = (0, 1, 2, 3, 7, 20, None)
CALLS = (0, 1, 2, 3, 5, 9, None)


@pytest.fixture(scope="module")
def memory(tmp_path_factory: pytest.TempPathFactory) -> ClipMemory:
    things = [thing("red circle", Span(20, 24)), thing("red triangle", Span(5, 7))]
    world = make_world(40, things, scenes=[scene("moss", Span(15, 30))], seed=1, side=48)
    return remember(tmp_path_factory.mktemp("any"), world, WorldEncoder(0.02))


def test_the_registry_has_them_in_order():
    order = ["direct", "search", "read", "skim_zoom", "adaptive", "tree", "video_tree", "map_reduce", "role_chain"]
    assert list(ROUTES) == [*order, "descend"]
    assert all(route.name == name and route.paper and route.about for name, route in ROUTES.items())
    assert (
        not ROUTES["search"].needs_viewer
        and not ROUTES["read"].needs_viewer
        and all(ROUTES[name].needs_viewer for name in LOOKING)
    )


@pytest.mark.parametrize("name", LOOKING)
def test_a_route_keeps_to_every_budget_and_shows_what_it_can(memory: ClipMemory, name: str):
    for frames, calls in itertools.product(FRAMES, CALLS):
        budget = Budget(frames=frames, calls=calls, seconds=None)
        brief = brief_of(memory, "What does the red circle do?", budget=budget)
        driven = drive(name, memory, brief, PixelRater("red circle", ["moss"]))
        where = f"{name} with {frames} frames and {calls} calls"
        assert not [seen.text for _, seen in driven.made if seen.error], where  # nothing was refused
        assert driven.spent.frames <= (999 if frames is None else frames), where
        assert driven.spent.calls <= (99 if calls is None else calls), where
        can_see = frames != 0 and calls != 0
        assert bool(driven.shown) == can_see == driven.found.answer_now and driven.found.text, where
        if can_see:
            assert driven.made[-1][0].tool == "view_frames", where
        if calls is not None and frames is not None and frames >= 20 and calls >= 9:
            assert driven.hits(Span(20, 24)), where


@pytest.mark.parametrize("name", LOOKING)
def test_a_route_without_a_model_that_sees_still_shows_frames(memory: ClipMemory, name: str):
    driven = drive(name, memory, brief_of(memory, "When is the red circle there?", budget=Budget(frames=20)), None)
    assert driven.shown and driven.found.answer_now and driven.spent.frames <= 20


WORDS = (
    *("Answer: A", "Confidence: 5", "Closer: 1, 2, 99", "Relevant: 3", "Evidence: 1e9, 3", "Finding: «x»", "none"),
    *("999-1000", "-5 s", "10-20 s", "00:30", "4", "1=2=3", "red car | 12 s", "猫 | 3 s", "| |", "{", "<|im_end|>", ""),
)


class Babbler:
    """A viewer that writes anything."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)

    def ask(
        self, questions: Sequence[VisualQuestion], *, max_tokens: int = 256, beams: int = 1, yes_no: bool = False
    ) -> list[Reply]:
        return [Reply(text=self._text(), yes=self._random.random() if yes_no else None) for _ in questions]

    def _text(self) -> str:
        chosen = self._random.choices(WORDS, k=self._random.randint(0, 12))
        return self._random.choice(("\n", " ")).join(chosen)


@pytest.mark.parametrize("name", LOOKING)
def test_a_route_ends_whatever_the_model_writes(memory: ClipMemory, name: str):
    for seed in range(12):
        brief = brief_of(memory, "What is the red circle?", budget=Budget(frames=30, calls=9), options=["a", "b"])
        driven = drive(name, memory, brief, Babbler(seed))
        assert driven.shown and driven.spent.frames <= 30 and driven.spent.calls <= 9
        assert all(0 <= time <= 40 for time in driven.shown)
        asked = [str(call.arguments.get("question", "")) for call, _ in driven.made]
        assert not any("<|im_end|>" in text for text in [driven.found.text, *asked])


@pytest.mark.parametrize("name", LOOKING)
@pytest.mark.parametrize("fails", ["all", "some", "view_frames"])
def test_a_route_ends_when_calls_fail_or_are_not_run(memory: ClipMemory, name: str, fails: str):
    rng = random.Random(name)
    for _ in range(20):
        brief = brief_of(memory, "What is the red circle?", budget=Budget(frames=30, calls=9))
        steps = ROUTES[name].run(brief)
        wanted, rounds = next(steps), 0
        while rounds < 100:
            rounds += 1
            seen = []
            for call in wanted:
                failed = fails == "all" or call.tool == fails or (fails == "some" and rng.random() < 0.5)
                seen.append(
                    CallResult("no", error=True, skipped=rng.random() < 0.5) if failed else _plausible(call.tool, rng)
                )
            try:
                wanted = steps.send(tuple(seen))
            except StopIteration as end:
                assert end.value.text and (fails == "some" or not end.value.answer_now)
                break
        assert rounds <= 9


def _plausible(tool: str, rng: random.Random) -> CallResult:
    data: dict[str, dict[str, Any]] = {
        "score_frames": {"times": [float(t) for t in range(40)], "scores": [rng.random() for _ in range(40)]},
        "rate_frames": {"ratings": [{"time": 1.0, "score": rng.choice([1, 3, 5, None]), "reason": "so"}]},
        "ask_frames": {"text": "10-20 s | Answer: x", "times": [1.0]},
        "cluster_frames": {"clusters": [{"time": 3.0, "times": [1.0, 3.0]}, {"time": 9.0, "times": [9.0]}]},
        "verify_clip": {"yes": rng.random(), "span": [1, 2]},
        "search_clips": {"hits": []},
        "view_frames": {"times": [1.0]},
    }
    return CallResult("fine", data[tool])


@pytest.mark.parametrize("name", LOOKING)
def test_a_route_sees_nothing_of_the_future_and_names_its_video(memory: ClipMemory, name: str):
    brief = brief_of(memory, "What does the red circle do?", budget=Budget(frames=24), now=18.0, many=True)
    driven = drive(name, memory, brief, PixelRater("red circle", ["moss"]))
    times = [time for call, _ in driven.made for time in call.arguments.get("times", [])]
    assert driven.shown and max([*driven.shown, *times]) < 18.0
    assert all(call.arguments["video"] == brief.video["id"] for call, _ in driven.made)


@pytest.mark.parametrize("name", LOOKING)
def test_a_route_runs_inside_the_loop_and_the_policy_answers_at_once(memory: ClipMemory, name: str):
    turns: list[tuple[list[BaseMessage], bool]] = []

    def step(messages: list[BaseMessage], tools: bool) -> AIMessage:
        turns.append((messages, tools))
        return AIMessage('{"answer": "it shines", "evidence": []}')

    rater = PixelRater("red circle", ["moss"])
    agent = VideoAgent(memory, policy=Scripted(step=step), viewer=rater, second_look=False)
    answer = agent.ask("What does the red circle do?", route=name, budget=Budget(frames=32, calls=12))
    assert answer.text == "it shines" and answer.spend["frames"] <= 24 and answer.spend["calls"] <= 9  # three quarters
    messages, tools = turns[0]
    assert not tools  # no tools any more: it is to answer
    assert isinstance(messages[-1], HumanMessage) and "frames above" in str(messages[-1].content)
    shown = [m for m in messages if isinstance(m, ToolMessage) and m.artifact["pictures"]]
    assert len(shown) == 1 and len(shown[0].artifact["pictures"]) >= 1


def test_with_no_frame_left_the_policy_may_go_on_by_itself(memory: ClipMemory):
    told: list[bool] = []

    def step(messages: list[BaseMessage], tools: bool) -> AIMessage:
        told.append(tools)
        return AIMessage('{"answer": "unknown", "evidence": []}')

    agent = VideoAgent(memory, policy=Scripted(step=step), viewer=PixelRater("red circle"), second_look=False)
    agent.ask("What does the red circle do?", route="skim_zoom", budget=Budget(frames=0))
    assert told[0]
