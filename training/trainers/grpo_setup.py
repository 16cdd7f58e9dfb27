"""Parts of the trainer on TRL: its configuration, its rows, and the pictures as the policy saw them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import trl
from datasets import Dataset
from trl.trainer.grpo_config import GRPOConfig

from ...agent.models.local_vlm.inputs import takes
from ...memory import CapabilityError
from ..data.task import Task
from ..objectives import Objective, objective_named
from ..rollouts.collector import Collector, draw

if TYPE_CHECKING:
    from ...agent.models.local_vlm import LocalPolicy
    from ...agent.models.local_vlm.vision_adapter import SampledFrames, VisionAdapter

TESTED = "1.16."
"""The versions of TRL whose private methods `GraphGRPOTrainer` knows."""


def grpo_config(objective: Objective | str, output_dir: str | Path, **settings: Any) -> GRPOConfig:
    """TRL's configuration for an objective; `settings` are GRPOConfig's and win over the objective's own."""
    chosen = objective_named(objective) if isinstance(objective, str) else objective
    ours: dict[str, Any] = {"shuffle_dataset": False, "log_multimodal": False, "remove_unused_columns": False}
    return GRPOConfig(output_dir=str(output_dir), **{**chosen.trl_arguments(), **ours, **settings})


def component(name: str) -> Any:
    """A reward function that hands TRL what the mix gave, so that it is logged under its name."""

    def given(*, parts: Sequence[Mapping[str, float]], **unused: Any) -> list[float | None]:
        return [None if math.isnan(row[name]) else row[name] for row in parts]

    given.__name__ = name
    return given


def prompts(tasks: Sequence[Task], args: Any) -> Dataset:
    """A row for each group of each generation, drawn as `MiniTrainer` draws; each task once where no end is set."""
    if not tasks:
        raise ValueError("There are no tasks to train on.")
    numbers = list(range(len(tasks)))
    if args.max_steps > 0:
        groups = args.generation_batch_size // args.num_generations
        passes = args.steps_per_generation * args.num_iterations
        generations = math.ceil(args.max_steps * args.gradient_accumulation_steps / passes)
        place = {id(task): n for n, task in enumerate(tasks)}
        drawn = [task for step in range(generations) for task in draw(tasks, groups, seed=args.seed, step=step)]
        numbers = [place[id(task)] for task in drawn]
    rows = [{"prompt": [{"role": "user", "content": tasks[n].question}], "task": n} for n in numbers]
    return Dataset.from_list(rows)


class _Ready:
    """In place of an image processor: pictures that are prepared already are only put together."""

    def __init__(self, images: Any, vision: VisionAdapter) -> None:
        self._images, self._vision = images, vision

    def __call__(self, images: Sequence[SampledFrames], **unused: Any) -> dict[str, Any]:
        return self._vision.collate(images)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._images, name)


@contextmanager
def prepared(processor: Any, vision: VisionAdapter) -> Iterator[None]:
    """A processor that takes the pictures which the policy saw, to the bit, for as long as TRL makes a batch."""
    if not vision.sees:
        yield
        return
    own = processor.image_processor
    processor.image_processor = _Ready(own, vision)
    try:
        yield
    finally:
        processor.image_processor = own


def require(policy: LocalPolicy, collect: Collector, objective: Objective, args: Any) -> None:
    """Raise where TRL would train on something else than was sampled; see `GraphGRPOTrainer`."""
    if not trl.__version__.startswith(TESTED):
        raise CapabilityError(
            f"Training by TRL needs trl {TESTED}*, and {trl.__version__} is here: pip install 'trl=={TESTED}*'"
        )
    vision = policy.engine.vision
    if policy.turns.as_video or (vision.sees and not vision.typed):
        raise CapabilityError(
            "TRL trains language models, and models of the Qwen-VL family on frames as images (frames_as=images)."
        )
    model = policy.engine.loaded.model
    if not vision.sees and takes(model, "position_ids") and not getattr(model.config, "rope_parameters", None):
        raise CapabilityError(
            f"{model.config.model_type} counts places from a row's start, where TRL pads; set trainer.engine to mini."
        )
    if args.use_vllm:
        raise CapabilityError("Rollouts are sampled by the policy itself, inside the loop: set use_vllm to False.")
    if not args.ds3_gather_for_generation:
        raise ValueError(
            "Runs take as many passes as they like, which differs between processes: "
            "set ds3_gather_for_generation to True, so that each has the whole model while it samples."
        )
    if collect.temperature != 1.0 or args.temperature != 1.0:
        raise ValueError("Sample at temperature 1: the log-probabilities of a run are those of temperature 1.")
    rows = args.per_device_train_batch_size * args.steps_per_generation
    if rows % args.num_generations:
        raise ValueError(
            f"A process collects {rows} rollouts at a time, which is no multiple of the group size "
            f"{args.num_generations}: groups must not be torn apart."
        )
    if objective.whole_groups and args.steps_per_generation != 1:
        raise ValueError(f"{objective.name} compares whole groups, and TRL mixes them: set steps_per_generation to 1.")


def without_empty_pictures(model: Any) -> None:
    """Let a micro-batch in which no row has a picture pass the model: TRL hands over tensors of no rows then."""

    def mended(module: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
        pixels = kwargs.get("pixel_values")
        if pixels is not None and not len(pixels):
            kwargs = {**kwargs, "pixel_values": None, "image_grid_thw": None}
        return args, kwargs

    whole = model.get_base_model() if hasattr(model, "get_base_model") else model
    whole.base_model.register_forward_pre_hook(mended, with_kwargs=True)
