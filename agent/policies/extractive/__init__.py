"""The policy that needs no weights."""

from .policy import ExtractivePolicy

__all__ = ["ExtractivePolicy"]
