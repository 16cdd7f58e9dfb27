"""The words that worlds are told in. None of them is a colour or a look, which a search by pictures would follow."""

from __future__ import annotations

import random

ADJECTIVES = (
    "old new little heavy quiet wooden broken round empty foreign narrow famous clever hollow sturdy borrowed"
    " painted northern folded rusty polished secret tiny crooked"
).split()
NOUNS = (
    "lantern kettle ladder hammer basket pillow trumpet compass bucket saddle anchor mirror candle wagon barrel"
    " ticket feather helmet piano carpet bridge tunnel garden market harbour island castle dragon parrot rabbit"
).split()
CODES = "amber birch cobalt delta ember falcon granite hazel".split()
"""Code words that are said."""
PLACES = "drawer shelf basket fridge cupboard backpack garage windowsill".split()
"""Places into which things are put on an egocentric day."""
BELONGINGS = "keys wallet glasses phone umbrella scissors charger passport notebook torch".split()
DOINGS = (
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
"""Other doings on an egocentric day."""


def subjects(rng: random.Random, count: int, duplicates: int) -> list[tuple[str, str]]:
    """`count` different (adjective, noun) pairs. The first shares no word with any other but `duplicates` of them.

    Those come next, and share its noun or its adjective.
    """
    adjective, noun = rng.choice(ADJECTIVES), rng.choice(NOUNS)
    others_a = [a for a in ADJECTIVES if a != adjective]
    others_n = [n for n in NOUNS if n != noun]
    same_noun = [(a, noun) for a in rng.sample(others_a, len(others_a))]
    same_adjective = [(adjective, n) for n in rng.sample(others_n, len(others_n))]
    alike = [pair for both in zip(same_noun, same_adjective, strict=False) for pair in both][:duplicates]
    rest = [(a, n) for a in others_a for n in others_n]
    return [(adjective, noun), *alike, *rng.sample(rest, count - 1 - len(alike))]
