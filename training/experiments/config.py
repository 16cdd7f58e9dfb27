"""Configurations of training runs: what YAML files hold, as models, and one line for whatever is wrong in them.

Each key of a file is a field of a model here. `key.sub=value` sets a value on top of a file.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

import yaml
from pydantic import ConfigDict, Field, ValidationError

from ...memory import RewatchError
from ...memory.files.regular import read_text
from ..data.validation import SCALARS, Problem, Section, first_problem, kind_of, unknown
from ..trainers.gate import Gate


class ConfigError(RewatchError):
    """A configuration that cannot be used; the text is `file: key what is wrong, what is allowed`."""

    exit_code = 2


Names = Annotated[tuple[str, ...], Field(strict=False)]
"""A list of texts."""


class Lora(Section):
    """A low-rank adapter; the weights of the model itself stay as they are."""

    r: int = 16
    alpha: int = 32
    dropout: float = 0.0
    targets: Names = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")
    """Ends of module names; those of the vision tower are left out where it is frozen."""


class Policy(Section):
    """The model that is trained, and its dialect and limits."""

    model: str
    """A folder, a hub name, the folder of an earlier run, or `tiny`: a million parameters from random weights."""
    dialect: str | None = None
    """None: that of the earlier run, or of the loop's preset, or hermes."""
    dtype: Literal["float32", "bfloat16", "float16"] | None = None
    device: str | None = None
    attention: str | None = None
    download: bool = False
    """True if a hub name may be fetched."""
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


class Limits(Section):
    """Budget of one run of the loop; null is no limit."""

    frames: int | None = 64
    calls: int | None = 12
    tokens: int | None = None
    seconds: float | None = None
    """Not set: a limit on the clock would make training depend on the machine's load."""


class LoopPart(Section):
    """The loop that the policy works in."""

    preset: Literal["clips16"] | None = None
    """`clips16`: the gym's short words and two tools for tiny models; null: the loop of `rewatch ask`."""
    tools: Names | None = None
    """Names of the agent's tools, or `module:name` of your own; null: all built-in ones."""
    system: str | None = None
    """Instead of the dialect's, or the loop's, system prompt."""
    route: str = "search"
    """Route of the planner; `search` leaves all looking to the policy."""
    budget: Limits = Limits()


class TaskSet(Section):
    """Tasks of the gym (`families`), or of files."""

    families: Names = ()
    count: int = 0
    """Number of tasks of the gym; the families take turns."""
    seed: int = 0
    """Of the first; each has one of its own, so `seed + count` begins a fresh set."""
    levels: Annotated[tuple[dict[str, Any], ...], Field(strict=False)] = ()
    """Drawn equally: `{difficulty: 0.3}` for a rung of the ladder, and fields of `Level`; none: the families' own."""
    files: Names = ()
    """JSONL files of tasks."""
    memory: str | None = None
    """Folder of the memory that holds the files' videos."""


class Component(Section):
    """One reward of a mix."""

    reward: str
    """A name of `rewatch.training.experiments.REWARDS`, or `module:function` of your own that makes a reward."""
    weight: float = 1.0
    options: dict[str, Any] = {}
    gate: str | None = None
    """Another component: this one counts only where that one is above 0."""
    temperature: float | None = None


class Rewards(Section):
    """A preset of a paper, or components."""

    preset: str | None = None
    options: dict[str, Any] = {}
    """Of the preset."""
    components: dict[str, Component] = {}
    normalise: Literal["none", "range", "batch"] = "none"


class Trainer(Section):
    """The engine, and for how long it trains.

    In the file, every further key is a setting of the engine by its own name: of `MiniSettings`, `SFTSettings` or
    `DPOSettings` for `mini`; of TRL's GRPOConfig, SFTConfig or DPOConfig for `trl`.
    """

    model_config = ConfigDict(extra="allow")

    engine: Literal["mini", "trl"] = "mini"
    steps: int
    evaluate_every: int = 20
    """Steps between two evaluations on the held-out tasks."""
    save_every: int = 20
    """Steps between two checkpoints, from which --resume goes on."""

    @property
    def settings(self) -> dict[str, Any]:
        """The engine's own settings."""
        return dict(self.model_extra or {})


class ExpertPart(Section):
    """The gym's expert plays the training tasks."""

    count: int | None = None
    """Number of them; null: all."""
    guesses: float = 0.0
    """Share of runs that answer without looking."""
    waste: float = 0.0
    """Probability, before each call, of another one that helps with nothing."""


class Traces(Section):
    """Conversations that supervised learning learns from."""

    expert: ExpertPart | None = None
    files: Names = ()
    """JSONL files of conversations, as trace synthesis writes them."""


class Sampling(Section):
    """Preference pairs of the policy's own runs of the training tasks."""

    groups: int
    """Tasks that are run."""
    group_size: int = 8
    margin: float = 0.1
    """By how much the better run's reward must be higher."""
    per_group: int = 1
    """Most pairs of a task."""


class Pairs(Section):
    """Pairs that preference learning learns from."""

    files: Names = ()
    """JSONL files of preference pairs."""
    rollouts: Sampling | None = None


