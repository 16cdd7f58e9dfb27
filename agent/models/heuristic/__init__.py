"""The policy without weights: retrieve, then read, with general means."""

from .policy import HeuristicPolicy
from .question_parser import Ask, parse

__all__ = ["Ask", "HeuristicPolicy", "parse"]
