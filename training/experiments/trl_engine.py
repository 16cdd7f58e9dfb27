"""The verbs by TRL's trainers: their settings by their own names, our figures, evaluations and checkpoints."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from transformers.trainer_callback import PrinterCallback, TrainerCallback

from ..data.validation import unknown
from ..rollouts.collector import require_some, seed_of
from ..trainers.metrics import measure, summary
from ..trainers.reference import lent, refuse_fsdp
from ..trainers.trl_fit import figures_of, last_checkpoint, quiet, step_of
from .config import ConfigError, RLRun
from .context import TrainingContext
from .driver import OnStart, look_back, start
from .policy import complete, peft_config
from .rewards import objective_of

if TYPE_CHECKING:
    from ..rollouts.rows import Row
    from ..trainers.preference import Preference

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
WHOLE = "rewatch_whole"
"""A file that is put into a checkpoint once all others are there."""


@quiet()
def rl_by_trl(context: TrainingContext, config: RLRun, on_start: OnStart) -> Path:
    """Reinforcement learning by `GraphGRPOTrainer`; gives the folder of the weights."""
    from trl.trainer.grpo_config import GRPOConfig

    from ..trainers.grpo import GraphGRPOTrainer, grpo_config

    settings = config.trainer.settings
    size, tasks = settings.pop("group_size", 8), settings.pop("tasks", None)
    flat = {name: settings.pop(name) for name in ("flat", "most_tries") if name in settings}
    if flat.get("flat") not in (None, "count", "drop", "resample"):
        raise ConfigError(f"trainer.flat is {flat['flat']!r}; write count or drop or resample.")
    _require_count(size, "group_size")
    ours: dict[str, Any] = {"num_generations": size, "max_completion_length": 1024}
    if tasks is not None and "gradient_accumulation_steps" not in settings:
        _require_count(tasks, "tasks")
        each = int(settings.get("per_device_train_batch_size", 8)) * context.processes
        if tasks * size % each:
            raise ConfigError(
                f"trainer.tasks: {tasks} tasks of {size} runs are no multiple of {each} rows "
                "(per_device_train_batch_size × processes)."
            )
        ours["gradient_accumulation_steps"] = tasks * size // each

    def make(args: Any) -> Any:
        return GraphGRPOTrainer(
            context.collect,
            context.mix,
            context.tasks,
            args=args,
            objective=objective_of(config.objective),
            **flat,
            **_peft(context),
        )

    def configure(**settings: Any) -> Any:
        return grpo_config(objective_of(config.objective), **settings)

    return _train(context, make, configure, check_settings(GRPOConfig, settings), ours, on_start)


@quiet()
def sft_by_trl(context: TrainingContext, rows: Sequence[Row], settings: Mapping[str, Any]) -> Path:
    """Supervised learning by TRL's SFTTrainer; gives the folder of the weights."""
    from trl.trainer.sft_config import SFTConfig

    from ..trainers.sft import sft_trainer

    def make(args: Any) -> Any:
        return sft_trainer(context.policy, rows, args, **_peft(context))

    return _train(context, make, SFTConfig, check_settings(SFTConfig, settings))


@quiet()
def dpo_by_trl(context: TrainingContext, pairs: Sequence[Preference], settings: Mapping[str, Any]) -> Path:
    """Preference learning by TRL's DPOTrainer; gives the folder of the weights."""
    from trl.trainer.dpo_config import DPOConfig

    from ..trainers.preference import dpo_trainer

    def make(args: Any) -> Any:
        return dpo_trainer(context.policy, pairs, args, **_peft(context))

    return _train(context, make, DPOConfig, check_settings(DPOConfig, settings))


def _require_count(value: Any, name: str) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise ConfigError(f"trainer.{name} is {value!r}; write a whole number of at least 1.")


def _peft(context: TrainingContext) -> dict[str, Any]:
    made = peft_config(context.config.policy)
    return {"peft_config": made} if made else {}


def check_settings(kind: type, settings: Mapping[str, Any]) -> dict[str, Any]:
    """The settings, if each is one of `kind`'s own that is not said in another way.

    Raises:
        ConfigError: naming the key.
    """
    names = [f.name for f in dataclasses.fields(kind) if f.init]
    for name in settings:
        if name in OURS:
            raise ConfigError(f"trainer.{name}: write {OURS[name]} instead.")
        if name not in names:
            raise ConfigError(f"trainer.{name} {unknown(name, names)}")
    return dict(settings)


def _arguments(
    context: TrainingContext, configure: Callable[..., Any], settings: Mapping[str, Any], ours: Mapping[str, Any]
) -> Any:
    """TRL's configuration: the file's settings, on top of what a run of ours needs."""
    plan = context.config.trainer
    on_cpu = {} if torch.cuda.is_available() else {"use_cpu": True, "bf16": False}
    fixed = {
        "output_dir": str(context.folder.checkpoints),
        "max_steps": plan.steps,
        "save_strategy": "steps",
        "save_steps": plan.save_every,
        "save_total_limit": 2,  # the last one may be cut off by a kill
        "logging_steps": 1,
        "report_to": [],
        "disable_tqdm": True,
        "seed": context.config.seed,
    }
    return configure(**{**ours, **on_cpu, **settings, **fixed})


