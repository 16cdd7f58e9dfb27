"""A Qwen3-VL of about a million parameters from random weights, with a vocabulary of its own: small enough for a CPU.

The architecture is the released one; only the sizes differ. What trains it trains a released checkpoint.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

CONTROL = (
    "<|endoftext|>",
    "<|im_start|>",
    "<|im_end|>",
    "<|vision_start|>",
    "<|vision_end|>",
    "<|vision_pad|>",
    "<|image_pad|>",
    "<|video_pad|>",
)
TAGS = ("<tool_call>", "</tool_call>", "<tool_response>", "</tool_response>", "<think>", "</think>")
END = "<|im_end|>"
PATCH = 8
"""Pixels of a patch; four patches are one token, so a frame of 32 x 32 pixels is four tokens."""


def save_tiny_qwen(
    folder: str | Path,
    corpus: Iterable[str],
    *,
    hidden: int = 128,
    layers: int = 3,
    vision_hidden: int = 64,
    vision_layers: int = 2,
    vocabulary: int = 760,
    context: int = 4096,
    seed: int = 0,
) -> Path:
    """Save such a model, which `VideoLMM.load` takes.

    Args:
        folder: where it is saved; made if it is not there.
        corpus: texts that the vocabulary is learnt from.
        hidden: width of the language model; a multiple of 32.
        layers: its depth.
        vision_hidden: width of the vision tower; even.
        vision_layers: its depth.
        vocabulary: ids of the tokenizer, control tokens aside.
        context: most tokens of a conversation.
        seed: of the weights.

    Raises:
        ImportError: if trl is not there, whose copy of the released chat template is used.
    """
    import torch
    from transformers import Qwen3VLConfig, Qwen3VLForConditionalGeneration
    from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import Qwen2VLImageProcessorPil

    tokenizer = _tokenizer(corpus, vocabulary, context)
    id_of = tokenizer.convert_tokens_to_ids
    text = {
        "vocab_size": len(tokenizer),
        "hidden_size": hidden,
        "intermediate_size": 3 * hidden,
        "num_hidden_layers": layers,
        "num_attention_heads": hidden // 32,
        "num_key_value_heads": hidden // 32,
        "head_dim": 32,
        "max_position_embeddings": context,
        "rope_parameters": {
            "rope_type": "default",
            "rope_theta": 10000.0,
            "mrope_section": [6, 5, 5],
            "mrope_interleaved": True,
        },
        "tie_word_embeddings": True,
        "pad_token_id": tokenizer.pad_token_id,
        "initializer_range": hidden**-0.5,  # 0.02, as released, suits wide models: here attention would stay even
    }
    vision = {
        "depth": vision_layers,
        "hidden_size": vision_hidden,
        "intermediate_size": 3 * vision_hidden,
        "num_heads": 2,
        "patch_size": PATCH,
        "spatial_merge_size": 2,
        "temporal_patch_size": 2,
        "out_hidden_size": hidden,
        "num_position_embeddings": 64,
        "deepstack_visual_indexes": [0],
        "initializer_range": vision_hidden**-0.5,
    }
    torch.manual_seed(seed)
    model = Qwen3VLForConditionalGeneration(
        Qwen3VLConfig(
            text_config=text,
            vision_config=vision,
            image_token_id=id_of("<|image_pad|>"),
            video_token_id=id_of("<|video_pad|>"),
            vision_start_token_id=id_of("<|vision_start|>"),
            vision_end_token_id=id_of("<|vision_end|>"),
            tie_word_embeddings=True,
        )
    )
    model.generation_config.eos_token_id = tokenizer.eos_token_id
    model.generation_config.pad_token_id = tokenizer.pad_token_id
    images = Qwen2VLImageProcessorPil(
        patch_size=PATCH, merge_size=2, temporal_patch_size=2, size={"shortest_edge": 256, "longest_edge": 64 * 64}
    )
    place = Path(folder)
    place.mkdir(parents=True, exist_ok=True)
    for part in (model, tokenizer, images):
        part.save_pretrained(place)
    (place / "chat_template.jinja").write_text(_template(), encoding="utf-8")
    return place


def _tokenizer(corpus: Iterable[str], vocabulary: int, context: int) -> Any:
    """Byte pairs of the corpus; numbers stay whole, so that a clip's number is one id."""
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=False), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    made.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        special_tokens=list(CONTROL),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    made.train_from_iterator(corpus, trainer)
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=made, eos_token=END, pad_token=CONTROL[0], padding_side="left", model_max_length=context
    )
    tokenizer.add_tokens([AddedToken(tag, special=False, normalized=False) for tag in TAGS])
    return tokenizer


def _template() -> str:
    """TRL's copy of the released chat template."""
    import trl

    return (Path(trl.__file__).parent / "chat_templates" / "qwen3_vl.jinja").read_text(encoding="utf-8")
