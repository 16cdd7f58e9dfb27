"""Training runs by configuration: what `rewatch train` does, for callers from Python too.

`sft(read_config(SFTRun, "sft.yaml"), "runs/one")` trains and gives the run's folder, which `load_policy` takes.
"""

from .config import DPORun, RLRun, SFTRun
from .dpo import dpo
from .reading import ConfigError, as_yaml, read_config
from .rewards import REWARDS
from .rl import rl
from .sft import sft
from .told import Event

__all__ = ["REWARDS", "ConfigError", "DPORun", "Event", "RLRun", "SFTRun", "as_yaml", "dpo", "read_config", "rl", "sft"]
