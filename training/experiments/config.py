"""What a training run is made of, as it stands in a YAML file. Each key is a field here, and nothing else is a key."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Engine = Literal["mini", "trl"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Lora:
    """An adapter of low rank; the model itself stays as it is."""

    r: int = 16
    alpha: int = 32
    dropout: float = 0.0
    targets: tuple[str, ...] = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")
    """Ends of module names; those of the vision tower are left out where it is frozen."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """The model that is trained, and how it speaks."""

    model: str
    """A folder, a hub name, the folder of an earlier run, or `tiny`: a million parameters from random weights."""
    dialect: str | None = None
    """None: that of the earlier run, or of the loop's preset, or hermes."""
    dtype: Literal["float32", "bfloat16", "float16"] | None = None
    device: str | None = None
    attention: str | None = None
    download: bool = False
    """Whether a hub name may be fetched."""
    max_tokens: int | None = None
    """Of a reply; None: the earlier run's, or 1024."""
    max_pixels: int | None = None
    """Of one picture."""
    context: int | None = None
    """Tokens to use of the model's context."""
    rows: int | None = None
    """Turns that share one `generate`."""
    lora: Lora | None = None
    freeze_vision: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one run of the loop may use; null is no limit."""

    frames: int | None = 64
    calls: int | None = 12
    tokens: int | None = None
    seconds: float | None = None
    """Not set: a limit on the clock would make training depend on the machine's load."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LoopPart:
    """The loop that the policy works in."""

    preset: Literal["clips16"] | None = None
    """`clips16`: the gym's short words and two tools for tiny models; null: the loop of `rewatch ask`."""
    tools: tuple[str, ...] | None = None
    """Names of the agent's tools, or `module:name` of your own; null: all built-in ones."""
    system: str | None = None
    """Instead of the dialect's, or the loop's, system prompt."""
    route: str = "search"
    """How to look; `search` leaves all looking to the policy."""
    budget: Limits = field(default_factory=Limits)


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskSet:
    """Tasks of the gym (`families`), or of files."""

    families: tuple[str, ...] = ()
    count: int = 0
    """How many of the gym; the families take turns."""
    seed: int = 0
    """Of the first; each has one of its own, so `seed + count` begins a fresh set."""
    levels: tuple[Mapping[str, Any], ...] = ()
    """Drawn equally: `{difficulty: 0.3}` for a rung of the ladder, and fields of `Level`; none: the families' own."""
    files: tuple[str, ...] = ()
    """JSONL files of tasks."""
    memory: str | None = None
    """Folder of the memory that holds the files' videos."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Component:
    """One reward of a mix."""

    reward: str
    """A name of `rewatch.training.experiments.REWARDS`, or `module:function` of your own that makes a reward."""
    weight: float = 1.0
    options: Mapping[str, Any] = field(default_factory=dict)
    gate: str | None = None
    """Another component: this one counts only where that one is above 0."""
    temperature: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rewards:
    """A preset of a paper, or components."""

    preset: str | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    """Of the preset."""
    components: Mapping[str, Component] = field(default_factory=dict)
    normalise: Literal["none", "range", "batch"] = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class Trainer:
    """Who trains, and for how long.

    In the file, every further key is a setting of the engine by its own name: of `MiniSettings`, `SFTSettings` or
    `DPOSettings` for `mini`; of TRL's GRPOConfig, SFTConfig or DPOConfig for `trl`.
    """

    engine: Engine = "mini"
    steps: int
    evaluate_every: int = 20
    """Steps between two looks at the held-out tasks."""
    save_every: int = 20
    """Steps between two checkpoints, from which --resume goes on."""
    settings: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class GatePart:
    """The least that a policy must be able to do before reinforcement learning begins; see `Gate`."""

    validity: float = 0.9
    looks: float = 0.1
    right_clip: float = 0.8


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpertPart:
    """The gym's expert plays the training tasks."""

    count: int | None = None
    """How many of them; null: all."""
    guesses: float = 0.0
    """Share of runs that answer without looking."""
    waste: float = 0.0
    """Probability, before each call, of another one that helps with nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Traces:
    """What supervised learning learns from."""

    expert: ExpertPart | None = None
    files: tuple[str, ...] = ()
    """JSONL files of conversations, as trace synthesis writes them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sampling:
    """Preference pairs of the policy's own runs of the training tasks."""

    groups: int
    """Tasks that are run."""
    group_size: int = 8
    margin: float = 0.1
    """By how much the better run's reward must be higher."""
    per_group: int = 1
    """Most pairs of a task."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pairs:
    """What preference learning learns from."""

    files: tuple[str, ...] = ()
    """JSONL files of preference pairs."""
    rollouts: Sampling | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Log:
    """Where figures go, besides `metrics.jsonl` and the pictures."""

    tensorboard: bool = False
    wandb: str | None = None
    """Name of the project."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Every:
    """What every verb has."""

    policy: Policy
    loop: LoopPart = field(default_factory=LoopPart)
    tasks: TaskSet
    held_out: TaskSet | None = None
    rewards: Rewards = field(default_factory=Rewards)
    """Of the figures, and, for rl and dpo, of the learning; right answers alone unless told otherwise."""
    trainer: Trainer
    seed: int = 0
    log: Log = field(default_factory=Log)


@dataclass(frozen=True, slots=True, kw_only=True)
class SFTRun(_Every):
    """`rewatch train sft`."""

    traces: Traces


@dataclass(frozen=True, slots=True, kw_only=True)
class RLRun(_Every):
    """`rewatch train rl`."""

    objective: str = "dgrpo"
    gate: GatePart | None = field(default_factory=GatePart)
    """null: begin whatever the policy can do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DPORun(_Every):
    """`rewatch train dpo`."""

    pairs: Pairs


Run = SFTRun | RLRun | DPORun
