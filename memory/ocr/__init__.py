"""Text on screen as people read it: lines that stand together are blocks, with a place, a size and a span of time."""

from .blocks import Block, blocks_of, compose, line_readings
from .layout import arrange, place, size
from .rows import blocks, is_block, new_rows

__all__ = [
    "Block",
    "arrange",
    "blocks",
    "blocks_of",
    "compose",
    "is_block",
    "line_readings",
    "new_rows",
    "place",
    "size",
]
