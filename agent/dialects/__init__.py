"""How checkpoints trained elsewhere see tools, call them and answer, by name."""

from .dialect import Dialect, Said

__all__ = ["Dialect", "Said"]
