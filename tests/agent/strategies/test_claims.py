"""What each route finds, and for how many frames, beside uniform sampling."""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from rewatch import Budget
from rewatch.agent.strategies.route_budget import even
from rewatch.memory import ClipMemory, Span
from worlds import PixelRater, World, WorldEncoder, make_world, scene, thing

from .driving import brief_of, drive, remember

pytestmark = pytest.mark.slow

HALF_HOUR = 1800.0


def uniform_hits(events: Sequence[Span], seconds: float, frames: int) -> float:
    """Share of events that one of so many even frames falls into, on average over ten places of the grid."""
    step = seconds / frames
    hits = 0
    for shift in range(10):
        times = [time + (shift / 10 - 0.5) * step for time in even(Span(0, seconds), frames)]
        hits += sum(any(event.contains(time) for time in times) for event in events)
    return hits / (10 * len(events))


# adaptive (A.I.R.)


def glimpse(seed: int, *, others: int = 0, side: int = 72) -> tuple[World, Span]:
    """Half an hour with a red circle for 3 s somewhere, and red triangles for 10 s elsewhere."""
    rng = random.Random(seed)
    start = rng.uniform(5, HALF_HOUR - 10)
    places = [rng.uniform(5, HALF_HOUR - 20) for _ in range(others)]
    things = [thing("red triangle", Span(at, at + 10)) for at in places if abs(at - start) > 15]
    event = Span(start, start + 3)
    return make_world(HALF_HOUR, [*things, thing("red circle", event)], seed=seed, side=side), event


@pytest.mark.parametrize("noise, others, misses", [(0.05, 0, 0), (0.1, 0, 1), (0.02, 8, 1)])
def test_adaptive_finds_3_seconds_in_half_an_hour(tmp_path: Path, noise: float, others: int, misses: int):
    hits, rated, events, closer = [], [], [], 0
    for seed in range(5):
        world, event = glimpse(seed, others=others)
        memory = remember(tmp_path / str(seed), world, WorldEncoder(noise, seed))
        rater = PixelRater("red circle", noise=0.05, seed=seed)
        driven = drive("adaptive", memory, brief_of(memory, "When does the red circle appear?"), rater)
        assert rater.shown <= driven.rated <= 72 and len(driven.shown) <= 32
        hits.append(driven.hits(event))
        closer += sum(event.contains(time) for time in driven.shown) > 3
        rated.append(driven.rated)
        events.append(event)
    print(f"noise {noise}, {others} others: {sum(hits)} of 5 found, {sum(rated) / 5:.0f} frames rated")
    assert hits.count(False) <= misses
    assert closer >= 3 or noise > 0.05  # local density: more frames of it than one a second
    assert uniform_hits(events, HALF_HOUR, 104) < 0.5  # as many even frames as the paper rates and shows


def test_adaptive_with_the_encoder_that_has_no_weights(tmp_path: Path):
    world, event = glimpse(11, side=48)
    memory = remember(tmp_path, world)
    driven = drive("adaptive", memory, brief_of(memory, "When is there a red circle?"), PixelRater("red circle"))
    assert driven.hits(event) and driven.rated <= 72


def test_adaptive_without_anything_to_go_by_still_looks_around(tmp_path: Path):
    """The encoder sees no colour in the question: even frames are rated, and the neighbourhood of hints is searched."""
    event = Span(300, 330)
    scenes = [scene("moss", Span(250, 380))]
    world = make_world(600, [thing("red circle", event)], scenes=scenes, seed=5)
    memory = remember(tmp_path, world, WorldEncoder(0.05, 5))
    driven = drive("adaptive", memory, brief_of(memory, "What happens?"), PixelRater("red circle", ["moss"]))
    assert driven.used("score_frames")[0][1].error and driven.hits(event) and driven.rated <= 72


