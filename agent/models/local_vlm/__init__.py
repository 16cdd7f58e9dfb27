"""A model on this disk as a chat model: a Video-LMM, or what shares its engine."""

from .policy import OPTIONS, LocalPolicy, VideoLMM

__all__ = ["OPTIONS", "LocalPolicy", "VideoLMM"]
