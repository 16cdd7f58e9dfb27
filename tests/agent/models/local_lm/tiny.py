"""Tiny randomly initialised language models of the released architectures, as folders and as GGUF files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ..local_vlm.tiny import TAGS, small_tokenizer

SMOL = (
    "{% for message in messages %}{% if loop.first and messages[0]['role'] != 'system' %}"
    "{{ '<|im_start|>system\nYou help.<|im_end|>\n' }}{% endif %}"
    "{{'<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n'}}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
"""As SmolLM2's: texts are added up, any role is written as it is, and there are no tools."""
CHATML = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
GEMMA = ["<pad>", "<eos>", "<bos>", "<start_of_turn>", "<end_of_turn>"]
SIZES = {
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "num_key_value_heads": 1,
    "max_position_embeddings": 8192,
}
FAMILIES = ("llama", "qwen2", "gemma3_text", "bloom")
"""One whose template knows no tools, one whose does, one that refuses a system role and looks back over a window only,
and one whose positions are none that could be handed over."""


def template(family: str) -> str:
    """The released chat template, by TRL's copy where there is one."""
    import trl

    files = {"qwen2": "qwen2_5.jinja", "gemma3_text": "gemma3.jinja"}
    if family not in files:
        return SMOL
    return (Path(trl.__file__).parent / "chat_templates" / files[family]).read_text(encoding="utf-8")


def save_lm(folder: Path, family: str) -> Path:
    """A model of some ten thousand parameters with a vocabulary of some hundred ids."""
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    gemma = family == "gemma3_text"
    tokenizer = small_tokenizer(GEMMA, [], "<eos>") if gemma else small_tokenizer(CHATML, TAGS, "<|im_end|>")
    if gemma:
        tokenizer.bos_token = "<bos>"
    tokenizer.chat_template = template(family)
    more: dict[str, Any] = {
        "head_dim": 16,
        "sliding_window": 24,
        "layer_types": ["sliding_attention", "full_attention"],
    }
    sizes = (
        {"hidden_size": 32, "n_layer": 2, "n_head": 2} if family == "bloom" else {**SIZES, **(more if gemma else {})}
    )
    config = AutoConfig.for_model(
        family,
        vocab_size=len(tokenizer) if family == "llama" else len(tokenizer) + 13,
        pad_token_id=0,
        bos_token_id=None,
        eos_token_id=tokenizer.eos_token_id,
        tie_word_embeddings=True,
        **sizes,
    )
    torch.manual_seed(0)
    model = AutoModelForCausalLM.from_config(config)
    with torch.no_grad():
        for weight in model.parameters():
            if weight.ndim >= 2:
                weight.mul_(2.0)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def write_gguf(
    folder: Path, file: Path, *, architecture: str = "llama", chat_template: bool = True, missing: str = ""
) -> Path:
    """The llama of `save_lm` as llama.cpp stores it, in 32 bits."""
    import gguf
    from transformers import AutoModelForCausalLM, AutoTokenizer

    model, tokenizer = AutoModelForCausalLM.from_pretrained(folder), AutoTokenizer.from_pretrained(folder)
    config = model.config
    out = gguf.GGUFWriter(file, architecture)
    out.add_name("tiny")
    out.add_context_length(config.max_position_embeddings)
    out.add_embedding_length(config.hidden_size)
    out.add_block_count(config.num_hidden_layers)
    out.add_feed_forward_length(config.intermediate_size)
    out.add_head_count(config.num_attention_heads)
    out.add_head_count_kv(config.num_key_value_heads)
    out.add_rope_dimension_count(config.head_dim)
    out.add_rope_freq_base(config.rope_parameters["rope_theta"])
    out.add_layer_norm_rms_eps(config.rms_norm_eps)
    out.add_vocab_size(config.vocab_size)
    _add_vocabulary(out, tokenizer, chat_template)
    names = gguf.get_tensor_name_map(gguf.MODEL_ARCH.LLAMA, config.num_hidden_layers)
    for name, weight in model.named_parameters():
        data = weight.detach().numpy()
        if "q_proj" in name or "k_proj" in name:  # llama.cpp keeps the two halves of a rotation side by side
            heads = config.num_attention_heads if "q_proj" in name else config.num_key_value_heads
            data = data.reshape(heads, 2, -1, data.shape[1]).swapaxes(1, 2).reshape(data.shape)
        if name != missing:
            out.add_tensor(names.get_name(name, (".weight",)), data.copy())
    out.write_header_to_file()
    out.write_kv_data_to_file()
    out.write_tensors_to_file()
    out.close()
    return file


def _add_vocabulary(out: Any, tokenizer: Any, chat_template: bool) -> None:
    import json

    from gguf import TokenType

    stored = json.loads(tokenizer.backend_tokenizer.to_str())
    added = {row["id"]: row["special"] for row in stored["added_tokens"]}
    words = tokenizer.convert_ids_to_tokens(range(len(tokenizer)))
    kinds = {True: TokenType.CONTROL, False: TokenType.USER_DEFINED, None: TokenType.NORMAL}
    merges = [" ".join(merge) if isinstance(merge, list) else merge for merge in stored["model"]["merges"]]
    out.add_tokenizer_model("gpt2")
    out.add_tokenizer_pre("gpt-2")
    out.add_token_list(words)
    out.add_token_types([kinds[added.get(i)] for i in range(len(words))])
    out.add_token_merges(merges)
    out.add_eos_token_id(tokenizer.eos_token_id)
    out.add_pad_token_id(tokenizer.pad_token_id)
    out.add_add_bos_token(False)
    if chat_template:
        out.add_chat_template(tokenizer.chat_template)
