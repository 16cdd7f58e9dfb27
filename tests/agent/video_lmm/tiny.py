"""Tiny randomly initialised Video-LMMs of the released architectures, saved to disk with tokenizer and template."""

from __future__ import annotations

from pathlib import Path
from typing import Any

TEMPLATES = {"qwen3_vl": "qwen3_vl.jinja", "qwen2_5_vl": "qwen2_5_vl.jinja", "idefics3": "smolvlm.jinja"}
SPECIAL = [
    "<|endoftext|>",
    "<|im_start|>",
    "<|im_end|>",
    "<|vision_start|>",
    "<|vision_end|>",
    "<|vision_pad|>",
    "<|image_pad|>",
    "<|video_pad|>",
]
TAGS = ["<tool_call>", "</tool_call>", "<tool_response>", "</tool_response>", "<think>", "</think>"]
WORDS = """You answer questions about videos by going back and looking. Call tools to search, view, listen and read.
{"type": "function", "function": {"name": "view_clip", "description": "...", "parameters": {"type": "object"}}}
{"name": "view_clip", "arguments": {"start": 2, "end": 6}} {"answer": "ROOM 417", "option": null, "confidence": 0.5}
system user assistant tool What is written on the notice? Yes No seconds video budget plan"""


def template(family: str) -> str:
    """TRL's copy of the family's released chat template."""
    import trl

    return (Path(trl.__file__).parent / "chat_templates" / TEMPLATES[family]).read_text(encoding="utf-8")


def small_tokenizer(special: list[str], tags: list[str], end: str) -> Any:
    """A byte-pair tokenizer of a few hundred ids."""
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=700, special_tokens=special, initial_alphabet=alphabet, show_progress=False
    )
    made.train_from_iterator([WORDS] * 4, trainer)
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=made, eos_token=end, pad_token=special[0], padding_side="left", model_max_length=8192
    )
    tokenizer.add_tokens([AddedToken(tag, special=False, normalized=False) for tag in tags])
    return tokenizer


def qwen_tokenizer(weights: Path) -> Any:
    """The released vocabulary where it is there, else a small one with the same control tokens."""
    from transformers import AutoTokenizer

    if (weights / "qwen_vl_tokenizer").is_dir():
        return AutoTokenizer.from_pretrained(str(weights / "qwen_vl_tokenizer"), local_files_only=True)
    return small_tokenizer(SPECIAL, TAGS, "<|im_end|>")


def save_qwen(folder: Path, family: str, tokenizer: Any, *, context: int = 8192) -> Path:
    """A Qwen-VL of two text and two vision layers: about 0.1M parameters and the embeddings."""
    import torch
    import transformers
    from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import Qwen2VLImageProcessorPil

    ids = {name: tokenizer.convert_tokens_to_ids(f"<|{name}|>") for name in ("image_pad", "video_pad")}
    ids |= {name: tokenizer.convert_tokens_to_ids(f"<|{name}|>") for name in ("vision_start", "vision_end")}
    heads = {"num_attention_heads": 2, "num_key_value_heads": 1, "head_dim": 16, "hidden_size": 32}
    new = family == "qwen3_vl"
    rope = {"rope_type": "default", "rope_theta": 10000.0, "mrope_section": [4, 2, 2]}
    text = {
        **heads,
        "vocab_size": len(tokenizer) + 13,  # released models have more rows than their tokenizers have ids
        "intermediate_size": 64,
        "num_hidden_layers": 2,
        "max_position_embeddings": context,
        "rope_parameters": {**rope, **({"mrope_interleaved": True} if new else {})},
        "tie_word_embeddings": True,
        "pad_token_id": tokenizer.pad_token_id,
    }
    vision = {
        "depth": 2,
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_heads": 2,
        "patch_size": 8,
        "spatial_merge_size": 2,
        "temporal_patch_size": 2,
        "out_hidden_size": 32,
    }
    if new:
        vision |= {"num_position_embeddings": 64, "deepstack_visual_indexes": [0]}
    else:
        vision |= {"window_size": 32, "fullatt_block_indexes": [1]}
    name = "Qwen3VL" if new else "Qwen2_5_VL"
    config = getattr(transformers, f"{name}Config")(
        text_config=text,
        vision_config=vision,
        image_token_id=ids["image_pad"],
        video_token_id=ids["video_pad"],
        vision_start_token_id=ids["vision_start"],
        vision_end_token_id=ids["vision_end"],
        tie_word_embeddings=True,
    )
    torch.manual_seed(0)
    model = getattr(transformers, f"{name}ForConditionalGeneration")(config)
    _widen(model)
    model.generation_config.eos_token_id = [tokenizer.eos_token_id, tokenizer.pad_token_id]
    model.generation_config.pad_token_id = tokenizer.pad_token_id
    model.generation_config.update(do_sample=True, temperature=0.7, top_k=20, top_p=0.8, repetition_penalty=1.05)
    images = Qwen2VLImageProcessorPil(
        patch_size=8, merge_size=2, temporal_patch_size=2, size={"shortest_edge": 256, "longest_edge": 2**20}
    )
    return _save(folder, model, tokenizer, images, template(family))


def _widen(model: Any) -> None:
    """Random weights as spread as trained ones are: with the usual small ones every picture looks alike."""
    import torch

    with torch.no_grad():
        for name, weight in model.named_parameters():
            if weight.ndim >= 2:
                weight.mul_(4.0 if "visual" in name or "vision" in name else 2.0)


def _save(folder: Path, model: Any, tokenizer: Any, images: Any, chat_template: str) -> Path:
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    images.save_pretrained(folder)
    (folder / "chat_template.jinja").write_text(chat_template, encoding="utf-8")
    return folder
