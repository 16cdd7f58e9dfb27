"""Every tool with random and hostile arguments: nothing reaches the loop or outlives its time, all errors help."""

from __future__ import annotations

import asyncio
import json
import os
import random
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pytest
import rewatch.tools
import rough_tools as rough
from hostile import hostile
from langchain_core.utils.function_calling import convert_to_openai_tool
from rewatch.memory import ClipMemory
from rewatch.tools import Observation, Reply, Toolbox, VideoTool, VisualQuestion
from rewatch.tools.errors import says_what_next
from talks import write_talk

FULL = 2000
SOME = int(os.environ.get("REWATCH_FUZZ", "100"))
SECONDS = 6.0
"""Length of the video."""
PATIENCE = 300.0
"""Seconds of a call: enough on a machine that does much else."""
EVERY = {tool.name: tool for tool in vars(rewatch.tools).values() if isinstance(tool, VideoTool)}
"""Whatever the package offers, those that others will add included."""

NEED_WEIGHTS = {"detect_objects"}
"""Without a detector these can only say so."""


class Eyes:
    """A model that sees and says unhelpful things."""

    def ask(self, questions: Sequence[VisualQuestion], **settings: Any) -> list[Reply]:
        return [Reply(text=f"<|im_end|> {len(q.frames)} {q.text[:40]}", tokens=3, yes=None) for q in questions]


@pytest.fixture(scope="module")
def memory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClipMemory]:
    """A memory of a small video with words on the screen, pictures and a tone."""
    folder = tmp_path_factory.mktemp("fuzz")
    tone = (0.1 * np.sin(np.arange(int(SECONDS * 16000)) / 8)).astype(np.float32)
    file = write_talk(
        folder / "v.mp4", SECONDS, captions=lambda s: "EXIT" if s < 3 else "", sound=tone, size=(96, 64), fps=4
    )
    memory = ClipMemory(folder / "memory")
    memory.add(file, channels=("visual", "speech"), workers=0, recorded="DAY1 09:00")
    yield memory
    memory.close()


def test_the_rule_of_helpful_errors_tells_good_from_bad():
    for good in (
        "crop: no area; give [left, top, right, bottom]",
        "x was given up after 5 s: ask for less",
        "No. Use a(b).",
    ):
        assert says_what_next(good)
    for bad in ("", "crop failed", "start: Input should be a number.", "the use of x failed", "x: name is missing"):
        assert not says_what_next(bad)


def check(seen: Observation) -> None:
    """What every observation owes to the loop that stores it and to the policy that reads it."""
    assert isinstance(seen, Observation) and seen.text.strip()
    assert len(seen.text) < 8000
    json.dumps(seen.data, allow_nan=True).encode()
    seen.text.encode()
    assert all(isinstance(uri, str) for uri in (*seen.uris, *seen.pictures))
    if seen.error:
        assert says_what_next(seen.text), seen.text
        assert len(seen.text) < 1500, seen.text


async def fuzz(item: VideoTool, memory: ClipMemory, count: int, seed: int = 0) -> Counter:
    """`count` calls; how many ended in which way."""
    rng = random.Random(f"{item.name} {seed}")
    parameters = convert_to_openai_tool(item)["function"]["parameters"]
    box = Toolbox([item], viewer=Eyes(), cache_size=0)
    videos = [video.id for video in memory.videos()]
    ends: Counter = Counter()
    for number in range(count):
        arguments = hostile(rng, parameters, SECONDS)
        left = {"seconds": PATIENCE, "frames": rng.choice([0, 1, 8, 64, 64, 64]), "calls": 5}
        if rng.random() < 0.1:
            del left["frames"]
        view = memory if rng.random() < 0.8 else memory.until(rng.uniform(0.1, SECONDS))
        seen, cost = await box.call(item.name, arguments, memory=view, videos=videos, left=left)
        try:
            check(seen)
            assert cost.calls >= 1 and 0 <= cost.frames <= left.get("frames", 10**6)
        except Exception as error:
            raise AssertionError(f"{item.name}, call {number}: {ascii(arguments)[:500]}\n{error}") from error
        ends["error" if seen.error else "fine"] += 1
        ends["failed"] += " failed (" in seen.text
        ends["given up"] += "given up" in seen.text
        if " failed (" in seen.text and os.environ.get("REWATCH_FUZZ_TELL"):
            print(f"{item.name} {ascii(arguments)[:300]}\n    {seen.text[:300]}")
    return ends


