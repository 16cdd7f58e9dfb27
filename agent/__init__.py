"""The loop: plan, policy, tools, check, answer."""

from .agent import QuestionError, VideoAgent
from .answer import Answer, Draft, Evidence
from .trace import TraceError, read_trace

__all__ = ["Answer", "Draft", "Evidence", "QuestionError", "TraceError", "VideoAgent", "read_trace"]
