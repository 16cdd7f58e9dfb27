"""From disk to a policy that reads: folders, GGUF files, templates, adapters, and what errors say."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from langchain_core.messages import HumanMessage
from rewatch.agent import load_policy
from rewatch.agent.models.gguf import GEMMA
from rewatch.agent.models.local_lm import LocalLM
from rewatch.agent.models.local_vlm.chat_template import ChatTemplate, text_message
from rewatch.memory import CapabilityError

from ..local_vlm.steering import sampled
from . import tiny

SavedLM = Callable[[str], Path]


@pytest.fixture(scope="module")
def gguf(saved: SavedLM, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny llama in llama.cpp's format."""
    return tiny.write_gguf(saved("llama"), tmp_path_factory.mktemp("gguf") / "tiny.gguf")


def _reply(policy: LocalLM, question: str = "What is it? 12") -> tuple[list[int], list[float]]:
    message = policy.invoke([HumanMessage(question)], max_tokens=12)
    return sampled(message), message.response_metadata["tokens"]["logprobs"]


def _refused(text_message: str, name: str, **options: object) -> None:
    with pytest.raises(CapabilityError, match=text_message) as caught:
        load_policy(name, **options)
    assert "\n" not in str(caught.value)


def test_the_kind_is_looked_up(saved: SavedLM, gguf: Path, loaded: Callable[[str], LocalLM]) -> None:
    assert isinstance(loaded("qwen2"), LocalLM) and loaded("qwen2")._llm_type == "local-lm" and not loaded("qwen2").sees
    folder = load_policy(f"{gguf.parent}?max_tokens=7&temperature=0.5")  # a folder with one GGUF file
    assert isinstance(folder, LocalLM) and (folder.max_tokens, folder.temperature) == (7, 0.5)


