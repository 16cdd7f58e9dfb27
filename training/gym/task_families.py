"""The task families: each asks questions that other tools are needed for.

A family is a function of a random generator and a level, and makes a draft: a question, its truth and a world. The
draws of a family and their order are part of its tasks: the same seed must make the same task in every version.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import Any

from ...memory import Span, clock
from .environment import Level, TaskDraft
from .render import COLORS, PATTERNS, SHAPES, TONES
from .world import Line, Plate, Sign, Thing, WorldScene

Family = Callable[[random.Random, Level], TaskDraft]

# No adjective and no noun is a color or a look, which a search by pictures would follow.
ADJECTIVES = (
    "old new little heavy quiet wooden broken round empty foreign narrow famous clever hollow sturdy borrowed"
    " painted northern folded rusty polished secret tiny crooked"
).split()
NOUNS = (
    "lantern kettle ladder hammer basket pillow trumpet compass bucket saddle anchor mirror candle wagon barrel"
    " ticket feather helmet piano carpet bridge tunnel garden market harbour island castle dragon parrot rabbit"
).split()
CODES = "amber birch cobalt delta ember falcon granite hazel".split()
"""Code words that are spoken."""
PLACES = "drawer shelf basket fridge cupboard backpack garage windowsill".split()
BELONGINGS = "keys wallet glasses phone umbrella scissors charger passport notebook torch".split()
ACTIVITIES = (
    "I wash the dishes",
    "I read the newspaper",
    "I walk along the river",
    "I wait for the bus",
    "I answer letters",
    "I cook some soup",
    "I water the plants",
    "I talk with a neighbour",
    "I fix the bicycle",
    "I sort the laundry",
)
"""Utterances of an egocentric day that put nothing anywhere."""
DAY_CLIP = 30.0
"""Seconds of a clip of an egocentric day."""
MORNING, EVENING = 8 * 3600.0, 20 * 3600.0
_CORNERS = ((0.27, 0.27), (0.73, 0.27), (0.27, 0.73), (0.73, 0.73))
_CROSSING, _PAUSE = 2.5, 0.8
"""Seconds that a thing takes to cross the picture, and until the next one sets out."""
_AWAY = 0.25
"""Distance from the picture at which things start and end, as a fraction of it."""


def retrieval(rng: random.Random, level: Level) -> TaskDraft:
    """Ask when something is mentioned; every clip mentions something, some nearly the same."""
    (name, *_), lines = _mentions(rng, level)
    return TaskDraft(
        question=f"When is the {name} mentioned?",
        kind="temporal",
        at=lines[0].span,
        world={"lines": _in_order(lines), "scenes": scenery(rng, level.spans)},
        needs=("search_clips",),
        about={"query": name},
        chance=1 / level.clips,
    )


def spotting(rng: random.Random, level: Level) -> TaskDraft:
    """Ask when something of a color is on screen; other clips show other colors."""
    order = rng.sample(level.spans, level.clips)
    color, *others = rng.sample(list(COLORS), len(COLORS))
    things = [_still_thing(rng, level, order[0], color)]
    things += [_still_thing(rng, level, span, rng.choice(others)) for span in order[1 : 1 + 2 * level.duplicates]]
    return TaskDraft(
        question=f"When is something {color} on screen?",
        kind="temporal",
        at=order[0],
        world={"things": tuple(things), "scenes": scenery(rng, level.spans, ("grey", "sand"))},
        needs=("search_clips",),
        about={"query": f"something {color}", "colour": color},
        chance=1 / level.clips,
        channels=("visual",),
    )


def viewing(rng: random.Random, level: Level) -> TaskDraft:
    """Ask for the shape or the color of a thing at a time; others are there at other times, and beside it."""
    place = rng.choice(level.spans)
    scenes = scenery(rng, level.spans)
    things, target = _crowds(rng, level, place)
    question, answer, values, about = _attribute(rng, target)
    return TaskDraft(
        question=f"{question} at {clock(place.middle)}?",
        answer=answer,
        values=values,
        at=place,
        world={"scenes": scenes, "things": things},
        needs=("view_clip",),
        about=about,
    )


def cropping(rng: random.Random, level: Level) -> TaskDraft:
    """Ask for the pattern of a small plate; in a picture made smaller, all patterns look the same."""
    place = rng.choice(level.spans)
    plates = [
        Plate(pattern=rng.choice(PATTERNS), span=span, at=(rng.uniform(0.15, 0.85), rng.uniform(0.15, 0.85)))
        for span in level.spans
        if span == place or rng.random() < 0.5
    ]
    target = next(plate for plate in plates if plate.span == place)
    return TaskDraft(
        question=f"Which pattern has the small plate at {clock(place.middle)}: {', '.join(PATTERNS)}?",
        answer=target.pattern,
        values=PATTERNS,
        at=place,
        boxes=(target.box,),
        world={
            "scenes": scenery(rng, level.spans, ("sand", "moss", "rose")),
            "plates": tuple(plates),
            "side": 4 * level.side,
        },
        needs=("crop",),
        about={"box": list(target.box)},
        channels=("speech",),
    )


def listening(rng: random.Random, level: Level) -> TaskDraft:
    """Ask for the code word that is spoken at a time; others are spoken at other times."""
    place = rng.choice(level.spans)
    codes = {span: rng.choice(CODES) for span in level.spans}
    lines = tuple(Line(text=f"the code word is {code}", span=_spoken(span)) for span, code in codes.items())
    return TaskDraft(
        question=f"Which code word is said at {clock(place.middle)}?",
        answer=codes[place],
        values=CODES,
        at=place,
        spans=(_spoken(place),),
        world={"scenes": scenery(rng, level.spans), "lines": lines},
        needs=("transcribe",),
        about={},
    )


def reading(rng: random.Random, level: Level) -> TaskDraft:
    """Ask for the number on a board at a time; other boards are there at other times."""
    place = rng.choice(level.spans)
    numbers = {span: str(rng.randint(100, 999)) for span in level.spans if span == place or rng.random() < 0.4}
    signs = tuple(Sign(text=f"ROOM {number}", span=span) for span, number in numbers.items())
    return TaskDraft(
        question=f"Which number is on the board at {clock(place.middle)}?",
        answer=numbers[place],
        kind="ocr",
        at=place,
        world={"scenes": scenery(rng, level.spans), "signs": signs, "side": 4 * level.side},
        needs=("read_text",),
        about={},
        chance=1 / 900,
        channels=("speech",),
    )


def tracking(rng: random.Random, level: Level) -> TaskDraft:
    """Ask how many things move through the picture, one after another, from edge to edge."""
    count = rng.randint(1, 4)
    world, window, _ = _crossings(rng, level, [rng.choice(list(COLORS)) for _ in range(count)])
    return TaskDraft(
        question=f"How many things move through the picture between {clock(window.start)} and {clock(window.end)}?",
        answer=str(count),
        values=("1", "2", "3", "4"),
        kind="count",
        at=window,
        world=world,
        needs=("track_objects",),
        about={},
        channels=("speech",),
    )


def crossing(rng: random.Random, level: Level) -> TaskDraft:
    """Ask when the thing of a color enters and leaves; three others cross the picture before or after it."""
    world, window, movers = _crossings(rng, level, rng.sample(list(COLORS), 4))
    target = rng.choice(movers)
    hidden = (_AWAY - target.size / 2) * _CROSSING / (_AWAY * 2 + 1)
    return TaskDraft(
        question=f"When does something {target.color} cross the picture between {clock(window.start)} and "
        f"{clock(window.end)}?",
        kind="temporal",
        at=window,
        spans=(Span(round(target.span.start + hidden, 3), round(target.span.end - hidden, 3)),),
        world=world,
        needs=("track_objects",),
        about={"colour": target.color},
        chance=1 / 4,
        channels=("speech",),
    )


def two_hops(rng: random.Random, level: Level) -> TaskDraft:
    """Ask for what is on screen while something is mentioned: search for the words, then look."""
    (name, *_), lines = _mentions(rng, level)
    place = next(span for span in level.spans if span.contains(lines[0].span.middle))
    scenes = scenery(rng, level.spans)
    things, target = _crowds(rng, level, place)
    question, answer, values, about = _attribute(rng, target)
    return TaskDraft(
        question=f"{question} on screen while the {name} is mentioned?",
        answer=answer,
        values=values,
        at=place,
        world={"scenes": scenes, "lines": _in_order(lines), "things": things},
        needs=("search_clips", "view_clip"),
        about={"query": name, **about},
    )


def day(rng: random.Random, level: Level) -> TaskDraft:
    """Ask where a thing was put last, as of some hour of an egocentric day; it is put elsewhere earlier and later.

    The day is as long as the level's clips, each of half a minute, at most from eight to eight.
    """
    count = min(max(level.clips, 12), int((EVENING - MORNING) / DAY_CLIP))
    spans = [Span(MORNING + k * DAY_CLIP, MORNING + (k + 1) * DAY_CLIP) for k in range(count)]
    target, *others = rng.sample(BELONGINGS, len(BELONGINGS))
    texts: dict[int, str] = {}
    puts = 1 + max(1, level.duplicates) + 1  # before, the last one before now, and one that has not happened yet
    times = sorted(rng.sample(range(1, count - 1), puts))
    places = rng.sample(PLACES, puts) if puts <= len(PLACES) else [rng.choice(PLACES) for _ in range(puts)]
    for k, where in zip(times, places, strict=True):
        texts[k] = f"I put the {target} into the {where}"
    last, later = times[-2], times[-1]
    now = spans[rng.randint(last + 1, later)].start
    for k in rng.sample([k for k in range(count) if k not in texts], min(count // 4, 6 * (1 + level.duplicates))):
        texts[k] = f"I put the {rng.choice(others)} into the {rng.choice(PLACES)}"
    lines = [
        Line(text=texts.get(k) or rng.choice(ACTIVITIES), span=Span(span.start + 3, span.end - 3))
        for k, span in enumerate(spans)
        if k in texts or rng.random() < 0.6
    ]
    return TaskDraft(
        question=f"Where did I put the {target} last, as of {clock(now)}?",
        answer=places[-2],
        values=PLACES,
        at=spans[last],
        spans=(Span(spans[last].start + 3, spans[last].end - 3),),
        world={
            "span": Span(MORNING, spans[-1].end),
            "scenes": scenery(rng, [Span(s.start, s.start + 20 * DAY_CLIP) for s in spans[::20]]),
            "lines": tuple(lines),
            "fps": 2.0,
        },
        needs=("search_clips",),
        about={"query": f"put the {target} into", "word": target},
        now=now,
        channels=("speech",),
        clip_seconds=DAY_CLIP,
    )


def nothing(rng: random.Random, level: Level) -> TaskDraft:
    """Ask something that the video does not help with: calls are wasted here."""
    _, lines = _mentions(rng, level)
    if rng.random() < 0.5:
        one, other = rng.randint(2, 9), rng.randint(2, 9)
        question, answer = f"What is {one} plus {other}? The video does not tell.", str(one + other)
        values = [str(n) for n in range(4, 19)]
    else:
        values = rng.sample(NOUNS, 2)
        question = f"Which word comes first in the alphabet, {values[0]} or {values[1]}? The video does not tell."
        answer = min(values)
    world = {"scenes": scenery(rng, level.spans), "lines": _in_order(lines)}
    return TaskDraft(question=question, answer=answer, values=values, world=world, about={}, chance=1.0)


FAMILIES: dict[str, Family] = {
    "retrieval": retrieval,
    "spotting": spotting,
    "viewing": viewing,
    "cropping": cropping,
    "listening": listening,
    "reading": reading,
    "tracking": tracking,
    "crossing": crossing,
    "two_hops": two_hops,
    "day": day,
    "nothing": nothing,
}
"""The families whose questions are answered with the built-in tools, by name."""


def scenery(rng: random.Random, spans: Sequence[Span], tones: Sequence[str] | None = None) -> tuple[WorldScene, ...]:
    """A random tone for each span; equal neighbors are one scene."""
    scenes: list[WorldScene] = []
    for span in spans:
        tone = rng.choice(tones or [tone for tone in TONES if tone != "night"])
        if scenes and scenes[-1].tone == tone and scenes[-1].span.end == span.start:
            scenes[-1] = WorldScene(tone=tone, span=Span(scenes[-1].span.start, span.end))
        else:
            scenes.append(WorldScene(tone=tone, span=span))
    return tuple(scenes)


def _mentions(rng: random.Random, level: Level) -> tuple[list[str], list[Line]]:
    """Names (adjective, noun), one mentioned in each clip, and the lines that mention them, in the same order.

    The first name is the one to ask for. It shares no word with any other but the level's duplicates, which come next.
    """
    adjective, noun = rng.choice(ADJECTIVES), rng.choice(NOUNS)
    other_adjectives = [a for a in ADJECTIVES if a != adjective]
    other_nouns = [n for n in NOUNS if n != noun]
    same_noun = [(a, noun) for a in rng.sample(other_adjectives, len(other_adjectives))]
    same_adjective = [(adjective, n) for n in rng.sample(other_nouns, len(other_nouns))]
    alike = [pair for both in zip(same_noun, same_adjective, strict=False) for pair in both][: level.duplicates]
    rest = rng.sample([(a, n) for a in other_adjectives for n in other_nouns], level.clips - 1 - len(alike))
    names = [f"{a} {n}" for a, n in ((adjective, noun), *alike, *rest)]
    order = rng.sample(level.spans, level.clips)
    return names, [
        Line(text=f"here we talk about the {name}", span=_spoken(span)) for name, span in zip(names, order, strict=True)
    ]


def _attribute(rng: random.Random, target: Thing) -> tuple[str, str, Sequence[str], dict[str, str]]:
    """The begin of a question for the shape or the color of a thing, the answer, its values, and what is `about`."""
    if rng.random() < 0.5:
        return f"What shape is the {target.color} thing", target.shape, SHAPES, {"colour": target.color}
    return f"What colour is the {target.shape}", target.color, tuple(COLORS), {"shape": target.shape}


def _crowds(rng: random.Random, level: Level, place: Span) -> tuple[tuple[Thing, ...], Thing]:
    """Things in about half of the clips, and the target in `place`: alone there in its color and in its shape."""
    everything: list[Thing] = []
    target = None
    for span in level.spans:
        if span != place and rng.random() < 0.5:
            continue
        count = 1 + level.crowd
        colors, shapes = rng.sample(list(COLORS), count), rng.sample(SHAPES, count)
        corners = rng.sample(_CORNERS, count)
        group = [
            Thing(color=c, shape=s, span=span, at=at, size=level.size)
            for c, s, at in zip(colors, shapes, corners, strict=True)
        ]
        target = group[0] if span == place else target
        everything += group
    assert target is not None
    return tuple(everything), target


def _still_thing(rng: random.Random, level: Level, span: Span, color: str) -> Thing:
    return Thing(color=color, shape=rng.choice(SHAPES), span=span, at=rng.choice(_CORNERS), size=level.size)


def _spoken(span: Span) -> Span:
    """The middle four fifths of a clip, in which its line is spoken."""
    return Span(round(span.start + 0.1 * span.duration, 3), round(span.end - 0.1 * span.duration, 3))


def _in_order(lines: Sequence[Line]) -> tuple[Line, ...]:
    return tuple(sorted(lines, key=lambda line: line.span))


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
