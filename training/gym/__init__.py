"""The gym: environments (a procedural video of known truth and a task that takes tools to answer), and their expert.

A world (`world`, drawn by `render`) and a task make an environment (`environment`). Families of tasks are in
`task_families` and, for tiny models, in `clips16`; `registry` makes environments by family, seed and level, and
`videos` puts them into a memory or into files. The `expert` answers by the `solvers` of each family, which tell
pictures by the pixel `oracle`; `evaluation` scores policies, and `blind_baselines` what is right without looking.
"""

from .environment import Environment, Level
from .registry import ALL_FAMILIES, environment_of, make_environment, sample_environments
from .task_families import FAMILIES
from .videos import build_memory, write_task_set, write_video
from .world import World

__all__ = [
    "ALL_FAMILIES",
    "FAMILIES",
    "Environment",
    "Level",
    "World",
    "build_memory",
    "environment_of",
    "make_environment",
    "sample_environments",
    "write_task_set",
    "write_video",
]
