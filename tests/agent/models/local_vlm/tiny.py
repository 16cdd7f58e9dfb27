"""Tiny randomly initialised Video-LMMs of the released architectures, saved to disk with tokenizer and template."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rewatch.training.trainers.tiny import CONTROL, TAGS

TEMPLATES = {"qwen3_vl": "qwen3_vl.jinja", "qwen2_5_vl": "qwen2_5_vl.jinja", "idefics3": "smolvlm.jinja"}

SPECIAL = list(CONTROL)
WORDS = """You answer questions about videos by going back and looking. Call tools to search, view, listen and read.
{"type": "function", "function": {"name": "view_clip", "description": "...", "parameters": {"type": "object"}}}
{"name": "view_clip", "arguments": {"start": 2, "end": 6}} {"answer": "ROOM 417", "option": null, "confidence": 0.5}
system user assistant tool What is written on the notice? Yes No seconds video budget plan"""


def template(family: str) -> str:
    """TRL's copy of the family's released chat template."""
    import trl

    return (Path(trl.__file__).parent / "chat_templates" / TEMPLATES[family]).read_text(encoding="utf-8")


def small_tokenizer(special: list[str], tags: list[str], end: str, **named: str) -> Any:
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
        tokenizer_object=made,
        eos_token=end,
        pad_token=special[0],
        padding_side="left",
        model_max_length=8192,
        **({"extra_special_tokens": named} if named else {}),
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


QWEN_LIKE = (
    "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{% for c in m['content'] if c['type'] == 'image' %}<image>\n"
    "{% endfor %}{% for c in m['content'] if c['type'] == 'text' %}{{ c['text'] }}{% endfor %}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
"""LLaVA-OneVision's released template, in our words: pictures first, then text, and no tools."""


def save_idefics3(folder: Path) -> Path:
    """Idefics3 as in SmolVLM's first release."""
    import torch
    import transformers
    from transformers.models.idefics3.image_processing_pil_idefics3 import Idefics3ImageProcessorPil

    special = ["<|im_start|>", "<end_of_utterance>", "<fake_token_around_image>", "<image>", "<|im_end|>"]
    tokenizer = small_tokenizer(special, ["<global-img>", *TAGS], "<end_of_utterance>")
    tokenizer.bos_token = "<|im_start|>"
    config = transformers.Idefics3Config(
        text_config={"model_type": "llama", **_llama(len(tokenizer))},
        vision_config={**_siglip(32, 8), "model_type": "idefics3_vision"},
        image_token_id=tokenizer.convert_tokens_to_ids("<image>"),
        scale_factor=2,
        pad_token_id=0,
    )
    torch.manual_seed(0)
    model = transformers.Idefics3ForConditionalGeneration(config)
    _widen(model)
    images = Idefics3ImageProcessorPil(size={"longest_edge": 64}, max_image_size={"longest_edge": 32})
    processor = transformers.Idefics3Processor(images, tokenizer, image_seq_len=4)
    return _save_with(folder, model, processor, template("idefics3"))


def save_llava_onevision(folder: Path) -> Path:
    """LLaVA-OneVision, whose processor wants a video processor where torchvision is there."""
    import torch
    import transformers
    from rewatch.agent.models.local_vlm.processor import image_only
    from transformers.models.llava_onevision.image_processing_pil_llava_onevision import (
        LlavaOnevisionImageProcessorPil,
    )

    tokenizer = small_tokenizer(
        ["<|endoftext|>", "<|im_start|>", "<|im_end|>", "<image>", "<video>"], TAGS, "<|im_end|>"
    )
    grids = [[32, 32], [32, 64], [64, 32], [64, 64]]
    config = transformers.LlavaOnevisionConfig(
        text_config={"model_type": "qwen2", **_llama(len(tokenizer))},
        vision_config={**_siglip(32, 8), "model_type": "siglip_vision_model"},
        image_token_index=tokenizer.convert_tokens_to_ids("<image>"),
        video_token_index=tokenizer.convert_tokens_to_ids("<video>"),
        image_grid_pinpoints=grids,
        vision_feature_layer=-1,
        vision_feature_select_strategy="full",
    )
    torch.manual_seed(0)
    model = transformers.LlavaOnevisionForConditionalGeneration(config)
    _widen(model)
    images = LlavaOnevisionImageProcessorPil(size={"height": 32, "width": 32}, image_grid_pinpoints=grids)
    processor = image_only(transformers.LlavaOnevisionProcessor)(
        images, tokenizer, num_image_tokens=16, vision_feature_select_strategy="full"
    )
    return _save_with(folder, model, processor, QWEN_LIKE)


