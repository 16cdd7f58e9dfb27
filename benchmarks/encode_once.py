"""The vision tower on 16 frames x 8 rollouts: each rollout's frames encoded, against each frame once a group.

Exits 1 unless encoding once is at least 2 times faster, with and without gradients.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import Any

import torch
import transformers
from rewatch.training.trainers.encode_once import EncodeOnce

FRAMES, ROLLOUTS, LEAST = 16, 8, 2.0


def model() -> Any:
    """A random Qwen3-VL of the size that the CPU example trains."""
    rope = {"rope_type": "default", "rope_theta": 1e4, "mrope_section": [6, 5, 5], "mrope_interleaved": True}
    text = {"vocab_size": 600, "hidden_size": 128, "intermediate_size": 384, "num_hidden_layers": 3, "head_dim": 32}
    heads = {"num_attention_heads": 4, "num_key_value_heads": 4, "rope_parameters": rope, "tie_word_embeddings": True}
    vision = {"depth": 2, "hidden_size": 64, "intermediate_size": 192, "num_heads": 2, "patch_size": 8}
    more = {"spatial_merge_size": 2, "out_hidden_size": 128, "num_position_embeddings": 64}
    config = transformers.Qwen3VLConfig(
        text_config={**text, **heads},
        vision_config={**vision, **more, "temporal_patch_size": 2, "deepstack_visual_indexes": [0]},
        image_token_id=5,
        video_token_id=6,
        vision_start_token_id=7,
        vision_end_token_id=8,
        tie_word_embeddings=True,
    )
    torch.manual_seed(0)
    return transformers.Qwen3VLForConditionalGeneration(config)


def cpu(work: Callable[[], Any], repeats: int = 5) -> float:
    """Least CPU seconds of several runs."""
    best = float("inf")
    for _ in range(repeats):
        began = time.process_time()
        work()
        best = min(best, time.process_time() - began)
    return best


def main() -> int:
    torch.set_num_threads(1)
    whole = model()
    tower = whole.base_model.visual
    pixels = torch.cat([torch.randn(256, 384) for _ in range(FRAMES)] * ROLLOUTS)  # 128 x 128 pixels a frame
    grids = torch.tensor([[1, 16, 16]] * (FRAMES * ROLLOUTS))

    def looked() -> None:
        with torch.no_grad():
            tower(pixels, grid_thw=grids, return_dict=True)

    def learned() -> None:
        whole.zero_grad()
        tower(pixels, grid_thw=grids, return_dict=True).pooler_output.sum().backward()

    each = cpu(looked), cpu(learned)
    once = EncodeOnce(whole, keep=0)
    grouped = cpu(looked), cpu(learned)
    once.remove()
    EncodeOnce(whole)
    kept = cpu(looked)
    ratios = [a / b for a, b in zip(each, grouped, strict=True)]
    print(f"a look: {each[0]:.3f} s per rollout, {grouped[0]:.3f} s once a group: {ratios[0]:.1f} times faster")
    print(f"with its gradient: {each[1]:.3f} s, {grouped[1]:.3f} s: {ratios[1]:.1f} times faster")
    print(f"a later turn, features kept: {kept:.3f} s: {each[0] / kept:.0f} times faster")
    return 0 if min(ratios) >= LEAST else 1


if __name__ == "__main__":
    sys.exit(main())
