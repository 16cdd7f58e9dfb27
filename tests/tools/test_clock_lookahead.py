"""Adversarial tries over several days and cameras: no tool and no method of a memory tells anything later than now."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import days
import pytest
from rewatch.memory import CausalView, ClipMemory, MediaURI, Moment, RewatchError, Span, TimelineSpan, wall_clock
from rewatch.tools import BUILT_IN, ON_REQUEST, Toolbox

TOOLS = (*BUILT_IN, *ON_REQUEST)
QUERIES = ("red notebook", "sofa", "Martin", "parcel from Lisbon", "dog", "coffee", "breakfast", "kitchen")
LEVELS = ("clip", "chapter", "hour", "day")


@pytest.fixture(scope="module")
def memory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClipMemory]:
    with days.build(tmp_path_factory.mktemp("life")) as made:
        yield made


def said(memory: ClipMemory) -> list[tuple[float, str]]:
    """When each sentence begins, on the clock, and the sentence; of the undated video at no time that may be known."""
    found = []
    for name, cues in days.LIFE.items():
        record = memory.video(Path(name).name)
        found += [(record.timeline_time(start) or float("inf"), text) for start, _, text in cues]
    return found


def moment(rng: random.Random, sentences: list[tuple[float, str]]) -> Moment:
    start = rng.choice([time for time, _ in sentences if time < float("inf")])
    return Moment(start + rng.choice([-3.0, -0.5, -1e-3, 0.0, 1e-3, 1.5, 10.0, 3600.0]))


def written(rng: random.Random, seconds: float) -> Any:
    """A time as a policy may write it: of the clock or of a video."""
    day, rest = divmod(seconds, 86400)
    hour, minute, second = int(rest // 3600), int(rest // 60 % 60), int(rest % 60)
    return rng.choice([
        wall_clock(seconds, None), f"DAY{day:.0f}_{hour:02d}{minute:02d}{second:02d}00",
        f"{hour:02d}:{minute:02d}:{second:02d}", rng.uniform(0, 20), f"00:{second:02d}",
    ])  # fmt: skip


def call(rng: random.Random, memory: ClipMemory, view: CausalView, sentences: list[tuple[float, str]]) -> str:
    """One call of a tool with arguments that reach beyond now; everything that it tells."""
    tool, later = rng.choice(TOOLS), rng.choice([time for time, _ in sentences if time < float("inf")])
    ids = [record.id for record in memory.videos()]
    query = rng.choice(QUERIES)
    every = {
        "query": query, "question": query, "find": query, "claim": query, "color": "red", "level": rng.choice(LEVELS),
        "start": written(rng, later - 5), "end": written(rng, later + 15), "time": written(rng, later + 2),
        "times": [written(rng, later)], "box": [0, 0, 1, 1], "k": 20, "video": rng.choice([*ids, "all", None]),
        "image": f"video:{rng.choice(ids)}#t={rng.uniform(0, 20):.1f}",
    }  # fmt: skip
    names = [name for name in tool.args if name in every and rng.random() < 0.8]
    arguments = {name: every[name] for name in {*names, "video"}}
    known = [record.id for record in view.videos()]
    box = Toolbox(TOOLS)
    seen, _ = asyncio.run(
        box.call(tool.name, arguments, memory=view, videos=rng.choice([ids, known]), left={"frames": 20, "calls": 9})
    )
    for uri in (*seen.uris, *seen.pictures):
        place = MediaURI.parse(uri)
        assert place.span is None or place.span.end <= view.now_of(place.video) + 1e-3, (tool.name, arguments, uri)
    return json.dumps([seen.text, seen.data, [line.text for line in seen.lines]], default=str)


def read(rng: random.Random, memory: ClipMemory, view: CausalView, sentences: list[tuple[float, str]]) -> str:
    """One method of the view; everything that it tells."""
    ids = [record.id for record in memory.videos()]
    later = rng.choice([time for time, _ in sentences if time < float("inf")])
    between = rng.choice([None, Span(0, 20), TimelineSpan(later - 5, later + 5), TimelineSpan(-1e9, float("inf"))])
    one = rng.choice(ids)
    places: list[tuple[str, float]] = []
    told: list[Any] = []
    try:
        kind = rng.choice(["search", "texts", "clips", "videos", "recorded_in", "at_same_time", "open"])
        if kind == "search":
            only = rng.choice([None, one, ids])
            hits = view.search(rng.choice(QUERIES), between=between, level=rng.choice(LEVELS), k=30, videos=only)
            places, told = [(hit.video, hit.span.end) for hit in hits], list(hits)
        elif kind == "texts":
            told = list(view.texts(one))
            places = [(text.video, text.end) for text in told]
        elif kind == "clips":
            places = [(clip.video, clip.end) for clip in view.clips(one, level=rng.choice(LEVELS))]
        elif kind == "videos":
            told = list(view.videos())
            places = [(record.id, record.end) for record in told]
        elif kind == "open":
            places = [(one, view.open(one).info.end), (one, next(iter(view.open(one).frames_at([20.0]))).time)]
        else:
            interval = TimelineSpan(later - 30, later + 30)
            found = view.recorded_in(interval) if kind == "recorded_in" else view.at_same_time(one, Span(0, 20))
            places = [(place.video, place.span.end) for place in found if place.span is not None]
    except RewatchError:
        return ""
    for video, end in places:
        assert end <= view.now_of(video) + 1e-9, (kind, video, end)
    return str(told)


def tries(memory: ClipMemory, count: int, seed: int) -> None:
    rng, sentences = random.Random(seed), said(memory)
    for _ in range(count):
        now = moment(rng, sentences)
        told = rng.choice([call, read])(rng, memory, memory.until(now), sentences)
        late = [text for start, text in sentences if start >= now.seconds and text in told]
        assert not late, (now, late, told[:500])


def test_no_tool_and_no_method_tells_anything_later_than_now(memory: ClipMemory):
    tries(memory, 60, seed=0)


def test_browsing_passes_over_videos_that_are_shorter_by_now(memory: ClipMemory):
    view = memory.until(Moment(2 * 86400 + 8.5 * 3600 + 5))  # five seconds of day 2 are known
    arguments = {"level": "chapter", "start": 12, "video": "all"}
    known = [record.id for record in view.videos()]
    seen, _ = asyncio.run(Toolbox(TOOLS).call("browse", arguments, memory=view, videos=known, left={"calls": 1}))
    assert not seen.error and known[-1] not in seen.text + str(seen.uris) and known[0] in str(seen.uris)


@pytest.mark.slow
def test_a_thousand_tries_find_nothing_later_than_now(memory: ClipMemory):
    tries(memory, 1000, seed=1)