class Log(Section):
    """Destinations of figures, besides `metrics.jsonl` and the pictures."""

    tensorboard: bool = False
    wandb: str | None = None
    """Name of the project."""


class Run(Section):
    """The sections of every verb."""

    policy: Policy
    loop: LoopPart = LoopPart()
    tasks: TaskSet
    held_out: TaskSet | None = None
    rewards: Rewards = Rewards()
    """Of the figures, and, for rl and dpo, of the learning; right answers alone where nothing is given."""
    trainer: Trainer
    seed: int = 0
    log: Log = Log()


class SFTRun(Run):
    """`rewatch train sft`."""

    traces: Traces


class RLRun(Run):
    """`rewatch train rl`."""

    objective: str = "dgrpo"
    """A name of `rewatch.training.objectives.OBJECTIVES`, or `module:name` of an `Objective` of your own."""
    gate: Gate | None = Gate()
    """null: begin whatever the policy can do."""


class DPORun(Run):
    """`rewatch train dpo`."""

    pairs: Pairs


_Run = TypeVar("_Run", bound=Run)
_Made = TypeVar("_Made")


class _Loader(yaml.SafeLoader):  # type: ignore[misc]
    """YAML in which `1e-4` is a number, as people write it."""


_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"[-+]?(\d+\.?\d*|\.\d+)[eE][-+]?\d+"), list("-+.0123456789")
)


def read_config(into: type[_Run], source: str | Path | Mapping[str, Any], overrides: Sequence[str] = ()) -> _Run:
    """Read the configuration of a file, or of plain values, with `key.sub=value` put on top.

    Raises:
        ConfigError: in one line: file, key, what is allowed.
    """
    place = "configuration" if isinstance(source, Mapping) else str(source)
    values = dict(source) if isinstance(source, Mapping) else _load(Path(source))
    for text in overrides:
        values = _overridden(values, text)
    try:
        return into.model_validate(values)
    except ValidationError as error:
        raise ConfigError(f"{place}: {_wording(first_problem(error, into))}") from None


def as_yaml(config: Run) -> str:
    """The whole configuration, defaults included, as `read_config` takes it."""
    row = config.model_dump(mode="json")
    return str(yaml.safe_dump(row, sort_keys=False, allow_unicode=True, width=110))


def settings_of(into: type[_Made], trainer: Trainer, **fixed: Any) -> _Made:
    """An engine's own settings, as `trainer` holds them; as strict as everything is.

    Args:
        into: a pydantic dataclass.
        trainer: the section.
        fixed: settings that a file says elsewhere, and so not here.

    Raises:
        ConfigError: if a key is unknown, or of another type.
    """
    names = [name for name in into.__dataclass_fields__ if name not in fixed]  # type: ignore[attr-defined]
    for name in trainer.settings:
        if name not in names:
            raise ConfigError(f"trainer.{name} {unknown(name, [*Trainer.model_fields, *names])}")
    try:
        return into(**trainer.settings, **fixed)
    except ValidationError as error:
        raise ConfigError(_wording(first_problem(error, Trainer, "trainer"))) from None


def _load(path: Path) -> dict[str, Any]:
    try:
        values = yaml.load(read_text(path), _Loader)  # noqa: S506 (it is a SafeLoader)
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror}); give a YAML file.") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        mark = getattr(error, "problem_mark", None)
        where = f" line {mark.line + 1}" if mark else ""
        problem = getattr(error, "problem", None) or "not text"
        raise ConfigError(f"{path}:{where} is no YAML ({problem}).") from None
    if not isinstance(values, dict):
        raise ConfigError(f"{path}: is {kind_of(values)}; write sections: policy, tasks, trainer and so on.")
    return values


def _overridden(values: Mapping[str, Any], text: str) -> dict[str, Any]:
    """The values with one of them set."""
    key, mark, written = text.partition("=")
    if not mark or not re.fullmatch(r"[\w-]+(\.[\w-]+)*", key):
        raise ConfigError(f"{text}: write key.sub=value, for example trainer.steps=100.")
    try:
        value = yaml.load(written, _Loader)  # noqa: S506
    except yaml.YAMLError:
        raise ConfigError(f"{text}: the value is no YAML; put it in quotes.") from None

    def put(into: Any, path: Sequence[str]) -> dict[str, Any]:
        inner = dict(into) if isinstance(into, Mapping) else {}
        inner[path[0]] = value if len(path) == 1 else put(inner.get(path[0]), path[1:])
        return inner

    return put(values, key.split("."))


def _wording(problem: Problem) -> str:
    value = problem.value
    if problem.type == "extra_forbidden":
        return f"{problem.key} {unknown(problem.key.rpartition('.')[2], problem.allowed)}"
    if problem.type == "missing":
        return f"{problem.key} is missing; {problem.remedy}."
    if problem.type == "literal_error":
        return f"{problem.key} is {value!r}; {problem.remedy}."
    detail = f" ({value!r})" if problem.type in SCALARS else ""
    example = ": [one, two]" if problem.type == "tuple_type" else ""
    return f"{problem.key} is {kind_of(value)}{detail}; {problem.remedy}{example}."
