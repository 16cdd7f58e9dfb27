"""The people and things in a video, over all its parts: mentions read from replies, and repeats put together.

The Caption-Reduce of MR. Video (arXiv 2504.16082), which gives each repeated character and object one name,
`<entity>_<index>`. Words decide first, as far as they can; a model that sees may join what is left.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from ...memory import Span
from ...tools.times import CLOCK, SPELLED
from ..text_matching import STOP, stem, tokens
from .replies import items, read_spans

MOST_WORDS = 12
"""Words of a description; a longer line is prose, not a mention."""
LONGEST = 24
"""Letters of a name at most."""
_LABEL = re.compile(r"^[\W_]*(finding|relevant|question|answer|note)s?\b", re.IGNORECASE)
_TIME = re.compile(rf"\(?(?:\bat\s+|@\s?)?(?:{CLOCK}|{SPELLED})\)?")
_TAIL = re.compile(r"\b(?:with|wearing|in|on|of|who|that|which|holding|carrying|at|near|from|under|behind|beside)\b")


@dataclass(frozen=True, slots=True)
class Mention:
    """Somebody or something that a model saw in one part of the video."""

    look: str
    time: float
    """When, in seconds."""
    part: int
    """In which part of the video, from 0."""

    @property
    def words(self) -> frozenset[str]:
        """The stems that carry meaning, of words in any script."""
        plain = [word for word in tokens(self.look) if word not in STOP] or self.look.lower().split()
        return frozenset(stem(word) for word in plain)

    @property
    def head(self) -> str:
        """Return what sort of thing it is: the last word ahead of any `with`, `in`, `who`."""
        head = tokens(_TAIL.split(self.look.lower())[0]) or tokens(self.look) or self.look.lower().split()
        return re.sub(r"\W", "", head[-1])[:LONGEST] or "thing" if head else "thing"

    @property
    def kind(self) -> str:
        """The stem of `head`: what is of another kind is another individual."""
        return stem(self.head)


@dataclass(slots=True)
class Entity:
    """One individual and where it was mentioned."""

    kind: str
    mentions: list[Mention] = field(default_factory=list)
    """In order of time."""
    name: str = ""
    """Such as `man_2`."""


def read_mentions(reply: str, span: Span, part: int) -> list[Mention]:
    """Return the mentions in a reply: lines such as `red circle | 12 s` or `- a man in a hat (00:12)`.

    A time outside of `span`, the part that was seen, or none beside a `|`, becomes its middle.
    """
    found = []
    for line in items(reply):
        timed = read_spans(line.replace("|", " at "), Span(0.0, 1e9))
        look = re.split(r"\s*\|", _TIME.sub(" ", line.split("|")[0]))[0].strip(" :-–,.\"'*_`")
        if _LABEL.match(line) or not look or len(look.split()) > MOST_WORDS or not (timed or "|" in line):
            continue
        time = timed[-1].start if timed else span.middle
        found.append(Mention(look, time if span.start <= time <= span.end else span.middle, part))
    return found


def fits(mention: Mention, entity: Entity) -> float:
    """Return how well a mention fits an entity, in (0, 1]; 0 where it is another.

    They must be of one kind. The words of one must all stand in the other's, or at least half of both be shared; and
    two things that one part tells apart are two.
    """
    if mention.kind != entity.kind:
        return 0.0
    if any(m.part == mention.part and m.words != mention.words for m in entity.mentions):
        return 0.0
    best = 0.0
    for words in {m.words for m in entity.mentions}:
        shared = len(words & mention.words) / len(words | mention.words)
        if words <= mention.words or mention.words <= words or shared >= 0.5:
            best = max(best, shared)
    return best


def associate(mentions: Iterable[Mention]) -> list[Entity]:
    """Mentions as entities with names, in the order of first appearance.

    The most telling descriptions come first, so that a vague one (`a man`) joins one of them instead of joining two
    that differ.
    """
    entities: list[Entity] = []
    for mention in sorted(mentions, key=lambda m: (-len(m.words), m.time)):
        scored = [(fits(mention, entity), len(entity.mentions), -i) for i, entity in enumerate(entities)]
        best = max(scored, default=(0.0, 0, 0))
        if best[0] > 0:
            entities[-best[2]].mentions.append(mention)
        else:
            entities.append(Entity(mention.kind, [mention]))
    return _named(entities)


def join(entities: Sequence[Entity], groups: Iterable[Iterable[int]]) -> list[Entity]:
    """Return the entities with those of each group (numbers from 0; others are passed over) put together as one."""
    owner = list(range(len(entities)))
    for group in groups:
        numbers = [n for n in group if 0 <= n < len(entities)]
        if len(numbers) > 1:
            joined = {owner[n] for n in numbers}
            owner = [min(joined) if o in joined else o for o in owner]
    kept = {o: Entity(entities[o].kind) for o in dict.fromkeys(owner)}
    for number, entity in enumerate(entities):
        kept[owner[number]].mentions += entity.mentions
    return _named(list(kept.values()))


def count_kinds(entities: Iterable[Entity]) -> dict[str, int]:
    """Return how many individuals there are of each kind, by its word."""
    return dict(Counter(entity.name.rpartition("_")[0] for entity in entities))


def _named(entities: list[Entity]) -> list[Entity]:
    for entity in entities:
        entity.mentions.sort(key=lambda m: m.time)
    entities.sort(key=lambda entity: entity.mentions[0].time)
    numbers: Counter[str] = Counter()
    words: dict[str, str] = {}
    for entity in entities:
        numbers[entity.kind] += 1
        word = words.setdefault(entity.kind, entity.mentions[0].head)
        entity.name = f"{word}_{numbers[entity.kind]}"
    return entities
