"""Under a control no tool, route or report knows what is hidden: secrets that every way of asking looks for."""

from __future__ import annotations

import math
import random
from dataclasses import replace
from pathlib import Path

import pytest
from lookahead import Eyes, World, build, try_question, try_tool
from rewatch.agent import VideoAgent
from rewatch.memory import RestrictedView, Restriction
from rewatch.tools import BUILT_IN, INTERNAL_TOOLS, ON_REQUEST, VLM_TOOLS, Toolbox

_SPOKEN = slice(4, 8)  # of the secrets of growing.mp4: what its subtitles say


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    return build(tmp_path_factory.mktemp("leaks"))


def hidden(world: World, restriction: Restriction) -> World:
    """The world under a restriction: what that hides comes never, so that it is a leak whenever it is told."""
    said = world.secrets["growing.mp4"][_SPOKEN]
    secrets = {}
    for name, own in world.secrets.items():
        secrets[name] = [
            one
            if (restriction.sound if one in said else restriction.pictures in ("all", "text")) and not restriction.blank
            else replace(one, times=(math.inf,) * len(one.word))
            for one in own
        ]
    return World(world.memory.restricted(restriction), world.folder, secrets)  # type: ignore[arg-type]


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize(
    "restriction",
    [
        Restriction(sound=False),
        Restriction(pictures="without_text"),
        Restriction(pictures="none"),
        Restriction(pictures="text", sound=False),
        Restriction(shuffle=3),
    ],
    ids=str,
)
def test_no_tool_and_no_question_tells_what_is_hidden(world: World, restriction: Restriction, tmp_path: Path) -> None:
    rng, eyes = random.Random(5), Eyes()
    own = hidden(world, restriction)
    box = Toolbox([*BUILT_IN, *VLM_TOOLS, *ON_REQUEST], inner=INTERNAL_TOOLS, viewer=eyes, cites=True)
    assert isinstance(own.memory, RestrictedView)
    agent = VideoAgent(own.memory, traces=tmp_path)
    leaks = []
    for number in range(48):
        done, found = try_question(own, rng, agent) if number % 8 == 7 else try_tool(own, rng, box, eyes)
        if restriction.shuffle is not None:  # whose bars tell other seconds
            found = [one for one in found if "viewer saw" not in one and " shows " not in one]
        leaks += [f"{number}: {done}\n    {one}" for one in found]
    assert not leaks, "\n".join(leaks[:10])
