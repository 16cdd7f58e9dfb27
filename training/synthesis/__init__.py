"""Traces to learn from: by teachers (draft, refine, audit), by hindsight; as files of whole conversations."""

from .audit import Audit, Audited
from .files import (
    ConversationError,
    Judgement,
    read_conversations,
    read_preferences,
    write_conversations,
    write_preferences,
)
from .folder import SynthesisFolder
from .hindsight import hindsight, relabelled
from .recite import recite
from .synthesise import Report, synthesise
from .teaching import Outcome, Teacher, Teaching

__all__ = [
    "Audit",
    "Audited",
    "ConversationError",
    "Judgement",
    "Outcome",
    "Report",
    "SynthesisFolder",
    "Teacher",
    "Teaching",
    "hindsight",
    "read_conversations",
    "read_preferences",
    "recite",
    "relabelled",
    "synthesise",
    "write_conversations",
    "write_preferences",
]
