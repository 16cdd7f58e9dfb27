"""The toolbox: schemas, context, cache, budget, several videos."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from langchain_core.tools import StructuredTool, ToolException
from pydantic import BaseModel, field_validator
from rewatch.memory import ClipMemory, VideoError
from rewatch.tools import BUILT_IN, Observation, Retry, Spend, Toolbox, ToolError, VideoContext, tool
from rewatch.tools.errors import ToolBug, says_what_next


@pytest.fixture(scope="module")
def two_videos(tmp_path_factory: pytest.TempPathFactory, make_talk: Callable[..., Path]) -> ClipMemory:
    """A memory of a red and a blue video of 6 s, by their colours only."""
    folder = tmp_path_factory.mktemp("two")
    memory = ClipMemory(folder / "memory")
    for name, color in (("red", (170, 20, 20)), ("blue", (20, 20, 170))):
        memory.add(make_talk(folder / f"{name}.mp4", 6, colors=lambda _, c=color: c), channels=("visual",), workers=0)
    return memory


def call(toolbox: Toolbox, memory: ClipMemory, name: str, arguments: Any, **left: float) -> tuple[Observation, Spend]:
    videos = [v.id for v in memory.videos()]
    return asyncio.run(toolbox.call(name, arguments, memory=memory, videos=videos, left=left))


@tool
def mean_color(time: float, video: VideoContext) -> dict:
    """Mean colour at a moment.

    Args:
        time: the moment, in seconds.
    """
    red, green, blue = video.frame(time).mean((0, 1))
    return {"red": red, "green": green, "blue": blue}


def test_the_context_is_hidden_from_the_schema():
    (schema,) = Toolbox([mean_color]).schemas(["a"])
    assert schema["function"]["name"] == "mean_color"
    assert list(schema["function"]["parameters"]["properties"]) == ["time"]
    assert schema["function"]["parameters"]["required"] == ["time"]


def test_with_several_videos_a_tool_takes_which(two_videos: ClipMemory):
    red, blue = (v.id for v in two_videos.videos())
    (schema,) = Toolbox([mean_color]).schemas([red, blue])
    assert schema["function"]["parameters"]["properties"]["video"]["enum"] == [red, blue]
    box = Toolbox([mean_color])
    first, _ = call(box, two_videos, "mean_color", {"time": 1})
    second, _ = call(box, two_videos, "mean_color", {"time": 1, "video": blue})
    other, _ = call(box, two_videos, "mean_color", {"time": 1, "video": "nope"})
    assert first.data["red"] > 100 > first.data["blue"] and second.data["blue"] > 100 > second.data["red"]
    assert other.error and blue in other.text


def test_frames_are_charged_also_where_a_repeat_comes_from_the_cache(two_videos: ClipMemory):
    box = Toolbox(BUILT_IN)
    first, cost = call(box, two_videos, "view_clip", {"start": 0, "end": 4, "fps": 1}, frames=10)
    again, same = call(box, two_videos, "view_clip", {"start": "0s", "end": "4s", "fps": 1}, frames=10)
    assert (cost.frames, cost.calls) == (4, 1) == (same.frames, same.calls)
    assert again.cached and again.uris == first.uris and not first.cached
    short, cost = call(box, two_videos, "view_clip", {"start": 0, "end": 4, "fps": 1}, frames=3)
    assert cost.frames == 3 and not short.cached  # it cannot pay for the kept one


def test_frames_are_thinned_to_what_is_left(two_videos: ClipMemory):
    seen, cost = call(Toolbox(BUILT_IN), two_videos, "view_clip", {"start": 0, "end": 6, "fps": 10}, frames=3)
    assert cost.frames == 3 and len(seen.data["times"]) == 3
    none, cost = call(Toolbox(BUILT_IN), two_videos, "view_clip", {"start": 0, "end": 6}, frames=0)
    assert none.error and cost.frames == 0 and "budget" in none.text


def test_two_tools_of_one_name_are_refused():
    with pytest.raises(ValueError, match="mean_color"):
        Toolbox([mean_color, mean_color])


def test_a_tool_needs_a_docstring():
    with pytest.raises(ValueError, match="docstring"):

        @tool
        def silent(x: int) -> int:
            return x


def test_plain_functions_are_made_into_tools(two_videos: ClipMemory):
    def double(x: int) -> int:
        """Double a number."""
        return 2 * x

    seen, _ = call(Toolbox([double]), two_videos, "double", {"x": "21"})
    assert seen.text == "42" and not seen.error


def test_a_long_observation_is_cut_and_says_so(two_videos: ClipMemory):
    @tool
    def long_story() -> str:
        """Tell a long story."""
        return "word " * 5000

    seen, _ = call(Toolbox([long_story]), two_videos, "long_story", {})
    assert len(seen.text) < 7000 and "characters more" in seen.text


def test_what_a_tool_returns_is_defused(two_videos: ClipMemory):
    @tool
    def reads() -> Observation:
        """Read something hostile."""
        return Observation(text="<|im_end|>", data={"line": "<tool_call>"})

    seen, _ = call(Toolbox([reads]), two_videos, "reads", {})
    assert "<" not in seen.text and "<" not in seen.data["line"]


def test_crop_gives_a_region_that_can_be_cited(two_videos: ClipMemory):
    seen, cost = call(Toolbox(BUILT_IN), two_videos, "crop", {"time": "2s", "box": [50, 50, 100, 100]})
    assert seen.uris[0].endswith("#t=2&xywh=percent:50,50,50,50") and cost.frames == 1
    assert (seen.data["width"], seen.data["height"]) == (160, 90)


def test_browse_and_search_on_a_video_without_words(two_videos: ClipMemory):
    overview, _ = call(Toolbox(BUILT_IN), two_videos, "browse", {})
    assert not overview.error and overview.data["rows"]
    shots, _ = call(Toolbox(BUILT_IN), two_videos, "browse", {"level": "shot"})
    assert len(shots.data["shots"]) == 1 and shots.data["cuts"] == []
    found, _ = call(Toolbox(BUILT_IN), two_videos, "search_clips", {"query": "something red"})
    assert not found.error


def tries(*results: list[str]) -> tuple[Any, list[float]]:
    """A tool that finds `results` one after another, and the thresholds that it was called with."""
    left, seen = list(results), []

    @tool(
        cost=Spend(calls=2),
        retry=Retry(
            lacks=lambda seen: "" if seen.data["found"] else "nothing found",
            settings=[{"threshold": 0.5}, {"threshold": 0.25}, {"threshold": 0.1}],
        ),
    )
    def finds(video: VideoContext, threshold: float = 0.5) -> dict:
        """Find something.

        Args:
            threshold: the least score.
        """
        seen.append(threshold)
        list(video.frames_at([1.0], size=32))
        return {"found": left.pop(0)}

    return finds, seen


def test_what_found_nothing_is_tried_at_other_settings(two_videos: ClipMemory):
    finds, thresholds = tries([], ["cat"])
    seen, cost = call(Toolbox([finds]), two_videos, "finds", {}, frames=9, calls=9)
    assert thresholds == [0.5, 0.25] and seen.data["found"] == ["cat"]  # not a second time at what was tried
    assert "nothing found at first; this is with threshold=0.25" in seen.text
    assert (cost.calls, cost.frames) == (4, 2)


def test_tries_end_where_the_budget_does_and_the_first_observation_stays(two_videos: ClipMemory):
    finds, thresholds = tries([], [], [])
    seen, cost = call(Toolbox([finds]), two_videos, "finds", {}, frames=9, calls=4)
    assert thresholds == [0.5, 0.25] and cost.calls == 4
    assert not seen.error and "nothing found; the same with threshold=0.25" in seen.text
    finds, thresholds = tries([], [], [])
    seen, cost = call(Toolbox([finds]), two_videos, "finds", {}, frames=1, calls=20)
    assert not seen.error and cost.frames == 1 and "tried again with threshold=0.25: finds: 1 frames" in seen.text


def test_what_satisfies_is_not_tried_again(two_videos: ClipMemory):
    finds, thresholds = tries(["cat"])
    seen, cost = call(Toolbox([finds]), two_videos, "finds", {})
    assert thresholds == [0.5] and cost.calls == 2 and "(" not in seen.text


def test_a_declared_cost_is_charged_or_the_call_is_not_made(two_videos: ClipMemory):
    made = []

    @tool(cost=Spend(calls=3, frames=5))
    def dear() -> str:
        """Look with something expensive."""
        made.append(1)
        return "seen"

    box = Toolbox([dear])
    for left, limit in (({"calls": 2}, "calls"), ({"calls": 9, "frames": 4}, "frames")):
        seen, cost = call(box, two_videos, "dear", {}, **left)
        assert seen.error and limit in seen.text and cost == Spend(calls=1) and not made
    _, cost = call(box, two_videos, "dear", {}, calls=3, frames=5)
    assert cost == Spend(calls=3, frames=5)
    again, cost = call(box, two_videos, "dear", {}, calls=3, frames=5)
    assert again.cached and cost == Spend(calls=3, frames=5) and len(made) == 1
    with pytest.raises(ValueError, match="cost"):
        tool(cost=Spend(calls=0))(lambda: "free")


def test_what_a_short_budget_made_poorer_is_not_kept(two_videos: ClipMemory):
    box = Toolbox(BUILT_IN)
    poor, _ = call(box, two_videos, "view_clip", {"start": 0, "end": 6}, frames=2)
    rich, cost = call(box, two_videos, "view_clip", {"start": 0, "end": 6}, frames=64)
    assert len(poor.data["times"]) == 2 and len(rich.data["times"]) == 6 == cost.frames and not rich.cached


class Surprise(BaseException):
    """Nothing that programs catch."""


def _raising(error: BaseException) -> Any:
    def raises() -> str:
        """Raise something."""
        raise error

    return raises


class Dumb(Exception):
    def __str__(self) -> str:
        raise ValueError("no words")


def _both_kinds(error: BaseException) -> list[Any]:
    """A function and a coroutine that raise it."""

    async def raises() -> str:
        raise error

    return [
        _raising(error),
        StructuredTool.from_function(coroutine=raises, name="raises", description="Raise something."),
    ]


def call_strictly(item: Any, memory: ClipMemory) -> tuple[Observation, Spend]:
    return asyncio.run(Toolbox([item]).call("raises", {}, memory=memory, videos=["x"], left={}, raise_bugs=True))


@pytest.mark.parametrize(
    "error",
    [ToolError(""), ToolException("no"), VideoError("gone"), TimeoutError("socket"), RuntimeError("std::bad_alloc")]
    + [ValueError("x" * 100_000), ConnectionError("no network")],
    ids=lambda error: type(error).__name__,
)
def test_refusals_limits_and_mistakes_are_observations(two_videos: ClipMemory, error: Exception):
    for item in _both_kinds(error):
        for seen, cost in (call(Toolbox([item]), two_videos, "raises", {}), call_strictly(item, two_videos)):
            assert seen.error and says_what_next(seen.text) and "given up" not in seen.text and cost.calls == 1
            assert len(seen.text) < 1000 and "traceback" not in seen.data


@pytest.mark.parametrize(
    "error", [RecursionError("deep"), KeyError("x"), StopIteration(1), Dumb()], ids=lambda error: type(error).__name__
)
def test_a_bug_in_the_tool_of_others_is_an_observation_with_its_traceback_or_raised(
    two_videos: ClipMemory, error: Exception, caplog: pytest.LogCaptureFixture
):
    for item in _both_kinds(error):
        caplog.clear()
        seen, cost = call(Toolbox([item]), two_videos, "raises", {}, seconds=120)
        assert seen.error and says_what_next(seen.text) and cost.calls == 1 and len(seen.text) < 1000
        assert "Traceback" in seen.data["traceback"] and "in raises" in seen.data["traceback"]
        assert "a bug in the tool raises" in caplog.text
        with pytest.raises(ToolBug, match="raises failed"):
            call_strictly(item, two_videos)


def test_a_validator_and_a_check_of_an_author_may_fail_too(two_videos: ClipMemory):
    class Schema(BaseModel):
        word: str

        @field_validator("word")
        @classmethod
        def known(cls, word: str) -> str:
            return {"a": "b"}[word]

    item = StructuredTool.from_function(lambda word: word, name="raises", description="Check.", args_schema=Schema)
    seen, cost = call(Toolbox([item]), two_videos, "raises", {"word": "x"})
    assert seen.error and "KeyError" in seen.text and "Traceback" in seen.data["traceback"] and cost.calls == 1

    @tool(retry=Retry(lacks=lambda seen: seen.data["absent"], settings=[{"at": 2}]))
    def looks(at: int = 1) -> dict:
        """Look."""
        return {"found": at}

    seen, _ = call(Toolbox([looks]), two_videos, "looks", {})
    assert seen.data == {"found": 1} and not seen.error


def test_a_bug_in_a_tool_of_ours_is_always_raised(two_videos: ClipMemory, monkeypatch: pytest.MonkeyPatch):
    def broken(*_: Any, **__: Any) -> Any:
        raise KeyError("a row that is not there")

    monkeypatch.setattr("rewatch.memory.ClipMemory.search", broken)
    with pytest.raises(ToolBug, match=r"search_clips failed \(KeyError: 'a row that is not there'\)"):
        call(Toolbox(BUILT_IN), two_videos, "search_clips", {"query": "red"})


class DistError(RuntimeError):
    """As torch names what a collective operation raises."""


@pytest.mark.parametrize(
    "error",
    [MemoryError(), AssertionError("no"), KeyboardInterrupt(), SystemExit(3), GeneratorExit(), Surprise("!")]
    + [asyncio.CancelledError(), DistError("NCCL")],
    ids=lambda error: type(error).__name__,
)
def test_what_no_boundary_may_keep_passes(two_videos: ClipMemory, error: BaseException):
    for item in _both_kinds(error):
        with pytest.raises(type(error)):
            call(Toolbox([item]), two_videos, "raises", {}, seconds=120)


def _giving(value: Any) -> Any:
    def gives() -> Any:
        """Give something odd."""
        return value

    return gives


def test_whatever_a_tool_returns_the_loop_goes_on(two_videos: ClipMemory):
    deep: list = []
    deep.append(deep)
    odd = [
        deep,
        {(1, 2): {3}},
        object(),
        Observation(text=None, uris=None),
        Observation(text="x", data=[1]),
        b"\xff",
        None,
    ]  # type: ignore[arg-type]
    for value in odd:
        gives = tool(cacheable=False)(_giving(value))
        seen, cost = call(Toolbox([gives]), two_videos, "gives", {}, seconds=120)
        assert isinstance(seen.text, str) and isinstance(seen.data, dict) and cost.calls == 1
        assert not seen.error or says_what_next(seen.text)


def test_blocking_tools_that_are_given_up_are_counted_and_hold_up_nothing(two_videos: ClipMemory):
    go_on = threading.Event()

    @tool(timeout=0.2)
    def waits() -> str:
        """Wait."""
        go_on.wait(250)
        return "late"

    def blocks() -> str:
        """Block."""
        go_on.wait(250)
        return "late"

    async def stubborn() -> str:
        while not go_on.is_set():
            try:
                await asyncio.sleep(0.05)
            except asyncio.CancelledError:
                continue
        return "late"

    async def all_three() -> None:
        foreign = [
            StructuredTool.from_function(blocks, name="blocks"),
            StructuredTool.from_function(coroutine=stubborn, name="stubborn", description="Do not stop."),
        ]
        box = Toolbox([waits, *foreign], timeout=0.2)
        before = box.given_up
        for name in box.names:
            seen, _ = await box.call(name, {}, memory=two_videos, videos=["x"], left={})
            assert seen.error and "given up" in seen.text
        assert box.given_up == before + 2
        go_on.set()
        while box.given_up != before:
            await asyncio.sleep(0.02)

    asyncio.run(all_three())


def test_a_call_about_no_video_says_so(two_videos: ClipMemory):
    seen, _ = asyncio.run(Toolbox(BUILT_IN).call("browse", {}, memory=two_videos, videos=[], left={}))
    assert seen.error and says_what_next(seen.text)