def test_adaptive_goes_by_the_memorys_search_where_the_encoder_sees_nothing(tmp_path: Path):
    subtitles = "1\n00:06:40,000 --> 00:06:50,000\nHere comes the parade.\n"
    event = Span(405, 409)
    world = make_world(600, [thing("red circle", event)], seed=6)
    memory = ClipMemory(tmp_path / "memory", visual_encoder=WorldEncoder(0.0, 6))
    (tmp_path / "words.srt").write_text(subtitles)
    memory.add(world, channels=("visual", "speech"), subtitles=tmp_path / "words.srt")
    brief = brief_of(memory, "What is seen during the parade?", budget=Budget(frames=24, calls=6))
    driven = drive("adaptive", memory, brief, PixelRater("red circle"))
    assert "the memory's search" in driven.found.text and driven.hits(event)


# skim_zoom (ViTL)


def room(seed: int) -> tuple[World, Span]:
    """Ten minutes with 40 s in a moss-coloured scene, in which a red circle appears for 3 s."""
    rng = random.Random(1000 + seed)
    begins = rng.uniform(0, 560)
    start = rng.uniform(begins, begins + 37)
    event = Span(start, start + 3)
    scenes = [scene("moss", Span(begins, begins + 40))]
    return make_world(600, [thing("red circle", event)], scenes=scenes, seed=seed, side=72), event


def test_skim_zoom_needs_at_most_half_the_frames_of_uniform_sampling(tmp_path: Path):
    made = []
    for seed in range(20):
        world, event = room(seed)
        made.append((remember(tmp_path / str(seed), world, WorldEncoder()), event))
    events = [event for _, event in made]
    for frames in (32, 48):
        hits = spent = 0
        for number, (memory, event) in enumerate(made):
            rater = PixelRater("red circle", ["moss"], clocks=number % 2 == 0)
            brief = brief_of(memory, "What appears in the green room?", budget=Budget(frames=frames))
            driven = drive("skim_zoom", memory, brief, rater)
            hits += driven.hits(event)
            spent = max(spent, driven.spent.frames)
        rate = hits / len(made)
        same = next(n for n in range(8, 1000, 2) if uniform_hits(events, 600, n) >= rate)
        print(f"skim_zoom: {spent} frames hit {rate:.2f}; uniform sampling needs {same} frames for that")
        assert spent <= frames and 2 * spent <= same and rate > uniform_hits(events, 600, 2 * frames)
    assert rate >= 0.9


# tree (AKeyS), video_tree, role_chain


def nested(seed: int) -> tuple[World, Span]:
    """Half an hour; within 10 minutes of rose, 2 minutes of moss; within those, a red circle for 6 s."""
    rng = random.Random(2000 + seed)
    far = rng.uniform(0, HALF_HOUR - 600)
    near = rng.uniform(far, far + 480)
    start = rng.uniform(near, near + 114)
    scenes = [scene("rose", Span(far, far + 600)), scene("moss", Span(near, near + 120))]
    event = Span(start, start + 6)
    return make_world(HALF_HOUR, [thing("red circle", event)], scenes=scenes, seed=seed, side=72), event


@pytest.fixture(scope="module")
def nests(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[ClipMemory, Span]]:
    made = []
    for seed in range(10):
        world, event = nested(seed)
        made.append((remember(tmp_path_factory.mktemp("nest"), world, WorldEncoder(0.02, seed)), event))
    return made


@pytest.mark.parametrize("name, runs, least", [("tree", 10, 0.8), ("role_chain", 10, 0.8), ("video_tree", 4, 0.75)])
def test_clues_lead_to_the_event_with_fewer_frames_than_uniform(nests: Any, name: str, runs: int, least: float):
    hits, spent = [], []
    for memory, event in nests[:runs]:
        rater = PixelRater("red circle", ["rose", "moss"])
        brief = brief_of(memory, "What does the red circle do?", budget=Budget(frames=64, calls=None))
        driven = drive(name, memory, brief, rater)
        hits.append(driven.hits(event))
        spent.append(driven.spent.frames)
    rate = sum(hits) / runs
    same = next(n for n in range(8, 1000, 8) if uniform_hits([e for _, e in nests[:runs]], HALF_HOUR, n) >= rate)
    print(f"{name}: {sum(spent) / runs:.0f} frames hit {rate:.2f}; uniform sampling needs {same}")
    assert rate >= least and max(spent) <= 64 < same


