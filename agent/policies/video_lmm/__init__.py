"""A local Video-LMM as a chat model."""

from .policy import OPTIONS, VideoLMM

__all__ = ["OPTIONS", "VideoLMM"]