def test_a_hub_name_whose_copy_is_a_gguf_file(gguf: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    kept = tmp_path / "models--some--tiny"
    (kept / "refs").mkdir(parents=True)
    (kept / "refs" / "main").write_text("0" * 40)
    (kept / "snapshots" / ("0" * 40)).mkdir(parents=True)
    shutil.copy(gguf, kept / "snapshots" / ("0" * 40) / "tiny-q8_0.gguf")
    assert isinstance(load_policy("some/tiny"), LocalLM)
    _refused("some/other is not on this disk", "some/other")


def test_a_gguf_file_is_the_model_that_it_was_made_of(
    gguf: Path, loaded: Callable[[str], LocalLM], tmp_path: Path
) -> None:
    plain, read = loaded("llama"), LocalLM.load(str(gguf))
    assert read.engine.vocabulary == plain.engine.vocabulary and read.engine.context == plain.engine.context
    (ids, logprobs), (same, close) = _reply(plain), _reply(read)
    assert ids == same and logprobs == pytest.approx(close, abs=1e-5)
    assert read.engine.bounds.ends == plain.engine.bounds.ends
    # saved and loaded as a folder, which training does, it is still the same; and it learns
    read.engine.loaded.model.save_pretrained(tmp_path)
    read.engine.loaded.tokenizer.save_pretrained(tmp_path)
    again = load_policy(str(tmp_path))
    assert again.engine.vocabulary == plain.engine.vocabulary and _reply(again)[0] == ids
    assert not {"quantization_config"} & set(json.loads((tmp_path / "config.json").read_text()))
    assert all(parameter.requires_grad for parameter in read.engine.loaded.model.parameters())


def test_a_file_without_a_template_takes_turns_as_its_vocabulary_has_them(saved: SavedLM, tmp_path: Path) -> None:
    bare = LocalLM.load(str(tiny.write_gguf(saved("llama"), tmp_path / "bare.gguf", chat_template=False)))
    text = bare.engine.template.render([text_message("user", "What?")])
    assert text == "<|im_start|>user\nWhat?<|im_end|>\n<|im_start|>assistant\n"
    own = tmp_path / "own.jinja"
    own.write_text("{% for m in messages %}{{ m['role'] }}: {{ m['content'] }}<|im_end|>{% endfor %}")
    told = LocalLM.load(str(saved("llama")), template=str(own))
    assert told.engine.template.render([text_message("user", "What?")]) == "user: What?<|im_end|>"


def test_our_gemma_template_refuses_what_gemmas_own_does(loaded: Callable[[str], LocalLM]) -> None:
    tokenizer = loaded("gemma3_text").engine.loaded.tokenizer
    released = ChatTemplate("released", tokenizer)
    chat = [text_message("user", "What?"), text_message("assistant", "That."), text_message("user", "Sure?")]
    own = tokenizer.__class__.from_pretrained(tokenizer.name_or_path)
    own.chat_template = GEMMA
    ours = ChatTemplate("ours", own)
    assert ours.render(chat) == released.render(chat)
    assert not ours.takes_runs and not ours.has_system and not ours.has_tool_role and not ours.writes_tools


def test_what_templates_know(loaded: Callable[[str], LocalLM]) -> None:
    facts = {
        family: (t.has_system, t.has_tool_role, t.writes_tools, t.takes_runs)
        for family in ("llama", "qwen2", "gemma3_text")
        for t in [loaded(family).engine.template]
    }
    assert facts["llama"] == (True, False, False, True) and facts["qwen2"] == (True, True, True, True)
    assert facts["gemma3_text"][1:] == (False, False, False)


def test_adapters_and_dtypes(gguf: Path, tmp_path: Path) -> None:
    from peft import LoraConfig, get_peft_model

    plain = LocalLM.load(str(gguf), dtype="bfloat16")
    assert next(plain.engine.loaded.model.parameters()).dtype is torch.bfloat16
    model = get_peft_model(LocalLM.load(str(gguf)).engine.loaded.model, LoraConfig(r=2, target_modules=["q_proj"]))
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if "lora_B" in name:
                weight.normal_(std=2.0)
    model.save_pretrained(tmp_path)
    adapted = LocalLM.load(str(gguf), adapter=str(tmp_path))
    assert _reply(adapted) != _reply(LocalLM.load(str(gguf)))


def test_what_is_amiss_is_one_line(saved: SavedLM, gguf: Path, tmp_path: Path) -> None:
    _refused("there is no such file", str(tmp_path / "none.gguf"))
    _refused("A language model has no option max_pixels", str(gguf), max_pixels=100)
    _refused("dtype=float8 is not known", str(gguf), dtype="float8")
    _refused("GGUF file is dequantised, or served: llama-server", str(gguf), load="4bit")
    _refused("The chat template .* cannot be read", str(gguf), template=str(tmp_path / "none.jinja"))
    foreign = tiny.write_gguf(saved("llama"), tmp_path / "foreign.gguf", architecture="klingon")
    _refused(r"klingon is not supported yet\); serve it: llama-server -m .*foreign\.gguf", str(foreign))
    torn = tiny.write_gguf(saved("llama"), tmp_path / "torn.gguf", missing="model.layers.1.mlp.up_proj.weight")
    _refused(r"lacks 1 of its weights, such as model\.layers\.1\.mlp\.up_proj\.weight", str(torn))
    damaged = tmp_path / "damaged" / "damaged.gguf"
    damaged.parent.mkdir()
    damaged.write_bytes(b"not weights at all")
    _refused("cannot be read by transformers", str(damaged))
    shutil.copy(gguf, damaged.parent / "other.gguf")
    _refused(r"holds damaged\.gguf, other\.gguf; choose one: .*\?file=damaged\.gguf", str(damaged.parent))
    assert isinstance(load_policy(f"{damaged.parent}?file=other.gguf"), LocalLM)
    blind = tmp_path / "blind"
    shutil.copytree(saved("llama"), blind)
    (blind / "config.json").write_text('{"model_type": "vit"}')
    _refused("is a vit model, which writes no text", str(blind))
    mute = tmp_path / "mute"
    shutil.copytree(saved("llama"), mute)
    (mute / "chat_template.jinja").unlink()
    _refused("has no chat template", str(mute))
