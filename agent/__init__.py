"""The loop: plan, policy, tools, check, answer."""

from .agent import VideoAgent
from .answer import Answer, Draft, Evidence
from .calibration import Calibration
from .conversation import Conversation, Exchange
from .policies import load_policy
from .question import QuestionError
from .routes import ROUTES
from .scaling import SCALINGS
from .trace import TraceError, read_trace

__all__ = [
    "ROUTES",
    "SCALINGS",
    "Answer",
    "Calibration",
    "Conversation",
    "Draft",
    "Evidence",
    "Exchange",
    "QuestionError",
    "TraceError",
    "VideoAgent",
    "load_policy",
    "read_trace",
]
