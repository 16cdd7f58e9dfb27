"""`clips16`: sixteen clips, short words, one-word answers: for a model of a million parameters on a CPU.

Every clip speaks a word and shows a shape, so that only the right clip tells: search by the word, then view the clip.
Its policies work in the loop of `agent.small_loop`, with that loop's two tools.
"""

from __future__ import annotations

import random
from collections.abc import Generator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from ...agent.models.content_blocks import time_text
from ...agent.small_loop import DIALECT, SYSTEM
from ...agent.steps import Call, CallResult
from ...agent.verifier import NO_EVIDENCE, SENT_BACK
from ...memory import Span
from .environment import Environment, Level, TaskDraft
from .render import COLORS
from .solvers import NOT_FOUND, Problem, Solution, Solver, described, known_answer
from .task_families import Family
from .world import Line, Thing

CLIPS = 16
WORDS = (
    "ant bat bed box bus cap car cat cow cup dog egg fan fig fox hat hen hut jam jar jet key kit leg lid log map mat"
    " mug net nut oak oar owl pan pen pie pig pin pot rat rug saw sea sun tap tea toy van web"
).split()
SHAPES = ("circle", "square", "triangle", "cross")
LEVEL = Level(clips=CLIPS, clip_seconds=1.0, duplicates=0, crowd=0, side=32, difficulty=0.5)
_NUMBERED = "clip {}"
"""Name of a clip in answers: as tools name it, so that a number is the same token in both."""


def color(rng: random.Random, level: Level) -> TaskDraft:
    """Ask for the color on screen where a word is spoken. Two hops."""
    world = _world(rng, level)
    k = rng.randrange(level.clips)
    thing = world["things"][k]
    return _draft("color at", thing.color, tuple(COLORS), world, k, shape=thing.shape)


def shape(rng: random.Random, level: Level) -> TaskDraft:
    """Ask for the shape on screen where a word is spoken. Two hops, and harder to see."""
    world = _world(rng, level)
    k = rng.randrange(level.clips)
    thing = world["things"][k]
    return _draft("shape at", thing.shape, SHAPES, world, k, colour=thing.color)


def clip(rng: random.Random, level: Level) -> TaskDraft:
    """Ask for the clip in which a word is spoken. One hop."""
    world = _world(rng, level)
    k = rng.randrange(level.clips)
    return _draft("clip of", str(k), [str(n) for n in range(level.clips)], world, k)


def first(rng: random.Random, level: Level) -> TaskDraft:
    """Ask for the first color where a word is spoken; each clip shows two, so that only their order tells."""
    world = _world(rng, level)
    things, halves = world["things"], []
    for thing in things:
        other = rng.choice([color for color in COLORS if color != thing.color])
        middle = thing.span.middle
        halves += [
            replace(thing, span=Span(thing.span.start, middle)),
            replace(thing, color=other, span=Span(middle, thing.span.end)),
        ]
    k = rng.randrange(level.clips)
    two = {**world, "things": tuple(halves), "fps": 2 / level.clip_seconds}
    return _draft("first at", things[k].color, tuple(COLORS), two, k, shape=things[k].shape)


def echo(rng: random.Random, level: Level) -> TaskDraft:
    """Ask for a word of the question: no tool is needed."""
    world = _world(rng, level)
    answer = rng.choice(list(COLORS))
    return TaskDraft(
        question=f'say "{answer}".',
        answer=answer,
        values=tuple(COLORS),
        world=world,
        about={},
        chance=1.0,
        channels=("speech",),
    )


def _world(rng: random.Random, level: Level) -> dict[str, Any]:
    """Fields of a world in which each clip has one line, a word, and one thing."""
    words = rng.sample(WORDS, level.clips)
    things = [
        Thing(
            color=rng.choice(list(COLORS)),
            shape=rng.choice(SHAPES),
            span=span,
            at=(rng.uniform(0.42, 0.58), rng.uniform(0.42, 0.58)),
            size=rng.uniform(0.5, 0.7),
        )
        for span in level.spans
    ]
    lines = [
        Line(text=word, span=Span(round(span.start + 0.1, 3), round(span.end - 0.1, 3)))
        for word, span in zip(words, level.spans, strict=True)
    ]
    return {"things": tuple(things), "lines": tuple(lines), "fps": 1 / level.clip_seconds, "side": level.side}


def _draft(topic: str, answer: str, values: Sequence[str], world: Mapping[str, Any], k: int, **other: str) -> TaskDraft:
    """The question for clip `k`; with the other attribute of what is there (`other`), it takes two hops."""
    line = world["lines"][k]
    return TaskDraft(
        question=f'{topic} "{line.text}"?',
        answer=answer,
        kind="open" if other else "numeric",
        values=values,
        at=Span(round(line.span.start - 0.1, 3), round(line.span.end + 0.1, 3)),
        world=dict(world),
        needs=("search_clips", "view_clip") if other else ("search_clips",),
        about={"query": line.text, "clip": k, **(other or {"form": _NUMBERED})},
        channels=("speech",),
    )


FAMILIES: dict[str, Family] = {
    "clips16.color": color,
    "clips16.shape": shape,
    "clips16.clip": clip,
    "clips16.first": first,
    "clips16.echo": echo,
}
"""Families of this preset; with another level they have as many clips as that."""


def find(problem: Problem) -> Generator[Call, CallResult, Solution]:
    """Search, and answer the number."""
    search = yield Call("search_clips", {"query": problem.about["query"]})
    number = search.data.get("clip")
    return NOT_FOUND if number is None else Solution(_NUMBERED.format(number))


def find_and_view(problem: Problem) -> Generator[Call, CallResult, Solution]:
    """Search, view the clip, and answer what its first picture shows."""
    search = yield Call("search_clips", {"query": problem.about["query"]})
    number = search.data.get("clip")
    if number is None:
        return NOT_FOUND
    view = yield Call("view_clip", {"clip": number})
    answer = described(problem, problem.read_pictures(view)[:1])
    return Solution(answer, view.uris[:1], "view_clip") if answer else NOT_FOUND


SOLVERS: dict[str, Solver] = {
    "clips16.color": find_and_view,
    "clips16.shape": find_and_view,
    "clips16.clip": find,
    "clips16.first": find_and_view,
    "clips16.echo": known_answer,
}


def corpus(environments: Sequence[Environment]) -> list[str]:
    """All texts that occur in conversations about these environments, for training a small tokenizer."""
    texts = [SYSTEM, "system\n", "user\n", "assistant\n", "tool\n", "<tool_response>\n", "\n</tool_response>"]
    for one in environments:
        about, answer = one.task.meta["about"], one.task.truth.answer or ""
        texts += [one.task.question, str(about.get("form", "{}")).format(answer)]
        if about:
            number = int(about["clip"])
            texts += [
                DIALECT.write_call("search_clips", {"query": about["query"]}),
                DIALECT.write_call("view_clip", {"clip": number}),
                f"clip {number}",
                f"clip {number}{time_text(about['at'][0])}",
            ]
    failures = ["no clip", "view_clip: no clip: try another"] * (1 + len(environments) // 20)
    return [*texts, *failures, SENT_BACK + NO_EVIDENCE]
