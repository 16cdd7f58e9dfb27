"""Families of questions, each of which takes other tools to answer."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import Any

from ...memory import Span, clock
from .drawing import COLORS, PATTERNS, SHAPES
from .lesson import Draft, Level, clip_spans, scenery
from .words import BELONGINGS, CODES, DOINGS, NOUNS, PLACES, subjects
from .world import Line, Plate, Sign, Thing

Family = Callable[[random.Random, Level], Draft]

_CORNERS = ((0.27, 0.27), (0.73, 0.27), (0.27, 0.73), (0.73, 0.73))


def retrieval(rng: random.Random, level: Level) -> Draft:
    """When is it spoken of? Every clip speaks of something; some speak of nearly the same."""
    spans = clip_spans(level)
    mentions, lines = _mentions(rng, level, spans)
    (adjective, noun), place = mentions[0], lines[0].span
    return Draft(
        question=f"When is the {adjective} {noun} mentioned?",
        answer=None,
        kind="temporal",
        spans=(place,),
        world={"span": Span(0, level.seconds), "lines": _in_order(lines), "scenes": scenery(rng, spans)},
        needs=("search_clips",),
        about={"query": f"{adjective} {noun}", "at": [place.start, place.end]},
        chance=1 / level.clips,
    )


def spotting(rng: random.Random, level: Level) -> Draft:
    """When is something of this colour to be seen? Other clips show other colours."""
    spans = clip_spans(level)
    order = rng.sample(range(level.clips), level.clips)
    color, *others = rng.sample(list(COLORS), len(COLORS))
    place = spans[order[0]]
    things = [_thing(rng, level, place, color=color)]
    things += [_thing(rng, level, spans[k], color=rng.choice(others)) for k in order[1 : 1 + 2 * level.duplicates]]
    return Draft(
        question=f"When is something {color} on screen?",
        answer=None,
        kind="temporal",
        spans=(place,),
        world={
            "span": Span(0, level.seconds),
            "things": tuple(things),
            "scenes": scenery(rng, spans, ("grey", "sand")),
        },
        needs=("search_clips",),
        about={"query": f"something {color}", "colour": color, "at": [place.start, place.end]},
        chance=1 / level.clips,
        channels=("visual",),
    )


def viewing(rng: random.Random, level: Level) -> Draft:
    """What shape or colour has the thing at this time? Something else is there at other times, and beside it."""
    spans = clip_spans(level)
    place = rng.choice(spans)
    world = {"span": Span(0, level.seconds), "scenes": scenery(rng, spans), "lines": ()}
    world["things"], meant = _crowds(rng, level, spans, place)
    about: dict[str, Any] = {"at": [place.start, place.end]}
    values: tuple[str, ...]
    moment = clock(place.middle)
    if rng.random() < 0.5:
        question, answer, values = f"What shape is the {meant.color} thing at {moment}?", meant.shape, tuple(SHAPES)
        about["colour"] = meant.color
    else:
        question, answer, values = f"What colour is the {meant.shape} at {moment}?", meant.color, tuple(COLORS)
        about["shape"] = meant.shape
    return Draft(
        question=question,
        answer=answer,
        values=values,
        spans=(place,),
        world=world,
        needs=("view_clip",),
        about=about,
        chance=1 / len(values),
    )


def cropping(rng: random.Random, level: Level) -> Draft:
    """Which pattern has a small plate? Made smaller, all patterns look the same."""
    spans = clip_spans(level)
    place = rng.choice(spans)
    plates = [
        Plate(pattern=rng.choice(PATTERNS), span=span, at=(rng.uniform(0.15, 0.85), rng.uniform(0.15, 0.85)))
        for span in spans
        if span == place or rng.random() < 0.5
    ]
    meant = next(plate for plate in plates if plate.span == place)
    return Draft(
        question=f"Which pattern has the small plate at {clock(place.middle)}: {', '.join(PATTERNS)}?",
        answer=meant.pattern,
        values=PATTERNS,
        spans=(place,),
        boxes=(meant.box,),
        world={
            "span": Span(0, level.seconds),
            "scenes": scenery(rng, spans, ("sand", "moss", "rose")),
            "plates": tuple(plates),
            "side": 4 * level.side,
        },
        needs=("crop",),
        about={"at": [place.start, place.end], "box": list(meant.box)},
        chance=1 / len(PATTERNS),
        channels=("speech",),
    )


def listening(rng: random.Random, level: Level) -> Draft:
    """Which code word is said at this time? Others are said at other times."""
    spans = clip_spans(level)
    place = rng.choice(spans)
    codes = {span: rng.choice(CODES) for span in spans}
    lines = tuple(Line(text=f"the code word is {code}", span=_inner(span)) for span, code in codes.items())
    return Draft(
        question=f"Which code word is said at {clock(place.middle)}?",
        answer=codes[place],
        values=CODES,
        spans=(_inner(place),),
        world={"span": Span(0, level.seconds), "scenes": scenery(rng, spans), "lines": lines},
        needs=("transcribe",),
        about={"at": [place.start, place.end]},
        chance=1 / len(CODES),
    )


def reading(rng: random.Random, level: Level) -> Draft:
    """Which number is on the board at this time? Other boards are there at other times."""
    spans = clip_spans(level)
    place = rng.choice(spans)
    numbers = {span: str(rng.randint(100, 999)) for span in spans if span == place or rng.random() < 0.4}
    signs = tuple(Sign(text=f"ROOM {number}", span=span) for span, number in numbers.items())
    return Draft(
        question=f"Which number is on the board at {clock(place.middle)}?",
        answer=numbers[place],
        kind="ocr",
        spans=(place,),
        world={
            "span": Span(0, level.seconds),
            "scenes": scenery(rng, spans),
            "signs": signs,
            "side": 4 * level.side,
        },
        needs=("read_text",),
        about={"at": [place.start, place.end]},
        chance=1 / 900,
        channels=("speech",),
    )


def two_hops(rng: random.Random, level: Level) -> Draft:
    """What is seen while something is spoken of? Search for the words, then look."""
    spans = clip_spans(level)
    mentions, lines = _mentions(rng, level, spans)
    (adjective, noun), line = mentions[0], lines[0].span
    place = next(span for span in spans if span.contains(line.middle))
    world: dict[str, Any] = {"span": Span(0, level.seconds), "scenes": scenery(rng, spans), "lines": _in_order(lines)}
    world["things"], meant = _crowds(rng, level, spans, place)
    about: dict[str, Any] = {"query": f"{adjective} {noun}", "at": [place.start, place.end]}
    values: tuple[str, ...]
    if rng.random() < 0.5:
        question, answer, values = f"What shape is the {meant.color} thing", meant.shape, tuple(SHAPES)
        about["colour"] = meant.color
    else:
        question, answer, values = f"What colour is the {meant.shape}", meant.color, tuple(COLORS)
        about["shape"] = meant.shape
    return Draft(
        question=f"{question} on screen while the {adjective} {noun} is mentioned?",
        answer=answer,
        values=values,
        spans=(place,),
        world=world,
        needs=("search_clips", "view_clip"),
        about=about,
        chance=1 / len(values),
    )


def nothing(rng: random.Random, level: Level) -> Draft:
    """Nothing has to be looked at: calls are wasted here."""
    spans = clip_spans(level)
    _, lines = _mentions(rng, level, spans)
    if rng.random() < 0.5:
        one, other = rng.randint(2, 9), rng.randint(2, 9)
        question, answer = f"What is {one} plus {other}? The video does not tell.", str(one + other)
        values = tuple(str(n) for n in range(4, 19))
    else:
        pair = rng.sample(NOUNS, 2)
        question = f"Which word comes first in the alphabet, {pair[0]} or {pair[1]}? The video does not tell."
        answer, values = min(pair), tuple(pair)
    return Draft(
        question=question,
        answer=answer,
        values=values,
        world={"span": Span(0, level.seconds), "scenes": scenery(rng, spans), "lines": _in_order(lines)},
        needs=(),
        about={},
        chance=1.0,
    )


def _mentions(rng: random.Random, level: Level, spans: Sequence[Span]) -> tuple[list[tuple[str, str]], list[Line]]:
    """Something that each clip speaks of, the asked one first, the nearly same ones next; and the lines, likewise."""
    mentions = subjects(rng, len(spans), level.duplicates)
    order = rng.sample(list(spans), len(spans))
    lines = [
        Line(text=f"here we talk about the {adjective} {noun}", span=_inner(span))
        for (adjective, noun), span in zip(mentions, order, strict=True)
    ]
    return mentions, lines


def _crowds(rng: random.Random, level: Level, spans: Sequence[Span], place: Span) -> tuple[tuple[Thing, ...], Thing]:
    """Things in about half of the clips, and the one that is meant: alone there in its colour and in its shape."""
    everything: list[Thing] = []
    meant = None
    for span in spans:
        if span != place and rng.random() < 0.5:
            continue
        count = 1 + level.crowd
        colors, shapes = rng.sample(list(COLORS), count), rng.sample(SHAPES, count)
        corners = rng.sample(_CORNERS, count)
        group = [
            Thing(color=c, shape=s, span=span, at=at, size=level.size)
            for c, s, at in zip(colors, shapes, corners, strict=True)
        ]
        meant = group[0] if span == place else meant
        everything += group
    assert meant is not None
    return tuple(everything), meant


def _thing(rng: random.Random, level: Level, span: Span, *, color: str) -> Thing:
    return Thing(color=color, shape=rng.choice(SHAPES), span=span, at=rng.choice(_CORNERS), size=level.size)


def _inner(span: Span) -> Span:
    """The middle four fifths: where a line is said."""
    return Span(round(span.start + 0.1 * span.duration, 3), round(span.end - 0.1 * span.duration, 3))


def _in_order(lines: Sequence[Line]) -> tuple[Line, ...]:
    return tuple(sorted(lines, key=lambda line: line.span))


_CROSSING, _PAUSE = 2.5, 0.8
"""Seconds that a thing takes to cross the picture, and until the next one sets out."""
_AWAY = 0.25
"""Distance from the picture at which things start and end, as a fraction of it."""


def tracking(rng: random.Random, level: Level) -> Draft:
    """How many things move through the picture? They enter at one edge and leave at the other, one after another."""
    count = rng.randint(1, 4)
    world, window, _ = _crossings(rng, level, [rng.choice(list(COLORS)) for _ in range(count)])
    return Draft(
        question=f"How many things move through the picture between {clock(window.start)} and {clock(window.end)}?",
        answer=str(count),
        values=("1", "2", "3", "4"),
        kind="count",
        spans=(window,),
        world=world,
        needs=("track_objects",),
        about={"at": [window.start, window.end]},
        chance=1 / 4,
        channels=("speech",),
    )


def crossing(rng: random.Random, level: Level) -> Draft:
    """When does the thing of this colour enter and leave? Three others cross the picture before or after it."""
    world, window, movers = _crossings(rng, level, rng.sample(list(COLORS), 4))
    meant = rng.choice(movers)
    speed = (_AWAY * 2 + 1) / _CROSSING
    hidden = (_AWAY - meant.size / 2) / speed
    visible = Span(round(meant.span.start + hidden, 3), round(meant.span.end - hidden, 3))
    return Draft(
        question=f"When does something {meant.color} cross the picture between {clock(window.start)} and "
        f"{clock(window.end)}?",
        answer=None,
        kind="temporal",
        spans=(visible,),
        world=world,
        needs=("track_objects",),
        about={"at": [window.start, window.end], "colour": meant.color},
        chance=1 / 4,
        channels=("speech",),
    )


def _crossings(
    rng: random.Random, level: Level, colors: Sequence[str]
) -> tuple[dict[str, Any], Span, tuple[Thing, ...]]:
    """Fields of a world in which things cross the picture one by one, the time that takes, and the things."""
    lasts = 4 * (_CROSSING + _PAUSE) + 2
    length = max(level.seconds, lasts + 4)
    start = round(rng.uniform(1, length - lasts - 1), 1)
    movers = []
    for k, color in enumerate(colors):
        begins = start + 1 + k * (_CROSSING + _PAUSE)
        height, ways = rng.uniform(0.25, 0.75), rng.sample((-_AWAY, 1 + _AWAY), 2)
        movers.append(
            Thing(
                color=color,
                shape=rng.choice(("circle", "square")),
                span=Span(begins, begins + _CROSSING),
                at=(ways[0], height),
                to=(ways[1], height),
                size=max(level.size, 0.2),
            )
        )
    world = {
        "span": Span(0, length),
        "scenes": scenery(rng, [Span(0, length)]),
        "things": tuple(movers),
        "fps": 8.0,
        "side": 2 * level.side,
    }
    return world, Span(start, round(start + lasts, 1)), tuple(movers)


CLIP = 30.0
"""Seconds of a clip."""
MORNING, EVENING = 8 * 3600.0, 20 * 3600.0


def day(rng: random.Random, level: Level) -> Draft:
    """Where was a thing put last, as far as is known by now? It is put elsewhere earlier, and again later.

    The day is as long as the level's clips, each of half a minute, at most from eight to eight.
    """
    count = min(max(level.clips, 12), int((EVENING - MORNING) / CLIP))
    spans = [Span(MORNING + k * CLIP, MORNING + (k + 1) * CLIP) for k in range(count)]
    meant, *others = rng.sample(BELONGINGS, len(BELONGINGS))
    lines_at: dict[int, str] = {}
    puts = 1 + max(1, level.duplicates) + 1  # before, the last one before now, and one that has not happened yet
    times = sorted(rng.sample(range(1, count - 1), puts))
    places = rng.sample(PLACES, puts) if puts <= len(PLACES) else [rng.choice(PLACES) for _ in range(puts)]
    for k, where in zip(times, places, strict=True):
        lines_at[k] = f"I put the {meant} into the {where}"
    last, later = times[-2], times[-1]
    now = spans[rng.randint(last + 1, later)].start
    for k in rng.sample([k for k in range(count) if k not in lines_at], min(count // 4, 6 * (1 + level.duplicates))):
        lines_at[k] = f"I put the {rng.choice(others)} into the {rng.choice(PLACES)}"
    lines = [
        Line(text=lines_at.get(k) or rng.choice(DOINGS), span=Span(span.start + 3, span.end - 3))
        for k, span in enumerate(spans)
        if k in lines_at or rng.random() < 0.6
    ]
    about: dict[str, Any] = {
        "query": f"put the {meant} into",
        "word": meant,
        "at": [spans[last].start, spans[last].end],
    }
    return Draft(
        question=f"Where did I put the {meant} last, as of {clock(now)}?",
        answer=places[-2],
        values=PLACES,
        spans=(Span(spans[last].start + 3, spans[last].end - 3),),
        world={
            "span": Span(MORNING, spans[-1].end),
            "scenes": scenery(rng, [Span(s.start, s.start + 20 * CLIP) for s in spans[::20]]),
            "lines": tuple(lines),
            "fps": 2.0,
        },
        needs=("search_clips",),
        about=about,
        chance=1 / len(PLACES),
        now=now,
        channels=("speech",),
        clip_seconds=CLIP,
    )