def save_gemma3(folder: Path) -> Path:
    """Gemma 3: roles must alternate, no system prompt of its own, pictures attend to each other."""
    import torch
    import transformers
    import trl
    from transformers.models.gemma3.image_processing_pil_gemma3 import Gemma3ImageProcessorPil

    special = ["<pad>", "<eos>", "<bos>", "<start_of_turn>", "<end_of_turn>"]
    special += ["<start_of_image>", "<end_of_image>", "<image_soft_token>"]
    named = {"boi_token": special[5], "eoi_token": special[6], "image_token": special[7]}
    tokenizer = small_tokenizer(special, TAGS, "<eos>", **named)
    tokenizer.bos_token = "<bos>"
    text = {**_llama(len(tokenizer)), "head_dim": 16, "sliding_window": 64, "model_type": "gemma3_text"}
    config = transformers.Gemma3Config(
        text_config=text,
        vision_config={**_siglip(32, 8), "model_type": "siglip_vision_model", "vision_use_head": False},
        mm_tokens_per_image=4,
        boi_token_index=tokenizer.boi_token_id,
        eoi_token_index=tokenizer.eoi_token_id,
        image_token_index=tokenizer.image_token_id,
    )
    torch.manual_seed(0)
    model = transformers.Gemma3ForConditionalGeneration(config)
    torch.nn.init.normal_(model.model.multi_modal_projector.mm_input_projection_weight)  # zeros else: blind
    _widen(model)
    images = Gemma3ImageProcessorPil(size={"height": 32, "width": 32})
    processor = transformers.Gemma3Processor(images, tokenizer, image_seq_length=4)
    chat = (Path(trl.__file__).parent / "chat_templates" / "gemma3.jinja").read_text(encoding="utf-8")
    return _save_with(folder, model, processor, chat)


def save_internvl(folder: Path) -> Path:
    """InternVL 3: its own vision tower, tiles that we do not cut."""
    import torch
    import transformers
    from rewatch.agent.models.local_vlm.processor import image_only
    from transformers.models.got_ocr2.image_processing_pil_got_ocr2 import GotOcr2ImageProcessorPil

    special = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", "<img>", "</img>", "<IMG_CONTEXT>", "<video>"]
    named = {"start_image_token": "<img>", "end_image_token": "</img>", "context_image_token": "<IMG_CONTEXT>"}
    tokenizer = small_tokenizer(special, TAGS, "<|im_end|>", **named, video_token="<video>")
    vision = {**_siglip(32, 8), "model_type": "internvl_vision", "image_size": [32, 32], "patch_size": [8, 8]}
    config = transformers.InternVLConfig(
        text_config={"model_type": "qwen2", **_llama(len(tokenizer))},
        vision_config=vision,
        image_token_id=tokenizer.convert_tokens_to_ids("<IMG_CONTEXT>"),
        image_seq_length=4,
    )
    torch.manual_seed(0)
    model = transformers.InternVLForConditionalGeneration(config)
    _widen(model)
    images = GotOcr2ImageProcessorPil(size={"height": 32, "width": 32}, crop_to_patches=True)
    processor = image_only(transformers.InternVLProcessor)(images, tokenizer, image_seq_length=4)
    return _save_with(folder, model, processor, QWEN_LIKE.replace("<image>", "<IMG_CONTEXT>"))


def _llama(vocabulary: int) -> dict[str, Any]:
    return {
        "vocab_size": vocabulary,
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "num_key_value_heads": 1,
        "max_position_embeddings": 4096,
        "pad_token_id": 0,
    }


def _siglip(size: int, patch: int) -> dict[str, Any]:
    return {
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "image_size": size,
        "patch_size": patch,
    }


def _save_with(folder: Path, model: Any, processor: Any, chat_template: str) -> Path:
    processor.chat_template = chat_template
    model.save_pretrained(folder)
    processor.save_pretrained(folder)
    return folder