def test_the_search_stops_as_soon_as_two_answers_agree(tmp_path: Path):
    world = make_world(180, [thing("red circle", Span(0, 180))])
    memory = remember(tmp_path, world, WorldEncoder())
    driven = drive("tree", memory, brief_of(memory, "What is there?"), PixelRater("red circle"))
    # One summary over 18 frames (every 10 s), one reasoning over 5, one view.
    assert [len(call.arguments["times"]) for call, _ in driven.made] == [18, 5, 18]
    assert "agreed" in driven.found.text


def test_the_verifier_picks_among_the_spans_of_the_grounder(tmp_path: Path):
    """Two scenes look right from afar; only the later one has the circle, between the frames that the grounder saw."""
    scenes = [scene("moss", Span(100, 160)), scene("moss", Span(400, 460))]
    event = Span(421, 449)
    world = make_world(600, [thing("red circle", event)], scenes=scenes, seed=4)
    memory = remember(tmp_path, world, WorldEncoder())
    rater = PixelRater("red circle", ["moss"])
    brief = brief_of(memory, "What does the red circle do?", budget=Budget(frames=45))
    driven = drive("role_chain", memory, brief, rater)
    ((_, grounded),) = driven.used("ask_frames")
    assert not any(event.contains(time) for time in grounded.data["times"])
    assert [round(seen.data["yes"], 2) for _, seen in driven.used("verify_clip")] == [0.5, 1.0]
    assert driven.hits(event) and min(driven.shown) > 300
    assert [question.role for question in rater.asked] == ["grounder", "verifier", "verifier"]


# map_reduce (MR. Video)


def appearing(*names: str, seconds: float = HALF_HOUR) -> World:
    """Each thing (`red circle`) for 30 s in each of eight places that are far apart."""
    things = []
    for number, name in enumerate(names):
        color, shape = name.split()
        starts = [30 + number * 45 + k * 240 for k in range(8)]
        things += [thing(f"{color} {shape}", Span(s, s + 30), at=(0.3 + 0.3 * number, 0.5)) for s in starts]
    return make_world(seconds, things, seed=7, side=72)


@pytest.mark.parametrize(
    "names, counted",
    [
        (("red circle",), "circle: 1"),
        (("red circle", "blue circle"), "circle: 2"),
        (("red circle", "blue square"), "circle: 1, square: 1"),
    ],
)
def test_map_reduce_counts_each_individual_once(tmp_path: Path, names: tuple[str, ...], counted: str):
    memory = remember(tmp_path, appearing(*names), WorldEncoder())
    driven = drive("map_reduce", memory, brief_of(memory, "How many shapes are there?"), PixelRater("red circle"))
    assert f"Different individuals over all parts: {counted}.\n" in driven.found.text
    line = next(line for line in driven.found.text.splitlines() if line.startswith("circle_1"))
    assert line.count(", ") == 7 and "«red circle»" in line  # eight times at which it was seen


def test_map_reduce_joins_what_the_model_finds_to_be_one(tmp_path: Path):
    """Other words for the same circle in each part: the words stay apart, the pictures bring them together."""

    class Wordy(PixelRater):
        def _map(self, seen: Any, prompt: str) -> str:
            looks = ("crimson circle", "scarlet circle", "big circle")
            return super()._map(seen, prompt).replace("red circle", looks[len(self.asked) % 3])

    memory = remember(tmp_path, appearing("red circle"), WorldEncoder())
    brief = brief_of(memory, "How many?")
    driven = drive("map_reduce", memory, brief, Wordy("red circle"))
    assert len(driven.used("ask_frames")) == 16  # 15 parts of 2 minutes, one comparison
    assert "over all parts: circle: 1." in driven.found.text
