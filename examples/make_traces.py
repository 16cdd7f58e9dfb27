"""Make training data: teachers solve tasks on the loop, and what passes the audit becomes traces and preference pairs.

    python examples/make_traces.py --out traces-out                      # the gym's tasks and expert; needs no model
    python examples/make_traces.py --tasks mtvr.json --set mtvr --videos videos --memory m --teacher NAME --out out

A teacher is any policy that `rewatch ask --policy` takes; give several to keep only what they agree on. Stopped, the
same command goes on. Then: rewatch train sft CONFIG "traces.files=[traces-out/traces.jsonl]"
"""

from __future__ import annotations

import argparse
from pathlib import Path

from datasets import Dataset
from rewatch import ClipMemory
from rewatch.agent import load_policy
from rewatch.agent.graph import Loop
from rewatch.agent.planning.planner import plan_by_rules
from rewatch.tools import BUILT_IN, Toolbox
from rewatch.training.data.readers import READERS, read_released
from rewatch.training.data.task import Task
from rewatch.training.data.task_files import from_dataset, read_tasks, to_dataset
from rewatch.training.gym import build_memory, sample_environments
from rewatch.training.gym.expert import Expert
from rewatch.training.synthesis import Teacher, Teachers, synthesize


def read(path: Path, name: str | None, videos: Path | None) -> list[Task]:
    """Read tasks of our own format, or of a released set, whose broken rows are shown."""
    if name is None:
        return from_dataset(Dataset.from_parquet(str(path))) if path.suffix == ".parquet" else read_tasks(path)
    released = read_released(name, path, root=videos)
    print(*released.problems[:5], released, sep="\n")
    return list(released.tasks)


def main() -> None:
    """Make the folder."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--tasks", type=Path, help="a task file, .jsonl or .parquet [default: tasks of the gym]")
    parser.add_argument("--set", choices=list(READERS), help="the released set that the file is of")
    parser.add_argument("--videos", type=Path, help="the folder that a released set's paths start from")
    parser.add_argument("--memory", type=Path, help="the memory in which the videos of the tasks are indexed")
    parser.add_argument("--teacher", action="append", default=[], help="a policy; repeat")
    parser.add_argument("--count", type=int, default=8, help="tasks of the gym")
    arguments = parser.parse_args()
    if arguments.tasks:
        if not arguments.memory or not arguments.teacher:
            parser.error("--tasks needs --memory and --teacher")
        tasks = read(arguments.tasks, arguments.set, arguments.videos)
        memory = ClipMemory(arguments.memory, read_only=True)
        teachers = [Teacher(name=name, policy=load_policy(name)) for name in arguments.teacher]
    else:
        environments = sample_environments(arguments.count, families=("viewing", "retrieval"))
        tasks = [environment.task for environment in environments]
        memory = build_memory(environments, arguments.out / "memory")
        teachers = [Teacher(name="expert", policy=Expert.of(tasks))]
    loop = Loop(memory=memory, policy=teachers[0].policy, planner=plan_by_rules, toolbox=Toolbox(BUILT_IN))
    report = synthesize(Teachers(loop=loop, teachers=teachers, drafts=False), tasks, arguments.out)
    to_dataset(tasks).to_parquet(arguments.out / "tasks.parquet")  # as TRL and datasets read them
    print(f"{report.tasks} tasks, {report.kept} traces in {report.traces}, {report.pairs} pairs")
    for name, reasons in report.reasons.items():
        print(f"  {name}: {', '.join(f'{count} {reason}' for reason, count in reasons.items())}")


if __name__ == "__main__":
    main()
