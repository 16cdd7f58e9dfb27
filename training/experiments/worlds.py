"""The gym for people: tasks written to a folder, policies scored by family, videos as one picture."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...agent.graph import Loop
from ...agent.models.policy_config import PolicyConfig, manner_of
from ...agent.planner import plan_by_rules
from ...agent.prompts import SYSTEM
from ...agent.tool_formats import ToolFormat
from ...memory import ClipMemory
from ...tools import BUILT_IN, Toolbox
from ..data.task_files import write_tasks
from ..gym import FAMILIES, Lesson, Level, lesson, mixed, write_video
from ..gym.certifying import certify
from ..gym.clips16 import SMALL, STRATEGIES
from ..gym.clips16 import loop as small_loop
from ..gym.expert import Expert
from ..gym.playing import BUDGET
from ..rewards import Mix, task_reward
from ..rollouts.collector import Collector, seed_of
from .measuring import measure, summary
from .reading import ConfigError, unknown

if TYPE_CHECKING:
    import numpy as np
    from langchain_core.language_models import BaseChatModel

EVERY: Mapping[str, Any] = {**FAMILIES, **SMALL}
"""Every family by name, those of clips16 last."""
FEWEST = 8
"""Tasks of a family that blind guessing needs, to learn on some and be asked on others."""


def known(families: Sequence[str]) -> list[str]:
    """The families of these names.

    Raises:
        ConfigError: naming one that is none.
    """
    for name in families:
        if name not in EVERY:
            raise ConfigError(f"gym: {name} {unknown(name, EVERY)}")
    return list(families)


def one(family: str, seed: int, difficulty: float | None) -> Lesson:
    """One lesson; without a difficulty, at the family's own level.

    Raises:
        ConfigError: if there is no such family, or no such level.
    """
    known([family])
    return lesson(family, seed, _level(difficulty))


def _level(difficulty: float | None) -> Level | None:
    try:
        return None if difficulty is None else Level.of(difficulty)
    except ValueError as error:
        raise ConfigError(f"gym: {error}") from None


def several(families: Sequence[str], count: int, seed: int, difficulty: float | None) -> list[Lesson]:
    """Lessons of families in turns."""
    level = _level(difficulty)
    return mixed(count, families=known(families), levels=None if level is None else {level: 1.0}, seed=seed)


def write_set(lessons: Sequence[Lesson], out: Path, *, videos: bool, told: Callable[[int], None] | None = None) -> Path:
    """Write `tasks.jsonl`; with `videos` also the encoded videos and a memory that holds them; gives the file.

    Args:
        lessons: what to write.
        out: made if it is not there.
        videos: encode each video with its subtitles, index it in `memory`, and name it so in the tasks.
        told: is told how many are done.
    """
    out.mkdir(parents=True, exist_ok=True)
    tasks = [one.task for one in lessons]
    if videos:
        (out / "videos").mkdir(exist_ok=True)
        memory = ClipMemory(out / "memory", text_encoder="hashed")
        tasks = []
        for number, each in enumerate(lessons, 1):
            path = out / "videos" / f"{each.world.name}.mp4"
            if not path.is_file():
                path = write_video(each.world, out / "videos")
            subtitles = path.with_suffix(".srt")
            memory.add(
                path,
                channels=each.channels,
                clip_seconds=each.clip_seconds,
                subtitles=subtitles if subtitles.is_file() else None,
                workers=0,
            )
            tasks.append(replace(each.task, videos=(path.name,)))
            if told:
                told(number)
    write_tasks(out / "tasks.jsonl", tasks)
    return out / "tasks.jsonl"


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """How one family went."""

    family: str
    runs: int
    chance: float
    blind: float | None
    """Share right of the best way that looks at nothing; None for fewer than eight tasks."""
    figures: Mapping[str, Mapping[str, float]]
    """By player: `accuracy` with `accuracy_se`, `tool_rate`, `calls` and the like."""


def scores(
    lessons: Sequence[Lesson], memory: ClipMemory, players: Mapping[str, BaseChatModel | None], *, seed: int = 0
) -> Iterator[Score]:
    """How each player does, family by family.

    Args:
        lessons: what is played; `build_memory` made `memory` of them.
        memory: holds their videos.
        players: policies by name; None is the gym's expert.
        seed: of the policies' turns.
    """
    mix = Mix({"answer": (task_reward(), 1.0)})
    families = dict.fromkeys(str(one.task.meta["gym"]["family"]) for one in lessons)
    for family in families:
        own = [one for one in lessons if one.task.meta["gym"]["family"] == family]
        tasks = [one.task for one in own]
        figures = {}
        for name, policy in players.items():
            collect = collector(own, memory, policy)
            figures[name] = summary(measure(collect(tasks, 1, seed=seed_of("play", seed)), mix))
        blind = certify(tasks)[family].best if len(tasks) >= FEWEST else None
        chance = sum(float(task.meta["chance"]) for task in tasks) / len(tasks)
        yield Score(family=family, runs=len(tasks), chance=chance, blind=blind, figures=figures)


def collector(lessons: Sequence[Lesson], memory: ClipMemory, policy: BaseChatModel | None) -> Collector:
    """The loop in which these lessons, all of one family, are played; by the expert where no policy is given."""
    small = lessons[0].task.meta["gym"]["family"] in SMALL
    if policy is None:
        how: dict[str, Any] = (
            {"dialect": PolicyConfig(dialect="short").spoken(), "strategies": STRATEGIES} if small else {}
        )
        policy = Expert.of([one.task for one in lessons], **how)
    manner = manner_of(policy)
    made = small_loop(memory, policy) if small else manner.own_loop(memory, policy) if manner else None
    if made is None:
        spoken: ToolFormat | None = getattr(policy, "dialect", None)
        made = Loop(
            memory=memory,
            policy=policy,
            planner=plan_by_rules,
            toolbox=Toolbox(manner.offered(BUILT_IN) if manner else BUILT_IN),
            system=(spoken and spoken.system) or SYSTEM,
        )
    return Collector(loop=made, budget=BUDGET)


def sheet(each: Lesson, *, columns: int = 8, most: int = 32) -> np.ndarray:
    """The clips of a lesson's video in order, `[H, W, 3]` uint8; those that hold the answer have a bright frame.

    Args:
        each: the lesson.
        columns: clips in a row.
        most: clips at most; of longer videos those around the answer, and evenly spread others.
    """
    import cv2
    import numpy as np

    world, seconds = each.world, each.clip_seconds
    starts = [world.span.start + k * seconds for k in range(max(1, round(world.span.duration / seconds)))]
    true = {k for k, start in enumerate(starts) for span in each.task.truth.spans if _shares(start, seconds, span)}
    kept = sorted({*sorted(true)[:most], *np.linspace(0, len(starts) - 1, most - min(len(true), most)).astype(int)})
    kept = [int(k) for k in kept] if len(starts) > most else list(range(len(starts)))
    side, gap, head = 128, 6, 16
    rows = -(-len(kept) // columns)
    page = np.full((rows * (side + head + gap) + gap, columns * (side + gap) + gap, 3), 250, np.uint8)
    for place, k in enumerate(kept):
        top, left = gap + place // columns * (side + head + gap), gap + place % columns * (side + gap)
        image = world.draw(min(starts[k] + seconds / 2, world.span.end - 1e-3))
        page[top + head : top + head + side, left : left + side] = cv2.resize(
            image, (side, side), interpolation=cv2.INTER_NEAREST
        )
        text = f"{starts[k]:g} s"
        cv2.putText(page, text, (left + 2, top + 12), cv2.FONT_HERSHEY_SIMPLEX, 0.4, (40, 40, 40), 1, cv2.LINE_AA)
        if k in true:
            corner = (left + side, top + head + side)
            cv2.rectangle(page, (left - 1, top + head - 1), corner, (230, 60, 20), 2)
    return page


def _shares(start: float, seconds: float, span: Any) -> bool:
    return bool(span.start < start + seconds and start < span.end)
