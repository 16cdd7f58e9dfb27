"""The loop: plan, policy, tools, check, answer."""

from .agent import VideoAgent
from .answer import Answer, Draft, Evidence
from .calibration import Calibration
from .policies import load_policy
from .routes import ROUTES
from .runs import QuestionError
from .scaling import SCALINGS
from .trace import TraceError, read_trace

__all__ = [
    "ROUTES",
    "SCALINGS",
    "Answer",
    "Calibration",
    "Draft",
    "Evidence",
    "QuestionError",
    "TraceError",
    "VideoAgent",
    "load_policy",
    "read_trace",
]