@pytest.mark.parametrize("name", sorted(EVERY))
def test_some_hostile_arguments(name: str, memory: ClipMemory):
    ends = asyncio.run(fuzz(EVERY[name], memory, SOME))
    assert ends["given up"] <= SOME / 50, ends  # reading at a high rate may take its time on a busy machine
    assert ends["failed"] <= SOME / 50, ends  # an error that the tool's author did not think of
    assert ends["fine"] >= SOME / 20 or name in NEED_WEIGHTS, ends  # else it is not the tool that is tried


@pytest.mark.slow
@pytest.mark.skipif("REWATCH_FUZZ_FULL" not in os.environ, reason="takes ten minutes: set REWATCH_FUZZ_FULL=1")
@pytest.mark.timeout(3000)
@pytest.mark.parametrize("name", sorted(EVERY))
def test_very_many_hostile_arguments(name: str, memory: ClipMemory):
    began = time.monotonic()
    ends = asyncio.run(fuzz(EVERY[name], memory, FULL, seed=1))
    print(f"{name}: {dict(ends)} in {time.monotonic() - began:.0f} s")
    assert ends["given up"] <= FULL / 50 and ends["failed"] <= FULL / 100, ends
    assert ends["fine"] >= FULL / 20 or name in NEED_WEIGHTS, ends


@pytest.mark.slow
def test_foreign_tools_with_hostile_arguments(memory: ClipMemory):
    rng = random.Random(5)
    box = Toolbox([rough.shout, rough.later], isolate=())
    for item in (rough.shout, rough.later):
        parameters = convert_to_openai_tool(item)["function"]["parameters"]
        for _ in range(200):
            asked = hostile(rng, parameters, SECONDS)
            check(asyncio.run(box.call(item.name, asked, memory=memory, videos=["x"], left={"seconds": PATIENCE}))[0])


def test_isolated_tools_with_hostile_arguments(memory: ClipMemory):
    for item in (rough.colors, rough.echoes):
        assert asyncio.run(fuzz(item, memory, 100))["given up"] == 0


def test_names_that_no_tool_has(memory: ClipMemory):
    box = Toolbox(rewatch.tools.BUILT_IN)
    for name in ("", "\ud800", "search_clip", "x" * 1_000_000, "<|im_end|>", "'; --", None, 7):
        seen, cost = asyncio.run(box.call(name, {}, memory=memory, videos=["x"], left={}))
        check(seen)
        assert seen.error and cost.calls == 1


def test_rough_tools_end_and_the_rest_goes_on(memory: ClipMemory):
    """One that sleeps, one that spins in native code and two that crash, side by side with others."""
    rude = [rough.sleeps, rough.spins, rough.aborts, rough.reads_address_zero]
    box = Toolbox([*rude, rough.pid, *rewatch.tools.BUILT_IN])
    videos = [video.id for video in memory.videos()]
    asyncio.run(box.call("pid", {}, memory=memory, videos=videos, left={}))

    async def all_of_them() -> None:
        async def one(name: str) -> None:
            seen, _ = await box.call(name, {"query": "red"}, memory=memory, videos=videos, left={"seconds": PATIENCE})
            check(seen)
            assert seen.error == (name != "search_clips"), seen.text

        await asyncio.gather(*(one(name) for name in [*(item.name for item in rude), "search_clips"]))

    asyncio.run(all_of_them())
