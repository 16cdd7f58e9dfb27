"""From disk to a policy: weights, processors, adapters, options, and what is said when something is missing."""

from __future__ import annotations

import importlib.util
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from langchain_core.messages import HumanMessage
from rewatch.agent.models.local_vlm import VideoLMM
from rewatch.agent.models.turn import Turn
from rewatch.agent.models.viewer import ChatViewer
from rewatch.memory import CapabilityError, Frame, FrameReader
from rewatch.tools.viewer import VisualQuestion

from .steering import asked, sampled


@pytest.fixture(scope="module")
def adapters(small_saved: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """LoRA adapters of three roles, each pushed somewhere else at random."""
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForImageTextToText

    made = {}
    for number, role in enumerate(("grounder", "verifier", "usual")):
        model = AutoModelForImageTextToText.from_pretrained(small_saved)
        model = get_peft_model(model, LoraConfig(r=2, target_modules=["q_proj", "v_proj", "up_proj"]))
        torch.manual_seed(number)
        with torch.no_grad():
            for name, weight in model.named_parameters():
                if "lora_B" in name:
                    weight.normal_(std=1.0)
        made[role] = tmp_path_factory.mktemp(role)
        model.save_pretrained(made[role])
    return made


def _reply(policy: VideoLMM, **arguments: object) -> list[float]:
    message = policy.invoke([HumanMessage("What is it?")], max_tokens=4, **arguments)
    return message.response_metadata["tokens"]["logprobs"]


def test_saved_and_loaded_is_the_same(
    policy: VideoLMM, tmp_path: Path, pixels: FrameReader, frames: Callable[..., list[str]]
) -> None:
    policy.engine.loaded.model.save_pretrained(tmp_path)
    policy.engine.loaded.processor.save_pretrained(tmp_path)
    again = VideoLMM.load(str(tmp_path), max_pixels=policy.max_pixels)
    both = [p.invoke([asked("What?", *frames(4))], turn=Turn(pixels=pixels), max_tokens=6) for p in (policy, again)]
    assert both[0].response_metadata["tokens"] == both[1].response_metadata["tokens"]


def test_a_model_at_hand_needs_no_disk(small: VideoLMM) -> None:
    model, processor = small.engine.loaded.model, small.engine.loaded.processor
    model.train()
    policy = VideoLMM.of(model, processor, temperature=1.0)
    assert _reply(policy, seed=1) == _reply(small, seed=1, temperature=1.0)
    assert model.training  # lent, and given back as it was
    row = policy.turns.row([HumanMessage("Go."), policy.invoke([HumanMessage("Go.")], max_tokens=3)], None)
    policy.engine.logprobs([row])[0].sum().backward()
    assert model.get_input_embeddings().weight.grad is not None
    model.eval()


def test_adapters_are_switched_by_role(small_saved: Path, adapters: dict[str, Path]) -> None:
    plain = VideoLMM.load(str(small_saved))
    roles = f"grounder:{adapters['grounder']},verifier:{adapters['verifier']}"
    policy = VideoLMM.load(str(small_saved), adapters=roles)
    assert set(policy.roles) == {"grounder", "verifier"} and plain.roles == {}
    said = {role: _reply(policy, role=role) for role in ("", "grounder", "verifier", "")}
    assert said[""] == pytest.approx(_reply(plain), abs=1e-5)
    assert said["grounder"] != pytest.approx(said[""], abs=1e-3)
    assert said["grounder"] != pytest.approx(said["verifier"], abs=1e-3)
    for role in ("grounder", "verifier"):
        alone = VideoLMM.load(str(small_saved), adapter=str(adapters[role]))
        assert _reply(alone) == pytest.approx(said[role], abs=1e-5)


def test_one_adapter_is_always_on_and_roles_put_theirs_in_its_place(
    small_saved: Path, adapters: dict[str, Path]
) -> None:
    usual = VideoLMM.load(str(small_saved), adapter=str(adapters["usual"]))
    both = VideoLMM.load(
        str(small_saved), adapter=str(adapters["usual"]), adapters={"grounder": str(adapters["grounder"])}
    )
    grounder = VideoLMM.load(str(small_saved), adapter=str(adapters["grounder"]))
    assert _reply(both, role="grounder") == pytest.approx(_reply(grounder), abs=1e-5)
    assert _reply(both) == pytest.approx(_reply(usual), abs=1e-5)
    assert _reply(both, role="nobody") == pytest.approx(_reply(usual), abs=1e-5)


def test_viewer_asks_in_roles_and_weighs(small_saved: Path, adapters: dict[str, Path]) -> None:
    import numpy as np

    policy = VideoLMM.load(str(small_saved), adapters={"verifier": str(adapters["verifier"])})
    picture = np.random.default_rng(0).integers(0, 255, (90, 160, 3), dtype=np.uint8)
    question = VisualQuestion(frames=(Frame(2.0, picture), Frame(4.0, picture)), text="Is it?", role="verifier")
    viewer = ChatViewer(policy)
    replies = viewer.ask([question, question], yes_no=True)
    assert replies[0].yes == pytest.approx(replies[1].yes, abs=1e-5) and 0 < replies[0].yes < 1
    other = viewer.ask([VisualQuestion(frames=question.frames, text="Is it?")], yes_no=True)[0]
    assert other.yes != pytest.approx(replies[0].yes, abs=1e-4)
    told = viewer.ask([question], max_tokens=5, beams=2)[0]
    assert 0 < len(told.text) and told.tokens > 5


def test_beams_find_no_less_likely_a_reply(
    small: VideoLMM, pixels: FrameReader, frames: Callable[..., list[str]]
) -> None:
    message = [asked("What?", *frames(4, 8))]
    greedy, beams = (small.invoke(message, turn=Turn(pixels=pixels), max_tokens=6, beams=beams) for beams in (1, 4))
    assert len(sampled(greedy)) == len(sampled(beams)) == 6
    assert beams.response_metadata["likelihood"] >= greedy.response_metadata["likelihood"] * 0.999
    row = small.turns.row([*message, beams], pixels)
    with torch.no_grad():
        scored = small.engine.logprobs([row])[0]
    assert scored.tolist() == pytest.approx(beams.response_metadata["tokens"]["logprobs"], abs=1e-4)


def test_dialects_stop_their_replies_and_keep_what_stopped_them(small_saved: Path) -> None:
    from dataclasses import replace

    from rewatch.agent.tool_formats import load_tool_format

    from .steering import steered

    dialect = replace(load_tool_format("hermes"), stop=("</tool_call>",))
    policy = VideoLMM.load(str(small_saved), dialect=dialect)
    tools = [{"type": "function", "function": {"name": "view_clip", "description": "Look.", "parameters": {}}}]
    call = '<tool_call>\n{"name": "view_clip", "arguments": {"start": 2}}\n</tool_call>'
    with steered(policy, lambda prompt: f"{call} and so on and on"):
        reply = policy.bind_tools(tools).invoke([HumanMessage("What?")])
        free = policy.invoke([HumanMessage("What?")])
    assert reply.content == call and reply.response_metadata["finish_reason"] == "stop"
    assert reply.tool_calls[0]["name"] == "view_clip" and reply.tool_calls[0]["args"] == {"start": 2}
    assert free.content.endswith("on and on") and not free.tool_calls


def _missing(match: str, *args: str, **options: object) -> None:
    with pytest.raises(CapabilityError, match=match) as raised:
        VideoLMM.load(*args, **options)
    assert "\n" not in str(raised.value)


def test_what_is_missing_is_said_in_one_line(small_saved: Path, tmp_path: Path) -> None:
    _missing("Policy Qwen/Qwen3-VL-4B-Instruct is not on this disk. Fetch it: hf download", "Qwen/Qwen3-VL-4B-Instruct")
    _missing("does not exist", str(tmp_path / "nowhere"))
    _missing("holds no config.json", str(tmp_path))
    _missing("no option color; it has load", str(small_saved), color="red")
    _missing("max_pixels=many", str(small_saved), max_pixels="many")
    _missing("load=2bit is not known; give 4bit or 8bit", str(small_saved), load="2bit")
    _missing("no dialect 'klingon'", str(small_saved), dialect="klingon")
    _missing("no folder with adapter_config.json", str(small_saved), adapter=str(tmp_path))
    _missing("write grounder:FOLDER", str(small_saved), adapters="grounder")
    if importlib.util.find_spec("bitsandbytes") is None:
        _missing("pip install bitsandbytes", str(small_saved), load="4bit")


def test_a_folder_without_chat_template(small_saved: Path, tmp_path: Path) -> None:
    bare = tmp_path / "bare"
    shutil.copytree(small_saved, bare)
    (bare / "chat_template.jinja").unlink()
    _missing("has no chat template", str(bare))


def test_a_model_that_does_not_see(tmp_path: Path, small_saved: Path) -> None:
    from transformers import Qwen3Config

    blind = tmp_path / "blind"
    shutil.copytree(small_saved, blind)
    (blind / "config.json").unlink()
    Qwen3Config(hidden_size=8).save_pretrained(blind)
    _missing("does not see", str(blind))


def test_damaged_weights(tmp_path: Path, small_saved: Path) -> None:
    damaged = tmp_path / "damaged"
    shutil.copytree(small_saved, damaged)
    (damaged / "model.safetensors").write_bytes(b"not weights at all")
    _missing("cannot be loaded", str(damaged))
