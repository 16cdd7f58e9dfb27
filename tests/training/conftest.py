"""A small real memory, a tiny Qwen3-VL and the loop over both."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from rewatch.agent.graph import Loop
from rewatch.agent.models.local_vlm import VideoLMM
from rewatch.agent.planning.planner import plan_by_rules
from rewatch.agent.verifier import NO_EVIDENCE, SENT_BACK
from rewatch.memory import ClipMemory, Span
from rewatch.tools import Toolbox, view_clip
from rewatch.training.data.task import Task, Truth
from rewatch.training.gym.render import COLORS as ALL_COLORS
from worlds import make_world, thing

from ..agent.models.local_vlm import tiny

COLORS = list(ALL_COLORS)[:5]
SYSTEM = "Look with tools, then answer."
TOOLBOX = Toolbox([view_clip])
ASKED = f"""Video 0a1b2c3d (world): 00:00 to 00:20, 48x48, no sound, known: visual.
Budget: 64 frames, 12 calls, 120 seconds.
Question: What colour is the circle?
{SENT_BACK}{NO_EVIDENCE}
Cite as [1] 00:08-00:12"""
"""Words of the loop around a question."""
SEEN = (8.0, 12.0)
"""When the shape of every world is on screen."""


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> None:
    import torch

    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def colors(tmp_path_factory: pytest.TempPathFactory) -> ClipMemory:
    """A memory of five videos of 20 s: a circle of one colour from 8 s to 12 s."""
    memory = ClipMemory(tmp_path_factory.mktemp("colors") / "memory", text_encoder="hashed")
    for seed, color in enumerate(COLORS):
        circle = replace(thing(f"{color} circle", Span(*SEEN)), to=(0.7, 0.5))  # no picture of it is like another
        world = make_world(20.0, [circle], seed=seed, side=48)
        memory.add(world, channels=("visual",), workers=0)
    return memory


@pytest.fixture(scope="session")
def tasks(colors: ClipMemory) -> list[Task]:
    """One question about each video."""
    return [
        Task(
            id=color,
            question="What colour is the circle?",
            kind="grounded_qa",
            truth=Truth(answer=color, spans=(Span(*SEEN),)),
            videos=(video.id,),
        )
        for color, video in zip(COLORS, colors.videos(), strict=True)
    ]


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny Qwen3-VL with a small vocabulary, on disk."""
    pytest.importorskip("trl", reason="the chat templates are those that TRL bundles")
    with pytest.MonkeyPatch.context() as patch:  # a vocabulary of this loop's words keeps prompts short
        patch.setattr(
            tiny, "WORDS", "\n".join([tiny.WORDS, SYSTEM, ASKED, tiny.template("qwen3_vl"), str(TOOLBOX.schemas([]))])
        )
        words = tiny.small_tokenizer(tiny.SPECIAL, tiny.TAGS, "<|im_end|>")
    return tiny.save_qwen(tmp_path_factory.mktemp("engine"), "qwen3_vl", words)


@pytest.fixture(scope="session")
def make_policy(folder: Path) -> Callable[..., VideoLMM]:
    """Fresh policies with the same weights."""

    def policy(**settings: Any) -> VideoLMM:
        given = {"max_pixels": 16 * 16 * 16, "max_tokens": 48, "rows": 32, **settings}
        return VideoLMM.load(str(folder), **given)

    return policy


@pytest.fixture(scope="session")
def make_loop(colors: ClipMemory) -> Callable[[Any], Loop]:
    """The loop of `rewatch ask` with one tool and a short system prompt."""

    def loop(policy: Any) -> Loop:
        return Loop(memory=colors, policy=policy, planner=plan_by_rules, toolbox=TOOLBOX, system=SYSTEM)

    return loop
