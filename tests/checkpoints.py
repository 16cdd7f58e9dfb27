"""Tiny checkpoints of the true architectures, saved to disk: BERT, CLIP, SigLIP, SigLIP2."""

from __future__ import annotations

import json
import string
from pathlib import Path
from typing import Any

import numpy as np

FAMILIES = ("clip", "siglip", "siglip2")

COLORS = {"red": (220, 30, 30), "green": (30, 160, 40), "blue": (30, 60, 220), "yellow": (230, 220, 40)}
PATCH, SIDE = 8, 32


def colored(name: str, size: tuple[int, int] = (48, 64), seed: int = 0) -> np.ndarray:
    """A noisy picture [H, W, 3] uint8 of one colour."""
    noise = np.random.default_rng(seed).normal(0, 12, (*size, 3))
    return (np.array(COLORS[name]) + noise).clip(0, 255).astype(np.uint8)


def save_bert(folder: Path, *, pooling: str | None = None, max_tokens: int | None = None, seed: int = 0) -> Path:
    """A sentence encoder; with `pooling` (such as "cls") it has the files of sentence-transformers."""
    import torch
    from transformers import BertConfig, BertModel, BertTokenizer

    torch.manual_seed(seed)
    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *string.ascii_lowercase]
    vocabulary += ["##" + letter for letter in string.ascii_lowercase]
    tokenizer = BertTokenizer(vocab={token: index for index, token in enumerate(vocabulary)})
    tokenizer.save_pretrained(folder)
    config = BertConfig(
        vocab_size=len(vocabulary),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=64,
    )
    BertModel(config).save_pretrained(folder)
    if pooling is not None:
        module = "sentence_transformers.models."
        modules = [
            {"idx": 0, "name": "0", "path": "", "type": module + "Transformer"},
            {"idx": 1, "name": "1", "path": "1_Pooling", "type": module + "Pooling"},
        ]
        (folder / "1_Pooling").mkdir()
        settings = {"word_embedding_dimension": 32, f"pooling_mode_{pooling}_token{'s' * (pooling != 'cls')}": True}
        write_json(folder / "1_Pooling" / "config.json", settings)
        write_json(folder / "modules.json", modules)
    if max_tokens is not None:
        write_json(folder / "sentence_bert_config.json", {"max_seq_length": max_tokens, "do_lower_case": False})
    return folder


def save_visual(folder: Path, family: str, *, steps: int = 0, seed: int = 0) -> Path:
    """A `clip`, `siglip` or `siglip2` checkpoint, trained for `steps` to tell four colours apart by their names."""
    import torch
    from transformers import CLIPModel, Siglip2Model, SiglipModel

    torch.manual_seed(seed)
    model: Any
    if family == "clip":
        tokenizer, images, model = _clip_tokenizer(), _clip_images(), CLIPModel(_clip_config())
    else:
        tokenizer = _gemma_tokenizer()
        images, config = _siglip_parts(family)
        model = (Siglip2Model if family == "siglip2" else SiglipModel)(config)
    # As the hub has them: the padding is not stored in the tokenizer.
    tokenizer.save_pretrained(folder)
    images.save_pretrained(folder)
    _train(model, family, tokenizer, images, steps)
    model.save_pretrained(folder)
    return folder


def _train(model: Any, family: str, tokenizer: Any, images: Any, steps: int) -> None:
    """Contrastive steps on the inputs that the family's own documentation prescribes."""
    import torch

    optimiser = torch.optim.AdamW(model.parameters(), lr=3e-3)
    names = list(COLORS)
    texts = [f"a {name} picture" for name in names]
    padding = {"padding": True} if family == "clip" else {"padding": "max_length", "padding_side": "right"}
    tokens = tokenizer(texts, max_length=32, truncation=True, return_tensors="pt", **padding)
    if family != "clip":
        tokens.pop("attention_mask", None)
    model.train()
    for step in range(steps):
        batch = images(images=[colored(name, seed=step) for name in names], return_tensors="pt")
        logits = model(**tokens, **batch).logits_per_image  # [4, 4]
        loss = torch.nn.functional.cross_entropy(logits, torch.arange(len(names)))
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    model.eval()


def _clip_tokenizer() -> Any:
    from transformers import CLIPTokenizer

    tokens = [*string.ascii_lowercase, *(letter + "</w>" for letter in string.ascii_lowercase)]
    vocabulary = {token: index for index, token in enumerate([*tokens, "<|startoftext|>", "<|endoftext|>"])}
    return CLIPTokenizer(vocab=vocabulary, merges=[])


def _clip_images() -> Any:
    from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil

    return CLIPImageProcessorPil(size={"shortest_edge": SIDE}, crop_size={"height": SIDE, "width": SIDE})


def _clip_config() -> Any:
    from transformers import CLIPConfig

    layers = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2}
    text = {**layers, "vocab_size": 54, "max_position_embeddings": 32, "bos_token_id": 52, "eos_token_id": 53}
    vision = {**layers, "image_size": SIDE, "patch_size": PATCH}
    return CLIPConfig(text_config=text, vision_config=vision, projection_dim=24)


def _gemma_tokenizer() -> Any:
    from transformers import Siglip2Tokenizer

    special = ["<pad>", "<eos>", "<bos>", "<unk>", "<mask>"]
    tokens = [*special, *(f"<0x{byte:02X}>" for byte in range(256)), *string.ascii_lowercase, "▁"]
    return Siglip2Tokenizer(vocab={token: index for index, token in enumerate(tokens)}, merges=[])


def _siglip_parts(family: str) -> tuple[Any, Any]:
    from transformers import Siglip2Config, SiglipConfig
    from transformers.models.siglip.image_processing_pil_siglip import SiglipImageProcessorPil
    from transformers.models.siglip2.image_processing_pil_siglip2 import Siglip2ImageProcessorPil

    layers = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2}
    text = {**layers, "vocab_size": 288, "max_position_embeddings": 32, "projection_size": 32}
    text |= {"pad_token_id": 0, "bos_token_id": 2, "eos_token_id": 1}
    if family == "siglip2":
        vision = {**layers, "patch_size": PATCH, "num_patches": 16}
        images = Siglip2ImageProcessorPil(patch_size=PATCH, max_num_patches=16)
        return images, Siglip2Config(text_config=text, vision_config=vision)
    images = SiglipImageProcessorPil(size={"height": SIDE, "width": SIDE})
    return images, SiglipConfig(text_config=text, vision_config={**layers, "patch_size": PATCH, "image_size": SIDE})


def write_json(path: Path, content: Any) -> None:
    path.write_text(json.dumps(content), encoding="utf-8")
