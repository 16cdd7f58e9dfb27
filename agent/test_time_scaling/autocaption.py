"""What AutoCaption's actions ask, when each is allowed, and how a description is taken apart and checked."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from ...tools.sanitize import quote

if TYPE_CHECKING:
    from .mcts import Node

MOST_POINTS = 5
LONGEST = 600
"""Characters of an earlier description that are told further."""

ACTIONS = {
    1: "Describe the whole video in detail: who and what is in it, what happens, and where.",
    2: "Pick one detail of the video that is not described yet (a person or animal, a plant, food, a building, a "
    "vehicle, any other thing) and describe it closely: number, colour, size, shape, what it does, what is special.",
    3: "Describe the video from another point in time: what changes before and after one certain moment or cut.",
    4: "Describe the video from another place in the picture: what is on the left, on the right, in front and behind.",
    5: "Describe the background: the place, the surroundings, whatever adds to the scene.",
    6: "Describe the camera: kinds of shots, movements, angles, cuts and effects.",
}
NEEDS = {1: (), 2: (3, 4, 5), 3: (1,), 4: (1,), 5: (1,), 6: (2,)}
MOST = {1: 2, 2: 1000, 3: 2, 4: 2, 5: 2, 6: 2}
"""How often an action may stand on one path."""


def allowed(done: Sequence[int]) -> list[int]:
    """The actions that may follow the actions `done`."""
    return [a for a in ACTIONS if done.count(a) < MOST[a] and all(need in done for need in NEEDS[a])]


def prompt(action: int, path: Sequence[Node]) -> str:
    """What to ask for an action after the descriptions of a path."""
    said = [f"- {quote(node.text[:LONGEST])}" for node in path if node.text]
    return "\n".join([ACTIONS[action], *(["Described already, not to be repeated:", *said] if said else [])])


def sentences(description: str) -> list[str]:
    """The key points of a description: its first sentences, as the published code has it."""
    parts = re.split(r"(?:[.!?]+(?=\s|$)|\n)+", description)
    return [" ".join(part.split()) for part in parts if any(c.isalnum() for c in part)][:MOST_POINTS]


def _numbered(statements: Sequence[str]) -> str:
    return "\n".join(f"{i}. {quote(statement)}" for i, statement in enumerate(statements, start=1))


def _accurate(statements: Sequence[str]) -> str:
    return (
        "Look at the video again. Is each of these statements about it accurate? Answer with one line for each, its "
        f"number and yes or no, such as `1: yes`.\n{_numbered(statements)}"
    )


def _shown(statements: Sequence[str]) -> str:
    return (
        "Which of the following is really shown or said in the video, in every part of the sentence? Look for what "
        f"speaks against each. Answer with one line for each, its number and yes or no.\n{_numbered(statements)}"
    )


CHECKS: tuple[Callable[[Sequence[str]], str], ...] = (_accurate, _shown)
"""The two passes, as questions about a list of statements."""