def _train(
    context: TrainingContext,
    make: Callable[[Any], Any],
    configure: Callable[..., Any],
    settings: Mapping[str, Any],
    ours: Mapping[str, Any] | None = None,
    on_start: OnStart | None = None,
) -> Path:
    """Train from the first step, or the last checkpoint, to the end; gives the folder of the weights.

    Raises:
        ConfigError: if TRL refuses the settings.
    """
    try:
        trainer = make(_arguments(context, configure, settings, ours or {}))
    except (TypeError, ValueError) as error:
        raise ConfigError(f"trainer: {' '.join(str(error).split())}") from None
    refuse_fsdp(trainer.is_fsdp_enabled)
    context.policy.engine.loaded.model = trainer.model
    context.count_parameters()
    checkpoint = last_checkpoint(context.folder.checkpoints, WHOLE) or _adopted(context, trainer)
    done = step_of(checkpoint) if checkpoint else 0
    context.folder.forget_after(done if checkpoint else -1)
    if checkpoint:
        context.note(f"goes on from step {done}")
    else:
        start(context, on_start)
    context.begin(done)
    trainer.remove_callback(PrinterCallback)
    trainer.add_callback(_RunCallback(context, trainer))
    folder = context.folder.path / "policy.part"
    trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
    trainer.save_model(str(folder))
    (folder / "training_args.bin").unlink(missing_ok=True)  # a pickle: no part of a policy
    with _whole(trainer, context):
        look_back(context)
    return complete(context.source, folder, context.policy) if not context.rank else folder


def _adopted(context: TrainingContext, trainer: Any) -> Path | None:
    """Turn a checkpoint that `engine: mini` of 0.1 wrote for sft or dpo into one of TRL's; None where there is none."""
    state = None if context.stage == "rl" else context.folder.load_state("cpu")
    if state is None:
        return None
    done, moments = int(state["done"]), state["optimizer"]["state"]
    trainer.model.load_state_dict(state["model"])
    optimizer = trainer.create_optimizer()
    scheduler = trainer.create_scheduler(context.config.trainer.steps, optimizer)
    # There the optimizer held all parameters in the model's order; here it holds them in groups.
    places = {id(p): n for n, p in enumerate(p for p in trainer.model.parameters() if p.requires_grad)}
    order = [places[id(p)] for group in optimizer.param_groups for p in group["params"]]
    for _ in range(done):
        scheduler.step()
    row = optimizer.state_dict() | {"state": {n: moments[place] for n, place in enumerate(order) if place in moments}}
    folder = context.folder.checkpoints / f"checkpoint-{done}"
    trainer.save_model(str(folder))
    torch.save(row, folder / "optimizer.pt")
    torch.save(scheduler.state_dict(), folder / "scheduler.pt")
    trainer.state.global_step, trainer.state.max_steps = done, context.config.trainer.steps
    trainer.state.train_batch_size = trainer.args.train_batch_size
    trainer.state.logging_steps, trainer.state.save_steps = trainer.args.logging_steps, trainer.args.save_steps
    trainer.state.save_to_json(str(folder / "trainer_state.json"))
    (folder / WHOLE).touch()
    trainer.optimizer = trainer.lr_scheduler = None  # they are made anew, and read from there
    return folder


class _RunCallback(TrainerCallback):
    """Keeps the figures of TRL's trainers, and evaluates on the held-out tasks between steps."""

    def __init__(self, context: TrainingContext, trainer: Any) -> None:
        self._context, self._trainer = context, trainer

    def on_log(self, args: Any, state: Any, control: Any, logs: Mapping[str, Any] | None = None, **more: Any) -> None:
        """Write a step's figures."""
        figures = figures_of(logs or {})
        if self._context.stage != "rl":
            figures.pop("num_tokens", None)  # it begins at 0 again in a run that goes on
        if "loss" in figures or "reward" in figures:  # not the summary of the end
            self._context.write(state.global_step, figures)

    def on_save(self, args: Any, state: Any, control: Any, **more: Any) -> None:
        """Mark the checkpoint of this step as whole."""
        if not self._context.rank:
            (self._context.folder.checkpoints / f"checkpoint-{state.global_step}" / WHOLE).touch()

    def on_step_end(self, args: Any, state: Any, control: Any, **more: Any) -> None:
        """Evaluate every so often, and at the end."""
        plan = self._context.config.trainer
        if state.global_step % plan.evaluate_every == 0 or state.global_step == plan.steps:
            self._evaluate(state.global_step)

    def _evaluate(self, step: int) -> None:
        from accelerate.utils import gather_object

        context = self._context
        if not context.held_out:
            return
        own = context.held_out[context.rank :: context.processes]
        with _whole(self._trainer, context):
            rollouts = context.collect(own, 1, seed=seed_of("held-out", context.config.seed))
        require_some(rollouts)
        rows = measure(rollouts, context.mix)
        context.write(step, summary(gather_object(rows)), "held-out")


@contextmanager
def _whole(trainer: Any, context: TrainingContext) -> Iterator[None]:
    """The policy with the model as it is now, whole, unwrapped and without dropout."""
    from trl.distributed import DistributedBackend
    from trl.models.utils import unwrap_model_for_generation

    backend, trained = DistributedBackend(trainer.accelerator), trainer.model.training
    with unwrap_model_for_generation(trainer.model_wrapped, trainer.accelerator) as model:
        with backend.summon_full_params(trainer.model_wrapped, recurse=False), lent(context.policy.engine, model):
            trainer.model.eval()
            try:
                yield
            finally:
                trainer.model.train(trained)
