"""Configurations: strict keys, one line for what is wrong, overrides; every example checked against what it sets."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from rewatch.training.experiments import ConfigError, DPORun, RLRun, SFTRun, as_yaml, read_config
from rewatch.training.experiments.config import Trainer, settings_of
from rewatch.training.experiments.rewards import REWARDS, mix_of
from rewatch.training.experiments.tasks import tasks_of
from rewatch.training.trainers.mini import MiniSettings
from rewatch.training.trainers.preference import DPOSettings
from rewatch.training.trainers.sft import SFTSettings

from .conftest import SFT, changed

CONFIGS = Path(__file__).resolve().parents[3] / "examples" / "configs"
KINDS: dict[str, Any] = {"sft": SFTRun, "rl": RLRun, "dgrpo": RLRun, "dpo": DPORun}
EXAMPLES = sorted(path for path in CONFIGS.glob("*.yaml") if not path.name.startswith("accelerate"))


def kind_of(path: Path) -> Any:
    return next(KINDS[part] for part in path.stem.split("-") if part in KINDS)


def write(folder: Path, row: dict[str, Any]) -> Path:
    path = folder / "run.yaml"
    path.write_text(yaml.safe_dump(row))
    return path


@pytest.mark.parametrize(
    ("sections", "told"),
    [
        ({"polcy": {}}, r"polcy is not known; did you mean policy\? Allowed: policy, loop"),
        ({"policy": {"dialcet": "short"}}, r"policy\.dialcet is not known; did you mean dialect\?"),
        ({"tasks": {"count": "six"}}, r"tasks\.count is a text \('six'\); write a whole number"),
        ({"tasks": {"count": True}}, r"tasks\.count is true or false"),
        ({"tasks": {"families": "clips16.color"}}, r"tasks\.families is a text; write a list"),
        ({"loop": {"preset": "clips17"}}, r"loop\.preset is 'clips17'; write clips16"),
        ({"loop": {"budget": {"frams": 3}}}, r"loop\.budget\.frams is not known; did you mean frames\?"),
        ({"policy": 3}, r"policy is a number; write its keys: model"),
        ({"trainer": None}, r"trainer is missing"),
        ({"objective": "dgrpo"}, r"objective is not known"),  # not of this verb
    ],
)
def test_what_is_wrong_is_one_line_with_file_key_and_what_is_allowed(
    tmp_path: Path, sections: dict[str, Any], told: str
) -> None:
    path = write(tmp_path, changed(SFT, **sections))
    with pytest.raises(ConfigError, match=told) as caught:
        read_config(SFTRun, path)
    assert str(caught.value).startswith(f"{path}: ") and "\n" not in str(caught.value)


def test_a_file_that_is_none_is_told_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "bad.yaml"
    with pytest.raises(ConfigError, match="cannot be read"):
        read_config(SFTRun, path)
    path.write_text("policy: {model: tiny\ntasks: [\n")
    with pytest.raises(ConfigError, match=r"bad\.yaml: line \d+ is no YAML"):
        read_config(SFTRun, path)
    path.write_text("just words")
    with pytest.raises(ConfigError, match="is a text; write sections"):
        read_config(SFTRun, path)


def test_overrides_are_set_on_top_and_numbers_may_be_written_as_people_do(tmp_path: Path) -> None:
    path = write(tmp_path, SFT)
    made = read_config(
        SFTRun, path, ["trainer.learning_rate=1e-4", "policy.lora.r=4", "loop.budget.calls=null", "held_out=null"]
    )
    assert made.trainer.settings["learning_rate"] == 1e-4 and made.policy.lora and made.policy.lora.r == 4
    assert made.loop.budget.calls is None and made.loop.budget.frames == 4 and made.held_out is None
    for text in ("trainer.steps", "=3", "trainer..steps=3", "a=[1"):
        with pytest.raises(ConfigError):
            read_config(SFTRun, path, [text])
    with pytest.raises(ConfigError, match=r"log\.tensorbord is not known; did you mean tensorboard"):
        read_config(SFTRun, path, ["log.tensorbord=true"])


def test_what_is_written_out_reads_back_the_same() -> None:
    for path in EXAMPLES:
        made = read_config(kind_of(path), path)
        assert read_config(kind_of(path), yaml.safe_load(as_yaml(made))) == made


def test_settings_of_the_mini_trainers_are_their_own_fields() -> None:
    def settings(**own: Any) -> MiniSettings:
        return settings_of(MiniSettings, Trainer(steps=1, **own), seed=3)

    assert settings(betas=[0.9, 0.95], flat="resample").betas == (0.9, 0.95)
    with pytest.raises(ConfigError, match=r"trainer\.lerning_rate is not known; did you mean learning_rate\?"):
        settings(lerning_rate=1e-3)
    with pytest.raises(ConfigError, match=r"trainer\.flat is 'dropp'; write count or drop or resample"):
        settings(flat="dropp")
    with pytest.raises(ConfigError, match=r"trainer\.group_size is a text \('8'\); write a whole number"):
        settings(group_size="8")
    with pytest.raises(ConfigError, match=r"trainer\.seed is not known"):
        settings(seed=1)


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_every_example_names_only_what_is_there(path: Path) -> None:
    made = read_config(kind_of(path), path)
    mix_of(made.rewards)
    small = ["tasks.count=4", "held_out.count=4"]
    few = read_config(kind_of(path), path, small)
    assert few.held_out and len(tasks_of(few.tasks, "tasks").tasks) == len(tasks_of(few.held_out, "h").tasks) == 4
    if made.trainer.engine == "mini":
        into: Any = {SFTRun: SFTSettings, RLRun: MiniSettings, DPORun: DPOSettings}[type(made)]
        assert settings_of(into, made.trainer, seed=made.seed)
        return
    pytest.importorskip("trl", reason="its configurations are what is checked")
    from rewatch.training.experiments.trl_engine import check_settings
    from rewatch.training.trainers.grpo import grpo_config
    from trl import SFTConfig
    from trl.trainer.grpo_config import GRPOConfig

    settings = {k: v for k, v in made.trainer.settings.items() if k not in ("group_size", "tasks", "flat")}
    on_cpu = {"bf16": False, "use_cpu": True, "output_dir": "unused"}
    if isinstance(made, RLRun):
        args: Any = grpo_config(
            made.objective,
            num_generations=8,
            **check_settings(GRPOConfig, settings) | on_cpu,  # type: ignore[arg-type]
        )
        assert args.generation_batch_size % args.num_generations == 0
    else:
        args = SFTConfig(**check_settings(SFTConfig, settings) | on_cpu)
    for name, value in settings.items():
        assert name in on_cpu or getattr(args, name) == value, name


def test_trl_settings_that_are_said_elsewhere_are_told_where() -> None:
    pytest.importorskip("trl", reason="its configurations are what is checked")
    from rewatch.training.experiments.trl_engine import check_settings
    from trl.trainer.grpo_config import GRPOConfig

    with pytest.raises(ConfigError, match=r"trainer\.max_steps: write steps instead"):
        check_settings(GRPOConfig, {"max_steps": 3})
    with pytest.raises(ConfigError, match=r"trainer\.use_vllm: write nothing: the loop samples"):
        check_settings(GRPOConfig, {"use_vllm": True})
    with pytest.raises(ConfigError, match=r"trainer\.max_grad_nrm is not known; did you mean max_grad_norm\?"):
        check_settings(GRPOConfig, {"max_grad_nrm": 1.0})


def test_accelerate_files_are_read_by_accelerate(tmp_path: Path) -> None:
    from accelerate.commands.config.config_args import load_config_from_file

    for path in CONFIGS.glob("accelerate-*.yaml"):
        made = load_config_from_file(str(path))
        assert made.num_processes == 2 and str(made.distributed_type).endswith("DEEPSPEED")


def test_rewards_by_name_with_gates_options_and_ones_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "own_reward.py").write_text(
        "from rewatch.training.rewards import Reward\n"
        "def short(most=3):\n    return Reward(name='short', score=lambda r: float(len(r.said) <= most))\n"
        "def none():\n    return 3\n"
    )
    monkeypatch.chdir(tmp_path)

    def mix(**components: Any) -> Any:
        row = changed(SFT, rewards={"components": components, "normalise": "range"})
        return mix_of(read_config(SFTRun, row).rewards)

    made = mix(
        answer={"reward": "task_reward"},
        tool={"reward": "tool_bonus", "weight": 0.5, "options": {"most": 1}, "gate": "answer"},
        short={"reward": "own_reward:short", "options": {"most": 5}},
    )
    assert list(made.components) == ["answer", "tool", "short"] and made.gates == {"tool": "answer"}
    assert made.components["tool"][1] == 0.5 and made.components["tool"][0].high == 0.5
    for wrong, told in [
        ({"reward": "task_rewrd"}, "did you mean task_reward"),
        ({"reward": "tool_bonus", "options": {"mst": 1}}, "did you mean most"),
        ({"reward": "own_reward:missing"}, "cannot be imported"),
        ({"reward": "own_reward:none"}, "gives no Reward"),
        ({"reward": "gain", "gate": "nobody"}, "no component 'nobody'"),
    ]:
        with pytest.raises(ConfigError, match=told):
            mix(one=wrong)
    for make in REWARDS.values():  # every name makes a reward, with what it needs
        made_reward = make(**({"dialect": "hermes"} if make.__name__ == "format_reward" else {}))
        assert made_reward.name
    with pytest.raises(ConfigError, match="preset or components"):
        mix_of(
            read_config(
                SFTRun, changed(SFT, rewards={"preset": "vital", "components": {"a": {"reward": "gain"}}})
            ).rewards
        )


def test_tasks_of_the_gym_and_of_files_are_told_apart(tmp_path: Path) -> None:
    def tasks(**asked: Any) -> Any:
        return tasks_of(read_config(SFTRun, {**SFT, "tasks": asked}).tasks, "tasks").tasks

    with pytest.raises(ConfigError, match="give families of the gym"):
        tasks()
    with pytest.raises(ConfigError, match="did you mean clips16.color"):
        tasks(families=["clips16.colr"], count=3)
    with pytest.raises(ConfigError, match="tasks.memory is missing"):
        tasks(files=["a.jsonl"])
    with pytest.raises(ConfigError, match="did you mean clips"):
        tasks(families=["viewing"], count=2, levels=[{"clps": 8}])
    with pytest.raises(ConfigError, match="multiple of 0.25"):
        tasks(families=["viewing"], count=2, levels=[{"clip_seconds": 1.1}])
    made = tasks(families=["viewing"], count=8, levels=[{"difficulty": 0.1}, {"difficulty": 0.6, "options": True}])
    assert {task.difficulty for task in made} == {0.1, 0.6}
