"""The verbs by TRL's trainers: every setting of theirs by its own name, and our figures, looks and checkpoints."""

from __future__ import annotations

import dataclasses
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from transformers.trainer_callback import TrainerCallback

from ..rollouts.collector import require_some, seed_of
from ..rollouts.rollout import Rollout
from ..trainers.reference import lent, refuse_fsdp
from .building import complete, lora_config, without_bars
from .context import TrainingContext
from .driving import start
from .finish import look_back
from .measuring import measure, summary
from .reading import ConfigError, unknown

if TYPE_CHECKING:
    from ..rollouts.rows import Row
    from .config import RLRun

OURS = {
    "max_steps": "steps",
    "num_generations": "group_size",
    "save_steps": "save_every",
    "eval_steps": "evaluate_every",
    "seed": "seed (of the whole run)",
    "output_dir": "--out",
    "resume_from_checkpoint": "--resume",
    "report_to": "log",
    "save_strategy": "save_every",
    "eval_strategy": "evaluate_every",
    "temperature": "nothing: runs are sampled at 1",
    "use_vllm": "nothing: the loop samples by the policy itself (docs/training.md says why)",
    "max_length": "nothing: rows are never cut",
}
"""TRL's settings that a configuration says in another way."""
_MOVED = {"reward_std": "group_std"}


@contextmanager
def quiet() -> Iterator[None]:
    """Without bars and notices of renamed settings, which belong to TRL's makers and not to whoever trains."""
    with warnings.catch_warnings(), without_bars():
        warnings.filterwarnings("ignore", category=FutureWarning)
        yield


def arguments(
    make: Callable[..., Any], kind: type, bench: TrainingContext, settings: Mapping[str, Any] | None = None, **ours: Any
) -> Any:
    """TRL's configuration: what the file says (`settings`, else all of it), on top of what a run of ours needs.

    Raises:
        ConfigError: if a key is none of TRL's, is said elsewhere, or TRL refuses it.
    """
    plan = bench.config.trainer
    given = check_settings(kind, plan.settings if settings is None else settings)
    if not _on_gpu():
        ours |= {"use_cpu": True, "bf16": False}
    fixed = {
        "max_steps": plan.steps,
        "save_strategy": "steps",
        "save_steps": plan.save_every,
        "save_total_limit": 2,  # the last one may be cut off by a kill
        "logging_steps": 1,
        "report_to": [],
        "disable_tqdm": True,
        "seed": bench.config.seed,
    }
    try:
        return make(output_dir=str(bench.folder.checkpoints), **{**ours, **given, **fixed})
    except (TypeError, ValueError) as error:
        raise ConfigError(f"trainer: {' '.join(str(error).split())}") from None


def check_settings(kind: type, settings: Mapping[str, Any]) -> dict[str, Any]:
    """The settings, if each is one of `kind`'s own that is not said in another way.

    Raises:
        ConfigError: naming the key.
    """
    known = [f.name for f in dataclasses.fields(kind) if f.init]
    for name in settings:
        if name in OURS:
            raise ConfigError(f"trainer.{name}: write {OURS[name]} instead.")
        if name not in known:
            raise ConfigError(f"trainer.{name} {unknown(name, known)}")
    return dict(settings)


def _on_gpu() -> bool:
    import torch

    return torch.cuda.is_available()


@quiet()
def rl_by_trl(bench: TrainingContext, config: RLRun, first: Callable[[Sequence[Rollout]], None]) -> Path:
    """Reinforcement learning by `GraphGRPOTrainer`; gives the folder of the weights."""
    from trl.trainer.grpo_config import GRPOConfig

    from ..trainers.grpo import GraphGRPOTrainer, grpo_config

    settings = dict(config.trainer.settings)
    size, tasks = settings.pop("group_size", 8), settings.pop("tasks", None)
    flat = {name: settings.pop(name) for name in ("flat", "most_tries") if name in settings}
    if flat.get("flat") not in (None, "count", "drop", "resample"):
        raise ConfigError(f"trainer.flat is {flat['flat']!r}; write count or drop or resample.")
    _whole(size, "group_size")
    ours: dict[str, Any] = {"num_generations": size, "max_completion_length": 1024}
    if tasks is not None and "gradient_accumulation_steps" not in settings:
        _whole(tasks, "tasks")
        each = int(settings.get("per_device_train_batch_size", 8)) * bench.processes
        if tasks * size % each:
            raise ConfigError(
                f"trainer.tasks: {tasks} tasks of {size} runs are no multiple of {each} rows "
                "(per_device_train_batch_size × processes)."
            )
        ours["gradient_accumulation_steps"] = tasks * size // each

    def make(output_dir: str, **given: Any) -> Any:
        return grpo_config(config.objective, output_dir, **given)

    args = arguments(make, GRPOConfig, bench, settings, **ours)
    try:
        trainer = GraphGRPOTrainer(
            bench.collect, bench.mix, bench.tasks, args=args, objective=config.objective, **flat, **_extras(bench)
        )
    except ValueError as error:
        raise ConfigError(f"trainer: {' '.join(str(error).split())}") from None
    return _train(bench, trainer, first)


def _whole(value: Any, name: str) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise ConfigError(f"trainer.{name} is {value!r}; write a whole number of at least 1.")


@quiet()
def sft_by_trl(bench: TrainingContext, rows: Sequence[Row]) -> Path:
    """Supervised learning by TRL's SFTTrainer; gives the folder of the weights."""
    from trl.trainer.sft_config import SFTConfig

    from ..trainers.sft import sft_trainer

    args = arguments(SFTConfig, SFTConfig, bench)
    return _train(bench, sft_trainer(bench.policy, rows, args, **_extras(bench)))


