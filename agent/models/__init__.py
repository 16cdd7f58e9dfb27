"""Models on this disk by name: which kind one is, is looked up in its configuration."""

from .local import open_local
from .local_lm import LocalLM

__all__ = ["LocalLM", "open_local"]
