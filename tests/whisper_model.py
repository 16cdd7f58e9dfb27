"""A Whisper of the true architecture with random weights, converted by `ct2-transformers-converter` itself."""

from __future__ import annotations

import subprocess
import sys
from itertools import islice, product
from pathlib import Path

_WORDS = 50257
"""Words of the vocabulary before Whisper's own signs; an empty one is last, which makes it a multilingual one."""


def make_whisper(folder: Path, *, width: int = 32, layers: int = 1, seed: int = 0, spread: float = 0.3) -> Path:
    """Save one with transformers, and give the folder of the converted one.

    It writes words that hang on the sound, and they mean nothing.

    Args:
        folder: an empty folder.
        width: of a layer; a head is 16 wide.
        layers: of the encoder, and of the decoder.
        seed: of the weights.
        spread: of the weights; as far apart as this, it does not say one thing only.
    """
    import torch
    from transformers import GenerationConfig, WhisperConfig, WhisperFeatureExtractor, WhisperForConditionalGeneration

    folder.mkdir(parents=True, exist_ok=True)
    vocabulary, ids = _tokenizer(folder)
    torch.manual_seed(seed)
    config = WhisperConfig(
        vocab_size=vocabulary,
        d_model=width,
        encoder_layers=layers,
        decoder_layers=layers,
        encoder_attention_heads=width // 16,
        decoder_attention_heads=width // 16,
        encoder_ffn_dim=2 * width,
        decoder_ffn_dim=2 * width,
        bos_token_id=ids["endoftext"],
        eos_token_id=ids["endoftext"],
        pad_token_id=ids["endoftext"],
        decoder_start_token_id=ids["startoftranscript"],
        init_std=spread,
        suppress_tokens=[],
        begin_suppress_tokens=[],
    )
    network = WhisperForConditionalGeneration(config)
    network.generation_config = GenerationConfig(
        decoder_start_token_id=ids["startoftranscript"],
        eos_token_id=ids["endoftext"],
        pad_token_id=ids["endoftext"],
        no_timestamps_token_id=ids["notimestamps"],
        alignment_heads=[[0, head] for head in range(width // 16)],
        lang_to_id={f"<|{name}|>": ids[name] for name in languages()},
        max_length=448,
    )
    network.save_pretrained(folder)
    WhisperFeatureExtractor().save_pretrained(folder)
    converter = Path(sys.executable).with_name("ct2-transformers-converter")
    copied = ["tokenizer.json", "preprocessor_config.json"]
    command = [str(converter), "--model", str(folder), "--output_dir", str(folder / "converted"), "--copy_files"]
    subprocess.run([*command, *copied], check=True, capture_output=True)
    return folder / "converted"


def languages() -> list[str]:
    """Codes of the 99 languages of the multilingual Whisper, in the order of their signs."""
    from transformers.models.whisper.tokenization_whisper import LANGUAGES

    return list(LANGUAGES)[:99]


def _tokenizer(folder: Path) -> tuple[int, dict[str, int]]:
    """Save a tokenizer of bytes with Whisper's own signs; gives its size and the ids of the signs."""
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers
    from transformers import WhisperTokenizerFast

    names = ["endoftext", "startoftranscript", *languages()]
    names += "translate transcribe startoflm startofprev nospeech notimestamps".split()
    pieces = sorted(pre_tokenizers.ByteLevel.alphabet())
    syllables = [a + b for a in "bdfgklmnprst" for b in ("a", "e", "i", "o", "u", "an", "er")]
    words = ["\u0120" + "".join(parts) for parts in islice(product(syllables, repeat=3), _WORDS - len(pieces) - 1)]
    letters = {piece: number for number, piece in enumerate([*pieces, *words, ""])}
    tokenizer = Tokenizer(models.BPE(vocab=letters, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([f"<|{name}|>" for name in names])
    tokenizer.add_tokens([AddedToken(f"<|{number * 0.02:.2f}|>", special=False) for number in range(1501)])
    tokenizer.save(str(folder / "tokenizer.json"))
    end = dict.fromkeys((f"{kind}_token" for kind in ("bos", "eos", "unk", "pad")), "<|endoftext|>")
    WhisperTokenizerFast(tokenizer_file=str(folder / "tokenizer.json"), **end).save_pretrained(folder)
    return tokenizer.get_vocab_size(), {name: tokenizer.token_to_id(f"<|{name}|>") for name in names}
