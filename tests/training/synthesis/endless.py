"""Started to be killed: makes traces of two dozen tasks, slowly."""

from __future__ import annotations

import sys
import time
from pathlib import Path


def main(folder: str) -> None:
    from rewatch.agent.graph import Loop
    from rewatch.agent.planning.planner import plan_by_rules
    from rewatch.tools import BUILT_IN, Toolbox
    from rewatch.training.gym import Level, build_memory, make_environment
    from rewatch.training.gym.expert import Expert
    from rewatch.training.synthesis import Teacher, Teachers, synthesize

    tasks = [make_environment("viewing", seed, Level(clips=4)).task for seed in range(24)]
    memory = build_memory(tasks[:24], Path(folder) / "memory")
    expert = Expert.of(tasks)
    loop = Loop(memory=memory, policy=expert, planner=plan_by_rules, toolbox=Toolbox(BUILT_IN))
    teaching = Teachers(loop=loop, teachers=[Teacher(name="expert", policy=expert)], drafts=False)
    synthesize(teaching, tasks, Path(folder) / "out", batch=1, on_outcome=lambda outcome: time.sleep(0.2))


if __name__ == "__main__":
    main(*sys.argv[1:])