@quiet()
def dpo_by_trl(bench: TrainingContext, pairs: Sequence[Any]) -> Path:
    """Preference learning by TRL's DPOTrainer; gives the folder of the weights."""
    from trl.trainer.dpo_config import DPOConfig

    from ..trainers.preference import dpo_trainer

    args = arguments(DPOConfig, DPOConfig, bench)
    try:
        trainer = dpo_trainer(bench.policy, pairs, args, **_extras(bench))
    except ValueError as error:
        raise ConfigError(f"trainer: {' '.join(str(error).split())}") from None
    return _train(bench, trainer)


def _extras(bench: TrainingContext) -> dict[str, Any]:
    """Further arguments of every trainer."""
    policy = bench.config.policy
    return {"peft_config": lora_config(policy.lora, policy)} if policy.lora else {}


def _train(bench: TrainingContext, trainer: Any, first: Callable[[Sequence[Rollout]], None] | None = None) -> Path:
    """From the first step, or the last checkpoint, to the end; gives the folder of the weights."""
    from transformers.trainer_callback import PrinterCallback

    refuse_fsdp(trainer.is_fsdp_enabled)
    loaded = bench.policy.engine.loaded
    loaded.model = trainer.model
    parameters = list(trainer.model.parameters())
    bench.size, bench.trained = (
        sum(p.numel() for p in parameters),
        sum(p.numel() for p in parameters if p.requires_grad),
    )
    done, found = last_whole(bench.folder.checkpoints)
    bench.folder.forget_after(done if found else -1)
    if found:
        bench.note(f"goes on from step {done}")
    else:
        start(bench, first)
    bench.begin(done)
    trainer.remove_callback(PrinterCallback)
    trainer.add_callback(_Telling(bench, trainer))
    folder = bench.folder.path / "policy.part"
    trainer.train(resume_from_checkpoint=found)
    trainer.save_model(str(folder))
    (folder / "training_args.bin").unlink(missing_ok=True)  # a pickle: no part of a policy
    with whole(trainer, bench), _at_rest(trainer.model):
        look_back(bench)
    return complete(bench.source, folder, bench.policy) if not bench.rank else folder


WHOLE = "rewatch_whole"
"""A file that is put into a checkpoint once all others are there."""


def last_whole(folder: Path) -> tuple[int, str | None]:
    """The step and the folder of the last checkpoint that was written to its end; (0, None) where there is none."""
    there = {int(path.parent.name.rpartition("-")[2]): path.parent for path in folder.glob(f"checkpoint-*/{WHOLE}")}
    return (max(there), str(there[max(there)])) if there else (0, None)


class _Telling(TrainerCallback):
    """Keeps the figures of TRL's trainers, and looks at the held-out tasks between steps."""

    def __init__(self, bench: TrainingContext, trainer: Any) -> None:
        self._bench, self._trainer = bench, trainer

    def on_log(self, args: Any, state: Any, control: Any, logs: Mapping[str, Any] | None = None, **more: Any) -> None:
        """A step's figures."""
        figures = figures_of(logs or {})
        if "loss" in figures or "reward" in figures:  # not the summary of the end
            self._bench.write(state.global_step, figures)

    def on_save(self, args: Any, state: Any, control: Any, **more: Any) -> None:
        """The checkpoint of this step is whole."""
        if not self._bench.rank:
            (self._bench.folder.checkpoints / f"checkpoint-{state.global_step}" / WHOLE).touch()

    def on_step_end(self, args: Any, state: Any, control: Any, **more: Any) -> None:
        """Every so often, and at the end, the held-out tasks."""
        plan = self._bench.config.trainer
        if state.global_step % plan.evaluate_every == 0 or state.global_step == plan.steps:
            self._look(state.global_step)

    def _look(self, step: int) -> None:
        from accelerate.utils import gather_object

        bench = self._bench
        if not bench.held_out:
            return
        own = bench.held_out[bench.rank :: bench.processes]
        with whole(self._trainer, bench), _at_rest(self._trainer.model):
            rollouts = bench.collect(own, 1, seed=seed_of("held-out", bench.config.seed))
        require_some(rollouts)
        rows = measure(rollouts, bench.mix)
        bench.write(step, summary(gather_object(rows)), "held-out")


@contextmanager
def whole(trainer: Any, bench: TrainingContext) -> Iterator[None]:
    """The policy with the model as it is now, whole and unwrapped."""
    from trl.distributed import DistributedBackend
    from trl.models.utils import unwrap_model_for_generation

    backend = DistributedBackend(trainer.accelerator)
    with unwrap_model_for_generation(trainer.model_wrapped, trainer.accelerator) as model:
        with backend.summon_full_params(trainer.model_wrapped, recurse=False), lent(bench.policy.engine, model):
            yield


@contextmanager
def _at_rest(model: Any) -> Iterator[None]:
    """The model without dropout; as it was afterwards."""
    trained = model.training
    model.eval()
    try:
        yield
    finally:
        model.train(trained)


def figures_of(logs: Mapping[str, Any]) -> dict[str, float]:
    """TRL's log under our names."""
    told: dict[str, float] = {}
    for name, value in logs.items():
        if not isinstance(value, (int, float)):
            continue
        if name.startswith("rewards/") and name.count("/") == 2:
            inner, part = name.split("/")[1:]
            if part == "mean":
                told[f"reward/{inner}"] = float(value)
            continue
        told[_MOVED.get(name, name)] = float(value)
    return told
