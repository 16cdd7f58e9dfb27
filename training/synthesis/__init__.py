"""Traces to learn from: by teachers (draft, refine, audit), by hindsight; as files of whole conversations."""

from .audit import Audit, AuditResult
from .conversations import (
    ConversationError,
    PreferencePair,
    read_conversations,
    read_preferences,
    write_conversations,
    write_preferences,
)
from .hindsight import hindsight, relabeled
from .rerun import rerun
from .synthesize import Report, SynthesisFolder, synthesize
from .teachers import Outcome, Teacher, Teachers

__all__ = [
    "Audit",
    "AuditResult",
    "ConversationError",
    "PreferencePair",
    "Outcome",
    "Report",
    "SynthesisFolder",
    "Teacher",
    "Teachers",
    "hindsight",
    "read_conversations",
    "read_preferences",
    "rerun",
    "relabeled",
    "synthesize",
    "write_conversations",
    "write_preferences",
]
