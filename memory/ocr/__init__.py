"""Text on screen as people read it: lines that stand together are blocks, with a place, a size and a span of time."""

from .blocks import Block, blocks_of, compose, line_readings
from .layout import arrange, place, size
from .rows import Joiner, blocks, new_rows

__all__ = [
    "Block",
    "Joiner",
    "arrange",
    "blocks",
    "blocks_of",
    "compose",
    "line_readings",
    "new_rows",
    "place",
    "size",
]
