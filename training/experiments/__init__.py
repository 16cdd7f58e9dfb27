"""Training runs by configuration: what `rewatch train` does, for callers from Python too.

`sft(read_config(SFTRun, "sft.yaml"), "runs/one")` trains and gives the run's folder, which `load_policy` takes.
`config` holds the sections of the YAML; `train` the verbs; `context` what every verb works with; `driver` a run from
its start to its end, by `MiniTrainer` there and by TRL in `trl_engine`; `run_folder`, `curves` and `model_card` what a
run leaves.
"""

from .config import ConfigError, DPORun, RLRun, SFTRun, as_yaml, read_config
from .context import Event
from .rewards import REWARDS
from .train import dpo, rl, sft

__all__ = ["REWARDS", "ConfigError", "DPORun", "Event", "RLRun", "SFTRun", "as_yaml", "dpo", "read_config", "rl", "sft"]
