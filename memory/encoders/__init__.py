"""Encoders: text and frames as unit vectors, with trained weights where they are here, and without any where not.

`text` and `visual` hold the interfaces and choose; `sentence_encoder`, `transformers_visual` and `onnx_visual` compute
trained weights, `hashed_text` and `colors` need none.
"""

from .onnx_export import export_visual
from .text import TextEncoder, text_encoder
from .visual import VisualEncoder, pool, visual_encoder

__all__ = ["TextEncoder", "VisualEncoder", "export_visual", "pool", "text_encoder", "visual_encoder"]
