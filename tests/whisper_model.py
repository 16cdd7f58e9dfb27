"""A tiny Whisper of the true architecture, converted by `ct2-transformers-converter` itself.

It has random weights, or has learnt a few sentences by heart: then it says one of them to whatever it hears, which is
how large models behave in noise.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from itertools import islice, product
from pathlib import Path
from typing import Any

import numpy as np

_WORDS = 50257
"""Words of the vocabulary before Whisper's own signs; an empty one is last, which makes it a multilingual one."""


def make_whisper(
    folder: Path, *, width: int = 32, layers: int = 1, said: Sequence[tuple[np.ndarray, str]] = (), steps: int = 120
) -> Path:
    """Save one with transformers, and give the folder of the converted one.

    Args:
        folder: for both; made when it is not there.
        width: of a layer; a head is 16 wide.
        layers: of the encoder, and of the decoder.
        said: sound (mono, 16 kHz) and text to learn; without any, the weights stay random.
        steps: of learning.
    """
    import torch
    from transformers import GenerationConfig, WhisperConfig, WhisperFeatureExtractor, WhisperForConditionalGeneration

    folder.mkdir(parents=True, exist_ok=True)
    size, ids = _tokenizer(folder, [word for _, text in said for word in text.split()])
    torch.manual_seed(0)
    config = WhisperConfig(
        vocab_size=size,
        d_model=width,
        encoder_layers=layers,
        decoder_layers=layers,
        encoder_attention_heads=width // 16,
        decoder_attention_heads=width // 16,
        encoder_ffn_dim=2 * width,
        decoder_ffn_dim=2 * width,
        bos_token_id=ids["<|endoftext|>"],
        eos_token_id=ids["<|endoftext|>"],
        pad_token_id=ids["<|endoftext|>"],
        decoder_start_token_id=ids["<|startoftranscript|>"],
        suppress_tokens=[],
        begin_suppress_tokens=[],
    )
    network = WhisperForConditionalGeneration(config)
    hearing = WhisperFeatureExtractor()
    if said:
        _learn(network, hearing, ids, said, steps)
    network.generation_config = GenerationConfig(
        decoder_start_token_id=ids["<|startoftranscript|>"],
        eos_token_id=ids["<|endoftext|>"],
        pad_token_id=ids["<|endoftext|>"],
        no_timestamps_token_id=ids["<|notimestamps|>"],
        alignment_heads=[[0, head] for head in range(width // 16)],
        lang_to_id={f"<|{name}|>": ids[f"<|{name}|>"] for name in languages()},
        max_length=448,
    )
    network.save_pretrained(folder)
    hearing.save_pretrained(folder)
    converter = Path(sys.executable).with_name("ct2-transformers-converter")
    copied = ["tokenizer.json", "preprocessor_config.json"]
    command = [str(converter), "--model", str(folder), "--output_dir", str(folder / "converted"), "--copy_files"]
    subprocess.run([*command, *copied], check=True, capture_output=True)
    return folder / "converted"


def languages() -> list[str]:
    """Codes of the 99 languages of the multilingual Whisper, in the order of their signs."""
    from transformers.models.whisper.tokenization_whisper import LANGUAGES

    return list(LANGUAGES)[:99]


def _learn(network: Any, hearing: Any, ids: dict[str, int], said: Sequence[tuple[np.ndarray, str]], steps: int) -> None:
    """Overfit: each sentence as Whisper writes it, between the times at which it begins and ends."""
    import torch

    rows = []
    for samples, text in said:
        ends = f"<|{round(len(samples) / 16000 / 0.02) * 0.02:.2f}|>"
        signs = ["<|startoftranscript|>", "<|en|>", "<|transcribe|>", "<|0.00|>", *(f"\u0120{w}" for w in text.split())]
        rows.append([ids[sign] for sign in [*signs, ends, "<|endoftext|>"]])
    longest = max(map(len, rows))
    tokens = torch.tensor([row + [row[-1]] * (longest - len(row)) for row in rows])
    sound = hearing([samples for samples, _ in said], sampling_rate=16000, return_tensors="pt").input_features
    # Nothing is said before the first word: what the model thinks of an empty window is left to the loss of the others.
    optimiser = torch.optim.AdamW(network.parameters(), lr=5e-3, weight_decay=0.0)
    network.train()
    for _ in range(steps):
        loss = network(input_features=sound, decoder_input_ids=tokens[:, :-1], labels=tokens[:, 1:]).loss
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    network.eval()


def _tokenizer(folder: Path, known: Sequence[str]) -> tuple[int, dict[str, int]]:
    """Save a tokenizer of bytes, words and Whisper's own signs; gives its size and the id of each."""
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers
    from transformers import WhisperTokenizerFast

    names = ["endoftext", "startoftranscript", *languages()]
    names += "translate transcribe startoflm startofprev nospeech notimestamps".split()
    syllables = [a + b for a in "bdfgklmnprst" for b in ("a", "e", "i", "o", "u", "an", "er")]
    pieces = [*sorted(pre_tokenizers.ByteLevel.alphabet()), *dict.fromkeys(f"\u0120{word}" for word in known)]
    words = ["\u0120" + "".join(parts) for parts in islice(product(syllables, repeat=3), _WORDS - len(pieces) - 1)]
    tokenizer = Tokenizer(models.BPE(vocab={p: number for number, p in enumerate([*pieces, *words, ""])}, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([f"<|{name}|>" for name in names])
    tokenizer.add_tokens([AddedToken(f"<|{number * 0.02:.2f}|>", special=False) for number in range(1501)])
    tokenizer.save(str(folder / "tokenizer.json"))
    end = dict.fromkeys((f"{kind}_token" for kind in ("bos", "eos", "unk", "pad")), "<|endoftext|>")
    WhisperTokenizerFast(tokenizer_file=str(folder / "tokenizer.json"), **end).save_pretrained(folder)
    return tokenizer.get_vocab_size(), tokenizer.get_vocab()
