"""The loop: plan, policy, tools, check, answer.

`agent` is the public face, `graph` the loop, `runner` drives it, `steps` replays strategies, `trace` and `replay`
record a run and derive it again. Folders: `models` (policies), `parsing`, `tool_formats`, `questions`, `strategies`,
`test_time_scaling`, `checkpoints` and `report`.
"""

from .agent import VideoAgent
from .answer import Answer, Draft, Evidence
from .models.registry import load_policy
from .questions.conversation import Conversation
from .questions.history import Exchange
from .questions.question import QuestionError
from .strategies import ROUTES
from .test_time_scaling import SCALINGS
from .test_time_scaling.calibration import Calibration
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
