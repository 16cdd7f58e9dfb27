"""Traces to learn from: by teachers (draft, refine, audit), by hindsight; as files of whole conversations."""

from .audit import Audit, Audited
from .files import (
    ConversationError,
    Judgment,
    read_conversations,
    read_preferences,
    write_conversations,
    write_preferences,
)
from .hindsight import hindsight, relabeled
from .rerun import rerun
from .synthesize import Report, SynthesisFolder, synthesize
from .teaching import Outcome, Teacher, Teaching

__all__ = [
    "Audit",
    "Audited",
    "ConversationError",
    "Judgment",
    "Outcome",
    "Report",
    "SynthesisFolder",
    "Teacher",
    "Teaching",
    "hindsight",
    "read_conversations",
    "read_preferences",
    "rerun",
    "relabeled",
    "synthesize",
    "write_conversations",
    "write_preferences",
]
