"""Tools in a process of their own: hanging, spinning and crashing end as observations, and the rest works as ever."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import rough_tools as rough
from rewatch.agent import VideoAgent
from rewatch.memory import ClipMemory
from rewatch.tools import BUILT_IN, VLM_TOOLS, Observation, Reply, Spend, Toolbox, VisualQuestion, tool
from rewatch.tools.errors import says_what_next
from rewatch.tools.sandbox.isolation import MOST, isolation


@pytest.fixture(scope="module")
def memory(tmp_path_factory: pytest.TempPathFactory, make_talk: Callable[..., Path]) -> ClipMemory:
    """A memory of a video of 6 s that is red, and from 3 s on blue."""
    folder = tmp_path_factory.mktemp("isolation")
    memory = ClipMemory(folder / "memory")
    file = make_talk(folder / "two.mp4", 6, colors=lambda s: (170, 20, 20) if s < 3 else (20, 20, 170))
    memory.add(file, channels=("visual",), workers=0)
    return memory


def call(
    memory: Any, item: Any, arguments: Any = None, *, viewer: Any = None, **left: float
) -> tuple[Observation, Spend]:
    box = item if isinstance(item, Toolbox) else Toolbox([item], viewer=viewer)
    videos = [v.id for v in memory.videos()]
    return asyncio.run(box.call(box.names[0], arguments or {}, memory=memory, videos=videos, left=left))


@pytest.fixture(scope="module", autouse=True)
def warm(memory: ClipMemory) -> None:
    """The processes start once, outside of what is timed."""
    assert not call(memory, rough.pid)[0].error


@pytest.mark.parametrize("item", [rough.sleeps, rough.spins], ids=lambda item: item.name)
def test_what_never_ends_is_ended(memory: ClipMemory, item: Any):
    call(memory, rough.pid)  # a process that took the place of one that was killed may be starting
    seen, cost = call(memory, item)
    assert seen.error and "given up after 1 s" in seen.text and says_what_next(seen.text) and cost.calls == 1
    assert not call(memory, rough.pid)[0].error


@pytest.mark.parametrize(
    "item, says",
    [(rough.aborts, "SIGABRT"), (rough.reads_address_zero, "SIGSEGV"), (rough.leaves, "exit code 3")],
    ids=lambda item: getattr(item, "name", item),
)
def test_a_crash_is_an_observation(memory: ClipMemory, item: Any, says: str):
    seen, _ = call(memory, item)
    assert seen.error and says in seen.text and says_what_next(seen.text)
    assert not call(memory, rough.pid)[0].error


def test_what_python_can_catch_keeps_the_process(memory: ClipMemory):
    before = call(memory, rough.pid)[0].text
    for item in (rough.exits, rough.takes_all_memory):
        seen, _ = call(memory, item)
        assert seen.error and says_what_next(seen.text)
    assert "out of memory" in seen.text
    assert call(memory, rough.pid)[0].text == before != str(os.getpid())


def test_frames_and_the_memory_are_there_and_charged(memory: ClipMemory):
    seen, cost = call(memory, rough.colors, {"start": 0, "end": 6}, frames=10)
    assert not seen.error and cost.frames == 6 and seen.uris
    means = seen.data["means"]
    assert means[0][0] > 100 > means[0][2] and means[-1][2] > 100 > means[-1][0]
    assert seen.data["pid"] != os.getpid() and seen.data["said"]
    few, cost = call(memory, rough.colors, {"start": 0, "end": 6}, frames=2)
    assert len(few.data["means"]) == 2 and cost.frames == 2
    none, cost = call(memory, rough.colors, {"start": 0, "end": 6}, frames=0)
    assert none.error and "budget" in none.text and cost.frames == 0


def test_nothing_after_now_is_seen(memory: ClipMemory):
    seen, _ = call(memory.until(2.5), rough.colors, {"start": 0, "end": 6})
    assert seen.data["end"] == 2.5 and all(mean[0] > 100 > mean[2] for mean in seen.data["means"])


def test_frames_taken_before_a_crash_are_charged(memory: ClipMemory):
    seen, cost = call(memory, rough.takes_frames_and_dies, frames=10)
    assert seen.error and "SIGABRT" in seen.text and cost.frames == 3


class Eyes:
    """A model that sees: says how bright the frames are."""

    def ask(self, questions: Sequence[VisualQuestion], **settings: Any) -> list[Reply]:
        return [
            Reply(text=f"{q.text} {q.frames[0].image[..., 0].mean() > 100} {os.getpid()}", tokens=7) for q in questions
        ]


class Blind:
    """One that fails."""

    def ask(self, questions: Sequence[VisualQuestion], **settings: Any) -> list[Reply]:
        raise RuntimeError("no eyes")


def test_the_model_that_sees_is_reached(memory: ClipMemory):
    seen, cost = call(memory, rough.asks, {"question": "red?"}, viewer=Eyes())
    assert seen.text == f"red? True {os.getpid()}" and (cost.tokens, cost.frames) == (7, 1)
    none, _ = call(memory, rough.asks, {"question": "red?"})
    assert none.error and "no model that sees" in none.text
    failed, _ = call(memory, rough.asks, {"question": "red?"}, viewer=Blind())
    assert failed.error and "no eyes" in failed.text and says_what_next(failed.text)


def test_arguments_and_results_arrive_whole(memory: ClipMemory):
    seen, _ = call(memory, rough.echoes, {"words": "eins, zwei\udc80, 三", "number": "7"})
    assert seen.data == {"words": ["eins", "zwei?", "三"], "number": 7}


def test_calls_side_by_side_do_not_mix(memory: ClipMemory):
    box = Toolbox([rough.echoes])

    async def many() -> list[tuple[Observation, Spend]]:
        calls = (box.call("echoes", {"words": [str(n)]}, memory=memory, videos=["x"], left={}) for n in range(12))
        return await asyncio.gather(*calls)

    assert [seen.data["words"] for seen, _ in asyncio.run(many())] == [[str(n)] for n in range(12)]


def test_a_run_that_is_cancelled_ends_its_process(memory: ClipMemory):
    async def cancelled() -> None:
        task = asyncio.ensure_future(Toolbox([rough.sleeps]).call("sleeps", {}, memory=memory, videos=[], left={}))
        await asyncio.sleep(0.3)
        task.cancel()
        await asyncio.wait({task}, timeout=120)
        assert task.cancelled()

    asyncio.run(cancelled())
    assert not call(memory, rough.pid)[0].error


def test_foreign_tools_can_be_isolated_by_choice(memory: ClipMemory):
    here = Toolbox([rough.shout, rough.later], isolate=("marked",))
    there = Toolbox([rough.shout, rough.later])  # code of others, but for what belongs to an event loop
    assert here.isolated == frozenset() and there.isolated == {"shout"}
    assert call(memory, here, {"word": "a"})[0].text == f"A{os.getpid()}"
    elsewhere = call(memory, there, {"word": "a"})[0].text
    assert elsewhere.startswith("A") and elsewhere != f"A{os.getpid()}"


def test_what_cannot_travel_is_said_at_once():
    @tool(isolated=True)
    def inside() -> str:
        """Stand inside a function."""
        return ""

    with pytest.raises(ValueError, match="top level"):
        Toolbox([inside])
    with pytest.raises(ValueError, match="nothing"):
        Toolbox([rough.pid], isolate=("nothing",))


def test_a_call_does_not_wait_for_a_slow_start_and_the_next_one_is_served(memory: ClipMemory):
    isolation.close()
    seen, _ = call(memory, rough.pid, seconds=0.2)
    # which of the two clocks strikes first is up to the machine
    assert seen.error and ("not ready" in seen.text or "given up" in seen.text) and says_what_next(seen.text)
    assert not call(memory, rough.pid)[0].error


def test_more_calls_than_processes_wait_for_their_turn(memory: ClipMemory):
    box = Toolbox([rough.naps])

    async def many(count: int, **left: float) -> list[tuple[Observation, Spend]]:
        calls = (box.call("naps", {}, memory=memory, videos=["x"], left=left) for _ in range(count))
        return await asyncio.gather(*calls)

    seen = [observation for observation, _ in asyncio.run(many(2 * MOST))]
    assert not any(one.error for one in seen) and len({one.text for one in seen}) <= MOST


def test_built_in_tools_say_the_same_in_a_process_of_their_own(memory: ClipMemory):
    asked = {
        "search_clips": {"query": "blue"},
        "view_clip": {"start": 0, "end": 6},
        "crop": {"time": 4, "box": [0, 0, 0.5, 0.5]},
        "browse": {"level": "shot"},
        "read_text": {"start": 1},
        "track_objects": {"start": 0, "end": 2},
        "ask_clip": {"start": 0, "end": 6, "question": "red?"},
    }
    here = Toolbox([*BUILT_IN, *VLM_TOOLS], viewer=Eyes())
    there = Toolbox([*BUILT_IN, *VLM_TOOLS], viewer=Eyes(), isolate=("video",))
    assert set(asked) <= there.isolated
    videos = [video.id for video in memory.videos()]
    for name, arguments in asked.items():
        pair = [
            asyncio.run(box.call(name, arguments, memory=memory, videos=videos, left={"frames": 20, "seconds": 600.0}))
            for box in (here, there)
        ]
        assert pair[0] == pair[1], name


def test_the_loop_answers_the_same_with_its_tools_isolated(memory: ClipMemory):
    answers = [
        VideoAgent(memory, isolate=isolate, tools=[rough.shout]).ask("What colour is the picture at 0:04?").as_dict()
        for isolate in (("marked",), ("video", "foreign"))
    ]
    for answer in answers:
        answer["spend"].pop("seconds")
        answer.pop("run_id")
    assert answers[0] == answers[1]


def test_no_process_outlives_a_program_that_was_killed(tmp_path: Path):
    script = (
        "import asyncio, sys, rough_tools as rough\n"
        "from rewatch.tools import Toolbox\n"
        "box = Toolbox([rough.pid, rough.spins])\n"
        "seen, _ = asyncio.run(box.call('pid', {}, memory=None, videos=[], left={}))\n"
        "print(seen.text, flush=True)\n"
        "rough.spins.timeout = 60.0\n"
        "asyncio.run(box.call('spins', {}, memory=None, videos=[], left={}))\n"
    )
    program = subprocess.Popen(
        [sys.executable, "-c", script],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert program.stdout is not None
    child = int(program.stdout.readline())
    time.sleep(0.5)
    os.kill(child, 0)
    program.kill()
    program.wait()
    for _ in range(1200):
        try:
            os.kill(child, 0)
        except ProcessLookupError:
            return
        if Path(f"/proc/{child}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z":
            return
        time.sleep(0.1)
    raise AssertionError("it still runs")


def test_the_memory_is_opened_with_the_same_models(memory: ClipMemory):
    seen, _ = call(memory, rough.models)
    assert seen.data == {"text": None, "visual": None}
    for encoder in (rough.Letters(), rough.Letters()):
        own = ClipMemory(memory.folder, text_encoder=encoder, read_only=True)
        for _ in range(2):  # the second time it is there already
            seen, _ = call(own.until(4), rough.models)
            assert seen.data == {"text": "letters", "visual": None}
        own.close()


def test_models_that_cannot_travel_are_an_observation(memory: ClipMemory):
    encoder = rough.Letters()
    encoder.lock = threading.Lock()  # type: ignore[attr-defined]
    own = ClipMemory(memory.folder, text_encoder=encoder, read_only=True)
    before = call(memory, rough.pid)[0].text
    seen, _ = call(own, rough.models)
    assert seen.error and says_what_next(seen.text)
    assert call(memory, rough.pid)[0].text == before
