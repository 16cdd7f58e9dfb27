"""Encoders: text and frames as unit vectors, with trained weights where they are here, and without any where not."""

from .onnx_export import export_visual
from .text import TextEncoder, text_encoder
from .visual import VisualEncoder, pool, visual_encoder

__all__ = ["TextEncoder", "VisualEncoder", "export_visual", "pool", "text_encoder", "visual_encoder"]
