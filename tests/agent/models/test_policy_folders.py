"""Folders of policies from elsewhere: `rewatch.json` sets what is on a list, code that lies with a model is not run."""

from __future__ import annotations

import ast
import json
from pathlib import Path
from typing import Any

import pytest
import rewatch
from rewatch.agent.models.policy_config import PolicyConfig, read_policy_config
from rewatch.agent.models.registry import load_policy
from rewatch.memory import CapabilityError

BAD: list[tuple[str, dict[str, Any]]] = [
    *(
        (f"settings.{key}", {"settings": {key: value}})
        for key, value in {
            "download": True,
            "adapter": "/elsewhere",
            "adapters": "a:b",
            "device_map": "auto",
            "trust_remote_code": True,
            "attention": "hub/kernel",
            "template": "/etc/passwd",
            "file": "x.gguf",
            "api_key_env": "HOME",
            "base": "x/y",
            "max_tokens": 10**9,
            "rows": 0,
            "context": "all",
            "temperature": float("inf"),
            "max_pixels": True,
            "frames_as": "code",
        }.items()
    ),
    ("loop", {"loop": "rewatch.cli:main"}),
    ("loop", {"loop": "os:system"}),
    ("loop", {"loop": ["a"]}),
    ("tools", {"tools": "search_clips"}),
    ("tools", {"tools": [1]}),
    ("system", {"system": 5}),
    ("base", {"base": ["x"]}),
    ("dialect", {"dialect": 5}),
    ("route", {"route": None}),
    ("settings", {"settings": [1]}),
    ("hook", {"hook": "x"}),
]


@pytest.mark.parametrize(("key", "row"), BAD, ids=lambda one: str(one)[:40])
def test_what_a_folder_may_not_set(tmp_path: Path, key: str, row: dict[str, Any]) -> None:
    (tmp_path / "rewatch.json").write_text(json.dumps({"schema": 1, **row}))
    with pytest.raises(CapabilityError) as told:
        load_policy(str(tmp_path))
    assert key in str(told.value) and str(tmp_path) in str(told.value) and "\n" not in str(told.value)


@pytest.mark.parametrize("content", ["", "[]", "5", "{", "[" * 100_000, '{"schema": 2}', "\0", " " * (2 << 20)])
def test_files_that_are_none(tmp_path: Path, content: str) -> None:
    (tmp_path / "rewatch.json").write_text(content)
    with pytest.raises(CapabilityError):
        read_policy_config(tmp_path)


def test_what_training_saves_is_read(tmp_path: Path) -> None:
    settings = {
        "max_tokens": 32,
        "rows": 64,
        "max_pixels": 200704,
        "context": 4096,
        "temperature": 0,
        "frames_as": "video",
    }
    config = PolicyConfig(
        dialect="short", system="Look.", loop="clips16", tools=("browse",), settings=settings, base="a/b"
    )
    config.save(tmp_path)
    assert read_policy_config(tmp_path) == config
    row = json.loads((tmp_path / "rewatch.json").read_text())
    (tmp_path / "rewatch.json").write_text(json.dumps({**row, "loop": "rewatch.training.gym.clips16:loop"}))
    assert read_policy_config(tmp_path) == config  # as 0.1 wrote it


@pytest.fixture
def with_code(tmp_path: Path) -> Path:
    """A model's folder whose Python files make a file beside them when they are run."""
    folder = tmp_path / "model"
    folder.mkdir()
    maps = {"AutoConfig": "configuration_own.OwnConfig", "AutoModelForCausalLM": "modeling_own.OwnModel"}
    (folder / "config.json").write_text(json.dumps({"model_type": "own_kind", "auto_map": maps}))
    (folder / "configuration_own.py").write_text(
        f"open({str(tmp_path / 'ran')!r}, 'w').close()\n"
        "from transformers import PretrainedConfig\n"
        "class OwnConfig(PretrainedConfig):\n    model_type = 'own_kind'\n"
    )
    (folder / "model.safetensors").write_bytes(b"\x08\0\0\0\0\0\0\0{}      ")
    return folder


def test_code_that_lies_with_a_model(with_code: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_MODULES_CACHE", str(tmp_path / "modules"))
    with pytest.raises(CapabilityError, match=r"Python files of its own, which are not run.*trust_remote_code=true"):
        load_policy(str(with_code))
    (with_code / "rewatch.json").write_text(json.dumps({"schema": 1}))
    with pytest.raises(CapabilityError, match="not run"):
        load_policy(str(with_code))
    assert not (tmp_path / "ran").exists()
    with pytest.raises(CapabilityError):  # it has no weights that its files know; but these were run
        load_policy(f"{with_code}?trust_remote_code=true")
    assert (tmp_path / "ran").exists()


def test_attention_of_the_hub_is_refused(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(
        json.dumps({"model_type": "llama", "text_config": {"_attn_implementation": "somebody/kernels"}})
    )
    (tmp_path / "model.safetensors").write_bytes(b"\x08\0\0\0\0\0\0\0{}      ")
    with pytest.raises(CapabilityError, match="code of the hub"):
        load_policy(str(tmp_path))


def test_every_loading_says_whose_code_is_run() -> None:
    """Weights of peft aside, which brings no code, each `from_pretrained` of the package names `trust_remote_code`."""
    root, silent = Path(rewatch.__file__).resolve().parent, []
    for part in ("memory", "tools", "agent", "training", "cli"):
        for file in (root / part).rglob("*.py"):
            for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
                if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
                    continue
                owner = getattr(node.func.value, "id", "")
                if node.func.attr == "from_pretrained" and owner != "PeftModel":
                    if "trust_remote_code" not in {keyword.arg for keyword in node.keywords}:
                        silent.append(f"{file.relative_to(root)}:{node.lineno}")
    assert not silent
