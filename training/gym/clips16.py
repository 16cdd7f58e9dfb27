"""`clips16`: sixteen clips, short words, one-word answers: for a model of a million parameters on a CPU.

Its policies work in the loop of `agent.small_loop`.

Every clip says a word and shows a shape, so that only the right clip tells: search by the word, then view the clip.
"""

from __future__ import annotations

import random
from collections.abc import Generator, Mapping
from dataclasses import replace
from typing import Any

from ...agent.small_loop import DIALECT, SYSTEM
from ...agent.steps import Call
from ...agent.verifier import NO_EVIDENCE, SENT_BACK
from ...memory import Span
from .drawing import COLORS
from .lesson import Draft, Lesson, Level
from .strategies import NOT_FOUND, Case, Say, Shown, Strategy, described
from .world import Line, Thing

CLIPS = 16
WORDS = (
    "ant bat bed box bus cap car cat cow cup dog egg fan fig fox hat hen hut jam jar jet key kit leg lid log map mat"
    " mug net nut oak oar owl pan pen pie pig pin pot rat rug saw sea sun tap tea toy van web"
).split()
SHAPES = ("circle", "square", "triangle", "cross")
LEVEL = Level(clips=CLIPS, clip_seconds=1.0, duplicates=0, crowd=0, side=32, difficulty=0.5)


def color(rng: random.Random, level: Level) -> Draft:
    """What color is seen where a word is said? Two hops."""
    world, words, things = _clips(rng, level)
    k = rng.randrange(len(words))
    return _draft(f'color at "{words[k]}"?', things[k].color, tuple(COLORS), world, k, words[k], shape=things[k].shape)


def shape(rng: random.Random, level: Level) -> Draft:
    """What shape is seen where a word is said? Two hops, and harder to see."""
    world, words, things = _clips(rng, level)
    k = rng.randrange(len(words))
    return _draft(f'shape at "{words[k]}"?', things[k].shape, SHAPES, world, k, words[k], colour=things[k].color)


def clip(rng: random.Random, level: Level) -> Draft:
    """In which clip is a word said? One hop."""
    world, words, _ = _clips(rng, level)
    k = rng.randrange(len(words))
    numbers = tuple(str(n) for n in range(len(words)))
    return _draft(f'clip of "{words[k]}"?', str(k), numbers, world, k, words[k])


_NUMBERED = "clip {}"
"""Name of a clip in answers: as tools name it, so that a number is the same token in both."""


def first(rng: random.Random, level: Level) -> Draft:
    """What color comes first where a word is said? Each clip shows two, so that only their order tells."""
    world, words, things = _clips(rng, level)
    halves = []
    for thing in things:
        other = rng.choice([color for color in COLORS if color != thing.color])
        middle = thing.span.middle
        halves += [
            replace(thing, span=Span(thing.span.start, middle)),
            replace(thing, color=other, span=Span(middle, thing.span.end)),
        ]
    k = rng.randrange(len(words))
    two = {**world, "things": tuple(halves), "fps": 2 / level.clip_seconds}
    return _draft(f'first at "{words[k]}"?', things[k].color, tuple(COLORS), two, k, words[k], shape=things[k].shape)


def echo(rng: random.Random, level: Level) -> Draft:
    """Say what the question says: no tool is needed."""
    world, _, _ = _clips(rng, level)
    color_name = rng.choice(list(COLORS))
    return Draft(
        question=f'say "{color_name}".',
        answer=color_name,
        values=tuple(COLORS),
        world=world,
        needs=(),
        about={},
        chance=1.0,
        channels=("speech",),
    )


SMALL = {
    "clips16.color": color,
    "clips16.shape": shape,
    "clips16.clip": clip,
    "clips16.first": first,
    "clips16.echo": echo,
}
"""Families of this preset; with another level they have as many clips as that."""


