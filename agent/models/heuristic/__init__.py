"""The policy without weights: retrieve, then read, with general means."""

from .current_state import sighting
from .policy import HeuristicPolicy
from .question_parser import ParsedQuestion, parse

__all__ = ["ParsedQuestion", "HeuristicPolicy", "parse", "sighting"]