def _clips(rng: random.Random, level: Level) -> tuple[dict[str, Any], list[str], list[Thing]]:
    """Fields of a world, the word of each clip, and what is seen in it."""
    words = rng.sample(WORDS, level.clips)
    spans = [Span(k * level.clip_seconds, (k + 1) * level.clip_seconds) for k in range(level.clips)]
    things = [
        Thing(
            color=rng.choice(list(COLORS)),
            shape=rng.choice(SHAPES),
            span=span,
            at=(rng.uniform(0.42, 0.58), rng.uniform(0.42, 0.58)),
            size=rng.uniform(0.5, 0.7),
        )
        for span in spans
    ]
    lines = [
        Line(text=word, span=Span(round(span.start + 0.1, 3), round(span.end - 0.1, 3)))
        for word, span in zip(words, spans, strict=True)
    ]
    world = {
        "span": Span(0, level.seconds),
        "things": tuple(things),
        "lines": tuple(lines),
        "fps": 1 / level.clip_seconds,
        "side": level.side,
    }
    return world, words, things


def _draft(
    question: str, answer: str, values: tuple[str, ...], world: Mapping[str, Any], k: int, word: str, **about: str
) -> Draft:
    line = world["lines"][k]
    clip_span = Span(round(line.span.start - 0.1, 3), round(line.span.end + 0.1, 3))
    two_hops = bool(about)
    form = {} if two_hops else {"form": _NUMBERED}
    return Draft(
        question=question,
        answer=answer,
        kind="open" if two_hops else "numeric",
        values=values,
        spans=(clip_span,),
        world=dict(world),
        needs=("search_clips", "view_clip") if two_hops else ("search_clips",),
        about={"query": word, "clip": k, "at": [clip_span.start, clip_span.end], **about, **form},
        chance=1 / len(values),
        channels=("speech",),
    )


# The expert's ways


def _search(case: Case) -> Generator[Call, Shown, int | None]:
    found = yield Call("search_clips", {"query": case.about["query"]})
    number = found.result.data.get("clip")
    return None if number is None else int(number)


def find(case: Case) -> Generator[Call, Shown, Say]:
    """Search, and say the number."""
    number = yield from _search(case)
    return NOT_FOUND if number is None else Say(_NUMBERED.format(number))


def find_and_view(case: Case) -> Generator[Call, Shown, Say]:
    """Search, view the clip, and say what is there."""
    number = yield from _search(case)
    if number is None:
        return NOT_FOUND
    view = yield Call("view_clip", {"clip": number})
    answer = described(case, view.look())
    return Say(answer, view.uris[:1], "view_clip") if answer else NOT_FOUND


def find_and_view_the_first(case: Case) -> Generator[Call, Shown, Say]:
    """Search, view the clip, and say what its first picture shows."""
    number = yield from _search(case)
    if number is None:
        return NOT_FOUND
    view = yield Call("view_clip", {"clip": number})
    answer = described(case, view.look()[:1])
    return Say(answer, view.uris[:1], "view_clip") if answer else NOT_FOUND


def repeat(case: Case) -> Generator[Call, Shown, Say]:
    """Say what was asked for."""
    return Say(case.task.truth.answer or "")
    yield


STRATEGIES: dict[str, Strategy] = {
    "clips16.color": find_and_view,
    "clips16.shape": find_and_view,
    "clips16.clip": find,
    "clips16.first": find_and_view_the_first,
    "clips16.echo": repeat,
}


def corpus(lessons: list[Lesson]) -> list[str]:
    """All texts that occur in conversations about these lessons, for training a small tokenizer."""
    from ...agent.models.content_blocks import time_text

    texts = [SYSTEM, "system\n", "user\n", "assistant\n", "tool\n", "<tool_response>\n", "\n</tool_response>"]
    for one in lessons:
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
    return [*texts, *["no clip", "view_clip: no clip: try another"] * (1 + len(lessons) // 20), *AGAIN]


AGAIN = (SENT_BACK + NO_EVIDENCE,)
"""Words of the loop's check to an answer for which nothing was looked at."""
